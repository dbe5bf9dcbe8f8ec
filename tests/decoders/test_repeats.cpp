// Currencies says once more what Tokens or Balances have said, and alone what a contract has done:
// every movement is told once. Metadata made by hand.
#include "decoders/events.hpp"
#include "decoders/samples.hpp"
#include "tests/decoders/count_new.hpp"
#include "tests/decoders/tiny_metadata.hpp"

#include <gtest/gtest.h>

namespace {

using namespace decoders;
using namespace tests;
using List = std::vector<std::uint8_t>;

enum Pallet : std::uint8_t { tokens, currencies };
enum Event : std::uint8_t { transfer, deposit, withdraw, endow };

std::vector<TinyPallet> pallets() {
    TinyField const id{"currency_id", tiny_u16}, from{"from", tiny_account}, to{"to", tiny_account};
    TinyField const who{"who", tiny_account}, amount{"amount", tiny_u128};
    return {{"Tokens",
             {{"Transfer", {id, from, to, amount}},
              {"Deposited", {id, who, amount}},
              {"Withdrawn", {id, who, amount}},
              {"Endowed", {id, who, amount}}}},
            {"Currencies",
             {{"Transferred", {id, from, to, amount}},
              {"Deposited", {id, who, amount}},
              {"Withdrawn", {id, who, amount}}}}};
}

class Repeats : public testing::Test {
  protected:
    std::unique_ptr<Runtime const> runtime = compile(tiny_metadata(pallets())).value();
    List records;
    std::size_t count = 0;
    std::int64_t extrinsic = 1; // -1 initialization, -2 finalization

    void say(Pallet pallet, Event event, std::uint8_t amount, std::uint8_t from = 1,
             std::uint8_t to = 2) {
        List bytes = {static_cast<std::uint8_t>(tiny_first_more + pallet), event, 9, 0};
        bytes.insert(bytes.end(), 32, from);
        if (event == transfer) bytes.insert(bytes.end(), 32, to);
        bytes.push_back(amount);
        bytes.insert(bytes.end(), 15, 0);
        append_record(extrinsic, bytes, records);
        ++count;
    }
    List value() const {
        List out;
        append_compact(count, out);
        out.insert(out.end(), records.begin(), records.end());
        return out;
    }
    // Indexes of the events that are told.
    std::vector<std::uint32_t> told(MovementKinds kinds = every_movement()) const {
        std::vector<std::uint32_t> out;
        auto const bytes = value();
        auto const done = scan_movements(
            *runtime, bytes, kinds, [&](Movement const& one) { out.push_back(one.event_index); });
        EXPECT_TRUE(done.has_value());
        EXPECT_EQ(done ? done->events : 0, count);
        return out;
    }
    using Indexes = std::vector<std::uint32_t>;
};

} // namespace

TEST_F(Repeats, a_repetition_is_silent) {
    say(tokens, transfer, 5);
    say(currencies, transfer, 5);
    say(tokens, deposit, 6);
    say(tokens, endow, 6);
    say(currencies, deposit, 6);
    say(tokens, withdraw, 7);
    say(currencies, withdraw, 7);
    EXPECT_EQ(told(), (Indexes{0, 2, 3, 5}));
    EXPECT_EQ(told(MovementKind::transfer), Indexes{0});
    EXPECT_EQ(told(MovementKind::withdraw), Indexes{5});
}

TEST_F(Repeats, what_only_currencies_says_is_told) {
    say(currencies, transfer, 5);
    say(currencies, deposit, 5);
    say(currencies, withdraw, 5);
    EXPECT_EQ(told(), (Indexes{0, 1, 2}));
    EXPECT_EQ(told(MovementKind::transfer), Indexes{0});
}

TEST_F(Repeats, every_movement_is_repeated_once) {
    say(tokens, transfer, 5);
    say(currencies, transfer, 5);
    say(currencies, transfer, 5); // a contract moved the same once more
    say(tokens, transfer, 6);
    say(tokens, transfer, 6);
    say(currencies, transfer, 6);
    say(currencies, transfer, 6);
    say(currencies, transfer, 6);
    EXPECT_EQ(told(), (Indexes{0, 2, 3, 4, 7}));
}

TEST_F(Repeats, everything_must_be_the_same) {
    say(tokens, transfer, 5);
    say(currencies, transfer, 4);
    say(currencies, transfer, 5, 3, 2);
    say(currencies, transfer, 5, 1, 3);
    say(currencies, transfer, 5, 2, 1);
    say(currencies, deposit, 5, 2); // another kind
    EXPECT_EQ(told(), (Indexes{0, 1, 2, 3, 4, 5}));
}

TEST_F(Repeats, a_movement_is_repeated_in_its_own_extrinsic_and_behind_it) {
    say(tokens, transfer, 5);
    extrinsic = 2;
    say(currencies, transfer, 5);
    extrinsic = -1;
    say(currencies, transfer, 5);
    extrinsic = -2;
    say(currencies, transfer, 5);
    say(tokens, transfer, 5);
    say(currencies, transfer, 5);
    EXPECT_EQ(told(), (Indexes{0, 1, 2, 3, 4}));
}

TEST_F(Repeats, the_newest_movements_are_remembered) {
    auto const repeat_after = [&](std::size_t others) {
        records.clear();
        count = 0;
        say(tokens, transfer, 5);
        for (std::size_t i = 0; i < others; ++i) say(tokens, transfer, 6);
        say(currencies, transfer, 5);
        return told().size() - 1 - others;
    };
    EXPECT_EQ(repeat_after(ToldMovements::told_max - 1), 0u);
    EXPECT_EQ(repeat_after(ToldMovements::told_max), 1u);
}

// What is wanted does not decide what is a repetition, even where the memory is short.
TEST_F(Repeats, the_wanted_kinds_change_nothing) {
    say(tokens, transfer, 5);
    for (std::size_t i = 0; i < ToldMovements::told_max; ++i) say(tokens, deposit, 6);
    say(currencies, transfer, 5);
    EXPECT_EQ(told(MovementKind::transfer), (Indexes{0, ToldMovements::told_max + 1}));
    EXPECT_EQ(told(), [] {
        Indexes all(ToldMovements::told_max + 2);
        for (std::uint32_t i = 0; i < all.size(); ++i) all[i] = i;
        return all;
    }());
}

TEST_F(Repeats, remembering_allocates_nothing) {
    if (!counts_allocations()) GTEST_SKIP() << "this build's operator new counts nothing";
    for (int i = 0; i < 100; ++i) {
        say(tokens, transfer, 5);
        say(currencies, transfer, 5);
    }
    auto const bytes = value();
    auto const before = allocations();
    auto const done = scan_movements(*runtime, bytes, every_movement(), [](Movement const&) {});
    auto const after = allocations();
    EXPECT_TRUE(done && done->movements == 100);
    EXPECT_EQ(before, after);
}
