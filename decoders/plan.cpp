#include "decoders/plan.hpp"

#include <cstring>
#include <simdjson.h>

namespace decoders {
namespace {

// The interpreter. Every step checks the bytes left before it reads; recursion is bounded by
// max_value_depth for enums and lists, and by max_nested_composites for calls between them.
class Interpreter {
  public:
    Interpreter(Plans const& plans, Walk& walk)
        : plans_(plans)
        , walk_(walk)
        , at_(walk.at)
        , end_(walk.end) {}

    bool run(Run run, std::size_t depth) {
        return run.size < huge_size ? skip(run.size, no_type) : steps(run.first, depth);
    }
    void finish() { walk_.at = at_; }

  private:
    bool fail(Code code, TypeId type) {
        walk_.code = code;
        walk_.type = type;
        if (code == Code::end_of_input) at_ = end_; // that is where the bytes end
        return false;
    }
    std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
    bool skip(std::size_t size, TypeId type) {
        if (size > left()) [[unlikely]]
            return fail(Code::end_of_input, type);
        at_ += size;
        return true;
    }

    bool steps(std::uint32_t first, std::size_t depth) {
        for (Step const* step = &plans_.steps[first]; step->op != Op::end; ++step) {
            if (!one(*step, depth)) [[unlikely]]
                return false;
        }
        return true;
    }

    bool one(Step const& step, std::size_t depth) {
        switch (step.op) {
        case Op::skip: return skip(step.a, step.type);
        case Op::compact: return compact(step.width, step.type);
        case Op::boolean: return below(2, Code::bad_bool, step.type);
        case Op::tag: return below(step.a, Code::bad_variant, step.type);
        case Op::text: return text(step.type);
        case Op::character: return character(step.type);
        case Op::sequence: return sequence(step, depth);
        case Op::bits: return bits(step);
        case Op::variant: return variant(step, depth);
        case Op::call: return run({variable_size, step.a}, depth);
        case Op::repeat: return repeat(step.b, step.a, depth);
        case Op::never: return fail(Code::no_values, step.type);
        case Op::end: break;
        }
        return true;
    }

    bool below(std::uint32_t bound, Code code, TypeId type) {
        if (at_ == end_) [[unlikely]]
            return fail(Code::end_of_input, type);
        if (*at_ >= bound) [[unlikely]]
            return fail(code, type);
        ++at_;
        return true;
    }

    // Checks form and width, keeps the value if it has at most 64 bits.
    bool compact(std::size_t width, TypeId type, std::uint64_t* value = nullptr) {
        if (at_ == end_) [[unlikely]]
            return fail(Code::end_of_input, type);
        std::size_t const mode = *at_ & 3u;
        std::size_t const size = mode == 3 ? (*at_ >> 2) + 5u : std::size_t{1} << mode;
        if (size > left()) [[unlikely]]
            return fail(Code::end_of_input, type);
        std::uint64_t raw = 0;
        if (mode == 3) {
            if (at_[size - 1] == 0 || (size == 5 && at_[4] < 1u << 6)) {
                return fail(Code::compact_redundant, type);
            }
            if (size - 1 > width) return fail(Code::compact_too_wide, type);
            std::memcpy(&raw, at_ + 1, size - 1 < 8 ? size - 1 : 8);
        } else {
            std::memcpy(&raw, at_, size);
            raw >>= 2;
            if ((mode == 1 && raw < 1u << 6) || (mode == 2 && raw < 1u << 14)) {
                return fail(Code::compact_redundant, type);
            }
            if (width < 4 && raw >> (8 * width) != 0) return fail(Code::compact_too_wide, type);
        }
        if (value != nullptr) *value = raw;
        at_ += size;
        return true;
    }

    // A count of elements; `bytes` is what each of them needs at the least.
    bool count(std::size_t bytes, TypeId type, std::uint64_t& value) {
        auto const* start = at_;
        if (!compact(4, type, &value)) return false;
        auto const most = bytes == 0 ? max_empty_elements : left() / bytes;
        if (value <= most) [[likely]]
            return true;
        at_ = start;
        return fail(bytes == 0 ? Code::too_much_work : Code::too_many_elements, type);
    }

    bool text(TypeId type) {
        std::uint64_t size = 0;
        if (!count(1, type, size)) return false;
        if (!simdjson::validate_utf8(reinterpret_cast<char const*>(at_), size)) {
            return fail(Code::bad_utf8, type);
        }
        at_ += size;
        return true;
    }

    bool character(TypeId type) {
        std::uint32_t value = 0;
        if (left() < sizeof value) return fail(Code::end_of_input, type);
        std::memcpy(&value, at_, sizeof value);
        if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
            return fail(Code::bad_char, type);
        }
        at_ += sizeof value;
        return true;
    }

    bool sequence(Step const& step, std::size_t depth) {
        std::uint64_t elements = 0;
        if (step.b < huge_size) {
            if (!count(step.b, step.type, elements)) return false;
            at_ += elements * step.b;
            return true;
        }
        if (depth >= max_value_depth) return fail(Code::too_deep, step.type);
        // Whatever has no fixed size takes at least a byte.
        return count(1, step.type, elements) && repeat(elements, step.a, depth + 1);
    }

    bool repeat(std::uint64_t times, std::uint32_t first, std::size_t depth) {
        for (std::uint64_t i = 0; i < times; ++i) {
            if (!steps(first, depth)) return false;
        }
        return true;
    }

    bool bits(Step const& step) {
        auto const* start = at_;
        std::uint64_t bits = 0;
        if (!compact(4, step.type, &bits)) return false;
        std::uint64_t const store_bits = 8u * step.a;
        auto const bytes = (bits + store_bits - 1) / store_bits * step.a;
        if (bytes <= left()) {
            at_ += bytes;
            return true;
        }
        at_ = start;
        return fail(Code::too_many_elements, step.type);
    }

    bool variant(Step const& step, std::size_t depth) {
        if (at_ == end_) [[unlikely]]
            return fail(Code::end_of_input, step.type);
        std::uint32_t const tag = *at_;
        if (tag >= step.b) [[unlikely]]
            return fail(Code::bad_variant, step.type);
        auto const branch = plans_.branches[step.a + tag];
        if (branch.size == no_such) [[unlikely]]
            return fail(Code::bad_variant, step.type);
        if (depth >= max_value_depth) [[unlikely]]
            return fail(Code::too_deep, step.type);
        ++at_;
        if (branch.size < huge_size) return skip(branch.size, step.type);
        return run(branch, depth + 1);
    }

    Plans const& plans_;
    Walk& walk_;
    std::uint8_t const* at_;
    std::uint8_t const* end_;
};

} // namespace

bool pass(Plans const& plans, Run run, Walk& walk) {
    Interpreter interpreter(plans, walk);
    bool const good = interpreter.run(run, 0);
    interpreter.finish();
    return good;
}

} // namespace decoders
