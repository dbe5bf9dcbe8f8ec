// spyhop rule backtest: alerts counted by hand, rates against tables, and what is said where there
// is nothing to test with.
#include "command_said.hpp"
#include "config/backtest.hpp"
#include "config/cmd_rule.hpp"
#include "config/exit_codes.hpp"
#include "config/temporary_folder.hpp"
#include "recorded.hpp"
#include "texts.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <simdjson.h>
#include <sstream>

using namespace config;
using tests::CommandSaid;
using tests::has;

namespace {

class RuleBacktest : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_FALSE(folder.path().empty()) << folder.trouble();
        write_config(tests::recorded_config(folder.path()));
        recorder.write(capture, recorder.story());
    }
    void write_config(std::string const& text) const { std::ofstream(file) << text; }
    CommandSaid test(std::string const& rule = "") {
        RuleBacktestOptions const options{file, capture, rule};
        return tests::said_by(
            [&](auto* out, auto* err) { return cmd_rule_backtest(common, options, out, err); });
    }
    CommandSaid replay(std::vector<io::CaptureBlock> const& blocks, std::string const& rule = "") {
        std::filesystem::remove(capture);
        recorder.write(capture, blocks);
        return test(rule);
    }
    simdjson::dom::element parse(std::string const& json) { return parser.parse(json); }

    TemporaryFolder folder{"backtest"};
    std::string const file = folder.path() + "/s.toml", capture = folder.path() + "/c.cap";
    tests::Recorder recorder;
    Common common;
    simdjson::dom::parser parser;
};

std::uint64_t number(simdjson::simdjson_result<simdjson::dom::element> const& element) {
    return std::uint64_t(element);
}
std::string_view str(simdjson::simdjson_result<simdjson::dom::element> const& element) {
    return std::string_view(element);
}

} // namespace

TEST_F(RuleBacktest, counts_the_alerts_of_each_rule_by_severity) {
    common.output = Output::json;
    CommandSaid const said = test();
    ASSERT_EQ(said.code, exit_ok) << said.err;
    auto const root = parse(said.out);
    EXPECT_EQ(str(root["chains"].at(0)["name"]), "dot"); // one here, one there
    EXPECT_EQ(number(root["chains"].at(0)["blocks"]), 5u);
    // 7218 s between five blocks are four of five steps.
    EXPECT_NEAR(double(root["chains"].at(0)["seconds"]), 9022.5, 0.01);
    auto const large = root["rules"].at(0), mine = root["rules"].at(1), cuts = root["rules"].at(2);
    EXPECT_EQ(number(large["notable"]), 3u); // 300 three times
    EXPECT_EQ(number(large["important"]), 1u);
    EXPECT_EQ(number(large["critical"]), 0u);
    EXPECT_EQ(str(large["largest"]["amount"]), "1200");
    EXPECT_EQ(number(large["largest"]["block"]), 10u);
    EXPECT_EQ(number(large["largest"]["event"]), 1u);
    EXPECT_NEAR(double(large["a_day"]["estimate"]), 4 * 86'400 / 9022.5, 1e-3);
    EXPECT_NEAR(double(large["forecast_30_days"]), 120 * 86'400 / 9022.5, 1e-2);
    EXPECT_EQ(number(mine["alerts"]), 1u);
    EXPECT_EQ(number(mine["notable"]), 1u);
    // Three cuts of 300 out of 1200; the fourth, of 50, says nothing new.
    EXPECT_EQ(number(cuts["alerts"]), 1u);
    EXPECT_EQ(number(cuts["amended"]), 0u);
    EXPECT_EQ(str(cuts["largest"]["amount"]), "900");
    EXPECT_EQ(number(cuts["largest"]["block"]), 13u);
    EXPECT_TRUE(root["alerts"].error() != simdjson::SUCCESS);
}

TEST_F(RuleBacktest, gives_the_lines_of_one_rule_as_they_would_be_told) {
    common.output = Output::ndjson;
    CommandSaid const said = test("large");
    ASSERT_EQ(said.code, exit_ok) << said.err;
    std::istringstream lines(said.out);
    std::vector<std::uint64_t> blocks;
    std::vector<std::string> amounts;
    for (std::string line; std::getline(lines, line);) {
        auto const alert = parse(line);
        EXPECT_EQ(str(alert["state"]), "final");
        EXPECT_EQ(str(alert["rule"]), "large");
        EXPECT_EQ(str(alert["path"]), "hybrid");
        blocks.push_back(number(alert["block"]["number"]));
        amounts.emplace_back(str(alert["amount"]));
    }
    EXPECT_EQ(blocks, (std::vector<std::uint64_t>{10, 11, 12, 13}));
    EXPECT_EQ(amounts, (std::vector<std::string>{"1200", "300", "300", "300"}));
    CommandSaid const cuts = test("cuts");
    EXPECT_EQ(std::ranges::count(cuts.out, '\n'), 1);
    EXPECT_EQ(number(parse(cuts.out)["evidence_count"]), 3u);
    CommandSaid const mine = test("mine");
    EXPECT_EQ(str(parse(mine.out)["to"]["label"]), "ours");
}

TEST_F(RuleBacktest, prints_a_table_for_people) {
    CommandSaid const said = test("cuts");
    ASSERT_EQ(said.code, exit_ok);
    EXPECT_TRUE(has(said.out, "dot: 5 blocks, 10 to 14, from 2025-11-20T00:53:20.000Z, 2.5 hours "
                              "of chain time\n"))
        << said.out;
    EXPECT_TRUE(has(said.out, "900 DOT in block 13, event 0")) << said.out;
    EXPECT_FALSE(has(said.out, "large_transfer"));
    EXPECT_EQ(said.err, "");
}

TEST_F(RuleBacktest, counts_one_history_where_the_capture_has_forks) {
    auto blocks = recorder.story();
    // Another 11, which 12 is not a child of, and 13 once more.
    blocks.insert(blocks.begin() + 2,
                  tests::Recorder::block(11, tests::recorded_ms + 7'200'000,
                                         {recorder.pays(7, 8, 5000 * tests::dot)}, 1));
    blocks.push_back(blocks[4]);
    common.output = Output::json;
    CommandSaid const said = replay(blocks);
    ASSERT_EQ(said.code, exit_ok) << said.err;
    auto const root = parse(said.out);
    EXPECT_EQ(number(root["rules"].at(0)["alerts"]), 4u);
    EXPECT_EQ(str(root["rules"].at(0)["largest"]["amount"]), "1200");
    EXPECT_EQ(number(root["rules"].at(2)["alerts"]), 1u);
    EXPECT_TRUE(has(said.err, "2 blocks of other forks")) << said.err;
}

TEST_F(RuleBacktest, goes_on_over_heights_that_the_capture_lacks) {
    auto blocks = recorder.story();
    blocks[4].number = 900; // 15 to 899 are missing
    blocks[4].hash.fill(0x77);
    common.output = Output::json;
    CommandSaid const said = replay(blocks);
    auto const root = parse(said.out);
    EXPECT_EQ(number(root["rules"].at(1)["alerts"]), 1u);
    EXPECT_EQ(number(root["rules"].at(2)["alerts"]), 1u);
    blocks = recorder.story();
    blocks.erase(blocks.begin() + 2); // 12: then the cut of 50 is the third
    auto const more = replay(blocks, "cuts");
    EXPECT_EQ(str(parse(more.out)["rules"].at(0)["largest"]["amount"]), "650");
}

TEST_F(RuleBacktest, says_in_a_sentence_what_it_cannot_test) {
    CommandSaid said = test("larg");
    EXPECT_EQ(said.code, exit_usage);
    EXPECT_TRUE(has(said.err, "has no rule larg; did you mean large?")) << said.err;
    said = replay({});
    EXPECT_EQ(said.code, exit_failed);
    EXPECT_TRUE(has(said.err, "the capture has no blocks")) << said.err;
    std::string text = tests::recorded_config(folder.path());
    text += "[[chain]]\nname = \"ksm\"\nendpoints = [\"ws://127.0.0.1:1\"]\n";
    write_config(text);
    said = replay(recorder.story());
    EXPECT_EQ(said.code, exit_failed);
    EXPECT_TRUE(has(said.err, "has anything, and ")) << said.err;
    std::filesystem::remove(capture);
    recorder.write(capture, recorder.story(), "dot"); // by its name
    text += "[[rule]]\nname = \"far\"\nkind = \"large_transfer\"\nnotable = \"1\"\n"
            "chains = [\"ksm\"]\n";
    write_config(text);
    EXPECT_EQ(test().code, exit_ok);
    said = test("far");
    EXPECT_EQ(said.code, exit_failed);
    EXPECT_TRUE(has(said.err, "rule far watches no chain that")) << said.err;
    std::ofstream(capture) << "no capture";
    EXPECT_EQ(test().code, exit_failed);
    write_config("[[rule]]\n");
    EXPECT_EQ(test().code, exit_bad_configuration);
}

TEST_F(RuleBacktest, says_that_a_rule_has_not_warmed_up) {
    write_config(tests::recorded_config(folder.path()) +
                 "[[rule]]\nname = \"volume\"\nkind = \"market_volume\"\n");
    CommandSaid const said = test();
    EXPECT_TRUE(has(said.err, "volume: it warms up for ")) << said.err;
    EXPECT_FALSE(has(said.err, "large:"));
}

// Garwood's exact limits at 95 %, from tables (Ulm 1990).
TEST(DayRate, has_the_exact_limits_of_a_poisson_count) {
    struct Row {
        std::uint64_t count;
        double low, high;
    };
    for (Row const& row : {Row{0, 0, 3.689}, Row{1, 0.0253, 5.572}, Row{3, 0.6187, 8.767},
                           Row{10, 4.795, 18.390}, Row{100, 81.364, 121.627}}) {
        DayRate const rate = day_rate(row.count, 2);
        EXPECT_NEAR(rate.low, row.low / 2, 5e-4) << row.count;
        EXPECT_NEAR(rate.high, row.high / 2, 5e-4) << row.count;
        EXPECT_DOUBLE_EQ(rate.mean, static_cast<double>(row.count) / 2);
    }
    EXPECT_TRUE(std::isnan(day_rate(3, 0).mean));
}
