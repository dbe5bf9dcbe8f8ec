#include "tests/decoders/made_movements.hpp"

#include "decoders/events.hpp"
#include "decoders/samples.hpp"
#include "tests/decoders/tiny_metadata.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tests {
namespace {

using namespace decoders;
using pipeline::u128;
using List = std::vector<std::uint8_t>;

// The value of field number i: every byte, or the whole number, is i + 1.
void append_field(std::uint32_t type, std::size_t i, List& out) {
    auto const value = static_cast<std::uint8_t>(i + 1);
    auto const integer = [&](std::size_t size) {
        out.push_back(value);
        out.insert(out.end(), size - 1, 0);
    };
    switch (type) {
    case tiny_account: out.insert(out.end(), 32, value); break;
    case tiny_u128: integer(16); break;
    case tiny_u64: integer(8); break;
    case tiny_u32: integer(4); break;
    case tiny_u16: integer(2); break;
    case tiny_option: out.push_back(0); break;
    case tiny_str: out.insert(out.end(), {4, 'x'}); break;
    default: FAIL() << "no value for type " << type;
    }
}
Account account_of_field(std::size_t i) {
    List const bytes(32, static_cast<std::uint8_t>(i + 1));
    return account_of(bytes.data(), 32);
}

// Metadata that has the pallets of these cases, and a block with one event of each case.
class Made {
  public:
    explicit Made(std::vector<Case> const& cases) {
        std::vector<TinyPallet> pallets;
        append_compact(cases.size(), value);
        for (auto const& one : cases) {
            auto at = std::ranges::find(pallets, one.pallet, &TinyPallet::name);
            if (at == pallets.end()) at = pallets.insert(at, {one.pallet, {}});
            List event = {static_cast<std::uint8_t>(tiny_first_more + (at - pallets.begin())),
                          static_cast<std::uint8_t>(at->events.size())};
            at->events.push_back({one.event, {}});
            for (std::size_t i = 0; i < one.parts.size(); ++i) {
                at->events.back().fields.push_back({one.parts[i].name, one.parts[i].type});
                append_field(one.parts[i].type, i, event);
            }
            append_record(7, event, value);
        }
        runtime = compile(tiny_metadata(pallets)).value();
    }

    List value;
    std::unique_ptr<Runtime const> runtime;
};

void expect_as_made(Case const& one, Movement const& movement, MovementEvent const& event) {
    Account from, to;
    u128 amount = 0;
    std::size_t asset_bytes = 0;
    for (std::size_t i = 0; i < one.parts.size(); ++i) {
        auto const role = one.parts[i].role;
        if (role == 'f' || role == 'b') from = account_of_field(i);
        if (role == 't' || role == 'b') to = account_of_field(i);
        if (role == 'a') amount += i + 1;
        if (role != 'i') continue;
        asset_bytes = one.parts[i].type == tiny_u16 ? 2 : 4;
        ASSERT_EQ(movement.asset.size(), asset_bytes);
        EXPECT_EQ(movement.asset[0], i + 1);
    }
    EXPECT_EQ(event.pallet, one.pallet);
    EXPECT_EQ(event.event, one.event);
    EXPECT_EQ(event.kind, one.kind);
    EXPECT_EQ(movement.from, from);
    EXPECT_EQ(movement.to, to);
    EXPECT_TRUE(movement.amount == amount);
    EXPECT_EQ(movement.asset.size(), asset_bytes);
    EXPECT_EQ(event.has_from, from.size != 0);
    EXPECT_EQ(event.has_to, to.size != 0);
    EXPECT_EQ(event.has_amount, amount != 0);
    EXPECT_EQ(movement.extrinsic_index, 7u);
}

} // namespace

void expect_told(std::vector<Case> const& cases) {
    Made const made(cases);
    for (auto const& blind : made.runtime->blind()) {
        ADD_FAILURE() << blind.pallet << "." << blind.event << ": " << blind.missing;
    }
    std::size_t next = 0;
    auto const done =
        scan_movements(*made.runtime, made.value, every_movement(), [&](Movement const& one) {
            ASSERT_LT(next, cases.size());
            SCOPED_TRACE(fmt::format("{}.{} of {} fields", cases[next].pallet, cases[next].event,
                                     cases[next].parts.size()));
            expect_as_made(cases[next++], one, made.runtime->movements()[one.source]);
        });
    ASSERT_TRUE(done.has_value()) << describe(*made.runtime, done.error());
    EXPECT_EQ(next, cases.size());
}

void expect_each_told(std::vector<Case> const& cases) {
    for (auto const& one : cases) expect_told({one});
}

std::string missing_in(Case const& one) {
    Made const made({one});
    for (auto const& event : made.runtime->movements()) {
        EXPECT_FALSE(event.pallet == one.pallet && event.event == one.event &&
                     !made.runtime->blind().empty());
    }
    auto const blind = made.runtime->blind();
    if (blind.size() != 1) return "nothing";
    EXPECT_EQ(blind[0].pallet, one.pallet);
    EXPECT_EQ(blind[0].event, one.event);
    EXPECT_EQ(blind[0].kind, one.kind);
    return std::string(blind[0].missing);
}

} // namespace tests
