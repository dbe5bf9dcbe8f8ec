// Plans for canonical JSON (interface.md section 6): for every type a flat run of steps. A step
// writes a piece of text that never changes (braces, quotes, field names, all made when the plan is
// built) and then one value. Plans check the same things in the same order as decode plans
// (plan.hpp), so both accept the same bytes.
//
//   struct { who: AccountId32, amount: Compact<u128>, memo: Option<u8> }
//     -> `{"who":"0x` hex 32 | `","amount":"` compact | `","memo":` variant | `}` end
//
// Built from a runtime by build_json_plans(), then immutable; any thread may use them. Building
// takes about as long as compiling the runtime; only who prints values needs it.
#pragma once

#include "decoders/runtime.hpp"

#include <string>
#include <vector>

namespace decoders {

enum class JsonOp : std::uint8_t {
    end,       // of the run
    text,      // nothing but the text
    number,    // unsigned, `width` bytes, up to 8
    wide,      // unsigned, 16 bytes
    big,       // unsigned, any other `width`
    negative,  // signed, `width` bytes
    compact,   // unsigned, `width` bytes of the widest value allowed
    boolean,   // true or false
    hex,       // a bytes, two digits each
    hex_list,  // count, then so many bytes
    string,    // length and UTF-8; with its quotes
    character, // u32; with its quotes
    bits,      // a bytes a store; width 1: a store's highest bit comes first
    tag,       // an enum without fields: names[a + byte]; valid below b
    variant,   // an enum: the run of branches[a + byte]; valid below b
    list,      // count, then the run at a for each; b bytes an element, or variable_size
    array,     // b times the run at a
    call,      // the run at a
    never,     // no value exists
};

// A range of JsonPlans::texts.
struct JsonText {
    std::uint32_t at = 0;
    std::uint32_t size = 0;
};
struct JsonStep {
    JsonOp op = JsonOp::end;
    std::uint8_t width = 0;
    TypeId type = no_type; // whose step this is, for messages
    JsonText before;       // written before the value
    std::uint32_t a = 0;
    std::uint32_t b = 0;
};

struct JsonPlans {
    std::string texts;
    std::vector<JsonStep> steps;
    std::vector<std::uint32_t> types;  // by type id: its first step
    std::vector<Run> branches;         // of enums; size no_such: there is none
    std::vector<JsonText> names;       // of bare enums
    std::vector<std::uint32_t> events; // as Plans::events: first step; it writes ,"pallet":… first
};

[[nodiscard]] JsonPlans build_json_plans(Runtime const& runtime);

// JSON as long as this may come of `bytes` of SCALE; more is too_much_work (a list of a million
// empty structs takes three bytes).
inline constexpr std::size_t max_json_base = 1u << 20;
inline constexpr std::size_t max_json_per_byte = 1024;
constexpr std::size_t json_limit(std::size_t bytes) {
    return max_json_base + max_json_per_byte * bytes;
}

} // namespace decoders
