// Over a restart: rules that have changed, labels, damaged files, what will not come.
#include "tests/stages/patterns_keep_fixture.hpp"

#include <fmt/format.h>

namespace stages {
namespace {

using namespace testing;

// The others' claims are those of the run without a restart, the changed one's those of a rule that
// begins here.
TEST(PatternsKeep, a_rule_with_other_options_begins_anew_alone) {
    constexpr std::uint32_t half = 1'500, blocks = 2'500;
    auto const chain = chain_of(7, blocks);
    auto rules = all_rules();
    File const file;
    {
        Engine engine(rules);
        engine.play(chain, 1, half);
        ASSERT_TRUE(engine.patterns->save(*file.open(), genesis, decimals));
    }
    std::size_t changed = 0;
    for (Rule& rule : rules)
        if (rule.kind == RuleKind::market_volume)
            rule.settings.z = 2.9, changed = static_cast<std::size_t>(&rule - rules.data());
    auto const others = [&](std::vector<PatternFound> const& claims) {
        std::vector<PatternFound> list;
        for (auto const& one : claims)
            if (one.rule != changed && one.transfer.block.number > half) list.push_back(one);
        return list;
    };
    Engine ran_on(all_rules()), engine(rules);
    ran_on.play(chain, 1, blocks);
    auto const store = file.open();
    engine.patterns->read_from(store.get());
    auto const loaded = engine.patterns->load(*store, genesis);
    ASSERT_TRUE(loaded) << loaded.error();
    EXPECT_EQ(loaded->anew, std::vector{static_cast<std::uint16_t>(changed)});
    EXPECT_TRUE(engine.patterns->rules()[changed].warming());
    engine.play(chain, half + 1, blocks);
    expect_same(others(engine.claims), others(ran_on.claims));
}

TEST(PatternsKeep, rules_are_known_by_their_names_and_not_by_their_order) {
    constexpr std::uint32_t half = 1'200, blocks = 2'000;
    auto const chain = chain_of(8, blocks);
    auto const rules = all_rules();
    std::vector<Rule> turned(rules.rbegin(), rules.rend());
    File const file;
    Engine ran_on(rules);
    {
        Engine engine(rules);
        engine.play(chain, 1, half);
        ASSERT_TRUE(engine.patterns->save(*file.open(), genesis, decimals));
    }
    Engine engine(turned);
    auto const store = file.open();
    engine.patterns->read_from(store.get());
    auto const loaded = engine.patterns->load(*store, genesis);
    ASSERT_TRUE(loaded && loaded->stamp) << loaded.error();
    EXPECT_TRUE(loaded->anew.empty());
    engine.play(chain, half + 1, blocks);
    ran_on.play(chain, 1, half);
    ran_on.claims.clear();
    ran_on.play(chain, half + 1, blocks);
    engine.claims.erase(engine.claims.begin(),
                        engine.claims.begin() +
                            static_cast<std::ptrdiff_t>(engine.patterns->counts().again));
    for (auto& one : engine.claims)
        one.rule = static_cast<std::uint16_t>(rules.size() - 1 - one.rule);
    auto is = texts(engine.claims), should = texts(ran_on.claims);
    std::ranges::sort(is);
    std::ranges::sort(should);
    EXPECT_EQ(is, should);
}

TEST(PatternsKeep, lists_and_cooldowns_and_severities_may_change_and_nothing_is_forgotten) {
    auto const rules = all_rules();
    auto others = rules;
    for (Rule& rule : others) {
        rule.settings.exclude = {account(1)};
        rule.settings.severity = Severity::critical;
        rule.settings.cooldown_s = 60;
    }
    Engine a(rules), b(others);
    for (std::size_t i = 0; i < rules.size(); ++i)
        EXPECT_EQ(a.patterns->rules()[i].print(), b.patterns->rules()[i].print());
}

TEST(PatternsKeep, every_option_that_counts_is_in_the_print) {
    auto const print = [](auto change) {
        PatternRuleOptions options{.kind = RuleKind::watch, .family = WatchOptions{}, .name = "a"};
        change(options);
        return print_of(options);
    };
    std::vector<std::uint64_t> prints{
        print([](auto&) {}),
        print([](auto& o) { o.name = "b"; }),
        print([](auto& o) { o.kind = RuleKind::drain; }),
        print([](auto& o) { o.budget = 1.0; }),
        print([](auto& o) { o.watched = {account(1)}; }),
        print([](auto& o) { o.family = WatchOptions{.low = u128{0}}; }),
        print([](auto& o) { o.family = WatchOptions{.high = u128{0}}; }),
        print([](auto& o) { o.family = WatchOptions{.min = u128{1} << 64}; }),
        print([](auto& o) { o.family = DormantOptions{}; }),
        print([](auto& o) { o.family = DormantOptions{.borders = {1}}; }),
        print([](auto& o) { o.family = DormantOptions{.borders = {1, 2}}; }),
        print([](auto& o) { o.family = CoordinationOptions{.windows_s = {300, 3'601}}; }),
    };
    std::ranges::sort(prints);
    EXPECT_EQ(std::ranges::adjacent_find(prints), prints.end());
}

TEST(PatternsKeep, where_labels_are_others_now_clusters_are_made_anew) {
    auto const chain = chain_of(9, 600);
    auto const rules = all_rules();
    File const file;
    Engine engine(rules);
    engine.play(chain, 1, 600);
    ASSERT_TRUE(engine.patterns->save(*file.open(), genesis, decimals));
    Labels renamed;
    renamed.names[1] = "Coinbase";
    for (bool const same : {true, false}) {
        Engine after(rules, same ? Labels{} : renamed);
        ASSERT_TRUE(after.patterns->load(*file.open(), genesis));
        Accounts const& accounts = after.patterns->accounts();
        AccountIndex const a = accounts.find(account(0)), b = accounts.find(account(1));
        ASSERT_TRUE(a != no_account && b != no_account);
        EXPECT_EQ(inside(accounts, a, b), same);
    }
}

TEST(PatternsKeep, what_is_damaged_or_of_another_chain_is_refused_and_the_engine_begins_cold) {
    auto const chain = chain_of(10, 900);
    auto const rules = all_rules();
    File const file;
    {
        Engine engine(rules);
        engine.play(chain, 1, 500);
        ASSERT_TRUE(engine.patterns->save(*file.open(), genesis, decimals));
    }
    Engine cold(rules);
    cold.play(chain, 501, 900);
    auto const expect_cold = [&](Hash const& chain_is, std::string_view why) {
        auto const store = file.open();
        Engine engine(rules);
        auto const loaded = engine.patterns->load(*store, chain_is);
        ASSERT_FALSE(loaded);
        EXPECT_EQ(loaded.error(), file.path + ": " + std::string(why) +
                                      "; what the patterns knew is left aside, they begin anew");
        engine.play(chain, 501, 900);
        expect_same(engine.claims, cold.claims);
    };
    expect_cold(other_genesis, "it is of another chain");
    auto const tamper = [&](std::size_t table, std::string_view key, std::size_t at) {
        auto const opened = io::Records::open(file.path, {"head", "accounts", "log", "models"},
                                              {.bytes_max = 64 << 20});
        ASSERT_TRUE(opened);
        auto const read = (*opened->records->read())->get(table, pipeline::as_bytes(key));
        ASSERT_TRUE(read && *read);
        std::vector<std::uint8_t> bytes((*read)->begin(), (*read)->end());
        bytes.at(at) ^= 2;
        auto write = opened->records->write();
        write.put(table, pipeline::as_bytes(key), bytes);
        ASSERT_TRUE(write.commit());
    };
    std::string_view const model("rule drain\0\0\0\0", 14);
    tamper(3, model, 12);
    expect_cold(genesis, "the state of rule drain is damaged");
    tamper(3, model, 12);
    tamper(0, "head", 16);
    expect_cold(genesis, fmt::format("it is of version {}, this program reads {}",
                                     PatternStore::version ^ 2, PatternStore::version));
    tamper(0, "head", 16);
    Engine whole(rules);
    EXPECT_TRUE(whole.patterns->load(*file.open(), genesis));
}

TEST(PatternsKeep, what_will_not_come_counts_as_done) {
    auto const chain = chain_of(11, 100);
    File const file;
    Engine engine(all_rules());
    EXPECT_FALSE(engine.patterns->done_to());
    engine.play(chain, 1, 50);
    engine.patterns->missing(60);
    EXPECT_EQ(engine.patterns->done_to(), 60U);
    ASSERT_TRUE(engine.patterns->save(*file.open(), genesis, decimals));
    PatternStamp const stamp = *file.open()->stamp();
    EXPECT_EQ(stamp.number, 60U);
    EXPECT_EQ(stamp.hash, Hash{}); // nobody has given it
    EXPECT_EQ(stamp.decimals, decimals);
    EXPECT_EQ(stamp.block_ms, 60'000U);
}

} // namespace
} // namespace stages
