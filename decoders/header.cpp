#include "decoders/header.hpp"

#include "decoders/hash.hpp"
#include "decoders/hex.hpp"
#include "decoders/jsonrpc_impl.hpp"
#include "decoders/samples.hpp"
#include "decoders/scale.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fmt/format.h>

namespace decoders {
namespace {

// parent ++ compact number ++ state root ++ extrinsics root ++ compact count of logs: at most this
// long.
constexpr std::size_t front_bytes = 32 + 5 + 32 + 32 + 5;

std::vector<std::uint8_t> encode_front(HeaderParts const& parts, std::size_t logs) {
    std::vector<std::uint8_t> out(parts.parent.begin(), parts.parent.end());
    append_compact(parts.number, out);
    out.insert(out.end(), parts.state_root.begin(), parts.state_root.end());
    out.insert(out.end(), parts.extrinsics_root.begin(), parts.extrinsics_root.end());
    append_compact(logs, out);
    return out;
}

// The same without allocating, ending at `end`; returns where it begins.
std::uint8_t* write_compact_backwards(std::uint32_t value, std::uint8_t* end) {
    std::uint64_t raw = 0;
    std::size_t size = 0;
    if (value < 1u << 6) {
        raw = std::uint64_t{value} << 2, size = 1;
    } else if (value < 1u << 14) {
        raw = std::uint64_t{value} << 2 | 1, size = 2;
    } else if (value < 1u << 30) {
        raw = std::uint64_t{value} << 2 | 2, size = 4;
    } else {
        raw = std::uint64_t{value} << 8 | 3, size = 5;
    }
    std::memcpy(end - size, &raw, size);
    return end - size;
}
std::uint8_t* write_hash_backwards(Hash const& hash, std::uint8_t* end) {
    std::memcpy(end - hash.size(), hash.data(), hash.size());
    return end - hash.size();
}

} // namespace

std::expected<Header, Error> decode_header(pipeline::Bytes header) {
    if (header.size() > max_header_bytes) {
        return std::unexpected(Error{Code::too_long, 0, max_header_bytes});
    }
    Cursor cursor(header);
    Header out;
    std::ranges::copy(cursor.bytes(out.parent.size()), out.parent.begin());
    out.number = cursor.compact_u32();
    std::ranges::copy(cursor.bytes(out.state_root.size()), out.state_root.begin());
    std::ranges::copy(cursor.bytes(out.extrinsics_root.size()), out.extrinsics_root.begin());
    if (!cursor.ok()) return std::unexpected(cursor.error());
    out.hash = blake2b_256(header);
    return out;
}

std::vector<std::uint8_t> encode_header(HeaderParts const& parts) {
    auto out = encode_front(parts, parts.logs.size());
    for (auto const& log : parts.logs) out.insert(out.end(), log.begin(), log.end());
    return out;
}

Hash header_hash(HeaderParts const& parts) { return blake2b_256(encode_header(parts)); }

std::string header_json(HeaderParts const& parts) {
    auto out = fmt::format(R"({{"parentHash":"{}","number":"0x{:x}","stateRoot":"{}",)"
                           R"("extrinsicsRoot":"{}","digest":{{"logs":[)",
                           hex_text(parts.parent), parts.number, hex_text(parts.state_root),
                           hex_text(parts.extrinsics_root));
    for (std::size_t i = 0; i < parts.logs.size(); ++i) {
        out += fmt::format("{}\"{}\"", i == 0 ? "" : ",", hex_text(parts.logs[i]));
    }
    return out + "]}}";
}

std::expected<std::uint32_t, Error> parse_block_number(std::string_view text) {
    int const base = text.starts_with("0x") ? 16 : 10;
    auto const digits = text.substr(base == 16 ? 2 : 0);
    std::uint32_t value = 0;
    auto const* end = digits.data() + digits.size();
    // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): `end` is its size
    auto const [at, failure] = std::from_chars(digits.data(), end, value, base);
    if (digits.empty() || at != end || failure != std::errc{}) {
        return std::unexpected(Error{Code::json_number, 0});
    }
    return value;
}

std::expected<Hash, Error> parse_hash(std::string_view text) {
    Hash hash;
    auto const size = hex_decode(text, hash);
    if (!size) return std::unexpected(size.error());
    if (*size != hash.size()) return std::unexpected(Error{Code::end_of_input, text.size()});
    return hash;
}

// Logs are laid behind a gap; the parts in front of them are then written into it, backwards.
std::expected<Header, Error> JsonRpc::Impl::header(ondemand::object& object) {
    Header out;
    std::uint32_t logs = 0;
    unsigned seen = 0;
    header_bytes.resize(front_bytes);
    auto const done = members(
        object, [&](std::string_view key, ondemand::value& value) -> std::expected<void, Error> {
            auto const root = [&](Hash& into, unsigned bit) -> std::expected<void, Error> {
                auto const read = hash(value);
                if (!read) return std::unexpected(read.error());
                into = *read;
                seen |= bit;
                return {};
            };
            if (key == "parentHash") return root(out.parent, 1);
            if (key == "stateRoot") return root(out.state_root, 2);
            if (key == "extrinsicsRoot") return root(out.extrinsics_root, 4);
            if (key == "digest") {
                seen |= 8;
                header_bytes.resize(front_bytes);
                return header_logs(value, logs);
            }
            if (key != "number") return {};
            auto const text = token(value);
            if (!text) return std::unexpected(text.error());
            auto const number = parse_block_number(text->text);
            if (!number) return std::unexpected(Error{Code::json_number, offset_of(text->text)});
            out.number = *number;
            seen |= 16;
            return {};
        });
    if (!done) return std::unexpected(done.error());
    if (seen != 31) return std::unexpected(error(Code::json_missing));
    auto* begin = write_compact_backwards(logs, header_bytes.data() + front_bytes);
    begin = write_hash_backwards(out.extrinsics_root, begin);
    begin = write_hash_backwards(out.state_root, begin);
    begin = write_compact_backwards(out.number, begin);
    begin = write_hash_backwards(out.parent, begin);
    auto const* end = header_bytes.data() + header_bytes.size();
    out.hash = blake2b_256({begin, static_cast<std::size_t>(end - begin)});
    return out;
}

std::expected<void, Error> JsonRpc::Impl::header_logs(ondemand::value& digest,
                                                      std::uint32_t& count) {
    ondemand::object object;
    if (auto const code = digest.get_object().get(object); code != simdjson::SUCCESS) {
        return std::unexpected(error(code));
    }
    auto const log = [&](std::size_t, ondemand::value& item) -> std::expected<void, Error> {
        auto const text = string(item);
        if (!text) return std::unexpected(text.error());
        auto const before = header_bytes.size();
        auto const room = text->size() / 2;
        if (before + room > max_header_bytes) {
            return std::unexpected(Error{Code::too_long, offset_of(*text), max_header_bytes});
        }
        header_bytes.resize(before + room);
        auto const size = hex_decode(*text, {header_bytes.data() + before, room});
        if (!size) {
            auto failed = size.error();
            failed.offset += offset_of(*text);
            return std::unexpected(failed);
        }
        header_bytes.resize(before + *size);
        return {};
    };
    return members(object,
                   [&](std::string_view key, ondemand::value& value) -> std::expected<void, Error> {
                       if (key != "logs") return {};
                       auto const all = elements(value, log);
                       if (!all) return std::unexpected(all.error());
                       count = static_cast<std::uint32_t>(*all);
                       return {};
                   });
}

} // namespace decoders
