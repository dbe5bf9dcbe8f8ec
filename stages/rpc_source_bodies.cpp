// Bodies of blocks, for chains whose transfers are attributed to their extrinsics: asked for with
// the events, and the block is told when both are here. A node that does not show a body costs the
// attribution, never the block.
#include "stages/rpc_source.hpp"

#include "decoders/hex.hpp"

#include <fmt/format.h>

namespace stages {

void RpcSource::ask_body(Hash const& block, Nanoseconds now) {
    if (!options_.attribute || bodies_.state(block) != Bodies::State::unknown) return;
    bodies_.asked(block);
    ask({.ask = Ask::body, .hash = block},
        api_ == Api::legacy ? hash_param(block) : follow_params(block), now);
}

RpcSource::Outcome RpcSource::on_body(Question const& question, decoders::Envelope const& reply) {
    std::vector<std::uint8_t> bytes;
    std::string trouble;
    if (reply.form == decoders::Form::null) trouble = "the node does not have it";
    auto const take = [&](std::size_t, std::string_view text) {
        if (!trouble.empty()) return;
        std::size_t const before = bytes.size();
        if (before + text.size() / 2 > Bodies::bytes_max) {
            trouble = fmt::format("it is larger than {} MiB", Bodies::bytes_max >> 20);
            return;
        }
        bytes.resize(before + text.size() / 2);
        auto const size = decoders::hex_decode(text, std::span(bytes).subspan(before));
        if (!size) trouble = decoders::describe(size.error());
        bytes.resize(before + size.value_or(0));
    };
    if (trouble.empty()) {
        std::optional<decoders::Error> bad;
        if (question.api == Api::chain_head) {
            if (auto const list = json_.strings("value", take); !list) bad = list.error();
        } else if (auto const block = json_.block(take); !block) {
            bad = block.error();
        }
        if (bad) trouble = decoders::describe(*bad);
    }
    if (!trouble.empty()) {
        bytes.clear();
        body_missing(question, trouble);
    }
    bodies_.put(question.hash, std::move(bytes));
    return Outcome::done;
}

void RpcSource::body_missing(Question const& question, std::string_view why) {
    needs_.metrics.add(SourceMetric::bodies_missing);
    needs_.log.write(pipeline::Level::warning, "source",
                     fmt::format("{}: no body of block {}: {}. Its alerts go out without their "
                                 "extrinsics.",
                                 place(), decoders::hex_text(question.hash), why));
    bodies_.put(question.hash, {});
}

} // namespace stages
