// What `spyhop shadow report` and `shadow mismatches` show.
#include "stages/shadow_view.hpp"

#include "tests/stages/shadow_fixture.hpp"

#include <gtest/gtest.h>

using namespace stages;

namespace {

ShadowView view() {
    ShadowView made{.name = "dot \"one\""};
    made.note.tally.classes = {900, 50, 10, 9, 8, 7, 6, 5, 5};
    made.note.tally.ruled[static_cast<std::size_t>(ShadowClass::amount)] = {1, 2, 3, 2};
    made.note.tally.duplicate = 4;
    made.note.tally.voided = 3;
    return made;
}

bool has(std::string const& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST(ShadowView, json_has_the_members_of_the_interface) {
    std::string const json = shadow_json({view()});
    EXPECT_TRUE(json.starts_with(
        R"([{"name":"dot \"one\"","pairs":1000,"agree":900,"late":50,"missing_in_legacy":10,)"
        R"("missing_in_hybrid":9,"amount":8,"party":7,"asset":6,"not_final":5,"unsupported":5,)"
        R"("duplicate":4,"void":3,"void_now":false,"stale":0,"adjudicated":{"hybrid_wrong":4,)"
        R"("legacy_wrong":5,"unclear":2,"both_wrong":3,"waiting":37},"accuracy":{"estimate":)"))
        << json;
    for (std::string_view const member : {"false_positive_rate", "latency_ratio", "coverage_gained",
                                          "error_rate", "noise", "resource_ratio"})
        EXPECT_TRUE(has(json, "\"" + std::string(member) + "\":")) << member;
    EXPECT_TRUE(has(json, R"("resource_ratio":null)"));
    EXPECT_TRUE(has(json, R"("latency_ratio":{"estimate":null,"lower":0,"upper":1,"samples":0})"));
    ShadowView measured = view();
    measured.resource_ratio = 0.25;
    EXPECT_TRUE(has(shadow_json({measured}), R"("resource_ratio":0.25)"));
    EXPECT_EQ(shadow_json({}), "[]");
}

TEST(ShadowView, the_table_says_how_sure_it_is) {
    std::string const text = shadow_table({view()});
    // Of 950 + 1 that legacy was right about, hybrid said 950.
    EXPECT_TRUE(has(text, "accuracy         99.89 % (")) << text;
    EXPECT_TRUE(has(text, "n = 951)"));
    EXPECT_TRUE(has(text, "latency ratio    no data"));
    EXPECT_TRUE(has(text, "hybrid wrong 4, legacy wrong 5, unclear 2, waiting 37"));
    EXPECT_FALSE(has(text, "nothing is judged at present"));
    ShadowView nothing{.name = "new"};
    nothing.note.void_now = true;
    EXPECT_TRUE(has(shadow_table({nothing}), "new: nothing is judged at present\n  accuracy"
                                             "         no data"));
    EXPECT_TRUE(has(shadow_table({}), "nothing to compare"));
}

TEST(ShadowView, columns_are_aligned) {
    std::string const text = shadow_table({view(), {.name = "a"}});
    std::size_t const first = text.find('\n');
    std::size_t const second = text.find('\n', first + 1);
    std::size_t const third = text.find('\n', second + 1);
    EXPECT_EQ(second - first, first + 1);
    EXPECT_EQ(third - second, first + 1);
}

TEST(ShadowView, a_mismatch_shows_all_three) {
    MismatchView one{.chain = "dot", .rule = "whales", .ss58_prefix = 0};
    one.mismatch.what = ShadowClass::amount;
    one.mismatch.ruling = Ruling::hybrid_wrong;
    one.mismatch.block = {stages::testing::hash(77), 77, true, 1'700'000'000'000, true};
    one.mismatch.event_index = 3;
    one.mismatch.judged_unix_ms = 1'700'000'060'000;
    one.mismatch.hybrid = {true, true, 5, stages::testing::account(1), {}, 1'700'000'002'000};
    one.mismatch.legacy = {true, true, 6, stages::testing::account(1), {}, 1'700'000'030'000};
    one.mismatch.chain_says = one.mismatch.legacy;
    std::string const json = mismatches_json({one});
    EXPECT_TRUE(json.starts_with(
        R"([{"chain":"dot","class":"amount","verdict":"hybrid_wrong","rule":"whales",)"
        R"("block":{"number":77,"hash":"0x4d)"))
        << json;
    EXPECT_TRUE(has(json, R"("hybrid":{"amount_raw":"5","native":true,"from":{"address":")"));
    EXPECT_TRUE(has(json, R"("to":null,"seen":"2023-11-14T22:13:50.000Z"},"chain_says":{)"));
    std::string const text = mismatches_table({one});
    EXPECT_TRUE(has(text, "dot  77-3  amount  hybrid_wrong  rule whales\n    hybrid  5 from "))
        << text;

    one.mismatch.ruling = Ruling::unclear;
    one.mismatch.legacy = {};
    EXPECT_TRUE(has(mismatches_json({one}), R"("legacy":null,"chain_says":null)"));
    EXPECT_TRUE(has(mismatches_table({one}), "legacy  nothing"));
    EXPECT_EQ(mismatches_json({}), "[]");
}
