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
    std::string name(std::string const& stage, std::string const& crew) {
        return thread(stage, crew).options().name;
    }
};

constexpr pipeline::LinkOptions frame_room{.depth = 256, .arena_bytes = std::size_t{8} << 20};
constexpr pipeline::LinkOptions keep_room{
    .depth = 64, .arena_bytes = std::size_t{8} << 20, .when_full = pipeline::WhenFull::drop};
constexpr pipeline::LinkOptions want_room{.depth = 16, .when_full = pipeline::WhenFull::drop};
constexpr pipeline::LinkOptions note_room{.depth = 64, .when_full = pipeline::WhenFull::drop};

} // namespace

//   source ──Frame──▶ decode ──Fact──▶ detect ──Candidate──▶ route ──Verdict──▶ deliver
//      └──SourceNote (drop)──▶ control                       one source a chain
//                      decode ──Keep (drop)──▶ keeper         metadata and dead letters, on disk
// clang-format off: a table reads across
std::expected<void, std::string> build_topology(pipeline::Topology& t, World const& world) {
    Config const& config = world.config;
    auto const chains = chain_names(config);
    Placement place{t, config.service.layout};
    auto& book = t.metrics();
    auto journal = world.journal();

    auto& facts      = t.link<Fact>     ("facts",      {.depth = 1024});
    auto& candidates = t.link<Candidate>("candidates", {.depth = 1024});
    auto& verdicts   = t.link<Verdict>  ("verdicts",   {.depth = 1024});
    auto& kept       = t.link<Keep>     ("kept",       keep_room);
    std::vector<pipeline::Link<Frame>*> frames;
    std::vector<pipeline::Link<SourceNote>*> notes;
    std::vector<pipeline::Link<Want>*> wants;

    for (std::uint16_t i = 0; std::size_t{i} < chains.size(); ++i) {
        auto& frame_link = t.link<Frame>     ("frames:" + chains[i], frame_room);
        auto& note_link  = t.link<SourceNote>("notes:" + chains[i],  note_room);
        frames.push_back(&frame_link);
        notes.push_back(&note_link);
        auto& thread = place.thread("source:" + chains[i], "data");
        RpcSource::Needs const needs{world.network(thread), world.clock, world.random, world.log,
                                     book.add("chain=\"" + chains[i] + '"', source_metrics)};
        t.stage({"source:" + chains[i], Process::hybrid, thread.options().name},
                std::make_unique<RpcSource>(source_options(config, i, journal.get()), needs,
                                            frame_link, note_link));
    }
    t.stage_over({"decode", Process::hybrid, place.name("decode", "data")},
                 std::make_unique<Decode>(chains, world.log, book.add("", decode_metrics), facts,
                                          kept),
                 frames);
    t.stage({"detect", Process::hybrid, place.name("detect", "data")},
            std::make_unique<Detect>(config.rules, chains, world.log,
                                     book.add("", detect_metrics), candidates),
            facts);
    t.stage({"route", Process::legacy, place.name("route", "data")},
            std::make_unique<Route>(rule_names(config), chains.size(),
                                    book.add("", route_metrics), verdicts),
            candidates);

    auto& delivery = place.thread("deliver", "deliver");
    auto outlets = world.outlets(delivery, journal.get());
    Deliver::Needs const custody{world.clock, world.log, book.add("", deliver_metrics),
                                 book.add("", custody_metrics)};
    t.stage({"deliver", Process::legacy, delivery.options().name},
            std::make_unique<Deliver>(deliver_options(config), std::move(journal), starts(config),
                                      std::move(outlets), custody, pipeline::Outs<Want>(wants)),
            verdicts);
    auto& desk = place.thread("control", "control");
    Control::Needs const needs{world.switchboard, book, world.shutdown, world.ledgers};
    t.stage_over({"control", Process::control, desk.options().name},
                 std::make_unique<Control>(control_options(config), world.admin_socket(desk), needs,
                                           world.clock.monotonic()),
                 notes);
    t.stage({"keeper", Process::control, desk.options().name},
            std::make_unique<Keeper>(chains, world.files(), world.log,
                                     book.add("", keeper_metrics)),
            kept);
    return t.finish();
}
// clang-format on

} // namespace config
