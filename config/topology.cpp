#include "config/topology.hpp"

#include "config/stage_options.hpp"
#include "stages/decode.hpp"
#include "stages/detect.hpp"
#include "stages/route.hpp"
#include "stages/rpc_source.hpp"

#include <unistd.h>

namespace config {

using namespace stages;
using pipeline::Process;
using pipeline::WhenFull;

namespace {

// Where a stage runs. Layouts differ in threads only; links and stages are the same in each.
struct Placement {
    pipeline::Topology& topology;
    Layout layout;
    int next_cpu = 0;
    int const cpus = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));

    // `crew`: the thread the stage shares in the compact layout.
    pipeline::Driver& thread(std::string const& stage, std::string const& crew) {
        if (layout == Layout::single) return topology.thread("all");
        if (layout == Layout::compact) return topology.thread(crew);
        // More stages than cores: pinning would make them wait for each other.
        return topology.thread(stage, next_cpu < cpus ? next_cpu++ : -1);
    }
};

constexpr std::size_t mib = std::size_t{1} << 20;

} // namespace

//   source (one a chain) ──Frame──▶ decode ──Fact──▶ detect ──Candidate──▶ route ──Verdict──▶ deliver
//                       └─SourceNote (drop)─▶ control
std::expected<void, std::string> build_topology(pipeline::Topology& t, World const& world) {
    Config const& config = world.config;
    Placement place{t, config.service.layout};
    auto& book = t.metrics();

    auto& facts      = t.link<Fact>     ("facts",      {.depth = 1024});
    auto& candidates = t.link<Candidate>("candidates", {.depth = 1024});
    auto& verdicts   = t.link<Verdict>  ("verdicts",   {.depth = 1024});
    std::vector<pipeline::Link<Frame>*> frames;
    std::vector<pipeline::Link<SourceNote>*> notes;

    for (std::uint16_t i = 0; i < config.chains.size(); ++i) {
        std::string const& chain = config.chains[i].name;
        frames.push_back(&t.link<Frame>("frames:" + chain, {.depth = 256, .arena_bytes = 8 * mib}));
        notes.push_back(&t.link<SourceNote>("notes:" + chain, {.depth = 64, .when_full = WhenFull::drop}));
        auto& thread = place.thread("source:" + chain, "data");
        t.stage({"source:" + chain, Process::hybrid, thread.options().name},
                std::make_unique<RpcSource>(
                    source_options(config, i),
                    RpcSource::Needs{world.network(thread), world.clock, world.random, world.log,
                                     book.add("chain=\"" + chain + '"', source_metrics)},
                    *frames[i], *notes[i]));
    }
    t.stage_over({"decode", Process::hybrid, place.thread("decode", "data").options().name},
            std::make_unique<Decode>(chain_names(config), world.log, book.add("", decode_metrics), facts), frames);
    t.stage({"detect", Process::hybrid, place.thread("detect", "data").options().name},
            std::make_unique<Detect>(config.rules, chain_names(config), world.log, book.add("", detect_metrics), candidates), facts);
    t.stage({"route", Process::legacy, place.thread("route", "data").options().name},
            std::make_unique<Route>(rule_names(config), config.chains.size(), book.add("", route_metrics), verdicts), candidates);
    auto& delivery = place.thread("deliver", "data");
    t.stage({"deliver", Process::legacy, delivery.options().name},
            std::make_unique<Deliver>(deliver_options(config), world.sinks(delivery), world.clock, book.add("", deliver_metrics)), verdicts);
    auto& desk = place.thread("control", "control");
    t.stage_over({"control", Process::control, desk.options().name},
            std::make_unique<Control>(control_options(config), world.admin_socket(desk),
                                      Control::Needs{world.switchboard, book, world.shutdown}, world.clock.monotonic()), notes);
    return t.finish();
}

} // namespace config
