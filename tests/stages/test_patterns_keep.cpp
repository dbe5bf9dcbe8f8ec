// Patterns over restarts, on a real file: whoever is stopped and started again, anywhere, claims
// what whoever ran on claims, byte by byte.
#include "tests/stages/patterns_keep_fixture.hpp"

namespace stages {
namespace {

using namespace testing;

TEST(PatternsKeep, who_is_restarted_anywhere_claims_what_who_ran_on_claims) {
    constexpr std::uint32_t blocks = 4'000;
    std::map<std::uint16_t, int> by_rule;
    auto const rules = all_rules();
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        SCOPED_TRACE(::testing::Message() << "seed " << seed);
        auto const chain = chain_of(seed, blocks);
        Engine truth(rules);
        truth.play(chain, 1, blocks);
        for (auto const& one : truth.claims) ++by_rule[one.rule];

        std::mt19937_64 random(seed + 100);
        File const file;
        std::vector<PatternFound> claims;
        std::uint32_t done = 0;
        int restarts = 0;
        while (done < blocks) {
            auto const store = file.open();
            Engine engine(rules, {}, random());
            engine.patterns->read_from(store.get());
            auto const loaded = engine.patterns->load(*store, genesis);
            ASSERT_TRUE(loaded) << loaded.error();
            ASSERT_EQ(loaded->stamp.has_value(), done > 0);
            if (done > 0) {
                EXPECT_EQ(loaded->stamp->number, done);
                EXPECT_EQ(loaded->stamp->hash, chain[done - 1].ref.hash);
                EXPECT_TRUE(loaded->anew.empty());
                ++restarts;
            }
            // First what may have been on its way, word by word; then some blocks are told twice.
            engine.take();
            std::vector<PatternFound> fresh;
            for (auto const& one : claims)
                if (!one.facts.ongoing) fresh.push_back(one);
            ASSERT_LE(engine.claims.size(), fresh.size());
            ASSERT_EQ(engine.claims.empty(), fresh.empty());
            fresh.erase(fresh.begin(),
                        fresh.end() - static_cast<std::ptrdiff_t>(engine.claims.size()));
            expect_same(engine.claims, fresh);
            engine.claims.clear();
            std::uint32_t to = std::min<std::uint32_t>(
                blocks, done + 1 + static_cast<std::uint32_t>(random() % 700));
            engine.play(chain, done - std::min(done, 3U) + 1, to);
            for (std::uint32_t ahead = to + 1; ahead <= std::min(to + 5, blocks); ++ahead)
                engine.tell(chain[ahead - 1]); // not final: they are told again
            ASSERT_EQ(engine.patterns->done_to(), to);
            ASSERT_TRUE(engine.patterns->save(*store, genesis, decimals));
            claims.insert(claims.end(), engine.claims.begin(), engine.claims.end());
            done = to;
        }
        EXPECT_GT(restarts, 5);
        expect_same(claims, truth.claims);
    }
    for (Rule const& rule : rules) {
        auto const index = static_cast<std::uint16_t>(&rule - rules.data());
        EXPECT_GT(by_rule[index], 0) << rule.name << " was not tried";
    }
}

} // namespace
} // namespace stages
