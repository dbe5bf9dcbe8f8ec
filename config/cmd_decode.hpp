// spyhop decode: SCALE bytes of a chain, read from files or stdin, as canonical JSON on stdout.
// One thread, blocking. Each returns the exit code: 0, or 1 with one line on stderr. Data goes to
// `out`, complaints to `err`.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace config {

struct DecodeEvents {
    std::string metadata; // raw bytes beginning "meta", or hex of them; empty: as the letter says
    std::string input;    // raw, hex, or a dead letter; "-": stdin
};
int cmd_decode_events(DecodeEvents const& options, std::FILE* out = stdout,
                      std::FILE* err = stderr);

struct DecodeExtrinsic {
    std::string metadata;
    std::string input;       // one extrinsic, with its length in front or without
    std::string events;      // System.Events of its block; empty: none
    std::uint32_t index = 0; // its place in the block
};
int cmd_decode_extrinsic(DecodeExtrinsic const& options, std::FILE* out = stdout,
                         std::FILE* err = stderr);

struct DecodeMetadata {
    std::string metadata;
    bool json = false;
};
int cmd_decode_metadata(DecodeMetadata const& options, std::FILE* out = stdout,
                        std::FILE* err = stderr);

} // namespace config
