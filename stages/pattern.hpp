// What families of patterns are given and what they answer. A family is a claim about the chain
// with a null model (bench/README names each): it looks at the movement that has just happened, at
// the movements before it (pattern_log.hpp) and at the accounts (pattern_accounts.hpp).
//
// Patterns are judged on final blocks, in the order of the chain, by chain time: no fork can make
// one, and whoever reads the same blocks again comes to the same claims. Of a chain's own token;
// amounts are exact, in its smallest unit. Statistics are doubles, thresholds never are.
//
// Pure: no clock, no I/O, nothing allocated after construction. One thread.
#pragma once

#include "decoders/movements.hpp"
#include "stages/messages.hpp"

#include <array>
#include <cstdint>
#include <limits>

namespace stages {

using AccountIndex = std::uint32_t; // in the chain's Accounts
inline constexpr AccountIndex no_account = std::numeric_limits<AccountIndex>::max();

using MovedSeq = std::uint64_t; // a movement's number in its chain's log, from 1; 0: none

// One movement of value. from or to: no_account where the kind has none (decoders/movements.hpp).
struct Moved {
    MovedSeq seq = 0;
    u128 amount = 0;
    std::uint32_t time_s = 0; // of its block, unix
    std::uint32_t block = 0;
    std::uint32_t event = 0;
    AccountIndex from = no_account;
    AccountIndex to = no_account;
    std::uint32_t extrinsic = 0; // with phase 0
    std::uint16_t row = 0;       // of decoders::movement_rows()
    std::uint8_t phase = 0;      // decoders::Phase
    decoders::MovementKind kind{};
};

// Most movements a claim names one by one; the rest is a number.
inline constexpr std::size_t evidence_max = PatternFacts::evidence_max;

// Movements behind a claim: the newest `kept`, oldest first, and how many there are in all.
struct EvidenceList {
    std::array<MovedSeq, evidence_max> seqs{};
    std::uint32_t kept = 0;
    std::uint32_t all = 0;

    // Called from the newest back.
    void add_older(MovedSeq seq) {
        ++all;
        if (kept < evidence_max) seqs[kept++] = seq;
    }
    void oldest_first() {
        for (std::uint32_t i = 0; i < kept / 2; ++i) std::swap(seqs[i], seqs[kept - 1 - i]);
    }
};

// A family's answer: the movement it was asked about completes (or goes on with) a pattern.
struct Claim {
    AccountIndex subject = no_account; // whose pattern it is: cooldown and one alert are by this
    Severity severity{};
    double score_bits = 0; // surprise: -log2 p under the null model; 0: the rule has no model
    u128 sum = 0;
    EvidenceList evidence;
    // JSON members about it, without braces, keys from detectors' own words: "sources":23,…
    // Numbers and short names only.
    FixedText<200> details;
    bool single = false; // a fact of its own: never more of one that was told
};

} // namespace stages
