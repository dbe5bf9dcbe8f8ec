// The text of an alert against interface.md section 5, member by member, and the id behind it.
#include "stages/alert_line.hpp"
#include "stages/pattern_accounts.hpp"

#include "decoders/hex.hpp"
#include "decoders/movements.hpp"
#include "decoders/ss58.hpp"
#include "stages/chain_health.hpp"
#include "stages/route.hpp"

#include <gtest/gtest.h>
#include <set>
#include <simdjson.h>

using namespace stages;
using simdjson::dom::element;

namespace {

decoders::Account key(std::uint8_t byte, std::uint8_t size = 32) {
    std::uint8_t bytes[32];
    std::memset(bytes, byte, sizeof bytes);
    return decoders::account_of(bytes, size);
}

struct Sample {
    ChainFacts facts{};
    AssetFacts asset{};
    AlertLine line{};
    LineContext context{.chain = "polkadot-asset-hub",
                        .rule = "large-transfer",
                        .kind = "large_transfer",
                        .facts = facts,
                        .received_to_emitted_ns = 41'230,
                        .emitted_unix_ms = 1'763'626'512'812};
    simdjson::dom::parser parser{};

    Sample() {
        facts.symbol.assign("DOT");
        facts.decimals = 10;
        facts.ss58_prefix = 0;
        Alert& alert = line.alert;
        alert.path = Path::hybrid;
        alert.epoch = 7;
        alert.hybrid_buckets = 1'500;
        alert.id.fill(0x9f);
        alert.match.severity = Severity::critical;
        Transfer& transfer = alert.match.transfer;
        transfer.block.number = 10'300'123;
        transfer.block.hash.fill(0xab);
        transfer.block.timestamp_ms = 1'763'626'512'000;
        transfer.amount = 12'345'678'901'234'567;
        transfer.from = key(1);
        transfer.to = key(2);
        transfer.event_index = 7;
        transfer.extrinsic_index = 2;
    }
    Transfer& transfer() { return line.alert.match.transfer; }
    std::string text() const {
        std::string out;
        append_alert_line(line, context, out);
        return out;
    }
    element parsed() { return parser.parse(text()).value(); }
};

std::string str(simdjson::simdjson_result<element> from) {
    return std::string(from.get_string().value());
}
std::string json(simdjson::simdjson_result<element> from) { return simdjson::minify(from.value()); }
bool absent(simdjson::simdjson_result<element> from) {
    return from.error() == simdjson::NO_SUCH_FIELD;
}

} // namespace

TEST(AlertLine, is_the_example_of_the_interface_member_by_member) {
    Sample sample;
    sample.line.alert.from.label.assign("Binance 1");
    sample.line.alert.from.label_by = KnownBy::watch;
    auto const alert = sample.parsed();
    EXPECT_EQ(str(alert["id"]), "9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f");
    EXPECT_EQ(str(alert["state"]), "seen");
    EXPECT_EQ(str(alert["rule"]), "large-transfer");
    EXPECT_EQ(str(alert["kind"]), "large_transfer");
    EXPECT_EQ(str(alert["severity"]), "critical");
    EXPECT_EQ(str(alert["chain"]), "polkadot-asset-hub");
    EXPECT_EQ(json(alert["block"]["number"]), "10300123");
    EXPECT_EQ(str(alert["block"]["hash"]),
              "0xabababababababababababababababababababababababababababababababab");
    EXPECT_EQ(str(alert["block"]["timestamp"]), "2025-11-20T08:15:12.000Z");
    EXPECT_EQ(json(alert["event"]),
              R"({"index":7,"pallet":"Balances","name":"Transfer","phase":{"ApplyExtrinsic":2}})");
    EXPECT_EQ(str(alert["from"]["public_key"]),
              "0x0101010101010101010101010101010101010101010101010101010101010101");
    auto const back = decoders::ss58_decode(str(alert["from"]["address"]));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->prefix, 0);
    EXPECT_EQ(back->account, key(1));
    EXPECT_EQ(str(alert["from"]["label"]), "Binance 1");
    EXPECT_TRUE(absent(alert["to"]["label"]));
    EXPECT_EQ(json(alert["asset"]), R"({"symbol":"DOT","decimals":10})");
    EXPECT_EQ(str(alert["amount"]), "1234567.8901234567");
    EXPECT_EQ(str(alert["amount_raw"]), "12345678901234567");
    EXPECT_EQ(str(alert["path"]), "hybrid");
    EXPECT_EQ(json(alert["regime"]), R"({"epoch":7,"hybrid_traffic_percent":15})");
    EXPECT_EQ(json(alert["latency"]),
              R"({"received_to_emitted_ns":41230,"block_to_emitted_ms":812})");
}

TEST(AlertLine, says_that_one_path_stood_in_for_the_other) {
    Sample sample;
    EXPECT_FALSE(sample.text().contains("fallback"));
    sample.line.alert.fallback = true;
    EXPECT_TRUE(sample.text().contains(
        R"("regime":{"epoch":7,"hybrid_traffic_percent":15,"fallback":true})"));
}

TEST(AlertLine, members_come_in_the_order_of_the_interface) {
    Sample sample;
    std::string order;
    simdjson::dom::object const members = sample.parsed().get_object().value();
    for (auto const field : members) (order += field.key) += ' ';
    EXPECT_EQ(order, "id state rule kind severity chain block event from to asset amount "
                     "amount_raw path regime latency ");
    EXPECT_EQ(sample.text().find('\n'), std::string::npos);
}

TEST(AlertLine, every_amount_is_exact) {
    Sample sample;
    struct Case {
        u128 raw;
        std::uint8_t decimals;
        std::string_view text;
    };
    u128 const most = ~u128{0}; // 2^128 - 1
    for (auto const& [raw, decimals, text] :
         {Case{0, 10, "0"}, Case{1, 10, "0.0000000001"}, Case{10'000'000'000, 10, "1"},
          Case{most, 0, "340282366920938463463374607431768211455"},
          Case{most, 10, "34028236692093846346337460743.1768211455"},
          Case{most, 38, "3.40282366920938463463374607431768211455"},
          Case{most, 39, "0.340282366920938463463374607431768211455"}}) {
        sample.transfer().amount = raw;
        sample.facts.decimals = decimals;
        EXPECT_EQ(str(sample.parsed()["amount"]), text);
    }
    sample.transfer().amount = most;
    EXPECT_EQ(str(sample.parsed()["amount_raw"]), "340282366920938463463374607431768211455");
}

TEST(AlertLine, hostile_symbols_and_ids_are_escaped) {
    Sample sample;
    sample.context.asset = &sample.asset;
    sample.transfer().asset = 1;
    sample.asset.symbol.assign("a\"b\\c\n\x01\x7f\x1b[31m");
    sample.asset.id.assign(R"({"Token":"IN"TR"})");
    auto alert = sample.parsed();
    EXPECT_EQ(str(alert["asset"]["symbol"]), "a\"b\\c\n\x01\x7f\x1b[31m");
    EXPECT_EQ(str(alert["asset"]["id"]), R"({"Token":"IN"TR"})");
    for (char c : sample.text()) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
    sample.asset.symbol.assign("\xff\xc0\x80\xed\xa0\x80ok");
    alert = sample.parsed(); // invalid UTF-8 would not parse
    std::string const symbol = str(alert["asset"]["symbol"]);
    EXPECT_TRUE(symbol.starts_with("\xef\xbf\xbd")) << symbol;
    EXPECT_TRUE(symbol.ends_with("ok")) << symbol;
}

TEST(AlertLine, text_cut_inside_a_character_is_still_json) {
    Sample sample;
    sample.context.asset = &sample.asset;
    std::string snowmen;
    for (int i = 0; i < 20; ++i) snowmen += "\xe2\x98\x83";
    sample.asset.symbol.assign(snowmen); // 60 bytes into 39: the last one is cut
    EXPECT_EQ(sample.parser.parse(sample.text()).error(), simdjson::SUCCESS);
}

TEST(AlertLine, unknown_decimals_leave_out_what_would_be_a_guess) {
    Sample sample;
    sample.context.asset = &sample.asset;
    sample.asset.id.assign("1984");
    auto const alert = sample.parsed();
    EXPECT_EQ(json(alert["asset"]), R"({"id":"1984"})");
    EXPECT_TRUE(absent(alert["amount"]));
    EXPECT_EQ(str(alert["amount_raw"]), "12345678901234567");
}

TEST(AlertLine, known_asset_shows_its_own_decimals) {
    Sample sample;
    sample.context.asset = &sample.asset;
    sample.asset.id.assign("1984");
    sample.asset.symbol.assign("USDt");
    sample.asset.decimals = 6;
    sample.asset.decimals_known = true;
    auto const alert = sample.parsed();
    EXPECT_EQ(json(alert["asset"]), R"({"symbol":"USDt","decimals":6,"id":"1984"})");
    EXPECT_EQ(str(alert["amount"]), "12345678901.234567");
}

TEST(AlertLine, twenty_byte_accounts_are_written_as_hex) {
    Sample sample;
    sample.transfer().from = key(0xcd, 20);
    auto const alert = sample.parsed();
    std::string const hex = "0xcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd";
    EXPECT_EQ(str(alert["from"]["address"]), hex);
    EXPECT_EQ(str(alert["from"]["public_key"]), hex);
}

TEST(AlertLine, a_side_nobody_is_on_is_absent) {
    Sample sample;
    sample.transfer().from = {};
    EXPECT_TRUE(absent(sample.parsed()["from"]));
    EXPECT_FALSE(absent(sample.parsed()["to"]));
}

TEST(AlertLine, without_timestamp_there_is_none_and_no_latency_from_it) {
    Sample sample;
    sample.transfer().block.timestamp_ms = 0;
    auto const alert = sample.parsed();
    EXPECT_TRUE(absent(alert["block"]["timestamp"]));
    EXPECT_EQ(json(alert["latency"]), R"({"received_to_emitted_ns":41230})");
}

TEST(AlertLine, a_block_from_the_future_has_a_negative_age) {
    Sample sample;
    sample.transfer().block.timestamp_ms = sample.context.emitted_unix_ms + 500;
    EXPECT_EQ(json(sample.parsed()["latency"]["block_to_emitted_ms"]), "-500");
}

TEST(AlertLine, phases_outside_extrinsics) {
    Sample sample;
    sample.transfer().phase = 1;
    EXPECT_EQ(str(sample.parsed()["event"]["phase"]), "Finalization");
    sample.transfer().phase = 2;
    EXPECT_EQ(str(sample.parsed()["event"]["phase"]), "Initialization");
}

TEST(AlertLine, states_and_fractions_of_a_percent) {
    Sample sample;
    sample.line.state = AlertState::retracted;
    sample.line.alert.hybrid_buckets = 1;
    EXPECT_EQ(str(sample.parsed()["state"]), "retracted");
    EXPECT_EQ(json(sample.parsed()["regime"]["hybrid_traffic_percent"]), "0.01");
    sample.line.alert.hybrid_buckets = pipeline::buckets_max;
    EXPECT_EQ(json(sample.parsed()["regime"]["hybrid_traffic_percent"]), "100");
}

// date -u -d '2000-02-29 12:00:00' +%s and so on (GNU coreutils).
TEST(UtcText, knows_the_calendar) {
    EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(utc_text(951'782'399'999), "2000-02-28T23:59:59.999Z");
    EXPECT_EQ(utc_text(951'825'600'000), "2000-02-29T12:00:00.000Z");
    EXPECT_EQ(utc_text(951'868'800'000), "2000-03-01T00:00:00.000Z");
    EXPECT_EQ(utc_text(4'107'542'399'000), "2100-02-28T23:59:59.000Z"); // no leap year
    EXPECT_EQ(utc_text(4'107'542'400'000), "2100-03-01T00:00:00.000Z");
    EXPECT_EQ(utc_text(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
}

// python3: import hashlib, struct
//   g, n, e, f, t = bytes(range(32)), 10300123, 7, b'\1' * 32, b'\2' * 32
//   hashlib.blake2b(g + struct.pack('<II', n, e) + bytes([len(f)]) + f + bytes([len(t)]) + t +
//     (12345678901234567).to_bytes(16, 'little') + b'large-transfer',
//     digest_size=32).hexdigest()[:32]
TEST(AlertId, is_the_hash_the_interface_says) {
    Hash genesis{};
    for (std::uint8_t i = 0; i < 32; ++i) genesis[i] = i;
    Sample sample;
    EXPECT_EQ(decoders::hex_text(alert_id(genesis, sample.transfer(), "large-transfer")),
              "0x9d2469f3aca1a08c78ea4425daa4321d");
    // the same with number 0, event 0, no from, b'\3' * 20, 2**128 - 1, 'wal — große'
    Transfer other;
    other.to = key(3, 20);
    other.amount = ~u128{0};
    EXPECT_EQ(decoders::hex_text(alert_id(genesis, other, "wal — große")),
              "0xb46ba13ef08860901f8ddd6902b85dc2");
}

TEST(AlertLine, a_pattern_says_whose_it_is_and_why) {
    Sample sample;
    Match& match = sample.line.alert.match;
    match.is_pattern = true;
    match.pattern.subject = key(3);
    match.pattern.sum = 25'000'000'000; // 2.5 DOT
    match.pattern.score_bits = 31.746;
    match.pattern.all = 40;
    match.pattern.kept = 2;
    match.pattern.evidence[0] = {10'300'000, 3};
    match.pattern.evidence[1] = {10'300'123, 7};
    match.pattern.details.assign(R"("sources":23,"effective":18.25)");
    auto const line = sample.parser.parse(sample.text()).value();
    EXPECT_EQ(line["subject"]["public_key"].get_string().value(),
              "0x0303030303030303030303030303030303030303030303030303030303030303");
    EXPECT_EQ(line["sum"].get_string().value(), "2.5");
    EXPECT_EQ(line["sum_raw"].get_string().value(), "25000000000");
    EXPECT_EQ(line["score"].get_double().value(), 31.75);
    EXPECT_EQ(line["parameters"]["sources"].get_int64().value(), 23);
    EXPECT_EQ(line["parameters"]["effective"].get_double().value(), 18.25);
    EXPECT_EQ(line["evidence_count"].get_int64().value(), 40);
    ASSERT_EQ(line["evidence"].get_array().size(), 2U);
    EXPECT_EQ(line["evidence"].at(1)["block"].get_int64().value(), 10'300'123);
    EXPECT_EQ(line["evidence"].at(1)["index"].get_int64().value(), 7);
    EXPECT_TRUE(line["subject"]["cluster"].error()); // nobody else belongs to it
    match.pattern.members = 3;
    match.pattern.joined_by = 1U << static_cast<unsigned>(JoinedBy::label) |
                              1U << static_cast<unsigned>(JoinedBy::deposit_sweep);
    auto const cluster = sample.parser.parse(sample.text()).value()["subject"]["cluster"];
    EXPECT_EQ(cluster["accounts"].get_int64().value(), 3);
    ASSERT_EQ(cluster["joined_by"].get_array().size(), 2U);
    EXPECT_EQ(cluster["joined_by"].at(0).get_string().value(), "label");
    EXPECT_EQ(cluster["joined_by"].at(1).get_string().value(), "deposit_sweep");
    match.pattern = {};
    auto const chains = sample.parser.parse(sample.text()).value(); // the chain's own, no model
    EXPECT_TRUE(chains["subject"].error() && chains["score"].error());
    match.is_pattern = false;
    auto const single = sample.parser.parse(sample.text()).value();
    EXPECT_TRUE(single["evidence"].error() && single["parameters"].error());
}

TEST(AlertId, does_not_depend_on_the_block_hash_and_does_on_everything_else) {
    Sample sample;
    auto const id = [&] { return alert_id(Hash{}, sample.transfer(), "rule"); };
    auto const before = id();
    sample.transfer().block.hash.fill(1);
    sample.transfer().block.finalized = true;
    sample.transfer().asset = 3;
    EXPECT_EQ(id(), before);
    EXPECT_NE(alert_id(Hash{1}, sample.transfer(), "rule"), before);
    EXPECT_NE(alert_id(Hash{}, sample.transfer(), "rulf"), before);
    std::vector ids{before};
    sample.transfer().amount += 1, ids.push_back(id());
    sample.transfer().event_index += 1, ids.push_back(id());
    sample.transfer().block.number += 1, ids.push_back(id());
    sample.transfer().from = {}, ids.push_back(id());
    sample.transfer().to = key(2, 20), ids.push_back(id());
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
}

TEST(AlertLine, what_is_not_well_with_a_chain_has_no_movement) {
    Sample sample;
    Match& match = sample.line.alert.match;
    match = {};
    match.is_pattern = match.is_health = true;
    match.transfer.block.number = 7;
    match.transfer.event_index = health_event(HealthWhat::finality);
    match.pattern.details.assign(R"("for_s":184,"behind":31)");
    sample.line.alert.amended = Amended::evidence;
    auto const alert = sample.parsed();
    EXPECT_EQ(json(alert["health"]), R"({"what":"finality_stalled","for_s":184,"behind":31})");
    EXPECT_EQ(json(alert["amended"]), R"(["evidence"])");
    EXPECT_EQ(json(alert["block"]["number"]), "7");
    for (char const* member : {"event", "extrinsic", "from", "to", "asset", "amount", "amount_raw",
                               "usd", "subject", "sum", "parameters", "evidence"})
        EXPECT_TRUE(absent(alert[member])) << member;
}

// By the rule of interface.md: empty keys, amount 0, and an event index that no block has.
TEST(AlertLine, each_claim_about_a_block_has_an_id_of_its_own) {
    std::set<AlertId> ids;
    Transfer transfer;
    transfer.block.number = 7;
    for (ChainHealthRow const& row : chain_health_rows()) {
        transfer.event_index = health_event(row.what);
        ids.insert(alert_id(Hash{}, transfer, "chain"));
    }
    EXPECT_EQ(ids.size(), health_whats);
}
