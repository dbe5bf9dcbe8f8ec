// The engine of patterns: what it judges, when, and what it tells of it. The families have tests of
// their own.
#include "tests/stages/patterns_chain.hpp"

#include <gtest/gtest.h>
#include <string>

namespace stages {
namespace {

using namespace testing;

TEST(Patterns, a_pattern_is_told_when_its_block_is_final) {
    Chain chain({rule_of(RuleKind::drain)});
    chain.drained(7, 1);
    EXPECT_TRUE(chain.found().empty());
    chain.final(block_ref(7));
    auto const found = chain.found();
    ASSERT_EQ(found.size(), 1U);
    auto const& one = found[0];
    EXPECT_EQ(one.facts.subject, account(1));
    EXPECT_EQ(one.facts.sum, 50'000 * token);
    EXPECT_EQ(one.facts.all, 5U);
    EXPECT_FALSE(one.facts.ongoing);
    EXPECT_TRUE(one.transfer.block.finalized);
    EXPECT_EQ(one.transfer.block.hash, block_ref(7).hash);
    EXPECT_EQ(one.transfer.block.timestamp_ms, block_ref(7).timestamp_ms);
    // The movement that completed it is the newest of the evidence, and is the alert's event.
    EXPECT_EQ(one.facts.evidence[one.facts.kept - 1].event, one.transfer.event_index);
    EXPECT_EQ(one.transfer.from, account(1));
    EXPECT_EQ(one.transfer.to, account(504));
}

TEST(Patterns, what_an_abandoned_block_held_never_was) {
    Chain chain({rule_of(RuleKind::drain)});
    chain.drained(7, 1, 1);
    chain.end(block_ref(7, 2));
    chain.final(block_ref(7, 2));
    EXPECT_TRUE(chain.found().empty());
    EXPECT_EQ(chain.patterns.accounts().size(), 0U);
}

TEST(Patterns, what_goes_on_is_told_again_only_as_more_of_the_same) {
    Chain chain({rule_of(RuleKind::drain)});
    chain.drained(7, 1);
    chain.final(block_ref(7));
    auto const first = chain.found();
    ASSERT_EQ(first.size(), 1U); // the sixth cut was nothing new
    EXPECT_EQ(chain.patterns.counts().repeats, 1U);
    BlockRef const next = block_ref(8);
    for (std::uint32_t i = 0; i < 4; ++i) chain.moves(next, 1, 600 + i, 10'000 * token);
    chain.end(next);
    chain.final(next);
    auto const more = chain.found();
    ASSERT_EQ(more.size(), 2U); // nine tenths are gone, then all: ten times the least
    EXPECT_TRUE(more[0].facts.ongoing);
    EXPECT_EQ(more[0].transfer.event_index, first[0].transfer.event_index);
    EXPECT_EQ(more[0].transfer.block.number, 7U);
    EXPECT_GT(more[0].facts.all, first[0].facts.all);
}

TEST(Patterns, after_the_cooldown_it_is_a_new_alert) {
    Rule rule = rule_of(RuleKind::drain);
    rule.settings.cooldown_s = 60;
    Chain chain({rule});
    chain.drained(7, 1);
    chain.final(block_ref(7));
    ASSERT_EQ(chain.found().size(), 1U);
    BlockRef const later = block_ref(8 + 20);
    chain.patterns.missing(27);
    chain.moves(later, 1, 600, 10'000 * token);
    chain.end(later);
    chain.final(later);
    auto const found = chain.found();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_FALSE(found[0].facts.ongoing);
    EXPECT_EQ(found[0].transfer.block.number, 28U);
}

TEST(Patterns, lists_say_of_whom_a_rule_speaks) {
    Rule include = rule_of(RuleKind::drain), exclude = include, labelled = include;
    include.settings.include = {account(2)};
    exclude.settings.exclude = {account(1)};
    labelled.settings.exclude_labels = {"ours"};
    for (Rule const& rule : {include, exclude, labelled}) {
        Chain chain({rule}, {{account(1), "ours", ""}});
        chain.drained(7, 1);
        chain.drained(8, 2);
        chain.final(block_ref(7));
        chain.final(block_ref(8));
        auto const found = chain.found();
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].facts.subject, account(2));
        EXPECT_GT(chain.patterns.counts().excluded, 0U);
    }
}

// Included is only who bears a label that nobody bears: nobody.
TEST(Patterns, a_list_that_names_nobody_is_a_list_all_the_same) {
    Rule rule = rule_of(RuleKind::drain);
    rule.settings.include_labels = {"gone"};
    Chain chain({rule});
    chain.drained(7, 1);
    chain.final(block_ref(7));
    EXPECT_TRUE(chain.found().empty());
}

TEST(Patterns, severity_is_what_the_rule_says_of_the_sum) {
    Rule fixed = rule_of(RuleKind::drain), levels = fixed;
    fixed.settings.severity = Severity::critical;
    levels.levels[1] = "50000"; // met at equality
    Chain one({fixed}), other({levels});
    for (Chain* chain : {&one, &other}) {
        chain->drained(7, 1);
        chain->final(block_ref(7));
    }
    EXPECT_EQ(one.found().at(0).severity, Severity::critical);
    EXPECT_EQ(other.found().at(0).severity, Severity::important);
}

// A drain says critical of all that an account had; whoever writes a level of its sum wants that
// level. Silence is no amount: there the level comes besides.
TEST(PatternRule, levels_stand_instead_of_what_a_kind_says_of_amounts_and_besides_all_else) {
    struct Row {
        RuleKind kind;
        char const* important;
        Severity said, expected;
    };
    for (Row const& row :
         {Row{RuleKind::drain, nullptr, Severity::critical, Severity::critical},
          Row{RuleKind::drain, "8", Severity::critical, Severity::notable},
          Row{RuleKind::drain, "7", Severity::critical, Severity::important},
          Row{RuleKind::dormant_awakening, "8", Severity::critical, Severity::critical},
          Row{RuleKind::dormant_awakening, "7", Severity::notable, Severity::important},
          Row{RuleKind::dormant_awakening, "8", Severity::notable, Severity::notable}}) {
        Rule rule = rule_of(row.kind);
        if (row.important != nullptr) rule.levels[1] = row.important;
        auto const made = pattern_rules({&rule, 1}, 0, 0, {}, {}, [](std::string_view) {});
        Claim claim;
        claim.sum = 7;
        claim.severity = row.said;
        EXPECT_EQ(made.at(0).severity_of(claim), row.expected) << to_text(row.kind);
    }
}

TEST(Patterns, every_rule_judges_every_movement) {
    Rule first = rule_of(RuleKind::drain), second = rule_of(RuleKind::dispersion);
    first.name = "a";
    second.settings.counterparties = 5;
    second.settings.effective = 4.0;
    second.settings.sum = "50000";
    Chain chain({first, second});
    chain.drained(7, 1);
    chain.final(block_ref(7));
    auto const found = chain.found();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].rule, 0U);
    EXPECT_EQ(found[1].rule, 1U);
    EXPECT_EQ(found[0].transfer.event_index, found[1].transfer.event_index);
}

TEST(Patterns, little_by_little_is_the_same_as_at_once) {
    std::vector<Rule> const rules{rule_of(RuleKind::drain), rule_of(RuleKind::new_whale)};
    Chain once(rules), slowly(rules);
    std::vector<PatternFound> all;
    for (Chain* chain : {&once, &slowly}) {
        for (std::uint32_t number = 1; number <= 20; ++number) chain->drained(number, number);
        for (std::uint32_t number = 1; number <= 20; ++number) chain->final(block_ref(number));
    }
    auto const a = once.found(), b = slowly.found(1);
    ASSERT_EQ(a.size(), 20U);
    ASSERT_EQ(b.size(), a.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        EXPECT_EQ(a[i].facts.subject, b[i].facts.subject);
        EXPECT_EQ(a[i].transfer.event_index, b[i].transfer.event_index);
    }
}

TEST(Patterns, a_balance_that_stays_above_the_level_is_told_at_the_end_of_its_blocks) {
    Rule rule = rule_of(RuleKind::new_whale);
    rule.settings.level = "100000";
    rule.settings.blocks = 3;
    Chain chain({rule});
    chain.endow(block_ref(1), 7, 100'000 * token);
    std::vector<PatternFound> found;
    std::uint32_t at = 0;
    for (std::uint32_t number = 1; number <= 6; ++number) {
        chain.end(block_ref(number));
        chain.final(block_ref(number));
        for (auto const& one : chain.found()) {
            found.push_back(one);
            at = number;
        }
    }
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(at, 4U);
    EXPECT_EQ(found[0].facts.subject, account(7));
    EXPECT_EQ(found[0].transfer.block.number, 1U); // what brought it there
    EXPECT_EQ(found[0].transfer.block.hash, block_ref(1).hash);
}

TEST(Patterns, a_mark_of_a_watched_balance) {
    Rule rule = rule_of(RuleKind::watch);
    rule.settings.low = "50000";
    Chain chain({rule}, {}, {account(1)});
    chain.drained(7, 1);
    chain.drained(8, 2);
    chain.final(block_ref(7));
    chain.final(block_ref(8));
    auto const found = chain.found();
    ASSERT_EQ(found.size(), 1U); // nobody watches the other, and one mark is crossed once
    EXPECT_EQ(found[0].facts.subject, account(1));
}

TEST(Patterns, what_a_node_says_that_an_account_holds_is_known_from_there_on) {
    Rule rule = rule_of(RuleKind::watch);
    rule.settings.low = "50000";
    Chain chain({rule}, {}, {account(1)});
    EXPECT_FALSE(chain.patterns.holds(account(1), 6, 60'000 * token)); // no block has been judged
    auto const sends = [&](std::uint32_t number, u128 amount) {
        BlockRef const block = block_ref(number);
        chain.moves(block, 1, 500, amount);
        chain.end(block);
        chain.final(block);
        return chain.found().size();
    };
    EXPECT_EQ(sends(7, token), 0U); // of how much, nobody knows
    EXPECT_FALSE(chain.patterns.holds(account(1), 6, 60'000 * token));
    EXPECT_FALSE(chain.patterns.holds(account(1), 8, 60'000 * token));
    EXPECT_TRUE(chain.patterns.holds(account(1), 7, 60'000 * token));
    EXPECT_EQ(sends(8, 9'999 * token), 0U);
    EXPECT_EQ(sends(9, token), 1U);
    EXPECT_EQ(sends(10, token), 0U);                                   // it is below already
    EXPECT_TRUE(chain.patterns.holds(account(1), 10, 70'000 * token)); // events were not read
    EXPECT_EQ(sends(11, 15'000 * token), 0U);                          // above, and awake again
    EXPECT_EQ(sends(12, 5'000 * token), 1U);
    std::size_t const known = chain.patterns.accounts().size();
    EXPECT_TRUE(chain.patterns.holds(account(77), 12, 5)); // who has never moved
    EXPECT_EQ(chain.patterns.accounts().size(), known + 1);
}

TEST(Patterns, other_assets_and_other_events_are_passed_over) {
    Chain chain({rule_of(RuleKind::drain)});
    Transfer transfer;
    transfer.block = block_ref(7);
    transfer.asset = 3;
    transfer.from = account(1);
    transfer.to = account(2);
    transfer.movement = row_of_event("Transfer");
    chain.patterns.movement(transfer);
    chain.moves(block_ref(7), 0, 4, token, "Locked");
    chain.end(block_ref(7));
    chain.final(block_ref(7));
    EXPECT_TRUE(chain.found().empty());
    EXPECT_EQ(chain.patterns.counts().movements, 0U);
}

TEST(Patterns, a_statistical_rule_is_silent_where_it_is_switched_off) {
    Rule burst = rule_of(RuleKind::burst);
    for (bool const on : {true, false}) {
        Chain chain({burst, rule_of(RuleKind::drain)});
        chain.patterns.speak_statistics(on);
        std::uint32_t number = 1;
        std::size_t bursts = 0;
        auto const block = [&](std::uint32_t moves) {
            BlockRef const ref = block_ref(number++);
            for (std::uint32_t i = 0; i < moves; ++i) chain.moves(ref, 1, 2, token);
            chain.end(ref);
            chain.final(ref);
            for (auto const& one : chain.found()) bursts += one.rule == 0;
        };
        for (int i = 0; i < 1'000; ++i) block(i % 20 == 0 ? 1 : 0); // one in two minutes
        for (int i = 0; i < 100; ++i) block(1);                     // one in six seconds
        EXPECT_EQ(bursts, on ? 1U : 0U);
    }
}

// Its sender has been silent for longer than any window, and the table is full.
TEST(Patterns, who_sends_again_does_not_lose_its_place_to_whom_it_sends_to) {
    Patterns patterns({.accounts_max = 2, .movements_max = 16, .longest_window_s = day_s}, {});
    std::vector<Rule> const rules{rule_of(RuleKind::drain)};
    patterns.set_rules(pattern_rules(rules, 0, 10, {}, {}, [](auto) {}));
    for (auto const& [number, to] : {std::pair{1U, 2U}, {30'000U, 3U}}) {
        Transfer transfer;
        transfer.block = block_ref(number);
        transfer.from = account(1);
        transfer.to = account(to);
        transfer.amount = token;
        transfer.movement = row_of_event("Transfer");
        patterns.begin_at(number);
        patterns.movement(transfer);
        patterns.end(transfer.block);
        patterns.finalized(transfer.block.hash, number);
        std::size_t steps = 1;
        EXPECT_FALSE(patterns.next(steps));
    }
    Accounts const& known = patterns.accounts();
    EXPECT_NE(known.find(account(1)), no_account);
    EXPECT_EQ(known.find(account(2)), no_account);
    EXPECT_NE(known.find(account(3)), no_account);
}

} // namespace
} // namespace stages
