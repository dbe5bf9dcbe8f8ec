// What tests of the quota share: times, classes, and people who ask as much as they may.
#pragma once

#include "stages/quota.hpp"

#include <algorithm>

namespace stages::testing {

using pipeline::millisecond;
using pipeline::never;
using pipeline::second;

inline constexpr Nanoseconds start = 1'000 * second;
inline constexpr Nanoseconds minute = 60 * second;
inline constexpr Nanoseconds hour = 60 * minute;
inline constexpr Nanoseconds day = 24 * hour;
inline constexpr auto alerting = QuotaClass::alerting;
inline constexpr auto critical = QuotaClass::critical;
inline constexpr auto rest = QuotaClass::rest;

// Sent, and answered at once without a word about limits.
inline void send(Quota& quota, QuotaClass priority, Nanoseconds now) {
    quota.answered(quota.sent(priority, now), {}, false, now);
}

// As many as may be sent at this moment.
inline unsigned send_all(Quota& quota, QuotaClass priority, Nanoseconds now,
                         unsigned most = 100'000) {
    unsigned count = 0;
    for (; count < most && quota.may_send(priority, now); ++count) send(quota, priority, now);
    return count;
}

// As many as may be sent until `end`, each as early as it may be.
inline unsigned send_until(Quota& quota, QuotaClass priority, Nanoseconds now, Nanoseconds end) {
    unsigned count = 0;
    for (;;) {
        now = std::max(now, quota.next_time(priority, now));
        if (now > end) return count;
        send(quota, priority, now);
        ++count;
    }
}

} // namespace stages::testing
