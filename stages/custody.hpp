// The ledger's side of delivery: what deliver owes each chain beyond its alerts. Which blocks have
// passed and are final, which are missing and are wanted, which must be read again, and what an
// earlier run said that only now is settled.
//
//   ChainFacts ──▶ enter()      its ledger; alerts that were open when the last run ended
//   BlockEnd ────▶ passed()     remembered until it is final
//   Finalized ───▶ finalized()  covered; strangers() of that height are settled first
//   Missing ─────▶ missing()    explained, and wanted again after a while
//   Settled ─────▶ settled()    legacy's cursor; legacy's strangers up to there are settled first
//   wants()                     what the history readers should fetch now, once a block has passed:
//                               by then decode knows the chain's assets
//
// A stranger is an alert whose record is gone: said by an earlier run, or let go for want of room.
// The journal still has its line, from which its last state is said, unless the block was told
// again and did so (the journal leaves out what was said before). A stranger is settled by the path
// that said it: hybrid's by the hash of the final block, legacy's by whether its row was told as
// final before Settled came (confirm()).
//
// One thread, deliver's; owns the journal. Calls that write must be made while the journal has
// room(). Memory: one entry a height with strangers, one a block to be read again; both bounded.
#pragma once

#include "pipeline/log.hpp"
#include "pipeline/metrics.hpp"
#include "stages/journal.hpp"

#include <set>

namespace stages {

enum class CustodyMetric { covered, conflicts, holes, hole_blocks, restated, reread, wants };

inline constexpr std::array custody_metrics{
    pipeline::MetricRow{"spyhop_custody_covered_blocks_total", pipeline::MetricKind::counter,
                        "Finalized blocks added to the ledger."},
    pipeline::MetricRow{"spyhop_custody_conflicts_total", pipeline::MetricKind::counter,
                        "Finalized blocks that contradict the ledger: an incident each."},
    pipeline::MetricRow{"spyhop_custody_holes", pipeline::MetricKind::gauge,
                        "Ranges of finalized blocks that have not been read."},
    pipeline::MetricRow{"spyhop_custody_hole_blocks", pipeline::MetricKind::gauge,
                        "Blocks in those ranges."},
    pipeline::MetricRow{"spyhop_custody_restated_total", pipeline::MetricKind::counter,
                        "States said of alerts whose record was gone."},
    pipeline::MetricRow{"spyhop_custody_reread_total", pipeline::MetricKind::counter,
                        "Incomplete blocks that were read again, and whole."},
    pipeline::MetricRow{"spyhop_custody_wants_total", pipeline::MetricKind::counter,
                        "Orders given to history readers."},
};

class Custody {
  public:
    struct Chain {
        std::string name;
        std::optional<std::uint32_t> start; // the first block that is wanted
    };

    static constexpr Nanoseconds want_interval = pipeline::second; // while something is wanted
    static constexpr Nanoseconds missing_pause = 600 * pipeline::second;
    static constexpr std::size_t rereads_max = 4'096; // blocks of a chain
    static constexpr std::size_t suspects_max = 256;
    static constexpr std::size_t strangers_max = 1'000'000;

    Custody(std::unique_ptr<Journal> journal, std::vector<Chain> chains, pipeline::Log& log,
            pipeline::MetricsPage& metrics);

    Journal& journal() { return *journal_; }
    Journal const& journal() const { return *journal_; }

    void enter(std::uint16_t chain, Hash const& genesis);
    // Something of this block is about to be said, or it has passed: here the ledger begins, if it
    // has not yet.
    void begins(std::uint16_t chain, std::uint32_t block);
    void passed(std::uint16_t chain, BlockEnd const& end);
    void abandoned(std::uint16_t chain, Abandoned const& gone);
    void missing(std::uint16_t chain, Missing const& missing, Nanoseconds now);
    void forgotten(Place const& place, Path path) { remember(place, path); }

    // Legacy has told this alert as final, whether or not it may speak for it.
    void confirm(std::uint16_t chain, Alert const& alert);
    // As begin_finalized(), for legacy: everything up to the number.
    void begin_settled(std::uint16_t chain, Settled const& settled);
    void settled(std::uint16_t chain, Settled const& settled);

    // Takes up the strangers of the height; then next_stranger() until there is none, each to be
    // appended before finalized().
    void begin_finalized(std::uint16_t chain, Finalized const& final);
    struct Stranger {
        AlertRow before{}; // views into the texts below
        AlertState state{};
        std::string chain, rule, line;
    };
    std::unique_ptr<Stranger> next_stranger(); // null: none is left
    void finalized(std::uint16_t chain, Finalized const& final, Nanoseconds now);

    // What the chains' history readers should fetch now, an order a chain that lacks something.
    void wants(Nanoseconds now, std::function<void(Want const&)> const& order);
    Nanoseconds next_want() const { return next_want_; }

  private:
    struct Waiting { // a stretch nobody could give
        Stretch stretch{};
        Nanoseconds until = 0;
    };
    struct Ledger {
        Chain chain;
        std::optional<ChainKey> key;
        Hash genesis{};
        bool begun = false;             // a block has passed in this run
        std::uint32_t spec_version = 0; // the newest that was met
        std::vector<Waiting> waiting;
        std::vector<BlockPoint> incomplete; // in the ledger, to be read again some day
        std::set<std::uint32_t> rereads;    // of those, to be read again now
        std::vector<BlockPoint> suspects;   // incomplete, and not final yet
        std::uint64_t holes = 0, hole_blocks = 0;
    };

    void remember(Place const& place, Path path);
    std::set<Place>& places(Path path) { return places_[static_cast<std::size_t>(path)]; }
    void load_open_alerts(std::uint16_t chain);
    void load_incomplete(Ledger& ledger);
    // state_of: what has become of an alert of this path at this height.
    void collect(Place const& place, Path path,
                 std::function<AlertState(AlertRow const&)> const& state_of);
    void collect_hybrid(Place const& place, Hash const* final);
    Want want(std::uint16_t chain, Nanoseconds now);
    void contradicted(Ledger& ledger, Finalized const& final, Nanoseconds now);
    void keep_incomplete(Ledger& ledger, Finalized const& final);
    void pause(Ledger& ledger, Stretch const& stretch, Nanoseconds now);
    void read_whole(Ledger& ledger, BlockEnd const& end);
    bool has_gaps(Ledger const& ledger) const;
    void trouble(std::string_view what, Journal::Error const& error);
    void show_holes();

    std::unique_ptr<Journal> const journal_;
    pipeline::Log& log_;
    pipeline::MetricsPage& metrics_;
    std::vector<Ledger> ledgers_;
    std::array<std::set<Place>, paths>
        places_; // heights with strangers, by the path that said them
    std::set<std::pair<Place, AlertId>> confirmed_; // strangers of legacy that it has told as final
    std::deque<std::unique_ptr<Stranger>> strangers_;
    Nanoseconds next_want_ = pipeline::never;
};

} // namespace stages
