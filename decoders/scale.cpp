#include "decoders/scale.hpp"

#include <bit>
#include <cstring>

namespace decoders {

void Cursor::fail(Code code, std::size_t offset, std::uint64_t detail) {
    if (failed_) return;
    failed_ = true;
    error_ = {code, offset, detail};
    at_ = end_; // nothing more is read
}

std::uint8_t const* Cursor::take(std::size_t size) {
    if (failed_ || size > remaining()) {
        fail(Code::end_of_input, static_cast<std::size_t>(end_ - begin_));
        return nullptr;
    }
    auto const* from = at_;
    at_ += size;
    return from;
}

namespace {
template <class T>
T little_endian(std::uint8_t const* from) {
    T value{};
    if (from != nullptr) std::memcpy(&value, from, sizeof value);
    return value;
}
static_assert(std::endian::native == std::endian::little, "SCALE is read by copying");
} // namespace

std::uint8_t Cursor::u8() { return little_endian<std::uint8_t>(take(1)); }
std::uint16_t Cursor::u16() { return little_endian<std::uint16_t>(take(2)); }
std::uint32_t Cursor::u32() { return little_endian<std::uint32_t>(take(4)); }
std::uint64_t Cursor::u64() { return little_endian<std::uint64_t>(take(8)); }
pipeline::u128 Cursor::u128() { return little_endian<pipeline::u128>(take(16)); }

// Two low bits are the mode: 1, 2, 4 bytes, or (big) 4..67 bytes whose count is in the upper six
// bits.
Bytes Cursor::compact_big(std::uint8_t (&storage)[67]) {
    auto const start = position();
    auto const first = u8();
    if (failed_) return {};
    auto const mode = first & 3u;
    if (mode != 3) {
        std::size_t const size = std::size_t{1} << mode;
        auto const* rest = take(size - 1);
        if (failed_) return {};
        std::uint32_t raw = first;
        if (size > 1) std::memcpy(reinterpret_cast<std::uint8_t*>(&raw) + 1, rest, size - 1);
        raw >>= 2;
        if ((mode == 1 && raw < 1u << 6) || (mode == 2 && raw < 1u << 14)) {
            fail(Code::compact_redundant, start);
            return {};
        }
        std::memcpy(storage, &raw, sizeof raw);
        std::size_t used = sizeof raw;
        while (used > 0 && storage[used - 1] == 0) --used;
        return {storage, used};
    }
    std::size_t const size = (first >> 2) + 4u;
    auto const* digits = take(size);
    if (failed_) return {};
    if (digits[size - 1] == 0 || (size == 4 && digits[3] < 1u << 6)) {
        fail(Code::compact_redundant, start);
        return {};
    }
    std::memcpy(storage, digits, size);
    return {storage, size};
}

pipeline::u128 Cursor::compact_u128() {
    auto const start = position();
    std::uint8_t storage[67];
    auto const digits = compact_big(storage);
    if (digits.size() > sizeof(pipeline::u128)) {
        fail(Code::compact_too_wide, start);
        return 0;
    }
    pipeline::u128 value = 0;
    if (!digits.empty()) std::memcpy(&value, digits.data(), digits.size());
    return value;
}

std::uint64_t Cursor::compact_u64() {
    auto const start = position();
    auto const value = compact_u128();
    if (value > ~std::uint64_t{0}) {
        fail(Code::compact_too_wide, start);
        return 0;
    }
    return static_cast<std::uint64_t>(value);
}

std::uint32_t Cursor::compact_u32() {
    auto const start = position();
    // Nearly every length and type id is in the one-byte form.
    if (at_ != end_ && (*at_ & 3u) == 0) return *at_++ >> 2;
    auto const value = compact_u128();
    if (value > ~std::uint32_t{0}) {
        fail(Code::compact_too_wide, start);
        return 0;
    }
    return static_cast<std::uint32_t>(value);
}

std::uint32_t Cursor::count(std::size_t min_element_size) {
    auto const start = position();
    auto const count = compact_u32();
    if (min_element_size != 0 && count > remaining() / min_element_size) {
        fail(Code::too_many_elements, start, count);
        return 0;
    }
    return count;
}

Bytes Cursor::bytes(std::size_t size) {
    auto const* from = take(size);
    return from == nullptr ? Bytes{} : Bytes{from, size};
}

void Cursor::skip(std::size_t size) { static_cast<void>(take(size)); }

std::string_view Cursor::text() {
    auto const size = count(1);
    return pipeline::as_text(bytes(size));
}

} // namespace decoders
