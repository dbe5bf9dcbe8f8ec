#include "config/cmd_why.hpp"

#include "config/backtest.hpp"
#include "config/exit_codes.hpp"
#include "config/rule_lint.hpp"
#include "config/rule_why.hpp"
#include "decoders/hex.hpp"
#include "decoders/ss58.hpp"
#include "stages/admin_request.hpp"
#include "stages/alert_line.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace config {

namespace {

std::string address_of(decoders::Account const& account, std::uint16_t prefix) {
    constexpr std::size_t substrate = 32;
    if (account.size == substrate)
        return std::string(decoders::ss58_encode(account, prefix).view());
    return decoders::hex_text(account.bytes());
}

std::string title_of(Config const& config, RuleWhy const& one) {
    stages::Rule const& rule = config.rules[one.rule];
    return fmt::format("{} ({})", rule.name, stages::to_text(rule.kind));
}

std::string text_of(Config const& config, WhyPlace const& place, RecordedChain const& chain,
                    MovementWhy const& why) {
    stages::Transfer const& moved = why.transfer;
    auto const& row = decoders::movement_rows()[moved.movement];
    std::uint16_t const prefix = chain.facts.ss58_prefix;
    std::string text = fmt::format("{} block {}, event {}: {}.{}, {}", chain.name, place.block,
                                   place.event, row.pallet, row.event, why.amount);
    if (moved.from) text += " from " + address_of(moved.from, prefix);
    if (moved.to) text += " to " + address_of(moved.to, prefix);
    text += '\n';
    for (RuleWhy const& one : why.rules) {
        auto const* const no = stages::first_no(one.steps);
        std::string const verdict =
            !one.said.empty()
                ? fmt::format("told{}: {}", one.of_block ? " of the block" : "", one.said)
            : no != nullptr ? fmt::format("not told: {}: no", no->text)
                            : std::string("not told");
        text += fmt::format("\n{}: {}\n", title_of(config, one), verdict);
        for (stages::WhyStep const& step : one.steps)
            text += fmt::format("    {:<5}{}\n", step.yes ? "yes" : "no", step.text);
    }
    return text;
}

std::string rule_json(Config const& config, RuleWhy const& one) {
    stages::Rule const& rule = config.rules[one.rule];
    std::string list;
    for (stages::WhyStep const& step : one.steps)
        list += fmt::format(R"({}{{"step":{},"yes":{}}})", list.empty() ? "" : ",",
                            stages::quoted(step.text), step.yes);
    auto const* const no = stages::first_no(one.steps);
    return fmt::format(
        R"({{"rule":{},"kind":"{}","told":{},"alert":{},"first_no":{},"steps":[{}]}})",
        stages::quoted(rule.name), stages::to_text(rule.kind), !one.said.empty(),
        one.said.empty() ? "null" : stages::quoted(one.said),
        no != nullptr ? stages::quoted(no->text) : "null", list);
}

std::string json_of(Config const& config, WhyPlace const& place, RecordedChain const& chain,
                    MovementWhy const& why) {
    stages::Transfer const& moved = why.transfer;
    auto const& row = decoders::movement_rows()[moved.movement];
    std::uint16_t const prefix = chain.facts.ss58_prefix;
    std::string rules;
    for (RuleWhy const& one : why.rules)
        rules.append(rules.empty() ? "" : ",").append(rule_json(config, one));
    auto const party = [&](decoders::Account const& account) {
        return account ? stages::quoted(address_of(account, prefix)) : std::string("null");
    };
    return fmt::format(R"({{"ok":true,"chain":{},"block":{},"event":{},"pallet":"{}","name":"{}",)"
                       R"("from":{},"to":{},"amount":{},"rules":[{}]}})"
                       "\n",
                       stages::quoted(chain.name), place.block, place.event, row.pallet, row.event,
                       party(moved.from), party(moved.to), stages::quoted(why.amount), rules);
}

std::expected<std::uint16_t, std::string> find_chain(Config const& config, std::string_view name) {
    std::vector<std::string_view> names;
    for (ChainConfig const& chain : config.chains) {
        if (chain.name == name) return static_cast<std::uint16_t>(names.size());
        names.push_back(chain.name);
    }
    std::string_view const near = stages::nearest(name, names);
    std::string const hint = near.empty() ? fmt::format("it has {}", fmt::join(names, ", "))
                                          : fmt::format("did you mean {}?", near);
    return std::unexpected(fmt::format("{} has no chain {}; {}", config.file, name, hint));
}

} // namespace

int cmd_why_not(Common const& common, WhyNotOptions const& options, std::FILE* out,
                std::FILE* err) {
    auto const fail = [&](int code, std::string const& sentence) {
        fmt::print(err, "spyhop why-not: {}\n", sentence);
        return code;
    };
    Loaded const loaded = load_and_lint(options.config_path);
    for (Problem const& problem : loaded.problems)
        if (!problem.warning) fmt::print(err, "{}\n", to_text(loaded.config, problem));
    if (!loaded.usable()) return exit_bad_configuration;
    Config const& config = loaded.config;
    auto const index = find_chain(config, options.chain);
    if (!index) return fail(exit_usage, index.error());
    std::optional<std::uint16_t> only;
    if (!options.rule.empty()) {
        auto const rule = find_rule(config, options.rule);
        if (!rule) return fail(exit_usage, rule.error());
        only = *rule;
    }
    auto const recording = read_recording(config, options.capture);
    if (!recording) return fail(exit_failed, recording.error());
    RecordedChain const* const chain = recording->find(*index);
    if (chain == nullptr)
        return fail(exit_failed,
                    fmt::format("{} has no blocks of {}", options.capture, options.chain));
    WhyPlace const place{*index, options.block, options.event};
    auto const why = why_of(config, *recording, place, only);
    if (!why) return fail(exit_failed, why.error());
    if (!common.quiet)
        for (std::string const& problem : why->problems) fmt::print(err, "{}\n", problem);
    if (common.output == Output::table) {
        fmt::print(out, "{}", text_of(config, place, *chain, *why));
    } else if (common.output == Output::json) {
        fmt::print(out, "{}", json_of(config, place, *chain, *why));
    } else {
        for (RuleWhy const& one : why->rules) fmt::print(out, "{}\n", rule_json(config, one));
    }
    return exit_ok;
}

} // namespace config
