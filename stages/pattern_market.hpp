// market_volume: the chain moves unusually much. Its null model: at this hour of the week a window
// (5 minutes) is like those of the weeks before (seasonal.hpp).
//
// Two quantities of a window, on scales where they are nearly normal, and so that a MAD means the
// same by day and by night:
//
//   volume   log2(1 + rest)        amounts are spread over decades. The rest: without the `lone`
//                                  largest movements, which are large_transfer's, and alone make
//                                  the sums of heavy-tailed amounts so wild that nothing else is
//                                  seen: where the amounts' tail has an index a, that of the rest
//                                  is (lone + 1) a, with whales' 0.7 more than 2 only from three
//                                  on, and what has no variance has no "usual". A batch, what one
//                                  account sends in one block without another between, is one
//                                  movement: a payroll is not many. Its MAD is of the hour on all
//                                  days: of more windows, so steadier
//   count    2 sqrt(count + 3/8)   sd 1 for Poisson (Anscombe, Biometrika 1948), and the MAD is
//                                  never taken as less than that. What one account sends in one
//                                  block is one batch, and counts once
//
// and of either a one-sided CUSUM (Page, Biometrika 1954) of its z, cut at +-4, for what is not
// much in any window but goes on: S = max(0, S + z - 1), met at 10. A rise of 2 sd is met within
// about 10 windows; normal windows, exactly known, would meet it once in 10^9.
//
// A claim is made when a window closes with a z that is as rare and at least half of options.z, or
// with a CUSUM met: the first of an episode. Rare: a normal z of 6 is next to impossible, but tails
// are heavier than that, so p is by the tail of the z of past windows (tail.hpp; those that were
// told are censored) and p x 4 once_in_s / window_s <= 1, which is one false claim in once_in_s of
// both quantities and both CUSUMs together. Half: rarity is what counts, z says that it is more
// than noise too. once_in_s 0: that z is enough, for a budget on the score to choose from.
// The episode goes on, without another claim, until `calm_windows` windows (half an hour)
// in a row have both z below half of options.z and both CUSUMs below half of their mark; a rise for
// good is one episode, until the model has learned it. Too little is no claim: a chain that stands
// still is another rule's. While warming nothing is said. Where an ordinary window has fewer than
// `count_min` movements beside the lone ones there is no volume to speak of, and only the count is
// judged.
//
// A window that is not observed whole (the first, and the one in which the stream went on after a
// gap of more than an hour) is neither judged nor learned. Empty windows are windows.
//
// Told of every movement by its owner, who leaves out what is none (inside a cluster, of a kind
// that moves nothing). Per movement some ns; a window's end some 10 us. Nothing here fails. One
// thread; no allocation; trivially copyable (37 KB), which is its snapshot.
#pragma once

#include "stages/pattern.hpp"
#include "stages/pattern_options.hpp"
#include "stages/seasonal.hpp"
#include "stages/tail.hpp"

#include <optional>

namespace stages {

class MarketVolume {
  public:
    static constexpr std::uint32_t calm_windows = 6;
    static constexpr std::uint32_t gap_max_s = hour_s;
    static constexpr double cusum_slack = 1, cusum_mark = 10, cusum_z_max = 4;
    static constexpr double count_min = 5;
    static constexpr std::size_t lone = 3; // movements that are no volume

    explicit MarketVolume(MarketVolumeOptions const& options);

    // Chain time has come this far: closes the windows that are over. Times do not go back; what is
    // earlier belongs to the open window.
    std::optional<Claim> pass(std::uint32_t time_s);
    // The movement; the claim is of the windows before its own. again: its sender has already sent
    // in this block.
    std::optional<Claim> on(Moved const& moved, bool again = false);

    bool warming() const { return !volumes_.warm() || !counts_.warm(); }

    // The episode that goes on, or the last one.
    struct Episode {
        bool ongoing = false;
        std::uint32_t since_s = 0; // begin of its first window
        std::uint32_t until_s = 0; // end of its last window that was not calm
        std::uint32_t windows = 0; // from since_s to now, or to the end
        double z_most = 0;
    };
    Episode const& episode() const { return episode_; }

  private:
    struct Largest { // min-heap by amount, then the older one stays
        u128 amount = 0;
        MovedSeq seq = 0;
    };
    struct Judged {
        double volume_z = 0, count_z = 0;
        double volume_bits = 0, count_bits = 0; // of the tail
        Seasonal::Ordinary volume, count;
    };

    std::optional<Claim> close_window();
    void open_window(std::uint32_t start_s, bool whole);
    std::optional<Claim> judge(Judged const& judged);
    void keep_largest(Moved const& moved);
    void end_batch();
    bool jumps(double deviate, double bits) const;
    double bits_needed() const;
    Claim claim(Judged const& judged) const;

    MarketVolumeOptions options_;
    Seasonal volumes_, counts_;
    Tail volume_tail_, count_tail_; // of z
    double volume_cusum_ = 0, count_cusum_ = 0;
    std::uint32_t newest_s_ = 0; // 0: no time yet
    // The open window.
    std::uint32_t start_s_ = 0;
    bool whole_ = false;
    std::uint32_t count_ = 0;       // batches once
    std::uint32_t movements_ = 0;   // all
    std::array<u128, lone> most_{}; // of single movements, descending
    u128 rest_ = 0;                 // of all others; saturates
    u128 batch_ = 0;                // not yet among either
    AccountIndex batch_from_ = no_account;
    std::array<Largest, evidence_max> largest_{};
    std::uint32_t kept_ = 0;

    Episode episode_;
    std::uint32_t calm_ = 0; // windows in a row
};

} // namespace stages
