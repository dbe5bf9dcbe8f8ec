#include "stages/shadow_pairs.hpp"

#include <algorithm>

namespace stages {

namespace {

bool alike(Telling const& a, Telling const& b) {
    return a.amount == b.amount && a.native == b.native && a.from == b.from && a.to == b.to;
}

// Why legacy cannot know of what hybrid told.
using Reason = bool (*)(ShadowPairsOptions const&, Telling const&);
constexpr Reason beyond_legacy[] = {
    // Subscan is asked for transfers of the chain's own token only.
    [](ShadowPairsOptions const& options, Telling const& told) {
        return !told.native && !options.legacy_assets;
    },
    // Subscan lists transfers, not deposits, locks and the like.
    [](ShadowPairsOptions const& options, Telling const& told) {
        auto const& known = options.legacy_movements;
        return !known.empty() && (told.movement >= known.size() || !known[told.movement]);
    },
};

} // namespace

ShadowPairs::ShadowPairs(ShadowPairsOptions options)
    : options_(std::move(options))
    , ring_(options_.blocks)
    , pool_(options_.matches) {
    CHECK(options_.blocks > 0 && options_.matches > 0);
    sorted_.reserve(options_.matches);
    for (std::uint32_t i = 0; i < options_.matches; ++i)
        pool_[i].next = i + 1 < options_.matches ? i + 1 : none;
}

void ShadowPairs::tell(Twin const& twin, ShadowTally& tally) {
    std::uint32_t const number =
        twin.kind == TwinKind::match ? twin.match.transfer.block.number : twin.number;
    Side& from = side(twin.path);
    // What is not above the judged ones needs no place; `settled` may speak of an empty past.
    highest_ = std::max(highest_, number);
    switch (twin.kind) {
    case TwinKind::match: return keep(twin, tally);
    case TwinKind::block_end:
        if (from.reviving) {
            void_through(number, tally);
            if (twin.path == Path::hybrid && number > lost_at_) from.reviving = false;
        } else if (Block* const block = block_at(number, tally); block && twin.incomplete) {
            block->incomplete_known = true;
            block->incomplete_hash = twin.hash;
        }
        return;
    case TwinKind::finalized:
        if (Block* const block = block_at(number, tally)) {
            block->final_known = true;
            block->final_hash = twin.hash;
        }
        return advance(from, number, tally);
    case TwinKind::settled:
        if (from.known && number < from.upto) lose(tally);
        if (from.reviving) void_through(number, tally);
        from.reviving = false;
        from.upto = number;
        from.known = true;
        static_cast<void>(block_at(number, tally)); // or there is no room for so many blocks
        return;
    case TwinKind::abandoned: return mark_abandoned(twin);
    case TwinKind::recheck_end: return;
    }
}

void ShadowPairs::lose(ShadowTally& tally) {
    lost_at_ = highest_;
    for (Side& one : sides_) one.reviving = true;
    void_through(highest_, tally);
}

bool ShadowPairs::void_now() const {
    return std::ranges::any_of(
        sides_, [&](Side const& one) { return one.reviving || !one.known || one.upto < through_; });
}

std::uint32_t ShadowPairs::seen_by_both() const {
    for (Side const& one : sides_)
        if (one.reviving || !one.known) return judged_;
    return std::min(sides_[0].upto, sides_[1].upto);
}

// Null: it has been judged or is void.
ShadowPairs::Block* ShadowPairs::block_at(std::uint32_t number, ShadowTally& tally) {
    if (number <= judged_) return nullptr;
    if (number - judged_ > ring_.size()) {
        void_through(highest_, tally);
        return nullptr;
    }
    Block& block = ring_[number % ring_.size()];
    if (!block.open) {
        block = {};
        block.open = true;
        block.number = number;
    }
    return &block;
}

void ShadowPairs::keep(Twin const& twin, ShadowTally& tally) {
    Transfer const& transfer = twin.match.transfer;
    std::uint32_t const number = transfer.block.number;
    Side const& from = side(twin.path);
    // Legacy tells a row of what it has settled: it is not in order.
    if (twin.path == Path::legacy && from.known && !from.reviving && number <= from.upto)
        lose(tally);
    if (from.reviving) void_through(number, tally);
    if (free_ == none) void_through(highest_, tally);
    Block* const block = block_at(number, tally);
    if (block == nullptr) {
        ++(number <= through_ ? tally.voided : tally.stale);
        return;
    }
    std::uint32_t const place = free_;
    Telling& told = pool_[place];
    free_ = told.next;
    ++used_;
    told.amount = transfer.amount;
    told.from = transfer.from;
    told.to = transfer.to;
    told.hash = transfer.block.hash;
    told.seen = twin.seen;
    told.timestamp_ms = transfer.block.timestamp_ms;
    told.event_index = transfer.event_index;
    told.next = none;
    told.rule = twin.match.rule;
    told.movement = transfer.movement;
    told.path = twin.path;
    told.native = transfer.asset == native_asset;
    told.final_row = transfer.block.finalized;
    told.abandoned = false;
    (block->last == none ? block->first : pool_[block->last].next) = place;
    block->last = place;
}

void ShadowPairs::mark_abandoned(Twin const& twin) {
    if (twin.number <= judged_ || twin.number - judged_ > ring_.size()) return;
    Block const& block = ring_[twin.number % ring_.size()];
    if (!block.open) return;
    for (std::uint32_t at = block.first; at != none; at = pool_[at].next)
        if (pool_[at].path == twin.path && pool_[at].hash == twin.hash) pool_[at].abandoned = true;
}

// Hybrid's history tells the finality of blocks far below the newest: no step back.
void ShadowPairs::advance(Side& from, std::uint32_t number, ShadowTally&) {
    from.upto = from.known ? std::max(from.upto, number) : number;
    from.known = true;
}

void ShadowPairs::void_through(std::uint32_t number, ShadowTally& tally) {
    if (number <= judged_) {
        through_ = std::max(through_, number);
        return;
    }
    std::uint32_t const blocks =
        std::min<std::uint32_t>(number - judged_, static_cast<std::uint32_t>(ring_.size()));
    for (std::uint32_t i = 1; i <= blocks; ++i) {
        Block& block = ring_[(judged_ + i) % ring_.size()];
        if (block.open) tally.voided += release(block);
    }
    judged_ = number;
    through_ = number;
}

// How many matches it held.
std::uint32_t ShadowPairs::release(Block& block) {
    std::uint32_t held = 0;
    for (std::uint32_t at = block.first; at != none; ++held) {
        std::uint32_t const next = pool_[at].next;
        pool_[at].next = free_;
        free_ = at;
        at = next;
    }
    used_ -= held;
    block.open = false;
    return held;
}

void ShadowPairs::gather(Block const& block) {
    sorted_.clear();
    for (std::uint32_t at = block.first; at != none; at = pool_[at].next)
        sorted_.push_back({std::uint64_t{pool_[at].event_index} << 16 | pool_[at].rule,
                           static_cast<std::uint32_t>(sorted_.size()), at});
    std::ranges::sort(sorted_, [](Sorted const& a, Sorted const& b) {
        return a.pair != b.pair ? a.pair < b.pair : a.place < b.place;
    });
}

std::size_t ShadowPairs::end_of_pair(std::size_t from) const {
    std::size_t to = from + 1;
    while (to < sorted_.size() && sorted_[to].pair == sorted_[from].pair) ++to;
    return to;
}

bool ShadowPairs::counts(Block const& block, Telling const& told) const {
    // Legacy abandons readings of a block, of which its final rows may have been a part.
    if (told.path == Path::legacy) return told.final_row;
    return block.final_known ? told.hash == block.final_hash : told.final_row && !told.abandoned;
}

// False: none of the two says that it has happened.
bool ShadowPairs::classify(Block const& block, std::size_t from, std::size_t to, JudgedPair& pair,
                           ShadowTally& tally) const {
    Telling const* draft = nullptr; // legacy's last row that was not final
    bool elsewhere = false;
    for (std::size_t i = from; i < to; ++i) {
        Telling const& told = pool_[sorted_[i].telling];
        bool const legacy = told.path == Path::legacy;
        if (!counts(block, told)) {
            if (legacy)
                draft = told.final_row ? draft : &told;
            else
                elsewhere = true;
            continue;
        }
        Telling const*& first = legacy ? pair.legacy : pair.hybrid;
        if (first == nullptr) {
            first = &told;
            continue;
        }
        bool const same = alike(told, *first);
        if (!same || (told.final_row && first->final_row)) ++tally.duplicate;
        if (legacy) ++(same ? tally.noise_agree : tally.noise_differ);
    }
    if (draft && !pair.legacy) ++tally.noise_vanished;
    if (draft && pair.legacy)
        ++(alike(*draft, *pair.legacy) ? tally.noise_agree : tally.noise_differ);
    if (!pair.hybrid && !pair.legacy) return false;
    pair.hybrid_seen = pair.legacy_seen = pipeline::never;
    for (std::size_t i = from; i < to; ++i) {
        Telling const& told = pool_[sorted_[i].telling];
        bool const legacy = told.path == Path::legacy;
        Telling const* const counted = legacy ? pair.legacy : pair.hybrid;
        if (!counted || !alike(told, *counted)) continue;
        Nanoseconds& first = legacy ? pair.legacy_seen : pair.hybrid_seen;
        first = std::min(first, told.seen);
    }
    pair.number = block.number;
    pair.hash = block.final_known ? &block.final_hash : nullptr;
    pair.incomplete =
        block.incomplete_known && (!block.final_known || block.incomplete_hash == block.final_hash);
    pair.what = class_of(pair, elsewhere);
    ++tally.classes[static_cast<std::size_t>(pair.what)];
    return true;
}

ShadowClass ShadowPairs::class_of(JudgedPair const& pair, bool elsewhere) const {
    if (!pair.hybrid) return elsewhere ? ShadowClass::not_final : ShadowClass::missing_in_hybrid;
    Telling const& hybrid = *pair.hybrid;
    if (!pair.legacy)
        return std::ranges::any_of(beyond_legacy,
                                   [&](Reason beyond) { return beyond(options_, hybrid); })
                 ? ShadowClass::unsupported
                 : ShadowClass::missing_in_legacy;
    Telling const& legacy = *pair.legacy;
    if (hybrid.native != legacy.native) return ShadowClass::asset;
    if (hybrid.amount != legacy.amount) return ShadowClass::amount;
    if (!(hybrid.from == legacy.from && hybrid.to == legacy.to)) return ShadowClass::party;
    return pair.hybrid_seen > pair.legacy_seen + options_.late_after ? ShadowClass::late
                                                                     : ShadowClass::agree;
}

} // namespace stages
