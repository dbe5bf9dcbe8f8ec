// spyhop why-not: the steps of each rule with their values at one movement of a capture made by
// hand, and the first that said no.
#include "command_said.hpp"
#include "config/cmd_rule.hpp"
#include "config/cmd_why.hpp"
#include "config/exit_codes.hpp"
#include "config/temporary_folder.hpp"
#include "recorded.hpp"
#include "texts.hpp"

#include <fstream>
#include <map>
#include <simdjson.h>

using namespace config;
using tests::CommandSaid;
using tests::has;

namespace {

class WhyNot : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_FALSE(folder.path().empty()) << folder.trouble();
        write_config("");
        recorder.write(capture, recorder.story());
    }
    void write_config(std::string const& more) const {
        std::ofstream(file) << tests::recorded_config(folder.path()) << more;
    }
    CommandSaid ask(std::uint32_t block, std::uint32_t event, std::string const& rule = "",
                    std::string const& chain = "dot") {
        WhyNotOptions const options{file, capture, chain, block, event, rule};
        return tests::said_by(
            [&](auto* out, auto* err) { return cmd_why_not(common, options, out, err); });
    }
    // What is said of each rule: "told", or the first no.
    std::map<std::string, std::string> reasons(std::uint32_t block, std::uint32_t event) {
        common.output = Output::json;
        CommandSaid const said = ask(block, event);
        EXPECT_EQ(said.code, exit_ok) << said.err;
        std::map<std::string, std::string> reasons;
        simdjson::dom::element root = parser.parse(said.out);
        for (simdjson::dom::element const rule : simdjson::dom::array(root["rules"])) {
            bool const told = bool(rule["told"]);
            EXPECT_EQ(told, rule["first_no"].is_null());
            reasons[std::string(std::string_view(rule["rule"]))] =
                told ? "told" : std::string(std::string_view(rule["first_no"]));
        }
        common.output = Output::table;
        return reasons;
    }

    TemporaryFolder folder{"why"};
    std::string const file = folder.path() + "/s.toml", capture = folder.path() + "/c.cap";
    tests::Recorder recorder;
    Common common;
    simdjson::dom::parser parser;
};

} // namespace

TEST_F(WhyNot, names_the_first_step_of_each_rule_that_said_no) {
    auto why = reasons(14, 0); // 50 to the watched account
    EXPECT_EQ(why["large"], "amount 50 DOT >= notable 100 DOT");
    EXPECT_EQ(why["mine"], "told");
    EXPECT_EQ(why["cuts"], "news: more severe or twice as large, or 3600 s after it was told");
    why = reasons(12, 0);
    EXPECT_EQ(why["large"], "told");
    EXPECT_EQ(why["mine"], "moves a watched account");
    EXPECT_EQ(why["cuts"], "movements it ever sent 2 >= outflows 3");
    why = reasons(13, 0);
    EXPECT_EQ(why["cuts"], "told");
    why = reasons(10, 1); // the giver's balance nobody has heard of
    EXPECT_EQ(why["large"], "told");
    EXPECT_EQ(why["cuts"], "its balance is known (since it was endowed)");
    why = reasons(10, 0); // Endowed
    EXPECT_EQ(why["large"], "kind endow is transfer");
}

TEST_F(WhyNot, shows_every_step_with_its_values) {
    CommandSaid const said = ask(13, 0);
    EXPECT_EQ(said.code, exit_ok);
    EXPECT_TRUE(has(said.out, "dot block 13, event 0: Balances.Transfer, 300 DOT from "))
        << said.out;
    for (char const* line :
         {"large (large_transfer): told: notable, alert ", "    yes  covers the chain dot\n",
          "    yes  asset native is of native\n", "    yes  amount 300 DOT >= notable 100 DOT\n",
          "    no   moves a watched account\n", "    yes  outflows within 3600 s 3 >= outflows 3\n",
          "    yes  their sum 900 DOT >= min 100 DOT\n",
          "    yes  the largest 0.3333 of the sum <= largest_share 0.5\n",
          "    yes  the sum 0.75 of the 1200 DOT it held >= balance_share 0.5\n",
          "    yes  claims a pattern that this movement completes\n"})
        EXPECT_TRUE(has(said.out, line)) << line << said.out;
}

// What why-not says was told is what the backtest counts, by the same ids.
TEST_F(WhyNot, names_the_alerts_that_a_backtest_tells) {
    Common lines = common;
    lines.output = Output::ndjson;
    for (char const* rule : {"large", "mine", "cuts"}) {
        auto const told = tests::said_by([&](auto* out, auto* err) {
            return cmd_rule_backtest(lines, {file, capture, rule}, out, err);
        });
        ASSERT_EQ(told.code, exit_ok);
        std::size_t alerts = 0;
        for (std::uint32_t block = 10; block <= 14; ++block) {
            CommandSaid const why = ask(block, block == 10 ? 1 : 0, rule);
            auto const at = why.out.find(", alert ");
            if (at == std::string::npos) continue;
            ++alerts;
            std::string const id = why.out.substr(at + 8, 32);
            EXPECT_TRUE(has(told.out, "{\"id\":\"" + id + "\""))
                << rule << ' ' << block << told.out;
        }
        EXPECT_EQ(alerts, static_cast<std::size_t>(std::ranges::count(told.out, '\n'))) << rule;
    }
}

TEST_F(WhyNot, says_that_lists_the_asset_or_the_chain_keep_a_rule_silent) {
    write_config(
        "[[rule]]\nname = \"others\"\nkind = \"drain\"\nmin = \"100\"\noutflows = 3\n"
        "window = \"1h\"\nexclude = [\"" +
        tests::key_text(tests::purse) +
        "\"]\n[[rule]]\nname = \"tether\"\nkind = \"large_transfer\"\n"
        "notable = \"1\"\nassets = [\"USDT\"]\n"
        "[[rule]]\nname = \"few\"\nkind = \"large_transfer\"\nnotable = \"1\"\ninclude = [\"" +
        tests::key_text(7) + "\"]\n");
    auto why = reasons(13, 0);
    EXPECT_EQ(why["others"], "its lists let it speak of this account");
    EXPECT_EQ(why["tether"], "asset native is of USDT");
    EXPECT_EQ(why["few"], "one of its accounts is included");
}

TEST_F(WhyNot, judges_rules_of_whole_blocks_when_the_block_ends) {
    write_config("[[rule]]\nname = \"whale\"\nkind = \"new_whale\"\nlevel = \"1000\"\nblocks = 0\n"
                 "[[rule]]\nname = \"volume\"\nkind = \"market_volume\"\n");
    auto why = reasons(10, 1);
    EXPECT_EQ(why["whale"], "told"); // purse has 1200
    EXPECT_EQ(why["volume"], "its model has warmed up");
    why = reasons(11, 0);
    EXPECT_EQ(why["whale"], "claims something at the end of the block");
}

TEST_F(WhyNot, says_what_there_is_where_the_movement_is_not) {
    CommandSaid said = ask(99, 0);
    EXPECT_EQ(said.code, exit_failed);
    EXPECT_TRUE(has(said.err, "5 blocks of dot, from 10 to 14; 99 is not among them")) << said.err;
    said = ask(10, 7);
    EXPECT_EQ(said.code, exit_failed);
    EXPECT_TRUE(has(said.err, "the block has 2 events, from 0; these do: 0 (Balances.Endowed), 1 "
                              "(Balances.Transfer)"))
        << said.err;
    said = ask(10, 1, "lage");
    EXPECT_EQ(said.code, exit_usage);
    EXPECT_TRUE(has(said.err, "did you mean large?")) << said.err;
    said = ask(10, 1, "", "dots");
    EXPECT_EQ(said.code, exit_usage);
    EXPECT_TRUE(has(said.err, "has no chain dots; did you mean dot?")) << said.err;
}
