// Forks, runtimes and blocks that cannot be read, in whatever order they are told; and what a rule
// may be told about all of it.
#include "tests/stages/health_fixture.hpp"

#include <algorithm>
#include <random>
#include <set>

using namespace stages;
using namespace stages::testing;

// ---- forks --------------------------------------------------------------------------------------

TEST(ChainHealth, a_branch_of_four_is_a_reorg_and_shorter_ones_are_not) {
    Chain chain;
    chain.well(10);
    chain.abandon(101, 'b', 'a');
    chain.abandon(102, 'b', 'b');
    chain.abandon(103, 'b', 'b');
    EXPECT_EQ(chain.take(), Texts{});
    chain.abandon(103, 'b', 'b'); // twice the same
    EXPECT_EQ(chain.take(), Texts{});
    chain.abandon(104, 'b', 'b');
    EXPECT_EQ(chain.take(), Texts{R"(reorg 101: "blocks":4,"first":101,"newest":104)"});
    for (std::uint32_t number = 105; number < 108; ++number) chain.abandon(number, 'b', 'b');
    EXPECT_EQ(chain.take(), Texts{});
    chain.abandon(108, 'b', 'b'); // twice as deep
    EXPECT_EQ(chain.take(), Texts{R"(reorg 101 more: "blocks":8,"first":101,"newest":108)"});
    Chain siblings; // of every block, each beside the final chain
    siblings.well(10);
    for (std::uint32_t number = 100; number < 110; ++number) siblings.abandon(number, 'b', 'a');
    Chain unknown; // nobody knows what they stand on
    for (std::uint32_t number = 100; number < 110; ++number)
        unknown.health.abandoned({hash_of(number, 'b'), number, {}});
    unknown.hear();
    EXPECT_EQ(siblings.take(), Texts{});
    EXPECT_EQ(unknown.take(), Texts{});
}

// ---- runtimes -----------------------------------------------------------------------------------

TEST(ChainHealth, an_upgrade_is_told_when_its_block_is_final) {
    Chain chain;
    chain.well(5);
    chain.block(6, 2);
    EXPECT_EQ(chain.take(), Texts{});
    std::uint32_t const at = chain.best;
    chain.finalize(at - 1);
    EXPECT_EQ(chain.take(), Texts{});
    chain.finalize(at);
    EXPECT_EQ(chain.take(), Texts{fmt::format(R"(upgrade {}: "from":1,"to":2)", at)});
    chain.finalize(at);
    EXPECT_EQ(chain.take(), Texts{});
    chain.block(6, 3); // soon after: another fact
    chain.finalize(chain.best);
    EXPECT_EQ(chain.take(), Texts{fmt::format(R"(upgrade {}: "from":2,"to":3)", at + 1)});
}

TEST(ChainHealth, an_upgrade_on_a_branch_that_dies_is_none) {
    Chain chain;
    chain.well(5);
    std::uint32_t const at = chain.best + 1;
    chain.end(Chain::made(at, chain.ms, 2, 'b'));
    chain.end(Chain::made(at, chain.ms, 1, 'c'));
    chain.end(Chain::made(at + 1, chain.ms, 1, 'c'));
    chain.finalize(at, 'c');
    chain.finalize(at + 1, 'c');
    EXPECT_EQ(chain.take(), Texts{});
}

// Blocks of random runtimes are told in any order, live or as history, each with its finality at
// once or at the end: what is said is what two neighbours differ in, each once.
TEST(ChainHealth, upgrades_do_not_depend_on_the_order_of_telling) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        std::mt19937_64 random(seed);
        std::vector<std::uint32_t> specs, order;
        for (std::uint32_t i = 0; i < 60; ++i) {
            bool const other = i == 0 || random() % 8 == 0;
            auto const spec = static_cast<std::uint32_t>(1 + random() % 3);
            specs.push_back(other ? spec : specs.back());
            order.push_back(i);
        }
        std::set<std::string> expected, found;
        for (std::uint32_t i = 1; i < specs.size(); ++i)
            if (specs[i] != specs[i - 1])
                expected.insert(fmt::format(R"(upgrade {}: "from":{},"to":{})", 100 + i,
                                            specs[i - 1], specs[i]));
        if (seed % 3 != 0) std::ranges::shuffle(order, random);
        Chain chain(only(HealthWhat::upgrade));
        for (std::uint32_t const i : order) {
            chain.end(Chain::made(100 + i, start_ms + i * 6'000, specs[i]));
            if (seed % 2 == 0) chain.finalize(100 + i);
        }
        for (std::uint32_t i = 0; seed % 2 != 0 && i < specs.size(); ++i) chain.finalize(100 + i);
        Texts const said = chain.take();
        found.insert(said.begin(), said.end());
        EXPECT_EQ(found, expected) << seed;
        EXPECT_EQ(said.size(), expected.size()) << seed;
    }
}

TEST(ChainHealth, a_runtime_that_is_blind_is_told_with_its_first_block) {
    Chain chain;
    chain.well(5);
    BlockEnd end = Chain::made(++chain.best, chain.ms, 2);
    end.blind = 3;
    chain.end(end);
    chain.finalize(chain.best);
    EXPECT_EQ(chain.take(),
              (Texts{fmt::format(R"(upgrade {}: "from":1,"to":2)", chain.best),
                     fmt::format(R"(blind {}: "spec_version":2,"events":3)", chain.best)}));
    end = Chain::made(++chain.best, chain.ms, 2);
    end.blind = 3;
    chain.end(end);
    chain.finalize(chain.best);
    EXPECT_EQ(chain.take(), Texts{});
}

TEST(ChainHealth, blocks_that_cannot_be_read_are_one_alert_that_doubles) {
    Chain chain(only(HealthWhat::incomplete));
    chain.well(5);
    std::uint32_t const first = chain.best + 1;
    for (int i = 0; i < 9; ++i) {
        chain.ms += 6'000;
        BlockEnd end = Chain::made(++chain.best, chain.ms);
        end.incomplete = true;
        end.fault.assign("byte 7: \"what\"\\\n");
        chain.end(end);
        chain.finalize(chain.best);
    }
    auto const text = [&](char const* more, int blocks) {
        return fmt::format(
            R"(decode_incomplete {}{}: "blocks":{},"newest":{},"fault":"byte 7: 'what'??")", first,
            more, blocks, first + blocks - 1);
    };
    EXPECT_EQ(chain.take(),
              (Texts{text("", 1), text(" more", 2), text(" more", 4), text(" more", 8)}));
    chain.well(700); // more than an hour
    BlockEnd end = Chain::made(++chain.best, chain.ms);
    end.incomplete = true;
    chain.end(end);
    EXPECT_EQ(chain.take(), Texts{}); // not final yet
    chain.finalize(chain.best);
    EXPECT_EQ(chain.take(),
              Texts{fmt::format(R"(decode_incomplete {0}: "blocks":1,"newest":{0},"fault":"")",
                                chain.best)});
}

// ---- rules --------------------------------------------------------------------------------------

TEST(ChainHealth, a_rule_says_what_it_is_asked_for_with_its_own_severity) {
    Rule rule;
    rule.kind = RuleKind::chain_health;
    ChainHealthOptions const standard = chain_health_options(rule, 3);
    EXPECT_EQ(standard.rule, 3);
    EXPECT_EQ(std::ranges::count(standard.on, true), 6); // conservation, where nobody is audited
    EXPECT_EQ(standard.cooldown_s, 3'600U);
    rule.settings.what = {"reorg", "blind"};
    rule.settings.severity = Severity::notable;
    rule.settings.stall_s = 90;
    rule.settings.finality_stall_s = 200;
    rule.settings.stall_factor = 4;
    rule.settings.distance = 50;
    rule.settings.reorg = 2;
    ChainHealthOptions const asked = chain_health_options(rule, 0);
    EXPECT_EQ(asked.on, (std::array{false, false, true, false, false, true, false}));
    EXPECT_EQ(asked.severity, Severity::notable);
    EXPECT_EQ(asked.stall_s + asked.finality_stall_s + asked.distance + asked.reorg, 342U);
    EXPECT_EQ(asked.stall_factor, 4);
    // Two rules over the same blocks do not hear each other.
    ChainHealthOptions second_one = asked;
    second_one.rule = 1;
    second_one.reorg = 3;
    ChainHealth health({asked, second_one});
    std::vector<std::uint16_t> rules;
    for (std::uint32_t number = 10; number < 13; ++number) {
        health.abandoned({hash_of(number, 'b'), number, hash_of(number - 1, 'b')});
        while (auto const found = health.next()) {
            rules.push_back(found->rule);
            EXPECT_EQ(found->severity, Severity::notable);
        }
    }
    EXPECT_EQ(rules, (std::vector<std::uint16_t>{0, 1}));
    for (ChainHealthRow const& row : chain_health_rows())
        EXPECT_EQ(health_what_named(row.key), row.what);
    EXPECT_EQ(health_what_named("rain"), std::nullopt);
    EXPECT_EQ(health_event(HealthWhat::stalled), 0xffff'ffffU);
    EXPECT_EQ(health_event(HealthWhat::blind), 0xffff'fffaU);
    EXPECT_EQ(health_event(HealthWhat::conservation, 47), 0xffff'ffcaU);
    for (ChainHealthRow const& row : chain_health_rows())
        EXPECT_EQ(health_what_of(health_event(row.what)), row.what);
    EXPECT_EQ(health_what_of(0xffff'ffcaU), HealthWhat::conservation);
}
