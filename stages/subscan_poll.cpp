#include "stages/subscan_poll.hpp"

#include "decoders/hash.hpp"

#include <algorithm>

namespace stages {

namespace {

constexpr unsigned doublings_max = 10;

// Two rows say the same if these agree.
std::uint64_t digest_of(Transfer const& row) {
    std::uint8_t bytes[2 * sizeof(decoders::Account) + sizeof row.amount + sizeof row.asset];
    std::uint8_t* at = bytes;
    auto const put = [&](auto const& value) {
        std::memcpy(at, &value, sizeof value);
        at += sizeof value;
    };
    put(row.from);
    put(row.to);
    put(row.amount);
    put(row.asset);
    auto const short_hash = decoders::twox_64(bytes);
    std::uint64_t digest = 0;
    std::memcpy(&digest, short_hash.data(), sizeof digest);
    return digest;
}

} // namespace

Hash SubscanPoll::reading(std::uint32_t number, std::uint32_t generation) {
    Hash name;
    name.fill(0xff);
    for (std::size_t i = 0; i < 4; ++i) {
        name[i] = static_cast<std::uint8_t>(number >> 8 * i);
        name[4 + i] = static_cast<std::uint8_t>(generation >> 8 * i);
    }
    return name;
}

Nanoseconds SubscanPoll::every() const {
    return static_cast<Nanoseconds>(static_cast<double>(options_.every) * std::max(1.0, stretch_));
}

// ---- questions ----------------------------------------------------------------------------------

SubscanAskNext SubscanPoll::ask(Nanoseconds now) {
    if (events_.size() >= options_.page_rows || now < due_) return {};
    switch (state_) {
    case State::idle:
    case State::head_due:
        begun_ = now;
        state_ = State::head_asked;
        return {.kind = SubscanAskNext::Kind::head};
    case State::page_due:
        state_ = State::page_asked;
        return {SubscanAskNext::Kind::page, range_.from, range_.to, range_.after, range_.page};
    case State::head_asked:
    case State::page_asked: return {};
    }
    return {};
}

Nanoseconds SubscanPoll::next_time() const {
    bool const open = state_ == State::head_asked || state_ == State::page_asked;
    return open ? pipeline::never : due_;
}

void SubscanPoll::failed(Failure failure, Nanoseconds now) {
    CHECK(state_ == State::head_asked || state_ == State::page_asked);
    bool const in_range = state_ == State::page_asked;
    state_ = in_range ? State::page_due : State::head_due;
    if (failure == Failure::held) {
        due_ = now + options_.retry_first;
        return;
    }
    Nanoseconds const pause = options_.retry_first << std::min(failures_, doublings_max);
    due_ = now + std::min(pause, options_.retry_max);
    if (failure == Failure::hopeless) due_ = now + options_.hopeless_pause;
    ++failures_;
    if (failure == Failure::heavy && in_range) halve();
}

// Starts the range anew with half as many blocks. False: it is one block already.
bool SubscanPoll::halve() {
    std::uint32_t const blocks = range_.to - range_.from + 1;
    if (blocks == 1) return false;
    range_blocks_ = blocks / 2;
    open_range(range_.from);
    return true;
}

// ---- answers ------------------------------------------------------------------------------------

void SubscanPoll::head(std::uint32_t best, std::optional<std::uint32_t> finalized,
                       Nanoseconds now) {
    CHECK(state_ == State::head_asked);
    failures_ = 0;
    due_ = now;
    // One of several servers behind the name may lag: what was known stays known.
    best_ = std::max(best_, best);
    std::uint32_t const deep_enough =
        best > options_.finality_depth ? best - options_.finality_depth : 0;
    finalized_ = std::max(finalized_, std::min(finalized.value_or(deep_enough), best_));
    if (!settled_) {
        std::uint32_t const first = options_.start.value_or(best_);
        settled_ = first > 0 ? first - 1 : 0;
        events_.emplace_back(Settled{*settled_}); // where a restart has to begin, from now on
    }
    if (*settled_ >= best_) return poll_complete(now);
    open_range(*settled_ + 1);
}

void SubscanPoll::open_range(std::uint32_t from) {
    range_ = {};
    range_.from = from;
    std::uint32_t const blocks = std::min(range_blocks_, best_ - from + 1);
    range_.to = from + blocks - 1;
    state_ = State::page_due;
}

void SubscanPoll::page(std::span<Transfer const> rows, std::size_t in_page,
                       std::optional<After> last, Nanoseconds now) {
    CHECK(state_ == State::page_asked);
    failures_ = 0;
    due_ = now;
    state_ = State::page_due;
    for (Transfer const& row : rows) {
        bool const inside = row.block.number >= range_.from && row.block.number <= range_.to;
        if (inside) range_.rows[{row.block.number, row.event_index}] = row;
    }
    if (range_.rows.size() > options_.rows_max && halve()) return;
    if (in_page < options_.page_rows) return range_complete(now);
    // The page was full. One that does not move on would be asked for ever.
    bool const moved = last && last != range_.after;
    if (moved && !range_.by_number) {
        range_.after = last;
        return;
    }
    std::size_t const pages_max = options_.rows_max / options_.page_rows;
    if (range_.page >= pages_max) {
        if (!halve()) range_complete(now); // one block, and Subscan repeats itself
        return;
    }
    range_.by_number = true;
    range_.after.reset();
    ++range_.page;
}

void SubscanPoll::range_complete(Nanoseconds now) {
    // Blocks that were told before and now have no row count too: their rows are gone.
    std::map<std::uint32_t, std::vector<Transfer>> blocks;
    for (auto const& [place, row] : range_.rows) blocks[place.block].push_back(row);
    for (auto at = generations_.lower_bound(range_.from);
         at != generations_.end() && at->first <= range_.to; ++at)
        blocks[at->first];
    for (auto const& [number, rows] : blocks) tell_block(number, rows);
    range_.rows.clear();

    std::uint32_t const far = finalized_ > options_.deep ? finalized_ - options_.deep : 0;
    settle(std::min(range_.to, std::max(final_before_, far)));
    behind_ = range_.to < best_;
    range_blocks_ = std::min(options_.range_max, range_blocks_ * 2);
    bool const full = told_.size() >= options_.told_max; // no newer block before finality moves
    if (behind_ && !full) return open_range(range_.to + 1);
    poll_complete(now);
}

void SubscanPoll::poll_complete(Nanoseconds now) {
    final_before_ = std::min(finalized_, best_);
    state_ = State::idle;
    due_ = std::max(now, begun_ + every());
}

// ---- what follows -------------------------------------------------------------------------------

void SubscanPoll::tell_block(std::uint32_t number, std::span<Transfer const> rows) {
    if (number <= finalized_) return tell_final_block(number, rows);
    if (!options_.finalized_only) tell_open_block(number, rows);
}

void SubscanPoll::tell_final_block(std::uint32_t number, std::span<Transfer const> rows) {
    auto const generation = generations_.find(number);
    for (Transfer const& row : rows) {
        Told& told = told_[{number, row.event_index}];
        std::uint64_t const digest = digest_of(row);
        if (told.final && told.digest != digest) ++contradictions_;
        if (told.final) continue;
        told = {digest, true};
        push(row, generation == generations_.end() ? 0 : generation->second, true);
    }
}

void SubscanPoll::tell_open_block(std::uint32_t number, std::span<Transfer const> rows) {
    auto const first = told_.lower_bound({number, 0});
    auto const end = told_.upper_bound({number, ~std::uint32_t{0}});
    auto const still_there = [&](auto const& one) {
        return std::any_of(rows.begin(), rows.end(), [&](Transfer const& row) {
            return row.event_index == one.first.event && digest_of(row) == one.second.digest;
        });
    };
    bool const replaced = !std::all_of(first, end, still_there);
    auto const [generation, fresh] = generations_.try_emplace(number, 0);
    std::uint32_t const before = generation->second;
    if (replaced) {
        told_.erase(first, end);
        ++generation->second;
    }
    for (Transfer const& row : rows) {
        auto const [told, is_new] = told_.try_emplace({number, row.event_index});
        if (!is_new) continue;
        told->second = {digest_of(row), false};
        push(row, generation->second, false);
    }
    // After the new reading: what both have stays as it is.
    if (replaced) events_.emplace_back(Abandoned{reading(number, before), number});
    if (fresh && rows.empty()) generations_.erase(generation);
}

void SubscanPoll::push(Transfer row, std::uint32_t generation, bool final) {
    row.block.hash = reading(row.block.number, generation);
    row.block.hash_known = false;
    row.block.finalized = final;
    events_.emplace_back(row);
}

void SubscanPoll::settle(std::uint32_t number) {
    if (number <= *settled_) return;
    // What was seen there and has not been told as final did not happen.
    auto const end = generations_.upper_bound(number);
    for (auto at = generations_.begin(); at != end; ++at)
        events_.emplace_back(Abandoned{reading(at->first, at->second), at->first});
    generations_.erase(generations_.begin(), end);
    told_.erase(told_.begin(), told_.upper_bound({number, ~std::uint32_t{0}}));
    settled_ = number;
    // One that has not been told yet says it as well: nothing piles up while nobody listens.
    auto* const waiting = events_.empty() ? nullptr : std::get_if<Settled>(&events_.back());
    if (waiting != nullptr)
        waiting->number = number;
    else
        events_.emplace_back(Settled{number});
}

} // namespace stages
