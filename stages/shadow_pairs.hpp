// The twins of one chain: what each path said of a block is kept until both have seen the block,
// and is then judged, block by block in their order.
//
// Seen by both: hybrid has said `finalized`, legacy `settled`, for the block or one above it. Until
// then a missing twin is no fault. What counts of hybrid: matches in the block that became final.
// What counts of legacy: its final rows (it takes back the others by never telling them as final).
// A pair is what both said of one event index and one rule:
//
//   both, alike        agree; late: hybrid first said it more than `late_after` after legacy
//   both, different    asset (native or not), else amount, else party (from, to)
//   hybrid alone       unsupported where legacy cannot know of it, else missing_in_legacy
//   legacy alone       not_final where hybrid knows it of another block of this height, else
//                      unsupported, else missing_in_hybrid
//
// Asset slots are numbered by each path for itself: only native or not is compared. Beside the
// pair, a path that counts for the same pair again is a duplicate if it says something else, or
// says it as final a second time; the pair goes by what was said first. Legacy's noise: its last
// row that was not final against the final one (agree, differ, vanished), and each further final
// row.
//
// Void: matches that are judged by nobody, because something between them may be lost: after a gap
// in the twins, at the start, when legacy goes back behind what it has settled, when there is no
// room. All blocks up to the highest seen are void, and those up to the first that each path has
// told since (hybrid: the first block end above the highest; legacy: the next `settled`).
//
// Pure, one thread. Memory is set by the options; nothing is allocated after the constructor.
#pragma once

#include "stages/notes.hpp"

#include <vector>

namespace stages {

struct ShadowPairsOptions {
    std::uint32_t blocks = 4'096;         // heights above the one judged last
    std::uint32_t matches = 8'192;        // of both paths, not yet judged
    Nanoseconds late_after = 0;           // hybrid may be that much behind legacy
    bool legacy_assets = true;            // legacy polls more than the chain's own token
    std::vector<bool> legacy_movements{}; // by movement row; empty: legacy knows all
};

// A match as it is kept.
struct Telling {
    u128 amount = 0;
    decoders::Account from{};
    decoders::Account to{};
    Hash hash{};
    Nanoseconds seen = 0;
    std::uint64_t timestamp_ms = 0;
    std::uint32_t event_index = 0;
    std::uint32_t next = 0;
    std::uint16_t rule = 0;
    std::uint16_t movement = 0;
    Path path{};
    bool native = true;
    bool final_row = false;
    bool abandoned = false;
};

struct JudgedPair {
    ShadowClass what{};
    std::uint32_t number = 0;
    Hash const* hash = nullptr;      // of the final block; null: unknown
    bool incomplete = false;         // hybrid could not read all of it
    Telling const* hybrid = nullptr; // at least one of the two is there
    Telling const* legacy = nullptr;
    Nanoseconds hybrid_seen = 0; // when each first said it
    Nanoseconds legacy_seen = 0;
};

class ShadowPairs {
  public:
    explicit ShadowPairs(ShadowPairsOptions options);

    // Anything but rechecks.
    void tell(Twin const& twin, ShadowTally& tally);
    // Something has been lost, of whatever path.
    void lose(ShadowTally& tally);

    // Judges the blocks both have seen: pairs and noise are counted, `each(JudgedPair)` sees every
    // pair.
    template <class Each>
    void judge(ShadowTally& tally, Each const& each) {
        for (std::uint32_t const last = seen_by_both(); judged_ < last;) {
            Block& block = ring_[++judged_ % ring_.size()];
            if (!block.open) continue;
            gather(block);
            for (std::size_t from = 0; from < sorted_.size();) {
                std::size_t const to = end_of_pair(from);
                JudgedPair pair;
                if (classify(block, from, to, pair, tally)) each(pair);
                from = to;
            }
            release(block);
        }
    }

    bool void_now() const;
    std::uint32_t judged() const { return judged_; }
    std::uint32_t waiting() const { return used_; } // matches

  private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};
    struct Block {
        bool open = false;
        bool final_known = false;
        bool incomplete_known = false;
        std::uint32_t number = 0;
        std::uint32_t first = none; // tellings, in the order they came
        std::uint32_t last = none;
        Hash final_hash{};
        Hash incomplete_hash{};
    };
    struct Side {
        bool known = false;
        bool reviving = true;   // after a gap: what it tells is void until it is past it
        std::uint32_t upto = 0; // finalized, settled
    };
    struct Sorted {
        std::uint64_t pair = 0; // event index, rule
        std::uint32_t place = 0;
        std::uint32_t telling = 0;
    };

    Side& side(Path path) { return sides_[static_cast<std::size_t>(path)]; }
    Side const& side(Path path) const { return sides_[static_cast<std::size_t>(path)]; }
    std::uint32_t seen_by_both() const;
    Block* block_at(std::uint32_t number, ShadowTally& tally);
    void keep(Twin const& twin, ShadowTally& tally);
    void mark_abandoned(Twin const& twin);
    void advance(Side& side, std::uint32_t number, ShadowTally& tally);
    void void_through(std::uint32_t number, ShadowTally& tally);
    std::uint32_t release(Block& block);
    void gather(Block const& block);
    std::size_t end_of_pair(std::size_t from) const;
    bool counts(Block const& block, Telling const& telling) const;
    bool classify(Block const& block, std::size_t from, std::size_t to, JudgedPair& pair,
                  ShadowTally& tally) const;
    ShadowClass class_of(JudgedPair const& pair, bool elsewhere) const;

    ShadowPairsOptions const options_;
    std::vector<Block> ring_; // by number; open ones lie in (judged_, judged_ + size]
    std::vector<Telling> pool_;
    std::vector<Sorted> sorted_;
    std::uint32_t free_ = 0;
    std::uint32_t used_ = 0;
    std::uint32_t judged_ = 0;  // up to here everything is judged or void
    std::uint32_t through_ = 0; // up to here it is void
    std::uint32_t highest_ = 0; // block seen
    std::uint32_t lost_at_ = 0; // highest_ when something was lost
    std::array<Side, paths> sides_{};
};

} // namespace stages
