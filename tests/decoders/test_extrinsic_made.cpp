// Extrinsics written by hand from the specification (polkadot-sdk's UncheckedExtrinsic, Preamble):
// what recorded blocks lack, and what is wrong with bytes.
#include "decoders/extrinsic_json.hpp"
#include "decoders/hash.hpp"
#include "decoders/hex.hpp"
#include "decoders/samples.hpp"
#include "tests/decoders/tiny_extrinsic.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

namespace {

using namespace decoders;
using List = std::vector<std::uint8_t>;

// "0x", then so many times the byte.
std::string account_text(char const* byte) {
    std::string out = "0x";
    for (int i = 0; i < 32; ++i) out += byte;
    return out;
}

class MadeExtrinsic : public testing::Test {
  protected:
    std::unique_ptr<Runtime const> runtime = compile(tests::tiny_extrinsic_metadata()).value();
    List const remark = {tests::tiny_system, tests::tiny_remark, 8, 0xca, 0xfe};

    static List joined(std::vector<List> const& parts) {
        List out;
        for (auto const& part : parts) out.insert(out.end(), part.begin(), part.end());
        return out;
    }
    static List with_length(List const& body) {
        List out;
        append_compact(body.size(), out);
        return joined({out, body});
    }
    // Id(0xaa..), Sr25519(01020304); CheckNonce 5; Charge { memo 0x00, tip 1000 }.
    List with_signature() const {
        return with_length(joined(
            {{0x84, 0}, List(32, 0xaa), {1, 1, 2, 3, 4}, {5 << 2}, {4, 0, 0xa1, 0x0f}, remark}));
    }
    // Extensions of version 7: VerifySignature, CheckNonce 6, Fees { asset 9, tip 2 }.
    List general(List const& verify) const {
        return with_length(joined({{0x45, 7}, verify, {6 << 2}, {9, 0, 0, 0, 2 << 2}, remark}));
    }
    List general_signed() const { return general(joined({{0, 0, 1, 2, 3, 4}, List(32, 0xbb)})); }
    Code refused(List const& bytes, Framing framing = Framing::as_in_block) const {
        auto const parts = parse_extrinsic(*runtime, bytes, framing);
        EXPECT_FALSE(parts.has_value());
        return parts ? Code{} : parts.error().error.code;
    }
    std::string json(List const& bytes) const {
        std::string out;
        auto const parts = parse_extrinsic(*runtime, bytes);
        if (!parts) return describe(*runtime, parts.error());
        auto const done = append_extrinsic_json(CallTree(*runtime), *parts, out);
        return done ? out + "}" : describe(done.error());
    }
};

} // namespace

TEST_F(MadeExtrinsic, bare_of_both_versions) {
    for (std::uint8_t const version : List{4, 5}) {
        auto const bytes = with_length(joined({{version}, remark}));
        auto const parts = parse_extrinsic(*runtime, bytes);
        ASSERT_TRUE(parts.has_value()) << describe(*runtime, parts.error());
        EXPECT_EQ(parts->version, version);
        EXPECT_EQ(parts->kind, ExtrinsicKind::bare);
        EXPECT_EQ(parts->extension_count, 0u);
        EXPECT_TRUE(std::ranges::equal(parts->call, remark));
        EXPECT_FALSE(signer_of(*runtime, *parts));
        EXPECT_FALSE(nonce_of(*runtime, *parts));
        EXPECT_FALSE(tip_of(*runtime, *parts));
        EXPECT_EQ(actor_of(*runtime, *parts).origin, CallOrigin::none);
    }
}

TEST_F(MadeExtrinsic, signed_carries_version_0_of_the_extensions) {
    auto const bytes = with_signature();
    auto const parts = parse_extrinsic(*runtime, bytes);
    ASSERT_TRUE(parts.has_value()) << describe(*runtime, parts.error());
    EXPECT_EQ(parts->kind, ExtrinsicKind::with_signature);
    EXPECT_EQ(parts->extension_count, 2u);
    EXPECT_EQ(parts->address.size(), 33u);
    EXPECT_EQ(parts->signature.size(), 5u);
    EXPECT_EQ(hex_text(signer_of(*runtime, *parts).bytes()), account_text("aa"));
    EXPECT_TRUE(nonce_of(*runtime, *parts) == 5);
    EXPECT_TRUE(tip_of(*runtime, *parts) == 1000);
}

TEST_F(MadeExtrinsic, general_says_which_version_of_the_extensions) {
    auto const bytes = general_signed();
    auto const parts = parse_extrinsic(*runtime, bytes);
    ASSERT_TRUE(parts.has_value()) << describe(*runtime, parts.error());
    EXPECT_EQ(parts->version, 5);
    EXPECT_EQ(parts->kind, ExtrinsicKind::general);
    EXPECT_EQ(parts->extension_version, 7);
    ASSERT_EQ(parts->extension_count, 3u);
    EXPECT_EQ(runtime->metadata().extrinsic.extensions[parts->extensions[2].index].name, "Fees");
    EXPECT_EQ(hex_text(signer_of(*runtime, *parts).bytes()), account_text("bb"));
    EXPECT_EQ(actor_of(*runtime, *parts).origin, CallOrigin::by_account);
    EXPECT_TRUE(nonce_of(*runtime, *parts) == 6);
    EXPECT_TRUE(tip_of(*runtime, *parts) == 2);
    // Version 0: no signature is verified, nobody signed.
    auto const old = with_length(joined({{0x45, 0}, {6 << 2}, {0, 3 << 2}, remark}));
    auto const unsigned_parts = parse_extrinsic(*runtime, old);
    ASSERT_TRUE(unsigned_parts.has_value());
    EXPECT_FALSE(signer_of(*runtime, *unsigned_parts));
    EXPECT_TRUE(tip_of(*runtime, *unsigned_parts) == 3);
    // Disabled: an origin of some other extension's making.
    auto const disabled = general({1});
    EXPECT_FALSE(signer_of(*runtime, *parse_extrinsic(*runtime, disabled)));
}

TEST_F(MadeExtrinsic, versions_and_kinds_that_do_not_exist_are_refused) {
    for (unsigned first = 0; first < 256; ++first) {
        bool const good = first == 4 || first == 5 || first == 0x84 || first == 0x45;
        auto bytes = with_signature();
        bytes[1] = static_cast<std::uint8_t>(first);
        auto const parts = parse_extrinsic(*runtime, bytes);
        bool const version_refused = !parts && parts.error().error.code == Code::extrinsic_version;
        EXPECT_EQ(version_refused, !good) << first;
    }
    auto bytes = general_signed();
    bytes[2] = 1; // no such version of the extensions
    EXPECT_EQ(refused(bytes), Code::extension_version);
    auto const error = parse_extrinsic(*runtime, bytes).error();
    EXPECT_EQ(error.error.offset, 2u);
    EXPECT_EQ(error.error.detail, 1u);
}

TEST_F(MadeExtrinsic, the_length_in_front_is_exact) {
    auto const whole = with_signature();
    auto const body = List(whole.begin() + 1, whole.end());
    ASSERT_LT(body.size(), 64u); // so its length takes one byte
    EXPECT_EQ(refused(body), Code::trailing_bytes);
    auto const parts = parse_extrinsic(*runtime, body, Framing::either);
    ASSERT_TRUE(parts.has_value());
    EXPECT_EQ(parts->hash, parse_extrinsic(*runtime, whole)->hash);
    EXPECT_EQ(parts->hash, blake2b_256(whole));
    EXPECT_EQ(parts->length, whole.size());
    auto more = whole;
    more.push_back(0);
    EXPECT_EQ(refused(more), Code::trailing_bytes);
    EXPECT_EQ(parse_extrinsic(*runtime, more).error().error.offset, whole.size());
    refused(more, Framing::either);
    more[0] += 4; // the length agrees, the call does not
    EXPECT_EQ(refused(more), Code::trailing_bytes);
    EXPECT_EQ(parse_extrinsic(*runtime, more).error().error.offset, whole.size());
    EXPECT_EQ(refused(more, Framing::either), Code::trailing_bytes);
    EXPECT_EQ(refused({}), Code::end_of_input);
    EXPECT_EQ(refused({0}), Code::end_of_input);
    EXPECT_EQ(refused({4}), Code::end_of_input);
    EXPECT_EQ(refused({0x01, 0x00, 0x04}), Code::compact_redundant);
    // A compact length of two bytes, and four.
    for (std::size_t const size : {100u, 70'000u}) {
        List call = {tests::tiny_system, tests::tiny_remark};
        append_compact(size, call);
        call.resize(call.size() + size);
        auto const large = joined({{4}, call});
        auto const framed = with_length(large);
        EXPECT_EQ(parse_extrinsic(*runtime, large, Framing::either)->hash, blake2b_256(framed));
        EXPECT_EQ(parse_extrinsic(*runtime, framed)->hash, blake2b_256(framed));
    }
}

TEST_F(MadeExtrinsic, every_cut_is_an_error) {
    for (auto const& whole : {with_signature(), general_signed()}) {
        auto const prefix = whole.begin() + 1;
        for (auto end = prefix; end != whole.end(); ++end) {
            List const body(prefix, end);
            auto const code = refused(with_length(body)); // a list's count, or a value, is too long
            EXPECT_TRUE(code == Code::end_of_input || code == Code::too_many_elements)
                << body.size() << code_name(code);
            refused(List(whole.begin(), end), Framing::either);
            refused(body, Framing::either);
        }
    }
}

TEST_F(MadeExtrinsic, the_sentence_names_place_part_and_type) {
    auto bytes = with_signature();
    bytes[35] = 9; // the signature's tag
    auto const text = json(bytes);
    EXPECT_NE(text.find("byte 35"), text.npos) << text;
    EXPECT_NE(text.find("the extrinsic's signature"), text.npos) << text;
    EXPECT_NE(text.find("MultiSignature"), text.npos) << text;
    auto general = general_signed();
    general[3] = 9; // of VerifySignature
    auto const named = json(general);
    EXPECT_NE(named.find("the extrinsic's extension VerifySignature"), named.npos) << named;
}

TEST_F(MadeExtrinsic, one_line_of_json) {
    EXPECT_EQ(
        json(general_signed()),
        "{\"hash\":\"" + hex_text(blake2b_256(general_signed())) +
            "\",\"length\":52,\"version\":5,\"kind\":\"general\",\"signed\":true,\"signer\":\"" +
            account_text("bb") +
            "\",\"signature\":null,\"extension_version\":7,\"extensions\":{\"VerifySignature\":{"
            "\"Signed\":{\"signature\":{\"Ed25519\":\"0x01020304\"},\"account\":\"" +
            account_text("bb") +
            "\"}},\"CheckNonce\":{\"nonce\":6},\"Fees\":{\"asset\":9,\"tip\":\"2\"}},\"nonce\":"
            "\"6\",\"tip\":\"2\",\"pallet\":\"System\",\"call\":\"remark\",\"args\":{\"remark\":"
            "\"0xcafe\"},\"fee_payer\":\"" +
            account_text("bb") +
            "\",\"calls\":[{\"path\":[],\"via\":[],\"origin\":\"signed\",\"actor\":\"" +
            account_text("bb") +
            "\",\"pallet\":\"System\",\"call\":\"remark\",\"args\":{\"remark\":\"0xcafe\"}}],"
            "\"calls_complete\":true}");
    auto const bare = json(with_length(joined({{5}, remark})));
    EXPECT_NE(bare.find("\"signer\":null,\"signature\":null,\"extension_version\":null,"
                        "\"extensions\":{},\"nonce\":null,\"tip\":null"),
              bare.npos)
        << bare;
    EXPECT_NE(bare.find("\"fee_payer\":null"), bare.npos);
    EXPECT_NE(bare.find("\"origin\":\"none\",\"actor\":null"), bare.npos);
}

// Any bytes: an error or JSON, and never more work than the bytes are worth.
TEST_F(MadeExtrinsic, flipped_bytes_are_refused_or_decoded) {
    SampleRandom random(5);
    List const call = joined({{tests::tiny_utility, tests::tiny_batch, 8, tests::tiny_multisig,
                               tests::tiny_as_multi, 2, 0, 4},
                              List(32, 0xcc),
                              {20},
                              remark,
                              {tests::tiny_proxy, tests::tiny_proxy_call, 0},
                              List(32, 0xdd),
                              remark});
    auto const whole = with_length(
        joined({{0x84, 0}, List(32, 0xaa), {1, 1, 2, 3, 4}, {5 << 2}, {4, 0, 0xa1, 0x0f}, call}));
    simdjson::dom::parser parser;
    EXPECT_EQ(parser.parse(json(whole)).error(), simdjson::SUCCESS) << json(whole);
    std::size_t decoded = 0;
    for (int i = 0; i < 20'000; ++i) {
        auto bytes = whole;
        auto const flips = 1 + random.below(3);
        for (std::uint64_t flip = 0; flip < flips; ++flip) {
            bytes[random.below(bytes.size())] = static_cast<std::uint8_t>(random.next());
        }
        auto const text = json(bytes);
        ASSERT_FALSE(text.empty());
        if (text[0] != '{') continue;
        ++decoded;
        ASSERT_EQ(parser.parse(text).error(), simdjson::SUCCESS) << text;
    }
    EXPECT_GT(decoded, 1000u);
}
