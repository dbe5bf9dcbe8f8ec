// The configuration file as values: every key of interface.md section 4, checked. What is not here
// cannot be configured.
//
// Made by load(); read-only afterwards. Problems carry file, line and column, and say what to write
// instead.
#pragma once

#include "io/url.hpp"
#include "pipeline/driver.hpp"
#include "stages/deliver.hpp"
#include "stages/health.hpp"
#include "stages/incidents.hpp"
#include "stages/rules.hpp"

#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace config {

using pipeline::Nanoseconds;

struct Where {
    std::uint32_t line = 0; // 1-based; 0: the file as a whole
    std::uint32_t column = 0;
};

struct Problem {
    Where where;
    std::string text;
    bool warning = false; // worth saying, no reason to refuse
};

enum class Isolation { process, thread };
enum class Layout { compact, dedicated, single };

struct ServiceConfig {
    std::string state_dir = "/var/lib/spyhop";
    std::string socket = "/run/spyhop/admin.sock";
    Isolation isolation = Isolation::process;
    Layout layout = Layout::compact;
    pipeline::Idle idle = pipeline::Idle::park;
    // A process one of whose threads makes no pass for so long is killed and started again (legacy,
    // which waits for the disk: three times as long).
    Nanoseconds watchdog = 10 * pipeline::second;
    // Of its own, without what processes share, looked at once a second; more, and it is killed and
    // started again. Bytes; 0: no limit.
    std::uint64_t memory_max_hybrid = 0;
    std::vector<std::string> operators; // of the admin socket: user names or uids
    Where state_dir_where, socket_where, operators_where;
};

// How long a path that should speak may be silent about what the other one has.
struct RoutingConfig {
    Nanoseconds hybrid_patience = 10 * pipeline::second;
    Nanoseconds legacy_patience = 120 * pipeline::second;
};

struct HttpConfig {
    std::string listen;
    std::string admin_token_file;
    Where where;
};

struct SubscanConfig {
    std::string api_key_env;
    std::string api_key_file;
    std::uint32_t requests_per_second = 5;
    std::uint32_t requests_per_day = 100'000;
    std::string ca_file; // trusted for https in addition to the system's store
};

// How long what Subscan said is taken for true.
struct CacheConfig {
    Nanoseconds identity = 3'600 * pipeline::second;
    Nanoseconds balance = 3'600 * pipeline::second;
    Nanoseconds price = 3'600 * pipeline::second;
    Nanoseconds metadata = 3'600 * pipeline::second; // genesis and tokens of a chain
};

struct EnrichConfig {
    bool accounts = true; // ask Subscan for names and balances
    bool prices = true;
};

struct LabelsConfig {
    std::vector<std::string> files; // CSV
    Where where;
};

struct ChainConfig {
    std::string name;
    std::vector<io::Url> endpoints;
    std::string ca_file; // trusted for wss in addition to the system's store
    bool finalized_only = false;
    bool attribute = false; // name the extrinsic behind each transfer
    std::optional<io::Url> subscan_url;
    Nanoseconds legacy_poll = 30 * pipeline::second;
    std::optional<std::uint32_t> start; // absent: head
    Where where, endpoints_where, ca_file_where;
};

struct WatchConfig {
    decoders::Account account;
    std::string label;
    std::uint8_t tier = 0; // 0: none
    Where where;
};

struct PatternsConfig {
    std::uint32_t accounts = 262'144;  // remembered, of each chain
    std::uint32_t movements = 262'144; // windows look back at so many
};

struct FlagsConfig {
    bool enable_hybrid_rpc = true;
    bool enable_hybrid_patterns = true;
    bool enable_parallel_mode = true;
    double hybrid_traffic_percent = 0;
};

struct HealthConfig {
    stages::HealthRules rules = stages::default_health_rules(); // by stages::HealthCheck
    // How long an incident waits at levels 1, 2 and 3 for a person.
    std::array<std::uint64_t, 3> escalate_after_ms = stages::IncidentOptions{}.after_ms;
};

struct RolloutConfig {
    std::string plan; // a file; empty: the one that is shipped
    Where where;
};

struct SinkConfig {
    std::string path = "-"; // kind ndjson
    std::uint8_t level = 0; // 0: alerts; 1..4: incidents that have come to that level
    Where where;
};

struct Config {
    std::string file;
    ServiceConfig service;
    std::optional<HttpConfig> http;
    std::optional<SubscanConfig> subscan;
    CacheConfig cache;
    EnrichConfig enrich;
    LabelsConfig labels;
    std::vector<ChainConfig> chains;
    std::vector<stages::Rule> rules;
    std::vector<WatchConfig> watches;
    PatternsConfig patterns;
    FlagsConfig flags;
    RoutingConfig routing;
    RolloutConfig rollout;
    HealthConfig health;
    std::vector<SinkConfig> sinks;
};

struct Loaded {
    Config config;
    std::vector<Problem> problems; // in the order of their places

    bool usable() const;
};

// Reads and checks fields and references; touches nothing but the file itself.
Loaded load(std::string const& path);
Loaded load_text(std::string_view text, std::string const& name);

// "FILE:12:5: unknown key `endpont`; did you mean `endpoints`?"
std::string to_text(Config const& config, Problem const& problem);
std::string to_text(std::string const& file, Problem const& problem);

} // namespace config
