// Turns frames into facts: compiles runtimes, scans a block's events for transfers, keeps the book
// of assets. Serves any number of chains.
//
// What will not decode never stops a chain: transfers before the fault are told, the block ends as
// incomplete, is counted and logged with the byte, the event and the type, and goes to the keeper
// as a dead letter.
//
// One thread. A large block is worked through in steps of `max_burst` records. No allocation per
// block once a chain's runtime and assets are known.
#pragma once

#include "decoders/events.hpp"
#include "pipeline/log.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/stage.hpp"
#include "stages/assets.hpp"
#include "stages/attribute.hpp"
#include "stages/notes.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stages {

enum class DecodeMetric {
    blocks,
    incomplete,
    events,
    transfers,
    runtimes,
    runtimes_rejected,
    blind,
    assets,
    assets_unknown,
    not_kept,
    incidents,
    holdings,
    holdings_unread,
};

inline constexpr std::array decode_metrics{
    pipeline::MetricRow{"spyhop_decode_blocks_total", pipeline::MetricKind::counter,
                        "Blocks whose events were read."},
    pipeline::MetricRow{"spyhop_decode_incomplete_blocks_total", pipeline::MetricKind::counter,
                        "Blocks of which some events could not be read."},
    pipeline::MetricRow{"spyhop_decode_events_total", pipeline::MetricKind::counter,
                        "Events read."},
    pipeline::MetricRow{"spyhop_decode_transfers_total", pipeline::MetricKind::counter,
                        "Transfers found among them."},
    pipeline::MetricRow{"spyhop_decode_runtimes_total", pipeline::MetricKind::counter,
                        "Runtimes compiled from metadata."},
    pipeline::MetricRow{"spyhop_decode_runtimes_rejected_total", pipeline::MetricKind::counter,
                        "Metadata that could not be compiled."},
    pipeline::MetricRow{"spyhop_decode_blind_events_total", pipeline::MetricKind::counter,
                        "Kinds of balance movement a compiled runtime has but nobody can read."},
    pipeline::MetricRow{"spyhop_decode_assets_total", pipeline::MetricKind::counter,
                        "Assets described by their chain."},
    pipeline::MetricRow{"spyhop_decode_assets_unknown_total", pipeline::MetricKind::counter,
                        "Assets met in transfers that their chain has not described."},
    pipeline::MetricRow{"spyhop_decode_not_kept_total", pipeline::MetricKind::counter,
                        "Dead letters and metadata for which the link to the keeper had no room."},
    pipeline::MetricRow{"spyhop_decode_incidents_total", pipeline::MetricKind::counter,
                        "Runtimes that make a rule blind: each is in the log as an incident."},
    pipeline::MetricRow{"spyhop_decode_holdings_total", pipeline::MetricKind::counter,
                        "Balances that were read from the node's state to be audited."},
    pipeline::MetricRow{"spyhop_decode_holdings_unread_total", pipeline::MetricKind::counter,
                        "Values of System.Account that nobody can read."},
};

class Decode : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 64;

    // chains: their names, for the log, in the order of the configuration. kinds: what is told.
    Decode(std::vector<std::string> chains, pipeline::Log& log, pipeline::MetricsPage& metrics,
           pipeline::Out<Fact> facts, pipeline::Out<Keep> kept,
           decoders::MovementKinds kinds = decoders::MovementKind::transfer);

    auto outputs() { return std::tie(facts_, kept_); }
    bool on(pipeline::Part<Frame> const& part, pipeline::Turn const& turn);

  private:
    struct Compiled {
        std::uint32_t spec_version = 0;
        std::unique_ptr<decoders::Runtime const> runtime; // null: its metadata was refused
    };
    struct Chain {
        std::string name;
        Hash genesis{};
        std::array<std::vector<Compiled>, lanes> runtimes; // by Lane
        AssetBook assets;
        bool holdings_unread = false; // it was said
        std::vector<Compiled>& of(Lane lane) { return runtimes[static_cast<std::size_t>(lane)]; }
    };

    void compile(Chain& chain, Lane lane, RuntimeBytes const& bytes, pipeline::Bytes metadata);
    void look_for_blindness(Chain const& chain, Compiled const& made,
                            decoders::Runtime const* before);
    void describe(Fact& fact, Chain& chain, std::vector<Compiled> const& runtimes,
                  AssetBytes const& bytes, pipeline::Bytes payload);
    void weigh(Fact& fact, Chain& chain, AccountBytes const& bytes, pipeline::Bytes value);
    bool scan(Fact& fact, Chain& chain, std::vector<Compiled> const& runtimes,
              BlockBytes const& block, pipeline::Bytes payload);
    void tell(Fact& fact, Chain& chain, Compiled const& compiled, BlockRef const& block,
              decoders::Movement const& found);
    std::uint32_t slot_of(Fact const& fact, Chain& chain, Compiled const& compiled,
                          decoders::Movement const& found);
    void end_block(Fact& fact, BlockBytes const& block, pipeline::Bytes value);
    void dead_letter(Fact const& fact, BlockBytes const& block, pipeline::Bytes value);
    void keep(Keep record, pipeline::Bytes bytes);

    std::vector<Chain> chains_;
    pipeline::Log& log_;
    pipeline::MetricsPage& metrics_;
    pipeline::Out<Fact> facts_;
    pipeline::Out<Keep> kept_;
    decoders::MovementKinds const kinds_;
    Attribution attribution_;                    // of the same block
    std::optional<decoders::MovementScan> scan_; // of the block at the front of the link
    struct Ending {                              // of the same block, once its events were read
        bool reached = false;
        std::uint32_t events = 0;
        std::string fault;       // empty: all of them
        std::uint16_t blind = 0; // of its runtime
    } ending_;
};

} // namespace stages
