// Patterns of one chain: what several movements mean together. Takes what is told of blocks, judges
// each movement of a final block, in the order of the chain (pattern_blocks.hpp), by every rule,
// and hands out what they claim, one by one.
//
//   movement, end, finalized ──▶ blocks ──in order──▶ accounts, log ──▶ rules ──▶ next()
//
// One fact, one alert: who claims the same of the same subject again within the rule's cooldown
// says more of the first alert, and only if it has become more severe or twice as large.
//
// A rule is silent where it would speak of an exclusion, of an account that is not included, or of
// movements inside a cluster. Failed extrinsics move nothing, so they are never seen.
//
// Over a restart (patterns_keep.cpp): save() writes all that is known after a block, load() makes
// the same engine of it, which goes on with the next block as if nothing had been. What was claimed
// lately may have been on its way when the run ended: load() has it claimed again; whoever was told
// knows it by its movement and its rule.
//
// Of the chain's own token. Pure, by chain time; bounded by its options; nothing is allocated after
// set_rules(). One thread.
#pragma once

#include "stages/pattern_blocks.hpp"
#include "stages/pattern_clusters.hpp"
#include "stages/pattern_rule.hpp"
#include "stages/pattern_store.hpp"

#include <memory>
#include <span>

namespace stages {

struct PatternsOptions {
    std::size_t accounts_max = 65'536;
    std::size_t movements_max = 131'072; // what windows can look back at
    std::size_t told_max = 4'096;        // alerts that may still be said more of
    std::size_t hashes_max = 1'024;      // blocks whose hash is remembered
    std::size_t claims_again_max = 256;  // newest claims, told again after a restart
    std::size_t going_max = 16'384; // accounts that have left the table since the last snapshot
    std::uint32_t longest_window_s = 7 * day_s;
    PatternBlocksOptions blocks{};
    std::uint64_t seed = 0; // of the accounts' table
};

// A claim as it is told: the movement that completed the pattern, and why it is one.
struct PatternFound {
    Transfer transfer{};
    std::uint16_t rule = 0;
    Severity severity{};
    PatternFacts facts{};
};

struct PatternsCounts {
    std::uint64_t movements = 0;
    std::uint64_t claims = 0;       // told
    std::uint64_t repeats = 0;      // of what was told before, nothing new
    std::uint64_t excluded = 0;     // by the rule's lists
    std::uint64_t retold = 0;       // of blocks that an earlier run has told
    std::uint64_t unaffordable = 0; // its budget had no room for it
    std::uint64_t again = 0;        // claims of the run before, told again
};

class Patterns {
  public:
    using Options = PatternsOptions;
    Patterns(Options const& options, std::span<ClusterLabel const> labels);

    // The chain has said what its token is. Models begin anew.
    void set_rules(std::vector<PatternRule> rules);
    bool has_rules() const { return !rules_.empty(); }

    // Which kinds of movements are wanted at all.
    static decoders::MovementKinds kinds();

    void movement(Transfer const& transfer);
    void end(BlockRef const& block) { blocks_.end(block); }
    void finalized(Hash const& hash, std::uint32_t number) { blocks_.finalized(hash, number); }
    // These blocks will not come.
    void missing(std::uint32_t to) { blocks_.skip_to(to + 1); }
    void begin_at(std::uint32_t number) { blocks_.begin_at(number); }
    // What is claimed of blocks up to this one was told by an earlier run: it is known, not said.
    void told_to(std::uint32_t number) { told_to_ = number; }

    // Of one whole token, in dollars, at that time: for rules that ask for it.
    void price(std::string_view usd, std::uint32_t time_s) {
        for (PatternRule& rule : rules_) rule.price(usd, time_s);
    }

    // What an account holds after that block, by the node's state; taken where the engine has come
    // to exactly there, for of what moved since nothing is known. True: it was.
    bool holds(decoders::Account const& key, std::uint32_t number, u128 total);

    // Statistical rules are silent while it is off; their models go on learning.
    void speak_statistics(bool on) { statistics_ = on; }

    // The next claim. Nothing: everything that is final has been judged (idle()), or `steps_left`
    // movements have; it counts down.
    std::optional<PatternFound> next(std::size_t& steps_left);
    bool idle() { return again_ == 0 && blocks_.front() == nullptr; }

    // ---- over a restart; save() between blocks, load() after set_rules(), before anything is told
    // Where accounts that have left the table are looked for; outlives this. Null: nowhere.
    void read_from(PatternStore* store);
    bool between_blocks() const { return step_ == Step::block; }
    // So many accounts have left the table that a snapshot should not wait.
    bool crowded() const { return cold_.crowded(); }
    // Blocks up to this one have been judged, or will not come. Nothing: none has.
    std::optional<std::uint32_t> done_to() const;
    // Blocks the store: see pattern_store.hpp. On failure what was saved before is there.
    [[nodiscard]] std::expected<void, io::StoreError> save(PatternStore& store, Hash const& genesis,
                                                           std::uint8_t decimals);
    struct Loaded {
        std::optional<PatternStamp> stamp{}; // nothing: there was no snapshot
        std::vector<std::uint16_t> anew{}; // rules whose options are others now, or were not there
    };
    // The error is a sentence: what is there is refused, the engine is as it was.
    [[nodiscard]] std::expected<Loaded, std::string> load(PatternStore& store, Hash const& genesis);

    PatternsCounts const& counts() const { return counts_; }
    PatternBlocks const& blocks() const { return blocks_; }
    Accounts const& accounts() const { return accounts_; }
    ColdAccounts const& cold() const { return cold_; }
    MovementLog const& log() const { return log_; }
    std::span<PatternRule const> rules() const { return rules_; }

  private:
    // Rules that want a kind of movement, in their order.
    struct Asked {
        u128 least = 0;
        std::uint16_t rule = 0;
        bool of_exchange = false;
    };
    struct Told {
        std::uint64_t key = 0; // of rule and subject; 0: free
        std::uint32_t last_s = 0;
        Severity severity{};
        u128 sum = 0;
        Transfer transfer{};
    };
    struct Passed { // a final block
        std::uint32_t number = 0;
        std::uint32_t time_s = 0;
        Hash hash{};
    };
    struct Lately {              // a claim that was not of one told before
        std::uint64_t print = 0; // of the rule
        std::uint32_t block = 0; // in which it was told
        PatternFound found{};
    };
    // The hashes of the ends of the movements to come: memory is slow, but knows to do several
    // things at a time.
    struct Ahead {
        std::uint64_t from = 0, to = 0;
    };
    static constexpr std::size_t ahead_max = 32;
    // Blocks whose claims may still have been on their way: the links to deliver hold no more.
    static constexpr std::uint32_t underway_blocks_max = 1'200;

    void look_ahead();
    bool take_movement(PatternBlocks::Block const& block);
    static void change_balances(Moved const& moved, AccountState* from, AccountState* to);
    void remember_sender(Moved const& moved);
    std::optional<PatternFound> judge_next();
    std::optional<PatternFound> told(PatternRule& rule, Claim const& claim);
    std::optional<PatternFound> told_again();
    void remember(PatternRule const& rule, PatternFound const& found);
    std::uint32_t block_ms() const;
    void load_engine(PatternSnapshot const& snapshot);
    void load_rules(PatternSnapshot const& snapshot, std::vector<std::uint16_t>& anew);
    bool wanted(PatternRule const& rule, Claim const& claim) const;
    Told& slot_of(std::uint64_t key, std::uint32_t cooldown_s, bool& known);
    Transfer transfer_of(Moved const& moved) const;
    AccountIndex enter(decoders::Account const& key, std::uint64_t hash, std::uint32_t now_s);
    AccountIndex make(decoders::Account const& key, std::uint32_t now_s);

    Options const options_;
    PatternBlocks blocks_;
    ColdAccounts cold_;
    Accounts accounts_;
    MovementLog log_;
    Clusters clusters_;
    std::vector<PatternRule> rules_;
    std::array<std::vector<Asked>, decoders::movement_kinds> asked_; // by kind
    std::vector<std::uint16_t> timed_; // rules that blocks are told to
    std::vector<Told> told_;
    std::vector<Passed> passed_; // a ring by number
    std::vector<Lately> lately_; // a ring, of claims
    std::uint64_t claimed_ = 0;  // into it
    std::size_t again_ = 0;      // of the newest in it, still to be told again
    bool statistics_ = true;
    std::uint32_t told_to_ = 0;

    // Where next() is.
    enum class Step : std::uint8_t { block, movement, rules, ended } step_ = Step::block;
    std::uint32_t place_ = PatternBlocks::none; // of the movement
    std::array<Ahead, ahead_max> ahead_{};
    std::size_t ahead_size_ = 0, ahead_at_ = 0; // ahead_at_: place_'s
    Moved moved_{};
    bool of_exchange_ = false;     // one of its ends is
    std::size_t rule_ = 0;         // in asked_, then in timed_
    std::uint32_t now_s_ = 0;      // of the newest block taken
    std::uint32_t passed_now_ = 0; // its number
    PatternsCounts counts_;
};

} // namespace stages
