#include "stages/pattern_rule.hpp"

#include "pipeline/check.hpp"

#include <algorithm>

namespace stages {

namespace {

constexpr std::size_t recent_max = 4'096;    // movements coordination compares
constexpr std::size_t waiting_max = 1'024;   // crossings that have to last
constexpr std::size_t followed_max = 16'384; // unbondings until they are released

// Whether its sender has already sent a transfer in this block: fees may lie between. Nearly
// nobody has, which the sender's record knows without a look into the log.
bool sent_in_block(Accounts const& accounts, MovementLog const& log, Moved const& moved) {
    constexpr std::size_t steps_max = 8;
    if (moved.from == no_account || accounts[moved.from].last_out_s < moved.time_s) return false;
    bool found = false;
    log.sent(moved.seq, moved.time_s, steps_max, [&](Moved const& one) {
        found = one.seq != moved.seq && one.kind == decoders::MovementKind::transfer;
        return !found;
    });
    return found;
}

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};

} // namespace

PatternRule::PatternRule(Options options)
    : options_(std::move(options))
    , print_(print_of(options_))
    , family_(family_of(options_.family, options_.watched.size())) {
    if (options_.budget) budget_ = std::make_unique<Budget>(BudgetOptions{*options_.budget});
    for (decoders::Account const& account : options_.watched) maybe_watched_.set(place_of(account));
}

PatternRule::Family PatternRule::family_of(PatternOptions const& options, std::size_t watched) {
    return std::visit(
        Overloaded{
            [&](WatchOptions const& of) -> Family {
                return Watch(of, std::max<std::size_t>(watched, 1));
            },
            [](DormantOptions const& of) -> Family { return Dormant{of}; },
            [](CoordinationOptions const& of) -> Family { return Coordination(of, recent_max); },
            [](GatheringOptions const& of) -> Family { return Gathering{of}; },
            [](DrainOptions const& of) -> Family { return Drain{of}; },
            [](StructuringOptions const& of) -> Family { return Structuring{of}; },
            [](ExchangeFlowOptions const& of) -> Family { return ExchangeFlows(of); },
            [](WhaleOptions const& of) -> Family { return Whales(of, waiting_max); },
            [](UnbondingOptions const& of) -> Family { return Unbondings(of, followed_max); },
            [](BurstOptions const& of) -> Family { return Burst(of); },
            [](MarketVolumeOptions const& of) -> Family {
                return std::make_unique<MarketVolume>(of);
            },
            [](PassThroughOptions const& of) -> Family { return Path{of}; },
            [](TestThenLargeOptions const& of) -> Family { return Probe{of}; },
            [](LargeOptions const& of) -> Family { return LargeTransfers(of); },
        },
        options);
}

// One function for each family, of the same arguments: a visitor is made ten times for every
// movement, so it holds four words.
struct PatternRule::Asked {
    PatternRule const& rule;
    Accounts const& accounts; // a look changes nothing
    MovementLog const& log;
    Moved const& moved;

    std::optional<Claim> operator()(Watch& family) const {
        for (AccountIndex const one : {moved.from, moved.to})
            if (one != no_account && rule.watches(accounts[one].key))
                if (auto claim = family.on(accounts, moved, one)) return claim;
        return std::nullopt;
    }
    std::optional<Claim> operator()(Coordination& family) const {
        return family.on(accounts, log, moved);
    }
    std::optional<Claim> operator()(Whales& family) const {
        family.on(accounts, moved);
        return std::nullopt;
    }
    std::optional<Claim> operator()(ExchangeFlows& family) const {
        family.on(accounts, moved);
        return std::nullopt;
    }
    std::optional<Claim> operator()(Unbondings& family) const { return family.on(accounts, moved); }
    std::optional<Claim> operator()(Burst& family) const {
        bool const counts = moved.from != no_account && sending_kinds.has(moved.kind);
        if (!counts || within_cluster(accounts, moved)) return std::nullopt;
        return family.on(moved, accounts[moved.from], log);
    }
    std::optional<Claim> operator()(Market& family) const {
        bool const counts = moved.kind == decoders::MovementKind::transfer;
        if (!counts || within_cluster(accounts, moved)) return std::nullopt;
        return family->on(moved, sent_in_block(accounts, log, moved));
    }
    std::optional<Claim> operator()(LargeTransfers& family) const {
        return family.on(accounts, moved);
    }
    template <class Of, auto judge>
    std::optional<Claim> operator()(Stateless<Of, judge>& family) const {
        return judge(family.options, accounts, log, moved);
    }
};

std::optional<Claim> PatternRule::on(Accounts const& accounts, MovementLog const& log,
                                     Moved const& moved) {
    return std::visit(Asked{*this, accounts, log, moved}, family_);
}

std::size_t PatternRule::place_of(decoders::Account const& account) {
    return (account.key[0] | std::size_t{account.key[1]} << 8) % maybe_max;
}

bool PatternRule::watches(decoders::Account const& account) const {
    return maybe_watched_[place_of(account)] && holds(options_.watched, account);
}

void PatternRule::at_block(std::uint32_t number, std::uint32_t time_s) {
    if (auto* family = std::get_if<Whales>(&family_)) family->at_block(number);
    if (auto* family = std::get_if<Unbondings>(&family_)) family->at_block(time_s);
    if (auto* family = std::get_if<Coordination>(&family_)) family->at_block(time_s);
    if (auto* family = std::get_if<ExchangeFlows>(&family_)) family->at_block(time_s);
    if (auto* family = std::get_if<Market>(&family_)) of_window_ = (*family)->pass(time_s);
    if (auto* family = std::get_if<LargeTransfers>(&family_)) family->at_block(time_s);
    if (budget_) budget_->pass(time_s);
}

void PatternRule::price(std::string_view usd, std::uint32_t time_s) {
    if (auto* family = std::get_if<LargeTransfers>(&family_)) family->price(usd, time_s);
}

std::uint64_t PatternRule::unpriced() const {
    auto const* family = std::get_if<LargeTransfers>(&family_);
    return family == nullptr ? 0 : family->unpriced();
}

std::optional<Claim> PatternRule::next(Accounts const& accounts, MovementLog const& log) {
    if (auto* family = std::get_if<Whales>(&family_)) return family->next(accounts, log);
    if (auto* family = std::get_if<ExchangeFlows>(&family_)) return family->next();
    if (!of_window_) return std::nullopt; // asked of every rule at every block
    return std::exchange(of_window_, std::nullopt);
}

// What has no score of its own is measured by its size.
bool PatternRule::affords(Claim const& claim, std::uint32_t time_s) {
    if (!budget_) return true;
    double const score = claim.score_bits > 0 ? claim.score_bits : static_cast<double>(claim.sum);
    return score > 0 && budget_->judge(score, time_s);
}

bool PatternRule::speaks_of(decoders::Account const* subject) const {
    if (subject == nullptr) return !options_.included_only;
    if (options_.included_only && !holds(options_.include, *subject)) return false;
    return !holds(options_.exclude, *subject);
}

Severity PatternRule::severity_of(Claim const& claim) const {
    if (options_.severity) return *options_.severity;
    auto const& [at, on] = options_.levels;
    if (std::ranges::none_of(on, std::identity{})) return claim.severity;
    Severity const by_levels = options_.levels.met(claim.sum).value_or(Severity::notable);
    return options_.levels_alone ? by_levels : std::max(by_levels, claim.severity);
}

bool PatternRule::warming() const { return (budget_ && budget_->warming()) || model_warming(); }

std::optional<std::uint32_t> PatternRule::warm_left_s() const {
    if (!budget_ || !budget_->warming() || model_warming()) return std::nullopt;
    return budget_->warm_left_s();
}

bool PatternRule::model_warming() const {
    if (auto const* family = std::get_if<Coordination>(&family_)) return family->warming();
    if (auto const* family = std::get_if<LargeTransfers>(&family_)) return family->warming();
    if (auto const* family = std::get_if<ExchangeFlows>(&family_)) return family->warming() != 0;
    if (auto const* family = std::get_if<Market>(&family_)) return (*family)->warming();
    return false;
}

bool PatternRule::statistical() const {
    return row_of(options_.kind).model == RuleModel::statistical;
}

std::uint32_t window_s(PatternOptions const& options) {
    return std::visit(Overloaded{
                          [](CoordinationOptions const& of) {
                              return std::max(of.windows_s[0], of.windows_s[1]);
                          },
                          [](GatheringOptions const& of) { return of.window_s; },
                          [](DrainOptions const& of) { return of.window_s; },
                          [](StructuringOptions const& of) { return of.window_s; },
                          [](PassThroughOptions const& of) { return of.hop_s * of.hops; },
                          [](TestThenLargeOptions const& of) { return of.window_s; },
                          [](auto const&) { return day_s; },
                      },
                      options);
}

} // namespace stages
