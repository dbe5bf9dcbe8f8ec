#include "config/recorder.hpp"

#include "decoders/scale.hpp"

#include <fmt/format.h>

namespace config {

namespace {
using Failure = std::unexpected<std::string>;
using Done = std::expected<void, std::string>;

std::vector<std::uint8_t> copy_of(pipeline::Bytes bytes) { return {bytes.begin(), bytes.end()}; }
} // namespace

std::optional<std::vector<std::vector<std::uint8_t>>> split_body(pipeline::Bytes body) {
    std::vector<std::vector<std::uint8_t>> all;
    while (!body.empty()) {
        decoders::Cursor cursor(body);
        cursor.skip(cursor.compact_u32());
        if (!cursor.ok()) return std::nullopt;
        all.push_back(copy_of(body.first(cursor.position())));
        body = body.subspan(cursor.position());
    }
    return all;
}

Done Recorder::append(io::CaptureRecord const& record) {
    auto const done = writer_.append(record);
    return done ? Done() : Failure(done.error().text);
}

Done Recorder::begin(io::CaptureChain const& chain) { return append(chain); }

Done Recorder::finish() {
    auto const done = writer_.sync();
    return done ? Done() : Failure(done.error().text);
}

Done Recorder::take(stages::Frame const& frame, pipeline::Bytes payload) {
    if (auto const* runtime = std::get_if<stages::RuntimeBytes>(&frame.body)) {
        if (!written_.contains(runtime->spec_version))
            metadata_[runtime->spec_version] = copy_of(payload);
    } else if (auto const* block = std::get_if<stages::BlockBytes>(&frame.body)) {
        keep(*block, payload);
    } else if (auto const* final = std::get_if<stages::Finalized>(&frame.body)) {
        return close(*final);
    } else if (auto const* missing = std::get_if<stages::Missing>(&frame.body)) {
        counts_.missing += std::uint64_t{missing->to} - missing->from + 1;
        counts_.newest = missing->to;
    }
    return {};
}

void Recorder::keep(stages::BlockBytes const& block, pipeline::Bytes payload) {
    io::CaptureBlock& made = open_.emplace();
    made.number = block.block.number;
    made.hash = block.block.hash;
    made.timestamp_ms = block.block.timestamp_ms;
    made.spec_version = block.spec_version;
    made.events = copy_of(payload.first(payload.size() - block.body_bytes));
    auto body = split_body(payload.last(block.body_bytes));
    counts_.without_body += !body || body->empty();
    if (body) made.extrinsics = std::move(*body);
}

Done Recorder::close(stages::Finalized const& final) {
    if (!open_ || open_->hash != final.hash) return {};
    io::CaptureBlock block = std::move(*open_);
    open_.reset();
    block.parent = final.parent;
    std::uint32_t const spec = block.spec_version;
    if (auto const metadata = metadata_.find(spec); metadata != metadata_.end()) {
        // The runtime that executes a block is the one in the state before it.
        std::string version = ask_.version(block.number == 0 ? block.hash : block.parent, spec);
        if (version.empty()) version = fmt::format(R"({{"specVersion":{}}})", spec);
        if (auto const done =
                append(io::CaptureRuntime{spec, std::move(version), std::move(metadata->second)});
            !done)
            return done;
        metadata_.erase(metadata);
        written_.insert(spec);
    }
    block.header = ask_.header(block.hash);
    counts_.without_header += block.header.empty();
    if (!std::exchange(assets_known_, true)) block.storage = ask_.assets(block.hash);
    if (auto const done = append(block); !done) return done;
    if (auto const done = append(io::CaptureFinalized{block.hash}); !done) return done;
    ++counts_.blocks;
    counts_.newest = static_cast<std::uint32_t>(block.number);
    return {};
}

} // namespace config
