// Any bytes as a block's events: scanning and both writers of JSON accept the same, fail at the
// same place, see the same events; both writers say the same.
#include "decoders/events_json.hpp"
#include "pipeline/check.hpp"
#include "tests/decoders/tiny_metadata.hpp"

using namespace decoders;

namespace {

struct Told {
    std::string lines;
    std::size_t count = 0;
    std::expected<std::uint32_t, EventsError> end;

    void add(std::string_view line) {
        lines += line;
        lines += '\n';
        ++count;
    }
    bool limited() const { return !end && end.error().error.code == Code::too_much_work; }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static auto const runtime = compile(tests::tiny_metadata()).value();
    static EventsJson plans(*runtime);
    Bytes const value(data, size);
    Told plan, walk;
    plan.end = plans.write(value, [&](std::string_view line) { plan.add(line); });
    walk.end = walk_events_json(*runtime, value, [&](std::string_view line) { walk.add(line); });
    if (!plan.end) CHECK(!describe(*runtime, plan.end.error()).empty());
    if (!walk.end) CHECK(!describe(*runtime, walk.end.error()).empty());
    MovementScan scan(*runtime, value, every_movement());
    Movement movement;
    while (scan.next(movement)) CHECK(movement.source < runtime->movements().size());
    auto const scanned = scan.result();
    // The limits that only some of them have.
    if (plan.limited() || walk.limited()) return 0;
    CHECK(plan.lines == walk.lines);
    CHECK(plan.end.has_value() == walk.end.has_value());
    if (!plan.end) CHECK(plan.end.error().error.code == walk.end.error().error.code);
    if (!plan.end) CHECK(plan.end.error().error.offset == walk.end.error().error.offset);
    if (!scanned && scanned.error().error.code == Code::amount_too_large) return 0;
    CHECK(plan.end.has_value() == scanned.has_value());
    CHECK(plan.count == scan.so_far().events);
    if (!plan.end) CHECK(plan.end.error().error.offset == scanned.error().error.offset);
    return 0;
}
