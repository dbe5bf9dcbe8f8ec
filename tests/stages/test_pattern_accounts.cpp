// The table of accounts against a naive model that forgets nothing it should not, its hash against
// keys made to collide.
#include "stages/pattern_accounts.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

using namespace stages;
using decoders::Account;

namespace {

Account account(std::uint64_t number, std::size_t at = 0, std::uint8_t size = 32) {
    std::uint8_t key[32] = {};
    std::memcpy(key + at, &number, sizeof number);
    return decoders::account_of(key, size);
}

TEST(PatternAccounts, an_account_is_found_under_its_whole_key) {
    Accounts accounts(8, 100);
    EXPECT_EQ(accounts.find(account(1)), no_account);
    AccountIndex const one = accounts.enter(account(1), 50);
    EXPECT_EQ(accounts.find(account(1)), one);
    EXPECT_EQ(accounts.enter(account(1), 60), one);
    EXPECT_EQ(accounts.find(account(1, 24)), no_account);
    EXPECT_EQ(accounts.find(account(1, 0, 20)), no_account); // the same bytes, another size
    AccountIndex const short_one = accounts.enter(account(1, 0, 20), 60);
    EXPECT_NE(short_one, one);
    EXPECT_EQ(accounts.size(), 2U);
    AccountState const& state = std::as_const(accounts)[one];
    EXPECT_EQ(state.first_s, 50U);
    EXPECT_EQ(state.last_s, 60U);
    EXPECT_EQ(state.cluster, one);
    EXPECT_EQ(state.joined_by, JoinedBy::alone);
    EXPECT_EQ(accounts.enter(account(1), 55), one); // out of order: it does not get younger
    EXPECT_EQ(state.last_s, 60U);
}

TEST(PatternAccounts, one_is_let_go_only_when_its_newest_movement_is_older_than_the_window) {
    Accounts accounts(2, 100);
    accounts.enter(account(1), 1'000);
    accounts.enter(account(2), 1'050);
    EXPECT_EQ(accounts.enter(account(3), 1'100), no_account); // as old as the window: still in it
    EXPECT_EQ(accounts.refused(), 1U);
    EXPECT_NE(accounts.find(account(1)), no_account);
    EXPECT_EQ(accounts.enter(account(3), 1'101), 0U);
    EXPECT_EQ(accounts.find(account(1)), no_account);
    EXPECT_EQ(std::as_const(accounts)[0].first_s, 1'101U);
    EXPECT_EQ(accounts.refused(), 1U);
    // Times at the end of what a number holds do not wrap round.
    Accounts late(1, 4'000'000'000);
    late.enter(account(1), 4'000'000'000);
    EXPECT_EQ(late.enter(account(2), 4'294'967'295), no_account);
}

TEST(PatternAccounts, the_sender_of_a_movement_is_not_let_go_for_its_receiver) {
    Accounts accounts(2, 100);
    accounts.enter(account(1), 0);
    accounts.enter(account(2), 900);
    AccountIndex const from = accounts.enter(account(1), 1'000); // it was old until now
    EXPECT_EQ(accounts.enter(account(3), 1'000), no_account);
    EXPECT_EQ(accounts.find(account(1)), from);
}

TEST(PatternAccounts, one_that_stands_for_others_or_has_a_name_stays) {
    Accounts accounts(3, 100);
    AccountIndex const root = accounts.enter(account(1), 0);
    AccountIndex const member = accounts.enter(account(2), 0);
    accounts[accounts.enter(account(3), 0)].named = true;
    accounts.join(member, root, JoinedBy::multisig);
    EXPECT_EQ(accounts.enter(account(4), 1'000), member); // the root was looked at first
    EXPECT_EQ(accounts.find(account(1)), root);
    EXPECT_EQ(accounts.enter(account(5), 1'001), root); // and now stands for nobody
    EXPECT_EQ(accounts.enter(account(6), 1'001), no_account);
    EXPECT_NE(accounts.find(account(3)), no_account);
}

TEST(PatternAccounts, who_joins_says_why_and_the_joined_stands_for_all) {
    Accounts accounts(8, 100);
    for (std::uint64_t i = 0; i < 6; ++i) accounts.enter(account(i), 0);
    accounts.join(1, 0, JoinedBy::label);
    accounts.join(3, 2, JoinedBy::proxy);
    accounts[0].exchange = accounts[1].exchange = true;
    accounts.join(3, 1, JoinedBy::multisig); // the cluster of 2 into the cluster of 0
    for (AccountIndex i = 0; i < 4; ++i) {
        EXPECT_EQ(accounts.cluster_of(i), 0U) << i;
        EXPECT_TRUE(accounts[i].exchange) << i;
    }
    EXPECT_EQ(accounts[0].joined_by, JoinedBy::alone);
    EXPECT_EQ(accounts[1].joined_by, JoinedBy::label);
    EXPECT_EQ(accounts[2].joined_by, JoinedBy::multisig); // who stood for it joined the others
    EXPECT_EQ(accounts[3].joined_by, JoinedBy::proxy);
    accounts.join(0, 4, JoinedBy::derivative); // an exchange joins one that is none
    EXPECT_TRUE(accounts[4].exchange);
    EXPECT_EQ(accounts.cluster_of(3), 4U);
    accounts.join(3, 1, JoinedBy::label); // one cluster already: nothing happens
    EXPECT_EQ(accounts[3].joined_by, JoinedBy::proxy);
    EXPECT_EQ(accounts.cluster_of(5), 5U);
    EXPECT_EQ(accounts.cluster_of(no_account), no_account);
    accounts.part_all();
    for (AccountIndex i = 0; i < 6; ++i) EXPECT_EQ(accounts.cluster_of(i), i);
}

// ---- against a naive model ----------------------------------------------------------------------

struct Known {
    std::uint32_t last_s = 0;
    std::uint32_t mark = 0; // something written into the record
    AccountIndex index = 0; // must not change
    std::uint64_t stands{}; // who stands for its cluster
    bool named = false;
};

struct Naive {
    static constexpr std::uint32_t window_s = 50;
    std::map<std::uint64_t, Known> known;

    bool stands_for_others(std::uint64_t number) const {
        for (auto const& [other, one] : known)
            if (other != number && one.stands == number) return true;
        return false;
    }
    bool may_go(std::uint64_t number, std::uint32_t now) const {
        Known const& one = known.at(number);
        return !one.named && one.last_s + window_s < now && !stands_for_others(number);
    }
};

struct Storm {
    explicit Storm(unsigned seed)
        : random(seed) {}
    std::uint64_t below(std::uint64_t limit) { return random() % limit; }

    void enter(std::uint64_t number) {
        std::uint64_t const refused = accounts.refused();
        AccountIndex const index = accounts.enter(account(number), now);
        if (auto const at = naive.known.find(number); at != naive.known.end()) {
            ASSERT_EQ(index, at->second.index);
            at->second.last_s = std::max(at->second.last_s, now);
            return;
        }
        std::set<std::uint64_t> gone, could_go;
        for (auto const& [other, one] : naive.known) {
            if (accounts.find(account(other)) == no_account) gone.insert(other);
            if (naive.may_go(other, now)) could_go.insert(other);
        }
        if (naive.known.size() == accounts.capacity()) {
            ASSERT_EQ(index == no_account, could_go.empty());
            ASSERT_EQ(accounts.refused() - refused, could_go.empty() ? 1U : 0U);
            ASSERT_EQ(gone.size(), could_go.empty() ? 0U : 1U);
        } else {
            ASSERT_TRUE(gone.empty());
        }
        for (std::uint64_t const other : gone) {
            ASSERT_TRUE(could_go.contains(other)) << other;
            ASSERT_EQ(naive.known.at(other).index, index);
            naive.known.erase(other);
            ++let_go;
        }
        if (index != no_account) naive.known[number] = {now, 0, index, number, false};
    }
    // A known account, or nothing.
    std::optional<std::uint64_t> any() {
        if (naive.known.empty()) return std::nullopt;
        return std::next(naive.known.begin(), static_cast<long>(below(naive.known.size())))->first;
    }
    void join() {
        auto const a = any(), b = any();
        if (!a) return;
        std::uint64_t const from = naive.known[*a].stands, into = naive.known[*b].stands;
        accounts.join(naive.known[*a].index, naive.known[*b].index, JoinedBy::proxy);
        for (auto& [number, one] : naive.known)
            if (one.stands == from) one.stands = into;
    }
    void write() {
        auto const a = any();
        if (!a) return;
        Known& one = naive.known[*a];
        one.mark = static_cast<std::uint32_t>(random());
        one.named = below(40) == 0;
        accounts[one.index].outs = one.mark;
        accounts[one.index].named = one.named;
    }
    void compare() const {
        ASSERT_EQ(accounts.size(), naive.known.size());
        for (auto const& [number, one] : naive.known) {
            ASSERT_EQ(accounts.find(account(number)), one.index);
            AccountState const& state = accounts[one.index];
            ASSERT_EQ(state.key, account(number));
            ASSERT_EQ(state.outs, one.mark);
            ASSERT_EQ(state.last_s, one.last_s);
            ASSERT_EQ(state.cluster, naive.known.at(one.stands).index);
            ASSERT_EQ(state.joined_by == JoinedBy::alone, one.stands == number);
            std::size_t members = 0, ring = 0;
            for (auto const& [other, o] : naive.known) members += o.stands == one.stands;
            AccountIndex at = one.index;
            do {
                ASSERT_EQ(accounts[at].cluster, state.cluster);
                at = accounts[at].next_member;
            } while (at != one.index && ++ring < 100);
            ASSERT_EQ(ring + 1, members);
        }
    }

    std::mt19937_64 random;
    Accounts accounts{24, Naive::window_s, 5};
    Naive naive;
    std::uint32_t now = 1'000;
    std::uint64_t let_go = 0;
};

TEST(PatternAccounts, does_what_a_map_does_and_leaves_no_cluster_without_its_head) {
    std::uint64_t let_go = 0;
    for (unsigned seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        Storm storm(seed);
        for (int step = 0; step < 2'000 && !testing::Test::HasFatalFailure(); ++step) {
            SCOPED_TRACE(testing::Message() << "step " << step);
            switch (storm.below(12)) {
            case 0: storm.join(); break;
            case 1: storm.write(); break;
            case 2: storm.now += static_cast<std::uint32_t>(storm.below(12)); break;
            default: storm.enter(storm.below(60));
            }
            storm.compare();
        }
        let_go += storm.let_go;
    }
    EXPECT_GT(let_go, 1'000U);
}

TEST(PatternAccounts, a_search_for_room_ends_and_goes_on_with_the_next) {
    constexpr std::size_t capacity = 1'000;
    Accounts accounts(capacity, 100);
    for (std::uint64_t i = 0; i < capacity; ++i) accounts.enter(account(i), i == 700 ? 0 : 1'000);
    std::size_t tries = 1;
    while (accounts.enter(account(capacity + tries), 1'000) == no_account) ++tries;
    EXPECT_EQ(tries, 700 / Accounts::hand_steps_max + 1);
    EXPECT_EQ(accounts.refused(), tries - 1);
    EXPECT_EQ(accounts.find(account(700)), no_account);
}

// ---- marks, memory ------------------------------------------------------------------------------

std::set<std::size_t> changed(Accounts const& accounts) {
    std::set<std::size_t> pages;
    for (std::size_t page = 0; page * Accounts::page_accounts < accounts.capacity(); ++page)
        if (accounts.changed(page)) pages.insert(page);
    return pages;
}

TEST(PatternAccounts, whatever_changes_a_record_marks_its_page) {
    using Pages = std::set<std::size_t>;
    Accounts accounts(32 * 100, 10);
    for (std::uint64_t i = 0; i < 32 * 100; ++i) accounts.enter(account(i), 5);
    EXPECT_EQ(changed(accounts).size(), 100U);
    accounts.clean();
    EXPECT_EQ(changed(accounts), Pages{});
    accounts.enter(account(32 * 70), 6);
    EXPECT_EQ(changed(accounts), Pages{70});
    accounts[64].outs = 1;
    EXPECT_EQ(changed(accounts), (Pages{2, 70}));
    accounts.clean();
    accounts.join(32 * 9, 32 * 8, JoinedBy::proxy);
    EXPECT_EQ(changed(accounts), (Pages{8, 9}));
    accounts.join(32 * 11, 32 * 10, JoinedBy::proxy);
    accounts.clean();
    accounts.join(32 * 10, 32 * 8, JoinedBy::proxy); // and its other member, and the neighbours
    EXPECT_EQ(changed(accounts), (Pages{8, 9, 10, 11}));
    accounts.clean();
    EXPECT_EQ(accounts.enter(account(99'999), 100), 0U);
    EXPECT_EQ(changed(accounts), Pages{0});
}

TEST(PatternAccounts, letting_one_go_marks_its_neighbours_in_the_ring) {
    Accounts accounts(96, 10);
    for (std::uint64_t i = 0; i < 96; ++i) accounts.enter(account(i), i == 40 ? 0 : 100);
    accounts.join(40, 0, JoinedBy::proxy);
    accounts.join(80, 0, JoinedBy::proxy);
    accounts.clean();
    while (accounts.enter(account(1'000), 100) == no_account) {}
    EXPECT_EQ(accounts.find(account(1'000)), 40U);
    EXPECT_EQ(changed(accounts), (std::set<std::size_t>{0, 1, 2}));
}

TEST(PatternAccounts, a_million_fit_in_256_megabytes) {
    Accounts const accounts(1'000'000, 86'400);
    EXPECT_LE(accounts.memory_bytes(), 256'000'000U);
}

// ---- the hash -----------------------------------------------------------------------------------

TEST(PatternAccounts, the_hash_is_the_published_one) {
    // Python: arbitrary integers, the same formula.
    std::uint8_t ramp[32], ones[32];
    for (std::uint8_t i = 0; i < 32; ++i) ramp[i] = i, ones[i] = 0xff;
    EXPECT_EQ(AccountHash(0)(decoders::account_of(ramp, 32)), 0x488212f862c9462bU);
    EXPECT_EQ(AccountHash(1)(decoders::account_of(ramp, 32)), 0x5eecf14a6114d23cU);
    EXPECT_EQ(AccountHash(~std::uint64_t{0})(decoders::account_of(ones, 32)), 0x162843e8ec716443U);
    EXPECT_EQ(AccountHash(7)(decoders::account_of(ramp, 20)), 0xe0dd4a047d085deaU);
}

// Whole families of keys that a weak hash sends to few places: counters in each byte, steps of a
// power of two, all the rest alike. The fullest of as many places as keys holds, for a random
// function, 8 or 9 (Gonnet 1981: ln n / ln ln n and little more); 14 has a chance below 1e-6.
TEST(PatternAccounts, regular_keys_spread_like_random_ones_under_any_seed) {
    constexpr std::size_t places = 1 << 16;
    for (std::uint64_t const seed : {0, 1, 2, 3, 77}) {
        AccountHash const hash(seed);
        for (std::size_t const at : {0, 7, 12, 24}) {
            for (unsigned const shift : {0U, 16U, 32U, 47U}) {
                std::vector<std::uint8_t> low(places), middle(places);
                for (std::uint64_t i = 0; i < places; ++i) {
                    std::uint64_t const h = hash(account(i << shift, at));
                    ++low[h & (places - 1)];
                    ++middle[h >> 16 & (places - 1)];
                }
                EXPECT_LT(*std::ranges::max_element(low), 14) << seed << ' ' << at << ' ' << shift;
                EXPECT_LT(*std::ranges::max_element(middle), 14) << seed << ' ' << at;
            }
        }
    }
}

} // namespace
