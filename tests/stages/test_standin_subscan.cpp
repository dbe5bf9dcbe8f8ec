// The stand-in Subscan's transfers: against what the generator of the traffic meant.
#include "decoders/amount.hpp"
#include "tests/stages/standin_subscan_fixture.hpp"

#include <algorithm>

namespace {

using namespace standin_subscan_test;
using decoders::SubscanTransfer;
using Place = std::pair<std::uint32_t, std::uint32_t>;

Place place_of(SubscanTransfer const& row) { return {row.block, row.event_index}; }
Place place_of(Meant const& meant) {
    return {static_cast<std::uint32_t>(meant.transfer.block), meant.transfer.event_index};
}

std::vector<Place> places(decoders::SubscanPage const& page) {
    std::vector<Place> out;
    for (auto const& row : page.transfers) out.push_back(place_of(row));
    return out;
}

// The places of what was meant and meets a condition, in that order, from the newest on.
template <class Which>
std::vector<Place> expected(World const& world, Which which) {
    std::vector<Place> out;
    for (auto const& meant : world.meant()) {
        if (which(meant.transfer)) out.push_back(place_of(meant));
    }
    std::ranges::sort(out, std::greater<>());
    return out;
}

// Every page of a listing, by after_id.
std::vector<Place> listing(World& world, std::string const& members) {
    std::vector<Place> out;
    std::string after;
    for (;;) {
        auto const page = world.page("{\"row\":7," + members + after + "\"page\":0}");
        auto const found = places(page);
        out.insert(out.end(), found.begin(), found.end());
        if (page.rows < 7) return out;
        after = fmt::format("\"after_id\":[{},{}],", page.last->first, page.last->second);
    }
}

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::string address(decoders::Account const& account) {
    return std::string(decoders::ss58_encode(account, 0).view());
}

} // namespace

TEST(StandinSubscan, rows_say_what_was_meant) {
    World world(4);
    ASSERT_GT(world.meant().size(), 20u);
    auto const page = world.page(R"({"row":100,"page":0,"order":"asc"})");
    ASSERT_EQ(page.count, world.meant().size());
    for (std::size_t i = 0; i < std::min<std::size_t>(100, page.transfers.size()); ++i) {
        auto const& row = page.transfers[i];
        auto const& meant = world.meant()[i];
        EXPECT_EQ(place_of(row), place_of(meant));
        EXPECT_EQ(row.extrinsic_index, meant.transfer.extrinsic_index);
        EXPECT_EQ(row.extrinsic_hash, meant.extrinsic_hash);
        EXPECT_EQ(row.timestamp_s, meant.timestamp_s);
        EXPECT_TRUE(row.from == meant.transfer.from && row.to == meant.transfer.to);
        EXPECT_EQ(row.prefix, 0);
        EXPECT_TRUE(row.success);
        EXPECT_FALSE(row.is_item);
        EXPECT_TRUE(decoders::parse_tokens(row.amount, 10).value() == meant.transfer.amount);
        EXPECT_TRUE(decoders::parse_u128(row.amount_v2).value() == meant.transfer.amount);
        EXPECT_EQ(row.module, "balances");
        EXPECT_EQ(row.asset_symbol, "DOT");
        EXPECT_EQ(row.asset_unique_id, "DOT");
        EXPECT_EQ(row.asset_type, "");
    }
}

TEST(StandinSubscan, a_listing_by_after_id_is_complete_both_ways) {
    World world(5);
    auto down = expected(world, [](auto const&) { return true; });
    EXPECT_EQ(listing(world, ""), down);
    EXPECT_EQ(listing(world, R"("order":"desc",)"), down);
    std::ranges::reverse(down);
    EXPECT_EQ(listing(world, R"("order":"asc",)"), down);
}

TEST(StandinSubscan, a_listing_by_page_is_complete) {
    World world(3);
    std::vector<Place> found;
    for (std::size_t page = 0;; ++page) {
        auto const rows = places(world.page(fmt::format(R"({{"row":9,"page":{}}})", page)));
        found.insert(found.end(), rows.begin(), rows.end());
        if (rows.size() < 9) break;
    }
    EXPECT_EQ(found, expected(world, [](auto const&) { return true; }));
}

TEST(StandinSubscan, block_ranges_include_both_ends) {
    World world(6);
    auto const within = [](std::uint64_t from, std::uint64_t to) {
        return [=](auto const& one) { return one.block >= from && one.block <= to; };
    };
    EXPECT_EQ(listing(world, R"("block_range":"1002-1003",)"), expected(world, within(1002, 1003)));
    EXPECT_EQ(listing(world, R"("block_range":"1004-1004",)"), expected(world, within(1004, 1004)));
    EXPECT_TRUE(listing(world, R"("block_range":"1-999",)").empty());
    EXPECT_TRUE(listing(world, R"("block_range":"1006-4294967295",)").empty());
    EXPECT_EQ(places(world.page(R"({"row":100,"from_block":1003,"to_block":1003})",
                                "/api/scan/transfers")),
              expected(world, within(1003, 1003)));
}

TEST(StandinSubscan, accounts_by_direction) {
    World world(6);
    // One that both sends and receives.
    auto const& all = world.meant();
    auto const both = std::ranges::find_if(all, [&](Meant const& one) {
        return std::ranges::any_of(
            all, [&](Meant const& other) { return other.transfer.to == one.transfer.from; });
    });
    ASSERT_NE(both, all.end());
    auto const whom = both->transfer.from;
    auto const sent = [&](auto const& one) { return one.from == whom; };
    auto const received = [&](auto const& one) { return one.to == whom; };
    auto const either = [&](auto const& one) { return sent(one) || received(one); };
    auto const named = R"("address":)" + in_quotes(address(whom)) + ",";
    ASSERT_NE(expected(world, sent), expected(world, either));
    ASSERT_NE(expected(world, received), expected(world, either));
    EXPECT_EQ(listing(world, named), expected(world, either));
    EXPECT_EQ(listing(world, named + R"("direction":"all",)"), expected(world, either));
    EXPECT_EQ(listing(world, named + R"("direction":"sent",)"), expected(world, sent));
    EXPECT_EQ(listing(world, named + R"("direction":"received",)"), expected(world, received));
    EXPECT_EQ(listing(world, R"("sender":)" + in_quotes(address(whom)) + ","),
              expected(world, sent));
    auto const key = in_quotes(decoders::hex_text(whom.bytes()));
    EXPECT_EQ(listing(world, R"("receiver":)" + key + ","), expected(world, received));
}

TEST(StandinSubscan, amounts_compare_exactly) {
    World world(5);
    auto const middle = world.meant()[world.meant().size() / 2].transfer.amount;
    auto const tokens = std::string(decoders::tokens_text(middle, 10).view());
    auto const least = [&](pipeline::u128 bound) {
        return expected(world, [=](auto const& one) { return one.amount >= bound; });
    };
    EXPECT_EQ(listing(world, R"("min_amount":)" + in_quotes(tokens) + ","), least(middle));
    auto const below = std::string(decoders::tokens_text(middle - 1, 10).view());
    EXPECT_EQ(listing(world, R"("max_amount":)" + in_quotes(below) + ","),
              expected(world, [=](auto const& one) { return one.amount < middle; }));
    // Finer than the smallest unit: one that is exactly that much is too little.
    auto const finer =
        tokens + (tokens.find('.') == tokens.npos ? "." : "") + std::string(10, '0') + "1";
    EXPECT_EQ(listing(world, R"("min_amount":)" + in_quotes(finer) + ","), least(middle + 1));
    EXPECT_EQ(listing(world, R"("currency":"token","min_amount":"0",)"), least(0));
    auto const beyond = in_quotes(std::string(60, '9'));
    EXPECT_TRUE(listing(world, R"("min_amount":)" + beyond + ",").empty());
    EXPECT_EQ(listing(world, R"("max_amount":)" + beyond + ","), least(0));
}

TEST(StandinSubscan, the_other_filters) {
    World world(3);
    auto const all = expected(world, [](auto const&) { return true; });
    EXPECT_EQ(listing(world, R"("success":true,)"), all);
    EXPECT_TRUE(listing(world, R"("success":false,)").empty());
    EXPECT_EQ(listing(world, R"("asset_symbol":"DOT",)"), all);
    EXPECT_TRUE(listing(world, R"("asset_symbol":"KSM",)").empty());
    EXPECT_EQ(listing(world, R"("asset_unique_id":"DOT",)"), all);
    EXPECT_EQ(listing(world, R"("address":"","asset_symbol":"","order":"","direction":"",)"), all);
    auto const& one = world.meant()[5].transfer;
    auto const same = [&](auto const& other) {
        return other.block == one.block && other.extrinsic_index == one.extrinsic_index;
    };
    EXPECT_EQ(listing(world,
                      fmt::format(R"("extrinsic_index":"{}-{}",)", one.block, one.extrinsic_index)),
              expected(world, same));
}

TEST(StandinSubscan, assets_have_ids_of_their_own) {
    World world(12, unlimited(), asset_hub);
    std::set<std::string> kinds;
    auto const page = world.page(R"({"row":100,"order":"asc"})");
    ASSERT_EQ(page.rows, 100u);
    for (std::size_t i = 0; i < page.rows; ++i) {
        auto const& row = page.transfers[i];
        auto const& meant = world.meant()[i].transfer;
        kinds.insert(meant.pallet);
        auto const id = std::string(row.asset_unique_id);
        EXPECT_TRUE(decoders::parse_u128(row.amount_v2).value() == meant.amount);
        if (meant.pallet == "Balances") {
            EXPECT_EQ(id, "DOT");
        } else if (meant.pallet == "Assets") {
            std::uint32_t number = 0;
            ASSERT_EQ(meant.asset.size(), 4u);
            std::memcpy(&number, meant.asset.data(), 4); // a u32, little-endian
            EXPECT_EQ(id, fmt::format("standard_assets/{}", number));
            EXPECT_EQ(row.asset_type, "assets");
            EXPECT_EQ(row.module, "assets");
        } else {
            EXPECT_EQ(id.substr(0, id.find('/')), row.asset_type);
            EXPECT_EQ(row.asset_type, row.module);
        }
    }
    EXPECT_GE(kinds.size(), 2u);
    auto const native = world.page(R"({"row":100,"asset_unique_id":"DOT"})");
    EXPECT_EQ(native.count,
              expected(world, [](auto const& one) { return one.pallet == "Balances"; }).size());
}

TEST(StandinSubscan, wrong_parameters_have_codes) {
    World world(1);
    for (auto const* const body : {"{}",
                                   R"({"row":0})",
                                   R"({"row":101})",
                                   R"({"row":"10"})",
                                   R"({"row":-1})",
                                   "[]",
                                   "7",
                                   "{",
                                   R"({"row":1,"page":-1})",
                                   R"({"row":1,"block_range":"7"})",
                                   R"({"row":1,"block_range":"7-"})",
                                   R"({"row":1,"block_range":"8-7"})",
                                   R"({"row":1,"block_range":"a-b"})",
                                   R"({"row":1,"block_range":"1-2-3"})",
                                   R"({"row":1,"block_range":"1-4294967296"})",
                                   R"({"row":1,"block_range":7})",
                                   R"({"row":1,"direction":"out"})",
                                   R"({"row":1,"order":"up"})",
                                   R"({"row":1,"after_id":7})",
                                   R"({"row":1,"after_id":[7]})",
                                   R"({"row":1,"after_id":[7,"x"]})",
                                   R"({"row":1,"after_id":[7,-1]})",
                                   R"({"row":1,"min_amount":"x"})",
                                   R"({"row":1,"min_amount":5})",
                                   R"({"row":1,"max_amount":"-1"})",
                                   R"({"row":1,"currency":"usd"})",
                                   R"({"row":1,"success":"yes"})"}) {
        EXPECT_EQ(world.code(transfers_path, body), decoders::subscan_params_error) << body;
        EXPECT_EQ(world.reply.response.status, 200u);
    }
    auto const long_text = in_quotes(std::string(1'025, 'x'));
    EXPECT_EQ(world.code(transfers_path, R"({"row":1,"asset_symbol":)" + long_text + "}"),
              decoders::subscan_params_error);
    for (auto const* const name : {"address", "sender", "receiver"}) {
        EXPECT_EQ(world.code(transfers_path, fmt::format(R"({{"row":1,"{}":"nobody"}})", name)),
                  decoders::subscan_bad_address);
    }
    EXPECT_EQ(world.code("/api/scan/transfers", R"({"row":1,"from_block":2,"to_block":1})"),
              decoders::subscan_params_error);
}

TEST(StandinSubscan, ten_thousand_rows_by_page_and_no_more) {
    World world(1);
    EXPECT_EQ(world.code(transfers_path, R"({"row":100,"page":99})"), 0);
    EXPECT_EQ(world.code(transfers_path, R"({"row":100,"page":100})"),
              decoders::subscan_paging_limit);
    EXPECT_EQ(world.code(transfers_path, R"({"row":1,"page":9999})"), 0);
    EXPECT_EQ(world.code(transfers_path, R"({"row":1,"page":10000})"),
              decoders::subscan_paging_limit);
    EXPECT_EQ(world.code(transfers_path, R"({"row":100,"page":4294967295})"),
              decoders::subscan_paging_limit);
    // Where after_id counts, page does not.
    EXPECT_EQ(world.code(transfers_path, R"({"row":100,"page":500,"after_id":[1000,3]})"), 0);
}

TEST(StandinSubscan, the_index_lags_behind_the_chain) {
    auto scenario = unlimited();
    scenario.lag_blocks = 2;
    World world(5, scenario); // up to 1004
    EXPECT_EQ(listing(world, ""),
              expected(world, [](auto const& one) { return one.block < 1003; }));
    EXPECT_EQ(listing(world, R"("order":"asc","block_range":"1003-1004",)").size(), 0u);
    world.source.fill(world.subscan, 0, 1);
    EXPECT_EQ(listing(world, ""),
              expected(world, [](auto const& one) { return one.block < 1004; }));
}
