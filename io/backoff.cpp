#include "io/backoff.hpp"

#include <algorithm>

namespace io {

void Backoff::succeeded(pipeline::Nanoseconds now) {
    if (healthy_since_ == pipeline::never) healthy_since_ = now;
}

pipeline::Nanoseconds Backoff::failed(pipeline::Nanoseconds now) {
    bool const was_healthy =
        healthy_since_ != pipeline::never && now - healthy_since_ >= options_.healthy_after;
    healthy_since_ = pipeline::never;
    failures_ = was_healthy ? 1 : failures_ + 1;
    unsigned const doublings = std::min(failures_ - 1, 62U);
    pipeline::Nanoseconds ceiling = options_.cap;
    if (options_.first <= options_.cap >> doublings) ceiling = options_.first << doublings;
    due_ = now + random_.up_to(ceiling);
    return due_;
}

} // namespace io
