// Any SCALE value by its type: canonical JSON (interface.md section 6), or single fields by name.
// Cold path: walks the type registry. Any thread, pure.
#pragma once

#include "decoders/runtime.hpp"

#include <expected>
#include <optional>
#include <string>

namespace decoders {

// Appends the JSON of the value of `type` at the start of `bytes`; returns the bytes it took. On
// error `out` is as it was.
[[nodiscard]] std::expected<std::size_t, Error>
value_prefix_to_json(Runtime const& runtime, TypeId type, Bytes bytes, std::string& out);

// The same for bytes that hold exactly one value: trailing bytes are an error.
[[nodiscard]] std::expected<void, Error> value_to_json(Runtime const& runtime, TypeId type,
                                                       Bytes bytes, std::string& out);

// Symbol and decimals out of a struct that has fields of these names anywhere near the top
// (Assets.Metadata, AssetRegistry.Assets and the like); Option, newtypes and byte lists are looked
// through. Absent: nullopt.
struct TokenInfo {
    std::optional<std::string> symbol; // as on the chain; callers must escape it
    std::optional<std::uint8_t> decimals;
};
[[nodiscard]] std::expected<TokenInfo, Error> token_info(Runtime const& runtime, TypeId type,
                                                         Bytes bytes);

} // namespace decoders
