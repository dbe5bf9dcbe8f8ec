// The pipeline behind the source: decode, detect, route, deliver, with frames pushed by hand.
//
// One thread. Owns everything; alert lines end in `out`.
#pragma once

#include "tests/stages/scripted_world.hpp"

namespace scripted {

// Stands at the writing end of the frames and writes nothing by itself.
class Hand : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 1;
    explicit Hand(pipeline::Out<stages::Frame> out)
        : frames(out) {}
    auto outputs() { return std::tie(frames); }
    pipeline::Out<stages::Frame> frames;
};

class Feed {
  public:
    explicit Feed(std::vector<stages::Rule> rules = {everything()},
                  std::vector<std::string> const& chains = {"polkadot"},
                  std::unique_ptr<stages::Journal> journal = {}, // null: a new one
                  std::optional<std::int64_t> sink_has = {},     // rows; absent: all there are
                  std::size_t open_alerts_max = 65'536);

    using Body = decltype(stages::Frame::body);
    // Pushes a frame and lets it pass through the pipeline.
    void tell(Body const& body, pipeline::Bytes payload = {}, std::uint16_t chain = 0);
    // The same, without a turn.
    void push(Body const& body, pipeline::Bytes payload = {}, std::uint16_t chain = 0);
    void run();
    std::vector<std::string> take_lines();

    stages::testing::Directory folder;
    pipeline::ManualClock clock;
    RecordedLog log;
    std::string out;
    MemoryFiles* files = nullptr; // the keeper's
    MemorySink* sink = nullptr;
    Orders* orders = nullptr;
    pipeline::Switchboard switchboard{{.mode = pipeline::Mode::hybrid_only}};
    pipeline::Topology topology{
        clock, switchboard, pipeline::Idle::spin,
        [this](std::string const&) { return std::make_unique<pipeline::Sleeper>(clock); }};
    pipeline::MetricsPage& decode_page;
    pipeline::MetricsPage& detect_page;
    pipeline::MetricsPage& route_page;
    pipeline::MetricsPage& deliver_page;
    pipeline::MetricsPage& custody_page;
    pipeline::MetricsPage& keeper_page;
    pipeline::Link<stages::Frame>& frames;
};

// What the chain says of itself, for tests that do not care.
stages::ChainFacts dot_facts();
stages::BlockBytes block_bytes(std::uint32_t number, std::uint32_t spec = 1, std::uint8_t fork = 0);

} // namespace scripted
