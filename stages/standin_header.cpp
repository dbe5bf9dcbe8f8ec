#include "stages/standin_header.hpp"

#include "decoders/scale.hpp"

#include <algorithm>

namespace stages {

namespace {

using decoders::Cursor;

pipeline::Hash take_hash(Cursor& cursor) {
    pipeline::Hash hash{};
    std::ranges::copy(cursor.bytes(hash.size()), hash.begin());
    return hash;
}

// One DigestItem: a tag, an engine id where the kind has one, a byte vector where it has one.
void skip_log(Cursor& cursor) {
    enum : std::uint8_t { other = 0, consensus = 4, seal = 5, pre_runtime = 6, code_changed = 8 };
    std::size_t const at = cursor.position();
    switch (std::uint8_t const tag = cursor.u8()) {
    case consensus:
    case seal:
    case pre_runtime: cursor.skip(4); [[fallthrough]];
    case other: cursor.skip(cursor.compact_u32()); break;
    case code_changed: break;
    default: cursor.fail(decoders::Code::bad_variant, at, tag);
    }
}

} // namespace

std::optional<decoders::HeaderParts> decode_header(pipeline::Bytes header) {
    Cursor cursor(header);
    decoders::HeaderParts parts;
    parts.parent = take_hash(cursor);
    parts.number = cursor.compact_u32();
    parts.state_root = take_hash(cursor);
    parts.extrinsics_root = take_hash(cursor);
    std::uint32_t const logs = cursor.count(1);
    for (std::uint32_t i = 0; i < logs && cursor.ok(); ++i) {
        std::size_t const begin = cursor.position();
        skip_log(cursor);
        if (!cursor.ok()) break;
        auto const log = header.subspan(begin, cursor.position() - begin);
        parts.logs.emplace_back(log.begin(), log.end());
    }
    if (!cursor.ok() || cursor.remaining() != 0) return std::nullopt;
    return parts;
}

std::string header_text(pipeline::Bytes header) {
    auto const parts = decode_header(header);
    return parts ? decoders::header_json(*parts) : "null";
}

} // namespace stages
