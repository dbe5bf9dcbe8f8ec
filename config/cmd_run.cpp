// run, check and topology: what is done with a configuration file.
#include "config/commands.hpp"

#include "config/drawn_world.hpp"
#include "config/embedded.hpp"
#include "config/exit_codes.hpp"
#include "config/log.hpp"
#include "config/service.hpp"
#include "config/signals.hpp"
#include "config/stage_options.hpp"
#include "config/supervisor.hpp"
#include "pipeline/sleeper.hpp"
#include "stages/alert_line.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>

namespace config {

namespace {

void print_problems(Loaded const& loaded, bool warnings) {
    for (Problem const& problem : loaded.problems)
        if (warnings || !problem.warning)
            fmt::print(stderr, "{}\n", to_text(loaded.config, problem));
}

std::string problem_json(Config const& config, Problem const& problem) {
    std::string file, text;
    stages::append_json_string(config.file, file);
    stages::append_json_string(problem.text, text);
    return fmt::format(R"({{"file":{},"line":{},"column":{},"warning":{},"text":{}}})", file,
                       problem.where.line, problem.where.column, problem.warning, text);
}

} // namespace

int cmd_check(Common const& common, std::string const& config_path, bool network) {
    Loaded loaded = load(config_path);
    if (loaded.usable()) check_environment(loaded.config, network, loaded.problems);
    bool const good = loaded.usable();
    if (common.output != Output::table) {
        std::string list;
        for (Problem const& problem : loaded.problems)
            list += (list.empty() ? "" : ",") + problem_json(loaded.config, problem);
        fmt::print("{{\"ok\":{},\"problems\":[{}]}}\n", good, list);
    } else {
        print_problems(loaded, !common.quiet);
        if (good && !common.quiet)
            fmt::print("{}: good: {} chains, {} rules, {} watched addresses\n", config_path,
                       loaded.config.chains.size(), loaded.config.rules.size(),
                       loaded.config.watches.size());
    }
    return good ? exit_ok : exit_bad_configuration;
}

int cmd_run(Common const& common, std::string const& config_path, ProcessTitle title) {
    Loaded loaded = load(config_path);
    if (loaded.usable()) check_environment(loaded.config, false, loaded.problems);
    print_problems(loaded, !common.quiet);
    if (!loaded.usable()) return exit_bad_configuration;
    block_signals();
    auto const log = make_log(common.quiet, common.color);
    if (loaded.config.service.isolation == Isolation::process) {
        auto const supervisor = Supervisor::make(loaded.config, *log, title);
        if (supervisor) return (*supervisor)->run();
        fmt::print(stderr, "spyhop: {}\n", supervisor.error().text);
        return supervisor.error().exit_code;
    }
    auto const service = Service::make(loaded.config, *log);
    if (!service) {
        fmt::print(stderr, "spyhop: {}\n", service.error().text);
        return service.error().exit_code;
    }
    return (*service)->run();
}

int cmd_topology(Common const&, TopologyOptions const& options) {
    Loaded const loaded = options.config_path.empty()
                            ? load_text(default_configuration(), "default.toml")
                            : load(options.config_path);
    print_problems(loaded, false);
    if (!loaded.usable()) return exit_bad_configuration;
    // The same wiring as a running service's, over a network where nobody is.
    DrawnWorld drawn;
    bool const processes = loaded.config.service.isolation == Isolation::process;
    auto region = processes ? pipeline::Region::create(region_bytes(loaded.config)) : nullptr;
    if (!region) {
        fmt::print(stderr, "spyhop: {}\n", region.error());
        return exit_failed;
    }
    pipeline::Switchboard switchboard(first_regime(loaded.config));
    pipeline::Topology topology(
        drawn.clock(), switchboard, loaded.config.service.idle,
        [&](std::string const&) { return std::make_unique<pipeline::Sleeper>(drawn.clock()); },
        region->get());
    World const world = drawn.world(loaded.config, switchboard);
    if (auto const built = build_topology(topology, world); !built) {
        fmt::print(stderr, "spyhop: {}\n", built.error());
        return exit_failed;
    }
    fmt::print("{}", options.dot ? topology.dot() : topology.table());
    return exit_ok;
}

} // namespace config
