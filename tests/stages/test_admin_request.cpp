// One line of the admin socket, in words and in JSON.
#include "stages/admin_request.hpp"

#include <gtest/gtest.h>

using namespace stages;
using Words = std::vector<std::string>;
using Args = std::map<std::string, std::string>;

namespace {

AdminRequest parsed(std::string_view line) {
    auto const request = parse_admin_request(line);
    EXPECT_TRUE(request) << line << ": " << (request ? "" : request.error());
    return request.value_or(AdminRequest{});
}

std::string refused(std::string_view line) {
    auto const request = parse_admin_request(line);
    EXPECT_FALSE(request) << line;
    return request ? "" : request.error();
}

} // namespace

TEST(AdminRequest, words_and_arguments) {
    auto const request = parsed(R"(  rollout step-down --reason "bad alerts" --wait --to=5 )");
    EXPECT_EQ(request.words, (Words{"rollout", "step-down"}));
    EXPECT_EQ(request.args, (Args{{"reason", "bad alerts"}, {"wait", "true"}, {"to", "5"}}));
    EXPECT_FALSE(request.json);
}

TEST(AdminRequest, quotes_and_backslashes_as_in_a_shell) {
    EXPECT_EQ(parsed(R"(a 'b c' "d \"e" f\ g "")").words, (Words{"a", "b c", "d \"e", "f g", ""}));
    EXPECT_EQ(parsed(R"(a 'b\c')").words, (Words{"a", "b\\c"}));
    EXPECT_EQ(refused("status 'open"), "a quote is not closed");
}

TEST(AdminRequest, json) {
    auto const request =
        parsed(R"( {"command":["rollback"],"args":{"reason":"x \"y\"","drain":10,"wait":true}} )");
    EXPECT_EQ(request.words, Words{"rollback"});
    EXPECT_EQ(request.args, (Args{{"reason", "x \"y\""}, {"drain", "10"}, {"wait", "true"}}));
    EXPECT_TRUE(request.json);
    EXPECT_EQ(parsed(R"({"args":{},"command":["status"]})").words, Words{"status"});
}

TEST(AdminRequest, bad_json_is_refused_with_an_example) {
    for (std::string_view bad :
         {"{", "{}}", R"({"command":"status"})", R"({"command":[1]})", R"({"command":["status"])",
          R"({"command":["status"],"args":[]})", R"({"command":["status"],"args":{"a":)",
          R"({"command":["status"],"arg":{}})", R"({"command":["status"]} garbage)",
          R"({"command":["status"],"args":{"a":[1]}})", R"({"command":["status"],"args":{"a":{}}})",
          "{\"command\":[\"\xff\"]}"}) {
        EXPECT_NE(refused(bad).find(R"({"command":["status"],"args":{}})"), std::string::npos)
            << bad << ": " << refused(bad);
    }
}

TEST(AdminRequest, nothing_asked) {
    for (std::string_view empty : {"", "   ", "--reason x", "{}", R"({"command":[]})"})
        EXPECT_EQ(refused(empty), "an empty command; try: status") << empty;
}

TEST(AdminRequest, words_and_arguments_are_bounded) {
    std::string words, args = "status", json = R"({"command":[)";
    for (std::size_t i = 0; i <= admin_words_max; ++i) words += "w ";
    for (std::size_t i = 0; i <= admin_args_max; ++i) args += " --a" + std::to_string(i);
    for (std::size_t i = 0; i <= admin_words_max; ++i) json += i ? ",\"w\"" : "\"w\"";
    EXPECT_EQ(refused(words), "too many words");
    EXPECT_EQ(refused(args), "too many words");
    EXPECT_TRUE(refused(json + "]}").starts_with("too many words"));
}

TEST(AdminRequest, nearest_name) {
    std::vector<std::string_view> const known{"status", "shutdown", "metrics", "help"};
    EXPECT_EQ(nearest("stauts", known), "status");
    EXPECT_EQ(nearest("shutdwon", known), "shutdown");
    EXPECT_EQ(nearest("metric", known), "metrics");
    EXPECT_EQ(nearest("xyzzy", known), "");
    EXPECT_EQ(nearest("", known), "");
    EXPECT_EQ(nearest(std::string(65, 's'), known), "");
}

TEST(RollbackOrder, is_what_the_body_says_or_an_emergency) {
    using stages::parse_rollback_order;
    EXPECT_EQ(parse_rollback_order("")->reason, "emergency");
    EXPECT_EQ(parse_rollback_order(R"({"reason":""})")->reason, "emergency");
    auto const order = parse_rollback_order(R"({"reason":"bad \"x\"","operator":"ann"})");
    ASSERT_TRUE(order);
    EXPECT_EQ(order->reason, "bad \"x\"");
    EXPECT_EQ(order->operator_name, "ann");
    for (char const* bad : {"nonsense", "[]", "{", R"({"reason":1})", R"({"why":"x"})", "\x01"})
        EXPECT_FALSE(parse_rollback_order(bad)) << bad;
}
