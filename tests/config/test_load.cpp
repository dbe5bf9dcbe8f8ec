// What a good configuration says arrives as values.
#include "config/config.hpp"
#include "config/embedded.hpp"
#include "config/reader.hpp"
#include "texts.hpp"

#include <gtest/gtest.h>

using namespace config;

namespace {

// Every key of the contract's section 4, none with its default value.
constexpr std::string_view everything = R"(
[service]
state_dir = "/srv/x/a"
socket = "/srv/x/a.sock"
isolation = "thread"
layout = "dedicated"
idle = "spin"
watchdog = "3s"
memory_max_hybrid = "512MiB"
[http]
listen = "127.0.0.1:3000"
admin_token_file = "admin.token"
[subscan]
api_key_env = "KEY"
requests_per_second = 7
requests_per_day = 8
[[chain]]
name = "dot"
endpoints = ["wss://a.example/x", "ws://127.0.0.1:9944"]
ca_file = "/srv/x/ca.pem"
follow = "finalized"
subscan_url = "https://dot.example"
legacy_poll = "250ms"
start = 17
[[chain]]
name = "ksm"
endpoints = ["ws://b.example"]
start = "head"
[[rule]]
name = "large"
kind = "large_transfer"
chains = ["ksm"]
assets = ["native", "USDT", "1984"]
notable = "0.5"
important = "10000"
critical = "340282366920938463463374607431768211455"
[[watch]]
address = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"
label = "Alice"
tier = 4
[[watch]]
address = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"
[flags]
enable_hybrid_rpc = false
enable_hybrid_patterns = false
enable_parallel_mode = false
hybrid_traffic_percent = 12.5
[health]
error_rate = { threshold = "5%", action = "reduce_traffic" }
crash = { threshold = 1, action = "immediate_rollback", dry_run = true }
[[sink]]
kind = "ndjson"
path = "/srv/x/alerts"
)";

Config load_good(std::string_view text) {
    Loaded loaded = load_text(text, "f");
    for (Problem const& problem : loaded.problems)
        EXPECT_TRUE(problem.warning) << to_text(loaded.config, problem);
    EXPECT_TRUE(loaded.usable());
    return std::move(loaded.config);
}

} // namespace

TEST(Load, takes_every_key_of_the_service_and_its_surroundings) {
    Config const config = load_good(everything);
    EXPECT_EQ(config.service.state_dir, "/srv/x/a");
    EXPECT_EQ(config.service.socket, "/srv/x/a.sock");
    EXPECT_EQ(config.service.isolation, Isolation::thread);
    EXPECT_EQ(config.service.layout, Layout::dedicated);
    EXPECT_EQ(config.service.idle, pipeline::Idle::spin);
    EXPECT_EQ(config.service.watchdog, 3 * pipeline::second);
    EXPECT_EQ(config.service.memory_max_hybrid, std::uint64_t{512} << 20);
    ASSERT_TRUE(config.http && config.subscan);
    EXPECT_EQ(config.http->listen, "127.0.0.1:3000");
    EXPECT_EQ(config.http->admin_token_file, "admin.token");
    EXPECT_EQ(config.subscan->api_key_env, "KEY");
    EXPECT_EQ(config.subscan->requests_per_second, 7U);
    EXPECT_EQ(config.subscan->requests_per_day, 8U);
    EXPECT_FALSE(config.flags.enable_hybrid_rpc);
    EXPECT_FALSE(config.flags.enable_hybrid_patterns);
    EXPECT_FALSE(config.flags.enable_parallel_mode);
    EXPECT_EQ(config.flags.hybrid_traffic_percent, 12.5);
    auto const rule = [&](stages::HealthCheck check) {
        return config.health.rules[static_cast<std::size_t>(check)];
    };
    EXPECT_DOUBLE_EQ(rule(stages::HealthCheck::error_rate).threshold, 0.05);
    EXPECT_EQ(rule(stages::HealthCheck::error_rate).action, stages::Remedy::reduce_traffic);
    EXPECT_EQ(rule(stages::HealthCheck::crash).threshold, 1);
    EXPECT_TRUE(rule(stages::HealthCheck::crash).dry_run);
    ASSERT_EQ(config.sinks.size(), 1U);
    EXPECT_EQ(config.sinks[0].path, "/srv/x/alerts");
}

TEST(Load, takes_every_key_of_chains_rules_and_watched_accounts) {
    Config const config = load_good(everything);
    ASSERT_EQ(config.chains.size(), 2U);
    ChainConfig const& dot = config.chains[0];
    EXPECT_EQ(dot.name, "dot");
    ASSERT_EQ(dot.endpoints.size(), 2U);
    EXPECT_EQ(dot.endpoints[0].authority(), "a.example");
    EXPECT_EQ(dot.endpoints[1].authority(), "127.0.0.1:9944");
    EXPECT_EQ(dot.ca_file, "/srv/x/ca.pem");
    EXPECT_TRUE(dot.finalized_only);
    EXPECT_TRUE(dot.subscan_url.has_value());
    EXPECT_EQ(dot.legacy_poll, 250 * pipeline::millisecond);
    EXPECT_EQ(dot.start, 17U);
    EXPECT_FALSE(config.chains[1].start.has_value());
    EXPECT_FALSE(config.chains[1].finalized_only);
    ASSERT_EQ(config.rules.size(), 1U);
    stages::Rule const& rule = config.rules[0];
    EXPECT_EQ(rule.chains, (std::vector<bool>{false, true}));
    EXPECT_EQ(rule.assets, (std::vector<std::string>{"native", "USDT", "1984"}));
    EXPECT_EQ(rule.levels[0], "0.5");
    EXPECT_EQ(rule.levels[2], "340282366920938463463374607431768211455");
    // Two spellings of one account (substrate's well-known development account).
    ASSERT_EQ(config.watches.size(), 2U);
    EXPECT_EQ(config.watches[0].account, config.watches[1].account);
    EXPECT_EQ(config.watches[0].tier, 4);
    EXPECT_EQ(config.watches[0].label, "Alice");
    EXPECT_EQ(config.watches[1].tier, 0);
}

TEST(Load, fills_in_what_the_contract_promises) {
    Config const config = load_good(tests::chain + tests::rule);
    EXPECT_EQ(config.service.state_dir, "/var/lib/spyhop");
    EXPECT_EQ(config.service.socket, "/run/spyhop/admin.sock");
    EXPECT_EQ(config.service.layout, Layout::compact);
    EXPECT_EQ(config.service.idle, pipeline::Idle::park);
    EXPECT_EQ(config.service.watchdog, 10 * pipeline::second);
    EXPECT_EQ(config.service.memory_max_hybrid, 0U);
    EXPECT_FALSE(config.http);
    EXPECT_FALSE(config.subscan);
    EXPECT_FALSE(config.chains[0].finalized_only);
    EXPECT_EQ(config.chains[0].legacy_poll, 30 * pipeline::second);
    EXPECT_EQ(config.rules[0].assets, std::vector<std::string>{"native"});
    EXPECT_EQ(config.rules[0].chains, std::vector<bool>{true});
    EXPECT_FALSE(config.rules[0].levels[1].has_value());
    EXPECT_TRUE(config.flags.enable_hybrid_rpc);
    EXPECT_EQ(config.flags.hybrid_traffic_percent, 0);
    ASSERT_EQ(config.sinks.size(), 1U);
    EXPECT_EQ(config.sinks[0].path, "-");
}

TEST(Load, a_sink_with_a_level_is_no_sink_of_alerts) {
    Config const config = load_good(tests::chain + tests::rule +
                                    "[[sink]]\nkind = \"ndjson\"\npath = \"/x\"\nlevel = 2\n");
    ASSERT_EQ(config.sinks.size(), 2U);
    EXPECT_EQ(config.sinks[0].level, 2);
    EXPECT_EQ(config.sinks[1].level, 0);
    EXPECT_EQ(config.sinks[1].path, "-");
}

TEST(Load, has_nothing_to_say_about_the_shipped_configuration) {
    Loaded const loaded = load_text(default_configuration(), "default.toml");
    for (Problem const& problem : loaded.problems) ADD_FAILURE() << to_text(loaded.config, problem);
    EXPECT_EQ(loaded.config.chains.size(), 2U);
}

TEST(Load, reads_durations) {
    struct Row {
        char const* text;
        pipeline::Nanoseconds value;
    };
    for (Row const& row :
         {Row{"250ms", 250 * pipeline::millisecond}, Row{"30s", 30 * pipeline::second},
          Row{"5m", 300 * pipeline::second}, Row{"24h", 86'400 * pipeline::second}}) {
        Config const config =
            load_good(tests::chain + "legacy_poll = \"" + row.text + "\"\n" + tests::rule);
        EXPECT_EQ(config.chains[0].legacy_poll, row.value) << row.text;
    }
}

TEST(Load, compares_decimals_by_value) {
    EXPECT_TRUE(decimal_less("9", "10"));
    EXPECT_TRUE(decimal_less("0.5", "0.51"));
    EXPECT_TRUE(decimal_less("009.5", "10"));
    EXPECT_FALSE(decimal_less("10", "10.000"));
    EXPECT_FALSE(decimal_less("10.000", "10"));
    EXPECT_TRUE(decimal_less("340282366920938463463374607431768211455",
                             "340282366920938463463374607431768211456"));
}
