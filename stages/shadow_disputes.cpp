#include "stages/shadow_disputes.hpp"

#include <algorithm>

namespace stages {

namespace {

// Whether two say the same of an event.
bool same(ShadowSaid const& a, ShadowSaid const& b) {
    if (!a.told || !b.told) return a.told == b.told;
    return a.amount == b.amount && a.native == b.native && a.from == b.from && a.to == b.to;
}

} // namespace

ShadowSaid said_of(Transfer const& transfer, std::uint64_t seen_unix_ms) {
    return {.told = true,
            .native = transfer.asset == native_asset,
            .amount = transfer.amount,
            .from = transfer.from,
            .to = transfer.to,
            .seen_unix_ms = seen_unix_ms};
}

Ruling rule_on(ShadowMismatch const& mismatch) {
    bool const hybrid = same(mismatch.hybrid, mismatch.chain_says);
    bool const legacy = same(mismatch.legacy, mismatch.chain_says);
    if (hybrid == legacy) return hybrid ? Ruling::unclear : Ruling::both_wrong;
    return hybrid ? Ruling::legacy_wrong : Ruling::hybrid_wrong;
}

bool ShadowDisputes::open(ShadowMismatch const& mismatch, bool partial, Nanoseconds now) {
    if (open_.size() >= most_) return false;
    open_.push_back({mismatch, now, partial});
    return true;
}

bool ShadowDisputes::read(Open& one) {
    ShadowMismatch& mismatch = one.mismatch;
    bool const blind = (one.partial || one.incomplete) && !mismatch.chain_says.told;
    mismatch.ruling = blind ? Ruling::unclear : rule_on(mismatch);
    if (!one.doubted) return true;
    one.doubted = one.incomplete = false;
    mismatch.chain_says = {};
    return false;
}

void ShadowDisputes::recheck(Twin const& twin) {
    Transfer const& transfer = twin.match.transfer;
    for (Open& one : open_) {
        ShadowMismatch& mismatch = one.mismatch;
        if (mismatch.block.number != transfer.block.number) continue;
        if (mismatch.event_index != transfer.event_index || mismatch.rule != twin.match.rule)
            continue;
        mismatch.chain_says = said_of(transfer, 0);
    }
}

void ShadowDisputes::incomplete(std::uint32_t number) {
    for (Open& one : open_)
        if (one.mismatch.block.number == number) one.incomplete = true;
}

void ShadowDisputes::lose() {
    for (Open& one : open_) one.doubted = true;
}

bool ShadowDisputes::fill(Want& want) {
    blocks_.clear();
    for (Open const& one : open_) blocks_.push_back(one.mismatch.block.number);
    std::ranges::sort(blocks_);
    auto const [last, end] = std::ranges::unique(blocks_);
    blocks_.erase(last, end);
    if (blocks_.size() > blocks_asked_max) blocks_.resize(blocks_asked_max);
    want.count = 0;
    for (std::uint32_t const number : blocks_) {
        if (want.count > 0 && want.stretches[want.count - 1u].to + 1 == number) {
            want.stretches[want.count - 1u].to = number;
        } else if (want.count < Want::stretches_max) {
            want.stretches[want.count++] = {number, number};
        } else {
            break;
        }
    }
    return want.count > 0;
}

} // namespace stages
