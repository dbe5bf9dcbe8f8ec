#include "tests/decoders/json_ways.hpp"

#include <map>
#include <memory>

#include <gtest/gtest.h>

namespace tests {

using namespace decoders;

Lines by_plan(Runtime const& runtime, Bytes value) {
    static std::map<Runtime const*, std::unique_ptr<EventsJson>> known;
    auto& json = known[&runtime];
    if (!json) json = std::make_unique<EventsJson>(runtime);
    Lines out;
    auto const done =
        json->write(value, [&](std::string_view line) { out.lines.emplace_back(line); });
    if (!done) out.fault = done.error();
    EXPECT_EQ(done.value_or(0), done ? out.lines.size() : 0);
    return out;
}

Lines by_walk(Runtime const& runtime, Bytes value) {
    Lines out;
    auto const done = walk_events_json(
        runtime, value, [&](std::string_view line) { out.lines.emplace_back(line); });
    if (!done) out.fault = done.error();
    return out;
}

Lines events_json(Runtime const& runtime, Bytes value) {
    auto plan = by_plan(runtime, value);
    auto const walk = by_walk(runtime, value);
    EXPECT_EQ(plan.lines, walk.lines);
    EXPECT_EQ(plan.fault.has_value(), walk.fault.has_value());
    if (plan.fault && walk.fault) {
        EXPECT_EQ(plan.fault->error.code, walk.fault->error.code);
        EXPECT_EQ(plan.fault->error.offset, walk.fault->error.offset);
        EXPECT_EQ(plan.fault->event_index, walk.fault->event_index);
        EXPECT_EQ(plan.fault->event.pallet, walk.fault->event.pallet);
        EXPECT_EQ(plan.fault->event.event, walk.fault->event.event);
    }
    return plan;
}

} // namespace tests
