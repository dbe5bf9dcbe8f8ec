// The regime: which path may speak, for whom, since when. One 64-bit word, so that a change is one
// atomic step and a turn sees one regime from its first message to its last.
//
//   63        40 39   36 35  32 31          18 17       8 7      0
//   ┌───────────┬───────┬──────┬──────────────┬──────────┬────────┐
//   │ epoch 24  │ mode 4│tier 4│ buckets 14   │ spare 10 │flags 8 │
//   └───────────┴───────┴──────┴──────────────┴──────────┴────────┘
//
// Threads: load by anyone; change by the control stage.
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

struct Flag { // bits of Regime::flags
    static constexpr std::uint8_t hybrid_rpc = 1;
    static constexpr std::uint8_t hybrid_patterns = 2;
    static constexpr std::uint8_t parallel_mode = 4;
};

struct Regime {
    std::uint32_t epoch = 0; // 24 bits; grows by one with each change
    Mode mode = Mode::normal;
    std::uint8_t tier = 0;            // canary tiers 1..tier are admitted; 0 none
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

    // Replaces `expected` by `next` with the epoch raised by one. False if another was faster.
    [[nodiscard]] bool change(Regime const& expected, Regime next) {
        next.epoch = expected.epoch + 1;
        std::uint64_t before = pack(expected);
        // release: pairs with the acquire in load().
        return word_.compare_exchange_strong(before, pack(next), std::memory_order_release,
                                             std::memory_order_relaxed);
    }

  private:
    alignas(64) std::atomic<std::uint64_t> word_;
};

} // namespace pipeline
