// A chain whose health is looked at: its blocks, its finality, and time that passes in seconds.
#pragma once

#include "stages/chain_health.hpp"

#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <utility>

namespace stages::testing {

using pipeline::second;

inline constexpr std::uint64_t start_ms = 1'760'000'000'000;

inline Hash hash_of(std::uint32_t number, char fork = 'a') {
    Hash hash{};
    std::memcpy(hash.data(), &number, sizeof number);
    hash[31] = static_cast<std::uint8_t>(fork);
    return hash;
}

using Texts = std::vector<std::string>;

struct Chain {
    ChainHealth health;
    Nanoseconds now = 1'000 * second;
    std::uint64_t ms = start_ms; // of the newest block
    std::uint32_t best = 99;
    Texts said{};

    explicit Chain(ChainHealthOptions const& options = {})
        : health({options}) {}
    // "stalled 107 more: details"
    void hear() {
        while (auto const found = health.next()) {
            EXPECT_EQ(found->rule, 0);
            said.push_back(fmt::format(
                "{} {}{}: {}",
                chain_health_rows()[static_cast<std::size_t>(health_what_of(found->event))].said,
                found->block.number, found->ongoing ? " more" : "", found->details.view()));
        }
    }
    Texts take() { return std::exchange(said, {}); }
    // Time as a thread sees it that wakes up once a second, or when it was asked to.
    void pass(std::uint64_t seconds) {
        for (std::uint64_t i = 0; i < seconds; ++i) look(1);
    }
    void look(std::uint64_t after) {
        now += after * second;
        health.at(now);
        hear();
    }
    void end(BlockEnd const& end) {
        health.end(end, now);
        hear();
        look(0); // as in the same turn
    }
    static BlockEnd made(std::uint32_t number, std::uint64_t ms, std::uint32_t spec = 1,
                         char fork = 'a') {
        BlockEnd end;
        end.block = {.hash = hash_of(number, fork), .number = number, .timestamp_ms = ms};
        end.spec_version = spec;
        return end;
    }
    // The next block, so long after the one before.
    void block(std::uint64_t after_s = 6, std::uint32_t spec = 1) {
        pass(after_s);
        ms += after_s * 1'000;
        end(made(++best, ms, spec));
    }
    void finalize(std::uint32_t number, char fork = 'a') {
        health.finalized({hash_of(number, fork), hash_of(number - 1, fork), number}, now);
        hear();
    }
    // Blocks with their finality two behind.
    void well(int blocks, std::uint64_t after_s = 6) {
        for (int i = 0; i < blocks; ++i) {
            block(after_s);
            if (best > 101) finalize(best - 2);
        }
    }
    void abandon(std::uint32_t number, char fork, char below) {
        health.abandoned({hash_of(number, fork), number, hash_of(number - 1, below)});
        hear();
    }
};

inline ChainHealthOptions only(HealthWhat what) {
    ChainHealthOptions options;
    options.on = {};
    options.on[static_cast<std::size_t>(what)] = true;
    return options;
}

} // namespace stages::testing
