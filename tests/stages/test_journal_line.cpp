// Lines as text: whose they are, and the same alert in another state.
#include "stages/alert_line.hpp"
#include "stages/journal_line.hpp"

#include <gtest/gtest.h>

namespace stages {
namespace {

constexpr std::string_view id_text = "841512b831893b311ce03f7f047ec7ba";
std::string const good = "{\"id\":\"" + std::string(id_text) + "\",\"state\":\"seen\",\"rule\":1}";

TEST(JournalLine, reads_the_head_of_a_line) {
    auto const head = read_line_head(good);
    ASSERT_TRUE(head);
    EXPECT_EQ(head->id[0], 0x84);
    EXPECT_EQ(head->id[15], 0xba);
    EXPECT_EQ(head->state, AlertState::seen);
}

TEST(JournalLine, refuses_what_is_not_ours) {
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_FALSE(read_line_head(std::string_view(good).substr(0, size))) << size;
    auto const with = [](std::string_view from, std::string_view to) {
        std::string line = good;
        return line.replace(line.find(from), from.size(), to);
    };
    EXPECT_FALSE(read_line_head(with("seen", "sent")));
    EXPECT_FALSE(read_line_head(with("seen", "seen2")));
    EXPECT_FALSE(read_line_head(with("84", "0x")));
    EXPECT_FALSE(read_line_head(with("84", "8G")));
    EXPECT_FALSE(read_line_head(with("ec7ba", "EC7BA")));
    EXPECT_FALSE(read_line_head(with("state", "stage")));
    EXPECT_FALSE(read_line_head(with("{", " {")));
}

TEST(JournalLine, tells_a_torn_line_from_foreign_text) {
    for (std::size_t size = 0; size <= good.size(); ++size)
        EXPECT_TRUE(may_be_torn_line(std::string_view(good).substr(0, size))) << size;
    EXPECT_TRUE(may_be_torn_line(std::string(100'000, '\0')));
    EXPECT_TRUE(may_be_torn_line(good.substr(0, 40) + std::string(100'000, '\0')));
    EXPECT_FALSE(may_be_torn_line("note" + std::string(100, '\0')));
    EXPECT_FALSE(may_be_torn_line("note"));
    EXPECT_FALSE(may_be_torn_line("{\"ix"));
    EXPECT_FALSE(may_be_torn_line(good + std::string(Journal::line_bytes_max, 'x')));
}

// What a restarted service says must be what it would have said without the restart.
TEST(JournalLine, restated_is_what_the_record_would_have_given) {
    for (std::uint64_t const timestamp : {std::uint64_t{0}, std::uint64_t{1'763'626'512'000}}) {
        AlertLine line;
        line.alert.id.fill(0xab);
        line.alert.match.transfer.block.number = 77;
        line.alert.match.transfer.block.timestamp_ms = timestamp;
        line.alert.match.transfer.from.size = 32;
        line.alert.match.transfer.amount = 12'345;
        line.alert.from.label.assign(",\"latency\":{x,\"amended\":[y");
        ChainFacts const facts;
        LineContext context{
            "dot \"latency\":{", "r,\"latency\":{", "large_transfer", facts, nullptr, 5'000,
            1'763'626'513'500};
        std::string said;
        line.alert.amended = Amended::from_label | Amended::usd; // no news once it is said again
        append_alert_line(line, context, said);
        EXPECT_NE(said.find(R"(,"amended":["from.label","usd"],"latency":{)"), said.npos) << said;
        line.alert.amended = 0;
        AlertRow const row{.emitted_unix_ms = context.emitted_unix_ms, .line = said};
        for (AlertState const state : {AlertState::final, AlertState::retracted}) {
            line.state = state;
            context.received_to_emitted_ns = 77;
            context.emitted_unix_ms = 1'763'626'530'000;
            std::string expected;
            append_alert_line(line, context, expected);
            std::string restated;
            ASSERT_TRUE(append_restated_line(row, state, 77, 1'763'626'530'000, restated));
            EXPECT_EQ(restated, expected);
            EXPECT_EQ(read_line_head(restated)->state, state);
        }
    }
    std::string out;
    EXPECT_FALSE(append_restated_line({.line = "note"}, AlertState::final, 0, 0, out));
    EXPECT_FALSE(append_restated_line({.line = good}, AlertState::final, 0, 0, out));
    EXPECT_EQ(out, "");
}

} // namespace
} // namespace stages
