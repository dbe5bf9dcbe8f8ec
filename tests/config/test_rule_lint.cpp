// Rules that could never speak, or would speak twice, are refused with place and reason; rules that
// are merely at the edge are not.
#include "config/reader.hpp"
#include "config/rule_lint.hpp"
#include "config/temporary_folder.hpp"
#include "texts.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>

using namespace config;
using tests::complaints;

namespace {

std::string const head = "[[chain]]\n"                             // 1
                         "name = \"dot\"\n"                        // 2
                         "endpoints = [\"ws://a\"]\n"              // 3
                         "[[chain]]\n"                             // 4
                         "name = \"ksm\"\n"                        // 5
                         "subscan_url = \"https://ksm.example\"\n" // 6
                         "[[rule]]\n"                              // 7
                         "name = \"r\"\n";                         // 8

// The rule's first line of its own is the tenth.
std::string rule(std::string_view kind, std::string_view lines) {
    return head + fmt::format("kind = \"{}\"\n{}\n", kind, lines);
}

void expect_said(std::string_view kind, std::string_view lines, std::string const& said) {
    EXPECT_EQ(complaints(rule(kind, lines)), "f:" + said + "\n") << kind << "\n" << lines;
    EXPECT_FALSE(load_text(rule(kind, lines), "f").usable());
}
void expect_good(std::string_view kind, std::string_view lines) {
    EXPECT_EQ(complaints(rule(kind, lines)), "") << kind << "\n" << lines;
}

// On one chain of this name, with a node.
std::string on(std::string_view chain, std::string_view kind, std::string_view lines) {
    return fmt::format("[[chain]]\nname = \"{}\"\nendpoints = [\"ws://a\"]\n[[rule]]\nname = "
                       "\"r\"\nkind = \"{}\"\n{}\n",
                       chain, kind, lines);
}

} // namespace

// ---- one rule ----------------------------------------------------------------------------------

TEST(RuleLint, what_is_audited_is_looked_for_and_the_other_way_round) {
    std::string const alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    expect_said("chain_health", "what = [\"reorg\", \"conservation\"]",
                "10:8: rule.what: \"conservation\" needs `audit`: the accounts whose balances are "
                "compared with the movements decoded");
    expect_good("chain_health", "what = [\"conservation\"]\naudit = [\"" + alice + "\"]");
    expect_good("chain_health", "what = [\"reorg\"]\naudit = [\"" + alice + "\"]");
    EXPECT_EQ(complaints(rule("chain_health", "audit_every = \"10s\"")),
              "f:10:15: warning: rule.audit_every: says nothing, because there is no `audit`\n");
    std::string many;
    for (int i = 0; i < 49; ++i) many += fmt::format("\"0x{:064x}\", ", i + 1);
    expect_said("chain_health", "audit = [" + many + "]",
                "10:9: rule.audit: 49 accounts of \"dot\" are audited by all rules together; at "
                "most 48 can be");
}

TEST(RuleLint, a_low_mark_is_not_above_the_high_one) {
    expect_said("watch", "high = \"10\"\nlow = \"10.01\"",
                "11:7: rule.low: \"10.01\" is above the high mark, \"10\": every balance would "
                "cross one of them");
    expect_good("watch", "low = \"10\"\nhigh = \"10.0\"");
    expect_good("watch", "low = \"9\"\nhigh = \"10\"");
    expect_good("watch", "low = \"10\"");
    expect_good("watch", "high = \"10\"");
}

TEST(RuleLint, what_is_critical_is_not_less_than_what_is_told_at_all) {
    expect_said("dormant_awakening", "silence = \"200d\"",
                "10:11: rule.silence: critical_silence is 180d and silence is 200d: all would be "
                "critical");
    expect_said("dormant_awakening", "critical_silence = \"29d\"",
                "10:20: rule.critical_silence: critical_silence is 29d and silence is 30d: all "
                "would be critical");
    expect_said("dormant_awakening", "silence = \"10d\"\ncritical_silence = \"9d\"",
                "11:20: rule.critical_silence: critical_silence is 9d and silence is 10d: all "
                "would be critical");
    expect_good("dormant_awakening", "silence = \"180d\"");
    expect_said("coordination", "clusters = 6",
                "10:12: rule.clusters: critical_clusters is 5 and clusters is 6: all would be "
                "critical");
    expect_said("coordination", "critical_clusters = 2",
                "10:21: rule.critical_clusters: critical_clusters is 2 and clusters is 3: all "
                "would be critical");
    expect_good("coordination", "clusters = 5");
}

TEST(RuleLint, a_path_of_hops_is_not_longer_than_what_is_kept) {
    expect_said("pass_through", "hops = 4\nhop = \"43h\"",
                "11:7: rule.hop: 4 hops of 43h are longer than 7d: movements are kept for 7 days");
    expect_said("pass_through", "hop = \"57h\"",
                "10:7: rule.hop: 3 hops of 57h are longer than 7d: movements are kept for 7 days");
    expect_good("pass_through", "hops = 4\nhop = \"42h\""); // 168 hours, exactly
    expect_good("pass_through", "hop = \"56h\"");
    expect_good("pass_through", "hops = 16");
}

TEST(RuleLint, a_statistical_rule_needs_a_budget) {
    for (char const* kind : {"coordination", "exchange_flow", "burst", "market_volume"}) {
        for (char const* zero : {"0", "0.0"})
            expect_said(kind, fmt::format("budget = {}", zero),
                        fmt::format("10:10: rule.budget: {} raises its thresholds until the "
                                    "budget is kept; with 0 alerts a day it would never speak",
                                    kind));
        expect_good(kind, "budget = 0.001");
    }
    expect_good("drain", "budget = 0");
}

TEST(RuleLint, nothing_is_included_and_excluded) {
    std::string const alice = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5";
    std::string const alice_key =
        "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
    std::string const other = "0x" + std::string(64, '1');
    expect_said(
        "drain",
        fmt::format("include = [\"{}\", \"{}\"]\nexclude = [\"{}\"]", other, alice, alice_key),
        "10:11: rule.include: entry 2 is excluded, too");
    expect_good("drain", fmt::format("include = [\"{}\"]\nexclude = [\"{}\"]", other, alice));
    expect_said("drain",
                "include_labels = [\"x\"]\nexclude_labels = [\"x\"]\n[[watch]]\naddress = \"" +
                    alice + "\"\nlabel = \"x\"",
                "10:18: rule.include_labels: \"x\" is excluded, too");
}

TEST(RuleLint, levels_beside_a_fixed_severity_are_warned_of) {
    std::string const text = rule("drain", "severity = \"notable\"\nimportant = \"5\"");
    EXPECT_EQ(complaints(text),
              "f:11:13: warning: rule.important: says nothing, because severity is written\n");
    EXPECT_TRUE(load_text(text, "f").usable());
    expect_good("large_transfer", "severity = \"notable\"\nimportant = \"5\"");
    expect_good("drain", "severity = \"notable\"");
}

// ---- chains ------------------------------------------------------------------------------------

TEST(RuleLint, a_rule_that_needs_a_node_is_refused_where_there_is_none) {
    expect_said("drain", "chains = [\"dot\", \"ksm\"]",
                "10:10: rule.chains: drain needs a node's blocks and \"ksm\" has no endpoints: it "
                "would never run there");
    expect_good("drain", "chains = [\"dot\"]");
    expect_good("drain", ""); // everywhere: wherever it can
    expect_good("drain", "chains = [\"*\"]");
    expect_good("large_transfer", "notable = \"1\"\nchains = [\"ksm\"]");
    expect_good("watch", "chains = [\"ksm\"]");
    std::string const alone = "[[chain]]\nname = \"ksm\"\nsubscan_url = \"https://ksm.example\"\n";
    EXPECT_EQ(
        complaints(alone + "[[rule]]\nname = \"r\"\nkind = \"burst\"\n"),
        "f:6:8: rule.kind: burst needs a node's blocks and \"ksm\" has no endpoints: it would "
        "never run there\n");
    EXPECT_EQ(complaints(alone + "[[rule]]\nname = \"r\"\nkind = \"burst\"\nchains = [\"*\"]\n"),
              "f:7:10: rule.chains: burst needs a node's blocks and \"ksm\" has no endpoints: it "
              "would never run there\n");
}

TEST(RuleLint, no_threshold_is_above_the_supply_of_a_known_chain) {
    struct Row {
        char const* chain;
        char const* most;
        char const* more;
        char const* why;
    };
    Row const rows[] = {
        {"polkadot", "2100000000", "2100000000.1",
         "2100000000 DOT (capped by referendum 1710, as of 2025-09-14)"},
        {"polkadot-asset-hub", "2100000000", "2100000001",
         "2100000000 DOT (capped by referendum 1710, as of 2025-09-14)"},
        {"kusama", "40000000", "40000001",
         "40000000 KSM (18.4 million were there, growing by 10 % a year at most, as of "
         "2026-06-19)"},
        {"kusama-asset-hub", "40000000", "40000001",
         "40000000 KSM (18.4 million were there, growing by 10 % a year at most, as of "
         "2026-06-19)"},
        {"bittensor", "21000000", "21000000.000000001",
         "21000000 TAO (capped by its schedule of halvings, as of 2026-06-19)"},
    };
    for (Row const& row : rows) {
        EXPECT_EQ(complaints(on(row.chain, "drain", fmt::format("min = \"{}\"", row.more))),
                  fmt::format("f:7:7: rule.min: \"{}\" is never met: there are at most {}\n",
                              row.more, row.why));
        EXPECT_EQ(complaints(on(row.chain, "drain", fmt::format("min = \"{}\"", row.most))), "");
        EXPECT_EQ(
            complaints(on(row.chain, "large_transfer", fmt::format("critical = \"{}\"", row.more))),
            fmt::format("f:7:12: rule.critical: \"{}\" is never met: there are at most {}\n",
                        row.more, row.why));
    }
    std::string const much = "critical = \"9000000000\"";
    EXPECT_EQ(complaints(on("mychain", "large_transfer", much)), "");
    EXPECT_EQ(complaints(on("polkadot", "large_transfer", much + "\nassets = [\"USDT\"]")), "");
    EXPECT_EQ(complaints(on("polkadot", "large_transfer", much + "\nassets = [\"*\"]")), "");
}

TEST(RuleLint, one_chain_on_which_a_threshold_can_be_met_is_enough) {
    std::string const both = "[[chain]]\nname = \"kusama\"\nendpoints = [\"ws://a\"]\n"
                             "[[chain]]\nname = \"polkadot\"\nendpoints = [\"ws://a\"]\n"
                             "[[rule]]\nname = \"r\"\nkind = \"new_whale\"\nlevel = ";
    EXPECT_EQ(complaints(both + "\"50000000\"\n"), "");
    EXPECT_EQ(complaints(both + "\"50000000\"\nchains = [\"kusama\"]\n").substr(0, 54),
              "f:10:9: rule.level: \"50000000\" is never met: there are");
    EXPECT_EQ(complaints(both + "\"3000000000\"\n"),
              "f:10:9: rule.level: \"3000000000\" is never met: there are at most 2100000000 DOT "
              "(capped by referendum 1710, as of 2025-09-14)\n");
    std::string const unknown = "[[chain]]\nname = \"x\"\nendpoints = [\"ws://a\"]\n";
    EXPECT_EQ(complaints(unknown + both + "\"3000000000\"\n"), "");
}

TEST(RuleLint, known_supplies_are_plain_and_no_chain_has_two) {
    std::vector<std::string_view> names;
    for (KnownSupply const& supply : known_supplies()) {
        EXPECT_TRUE(is_plain_decimal(supply.tokens));
        EXPECT_EQ(supply.as_of.size(), 10U);
        names.insert(names.end(), supply.chains.begin(), supply.chains.end());
    }
    std::ranges::sort(names);
    EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

// ---- two rules ---------------------------------------------------------------------------------

TEST(RuleLint, a_rule_that_says_the_same_as_another_is_warned_of) {
    std::string const first = rule("drain", "outflows = 6");
    std::string const second = "[[rule]]\nname = \"s\"\nkind = \"drain\"\noutflows = ";
    std::string const text = first + second + "6\n";
    EXPECT_EQ(complaints(text), "f:13:8: warning: rule.kind: \"r\" says the same: each alert would "
                                "come twice\n");
    EXPECT_TRUE(load_text(text, "f").usable());
    // A default that is written is no other rule, and neither is another order.
    EXPECT_EQ(complaints(first + second + "6\nwindow = \"24h\"\nmin = \"10000\"\n"),
              "f:13:8: warning: rule.kind: \"r\" says the same: each alert would come twice\n");
    EXPECT_EQ(complaints(first + second + "7\n"), "");
    EXPECT_EQ(complaints(first + second + "6\nchains = [\"dot\"]\n"), "");
    EXPECT_EQ(complaints(first + second + "6\nseverity = \"critical\"\n"), "");
    EXPECT_EQ(complaints(first + second + "6\nexclude = [\"0x" + std::string(64, '1') + "\"]\n"),
              "");
    EXPECT_EQ(
        complaints(rule("consolidation", "") + "[[rule]]\nname = \"s\"\nkind = \"dispersion\"\n"),
        "");
}

// ---- labels ------------------------------------------------------------------------------------

TEST(RuleLint, labels_that_nobody_has_are_refused) {
    std::string const watch =
        "[[watch]]\naddress = \"0x" + std::string(64, '1') + "\"\nlabel = \"Binance 1\"";
    expect_said("drain", "include_labels = [\"Binance 1\", \"Binance 2\"]\n" + watch,
                "10:18: rule.include_labels: nobody is labelled \"Binance 2\"; did you mean "
                "\"Binance 1\"?");
    expect_said("drain", "exclude_labels = [\"Treasury\"]\n" + watch,
                "10:18: rule.exclude_labels: nobody is labelled \"Treasury\"; labels come from "
                "[[watch]] and the files of [labels]");
    expect_said("drain", "exclude_labels = [\"Treasury\"]",
                "10:18: rule.exclude_labels: nobody is labelled \"Treasury\"; labels come from "
                "[[watch]] and the files of [labels]");
    expect_good("drain", "include_labels = [\"Binance 1\"]\n" + watch);
}

TEST(RuleLint, labels_of_files_count_too) {
    TemporaryFolder const folder("lint");
    ASSERT_FALSE(folder.path().empty()) << folder.trouble();
    std::string const path = folder.path() + "/labels.csv";
    std::ofstream(path) << "address,label\n0x" << std::string(64, '1') << ",Cold wallet\n";
    auto const lint = [&](std::string const& file, char const* labels) {
        Loaded loaded = load_text(rule("drain", fmt::format("include_labels = [{}]\n[labels]\n"
                                                            "files = [\"{}\"]",
                                                            labels, file)),
                                  "f");
        EXPECT_TRUE(loaded.problems.empty()); // load() reads no other file, so it cannot know
        lint_labels_of_files(loaded.config, loaded.problems);
        std::string said;
        for (Problem const& problem : loaded.problems) said += to_text(loaded.config, problem);
        return said;
    };
    EXPECT_EQ(lint(path, "\"Cold wallet\""), "");
    EXPECT_EQ(lint(path, "\"Cold walet\""),
              "f:10:18: rule.include_labels: nobody is labelled \"Cold walet\"; did you mean "
              "\"Cold wallet\"?");
    EXPECT_EQ(lint("/nowhere.csv", "\"Cold walet\""), ""); // check says that it is not there
}

TEST(RuleLint, labels_are_looked_up_among_those_given) {
    Loaded const loaded =
        load_text(rule("drain", "include_labels = [\"a\"]\n[labels]\nfiles = [\"x\"]"), "f");
    std::vector<Problem> problems;
    std::string_view const known[] = {"c", "a", "b"};
    lint_labels(loaded.config, known, problems);
    EXPECT_TRUE(problems.empty());
    lint_labels(loaded.config, std::span(known).first(1), problems);
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].where.line, 10U);
    EXPECT_EQ(problems[0].where.column, 18U);
}

TEST(RuleLint, dollars_need_a_chain_whose_prices_somebody_knows) {
    std::string const never =
        "rule.critical_usd: would never be met: prices come from Subscan, and "
        "need a chain with endpoints and a subscan_url, and [enrich] prices";
    // One chain has endpoints, the other one a Subscan.
    expect_said("large_transfer", "critical_usd = \"5\"", "10:16: " + never);
    std::string const both = "notable = \"1\"\ncritical_usd = \"5\"\n[[chain]]\nname = \"b\"\n"
                             "endpoints = [\"ws://b\"]\nsubscan_url = \"https://b.example\"\n";
    expect_good("large_transfer", both);
    expect_said("large_transfer", both + "[enrich]\nprices = false", "11:16: " + never);
}

TEST(RuleLint, the_kinds_as_they_are_say_nothing_wrong) {
    for (auto const& row : stages::rule_kind_rows()) {
        expect_good(row.name,
                    row.kind == stages::RuleKind::large_transfer ? "notable = \"1\"" : "");
    }
}
