#include "stages/conservation.hpp"

#include "stages/pattern_parts.hpp"

#include <algorithm>

namespace stages {

using decoders::MovementKind;

Conservation::Conservation(std::vector<decoders::Account> accounts)
    : accounts_(sorted_set(std::move(accounts)))
    , blocks_(blocks_max) {
    CHECK(accounts_.size() <= accounts_max);
    audited_.resize(accounts_.size());
    changes_.reserve(changes_max);
    found_.reserve(accounts_max);
}

std::optional<Difference> Conservation::next() {
    if (found_next_ < found_.size()) return found_[found_next_++];
    found_.clear();
    found_next_ = 0;
    return std::nullopt;
}

// ---- blocks -------------------------------------------------------------------------------------

// A number that comes after 1,024 others takes the place of the oldest.
Conservation::Block& Conservation::block_of(std::uint32_t number) {
    Block& block = blocks_[number % blocks_max];
    if (!block.used || block.number < number) block = {.number = number, .used = true};
    return block;
}

Conservation::Sibling const* Conservation::Block::told() const {
    if (!final) return nullptr;
    for (std::uint32_t i = 0; i < ended; ++i)
        if (siblings[i].hash == final_hash) return &siblings[i];
    return nullptr;
}

Conservation::Change& Conservation::change_of(BlockRef const& block, std::uint32_t account) {
    for (std::size_t i = changes_.size(); i-- > 0;)
        if (changes_[i].account == account && changes_[i].hash == block.hash) return changes_[i];
    if (changes_.size() == changes_max) {
        lost_to_ = std::max(lost_to_, changes_.front().number);
        changes_.erase(changes_.begin());
    }
    return changes_.emplace_back(
        Change{.hash = block.hash, .number = block.number, .account = account});
}

void Conservation::movement(Transfer const& moved) {
    if (moved.asset != native_asset) return;
    MovementKind const kind = decoders::movement_rows()[moved.movement].kind;
    bool const decreed = kind == MovementKind::set;
    auto const from = leaving_kinds.has(kind) ? place_in(accounts_, moved.from) : std::nullopt;
    auto const to =
        entering_kinds.has(kind) || decreed ? place_in(accounts_, moved.to) : std::nullopt;
    bool const to_itself = from && to && *from == *to;
    if (to_itself) return;
    auto const change = [&](std::size_t account, u128 in, u128 out) {
        Change& of = change_of(moved.block, static_cast<std::uint32_t>(account));
        if (moved.event_index < of.events) return;
        of.events = moved.event_index + 1;
        of.in = plus_saturated(of.in, in);
        of.out = plus_saturated(of.out, out);
        of.unknown = of.unknown || decreed;
    };
    if (from) change(*from, 0, moved.amount);
    if (to) change(*to, decreed ? 0 : moved.amount, 0);
}

void Conservation::end(BlockEnd const& end) {
    Block& block = block_of(end.block.number);
    if (block.number != end.block.number) return; // long ago
    for (std::uint32_t i = 0; i < block.ended; ++i)
        if (block.siblings[i].hash == end.block.hash) return;
    if (block.ended == siblings_max) return; // never told, then: its audits begin anew
    block.siblings[block.ended++] = {end.block.hash, end.block.timestamp_ms, end.incomplete};
    settle();
}

void Conservation::finalized(Finalized const& final) {
    Block& block = block_of(final.number);
    if (block.number != final.number) return;
    block.final = true;
    block.final_hash = final.hash;
    settle();
}

// ---- holdings -----------------------------------------------------------------------------------

void Conservation::holding(Holding const& held) {
    auto const place = place_in(accounts_, held.account);
    if (!place) return;
    Audited& audited = audited_[*place];
    if (audited.base && held.number <= audited.base->number) return;
    if (!audited.waiting) ++waiting_;
    audited.waiting = held;
    settle();
}

// Compares what can be compared now.
void Conservation::settle() {
    if (waiting_ == 0) return;
    for (std::uint32_t i = 0; i < audited_.size(); ++i) {
        Audited& audited = audited_[i];
        if (!audited.waiting || found_.size() == accounts_max) continue;
        Holding const held = *audited.waiting;
        Between state = Between::unknown; // the first one
        if (audited.base) state = between(audited.base->number, held);
        if (state == Between::not_yet) continue;
        if (state == Between::known)
            compare(i, held);
        else if (audited.base)
            ++counts_.anew;
        audited.base = held;
        audited.waiting.reset();
        --waiting_;
    }
    drop_changes();
}

// Whether every block after `from` up to that of the holding has been told.
Conservation::Between Conservation::between(std::uint32_t from, Holding const& held) const {
    std::uint32_t const to = held.number;
    if (to - from >= blocks_max || from < lost_to_) return Between::unknown;
    auto state = Between::known;
    for (std::uint32_t number = from + 1; number <= to; ++number) {
        Block const& block = blocks_[number % blocks_max];
        if (block.used && block.number > number) return Between::unknown;
        bool const is_it = block.used && block.number == number;
        Sibling const* const told = is_it ? block.told() : nullptr;
        if (told != nullptr && told->incomplete) return Between::unknown;
        if (is_it && told == nullptr && block.ended == siblings_max) return Between::unknown;
        if (told == nullptr) state = Between::not_yet;
    }
    if (state == Between::known && blocks_[to % blocks_max].final_hash != held.hash)
        return Between::unknown; // of another history
    return state;
}

void Conservation::compare(std::uint32_t account, Holding const& held) {
    Holding const& base = *audited_[account].base;
    u128 in = base.total, out = held.total;
    for (Change const& change : changes_) {
        if (change.account != account || change.number <= base.number ||
            change.number > held.number)
            continue;
        if (change.hash != blocks_[change.number % blocks_max].final_hash) continue;
        if (change.unknown) {
            ++counts_.anew;
            return;
        }
        in = plus_saturated(in, change.in);
        out = plus_saturated(out, change.out);
    }
    ++counts_.compared;
    // What was there and came in is there or went out.
    if (in == out) return;
    ++counts_.differences;
    Sibling const& told = *blocks_[held.number % blocks_max].told();
    found_.push_back({.account = held.account,
                      .block = {.hash = held.hash,
                                .number = held.number,
                                .finalized = true,
                                .timestamp_ms = told.timestamp_ms},
                      .since = base.number,
                      .read = held.total,
                      .gap = in > out ? in - out : out - in,
                      .more = out > in});
}

// Those that no account's next comparison looks at.
void Conservation::drop_changes() {
    std::erase_if(changes_, [&](Change const& change) {
        auto const& base = audited_[change.account].base;
        return base && change.number <= base->number;
    });
}

} // namespace stages
