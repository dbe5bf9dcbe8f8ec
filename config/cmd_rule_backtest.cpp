#include "config/backtest.hpp"
#include "config/cmd_rule.hpp"
#include "config/exit_codes.hpp"
#include "config/rule_lint.hpp"
#include "decoders/hex.hpp"
#include "stages/alert_line.hpp"
#include "stages/pattern_options.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace config {

namespace {

constexpr double days_ahead = 30;

// Three digits say all that a forecast can; whole numbers from a hundred on.
std::string short_number(double value) {
    constexpr double hundred = 100;
    if (std::isnan(value)) return "-";
    return value < hundred ? fmt::format("{:.3g}", value) : fmt::format("{:.0f}", value);
}
std::string as_json(double value) {
    return std::isnan(value) ? std::string("null") : fmt::format("{:.6g}", value);
}

std::string span_text(RecordedChain const& chain) {
    if (chain.first_ms == 0) return "whose time is not known";
    double const seconds = chain.seconds();
    std::string const span = seconds >= 2 * double{stages::day_s}
                               ? fmt::format("{:.1f} days", seconds / stages::day_s)
                           : seconds >= 2 * double{stages::hour_s}
                               ? fmt::format("{:.1f} hours", seconds / stages::hour_s)
                               : fmt::format("{:.1f} minutes", seconds / stages::minute_s);
    return fmt::format("from {}, {} of chain time", stages::utc_text(chain.first_ms), span);
}

std::string table(Config const& config, Recording const& recording, Backtest const& found) {
    std::string text;
    for (RecordedChain const& chain : recording.chains)
        text +=
            fmt::format("{}: {} blocks, {} to {}, {}\n", chain.name, chain.blocks.size(),
                        chain.blocks.front().number, chain.blocks.back().number, span_text(chain));
    std::size_t wide = 4;
    for (RuleTally const& one : found.rules)
        wide = std::max(wide, config.rules[one.rule].name.size());
    text += fmt::format("\n{:<{}}  {:<17}  {:>7}  {:>9}  {:>8}  {:>7}  {:>7}  {:<16}  {:>9}  {}\n",
                        "RULE", wide, "KIND", "NOTABLE", "IMPORTANT", "CRITICAL", "AMENDED",
                        "A DAY", "95 % BETWEEN", "30 DAYS", "LARGEST");
    for (RuleTally const& one : found.rules) {
        stages::Rule const& rule = config.rules[one.rule];
        std::string const largest = one.largest.empty()
                                      ? "-"
                                      : fmt::format("{} {} in block {}, event {}", one.largest,
                                                    one.symbol, one.block, one.event);
        std::string const between =
            std::isnan(one.rate.low)
                ? "-"
                : fmt::format("{} and {}", short_number(one.rate.low), short_number(one.rate.high));
        text +=
            fmt::format("{:<{}}  {:<17}  {:>7}  {:>9}  {:>8}  {:>7}  {:>7}  {:<16}  {:>9}  {}\n",
                        rule.name, wide, stages::to_text(rule.kind), one.by[0], one.by[1],
                        one.by[2], one.amended, short_number(one.rate.mean), between,
                        short_number(one.rate.mean * days_ahead), largest);
    }
    return text;
}

std::string remarks(Config const& config, Backtest const& found) {
    std::string text;
    for (RuleTally const& one : found.rules) {
        std::string const& name = config.rules[one.rule].name;
        if (one.days == 0)
            text += fmt::format("{}: no time passes in the capture for its chains: nothing can be "
                                "forecast\n",
                                name);
        if (!one.warming.empty())
            text += fmt::format("{}: it warms up for {} of chain time at least, which is longer "
                                "than the capture: it would speak later\n",
                                name, one.warming);
    }
    if (found.incomplete != 0)
        text += fmt::format("{} blocks could not be read to their end: alerts may be missing\n",
                            found.incomplete);
    return text;
}

std::string rule_json(Config const& config, RuleTally const& one) {
    stages::Rule const& rule = config.rules[one.rule];
    std::string largest = "null";
    if (!one.largest.empty())
        largest = fmt::format(
            R"({{"amount":{},"symbol":{},"chain":{},"block":{},"event":{},"id":"{}"}})",
            stages::quoted(one.largest), stages::quoted(one.symbol), stages::quoted(one.chain),
            one.block, one.event, decoders::hex_text(one.id).substr(2));
    return fmt::format(
        R"({{"rule":{},"kind":"{}","alerts":{},"notable":{},"important":{},"critical":{},)"
        R"("amended":{},"days":{:.6g},"a_day":{{"estimate":{},"lower":{},"upper":{}}},)"
        R"("forecast_30_days":{},"largest":{},"warming":{}}})",
        stages::quoted(rule.name), stages::to_text(rule.kind), one.alerts(), one.by[0], one.by[1],
        one.by[2], one.amended, one.days, as_json(one.rate.mean), as_json(one.rate.low),
        as_json(one.rate.high), as_json(one.rate.mean * days_ahead), largest,
        one.warming.empty() ? "null" : stages::quoted(one.warming));
}

std::string json(Config const& config, Recording const& recording, Backtest const& found,
                 bool with_lines) {
    std::string chains, rules, alerts;
    for (RecordedChain const& chain : recording.chains)
        chains +=
            fmt::format(R"({}{{"name":{},"blocks":{},"from":{},"to":{},"seconds":{:.6g}}})",
                        chains.empty() ? "" : ",", stages::quoted(chain.name), chain.blocks.size(),
                        chain.blocks.front().number, chain.blocks.back().number, chain.seconds());
    for (RuleTally const& one : found.rules)
        rules.append(rules.empty() ? "" : ",").append(rule_json(config, one));
    if (with_lines) alerts = fmt::format(R"(,"alerts":{})", stages::alerts_json({found.lines}));
    return fmt::format(R"({{"ok":true,"chains":[{}],"incomplete_blocks":{},"rules":[{}]{}}})"
                       "\n",
                       chains, found.incomplete, rules, alerts);
}

} // namespace

int cmd_rule_backtest(Common const& common, RuleBacktestOptions const& options, std::FILE* out,
                      std::FILE* err) {
    Loaded const loaded = load_and_lint(options.config_path);
    for (Problem const& problem : loaded.problems)
        if (!problem.warning) fmt::print(err, "{}\n", to_text(loaded.config, problem));
    if (!loaded.usable()) return exit_bad_configuration;
    Config const& config = loaded.config;
    std::optional<std::uint16_t> only;
    if (!options.rule.empty()) {
        auto const rule = find_rule(config, options.rule);
        if (!rule) fmt::print(err, "spyhop rule backtest: {}\n", rule.error());
        if (!rule) return exit_usage;
        only = *rule;
    }
    auto const recording = read_recording(config, options.capture);
    if (!recording) fmt::print(err, "spyhop rule backtest: {}\n", recording.error());
    if (!recording) return exit_failed;
    if (only && std::ranges::none_of(recording->chains, [&](RecordedChain const& chain) {
            return config.rules[*only].chains[chain.chain];
        })) {
        fmt::print(err,
                   "spyhop rule backtest: rule {} watches no chain that {} has; its `chains` are "
                   "in {}\n",
                   options.rule, options.capture, config.file);
        return exit_failed;
    }
    auto const found = run_backtest(config, *recording, only, only.has_value());
    if (!found) fmt::print(err, "spyhop rule backtest: {}\n", found.error());
    if (!found) return exit_failed;
    if (!common.quiet) {
        for (std::string const& note : recording->notes) fmt::print(err, "{}\n", note);
        for (std::string const& problem : found->problems) fmt::print(err, "{}\n", problem);
    }
    if (common.output == Output::json) {
        fmt::print(out, "{}", json(config, *recording, *found, only.has_value()));
        return exit_ok;
    }
    if (common.output == Output::ndjson) {
        if (only)
            for (auto const& one : found->lines) fmt::print(out, "{}\n", one.line);
        else
            for (RuleTally const& one : found->rules)
                fmt::print(out, "{}\n", rule_json(config, one));
        return exit_ok;
    }
    fmt::print(out, "{}", table(config, *recording, *found));
    if (!common.quiet) fmt::print(err, "{}", remarks(config, *found));
    if (only && !found->lines.empty())
        fmt::print(out, "\n{}", stages::alerts_table({found->lines}));
    return exit_ok;
}

} // namespace config
