// spyhop replay: the lines of a capture in the order of chain time, paced if asked for, and what
// another configuration would tell differently; counted by hand.
#include "command_said.hpp"
#include "config/cmd_replay.hpp"
#include "config/exit_codes.hpp"
#include "config/temporary_folder.hpp"
#include "recorded.hpp"
#include "texts.hpp"

#include <filesystem>
#include <fstream>
#include <simdjson.h>
#include <sstream>

using namespace config;
using tests::CommandSaid;
using tests::has;

namespace {

class Replay : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_FALSE(folder.path().empty()) << folder.trouble();
        std::ofstream(file) << tests::recorded_config(folder.path());
        recorder.write(capture, recorder.story());
    }
    // The same rules with `from` written as `to`.
    std::string changed(std::string const& from, std::string const& to) const {
        std::string text = tests::recorded_config(folder.path());
        auto const at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        text.replace(at, from.size(), to);
        std::string const path = folder.path() + "/other.toml";
        std::ofstream(path) << text;
        return path;
    }
    CommandSaid replay(std::string const& other = "", std::uint32_t speed = 0) {
        waits.clear();
        ReplayOptions const options{file, capture, other, speed};
        return tests::said_by([&](auto* out, auto* err) {
            return cmd_replay(
                common, options, [&](pipeline::Nanoseconds since) { waits.push_back(since); }, out,
                err);
        });
    }
    std::string member(std::string const& line, char const* pointer) {
        simdjson::dom::element const root = parser.parse(line);
        return simdjson::minify(root.at_pointer(pointer));
    }

    TemporaryFolder folder{"replay"};
    std::string const file = folder.path() + "/s.toml", capture = folder.path() + "/c.cap";
    tests::Recorder recorder;
    Common common;
    std::vector<pipeline::Nanoseconds> waits;
    simdjson::dom::parser parser;
};

} // namespace

// By hand from the story: 1200 is large; 300 thrice; the third is the third cut of a drain; 50 goes
// to the watched account. Two rules that speak of one event do so in the order of their movements.
TEST_F(Replay, tells_every_rule_in_the_order_of_chain_time_with_nothing_of_the_clock) {
    CommandSaid const said = replay();
    ASSERT_EQ(said.code, exit_ok) << said.err;
    EXPECT_EQ(said.err, "");
    std::istringstream lines(said.out);
    std::string told;
    for (std::string line; std::getline(lines, line);) {
        told += member(line, "/rule") + member(line, "/block/number") + ' ';
        EXPECT_EQ(member(line, "/state"), "\"final\"");
        EXPECT_EQ(member(line, "/latency/received_to_emitted_ns"), "0");
        EXPECT_EQ(member(line, "/latency/block_to_emitted_ms"), "0");
    }
    EXPECT_EQ(told, "\"large\"10 \"large\"11 \"large\"12 \"large\"13 \"cuts\"13 \"mine\"14 ");
    EXPECT_TRUE(waits.empty());
    EXPECT_EQ(replay().out, said.out);
}

TEST_F(Replay, a_speed_paces_the_lines_by_the_times_of_their_blocks) {
    std::string const all = replay().out;
    constexpr pipeline::Nanoseconds s = pipeline::second;
    EXPECT_EQ(replay("", 1).out, all);
    EXPECT_EQ(waits, (std::vector{0 * s, 7'200 * s, 7'206 * s, 7'212 * s, 7'212 * s, 7'218 * s}));
    EXPECT_EQ(replay("", 10).out, all);
    EXPECT_EQ(waits.back(), 7'218 * s / 10);
}

TEST_F(Replay, two_chains_are_told_in_one_time) {
    std::filesystem::remove(capture);
    auto const pay = [&](std::uint64_t number, std::uint64_t after_s) {
        return recorder.block(number, tests::recorded_ms + after_s * 1'000,
                              {recorder.pays(tests::giver, 3, 300 * tests::dot)});
    };
    recorder.write(capture, {pay(10, 0), pay(11, 12)}, "dot", 0x91);
    recorder.write(capture, {pay(50, 6), pay(51, 18)}, "ksm", 0x92);
    std::ofstream(file, std::ios::app) << "[[chain]]\nname = \"ksm\"\n"
                                          "endpoints = [\"ws://127.0.0.1:1\"]\n";
    std::istringstream lines(replay().out);
    std::string told;
    for (std::string line; std::getline(lines, line);) told += member(line, "/block/number") + ' ';
    EXPECT_EQ(told, "10 50 11 51 ");
}

TEST_F(Replay, the_same_configuration_makes_no_difference) {
    CommandSaid const said = replay(file);
    EXPECT_EQ(said.code, exit_ok);
    EXPECT_TRUE(has(said.out, "\n0 added, 0 dropped, 0 changed, 6 the same\n")) << said.out;
    EXPECT_TRUE(has(said.out, "as it was"));
}

TEST_F(Replay, a_lower_level_makes_alerts_more_severe_and_a_higher_one_drops_them) {
    CommandSaid const severe = replay(changed("important = \"1000\"", "important = \"300\""));
    EXPECT_EQ(severe.code, exit_ok);
    EXPECT_TRUE(has(severe.out, "important \"1000\" -> \"300\"")) << severe.out;
    EXPECT_TRUE(has(severe.out, "changed  notable -> important  large")) << severe.out;
    EXPECT_TRUE(has(severe.out, "\n0 added, 0 dropped, 3 changed, 3 the same\n")) << severe.out;

    CommandSaid const higher = replay(changed("notable = \"100\"", "notable = \"500\""));
    EXPECT_TRUE(has(higher.out, "\n0 added, 3 dropped, 0 changed, 3 the same\n")) << higher.out;
    EXPECT_TRUE(has(higher.out, "300 DOT"));
}

TEST_F(Replay, a_rule_of_another_name_is_another_rule) {
    CommandSaid const said = replay(changed("name = \"mine\"", "name = \"ours\""));
    EXPECT_TRUE(has(said.out, "it is gone")) << said.out;
    EXPECT_TRUE(has(said.out, "a new rule"));
    EXPECT_TRUE(has(said.out, "\n1 added, 1 dropped, 0 changed, 5 the same\n"));
}

TEST_F(Replay, the_difference_is_json_too) {
    std::string const other = changed("outflows = 3", "outflows = 2");
    common.output = Output::json;
    CommandSaid const said = replay(other);
    EXPECT_EQ(member(said.out, "/counts"), R"({"added":1,"dropped":1,"changed":0,"same":5})")
        << said.out;
    EXPECT_EQ(member(said.out, "/rules/2"),
              R"({"rule":"cuts","fate":"changed","keys":[{"key":"outflows","before":"3",)"
              R"("after":"2"}],"alerts":{"before":1,"after":1},"added":1,"dropped":1,)"
              R"("changed":0})");
    EXPECT_EQ(member(said.out, "/alerts/0/change"), "\"added\""); // a block earlier
    EXPECT_EQ(member(said.out, "/alerts/0/block"), "12");
    EXPECT_EQ(member(said.out, "/alerts/0/before"), "null");
    EXPECT_EQ(member(said.out, "/alerts/0/after/amount"), "\"600\"");
    common.output = Output::ndjson;
    std::string const lines = replay(other).out;
    EXPECT_EQ(std::ranges::count(lines, '\n'), 3);
    EXPECT_TRUE(lines.ends_with("{\"counts\":{\"added\":1,\"dropped\":1,\"changed\":0,"
                                "\"same\":5}}\n"))
        << lines;
}

TEST_F(Replay, a_bad_configuration_is_refused_on_either_side) {
    EXPECT_EQ(replay("/nowhere.toml").code, exit_bad_configuration);
    CommandSaid const said = replay(changed("notable = \"100\"", "notabel = \"100\""));
    EXPECT_EQ(said.code, exit_bad_configuration);
    EXPECT_TRUE(has(said.err, "did you mean `notable`?")) << said.err;
    std::filesystem::remove(capture);
    CommandSaid const gone = replay();
    EXPECT_EQ(gone.code, exit_failed);
    EXPECT_TRUE(has(gone.err, "spyhop replay: ")) << gone.err;
}
