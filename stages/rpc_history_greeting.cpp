// Before the first block, and between two runtimes: which chain this is, how far it is, metadata.
#include "stages/rpc_history.hpp"

#include "decoders/hex.hpp"
#include "stages/rpc_requests.hpp"
#include "stages/state_values.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::size_t metadata_versions_max = 64;

std::string archive_call_params(Hash const& state, std::string_view function,
                                std::string_view argument) {
    return fmt::format(R"({},"{}","{}")", hash_param(state), function, argument);
}

} // namespace

void RpcHistory::greet(Nanoseconds now) {
    dialect_ = Dialect::at_once;
    set_state(SourceState::greeting, now);
    ask({.ask = HistoryAsk::genesis}, "0", now);
}

void RpcHistory::on_genesis(decoders::Envelope const& reply, bool archive, Nanoseconds now) {
    auto const hash = decoders::parse_hash(reply.text);
    if (!hash) return malformed("a genesis hash", hash.error());
    if (genesis_ && *genesis_ != *hash) {
        needs_.metrics.add(HistoryMetric::wrong_genesis);
        return fault(fmt::format("this endpoint serves another chain: its genesis is {}, not {}. "
                                 "Correct `endpoints` of chain {}",
                                 decoders::hex_text(*hash), decoders::hex_text(*genesis_),
                                 options_.name),
                     Aside::wrong_chain);
    }
    genesis_ = *hash;
    if (archive) dialect_ = Dialect::archive;
    ask_finalized(now);
}

void RpcHistory::ask_finalized(Nanoseconds now) {
    finalized_asked_ = now;
    bool const archive = dialect_ == Dialect::archive;
    ask({.ask = archive ? HistoryAsk::archive_height : HistoryAsk::finalized_hash}, "", now);
}

void RpcHistory::on_finalized(std::uint32_t height, Nanoseconds now) {
    if (state_ != SourceState::greeting) return backfill_.finalized(height);
    backfill_.connected(height);
    extend_again(height, now);
    if (dialect_ == Dialect::archive) backfill_.no_lists();
    endpoints_.serving(endpoint_, now);
    set_state(SourceState::following, now);
}

// ---- runtimes ----------------------------------------------------------------------------------

bool RpcHistory::runtime_sent(std::uint32_t spec_version) const {
    return std::ranges::find(sent_, spec_version) != sent_.end();
}

// `state` is that of a parent: it holds exactly the code that executed the block.
void RpcHistory::fetch_runtime(Hash const& state, std::uint32_t spec_version, Nanoseconds now) {
    if (now < fetch_at_) {
        wake_at_ = std::min(wake_at_, fetch_at_);
        return;
    }
    fetching_ = {.spec_version = spec_version, .bytes = {}};
    constexpr std::string_view function = "Metadata_metadata_versions";
    if (dialect_ == Dialect::archive)
        ask({.ask = HistoryAsk::archive_metadata_versions, .number = spec_version, .hash = state},
            archive_call_params(state, function, "0x"), now);
    else
        ask({.ask = HistoryAsk::metadata_versions, .number = spec_version, .hash = state},
            call_params(function, "0x", state), now);
}

// The hex text a runtime's function returned; empty where there is none.
std::string_view RpcHistory::call_value(HistoryQuestion const& question,
                                        decoders::Envelope const& reply) {
    bool const archive = question.ask == HistoryAsk::archive_metadata_versions ||
                         question.ask == HistoryAsk::archive_metadata_at_version ||
                         question.ask == HistoryAsk::archive_block_version;
    if (!archive) return reply.form == decoders::Form::string ? reply.text : std::string_view{};
    auto const value = json_.member("value"); // absent where "success" is false
    return value && value->form == decoders::Form::string ? value->text : std::string_view{};
}

void RpcHistory::on_metadata_versions(HistoryQuestion const& question, std::string_view hex,
                                      Nanoseconds now) {
    std::uint8_t bytes[8 + 4 * metadata_versions_max];
    auto const size = decoders::hex_decode(hex, bytes);
    std::uint32_t const version = size ? choose_metadata_version({bytes, *size}) : 0;
    bool const archive = question.ask == HistoryAsk::archive_metadata_versions;
    std::string const argument = fmt::format("0x{:02x}000000", version); // u32, little-endian
    std::string_view function = "Metadata_metadata_at_version";
    if (archive) {
        // Runtimes without the versioned API have metadata without an argument.
        if (version == 0) function = "Metadata_metadata";
        ask({.ask = HistoryAsk::archive_metadata_at_version,
             .number = question.number,
             .hash = question.hash},
            archive_call_params(question.hash, function, version == 0 ? "0x" : argument), now);
    } else if (version == 0) {
        ask({.ask = HistoryAsk::metadata, .number = question.number, .hash = question.hash},
            hash_param(question.hash), now);
    } else {
        ask({.ask = HistoryAsk::metadata_at_version,
             .number = question.number,
             .hash = question.hash},
            call_params(function, argument, question.hash), now);
    }
}

void RpcHistory::on_metadata(HistoryQuestion const& question, std::string_view hex,
                             Nanoseconds now) {
    if (fetching_.spec_version != question.number) return; // nobody waits for it
    if (hex.size() <= 4) {
        if (question.ask != HistoryAsk::metadata_at_version)
            return fault(fmt::format("the node gives no metadata of runtime {}", question.number));
        return ask({.ask = HistoryAsk::metadata, .number = question.number, .hash = question.hash},
                   hash_param(question.hash), now);
    }
    if (hex.size() / 2 > frames_.link().arena().largest())
        return fault(fmt::format("its metadata of {} bytes is larger than the {} this service "
                                 "takes",
                                 hex.size() / 2, frames_.link().arena().largest()));
    fetching_.bytes.resize(hex.size() / 2);
    auto const size = decoders::hex_decode(hex, fetching_.bytes);
    if (!size) return malformed("metadata", size.error());
    fetching_.bytes.resize(*size);
    std::size_t const skip = metadata_offset(fetching_.bytes);
    if (skip < *size)
        fetching_.bytes.erase(fetching_.bytes.begin(),
                              fetching_.bytes.begin() + static_cast<std::ptrdiff_t>(skip));
}

} // namespace stages
