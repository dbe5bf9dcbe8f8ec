#include "stages/endpoints.hpp"

#include "pipeline/check.hpp"

#include <algorithm>

namespace stages {

std::string_view to_text(Aside why) {
    constexpr std::string_view names[] = {"failed", "rate limited", "disagreed", "wrong chain"};
    return names[static_cast<std::size_t>(why)];
}

Endpoints::Endpoints(std::size_t count, EndpointOptions const& options, io::Random& random)
    : options_(options) {
    entries_.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        entries_.push_back(Entry{.backoff = io::Backoff(options.backoff, random)});
}

template <class May>
std::optional<Endpoints::Choice> Endpoints::choose_if(Nanoseconds now, May may) const {
    bool all_avoided = true;
    for (std::size_t i = 0; i < entries_.size(); ++i)
        if (may(i) && entries_[i].avoid_until <= now) all_avoided = false;
    std::optional<Choice> first;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (!may(i)) continue;
        Nanoseconds const due = all_avoided ? entries_[i].due : this->due(i);
        if (due <= now) return Choice{i, due};
        if (!first || due < first->due) first = Choice{i, due};
    }
    return first;
}

Endpoints::Choice Endpoints::choose(Nanoseconds now) const {
    CHECK(!entries_.empty());
    return *choose_if(now, [](std::size_t) { return true; });
}

std::optional<Endpoints::Choice> Endpoints::choose(Nanoseconds now, std::uint32_t height) const {
    return choose_if(now, [&](std::size_t i) { return !is_pruned(i, height, now); });
}

void Endpoints::serving(std::size_t endpoint, Nanoseconds now) {
    Entry& entry = entries_[endpoint];
    entry.backoff.succeeded(now);
    entry.aside.reset();
    serving_ = endpoint;
    serving_since_ = now;
}

Nanoseconds Endpoints::avoided_for(Aside why) const {
    switch (why) {
    case Aside::disagreed: return options_.disagreed;
    case Aside::wrong_chain: return options_.wrong_chain;
    case Aside::rate_limited:
    case Aside::failed: break;
    }
    return 0;
}

Nanoseconds Endpoints::set_aside(std::size_t endpoint, Aside why, Nanoseconds now,
                                 Nanoseconds wait) {
    Entry& entry = entries_[endpoint];
    bool const served = serving_ == endpoint;
    bool const settled = served && now - serving_since_ >= options_.settled;
    if (settled)
        entry.returns_failed = 0;
    else if (entry.returning)
        ++entry.returns_failed;
    entry.returning = false;
    entry.aside = why;
    // Full jitter may say: at once; that is no answer to a limit.
    Nanoseconds const least = why == Aside::rate_limited ? pipeline::second : 0;
    entry.due = std::max({entry.backoff.failed(now), now + least, now + wait});
    entry.avoid_until = now + avoided_for(why);
    if (served) serving_.reset();
    return due(endpoint);
}

void Endpoints::pruned(std::size_t endpoint, std::uint32_t height, Nanoseconds now) {
    Entry& entry = entries_[endpoint];
    bool const known = now < entry.pruned_until;
    entry.pruned_to = known ? std::max(entry.pruned_to, height) : height;
    entry.pruned_until = now + options_.pruned_again;
}

bool Endpoints::is_pruned(std::size_t endpoint, std::uint32_t height, Nanoseconds now) const {
    Entry const& entry = entries_[endpoint];
    return now < entry.pruned_until && height <= entry.pruned_to;
}

std::optional<std::uint32_t> Endpoints::gone_to(Nanoseconds now) const {
    std::optional<std::uint32_t> least;
    for (Entry const& entry : entries_) {
        if (now >= entry.pruned_until) return std::nullopt;
        least = std::min(least.value_or(entry.pruned_to), entry.pruned_to);
    }
    return least;
}

// When it may be tried although another one serves.
Nanoseconds Endpoints::return_at(Entry const& entry) const {
    unsigned const doublings = std::min(entry.returns_failed, doublings_max);
    return std::max(
        {entry.due, entry.avoid_until, serving_since_ + (options_.settled << doublings)});
}

std::optional<std::size_t> Endpoints::better(Nanoseconds now) const {
    if (!serving_) return std::nullopt;
    for (std::size_t i = 0; i < *serving_; ++i)
        if (return_at(entries_[i]) <= now) return i;
    return std::nullopt;
}

Nanoseconds Endpoints::better_at() const {
    Nanoseconds earliest = pipeline::never;
    for (std::size_t i = 0; i < serving_.value_or(0); ++i)
        earliest = std::min(earliest, return_at(entries_[i]));
    return earliest;
}

void Endpoints::go_back(std::size_t endpoint) {
    entries_[endpoint].returning = true;
    serving_.reset();
}

} // namespace stages
