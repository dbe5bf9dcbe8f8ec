#include "config/cmd_explain.hpp"

#include "config/config.hpp"
#include "config/exit_codes.hpp"
#include "config/reader.hpp"
#include "config/rule_keys.hpp"
#include "decoders/hex.hpp"
#include "stages/alert_line.hpp"
#include "stages/journal.hpp"
#include "stages/journal_schema.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

namespace config {

namespace {

using simdjson::dom::element;
using Failure = std::unexpected<std::string>;

constexpr std::size_t id_digits = 32, id_digits_least = 8;

struct State {
    std::string state;
    std::uint64_t unix_ms = 0;
    bool amended = false;
    std::string line;
};

struct Check {
    std::string text;
    bool yes = true;
};

// ---- reading ------------------------------------------------------------------------------------

std::expected<std::string, std::string> whole_id(std::string const& path,
                                                 std::string const& begin) {
    constexpr std::size_t shown = 5;
    auto const database =
        io::Database::open(path, stages::journal_schema, {.read_only = true, .lock = false});
    if (!database) return Failure(io::describe(database.error()));
    // g is behind every hex digit.
    auto query = (*database)->prepare("SELECT DISTINCT id FROM alerts WHERE id >= ?1 AND id < ?2 "
                                      "ORDER BY id LIMIT 6");
    if (!query) return Failure(io::describe(query.error()));
    std::string const end = begin + 'g';
    query->bind(1, begin).bind(2, end);
    std::vector<std::string> ids;
    for (;;) {
        auto const row = query->step();
        if (!row) return Failure(io::describe(row.error()));
        if (!*row) break;
        ids.emplace_back(query->text(0));
    }
    if (ids.empty())
        return Failure(fmt::format("{} has no alert {}; `spyhop alerts --since 7d` lists what was "
                                   "told, `spyhop why-not` explains what was not",
                                   path, begin));
    if (ids.size() == 1) return ids.front();
    bool const more = ids.size() > shown;
    if (more) ids.resize(shown);
    return Failure(fmt::format("several alerts begin with {}: {}{}; give more digits", begin,
                               fmt::join(ids, ", "), more ? ", ..." : ""));
}

std::expected<std::vector<State>, std::string> states_of(std::string const& path,
                                                         std::string const& id) {
    auto const journal =
        stages::Journal::open(path, {.database = {.read_only = true, .lock = false}});
    if (!journal) return Failure(io::describe(journal.error()));
    stages::AlertId bytes{};
    CHECK(decoders::hex_decode(id, bytes));
    std::vector<State> states;
    auto const done = (*journal)->rows_of(bytes, [&](stages::JournaledRow const& one) {
        states.push_back({std::string(to_text(one.row.state)), one.row.emitted_unix_ms, false,
                          std::string(one.row.line)});
        return true;
    });
    if (!done) return Failure(io::describe(done.error()));
    std::ranges::reverse(states);
    simdjson::dom::parser parser;
    for (State& state : states)
        state.amended = parser.parse(state.line)["amended"].error() == simdjson::SUCCESS;
    return states;
}

std::string text_at(element of, char const* pointer) {
    std::string_view text;
    element there;
    if (of.at_pointer(pointer).get(there)) return {};
    if (there.get(text) == simdjson::SUCCESS) return std::string(text);
    return simdjson::minify(there);
}

// ---- the rule's steps ---------------------------------------------------------------------------

// A detail that a claim gives, the key it is compared with, and how.
struct Compared {
    std::string_view detail, key, how;
};
constexpr Compared compared[] = {
    {"outflows", "outflows", ">="},
    {"largest_share", "largest_share", "<="},
    {"balance_share", "balance_share", ">="},
    {"sources", "counterparties", ">="},
    {"destinations", "counterparties", ">="},
    {"effective", "effective", ">="},
    {"parts", "parts", ">="},
    {"hops", "hops", ">="},
    {"kept", "keep", ">="},
    {"slowest_s", "hop", "<="},
    {"probe_share", "probe_share", "<="},
    {"after_s", "window", "<="},
    {"silence_s", "silence", ">="},
    {"clusters", "clusters", ">="},
    {"times", "factor", ">="},
    {"blocks", "blocks", ">="},
    {"blocks", "reorg", ">="},
    {"share", "share", ">="},
};

// The amount a pattern's sum has to reach, by its kind.
std::string_view sum_key(stages::RuleKind kind) {
    using enum stages::RuleKind;
    switch (kind) {
    case drain:
    case dormant_awakening:
    case unbonding:
    case pass_through: return "min";
    case consolidation:
    case dispersion: return "sum";
    case test_then_large: return "large";
    default: return {};
    }
}

// Numbers, and durations as seconds.
std::optional<double> number_of(std::string const& text) {
    constexpr std::pair<char, double> units[] = {
        {'s', 1}, {'m', stages::minute_s}, {'h', stages::hour_s}, {'d', stages::day_s}};
    char* end = nullptr;
    double const value = std::strtod(text.c_str(), &end);
    if (end == text.c_str()) return std::nullopt;
    if (*end == 0) return value;
    for (auto const& [unit, seconds] : units)
        if (*end == unit && end[1] == 0) return value * seconds;
    return std::nullopt;
}

void check_amount(std::string const& what, std::string const& amount, std::string_view key,
                  std::string const& level, std::vector<Check>& out) {
    out.push_back(
        {fmt::format("{} {} >= {} {}", what, amount, key, level), !decimal_less(amount, level)});
}

// The levels: of those that are written, the one it was told by.
void check_severity(stages::Rule const& rule, element alert, std::vector<Check>& out) {
    bool const pattern = alert["sum"].error() == simdjson::SUCCESS;
    std::string const amount = text_at(alert, pattern ? "/sum" : "/amount");
    std::string const severity = text_at(alert, "/severity");
    if (rule.settings.severity) {
        out.push_back({fmt::format("severity {} is the rule's, whatever the amount", severity),
                       severity == stages::to_text(*rule.settings.severity)});
        return;
    }
    for (std::size_t i = 0; i < stages::severities; ++i)
        if (rule.levels[i] && severity == stages::to_text(static_cast<stages::Severity>(i)))
            check_amount(pattern ? "sum" : "amount", amount, severity, *rule.levels[i], out);
}

// Numbers that the claim gives and the keys they are compared with.
std::string found_at(element alert, std::string_view detail) {
    bool const health = alert["health"].error() == simdjson::SUCCESS;
    return text_at(alert, fmt::format("/{}/{}", health ? "health" : "parameters", detail).c_str());
}

std::vector<Check> checks_of(stages::Rule const& rule, element alert) {
    std::vector<Check> out;
    auto const asked = [&](std::string_view key) {
        RuleKey const* const row = find_rule_key(key, rule.kind);
        return row != nullptr ? value_text(rule, *row) : std::string();
    };
    bool const pattern = alert["sum"].error() == simdjson::SUCCESS;
    bool const health = alert["health"].error() == simdjson::SUCCESS;
    std::string const amount = text_at(alert, pattern ? "/sum" : "/amount");
    if (amount.empty() && !health) return out; // nobody knows how many decimals it has
    if (!pattern && rule.kind == stages::RuleKind::watch)
        check_amount("amount", amount, "min", asked("min"), out);
    if (std::string_view const key = sum_key(rule.kind); pattern && !key.empty())
        check_amount("sum", amount, key, asked(key), out);
    for (Compared const& one : compared) {
        std::string const value = pattern || health ? found_at(alert, one.detail) : "";
        std::string const bound = asked(one.key);
        auto const has = number_of(value), needs = number_of(bound);
        if (!has || !needs) continue;
        out.push_back({fmt::format("{} {} {} {} {}", one.detail, value, one.how, one.key, bound),
                       one.how == ">=" ? *has >= *needs : *has <= *needs});
    }
    check_severity(rule, alert, out);
    return out;
}

// ---- for people ---------------------------------------------------------------------------------

void row(std::string& text, std::string_view name, std::string const& value) {
    // A key as long as the column keeps its distance all the same.
    constexpr std::size_t width = 14;
    std::string_view const gap = name.size() < width ? "" : " ";
    if (!value.empty()) text += fmt::format("  {:<{}}{}{}\n", name, width, gap, value);
}

std::string party_text(element alert, char const* who) {
    std::string const at = fmt::format("/{}/", who);
    std::string text = text_at(alert, (at + "address").c_str());
    if (std::string const label = text_at(alert, (at + "label").c_str()); !label.empty())
        text += fmt::format(" ({})", label);
    return text;
}

void append_evidence(element alert, std::string& text) {
    simdjson::dom::array list;
    if (alert["evidence"].get(list)) return;
    std::vector<std::string> places;
    for (element const one : list)
        places.push_back(fmt::format("{}/{}", text_at(one, "/block"), text_at(one, "/index")));
    row(text, "evidence",
        fmt::format("{} movements; the newest, as block/event: {}",
                    text_at(alert, "/evidence_count"), fmt::join(places, ", ")));
}

// What moved, or what is not well with the chain.
void append_movement(element alert, std::string& text) {
    if (std::string const what = text_at(alert, "/health/what"); !what.empty())
        return row(text, "health", what);
    row(text, "event",
        fmt::format("{}: {}.{}, phase {}", text_at(alert, "/event/index"),
                    text_at(alert, "/event/pallet"), text_at(alert, "/event/name"),
                    text_at(alert, "/event/phase")));
    row(text, "extrinsic", text_at(alert, "/extrinsic/hash"));
    std::string const amount = text_at(alert, "/amount");
    row(text, "amount",
        amount.empty() ? text_at(alert, "/amount_raw") + " units of an asset that "
                                                         "has not said its decimals"
                       : amount + ' ' + text_at(alert, "/asset/symbol"));
    row(text, "usd", text_at(alert, "/usd/value"));
    row(text, "from", party_text(alert, "from"));
    row(text, "to", party_text(alert, "to"));
    row(text, "subject", party_text(alert, "subject"));
    row(text, "sum", text_at(alert, "/sum"));
    append_evidence(alert, text);
}

void append_rule(stages::Rule const* rule, element alert, std::string& text) {
    std::string const name = text_at(alert, "/rule");
    text += fmt::format("\nrule {}\n", name);
    if (rule == nullptr) {
        text += "  it is not in the configuration any more\n";
        return;
    }
    row(text, "kind", std::string(stages::to_text(rule->kind)));
    row(text, "claim", std::string(stages::row_of(rule->kind).claim));
    for (Check const& check : checks_of(*rule, alert))
        row(text, check.yes ? "yes" : "no",
            check.yes ? check.text
                      : check.text + " (the configuration has "
                                     "changed since)");
    for (RuleKey const& key : rule_keys()) {
        if (!key.of(rule->kind) || key.key == "name" || key.key == "kind" || key.key == "chains")
            continue;
        auto const written = written_text(*rule, key);
        std::string const value = value_text(*rule, key);
        if (value.empty()) continue;
        row(text, key.key, as_toml(key.type, value) + (written ? "" : "  (default)"));
    }
    row(text, "found", text_at(alert, "/parameters"));
    row(text, "found", text_at(alert, "/health"));
    row(text, "score", text_at(alert, "/score"));
}

std::string explained(std::string const& id, std::vector<State> const& states,
                      stages::Rule const* rule, element alert) {
    std::string text = fmt::format("alert {}\n", id);
    row(text, "severity", text_at(alert, "/severity"));
    row(text, "chain", text_at(alert, "/chain"));
    row(text, "block",
        fmt::format("{} {}", text_at(alert, "/block/number"), text_at(alert, "/block/hash")));
    append_movement(alert, text);
    append_rule(rule, alert, text);

    text += "\nroute\n";
    row(text, "path", text_at(alert, "/path"));
    row(text, "regime",
        fmt::format("epoch {}, {} % of traffic on hybrid", text_at(alert, "/regime/epoch"),
                    text_at(alert, "/regime/hybrid_traffic_percent")));
    if (alert.at_pointer("/regime/fallback").error() == simdjson::SUCCESS)
        row(text, "fallback", "the other path should have spoken, and was silent too long");

    text += "\ntimes\n";
    row(text, "block", text_at(alert, "/block/timestamp"));
    row(text, "emitted", stages::utc_text(states.front().unix_ms));
    std::string const ours = text_at(alert, "/latency/received_to_emitted_ns");
    std::string const theirs = text_at(alert, "/latency/block_to_emitted_ms");
    row(text, "took",
        fmt::format("{} us from received to emitted{}", number_of(ours).value_or(0) / 1'000,
                    theirs.empty() ? "" : ", " + theirs + " ms from the block's time"));
    text += "\nstates\n";
    for (State const& one : states)
        row(text, one.amended ? "amended" : one.state, stages::utc_text(one.unix_ms));
    text += "\nlines\n";
    for (State const& one : states) text += one.line + '\n';
    return text;
}

// ---- for programs -------------------------------------------------------------------------------

std::string explained_json(std::string const& id, std::vector<State> const& states,
                           stages::Rule const* rule, element alert) {
    std::string reached, lines, checks, parameters;
    for (State const& one : states) {
        reached += fmt::format(R"({}{{"state":"{}","emitted":"{}","amended":{}}})",
                               reached.empty() ? "" : ",", one.state, stages::utc_text(one.unix_ms),
                               one.amended);
        lines.append(lines.empty() ? "" : ",").append(one.line);
    }
    std::string configured = "null";
    if (rule != nullptr) {
        for (Check const& one : checks_of(*rule, alert))
            checks += fmt::format(R"({}{{"step":{},"yes":{}}})", checks.empty() ? "" : ",",
                                  stages::quoted(one.text), one.yes);
        for (RuleKey const& key : rule_keys()) {
            if (!key.of(rule->kind) || key.key == "name" || key.key == "kind") continue;
            std::string const value = value_text(*rule, key);
            parameters += fmt::format(R"({}{}:{{"value":{},"default":{}}})",
                                      parameters.empty() ? "" : ",", stages::quoted(key.key),
                                      value.empty() ? "null" : as_toml(key.type, value),
                                      !written_text(*rule, key).has_value());
        }
        configured = fmt::format(R"({{"name":{},"kind":"{}","parameters":{{{}}},"steps":[{}]}})",
                                 stages::quoted(rule->name), stages::to_text(rule->kind),
                                 parameters, checks);
    }
    return fmt::format(R"({{"ok":true,"id":"{}","rule":{},"states":[{}],"lines":[{}]}})"
                       "\n",
                       id, configured, reached, lines);
}

} // namespace

int cmd_explain(Common const& common, ExplainOptions const& options, std::FILE* out,
                std::FILE* err) {
    auto const fail = [&](int code, std::string const& sentence) {
        fmt::print(err, "spyhop explain: {}\n", sentence);
        return code;
    };
    Loaded const loaded = load(options.config_path);
    for (Problem const& problem : loaded.problems)
        if (!problem.warning) fmt::print(err, "{}\n", to_text(loaded.config, problem));
    if (!loaded.usable()) return exit_bad_configuration;
    std::string begin = options.id;
    for (char& one : begin) one = one >= 'A' && one <= 'F' ? static_cast<char>(one + 32) : one;
    bool const hex = begin.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!hex || begin.size() < id_digits_least || begin.size() > id_digits)
        return fail(exit_usage, fmt::format("{} is no alert's id: that is {} hex digits, of which "
                                            "the first {} may do",
                                            options.id, id_digits, id_digits_least));
    std::string const path = loaded.config.service.state_dir + "/alerts.db";
    std::error_code code;
    if (!std::filesystem::exists(path, code))
        return fail(exit_failed, fmt::format("there is no {}: no service has run with {}", path,
                                             options.config_path));
    auto const id = whole_id(path, begin);
    if (!id) return fail(exit_failed, id.error());
    auto const states = states_of(path, *id);
    if (!states) return fail(exit_failed, states.error());
    simdjson::dom::parser parser;
    element alert;
    if (states->empty() || parser.parse(states->back().line).get(alert) != simdjson::SUCCESS)
        return fail(exit_failed, fmt::format("the line of {} in {} cannot be read", *id, path));
    std::string const name = text_at(alert, "/rule");
    auto const rule = std::ranges::find(loaded.config.rules, name, &stages::Rule::name);
    auto const* const known = rule == loaded.config.rules.end() ? nullptr : &*rule;
    if (common.output == Output::table)
        fmt::print(out, "{}", explained(*id, *states, known, alert));
    else
        fmt::print(out, "{}", explained_json(*id, *states, known, alert));
    return exit_ok;
}

} // namespace config
