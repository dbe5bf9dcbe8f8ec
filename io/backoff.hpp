// How long to wait before the next attempt: capped exponential with full jitter ("Exponential
// Backoff And Jitter", AWS Architecture Blog 2015). The count goes back only after a healthy
// period, so that a peer which accepts and then drops is not hammered.
//
// Value type, one thread; times are monotonic nanoseconds given by the caller.
#pragma once

#include "io/random.hpp"

namespace io {

struct BackoffOptions {
    pipeline::Nanoseconds first = 200 * pipeline::millisecond;
    pipeline::Nanoseconds cap = 30 * pipeline::second;
    pipeline::Nanoseconds healthy_after = 60 * pipeline::second;
};

class Backoff {
  public:
    Backoff(BackoffOptions const& options, Random& random)
        : options_(options)
        , random_(random) {}

    // The attempt works since `now`; a healthy period starts.
    void succeeded(pipeline::Nanoseconds now);
    // The attempt failed, or what worked broke. Returns when the next attempt is due.
    pipeline::Nanoseconds failed(pipeline::Nanoseconds now);

    pipeline::Nanoseconds due() const { return due_; } // 0: at once
    unsigned failures() const { return failures_; }

  private:
    BackoffOptions options_;
    Random& random_;
    pipeline::Nanoseconds healthy_since_ = pipeline::never;
    pipeline::Nanoseconds due_ = 0;
    unsigned failures_ = 0;
};

} // namespace io
