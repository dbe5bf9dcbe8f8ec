// What the decode commands share: a file or stdin as bytes, raw or from hex; a runtime from its
// metadata; lines to stdout. One thread, blocking. Errors are sentences that name the file.
#pragma once

#include "decoders/runtime.hpp"

#include <cstdio>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace config {

// Larger files are refused before they are read.
inline constexpr std::size_t max_decode_input_bytes = 256u << 20;

// Bytes, and what stood in the way of having all of them.
struct DecodeInput {
    std::vector<std::uint8_t> bytes;
    std::optional<decoders::Error> bad_hex; // what stands before it is in `bytes`
    std::string metadata;                   // of a dead letter: where its runtime's metadata lies
};
// "-" is stdin. A dead letter of the service (stages/keeper.hpp) stands for the events in it.
std::expected<DecodeInput, std::string> read_decode_input(std::string const& path);
// The same for bytes that are of no use in part: bad hex is an error.
std::expected<std::vector<std::uint8_t>, std::string> read_whole_input(std::string const& path);

using RuntimePointer = std::unique_ptr<decoders::Runtime const>;
std::expected<RuntimePointer, std::string> load_runtime(std::string const& path);

// One line on `err`, "spyhop: …"; returns the exit code.
int refuse(std::FILE* err, std::string_view sentence);

// Collects lines and writes them in large pieces; remembers whether anything was lost.
class LineOutput {
  public:
    explicit LineOutput(std::FILE* file);
    void line(std::string_view text);
    bool flush();

  private:
    std::FILE* file_;
    std::string buffer_;
    bool good_ = true;
};

} // namespace config
