#include "config/bench_commands.hpp"

#include "config/duration_option.hpp"

namespace config {

namespace {

constexpr char const* folder_help =
    "where the journal lies: its disk is measured (the temporary folder)";

} // namespace

BenchCommands::BenchCommands(CLI::App& app, Common const& common, int& exit_code) {
    auto* const bench =
        app.add_subcommand("bench", "end to end on this machine, against the 5 second target");
    bench->require_subcommand(1);
    add_latency(*bench, common, exit_code);
    add_throughput(*bench, common, exit_code);
    add_idle(*bench, common, exit_code);
    add_soak(*bench, common, exit_code);
}

void BenchCommands::add_latency(CLI::App& bench, Common const& common, int& exit_code) {
    auto* const app = bench.add_subcommand(
        "latency", "from a block to its alerts: node, Subscan, a peer, a bare reader");
    constexpr std::uint32_t blocks_max = 100'000, events_max = 100'000;
    app->add_option("--blocks", latency_.blocks, "how many are measured (100)")
        ->check(CLI::Range(1U, blocks_max));
    duration_option(app, "--block-time", latency_.block_time, "time between blocks (2s)", true);
    app->add_option("--events", latency_.events, "in a block (200)")
        ->check(CLI::Range(20U, events_max));
    app->add_option("--alerts", latency_.alerts, "in a block, on average (3)")
        ->check(CLI::Range(1U, events_max));
    app->add_option("--warm-up", latency_.warm_up, "blocks in front that do not count (5)")
        ->check(CLI::Range(1U, blocks_max));
    duration_option(app, "--legacy-poll", latency_.legacy_poll, "how often Subscan is asked (30s)",
                    true);
    app->add_flag("--tls", latency_.tls, "over wss, with a certificate made for the run");
    app->add_flag_callback(
        "--no-legacy", [this] { latency_.legacy = false; },
        "leave Subscan out: nobody waits for its polls");
    app->add_option("--peer", latency_.peer,
                    "a command that takes part: given the node's URL as its last argument, it "
                    "prints a block's number for each transfer of $SPYHOP_BENCH_MINIMUM or more");
    app->add_option("--idle", latency_.idle, "of the services (park)")
        ->check(CLI::IsMember({"park", "backoff", "spin"}));
    app->add_option("--layout", latency_.layout, "of the services (compact)")
        ->check(CLI::IsMember({"compact", "dedicated", "single"}));
    app->add_option("--isolation", latency_.isolation, "of the services (process)")
        ->check(CLI::IsMember({"process", "thread"}));
    app->add_option("--report", latency_.report, "write a plot: FILE.svg or FILE.html");
    app->add_option("--folder", latency_.folder, folder_help);
    app->callback([this, &common, &exit_code] { exit_code = cmd_bench_latency(common, latency_); });
}

void BenchCommands::add_throughput(CLI::App& bench, Common const& common, int& exit_code) {
    auto* const app = bench.add_subcommand(
        "throughput", "events a second, and how cost grows with accounts, chains and bursts");
    constexpr std::uint32_t blocks_max = 100'000, events_max = 100'000;
    app->add_option("--blocks", throughput_.blocks, "sent back to back (10000)")
        ->check(CLI::Range(2U, blocks_max));
    app->add_option("--events", throughput_.events, "in each of them (200)")
        ->check(CLI::Range(20U, events_max));
    app->add_option("--only", throughput_.only, "these groups of cases")
        ->check(CLI::IsMember({"sustained", "watched", "chains", "bursts"}));
    app->add_flag("--quick", throughput_.quick, "small numbers: does it work?");
    app->add_option("--folder", throughput_.folder, folder_help);
    app->callback(
        [this, &common, &exit_code] { exit_code = cmd_bench_throughput(common, throughput_); });
}

void BenchCommands::add_idle(CLI::App& bench, Common const& common, int& exit_code) {
    auto* const app =
        bench.add_subcommand("idle", "what watching costs when little happens: processor, memory");
    constexpr std::uint32_t chains_max = 64;
    app->add_option("--chains", idle_.chains, "how many, one run for each number (1 8)")
        ->check(CLI::Range(1U, chains_max));
    duration_option(app, "--block-time", idle_.block_time, "of each chain (6s)", true);
    duration_option(app, "--length", idle_.length, "of each run (60s)", true);
    app->add_option("--folder", idle_.folder, folder_help);
    app->callback([this, &common, &exit_code] { exit_code = cmd_bench_idle(common, idle_); });
}

void BenchCommands::add_soak(CLI::App& bench, Common const& common, int& exit_code) {
    auto* const app = bench.add_subcommand(
        "soak", "hours of traffic, faster or as it is: does anything grow or slow down?");
    constexpr double hours_max = 10'000, speed_max = 100'000;
    app->add_option("--hours", soak_.hours, "of the chains' time (24)")
        ->check(CLI::Range(0.001, hours_max));
    app->add_option("--speed", soak_.speed, "times as fast as real blocks of 6 s (60)")
        ->check(CLI::Range(1.0, speed_max));
    app->add_option("--scenario", soak_.scenario, "stress of the rollout plan, section 4.3")
        ->check(CLI::IsMember({"coordination", "congestion", "api-failures", "memory-pressure"}));
    constexpr std::uint32_t chains_max = 32, samples_min = 4, samples_max = 10'000;
    app->add_option("--chains", soak_.chains, "how many (2)")->check(CLI::Range(1U, chains_max));
    app->add_option("--samples", soak_.samples, "along the way (60)")
        ->check(CLI::Range(samples_min, samples_max));
    app->add_option("--folder", soak_.folder, folder_help);
    app->callback([this, &common, &exit_code] { exit_code = cmd_bench_soak(common, soak_); });
}

} // namespace config
