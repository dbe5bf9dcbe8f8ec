#include "stages/state_values.hpp"

#include "decoders/hex.hpp"
#include "decoders/scale.hpp"

#include <algorithm>

namespace stages {

std::optional<std::uint64_t> read_integer(std::string_view hex) {
    std::uint8_t bytes[8] = {};
    auto const size = decoders::hex_decode(hex, bytes);
    if (!size || *size == 0) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = *size; i-- > 0;) value = value << 8 | bytes[i];
    return value;
}

std::uint64_t read_timestamp(std::string_view hex) {
    constexpr std::uint64_t last_ms = 253'402'300'799'999;
    auto const value = read_integer(hex).value_or(0);
    return value <= last_ms ? value : 0;
}

std::optional<std::uint32_t> read_upgrade(std::string_view hex) {
    std::uint8_t bytes[256];
    auto const size = decoders::hex_decode(hex, bytes);
    if (!size) return std::nullopt;
    decoders::Cursor cursor({bytes, *size});
    std::uint32_t const version = cursor.compact_u32();
    return cursor.ok() ? std::optional(version) : std::nullopt;
}

std::optional<std::uint32_t> read_core_version(std::string_view hex) {
    std::uint8_t bytes[4096]; // with its list of APIs, of 12 bytes each
    auto const size = decoders::hex_decode(hex, bytes);
    if (!size) return std::nullopt;
    decoders::Cursor cursor({bytes, *size});
    cursor.text(); // spec_name
    cursor.text(); // impl_name
    cursor.u32();  // authoring_version
    std::uint32_t const version = cursor.u32();
    return cursor.ok() ? std::optional(version) : std::nullopt;
}

// 15 is served everywhere and the best tested; 16 comes next, 14 is the last that everybody has.
// Versions above 16 are unstable drafts (4294967295) and are never asked for.
std::uint32_t choose_metadata_version(pipeline::Bytes list) {
    decoders::Cursor cursor(list);
    bool has[17] = {};
    std::uint32_t const count = cursor.count(sizeof(std::uint32_t));
    for (std::uint32_t i = 0; i < count; ++i)
        if (std::uint32_t const version = cursor.u32(); version <= 16) has[version] = true;
    if (!cursor.ok()) return 0;
    for (std::uint32_t version : {15U, 16U, 14U})
        if (has[version]) return version;
    return 0;
}

std::size_t metadata_offset(pipeline::Bytes bytes) {
    constexpr std::uint8_t magic[] = {'m', 'e', 't', 'a'};
    auto const window = bytes.first(std::min<std::size_t>(bytes.size(), 16));
    auto const found =
        std::search(window.begin(), window.end(), std::begin(magic), std::end(magic));
    return static_cast<std::size_t>(found - window.begin());
}

} // namespace stages
