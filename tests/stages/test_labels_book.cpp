// What a book of labels says when [[watch]] rows and several files speak of the same accounts.
#include "stages/labels.hpp"
#include "tests/decoders/count_new.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace stages::testing {
namespace {

decoders::Account account_of(std::uint32_t number, std::uint8_t size = 32) {
    decoders::Account account;
    std::memcpy(account.key, &number, sizeof number);
    account.key[19] = 0xa1;
    account.size = size;
    return account;
}

std::string hex_of(decoders::Account const& account) {
    std::string text = "0x";
    for (std::uint8_t const byte : account.bytes()) text += fmt::format("{:02x}", byte);
    return text;
}

LabelFile file_of(std::string name, std::vector<std::string> const& rows) {
    std::string text = "address,label,kind,source\n";
    for (auto const& row : rows) text += row + "\n";
    auto file = parse_labels(text, std::move(name));
    EXPECT_TRUE(file.problems.empty()) << to_text(file.name, file.problems[0]);
    return file;
}
std::string line_of(std::uint32_t number, std::string_view rest) {
    return hex_of(account_of(number)) + "," + std::string(rest);
}

std::string look(LabelBook const& book, decoders::Account const& account) {
    auto const found = book.find(account);
    if (!found) return "none";
    return fmt::format("{}|{}|{}|{}|{}", found->label, found->kind, found->source,
                       found->origin == LabelOrigin::watch ? "watch" : "file", found->file);
}

TEST(LabelBook, says_who_said_it) {
    std::vector const files{file_of("a.csv", {line_of(1, "Cold,exchange,desk")}),
                            file_of("b.csv", {line_of(2, "Pot,treasury,")})};
    std::vector const watches{WatchLabel{account_of(3), "Mine", "s.toml:4:1"},
                              WatchLabel{account_of(4), "", "s.toml:7:1"}};
    auto const built = LabelBook::build(watches, files);
    EXPECT_TRUE(built.warnings.empty());
    EXPECT_EQ(built.book.size(), 3U);
    EXPECT_EQ(look(built.book, account_of(1)), "Cold|exchange|desk|file|a.csv");
    EXPECT_EQ(look(built.book, account_of(2)), "Pot|treasury||file|b.csv");
    EXPECT_EQ(look(built.book, account_of(3)), "Mine|||watch|");
    EXPECT_EQ(look(built.book, account_of(4)), "none"); // watched, but without a name
    EXPECT_EQ(look(built.book, account_of(1, 20)), "none");
    EXPECT_EQ(look(built.book, decoders::Account{}), "none");
    EXPECT_EQ(look(LabelBook(), account_of(1)), "none");
}

TEST(LabelBook, watch_rows_win_and_then_the_first_file) {
    std::vector const files{
        file_of("a.csv", {line_of(1, "A,exchange,"), line_of(2, "B,exchange,"),
                          line_of(3, "C,exchange,"), line_of(4, "D,exchange,")}),
        file_of("b.csv", {line_of(2, "B,exchange,other source"), line_of(3, "C,bridge,"),
                          line_of(4, "E,exchange,")})};
    std::vector const watches{WatchLabel{account_of(1), "Mine", "s.toml:4:1"},
                              WatchLabel{account_of(4), "D", "s.toml:8:1"},
                              WatchLabel{account_of(4), "Again", "s.toml:12:1"}};
    auto const built = LabelBook::build(watches, files);
    EXPECT_EQ(look(built.book, account_of(1)), "Mine|||watch|");
    EXPECT_EQ(look(built.book, account_of(2)), "B|exchange||file|a.csv");
    EXPECT_EQ(look(built.book, account_of(3)), "C|exchange||file|a.csv");
    EXPECT_EQ(look(built.book, account_of(4)), "D|||watch|");
    std::vector<std::string> const expected{
        "s.toml:12:1: \"Again\" contradicts s.toml:8:1, where the same account is \"D\"; the "
        "earlier one counts",
        "a.csv:2: \"A\" (exchange) contradicts s.toml:4:1, where the same account is \"Mine\"; the "
        "earlier one counts",
        "b.csv:3: \"C\" (bridge) contradicts a.csv:4, where the same account is \"C\" (exchange); "
        "the earlier one counts",
        "b.csv:4: \"E\" (exchange) contradicts s.toml:8:1, where the same account is \"D\"; the "
        "earlier one counts"};
    EXPECT_EQ(built.warnings, expected);
}

TEST(LabelBook, warnings_and_rows_have_their_limits) {
    std::vector<std::string> rows, others;
    for (std::uint32_t i = 0; i < 5; ++i) {
        rows.push_back(line_of(i, "A,,"));
        others.push_back(line_of(i, "B,,"));
    }
    std::vector const files{file_of("a.csv", rows), file_of("b.csv", others)};
    auto const few = LabelBook::build({}, files, {.problems_max = 3});
    EXPECT_EQ(few.warnings.size(), 3U);
    EXPECT_EQ(few.warnings_untold, 2U);
    auto const exact = LabelBook::build({}, std::span(files).first(1), {.rows_max = 5});
    EXPECT_EQ(exact.book.size(), 5U);
    EXPECT_TRUE(exact.warnings.empty());
    auto const small = LabelBook::build({}, std::span(files).first(1), {.rows_max = 4});
    EXPECT_EQ(small.book.size(), 4U);
    EXPECT_EQ(look(small.book, account_of(4)), "none");
    ASSERT_EQ(small.warnings.size(), 1U);
    EXPECT_EQ(small.warnings[0], "a.csv:6: \"A\" is left out; there are at most 4 labels");
}

TEST(LabelBook, a_copied_or_moved_book_is_whole) {
    std::vector const files{file_of("a.csv", {line_of(1, "Cold,exchange,desk")})};
    LabelBook book = LabelBook::build({}, files).book;
    LabelBook const other = std::move(book);
    EXPECT_EQ(look(other, account_of(1)), "Cold|exchange|desk|file|a.csv");
}

// 200,000 rows in two files, and as many accounts nobody has named.
TEST(LabelBook, finds_each_of_many_in_bounded_memory) {
    constexpr std::uint32_t count = 200'000;
    std::string first = "address,label,kind\n", second = first;
    for (std::uint32_t i = 0; i < count; ++i)
        (i % 2 == 0 ? first : second) +=
            fmt::format("{},name {},kind {}\n", hex_of(account_of(i)), i, i % 7);
    std::vector const files{parse_labels(first, "a.csv"), parse_labels(second, "b.csv")};
    auto const built = LabelBook::build({}, files);
    EXPECT_EQ(built.book.size(), count);
    // Two thirds more rows of 65 bytes than there are, and texts (at most 17 bytes each here).
    EXPECT_LE(built.book.memory_bytes(), std::size_t{count} * 5 / 3 * 65 + count * 17 + 200);
    std::size_t const before = tests::allocations();
    std::size_t wrong = 0;
    char expected[32];
    for (std::uint32_t i = 0; i < count; ++i) {
        auto const found = built.book.find(account_of(i));
        auto const end = fmt::format_to(expected, "name {}", i);
        std::string_view const label(expected, static_cast<std::size_t>(end - expected));
        wrong += found && found->label == label && found->kind.back() == '0' + char(i % 7) ? 0 : 1;
        wrong += built.book.find(account_of(i + count)) ? 1 : 0;
    }
    EXPECT_EQ(tests::allocations(), before);
    EXPECT_EQ(wrong, 0U);
}

} // namespace
} // namespace stages::testing
