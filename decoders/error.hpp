// What can be wrong with bytes from outside: a closed list, one table of sentences. Errors are
// small and trivially copyable, so that the hot path returns them without allocating; describe()
// makes the sentence for a person, on the cold path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace decoders {

enum class Code : std::uint8_t {
    end_of_input,         // the bytes end inside a value; offset: where they end
    bad_hex_digit,        // a character that is no hex digit
    odd_hex,              // an odd number of hex digits
    buffer_too_small,     // the caller's buffer cannot hold the result
    compact_redundant,    // a compact integer in a longer form than it needs
    compact_too_wide,     // a compact integer too large for its type
    bad_bool,             // a bool that is neither 0 nor 1
    bad_variant,          // an enum tag the type does not have
    bad_char,             // not a Unicode scalar value
    bad_utf8,             // text that is not UTF-8
    no_values,            // a type no value of which exists
    too_many_elements,    // more elements than the bytes left could hold
    too_deep,             // values nested deeper than max_value_depth
    too_much_work,        // more (empty) elements than max_empty_elements allows
    trailing_bytes,       // bytes left over after the value
    amount_too_large,     // an amount above 2^128 - 1
    not_metadata,         // does not begin with "meta"
    metadata_version,     // a version that is not 14, 15 or 16 (detail: the version)
    metadata_too_large,   // more types, fields, ... than the limits allow
    metadata_type_id,     // refers to a type that does not exist (detail: the type id)
    metadata_type_order,  // type ids are not 0, 1, 2, ...
    metadata_enum,        // an enum tag of the metadata itself is unknown (detail: the tag)
    metadata_cyclic,      // a type contains itself directly (detail: the type id)
    metadata_unsupported, // a type definition nobody can decode (detail: the type id)
    metadata_extension,   // refers to an extension that does not exist (detail: its place)
    no_events,            // no System.Events of the known shape
    no_extrinsics,        // the metadata does not say what an extrinsic consists of
    extrinsic_version,    // a first byte that no extrinsic has (detail: the byte)
    extension_version,    // a version of the extensions the runtime does not have (detail: it)
    json_syntax,          // not JSON
    json_too_deep,        // JSON nested deeper than max_json_depth
    json_too_large,       // a frame larger than the parser's capacity
    json_type,            // JSON, but not of the expected kind
    json_missing,         // a member that must be there is not
    json_number,          // a number out of range
    json_utf8,            // JSON text that is not UTF-8
    too_long,             // a text longer than its limit (detail: the limit)
    bad_base58,           // a character outside the base58 alphabet
    ss58_checksum,        // the checksum does not match: a typing error
    ss58_prefix,          // a reserved or malformed prefix
    ss58_length,          // a payload that is not a 20 or 32 byte key (detail: the length)
    bad_key,              // a hex public key that is not 20 or 32 bytes (detail: the length)
    bad_amount,           // not a plain decimal number
    amount_decimals,      // more decimals than the token has (detail: the token's decimals)
    unknown_name,         // a pallet, event, entry or field that this runtime does not have
};

struct Error {
    Code code{};
    std::size_t offset = 0;   // bytes from the start of the input
    std::uint64_t detail = 0; // what the code's comment says, else 0
    friend bool operator==(Error const&, Error const&) = default;
};

// One word per code, stable: for metric labels and tests. "end_of_input".
std::string_view code_name(Code code);

// "the bytes end inside a value, at byte 123; ..." without a final full stop.
std::string describe(Error const& error);

} // namespace decoders
