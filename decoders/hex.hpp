// Hex text <-> bytes. Any thread, no state, no allocation (except the std::string overload). AVX2
// or SSSE3 is chosen at run time on x86-64, NEON on arm64, else plain C++; all paths accept and
// refuse exactly the same texts. Lower and upper case are read, lower case is written. Error
// offsets count characters from the start of the text, a leading "0x" included.
#pragma once

#include "decoders/error.hpp"
#include "pipeline/types.hpp"

#include <expected>
#include <string>
#include <string_view>

namespace decoders {

using pipeline::Bytes;
using pipeline::MutableBytes;

// Decodes "0x0aff" or "0aff" into `out`; the number of bytes written. Fails with bad_hex_digit,
// odd_hex or buffer_too_small; `out` then holds unspecified bytes. out may not overlap text, except
// that out.data() may equal text.data() (decoding in place).
[[nodiscard]] std::expected<std::size_t, Error> hex_decode(std::string_view text, MutableBytes out);

// Appends the digits of `bytes`, without "0x".
void hex_encode(Bytes bytes, std::string& out);

// Writes 2 * bytes.size() characters to `out`, which must be that large; no "0x", no zero behind.
void hex_encode(Bytes bytes, char* out);

// "0x..." as a new string, for cold paths.
std::string hex_text(Bytes bytes);

// The implementations behind hex_decode, for tests and benches: `path` is "scalar", "ssse3", "avx2"
// or "neon"; an unavailable path falls back to scalar.
namespace hex_paths {
bool available(std::string_view path);
// `text` without "0x", of even size; returns text.size() or the offset of the first bad digit.
std::size_t decode(std::string_view path, std::string_view text, std::uint8_t* out);
} // namespace hex_paths

} // namespace decoders
