// A key of a rule that makes no sense is refused with its place and what to write instead.
#include "rule_texts.hpp"

using namespace stages;
using enum RuleKind;
using tests::alice;
using tests::complaints;
using tests::expect_said;
using tests::rule_of;

TEST(RuleKeysBad, keys_of_other_kinds_name_the_kinds_that_have_them) {
    expect_said(drain, "hops = 3",
                "10:8: rule.hops: drain has no such key; what has it: pass_through");
    expect_said(coordination, "window = \"1h\"",
                "10:10: rule.window: coordination has no such key; what has it: consolidation, "
                "dispersion, drain, structuring, market_volume, test_then_large");
    expect_said(drain, "notable = \"1\"",
                "10:11: rule.notable: drain has no such key; what has it: large_transfer");
    expect_said(market_volume, "include = []",
                "10:11: rule.include: market_volume has no such key; what has it: large_transfer, "
                "watch, dormant_awakening, coordination, consolidation, dispersion, drain, "
                "structuring, exchange_flow, new_whale, whale_exit, unbonding, burst, "
                "pass_through, test_then_large");
    // Rows of other kinds for the same key are one complaint.
    expect_said(coordination, "important = \"1\"\ncritical = \"2\"\nimportent = 1",
                "10:13: rule.important: coordination has no such key; what has it: large_transfer, "
                "watch, dormant_awakening, consolidation, dispersion, drain, structuring, "
                "exchange_flow, new_whale, whale_exit, unbonding, pass_through, test_then_large\n"
                "f:11:12: rule.critical: coordination has no such key; what has it: "
                "large_transfer, watch, dormant_awakening, consolidation, dispersion, drain, "
                "structuring, exchange_flow, new_whale, whale_exit, unbonding, pass_through, "
                "test_then_large\n"
                "f:12:1: unknown key `importent` in rule; did you mean `important`?");
}

TEST(RuleKeysBad, unknown_keys_and_kinds_have_the_nearest_named) {
    expect_said(drain, "outflow = 7",
                "10:1: unknown key `outflow` in rule; did you mean `outflows`?");
    expect_said(drain, "zzzzzzzz = 7", "10:1: unknown key `zzzzzzzz` in rule");
    std::string const head = tests::chain + "[[rule]]\nname = \"r\"\n";
    EXPECT_EQ(complaints(head + "kind = \"drian\"\nhops = 3\noutflowz = 1\n"),
              "f:6:8: rule.kind: \"drian\" is no kind of rule; did you mean \"drain\"?\n"
              "f:8:1: unknown key `outflowz` in rule; did you mean `outflows`?\n");
    EXPECT_EQ(complaints(head + "kind = \"quantum_whale_oracle\"\n"),
              "f:6:8: rule.kind: \"quantum_whale_oracle\" is no kind of rule; `spyhop rule list "
              "--kinds` has them all\n");
    EXPECT_EQ(complaints(head), "f:4:1: rule: `kind` is missing\n");
    EXPECT_EQ(complaints(head + "kind = 5\n"),
              "f:6:8: rule.kind: this is an integer, but a text in quotes is needed\n");
}

TEST(RuleKeysBad, times_outside_their_range_say_why) {
    expect_said(drain, "window = \"8d\"",
                "10:10: rule.window: \"8d\": whole seconds are needed, from \"1s\" to \"7d\": "
                "movements are kept for 7 days");
    expect_said(drain, "window = \"604801s\"",
                "10:10: rule.window: \"604801s\": whole seconds are needed, from \"1s\" to "
                "\"7d\": movements are kept for 7 days");
    expect_said(drain, "window = \"1500ms\"",
                "10:10: rule.window: \"1500ms\": whole seconds are needed, from \"1s\" to "
                "\"7d\": movements are kept for 7 days");
    expect_said(drain, "window = \"0s\"",
                "10:10: rule.window: \"0s\": whole seconds are needed, from \"1s\" to \"7d\": "
                "movements are kept for 7 days");
    expect_said(drain, "window = \"1 day\"",
                "10:10: rule.window: \"1 day\": a duration is a whole number and a unit: 250ms, "
                "30s, 5m, 24h");
    expect_said(drain, "window = 60",
                "10:10: rule.window: this is an integer, but a text in quotes is needed");
    expect_said(pass_through, "hop = \"8d\"",
                "10:7: rule.hop: \"8d\": whole seconds are needed, from \"1s\" to \"7d\": "
                "movements are kept for 7 days");
    expect_said(dormant_awakening, "silence = \"59m\"",
                "10:11: rule.silence: \"59m\": whole seconds are needed, from \"1h\" to "
                "\"3650d\"");
    expect_said(drain, "cooldown = \"3651d\"",
                "10:12: rule.cooldown: \"3651d\": longer than ten years");
    expect_said(coordination, "windows = [\"5m\", \"8d\"]",
                "10:11: rule.windows: \"8d\": whole seconds are needed, from \"1s\" to \"7d\": "
                "movements are kept for 7 days");
    for (char const* value :
         {"[]", "[\"5m\"]", "[\"1h\", \"5m\"]", "[\"1h\", \"1h\"]", "[\"5m\", \"1h\", \"2h\"]"})
        expect_said(coordination, std::string("windows = ") + value,
                    "10:11: rule.windows: two durations are needed, the shorter first: [\"5m\", "
                    "\"1h\"]");
    expect_said(exchange_flow, "windows = \"5m\"",
                "10:11: rule.windows: a list of texts is needed: [\"…\", \"…\"]");
}

TEST(RuleKeysBad, amounts_are_exact_texts_that_a_supply_can_have) {
    expect_said(drain, "min = \"340282366920938463463374607431768211456\"",
                "10:7: rule.min: \"340282366920938463463374607431768211456\" is more than any "
                "supply can be: 340282366920938463463374607431768211455 tokens");
    expect_said(large_transfer, "critical = \"340282366920938463463374607431768211455.1\"",
                "10:12: rule.critical: \"340282366920938463463374607431768211455.1\" is more than "
                "any supply can be: 340282366920938463463374607431768211455 tokens");
    expect_said(drain, "min = 10000",
                "10:7: rule.min: amounts are exact decimal numbers of whole tokens in quotes: "
                "\"10000\" or \"0.5\"");
    expect_said(structuring, "level = \"1e4\"",
                "10:9: rule.level: \"1e4\" is no plain decimal number; write \"10000\" or "
                "\"0.5\"");
    expect_said(drain, "important = \"5\"\ncritical = \"4.9\"",
                "11:12: rule.critical: \"4.9\" is less than the level below it, \"5\"");
    expect_said(large_transfer, "severity = \"critical\"",
                "8:8: rule.name: the rule has no level: notable, important or critical (of tokens, "
                "or with _usd), share or budget, at least one");
    EXPECT_EQ(complaints(rule_of(drain) + "min = \"340282366920938463463374607431768211455\"\n"),
              "");
}

TEST(RuleKeysBad, shares_are_above_zero_and_at_most_one) {
    for (char const* value : {"0", "0.0", "-0.1", "1.0000001", "5", "nan", "inf", "\"5%\"", "true"})
        expect_said(dormant_awakening, std::string("share = ") + value,
                    "10:9: rule.share: a share is a number above 0 and at most 1; 0.05 is 5 %");
    for (char const* key : {"largest_share", "balance_share"})
        expect_said(drain, std::string(key) + " = 2",
                    fmt::format("10:17: rule.{}: a share is a number above 0 and at most 1; 0.05 "
                                "is 5 %",
                                key));
    expect_said(test_then_large, "probe_share = 0",
                "10:15: rule.probe_share: a share is a number above 0 and at most 1; 0.05 is 5 %");
    expect_said(pass_through, "keep = 1.5",
                "10:8: rule.keep: a share is a number above 0 and at most 1; 0.05 is 5 %");
    EXPECT_EQ(complaints(rule_of(pass_through) + "keep = 1\n"), "");
    EXPECT_EQ(complaints(rule_of(pass_through) + "keep = 1e-9\n"), "");
}

TEST(RuleKeysBad, counts_numbers_and_words_have_their_range) {
    expect_said(drain, "outflows = 1",
                "10:12: rule.outflows: an integer from 2 to 10000 is needed");
    expect_said(drain, "outflows = 5.0",
                "10:12: rule.outflows: an integer from 2 to 10000 is needed");
    expect_said(coordination, "clusters = 65",
                "10:12: rule.clusters: an integer from 2 to 64 is needed");
    expect_said(pass_through, "hops = 17", "10:8: rule.hops: an integer from 2 to 16 is needed");
    expect_said(new_whale, "blocks = -1",
                "10:10: rule.blocks: an integer from 0 to 1000000 is needed");
    expect_said(market_volume, "z = 0.5", "10:5: rule.z: a number from 1 to 1000 is needed");
    expect_said(burst, "factor = 1", "10:10: rule.factor: a number from 1.1 to 1000 is needed");
    expect_said(drain, "budget = -1", "10:10: rule.budget: a number from 0 to 1e+06 is needed");
    expect_said(dispersion, "exchanges = \"yes\"",
                "10:13: rule.exchanges: this is a text, but true or false is needed");
    expect_said(drain, "severity = \"huge\"",
                "10:12: rule.severity: \"huge\" is none of \"notable\", \"important\", "
                "\"critical\"");
}

TEST(RuleKeysBad, lists_say_which_entry_is_wrong) {
    expect_said(drain, "include = [\"15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp6\"]",
                "10:11: rule.include: \"15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp6\": the "
                "address's checksum does not match; a character is wrong or missing");
    expect_said(drain, "include = []",
                "10:11: rule.include: an empty list includes nobody; leave it out to include "
                "everybody");
    expect_said(drain, "include_labels = []",
                "10:18: rule.include_labels: an empty list includes nobody; leave it out to "
                "include everybody");
    EXPECT_EQ(complaints(rule_of(drain) + "exclude = []\nexclude_labels = []\n"), "");
    expect_said(drain, "exclude = \"x\"",
                "10:11: rule.exclude: a list of texts is needed: [\"…\", \"…\"]");
    std::string many;
    for (int i = 0; i < 1'001; ++i) many += fmt::format("\"{}\",", alice);
    expect_said(drain, "exclude = [" + many + "]", "10:11: rule.exclude: more than 1000 entries");
    expect_said(drain, "chains = []", "10:10: rule.chains: an empty list covers nothing");
    std::string const wanted = "a date, or a date and time with its zone, from 1970 to 2105 is "
                               "needed (RFC 3339): \"2025-11-04\", \"2025-11-04T12:00:00Z\"";
    expect_said(dormant_awakening, "migrations = [\"2025-11-04\", \"4.11.2025\"]",
                "10:14: rule.migrations: \"4.11.2025\": " + wanted);
    expect_said(dormant_awakening, "migrations = [2025-11-04T12:00:00]",
                "10:14: rule.migrations: \"2025-11-04T12:00:00\": " + wanted);
    expect_said(dormant_awakening, "migrations = [5]", "10:14: rule.migrations: \"\": " + wanted);
    expect_said(dormant_awakening, "migrations = \"2025-11-04\"",
                "10:14: rule.migrations: a list of dates is needed: [\"2025-10-07\", "
                "\"2025-11-04\"]");
}

TEST(RuleKeysBad, patterns_look_at_the_chains_own_token_only) {
    for (RuleKindRow const& row : rule_kind_rows()) {
        if (row.kind == large_transfer || row.kind == watch) continue;
        expect_said(row.kind, "assets = [\"native\", \"USDT\"]",
                    fmt::format("10:10: rule.assets: {} looks at the chain's own token only: "
                                "balances are known of no other; write [\"native\"] or leave it "
                                "out",
                                row.name));
    }
    EXPECT_EQ(complaints(rule_of(watch) + "assets = [\"USDT\"]\n"), "");
    expect_said(drain, "assets = []", "10:10: rule.assets: an empty list covers nothing");
}

TEST(RuleKeysBad, what_is_looked_for_has_names) {
    std::string const all = "stalled, finality, reorg, upgrade, incomplete, blind, conservation";
    expect_said(chain_health, "what = [\"reorg\", \"stall\"]",
                "10:8: rule.what: \"stall\" is none of " + all + "; did you mean \"stalled\"?");
    expect_said(chain_health, "what = [\"weather\"]",
                "10:8: rule.what: \"weather\" is none of " + all);
    expect_said(chain_health, "what = []",
                "10:8: rule.what: an empty list looks for nothing; leave it out to look for "
                "everything");
    // 1,024 blocks in between are remembered: at two a second that is a little more than 5 minutes.
    expect_said(chain_health,
                "audit_every = \"301s\"\naudit = [\"0x" + std::string(64, '1') + "\"]",
                "10:15: rule.audit_every: \"301s\": whole seconds are needed, from \"1s\" to "
                "\"5m\"");
    expect_said(chain_health, "reorg = 0", "10:9: rule.reorg: an integer from 1 to 64 is needed");
    expect_said(large_transfer,
                "notable_usd = \"10\"\ncritical_usd = \"5\"\n" + std::string(tests::priced_chain),
                "11:16: rule.critical_usd: \"5\" is less than the level below it, \"10\"");
}
