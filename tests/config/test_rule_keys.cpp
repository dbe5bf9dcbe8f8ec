// Every key of every kind of rule arrives where its family looks for it, has the default that the
// table of detectors promises.
#include "config/rule_keys.hpp"
#include "decoders/amount.hpp"
#include "rule_texts.hpp"
#include "stages/chain_health.hpp"
#include "stages/rule_options.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <set>

using namespace config;
using stages::PatternOptions;
using stages::RuleKind;
using tests::alice;
using tests::load_rule;
using tests::rule_of;

namespace {

// ---- fields of the options as texts ------------------------------------------------------------

std::string show(std::uint32_t value) { return std::to_string(value); }
std::string show(double value) { return fmt::format("{}", value); }
std::string show(bool value) { return value ? "true" : "false"; }
std::string show(stages::u128 value) { return std::string(decoders::u128_text(value).view()); }
template <class T>
std::string show(std::optional<T> const& value) {
    return value ? show(*value) : "none";
}
template <class List>
std::string show(List const& list) {
    std::string text;
    for (std::uint32_t const one : list) text += (text.empty() ? "" : " ") + show(one);
    return text;
}

template <class Options, class T>
T const& member(PatternOptions const& options, T Options::* place) {
    return std::get<Options>(options).*place;
}
template <auto Place>
std::string field(PatternOptions const& options) {
    return show(member(options, Place));
}

// ---- every key that is not of every kind -------------------------------------------------------

using namespace stages;
using enum RuleKind;

struct Case {
    RuleKind kind;
    std::string_view key;
    std::string_view toml;     // not the default
    std::string_view text;     // the same as `rule list` shows it
    std::string_view value;    // in the options, of a token with ten decimals
    std::string_view standard; // the same where nothing is written
    std::string (*read)(PatternOptions const&);
};

// Standards: by hand from the table of detectors; amounts are those numbers with ten zeros behind.
// Seconds: a day is 86400.
Case const cases[] = {
    {large_transfer, "share", "0.25", "0.25", "0.25", "none", field<&LargeOptions::share>},
    {large_transfer, "floor", R"("5")", "5", "50000000000", "100000000000000",
     field<&LargeOptions::floor>},
    {large_transfer, "price_age", R"("30m")", "30m", "1800", "3600",
     field<&LargeOptions::price_age_s>},

    {watch, "min", R"("12.5")", "12.5", "125000000000", "0", field<&WatchOptions::min>},
    {watch, "low", R"("7")", "7", "70000000000", "none", field<&WatchOptions::low>},
    {watch, "high", R"("0.0000000001")", "0.0000000001", "1", "none", field<&WatchOptions::high>},

    {dormant_awakening, "silence", R"("40d")", "40d", "3456000", "2592000",
     field<&DormantOptions::silence_s>},
    {dormant_awakening, "critical_silence", R"("4800h")", "200d", "17280000", "15552000",
     field<&DormantOptions::critical_silence_s>},
    {dormant_awakening, "min", R"("1")", "1", "10000000000", "100000000000000",
     field<&DormantOptions::min>},
    {dormant_awakening, "share", "0.25", "0.25", "0.25", "0.05", field<&DormantOptions::share>},
    {dormant_awakening, "warm", "9", "9", "9", "5", field<&DormantOptions::model_outs>},
    {dormant_awakening, "migrations", R"(["2026-03-01", "2026-03-01T12:30:15Z"])",
     R"(["2026-03-01", "2026-03-01T12:30:15Z"])", "1772409600 1772368215", "1759881600 1762300800",
     field<&DormantOptions::borders>},

    {coordination, "min", R"("1")", "1", "10000000000", "1000000000000000",
     field<&CoordinationOptions::min>},
    {coordination, "clusters", "4", "4", "4", "3", field<&CoordinationOptions::clusters>},
    {coordination, "critical_clusters", "8", "8", "8", "5",
     field<&CoordinationOptions::critical_clusters>},
    {coordination, "windows", R"(["90s", "168h"])", R"(["90s", "7d"])", "90 604800", "300 3600",
     field<&CoordinationOptions::windows_s>},
    {coordination, "once_in", R"("7d")", "7d", "604800", "2592000",
     field<&CoordinationOptions::once_in_s>},

    {consolidation, "window", R"("36h")", "36h", "129600", "86400",
     field<&GatheringOptions::window_s>},
    {consolidation, "counterparties", "30", "30", "30", "20",
     field<&GatheringOptions::counterparties>},
    {consolidation, "effective", "12.5", "12.5", "12.5", "10", field<&GatheringOptions::effective>},
    {consolidation, "sum", R"("2")", "2", "20000000000", "1000000000000000",
     field<&GatheringOptions::sum>},
    {consolidation, "exchanges", "true", "true", "true", "false",
     field<&GatheringOptions::exchanges>},
    {dispersion, "window", R"("1s")", "1s", "1", "86400", field<&GatheringOptions::window_s>},
    {dispersion, "counterparties", "2", "2", "2", "20", field<&GatheringOptions::counterparties>},
    {dispersion, "effective", "3", "3", "3", "10", field<&GatheringOptions::effective>},
    {dispersion, "sum", R"("3")", "3", "30000000000", "1000000000000000",
     field<&GatheringOptions::sum>},
    {dispersion, "exchanges", "true", "true", "true", "false", field<&GatheringOptions::exchanges>},

    {drain, "window", R"("7d")", "7d", "604800", "86400", field<&DrainOptions::window_s>},
    {drain, "outflows", "6", "6", "6", "5", field<&DrainOptions::outflows>},
    {drain, "largest_share", "0.4", "0.4", "0.4", "0.5", field<&DrainOptions::largest_share>},
    {drain, "balance_share", "1", "1", "1", "0.5", field<&DrainOptions::balance_share>},
    {drain, "min", R"("5")", "5", "50000000000", "100000000000000", field<&DrainOptions::min>},

    {structuring, "window", R"("12h")", "12h", "43200", "86400",
     field<&StructuringOptions::window_s>},
    {structuring, "level", R"("50000")", "50000", "500000000000000", "100000000000000",
     field<&StructuringOptions::level>},
    {structuring, "parts", "7", "7", "7", "5", field<&StructuringOptions::parts>},

    {exchange_flow, "windows", R"(["10m", "2h"])", R"(["10m", "2h"])", "600 7200", "900 3600",
     field<&ExchangeFlowOptions::windows_s>},
    {exchange_flow, "z", "7.5", "7.5", "7.5", "6", field<&ExchangeFlowOptions::z>},
    {exchange_flow, "floor", R"("9")", "9", "90000000000", "none",
     field<&ExchangeFlowOptions::floor>},
    {exchange_flow, "warm", "300", "300", "300", "200", field<&ExchangeFlowOptions::warm_windows>},

    {new_whale, "level", R"("4")", "4", "40000000000", "1000000000000000",
     field<&WhaleOptions::level>},
    {new_whale, "blocks", "0", "0", "0", "100", field<&WhaleOptions::blocks>},
    {whale_exit, "level", R"("4")", "4", "40000000000", "1000000000000000",
     field<&WhaleOptions::level>},
    {whale_exit, "blocks", "50", "50", "50", "100", field<&WhaleOptions::blocks>},

    {unbonding, "min", R"("4")", "4", "40000000000", "100000000000000",
     field<&UnbondingOptions::min>},
    {unbonding, "unlock", R"("7d")", "7d", "604800", "2419200", field<&UnbondingOptions::unlock_s>},
    {unbonding, "follow", R"("3d")", "3d", "259200", "1209600", field<&UnbondingOptions::follow_s>},

    {burst, "min", R"("4")", "4", "40000000000", "0", field<&BurstOptions::min>},
    {burst, "warm", "30", "30", "30", "20", field<&BurstOptions::model_outs>},
    {burst, "factor", "2.5", "2.5", "2.5", "4", field<&BurstOptions::factor>},
    {burst, "run", R"("60d")", "60d", "5184000", "2592000", field<&BurstOptions::run_s>},

    {market_volume, "window", R"("10m")", "10m", "600", "300",
     field<&MarketVolumeOptions::window_s>},
    {market_volume, "z", "8", "8", "8", "6", field<&MarketVolumeOptions::z>},
    {market_volume, "warm", "3000", "3000", "3000", "2016",
     field<&MarketVolumeOptions::warm_windows>},

    {pass_through, "min", R"("4")", "4", "40000000000", "100000000000000",
     field<&PassThroughOptions::min>},
    {pass_through, "hops", "4", "4", "4", "3", field<&PassThroughOptions::hops>},
    {pass_through, "hop", R"("1h")", "1h", "3600", "1800", field<&PassThroughOptions::hop_s>},
    {pass_through, "keep", "0.99", "0.99", "0.99", "0.9", field<&PassThroughOptions::keep>},

    {test_then_large, "large", R"("4")", "4", "40000000000", "1000000000000000",
     field<&TestThenLargeOptions::large>},
    {test_then_large, "probe_share", "0.1", "0.1", "0.1", "0.01",
     field<&TestThenLargeOptions::probe_share>},
    {test_then_large, "window", R"("30m")", "30m", "1800", "3600",
     field<&TestThenLargeOptions::window_s>},
};

Case const* case_of(RuleKind kind, std::string_view key) {
    for (Case const& one : cases)
        if (one.kind == kind && one.key == key) return &one;
    return nullptr;
}

// ---- what is the same for every kind -----------------------------------------------------------

struct Shared {
    std::string_view key, toml, text;
};
Shared const shared[] = {
    {"assets", R"(["native"])", R"(["native"])"},
    {"severity", R"("important")", "important"},
    {"cooldown", R"("90m")", "90m"},
    {"budget", "2.5", "2.5"},
    {"include", R"(["15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"])",
     R"(["0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"])"},
    {"exclude", R"(["0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"])",
     R"(["0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"])"},
    {"include_labels", R"(["a \"b\""])", R"(["a \"b\""])"},
    {"exclude_labels", R"(["a \"b\""])", R"(["a \"b\""])"},
    {"notable", R"("1")", "1"},
    {"important", R"("200")", "200"},
    {"critical", R"("0.5")", "0.5"},
    {"notable_usd", R"("1000.5")", "1000.5"},
    {"important_usd", R"("7")", "7"},
    {"critical_usd", R"("8")", "8"},
    {"what", R"(["reorg", "stalled"])", R"(["reorg", "stalled"])"},
    {"stall", R"("90s")", "90s"},
    {"finality_stall", R"("5m")", "5m"},
    {"stall_factor", "4.5", "4.5"},
    {"distance", "50", "50"},
    {"reorg", "3", "3"},
    {"audit", R"(["15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"])",
     R"(["0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"])"},
    {"audit_every", R"("90s")", "90s"},
};

// Of a kind that is content without any key: those have no level of their own to say.
std::string with(RuleKind kind, std::string_view key, std::string_view toml) {
    bool const level = key == "notable" || key == "important" || key == "critical";
    bool const lacking = kind == large_transfer && !level;
    bool const by_more = kind == large_transfer && (key == "floor" || key == "price_age");
    return rule_of(kind) + fmt::format("{} = {}\n", key, toml) +
           (lacking ? "notable = \"1\"\n" : "") +
           (by_more ? "share = 0.5\n" : "") + // alone they say nothing
           (key == "audit_every" ? fmt::format("audit = [\"{}\"]\n", alice) : std::string()) +
           std::string(key.ends_with("_usd") ? tests::priced_chain : "");
}

} // namespace

TEST(RuleKeys, every_key_of_every_kind_arrives_and_is_shown_as_it_was_written) {
    std::size_t pairs = 0;
    for (RuleKey const& row : rule_keys())
        for (RuleKindRow const& kind : rule_kind_rows()) {
            if (!row.of(kind.kind) || row.key == "name" || row.key == "kind" || row.key == "chains")
                continue;
            Case const* const own = case_of(kind.kind, row.key);
            auto const* const common = std::ranges::find(shared, row.key, &Shared::key);
            ASSERT_TRUE(own != nullptr || common != std::end(shared))
                << "no case for " << row.key << " of " << kind.name;
            std::string_view const toml = own != nullptr ? own->toml : common->toml;
            Rule const rule = load_rule(with(kind.kind, row.key, toml));
            EXPECT_EQ(value_text(rule, row), own != nullptr ? own->text : common->text)
                << row.key << " of " << kind.name;
            EXPECT_EQ(rule.kind, kind.kind);
            if (own != nullptr) {
                auto const options = pattern_options(rule, 10);
                ASSERT_TRUE(options.has_value()) << options.error();
                EXPECT_EQ(own->read(*options), own->value) << row.key << " of " << kind.name;
            }
            ++pairs;
        }
    // 60 own ones; eight of chain_health and three levels in dollars; assets, severity of 17 kinds;
    // cooldown, budget of 15; four lists of 15; levels: three of large_transfer, two of watch and
    // of eleven others.
    EXPECT_EQ(std::size(cases), 60U);
    EXPECT_EQ(pairs, 60U + 8 + 3 + 2 * 17 + 2 * 15 + 4 * 15 + 3 + 2 * 12);
}

TEST(RuleKeys, defaults_are_those_of_the_table_of_detectors) {
    for (Case const& one : cases) {
        Rule bare{.kind = one.kind};
        if (one.kind == large_transfer) bare.settings.usd[0] = "1"; // else it is no pattern
        auto const options = pattern_options(bare, 10);
        ASSERT_TRUE(options.has_value());
        EXPECT_EQ(one.read(*options), one.standard) << one.key << " of " << to_text(one.kind);
        // What the table of keys shows as the default is what happens without the key.
        RuleKey const* const row = find_rule_key(one.key, one.kind);
        ASSERT_NE(row, nullptr) << one.key << " of " << to_text(one.kind);
        if (row->fallback.empty()) {
            EXPECT_EQ(one.standard, "none") << one.key;
            continue;
        }
        Rule const said = load_rule(with(one.kind, one.key, as_toml(row->type, row->fallback)));
        EXPECT_EQ(one.read(*pattern_options(said, 10)), one.standard)
            << one.key << " of " << to_text(one.kind);
        EXPECT_EQ(written_text(said, *row), row->fallback) << one.key;
    }
}

TEST(RuleKeys, what_all_kinds_share_arrives_and_has_its_defaults) {
    for (RuleKindRow const& kind : rule_kind_rows()) {
        std::string const level = kind.kind == large_transfer ? "notable = \"1\"\n" : "";
        Rule const bare = load_rule(rule_of(kind.kind) + level);
        EXPECT_EQ(bare.settings.severity, std::nullopt);
        EXPECT_EQ(budget(bare), std::nullopt) << kind.name;
        EXPECT_EQ(cooldown_s(bare), kind.legacy ? 0U : 3'600U) << kind.name;
        EXPECT_TRUE(bare.every_chain);
        bool const budgeted = kind.kind != watch && kind.kind != chain_health;
        std::string const times = std::string(kind.legacy ? "" : "cooldown = \"2h\"\n") +
                                  (budgeted ? "budget = 3\n" : "");
        Rule const rule = load_rule(rule_of(kind.kind) + level + "severity = \"critical\"\n" +
                                    times + "chains = [\"dot\"]\n");
        EXPECT_EQ(rule.settings.severity, Severity::critical);
        EXPECT_EQ(cooldown_s(rule), kind.legacy ? 0U : 7'200U);
        EXPECT_EQ(budget(rule), budgeted ? std::optional(3.0) : std::nullopt);
        EXPECT_EQ(find_rule_key("cooldown", kind.kind) == nullptr, kind.legacy) << kind.name;
        EXPECT_EQ(find_rule_key("budget", kind.kind) == nullptr, !budgeted) << kind.name;
        EXPECT_FALSE(rule.every_chain);
    }
    Rule const rule = load_rule(rule_of(drain) + fmt::format("include = [\"{}\"]\n", alice));
    ASSERT_EQ(rule.settings.include.size(), 1U);
    EXPECT_EQ(rule.settings.include[0].key[0], 0xd4);
    EXPECT_EQ(budget(load_rule(rule_of(drain) + "budget = 0\n")), std::nullopt);
}

// Like `defaults_are_those_of_the_table`, of the one kind that is neither a movement nor a pattern.
TEST(RuleKeys, what_is_asked_of_a_chain_arrives_and_has_its_defaults) {
    auto const shown = [](Rule const& rule) {
        ChainHealthOptions const of = chain_health_options(rule, 0);
        std::string on;
        for (bool const one : of.on) on += one ? '1' : '0';
        std::string audited;
        for (auto const& one : of.audited) audited += fmt::format("{:x}", one.key[0]);
        return fmt::format("{} {} {} {} {} {} {}", on, of.stall_s, of.finality_stall_s,
                           of.stall_factor, of.distance, of.reorg, audited);
    };
    EXPECT_EQ(shown(Rule{.kind = chain_health}), "1111110 60 180 10 100 4 ");
    std::string said = rule_of(chain_health);
    for (RuleKey const& row : rule_keys())
        if (row.kinds == bit_of(chain_health) && !row.key.starts_with("audit"))
            said += fmt::format("{} = {}\n", row.key, as_toml(row.type, row.fallback));
    EXPECT_EQ(shown(load_rule(said)), "1111110 60 180 10 100 4 ");
    EXPECT_EQ(shown(load_rule(rule_of(chain_health) +
                              "what = [\"reorg\", \"blind\"]\nstall = \"90s\"\n"
                              "finality_stall = \"5m\"\nstall_factor = 4.5\ndistance = 50\n"
                              "reorg = 3\n" +
                              fmt::format("audit = [\"{}\"]\n", alice))),
              "0010011 90 300 4.5 50 3 d4");
}

TEST(RuleKeys, levels_in_dollars_arrive) {
    Rule const rule = load_rule(rule_of(large_transfer) +
                                "notable_usd = \"1000.50\"\ncritical_usd = \"1000000\"\n" +
                                std::string(tests::priced_chain));
    EXPECT_EQ(rule.settings.usd[0], "1000.50");
    EXPECT_EQ(rule.settings.usd[1], std::nullopt);
    EXPECT_EQ(rule.settings.usd[2], "1000000");
}

TEST(RuleKeys, places_of_what_was_written_are_kept) {
    Rule const rule = load_rule(rule_of(drain) + "outflows = 7\nmin =   \"5\"\n");
    std::set<std::string> places;
    for (RuleKeyPlace const& one : rule.given)
        places.insert(fmt::format("{}:{}:{}", one.key, one.line, one.column));
    EXPECT_EQ(places,
              (std::set<std::string>{"name:8:8", "kind:9:8", "outflows:10:12", "min:11:9"}));
}

TEST(RuleKeys, legacy_runs_two_kinds_and_four_are_statistical) {
    std::vector<RuleKind> legacy, statistical;
    for (RuleKindRow const& row : rule_kind_rows()) {
        if (row.legacy) legacy.push_back(row.kind);
        if (row.model == RuleModel::statistical) statistical.push_back(row.kind);
        EXPECT_EQ(rule_kind_named(row.name), row.kind);
        EXPECT_EQ(to_text(row.kind), row.name);
    }
    EXPECT_EQ(legacy, (std::vector{large_transfer, watch}));
    EXPECT_EQ(statistical, (std::vector{coordination, exchange_flow, burst, market_volume}));
    EXPECT_EQ(rule_kind_named("rain"), std::nullopt);
}

TEST(RuleKeys, no_key_of_a_kind_stands_in_the_table_twice) {
    for (RuleKindRow const& kind : rule_kind_rows()) {
        std::set<std::string_view> keys;
        for (RuleKey const& row : rule_keys())
            EXPECT_TRUE(!row.of(kind.kind) || keys.insert(row.key).second)
                << row.key << " of " << kind.name;
    }
    for (RuleKey const& row : rule_keys()) {
        EXPECT_NE(row.kinds, 0U) << row.key;
        EXPECT_FALSE(row.meaning.empty()) << row.key;
        EXPECT_LE(row.low, row.high) << row.key;
    }
}
