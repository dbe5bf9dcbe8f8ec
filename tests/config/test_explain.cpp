// spyhop explain: what is said of an alert that stands in alerts.db, and of ids that do not.
#include "command_said.hpp"
#include "config/cmd_explain.hpp"
#include "config/exit_codes.hpp"
#include "config/temporary_folder.hpp"
#include "recorded.hpp"
#include "stages/journal.hpp"
#include "texts.hpp"

#include <fstream>
#include <simdjson.h>

using namespace config;
using tests::CommandSaid;
using tests::has;

namespace {

// As they were told: a transfer seen and final, and a drain that was amended.
std::string line_of(std::string const& id, std::string const& state, std::string const& rule,
                    std::string const& severity, std::string const& more) {
    return R"({"id":")" + id + R"(","state":")" + state + R"(","rule":")" + rule +
           R"(","kind":"-","severity":")" + severity +
           R"(","chain":"dot","block":{"number":13,"hash":"0xab","timestamp":)"
           R"("2025-11-20T02:53:32.000Z"},"event":{"index":7,"pallet":"Balances",)"
           R"("name":"Transfer","phase":{"ApplyExtrinsic":2}},"from":{"address":"12from",)"
           R"("public_key":"0x01","label":"Binance 1"},"to":{"address":"16to",)"
           R"("public_key":"0x02"},"asset":{"symbol":"DOT","decimals":10},"amount":"1234.5",)"
           R"("amount_raw":"12345000000000")" +
           more +
           R"(,"path":"hybrid","regime":{"epoch":7,"hybrid_traffic_percent":15,"fallback":true},)"
           R"("latency":{"received_to_emitted_ns":41230,"block_to_emitted_ms":812}})";
}

class Explain : public testing::Test {
  protected:
    static constexpr char const* transfer = "9f2c0000000000000000000000000001";
    static constexpr char const* cuts = "9f2c0000100000000000000000000002";

    void SetUp() override {
        ASSERT_FALSE(folder.path().empty()) << folder.trouble();
        std::ofstream(file) << tests::recorded_config(folder.path());
        auto journal = stages::Journal::open(folder.path() + "/alerts.db");
        ASSERT_TRUE(journal) << io::describe(journal.error());
        auto const append = [&](char const* id, stages::AlertState state, std::uint64_t ms,
                                std::string const& line, bool amendment = false) {
            stages::AlertRow row{.state = state,
                                 .severity = stages::Severity::important,
                                 .path = stages::Path::hybrid,
                                 .epoch = 7,
                                 .block = 13};
            for (std::size_t i = 0; i < row.id.size(); ++i)
                row.id[i] = static_cast<std::uint8_t>(
                    std::stoi(std::string(id).substr(2 * i, 2), nullptr, 16));
            row.chain = "dot";
            row.rule = "large";
            row.emitted_unix_ms = ms;
            row.line = line;
            row.amendment = amendment;
            (*journal)->append(row);
            ASSERT_TRUE((*journal)->commit());
        };
        using enum stages::AlertState;
        append(transfer, seen, tests::recorded_ms,
               line_of(transfer, "seen", "large", "important", ""));
        append(transfer, final, tests::recorded_ms + 12'000,
               line_of(transfer, "final", "large", "important", ""));
        std::string const pattern = R"(,"subject":{"address":"12from"},"sum":"900","sum_raw":"9",)"
                                    R"("parameters":{"outflows":3,"largest_share":0.3333,)"
                                    R"("balance_share":0.75,"window_s":3600},"evidence_count":3,)"
                                    R"("evidence":[{"block":11,"index":0},{"block":13,"index":7}])";
        append(cuts, final, tests::recorded_ms, line_of(cuts, "final", "cuts", "notable", pattern));
        append(cuts, final, tests::recorded_ms + 60'000,
               line_of(cuts, "final", "cuts", "notable", pattern + R"(,"amended":["evidence"])"),
               true);
        service = std::move(*journal); // it goes on running
    }
    CommandSaid ask(std::string const& id) {
        ExplainOptions const options{file, id};
        return tests::said_by(
            [&](auto* out, auto* err) { return cmd_explain(common, options, out, err); });
    }

    TemporaryFolder folder{"explain"};
    std::string const file = folder.path() + "/s.toml";
    std::unique_ptr<stages::Journal> service;
    Common common;
};

} // namespace

TEST_F(Explain, tells_a_transfer_from_its_place_to_its_states) {
    CommandSaid const said = ask(transfer);
    ASSERT_EQ(said.code, exit_ok) << said.err;
    for (char const* part :
         {"  block         13 0xab\n",
          "  event         7: Balances.Transfer, phase "
          "{\"ApplyExtrinsic\":2}\n",
          "  amount        1234.5 DOT\n", "  from          12from (Binance 1)\n", "rule large\n",
          "  yes           amount 1234.5 >= important 1000\n", "  notable       \"100\"\n",
          "  path          hybrid\n", "  regime        epoch 7, 15 % of traffic on hybrid\n",
          "  fallback      ", "  block         2025-11-20T02:53:32.000Z\n",
          "  emitted       2025-11-20T00:53:20.000Z\n",
          "  took          41.23 us from received to emitted, 812 ms from the block's time\n",
          "  seen          2025-11-20T00:53:20.000Z\n",
          "  final         2025-11-20T00:53:32.000Z\n"})
        EXPECT_TRUE(has(said.out, part)) << part << "\n" << said.out;
    EXPECT_TRUE(has(said.out, line_of(transfer, "seen", "large", "important", "") + "\n"));
}

TEST_F(Explain, tells_a_pattern_with_its_steps_and_evidence) {
    CommandSaid const said = ask("9F2C00001"); // nine digits are one alert
    ASSERT_EQ(said.code, exit_ok) << said.err;
    for (char const* part :
         {"  evidence      3 movements; the newest, as block/event: 11/0, 13/7\n",
          "  yes           sum 900 >= min 100\n", "  yes           outflows 3 >= outflows 3\n",
          "  yes           largest_share 0.3333 <= largest_share 0.5\n", "  window        \"1h\"\n",
          "  amended       2025-11-20T00:54:20.000Z\n"})
        EXPECT_TRUE(has(said.out, part)) << part << "\n" << said.out;
}

TEST_F(Explain, tells_the_same_as_json) {
    common.output = Output::json;
    CommandSaid const said = ask(cuts);
    ASSERT_EQ(said.code, exit_ok) << said.err;
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    ASSERT_EQ(parser.parse(said.out).get(root), simdjson::SUCCESS) << said.out;
    EXPECT_TRUE(bool(root["ok"]));
    EXPECT_EQ(std::string_view(root["states"].at(1)["state"]), "final");
    EXPECT_TRUE(bool(root["states"].at(1)["amended"]));
    EXPECT_EQ(std::string_view(root["lines"].at(0)["id"]), cuts);
    EXPECT_EQ(std::string_view(root["rule"]["steps"].at(0)["step"]), "sum 900 >= min 100");
    EXPECT_EQ(std::uint64_t(root["rule"]["parameters"]["outflows"]["value"]), 3u);
    EXPECT_FALSE(bool(root["rule"]["parameters"]["outflows"]["default"]));
}

TEST_F(Explain, says_that_the_configuration_has_changed_since) {
    std::string text = tests::recorded_config(folder.path());
    text.replace(text.find("\"1000\""), 6, "\"5000\"");
    std::ofstream(file) << text;
    EXPECT_TRUE(has(ask(transfer).out, "  no            amount 1234.5 >= important 5000 (the "
                                       "configuration has changed since)\n"));
    text.replace(text.find("name = \"large\""), 14, "name = \"huge\"");
    std::ofstream(file) << text;
    EXPECT_TRUE(has(ask(transfer).out, "  it is not in the configuration any more\n"));
}

TEST_F(Explain, says_what_to_try_where_there_is_no_such_alert) {
    CommandSaid said = ask("ffffffff");
    EXPECT_EQ(said.code, exit_failed);
    EXPECT_TRUE(has(said.err, "has no alert ffffffff; `spyhop alerts")) << said.err;
    said = ask("9f2c0000");
    EXPECT_EQ(said.code, exit_failed);
    EXPECT_TRUE(has(said.err, "several alerts begin with 9f2c0000: " + std::string(transfer) +
                                  ", " + cuts + "; give more digits"))
        << said.err;
    EXPECT_EQ(ask("9f2c").code, exit_usage);
    EXPECT_EQ(ask("not an id").code, exit_usage);
    std::ofstream(file) << tests::recorded_config(folder.path() + "/elsewhere");
    said = ask(transfer);
    EXPECT_EQ(said.code, exit_failed);
    EXPECT_TRUE(has(said.err, "no service has run with")) << said.err;
}
