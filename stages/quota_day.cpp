#include "stages/quota_day.hpp"

#include <algorithm>

namespace stages {
namespace {

std::uint64_t from_class(QuotaDay::Group const& group, std::size_t lowest) {
    std::uint64_t sum = 0;
    for (std::size_t i = lowest; i < QuotaDay::classes; ++i) sum += group.sent[i];
    return sum;
}

} // namespace

void QuotaDay::add(std::size_t index, std::int64_t now_ms) {
    forget(now_ms);
    bool const begin = size_ == 0 || now_ms - newest().first_ms >= minute_ms;
    if (begin) add_group({now_ms, now_ms, {}});
    newest().last_ms = std::max(newest().last_ms, now_ms);
    ++newest().sent[index];
    ++sums_[index];
}

void QuotaDay::add_group(Group const& group) {
    for (std::size_t i = 0; i < classes; ++i) sums_[i] += group.sent[i];
    if (size_ < groups_max) {
        groups_[(head_ + size_++) % groups_max] = group;
        return;
    }
    // No room, which takes groups closer than a minute: the newest lives a little longer then.
    newest().last_ms = std::max(newest().last_ms, group.last_ms);
    for (std::size_t i = 0; i < classes; ++i) newest().sent[i] += group.sent[i];
}

void QuotaDay::forget(std::int64_t now_ms) {
    std::size_t const expired = first_valid(now_ms);
    for (std::size_t i = 0; i < expired; ++i)
        for (std::size_t c = 0; c < classes; ++c) sums_[c] -= group(i).sent[c];
    head_ = (head_ + expired) % groups_max;
    size_ -= expired;
}

std::size_t QuotaDay::first_valid(std::int64_t now_ms) const {
    std::size_t i = 0;
    while (i < size_ && group(i).last_ms + expires_ms <= now_ms) ++i;
    return i;
}

std::uint64_t QuotaDay::used(std::size_t lowest, std::int64_t now_ms) const {
    std::uint64_t sum = 0;
    for (std::size_t c = lowest; c < classes; ++c) sum += sums_[c];
    std::size_t const expired = first_valid(now_ms);
    for (std::size_t i = 0; i < expired; ++i) sum -= from_class(group(i), lowest);
    return sum;
}

std::uint64_t QuotaDay::used_since(std::size_t lowest, std::int64_t since_ms) const {
    std::uint64_t sum = 0;
    for (std::size_t i = size_; i-- > 0 && group(i).last_ms > since_ms;)
        sum += from_class(group(i), lowest);
    return sum;
}

std::int64_t QuotaDay::free_at(std::size_t lowest, std::uint64_t limit, std::int64_t now_ms) const {
    if (limit == 0) return unlimited_ms;
    std::uint64_t counts = used(lowest, now_ms);
    if (counts < limit) return INT64_MIN;
    std::int64_t at = now_ms;
    for (std::size_t i = first_valid(now_ms); counts >= limit; ++i) {
        counts -= from_class(group(i), lowest);
        at = std::max(at, group(i).last_ms + expires_ms);
    }
    return at;
}

std::int64_t QuotaDay::full_at(std::uint64_t limit, double per_ms, std::int64_t now_ms) const {
    auto left = static_cast<double>(limit) - static_cast<double>(used(0, now_ms));
    if (left <= 0) return now_ms;
    if (per_ms <= 0) return unlimited_ms;
    // Between two expiries the use grows by itself; each expiry gives something back.
    for (std::size_t i = first_valid(now_ms); i < size_; ++i) {
        auto const expiry = static_cast<double>(group(i).last_ms + expires_ms - now_ms);
        if (left / per_ms < expiry) break;
        left += static_cast<double>(from_class(group(i), 0));
    }
    double const after = left / per_ms;
    return after <= static_cast<double>(expires_ms) ? now_ms + static_cast<std::int64_t>(after)
                                                    : unlimited_ms;
}

} // namespace stages
