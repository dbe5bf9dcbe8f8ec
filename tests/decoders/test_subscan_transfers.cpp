// Pages of transfers: what a row may look like, and what a bad one costs.
#include "decoders/hex.hpp"
#include "decoders/ss58.hpp"
#include "tests/decoders/subscan_answers.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>
#include <memory>

namespace {

using namespace decoders;
using tests::Answer;
using tests::in_envelope;

struct KeptPage : SubscanPage {
    std::unique_ptr<Answer> read{}; // which its texts lie in
};

KeptPage page_of(std::string_view data) {
    KeptPage page;
    page.read = std::make_unique<Answer>(in_envelope(data));
    EXPECT_TRUE(page.read->envelope.has_value()) << data;
    auto const done = page.read->reader.transfers(page);
    EXPECT_TRUE(done.has_value()) << data;
    return page;
}

// A page of one row; `change` replaces a member, or adds one. "" as value: the member is left out.
std::string row_with(std::string const& name, std::string const& value) {
    std::vector<std::pair<std::string, std::string>> members = {
        {"block_num", "10735542"},
        {"event_idx", "7"},
        {"extrinsic_index", "\"10735542-2\""},
        {"from", "\"15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5\""},
        {"to", "\"12WNUbjKPfezJdSUL5vWJV95wPtBhFPQyKV9jpe4tcfyTmED\""},
        {"amount", "\"699.8843999985\""},
        {"amount_v2", "\"6998843999985\""}};
    auto const known =
        std::ranges::find(members, name, [](auto const& pair) { return pair.first; });
    if (known == members.end()) {
        members.emplace_back(name, value);
    } else {
        known->second = value;
    }
    std::string row;
    for (auto const& [key, text] : members) {
        if (text.empty()) continue;
        row += (row.empty() ? "{\"" : ",\"") + key + "\":" + text;
    }
    return row + "}";
}

// Reads one row with a member changed; the texts of a row live as long as this does.
struct Row {
    Row(std::string const& name, std::string const& value)
        : read(in_envelope(R"({"count":1,"transfers":[)" + row_with(name, value) + "]}")) {
        EXPECT_TRUE(read.reader.transfers(page).has_value()) << name << ": " << value;
        EXPECT_EQ(page.rows, 1u);
        EXPECT_EQ(page.transfers.size() + page.bad.size(), 1u);
    }
    bool good() const { return page.transfers.size() == 1; }
    SubscanTransfer const& row() const { return page.transfers.at(0); }
    Code code() const { return page.bad.empty() ? Code{} : page.bad[0].error.code; }
    // What stands at the place the error names.
    std::string_view blamed(std::size_t size) const {
        return std::string_view(read.kept).substr(page.bad.at(0).error.offset, size);
    }

    Answer read;
    SubscanPage page;
};

constexpr std::string_view alice_key =
    "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";

} // namespace

TEST(SubscanTransfers, pages_without_rows) {
    EXPECT_EQ(page_of(R"({"count":0,"transfers":null})").rows, 0u);
    EXPECT_EQ(page_of(R"({"count":7,"transfers":[]})").count, 7u);
    EXPECT_FALSE(page_of(R"({"transfers":[]})").last.has_value());
    SubscanPage page;
    EXPECT_EQ(Answer(in_envelope("{}")).reader.transfers(page).error().code, Code::json_missing);
    EXPECT_EQ(Answer(in_envelope("[]")).reader.transfers(page).error().code, Code::json_type);
    EXPECT_EQ(Answer(in_envelope(R"({"transfers":{}})")).reader.transfers(page).error().code,
              Code::json_type);
}

TEST(SubscanTransfers, numbers_as_texts_and_texts_as_numbers) {
    EXPECT_EQ(Row("block_num", "\"10735542\"").row().block, 10735542u);
    EXPECT_EQ(Row("event_idx", "\"7\"").row().event_index, 7u);
    EXPECT_EQ(Row("event_idx", "4294967295").row().event_index, 4294967295u);
    EXPECT_EQ(Row("amount", "12.5").row().amount, "12.5");
    EXPECT_EQ(Row("amount_v2", "6998843999985").row().amount_v2, "6998843999985");
    EXPECT_EQ(Row("block_timestamp", "\"1655186532\"").row().timestamp_s, 1655186532u);
    EXPECT_EQ(Row("asset_unique_id", "1984").row().asset_unique_id, "1984");
    EXPECT_FALSE(Row("success", "\"false\"").row().success);
    EXPECT_FALSE(Row("success", "0").row().success);
    EXPECT_TRUE(Row("success", "1").row().success);
}

TEST(SubscanTransfers, what_may_be_null_or_absent) {
    for (auto const* const nothing : {"", "null", "\"\""}) {
        EXPECT_FALSE(Row("from", nothing).row().from) << nothing;
        EXPECT_FALSE(Row("extrinsic_index", nothing).row().extrinsic_index) << nothing;
        EXPECT_FALSE(Row("hash", nothing).row().extrinsic_hash) << nothing;
        EXPECT_EQ(Row("block_timestamp", nothing).row().timestamp_s, 0u);
        EXPECT_EQ(Row("amount_v2", nothing).row().amount_v2, "");
        EXPECT_EQ(Row("amount", nothing).row().amount_v2, "6998843999985");
        EXPECT_EQ(Row("asset_symbol", nothing).row().asset_symbol, "");
        EXPECT_EQ(Row("currency_amount", nothing).row().currency_amount, "");
        EXPECT_FALSE(Row("item_id", nothing).row().is_item);
    }
    EXPECT_TRUE(Row("success", "null").row().success);
    EXPECT_FALSE(Row("from_account_display", "null").row().is_item);
    EXPECT_EQ(Row("event_idx", "null").code(), Code::json_missing);
    EXPECT_EQ(Row("event_idx", "").code(), Code::json_missing);
    EXPECT_EQ(Row("block_num", "").code(), Code::json_missing);
    EXPECT_EQ(Row("block_num", "\"\"").code(), Code::json_missing);
}

TEST(SubscanTransfers, items_are_told_from_amounts) {
    EXPECT_TRUE(Row("item_id", "\"0\"").row().is_item);
    EXPECT_TRUE(Row("item_id", "\"217\"").row().is_item);
    EXPECT_TRUE(Row("item_id", "217").row().is_item);
    EXPECT_TRUE(Row("item_detail", R"({"collection_id":"1"})").row().is_item);
    EXPECT_FALSE(Row("item_id", "0").row().is_item);
    EXPECT_FALSE(Row("item_detail", "null").row().is_item);
}

TEST(SubscanTransfers, addresses_of_every_kind) {
    auto const hex = "\"" + std::string(alice_key) + "\"";
    Row key("from", hex);
    EXPECT_EQ(hex_text(key.row().from.bytes()), alice_key);
    EXPECT_EQ(key.row().prefix, 0); // `to` is an address of Polkadot
    Row evm("from", "\"0x623c9E50647a049F92090fe55e22cC0509872FB6\"");
    EXPECT_EQ(evm.row().from.size, 20);
    EXPECT_EQ(hex_text(evm.row().from.bytes()), "0x623c9e50647a049f92090fe55e22cc0509872fb6");
    EXPECT_EQ(Row("from", "\"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\"").code(),
              Code::ss58_prefix); // of another network than `to`
    Row typo("from", "\"15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp6\"");
    EXPECT_EQ(typo.code(), Code::ss58_checksum);
    Row name("to", "\"Alice 0\"");
    EXPECT_FALSE(name.good());
    EXPECT_EQ(Row("to", "{}").code(), Code::json_type);
    auto const page =
        page_of(R"({"transfers":[{"block_num":1,"event_idx":0,"amount":"1","to":)" + hex + "}]}");
    EXPECT_EQ(page.transfers.at(0).prefix, no_ss58_prefix);
    EXPECT_FALSE(page.transfers[0].from);
}

TEST(SubscanTransfers, bad_members_and_where_they_stand) {
    EXPECT_EQ(Row("block_num", "-1").code(), Code::json_number);
    EXPECT_EQ(Row("block_num", "4294967296").code(), Code::json_number);
    EXPECT_EQ(Row("block_num", "1e3").code(), Code::json_number);
    EXPECT_EQ(Row("block_num", "true").code(), Code::json_type);
    EXPECT_EQ(Row("event_idx", "[7]").code(), Code::json_type);
    EXPECT_EQ(Row("block_timestamp", "\"now\"").code(), Code::json_number);
    EXPECT_EQ(Row("success", "\"maybe\"").code(), Code::json_type);
    EXPECT_EQ(Row("asset_symbol", "{}").code(), Code::json_type);
    for (auto const* const index : {"\"10735542\"", "\"10735542-\"", "\"-2\"", "\"10735542-2-1\"",
                                    "\"10735542-x\"", "\"10735541-2\"", "10735542"}) {
        EXPECT_EQ(Row("extrinsic_index", index).code(), Code::json_number) << index;
    }
    EXPECT_FALSE(Row("hash", "\"0x53d2\"").good());
    Row hash("hash", "\"0x53d224ae6d8af14a291b7e48bf0d07f6c1a80b86f901693824b8388b4fc8b0zz\"");
    EXPECT_EQ(hash.code(), Code::bad_hex_digit);
    EXPECT_EQ(hash.blamed(2), "zz");
    for (auto const* const amount : {"\"1,000\"", "\"-1\"", "\"1e3\"", "1e3", "\".5\"", "\"5.\"",
                                     "\"1.2.3\"", "\"0x10\"", "\" 1\""}) {
        EXPECT_EQ(Row("amount", amount).code(), Code::bad_amount) << amount;
        EXPECT_EQ(Row("amount_v2", amount).code(), Code::bad_amount) << amount;
    }
    EXPECT_EQ(Row("amount", "\"1,000\"").blamed(4), ",000");
    EXPECT_EQ(Row("currency_amount", "\"NaN\"").code(), Code::bad_amount);
    Answer none(in_envelope(R"({"transfers":[{"block_num":1,"event_idx":2}]})"));
    SubscanPage page;
    ASSERT_TRUE(none.reader.transfers(page).has_value());
    EXPECT_EQ(page.bad.at(0).error.code, Code::json_missing);
    EXPECT_EQ(page.last, (std::pair{1u, 2u})); // the page goes on behind it all the same
}

TEST(SubscanTransfers, bounds_the_length_of_a_text) {
    EXPECT_TRUE(Row("asset_unique_id", "\"" + std::string(1'024, 'x') + "\"").good());
    EXPECT_EQ(Row("asset_unique_id", "\"" + std::string(1'025, 'x') + "\"").code(), Code::too_long);
    EXPECT_EQ(Row("amount", std::string(1'025, '1')).code(), Code::too_long);
}

TEST(SubscanTransfers, a_bad_row_costs_only_itself) {
    auto const page =
        page_of(R"({"count":5,"transfers":[)" + row_with("event_idx", "1") + ",null,17," +
                row_with("amount", "\"x\"") + "," + row_with("event_idx", "3") + "," +
                row_with("event_idx", "{}") + "]}");
    EXPECT_EQ(page.rows, 6u);
    ASSERT_EQ(page.transfers.size(), 2u);
    EXPECT_EQ(page.transfers[0].event_index, 1u);
    EXPECT_EQ(page.transfers[1].event_index, 3u);
    ASSERT_EQ(page.bad.size(), 4u);
    EXPECT_EQ(page.bad[0].row, 1u);
    EXPECT_EQ(page.bad[0].error.code, Code::json_type);
    EXPECT_EQ(page.bad[1].row, 2u);
    EXPECT_EQ(page.bad[2].row, 3u);
    EXPECT_EQ(page.bad[2].error.code, Code::bad_amount);
    EXPECT_EQ(page.bad[3].row, 5u);
    EXPECT_EQ(page.last, (std::pair{10735542u, 3u})); // the last that has both
}

TEST(SubscanTransfers, a_cut_page_fails_as_a_whole) {
    auto const whole = in_envelope(R"({"count":2,"transfers":[)" + row_with("a", "1") + "," +
                                   row_with("b", "2") + "]}");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(Answer(whole.substr(0, size)).envelope.has_value()) << size;
    }
    Answer read(in_envelope(R"({"transfers":[{"block_num":nul}]})"));
    SubscanPage page;
    EXPECT_EQ(read.reader.transfers(page).error().code, Code::json_syntax);
}

TEST(SubscanTransfers, of_several_members_of_a_name_the_last_counts) {
    auto const page =
        page_of(R"({"count":1,"count":2,"transfers":[{}],"transfers":[{"block_num":1,)"
                R"("event_idx":2,"amount":"1","block_num":3,"amount":"4"}]})");
    EXPECT_EQ(page.count, 2u);
    EXPECT_EQ(page.rows, 1u);
    EXPECT_TRUE(page.bad.empty());
    EXPECT_EQ(page.transfers.at(0).block, 3u);
    EXPECT_EQ(page.transfers[0].amount, "4");
    Answer twice(R"({"data":{"price":"1"},"code":1,"data":{"price":"2"},"code":0})");
    EXPECT_EQ(twice.envelope.value().code, 0);
    EXPECT_EQ(twice.reader.price().value(), "2");
    Answer gone(R"({"data":{"price":"1"},"data":null})");
    EXPECT_FALSE(gone.envelope.value().has_data);
    EXPECT_EQ(gone.reader.price().error().code, Code::json_missing);
}

TEST(SubscanTransfers, bounds_the_rows_of_a_page) {
    std::string rows;
    for (std::size_t i = 0; i < subscan_rows_max; ++i) rows += "{},";
    auto const most = rows.substr(0, rows.size() - 1);
    EXPECT_EQ(page_of(R"({"transfers":[)" + most + "]}").bad.size(), subscan_rows_max);
    Answer more(in_envelope(R"({"transfers":[)" + rows + "{}]}"));
    SubscanPage page;
    EXPECT_EQ(more.reader.transfers(page).error().code, Code::json_too_large);
}
