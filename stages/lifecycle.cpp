#include "stages/lifecycle.hpp"

#include <algorithm>

namespace stages {

std::string_view to_text(AlertState state) {
    constexpr std::string_view names[] = {"seen", "final", "retracted"};
    return names[static_cast<std::size_t>(state)];
}

void Lifecycle::begin(Verdict const& verdict) {
    if (auto const* alert = std::get_if<Alert>(&verdict.body)) arrived(*alert, verdict.chain);
    if (auto const* final = std::get_if<Finalized>(&verdict.body)) {
        settle({final->hash, verdict.chain}, AlertState::final);
        abandon_siblings({verdict.chain, final->number});
    }
    if (auto const* gone = std::get_if<Abandoned>(&verdict.body))
        settle({gone->hash, verdict.chain}, AlertState::retracted);
}

void Lifecycle::arrived(Alert const& alert, std::uint16_t chain) {
    BlockRef const& block = alert.match.transfer.block;
    Id const id{alert.id, chain};
    Block const key{block.hash, chain};
    auto const known = by_id_.find(id);
    bool const is_new = known == by_id_.end();
    if (block.finalized) {
        if (is_new || known->second.state != AlertState::final)
            fresh_ = AlertLine{alert, AlertState::final};
        if (!is_new) known->second.state = AlertState::final;
        return; // nothing can change any more
    }
    if (held_ >= capacity_) forget_oldest();
    auto& held = by_block_[key];
    if (held.alerts.empty()) oldest_first_.push_back(key);
    held.place = {chain, block.number};
    held.alerts.push_back(alert);
    ++held_;
    ++by_id_[id].blocks;
    if (is_new) fresh_ = AlertLine{alert, AlertState::seen};
}

void Lifecycle::settle(Block const& block, AlertState state) {
    auto const found = by_block_.find(block);
    if (found == by_block_.end()) return;
    settling_.push_back({block.chain, std::move(found->second.alerts), state});
    by_block_.erase(found);
    std::erase(oldest_first_, block);
}

// The final block of that height has been settled: whatever else lies there did not happen.
void Lifecycle::abandon_siblings(Place const& place) {
    std::vector<Block> gone;
    for (Block const& block : oldest_first_)
        if (by_block_.at(block).place == place) gone.push_back(block);
    for (Block const& block : gone) settle(block, AlertState::retracted);
}

std::optional<AlertState> Lifecycle::amend(Alert const& alert, std::uint16_t chain) {
    auto const known = by_id_.find({alert.id, chain});
    if (known == by_id_.end()) return std::nullopt;
    auto const held = by_block_.find({alert.match.transfer.block.hash, chain});
    if (held != by_block_.end())
        for (Alert& one : held->second.alerts)
            if (one.id == alert.id) {
                one.from = alert.from;
                one.to = alert.to;
                one.price = alert.price;
            }
    return known->second.state;
}

std::optional<AlertLine> Lifecycle::next() {
    if (fresh_) return std::exchange(fresh_, std::nullopt);
    while (!settling_.empty()) {
        Settling const& front = settling_.front();
        while (settled_ < front.alerts.size())
            if (auto line = settled(front.alerts[settled_++], front)) return line;
        settling_.pop_front();
        settled_ = 0;
    }
    return std::nullopt;
}

std::optional<AlertLine> Lifecycle::settled(Alert const& alert, Settling const& of) {
    AlertState const state = of.state;
    --held_;
    auto const known = by_id_.find({alert.id, of.chain});
    if (known == by_id_.end()) return std::nullopt;
    bool const last = --known->second.blocks == 0;
    AlertState const before = known->second.state;
    bool const final = state == AlertState::final;
    if (final) known->second.state = AlertState::final;
    if (last) by_id_.erase(known);
    if (before == AlertState::final || (!final && !last)) return std::nullopt;
    return AlertLine{alert, state};
}

void Lifecycle::forget_oldest() {
    Block const oldest = oldest_first_.front();
    oldest_first_.pop_front();
    forget(oldest);
}

void Lifecycle::forget(std::uint16_t chain) {
    for (Block const& block : oldest_first_)
        if (block.chain == chain) forget(block);
    std::erase_if(oldest_first_, [&](Block const& block) { return block.chain == chain; });
}

void Lifecycle::forget(Block const& block) {
    auto const found = by_block_.find(block);
    if (found == by_block_.end()) return;
    forgotten_at_.push_back(found->second.place);
    for (Alert const& alert : found->second.alerts) {
        --held_;
        ++forgotten_;
        auto const known = by_id_.find({alert.id, found->second.place.chain});
        if (known != by_id_.end() && --known->second.blocks == 0) by_id_.erase(known);
    }
    by_block_.erase(found);
}

} // namespace stages
