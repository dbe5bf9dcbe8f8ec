// What `spyhop alerts` finds in the journal's file, and how it looks.
#include "stages/admin_alerts.hpp"
#include "tests/stages/journal_fixture.hpp"

#include <gtest/gtest.h>

using namespace stages;

namespace {

std::string key_of(std::uint8_t first) {
    std::string digits = "0x";
    for (int i = 0; i < 32; ++i) digits += fmt::format("{:02x}", first);
    return digits;
}

decoders::Account account(std::uint8_t first) {
    std::uint8_t bytes[32];
    std::fill(std::begin(bytes), std::end(bytes), first);
    return decoders::account_of(bytes, 32);
}

struct Said : ::testing::Test {
    Said() {
        auto const journal = stages::testing::open_journal(path);
        for (std::uint8_t i = 1; i <= 3; ++i) {
            std::string const line = fmt::format(
                R"({{"id":"{:032x}","state":"final","severity":"{}","chain":"dot",)"
                R"("block":{{"number":{}}},"from":{{"address":"5GrwvaEF5zXb26Fz9rcQpDWS57",)"
                R"("public_key":"{}"}},"to":{{"address":"x","public_key":"{}","label":"Bank"}},)"
                R"("asset":{{"symbol":"DOT"}},"amount":"12.5","path":"hybrid"}})",
                i, to_text(static_cast<Severity>(i - 1)), 100 + i, key_of(i), key_of(9));
            AlertRow row;
            row.id[15] = i;
            row.state = AlertState::final;
            row.severity = static_cast<Severity>(i - 1);
            row.block = 100U + i;
            row.chain = "dot";
            row.rule = "large";
            row.emitted_unix_ms = 1'000U * i;
            row.line = line;
            journal->append(row);
        }
        EXPECT_TRUE(journal->commit());
    }
    std::vector<std::uint64_t> times(AlertFilter const& filter) {
        auto const list = read_alerts(path, filter);
        EXPECT_TRUE(list) << list.error();
        std::vector<std::uint64_t> all;
        for (ListedAlert const& one : list->alerts) all.push_back(one.emitted_unix_ms);
        return all;
    }
    using Times = std::vector<std::uint64_t>;
    stages::testing::Directory folder;
    std::string path = folder / "alerts.db";
};

} // namespace

TEST_F(Said, comes_oldest_first_and_only_what_is_wanted) {
    EXPECT_EQ(times({}), (Times{1'000, 2'000, 3'000}));
    EXPECT_EQ(times({.since_unix_ms = 2'000}), (Times{2'000, 3'000}));
    EXPECT_EQ(times({.least = Severity::critical}), (Times{3'000}));
    EXPECT_EQ(times({.account = account(2)}), (Times{2'000}));
    EXPECT_EQ(times({.account = account(9)}), (Times{1'000, 2'000, 3'000}));
    EXPECT_EQ(times({.account = account(7)}), Times{});
    EXPECT_EQ(times({.most = 2}), (Times{2'000, 3'000})); // the newest
    EXPECT_EQ(times({.after_seq = 2}), (Times{3'000}));
    auto const nothing_new = read_alerts(path, {.after_seq = 3});
    ASSERT_TRUE(nothing_new);
    EXPECT_TRUE(nothing_new->alerts.empty());
    EXPECT_EQ(nothing_new->last_seq, 3);
    EXPECT_EQ(read_alerts(path, {.least = Severity::critical})->last_seq, 3);
}

// Control has a rollback to answer: nobody may keep it reading for long.
TEST_F(Said, is_looked_for_in_so_many_lines_and_the_answer_says_so) {
    EXPECT_FALSE(read_alerts(path, {})->cut);
    auto const list = read_alerts(path, {.account = account(1), .rows_max = 2});
    ASSERT_TRUE(list);
    EXPECT_TRUE(list->alerts.empty() && list->cut);
    EXPECT_NE(alerts_table(*list).find("older ones were not looked at"), std::string::npos);
}

TEST_F(Said, is_shown_in_columns_and_as_it_was_said) {
    auto const list = read_alerts(path, {.most = 1});
    ASSERT_TRUE(list);
    std::string const table = alerts_table(*list);
    EXPECT_NE(table.find("1970-01-01T00:00:03.000Z  final      critical   dot 103"),
              std::string::npos)
        << table;
    EXPECT_NE(table.find("12.5 DOT  5Grwva..pDWS57 -> Bank"), std::string::npos) << table;
    EXPECT_EQ(alerts_json(*list), '[' + list->alerts[0].line + ']');
    AlertList later = *list;
    later.alerts[0].line.insert(later.alerts[0].line.size() - 1, R"(,"amended":["usd"])");
    EXPECT_NE(alerts_table(later).find("000Z  amended    critical"), std::string::npos);
}

TEST(AlertList, says_where_there_is_no_journal) {
    auto const list = read_alerts("/nonexistent/alerts.db", {});
    ASSERT_FALSE(list);
    EXPECT_NE(list.error().find("/nonexistent/alerts.db"), std::string::npos);
}
