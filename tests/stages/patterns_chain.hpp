// A chain told to the engine of patterns block by block, for its tests.
#pragma once

#include "stages/pattern_rule_make.hpp"
#include "stages/patterns.hpp"
#include "tests/stages/made_movements.hpp"

#include <gtest/gtest.h>
#include <string>

namespace stages::testing {

inline constexpr std::uint64_t start_s = 1'760'000'000;
inline constexpr u128 token = 10'000'000'000; // of 10 decimals

using scripted::row_of_event;

inline decoders::Account account(std::uint32_t name) {
    decoders::Account one;
    one.size = 32;
    std::memcpy(one.key, &name, sizeof name);
    one.key[31] = 1;
    return one;
}

inline BlockRef block_ref(std::uint32_t number, std::uint8_t fork = 0) {
    BlockRef ref;
    ref.number = number;
    ref.timestamp_ms = (start_s + number * 6) * 1'000;
    std::memcpy(ref.hash.data(), &number, sizeof number);
    ref.hash[31] = fork;
    return ref;
}

inline Rule rule_of(RuleKind kind) {
    Rule rule;
    rule.name = std::string(to_text(kind));
    rule.kind = kind;
    rule.chains = {true};
    return rule;
}

struct Chain {
    Patterns patterns;
    std::uint32_t event = 0;

    explicit Chain(std::vector<Rule> const& rules, std::vector<ClusterLabel> labels = {},
                   std::vector<decoders::Account> const& watched = {})
        : patterns({.accounts_max = 4'096,
                    .movements_max = 8'192,
                    .longest_window_s = day_s,
                    .blocks = {.blocks_max = 64, .movements_max = 4'096}},
                   labels) {
        patterns.set_rules(pattern_rules(rules, 0, 10, labels, watched,
                                         [](std::string_view text) { ADD_FAILURE() << text; }));
    }

    void moves(BlockRef const& block, std::uint32_t from, std::uint32_t to, u128 amount,
               std::string_view kind = "Transfer") {
        Transfer transfer;
        transfer.block = block;
        if (kind == "Transfer") transfer.from = account(from);
        transfer.to = account(to);
        transfer.amount = amount;
        transfer.event_index = event++;
        transfer.movement = row_of_event(kind);
        patterns.movement(transfer);
    }
    // An account comes to be and holds that much.
    void endow(BlockRef const& block, std::uint32_t to, u128 amount) {
        moves(block, 0, to, amount, "Endowed");
        moves(block, 9'999, to, amount);
    }
    void end(BlockRef const& block) {
        patterns.end(block);
        event = 0;
    }
    void final(BlockRef const& block) { patterns.finalized(block.hash, block.number); }

    std::vector<PatternFound> found(std::size_t steps_a_call = 1'000'000) {
        std::vector<PatternFound> all;
        for (int calls = 0; calls < 100'000; ++calls) {
            std::size_t steps = steps_a_call;
            while (auto one = patterns.next(steps)) all.push_back(*one);
            if (patterns.idle()) return all;
        }
        ADD_FAILURE() << "it never ends";
        return all;
    }
    // Six cuts of 1/10 each: more than half of what it held.
    void drained(std::uint32_t number, std::uint32_t name, std::uint8_t fork = 0) {
        BlockRef const block = block_ref(number, fork);
        endow(block, name, 100'000 * token);
        for (std::uint32_t i = 0; i < 6; ++i) moves(block, name, 500 + i, 10'000 * token);
        end(block);
    }
};

} // namespace stages::testing
