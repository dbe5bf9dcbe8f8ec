// large_transfer, where it is judged by more than fixed amounts: a transfer that no level of the
// rule meets is large all the same, because it is
//
//   share      at least so much of what its sender held before, where that is known
//   usd        worth at least so many dollars, by the newest price that is not after its block and
//              not older than price_age_s; without one the rule's other measures count alone
//   learned    at or above the 99.9 % quantile of the chain's transfers of 15 to 30 days, and
//              among the `budget` a day that are largest (budget.hpp)
//
// Of share and learned nothing below `floor` is told. What meets a level is told at once from a
// best block by Detect, under the same id, and never here: fixed levels stay as they are, whatever
// is learned.
//
// Null model: of `learned`, the chain's transfers of the last month; it is silent until a day, the
// time of 10 alerts and 10,000 transfers have been seen. Of share and usd, none: they are facts.
//
// Levels, share and dollars are compared exactly, as integers or as decimal texts, and are met at
// equality; the quantile is known to 1 % (quantiles.hpp). A transfer inside a cluster is none.
//
// Cost: some comparisons a transfer; for usd one exact product as text; for learned two logarithms.
// 95 KB where it learns. One thread; nothing is allocated after the constructor.
#pragma once

#include "stages/budget.hpp"
#include "stages/pattern_accounts.hpp"
#include "stages/pattern_options.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>

namespace stages {

class LargeTransfers {
  public:
    static constexpr double quantile = 0.999;
    static constexpr std::uint64_t transfers_min = 10'000;
    static constexpr std::uint32_t half_horizon_s = 15 * day_s;
    static constexpr std::uint32_t set_every_s = hour_s;
    static constexpr std::size_t prices_max = 64;

    explicit LargeTransfers(LargeOptions options);

    std::optional<Claim> on(Accounts const& accounts, Moved const& moved);
    void at_block(std::uint32_t time_s);
    // Of one whole token, in dollars, at that time (unix): a plain decimal.
    void price(std::string_view usd, std::uint32_t time_s);

    bool warming() const { return learned_ && learned_->threshold == 0; }
    std::uint64_t unpriced() const { return unpriced_; } // transfers without a price
    void state(std::function<void(std::span<std::byte>)> const& each);

  private:
    struct Learned {
        AgingQuantiles amounts{half_horizon_s};
        Budget budget;
        double threshold = 0; // 0: not enough has been seen
        std::uint32_t set_s = 0;
    };
    struct Priced {
        std::uint32_t time_s = 0; // 0: none
        FixedText<40> usd{};
    };

    bool meets_learned(Moved const& moved);
    std::optional<Claim> by_share(Accounts const& accounts, Moved const& moved) const;
    std::optional<Claim> by_usd(Moved const& moved);
    Priced const* price_at(std::uint32_t time_s) const;

    LargeOptions options_;
    std::unique_ptr<Learned> learned_; // null: nothing is
    std::array<Priced, prices_max> prices_{};
    std::size_t prices_next_ = 0;
    std::uint64_t unpriced_ = 0;
};

} // namespace stages
