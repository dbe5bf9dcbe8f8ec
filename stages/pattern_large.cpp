#include "stages/pattern_large.hpp"

#include "decoders/amount.hpp"
#include "stages/pattern_parts.hpp"
#include "stages/pattern_share.hpp"

#include <algorithm>
#include <type_traits>

namespace stages {

namespace {

// Plain decimals: digits, and perhaps a point and more digits.
bool decimal_less(std::string_view a, std::string_view b) {
    struct Parts {
        std::string_view whole, rest;
        explicit Parts(std::string_view text) {
            std::size_t const point = std::min(text.find('.'), text.size());
            whole = text.substr(0, point);
            rest = text.substr(std::min(point + 1, text.size()));
            whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
            rest = rest.substr(0, rest.find_last_not_of('0') + 1);
        }
    };
    Parts const left(a), right(b);
    if (left.whole.size() != right.whole.size()) return left.whole.size() < right.whole.size();
    if (left.whole != right.whole) return left.whole < right.whole;
    return left.rest < right.rest;
}

Claim claim_of(Moved const& moved) {
    Claim claim;
    claim.subject = moved.from;
    claim.sum = moved.amount;
    claim.single = true;
    claim.evidence.add_older(moved.seq);
    return claim;
}

} // namespace

LargeTransfers::LargeTransfers(LargeOptions options)
    : options_(std::move(options)) {
    static_assert(std::is_trivially_copyable_v<Learned>);
    if (options_.budget)
        learned_.reset(new Learned{.budget = Budget(BudgetOptions{*options_.budget})});
}

std::optional<Claim> LargeTransfers::on(Accounts const& accounts, Moved const& moved) {
    if (moved.kind != decoders::MovementKind::transfer || moved.from == no_account)
        return std::nullopt;
    if (within_cluster(accounts, moved)) return std::nullopt;
    bool const unusual = meets_learned(moved); // learns from every one
    if (options_.levels.met(moved.amount)) return std::nullopt;
    if (auto claim = by_usd(moved)) return claim;
    if (auto claim = by_share(accounts, moved)) return claim;
    if (!unusual || moved.amount < options_.floor) return std::nullopt;
    Claim claim = claim_of(moved);
    claim.severity = Severity::notable;
    claim.details = details_text(R"("by":"learned","threshold":{:.6g},"quantile":{})",
                                 learned_->threshold, quantile);
    return claim;
}

// ---- learned ------------------------------------------------------------------------------------

bool LargeTransfers::meets_learned(Moved const& moved) {
    if (!learned_ || moved.amount == 0) return false;
    double const amount = as_double(moved.amount);
    bool const unusual = learned_->threshold > 0 && amount >= learned_->threshold;
    learned_->amounts.add(amount, moved.time_s);
    return learned_->budget.judge(amount, moved.time_s) && unusual;
}

void LargeTransfers::at_block(std::uint32_t time_s) {
    if (!learned_) return;
    Learned& of = *learned_;
    of.amounts.pass(time_s);
    of.budget.pass(time_s);
    if (of.set_s == 0) of.set_s = time_s;
    if (time_s < of.set_s || time_s - of.set_s < set_every_s) return;
    of.set_s = time_s;
    std::uint64_t const seen = of.amounts.count();
    if (of.budget.warming() || seen < transfers_min) return;
    of.threshold = std::max(of.amounts.cut(static_cast<double>(seen) * (1 - quantile)).value(),
                            of.budget.threshold());
}

void LargeTransfers::state(std::function<void(std::span<std::byte>)> const& each) {
    if (learned_) each(std::as_writable_bytes(std::span(learned_.get(), 1)));
}

// ---- share --------------------------------------------------------------------------------------

std::optional<Claim> LargeTransfers::by_share(Accounts const& accounts, Moved const& moved) const {
    if (!options_.share || moved.amount < options_.floor) return std::nullopt;
    AccountState const& sender = accounts[moved.from];
    if (!sender.balance_known) return std::nullopt;
    u128 const before = plus_saturated(sender.balance, moved.amount);
    if (moved.amount < share_rounded_up(before, *options_.share)) return std::nullopt;
    Claim claim = claim_of(moved);
    claim.severity = severity_by(moved.amount, options_.floor);
    claim.details = details_text(R"("by":"share","share":{:.4g},"balance_before":"{}")",
                                 ratio_of(moved.amount, before), before);
    return claim;
}

// ---- dollars ------------------------------------------------------------------------------------

void LargeTransfers::price(std::string_view usd, std::uint32_t time_s) {
    bool const any =
        std::ranges::any_of(options_.usd, [](auto& level) { return level.has_value(); });
    if (!any || usd.empty() || usd.size() > sizeof(Priced::usd.text)) return;
    for (Priced& one : prices_)
        if (one.time_s == time_s) return one.usd.assign(usd);
    prices_[prices_next_++ % prices_max] = {time_s, usd};
}

LargeTransfers::Priced const* LargeTransfers::price_at(std::uint32_t time_s) const {
    Priced const* newest = nullptr;
    for (Priced const& one : prices_) {
        if (one.time_s == 0 || one.time_s > time_s) continue;
        if (time_s - one.time_s > options_.price_age_s) continue;
        if (newest == nullptr || one.time_s > newest->time_s) newest = &one;
    }
    return newest;
}

std::optional<Claim> LargeTransfers::by_usd(Moved const& moved) {
    bool const any =
        std::ranges::any_of(options_.usd, [](auto& level) { return level.has_value(); });
    if (!any) return std::nullopt;
    Priced const* const price = price_at(moved.time_s);
    if (price == nullptr) {
        ++unpriced_;
        return std::nullopt;
    }
    auto const value = decoders::product_text(moved.amount, options_.decimals, price->usd.view());
    if (!value) return std::nullopt;
    for (std::size_t i = severities; i-- > 0;) {
        if (!options_.usd[i] || decimal_less(value->view(), *options_.usd[i])) continue;
        Claim claim = claim_of(moved);
        claim.severity = static_cast<Severity>(i);
        std::string_view const shown = value->view().substr(0, 60);
        claim.details = details_text(R"("by":"usd","usd":"{}","price":"{}","price_age_s":{})",
                                     shown, price->usd.view(), moved.time_s - price->time_s);
        return claim;
    }
    return std::nullopt;
}

} // namespace stages
