// What rules need not be asked about: one that is only asked about what it wants claims what its
// twin, asked about everything, claims, of random movements of all kinds and about every floor.
#include "stages/pattern_rule.hpp"

#include "tests/stages/account_world.hpp"

#include <gtest/gtest.h>

namespace stages {
namespace {

using decoders::MovementKind;

constexpr u128 token = 10'000;
constexpr std::uint32_t people = 30, exchange = 1;

struct Asked {
    RuleKind kind{};
    PatternOptions options{};
};

// Options under which so few movements already say something.
std::vector<Asked> cases() {
    using enum RuleKind;
    std::vector<Asked> all;
    auto const add = [&](RuleKind kind, auto const& options) { all.push_back({kind, options}); };
    add(watch, WatchOptions{.min = 10 * token});
    add(watch, WatchOptions{.min = 1'000 * token, .low = 40 * token});
    add(dormant_awakening, DormantOptions{.silence_s = 600, .min = 10 * token, .model_bits = 0});
    add(coordination, CoordinationOptions{.min = 10 * token, .clusters = 2, .once_in_s = 1});
    GatheringOptions gathering{.counterparties = 4, .effective = 2, .sum = 320 * token};
    add(consolidation, gathering);
    gathering.outward = true;
    add(dispersion, gathering);
    add(drain,
        DrainOptions{.outflows = 2, .largest_share = 0.9, .balance_share = 0.1, .min = 10 * token});
    add(structuring,
        StructuringOptions{.level = 20 * token, .parts = 3, .sum_levels = 1, .variation = 0.9});
    add(exchange_flow, ExchangeFlowOptions{.floor = 20 * token});
    add(new_whale, WhaleOptions{.level = 60 * token, .blocks = 2});
    add(whale_exit, WhaleOptions{.leaving = true, .level = 60 * token, .blocks = 2});
    add(unbonding, UnbondingOptions{.min = 10 * token, .unlock_s = 600});
    add(burst, BurstOptions{.min = 10 * token, .model_outs = 3, .factor = 1.5, .bits = 0.5});
    add(market_volume, MarketVolumeOptions{.z = 0.5, .warm_windows = 3, .once_in_s = 0});
    add(pass_through, PassThroughOptions{.min = 10 * token, .hops = 2, .keep = 0.3});
    add(test_then_large,
        TestThenLargeOptions{.large = 20 * token, .probe_share = 0.9, .window_s = 3'600});
    add(large_transfer, LargeOptions{.share = 0.1, .floor = 10 * token});
    return all;
}

std::string text_of(std::optional<Claim> const& claim) {
    if (!claim) return "";
    std::string text = std::to_string(claim->subject) + ' ' + details_of(*claim) + ' ' +
                       std::to_string(claim->score_bits) + ' ' +
                       std::to_string(static_cast<std::uint64_t>(claim->sum));
    for (std::uint32_t i = 0; i < claim->evidence.kept; ++i)
        text += ' ' + std::to_string(claim->evidence.seqs[i]);
    return text;
}

struct Twins {
    AccountWorld world{};
    PatternRule all, wanted;
    PatternRule::Wants wants;
    std::size_t claims = 0, spared = 0;

    static PatternRuleOptions options_of(Asked const& asked, std::vector<decoders::Account> keys) {
        PatternRuleOptions options{.kind = asked.kind, .family = asked.options};
        if (asked.kind == RuleKind::watch) options.watched = sorted_set(std::move(keys));
        return options;
    }
    explicit Twins(Asked const& asked)
        : all(options_of(asked, {world.key(2), world.key(3)}))
        , wanted(options_of(asked, {world.key(2), world.key(3)}))
        , wants(wanted.wants()) {
        for (std::uint32_t i = 1; i <= people; ++i) world.known(i, 50 * token);
        world.accounts[world.account(exchange)].exchange = true;
    }
    void same(std::optional<Claim> const& a, std::optional<Claim> const& b) {
        ASSERT_EQ(text_of(a), text_of(b));
        claims += a.has_value();
    }
    void moves(AccountIndex from, AccountIndex to, u128 amount, MovementKind kind) {
        auto const of_exchange = [&](AccountIndex one) {
            return one != no_account && world.accounts[one].exchange;
        };
        world.move(
            from, to, amount,
            [&](Moved const& moved) {
                bool const asks = wants.kinds.has(moved.kind) && moved.amount >= wants.least &&
                                  (!wants.of_exchange || of_exchange(from) || of_exchange(to));
                spared += !asks;
                auto const claim = all.on(world.accounts, world.log, moved);
                same(claim, asks ? wanted.on(world.accounts, world.log, moved) : std::nullopt);
                return 0;
            },
            kind);
    }
    void ends(std::uint32_t seconds) {
        all.at_block(world.block, world.time_s);
        if (wanted.timed()) wanted.at_block(world.block, world.time_s);
        for (;;) {
            auto const claim = all.next(world.accounts, world.log);
            same(claim, wanted.timed() ? wanted.next(world.accounts, world.log) : std::nullopt);
            if (!claim) break;
        }
        world.pass(seconds);
    }
};

TEST(PatternRuleWants, who_is_asked_about_what_it_wants_claims_what_its_twin_does) {
    constexpr MovementKind kinds[] = {MovementKind::transfer,          MovementKind::transfer,
                                      MovementKind::transfer,          MovementKind::transfer,
                                      MovementKind::withdraw,          MovementKind::unstake,
                                      MovementKind::withdraw_unbonded, MovementKind::stake,
                                      MovementKind::deposit,           MovementKind::set};
    constexpr u128 sizes[] = {token, 2 * token, 5 * token, 10 * token, 20 * token, 30 * token};
    for (Asked const& asked : cases()) {
        SCOPED_TRACE(to_text(asked.kind));
        Twins twins(asked);
        std::mt19937_64 random(7);
        auto& accounts = twins.world.accounts;
        for (int block = 0; block < 3'000 && !::testing::Test::HasFatalFailure(); ++block) {
            for (std::uint64_t i = random() % 4; i > 0; --i) {
                auto const from = static_cast<AccountIndex>(random() % people);
                auto const to = static_cast<AccountIndex>(random() % people);
                u128 amount = sizes[random() % std::size(sizes)] + random() % 3 - 1;
                MovementKind const kind = kinds[random() % std::size(kinds)];
                if (leaving_kinds.has(kind)) amount = std::min(amount, accounts[from].balance);
                bool const leaves = leaving_kinds.has(kind) && !entering_kinds.has(kind);
                bool const enters = entering_kinds.has(kind) && !leaving_kinds.has(kind);
                twins.moves(enters || kind == MovementKind::set ? no_account : from,
                            leaves ? no_account : to, amount, kind);
            }
            twins.ends(block % 100 == 0 ? 1'000 : 30);
        }
        EXPECT_GT(twins.claims, 0U);
        bool const everything = twins.wants.least == 0 && asked.kind == RuleKind::watch;
        EXPECT_EQ(twins.spared == 0, everything);
    }
}

TEST(PatternRuleWants, a_watch_of_nobody_wants_nothing) {
    PatternRule const nobody(PatternRuleOptions{.kind = RuleKind::watch, .family = WatchOptions{}});
    EXPECT_TRUE(nobody.wants().kinds.empty());
}

} // namespace
} // namespace stages
