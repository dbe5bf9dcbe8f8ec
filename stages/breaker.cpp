#include "stages/breaker.hpp"

#include "pipeline/check.hpp"

#include <algorithm>

namespace stages {

std::string_view to_text(BreakerState state) {
    constexpr std::string_view names[] = {"closed", "open", "half open"};
    return names[static_cast<std::size_t>(state)];
}

BreakerState Breaker::state(Nanoseconds now) const {
    return state_ == BreakerState::open && now >= open_until_ ? BreakerState::half_open : state_;
}

Nanoseconds Breaker::next_time(Nanoseconds now) const {
    switch (state(now)) {
    case BreakerState::closed: return now;
    case BreakerState::open: return open_until_;
    case BreakerState::half_open: break;
    }
    return probing_ ? pipeline::never : now;
}

void Breaker::enter(BreakerState state) {
    state_ = state;
    ++era_;
    probing_ = false;
    failures_ = 0;
    good_probes_ = 0;
    counted_ = {};
}

Breaker::Call Breaker::sent(Nanoseconds now) {
    CHECK(may_send(now));
    if (state_ == BreakerState::open) enter(BreakerState::half_open);
    probing_ = state_ == BreakerState::half_open;
    return era_;
}

void Breaker::succeeded(Call call, Nanoseconds now) {
    if (call != era_) return;
    if (state_ == BreakerState::closed) {
        failures_ = 0;
        ++step_at(now).good;
        return;
    }
    probing_ = false;
    if (++good_probes_ >= options_.good_probes) enter(BreakerState::closed);
}

void Breaker::failed(Call call, Nanoseconds now) {
    if (call != era_) return;
    if (state_ == BreakerState::closed) {
        ++failures_;
        ++step_at(now).bad;
        if (failures_ < options_.failures_in_row && !mostly_bad()) return;
    }
    enter(BreakerState::open);
    open_until_ = now + options_.open;
    ++opens_;
}

void Breaker::undecided(Call call) {
    if (call == era_) probing_ = false;
}

// Steps that are too old are emptied on the way.
Breaker::Step& Breaker::step_at(Nanoseconds now) {
    std::uint64_t const number = now / std::max<Nanoseconds>(1, options_.window / steps);
    for (Step& step : counted_)
        if (step.number + steps <= number) step = {};
    Step& step = counted_[number % steps];
    step.number = number;
    return step;
}

bool Breaker::mostly_bad() const {
    std::uint64_t good = 0, bad = 0;
    for (Step const& step : counted_) {
        good += step.good;
        bad += step.bad;
    }
    return good + bad >= options_.calls_min && bad * 100 >= (good + bad) * options_.failed_percent;
}

} // namespace stages
