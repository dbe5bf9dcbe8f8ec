// Audited accounts: single cases, and random worlds with forks, holes and lost events against a
// ledger that is kept with what pallet_balances says of its events.
#include "stages/conservation.hpp"
#include "tests/stages/made_movements.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

using namespace stages;
using scripted::person;
using scripted::row_of_event;

namespace {

Hash hash_of(std::uint32_t number, std::uint8_t branch = 0) {
    Hash hash{};
    for (std::size_t i = 0; i < 4; ++i) hash[i] = static_cast<std::uint8_t>(number >> 8 * i);
    hash[4] = branch;
    return hash;
}

struct Audit {
    explicit Audit(std::vector<std::uint8_t> const& names = {1, 2})
        : conservation(people(names)) {}

    static std::vector<decoders::Account> people(std::vector<std::uint8_t> const& names) {
        std::vector<decoders::Account> accounts;
        accounts.reserve(names.size());
        for (std::uint8_t const name : names) accounts.push_back(person(name));
        return accounts;
    }
    void move(std::uint32_t number, std::string_view event, std::uint8_t from, std::uint8_t to,
              u128 amount, std::uint32_t index = 0, std::uint8_t branch = 0) {
        Transfer moved;
        moved.block = {.hash = hash_of(number, branch), .number = number};
        moved.movement = row_of_event(event);
        if (from != 0) moved.from = person(from);
        if (to != 0) moved.to = person(to);
        moved.amount = amount;
        moved.event_index = index;
        conservation.movement(moved);
    }
    void end(std::uint32_t number, bool incomplete = false, std::uint8_t branch = 0) {
        BlockEnd end;
        end.block = {.hash = hash_of(number, branch), .number = number, .timestamp_ms = number};
        end.incomplete = incomplete;
        conservation.end(end);
    }
    void final(std::uint32_t number, std::uint8_t branch = 0) {
        conservation.finalized({hash_of(number, branch), {}, number});
    }
    void empty(std::uint32_t from, std::uint32_t to) {
        for (std::uint32_t number = from; number <= to; ++number) end(number), final(number);
    }
    void held(std::uint32_t number, std::uint8_t who, u128 total, std::uint8_t branch = 0) {
        conservation.holding({hash_of(number, branch), number, person(who), total});
    }
    // "1@20-25 holds 7, -3" per difference.
    std::vector<std::string> said() {
        std::vector<std::string> texts;
        while (auto const found = conservation.next())
            texts.push_back(
                fmt::format("{}@{}-{} holds {}, {}{}", found->account.key[0], found->since,
                            found->block.number, static_cast<std::uint64_t>(found->read),
                            found->more ? "+" : "-", static_cast<std::uint64_t>(found->gap)));
        return texts;
    }
    Conservation::Counts counts() const { return conservation.counts(); }

    Conservation conservation;
};

using Texts = std::vector<std::string>;

} // namespace

TEST(Conservation, a_balance_that_has_changed_as_the_movements_say_is_well) {
    Audit audit;
    audit.held(10, 1, 1'000);
    audit.move(11, "Transfer", 1, 9, 300);
    audit.move(11, "Transfer", 9, 1, 50, 1);
    audit.end(11);
    audit.final(11);
    audit.held(11, 1, 750);
    EXPECT_EQ(audit.said(), Texts{});
    EXPECT_EQ(audit.counts().compared, 1u);
    audit.move(12, "Transfer", 1, 1, 700); // to itself
    audit.end(12);
    audit.final(12);
    audit.held(12, 1, 750);
    EXPECT_EQ(audit.said(), Texts{});
    EXPECT_EQ(audit.counts().compared, 2u);
}

TEST(Conservation, what_the_movements_do_not_explain_is_told_once_and_then_taken_as_it_is) {
    Audit audit;
    audit.held(10, 1, 1'000);
    audit.held(10, 2, 5);
    audit.move(12, "Transfer", 1, 2, 100);
    audit.empty(11, 13);
    audit.held(13, 1, 890);
    audit.held(13, 2, 106);
    EXPECT_EQ(audit.said(), (Texts{"1@10-13 holds 890, -10", "2@10-13 holds 106, +1"}));
    audit.empty(14, 14);
    audit.held(14, 1, 890);
    audit.held(14, 2, 106);
    EXPECT_EQ(audit.said(), Texts{});
    EXPECT_EQ(audit.counts().compared, 4u);
    EXPECT_EQ(audit.counts().differences, 2u);
}

TEST(Conservation, more_can_go_out_than_there_was) {
    Audit audit;
    audit.held(10, 1, 5);
    audit.move(11, "Burned", 1, 0, 8);
    audit.empty(11, 11);
    audit.held(11, 1, 0);
    EXPECT_EQ(audit.said(), Texts{"1@10-11 holds 0, +3"});
}

TEST(Conservation, a_holding_waits_until_every_block_up_to_it_has_been_told) {
    Audit audit;
    audit.held(10, 1, 100);
    audit.held(13, 1, 60);
    audit.empty(11, 11);
    audit.empty(13, 13);
    EXPECT_EQ(audit.counts().compared, 0u);
    audit.final(12); // its events come later, from history
    audit.move(12, "Withdraw", 1, 0, 40);
    EXPECT_EQ(audit.counts().compared, 0u);
    audit.end(12);
    EXPECT_EQ(audit.counts().compared, 1u);
    EXPECT_EQ(audit.said(), Texts{});
}

TEST(Conservation, what_happened_on_a_branch_that_died_has_not_happened) {
    Audit audit;
    audit.held(10, 1, 100);
    audit.move(11, "Transfer", 1, 9, 40, 0, 7);
    audit.end(11, true, 7);
    audit.move(11, "Transfer", 1, 9, 10);
    audit.empty(11, 11);
    audit.held(11, 1, 90);
    EXPECT_EQ(audit.said(), Texts{});
    EXPECT_EQ(audit.counts().compared, 1u);
}

TEST(Conservation, a_block_that_is_told_twice_counts_once) {
    Audit audit;
    audit.held(10, 1, 100);
    for (int again = 0; again < 2; ++again) {
        audit.move(11, "Transfer", 1, 9, 40, 3);
        audit.move(11, "Transfer", 1, 9, 7, 5);
    }
    for (int again = 0; again < 2; ++again) audit.empty(11, 11);
    audit.held(11, 1, 53);
    EXPECT_EQ(audit.said(), Texts{});
    EXPECT_EQ(audit.counts().compared, 1u);
}

TEST(Conservation, begins_anew_where_nothing_can_be_said) {
    struct Case {
        char const* why;
        void (*happens)(Audit&);
    };
    for (Case const& one : std::initializer_list<Case>{
             {"a block that could not be read", [](Audit& a) { a.end(11, true), a.final(11); }},
             {"a decree", [](Audit& a) { a.move(11, "BalanceSet", 0, 1, 7), a.empty(11, 11); }},
             {"another history", [](Audit& a) { a.end(11, false, 3), a.final(11, 3); }},
             {"more siblings than there is room for",
              [](Audit& a) {
                  for (std::uint8_t branch = 4; branch > 0; --branch) a.end(11, false, branch);
                  a.empty(11, 11);
              }},
         }) {
        Audit audit({1});
        audit.held(10, 1, 100);
        one.happens(audit);
        audit.held(11, 1, 55);
        EXPECT_EQ(audit.said(), Texts{}) << one.why;
        EXPECT_EQ(audit.counts().compared, 0u) << one.why;
        EXPECT_EQ(audit.counts().anew, 1u) << one.why;
        audit.move(12, "Transfer", 1, 9, 5);
        audit.empty(12, 12);
        audit.held(12, 1, 49);
        EXPECT_EQ(audit.said(), Texts{"1@11-12 holds 49, -1"}) << one.why;
    }
}

TEST(Conservation, is_bounded_in_blocks_and_in_changes) {
    Audit late({1});
    late.held(10, 1, 100);
    late.empty(11, 10 + Conservation::blocks_max);
    late.held(10 + Conservation::blocks_max, 1, 99);
    EXPECT_EQ(late.said(), Texts{});
    EXPECT_EQ(late.counts().anew, 1u);

    Audit wide({1});
    wide.held(10, 1, 100);
    for (std::uint32_t i = 0; i <= Conservation::changes_max; ++i) // never final
        wide.move(11, "Transfer", 1, 9, 1, 0, static_cast<std::uint8_t>(1 + i % 250));
    for (std::uint32_t i = 0; i <= Conservation::changes_max; ++i)
        wide.move(12 + i, "Transfer", 1, 9, 1);
    wide.empty(11, 12);
    wide.held(12, 1, 99);
    EXPECT_EQ(wide.said(), Texts{});
    EXPECT_EQ(wide.counts().compared, 0u);
}

TEST(Conservation, only_the_chains_own_token_and_audited_accounts_count) {
    Audit audit({1});
    audit.held(10, 1, 100);
    audit.held(10, 3, 100);
    Transfer other;
    other.block = {.hash = hash_of(11), .number = 11};
    other.movement = row_of_event("Transfer");
    other.from = person(1);
    other.to = person(9);
    other.amount = 40;
    other.asset = 3;
    audit.conservation.movement(other);
    audit.empty(11, 11);
    audit.held(11, 1, 100);
    audit.held(11, 3, 7);
    EXPECT_EQ(audit.said(), Texts{});
    EXPECT_EQ(audit.counts().compared, 1u);
}

// ---- random worlds ------------------------------------------------------------------------------

namespace {

// How pallet_balances changes free + reserved with each of its events: of `from`, of `to`.
struct Effect {
    char const* event;
    bool lowers, raises;
};
constexpr Effect effects[] = {
    {"Transfer", true, true},
    {"Deposit", false, true},
    {"Withdraw", true, false},
    {"Minted", false, true},
    {"Burned", true, false},
    {"BurnedHeld", true, false},
    {"DustLost", true, false},
    {"Slashed", true, false},
    {"Reserved", false, false},
    {"Unreserved", false, false},
    {"ReserveRepatriated", true, true},
    {"Held", false, false},
    {"Released", false, false},
    {"TransferOnHold", true, true},
    {"TransferAndHold", true, true},
    {"Locked", false, false},
    {"Frozen", false, false},
    {"Suspended", true, false},
    {"Restored", false, true},
    {"Endowed", false, false},
};

struct World {
    static constexpr std::uint32_t blocks = 60;
    struct Event {
        Effect effect;
        std::uint8_t from, to;
        std::uint64_t amount;
        bool told;
    };
    explicit World(std::uint64_t seed)
        : random(seed) {
        for (std::uint32_t number = 1; number <= blocks; ++number) {
            incomplete.push_back(below(15) == 0);
            for (std::uint64_t i = below(6); i > 0; --i) {
                Effect const effect = effects[below(std::size(effects))];
                Event event{effect, name(), name(), below(1'000), below(25) != 0};
                bool const two = effect.lowers && effect.raises;
                if (!two && effect.raises) event.from = 0;
                if (!two && !effect.raises) event.to = 0;
                events[number].push_back(event);
                if (effect.lowers) held[event.from] -= event.amount;
                if (effect.raises) held[event.to] += event.amount;
            }
            after.push_back(held);
        }
    }
    std::uint64_t below(std::uint64_t bound) { return random() % bound; }
    std::uint8_t name() { return static_cast<std::uint8_t>(1 + below(5)); }
    std::uint64_t told_of(std::uint8_t who, std::uint32_t from, std::uint32_t to) {
        std::uint64_t sum = 0; // modulo 2^64
        for (std::uint32_t number = from + 1; number <= to; ++number)
            for (Event const& event : events[number]) {
                if (!event.told) continue;
                if (event.effect.lowers && event.from == who) sum -= event.amount;
                if (event.effect.raises && event.to == who) sum += event.amount;
            }
        return sum;
    }

    std::mt19937_64 random;
    std::map<std::uint32_t, std::vector<Event>> events;
    std::map<std::uint8_t, std::uint64_t> held{
        {1, 1 << 30}, {2, 1 << 30}, {3, 1 << 30}, {4, 1 << 30}, {5, 1 << 30}};
    std::vector<std::map<std::uint8_t, std::uint64_t>> after; // by block, from 1
    std::vector<bool> incomplete;
};

} // namespace

// Blocks come out of order by a few, with siblings that die; accounts 1 to 3 are read at random
// final blocks. What is said is what the ledger and the told events differ by.
TEST(Conservation, says_of_random_worlds_what_a_ledger_says) {
    std::size_t differences = 0, compared = 0;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        World world(seed);
        Audit audit({1, 2, 3});
        std::vector<std::uint32_t> order;
        for (std::uint32_t number = 1; number <= World::blocks; ++number) order.push_back(number);
        for (std::size_t i = 0; i + 1 < order.size(); ++i)
            std::swap(order[i], order[i + world.below(std::min<std::size_t>(4, order.size() - i))]);
        Texts expected, said;
        std::map<std::uint8_t, std::uint32_t> base;
        std::set<std::uint32_t> here;
        for (std::uint32_t const number : order) {
            if (world.below(3) == 0) {
                audit.move(number, "Transfer", 1, 2, world.below(1'000), 0, 9);
                audit.end(number, false, 9);
            }
            std::uint32_t index = 0;
            for (World::Event const& event : world.events[number]) {
                if (event.told)
                    audit.move(number, event.effect.event, event.from, event.to, event.amount,
                               index);
                ++index;
            }
            bool const final_first = world.below(2) == 0;
            if (final_first) audit.final(number);
            audit.end(number, world.incomplete[number - 1]);
            if (!final_first) audit.final(number);
            here.insert(number);
            // Of a block all before which are there, so that nothing waits.
            std::uint32_t whole = 0;
            while (here.contains(whole + 1)) ++whole;
            if (whole == 0 || world.below(4) != 0) continue;
            auto const who = static_cast<std::uint8_t>(1 + world.below(3));
            std::uint64_t const total = world.after[whole - 1][who];
            audit.held(whole, who, total);
            auto const before = base.find(who);
            if (before == base.end()) {
                base[who] = whole;
                continue;
            }
            std::uint32_t const since = before->second;
            if (whole <= since) continue;
            base[who] = whole;
            bool readable = true;
            for (std::uint32_t n = since + 1; n <= whole; ++n)
                readable = readable && !world.incomplete[n - 1];
            if (!readable) continue;
            ++compared;
            std::uint64_t const by_events =
                world.after[since - 1][who] + world.told_of(who, since, whole);
            if (by_events == total) continue;
            bool const more = static_cast<std::int64_t>(total - by_events) > 0;
            expected.push_back(fmt::format("{}@{}-{} holds {}, {}{}", who, since, whole, total,
                                           more ? "+" : "-",
                                           more ? total - by_events : by_events - total));
        }
        said = audit.said();
        ASSERT_EQ(said, expected) << "seed " << seed;
        differences += said.size();
        EXPECT_EQ(audit.counts().differences, said.size());
    }
    EXPECT_GT(differences, 200u); // of both there is enough to be wrong about
    EXPECT_GT(compared, 1'000u);
}
