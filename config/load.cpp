// Every key of the configuration, once: its name, its type, where it goes, and what else must hold.
#include "config/config.hpp"

#include "config/health_load.hpp"
#include "config/reader.hpp"
#include "config/rule_keys.hpp"
#include "config/rule_lint.hpp"
#include "decoders/ss58.hpp"
#include "io/files.hpp"
#include "stages/detect.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <span>
#include <tuple>

namespace config {

namespace {

constexpr std::size_t name_bytes_max = 64;
constexpr std::size_t chains_max = 256;
constexpr std::uint64_t memory_max_least = std::uint64_t{16} << 20;

// What is written in the contract but not built yet is refused by name, not called unknown.
constexpr std::string_view sink_kinds[] = {"ndjson"};
constexpr std::string_view sink_kinds_later[] = {"webhook", "slack",     "discord", "telegram",
                                                 "matrix",  "pagerduty", "nats",    "alertmanager"};

template <std::size_t N>
bool one_of(std::string_view what, std::string_view const (&names)[N]) {
    return std::find(std::begin(names), std::end(names), what) != std::end(names);
}

void read_service(Reader& in, ServiceConfig& out) {
    constexpr std::string_view isolations[] = {"process", "thread"};
    constexpr std::string_view layouts[] = {"compact", "dedicated", "single"};
    constexpr std::string_view idles[] = {"park", "backoff", "spin"};
    std::size_t index = 0;
    in.text("state_dir", out.state_dir);
    in.text("socket", out.socket);
    if (in.choice("isolation", isolations, index)) out.isolation = static_cast<Isolation>(index);
    if (in.choice("layout", layouts, index)) out.layout = static_cast<Layout>(index);
    if (in.choice("idle", idles, index)) out.idle = static_cast<pipeline::Idle>(index);
    in.texts("operators", out.operators);
    out.operators_where = in.where("operators");
    if (in.duration("watchdog", out.watchdog) && out.watchdog < 2 * pipeline::second)
        in.complain("watchdog", "at least 2s: threads are looked at once a second");
    if (in.bytes("memory_max_hybrid", out.memory_max_hybrid) &&
        out.memory_max_hybrid < memory_max_least)
        in.complain("memory_max_hybrid", "at least \"16MiB\": no chain can be followed with less");
    out.state_dir_where = in.where("state_dir");
    out.socket_where = in.where("socket");
    if (out.state_dir.empty()) in.complain("state_dir", "an empty path");
    if (out.socket.empty() || out.socket.size() > io::limits::unix_path_bytes_max)
        in.complain("socket", fmt::format("a path of 1 to {} bytes is needed (a limit of Unix "
                                          "sockets)",
                                          io::limits::unix_path_bytes_max));
}

void read_http(Reader& in, HttpConfig& out) {
    in.required("listen");
    if (in.text("listen", out.listen))
        if (auto const address = io::parse_host_port(out.listen); !address)
            in.complain("listen", io::describe(address.error()));
    in.text("admin_token_file", out.admin_token_file);
    out.where = in.where("listen");
}

void read_subscan(Reader& in, SubscanConfig& out) {
    std::int64_t value = 0;
    in.text("api_key_env", out.api_key_env);
    in.text("api_key_file", out.api_key_file);
    if (in.integer("requests_per_second", 1, 10'000, value))
        out.requests_per_second = static_cast<std::uint32_t>(value);
    if (in.integer("requests_per_day", 1, 1'000'000'000, value))
        out.requests_per_day = static_cast<std::uint32_t>(value);
    in.text("ca_file", out.ca_file);
    if (!out.api_key_env.empty() && !out.api_key_file.empty())
        in.complain("api_key_file", "the key comes from the environment or from a file, not both");
}

void read_cache(Reader& in, CacheConfig& out) {
    in.duration("identity", out.identity);
    in.duration("balance", out.balance);
    in.duration("price", out.price);
    in.duration("metadata", out.metadata);
}

void read_enrich(Reader& in, EnrichConfig& out) {
    in.boolean("accounts", out.accounts);
    in.boolean("prices", out.prices);
}

void read_patterns(Reader& in, PatternsConfig& out) {
    std::int64_t value = 0;
    if (in.integer("accounts", 1'000, 8'000'000, value))
        out.accounts = static_cast<std::uint32_t>(value);
    if (in.integer("movements", 1'000, 16'000'000, value))
        out.movements = static_cast<std::uint32_t>(value);
}

void read_labels(Reader& in, LabelsConfig& out) {
    in.required("files");
    in.texts("files", out.files);
    out.where = in.where("files");
    constexpr std::size_t files_max = 64;
    if (out.files.size() > files_max)
        in.complain("files", fmt::format("more than {} files", files_max));
}

bool read_name(Reader& in, std::string& out) {
    in.required("name");
    if (!in.text("name", out)) return false;
    bool const good = !out.empty() && out.size() <= name_bytes_max &&
                      std::all_of(out.begin(), out.end(),
                                  [](char c) { return c > ' ' && c < '\x7f' && c != '"'; });
    if (!good)
        in.complain("name", fmt::format("a name is 1 to {} printable ASCII characters without "
                                        "blanks and quotes",
                                        name_bytes_max));
    return good;
}

void read_chain(Reader& in, ChainConfig& out) {
    constexpr std::string_view follows[] = {"best", "finalized"};
    out.where = in.where();
    read_name(in, out.name);
    std::vector<std::string> endpoints;
    if (in.texts("endpoints", endpoints))
        for (std::string const& text : endpoints) {
            auto url = io::parse_url(text);
            if (!url)
                in.complain("endpoints", io::describe(url.error()));
            else if (!url->websocket())
                in.complain("endpoints", "a node is reached by ws:// or wss://, not http");
            else
                out.endpoints.push_back(std::move(*url));
        }
    out.endpoints_where = in.where("endpoints");
    in.text("ca_file", out.ca_file);
    out.ca_file_where = in.where("ca_file");
    std::size_t index = 0;
    if (in.choice("follow", follows, index)) out.finalized_only = index == 1;
    in.boolean("attribute", out.attribute);
    std::string subscan;
    if (in.text("subscan_url", subscan)) {
        auto url = io::parse_url(subscan);
        if (!url || url->websocket())
            in.complain("subscan_url",
                        url ? "Subscan is reached by https:// (or http:// for a stand-in)"
                            : io::describe(url.error()));
        else
            out.subscan_url = std::move(*url);
    }
    if (endpoints.empty() && subscan.empty())
        in.complain("endpoints", "at least one node is needed, endpoints = [\"wss://…\"], or "
                                 "Subscan, subscan_url = \"https://…\"");
    constexpr Nanoseconds poll_min = pipeline::second / 10;
    if (in.duration("legacy_poll", out.legacy_poll) && out.legacy_poll < poll_min)
        in.complain("legacy_poll", "at least 100ms");
    toml::node const* const start = in.take("start");
    if (!start || start->value_exact<std::string>() == "head") return;
    auto const number = start->value_exact<std::int64_t>();
    if (number && *number >= 0 && *number <= 0xffff'ffff)
        out.start = static_cast<std::uint32_t>(*number);
    else
        in.complain("start", "\"head\" or a block number is needed");
}

void read_rule(Reader& in, Config const& config, stages::Rule& out) {
    read_name(in, out.name);
    // Beyond so many the file is refused anyway.
    std::size_t const compared = std::min(config.rules.size(), stages::Detect::rules_max);
    for (stages::Rule const& other : std::span(config.rules).first(compared))
        if (&other != &out && other.name == out.name && !out.name.empty())
            in.complain("name", fmt::format("two rules are called \"{}\"", out.name));
    std::vector<std::string> chains{"*"};
    in.texts("chains", chains);
    if (chains.empty()) in.complain("chains", "an empty list covers nothing");
    out.chains.assign(config.chains.size(), false);
    for (std::string const& name : chains) {
        bool found = name == "*";
        out.every_chain = out.every_chain || found;
        for (std::size_t i = 0; i < config.chains.size(); ++i) {
            bool const meant = name == "*" || config.chains[i].name == name;
            found = found || meant;
            out.chains[i] = out.chains[i] || meant;
        }
        if (!found) in.complain("chains", fmt::format("there is no chain called \"{}\"", name));
    }
    read_rule_keys(in, out);
}

void read_watch(Reader& in, WatchConfig& out) {
    out.where = in.where("address");
    in.required("address");
    std::string address;
    if (in.text("address", address)) {
        auto const parsed = decoders::parse_address(address);
        if (parsed)
            out.account = parsed->account;
        else
            in.complain("address", fmt::format("\"{}\": {}", address.substr(0, 80),
                                               decoders::describe(parsed.error())));
    }
    in.text("label", out.label);
    if (out.label.size() > 200) in.complain("label", "a label has at most 200 bytes");
    std::int64_t tier = 0;
    if (in.integer("tier", 1, 4, tier)) out.tier = static_cast<std::uint8_t>(tier);
}

void read_flags(Reader& in, FlagsConfig& out) {
    in.boolean("enable_hybrid_rpc", out.enable_hybrid_rpc);
    in.boolean("enable_hybrid_patterns", out.enable_hybrid_patterns);
    in.boolean("enable_parallel_mode", out.enable_parallel_mode);
    in.number("hybrid_traffic_percent", 0, 100, out.hybrid_traffic_percent);
}

void read_routing(Reader& in, RoutingConfig& out) {
    in.duration("hybrid_patience", out.hybrid_patience);
    in.duration("legacy_patience", out.legacy_patience);
}

void read_sink(Reader& in, SinkConfig& out) {
    in.required("kind");
    std::string kind;
    if (in.text("kind", kind) && !one_of(kind, sink_kinds))
        in.complain("kind",
                    one_of(kind, sink_kinds_later)
                        ? fmt::format("\"{}\" is not in this version; it has ndjson", kind)
                        : fmt::format("\"{}\" is no kind of sink; this version has ndjson", kind));
    in.text("path", out.path);
    if (out.path.empty()) in.complain("path", "\"-\" (stdout) or the path of a file is needed");
    std::int64_t level = 0;
    if (in.integer("level", 1, stages::Incidents::levels, level))
        out.level = static_cast<std::uint8_t>(level);
    out.where = in.where("path");
}

// What no single table can see.
void check_whole(Config& config, std::vector<Problem>& problems) {
    if (config.chains.empty())
        problems.push_back({{}, "no [[chain]]: there is nothing to watch", false});
    if (config.chains.size() > chains_max)
        problems.push_back({{}, fmt::format("more than {} chains", chains_max), false});
    if (config.rules.size() > stages::Detect::rules_max)
        problems.push_back(
            {{}, fmt::format("more than {} rules", stages::Detect::rules_max), false});
    if (config.rules.empty())
        problems.push_back({{}, "no [[rule]]: nothing would ever be told", true});
    std::set<std::string_view> names;
    for (ChainConfig const& chain : config.chains)
        if (!names.insert(chain.name).second)
            problems.push_back(
                {chain.where, fmt::format("two chains are called \"{}\"", chain.name), false});
    for (ChainConfig const& chain : config.chains) {
        if (config.flags.enable_hybrid_rpc || chain.subscan_url) continue;
        problems.push_back({chain.where,
                            fmt::format("nothing speaks for \"{}\": enable_hybrid_rpc is false and "
                                        "it has no subscan_url",
                                        chain.name),
                            true});
    }
    if (std::none_of(config.sinks.begin(), config.sinks.end(),
                     [](SinkConfig const& sink) { return sink.level == 0; }))
        config.sinks.push_back({}); // alerts go somewhere
    std::set<std::string_view> paths;
    for (SinkConfig const& sink : config.sinks) {
        if (paths.insert(sink.path).second) continue;
        problems.push_back({sink.where,
                            fmt::format("two sinks write to {}; every line would be doubled, or "
                                        "alerts and incidents mixed",
                                        sink.path == "-" ? "stdout" : sink.path),
                            false});
    }
}

} // namespace

Loaded load_text(std::string_view text, std::string const& name) {
    Loaded loaded;
    Config& config = loaded.config;
    config.file = name;
    auto const document = parse_toml(text, name, loaded.problems);
    if (!document) return loaded;
    Reader root(*document, "", loaded.problems);
    root.table("service", [&](Reader& in) { read_service(in, config.service); });
    root.table("http", [&](Reader& in) { read_http(in, config.http.emplace()); });
    root.table("subscan", [&](Reader& in) { read_subscan(in, config.subscan.emplace()); });
    root.table("cache", [&](Reader& in) { read_cache(in, config.cache); });
    root.table("enrich", [&](Reader& in) { read_enrich(in, config.enrich); });
    root.table("labels", [&](Reader& in) { read_labels(in, config.labels); });
    root.tables("chain", [&](Reader& in) { read_chain(in, config.chains.emplace_back()); });
    root.tables("rule", [&](Reader& in) { read_rule(in, config, config.rules.emplace_back()); });
    root.tables("watch", [&](Reader& in) { read_watch(in, config.watches.emplace_back()); });
    root.table("patterns", [&](Reader& in) { read_patterns(in, config.patterns); });
    root.table("flags", [&](Reader& in) { read_flags(in, config.flags); });
    root.table("rollout", [&](Reader& in) {
        in.text("plan", config.rollout.plan);
        config.rollout.where = in.where("plan");
    });
    root.table("routing", [&](Reader& in) { read_routing(in, config.routing); });
    root.table("health", [&](Reader& in) { read_health(in, config.health); });
    root.tables("sink", [&](Reader& in) { read_sink(in, config.sinks.emplace_back()); });
    root.finish();
    check_whole(config, loaded.problems);
    lint_rules(config, loaded.problems);
    if (config.labels.files.empty())
        lint_labels(config, labels_of_watches(config), loaded.problems);
    std::sort(loaded.problems.begin(), loaded.problems.end(),
              [](Problem const& left, Problem const& right) {
                  auto const key = [](Problem const& problem) {
                      return std::tie(problem.where.line, problem.where.column, problem.text);
                  };
                  return key(left) < key(right);
              });
    return loaded;
}

Loaded load(std::string const& path) {
    constexpr std::size_t config_bytes_max = 4 << 20;
    auto const text = io::read_file(path, config_bytes_max);
    if (text) return load_text(*text, path);
    Loaded loaded; // the error names the file itself
    loaded.problems.push_back({{}, io::describe(text.error()), false});
    return loaded;
}

bool Loaded::usable() const {
    return std::all_of(problems.begin(), problems.end(),
                       [](Problem const& problem) { return problem.warning; });
}

std::string to_text(Config const& config, Problem const& problem) {
    return to_text(config.file, problem);
}

std::string to_text(std::string const& file, Problem const& problem) {
    std::string_view const grade = problem.warning ? "warning: " : "";
    if (file.empty()) return problem.text;
    if (problem.where.line == 0) return fmt::format("{}: {}{}", file, grade, problem.text);
    return fmt::format("{}:{}:{}: {}{}", file, problem.where.line, problem.where.column, grade,
                       problem.text);
}

} // namespace config
