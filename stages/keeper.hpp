// Puts into the state directory what a person, or the next start, may need later:
//
//   metadata/GENESIS-SPEC.scale            the metadata of every runtime met
//   metadata/GENESIS-SPEC.code             the code it was made of (runtime_cache.hpp)
//   dead-letters/CHAIN-NUMBER-HASH.json    a block whose events could not all be read, with the
//                                          fault and the bytes: `spyhop decode events` reads it
//
// An observer off the data plane: it may block on the disk, and a full link drops (and counts) what
// it cannot take. A file that cannot be written is logged and counted, nothing else happens.
#pragma once

#include "pipeline/log.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/stage.hpp"
#include "stages/notes.hpp"
#include "stages/state_files.hpp"

#include <memory>
#include <string>
#include <vector>

namespace stages {

// The text of a dead letter.
std::string dead_letter_json(std::string_view chain, Hash const& genesis, DeadLetter const& letter,
                             pipeline::Bytes events);

enum class KeeperMetric { runtimes, dead_letters, not_kept };

inline constexpr std::array keeper_metrics{
    pipeline::MetricRow{"spyhop_keeper_runtimes_total", pipeline::MetricKind::counter,
                        "Metadata files written."},
    pipeline::MetricRow{"spyhop_keeper_dead_letters_total", pipeline::MetricKind::counter,
                        "Dead letters written."},
    pipeline::MetricRow{"spyhop_keeper_not_kept_total", pipeline::MetricKind::counter,
                        "Dead letters and metadata that found no place: link, limit or disk."},
};

class Keeper : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 0;
    // Of one run of the service. A runtime nobody can read would otherwise fill the disk, and the
    // chain still has the blocks.
    static constexpr std::size_t dead_letters_max = 256;

    // chains: their names, in the order of the configuration.
    Keeper(std::vector<std::string> chains, std::unique_ptr<StateFiles> files, pipeline::Log& log,
           pipeline::MetricsPage& metrics);

    auto outputs() { return std::tie(); }
    void on(pipeline::Part<Keep> const& part, pipeline::Turn const&);

  private:
    void keep(Keep const& keep, RuntimeBytes const& runtime, pipeline::Bytes metadata);
    void keep(Keep const& keep, DeadLetter const& letter, pipeline::Bytes events);
    bool is_kept(Keep const& keep, RuntimeBytes const& runtime) const;
    bool write(std::string const& name, std::string_view bytes);

    std::vector<std::string> const chains_;
    std::unique_ptr<StateFiles> const files_;
    pipeline::Log& log_;
    pipeline::MetricsPage& metrics_;
    std::uint64_t expected_ = 0; // the sequence number that comes next
    std::size_t letters_ = 0;
};

} // namespace stages
