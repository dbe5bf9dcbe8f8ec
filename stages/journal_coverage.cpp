#include "stages/journal_coverage.hpp"

#include "decoders/hash.hpp"
#include "pipeline/check.hpp"

#include <algorithm>
#include <cstring>

namespace stages {

Digest block_digest(std::uint32_t number, Hash const& hash, Checksum const& events) {
    std::array<std::uint8_t, 4 + 32 + 16> gathered{};
    for (std::size_t i = 0; i < 4; ++i) gathered[i] = static_cast<std::uint8_t>(number >> (8 * i));
    std::copy(hash.begin(), hash.end(), gathered.begin() + 4);
    std::copy(events.begin(), events.end(), gathered.begin() + 36);
    return decoders::blake2b_256(gathered);
}

void add_digest(Digest& sum, Digest const& term) {
    unsigned carry = 0;
    for (std::size_t i = 0; i < sum.size(); ++i) {
        carry += sum[i] + term[i];
        sum[i] = static_cast<std::uint8_t>(carry);
        carry >>= 8;
    }
}

Covered Coverage::add(std::uint32_t number, Hash const& hash, Hash const& parent,
                      Digest const& digest) {
    // The first range that begins above the block; the one before it may hold it or end below it.
    auto const above = std::upper_bound(
        ranges_.begin(), ranges_.end(), number,
        [](std::uint32_t at, CoveredRange const& range) { return at < range.from; });
    auto const below = above == ranges_.begin() ? ranges_.end() : above - 1;
    if (below != ranges_.end() && number <= below->to)
        return number == below->to && hash != below->to_hash ? Covered::conflict : Covered::known;
    bool const joins_below = below != ranges_.end() && below->to + 1 == number;
    bool const joins_above = above != ranges_.end() && above->from == number + 1;
    if (joins_below && below->to_hash != parent) return Covered::conflict;
    if (joins_above && above->from_parent != hash) return Covered::conflict;
    if (!joins_below && !joins_above && ranges_.size() >= ranges_max) return Covered::no_room;

    changed_ = true;
    CoveredRange block{number, number, parent, hash, 1, digest, true};
    if (joins_above) {
        removed_.push_back(above->from);
        block.to = above->to;
        block.to_hash = above->to_hash;
        block.blocks += above->blocks;
        add_digest(block.digest, above->digest);
    }
    if (joins_below) {
        below->to = block.to;
        below->to_hash = block.to_hash;
        below->blocks += block.blocks;
        add_digest(below->digest, block.digest);
        below->changed = true;
        if (joins_above) ranges_.erase(above);
    } else if (joins_above) {
        *above = block;
    } else {
        ranges_.insert(above, block);
    }
    return Covered::added;
}

void Coverage::restore(CoveredRange const& range) {
    CHECK(ranges_.empty() || ranges_.back().to < range.from);
    ranges_.push_back(range);
}

void Coverage::explain(std::uint32_t from, std::uint32_t to, std::string_view reason,
                       std::string_view action) {
    CHECK(from <= to);
    forget_filled_notes();
    std::erase_if(notes_, [&](Hole const& note) { return note.from >= from && note.to <= to; });
    if (notes_.size() >= notes_max) notes_.erase(notes_.begin());
    notes_.push_back({from, to, std::string(reason.substr(0, note_bytes_max)),
                      std::string(action.substr(0, note_bytes_max))});
    notes_changed_ = true;
}

void Coverage::forget_filled_notes() {
    std::erase_if(notes_, [&](Hole const& note) {
        return std::any_of(ranges_.begin(), ranges_.end(), [&](CoveredRange const& range) {
            return range.from <= note.from && note.to <= range.to;
        });
    });
}

std::vector<Hole> Coverage::holes(std::uint32_t first) const {
    std::vector<Hole> found;
    std::uint64_t next = first; // the first block not known to be covered
    for (CoveredRange const& range : ranges_) {
        if (next < range.from) split_gap(static_cast<std::uint32_t>(next), range.from - 1, found);
        next = std::max(next, std::uint64_t{range.to} + 1);
    }
    return found;
}

// Cuts a gap where what is to be said about it changes.
void Coverage::split_gap(std::uint32_t from, std::uint32_t to, std::vector<Hole>& out) const {
    for (std::uint64_t at = from; at <= to;) {
        std::uint32_t last = to;
        Hole const* said = nullptr;
        for (Hole const& note : notes_) {
            if (note.from > at) last = std::min(last, note.from - 1);
            if (note.from > at || note.to < at) continue;
            last = std::min(last, note.to);
            said = &note;
        }
        Hole hole{static_cast<std::uint32_t>(at), last, said ? said->reason : "not read yet",
                  said ? said->action : ""};
        at = std::uint64_t{last} + 1;
        bool const same = !out.empty() && out.back().to + 1 == hole.from &&
                          out.back().reason == hole.reason && out.back().action == hole.action;
        if (same)
            out.back().to = hole.to;
        else
            out.push_back(std::move(hole));
    }
}

void Coverage::saved() {
    for (CoveredRange& range : ranges_) range.changed = false;
    removed_.clear();
    changed_ = false;
    notes_changed_ = false;
}

} // namespace stages
