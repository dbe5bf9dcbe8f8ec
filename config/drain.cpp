#include "config/drain.hpp"

#include "stages/deliver.hpp"

namespace config {

Drain::Drain(pipeline::Topology& topology, pipeline::Clock const& clock,
             pipeline::Nanoseconds drain_max)
    : topology_(topology)
    , clock_(clock)
    , deadline_(clock.monotonic() + drain_max)
    , asked_at_(topology.slowest_passes()) {
    topology_.drain();
}

bool Drain::over() {
    topology_.wake();
    std::uint64_t const passes = topology_.slowest_passes();
    if (passes >= asked_at_ + passes_between_looks) {
        asked_at_ = passes;
        calm_ = flushed() ? calm_ + 1 : 0;
    }
    return whole() || clock_.monotonic() >= deadline_;
}

bool Drain::flushed() const {
    constexpr auto row = static_cast<std::size_t>(stages::DeliverMetric::bytes_pending);
    if (!topology_.settled()) return false;
    for (auto const& page : topology_.metrics().pages())
        for (std::size_t i = 0; i < page->rows().size(); ++i)
            if (page->rows()[i].name == stages::deliver_metrics[row].name && page->read(i) > 0)
                return false;
    return true;
}

} // namespace config
