// A chain of random movements, rules of every kind, an engine and its file: for tests of patterns
// over restarts.
#pragma once

#include "stages/pattern_rule_make.hpp"
#include "stages/patterns.hpp"

#include "tests/io/turns.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

namespace stages::testing {

using decoders::MovementKind;

inline constexpr u128 token = 10'000'000'000; // of 10 decimals
inline constexpr std::uint8_t decimals = 10;
inline constexpr std::uint32_t accounts_count = 150, block_s = 60;
inline constexpr Hash genesis{1, 2, 3}, other_genesis{3, 2, 1};

inline decoders::Account account(std::uint32_t name) {
    std::uint8_t key[32] = {};
    std::memcpy(key, &name, sizeof name);
    key[31] = 1;
    return decoders::account_of(key, 32);
}

inline std::uint16_t row_of_kind(MovementKind kind) {
    auto const rows = decoders::movement_rows();
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i].kind == kind) return static_cast<std::uint16_t>(i);
    ADD_FAILURE() << "no row";
    return 0;
}

inline std::vector<Rule> all_rules() {
    std::vector<Rule> rules;
    auto const add = [&](RuleKind kind) -> RuleSettings& {
        Rule& rule = rules.emplace_back();
        rule.name = std::string(to_text(kind));
        rule.kind = kind;
        rule.chains = {true};
        return rule.settings;
    };
    add(RuleKind::watch).low = "50000";
    add(RuleKind::dormant_awakening).silence_s = 5 * hour_s;
    auto& coordination = add(RuleKind::coordination);
    coordination.min = "2000", coordination.once_in_s = 6 * hour_s;
    auto& consolidation = add(RuleKind::consolidation);
    consolidation.counterparties = 6, consolidation.effective = 3, consolidation.sum = "20000";
    auto& dispersion = add(RuleKind::dispersion);
    dispersion.counterparties = 6, dispersion.effective = 3, dispersion.sum = "20000";
    add(RuleKind::drain);
    add(RuleKind::structuring).parts = 3;
    auto& flow = add(RuleKind::exchange_flow);
    flow.warm = 20, flow.z = 3.0, flow.floor = "20000";
    for (RuleKind const kind : {RuleKind::new_whale, RuleKind::whale_exit}) add(kind).blocks = 20;
    add(RuleKind::unbonding).unlock_s = 2 * hour_s;
    auto& burst = add(RuleKind::burst);
    burst.warm = 5, burst.run_s = hour_s;
    auto& market = add(RuleKind::market_volume);
    market.warm = 40, market.z = 3.0, market.budget = 20.0;
    add(RuleKind::pass_through).min = "1000";
    add(RuleKind::test_then_large).large = "20000";
    for (Rule& rule : rules) rule.settings.cooldown_s = 1'200;
    return rules;
}

struct Labels {
    std::vector<std::string> names{"Binance 1", "Binance 2", "Kraken", "ours"};
    std::vector<ClusterLabel> list() const {
        std::vector<ClusterLabel> all;
        for (std::uint32_t i = 0; i < names.size(); ++i)
            all.push_back({account(i), names[i], i < 3 ? "exchange" : ""});
        return all;
    }
};

struct BlockMoves {
    BlockRef ref;
    std::vector<Transfer> moves;
};

// A small economy with storms, long silences and two exchanges; a function of the seed.
inline std::vector<BlockMoves> chain_of(std::uint64_t seed, std::uint32_t blocks) {
    std::mt19937_64 random(seed);
    std::vector<BlockMoves> chain(blocks);
    std::uint64_t time_s = 1'760'000'000;
    std::uint32_t last_to = 9;
    u128 last_amount = 0;
    for (std::uint32_t number = 1; number <= blocks; ++number) {
        BlockMoves& block = chain[number - 1];
        time_s += random() % 400 == 0 ? 5'000 : block_s;
        block.ref = {.number = number, .timestamp_ms = time_s * 1'000};
        std::memcpy(block.ref.hash.data(), &number, sizeof number);
        std::uint64_t const storm = random() % 60 == 0 ? 12 : 0;
        std::uint32_t const star = static_cast<std::uint32_t>(random() % accounts_count);
        for (std::uint64_t i = 0, n = random() % 5 + storm; i < n; ++i) {
            Transfer& one = block.moves.emplace_back();
            one.block = block.ref;
            one.event_index = static_cast<std::uint32_t>(2 * i + random() % 2);
            one.extrinsic_index = static_cast<std::uint32_t>(i);
            one.phase = static_cast<std::uint8_t>(random() % 2);
            auto from = static_cast<std::uint32_t>(random() % accounts_count);
            auto to = static_cast<std::uint32_t>(random() % accounts_count);
            double const scale = std::exp2(static_cast<double>(random() % 1'700) / 100);
            one.amount = static_cast<u128>(scale * 1e10);
            if (storm > 0) (number % 2 == 0 ? from : to) = star;
            if (random() % 4 == 0) from = last_to, one.amount = last_amount * 95 / 100;
            std::uint64_t const kind = random() % 40;
            MovementKind is = MovementKind::transfer;
            if (kind == 0) is = MovementKind::endow;
            if (kind == 1) is = MovementKind::unstake;
            if (kind == 2) is = MovementKind::withdraw_unbonded;
            if (kind == 3) is = MovementKind::set;
            if (kind == 4) is = MovementKind::multisig;
            if (kind == 5) is = MovementKind::pure;
            if (kind == 6 || kind == 7) is = MovementKind::proxy;
            bool const relates = kind >= 4 && kind <= 7;
            // Few relations, or all would be one cluster: of accounts that meet again.
            if (relates) from = 100 + from % 8, to = 110 + to % 30;
            if (is == MovementKind::transfer) one.signer = account(100 + to % 8);
            bool const sent =
                is == MovementKind::transfer || is == MovementKind::unstake || relates;
            if (sent) one.from = account(from);
            if (is != MovementKind::unstake) one.to = account(to);
            one.movement = row_of_kind(is);
            last_to = to, last_amount = one.amount;
        }
    }
    return chain;
}

inline std::string text_of(PatternFound const& one) {
    auto const hex = [](decoders::Account const& account) {
        std::string text = std::to_string(account.size) + ':';
        for (std::uint8_t const byte : account.key) text += fmt::format("{:02x}", byte);
        return text;
    };
    Transfer const& t = one.transfer;
    PatternFacts const& f = one.facts;
    std::string text = fmt::format(
        "rule {} severity {} block {} {} {} {} amount {} {} {} row {} event {} extrinsic {} "
        "phase {} | {} bits {:a} sum {} of {} of {}, more {}, {}",
        one.rule, static_cast<int>(one.severity), t.block.number, t.block.hash_known,
        t.block.hash[0] + 256 * t.block.hash[1], t.block.timestamp_ms, t.amount, hex(t.from),
        hex(t.to), t.movement, t.event_index, t.extrinsic_index, t.phase, hex(f.subject),
        f.score_bits, f.sum, f.kept, f.all, f.ongoing, f.details.view());
    for (std::uint32_t i = 0; i < f.kept; ++i)
        text += fmt::format(" {}-{}", f.evidence[i].block, f.evidence[i].event);
    return text;
}

struct Engine {
    std::unique_ptr<Patterns> patterns;
    std::vector<PatternFound> claims;

    explicit Engine(std::vector<Rule> const& rules, Labels const& labels = {},
                    std::uint64_t seed = 0) {
        auto const list = labels.list();
        // Small enough that accounts are let go, the log is overwritten, and little is remembered.
        patterns = std::make_unique<Patterns>(
            PatternsOptions{.accounts_max = 140,
                            .movements_max = 2'500,
                            .told_max = 64,
                            .hashes_max = 256,
                            .longest_window_s = 2 * hour_s,
                            .blocks = {.blocks_max = 64, .movements_max = 2'000},
                            .seed = seed},
            list);
        std::vector<decoders::Account> const watched{account(5), account(6), account(7)};
        patterns->set_rules(pattern_rules(rules, 0, decimals, list, watched,
                                          [](std::string_view text) { ADD_FAILURE() << text; }));
    }
    void tell(BlockMoves const& block) {
        for (Transfer const& one : block.moves) patterns->movement(one);
        patterns->end(block.ref);
    }
    void final(BlockMoves const& block) {
        patterns->finalized(block.ref.hash, block.ref.number);
        take();
    }
    void take() {
        std::size_t steps = 1'000'000;
        while (auto one = patterns->next(steps)) claims.push_back(*one);
        ASSERT_TRUE(patterns->idle() && patterns->between_blocks());
    }
    void play(std::vector<BlockMoves> const& chain, std::uint32_t from, std::uint32_t to) {
        for (std::uint32_t number = from; number <= to; ++number) {
            tell(chain[number - 1]);
            final(chain[number - 1]);
        }
    }
};

struct File {
    io::testing::TemporaryDirectory directory;
    std::string path = directory / "patterns-dot.mdb";

    std::unique_ptr<PatternStore> open() const {
        auto opened = PatternStore::open(path, {.bytes_max = 64 << 20});
        EXPECT_TRUE(opened) << io::describe(opened.error());
        return opened ? std::move(opened->store) : nullptr;
    }
};

inline std::vector<std::string> texts(std::vector<PatternFound> const& claims) {
    std::vector<std::string> all;
    for (auto const& one : claims) all.push_back(text_of(one));
    return all;
}

inline void expect_same(std::vector<PatternFound> const& is,
                        std::vector<PatternFound> const& should) {
    ASSERT_EQ(is.size(), should.size());
    for (std::size_t i = 0; i < is.size(); ++i) ASSERT_EQ(text_of(is[i]), text_of(should[i])) << i;
}

} // namespace stages::testing
