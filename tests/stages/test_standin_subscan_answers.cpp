// The stand-in Subscan's other answers, its keys and quota, and what scenarios spoil.
#include "decoders/amount.hpp"
#include "tests/stages/standin_subscan_fixture.hpp"

#include <set>

namespace {

using namespace standin_subscan_test;

std::string text_of(simdjson::dom::element data, std::string_view name) {
    std::string_view text = "(none)";
    EXPECT_EQ(data[name].get(text), simdjson::SUCCESS) << name;
    return std::string(text);
}

StandinFault fault(StandinFaultKind kind, std::uint64_t at = 1, std::uint64_t count = 1) {
    StandinFault out;
    out.kind = kind;
    out.at_request = at;
    out.count = count;
    return out;
}

constexpr std::string_view ten_rows = R"({"row":10,"page":1,"order":"asc"})";

} // namespace

TEST(StandinSubscanAnswers, metadata_is_texts) {
    auto scenario = unlimited();
    scenario.finality_lag_blocks = 3;
    scenario.lag_blocks = 1;
    World world(10, scenario); // 1000 to 1009
    auto const data = world.data("/api/scan/metadata");
    EXPECT_EQ(text_of(data, "blockNum"), "1008");
    EXPECT_EQ(text_of(data, "finalized_blockNum"), "1006");
    EXPECT_EQ(text_of(data, "addressType"), "0");
    EXPECT_EQ(text_of(data, "networkNode"), "polkadot");
    EXPECT_EQ(text_of(data, "specVersion"), "2000000");
    EXPECT_EQ(text_of(data, "count_transfer"), std::to_string(world.meant().size()));
    ASSERT_EQ(world.code("/api/scan/metadata", "{}"), 0);
    auto const chain = world.reader.chain().value();
    EXPECT_EQ(chain.best, 1008u);
    EXPECT_EQ(chain.finalized, 1006u);
    EXPECT_EQ(chain.network, "polkadot");
}

TEST(StandinSubscanAnswers, finality_as_the_capture_says_it) {
    World world(10);
    io::CaptureFinalized final;
    final.hash = world.subscan.index(0).blocks().at(1004).hash;
    ASSERT_TRUE(world.subscan.add(0, final));
    EXPECT_EQ(text_of(world.data("/api/scan/metadata"), "finalized_blockNum"), "1004");
    final.hash = {};
    ASSERT_TRUE(world.subscan.add(0, final)); // of no block that is known
    EXPECT_EQ(text_of(world.data("/api/scan/metadata"), "finalized_blockNum"), "1004");
}

TEST(StandinSubscanAnswers, blocks_by_number_and_hash) {
    auto scenario = unlimited();
    scenario.lag_blocks = 1;
    World world(5, scenario);
    auto const& blocks = world.subscan.index(0).blocks();
    ASSERT_EQ(world.code("/api/scan/block", R"({"block_num":1002})"), 0);
    auto const block = world.reader.block().value();
    EXPECT_EQ(block.number, 1002u);
    EXPECT_EQ(block.hash, blocks.at(1002).hash);
    EXPECT_TRUE(block.finalized);
    ASSERT_EQ(world.code("/api/scan/block", fmt::format(R"({{"block_hash":"{}"}})",
                                                        decoders::hex_text(blocks.at(1003).hash))),
              0);
    auto const other = world.reader.block().value();
    EXPECT_EQ(other.number, 1003u);
    EXPECT_FALSE(other.finalized);
    ASSERT_EQ(world.code("/api/scan/block", R"({"block_num":0})"), 0);
    EXPECT_EQ(world.reader.block().value().hash, world.subscan.index(0).genesis());
    EXPECT_EQ(world.code("/api/scan/block", R"({"block_num":1004})"), 10'004); // it lags
    EXPECT_EQ(world.code("/api/scan/block", R"({"block_num":7})"), 10'004);
    EXPECT_EQ(world.code("/api/scan/block", R"({"block_hash":"0x00"})"), 10'001);
    EXPECT_EQ(world.code("/api/scan/block", R"({"block_num":"7"})"), 10'001);
    EXPECT_EQ(world.code("/api/scan/block", "{}"), 10'001);
}

TEST(StandinSubscanAnswers, tokens_by_every_path) {
    World world(1);
    for (auto const* const path :
         {"/api/scan/token", "/api/scan/token/unique_id", "/api/v2/scan/token/native"}) {
        world.ask(path, "", "key", "GET");
        ASSERT_TRUE(world.reader.envelope(world.text).has_value()) << world.text;
        std::vector<decoders::SubscanToken> tokens;
        ASSERT_TRUE(world.reader.tokens(tokens).has_value());
        ASSERT_EQ(tokens.size(), 1u);
        EXPECT_EQ(tokens[0].symbol, "DOT");
        EXPECT_EQ(tokens[0].unique_id, "DOT");
        EXPECT_EQ(tokens[0].decimals, 10);
        EXPECT_EQ(tokens[0].asset_type, "native");
    }
    EXPECT_EQ(world.ask("/api/scan/metadata", "", "key", "GET").response.status, 404u);
}

TEST(StandinSubscanAnswers, a_price_walks_slowly_and_the_same_way) {
    World world(2), again(2);
    std::set<std::string> prices;
    double before = 0;
    for (std::uint64_t hour = 0; hour < 48; ++hour) {
        auto const body = fmt::format(R"({{"time":{}}})", 1'700'000'000 + hour * 3'600);
        ASSERT_EQ(world.code("/api/open/price", body), 0);
        auto const price = std::string(world.reader.price().value());
        ASSERT_EQ(again.code("/api/open/price", body), 0);
        EXPECT_EQ(again.reader.price().value(), price);
        auto const value = std::stod(price);
        EXPECT_GT(value, 0.1);
        EXPECT_LT(value, 100.0);
        EXPECT_LT(before == 0 ? 0 : std::abs(value / before - 1), 0.05) << hour;
        before = value;
        prices.insert(price);
    }
    EXPECT_GT(prices.size(), 40u);
    EXPECT_EQ(world.code("/api/open/price", R"({"time":1001})"), 0); // a block's number
    EXPECT_EQ(world.code("/api/open/price", R"({"time":999})"), 10'004);
    EXPECT_EQ(world.code("/api/open/price", R"({"time":"now"})"), 10'001);
}

TEST(StandinSubscanAnswers, who_an_account_is) {
    World world(40);
    std::size_t tagged = 0, identities = 0, subs = 0, judged = 0;
    auto const busy = world.subscan.index(0).busiest(100);
    for (auto const& account : busy) {
        auto const key = fmt::format(R"({{"key":"{}"}})", decoders::ss58_encode(account, 0).view());
        ASSERT_EQ(world.code("/api/v2/scan/search", key), 0);
        auto const who = world.reader.account().value();
        auto const first = std::string(who.display);
        EXPECT_TRUE(decoders::parse_tokens(who.balance, 10).has_value()) << who.balance;
        tagged += who.tag_type == "Exchange";
        identities += who.identity;
        EXPECT_EQ(who.identity, !who.display.empty());
        judged += !who.judgement.empty();
        if (!who.parent.empty()) {
            ++subs;
            EXPECT_EQ(first, std::string(who.parent) + "/" + std::string(who.sub));
        }
        // The same account by its key, and another time.
        auto const hex = fmt::format(R"({{"key":"{}"}})", decoders::hex_text(account.bytes()));
        ASSERT_EQ(world.code("/api/v2/scan/search", hex), 0);
        EXPECT_EQ(world.reader.account().value().display, first);
    }
    EXPECT_GT(tagged, 3u);
    EXPECT_GT(subs, 3u);
    EXPECT_GT(judged, 3u);
    EXPECT_GT(identities, subs);
    EXPECT_LT(identities, busy.size());
    EXPECT_EQ(world.code("/api/v2/scan/search", R"({"key":"nobody"})"), 10'004);
    auto const unknown = std::string(62, '0') + "77";
    EXPECT_EQ(world.code("/api/v2/scan/search", R"({"key":"0x)" + unknown + R"("})"), 10'004);
    EXPECT_EQ(world.code("/api/v2/scan/search", "{}"), 10'001);
}

TEST(StandinSubscanAnswers, lists_of_accounts) {
    World world(5);
    auto const all = world.subscan.index(0).busiest(1'000);
    auto const first = world.data("/api/v2/scan/accounts", R"({"row":3,"page":0})");
    EXPECT_EQ(first["count"].get_uint64().value_unsafe(), all.size());
    simdjson::dom::array list;
    ASSERT_EQ(first["list"].get(list), simdjson::SUCCESS);
    ASSERT_EQ(list.size(), 3u);
    EXPECT_EQ(text_of(list.at(0).value_unsafe(), "address"),
              decoders::ss58_encode(all[0], 0).view());
    auto const named =
        fmt::format(R"({{"row":9,"address":["{}"]}})", decoders::ss58_encode(all[4], 0).view());
    EXPECT_EQ(world.data("/api/v2/scan/accounts", named)["count"].get_uint64().value_unsafe(), 1u);
    EXPECT_EQ(world.code("/api/v2/scan/accounts", R"({"row":9,"address":["x"]})"), 10'002);
    EXPECT_EQ(world.code("/api/v2/scan/accounts", R"({"row":9,"address":[7]})"), 10'001);
    EXPECT_EQ(world.code("/api/v2/scan/accounts", R"({"page":0})"), 10'001);
    std::string many = R"({"row":9,"address":[)";
    for (int i = 0; i < 101; ++i) many += "\"x\",";
    many.back() = ']';
    EXPECT_EQ(world.code("/api/v2/scan/accounts", many + "}"), 10'001);
}

TEST(StandinSubscanAnswers, now_and_health) {
    World world(1);
    world.clock.unix_ms = 1'712'345'678'900;
    EXPECT_EQ(world.data("/api/now").get_uint64().value_unsafe(), 1'712'345'678u);
    EXPECT_NE(world.text.find(R"("generated_at":1712345678)"), std::string::npos);
    EXPECT_EQ(world.ask("/healthz", "", "", "GET").response.status, 200u);
    EXPECT_EQ(world.subscan.counters().requests, 1u);
    EXPECT_EQ(world.ask("/api/nowhere").response.status, 404u);
    EXPECT_EQ(world.ask("/").response.status, 404u);
}

TEST(StandinSubscanAnswers, chains_by_path) {
    Asker asker;
    Source dot(polkadot), hub(asset_hub, {.name = "Asset Hub", .symbol = "HUB"});
    dot.fill(asker.subscan, asker.subscan.add_chain(), 1);
    EXPECT_EQ(text_of(asker.data("/anything/api/scan/metadata"), "networkNode"), "polkadot");
    hub.fill(asker.subscan, asker.subscan.add_chain(), 1);
    EXPECT_EQ(text_of(asker.data("/polkadot/api/scan/metadata"), "networkNode"), "polkadot");
    EXPECT_EQ(text_of(asker.data("/asset-hub/api/scan/metadata?x=1"), "networkNode"), "Asset Hub");
    EXPECT_EQ(asker.ask("/kusama/api/scan/metadata").response.status, 404u);
    EXPECT_EQ(asker.ask("/api/scan/metadata").response.status, 404u);
}

TEST(StandinSubscanKeys, are_demanded) {
    World world(1);
    EXPECT_EQ(world.ask("/api/now", "{}", "").response.status, 401u);
    EXPECT_NE(world.text.find("\"message\""), std::string::npos);
    EXPECT_EQ(world.text.find("\"code\""), std::string::npos);
    EXPECT_EQ(world.ask("/api/now", "{}", std::string(129, 'k')).response.status, 401u);
    EXPECT_EQ(world.ask("/api/now", "{}", std::string(128, 'k')).response.status, 200u);
    EXPECT_EQ(world.subscan.counters().unauthorized, 2u);
    Asker strict(unlimited(), {.key = "the-one"});
    strict.subscan.add_chain();
    EXPECT_EQ(strict.ask("/api/now", "{}", "another").response.status, 401u);
    EXPECT_EQ(strict.ask("/api/now", "{}", "the-one").response.status, 200u);
}

TEST(StandinSubscanQuota, refuses_the_sixth_within_any_second) {
    stages::SubscanScenario scenario; // 5 a second
    World world(1, scenario);
    auto const asks = [&] { return world.ask("/api/now").response.status; };
    for (int i = 0; i < 3; ++i) EXPECT_EQ(asks(), 200u);
    EXPECT_EQ(world.header("ratelimit-limit"), "5");
    EXPECT_EQ(world.header("ratelimit-remaining"), "2");
    EXPECT_EQ(world.header("ratelimit-reset"), "1");
    world.clock.advance(900 * pipeline::millisecond);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(asks(), 200u);
    EXPECT_EQ(world.header("ratelimit-remaining"), "0");
    EXPECT_EQ(asks(), 429u);
    EXPECT_EQ(world.text, R"({"message":"API rate limit exceeded"})");
    EXPECT_EQ(world.header("retry-after"), "1");
    EXPECT_EQ(world.header("ratelimit-remaining"), "0");
    world.clock.advance(100 * pipeline::millisecond); // the first three are a second ago
    for (int i = 0; i < 3; ++i) EXPECT_EQ(asks(), 200u);
    EXPECT_EQ(asks(), 429u);
    EXPECT_EQ(world.subscan.counters().over_quota, 2u);
    EXPECT_EQ(world.subscan.counters().answered, 8u);
    EXPECT_EQ(world.subscan.counters().requests, 10u);
}

TEST(StandinSubscanQuota, a_day_ends_at_midnight) {
    auto scenario = unlimited();
    scenario.quota_per_day = 3;
    World world(1, scenario);
    world.clock.unix_ms = 1'700'006'400'000 - 90'000; // 90 s before the end of a day
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(world.ask("/api/now").response.status, 200u);
        EXPECT_EQ(world.header("ratelimit-remaining"), std::to_string(2 - i));
    }
    EXPECT_EQ(world.header("ratelimit-limit"), "3");
    EXPECT_EQ(world.ask("/api/now").response.status, 429u);
    EXPECT_EQ(world.header("retry-after"), "90");
    EXPECT_EQ(world.ask("/healthz").response.status, 200u);
    world.clock.advance(90 * pipeline::second);
    EXPECT_EQ(world.ask("/api/now").response.status, 200u);
    EXPECT_EQ(world.header("ratelimit-remaining"), "2");
}

TEST(StandinSubscanFaults, those_of_the_gateway) {
    using enum StandinFaultKind;
    for (auto const& [kind, status] :
         {std::pair{limited, 429u}, std::pair{server_error, 503u}, std::pair{unauthorized, 401u},
          std::pair{plan, 402u}, std::pair{not_json, 200u}, std::pair{no_code_200, 200u}}) {
        World world(1, with_fault(fault(kind, 2, 2)));
        EXPECT_EQ(world.code("/api/now", "{}"), 0);
        for (int i = 0; i < 2; ++i) {
            EXPECT_EQ(world.ask("/api/now").response.status, status);
            auto const envelope = world.reader.envelope(world.text);
            EXPECT_FALSE(envelope && envelope->code) << world.text;
            EXPECT_EQ(envelope.has_value(), kind != server_error && kind != not_json);
        }
        EXPECT_EQ(world.code("/api/now", "{}"), 0); // over
        EXPECT_EQ(world.subscan.counters().faults, 2u);
    }
    auto with_status = fault(server_error);
    with_status.status = 500;
    World world(1, with_fault(with_status));
    EXPECT_EQ(world.ask("/api/now").response.status, 500u);
}

TEST(StandinSubscanFaults, those_of_the_connection) {
    using enum StandinFaultKind;
    using Kind = StandinReply::Kind;
    EXPECT_EQ(World(1, with_fault(fault(timeout))).ask("/api/now").kind, Kind::silence);
    EXPECT_EQ(World(1, with_fault(fault(reset))).ask("/api/now").kind, Kind::drop);
    World world(1, with_fault(fault(garbage)));
    EXPECT_EQ(world.ask("/api/now").kind, Kind::raw);
    EXPECT_FALSE(world.reply.raw.empty());
    EXPECT_FALSE(world.reply.raw.starts_with("HTTP"));
    auto late = fault(slow);
    late.delay = 7 * pipeline::second;
    World slowly(1, with_fault(late));
    EXPECT_EQ(slowly.code("/api/now", "{}"), 0);
    EXPECT_EQ(slowly.reply.delay, 7 * pipeline::second);
    EXPECT_EQ(slowly.code("/api/now", "{}"), 0);
    EXPECT_EQ(slowly.reply.delay, 0u);
}

TEST(StandinSubscanFaults, a_code_in_200_and_a_path_of_its_own) {
    auto error = fault(StandinFaultKind::error_in_200, 2);
    error.code = 500;
    error.endpoint = transfers_path;
    World world(1, with_fault(error));
    EXPECT_EQ(world.code(transfers_path, ten_rows), 0);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(world.code("/api/now", "{}"), 0);
    EXPECT_EQ(world.code(transfers_path, ten_rows), 500);
    EXPECT_EQ(world.reply.response.status, 200u);
    EXPECT_NE(world.text.find("\"data\":null"), std::string::npos);
    EXPECT_EQ(world.code(transfers_path, ten_rows), 0);
    EXPECT_EQ(world.subscan.counters().errors, 1u);
}

TEST(StandinSubscanFaults, those_of_pages) {
    using enum StandinFaultKind;
    auto const rows = [](StandinFaultKind kind) {
        World world(4, with_fault(fault(kind, 2)));
        world.ask("/api/now"); // not a page: not counted
        auto const right = world.page(ten_rows);
        std::vector<std::uint32_t> all, spoilt;
        for (auto const& row : right.transfers) all.push_back(row.event_index);
        auto const wrong = world.page(ten_rows);
        for (auto const& row : wrong.transfers) spoilt.push_back(row.event_index);
        EXPECT_EQ(all.size(), 10u);
        return std::pair{all, spoilt};
    };
    auto const [a, half] = rows(short_page);
    EXPECT_EQ(half, std::vector(a.begin(), a.begin() + 5));
    auto const [b, missing] = rows(missing_rows);
    EXPECT_EQ(missing, (std::vector{b[0], b[2], b[4], b[6], b[8]}));
    auto const [c, twice] = rows(duplicate_rows);
    ASSERT_EQ(twice.size(), 20u);
    for (std::size_t i = 0; i < 10; ++i)
        EXPECT_TRUE(twice[2 * i] == c[i] && twice[2 * i + 1] == c[i]);
    auto const [d, shifted] = rows(shifted_page);
    EXPECT_EQ(std::vector(shifted.begin() + 3, shifted.end()), std::vector(d.begin(), d.end() - 3));
    EXPECT_NE(shifted[2], d[0]); // the last of the page before
}

TEST(StandinSubscanFaults, those_of_rows) {
    using enum StandinFaultKind;
    World zero(4, with_fault(fault(amount_v2_zero)));
    auto const zeros = zero.page(ten_rows);
    EXPECT_EQ(zeros.rows, 10u);
    for (auto const& row : zeros.transfers) EXPECT_EQ(row.amount_v2, "0");
    World wrong(4, with_fault(fault(wrong_amount)));
    auto const tenfold = wrong.page(ten_rows);
    EXPECT_EQ(tenfold.rows, 10u);
    for (auto const& row : tenfold.transfers) {
        EXPECT_TRUE(decoders::parse_u128(row.amount_v2).value() ==
                    10 * decoders::parse_tokens(row.amount, 10).value());
    }
    World nulls(4, with_fault(fault(null_members, 1, 2)));
    EXPECT_EQ(nulls.page(ten_rows).rows, 10u);
    EXPECT_NE(nulls.text.find(R"("from_account_display":null)"), std::string::npos);
    EXPECT_EQ(nulls.page(R"({"row":1,"block_range":"1-2"})").rows, 0u);
    EXPECT_NE(nulls.text.find(R"("transfers":null)"), std::string::npos);
}

TEST(StandinSubscanCounters, are_a_text) {
    World world(2);
    EXPECT_EQ(world.page(R"({"row":2})").rows, 2u);
    world.ask("/api/now", "{}", "");
    EXPECT_EQ(world.subscan.counters().text(),
              "requests 2, unauthorized 1, over quota 0, answered 1, faults 0, errors 0, rows 2\n"
              "  /api/v2/scan/transfers 1\n");
}
