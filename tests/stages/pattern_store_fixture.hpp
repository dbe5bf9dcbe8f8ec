// A chain's accounts and log as a function of the number of steps, their snapshots on a real file,
// and what it takes to say that two of them are the same.
#pragma once

#include "stages/pattern_store.hpp"

#include "tests/io/turns.hpp"

#include <gtest/gtest.h>

#include <random>

namespace stages::testing {

using io::testing::TemporaryDirectory;

inline constexpr pipeline::Hash genesis{1, 2, 3}, other_genesis{3, 2, 1};

struct Sizes {
    std::size_t accounts = 200, log = 300;
};

// A chain's state as a function of the number of steps: whoever takes the same steps has the same.
struct World {
    explicit World(Sizes sizes = {})
        : accounts(sizes.accounts, 50, 9)
        , log(sizes.log) {}

    AccountIndex enter(std::uint64_t number) {
        std::uint8_t key[32] = {};
        std::memcpy(key, &number, sizeof number);
        AccountIndex const index =
            accounts.enter(decoders::account_of(key, number % 7 == 0 ? 20 : 32), now);
        if (index != no_account && number % 50 == 0) accounts[index].named = true;
        return index;
    }
    void step() {
        std::mt19937_64 random(++steps);
        now += static_cast<std::uint32_t>(random() % 3);
        AccountIndex const from = enter(random() % 600), to = enter(random() % 600);
        Moved moved{.amount = u128{random()} << 64 | random(),
                    .time_s = now,
                    .block = steps,
                    .event = static_cast<std::uint32_t>(random() % 100),
                    .from = from,
                    .to = to,
                    .kind = static_cast<decoders::MovementKind>(random() % 32)};
        MovedSeq const sent = from == no_account ? 0 : accounts[from].sent;
        MovedSeq const received = to == no_account ? 0 : accounts[to].received;
        moved = log.append(moved, sent, received);
        for (AccountIndex const index : {from, to}) {
            if (index == no_account) continue;
            AccountState& state = accounts[index];
            (index == from ? state.sent : state.received) = moved.seq;
            state.balance = moved.amount * 3;
            state.balance_known = random() % 2 == 0;
            state.silent_since_s = static_cast<std::uint32_t>(random() % 1'000);
            state.in_sum += static_cast<double>(moved.amount);
            state.swept = state.in_sum / 3;
            state.inflows = static_cast<std::uint8_t>(random());
            state.sweeps = static_cast<std::uint8_t>(random());
            state.outs = static_cast<std::uint32_t>(random());
            state.first_out_s = now - 5;
            state.last_out_s = now - 1;
        }
        if (from == no_account || to == no_account) return;
        if (steps % 9 == 0) accounts.join(from, to, static_cast<JoinedBy>(1 + random() % 5));
        if (std::as_const(accounts)[to].named) accounts[from].sweeps_to = to;
        if (random() % 8 == 0) accounts[from].exchange = true;
    }
    void steps_until(std::uint32_t number) {
        while (steps < number) step();
    }
    PatternStamp stamp() const { return {genesis, steps, {7, static_cast<std::uint8_t>(steps)}}; }

    std::uint32_t now = 1'000, steps = 0;
    Accounts accounts;
    MovementLog log;
};

inline std::vector<std::uint8_t> model_of(std::uint32_t steps) {
    return std::vector<std::uint8_t>(steps * 37 % 9'000, static_cast<std::uint8_t>(steps));
}

inline std::expected<void, io::StoreError> save(PatternStore& store, World& world) {
    auto const model = model_of(world.steps);
    PatternModel const models[] = {{"burst", model}, {"empty", {}}};
    return store.save(world.stamp(), world.accounts, world.log, models);
}

inline bool same_entry(MovementLog::Entry const& a, MovementLog::Entry const& b) {
    Moved const &x = a.moved, &y = b.moved;
    return x.seq == y.seq && x.amount == y.amount && x.time_s == y.time_s && x.block == y.block &&
           x.event == y.event && x.from == y.from && x.to == y.to && x.kind == y.kind &&
           a.before_of_from == b.before_of_from && a.before_of_to == b.before_of_to;
}

// Byte by byte: no byte of AccountState is without a meaning.
inline void expect_same(World const& loaded, World const& truth) {
    ASSERT_EQ(loaded.accounts.size(), truth.accounts.size());
    for (AccountIndex i = 0; i < truth.accounts.size(); ++i) {
        ASSERT_EQ(std::memcmp(&loaded.accounts[i], &truth.accounts[i], sizeof(AccountState)), 0)
            << i;
        ASSERT_EQ(loaded.accounts.find(truth.accounts[i].key), i);
    }
    EXPECT_EQ(loaded.accounts.hand(), truth.accounts.hand());
    EXPECT_EQ(loaded.accounts.refused(), truth.accounts.refused());
    ASSERT_EQ(loaded.log.last(), truth.log.last());
    for (MovedSeq seq = 0; seq <= truth.log.last() + 1; ++seq) {
        auto const *a = loaded.log.find(seq), *b = truth.log.find(seq);
        ASSERT_EQ(a == nullptr, b == nullptr) << seq;
        ASSERT_TRUE(a == nullptr || same_entry(*a, *b)) << seq;
    }
}

struct Keeping {
    TemporaryDirectory directory;
    std::string path = directory / "patterns-dot.mdb";
    io::RecordsOptions options{.bytes_max = 16 << 20};

    std::unique_ptr<PatternStore> open() const {
        auto opened = PatternStore::open(path, options);
        EXPECT_TRUE(opened) << io::describe(opened.error());
        if (!opened) return nullptr;
        EXPECT_EQ(opened->note, "");
        return std::move(opened->store);
    }
    // Something put into the file behind the store's back.
    void tamper(std::size_t table, pipeline::Bytes key,
                std::function<void(std::vector<std::uint8_t>&)> const& change) const {
        auto opened = io::Records::open(path, {"head", "accounts", "log", "models"}, options);
        ASSERT_TRUE(opened);
        auto const read = opened->records->read();
        auto const value = (*read)->get(table, key);
        ASSERT_TRUE(value && *value);
        std::vector<std::uint8_t> bytes((*value)->begin(), (*value)->end());
        change(bytes);
        auto write = opened->records->write();
        write.remove(table, key);
        if (!bytes.empty()) write.put(table, key, bytes);
        ASSERT_TRUE(write.commit());
    }
    std::string refused(World& world, pipeline::Hash const& chain = genesis) const {
        auto const store = open();
        auto const loaded = store->load(chain, world.accounts, world.log);
        EXPECT_FALSE(loaded);
        EXPECT_EQ(store->counts().refused, 1U);
        EXPECT_EQ(world.accounts.size(), 0U);
        EXPECT_EQ(world.log.last(), 0U);
        return loaded ? "" : loaded.error();
    }
    std::string sentence(std::string_view why) const {
        return path + ": " + std::string(why) +
               "; what the patterns knew is left aside, they begin anew";
    }
};

} // namespace stages::testing
