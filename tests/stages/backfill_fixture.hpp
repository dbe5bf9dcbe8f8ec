// A node of a few lines for the planner of backfills: it names and answers what it is asked, and
// keeps what was told. One thread.
#pragma once

#include "stages/backfill.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace filling {

using pipeline::Hash;
using pipeline::Nanoseconds;
using pipeline::second;
using stages::Backfill;
using stages::BackfillAsk;
using stages::BackfillOptions;
using stages::Stretch;
using Kind = BackfillAsk::Kind;
using Numbers = std::vector<std::uint32_t>;

inline Hash hash_of(std::uint32_t number) {
    Hash hash{};
    std::memcpy(hash.data(), &number, sizeof number);
    hash[31] = 0xb1;
    return hash;
}
inline Hash parent_of(std::uint32_t number) { return number == 0 ? Hash{} : hash_of(number - 1); }

struct Filling {
    Backfill backfill;
    Nanoseconds now = 100 * second;
    Numbers told;
    std::size_t hash_questions = 0;
    std::size_t block_questions = 0;
    std::size_t most_open = 0;
    std::uint32_t pruned_below = 0; // the node has no state of the blocks below
    std::uint32_t named_below = ~std::uint32_t{0};

    explicit Filling(BackfillOptions const& options = {})
        : backfill(options) {
        backfill.connected(1'000'000);
    }
    void want(std::vector<Stretch> const& stretches) { backfill.want(stretches, now); }

    void name(BackfillAsk const& ask) {
        ++hash_questions;
        std::vector<std::optional<Hash>> answer;
        for (std::uint32_t const number : ask.numbers)
            answer.push_back(number < named_below ? std::optional(hash_of(number)) : std::nullopt);
        EXPECT_TRUE(backfill.hashes(ask.id, answer));
    }
    // Names what has to be named; the numbers of the blocks asked for.
    Numbers ask() {
        Numbers asked;
        for (;;) {
            BackfillAsk const ask = backfill.ask(now);
            if (ask.kind == Kind::none) break;
            if (ask.kind == Kind::hashes) {
                name(ask);
                continue;
            }
            EXPECT_EQ(ask.hash, hash_of(ask.number));
            ++block_questions;
            asked.push_back(ask.number);
        }
        most_open = std::max(most_open, backfill.open());
        return asked;
    }
    void answer(std::uint32_t number, std::size_t bytes = 1'000) {
        if (number < pruned_below) return backfill.gone(number);
        backfill.block(number, parent_of(number), bytes);
    }
    void tell() {
        while (auto const ready = backfill.ready()) {
            EXPECT_FALSE(ready->contradicts) << ready->number;
            EXPECT_EQ(ready->hash, hash_of(ready->number));
            told.push_back(ready->number);
            backfill.given(now);
        }
    }
    // An honest node answers until nothing is asked any more.
    void run() {
        for (auto asked = ask(); !asked.empty(); asked = ask()) {
            for (std::uint32_t const number : asked) answer(number);
            tell();
        }
    }
};

inline Numbers from_to(std::uint32_t from, std::uint32_t to) {
    Numbers numbers;
    for (std::uint32_t i = from; i <= to; ++i) numbers.push_back(i);
    return numbers;
}

} // namespace filling
