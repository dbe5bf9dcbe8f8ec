#include "decoders/json_run.hpp"

#include "decoders/hex.hpp"

namespace decoders {

// Text between two looks at the budget is bounded: by what one run says in line, and by the bytes
// that one step reads.
bool JsonRun::steps(std::uint32_t first, std::size_t depth) {
    for (JsonStep const* step = &plans_.steps[first];; ++step) {
        if (step->before.size != 0) say(step->before);
        if (step->op == JsonOp::end) return true;
        if (!one(*step, depth)) [[unlikely]]
            return false;
    }
}

bool JsonRun::one(JsonStep const& step, std::size_t depth) {
    switch (step.op) {
    case JsonOp::number:
    case JsonOp::wide:
    case JsonOp::big:
    case JsonOp::negative: return integer(step);
    case JsonOp::compact: return compact(step);
    case JsonOp::hex: return hex(step.a, step.type);
    case JsonOp::hex_list: {
        std::uint64_t bytes = 0;
        return in_.count(1, step.type, bytes) && hex(bytes, step.type);
    }
    case JsonOp::boolean: {
        if (!in_.below(2, Code::bad_bool, step.type)) return false;
        out_.append(in_.at[-1] == 1 ? "true" : "false");
        return true;
    }
    case JsonOp::tag: return name(step);
    case JsonOp::variant: return variant(step, depth);
    case JsonOp::list: return list(step, depth);
    case JsonOp::array: return elements(step.b, step.a, depth, step.type);
    case JsonOp::call: return within_budget(step.type) && steps(step.a, depth);
    case JsonOp::string: return string(step.type);
    case JsonOp::character: return character(step.type);
    case JsonOp::bits: return bits(step);
    case JsonOp::never: return in_.fail(Code::no_values, step.type);
    case JsonOp::text:
    case JsonOp::end: break;
    }
    return true;
}

bool JsonRun::integer(JsonStep const& step) {
    auto const* from = in_.at;
    if (!in_.skip(step.width, step.type)) [[unlikely]]
        return false;
    auto* to = out_.room(decimal_room(step.width));
    if (step.op == JsonOp::number) {
        std::uint64_t value = 0;
        std::memcpy(&value, from, step.width);
        to = write_decimal(value, to);
    } else if (step.op == JsonOp::wide) {
        pipeline::u128 value = 0;
        std::memcpy(&value, from, sizeof value);
        to = write_decimal(value, to);
    } else {
        Bytes const bytes(from, step.width);
        to = step.op == JsonOp::negative ? write_signed(bytes, to) : write_decimal(bytes, to);
    }
    out_.written(to);
    return true;
}

bool JsonRun::compact(JsonStep const& step) {
    auto const* from = in_.at;
    std::uint64_t low = 0;
    if (!in_.compact(step.width, step.type, low)) [[unlikely]]
        return false;
    auto const size = static_cast<std::size_t>(in_.at - from) - 1; // of the digits, in mode 3
    auto* to = out_.room(decimal_room(largest_integer));
    bool const fits = (*from & 3u) != 3 || size <= sizeof low;
    out_.written(fits ? write_decimal(low, to) : write_decimal(Bytes(from + 1, size), to));
    return true;
}

bool JsonRun::hex(std::uint64_t bytes, TypeId type) {
    auto const* from = in_.at;
    if (!in_.skip(bytes, type)) [[unlikely]]
        return false;
    auto* to = out_.room(2 * bytes);
    hex_encode({from, bytes}, to);
    out_.written(to + 2 * bytes);
    return true;
}

bool JsonRun::string(TypeId type) {
    std::string_view text;
    if (!in_.text(type, text)) return false;
    out_.written(write_json_text(text, out_.room(6 * text.size() + 2)));
    return true;
}

bool JsonRun::character(TypeId type) {
    std::uint32_t code = 0;
    if (!in_.character(type, code)) return false;
    char utf8[4];
    auto const size = static_cast<std::size_t>(write_utf8(code, utf8) - utf8);
    out_.written(write_json_text({utf8, size}, out_.room(6 * size + 2)));
    return true;
}

bool JsonRun::bits(JsonStep const& step) {
    std::uint64_t bits = 0;
    if (!in_.bits(step.a, step.type, bits)) return false;
    std::size_t const store_bytes = step.a;
    std::size_t const store_bits = 8 * store_bytes;
    auto const* data = in_.at - (bits + store_bits - 1) / store_bits * store_bytes;
    auto* to = out_.room(bits);
    for (std::size_t i = 0; i < bits; ++i) {
        auto const place = step.width != 0 ? store_bits - 1 - i % store_bits : i % store_bits;
        auto const byte = data[i / store_bits * store_bytes + place / 8];
        *to++ = static_cast<char>('0' + ((byte >> place % 8) & 1));
    }
    out_.written(to);
    return true;
}

bool JsonRun::name(JsonStep const& step) {
    if (!in_.below(step.b, Code::bad_variant, step.type)) [[unlikely]]
        return false;
    say(plans_.names[step.a + in_.at[-1]]);
    return true;
}

bool JsonRun::variant(JsonStep const& step, std::size_t depth) {
    Run branch;
    return in_.branch({&plans_.branches[step.a], step.b}, depth, step.type, branch) &&
           within_budget(step.type) && steps(branch.first, depth + 1);
}

bool JsonRun::list(JsonStep const& step, std::size_t depth) {
    bool const nests = step.b == variable_size;
    if (nests && depth >= max_value_depth) return in_.fail(Code::too_deep, step.type);
    std::uint64_t count = 0;
    return in_.count(nests ? 1 : step.b, step.type, count) &&
           elements(count, step.a, nests ? depth + 1 : depth, step.type);
}

bool JsonRun::elements(std::uint64_t count, std::uint32_t first, std::size_t depth, TypeId type) {
    out_.append("[");
    for (std::uint64_t i = 0; i < count; ++i) {
        if (i != 0) out_.append(",");
        if (!within_budget(type) || !steps(first, depth)) return false;
    }
    out_.append("]");
    return true;
}

} // namespace decoders
