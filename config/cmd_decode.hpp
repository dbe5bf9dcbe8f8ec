// spyhop decode: SCALE bytes of a chain, read from files or stdin, as canonical JSON on stdout.
// One thread, blocking. Each returns the exit code: 0, or 1 with one line on stderr. Data goes to
// `out`, complaints to `err`.
#pragma once

#include <cstdio>
#include <string>

namespace config {

// Larger files are refused before they are read.
inline constexpr std::size_t max_decode_input_bytes = 256u << 20;

struct DecodeEvents {
    std::string metadata; // raw bytes beginning "meta", or hex of them
    std::string input;    // raw or hex; "-": stdin
};
int cmd_decode_events(DecodeEvents const& options, std::FILE* out = stdout,
                      std::FILE* err = stderr);

struct DecodeMetadata {
    std::string metadata;
    bool json = false;
};
int cmd_decode_metadata(DecodeMetadata const& options, std::FILE* out = stdout,
                        std::FILE* err = stderr);

} // namespace config
