// The command line: what can be typed, and which function answers. Everything else lives elsewhere.
#include "config/admin_commands.hpp"
#include "config/bench_commands.hpp"
#include "config/cmd_decode.hpp"
#include "config/cmd_explain.hpp"
#include "config/cmd_node.hpp"
#include "config/cmd_record.hpp"
#include "config/cmd_replay.hpp"
#include "config/cmd_rule.hpp"
#include "config/cmd_subscan.hpp"
#include "config/cmd_why.hpp"
#include "config/commands.hpp"
#include "config/duration_option.hpp"
#include "config/exit_codes.hpp"
#include "config/usage_error.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <unistd.h>

namespace config {

namespace {

// What was typed, and what to do about it.
struct CommandLine {
    CLI::App app{"spyhop watches Substrate chains and tells of whale movements", "spyhop"};
    Common common;
    ProcessTitle title;
    std::string config_path;
    bool no_network = false;
    NodeOptions node;
    SubscanOptions subscan;
    DemoOptions demo;
    DecodeEvents events;
    DecodeExtrinsic extrinsic;
    DecodeMetadata metadata;
    TopologyOptions topology;
    RuleListOptions rules;
    RuleExplainOptions explain_rule;
    RuleBacktestOptions backtest;
    ExplainOptions explain;
    WhyNotOptions why_not;
    ReplayOptions replay;
    RecordOptions record;
    int exit_code = exit_ok;

    CommandLine() {
        app.require_subcommand(1);
        app.fallthrough();
        app.set_version_flag("--version", std::string("spyhop ") + SPYHOP_VERSION);
        app.add_option_function<std::string>(
               "-o,--output",
               [this](std::string const& text) {
                   common.output = text == "json"   ? Output::json
                                 : text == "ndjson" ? Output::ndjson
                                                    : Output::table;
               },
               "table, json or ndjson")
            ->check(CLI::IsMember({"table", "json", "ndjson"}));
        duration_option(&app, "--timeout", common.timeout, "how long to wait for an answer");
        app.add_flag("-q,--quiet", common.quiet, "say only what is wrong");
        app.add_flag_callback("--no-color", [this] { common.color = false; }, "plain text");
        app.add_option("-s,--socket", common.socket, "socket of the service (or $SPYHOP_SOCKET)");
        char const* const no_color = std::getenv("NO_COLOR");
        common.color = !(no_color && *no_color) && isatty(STDERR_FILENO) == 1;
        add_service_commands();
        add_tools();
        bench_commands.emplace(app, common, exit_code);
        admin_commands.emplace(app, common, exit_code);
    }

    void add_service_commands() {
        auto* const run = app.add_subcommand("run", "the service, in the foreground");
        run->add_option("-c,--config", config_path, "configuration file")->required();
        run->callback([this] { exit_code = cmd_run(common, config_path, title); });

        auto* const check = app.add_subcommand("check", "validate a configuration");
        check->add_option("-c,--config", config_path, "configuration file")->required();
        check->add_flag("--no-network", no_network, "do not try to reach nodes and Subscan");
        check->callback([this] { exit_code = cmd_check(common, config_path, !no_network); });

        auto* const show = app.add_subcommand("topology", "the pipeline, as it will run");
        show->add_option("-c,--config", topology.config_path, "configuration file");
        show->add_flag("--dot", topology.dot, "for Graphviz");
        show->callback([this] { exit_code = cmd_topology(common, topology); });

        auto* const play = app.add_subcommand("demo", "the service against a built-in node");
        auto* const capture = play->add_option("--capture", demo.capture, "play a capture file");
        play->add_option("--corpus", demo.corpus, "play a folder of recorded real blocks")
            ->excludes(capture);
        duration_option(play, "--block-time", demo.block_time, "time between blocks (2s)");
        play->add_option("--seed", demo.seed, "of the generated traffic");
        play->callback([this] { exit_code = cmd_demo(common, demo); });
    }

    void add_tools() {
        auto* const serve = app.add_subcommand("node", "a stand-in Substrate node");
        serve->add_option("--capture", node.capture, "what to play; absent: generated traffic");
        serve->add_option("--listen", node.listen, "host:port; port 0: any free one");
        duration_option(serve, "--block-time", node.block_time, "time between blocks (6s)");
        serve->add_option("--scenario", node.scenario, "TOML file of faults");
        serve->add_option("--history", node.history_blocks, "blocks kept (512)")
            ->check(CLI::Range(256, 10'000'000));
        serve->add_flag("--wait", node.wait_for_follower,
                        "the first block comes when somebody follows (a capture always waits)");
        serve->add_option("--methods", node.methods, "all, older (chain_*), newer (chainHead_v1_*)")
            ->check(CLI::IsMember({"all", "older", "newer"}));
        serve->callback([this] { exit_code = cmd_node(node); });
        add_subscan();
        add_rule();
        add_replay();
        add_record();
        add_reasons();

        auto* const decode = app.add_subcommand("decode", "SCALE bytes to JSON");
        decode->require_subcommand(1);
        auto* const of_events = decode->add_subcommand("events", "a System.Events value to NDJSON");
        of_events->add_option("--metadata", events.metadata,
                              "raw bytes or hex; a dead letter names its own");
        of_events
            ->add_option("--input", events.input, "raw bytes, hex or a dead letter; - is stdin")
            ->required();
        of_events->callback([this] { exit_code = cmd_decode_events(events); });
        auto* const of_extrinsic = decode->add_subcommand("extrinsic", "one extrinsic to JSON");
        of_extrinsic->add_option("--metadata", extrinsic.metadata, "raw bytes or hex")->required();
        of_extrinsic->add_option("--input", extrinsic.input, "raw bytes or hex; - is stdin")
            ->required();
        auto* const of_block = of_extrinsic->add_option(
            "--events", extrinsic.events, "System.Events of its block: adds what became of it");
        auto* const place =
            of_extrinsic->add_option("--index", extrinsic.index, "its place in the block, from 0");
        of_block->needs(place);
        place->needs(of_block);
        of_extrinsic->callback([this] { exit_code = cmd_decode_extrinsic(extrinsic); });
        auto* const of_metadata = decode->add_subcommand("metadata", "what a runtime has");
        of_metadata->add_option("--metadata", metadata.metadata, "raw bytes or hex")->required();
        of_metadata->callback([this] {
            metadata.json = common.output != Output::table;
            exit_code = cmd_decode_metadata(metadata);
        });
    }

    void add_subscan() {
        auto* const serve = app.add_subcommand("subscan", "a stand-in for Subscan's API");
        serve->add_option("--capture", subscan.capture, "what to tell; absent: generated traffic");
        serve->add_option("--listen", subscan.listen, "host:port; port 0: any free one");
        serve->add_option("--scenario", subscan.scenario, "TOML file of quotas, lag and faults");
        duration_option(serve, "--block-time", subscan.block_time,
                        "time between blocks; absent: a capture is known at once");
        serve->add_option("--seed", subscan.seed, "of traffic and prices (1)");
        serve->callback([this] { exit_code = cmd_subscan(subscan); });
    }

    void add_rule() {
        auto* const rule = app.add_subcommand("rule", "what the rules go by");
        rule->require_subcommand(1);
        auto* const list = rule->add_subcommand("list", "every rule with its parameters");
        auto* const file = list->add_option("-c,--config", rules.config_path, "configuration file");
        list->add_flag("--kinds", rules.kinds, "the kinds of rules, their keys and defaults")
            ->excludes(file);
        list->callback([this] { exit_code = cmd_rule_list(common, rules); });
        auto* const one = rule->add_subcommand("explain", "what one rule claims, and by what");
        one->add_option("RULE", explain_rule.rule, "its name in the configuration")->required();
        one->add_option("-c,--config", explain_rule.config_path, "configuration file")->required();
        one->callback([this] { exit_code = cmd_rule_explain(common, explain_rule); });
        auto* const lint = rule->add_subcommand("lint", "rules that could never speak");
        lint->add_option("-c,--config", config_path, "configuration file")->required();
        lint->callback([this] { exit_code = cmd_rule_lint(common, config_path); });
        auto* const test = rule->add_subcommand("backtest", "what they would say of a capture");
        test->add_option("-c,--config", backtest.config_path, "configuration file")->required();
        test->add_option("--capture", backtest.capture, "a capture file")->required();
        test->add_option("--rule", backtest.rule, "only this one, and each of its alerts");
        test->callback([this] { exit_code = cmd_rule_backtest(common, backtest); });
    }

    void add_replay() {
        auto* const play = app.add_subcommand("replay", "the alerts of a capture, always the same");
        play->add_option("-c,--config", replay.config_path, "configuration file")->required();
        play->add_option("--capture", replay.capture, "a capture file")->required();
        auto* const other = play->add_option("--diff", replay.other,
                                             "what this configuration would tell differently");
        play->add_option("--speed", replay.speed, "max (default), 1x, 10x: by the blocks' times")
            ->transform(CLI::Transformer(
                std::map<std::string, std::uint32_t>{{"max", 0}, {"1x", 1}, {"10x", 10}}))
            ->check(CLI::IsMember(std::set<std::uint32_t>{0, 1, 10}))
            ->excludes(other);
        play->callback([this] { exit_code = cmd_replay(common, replay); });
    }

    void add_record() {
        auto* const take = app.add_subcommand("record", "a real chain into a capture file");
        take->add_option("-c,--config", record.config_path, "configuration file")->required();
        take->add_option("--out", record.out, "the capture file to be made")->required();
        take->add_option("--chain", record.chain, "its name, where there are several");
        auto* const newest =
            take->add_option("--blocks", record.blocks, "the newest finalized ones")
                ->check(CLI::PositiveNumber);
        take->add_option("--from", record.from, "the first block; no --to: until it is stopped")
            ->check(CLI::PositiveNumber)
            ->excludes(newest);
        take->add_option("--to", record.to, "the last one")->excludes(newest);
        take->add_flag("--force", record.force, "in place of a file that is there");
        take->callback([this] { exit_code = cmd_record(common, record); });
    }

    void add_reasons() {
        auto* const told = app.add_subcommand("explain", "all that is known of an alert");
        told->add_option("ID", explain.id, "32 hex digits, or the first 8")->required();
        told->add_option("-c,--config", explain.config_path, "configuration file")->required();
        told->callback([this] { exit_code = cmd_explain(common, explain); });
        auto* const not_told =
            app.add_subcommand("why-not", "which step of a rule said no to a movement");
        not_told->add_option("CHAIN", why_not.chain, "its name in the configuration")->required();
        not_told->add_option("BLOCK", why_not.block, "its number")->required();
        not_told->add_option("EVENT", why_not.event, "its index in the block")->required();
        not_told->add_option("-c,--config", why_not.config_path, "configuration file")->required();
        not_told->add_option("--capture", why_not.capture, "a capture with the block")->required();
        not_told->add_option("--rule", why_not.rule, "only this one");
        not_told->callback([this] { exit_code = cmd_why_not(common, why_not); });
    }

    std::optional<AdminCommands> admin_commands;
    std::optional<BenchCommands> bench_commands;
};

int usage_error(CommandLine& line, std::vector<std::string> const& arguments,
                CLI::ParseError const& error) {
    if (error.get_exit_code() == 0) return line.app.exit(error); // --help, --version
    std::string what = unknown_word(line.app, arguments);
    if (what.empty()) {
        what = arguments.empty() ? "a command is needed" : error.what();
        what.resize(what.find_last_not_of(" \n.") + 1);
        what += "; spyhop --help lists everything";
    }
    fmt::print(stderr, "spyhop: {}\n", what);
    return exit_usage;
}

int main_of(int argc, char** argv) {
    CommandLine line;
    line.title = ProcessTitle(argc, argv);
    std::vector<std::string> const arguments(argv + 1, argv + argc);
    try {
        line.app.parse(argc, argv);
    } catch (CLI::ParseError const& error) {
        return usage_error(line, arguments, error);
    }
    return line.exit_code;
}

} // namespace

} // namespace config

int main(int argc, char** argv) { return config::main_of(argc, argv); }
