// Limits and odd shapes on a runtime made for them; needs no recorded data.
#include "decoders/events.hpp"
#include "decoders/samples.hpp"
#include "decoders/value.hpp"
#include "tests/decoders/tiny_metadata.hpp"

#include <gtest/gtest.h>

namespace {

using namespace decoders;
using pipeline::u128;
using namespace tests;
using List = std::vector<std::uint8_t>;

class TinyRuntime : public testing::Test {
  protected:
    std::unique_ptr<Runtime const> runtime = compile(tiny_metadata()).value();

    std::string json(TypeId type, List const& bytes) const {
        std::string out;
        auto const done = value_to_json(*runtime, type, bytes, out);
        return done ? out : std::string(code_name(done.error().code));
    }
    Code passed(TypeId type, List const& bytes) const {
        Walk walk{bytes.data(), bytes.data() + bytes.size(), Code{}, no_type};
        EXPECT_FALSE(pass(runtime->plans(), runtime->plans().types[type], walk));
        return walk.code;
    }
    // Trees inside each other: a node holding a list of one, and so on, and a leaf.
    static List deep_tree(std::size_t nodes) {
        List out;
        for (std::size_t i = 0; i < nodes; ++i) out.insert(out.end(), {1, 4});
        out.push_back(0);
        return out;
    }
};

} // namespace

TEST_F(TinyRuntime, canonical_json_of_every_kind) {
    EXPECT_EQ(json(tiny_bool, {1}), "true");
    EXPECT_EQ(json(tiny_bool, {2}), "bad_bool");
    EXPECT_EQ(json(tiny_u32, {1, 0, 0, 0}), "1");
    EXPECT_EQ(json(tiny_u128, List(16, 0xff)), "\"340282366920938463463374607431768211455\"");
    EXPECT_EQ(json(tiny_i128, List(16, 0xff)), "\"-1\"");
    EXPECT_EQ(json(tiny_compact, {0xfc}), "\"63\"");
    EXPECT_EQ(json(tiny_str, {20, 'a', '"', '\n', 1, '\\'}), R"("a\"\n\u0001\\")");
    EXPECT_EQ(json(tiny_str, {4, 0xff}), "bad_utf8");
    EXPECT_EQ(json(tiny_char, {0xe4, 0, 0, 0}), "\"ä\"");
    EXPECT_EQ(json(tiny_char, {0, 0xd8, 0, 0}), "bad_char");
    EXPECT_EQ(json(tiny_bytes, {8, 1, 0xab}), "\"0x01ab\"");
    EXPECT_EQ(json(tiny_bytes, {0}), "\"0x\"");
    EXPECT_EQ(json(tiny_bits, {40, 0b00000101, 0b10}), "\"0b1010000001\"");
    EXPECT_EQ(json(tiny_bits, {0}), "\"0b\"");
    EXPECT_EQ(json(tiny_unit, {}), "null");
    EXPECT_EQ(json(tiny_units, {8}), "[null,null]");
    EXPECT_EQ(json(tiny_pair, {0, 0}), R"(["","Leaf"])");
    EXPECT_EQ(json(tiny_option, {0}), "\"None\"");
    EXPECT_EQ(json(tiny_option, {1, 5, 0, 0, 0}), R"({"Some":5})");
    EXPECT_EQ(json(tiny_option, {2}), "bad_variant");
    EXPECT_EQ(json(tiny_tree, {1, 8, 0, 1, 0}), R"({"Node":["Leaf",{"Node":[]}]})");
    EXPECT_EQ(json(tiny_empty, {0}), "no_values");
    EXPECT_EQ(json(tiny_u32, {1, 0, 0, 0, 0}), "trailing_bytes");
    EXPECT_EQ(json(tiny_u32, {1, 0}), "end_of_input");
}

TEST_F(TinyRuntime, depth_is_bounded_the_same_way_twice) {
    auto const good = deep_tree(max_value_depth / 2 - 1);
    EXPECT_NE(json(tiny_tree, good), "too_deep");
    for (std::size_t const nodes : {max_value_depth / 2 + 1, std::size_t{100'000}}) {
        EXPECT_EQ(json(tiny_tree, deep_tree(nodes)), "too_deep");
        EXPECT_EQ(passed(tiny_tree, deep_tree(nodes)), Code::too_deep);
    }
}

TEST_F(TinyRuntime, empty_elements_are_counted) {
    List bytes;
    append_compact(max_empty_elements + 1, bytes);
    EXPECT_EQ(json(tiny_units, bytes), "too_much_work");
    EXPECT_EQ(passed(tiny_units, bytes), Code::too_much_work);
    List huge;
    append_compact(1u << 29, huge);
    EXPECT_EQ(passed(tiny_trees, huge), Code::too_many_elements);
    EXPECT_EQ(passed(tiny_bytes, huge), Code::too_many_elements);
    EXPECT_EQ(json(tiny_bits, huge), "too_many_elements");
}

// Roles behind variable parts, an account in an enum, an amount in a compact.
TEST_F(TinyRuntime, movements_at_moving_places) {
    ASSERT_EQ(runtime->movements().size(), 2u);
    EXPECT_EQ(runtime->movements()[1].pallet, "Tokens");
    List value = {8};
    for (std::string_view const memo : {"", "a longer memo"}) {
        List event = {7, 0};
        append_compact(memo.size(), event);
        event.insert(event.end(), memo.begin(), memo.end());
        event.insert(event.end(), {1, 9, 0, 0, 0}); // Some(9)
        event.push_back(0);                         // Id
        event.insert(event.end(), 32, 0xaa);
        event.insert(event.end(), 32, 0xbb);
        append_compact(u128{5} << 100, event);
        append_record(-1, event, value);
    }
    std::size_t seen = 0;
    auto const done = scan_transfers(*runtime, value, [&](Movement const& transfer) {
        EXPECT_EQ(transfer.event_index, seen++);
        EXPECT_EQ(transfer.phase, Phase::initialization);
        EXPECT_EQ(transfer.from.key[31], 0xaa);
        EXPECT_EQ(transfer.to.key[0], 0xbb);
        EXPECT_TRUE(transfer.amount == u128{5} << 100);
        EXPECT_EQ(transfer.asset.size(), 5u);
    });
    ASSERT_TRUE(done.has_value()) << describe(*runtime, done.error());
    EXPECT_EQ(seen, 2u);
}

TEST_F(TinyRuntime, an_address_without_a_key_is_no_account) {
    List event = {7, 0, 0, 0, 1, 4}; // no memo, None, Index(1)
    event.insert(event.end(), 32, 0xbb);
    append_compact(1, event);
    List value = {4};
    append_record(0, event, value);
    auto const done = scan_transfers(*runtime, value, [](Movement const& transfer) {
        EXPECT_FALSE(transfer.from);
        EXPECT_TRUE(transfer.to);
    });
    EXPECT_TRUE(done.has_value());
}

TEST(Errors, every_code_has_a_sentence) {
    for (unsigned i = 0; i <= static_cast<unsigned>(Code::unknown_name); ++i) {
        Error const error{static_cast<Code>(i), 12, 34};
        EXPECT_FALSE(describe(error).empty());
        EXPECT_EQ(describe(error).find('{'), std::string::npos);
    }
}
