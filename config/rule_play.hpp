// A capture file as the blocks of a chain's one history, and those blocks as the frames a source
// would have sent: for tools that run the rules over what was recorded, without network and clock.
//
//   capture file ──read_recording()──▶ Recording ──Player::block()──▶ frames ──▶ decode ──▶ facts
//
// Of several blocks of one height the one counts that the block above it names as its parent, else
// the one that was said to be final, else the last. All of them are final, in order; heights that
// the capture lacks are told as missing. A chain of the capture is the one of the configuration
// that has its genesis (as the state folder's alerts.db knows it), else its name, else, where there
// is one on both sides, that one.
//
// One thread; blocks on the disk; allocates. Errors are sentences.
#pragma once

#include "config/config.hpp"
#include "io/capture.hpp"
#include "pipeline/topology.hpp"
#include "stages/decode.hpp"

#include <deque>
#include <map>

namespace config {

struct RecordedChain {
    std::uint16_t chain = 0;   // index in the configuration
    std::string name;          // there
    std::string recorded_name; // in the capture
    stages::ChainFacts facts{};
    std::vector<io::CaptureBlock> blocks; // ascending, one of each height
    std::map<std::uint32_t, io::CaptureRuntime> runtimes;
    std::size_t left_out = 0; // blocks of other forks, or twice there

    // Unix milliseconds of the first and the last block that says so; 0: none does.
    std::uint64_t first_ms = 0;
    std::uint64_t last_ms = 0;
    // Chain time from the first block to the end of the last: as many steps as there are blocks.
    double seconds() const;
};

struct Recording {
    std::vector<RecordedChain> chains; // of the configuration, with at least one block
    std::vector<std::string> notes;    // what is left out, for a person
    RecordedChain const* find(std::uint16_t chain) const;
};
[[nodiscard]] std::expected<Recording, std::string> read_recording(Config const& config,
                                                                   std::string const& path);

// What the stages said in the log: problems, each once.
class PlayLog final : public pipeline::Log {
  public:
    void write(pipeline::Level level, std::string_view component, std::string_view text) override;
    std::vector<std::string> take() { return std::exchange(texts_, {}); }

  private:
    static constexpr std::size_t texts_max = 20;
    std::vector<std::string> texts_;
    std::size_t more_ = 0;
};

// Stands at the writing end of the frames and writes nothing by itself.
class PlayHand : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 1;
    explicit PlayHand(pipeline::Out<stages::Frame> out)
        : frames_(out) {}
    auto outputs() { return std::tie(frames_); }

  private:
    pipeline::Out<stages::Frame> frames_;
};

// The real decode with frames pushed by hand. Wire what reads facts(), finish(), then introduce()
// each chain before its blocks.
class Player : pipeline::Pinned {
  public:
    Player(Config const& config, decoders::MovementKinds kinds, pipeline::Log& log);

    pipeline::Topology& topology() { return topology_; }
    pipeline::Link<stages::Fact>& facts() { return *facts_; }
    static pipeline::StageRow row(std::string name);

    void introduce(RecordedChain const& chain);
    // The block and, with `final`, its finality; and what is missing before it.
    [[nodiscard]] std::expected<void, std::string> block(RecordedChain const& chain, std::size_t at,
                                                         bool final = true);
    void finalize(RecordedChain const& chain, std::size_t at);

  private:
    using Body = decltype(stages::Frame::body);
    [[nodiscard]] std::expected<void, std::string> tell(std::uint16_t chain, Body const& body,
                                                        pipeline::Bytes first = {},
                                                        pipeline::Bytes second = {});
    void let_time_pass(RecordedChain const& chain, std::size_t at);
    [[nodiscard]] std::expected<void, std::string> tell_runtime(RecordedChain const& chain,
                                                                io::CaptureBlock const& block);

    Config const& config_;
    pipeline::ManualClock clock_; // goes by the blocks' times
    pipeline::Switchboard const switchboard_;
    pipeline::Topology topology_;
    pipeline::Link<stages::Frame>* frames_ = nullptr;
    pipeline::Link<stages::Fact>* facts_ = nullptr;
    std::deque<std::uint32_t> told_; // runtimes decode still has, oldest first
    std::vector<std::uint8_t> body_; // extrinsics of a block, behind each other
};

} // namespace config
