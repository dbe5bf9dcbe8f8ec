#include "pipeline/driver.hpp"

#include <algorithm>
#include <sched.h>
#include <utility>

namespace pipeline {

namespace {
constexpr std::uint32_t backoff_spins = 10;
constexpr std::uint32_t backoff_yields = 20;
constexpr Nanoseconds backoff_sleep_min = microsecond;
constexpr Nanoseconds backoff_sleep_max = millisecond;

inline void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}
} // namespace

// The sleeper stores `asleep` and then looks at its links; the ringer changes a link and then loads
// `asleep`. Sequential consistency on both sides means at least one of them sees the other.
void Doorbell::ring() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the store in about_to_sleep()
    // relaxed: whoever takes the flag makes the call, and orders nothing else by it.
    if (asleep_.load(std::memory_order_relaxed) &&
        asleep_.exchange(false, std::memory_order_relaxed))
        poller_->wake();
}

void Doorbell::about_to_sleep() {
    asleep_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fence in ring()
}

void Doorbell::awake() { asleep_.store(false, std::memory_order_relaxed); }

Driver::Driver(DriverOptions options, std::unique_ptr<Poller> poller, Clock const& clock,
               Switchboard const& switchboard, Region* region)
    : options_(std::move(options))
    , poller_(std::move(poller))
    , clock_(clock)
    , switchboard_(switchboard)
    , shared_(place<Shared>(region))
    , doorbell_(poller_, shared_->asleep) {}

// A link that drops never keeps its writer waiting, so its reader has nothing to tell.
void Driver::add_neighbour(RunnerBase& runner, Doorbell& other, LinkBase const& link, bool writes) {
    if (&other == &doorbell_) return;
    if (!writes && link.options.when_full == WhenFull::drop) return;
    for (Row& row : runners_)
        if (row.runner == &runner) row.neighbours.push_back({&other, &link, writes});
}

void Driver::add_downstream(Driver& other) {
    if (&other == this || std::ranges::count(downstream_, &other) > 0) return;
    downstream_.push_back(&other);
    other.lingering_ = true;
}

void Driver::clear() {
    runners_.clear();
    downstream_.clear();
}

bool Driver::turn() {
    bool worked = poller_->poll();
    Turn const turn{clock_.monotonic(), clock_.unix_milliseconds(), switchboard_.load(),
                    shared_->draining.load(std::memory_order_acquire)}; // pairs with drain()
    high_speed_ = (turn.regime.flags & Flag::high_speed) != 0;
    if (worked && !downstream_.empty()) rouse(turn.now);
    for (Row& row : runners_) {
        if (!row.runner->turn(turn)) continue;
        worked = true;
        tell(row);
    }
    shared_->quiet.store(!worked, std::memory_order_release); // pairs with quiet()
    shared_->passes.store(shared_->passes.load(std::memory_order_relaxed) + 1,
                          std::memory_order_release); // pairs with passes()
    return worked;
}

// Readers of what was pushed, and writers that may have had no room for their next turn.
void Driver::tell(Row& row) {
    // What this side has done comes before the looks at the other: the sleeper looks after its own
    // fence, so one of both sees the other.
    std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with about_to_sleep()
    for (Neighbour& neighbour : row.neighbours) {
        LinkBase const& link = *neighbour.link;
        std::uint64_t const moved = neighbour.writes ? link.pushed_so_far() : link.popped_so_far();
        std::uint64_t const before = std::exchange(neighbour.moved, moved);
        if (moved == before) continue;
        bool const observed = link.options.when_full == WhenFull::drop;
        if (observed && 2 * link.waiting() < link.options.depth)
            neighbour.owed = owing_ = true;
        else if (neighbour.writes || link.may_have_starved(before))
            neighbour.bell->ring();
    }
}

void Driver::tell_observers() {
    if (!std::exchange(owing_, false)) return;
    for (Row& row : runners_)
        for (Neighbour& neighbour : row.neighbours)
            if (std::exchange(neighbour.owed, false)) neighbour.bell->ring();
}

void Driver::rouse(Nanoseconds now) {
    if (now - roused_at_ < linger_pause) return;
    roused_at_ = now;
    for (Driver* const driver : downstream_) driver->doorbell_.ring();
}

void Driver::run() {
    std::uint32_t quiet_passes = 0;
    // acquire: pairs with the release in stop().
    while (!shared_->stopping.load(std::memory_order_acquire)) {
        if (turn())
            quiet_passes = 0;
        else
            idle(++quiet_passes);
    }
}

void Driver::drain() noexcept {
    shared_->draining.store(true, std::memory_order_release); // pairs with the load in turn()
    poller_->wake();
}

void Driver::stop() noexcept {
    shared_->stopping.store(true, std::memory_order_release); // pairs with the load in run()
    poller_->wake();
}

void Driver::revive() noexcept {
    shared_->asleep.store(false, std::memory_order_relaxed);
    shared_->quiet.store(false, std::memory_order_relaxed);
    // release: pairs with the load in run(); the next process is forked after this anyway.
    shared_->stopping.store(false, std::memory_order_release);
}

void Driver::idle(std::uint32_t quiet_passes) {
    if (high_speed_) return relax();
    switch (options_.idle) {
    case Idle::spin: relax(); return;
    case Idle::park:
        if (lingers()) {
            relax();
            sched_yield(); // where cores are few, whoever has work goes first
            return;
        }
        park(never);
        return;
    case Idle::backoff:
        if (quiet_passes <= backoff_spins) return relax();
        if (quiet_passes <= backoff_spins + backoff_yields) {
            sched_yield();
            return;
        }
        auto const doublings = std::min(quiet_passes - backoff_spins - backoff_yields, 20U);
        park(clock_.monotonic() + std::min(backoff_sleep_min << doublings, backoff_sleep_max));
    }
}

bool Driver::lingers() {
    if (!lingering_) return false;
    Nanoseconds const now = clock_.monotonic();
    if (std::exchange(slept_, false) && now - woken_at_ >= linger_pause) woken_at_ = now;
    return now - woken_at_ < linger;
}

void Driver::park(Nanoseconds deadline_max) {
    tell_observers();
    Nanoseconds deadline = deadline_max;
    for (Row const& row : runners_) deadline = std::min(deadline, row.runner->next_deadline());
    doorbell_.about_to_sleep();
    bool const work_came = std::any_of(runners_.begin(), runners_.end(),
                                       [](Row const& row) { return row.runner->ready(); });
    if (!work_came && !shared_->stopping.load(std::memory_order_acquire)) // pairs with stop()
        poller_->park(deadline);
    slept_ = true;
    doorbell_.awake();
}

} // namespace pipeline
