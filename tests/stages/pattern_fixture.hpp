// A small world for the tests of patterns: accounts by number, a log, and movements written down as
// the engine does. And random worlds, told twice: once to the log, once as a plain list that a
// test's own reading of a pattern is made from.
#pragma once

#include "stages/pattern_accounts.hpp"
#include "stages/pattern_log.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <gtest/gtest.h>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace stages::testing {

using decoders::MovementKind;

inline constexpr unsigned nobody = ~0U; // a party that has no record
inline constexpr u128 most = ~u128{0};  // 2^128 - 1

inline decoders::Account key_of(unsigned name) {
    std::array<std::uint8_t, 32> key{};
    for (std::size_t i = 0; i < key.size(); ++i)
        key[i] = static_cast<std::uint8_t>((name + 1) * (2 * i + 3) >> (i % 3));
    std::memcpy(key.data(), &name, sizeof name);
    return decoders::account_of(key.data(), 32);
}

struct World {
    Accounts accounts;
    MovementLog log;

    explicit World(std::size_t log_capacity = 4'096, std::size_t capacity = 1'024)
        : accounts(capacity, 30 * 86'400)
        , log(log_capacity) {}

    AccountIndex account(unsigned name, std::uint32_t time_s = 0) {
        return name == nobody ? no_account : accounts.enter(key_of(name), time_s);
    }
    AccountState& state(unsigned name) { return accounts[account(name, now_s)]; }
    void holds(unsigned name, u128 balance) {
        state(name).balance_known = true;
        state(name).balance = balance;
    }
    void join(unsigned name, unsigned into) {
        accounts.join(account(name, now_s), account(into, now_s), JoinedBy::label);
    }
    unsigned name_of(AccountIndex index) const {
        unsigned name = nobody;
        if (index != no_account) std::memcpy(&name, accounts[index].key.key, sizeof name);
        return name;
    }

    // What the engine does before it asks a family; what it does afterwards is done by the next
    // call. Balances change by transfers only.
    Moved moved(unsigned from, unsigned to, u128 amount, std::uint32_t time_s,
                MovementKind kind = MovementKind::transfer) {
        asked();
        now_s = time_s;
        Moved one{.amount = amount, .time_s = time_s, .block = time_s / 6, .kind = kind};
        one.from = account(from, time_s);
        one.to = account(to, time_s);
        bool const transfer = kind == MovementKind::transfer;
        MovedSeq before_of_from = 0, before_of_to = 0;
        if (one.from != no_account) {
            AccountState& state = accounts[one.from];
            before_of_from = state.sent;
            if (transfer) state.balance -= std::min(state.balance, amount);
        }
        if (one.to != no_account) {
            AccountState& state = accounts[one.to];
            before_of_to = state.received;
            if (transfer) state.balance += std::min(most - state.balance, amount);
        }
        one = log.append(one, before_of_from, before_of_to);
        if (one.from != no_account) accounts[one.from].sent = one.seq;
        if (one.to != no_account) accounts[one.to].received = one.seq;
        sender = one.from;
        return one;
    }

  private:
    void asked() {
        if (sender == no_account) return;
        accounts[sender].last_out_s = now_s;
        ++accounts[sender].outs;
    }
    std::uint32_t now_s = 0;
    AccountIndex sender = no_account;
};

// ---- random worlds -----------------------------------------------------------------------------

// A movement as a plain fact, by the accounts' numbers.
struct Happened {
    unsigned from = nobody, to = nobody;
    std::uint64_t amount = 0;
    std::uint32_t time_s = 0;
    MovementKind kind = MovementKind::transfer;
    std::uint64_t held = 0;    // by the sender, before
    std::uint64_t to_held = 0; // by the receiver, before
};

// What a claim says, by the accounts' numbers, so that two ways to it can be compared.
struct Said {
    unsigned subject = nobody;
    std::uint64_t sum = 0;
    std::uint32_t all = 0;
    std::vector<std::uint64_t> evidence; // numbers of movements, from 1
    Severity severity{};
    std::string details;
    friend bool operator==(Said const&, Said const&) = default;
};

inline std::optional<Said> said(World const& world, std::optional<Claim> const& claim) {
    if (!claim) return std::nullopt;
    Said said;
    said.subject = world.name_of(claim->subject);
    said.sum = static_cast<std::uint64_t>(claim->sum);
    said.all = claim->evidence.all;
    said.evidence.assign(claim->evidence.seqs.begin(),
                         claim->evidence.seqs.begin() + claim->evidence.kept);
    said.severity = claim->severity;
    said.details = claim->details.view();
    return said;
}

inline std::string text_of(std::optional<Said> const& said) {
    if (!said) return "nothing";
    std::string text = "account " + std::to_string(said->subject) + ", sum " +
                       std::to_string(said->sum) + ", severity " +
                       std::to_string(static_cast<int>(said->severity)) + ", " + said->details +
                       ", " + std::to_string(said->all) + " movements:";
    for (std::uint64_t const seq : said->evidence) text += " " + std::to_string(seq);
    return text;
}

// Oldest first, of which the newest evidence_max are named.
inline void name_evidence(Said& said, std::vector<std::uint64_t> const& all) {
    std::size_t const kept = std::min(all.size(), evidence_max);
    said.all = static_cast<std::uint32_t>(all.size());
    said.evidence.assign(all.end() - static_cast<std::ptrdiff_t>(kept), all.end());
}

struct Shape {
    unsigned accounts = 8;
    std::size_t movements = 60;
    std::size_t log_capacity = 4'096;
    std::uint32_t gap_s = 60;    // most time between two movements
    unsigned busy = 0;           // of ten movements, so many are from account 0 or to it
    unsigned circle = 0;         // of ten movements, so many hand on what the sender has just got
    std::uint64_t amount = 1000; // most, but for a few that are 64 times as large
    bool clusters = true;
};

// The facts so far, and which cluster each account belongs to now (by number; itself, alone).
struct History {
    std::vector<Happened> facts;
    std::vector<unsigned> cluster;
    std::size_t log_capacity = 0;

    bool remembered(std::size_t i) const { return facts.size() - i <= log_capacity; }
    bool transfer(std::size_t i) const { return facts[i].kind == MovementKind::transfer; }
    unsigned of(unsigned name) const { return name == nobody ? nobody : cluster[name]; }
    bool inside(std::size_t i) const { return of(facts[i].from) == of(facts[i].to); }
    // Whether fact i is in the window that ends with the newest fact.
    bool within(std::size_t i, std::uint32_t window_s) const {
        return remembered(i) && facts[i].time_s + std::uint64_t{window_s} >= facts.back().time_s;
    }
    // The newest `most` of what an account sent or received, newest first, as far as remembered.
    std::vector<std::size_t> newest(unsigned name, bool sent, std::size_t most_of_them) const {
        std::vector<std::size_t> found;
        for (std::size_t i = facts.size(); i-- > 0 && remembered(i);)
            if ((sent ? facts[i].from : facts[i].to) == name && found.size() < most_of_them)
                found.push_back(i);
        return found;
    }
};

// Plays a random world and calls each(world, history, moved) after every movement; `numbering` says
// in which order the accounts are entered, and nothing else may depend on it.
template <class Each>
void play(std::uint64_t seed, Shape const& shape, std::vector<unsigned> const& numbering,
          Each each) {
    std::mt19937_64 random(seed);
    auto const below = [&](std::uint64_t limit) { return random() % limit; };
    World world(shape.log_capacity, shape.accounts);
    History history;
    history.log_capacity = shape.log_capacity;
    std::vector<std::uint64_t> held(shape.accounts);
    std::vector<std::uint64_t> got(shape.accounts);
    for (unsigned const name : numbering) world.account(name, 1);
    for (unsigned name = 0; name < shape.accounts; ++name) {
        history.cluster.push_back(name);
        held[name] = below(20 * shape.amount);
        world.holds(name, held[name]);
        if (below(5) == 0) world.state(name).balance_known = false;
        if (below(8) == 0) world.state(name).exchange = true;
    }
    std::uint32_t time_s = 100'000;
    unsigned last_to = 0;
    for (std::size_t i = 0; i < shape.movements; ++i) {
        if (shape.clusters && below(40) == 0) {
            auto const account = static_cast<unsigned>(below(shape.accounts));
            unsigned const into = static_cast<unsigned>(below(shape.accounts));
            unsigned const old = history.cluster[account], stands = history.cluster[into];
            for (unsigned& one : history.cluster)
                if (one == old) one = stands;
            world.join(account, into);
        }
        if (below(3) != 0) time_s += static_cast<std::uint32_t>(below(shape.gap_s + 1));
        Happened fact{.time_s = time_s};
        fact.from = static_cast<unsigned>(below(shape.accounts));
        fact.to = static_cast<unsigned>(below(shape.accounts));
        if (below(10) < shape.busy) (below(2) == 0 ? fact.from : fact.to) = 0;
        fact.amount = below(3) == 0 ? below(shape.amount + 1) : shape.amount / (1 + below(30));
        if (below(12) == 0) fact.amount = 64 * shape.amount / (1 + below(8));
        if (below(10) < shape.circle && got[last_to] > 0) {
            fact.from = last_to;
            fact.amount = got[last_to] * (88 + below(13)) / 100;
        }
        fact.amount = std::min(fact.amount, held[fact.from]);
        std::uint64_t const odd = below(30);
        if (odd == 0) fact.kind = MovementKind::reserve, fact.to = nobody;
        if (odd == 1) fact.kind = MovementKind::unreserve, fact.from = nobody;
        if (odd == 2) fact.to = nobody;
        fact.held = fact.from == nobody ? 0 : held[fact.from];
        fact.to_held = fact.to == nobody ? 0 : held[fact.to];
        if (fact.kind == MovementKind::transfer) {
            held[fact.from] -= fact.amount;
            if (fact.to != nobody) {
                held[fact.to] += fact.amount;
                got[fact.to] = fact.amount;
                last_to = fact.to;
            }
        }
        history.facts.push_back(fact);
        Moved const moved = world.moved(fact.from, fact.to, fact.amount, fact.time_s, fact.kind);
        each(world, history, moved);
    }
}

inline std::vector<unsigned> in_order(unsigned accounts) {
    std::vector<unsigned> order(accounts);
    for (unsigned name = 0; name < accounts; ++name) order[name] = name;
    return order;
}
inline std::vector<unsigned> shuffled(unsigned accounts, std::uint64_t seed) {
    std::vector<unsigned> order = in_order(accounts);
    std::mt19937_64 random(seed);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
    return order;
}

// Asks judge(world, moved) about every movement of `worlds` random worlds and compares with what
// brute(world, history, moved) says. How many claims there were.
template <class ShapeOf, class Judge, class Brute>
std::size_t compare(std::uint64_t first_seed, std::size_t worlds, ShapeOf shape_of, Judge judge,
                    Brute brute) {
    std::size_t claims = 0, differ = 0;
    for (std::uint64_t seed = first_seed; seed < first_seed + worlds && differ < 3; ++seed) {
        Shape const shape = shape_of(seed);
        play(seed, shape, shuffled(shape.accounts, seed + 1),
             [&](auto& world, auto& history, auto& moved) {
                 auto const ours = said(world, judge(seed, world, moved));
                 auto const theirs = brute(seed, world, history, moved);
                 claims += ours.has_value();
                 if (ours == theirs || ++differ > 3) return;
                 ADD_FAILURE() << "seed " << seed << ", movement " << moved.seq << "\n  is     "
                               << text_of(ours) << "\n  should " << text_of(theirs);
             });
    }
    return claims;
}

// The same worlds with their accounts entered in two orders: nothing else may change.
template <class ShapeOf, class Judge>
std::size_t compare_numberings(std::uint64_t first_seed, std::size_t worlds, ShapeOf shape_of,
                               Judge judge) {
    std::size_t claims = 0;
    for (std::uint64_t seed = first_seed; seed < first_seed + worlds; ++seed) {
        Shape const shape = shape_of(seed);
        std::vector<std::optional<Said>> first, second;
        auto const into = [&](std::vector<std::optional<Said>>& list) {
            return [&](auto& world, auto&, auto& moved) {
                list.push_back(said(world, judge(seed, world, moved)));
                claims += list.back().has_value();
            };
        };
        play(seed, shape, in_order(shape.accounts), into(first));
        play(seed, shape, shuffled(shape.accounts, seed), into(second));
        EXPECT_EQ(first, second) << "seed " << seed;
    }
    return claims;
}

// A number as fmt's {:.4g} has it, by the C library.
inline std::string four_digits(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", value);
    return text;
}

} // namespace stages::testing
