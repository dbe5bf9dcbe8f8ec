// The shadow comparator: pairs what the two paths say of every chain that has both, asks for the
// finalized block to be read again where they differ, and tells control who was wrong.
//
//   Twin ──▶ ShadowPairs ──agree──────────────────────────▶ counts ──once a second──▶ ShadowNote
//              (by chain) └─mismatch─▶ ShadowDisputes ──Want──▶ history reads the block
//   Twin (recheck) ─────────────────────▶ │ └──ruling──▶ counts, ShadowMismatch
//
// A gap in the twins' sequence numbers voids what is open on every chain; the first twin after the
// start is such a gap. A Want names every block that is asked for at present; it is said at a
// change, at most once a second, and again every `want_again`. Its genesis is empty: the paths know
// it, twins do not tell it.
//
// An observer: every output drops. One thread; memory is set by the options, nothing is allocated
// after the constructor.
#pragma once

#include "pipeline/metrics.hpp"
#include "pipeline/stage.hpp"
#include "stages/shadow_disputes.hpp"
#include "stages/shadow_pairs.hpp"

#include <memory>
#include <string>
#include <vector>

namespace stages {

enum class ShadowMetric { // those of ShadowClass first, in its order
    agree,
    late,
    missing_in_legacy,
    missing_in_hybrid,
    amount,
    party,
    asset,
    not_final,
    unsupported,
    hybrid_wrong, // those of Ruling, in its order
    legacy_wrong,
    both_wrong,
    unclear,
    duplicate,
    voided,
    stale,
    gaps,
    disputes,
    void_chains
};

inline constexpr std::array shadow_metrics{
    pipeline::MetricRow{"spyhop_shadow_agree_total", pipeline::MetricKind::counter,
                        "Pairs in which both paths said the same."},
    pipeline::MetricRow{"spyhop_shadow_late_total", pipeline::MetricKind::counter,
                        "Pairs in which they did, but hybrid after legacy."},
    pipeline::MetricRow{"spyhop_shadow_missing_in_legacy_total", pipeline::MetricKind::counter,
                        "Matches that only hybrid said."},
    pipeline::MetricRow{"spyhop_shadow_missing_in_hybrid_total", pipeline::MetricKind::counter,
                        "Matches that only legacy said."},
    pipeline::MetricRow{"spyhop_shadow_amount_total", pipeline::MetricKind::counter,
                        "Pairs with different amounts."},
    pipeline::MetricRow{"spyhop_shadow_party_total", pipeline::MetricKind::counter,
                        "Pairs with different accounts."},
    pipeline::MetricRow{"spyhop_shadow_asset_total", pipeline::MetricKind::counter,
                        "Pairs of which one names the chain's own token, one another asset."},
    pipeline::MetricRow{"spyhop_shadow_not_final_total", pipeline::MetricKind::counter,
                        "Legacy's rows of blocks that did not become final."},
    pipeline::MetricRow{"spyhop_shadow_unsupported_total", pipeline::MetricKind::counter,
                        "Matches the other path cannot know of."},
    pipeline::MetricRow{"spyhop_shadow_hybrid_wrong_total", pipeline::MetricKind::counter,
                        "Mismatches in which the chain agrees with legacy."},
    pipeline::MetricRow{"spyhop_shadow_legacy_wrong_total", pipeline::MetricKind::counter,
                        "Mismatches in which the chain agrees with hybrid."},
    pipeline::MetricRow{"spyhop_shadow_both_wrong_total", pipeline::MetricKind::counter,
                        "Mismatches in which the chain agrees with neither."},
    pipeline::MetricRow{"spyhop_shadow_unclear_total", pipeline::MetricKind::counter,
                        "Mismatches of which the chain could not be asked."},
    pipeline::MetricRow{"spyhop_shadow_duplicate_total", pipeline::MetricKind::counter,
                        "Matches a path said again, differently or as final a second time."},
    pipeline::MetricRow{"spyhop_shadow_void_total", pipeline::MetricKind::counter,
                        "Matches that nobody judges: something around them may be lost."},
    pipeline::MetricRow{"spyhop_shadow_stale_total", pipeline::MetricKind::counter,
                        "Matches that came after their block had been judged."},
    pipeline::MetricRow{"spyhop_shadow_gaps_total", pipeline::MetricKind::counter,
                        "Times twins were lost on the way."},
    pipeline::MetricRow{"spyhop_shadow_disputes", pipeline::MetricKind::gauge,
                        "Mismatches that wait for their block to be read again."},
    pipeline::MetricRow{"spyhop_shadow_void_chains", pipeline::MetricKind::gauge,
                        "Chains of which nothing is judged at present."},
};

struct ShadowOptions {
    struct Chain {
        std::string name;
        bool compared = true; // it has both paths
        ShadowPairsOptions pairs{};
    };
    std::vector<Chain> chains;
    std::size_t disputes = 256; // of a chain
    Nanoseconds recheck_wait = 30 * 60 * pipeline::second;
    Nanoseconds want_again = 10 * pipeline::second;
};

class Shadow : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 1; // and more where outputs drop, as these must
    static constexpr Nanoseconds note_every = pipeline::second;

    // wants: one link a chain. CHECKs that every output drops.
    Shadow(ShadowOptions options, pipeline::MetricsPage& metrics, pipeline::Outs<Want> wants,
           pipeline::Out<ShadowNote> notes, pipeline::Out<ShadowMismatch> mismatches);

    auto outputs() { return std::tie(wants_, notes_, mismatches_); }
    void on(pipeline::Part<Twin> const& part, pipeline::Turn const& turn);
    bool tick(pipeline::Turn const& turn);
    Nanoseconds next_deadline() const { return next_; }

    ShadowTally const& tally(std::size_t chain) const { return chains_[chain].tally; }
    bool void_now(std::size_t chain) const { return chains_[chain].pairs->void_now(); }

  private:
    struct Chain {
        std::unique_ptr<ShadowPairs> pairs; // null: not compared
        std::unique_ptr<ShadowDisputes> disputes;
        ShadowTally tally{};
        ShadowTally shown{}; // in the metrics
        bool changed = false;
        bool disputes_changed = false;
        Nanoseconds noted_at = 0;
        Nanoseconds wanted_at = 0;
    };

    void lose();
    void recheck(Chain& chain, Twin const& twin, pipeline::Turn const& turn);
    void judged(Chain& chain, std::uint16_t index, JudgedPair const& pair,
                pipeline::Turn const& turn);
    void ruled(Chain& chain, ShadowMismatch& mismatch, pipeline::Turn const& turn);
    void want(Chain& chain, std::uint16_t index, pipeline::Turn const& turn);
    void note(Chain& chain, std::uint16_t index, pipeline::Turn const& turn);
    void show(Chain& chain);

    ShadowOptions const options_;
    std::vector<Chain> chains_;
    pipeline::MetricsPage& metrics_;
    pipeline::Outs<Want> wants_;
    pipeline::Out<ShadowNote> notes_;
    pipeline::Out<ShadowMismatch> mismatches_;
    std::uint64_t expected_ = 0; // the sequence number that comes next
    bool begun_ = false;
    Nanoseconds next_ = 0;
};

} // namespace stages
