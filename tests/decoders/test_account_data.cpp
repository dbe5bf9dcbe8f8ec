// What System.Account says an account holds, on every recorded runtime. The bytes are written here
// as frame_system::AccountInfo and pallet_balances::AccountData have them; the key is the one that
// @polkadot/api 16 makes for Alice.
#include "decoders/account_data.hpp"
#include "decoders/hex.hpp"
#include "tests/decoders/corpus.hpp"

using namespace decoders;

namespace {

void append(std::vector<std::uint8_t>& out, pipeline::u128 value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}

// nonce, consumers, providers, sufficients; free, reserved, two more of the balance's width, or the
// last one a u128 of flags.
std::vector<std::uint8_t> account_info(pipeline::u128 free, pipeline::u128 reserved,
                                       std::size_t width, std::size_t last_width) {
    std::vector<std::uint8_t> value;
    for (std::uint32_t const word : {9U, 2U, 1U, 0U}) append(value, word, 4);
    append(value, free, width);
    append(value, reserved, width);
    append(value, 77, width);
    append(value, pipeline::u128{1} << 127, last_width);
    return value;
}

} // namespace

TEST(AccountData, free_and_reserved_on_every_runtime) {
    NEEDS_CORPUS();
    constexpr pipeline::u128 whole = pipeline::u128{1} << 96;
    std::size_t wide = 0, narrow = 0;
    for (auto const& path : tests::files_in("metadata", ".scale")) {
        std::string const name = path.filename().string();
        if (std::stoi(name.substr(name.find(".v") + 2)) < 14) continue;
        Runtime const& runtime = tests::runtime_of("metadata/" + name);
        if (auto const held = held_in(runtime, account_info(whole + 5, 3 * whole, 16, 16))) {
            EXPECT_EQ(*held, 4 * whole + 5) << name;
            ++wide;
        } else {
            EXPECT_EQ(held_in(runtime, account_info(1'000, 234, 8, 16)), 1'234u) << name;
            ++narrow;
        }
    }
    std::cerr << wide << " runtimes with u128 balances, " << narrow << " with u64\n";
    EXPECT_EQ(wide + narrow, 27u);
    EXPECT_GT(narrow, 0u);
}

TEST(AccountData, values_that_are_no_accounts_are_refused) {
    NEEDS_CORPUS();
    Runtime const& polkadot = tests::runtime_of("metadata/polkadot-2000000.v15.scale");
    auto const good = account_info(1, 2, 16, 16);
    ASSERT_EQ(held_in(polkadot, good), 3u);
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_FALSE(held_in(polkadot, pipeline::Bytes(good).first(size))) << size;
    auto longer = good;
    longer.push_back(0);
    EXPECT_FALSE(held_in(polkadot, longer));
    pipeline::u128 const most = ~pipeline::u128{0};
    EXPECT_EQ(held_in(polkadot, account_info(most, 0, 16, 16)), most);
    EXPECT_FALSE(held_in(polkadot, account_info(most, 1, 16, 16)));
}

TEST(AccountData, the_key_is_blake2_128_concat) {
    auto const alice =
        tests::from_hex("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
    EXPECT_EQ(hex_text(account_storage_key(alice)),
              "0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9"
              "de1e86a9a8c739864cf3cc5ec2bea59f"
              "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
}
