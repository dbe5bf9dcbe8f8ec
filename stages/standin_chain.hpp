// Where the stand-in node's chain comes from. A feed gives capture records in the order of a
// capture file: one chain, then runtimes and blocks, each runtime before the first block that names
// it.
//
// One thread; a feed is owned by its node. It cannot fail: files are read before a feed is built.
#pragma once

#include "io/capture.hpp"

#include <deque>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace stages {

class ChainFeed {
  public:
    virtual ~ChainFeed() = default;
    // The next record, or nothing at the end of a finite chain.
    virtual std::optional<io::CaptureRecord> next() = 0;
};

// A capture in memory, e.g. one chain's part of a file. Plays once.
class CaptureFeed final : public ChainFeed {
  public:
    explicit CaptureFeed(std::vector<io::CaptureRecord> records);
    std::optional<io::CaptureRecord> next() override;

  private:
    std::vector<io::CaptureRecord> records_;
    std::size_t at_ = 0;
};

// One chain's records out of a capture file that may hold several.
struct ChainCapture {
    std::string name; // from the chain's description
    std::vector<io::CaptureRecord> records;
};

// Reads a whole capture file; chains in the order of their first appearance. The text of a failure
// names the path and the byte offset.
inline constexpr std::size_t captured_chains_max = 64;
[[nodiscard]] std::expected<std::vector<ChainCapture>, std::string>
load_capture(std::string const& path);

} // namespace stages
