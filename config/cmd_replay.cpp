#include "config/cmd_replay.hpp"

#include "config/exit_codes.hpp"
#include "config/replay.hpp"
#include "config/rule_lint.hpp"
#include "pipeline/sleeper.hpp"

#include <fmt/format.h>

namespace config {

namespace {

// A configuration and what its rules say of the capture.
struct Played {
    Loaded loaded;
    Recording recording;
    Backtest run;
};

// Nothing: the exit code is in `code`, and everything has been said.
std::optional<Played> play(std::string const& path, std::string const& capture, bool quiet,
                           std::FILE* err, int& code) {
    Played played{load_and_lint(path), {}, {}};
    for (Problem const& problem : played.loaded.problems)
        if (!problem.warning) fmt::print(err, "{}\n", to_text(played.loaded.config, problem));
    if (!played.loaded.usable()) {
        code = exit_bad_configuration;
        return std::nullopt;
    }
    auto const fail = [&](std::string const& why) {
        fmt::print(err, "spyhop replay: {}\n", why);
        code = exit_failed;
        return std::nullopt;
    };
    auto recording = read_recording(played.loaded.config, capture);
    if (!recording) return fail(recording.error());
    played.recording = std::move(*recording);
    auto run = run_backtest(played.loaded.config, played.recording, std::nullopt, true);
    if (!run) return fail(run.error());
    played.run = std::move(*run);
    if (quiet) return played;
    for (std::string const& note : played.recording.notes) fmt::print(err, "{}\n", note);
    for (std::string const& problem : played.run.problems) fmt::print(err, "{}\n", problem);
    return played;
}

void print_lines(Backtest const& run, std::uint32_t speed, ReplayWait const& wait, std::FILE* out) {
    auto const order = by_chain_time(run);
    for (std::size_t const at : order) {
        if (speed != 0) {
            std::uint64_t const since_ms = run.told[at].told_ms - run.told[order.front()].told_ms;
            wait(since_ms * pipeline::millisecond / speed);
        }
        fmt::print(out, "{}\n", run.lines[at].line);
        if (speed != 0) (void)std::fflush(out);
    }
}

} // namespace

ReplayWait replay_by_clock() {
    return [began =
                std::optional<pipeline::Nanoseconds>()](pipeline::Nanoseconds since_first) mutable {
        pipeline::SystemClock const clock;
        if (!began) began = clock.monotonic();
        pipeline::Sleeper sleeper(clock);
        while (clock.monotonic() < *began + since_first) sleeper.park(*began + since_first);
    };
}

int cmd_replay(Common const& common, ReplayOptions const& options, ReplayWait const& wait,
               std::FILE* out, std::FILE* err) {
    int code = exit_ok;
    auto const one = play(options.config_path, options.capture, common.quiet, err, code);
    if (!one) return code;
    if (options.other.empty()) {
        print_lines(one->run, options.speed, wait, out);
        return exit_ok;
    }
    auto const other = play(options.other, options.capture, true, err, code);
    if (!other) return code;
    Config const &before = one->loaded.config, &after = other->loaded.config;
    ReplayDifference const found = difference_of(before, one->run, after, other->run);
    fmt::print(out, "{}",
               common.output == Output::table  ? difference_table(before, after, found)
               : common.output == Output::json ? difference_json(before, after, found)
                                               : difference_ndjson(before, after, found));
    return exit_ok;
}

} // namespace config
