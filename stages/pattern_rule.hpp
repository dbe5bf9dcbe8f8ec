// One rule of a pattern as the engine runs it: its family with its state, and what rules of every
// kind have. Each family is a file of its own (pattern_*.hpp) and knows nothing of rules.
//
// One thread; what families hold is allocated by the constructor.
#pragma once

#include "stages/account_set.hpp"
#include "stages/budget.hpp"
#include "stages/pattern_burst.hpp"
#include "stages/pattern_coordination.hpp"
#include "stages/pattern_dormant.hpp"
#include "stages/pattern_drain.hpp"
#include "stages/pattern_exchange.hpp"
#include "stages/pattern_gathering.hpp"
#include "stages/pattern_large.hpp"
#include "stages/pattern_market.hpp"
#include "stages/pattern_path.hpp"
#include "stages/pattern_probe.hpp"
#include "stages/pattern_structuring.hpp"
#include "stages/pattern_unbonding.hpp"
#include "stages/pattern_watch.hpp"
#include "stages/pattern_whale.hpp"

#include <bitset>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace stages {

// Sorted keys.

struct PatternRuleOptions {
    std::uint16_t rule = 0; // index into the configured rules
    RuleKind kind{};
    PatternOptions family{};
    std::uint32_t cooldown_s = hour_s;
    std::optional<double> budget{};     // alerts a day: what is told is learned, too
    std::optional<Severity> severity{}; // instead of the family's
    Levels levels{};                    // of the sum; where any is written
    bool levels_alone = false;          // they decide; else the family may say more
    AccountSet watched{};               // of a watch rule: whom
    AccountSet include{};
    bool included_only = false; // else everybody
    AccountSet exclude{};
    std::string name{}; // what it is known by over a restart
};

class PatternRule {
  public:
    using Options = PatternRuleOptions;
    explicit PatternRule(Options options);

    // What the chain's token is worth, where the rule asks for it; see LargeTransfers.
    void price(std::string_view usd, std::uint32_t time_s);
    std::uint64_t unpriced() const;
    // Of no other movement it says anything, or learns from it: it need not be asked.
    struct Wants {
        decoders::MovementKinds kinds{};
        u128 least = 0;           // amount
        bool of_exchange = false; // an exchange's at one end
    };
    Wants wants() const;
    // What it says of a movement that is in the log and in the accounts.
    std::optional<Claim> on(Accounts const& accounts, MovementLog const& log, Moved const& moved);
    // The movements of a block have all been told; afterwards next() until it answers nothing.
    void at_block(std::uint32_t number, std::uint32_t time_s);
    bool timed() const; // else both do nothing
    std::optional<Claim> next(Accounts const& accounts, MovementLog const& log);
    // Nobody's: the chain's own.
    bool speaks_of(decoders::Account const* subject) const;
    Severity severity_of(Claim const& claim) const;
    // Of a claim that would be told: whether the rule's budget has room for one so surprising.
    bool affords(Claim const& claim, std::uint32_t time_s);
    // Its model has not seen enough yet to speak.
    bool warming() const;
    // How much chain time that takes, at least; nothing: it depends on more than time.
    std::optional<std::uint32_t> warm_left_s() const;
    Budget const* budget() const { return budget_.get(); } // null: it has none

    Options const& options() const { return options_; }
    bool statistical() const;

    // ---- over a restart
    // Of its name, its kind and everything that what it has learned depends on: its family's
    // options, its budget, whom it watches. Not of lists, levels, severity and cooldown, which only
    // say what is told. The same in every run.
    std::uint64_t print() const { return print_; }
    // Calls `each` for every part of what it has learned: to write it away, or to fill it with what
    // was written of a rule with the same print. Between blocks; what next() has is not in it.
    void state(std::function<void(std::span<std::byte>)> const& each);

  private:
    struct Asked;

    // Families without state of their own.
    template <class FamilyOptions,
              std::optional<Claim> (*judge)(FamilyOptions const&, Accounts const&,
                                            MovementLog const&, Moved const&)>
    struct Stateless {
        FamilyOptions options;
    };
    using Dormant = Stateless<DormantOptions, dormant_awakening>;
    using Gathering = Stateless<GatheringOptions, gathering>;
    using Drain = Stateless<DrainOptions, drain>;
    using Structuring = Stateless<StructuringOptions, structuring>;
    using Path = Stateless<PassThroughOptions, pass_through>;
    using Probe = Stateless<TestThenLargeOptions, test_then_large>;

    using Market = std::unique_ptr<MarketVolume>;
    using Family =
        std::variant<Watch, Dormant, Coordination, Gathering, Drain, Structuring, ExchangeFlows,
                     Whales, Unbondings, Burst, Market, Path, Probe, LargeTransfers>;
    static Family family_of(PatternOptions const& options, std::size_t watched);

    bool watches(decoders::Account const& account) const;
    bool model_warming() const;
    static constexpr std::size_t maybe_max = 4'096;
    static std::size_t place_of(decoders::Account const& account);

    Options options_;
    std::bitset<maybe_max> maybe_watched_; // by two bytes of the key: nearly nobody is looked for
    std::uint64_t print_;
    Family family_;
    std::optional<Claim> of_window_; // market_volume's, until next()
    std::unique_ptr<Budget> budget_; // null: its thresholds stay
};

std::uint64_t print_of(PatternRuleOptions const& options); // see PatternRule::print()

// The longest a window of these options looks back.
std::uint32_t window_s(PatternOptions const& options);

} // namespace stages
