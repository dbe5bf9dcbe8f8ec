// What is not well with one chain, as far as its blocks show it. No model of traffic: each claim is
// a fact about the stream of blocks, met at equality.
//
//   what        claim                                         null model: it is usual that
//   stalled     no new block for `stall_factor` times the     blocks come in their learned cadence;
//               cadence, and for `stall` at least             ten of them in a row are never late
//   finality    the finalized head has not moved for so much  finality moves as it has been seen to
//               longer than usual, while blocks came; or it   move, and stays as near behind the
//               is `stall_factor` times as far behind as      best block
//               usual (and `distance` blocks), that long
//   reorg       a branch of `reorg` blocks was abandoned      authors that share a slot, and what a
//                                                             relay chain takes back, make shorter
//                                                             ones: three unincluded blocks of a
//                                                             parachain are ordinary, so 4
//   upgrade     a final block and the one before it were      (a fact, no chance)
//               executed by different runtimes
//   incomplete  events of a final block could not be read     (a fact about this program)
//   blind       the first block of a runtime that has events  (the same)
//               which move value and which nobody can read
//   conserva-   what an audited account holds has changed by  (the same)
//   tion        something else than the movements decoded in
//               between (conservation.hpp finds it)
//
// Stalls are measured by time as it is seen to pass: a step longer than step_max (the process
// slept, or waited for whoever reads it) counts as step_max, because nobody looked meanwhile. Any
// block that is higher than all before ends a stall, whoever read it; old blocks change nothing. So
// catching up is no stall. Before three intervals are known, first_patience is the least. Finality
// is given no time in which no block came: a chain that stands still is one fact, not two.
//
// Everything else is by chain facts: whoever reads the same blocks comes to the same claims, in the
// same places (so after a restart a claim has the same id), except that a runtime that is the first
// one seen has nothing to be compared with.
//
// One fact, one alert. Of a rule's stalls, finality, reorgs and incomplete blocks those within its
// cooldown (chain time) are one alert: more is said of it when it is twice as large as when it was
// told (seconds, blocks behind, blocks abandoned, blocks incomplete), and when a stall that was
// told has ended. Each upgrade is a fact of its own. Differences of conservation are one alert an
// account and cooldown.
//
// Of a stall the alert's block is the best block, of finality the finalized one, of a reorg the
// first that was abandoned, of conservation that of the later balance, else the block itself.
//
// Pure; one thread. Bounds: 60 KB a chain and 16 KB a rule; nothing is allocated after the
// constructor. A block costs a look at a ring of the last 1,024; a tick a comparison a rule.
#pragma once

#include "stages/conservation.hpp"
#include "stages/rules.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <vector>

namespace stages {

enum class HealthWhat : std::uint8_t {
    stalled,
    finality,
    reorg,
    upgrade,
    incomplete,
    blind,
    conservation,
};
inline constexpr std::size_t health_whats = 7;

struct ChainHealthRow {
    HealthWhat what{};
    std::string_view key;  // in `what = [...]` of a rule
    std::string_view said; // in alerts
    Severity severity{};
};
std::span<ChainHealthRow const> chain_health_rows(); // by HealthWhat
std::optional<HealthWhat> health_what_named(std::string_view key);

// The event index that stands in the id of an alert: no block has so many events. Of conservation
// each account of the rule has its own.
constexpr std::uint32_t health_event(HealthWhat what, std::uint32_t account = 0) {
    return ~std::uint32_t{0} - static_cast<std::uint32_t>(what) - account;
}
constexpr HealthWhat health_what_of(std::uint32_t event) {
    return static_cast<HealthWhat>(std::min<std::uint32_t>(~event, health_whats - 1));
}
static_assert(static_cast<std::size_t>(HealthWhat::conservation) == health_whats - 1);

struct ChainHealthOptions {
    std::uint16_t rule = 0; // index into the configured rules
    std::array<bool, health_whats> on{true, true, true, true, true, true, true};
    std::uint32_t stall_s = 60;
    std::uint32_t finality_stall_s = 180;
    double stall_factor = 10;     // times what is usual
    std::uint32_t distance = 100; // blocks
    std::uint32_t reorg = 4;      // blocks
    AccountSet audited{};         // of conservation; what is looked for does not matter to it
    std::uint32_t cooldown_s = 3'600;
    std::optional<Severity> severity{}; // instead of the row's
};
ChainHealthOptions chain_health_options(Rule const& rule, std::uint16_t index);

struct HealthFound {
    std::uint16_t rule = 0;
    std::uint32_t event = 0; // health_event()
    Severity severity{};
    bool ongoing = false; // says more of an alert that was told before
    BlockRef block{};
    FixedText<200> details{}; // JSON members: "for_s":61,…
};

class ChainHealth {
  public:
    static constexpr Nanoseconds step_max = 10 * pipeline::second;
    static constexpr std::uint32_t first_patience_s = 600;
    static constexpr std::uint32_t samples_min = 3;

    explicit ChainHealth(std::vector<ChainHealthOptions> const& rules);

    void end(BlockEnd const& end, Nanoseconds now);
    void finalized(Finalized const& final, Nanoseconds now);
    void abandoned(Abandoned const& gone);
    void differs(Difference const& found, ChainFacts const& facts);
    // Looks at the time.
    void at(Nanoseconds now);

    // What was found, one by one; to be asked after each of the above until it answers nothing.
    std::optional<HealthFound> next();
    Nanoseconds next_deadline() const { return deadline_; }

  private:
    // A moving average over `span` samples; one long pause must not teach patience.
    struct Usual {
        double span = 8;
        double mean = 0;
        double samples = 0;
        void add(double sample);
        bool known() const { return samples >= samples_min; }
        std::uint64_t rounded() const { return static_cast<std::uint64_t>(std::llround(mean)); }
    };
    // What was told, of one rule.
    struct Told {
        BlockRef block{};
        std::uint64_t size = 0;
        std::uint64_t last_ms = 0; // chain time
        std::uint64_t count = 0;   // incomplete blocks, differences since it was told first
        bool any = false;
        bool open = false; // and has not ended
    };
    struct RuleState {
        ChainHealthOptions options;
        std::array<Told, health_whats> told{};
        std::vector<Told> differed{}; // by audited account
        Nanoseconds far_for = 0;      // the finalized head has been too far behind
    };
    struct Passed { // a block
        std::uint32_t number = 0;
        std::uint32_t spec_version = 0; // 0: none is known
        std::uint64_t timestamp_ms = 0;
        Hash hash{};
        std::uint16_t blind = 0;
        bool final = false;
    };
    // A block that is told of when it is final, and why.
    struct Notable {
        BlockRef block{};
        std::uint32_t before = 0, after = 0; // runtimes; equal: no upgrade
        std::uint16_t blind = 0;
        bool incomplete = false;
        FixedText<96> fault{};
    };
    struct Gone { // an abandoned block, and how long its branch is up to it
        Hash hash{};
        BlockRef first{};
        std::uint32_t depth = 0;
    };
    static constexpr std::size_t passed_max = 1'024, notable_max = 64, gone_max = 64;
    static constexpr std::size_t ready_a_rule = 8 + Conservation::accounts_max;

    Passed& place_of(std::uint32_t number) { return passed_[number % passed_max]; }
    Passed const* find(std::uint32_t number) const;
    void count(Nanoseconds now);
    void new_head(BlockEnd const& end);
    void compare(std::uint32_t number);
    void remember(Notable const& notable);
    void tell(Notable const& notable);
    Nanoseconds stall_limit(ChainHealthOptions const& options) const;
    Nanoseconds finality_limit(ChainHealthOptions const& options) const;
    std::uint64_t distance() const;
    std::uint64_t distance_limit(ChainHealthOptions const& options) const;
    BlockRef final_block() const;
    void judge_stall(RuleState& rule);
    void judge_finality(RuleState& rule);
    bool known(RuleState const& rule, Told const& told) const;
    bool known(RuleState const& rule, HealthWhat what) const;
    bool news(RuleState const& rule, Told& told, BlockRef const& block, std::uint64_t size);
    bool news(RuleState& rule, HealthWhat what, BlockRef const& block, std::uint64_t size);
    void say(RuleState const& rule, HealthWhat what, BlockRef const& block, bool ongoing,
             FixedText<200> const& details, std::uint32_t account = 0);
    void set_deadline();

    std::vector<RuleState> rules_;
    std::vector<Passed> passed_; // a ring by number
    std::vector<Notable> notable_;
    std::vector<Gone> gone_; // a ring
    std::size_t gone_next_ = 0;
    std::vector<HealthFound> ready_;
    std::size_t ready_next_ = 0;

    std::optional<BlockRef> first_, best_, final_;
    std::uint64_t chain_ms_ = 0; // the newest time a block has said
    Nanoseconds now_ = 0;
    bool begun_ = false;
    Nanoseconds head_silence_ = 0;     // since there was a new best block
    Nanoseconds finality_silence_ = 0; // since the finalized head moved, while blocks came
    Usual block_ms_, finality_ns_;
    Usual behind_{.span = 1'024}; // hours: what falls behind by and by is no new usual
    Nanoseconds deadline_ = pipeline::never;
};

} // namespace stages
