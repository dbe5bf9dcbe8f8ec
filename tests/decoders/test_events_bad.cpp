// Damaged values: an error or the unread rest, all ways of decoding agree, and the work is
// bounded.
#include "decoders/events.hpp"
#include "decoders/samples.hpp"
#include "tests/decoders/corpus.hpp"
#include "tests/decoders/json_ways.hpp"

#include <iostream>

namespace {

using namespace decoders;
using pipeline::u128;

struct Outcome {
    bool good = false;
    std::size_t lines = 0;
    EventsError error;
};
Outcome by_json(Runtime const& runtime, Bytes value) {
    auto const told = tests::events_json(runtime, value);
    Outcome out;
    out.lines = told.lines.size();
    out.good = !told.fault;
    if (told.fault) out.error = *told.fault;
    return out;
}
Outcome by_scan(Runtime const& runtime, Bytes value) {
    Outcome out;
    MovementScan scan(runtime, value, every_movement());
    Movement movement;
    while (scan.next(movement)) {}
    auto const done = scan.result();
    out.good = done.has_value();
    out.lines = scan.so_far().events;
    if (!done) out.error = done.error();
    return out;
}

// Scan and JSON must agree on everything but the innermost type's name.
void agree(Runtime const& runtime, Bytes value, std::string const& name) {
    auto const json = by_json(runtime, value);
    auto const scan = by_scan(runtime, value);
    ASSERT_EQ(json.good, scan.good) << name;
    ASSERT_EQ(json.lines, scan.lines) << name;
    if (json.good) return;
    ASSERT_EQ(json.error.event_index, scan.error.event_index) << name;
    ASSERT_EQ(json.error.error.code, scan.error.error.code) << name;
    ASSERT_EQ(json.error.error.offset, scan.error.error.offset) << name;
}

Runtime const& polkadot() { return tests::runtime_of("metadata/polkadot-9431.v14.scale"); }

} // namespace

TEST(EventsBad, malformed_corpus_is_refused) {
    NEEDS_CORPUS();
    auto const text = tests::read_file(tests::corpus_dir() / "malformed/events.jsonl");
    simdjson::dom::parser parser;
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size();) {
        auto const end = std::min(text.find('\n', at), text.size());
        auto const line = parser.parse(text.substr(at, end - at)).value();
        at = end + 1;
        ++count;
        auto const& runtime = tests::runtime_of(std::string(line["metadata"].get_string().value()));
        auto const value = tests::from_hex(line["eventsHex"].get_string().value());
        std::string const kind(line["kind"].get_string().value());
        auto const json = by_json(runtime, value);
        EXPECT_FALSE(json.good) << kind << " line " << count;
        bool const trailing = std::string_view(line["expect"]) == "trailing";
        EXPECT_EQ(json.error.error.code == Code::trailing_bytes, trailing) << kind;
        EXPECT_LE(json.error.error.offset, value.size()) << kind;
        agree(runtime, value, kind);
    }
    EXPECT_EQ(count, 132u);
}

TEST(EventsBad, every_cut_of_a_block_gives_the_whole_events_before_it) {
    NEEDS_CORPUS();
    std::size_t cuts = 0;
    tests::each_block([&](tests::Block const& block) {
        if (block.value.size() > 3000 || cuts > 60'000) return;
        std::vector<std::size_t> ends;
        for (auto const event : block.truth["expected"]) {
            ends.push_back(std::uint64_t(event["span"].at(1)));
        }
        for (std::size_t size = 0; size < block.value.size(); ++size, ++cuts) {
            Bytes const cut(block.value.data(), size);
            auto const json = by_json(*block.runtime, cut);
            auto const whole = std::ranges::count_if(ends, [&](auto end) { return end <= size; });
            ASSERT_FALSE(json.good) << block.name << " cut at " << size;
            ASSERT_EQ(json.lines, static_cast<std::size_t>(whole)) << block.name << " at " << size;
            agree(*block.runtime, cut, block.name);
        }
    });
    EXPECT_GT(cuts, 10'000u);
}

TEST(EventsBad, scan_and_json_agree_on_flipped_bytes) {
    NEEDS_CORPUS();
    SampleRandom random(7);
    std::size_t tried = 0;
    auto const flip = [&](tests::Block const& block) {
        auto value = block.value;
        if (value.size() > 20'000) return;
        for (int i = 0; i < 40; ++i, ++tried) {
            auto const at = random.below(value.size());
            auto const before = value[at];
            value[at] = static_cast<std::uint8_t>(random.next());
            ASSERT_NO_FATAL_FAILURE(agree(*block.runtime, value, block.name));
            value[at] = before;
        }
    };
    tests::each_block(flip);
    tests::each_generated(flip);
    EXPECT_GT(tried, 10'000u);
}

TEST(EventsBad, a_huge_count_ends_at_once) {
    NEEDS_CORPUS();
    std::vector<std::uint8_t> const value = {0xfe, 0xff, 0xff, 0xff}; // 2^30 - 1 events
    auto const json = by_json(polkadot(), value);
    EXPECT_EQ(json.error.error.code, Code::end_of_input);
    EXPECT_EQ(json.lines, 0u);
    agree(polkadot(), value, "huge count");
}

TEST(EventsBad, an_empty_value_is_an_error_and_no_events_are_not) {
    NEEDS_CORPUS();
    EXPECT_EQ(by_json(polkadot(), {}).error.error.code, Code::end_of_input);
    std::vector<std::uint8_t> const none = {0};
    EXPECT_TRUE(by_json(polkadot(), none).good);
    EXPECT_TRUE(by_scan(polkadot(), none).good);
}

TEST(EventsBad, the_sentence_names_place_event_and_type) {
    NEEDS_CORPUS();
    // One event, Initialization, System (0).CodeUpdated (2), then a topic count that lies.
    std::vector<std::uint8_t> const value = {4, 2, 0, 2, 8};
    auto const text = describe(polkadot(), by_json(polkadot(), value).error);
    EXPECT_NE(text.find("byte 4"), text.npos) << text;
    EXPECT_NE(text.find("event 0"), text.npos) << text;
    EXPECT_NE(text.find("System.CodeUpdated"), text.npos) << text;
    EXPECT_NE(text.find("type "), text.npos) << text;
}

// A record decodes to the same line and the same transfer whatever stands beside it; only what
// repeats an event before it needs that event.
TEST(EventsBad, neighbours_do_not_matter) {
    NEEDS_CORPUS();
    tests::each_block([&](tests::Block const& block) {
        std::vector<Bytes> records;
        for (auto const event : block.truth["expected"]) {
            auto const begin = std::uint64_t(event["span"].at(0));
            auto const end = std::uint64_t(event["span"].at(1));
            records.emplace_back(block.value.data() + begin, end - begin);
        }
        std::vector<std::uint8_t> reversed;
        append_compact(records.size(), reversed);
        for (auto at = records.rbegin(); at != records.rend(); ++at) {
            reversed.insert(reversed.end(), at->begin(), at->end());
        }
        std::vector<std::string> forward, backward;
        auto const tail = [](std::string_view line) {
            return std::string(line.substr(line.find(',')));
        };
        auto const one = tests::events_json(*block.runtime, block.value);
        auto const two = tests::events_json(*block.runtime, reversed);
        ASSERT_TRUE(!one.fault && !two.fault) << block.name;
        std::ranges::transform(one.lines, std::back_inserter(forward), tail);
        std::ranges::transform(two.lines, std::back_inserter(backward), tail);
        std::ranges::reverse(backward);
        ASSERT_EQ(forward, backward) << block.name;
        std::vector<u128> amounts, mirrored;
        auto const keep = [&block](auto& list) {
            return [&list, &block](Movement const& transfer) {
                auto const& event = block.runtime->movements()[transfer.source];
                if (event.repeats.empty()) list.push_back(transfer.amount);
            };
        };
        ASSERT_TRUE(scan_transfers(*block.runtime, block.value, keep(amounts)));
        ASSERT_TRUE(scan_transfers(*block.runtime, reversed, keep(mirrored)));
        std::ranges::reverse(mirrored);
        ASSERT_TRUE(amounts == mirrored) << block.name;
    });
}
