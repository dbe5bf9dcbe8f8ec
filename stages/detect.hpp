// Runs the rules over the ordered stream of facts. Two kinds look at one movement of a best block
// at once: `large_transfer` (its amount meets a level of the rule, exactly, in whole tokens of its
// asset) and `watch` (it moves a watched account). All others are patterns of several movements,
// judged when their block is final (patterns.hpp); they need a node's blocks, so the path over
// Subscan has none.
//
// `chain_health` is no movement at all (chain_health.hpp): it looks at what the node's path says of
// blocks, and at the time between them, which is the turn's.
//
// What it has heard of chains and assets it keeps, and says again to a reader that was started
// again (another generation of its process), before anything else. A block that was being told then
// has no end: what the reader's predecessor had of it is lost, so the ledger must not count it.
//
// What patterns know is loaded before the first fact comes and saved every save_blocks final
// blocks, at most once in save_pause, sooner where many accounts have left the table, and when the
// service ends; each write holds the thread for
// some milliseconds. Until the chain has said what it is in this run nothing is judged: what is
// read again may come first.
//
// How often each rule speaks is counted here and written to its pages once a second
// (rule_figures.hpp), between events.
//
// Pure but for its output and those files: no clock, and chain time except for stalls. One thread.
// Per transfer the work is one look-up of the asset and a comparison per rule that covers it;
// nothing is allocated.
#pragma once

#include "pipeline/board.hpp"
#include "pipeline/log.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/stage.hpp"
#include "stages/chain_health.hpp"
#include "stages/labels.hpp"
#include "stages/pattern_rule_make.hpp"
#include "stages/patterns.hpp"
#include "stages/rule_figures.hpp"
#include "stages/rules.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace stages {

enum class DetectMetric {
    transfers,
    matches,
    unjudged,
    repeated,
    movements,
    patterns,
    pattern_repeats,
    pattern_accounts,
    pattern_accounts_refused,
    pattern_accounts_recalled,
    pattern_accounts_forgotten,
    pattern_blocks_waiting,
    pattern_blocks_missed,
    pattern_movements_lost,
    pattern_saves,
    pattern_saves_failed,
    health,
    unpriced,
    pattern_balances,
    audited,
    audit_differences,
    audits_anew,
};

inline constexpr std::array detect_metrics{
    pipeline::MetricRow{"spyhop_detect_transfers_total", pipeline::MetricKind::counter,
                        "Transfers the rules have looked at."},
    pipeline::MetricRow{"spyhop_detect_matches_total", pipeline::MetricKind::counter,
                        "Rules met by transfers."},
    pipeline::MetricRow{"spyhop_detect_unjudged_total", pipeline::MetricKind::counter,
                        "Transfers no level could be compared with: decimals unknown."},
    pipeline::MetricRow{"spyhop_detect_repeated_facts_total", pipeline::MetricKind::counter,
                        "Facts of chains and assets said again to a reader that was restarted."},
    pipeline::MetricRow{"spyhop_detect_movements_total", pipeline::MetricKind::counter,
                        "Movements of final blocks that patterns were judged by."},
    pipeline::MetricRow{"spyhop_detect_patterns_total", pipeline::MetricKind::counter,
                        "Patterns found, or found to have become more."},
    pipeline::MetricRow{"spyhop_detect_pattern_repeats_total", pipeline::MetricKind::counter,
                        "Claims that said nothing new of a pattern that was told."},
    pipeline::MetricRow{"spyhop_detect_pattern_accounts", pipeline::MetricKind::gauge,
                        "Accounts that patterns remember."},
    pipeline::MetricRow{"spyhop_detect_pattern_accounts_refused_total",
                        pipeline::MetricKind::counter,
                        "Movements of accounts there was no room to remember."},
    pipeline::MetricRow{"spyhop_detect_pattern_accounts_recalled_total",
                        pipeline::MetricKind::counter,
                        "Accounts that came back after they had made room for others."},
    pipeline::MetricRow{"spyhop_detect_pattern_accounts_forgotten_total",
                        pipeline::MetricKind::counter,
                        "Accounts that made room for others faster than could be written."},
    pipeline::MetricRow{"spyhop_detect_pattern_blocks_waiting", pipeline::MetricKind::gauge,
                        "Blocks that wait to be final, or for a block before them."},
    pipeline::MetricRow{"spyhop_detect_pattern_blocks_missed_total", pipeline::MetricKind::counter,
                        "Blocks that patterns went on without."},
    pipeline::MetricRow{"spyhop_detect_pattern_movements_lost_total", pipeline::MetricKind::counter,
                        "Movements of waiting blocks there was no room for."},
    pipeline::MetricRow{"spyhop_detect_pattern_saves_total", pipeline::MetricKind::counter,
                        "Times what patterns know was written to disk."},
    pipeline::MetricRow{"spyhop_detect_pattern_saves_failed_total", pipeline::MetricKind::counter,
                        "Times it could not be written, or read."},
    pipeline::MetricRow{"spyhop_detect_chain_health_total", pipeline::MetricKind::counter,
                        "Times something was said of a chain that is not well."},
    pipeline::MetricRow{"spyhop_detect_unpriced_total", pipeline::MetricKind::counter,
                        "Transfers that a level in dollars could not be compared with."},
    pipeline::MetricRow{"spyhop_detect_pattern_balances_total", pipeline::MetricKind::counter,
                        "Balances that patterns have learned from the node's state."},
    pipeline::MetricRow{"spyhop_detect_audited_total", pipeline::MetricKind::counter,
                        "Balances compared with the movements since the one before."},
    pipeline::MetricRow{"spyhop_detect_audit_differences_total", pipeline::MetricKind::counter,
                        "Of those, how many differed."},
    pipeline::MetricRow{
        "spyhop_detect_audits_anew_total", pipeline::MetricKind::counter,
        "Balances that could not be compared: not all blocks in between are known."},
};

// Where stages are in several processes.
struct DetectProcesses {
    std::uint32_t run = 0;         // of its own
    pipeline::Generation reader{}; // of its reader's
};

// Where what a chain's patterns know is kept.
struct DetectKept {
    std::unique_ptr<PatternStore> store{}; // null: nowhere
    bool usable = false;                   // what is in it can be gone on from
    std::optional<std::uint32_t> resume{}; // the first block wanted; nothing: the first that comes
    std::uint32_t told_to = 0;             // what is claimed of blocks up to here has been told
};

// Where patterns are judged, and with what.
struct DetectPatterns {
    bool on = false; // else the rules that are patterns are silent
    PatternsOptions options{};
    // Labels of accounts; asked for when the first chain is known, if any rule needs them.
    std::function<LabelBook()> labels = [] { return LabelBook(); };
    std::vector<std::optional<std::uint32_t>> begin{}; // by chain: the first block wanted
    std::vector<DetectKept> kept{};                    // by chain
};

class Detect : pipeline::Pinned {
  public:
    // A transfer may meet every rule.
    static constexpr std::uint32_t max_burst = 256;
    static constexpr std::size_t rules_max = max_burst;
    static constexpr std::uint32_t save_blocks = 100;
    static constexpr pipeline::Nanoseconds save_pause = 60 * pipeline::second;
    static constexpr pipeline::Nanoseconds figures_pause = pipeline::second;

    Detect(std::vector<Rule> rules, std::vector<std::string> chains, pipeline::Log& log,
           pipeline::MetricsPage& metrics, pipeline::Out<Candidate> candidates,
           DetectProcesses processes = {}, std::vector<decoders::Account> watched = {},
           DetectPatterns patterns = {}, RulePages rule_pages = {});

    auto outputs() { return std::tie(candidates_); }
    bool on(pipeline::Part<Fact> const& part, pipeline::Turn const& turn);
    void on(pipeline::Part<Finding> const& part, pipeline::Turn const& turn); // prices
    bool accepting() const { return reader_ == processes_.reader.load() && !repeating_; }
    bool tick(pipeline::Turn const& turn);
    pipeline::Nanoseconds next_deadline() const; // of stalls, and of figures nobody has been told

  private:
    // One rule's levels for one asset.
    struct Bound {
        std::uint16_t rule = 0;
        bool watch = false; // only of movements of watched accounts
        Levels levels;
    };
    struct Asset {
        std::vector<Bound> bounds;
        bool blind = false; // covered by a rule, but its decimals are unknown
    };
    struct Chain {
        std::string name;
        std::vector<Asset> assets; // by slot; 0 is the native token
        // Facts of the chain, then of its assets by slot; the latest of each.
        std::vector<std::optional<Candidate>> said{};
        std::unique_ptr<Patterns> patterns{}; // null: no rule is a pattern here, or it is not known
        std::optional<std::pair<Hash, std::uint8_t>> patterns_for{}; // genesis and decimals
        std::optional<std::uint32_t> saved_to{};                     // a block
        pipeline::Nanoseconds save_at = 0;                           // not before
        bool save_failing = false;
        std::vector<RuleDay> told{};              // by rule
        std::uint32_t oldest_s = 0, newest_s = 0; // of blocks seen; 0: none
        std::unique_ptr<ChainHealth> health{};    // null: no rule is about it
        std::unique_ptr<Conservation> audit{};    // null: no rule audits accounts
        ChainFacts facts{};                       // the latest
    };

    void learn(Chain& chain, std::uint16_t index, ChainFacts const& facts);
    void learn(Chain& chain, std::uint16_t index, AssetFacts const& facts);
    std::vector<ClusterLabel> labels();
    void read_lists();
    bool speaks_of(std::uint16_t rule, Transfer const& transfer) const;
    void learn_patterns(Chain& chain, std::uint16_t index, ChainFacts const& facts);
    void tell_patterns(Chain& chain, Fact const& fact, pipeline::Turn const& turn);
    bool emit_patterns(Chain& chain, Fact const& fact);
    PatternStore* store_of(std::uint16_t index) const;
    void resume_patterns(Chain& chain, std::uint16_t index);
    void load_patterns(Chain& chain, std::uint16_t index);
    void save_patterns(pipeline::Turn const& turn);
    void save_patterns(Chain& chain, PatternStore& store, pipeline::Turn const& turn);
    bool save_due(Chain& chain, pipeline::Turn const& turn) const;
    std::unique_ptr<ChainHealth> health_of(std::uint16_t index) const;
    std::unique_ptr<Conservation> audit_of(std::uint16_t index) const;
    void audit(Chain& chain, Fact const& fact);
    bool judge_health(Chain& chain, Fact const& fact, pipeline::Turn const& turn);
    bool emit_health(Chain& chain, std::uint16_t index, pipeline::Nanoseconds received);
    bool look_at_time(pipeline::Turn const& turn);
    void count_patterns();
    bool moves_watched(Transfer const& transfer) const;
    void keep(Candidate const& candidate);
    Bound bound_of(std::size_t rule, std::uint8_t decimals) const;
    void judge(Fact const& fact, Chain& chain, Transfer const& transfer);
    void see(Chain& chain, std::uint64_t timestamp_ms);
    void count_told(Chain& chain, Match const& match);
    void write_figures(pipeline::Turn const& turn);
    void write_figures(Chain& chain, std::vector<pipeline::MetricsPage*> const& pages);

    std::vector<Rule> const rules_;
    std::vector<decoders::Account> const watched_; // sorted
    DetectPatterns const patterns_;
    RulePages const rule_pages_; // empty: nobody asks
    bool figures_changed_ = false;
    pipeline::Nanoseconds figures_at_ = 0;        // not before
    std::optional<LabelBook> book_;               // once asked for
    std::optional<std::vector<RuleLists>> lists_; // by rule, once the first chain is known
    std::vector<Chain> chains_;
    pipeline::Log& log_;
    pipeline::MetricsPage& metrics_;
    pipeline::Out<Candidate> candidates_;
    DetectProcesses const processes_;
    std::uint32_t reader_; // the generation that has heard everything, or is hearing it
    bool repeating_ = false;
    std::size_t chain_ = 0; // where the repetition is
    std::size_t said_ = 0;  // the same, in that chain
    bool in_block_ = false; // a block has begun and not ended
    bool headless_ = false; // a reader came in the middle of it
    bool quiet_ = true;     // no fact has come since the last tick
    bool weighed_ = false;  // the fact at the front has been told to its chain's health
};

} // namespace stages
