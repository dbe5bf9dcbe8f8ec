// What is wrong with a configuration is told with its place, and what to write instead.
#include "texts.hpp"

#include <algorithm>
#include <gtest/gtest.h>

using tests::chain;
using tests::complaints;
using tests::has;
using tests::rule;

namespace {

std::string const good = chain + rule; // seven lines

void expect(std::string const& text, std::vector<std::string> const& parts) {
    std::string const said = complaints(text);
    for (std::string const& part : parts)
        EXPECT_TRUE(has(said, part)) << "no \"" << part << "\" in:\n" << said << "about:\n" << text;
    EXPECT_FALSE(config::load_text(text, "f").usable());
}

} // namespace

TEST(LoadBad, names_unknown_keys_at_each_level_with_the_nearest) {
    expect(good + "[sevice]\n", {"f:8:2: unknown key `sevice`", "did you mean `service`?"});
    expect(good + "[service]\nstatedir = \"x\"\n",
           {"f:9:1: unknown key `statedir`", "did you mean `state_dir`?"});
    expect(chain + "  endpoint = []\n" + rule,
           {"f:4:3: unknown key `endpoint`", "did you mean `endpoints`?"});
    expect(good + "notabel = \"1\"\n", {"f:8:1: unknown key `notabel`", "did you mean `notable`?"});
    expect(good + "[[watch]]\nadress = \"x\"\n", {"unknown key `adress`", "`address`"});
    expect(good + "[flags]\nenable_hybrid = true\n", {"f:9:1: unknown key `enable_hybrid`"});
    expect(good + "[health]\ncrash = { treshold = 1 }\n",
           {"unknown key `treshold`", "`threshold`"});
    expect(good + "[[sink]]\nkind = \"ndjson\"\nfile = \"x\"\n", {"f:10:1: unknown key `file`"});
    expect(good + "[http]\nlisten = \"127.0.0.1:1\"\ntls = true\n", {"unknown key `tls`"});
    expect(good + "[subscan]\napi_key = \"secret\"\n", {"unknown key `api_key`"});
}

TEST(LoadBad, names_wrong_types) {
    expect(good + "[service]\nstate_dir = 5\n", {"f:9:13: service.state_dir: this is an integer"});
    expect(good + "[flags]\nenable_hybrid_rpc = \"yes\"\n", {"f:9:21: ", "true or false"});
    expect(good + "[subscan]\nrequests_per_second = 1.5\n", {"f:9:23: ", "integer from 1"});
    expect(good + "[flags]\nhybrid_traffic_percent = 101\n", {"from 0 to 100"});
    expect("chain = 5\n" + rule, {"f:1:9: `chain` is a list of tables: [[chain]]"});
    expect("service = 5\n" + good, {"`service` is a table: [service]"});
    expect("[[chain]]\nname = \"a\"\nendpoints = \"ws://a\"\n" + rule,
           {"f:3:13: ", "list of texts"});
    expect(good + "[service]\nlayout = \"big\"\n",
           {"f:9:10: ", "\"big\" is none of \"compact\", \"dedicated\", \"single\""});
    expect(chain + "start = -1\n" + rule, {"f:4:9: ", "block number"});
    expect(chain + "start = 4294967296\n" + rule, {"block number"});
    expect(chain + "start = \"tail\"\n" + rule, {"\"head\" or a block number"});
    expect(good + "[[watch]]\naddress = \"0x00\"\ntier = 5\n", {"integer from 1 to 4"});
}

TEST(LoadBad, refuses_sizes_that_are_none) {
    for (char const* value : {"\"512\"", "\"MiB\"", "\"-1MiB\"", "\"1.5GiB\"", "\"0MiB\"", "\"\"",
                              "\"512MB\"", "\"512 MiB\"", "\"99999999999999999999GiB\""})
        expect(good + "[service]\nmemory_max_hybrid = " + value + "\n",
               {"f:9:21: ", "write a whole number and its unit"});
    expect(good + "[service]\nmemory_max_hybrid = 512\n", {"f:9:21: "});
    expect(good + "[service]\nmemory_max_hybrid = \"1MiB\"\n", {"f:9:21: ", "at least \"16MiB\""});
    expect(good + "[service]\nwatchdog = \"1s\"\n", {"f:9:12: ", "at least 2s"});
}

TEST(LoadBad, refuses_durations_that_are_none) {
    for (char const* value :
         {"\"30\"", "\"s\"", "\"-1s\"", "\"1.5x\"", "\"\"", "30", "\"99999999999999999999h\""})
        expect(chain + "legacy_poll = " + value + "\n" + rule, {"f:4:15: chain.legacy_poll: "});
}

TEST(LoadBad, refuses_amounts_that_are_not_exact_decimals) {
    for (char const* value : {"\"1e5\"", "\"-1\"", "\".5\"", "\"5.\"", "\"\"", "\"1,000\"",
                              "\"0x10\"", "\"1_000\"", "\" 1\"", "\"nan\""})
        expect(good + "important = " + std::string(value) + "\n",
               {"f:8:13: rule.important: ", "no plain decimal number"});
    for (char const* value : {"10000", "0.5", "true"})
        expect(good + "important = " + std::string(value) + "\n",
               {"f:8:13: rule.important: amounts are exact decimal numbers of whole tokens in "
                "quotes"});
}

TEST(LoadBad, refuses_levels_out_of_order) {
    expect(good + "important = \"9999.9\"\n",
           {"f:8:13: ", "\"9999.9\" is less than the level below it, \"10000\""});
    expect(good + "critical = \"1\"\n", {"\"1\" is less than the level below it"});
    expect(chain + "[[rule]]\nname = \"a\"\nkind = \"large_transfer\"\n", {"no level"});
    EXPECT_EQ(complaints(good + "important = \"10000.0\"\n"), "");
}

TEST(LoadBad, refuses_addresses_whose_checksum_is_wrong) {
    expect(good + "[[watch]]\naddress = \"15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp6\"\n",
           {"f:9:11: watch.address: \"15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp6\"",
            "checksum"});
    for (char const* address : {"", "0x", "0x1234", "l0OI", "15oF"})
        expect(good + "[[watch]]\naddress = \"" + address + "\"\n", {"f:9:11: watch.address: "});
    expect(good + "[[watch]]\nlabel = \"x\"\n", {"`address` is missing"});
}

TEST(LoadBad, refuses_names_said_twice_and_names_of_nobody) {
    expect(chain + chain + rule, {"two chains are called \"dot\""});
    expect(chain + rule + rule, {"f:9:8: rule.name: two rules are called \"large\""});
    expect(good + "chains = [\"dot\", \"kot\"]\n",
           {"f:8:10: ", "there is no chain called \"kot\""});
    expect(good + "assets = []\n", {"covers nothing"});
    expect("[[chain]]\nname = \"a b\"\nendpoints = [\"ws://a\"]\n" + rule, {"f:2:8: chain.name"});
    expect("[[chain]]\nendpoints = [\"ws://a\"]\n" + rule, {"`name` is missing"});
    expect("[[chain]]\nname = \"" + std::string(65, 'a') + "\"\nendpoints = [\"ws://a\"]\n" + rule,
           {"1 to 64 printable"});
    expect(good + "[[sink]]\nkind = \"ndjson\"\n[[sink]]\nkind = \"ndjson\"\n",
           {"two sinks write to stdout"});
    expect(good + "[[sink]]\nkind = \"ndjson\"\npath = \"/a\"\n"
                  "[[sink]]\nkind = \"ndjson\"\npath = \"/a\"\nlevel = 2\n",
           {"f:13:8: two sinks write to /a"});
}

TEST(LoadBad, refuses_levels_of_sinks_that_no_incident_comes_to) {
    for (char const* level : {"0", "5", "-1", "\"2\"", "2.5"})
        expect(good + "[[sink]]\nkind = \"ndjson\"\nlevel = " + level + "\n",
               {"f:10:9: sink.level: "});
}

TEST(LoadBad, tells_apart_urls_of_nodes_and_of_subscan) {
    auto const with = [](std::string const& url) {
        return "[[chain]]\nname = \"a\"\nendpoints = [\"" + url + "\"]\n" + rule;
    };
    expect(with("https://node.example"), {"f:3:13: ", "ws:// or wss://, not http"});
    for (char const* url : {"node.example", "ftp://a", "ws://", "ws://a:99999", "ws://a b"})
        expect(with(url), {"f:3:13: chain.endpoints: "});
    expect(chain + "subscan_url = \"wss://subscan.example\"\n" + rule, {"f:4:15: ", "https://"});
    expect("[[chain]]\nname = \"a\"\nendpoints = []\n" + rule, {"at least one node"});
}

TEST(LoadBad, refuses_passwords_in_urls_without_repeating_them) {
    std::string const text =
        "[[chain]]\nname = \"a\"\nendpoints = [\"wss://user:pa55word@node.example\"]\n" + rule;
    expect(text, {"f:3:13: chain.endpoints: "});
    EXPECT_FALSE(has(complaints(text), "pa55word"));
}

TEST(LoadBad, names_kinds_of_later_versions_as_such) {
    expect(good + "[[sink]]\nkind = \"slack\"\n", {"\"slack\" is not in this version"});
    expect(good + "[[sink]]\nkind = \"fax\"\n", {"\"fax\" is no kind of sink"});
    expect(chain + "[[rule]]\nname = \"a\"\nkind = \"rain\"\nnotable = \"1\"\n",
           {"no kind of rule"});
}

TEST(LoadBad, places_faults_of_the_toml_itself) {
    expect("[service\n", {"f:1:"});
    expect(good + "x = \n", {"f:8:"});
    expect(good + "name = \"again\"\n", {"f:8:"});
    expect("a = \"\xff\"\n", {"f:1:"});
    EXPECT_TRUE(has(complaints(""), "f: no [[chain]]"));
}

TEST(LoadBad, tells_every_problem_once_in_the_order_of_their_places) {
    std::string const text =
        "[[chain]]\nnome = 1\nendpoints = [\"http://a\"]\nstart = 1.5\n"
        "[[rule]]\nkind = 5\nnotable = 7\n[flags]\nx = 1\n[service]\nidle = \"x\"\n";
    auto const loaded = config::load_text(text, "f");
    EXPECT_GE(loaded.problems.size(), 8U);
    EXPECT_TRUE(std::is_sorted(loaded.problems.begin(), loaded.problems.end(),
                               [](config::Problem const& a, config::Problem const& b) {
                                   return std::pair(a.where.line, a.where.column) <
                                          std::pair(b.where.line, b.where.column);
                               }));
    for (std::size_t i = 1; i < loaded.problems.size(); ++i)
        EXPECT_NE(loaded.problems[i].text, loaded.problems[i - 1].text);
}

TEST(LoadBad, bounds_how_much_there_is) {
    std::string chains, rules;
    for (int i = 0; i < 257; ++i)
        chains += "[[chain]]\nname = \"c" + std::to_string(i) + "\"\nendpoints = [\"ws://a\"]\n";
    expect(chains + rule, {"more than 256 chains"});
    for (int i = 0; i < 10'000; ++i)
        rules += "[[rule]]\nname = \"r" + std::to_string(i) +
                 "\"\nkind = \"large_transfer\"\nnotable = \"1\"\n";
    expect(chain + rules, {"more than ", " rules"});
}

TEST(LoadBad, says_which_file_is_not_there) {
    auto const loaded = config::load("/nowhere/spyhop.toml");
    EXPECT_FALSE(loaded.usable());
    ASSERT_EQ(loaded.problems.size(), 1U);
    EXPECT_TRUE(has(config::to_text(loaded.config, loaded.problems[0]), "/nowhere/spyhop.toml"));
}
