// The regime: which path may speak, for whom, since when. One 64-bit word, so that a change is one
// atomic step and a turn sees one regime from its first message to its last.
//
//   63        40 39   36 35  32 31          18 17       8 7      0
//   ┌───────────┬───────┬──────┬──────────────┬──────────┬────────┐
//   │ epoch 24  │ mode 4│tier 4│ buckets 14   │ spare 10 │flags 8 │
//   └───────────┴───────┴──────┴──────────────┴──────────┴────────┘
//
// The routing stage says when it has made a whole turn under a new epoch: from then on nothing it
// decides is older.
//
// Threads: load and obeyed by anyone; change by the control stage, and by whoever sees a process
// die; obey by the routing stage.
#pragma once

#include "pipeline/types.hpp"

#include <atomic>

namespace pipeline {

enum class Mode : std::uint8_t {
    normal,      // tiers and percentage decide
    legacy_only, // the kill switch: after a rollback, or an unclean start
    frozen,      // nothing may be promoted; routing as before
    hybrid_only, // a service without any legacy path
};

inline constexpr std::uint32_t buckets_max = 10'000; // hybrid_buckets of this many go to hybrid

inline constexpr std::uint8_t tiers_all = 15; // Regime::tier: accounts of no tier are admitted, too

struct Flag { // bits of Regime::flags
    static constexpr std::uint8_t hybrid_rpc = 1;
    static constexpr std::uint8_t hybrid_patterns = 2;
    static constexpr std::uint8_t parallel_mode = 4;
    static constexpr std::uint8_t high_speed = 8; // threads spin, what is optional is shed
};

struct Regime {
    std::uint32_t epoch = 0; // 24 bits; grows by one with each change
    Mode mode = Mode::normal;
    std::uint8_t tier = tiers_all;    // canary tiers 1..tier are admitted (0: none), or everybody
    std::uint16_t hybrid_buckets = 0; // 0..10,000: percentage x 100
    std::uint8_t flags = 0;

    friend bool operator==(Regime const&, Regime const&) = default;
};

constexpr std::uint64_t pack(Regime const& regime) {
    return std::uint64_t{regime.epoch & 0xff'ffffU} << 40 |
           std::uint64_t{static_cast<std::uint8_t>(regime.mode)} << 36 |
           std::uint64_t{regime.tier & 0xfU} << 32 |
           std::uint64_t{regime.hybrid_buckets & 0x3fffU} << 18 | regime.flags;
}

constexpr Regime unpack(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word >> 40), static_cast<Mode>(word >> 36 & 0xf),
            static_cast<std::uint8_t>(word >> 32 & 0xf),
            static_cast<std::uint16_t>(word >> 18 & 0x3fff), static_cast<std::uint8_t>(word)};
}

class Switchboard {
  public:
    explicit Switchboard(Regime initial)
        : word_(pack(initial)) {}

    // acquire: pairs with the release in change(); who sees a regime sees what was stored before
    // it.
    Regime load() const { return unpack(word_.load(std::memory_order_acquire)); }

    // Before any thread runs.
    void start(Regime const& regime) { word_.store(pack(regime), std::memory_order_relaxed); }

    // Replaces `expected` by `next` with the epoch raised by one. False if another was faster.
    [[nodiscard]] bool change(Regime const& expected, Regime next) {
        next.epoch = expected.epoch + 1;
        std::uint64_t before = pack(expected);
        // release: pairs with the acquire in load().
        return word_.compare_exchange_strong(before, pack(next), std::memory_order_release,
                                             std::memory_order_relaxed);
    }

    struct Obeyed {
        std::uint32_t epoch = 0;
        Nanoseconds at = 0; // monotonic
    };
    void obey(std::uint32_t epoch, Nanoseconds now) {
        obeyed_at_.store(now, std::memory_order_relaxed);
        // release: pairs with the acquire in obeyed(), which then sees a time not before its epoch.
        obeyed_epoch_.store(epoch, std::memory_order_release);
    }
    Obeyed obeyed() const {
        std::uint32_t const epoch = obeyed_epoch_.load(std::memory_order_acquire); // pairs: obey()
        return {epoch, obeyed_at_.load(std::memory_order_relaxed)};
    }

  private:
    alignas(64) std::atomic<std::uint64_t> word_;
    alignas(64) std::atomic<std::uint32_t> obeyed_epoch_{0};
    std::atomic<Nanoseconds> obeyed_at_{0};
};

} // namespace pipeline
