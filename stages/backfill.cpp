#include "stages/backfill.hpp"

#include "pipeline/check.hpp"
#include "stages/stretches.hpp"

#include <algorithm>
#include <utility>

namespace stages {

namespace {

constexpr std::size_t lists_open_max = 2;
constexpr std::size_t singles_open_max = 16;
constexpr std::size_t first_guess_bytes = 32 * 1024; // of a block's answer
constexpr unsigned retry_doublings_max = 16;

} // namespace

Backfill::Backfill(BackfillOptions const& options)
    : options_(options)
    , average_bytes_(first_guess_bytes)
    , window_(options.window_first) {}

Backfill::Slot* Backfill::find(std::uint32_t number) {
    if (probe_) return probe_->slot.number == number ? &probe_->slot : nullptr;
    auto const found = std::ranges::lower_bound(slots_, number, {}, &Slot::number);
    return found == slots_.end() || found->number != number ? nullptr : &*found;
}

void Backfill::set_state(Slot& slot, State state) {
    asked_ -= slot.state == State::asked;
    here_ -= slot.state == State::here;
    if (slot.state == State::here) here_bytes_ -= slot.bytes;
    slot.state = state;
    asked_ += state == State::asked;
    here_ += state == State::here;
    if (state == State::here) here_bytes_ += slot.bytes;
}

// ---- what is wanted -----------------------------------------------------------------------------

void Backfill::want(std::span<Stretch const> stretches, Nanoseconds now) {
    std::erase_if(settled_, [&](Settled const& one) { return one.until <= now; });
    todo_ = tidied(stretches);
    for (Settled const& one : settled_) subtract(todo_, one.stretch);
    for (Slot& slot : slots_)
        if (!contains(todo_, slot.number)) set_state(slot, State::unnamed);
    std::erase_if(slots_, [&](Slot const& slot) { return !contains(todo_, slot.number); });
    for (Slot const& slot : slots_) subtract(todo_, {slot.number, slot.number});
    // What comes before all that was planned takes its turn first.
    auto const idle = [](Slot const& slot) { return slot.state < State::asked; };
    auto const first = std::ranges::find_if(slots_, idle);
    if (!todo_.empty() && first != slots_.end() && todo_.front().from < first->number)
        put_back(State::named);
    if (todo_.empty() && slots_.empty()) end_probe();
}

// Takes what has come no further than `up_to` out of the plan; it stays wanted.
void Backfill::put_back(State up_to) {
    std::deque<Slot> kept;
    for (Slot& slot : slots_) {
        if (slot.state > up_to) {
            kept.push_back(slot);
            continue;
        }
        set_state(slot, State::unnamed);
        todo_.push_back({slot.number, slot.number});
    }
    slots_ = std::move(kept);
    todo_ = tidied(todo_);
    batches_.clear();
}

void Backfill::settle(Stretch stretch, Nanoseconds until) {
    if (!settled_.empty()) {
        Settled& last = settled_.back();
        bool const next = std::uint64_t{last.stretch.to} + 1 == stretch.from;
        if (next && until >= last.until && until - last.until < pipeline::second) {
            last.stretch.to = stretch.to;
            return;
        }
    }
    if (settled_.size() == settled_max) settled_.pop_front();
    settled_.push_back({stretch, until});
}

std::optional<std::uint32_t> Backfill::lowest() const {
    std::optional<std::uint32_t> low;
    if (!slots_.empty()) low = slots_.front().number;
    if (!todo_.empty()) low = std::min(low.value_or(todo_.front().from), todo_.front().from);
    return low;
}

std::uint64_t Backfill::left() const { return slots_.size() + blocks_in(todo_); }

bool Backfill::ahead_of_node() const {
    return connected_ && slots_.empty() && !todo_.empty() && todo_.front().from > finalized_;
}

// ---- the connection -----------------------------------------------------------------------------

void Backfill::connected(std::uint32_t finalized) {
    connected_ = true;
    lists_ = true;
    finalized_ = finalized;
    paused_until_ = 0;
    limits_in_a_row_ = 0;
    window_ = std::min(std::max<std::size_t>(window_, 1), options_.window_first);
}

// Hashes are forgotten, too: another node answers for its own.
void Backfill::disconnected() {
    connected_ = false;
    end_probe();
    pruned_.reset();
    put_back(State::asked);
}

void Backfill::distrust() {
    disconnected();
    put_back(State::here);
    last_.reset();
}

// ---- what the node said -------------------------------------------------------------------------

bool Backfill::hashes(std::uint32_t id, std::span<std::optional<Hash> const> answer) {
    auto const batch = std::ranges::find(batches_, id, &Batch::id);
    if (batch == batches_.end()) return true; // nobody waits for it
    auto const numbers = std::move(batch->numbers);
    batches_.erase(batch);
    if (answer.size() != numbers.size()) return false;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        Slot* const slot = find(numbers[i]);
        if (slot == nullptr || slot->state != State::naming) continue;
        if (!answer[i]) {
            gone(numbers[i]);
            return true;
        }
        slot->hash = *answer[i];
        set_state(*slot, State::named);
    }
    return true;
}

void Backfill::hashes_again(std::uint32_t id) {
    auto const batch = std::ranges::find(batches_, id, &Batch::id);
    if (batch == batches_.end()) return;
    for (std::uint32_t const number : batch->numbers)
        if (Slot* const slot = find(number); slot != nullptr && slot->state == State::naming)
            set_state(*slot, State::unnamed);
    batches_.erase(batch);
}

void Backfill::block_again(std::uint32_t number) {
    if (Slot* const slot = find(number); slot != nullptr && slot->state == State::asked)
        set_state(*slot, State::named);
}

bool Backfill::wants(std::uint32_t number) const {
    Slot const* const slot = find(number);
    return slot != nullptr && slot->state == State::asked;
}

bool Backfill::holds(std::uint32_t number) const {
    auto const slot = std::ranges::lower_bound(slots_, number, {}, &Slot::number);
    bool const planned = slot != slots_.end() && slot->number == number;
    return wants(number) || (planned && slot->state >= State::asked);
}

void Backfill::block(std::uint32_t number, Hash const& parent, std::size_t bytes) {
    Slot* const slot = find(number);
    if (slot == nullptr || slot->state != State::asked) return;
    limits_in_a_row_ = 0;
    if (window_ < options_.window_max) ++window_;
    average_bytes_ += bytes / 16;
    average_bytes_ -= average_bytes_ / 16;
    if (probe_) {
        probe_->high = number;
        return probe_further();
    }
    slot->parent = parent;
    slot->bytes = bytes;
    set_state(*slot, State::here);
}

void Backfill::gone(std::uint32_t number) {
    Slot* const slot = find(number);
    if (slot == nullptr || slot->state == State::here) return;
    if (probe_) {
        probe_->low = number;
        return probe_further();
    }
    put_back(State::here); // what is probed may be among them
    std::uint32_t const highest = todo_.empty() ? number : todo_.back().to;
    // With the highest first: where all of it is gone, that is all there is to ask.
    probe_ = Probe{number, std::max(number, std::min(highest, finalized_)) + 1, {}};
    probe_->slot.number = probe_->high - 1;
    if (probe_->slot.number == number) probe_further();
}

void Backfill::probe_further() {
    Probe& probe = *probe_;
    set_state(probe.slot, State::unnamed);
    batches_.clear();
    if (probe.high - probe.low <= 1) {
        pruned_ = probe.low;
        return end_probe();
    }
    probe.slot = Slot{.number = probe.low + (probe.high - probe.low) / 2};
}

void Backfill::end_probe() {
    if (probe_) set_state(probe_->slot, State::unnamed);
    probe_.reset();
}

std::optional<std::uint32_t> Backfill::pruned() { return std::exchange(pruned_, std::nullopt); }

bool Backfill::failed(std::uint32_t number, Nanoseconds now) {
    Slot* const slot = find(number);
    if (slot == nullptr || slot->state == State::here) return false;
    if (slot->state == State::asked) set_state(*slot, State::named);
    slot->not_before = now + (options_.retry_first << slot->attempts);
    return ++slot->attempts >= attempts_max;
}

void Backfill::slow_down(Nanoseconds asked_at, Nanoseconds now, Nanoseconds retry) {
    // Of all that was asked at the same time the first refusal counts.
    if (limits_in_a_row_ > 0 && asked_at <= limited_at_) {
        paused_until_ = std::max(paused_until_, now + retry);
        return;
    }
    limited_at_ = now;
    window_ = std::max<std::size_t>(1, window_ / 2);
    Nanoseconds const pause = options_.retry_first
                           << std::min(limits_in_a_row_, retry_doublings_max);
    ++limits_in_a_row_;
    paused_until_ = now + std::max(retry, std::min(pause, options_.pause_max));
}

// ---- what follows from it -----------------------------------------------------------------------

void Backfill::refill() {
    while (slots_.size() < options_.hashes_ahead && !todo_.empty()) {
        Stretch& first = todo_.front();
        if (first.from > finalized_) return;
        auto const place = std::ranges::lower_bound(slots_, first.from, {}, &Slot::number);
        slots_.insert(place, Slot{.number = first.from});
        if (first.from == first.to)
            todo_.erase(todo_.begin());
        else
            ++first.from;
    }
}

// In as few questions as can be, but before blocks run out.
BackfillAsk Backfill::ask_numbers(std::vector<std::uint32_t> numbers) {
    Batch const& batch = batches_.emplace_back(Batch{next_id_++, std::move(numbers)});
    return {BackfillAsk::Kind::hashes, batch.id, batch.numbers.front(), {}, batch.numbers};
}

BackfillAsk Backfill::ask_hashes(Nanoseconds now) {
    std::size_t const most = lists_ ? options_.hashes_max : 1;
    if (batches_.size() >= (lists_ ? lists_open_max : singles_open_max)) return {};
    auto const count = [&](State state) {
        return static_cast<std::size_t>(std::ranges::count(slots_, state, &Slot::state));
    };
    std::size_t const unnamed = count(State::unnamed);
    if (unnamed == 0 || (unnamed < most && count(State::named) >= options_.window_max)) return {};
    std::vector<std::uint32_t> numbers;
    for (Slot& slot : slots_) {
        if (slot.state != State::unnamed || now < slot.not_before) continue;
        if (numbers.size() == most) break;
        set_state(slot, State::naming);
        numbers.push_back(slot.number);
    }
    return numbers.empty() ? BackfillAsk{} : ask_numbers(std::move(numbers));
}

BackfillAsk Backfill::ask_probe(Nanoseconds now) {
    Slot& slot = probe_->slot;
    if (now < slot.not_before) return {};
    if (slot.state == State::unnamed) {
        set_state(slot, State::naming);
        return ask_numbers({slot.number});
    }
    if (slot.state != State::named) return {};
    set_state(slot, State::asked);
    return {.kind = BackfillAsk::Kind::block, .number = slot.number, .hash = slot.hash};
}

bool Backfill::window_open() const {
    // What is lowest may always be asked for: everything that is here waits for it.
    if (asked_ == 0 && slots_.front().state != State::here) return true;
    return asked_ + here_ < window_ &&
           (asked_ + 1) * average_bytes_ + here_bytes_ <= options_.bytes_max;
}

BackfillAsk Backfill::ask(Nanoseconds now) {
    if (!connected_ || now < paused_until_ || pruned_) return {};
    if (probe_) return ask_probe(now);
    refill();
    if (auto const hashes = ask_hashes(now); hashes.kind != BackfillAsk::Kind::none) return hashes;
    if (slots_.empty() || !window_open()) return {};
    for (Slot& slot : slots_) {
        if (slot.state != State::named || now < slot.not_before) continue;
        set_state(slot, State::asked);
        return {.kind = BackfillAsk::Kind::block, .number = slot.number, .hash = slot.hash};
    }
    return {};
}

Nanoseconds Backfill::next_time(Nanoseconds now) const {
    if (!connected_ || !wanting()) return pipeline::never;
    Nanoseconds earliest = pipeline::never;
    auto const consider = [&](Nanoseconds time) {
        if (time > now) earliest = std::min(earliest, time);
    };
    consider(paused_until_);
    if (probe_) consider(probe_->slot.not_before);
    for (Slot const& slot : slots_) consider(slot.not_before);
    return earliest;
}

std::optional<Backfill::Ready> Backfill::ready() const {
    if (slots_.empty() || slots_.front().state != State::here) return std::nullopt;
    if (slots_.front().number != lowest()) return std::nullopt; // one below it went back
    Slot const& slot = slots_.front();
    bool const child = last_ && last_->number + 1 == slot.number;
    return Ready{slot.number, slot.hash, slot.parent, child && last_->hash != slot.parent};
}

void Backfill::given(Nanoseconds now) {
    Slot& slot = slots_.front();
    CHECK(slot.state == State::here);
    last_ = Last{slot.number, slot.hash};
    settle({slot.number, slot.number}, now + options_.told_again);
    set_state(slot, State::unnamed);
    slots_.pop_front();
}

void Backfill::give_up(Stretch range, std::string const& why, Nanoseconds now) {
    end_probe();
    std::vector<Stretch> lost;
    for (Slot& slot : slots_) {
        if (slot.number < range.from || slot.number > range.to) continue;
        set_state(slot, State::unnamed);
        lost.push_back({slot.number, slot.number});
    }
    std::erase_if(slots_, [&](Slot const& slot) {
        return slot.number >= range.from && slot.number <= range.to;
    });
    for (Stretch const& one : todo_)
        lost.push_back({std::max(one.from, range.from), std::min(one.to, range.to)});
    subtract(todo_, range);
    for (Stretch const& one : tidied(lost)) {
        settle(one, now + options_.missing_again);
        missing_.push_back({one, why});
    }
}

std::optional<Backfill::Lost> Backfill::missing() const {
    if (missing_.empty()) return std::nullopt;
    return missing_.front();
}

} // namespace stages
