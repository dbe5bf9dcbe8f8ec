// Whom patterns are of: what blocks say of who acts for whom, and who comes back after long.
#include "tests/stages/patterns_chain.hpp"

#include <algorithm>

namespace stages {
namespace {

using namespace testing;

// Who acts for whom comes with the blocks, as movements do.
struct Related : Chain {
    using Chain::Chain;
    void says(BlockRef const& block, std::string_view event_name, std::uint32_t from,
              std::uint32_t to) {
        auto const rows = decoders::movement_rows();
        auto const row = std::ranges::find(rows, event_name, &decoders::MovementRow::event);
        ASSERT_NE(row, rows.end());
        Transfer transfer;
        transfer.block = block;
        transfer.from = account(from);
        transfer.to = account(to);
        transfer.event_index = event++;
        transfer.movement = static_cast<std::uint16_t>(row - rows.begin());
        patterns.movement(transfer);
    }
    void signed_by(std::uint32_t signer, BlockRef const& block, std::uint32_t from,
                   std::uint32_t to) {
        Transfer transfer;
        transfer.block = block;
        transfer.from = account(from);
        transfer.to = account(to);
        transfer.signer = account(signer);
        transfer.amount = token;
        transfer.event_index = event++;
        transfer.movement = row_of_event("Transfer");
        patterns.movement(transfer);
    }
    bool together(std::uint32_t a, std::uint32_t b) const {
        auto const& all = patterns.accounts();
        return inside(all, all.find(account(a)), all.find(account(b)));
    }
};

TEST(PatternsOwners, what_a_signatory_sends_to_its_multisig_is_no_outflow) {
    Related chain({rule_of(RuleKind::drain)});
    BlockRef const first = block_ref(6);
    chain.says(first, "NewMultisig", 1, 500); // 500 is whom drained() sends the first part to
    chain.says(first, "PureCreated", 1, 700);
    chain.end(first);
    chain.final(first);
    EXPECT_TRUE(chain.found().empty());
    EXPECT_TRUE(chain.together(1, 500) && chain.together(1, 700));
    EXPECT_EQ(chain.patterns.log().last(), 0U); // nothing has moved
    chain.drained(7, 1);
    chain.final(block_ref(7));
    auto const found = chain.found();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].facts.all, 5U); // of six
    EXPECT_EQ(found[0].facts.members, 3U);
    EXPECT_EQ(found[0].facts.joined_by, 1U << static_cast<unsigned>(JoinedBy::multisig) |
                                            1U << static_cast<unsigned>(JoinedBy::proxy));
}

TEST(PatternsOwners, a_proxy_belongs_to_whom_it_has_acted_for) {
    Related chain({rule_of(RuleKind::drain)});
    BlockRef const first = block_ref(6), second = block_ref(7);
    chain.says(first, "ProxyAdded", 1, 2); // 2 lets 1 act
    chain.says(first, "ProxyAdded", 3, 2);
    chain.end(first);
    chain.final(first);
    EXPECT_TRUE(chain.found().empty());
    EXPECT_FALSE(chain.together(1, 2));
    chain.signed_by(1, second, 2, 9);
    chain.signed_by(4, second, 2, 9);
    chain.end(second);
    chain.final(second);
    EXPECT_TRUE(chain.found().empty());
    EXPECT_TRUE(chain.together(1, 2));
    EXPECT_FALSE(chain.together(3, 2) || chain.together(4, 2));
}

// A table of four, and an account that is pushed out of it by others before it sends again.
TEST(PatternsOwners, who_was_silent_for_long_is_known_to_have_been_though_it_has_left_the_table) {
    std::vector<Rule> const rules{rule_of(RuleKind::dormant_awakening)};
    Patterns patterns({.accounts_max = 4, .movements_max = 64, .longest_window_s = day_s}, {});
    patterns.set_rules(pattern_rules(rules, 0, 10, {}, {}, [](auto) {}));
    constexpr std::uint64_t after_migrations = 100; // days: silences that span one tell nothing
    std::uint32_t number = 0;
    auto const moves = [&](std::uint32_t day, std::uint32_t from, std::uint32_t to, u128 amount) {
        Transfer transfer;
        transfer.block.number = ++number;
        transfer.block.timestamp_ms = (start_s + (after_migrations + day) * day_s) * 1'000;
        std::memcpy(transfer.block.hash.data(), &number, sizeof number);
        transfer.from = account(from);
        transfer.to = account(to);
        transfer.amount = amount;
        transfer.movement = row_of_event("Transfer");
        patterns.movement(transfer);
        patterns.end(transfer.block);
        patterns.finalized(transfer.block.hash, number);
        std::size_t steps = 100;
        return patterns.next(steps);
    };
    EXPECT_FALSE(moves(0, 1, 2, token));
    for (std::uint32_t i = 0; i < 8; ++i)
        EXPECT_FALSE(moves(10 + 2 * i, 10 + 2 * i, 11 + 2 * i, token));
    ASSERT_EQ(patterns.accounts().find(account(1)), no_account);
    auto const found = moves(60, 1, 2, 50'000 * token);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->facts.subject, account(1));
    EXPECT_EQ(patterns.cold().counts().recalled, 1U);
}

} // namespace
} // namespace stages
