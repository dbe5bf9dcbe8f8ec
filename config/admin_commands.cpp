#include "config/admin_commands.hpp"

#include <algorithm>
#include <sstream>

namespace config {

namespace {

struct Option {
    std::string_view name;
    std::string_view help;
    bool is_switch = false;
};

struct Row {
    std::string_view words; // "flag set"
    std::string_view help;
    std::vector<std::string_view> places; // what follows, in order
    std::vector<Option> options;
};

std::vector<Row> rows() {
    Option const reason{"reason", "why, for whoever reads the audit trail"};
    // Every change is in force when it is answered; the switch is there for scripts of the plan's.
    Option const wait{"wait", "until it is in force (it always is)", true};
    return {
        {"status", "chains, regime, processes", {}, {}},
        {"sources", "every node and Subscan: state, heights, trouble", {}, {}},
        {"coverage", "which finalized blocks were read, and every hole", {}, {}},
        {"alerts",
         "what was said lately",
         {},
         {{"since", "how far back (1h)"},
          {"severity", "this severe or more: notable, important, critical"},
          {"address", "only those in which it takes part"},
          {"limit", "the newest of them (100)"},
          {"follow", "and what will be said, until it is stopped", true}}},
        {"metrics", "every metric, in Prometheus' text format", {}, {}},
        {"flags", "every flag: value, default, type, who set it and when", {}, {}},
        {"flag set",
         "set a flag",
         {"NAME", "VALUE"},
         {reason, {"if-epoch", "only if the regime's epoch is still this one"}}},
        {"route", "which path serves this account, its bucket, and why", {"ADDRESS"}, {}},
        {"pin",
         "one path for an account, whatever the share",
         {"ADDRESS", "PATH"},
         {reason, {"for", "until then (24h); absent: until it is taken away with PATH none"}}},
        {"rollback",
         "everything to legacy, now",
         {},
         {reason, {"drill", "measure how long it takes, and change nothing", true}}},
        {"unlock", "let promotion go on after a rollback", {}, {reason}},
        {"freeze", "hybrid gets no more than it has, until unfreeze", {}, {reason}},
        {"unfreeze", "promotion goes on", {}, {reason}},
        {"audit",
         "who changed what, from which value to which, why",
         {},
         {{"since", "how far back (1d)"}, {"verify", "check the chain of hashes", true}}},
        {"shadow report", "how the two paths compare, with bounds", {}, {}},
        {"shadow mismatches",
         "the latest mismatches, and who was wrong",
         {},
         {{"limit", "how many (20)"}}},
        {"rollout status", "where the rollout stands, and why it does not move", {}, {}},
        {"rollout plan", "what would happen, step by step", {}, {}},
        {"rollout start", "begin with the first step", {}, {reason, wait}},
        {"rollout pause", "stay where it is", {}, {reason, wait}},
        {"rollout resume", "go on", {}, {reason, wait}},
        {"rollout promote",
         "to the next step, by hand",
         {},
         {reason, wait, {"force", "before bake and samples are done", true}}},
        {"rollout step-down", "one rung down the ladder", {}, {reason, wait}},
        {"ready", "go or no-go for the next step (exit 0, 6, 7)", {}, {}},
        {"health", "every check: state, value, limit, action", {}, {}},
        {"incidents", "what a person has to look at", {}, {}},
        {"incident ack", "somebody is looking at it", {"ID"}, {reason}},
        {"shutdown",
         "drain and end the running service",
         {},
         {{"drain", "how long to wait for the last alert (10s)"}}},
    };
}

CLI::App* subcommand(CLI::App& of, std::string const& name) {
    for (CLI::App* const one : of.get_subcommands([](CLI::App*) { return true; }))
        if (one->get_name() == name) return one;
    return nullptr;
}

std::vector<std::string> split(std::string_view words) {
    std::istringstream in{std::string(words)};
    std::vector<std::string> all;
    for (std::string word; in >> word;) all.push_back(word);
    return all;
}

} // namespace

AdminCommands::AdminCommands(CLI::App& app, Common const& common, int& exit_code) {
    for (Row const& row : rows()) {
        Given& given = given_.emplace_back();
        given.words = split(row.words);
        CLI::App* at = &app;
        for (std::size_t i = 0; i < given.words.size(); ++i) {
            bool const last = i + 1 == given.words.size();
            CLI::App* const there = subcommand(*at, given.words[i]);
            std::string const help(last ? row.help : "of the running service");
            at = there != nullptr ? there : at->add_subcommand(given.words[i], help);
            if (!last) at->require_subcommand(1);
        }
        for (std::string_view const place : row.places)
            at->add_option(std::string(place), given.places.emplace_back(), "")->required();
        for (Option const& option : row.options) {
            std::string const name(option.name), help(option.help);
            if (option.is_switch)
                at->add_flag("--" + name, given.switches[name], help);
            else
                at->add_option("--" + name, given.options[name], help);
        }
        at->callback([&given, &common, &exit_code] {
            std::vector<std::string> words = given.words;
            words.insert(words.end(), given.places.begin(), given.places.end());
            std::vector<std::pair<std::string, std::string>> args;
            for (auto const& [name, value] : given.options)
                if (!value.empty()) args.emplace_back(name, value);
            for (auto const& [name, on] : given.switches)
                if (on) args.emplace_back(name, "true");
            exit_code = cmd_admin(common, words, args);
        });
    }
}

} // namespace config
