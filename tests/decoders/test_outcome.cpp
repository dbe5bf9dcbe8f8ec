// What became of extrinsics: events of recorded blocks and generated ones, against their truth.
#include "decoders/calls.hpp"
#include "decoders/extrinsic_json.hpp"
#include "decoders/hex.hpp"
#include "decoders/outcome.hpp"
#include "decoders/samples.hpp"
#include "decoders/value.hpp"
#include "tests/decoders/corpus.hpp"

#include <iostream>

namespace {

using namespace decoders;
using simdjson::dom::element;

// Events of inner failures: by themselves, or where a field of theirs says Err; those of
// collectives, whose pallets go by many names, are told by the event's name.
constexpr std::string_view failures[] = {
    "Utility.ItemFailed", "Utility.BatchInterrupted", "Utility.BatchCompletedWithErrors",
    "Utility.IfElseFallbackCalled", "SubtensorModule.BatchWeightItemFailed"};
constexpr std::string_view results[] = {"Utility.DispatchedAs",
                                        "Proxy.ProxyExecuted",
                                        "Multisig.MultisigExecuted",
                                        "Sudo.Sudid",
                                        "Sudo.SudoAsDone",
                                        "SubtensorModule.Sudid",
                                        "Whitelist.WhitelistedCallDispatched",
                                        "MetaTx.Dispatched"};

struct Expected {
    std::uint64_t index = 0;
    Told told{};
    std::string error; // JSON, "" where there is none
    friend bool operator==(Expected const&, Expected const&) = default;
};
std::ostream& operator<<(std::ostream& out, Expected const& one) {
    return out << one.index << " " << static_cast<int>(one.told) << " " << one.error;
}

// The JSON of what the event's Result holds, if it is an Err.
std::optional<std::string> err_in(element event) {
    for (auto const field : event["fields"]) {
        auto err = field["value"]["Err"];
        if (!err.error()) return simdjson::minify(err.value());
    }
    return {};
}
std::string error_of(element event) {
    for (auto const field : event["fields"]) {
        auto const name = field["name"];
        std::string_view const text = name.is_null() ? "" : std::string_view(name);
        if (text.find("error") != text.npos || name.is_null()) {
            return simdjson::minify(field["value"].value());
        }
    }
    return "";
}

std::vector<Expected> expected_of(element truth) {
    std::vector<Expected> out;
    for (auto const event : truth["expected"]) {
        if (event["phase"]["ApplyExtrinsic"].error()) continue;
        auto const name = std::string(event["pallet"].get_string().value()) + "." +
                          std::string(event["event"].get_string().value());
        auto const index = std::uint64_t(event["index"]);
        auto const last = name.substr(name.find('.') + 1);
        bool const collective =
            (last == "Executed" || last == "MemberExecuted") && name != "Democracy.Executed";
        if (name == "System.ExtrinsicSuccess") out.push_back({index, Told::dispatched, ""});
        if (name == "System.ExtrinsicFailed") {
            out.push_back({index, Told::failed, error_of(event)});
        }
        if (std::ranges::find(failures, name) != std::end(failures)) {
            out.push_back({index, Told::inner_failed, error_of(event)});
        }
        if (std::ranges::find(results, name) != std::end(results) || collective) {
            if (auto const err = err_in(event)) out.push_back({index, Told::inner_failed, *err});
        }
    }
    return out;
}

std::vector<Expected> told(Runtime const& runtime, Bytes events) {
    std::vector<Expected> out;
    auto const done = Outcomes(runtime).scan(events, [&](OutcomeEvent const& one) {
        std::string error;
        if (one.error_type != no_type) {
            EXPECT_TRUE(value_to_json(runtime, one.error_type, one.error, error).has_value());
        }
        out.push_back({one.event_index, one.told, error});
    });
    EXPECT_TRUE(done.has_value()) << (done ? "" : describe(runtime, done.error()));
    return out;
}

} // namespace

TEST(Outcomes, of_every_recorded_block) {
    NEEDS_CORPUS();
    std::size_t ok = 0, failed = 0, inner = 0;
    tests::each_block([&](tests::Block const& block) {
        auto const found = told(*block.runtime, block.value);
        ASSERT_EQ(found, expected_of(block.truth)) << block.name;
        for (auto const& one : found) {
            ok += one.told == Told::dispatched;
            failed += one.told == Told::failed;
            inner += one.told == Told::inner_failed;
        }
    });
    std::cerr << ok << " dispatched, " << failed << " failed, " << inner << " failures inside\n";
    EXPECT_GT(ok, 100u);
    EXPECT_GT(failed, 0u);
    EXPECT_GT(inner, 0u);
}

// Every event variant of every runtime, with random values: Results are Ok and Err.
TEST(Outcomes, of_every_generated_batch) {
    NEEDS_CORPUS();
    std::size_t inner = 0;
    tests::each_generated([&](tests::Block const& block) {
        auto const found = told(*block.runtime, block.value);
        ASSERT_EQ(found, expected_of(block.truth)) << block.name;
        for (auto const& one : found) inner += one.told == Told::inner_failed;
    });
    std::cerr << inner << " failures inside\n";
    EXPECT_GT(inner, 100u);
}

TEST(Outcomes, name_the_item_of_an_interrupted_batch) {
    NEEDS_CORPUS();
    auto const& runtime = tests::runtime_of("metadata/polkadot-2000000.v15.scale");
    SampleRandom random(3);
    std::vector<std::uint8_t> event, value = {4};
    auto const fill = [](std::string_view name, std::size_t, TypeId,
                         std::vector<std::uint8_t>& out) {
        if (name == "index") out.insert(out.end(), {0x05, 0x01, 0, 0});
        return name == "index";
    };
    ASSERT_TRUE(encode_event(runtime, "Utility", "BatchInterrupted", random, event, fill));
    append_record(77, event, value);
    std::size_t seen = 0;
    ASSERT_TRUE(Outcomes(runtime).scan(value, [&](OutcomeEvent const& one) {
        ++seen;
        EXPECT_EQ(one.extrinsic_index, 77u);
        EXPECT_EQ(one.item, 0x105u);
        EXPECT_EQ(one.event.pallet, "Utility");
        EXPECT_EQ(one.event.event, "BatchInterrupted");
    }));
    EXPECT_EQ(seen, 1u);
}

// Cut or trailing bytes: what stands before is told, then the error that scanning movements gives.
TEST(Outcomes, of_damaged_values) {
    NEEDS_CORPUS();
    std::size_t cuts = 0;
    tests::each_block([&](tests::Block const& block) {
        if (block.value.size() > 2500 || cuts > 20'000) return;
        Outcomes const outcomes(*block.runtime);
        for (std::size_t size = 0; size <= block.value.size() + 1; ++size, ++cuts) {
            auto bytes = block.value;
            bytes.resize(size); // past the end: a zero
            auto const done = outcomes.scan(bytes, [](OutcomeEvent const&) {});
            ASSERT_EQ(done.has_value(), size == block.value.size()) << block.name << " " << size;
            if (done) continue;
            auto const scanned = scan_transfers(*block.runtime, bytes, [](auto const&) {});
            ASSERT_FALSE(scanned.has_value());
            ASSERT_EQ(done.error().error.code, scanned.error().error.code) << size;
            ASSERT_EQ(done.error().error.offset, scanned.error().error.offset) << size;
            ASSERT_EQ(done.error().event_index, scanned.error().event_index) << size;
        }
    });
    EXPECT_GT(cuts, 5'000u);
}

// The chain itself says who joined the pool in this multisig's call.
TEST(Outcomes, a_recorded_multisig_acts_as_the_account_in_its_events) {
    NEEDS_CORPUS();
    simdjson::dom::parser blocks, events;
    auto const name = "polkadot-18977445.json";
    auto const block = blocks.load((tests::corpus_dir() / "blocks" / name).string()).value();
    auto const truth = events.load((tests::corpus_dir() / "events" / name).string()).value();
    auto const& runtime = tests::runtime_of(std::string(block["metadata"].get_string().value()));
    auto const text = block["rpc"]["block"]["extrinsics"].at(2).get_string().value();
    auto const bytes = tests::from_hex(text);
    auto const parts = parse_extrinsic(runtime, bytes);
    ASSERT_TRUE(parts.has_value());
    std::string actor, member;
    auto const walked =
        CallTree(runtime).walk(parts->call, actor_of(runtime, *parts), [&](InnerCall const& one) {
            actor = hex_text(one.actor.account.bytes());
        });
    ASSERT_TRUE(walked.has_value());
    for (auto const event : truth["expected"]) {
        if (std::string_view(event["pallet"]) == "NominationPools" &&
            std::string_view(event["event"]) == "Bonded") {
            member = std::string(event["fields"].at(0)["value"].get_string().value());
        }
    }
    EXPECT_EQ(actor, member);
    EXPECT_EQ(actor.size(), 66u);
}
