// Any bytes as an extrinsic: refused with a sentence and a place in the bytes, or taken apart into
// views that lie one behind the other; then its calls are walked and it is JSON, within the limits.
#include "decoders/extrinsic_json.hpp"
#include "pipeline/check.hpp"
#include "tests/decoders/tiny_extrinsic.hpp"

#include <simdjson.h>

using namespace decoders;

namespace {

// Every part stands where the one before it ends; the call ends the bytes.
void check_order(ExtrinsicParts const& parts, Bytes bytes) {
    auto const* at = bytes.data();
    auto const follows = [&](Bytes part) {
        if (part.data() == nullptr) return;
        CHECK(part.data() >= at && part.data() + part.size() <= bytes.data() + bytes.size());
        at = part.data() + part.size();
    };
    follows(parts.address);
    follows(parts.signature);
    for (auto const& extension : parts.parts()) follows(extension.value);
    follows(parts.call);
    CHECK(at == bytes.data() + bytes.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static auto const runtime = compile(tests::tiny_extrinsic_metadata()).value();
    static CallTree const tree(*runtime);
    static simdjson::dom::parser parser;
    Bytes const bytes(data, size);
    auto const parts = parse_extrinsic(*runtime, bytes, Framing::either);
    if (!parts) {
        CHECK(parts.error().error.offset <= size);
        CHECK(!describe(*runtime, parts.error()).empty());
        CHECK(!parse_extrinsic(*runtime, bytes));
        return 0;
    }
    check_order(*parts, bytes);
    std::size_t calls = 0;
    auto const totals =
        tree.walk(parts->call, actor_of(*runtime, *parts), [&](InnerCall const& one) {
            ++calls;
            CHECK(one.call.size() >= 2 && one.path.size() <= max_call_depth);
            CHECK(!call_name(*runtime, one.call).call.empty());
        });
    CHECK(totals.has_value() && totals->calls == calls && calls <= max_calls);
    std::string json;
    auto const told = append_extrinsic_json(tree, *parts, json);
    if (!told) {
        CHECK(told.error().code == Code::too_much_work && json.empty());
        return 0;
    }
    json += '}';
    CHECK(parser.parse(json).error() == simdjson::SUCCESS);
    return 0;
}
