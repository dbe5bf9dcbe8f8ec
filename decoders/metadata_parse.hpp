// The two halves of the metadata parser, shared by their files only. Not for others to include.
#pragma once

#include "decoders/metadata.hpp"
#include "decoders/scale.hpp"

namespace decoders {

// The portable registry at the cursor. Checks that ids run 0, 1, 2, ...; errors are the cursor's.
void parse_types(Cursor& in, Metadata& out);
// A list of texts nobody needs (docs).
void skip_texts(Cursor& in);
// Every id in the registry exists, no type contains itself without end, nesting is bounded.
[[nodiscard]] std::expected<void, Error> check_types(Metadata const& metadata);

} // namespace decoders
