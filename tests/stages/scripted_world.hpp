// The data path of one chain on one thread, with a scripted node at its front: a source alone,
// whose frames a test reads, or the full pipeline, whose alert lines it reads. Time stands still
// unless the test moves it.
#pragma once

#include "tests/stages/journal_fixture.hpp"
#include "tests/stages/scripted_chain.hpp"

#include "pipeline/sleeper.hpp"
#include "pipeline/topology.hpp"
#include "stages/decode.hpp"
#include "stages/deliver.hpp"
#include "stages/detect.hpp"
#include "stages/keeper.hpp"
#include "stages/route.hpp"
#include "stages/rpc_source.hpp"

#include <map>

namespace scripted {

inline constexpr std::uint16_t first_port = 9944;

struct Settings {
    std::vector<std::string> urls{"ws://127.0.0.1:9944"};
    stages::RpcSourceOptions source{};
    std::uint32_t frames_depth = 64;
    std::size_t arena_bytes = 4 << 20;
    // The state directory, for the keeper and for the source; null: one that is forgotten, and no
    // cache of runtimes.
    stages::StateFiles* files = nullptr;
};

// Takes frames and notes; a frame is kept as one readable word or two.
class Collect : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 0;
    auto outputs() { return std::tie(); }
    void on(pipeline::Part<stages::Frame> const& part, pipeline::Turn const&);
    void on(pipeline::Part<stages::SourceNote> const& part, pipeline::Turn const&) {
        notes.push_back(part.message);
    }
    bool accepting() const { return open; }

    bool open = true;
    std::vector<std::string> told; // "facts DOT", "runtime 1", "block 100", "final 100", …
    std::vector<stages::Frame> frames;
    std::vector<Buffer> payloads;
    std::vector<stages::SourceNote> notes;
};

// The state directory as a map.
struct MemoryFiles final : stages::StateFiles {
    std::map<std::string, std::string> files;
    bool full = false; // nothing more can be written

    bool exists(std::string const& name) const override { return files.contains(name); }
    std::expected<std::string, std::string> read(std::string const& name,
                                                 std::size_t bytes_max) const override {
        auto const found = files.find(name);
        if (found == files.end()) return std::unexpected(name + ": no such file");
        if (found->second.size() > bytes_max) return std::unexpected(name + ": too large");
        return found->second;
    }
    std::expected<void, std::string> write(std::string const& name,
                                           std::string_view bytes) override {
        if (full) return std::unexpected(name + ": no space left on device");
        files[name] = bytes;
        return {};
    }
};

// A state directory that outlives the world that writes it.
class BorrowedFiles final : public stages::StateFiles {
  public:
    explicit BorrowedFiles(stages::StateFiles& files)
        : files_(files) {}
    bool exists(std::string const& name) const override { return files_.exists(name); }
    std::expected<std::string, std::string> read(std::string const& name,
                                                 std::size_t bytes_max) const override {
        return files_.read(name, bytes_max);
    }
    std::expected<void, std::string> write(std::string const& name,
                                           std::string_view bytes) override {
        return files_.write(name, bytes);
    }

  private:
    stages::StateFiles& files_;
};

// A sink in memory with as much room as the test says.
class MemorySink final : public stages::Sink {
  public:
    explicit MemorySink(std::string& out)
        : out_(out) {}
    bool append(std::string_view line) override {
        if (line.size() > room_) return false;
        room_ -= line.size();
        out_ += line;
        return true;
    }
    std::size_t pending() const override { return pending_; }
    std::size_t room() const override { return room_; }
    void advance() override {}
    pipeline::Nanoseconds next_deadline() const override { return pipeline::never; }
    void set_room(std::size_t bytes) { room_ = bytes; }
    void set_pending(std::size_t bytes) { pending_ = bytes; } // of a sink that is slow to write

  private:
    std::string& out_;
    std::size_t room_ = ~std::size_t{0} >> 1;
    std::size_t pending_ = 0;
};

// Stands where history readers would: keeps what was ordered.
class Orders : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 0;
    auto outputs() { return std::tie(); }
    void on(pipeline::Part<stages::Want> const& part, pipeline::Turn const&);
    std::vector<std::string> take() { return std::exchange(orders, {}); }
    std::vector<std::string> orders; // "0: 5-7 9-9": the chain, what is wanted
};

inline constexpr pipeline::LinkOptions want_room{.depth = 8, .when_full = pipeline::WhenFull::drop};

// A journal that power cuts may hurt, and a Deliver on it with one sink.
std::unique_ptr<stages::Journal> quick_journal(std::string const& path);
std::vector<stages::Outlet> one_outlet(std::unique_ptr<stages::Sink> sink, std::int64_t after = 0);

class World {
  public:
    // Moves bytes and messages until nothing moves any more.
    void run();
    // Lets time pass in small steps.
    void run_for(pipeline::Nanoseconds time, pipeline::Nanoseconds step = 50 * ms);
    // Until the node has a client that asks, at the most for a minute.
    void connect(Node& to);

    pipeline::ManualClock clock;
    io::LoopbackNetwork network{clock};
    io::SeededRandom random{7};
    RecordedLog log;
    pipeline::Switchboard switchboard{
        {.mode = pipeline::Mode::hybrid_only, .flags = pipeline::Flag::hybrid_rpc}};
    pipeline::Topology topology{
        clock, switchboard, pipeline::Idle::spin,
        [this](std::string const&) { return std::make_unique<pipeline::Sleeper>(clock); }};
    Node node{network, clock, random, first_port};
    Node spare{network, clock, random, first_port + 1};

    std::uint64_t metric(stages::SourceMetric which) const { return source_page->read(which); }
    pipeline::MetricsPage* source_page = nullptr;
    stages::RpcSource* source = nullptr;

  protected:
    static constexpr pipeline::Nanoseconds ms = pipeline::millisecond;
    stages::RpcSource& add_source(Settings settings, pipeline::Link<stages::Frame>& frames,
                                  pipeline::Link<stages::SourceNote>& notes);
};

class SourceWorld : public World {
  public:
    explicit SourceWorld(Settings settings = {});
    std::vector<std::string> take_told() { return std::exchange(collect->told, {}); }
    std::string last_told() { // of all that was told since the last take; "" for nothing
        auto const told = take_told();
        return told.empty() ? std::string() : told.back();
    }
    Collect* collect = nullptr;
};

// Every transfer of every asset is an alert.
stages::Rule everything();

class PipelineWorld : public World {
  public:
    PipelineWorld(std::string const& chain, Settings settings,
                  std::vector<stages::Rule> rules = {everything()});
    stages::testing::Directory folder; // of the journal
    std::string out;                   // NDJSON
    pipeline::MetricsPage* decode_page = nullptr;
    pipeline::MetricsPage* deliver_page = nullptr;
    std::vector<std::string> lines() const;
};

} // namespace scripted
