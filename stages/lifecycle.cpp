#include "stages/lifecycle.hpp"

namespace stages {

std::string_view to_text(AlertState state) {
    constexpr std::string_view names[] = {"seen", "final", "retracted"};
    return names[static_cast<std::size_t>(state)];
}

void Lifecycle::begin(Verdict const& verdict) {
    if (auto const* alert = std::get_if<Alert>(&verdict.body)) arrived(*alert);
    if (auto const* final = std::get_if<Finalized>(&verdict.body))
        settle(final->hash, AlertState::final);
    if (auto const* gone = std::get_if<Abandoned>(&verdict.body))
        settle(gone->hash, AlertState::retracted);
}

void Lifecycle::arrived(Alert const& alert) {
    BlockRef const& block = alert.match.transfer.block;
    auto const known = by_id_.find(alert.id);
    bool const is_new = known == by_id_.end();
    if (block.finalized) {
        if (is_new || known->second.state != AlertState::final)
            fresh_ = AlertLine{alert, AlertState::final};
        if (!is_new) known->second.state = AlertState::final;
        return; // nothing can change any more
    }
    if (held_ >= capacity_) forget_oldest();
    auto& alerts = by_block_[block.hash];
    if (alerts.empty()) oldest_first_.push_back(block.hash);
    alerts.push_back(alert);
    ++held_;
    ++by_id_[alert.id].blocks;
    if (is_new) fresh_ = AlertLine{alert, AlertState::seen};
}

void Lifecycle::settle(Hash const& block, AlertState state) {
    auto const found = by_block_.find(block);
    if (found == by_block_.end()) return;
    settling_ = std::move(found->second);
    settled_ = 0;
    settling_to_ = state;
    by_block_.erase(found);
    std::erase(oldest_first_, block);
}

std::optional<AlertLine> Lifecycle::next() {
    if (fresh_) return std::exchange(fresh_, std::nullopt);
    while (settled_ < settling_.size()) {
        Alert const& alert = settling_[settled_++];
        --held_;
        auto const known = by_id_.find(alert.id);
        if (known == by_id_.end()) continue;
        bool const last = --known->second.blocks == 0;
        AlertState const before = known->second.state;
        bool const final = settling_to_ == AlertState::final;
        if (final) known->second.state = AlertState::final;
        if (last) by_id_.erase(known);
        if (before == AlertState::final || (!final && !last)) continue;
        return AlertLine{alert, settling_to_};
    }
    return std::nullopt;
}

void Lifecycle::forget_oldest() {
    auto const found = by_block_.find(oldest_first_.front());
    oldest_first_.pop_front();
    if (found == by_block_.end()) return;
    for (Alert const& alert : found->second) {
        --held_;
        ++forgotten_;
        auto const known = by_id_.find(alert.id);
        if (known != by_id_.end() && --known->second.blocks == 0) by_id_.erase(known);
    }
    by_block_.erase(found);
}

} // namespace stages
