// Any bytes as a block's events: scanning and JSON accept the same, fail at the same place, see
// the same events.
#include "decoders/events.hpp"
#include "pipeline/check.hpp"
#include "tests/decoders/tiny_metadata.hpp"

using namespace decoders;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static auto const runtime = compile(tests::tiny_metadata()).value();
    Bytes const value(data, size);
    std::size_t lines = 0;
    auto const json = events_to_json(*runtime, value, [&](std::string_view) { ++lines; });
    TransferScan scan(*runtime, value);
    Transfer transfer;
    while (scan.next(transfer)) CHECK(transfer.movement < runtime->movements().size());
    auto const scanned = scan.result();
    if (!json) CHECK(!describe(*runtime, json.error()).empty());
    // The two limits that only one of them has.
    if (!json && json.error().error.code == Code::too_much_work) return 0;
    if (!scanned && scanned.error().error.code == Code::amount_too_large) return 0;
    CHECK(json.has_value() == scanned.has_value());
    CHECK(lines == scan.so_far().events);
    if (!json) CHECK(json.error().error.offset == scanned.error().error.offset);
    return 0;
}
