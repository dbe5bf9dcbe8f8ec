// CSV files of labels: what is read, and what is said about the rest. Addresses are those of the
// well-known development key //Alice and of the Treasury, as the chains' own tools write them.
#include "decoders/hex.hpp"
#include "stages/labels.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace stages::testing {
namespace {

constexpr std::string_view alice_42 = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
constexpr std::string_view alice_0 = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5";
constexpr std::string_view alice_key =
    "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
constexpr std::string_view treasury_0 = "13UVJyLnbVp9RBZYFwFGyDvVd1y27Tt8tkntv6Q7JVPhFsTB";
constexpr std::string_view ethereum_key = "0xf24ff3a9cf04c71dbc94d0b566f7a27b94566cac"; // Alith

// Everything the file says: "LINE label|kind|source" a row, then its problems.
std::string read(std::string_view text, LabelLimits const& limits = {}) {
    auto const file = parse_labels(text, "f.csv", limits);
    std::string all;
    for (auto const& row : file.rows)
        all += fmt::format("{} {}|{}|{}\n", row.line, file.label(row), file.kind(row),
                           file.source(row));
    for (auto const& problem : file.problems)
        all += to_text(file.name, problem) + (problem.warning ? " (warning)\n" : "\n");
    return all;
}

// One row below a header with all columns, in which $ stands for an address.
std::string row(std::string_view text, LabelLimits const& limits = {}) {
    std::string filled(text);
    if (auto const at = filled.find('$'); at != std::string::npos) filled.replace(at, 1, alice_42);
    return read("address,label,kind,source\n" + filled + "\n", limits);
}

TEST(Labels, any_spelling_of_an_address_is_the_same_key) {
    auto const file = parse_labels(fmt::format("address,label\n{},a\n", alice_key), "f");
    ASSERT_EQ(file.rows.size(), 1U);
    EXPECT_EQ(decoders::hex_text(file.rows[0].account.bytes()), alice_key);
    for (std::string_view const other : {alice_42, alice_0})
        EXPECT_EQ(parse_labels(fmt::format("address,label\n{},a\n", other), "f").rows.at(0).account,
                  file.rows[0].account);
    auto const short_key = parse_labels(fmt::format("address,label\n{},a\n", ethereum_key), "f");
    EXPECT_EQ(short_key.rows.at(0).account.size, 20);
}

TEST(Labels, columns_come_in_any_order_and_two_of_them_may_be_missing) {
    EXPECT_EQ(read(fmt::format("kind,source,label,address\nexchange,desk,Cold,{}\n", alice_0)),
              "2 Cold|exchange|desk\n");
    EXPECT_EQ(read(fmt::format("label,address\nCold,{}", alice_0)), "2 Cold||\n");
    EXPECT_EQ(read(fmt::format("LABEL , \"Address\"\r\nCold,{}\r\n", alice_0)), "2 Cold||\n");
    EXPECT_EQ(read(fmt::format("\xef\xbb\xbf"
                               "address,label\n{},Cold\n",
                               alice_0)),
              "2 Cold||\n");
}

TEST(Labels, fields_are_quoted_as_in_rfc_4180) {
    EXPECT_EQ(row("$,\"Cold, number \"\"2\"\"\",exchange,x"), "2 Cold, number \"2\"|exchange|x\n");
    EXPECT_EQ(row("\"$\",\"Cold\",\"\",\"\""), "2 Cold||\n");
    EXPECT_EQ(row("$, Cold wallet ,\t\"exchange\" , x"), "2 Cold wallet|exchange|x\n");
    EXPECT_EQ(row("$,\"#1 whale\",,"), "2 #1 whale||\n");
    EXPECT_EQ(row("$,\" kept \",,"), "2  kept ||\n");
    EXPECT_EQ(row("$,Trésor 鯨,,"), "2 Trésor 鯨||\n");
}

TEST(Labels, comments_and_empty_lines_count_as_lines_only) {
    EXPECT_EQ(
        read(fmt::format("# ours\n\n  # more\naddress,label\n#{0},no\n \t\n{0},yes\n", alice_0)),
        "7 yes||\n");
}

TEST(Labels, says_what_is_wrong_with_an_address) {
    std::string wrong(alice_42);
    wrong.back() = wrong.back() == 'Y' ? 'Z' : 'Y';
    auto const bad_checksum = read(fmt::format("label,address\na,{}\n", wrong));
    EXPECT_EQ(bad_checksum.find("f.csv:2:3: \"" + wrong + "\": "), 0U) << bad_checksum;
    EXPECT_NE(bad_checksum.find("checksum"), std::string::npos) << bad_checksum;
    for (std::string_view const bad : {"", "0x12", "0xzz", "hello", "l0O"}) {
        auto const said = read(fmt::format("label,address\na,{}\n", bad));
        EXPECT_EQ(said.find(fmt::format("f.csv:2:3: \"{}\": ", bad)), 0U) << said;
    }
    // A long one is not repeated in full.
    EXPECT_LT(read("label,address\na," + std::string(3'000, '1')).size(), 300U);
}

TEST(Labels, says_what_is_wrong_with_the_columns) {
    EXPECT_EQ(read("address,label,colour\n"),
              "f.csv:1:15: unknown column `colour`; there are address, label, kind, source\n");
    EXPECT_EQ(read("\n# x\naddress,kind\n"),
              "f.csv:3:1: there is no column `label`; the first line names the columns: "
              "address,label,kind,source\n");
    EXPECT_EQ(read("address,label,label\n"), "f.csv:1:15: the column `label` is there twice\n");
    std::string const no_header = read(fmt::format("{},Cold\n", alice_0));
    EXPECT_NE(no_header.find("there is no column `address`"), std::string::npos) << no_header;
    EXPECT_EQ(read(""), "f.csv: the file is empty; its first line names the columns: "
                        "address,label,kind,source\n");
    EXPECT_EQ(read("# only this\n"), read(""));
}

TEST(Labels, says_what_is_wrong_with_a_row_and_reads_the_next) {
    auto const rows = [](std::string_view bad) {
        return read(fmt::format("address,label,kind,source\n{0}\n{1},good,,\n", bad, alice_0));
    };
    auto const good = std::string("3 good||\n");
    EXPECT_EQ(rows(fmt::format("{},a,b", treasury_0)),
              good + "f.csv:2:1: 3 fields, but the first line names 4 columns\n");
    EXPECT_EQ(rows(fmt::format("{},a,b,c,d", treasury_0)),
              good + "f.csv:2:1: 5 fields, but the first line names 4 columns\n");
    EXPECT_EQ(rows(fmt::format("{},\"a,b,c", treasury_0)),
              good + "f.csv:2:50: this quote is not closed on its line\n");
    EXPECT_EQ(rows(fmt::format("{},\"a\"b,c,d", treasury_0)),
              good + "f.csv:2:53: after a closing quote comes a comma or the end of the line; a "
                     "quote inside of a quoted field is written twice\n");
    EXPECT_EQ(rows(fmt::format("{},é a\"b,c,d", treasury_0)), // columns are characters
              good +
                  "f.csv:2:53: a field with a quote in it is put in quotes, and the quote inside "
                  "of it is written twice\n");
    EXPECT_EQ(rows(fmt::format("{},,c,d", treasury_0)), good + "f.csv:2:50: the label is empty\n");
    EXPECT_EQ(rows(fmt::format("{},a\xff,c,d", treasury_0)),
              good + "f.csv:2:50: this field is not UTF-8; save the file as UTF-8\n");
    EXPECT_EQ(rows(fmt::format("{},a,b\x1b[2J,d", treasury_0)),
              good + "f.csv:2:52: a kind has no control characters\n");
    EXPECT_EQ(rows(fmt::format("{},a,b,c\xc2\x9b", treasury_0)), // U+009B, another escape
              good + "f.csv:2:54: a source has no control characters\n");
    EXPECT_EQ(rows(std::string(20, ',')), good + "f.csv:2:17: a line has at most 16 fields\n");
}

TEST(Labels, each_length_has_its_limit) {
    auto const line = [](std::size_t label, std::size_t kind, std::size_t source) {
        return row(fmt::format("$,{},{},{}", std::string(label, 'l'), std::string(kind, 'k'),
                               std::string(source, 's')));
    };
    EXPECT_EQ(line(63, 23, 127).find("2 lll"), 0U);
    EXPECT_EQ(line(64, 1, 1), "f.csv:2:50: a label has at most 63 bytes, this one has 64\n");
    EXPECT_EQ(line(1, 24, 1), "f.csv:2:52: a kind has at most 23 bytes, this one has 24\n");
    EXPECT_EQ(line(1, 1, 128), "f.csv:2:54: a source has at most 127 bytes, this one has 128\n");
    EXPECT_EQ(row(std::string(4'096, 'x')),
              "f.csv:2:1: 1 fields, but the first line names 4 columns\n");
    EXPECT_EQ(row(std::string(4'097, 'x')),
              "f.csv:2:1: a line has at most 4096 bytes, this one has 4097\n");
    EXPECT_EQ(read("123456789", {.file_bytes_max = 8}),
              "f.csv: the file has 9 bytes, at most 8 are read\n");
    EXPECT_NE(read("12345678", {.file_bytes_max = 8}).find("unknown column"), std::string::npos);
}

TEST(Labels, rows_and_problems_have_their_limits) {
    auto const text =
        fmt::format("address,label\n{},a\n{},b\n{},c\n", alice_0, treasury_0, ethereum_key);
    EXPECT_EQ(read(text, {.rows_max = 3}), "2 a||\n3 b||\n4 c||\n");
    EXPECT_EQ(read(text, {.rows_max = 2}),
              "2 a||\n3 b||\nf.csv:4:1: a file has at most 2 rows; the rest is left out\n");
    std::string many = "address,label\n";
    for (int i = 0; i < 105; ++i) many += "nobody,x\n";
    auto const file = parse_labels(many, "f.csv");
    EXPECT_EQ(file.problems.size(), 100U);
    EXPECT_EQ(file.problems_untold, 5U);
    EXPECT_FALSE(file.faultless());
}

TEST(Labels, a_repeated_account_is_a_warning_and_the_first_row_counts) {
    EXPECT_EQ(read(fmt::format("address,label,kind\n{},Cold,x\n{},Cold,x\n", alice_0, alice_42)),
              "2 Cold|x|\nf.csv:3:1: this account is already there, in line 2 (warning)\n");
    EXPECT_EQ(read(fmt::format("label,address,kind\nCold,{},x\nWarm,{},y\n", alice_0, alice_key)),
              "2 Cold|x|\nf.csv:3:6: line 2 calls this account \"Cold\" (x), this one \"Warm\" "
              "(y); the first one counts (warning)\n");
    auto const file = parse_labels(fmt::format("address,label\n{0},a\n{0},a\n", alice_0), "f");
    EXPECT_TRUE(file.faultless());
}

} // namespace
} // namespace stages::testing
