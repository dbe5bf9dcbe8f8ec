// Plans and walk, on values of every type of every runtime: the same text and the same bytes
// taken, or the same fault at the same place.
#include "decoders/json_run.hpp"
#include "decoders/samples.hpp"
#include "decoders/value.hpp"
#include "tests/decoders/corpus.hpp"
#include "tests/decoders/tiny_metadata.hpp"

#include <iostream>

namespace {

using namespace decoders;

// What one way made of a value.
struct Told {
    std::string json;
    std::size_t taken = 0;
    std::optional<Error> fault;
};

Told by_walk(Runtime const& runtime, TypeId id, Bytes bytes) {
    Told out;
    auto const taken = value_prefix_to_json(runtime, id, bytes, out.json);
    if (taken) out.taken = *taken;
    if (!taken) out.fault = taken.error();
    return out;
}

Told by_plan(JsonPlans const& plans, TypeId id, Bytes bytes) {
    JsonRun run(plans);
    run.start(bytes);
    Told out;
    bool const good = run.value(plans.types[id]);
    auto const taken = static_cast<std::size_t>(run.reader().at - bytes.data());
    if (!good) {
        out.fault = Error{run.reader().code, taken};
        return out;
    }
    out.taken = taken;
    out.json = run.buffer().text();
    return out;
}

void agree(Runtime const& runtime, JsonPlans const& plans, TypeId id, Bytes bytes) {
    auto const walk = by_walk(runtime, id, bytes);
    auto const plan = by_plan(plans, id, bytes);
    auto const name = runtime.metadata().type_name(id);
    ASSERT_EQ(plan.fault.has_value(), walk.fault.has_value()) << name;
    ASSERT_EQ(plan.json, walk.json) << name;
    ASSERT_EQ(plan.taken, walk.taken) << name;
    if (!plan.fault) return;
    ASSERT_EQ(plan.fault->code, walk.fault->code) << name;
    if (plan.fault->code != Code::too_much_work) {
        ASSERT_EQ(plan.fault->offset, walk.fault->offset) << name;
    }
}

// Samples of every type: whole, cut and with a byte changed.
std::size_t try_types(Runtime const& runtime, SampleRandom& random, int rounds) {
    auto const plans = build_json_plans(runtime);
    std::size_t tried = 0;
    for (TypeId id = 0; id < runtime.metadata().types.size(); ++id) {
        for (int round = 0; round < rounds; ++round) {
            std::vector<std::uint8_t> bytes;
            if (!sample_value(runtime, id, random, bytes)) break;
            agree(runtime, plans, id, bytes);
            if (testing::Test::HasFatalFailure()) return tried;
            tried += 3;
            if (bytes.empty()) continue;
            agree(runtime, plans, id, Bytes(bytes).first(random.below(bytes.size())));
            bytes[random.below(bytes.size())] = static_cast<std::uint8_t>(random.next());
            agree(runtime, plans, id, bytes);
            if (testing::Test::HasFatalFailure()) return tried;
        }
    }
    return tried;
}

} // namespace

TEST(JsonPlan, agrees_with_the_walk_on_every_type_of_every_runtime) {
    NEEDS_CORPUS();
    SampleRandom random(11);
    std::size_t tried = 0;
    for (auto const& path : tests::files_in("metadata", ".scale")) {
        auto const runtime = compile(pipeline::as_bytes(tests::read_file(path)));
        if (!runtime) continue; // older than V14: test_runtime.cpp says which those are
        tried += try_types(**runtime, random, 4);
        ASSERT_FALSE(HasFatalFailure()) << path;
    }
    std::cerr << tried << " values\n";
    EXPECT_GT(tried, 150'000u);
}

TEST(JsonPlan, agrees_with_the_walk_on_a_type_of_every_kind) {
    auto const runtime = compile(tests::tiny_metadata()).value();
    SampleRandom random(12);
    EXPECT_GT(try_types(*runtime, random, 2'000), 100'000u);
}

TEST(JsonPlan, agrees_with_the_walk_on_noise) {
    auto const runtime = compile(tests::tiny_metadata()).value();
    auto const plans = build_json_plans(*runtime);
    SampleRandom random(13);
    for (int round = 0; round < 20'000; ++round) {
        std::vector<std::uint8_t> bytes(random.below(40));
        for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
        auto const id = static_cast<TypeId>(random.below(runtime->metadata().types.size()));
        agree(*runtime, plans, id, bytes);
        ASSERT_FALSE(HasFatalFailure()) << "round " << round;
    }
}
