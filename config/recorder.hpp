// Blocks of a real chain into a capture file: what a history reader tells of them (runtimes, events
// and extrinsics, their hashes and times), and what only a recording wants to know besides.
//
//   RpcHistory ──Frame──▶ Recorder ──CaptureRecord──▶ file
//                            └─ a block's header, its runtime's version, descriptions of assets
//
// Each block is followed by its finality, and preceded by its runtime if that is new. Descriptions
// of assets are those of the first block's state, in that block's storage.
//
// One thread; writes and asks, so it blocks. Errors are sentences; what is in the file stays good.
#pragma once

#include "io/capture.hpp"
#include "stages/messages.hpp"

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace config {

// What is asked of a node beside the history. An empty answer: it could not be had.
struct RecorderQuestions {
    std::function<std::vector<std::uint8_t>(pipeline::Hash const& block)> header;
    std::function<std::string(pipeline::Hash const& state, std::uint32_t spec)> version; // JSON
    std::function<std::vector<io::KeyValue>(pipeline::Hash const& block)> assets;
};

struct RecorderCounts {
    std::uint64_t blocks = 0;
    std::uint64_t missing = 0;
    std::uint64_t without_header = 0;
    std::uint64_t without_body = 0;        // their extrinsics could not be told apart
    std::optional<std::uint32_t> newest{}; // block, or what is missing
};

class Recorder {
  public:
    Recorder(io::CaptureWriter writer, RecorderQuestions questions)
        : writer_(std::move(writer))
        , ask_(std::move(questions)) {}

    [[nodiscard]] std::expected<void, std::string> begin(io::CaptureChain const& chain);
    [[nodiscard]] std::expected<void, std::string> take(stages::Frame const& frame,
                                                        pipeline::Bytes payload);
    [[nodiscard]] std::expected<void, std::string> finish(); // to the disk

    RecorderCounts const& counts() const { return counts_; }

  private:
    [[nodiscard]] std::expected<void, std::string> append(io::CaptureRecord const& record);
    void keep(stages::BlockBytes const& block, pipeline::Bytes payload);
    [[nodiscard]] std::expected<void, std::string> close(stages::Finalized const& final);

    io::CaptureWriter writer_;
    RecorderQuestions const ask_;
    std::map<std::uint32_t, std::vector<std::uint8_t>> metadata_; // that no block has needed yet
    std::set<std::uint32_t> written_;                             // runtimes
    std::optional<io::CaptureBlock> open_; // its parent comes with its finality
    bool assets_known_ = false;
    RecorderCounts counts_;
};

// A body as messages.hpp has it: each with its length in front. Nothing: they cannot be told apart.
std::optional<std::vector<std::vector<std::uint8_t>>> split_body(pipeline::Bytes body);

} // namespace config
