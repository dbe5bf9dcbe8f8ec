// A history stage alone, with two scripted nodes that serve one chain of finalized blocks, and a
// hand that says what is wanted. Time stands still unless the test moves it.
#pragma once

#include "tests/stages/scripted_world.hpp"

#include "stages/rpc_history.hpp"

#include <set>

namespace scripted {

using stages::HistoryMetric;
using stages::Stretch;
using Words = std::vector<std::string>;

// Says what the test wants.
class Wishes : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 1;
    explicit Wishes(pipeline::Out<stages::Want> wants)
        : wants_(wants) {}
    auto outputs() { return std::tie(wants_); }
    bool tick(pipeline::Turn const&) {
        if (!next) return false;
        wants_.emit(*next);
        next.reset();
        return true;
    }
    std::optional<stages::Want> next;

  private:
    pipeline::Out<stages::Want> wants_;
};

// Takes frames and notes; a frame is kept as one readable word or two, finality only where it does
// not follow its block at once.
class Gathered : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 0;
    auto outputs() { return std::tie(); }
    void on(pipeline::Part<stages::Frame> const& part, pipeline::Turn const&);
    void on(pipeline::Part<stages::HistoryNote> const& part, pipeline::Turn const&) {
        notes.push_back(part.message);
    }
    bool accepting() const { return open; }

    bool open = true;
    Words told; // "runtime 1", "block 100", "missing 5 to 7"
    std::vector<stages::BlockBytes> blocks;
    std::vector<Buffer> payloads; // of blocks
    std::vector<stages::Missing> missing;
    std::vector<stages::HistoryNote> notes;
};

struct HistorySettings {
    stages::RpcHistoryOptions history{};
    std::uint32_t blocks = 20; // in the chain, from 100 on
    std::size_t endpoints = 2;
    std::uint32_t frames_depth = 256;
    std::size_t arena_bytes = 4 << 20;
};

class HistoryWorld : public World {
  public:
    explicit HistoryWorld(HistorySettings settings = {});

    void want(std::vector<Stretch> const& stretches);
    // Answers everything about the chain's blocks honestly.
    void serve(Node& to);
    // The same, but knows nothing of the legacy methods.
    void serve_archive(Node& to);
    Block const* at(std::uint32_t number) const;
    Block const* named(std::string_view params) const { return chain.find(params); }
    // The value a block's state has at a key, as JSON.
    std::string value(Block const& block, std::string_view key) const;
    std::string change_set(Block const& block, std::string_view keys) const;

    Words take_told() { return std::exchange(gathered->told, {}); }
    std::uint64_t metric(HistoryMetric which) const { return page->read(which); }

    Chain chain;
    std::vector<Block const*> blocks;
    std::set<std::string> absent; // keys that no state has
    std::uint32_t pruned_below = 0;
    bool says_null = false; // of pruned state, instead of an error
    Gathered* gathered = nullptr;
    Wishes* wishes = nullptr;
    stages::RpcHistory* history = nullptr;
    pipeline::MetricsPage* page = nullptr;
};

Words blocks_told(std::uint32_t from, std::uint32_t to); // "block 100", …

} // namespace scripted
