#include "stages/handover.hpp"

#include <algorithm>
#include <bit>

namespace stages {

namespace {

constexpr std::size_t held_by_legacy = 0, held_by_hybrid = 1, confirmations = 2, overdue = 3;

BlockRef const& block_of(Candidate const& candidate) {
    return std::get<Match>(candidate.body).transfer.block;
}

} // namespace

Handover::Handover(HandoverOptions const& options)
    : options_(options)
    , entries_(options.said_max)
    , table_(options.said_max * 2, nothing)
    , slab_(options.held_max)
    , looked_(options.held_max) {
    CHECK(std::has_single_bit(options.said_max) && options.held_max > 0);
    CHECK(options.held_max <= options.said_max / 2);
    free_.reserve(options.held_max);
    for (std::size_t i = options.held_max; i > 0; --i)
        free_.push_back(static_cast<std::uint32_t>(i - 1));
    // Twice as many: what was let go of early is only marked.
    for (Queue& queue : queues_) queue.items.resize(options.held_max * 2);
}

// ---- the table of what is known ----------------------------------------------------------------

// Ids are hashes already.
std::size_t Handover::home(AlertId const& id, std::uint16_t chain) const {
    std::uint64_t first = 0;
    std::memcpy(&first, id.data(), sizeof first);
    return (first ^ chain) & (table_.size() - 1);
}

std::uint32_t Handover::find(AlertId const& id, std::uint16_t chain) const {
    for (std::size_t at = home(id, chain); table_[at] != nothing;
         at = (at + 1) & (table_.size() - 1)) {
        Entry const& entry = entries_[table_[at]];
        if (entry.id == id && entry.chain == chain) return table_[at];
    }
    return nothing;
}

void Handover::index(std::uint32_t entry) {
    std::size_t at = home(entries_[entry].id, entries_[entry].chain);
    while (table_[at] != nothing) at = (at + 1) & (table_.size() - 1);
    table_[at] = entry;
}

// Closes the gap behind it, so that no search ends too early (Knuth, vol. 3, 6.4, algorithm R).
void Handover::forget(std::uint32_t entry) {
    std::size_t const mask = table_.size() - 1;
    std::size_t gap = home(entries_[entry].id, entries_[entry].chain);
    while (table_[gap] != entry) gap = (gap + 1) & mask;
    for (std::size_t at = (gap + 1) & mask; table_[at] != nothing; at = (at + 1) & mask) {
        Entry const& other = entries_[table_[at]];
        std::size_t const wanted = home(other.id, other.chain);
        if (((at - wanted) & mask) < ((at - gap) & mask)) continue;
        table_[gap] = table_[at];
        gap = at;
    }
    table_[gap] = nothing;
    entries_[entry] = {};
}

// In the place of the oldest one that is not held.
Handover::Entry& Handover::remember(AlertId const& id, std::uint16_t chain) {
    while (entries_[newest_].held != nothing) newest_ = (newest_ + 1) & (entries_.size() - 1);
    auto const place = static_cast<std::uint32_t>(newest_);
    if (entries_[place].used) forget(place);
    entries_[place] = {.id = id, .chain = chain, .used = true};
    index(place);
    newest_ = (newest_ + 1) & (entries_.size() - 1);
    return entries_[place];
}

// ---- what is held ------------------------------------------------------------------------------

bool Handover::stale(Waiting const& waiting) const {
    Slot const& slot = slab_[waiting.slot];
    return !slot.used || slot.generation != waiting.generation;
}

void Handover::compact(Queue& queue) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < queue.count; ++i) {
        Waiting const one = queue.items[(queue.begin + i) % queue.items.size()];
        if (!stale(one)) queue.items[(queue.begin + kept++) % queue.items.size()] = one;
    }
    queue.count = kept;
}

void Handover::hold(Entry& entry, Candidate const& candidate, std::size_t queue, Nanoseconds now) {
    CHECK(!free_.empty()); // who calls has looked at room()
    std::uint32_t const place = free_.back();
    free_.pop_back();
    Slot& slot = slab_[place];
    slot.candidate = candidate;
    slot.id = entry.id;
    slot.used = true;
    slot.confirmation = queue == confirmations;
    confirmations_ += slot.confirmation;
    ++slot.generation;
    entry.held = place;
    Nanoseconds const patience[] = {options_.hybrid_patience, options_.legacy_patience,
                                    options_.confirm_patience};
    await(queue, {now + patience[queue], place, slot.generation});
}

void Handover::await(std::size_t queue, Waiting const& one) {
    Queue& waiting = queues_[queue];
    if (waiting.count == waiting.items.size()) compact(waiting);
    waiting.push(one);
}

// In a new generation: its place in the queue it waits in is stale.
void Handover::hurry(std::size_t slot) {
    await(overdue, {0, static_cast<std::uint32_t>(slot), ++slab_[slot].generation});
}

void Handover::release(Entry& entry) {
    if (entry.held == nothing) return;
    slab_[entry.held].used = false;
    confirmations_ -= slab_[entry.held].confirmation;
    free_.push_back(entry.held);
    entry.held = nothing;
    ++releases_;
}

Handover::Fate Handover::arrived(Candidate const& candidate, AlertId const& id, bool may_speak,
                                 Nanoseconds now) {
    Path const path = candidate.path;
    std::uint32_t const known = find(id, candidate.chain);
    if (known == nothing) {
        Entry& entry = remember(id, candidate.chain);
        entry.path = path;
        entry.said = may_speak;
        if (may_speak) return Fate::said;
        hold(entry, candidate, path == Path::legacy ? held_by_legacy : held_by_hybrid, now);
        return Fate::held;
    }
    Entry& entry = entries_[known];
    bool const confirms = path == Path::legacy && block_of(candidate).finalized;
    if (entry.said && entry.path == path) return Fate::said;
    if (entry.said) {
        if (confirms && entry.held == nothing) hold(entry, candidate, confirmations, now);
        return Fate::known;
    }
    if (entry.path == path) { // held, and read again: perhaps in another block, or final now
        if (!may_speak) {
            slab_[entry.held].candidate = candidate;
            return Fate::held;
        }
        release(entry);
        entry.said = true;
        return Fate::said;
    }
    // Both are here.
    released_ = slab_[entry.held].candidate;
    release(entry);
    entry.said = true;
    if (may_speak)
        entry.path = path;
    else if (confirms)
        hold(entry, candidate, confirmations, now);
    return may_speak ? Fate::said : Fate::other_now;
}

// ---- deadlines ---------------------------------------------------------------------------------

Handover::Due Handover::due(Nanoseconds now) {
    given_ = nothing;
    Queue* first = nullptr;
    for (Queue& queue : queues_) {
        while (queue.count > 0 && stale(queue.front())) queue.pop();
        if (queue.count == 0) continue;
        if (first == nullptr || queue.front().deadline < first->front().deadline) first = &queue;
    }
    if (first == nullptr || (first->front().deadline > now && room())) return {};
    Slot const& slot = slab_[first->front().slot];
    released_ = slot.candidate;
    given_confirmation_ = first == &queues_[confirmations];
    given_ = find(slot.id, slot.candidate.chain);
    CHECK(given_ != nothing && entries_[given_].held == first->front().slot);
    first->pop();
    release(entries_[given_]);
    entries_[given_].said = true;
    return {&released_, slot.id, given_confirmation_};
}

void Handover::drop_due() {
    CHECK(given_ != nothing);
    if (!given_confirmation_) forget(given_);
    given_ = nothing;
}

Nanoseconds Handover::next_deadline() const {
    if (!room()) return 0;
    Nanoseconds earliest = pipeline::never;
    for (Queue const& queue : queues_)
        if (queue.count > 0) earliest = std::min(earliest, queue.items[queue.begin].deadline);
    return earliest;
}

template <class Which>
void Handover::forget_held(std::uint16_t chain, Path path, Which const& which) {
    if (held() == 0) return;
    for (Slot& slot : slab_) {
        if (!slot.used || slot.candidate.chain != chain || slot.candidate.path != path) continue;
        if (!which(std::get<Match>(slot.candidate.body).transfer)) continue;
        std::uint32_t const entry = find(slot.id, chain);
        release(entries_[entry]);
        if (!entries_[entry].said) forget(entry);
    }
}

void Handover::abandoned(std::uint16_t chain, Path path, Hash const& block) {
    forget_held(chain, path, [&](Transfer const& transfer) {
        // Legacy abandons a reading of a block, of which a final row may have been a part.
        bool const stays = path == Path::legacy && transfer.block.finalized;
        return transfer.block.hash == block && !stays;
    });
}

void Handover::renumbered(std::uint16_t chain, Path path) {
    forget_held(chain, path,
                [](Transfer const& transfer) { return transfer.asset != native_asset; });
}

void Handover::legacy_settled(std::uint16_t chain, std::uint32_t number) {
    if (held() == 0) return;
    for (std::size_t place = 0; place < slab_.size(); ++place) {
        Slot const& slot = slab_[place];
        bool const concerned = slot.used && slot.candidate.chain == chain &&
                               slot.candidate.path == Path::hybrid &&
                               block_of(slot.candidate).number <= number;
        if (concerned) hurry(place);
    }
}

std::optional<std::uint32_t> Handover::lowest_of_legacy(std::uint16_t chain,
                                                        std::uint32_t final_of_hybrid) const {
    std::optional<std::uint32_t> lowest;
    if (held() == 0) return lowest;
    for (Slot const& slot : slab_) {
        bool const ours =
            slot.used && slot.candidate.chain == chain && slot.candidate.path == Path::legacy;
        if (!ours) continue;
        std::uint32_t const number = block_of(slot.candidate).number;
        if (slot.confirmation && number < final_of_hybrid) continue;
        lowest = std::min(lowest.value_or(number), number);
    }
    return lowest;
}

} // namespace stages
