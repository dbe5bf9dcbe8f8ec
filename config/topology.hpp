// The pipeline of a service, declared in one function.
#pragma once

#include "config/config.hpp"
#include "io/random.hpp"
#include "pipeline/topology.hpp"
#include "stages/control.hpp"
#include "stages/deliver.hpp"
#include "stages/detect.hpp"
#include "stages/enrich.hpp"
#include "stages/keeper.hpp"

#include <functional>

namespace config {

// What the stages need from the world they run in; live, drawn (spyhop topology) or simulated.
struct World {
    Config const& config;
    pipeline::Clock const& clock;
    io::Random& random;
    pipeline::Log& log;
    pipeline::Switchboard& switchboard;
    // The network of the thread that the driver runs.
    std::function<io::Network&(pipeline::Driver&)> network;
    // Null only where nothing will run.
    std::function<std::unique_ptr<stages::Journal>()> journal;
    std::function<std::vector<stages::Outlet>(pipeline::Driver&, stages::Journal*)> outlets;
    std::function<std::unique_ptr<io::UnixServer>(pipeline::Driver&)> admin_socket;
    std::function<std::unique_ptr<stages::StateFiles>()> files;
    std::function<void(pipeline::Nanoseconds drain_max)> shutdown;
    std::function<std::expected<std::vector<stages::LedgerView>, std::string>()> ledgers;
    std::function<std::expected<stages::AlertList, std::string>(stages::AlertFilter const&)> alerts;
    std::function<stages::LabelBook()> labels = [] { return stages::LabelBook(); };
    std::string subscan_key{};        // empty: none is sent
    io::Store* cache_store = nullptr; // null: the cache is in memory only
    // Where the service is in several processes.
    stages::DetectProcesses detect{};
    std::function<std::vector<stages::ProcessStatus>()> processes{};
    std::function<void(pipeline::Process)> restart{};
    // Null: no HTTP is configured, or it is another process' business.
    std::function<std::unique_ptr<io::HttpServer>(pipeline::Driver&)> http = [](pipeline::Driver&) {
        return std::unique_ptr<io::HttpServer>();
    };
    std::optional<stages::Hash> admin_token{};
    // What watches over the service, by that governor.
    std::function<std::unique_ptr<stages::Steward>(pipeline::Driver&, stages::Governor&,
                                                   pipeline::Out<stages::Steer>)>
        steward = [](pipeline::Driver&, stages::Governor&, pipeline::Out<stages::Steer>) {
            return std::unique_ptr<stages::Steward>();
        };
    std::function<std::vector<std::optional<double>>()> memory_shares{};
    std::function<std::optional<double>()> resource_ratio{};
    // What may change the regime; asked for after the journal. `wake` rouses whoever has to see a
    // change. Null only where nothing will run, or in another process than control's.
    std::function<std::unique_ptr<stages::Governor>(std::function<void()> wake)> governor =
        [](std::function<void()> const&) { return std::unique_ptr<stages::Governor>(); };
    // Where what a chain's patterns know is kept. Null: nowhere, or another process' business.
    std::function<std::unique_ptr<stages::PatternStore>(std::uint16_t chain)> patterns =
        [](std::uint16_t) { return std::unique_ptr<stages::PatternStore>(); };
};

// Declares every link, stage and thread. Called more than once on a topology that several processes
// share; what it declares must depend on the configuration only. The error names what is wrong with
// the wiring.
[[nodiscard]] std::expected<void, std::string> build_topology(pipeline::Topology& topology,
                                                              World const& world);

} // namespace config
