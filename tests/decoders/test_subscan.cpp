// Subscan's published answers, and what servers make of them: nulls, absences, numbers as texts.
#include "decoders/hex.hpp"
#include "decoders/ss58.hpp"
#include "decoders/subscan.hpp"
#include "tests/decoders/corpus.hpp"
#include "tests/decoders/subscan_answers.hpp"

namespace {

using namespace decoders;
using tests::Answer;
using tests::in_envelope;

// The `response` (or another member) of a file of the published documentation.
std::string published(std::string const& name, std::string_view member = "response") {
    auto const path = tests::corpus_dir() / "subscan/docs" / (name + ".json");
    simdjson::dom::parser parser;
    simdjson::dom::element whole;
    EXPECT_EQ(parser.parse(tests::read_file(path)).get(whole), simdjson::SUCCESS) << path;
    return simdjson::minify(whole.at_pointer("/" + std::string(member)));
}

Code refused(std::string_view text, std::size_t text_bytes_max = tests::answer_bytes_max) {
    Answer read(text, text_bytes_max);
    EXPECT_FALSE(read.envelope.has_value());
    return read.envelope ? Code{} : read.envelope.error().code;
}

} // namespace

TEST(SubscanCorpus, transfers_of_the_second_version) {
    NEEDS_CORPUS();
    Answer read(published("v2-scan-transfers"));
    ASSERT_TRUE(read.envelope.has_value());
    EXPECT_EQ(read.envelope->code, subscan_ok);
    EXPECT_EQ(read.envelope->message, "Success");
    EXPECT_EQ(read.envelope->generated_at_s, 1648457279u);
    EXPECT_TRUE(read.envelope->has_data);
    SubscanPage page;
    ASSERT_TRUE(read.reader.transfers(page).has_value());
    EXPECT_EQ(page.count, 1u);
    EXPECT_EQ(page.rows, 1u);
    EXPECT_TRUE(page.bad.empty());
    ASSERT_EQ(page.transfers.size(), 1u);
    auto const& row = page.transfers[0];
    EXPECT_EQ(row.block, 3783422u);
    EXPECT_EQ(row.event_index, 2u);
    EXPECT_EQ(row.extrinsic_index, 2u);
    EXPECT_FALSE(row.extrinsic_hash.has_value());
    EXPECT_EQ(row.timestamp_s, 1612150386u);
    EXPECT_EQ(row.prefix, 42);
    EXPECT_EQ(ss58_encode(row.from, 42).view(), "5EYCAe5gKAhHPwdktrtmXoAX8GfSVTkq2iBTWfpfoEnQxe6p");
    EXPECT_EQ(ss58_encode(row.to, 42).view(), "5DyvrUL2kECZN75ExmfVK3dSEQkMnme5pW2iSDeAU9srcSoL");
    EXPECT_TRUE(row.success);
    EXPECT_FALSE(row.is_item);
    EXPECT_EQ(row.module, "balances");
    EXPECT_EQ(row.amount, "10653090.125505578");
    EXPECT_EQ(row.amount_v2, "0");
    EXPECT_EQ(row.asset_symbol, "CRAB");
    EXPECT_EQ(row.asset_unique_id, "CRAB");
    EXPECT_EQ(row.asset_type, "");
    EXPECT_EQ(page.last, (std::pair{3783422u, 2u}));
}

TEST(SubscanCorpus, transfers_of_the_first_version) {
    NEEDS_CORPUS();
    Answer read(published("scan-transfers"));
    SubscanPage page;
    ASSERT_TRUE(read.reader.transfers(page).has_value());
    EXPECT_EQ(page.count, 8052735u); // of which the page holds one
    ASSERT_EQ(page.transfers.size(), 1u);
    auto const& row = page.transfers[0];
    EXPECT_FALSE(row.success);
    EXPECT_EQ(row.block, 10735542u);
    EXPECT_EQ(row.event_index, 0u);
    EXPECT_EQ(row.prefix, 0);
    EXPECT_EQ(hex_text(row.extrinsic_hash.value()),
              "0x53d224ae6d8af14a291b7e48bf0d07f6c1a80b86f901693824b8388b4fc8b010");
    EXPECT_EQ(row.amount, "699.8843999985");
}

TEST(SubscanCorpus, the_other_answers) {
    NEEDS_CORPUS();
    Answer metadata(published("scan-metadata"));
    auto const chain = metadata.reader.chain().value();
    EXPECT_EQ(chain.best, 10735413u);
    EXPECT_EQ(chain.finalized, 10735411u);
    EXPECT_EQ(chain.ss58_prefix, 0);
    EXPECT_EQ(chain.network, "polkadot");

    Answer block(published("scan-block"));
    auto const five = block.reader.block().value();
    EXPECT_EQ(five.number, 5u); // not the 1 of an event inside
    EXPECT_EQ(hex_text(five.hash),
              "0x68a27df5a52ff2251df2cc8368f7dcefb305a13bb3d89b65c8fb070f23877f2c");
    EXPECT_TRUE(five.finalized);

    for (auto const* const name : {"scan-token", "scan-token-unique_id"}) {
        Answer token(published(name));
        std::vector<SubscanToken> tokens;
        ASSERT_TRUE(token.reader.tokens(tokens).has_value());
        ASSERT_EQ(tokens.size(), 1u);
        EXPECT_EQ(tokens[0].symbol, "DOT");
        EXPECT_EQ(tokens[0].unique_id, "DOT");
        EXPECT_EQ(tokens[0].asset_type, "native");
        EXPECT_EQ(tokens[0].decimals, 10);
        EXPECT_EQ(tokens[0].price, "7.356993258680762");
    }
    Answer now(published("now"));
    EXPECT_TRUE(now.envelope.value().has_data);
    EXPECT_EQ(now.reader.block().error().code, Code::json_type);
}

TEST(SubscanCorpus, an_account) {
    NEEDS_CORPUS();
    Answer search(published("v2-scan-search"));
    auto const account = search.reader.account().value();
    EXPECT_EQ(account.display, "Polkadot.pro - Realgar");
    EXPECT_TRUE(account.identity); // its own, not the one of its (empty) parent
    EXPECT_EQ(account.judgement, "Reasonable");
    EXPECT_EQ(account.parent, "");
    EXPECT_EQ(account.sub, "");
    EXPECT_EQ(account.tag_name, "Binance.com");
    EXPECT_EQ(account.tag_type, "Exchange");
    EXPECT_EQ(account.tag_subtype, "Mandatory KYC and AML");
    EXPECT_EQ(account.balance, "818617.0281089598"); // not one of the derived tokens'
}

TEST(SubscanCorpus, a_refusal_of_the_gateway_has_no_code) {
    NEEDS_CORPUS();
    Answer limited(published("rate-limit", "429/body"));
    ASSERT_TRUE(limited.envelope.has_value());
    EXPECT_FALSE(limited.envelope->code.has_value());
    EXPECT_EQ(limited.envelope->message, "API rate limit exceeded");
    EXPECT_FALSE(limited.envelope->has_data);
    SubscanPage page;
    EXPECT_EQ(limited.reader.transfers(page).error().code, Code::json_missing);
}

TEST(SubscanEnvelope, reads_what_servers_vary) {
    Answer error(
        R"({"code":10005,"message":"Paging limit exceeded","generated_at":1,"data":null})");
    EXPECT_EQ(error.envelope.value().code, subscan_paging_limit);
    EXPECT_FALSE(error.envelope->has_data);
    Answer absent(R"({"code":10004,"message":"Record Not Found"})");
    EXPECT_FALSE(absent.envelope.value().has_data);
    EXPECT_EQ(absent.envelope->generated_at_s, 0u);
    EXPECT_EQ(Answer(R"({"code":"400","data":{}})").envelope.value().code, 400);
    EXPECT_EQ(Answer(R"({"code":-1})").envelope.value().code, -1);
    EXPECT_FALSE(Answer(R"({"code":null})").envelope.value().code.has_value());
    EXPECT_FALSE(Answer("{}").envelope.value().code.has_value());
    Answer empty(R"({"message":null})");
    EXPECT_EQ(empty.envelope.value().message, "");
    Answer object(R"({"message":{"error":"no"}})");
    EXPECT_EQ(object.envelope.value().message, R"({"error":"no"})");
}

TEST(SubscanEnvelope, refuses_what_is_none) {
    EXPECT_EQ(refused(R"({"code":true})"), Code::json_type);
    EXPECT_EQ(refused(R"({"code":4294967296})"), Code::json_number);
    EXPECT_EQ(refused(R"({"code":1.5})"), Code::json_number);
    EXPECT_EQ(refused(R"({"generated_at":"soon"})"), Code::json_number);
    EXPECT_EQ(refused("[]"), Code::json_type);
    EXPECT_EQ(refused("17"), Code::json_type);
    for (auto const* const text :
         {"", " ", "<html><body>502 Bad Gateway</body></html>", R"({"code":0)", R"({"code":0}})",
          R"({"code":0,"data":{"transfers":[)", R"({"code" 0})", R"({"code":nul})"}) {
        EXPECT_EQ(refused(text), Code::json_syntax) << text;
    }
    EXPECT_EQ(refused("{\"message\":\"\xff\xfe\"}"), Code::json_utf8);
}

TEST(SubscanEnvelope, bounds_size_and_members_and_survives_depth) {
    std::string const text = R"({"code":0,"message":"Success"})";
    EXPECT_TRUE(Answer(text, text.size()).envelope.has_value());
    EXPECT_EQ(refused(text, text.size() - 1), Code::json_too_large);
    std::string many = "{";
    for (int i = 0; i < 4'096; ++i) many += R"("a":1,)";
    EXPECT_EQ(refused(many + R"("a":1})"), Code::json_too_large);
    many.back() = '}';
    EXPECT_TRUE(Answer(many).envelope.has_value());
    auto const deep = std::string(200'000, '[');
    EXPECT_EQ(refused(R"({"data":)" + deep), Code::json_syntax);
    Answer closed(in_envelope(deep + std::string(200'000, ']')));
    SubscanPage page; // bounded work, no recursion
    EXPECT_EQ(closed.reader.transfers(page).error().code, Code::json_type);
    auto const objects =
        in_envelope(R"({"transfers":[{"block_num":)" + deep + std::string(200'000, ']') + "}]}");
    Answer inside(objects);
    ASSERT_TRUE(inside.reader.transfers(page).has_value());
    ASSERT_EQ(page.bad.size(), 1u);
    EXPECT_EQ(page.bad[0].error.code, Code::json_type);
}

TEST(SubscanEnvelope, a_reader_reads_one_answer_after_the_other) {
    Answer read(in_envelope(R"({"transfers":[{}]})"));
    std::string second(in_envelope(R"({"price":"7.2"})"));
    second.reserve(second.size() + pipeline::json_padding);
    SubscanPage page;
    ASSERT_TRUE(read.reader.transfers(page).has_value());
    std::string broken = "{";
    broken.reserve(1 + pipeline::json_padding);
    EXPECT_FALSE(read.reader.envelope(broken).has_value());
    EXPECT_FALSE(read.reader.transfers(page).has_value()); // nothing of the one before
    ASSERT_TRUE(read.reader.envelope(second).has_value());
    EXPECT_EQ(read.reader.price().value(), "7.2");
}

TEST(SubscanChain, in_both_kinds_of_numbers) {
    auto const numbers =
        Answer(in_envelope(R"({"blockNum":17,"finalized_blockNum":15,"addressType":42})"));
    Answer a(numbers.kept);
    auto const chain = a.reader.chain().value();
    EXPECT_EQ(chain.best, 17u);
    EXPECT_EQ(chain.finalized, 15u);
    EXPECT_EQ(chain.ss58_prefix, 42);
    EXPECT_EQ(chain.network, "");
    Answer b(in_envelope(R"({"blockNum":"","finalized_blockNum":null})"));
    auto const empty = b.reader.chain().value();
    EXPECT_FALSE(empty.best || empty.finalized || empty.ss58_prefix);
    Answer c(in_envelope(R"({"blockNum":"many"})"));
    EXPECT_EQ(c.reader.chain().error().code, Code::json_number);
    Answer most(in_envelope(R"({"addressType":"16383"})"));
    EXPECT_EQ(most.reader.chain().value().ss58_prefix, 16'383);
    for (auto const* const type : {"16384", "29972", "65578"}) { // 29972 is Mythos'
        Answer d(in_envelope(R"({"blockNum":"1","addressType":")" + std::string(type) + "\"}"));
        EXPECT_FALSE(d.reader.chain().value().ss58_prefix.has_value()) << type;
    }
    Answer e(in_envelope("null"));
    EXPECT_EQ(e.reader.chain().error().code, Code::json_missing);
}

TEST(SubscanTokens, several_and_none) {
    Answer read(in_envelope(R"({"token":["DOT"],"detail":{"DOT":{"symbol":"DOT","price":7,)"
                            R"("token_decimals":"10"},"standard_assets/1984":{"unique_id":)"
                            R"("standard_assets/1984","symbol":"USDt","price":null}}})"));
    std::vector<SubscanToken> tokens;
    ASSERT_TRUE(read.reader.tokens(tokens).has_value());
    ASSERT_EQ(tokens.size(), 2u);
    EXPECT_EQ(tokens[0].unique_id, "DOT"); // from its place
    EXPECT_EQ(tokens[0].decimals, 10);
    EXPECT_EQ(tokens[0].price, "7");
    EXPECT_EQ(tokens[1].unique_id, "standard_assets/1984");
    EXPECT_EQ(tokens[1].symbol, "USDt");
    EXPECT_FALSE(tokens[1].decimals.has_value());
    Answer none(in_envelope(R"({"detail":null})"));
    ASSERT_TRUE(none.reader.tokens(tokens).has_value());
    EXPECT_TRUE(tokens.empty());
    EXPECT_EQ(Answer(in_envelope("{}")).reader.tokens(tokens).error().code, Code::json_missing);
    Answer wide(in_envelope(R"({"detail":{"X":{"token_decimals":129}}})"));
    EXPECT_EQ(wide.reader.tokens(tokens).error().code, Code::json_number);
}

TEST(SubscanBlock, needs_number_and_hash) {
    std::string const hash = "0x" + std::string(62, '0') + "2a";
    Answer read(in_envelope(R"({"block_num":"9","hash":")" + hash + R"("})"));
    auto const block = read.reader.block().value();
    EXPECT_EQ(block.number, 9u);
    EXPECT_EQ(block.hash[31], 0x2a);
    EXPECT_FALSE(block.finalized);
    for (auto const* const data : {R"({"block_num":9})", R"({"hash":null,"block_num":9})"}) {
        EXPECT_FALSE(Answer(in_envelope(data)).reader.block().has_value()) << data;
    }
    Answer numberless(in_envelope(R"({"hash":")" + hash + R"("})"));
    EXPECT_EQ(numberless.reader.block().error().code, Code::json_missing);
}

TEST(SubscanAccount, nulls_subs_and_people) {
    Answer bare(in_envelope(R"({"account":{"account_display":{"display":"","identity":false,)"
                            R"("judgements":null,"parent":null,"merkle":null,"people":null},)"
                            R"("balance":"12"}})"));
    auto const nobody = bare.reader.account().value();
    EXPECT_EQ(nobody.display, "");
    EXPECT_FALSE(nobody.identity);
    EXPECT_EQ(nobody.judgement, "");
    EXPECT_EQ(nobody.balance, "12");
    Answer sub(
        in_envelope(R"({"account":{"account_display":{"display":"PARITY/payouts","identity":)"
                    R"(true,"parent":{"address":"1","display":"PARITY","sub_symbol":"payouts")"
                    R"(,"identity":true}}}})"));
    auto const payouts = sub.reader.account().value();
    EXPECT_EQ(payouts.parent, "PARITY");
    EXPECT_EQ(payouts.sub, "payouts");
    EXPECT_TRUE(payouts.identity);
    Answer people(in_envelope(R"({"account":{"account_display":{"display":"","people":{"display":)"
                              R"("Ada","identity":true,"judgements":[{"index":1,"judgement":)"
                              R"("KnownGood"}]}}}})"));
    auto const ada = people.reader.account().value();
    EXPECT_EQ(ada.display, "Ada");
    EXPECT_TRUE(ada.identity);
    EXPECT_EQ(ada.judgement, "KnownGood");
    Answer beside(in_envelope(R"({"account":{"display":"Old"}})"));
    EXPECT_EQ(beside.reader.account().value().display, "Old");
    for (auto const* const data : {"{}", R"({"account":null})"}) {
        Answer read(in_envelope(data));
        EXPECT_EQ(read.reader.account().error().code, Code::json_missing) << data;
    }
}

TEST(SubscanAccount, the_best_judgement) {
    auto const best = [](std::string_view list) {
        Answer read(in_envelope(R"({"account":{"account_display":{"judgements":[)" +
                                std::string(list) + "]}}}"));
        return std::string(read.reader.account().value().judgement);
    };
    EXPECT_EQ(
        best(R"({"judgement":"FeePaid"},{"judgement":"KnownGood"},{"judgement":"Reasonable"})"),
        "KnownGood");
    EXPECT_EQ(best(R"({"judgement":"Erroneous"},{"judgement":"Reasonable"})"), "Reasonable");
    EXPECT_EQ(best(R"({"judgement":"LowQuality"})"), "LowQuality");
    EXPECT_EQ(best(R"({"judgement":"Unheard"})"), "Unheard");
    EXPECT_EQ(best(R"({"index":1})"), "");
}

TEST(SubscanPrice, is_a_plain_decimal) {
    EXPECT_EQ(Answer(in_envelope(R"({"price":7.25})")).reader.price().has_value(), true);
    for (auto const* const data : {R"({"price":"7,25"})", R"({"price":"1e3"})"}) {
        Answer read(in_envelope(data));
        EXPECT_EQ(read.reader.price().error().code, Code::bad_amount);
    }
    for (auto const* const data : {"{}", R"({"price":null})", R"({"price":""})"}) {
        Answer read(in_envelope(data));
        EXPECT_EQ(read.reader.price().error().code, Code::json_missing);
    }
}

TEST(SubscanText, escapes_are_undone) {
    EXPECT_EQ(json_unescaped("plain"), "plain");
    EXPECT_EQ(json_unescaped(R"(a\"b\\c\/d\n\t\r\b\f)"), "a\"b\\c/d\n\t\r\b\f");
    EXPECT_EQ(json_unescaped(R"(\u003cb\u003E)"), "<b>");
    EXPECT_EQ(json_unescaped(R"(\u00e9\u20ac\ud83d\ude00)"), "é€😀");
    EXPECT_EQ(json_unescaped(R"(\ud83d!)"), "\xef\xbf\xbd!");
    EXPECT_EQ(json_unescaped(R"(\ude00\ud83d)"), "\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(json_unescaped(R"(\q\u12)"), R"(\q\u12)");
    EXPECT_EQ(json_unescaped("\\"), "\\");
    EXPECT_EQ(json_unescaped(""), "");
}
