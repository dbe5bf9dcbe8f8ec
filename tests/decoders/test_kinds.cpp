// One table for every kind of SCALE value, with bytes and text by the specification (SCALE codec;
// scale-info; interface.md section 6). Every row goes through the walk, the JSON plan and the plan
// that only passes over: all three take the same bytes, and both writers say the same.
#include "decoders/hex.hpp"
#include "decoders/json_run.hpp"
#include "decoders/value.hpp"
#include "tests/decoders/type_list.hpp"

#include <gtest/gtest.h>

namespace {

using namespace decoders;
using List = std::vector<std::uint8_t>;
using Field = tests::TypeList::Field;

std::string repeat(std::string_view text, std::size_t times) {
    std::string out;
    while (times-- > 0) out += text;
    return out;
}

class Kinds : public testing::Test {
  protected:
    tests::TypeList types;
    tests::TypeList::Id const u8 = types.primitive(3);
    tests::TypeList::Id const u16 = types.primitive(4);
    tests::TypeList::Id const u32 = types.primitive(5);
    tests::TypeList::Id const u64 = types.primitive(6);
    tests::TypeList::Id const u128 = types.primitive(7);
    tests::TypeList::Id const u256 = types.primitive(8);
    tests::TypeList::Id const boolean = types.primitive(0);
    tests::TypeList::Id const unit = types.tuple({});

    std::unique_ptr<Runtime const> runtime; // compiled at the first row
    std::optional<JsonPlans> plans;

    // Bytes as hex without 0x; what is expected is JSON, or the word for a fault.
    void row(TypeId id, std::string_view hex, std::string_view expected) {
        if (!runtime) {
            auto compiled = compile(types.metadata());
            ASSERT_TRUE(compiled) << describe(compiled.error());
            runtime = std::move(*compiled);
            plans = build_json_plans(*runtime);
        }
        List bytes(hex.size() / 2);
        ASSERT_TRUE(hex_decode(hex, bytes));
        auto const what = runtime->metadata().type_name(id) + " of " + std::string(hex);
        std::string walked;
        auto const walk = value_to_json(*runtime, id, bytes, walked);
        EXPECT_EQ(walk ? walked : std::string(code_name(walk.error().code)), expected) << what;

        JsonRun run(*plans);
        run.start(bytes);
        bool good = run.value(plans->types[id]);
        auto const fault = [&] {
            return good ? std::string(code_name(Code::trailing_bytes))
                        : std::string(code_name(run.reader().code));
        };
        bool const whole = good && run.reader().left() == 0;
        EXPECT_EQ(whole ? std::string(run.buffer().text()) : fault(), expected) << what;

        Walk pass_over{bytes.data(), bytes.data() + bytes.size(), Code{}, no_type};
        good = pass(runtime->plans(), runtime->plans().types[id], pass_over);
        EXPECT_EQ(good && pass_over.at == pass_over.end, walk.has_value()) << what;
        if (!good) {
            EXPECT_EQ(code_name(pass_over.code), expected) << what;
        }
    }
};

} // namespace

TEST_F(Kinds, integers) {
    auto const i8 = types.primitive(9), i16 = types.primitive(10), i32 = types.primitive(11);
    auto const i64 = types.primitive(12), i128 = types.primitive(13), i256 = types.primitive(14);
    row(u8, "ff", "255");
    row(u16, "ffff", "65535");
    row(u32, "ffffffff", "4294967295");
    row(u64, "ffffffffffffffff", R"("18446744073709551615")");
    row(u64, "0000000000000000", R"("0")");
    row(u128, "00000000000000000100000000000000", R"("18446744073709551616")");
    row(u128, repeat("ff", 16), R"("340282366920938463463374607431768211455")");
    row(u128, "0000e8890423c78a0000000000000000", R"("10000000000000000000")"); // 10^19
    row(u256, repeat("ff", 32),
        R"("115792089237316195423570985008687907853269984665640564039457584007913129639935")");
    row(u256, repeat("00", 32), R"("0")");
    row(i8, "80", "-128");
    row(i8, "7f", "127");
    row(i16, "0080", "-32768");
    row(i32, "00000080", "-2147483648");
    row(i32, "ffffffff", "-1");
    row(i64, "0000000000000080", R"("-9223372036854775808")");
    row(i128, repeat("00", 15) + "80", R"("-170141183460469231731687303715884105728")");
    row(i256, repeat("ff", 32), R"("-1")");
    row(i256, repeat("00", 31) + "80",
        R"("-57896044618658097711785492504343953926634992332820282019728792003956564819968")");
    row(u256, repeat("ff", 31), "end_of_input");
    row(boolean, "02", "bad_bool");
}

TEST_F(Kinds, compacts_in_every_mode) {
    auto const c8 = types.compact(u8), c16 = types.compact(u16), c32 = types.compact(u32);
    auto const c64 = types.compact(u64), c128 = types.compact(u128), c256 = types.compact(u256);
    row(c32, "00", "0");
    row(c32, "fc", "63");
    row(c32, "0101", "64");
    row(c32, "fdff", "16383");
    row(c32, "02000100", "16384");
    row(c32, "feffffff", "1073741823");
    row(c32, "0300000040", "1073741824");
    row(c32, "03ffffffff", "4294967295");
    row(c64,
        "0700000000"
        "01",
        R"("4294967296")");
    row(c64, "13ffffffffffffffff", R"("18446744073709551615")");
    row(c128, "33" + repeat("ff", 16), R"("340282366920938463463374607431768211455")");
    row(c256, "73" + repeat("ff", 32),
        R"("115792089237316195423570985008687907853269984665640564039457584007913129639935")");
    row(c8, "fd03", "255");
    row(c16, "feff0300", "65535");
    // too wide for the type
    row(c8, "0104", "compact_too_wide");
    row(c16, "02000400", "compact_too_wide");
    row(c32, "070000000001", "compact_too_wide");
    row(c64, "17" + repeat("ff", 9), "compact_too_wide");
    row(c128, "37" + repeat("ff", 17), "compact_too_wide");
    row(c256, "77" + repeat("ff", 33), "compact_too_wide");
    // longer than needed
    row(c32, "0100", "compact_redundant");
    row(c32, "fd00", "compact_redundant");
    row(c32,
        "0200"
        "0000",
        "compact_redundant");
    row(c32, "feff0000", "compact_redundant");
    row(c32, "03ffffff3f", "compact_redundant");
    row(c64, "070000000000", "compact_redundant");
    row(c128, "33" + repeat("ff", 15) + "00", "compact_redundant");
    row(c32, "01", "end_of_input");
    row(c32, "03000000", "end_of_input");
}

TEST_F(Kinds, compacts_of_newtypes_and_of_nothing) {
    auto const balance = types.composite({"Balance"}, {{"", u128}});
    auto const perbill = types.composite({"Perbill"}, {{"parts", u32}});
    auto const nested = types.composite({"Nested"}, {{"", types.composite({"In"}, {{"x", u64}})}});
    auto const of_nothing = types.compact(unit);
    auto const c_balance = types.compact(balance), c_perbill = types.compact(perbill);
    auto const c_nested = types.compact(nested);
    auto const c_text = types.compact(types.primitive(2));
    row(c_balance, "04", R"("1")");
    row(c_perbill, "02093d00", R"({"parts":1000000})");
    row(c_nested, "04", R"({"x":"1"})");
    row(of_nothing, "", "null");
    row(c_text, "04", "no_values");
}

TEST_F(Kinds, options_of_bool_are_ordinary_enums) {
    auto const option = types.variant({"Option"}, {{"None", 0, {}}, {"Some", 1, {{"", boolean}}}});
    auto const twice = types.variant({"Option"}, {{"None", 0, {}}, {"Some", 1, {{"", option}}}});
    auto const result =
        types.variant({"Result"}, {{"Ok", 0, {{"", unit}}}, {"Err", 1, {{"", u8}}}});
    row(option, "00", R"("None")");
    row(option, "0101", R"({"Some":true})");
    row(option, "0100", R"({"Some":false})");
    row(option, "02", "bad_variant");
    row(option, "0102", "bad_bool");
    row(twice, "0100", R"({"Some":"None"})");
    row(twice, "010101", R"({"Some":{"Some":true}})");
    row(result, "00", R"({"Ok":null})");
    row(result, "0107", R"({"Err":7})");
}

TEST_F(Kinds, bit_sequences_in_both_orders_and_every_store) {
    auto const lsb = types.composite({"bitvec", "order", "Lsb0"}, {});
    auto const msb = types.composite({"bitvec", "order", "Msb0"}, {});
    auto const l8 = types.bits(u8, lsb), l16 = types.bits(u16, lsb);
    auto const l32 = types.bits(u32, lsb), l64 = types.bits(u64, lsb);
    auto const m8 = types.bits(u8, msb), m16 = types.bits(u16, msb);
    auto const m32 = types.bits(u32, msb), m64 = types.bits(u64, msb);
    auto const none = types.bits(u128, lsb);
    row(l8, "00", R"("0b")");
    row(l8, "1005", R"("0b1010")");
    row(m8, "10a0", R"("0b1010")");
    row(l8, "240501", R"("0b101000001")");
    row(m8, "24a080", R"("0b101000001")");
    row(l16, "100500", R"("0b1010")");
    row(l16, "240501", R"("0b101000001")");
    row(m16, "1000a0", R"("0b1010")");
    row(m16, "2480a0", R"("0b101000001")");
    row(l32, "1005000000", R"("0b1010")");
    row(m32, "10000000a0", R"("0b1010")");
    row(l64, "100500000000000000", R"("0b1010")");
    row(m64, "1000000000000000a0", R"("0b1010")");
    row(l64, "84" + repeat("ff", 4) + "01000000", "\"0b" + repeat("1", 33) + "\"");
    row(l16, "1005", "too_many_elements");
    row(none, "00", "no_values");
}

TEST_F(Kinds, arrays_and_lists) {
    auto const text = types.primitive(2);
    auto const never = types.variant({"Void"}, {});
    auto const no_bytes = types.array(0, u8), no_texts = types.array(0, text);
    auto const no_values_at_all = types.array(0, never);
    auto const units = types.array(3, unit), many = types.array(0x4000'0000, unit);
    auto const words = types.array(2, u16), texts = types.array(2, text);
    auto const list = types.sequence(u16), of_units = types.sequence(unit);
    auto const of_never = types.sequence(never);
    row(no_bytes, "", R"("0x")");
    row(no_texts, "", "[]");
    row(no_values_at_all, "", "[]");
    row(units, "", "[null,null,null]");
    row(words, "01000200", "[1,2]");
    row(texts, "04610462", R"(["a","b"])");
    row(list, "0801000200", "[1,2]");
    row(list, "00", "[]");
    row(list, "0c01000200", "too_many_elements");
    row(of_units, "08", "[null,null]");
    row(of_units, "feffffff", "too_much_work");
    row(of_never, "00", "[]");
    row(of_never, "0400", "no_values");
    row(never, "00", "no_values");
    // A type of 2^30 nothings has a value of no bytes; as text it would be endless.
    std::string json;
    auto const endless = value_to_json(*runtime, many, {}, json);
    ASSERT_FALSE(endless);
    EXPECT_EQ(endless.error().code, Code::too_much_work);
    JsonRun run(*plans);
    run.start({});
    EXPECT_FALSE(run.value(plans->types[many]));
    EXPECT_EQ(run.reader().code, Code::too_much_work);
}

TEST_F(Kinds, structs_and_tuples) {
    auto const empty = types.composite({"Empty"}, {});
    auto const newtype = types.composite({"New"}, {{"", u8}});
    auto const pair = types.composite({"Pair"}, {{"", u8}, {"", boolean}});
    auto const named = types.composite({"Named"}, {{"a", u8}, {"b\"", newtype}});
    auto const one = types.tuple({u8});
    auto const two = types.tuple({u8, named});
    auto const limbs = types.array(4, u64);
    auto const wide = types.composite({"primitive_types", "U256"}, {{"", limbs}});
    auto const half = types.composite({"primitive_types", "U128"}, {{"", types.array(2, u64)}});
    auto const twice = types.composite({"primitive_types", "U512"}, {{"", types.array(8, u64)}});
    auto const h256 = types.composite({"primitive_types", "H256"}, {{"", types.array(32, u8)}});
    row(empty, "", "null");
    row(newtype, "07", "7");
    row(pair, "0701", "[7,true]");
    row(named, "0708", R"({"a":7,"b\"":8})");
    row(one, "07", "[7]");
    row(two, "070809", R"([7,{"a":8,"b\"":9}])");
    row(wide, "01" + repeat("00", 31), R"("1")");
    row(half, repeat("ff", 16), R"("340282366920938463463374607431768211455")");
    row(twice, repeat("00", 63) + "01", // 2^504
        "\"523742497263382699202110351492415864354662727366890366317326618895381407424747928781"
        "32321477214466514414186946040961136147476104734166288853256441430016\"");
    row(h256, repeat("ab", 32), "\"0x" + repeat("ab", 32) + "\"");
}

TEST_F(Kinds, enums_with_gaps_and_recursion) {
    auto const gaps = types.variant({"Gaps"}, {{"Low", 3, {}}, {"High", 255, {{"x", u8}}}});
    auto const self = types.next() + 1;
    auto const list = types.sequence(self);
    auto const call = types.variant(
        {"Call"}, {{"remark", 0, {{"text", types.next() - 1}}}, {"batch", 7, {{"calls", list}}}});
    row(gaps, "03", R"("Low")");
    row(gaps, "ff09", R"({"High":{"x":9}})");
    row(gaps, "00", "bad_variant");
    row(call, "070807000000",
        R"({"batch":{"calls":[{"batch":{"calls":[]}},{"remark":{"text":[]}}]}})");
    std::string deep;
    for (int i = 0; i < 200; ++i) deep += "0704";
    row(call, deep + "0700", "too_deep");
}

TEST_F(Kinds, text) {
    auto const text = types.primitive(2), character = types.primitive(1);
    row(text, "00", R"("")");
    row(text, "08c3a4", "\"ä\"");
    row(text, "1422085c0a1f", R"("\"\b\\\n\u001f")");
    row(text, "0808ff", "bad_utf8");
    row(text, "08c0af", "bad_utf8");   // overlong
    row(text, "0cedb080", "bad_utf8"); // a surrogate
    row(character, "7a000000", R"("z")");
    row(character, "01f60100", "\"😁\"");
    row(character, "00001100", "bad_char");
    row(character, "ffdf0000", "bad_char");
}
