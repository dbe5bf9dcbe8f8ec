// Hex, addresses, amounts, storage keys: texts against the specifications and known values.
#include "decoders/amount.hpp"
#include "decoders/hash.hpp"
#include "decoders/hex.hpp"
#include "decoders/samples.hpp"
#include "decoders/ss58.hpp"
#include "decoders/storage_key.hpp"
#include "tests/decoders/corpus.hpp"

namespace {

using namespace decoders;
using pipeline::u128;

// //Alice of the development accounts, as subkey prints her.
constexpr std::string_view alice_key =
    "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
constexpr std::string_view alice_42 = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
constexpr std::string_view alice_0 = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5";
constexpr std::string_view alice_2 = "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F";

Code hex_error(std::string_view text, std::size_t room = 64) {
    std::vector<std::uint8_t> out(room);
    auto const done = hex_decode(text, out);
    EXPECT_FALSE(done.has_value());
    return done.error().code;
}

} // namespace

TEST(Hex, refuses_with_the_offset) {
    std::vector<std::uint8_t> out(200);
    EXPECT_EQ(hex_decode("0x0g", out).error(), (Error{Code::bad_hex_digit, 3}));
    EXPECT_EQ(hex_decode("0x123", out).error(), (Error{Code::odd_hex, 4}));
    EXPECT_EQ(hex_error("0x0000", 1), Code::buffer_too_small);
    EXPECT_EQ(hex_decode("", out).value(), 0u);
    EXPECT_EQ(hex_decode("0x", out).value(), 0u);
    EXPECT_EQ(hex_decode("0xFfaB", out).value(), 2u);
    EXPECT_EQ(out[0], 0xff);
    EXPECT_EQ(out[1], 0xab);
    EXPECT_EQ(hex_text(Bytes(out).first(2)), "0xffab");
}

// Each path against the plain one: all sizes around the blocks, every byte value at every place.
TEST(Hex, all_paths_agree) {
    SampleRandom random(3);
    for (std::string_view const path : {"avx2", "ssse3", "neon"}) {
        if (!hex_paths::available(path)) continue;
        for (std::size_t bytes = 0; bytes < 150; ++bytes) {
            std::string text;
            for (std::size_t i = 0; i < 2 * bytes; ++i) {
                text += "0123456789abcdefABCDEF"[random.below(22)];
            }
            std::vector<std::uint8_t> plain(bytes), fast(bytes);
            EXPECT_EQ(hex_paths::decode("scalar", text, plain.data()), text.size());
            EXPECT_EQ(hex_paths::decode(path, text, fast.data()), text.size());
            EXPECT_EQ(plain, fast);
        }
        std::string text(192, '0');
        std::vector<std::uint8_t> out(96);
        for (std::size_t at = 0; at < text.size(); ++at) {
            for (int value = 0; value < 256; ++value) {
                text[at] = static_cast<char>(value);
                ASSERT_EQ(hex_paths::decode("scalar", text, out.data()),
                          hex_paths::decode(path, text, out.data()))
                    << path << " at " << at << " value " << value;
            }
            text[at] = '0';
        }
    }
}

TEST(Hex, decodes_in_place) {
    std::string text(256, 'a');
    auto* bytes = reinterpret_cast<std::uint8_t*>(text.data());
    EXPECT_EQ(hex_decode(text, {bytes, text.size()}).value(), 128u);
    for (std::size_t i = 0; i < 128; ++i) EXPECT_EQ(bytes[i], 0xaa);
}

TEST(Ss58, known_addresses_both_ways) {
    auto const key = parse_address(alice_key).value();
    EXPECT_EQ(key.prefix, no_ss58_prefix);
    struct Row {
        std::string_view text;
        std::uint16_t prefix;
    };
    for (auto const row : {Row{alice_42, 42}, Row{alice_0, 0}, Row{alice_2, 2}}) {
        auto const decoded = ss58_decode(row.text);
        ASSERT_TRUE(decoded.has_value()) << row.text << describe(decoded.error());
        EXPECT_EQ(decoded->prefix, row.prefix);
        EXPECT_EQ(decoded->account, key.account);
        EXPECT_EQ(ss58_encode(key.account, row.prefix).view(), row.text);
    }
}

TEST(Ss58, every_prefix_goes_round) {
    auto const key = parse_address(alice_key)->account;
    auto const short_key = account_of(key.key, 20);
    for (std::uint16_t prefix = 0; prefix <= max_ss58_prefix; ++prefix) {
        for (auto const& account : {key, short_key}) {
            auto const decoded = ss58_decode(ss58_encode(account, prefix).view());
            ASSERT_TRUE(decoded.has_value()) << prefix << describe(decoded.error());
            ASSERT_EQ(decoded->prefix, prefix);
            ASSERT_EQ(decoded->account, account);
        }
    }
}

TEST(Ss58, every_wrong_letter_is_noticed) {
    std::string text(alice_0);
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const before = text[i];
        text[i] = before == 'z' ? 'y' : 'z';
        EXPECT_FALSE(ss58_decode(text).has_value()) << text;
        text[i] = before;
    }
    EXPECT_EQ(ss58_decode("15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp0").error(),
              (Error{Code::bad_base58, 47}));
    EXPECT_FALSE(ss58_decode("").has_value());
    EXPECT_EQ(ss58_decode(std::string(57, '1')).error().code, Code::too_long);
    EXPECT_EQ(parse_address("0x00").error().code, Code::bad_key);
}

// A session's node says each transfer's accounts as SS58; the keys are in its events.
TEST(Ss58, addresses_of_the_recorded_sessions) {
    NEEDS_CORPUS();
    std::size_t count = 0;
    for (auto const& path : tests::files_in("rpc", ".truth.json")) {
        auto const text = tests::read_file(path);
        for (auto at = text.find("\"5"); at != text.npos; at = text.find("\"5", at + 1)) {
            auto const end = text.find('"', at + 1);
            auto const address = text.substr(at + 1, end - at - 1);
            if (address.size() != 48) continue;
            auto const decoded = ss58_decode(address);
            ASSERT_TRUE(decoded.has_value()) << address;
            EXPECT_EQ(ss58_encode(decoded->account, decoded->prefix).view(), address);
            ++count;
        }
    }
    std::cerr << count << " addresses\n";
}

TEST(Amount, whole_tokens_are_exact) {
    auto const planck = [](std::string_view text, std::uint8_t decimals) {
        auto const value = parse_tokens(text, decimals);
        return value ? std::string(u128_text(*value).view())
                     : std::string(code_name(value.error().code));
    };
    EXPECT_EQ(planck("10000", 10), "100000000000000");
    EXPECT_EQ(planck("0.5", 12), "500000000000");
    EXPECT_EQ(planck("0.50", 1), "5");
    EXPECT_EQ(planck("1234567.8901234567", 10), "12345678901234567");
    EXPECT_EQ(planck("0", 38), "0");
    EXPECT_EQ(planck("340282366920938463463374607431768211455", 0),
              "340282366920938463463374607431768211455");
    EXPECT_EQ(planck("340282366920938463463374607431768211456", 0), "amount_too_large");
    EXPECT_EQ(planck("1", 39), "amount_too_large");
    EXPECT_EQ(planck("0.001", 2), "amount_decimals");
    for (std::string_view const bad : {"", ".", "1.", ".5", "-1", "+1", "1e3", " 1", "1 ", "1_000",
                                       "1,5", "0x10", "1.2.3", "NaN"}) {
        EXPECT_EQ(planck(bad, 10), "bad_amount") << bad;
    }
}

TEST(Amount, shortest_exact_text) {
    EXPECT_EQ(tokens_text(12345678901234567, 10).view(), "1234567.8901234567");
    EXPECT_EQ(tokens_text(10, 1).view(), "1");
    EXPECT_EQ(tokens_text(5, 3).view(), "0.005");
    EXPECT_EQ(tokens_text(0, 12).view(), "0");
    EXPECT_EQ(tokens_text(1200, 0).view(), "1200");
    EXPECT_EQ(tokens_text(1, 128).view().size(), 130u);
    SampleRandom random(5);
    for (int i = 0; i < 2000; ++i) {
        auto const value = (u128{random.next()} << 64 | random.next()) >> random.below(128);
        auto const decimals = static_cast<std::uint8_t>(random.below(30));
        EXPECT_TRUE(parse_tokens(tokens_text(value, decimals).view(), decimals).value() == value);
    }
}

// The keys everybody knows.
TEST(StorageKey, well_known_prefixes) {
    EXPECT_EQ(hex_text(system_events_key()),
              "0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7");
    EXPECT_EQ(hex_text(system_number_key()),
              "0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac");
    EXPECT_EQ(hex_text(system_parent_hash_key()),
              "0x26aa394eea5630e07c48ae0c9558cef78a42f33323cb5ced3b44dd825fda9fcc");
    EXPECT_EQ(hex_text(timestamp_now_key()),
              "0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb");
    EXPECT_EQ(hex_text(last_runtime_upgrade_key()),
              "0x26aa394eea5630e07c48ae0c9558cef7f9cce9c888469bb1a0dceaa129672ef8");
    EXPECT_EQ(hex_text(system_account_key()),
              "0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9");
}

TEST(StorageKey, map_keys_come_back) {
    std::vector<std::uint8_t> const key = {1, 2, 3, 4};
    for (auto const hasher :
         {Hasher::blake2_128_concat, Hasher::twox_64_concat, Hasher::identity}) {
        auto const prefix = system_account_key();
        std::vector<std::uint8_t> full(prefix.begin(), prefix.end());
        append_map_key(hasher, key, full);
        EXPECT_TRUE(std::ranges::equal(map_key_suffix(full, hasher).value(), key));
    }
    EXPECT_FALSE(map_key_suffix(key, Hasher::identity).has_value());
    EXPECT_FALSE(map_key_suffix(key, Hasher::twox_128).has_value());
}
