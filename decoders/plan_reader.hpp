// Reading SCALE by plan: the checks that passing over values (plan.cpp) and writing them as JSON
// (json_plan.cpp) share, so that both accept the same bytes and fail at the same place.
//
// Every function checks the bytes left before it reads. On failure it returns false, `code` and
// `type` say why and of which type, `at` stands where. One thread; owns nothing.
#pragma once

#include "decoders/plan.hpp"

#include <cstring>
#include <simdjson.h>

namespace decoders {

struct PlanReader {
    std::uint8_t const* at = nullptr;
    std::uint8_t const* end = nullptr;
    Code code{};
    TypeId type = no_type;

    bool fail(Code why, TypeId whose) {
        code = why;
        type = whose;
        if (why == Code::end_of_input) at = end; // that is where the bytes end
        return false;
    }
    std::size_t left() const { return static_cast<std::size_t>(end - at); }

    bool skip(std::size_t size, TypeId whose) {
        if (size > left()) [[unlikely]]
            return fail(Code::end_of_input, whose);
        at += size;
        return true;
    }
    // One byte below `bound`; `why` is the failure where it is not.
    bool below(std::uint32_t bound, Code why, TypeId whose) {
        if (at == end) [[unlikely]]
            return fail(Code::end_of_input, whose);
        if (*at >= bound) [[unlikely]]
            return fail(why, whose);
        ++at;
        return true;
    }

    // A compact integer of at most `width` bytes, in the shortest form. `low` receives its lowest
    // 64 bits.
    bool compact(std::size_t width, TypeId whose, std::uint64_t& low) {
        if (at == end) [[unlikely]]
            return fail(Code::end_of_input, whose);
        std::size_t const mode = *at & 3u;
        std::size_t const size = mode == 3 ? (*at >> 2) + 5u : std::size_t{1} << mode;
        if (size > left()) [[unlikely]]
            return fail(Code::end_of_input, whose);
        std::uint64_t raw = 0;
        if (mode == 3) {
            if (at[size - 1] == 0 || (size == 5 && at[4] < 1u << 6)) {
                return fail(Code::compact_redundant, whose);
            }
            if (size - 1 > width) return fail(Code::compact_too_wide, whose);
            std::memcpy(&raw, at + 1, size - 1 < 8 ? size - 1 : 8);
        } else {
            std::memcpy(&raw, at, size);
            raw >>= 2;
            if ((mode == 1 && raw < 1u << 6) || (mode == 2 && raw < 1u << 14)) {
                return fail(Code::compact_redundant, whose);
            }
            if (width < 4 && raw >> (8 * width) != 0) return fail(Code::compact_too_wide, whose);
        }
        low = raw;
        at += size;
        return true;
    }

    // A count of elements; `bytes` is what each of them needs at the least.
    bool count(std::size_t bytes, TypeId whose, std::uint64_t& value) {
        auto const* start = at;
        if (!compact(4, whose, value)) return false;
        auto const most = bytes == 0 ? max_empty_elements : left() / bytes;
        if (value <= most) [[likely]]
            return true;
        at = start;
        return fail(bytes == 0 ? Code::too_much_work : Code::too_many_elements, whose);
    }

    // Text with its length in front; `text` is a view into the bytes.
    bool text(TypeId whose, std::string_view& text) {
        std::uint64_t size = 0;
        if (!count(1, whose, size)) return false;
        text = {reinterpret_cast<char const*>(at), size};
        if (!simdjson::validate_utf8(text)) return fail(Code::bad_utf8, whose);
        at += size;
        return true;
    }

    // A Unicode scalar value.
    bool character(TypeId whose, std::uint32_t& value) {
        if (left() < sizeof value) return fail(Code::end_of_input, whose);
        std::memcpy(&value, at, sizeof value);
        if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
            return fail(Code::bad_char, whose);
        }
        at += sizeof value;
        return true;
    }

    // The stores of a bit sequence, passed over; `bits` is how many bits they hold.
    bool bits(std::size_t store_bytes, TypeId whose, std::uint64_t& bits) {
        auto const* start = at;
        if (!compact(4, whose, bits)) return false;
        std::uint64_t const store_bits = 8 * std::uint64_t{store_bytes};
        auto const bytes = (bits + store_bits - 1) / store_bits * store_bytes;
        if (bytes <= left()) {
            at += bytes;
            return true;
        }
        at = start;
        return fail(Code::too_many_elements, whose);
    }

    // The branch behind an enum's tag. Checks the nesting too, because branches may nest.
    bool branch(std::span<Run const> branches, std::size_t depth, TypeId whose, Run& run) {
        if (at == end) [[unlikely]]
            return fail(Code::end_of_input, whose);
        if (*at >= branches.size()) [[unlikely]]
            return fail(Code::bad_variant, whose);
        run = branches[*at];
        if (run.size == no_such) [[unlikely]]
            return fail(Code::bad_variant, whose);
        if (depth >= max_value_depth) [[unlikely]]
            return fail(Code::too_deep, whose);
        ++at;
        return true;
    }
};

} // namespace decoders
