// Any bytes as metadata: refused with a sentence, or a runtime whose types decode alike all ways:
// passed over by plan, written by plan, written by the walk over types. And whatever it calls
// System.Account is read without harm.
#include "decoders/account_data.hpp"
#include "decoders/json_run.hpp"
#include "decoders/runtime.hpp"
#include "decoders/samples.hpp"
#include "decoders/value.hpp"

#include "pipeline/check.hpp"

#include <algorithm>

using namespace decoders;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    auto const runtime = compile({data, size});
    if (!runtime) {
        CHECK(!describe(runtime.error()).empty());
        return 0;
    }
    auto const plans = build_json_plans(**runtime);
    SampleRandom random(size);
    std::vector<std::uint8_t> account(80);
    for (auto& byte : account) byte = static_cast<std::uint8_t>(random.next());
    for (std::size_t const bytes : {std::size_t{80}, std::size_t{56}, std::size_t{32}})
        if (held_in(**runtime, pipeline::Bytes(account).first(bytes)))
            CHECK((*runtime)->metadata().find_storage("System", "Account") != nullptr);
    auto const types = std::min<std::size_t>((*runtime)->metadata().types.size(), 64);
    for (TypeId id = 0; id < types; ++id) {
        // Arrays may be as long as four bytes can say; values of that size are nobody's business
        // here.
        auto const& run = (*runtime)->plans().types[id];
        if (run.size != variable_size && run.size > 4096) continue;
        std::vector<std::uint8_t> bytes(64);
        for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
        std::string json;
        auto const taken = value_prefix_to_json(**runtime, id, bytes, json);
        Walk walk{bytes.data(), bytes.data() + bytes.size(), Code{}, no_type};
        bool const passed = pass((*runtime)->plans(), run, walk);
        bool limited = !taken && taken.error().code == Code::too_much_work;
        CHECK(limited || passed == taken.has_value());
        if (taken) CHECK(walk.at == bytes.data() + *taken);
        JsonRun written(plans);
        written.start(bytes);
        bool const good = written.value(plans.types[id]);
        limited = limited || (!good && written.reader().code == Code::too_much_work);
        CHECK(limited || good == taken.has_value());
        if (good && taken) CHECK(written.buffer().text() == json);
        if (!good && !limited) CHECK(written.reader().at == walk.at);
    }
    return 0;
}
