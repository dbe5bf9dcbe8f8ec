// Ids that are hashes of others, against @polkadot/util-crypto 14 (createKeyDerived,
// createKeyMulti), which works them out in JavaScript from the same definition.
#include "decoders/calls.hpp"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <vector>

using namespace decoders;

namespace {

Account account(std::uint64_t number, std::uint8_t size) {
    std::uint8_t key[32] = {};
    std::memcpy(key, &number, sizeof number);
    return decoders::account_of(key, size);
}

Account from_hex(std::string_view text) {
    std::uint8_t key[32] = {};
    for (std::size_t i = 0; i < 32; ++i)
        key[i] =
            static_cast<std::uint8_t>(std::stoul(std::string(text.substr(2 * i, 2)), nullptr, 16));
    return decoders::account_of(key, 32);
}

Account const alice = from_hex("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
Account const bob = from_hex("8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48");
Account const charlie =
    from_hex("90b5ab205c6974c9ea841be688864633dc9ca8a357843eeacf2314649965fe22");

TEST(AccountIds, derived_accounts_are_polkadot_js_own) {
    auto const is = [](std::uint16_t index, std::string_view hex) {
        EXPECT_EQ(derived_account(alice, index), from_hex(hex)) << index;
    };
    is(0, "799239e4ab0a3de63582363422f344346eb55bee62885a84a0c8aaf5aa564995");
    is(1, "f81356d1fe5954303680a6ef99d48f22bf3cd232274d7a471d3cf7c65f65f653");
    is(255, "6053ef84e1d00f0581a513b80ceb5fb9147de5da774c73cfe9ce3096f7789db7");
    is(256, "133a9013d4703e56e484338d942eaf5068d1025396d45fdc89f79d5038811470");
    is(65'535, "eec98fc520137149878da36db636a08501a95482dfaca2867f9bbe95cc94d86f");
    EXPECT_EQ(derived_account(account(5, 20), 3).size, 20);
}

TEST(AccountIds, multisigs_are_polkadot_js_own) {
    std::vector<Account> const two{bob, alice}, three{bob, charlie, alice};
    EXPECT_EQ(multisig_account(two, 1),
              from_hex("4c5901223c7c52585646634e70dd46ad3faf1270f84a4673b5b4a4e126474073"));
    EXPECT_EQ(multisig_account(three, 2),
              from_hex("49daa32c7287890f38b7e1a8cd2961723d36d20baa0bf3b82e0c4bdda93b1c0a"));
    EXPECT_EQ(multisig_account(three, 3),
              from_hex("5d147638256753bfd2f7a5634b1a91b56b0ba26d9ac7b54c6f6e16007d926505"));
    std::vector<Account> many;
    for (unsigned i = 0; i < 100; ++i) {
        std::uint8_t key[32] = {};
        key[0] = static_cast<std::uint8_t>(i * 37);
        key[31] = static_cast<std::uint8_t>(i);
        many.push_back(account_of(key, 32));
    }
    auto const ascending = [](std::vector<Account> all) {
        std::ranges::sort(all, [](Account const& a, Account const& b) {
            return std::memcmp(a.key, b.key, sizeof a.key) < 0;
        });
        return all;
    };
    // From 64 on the number of signatories takes two bytes.
    EXPECT_EQ(multisig_account(ascending({many.begin(), many.begin() + 70}), 300),
              from_hex("264373fb0ca0033b6f55ece6cd9b409d02d47bf8b6ceaea161078c6ae72f0186"));
    EXPECT_EQ(multisig_account(ascending(many), 2),
              from_hex("5121f1043152ff0b27e75bb4bfc7e175577c33078dfd3f1a59c7ce0cf04aefa4"));
}

} // namespace
