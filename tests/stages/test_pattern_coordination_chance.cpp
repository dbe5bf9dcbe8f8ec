// The model of `coordination` under its null, and with planted patterns.
#include "tests/stages/coordination_world.hpp"

#include <cmath>
#include <cstdio>
#include <gtest/gtest.h>
#include <numbers>

using namespace stages;
using namespace stages::testing;
using decoders::MovementKind;

namespace {

// Poisson movements of at least `whole`, `per_hour` by day and a quarter of it by night; receivers
// and funders by Zipf's law, each share with an index of its own; amounts lognormal, a fifth round.
struct Null {
    explicit Null(std::uint64_t seed, double rate_per_hour)
        : random(seed)
        , per_hour(rate_per_hour) {
        world.rule.at_block(world.time_s);
    }
    std::uint32_t zipf(std::uint32_t first, std::uint32_t count) { // exponent 1, by inversion
        double const u = std::uniform_real_distribution<double>()(random);
        return first + std::uint32_t(std::exp(u * std::log(double(count)))) - 1;
    }
    u128 amount() {
        double const sigma = std::abs(std::normal_distribution<double>(0, 1.2)(random));
        u128 const any = u128(double(whole) * std::exp(sigma));
        return random() % 5 == 0 ? any / whole * whole : any;
    }
    // The next movement, of a sender whom a funder has just paid.
    std::optional<Claim> step() {
        for (;;) { // thinning
            double const gap_s = std::exponential_distribution<double>(per_hour / 3'600)(random);
            clock_s += gap_s;
            double const phase = 2 * std::numbers::pi * std::fmod(clock_s, day_s) / day_s;
            if (std::uniform_real_distribution<double>()(random) < 0.625 + 0.375 * std::sin(phase))
                break;
        }
        std::uint32_t const now_s = begin_s + std::uint32_t(clock_s) / 6 * 6; // blocks of 6 s
        if (now_s > world.time_s) world.passes(now_s - world.time_s);
        AccountIndex const sender = world.account(20'000 + senders++ % 20'000);
        world.moves(world.account(zipf(10'000, 5'000)), sender, whole / 2);
        return world.moves(sender, world.account(zipf(100, 5'000)), amount());
    }
    CoordinationWorld world;
    std::mt19937_64 random;
    double per_hour = 0;
    double clock_s = 0;
    std::uint32_t begin_s = world.time_s;
    std::uint32_t senders = 0;
};

} // namespace

// At most one false claim in once_in_s, every claiming movement counted; 4.5 standard deviations.
TEST(PatternCoordination, keeps_its_false_alarm_rate_on_poisson_traffic) {
    for (auto const& [seed, per_hour] : {std::pair{1u, 4.0}, {2u, 20.0}, {3u, 100.0}}) {
        Null null(seed, per_hour);
        std::size_t claims = 0;
        for (int i = 0; i < 60'000; ++i) claims += null.step().has_value();
        double const most = null.clock_s / (30 * day_s);
        EXPECT_LE(double(claims), most + 4.5 * std::sqrt(most)) << "seed " << seed;
        std::printf("seed %d, %.0f an hour: %zu claims in %.1f times 30 days\n", int(seed),
                    per_hour, claims, most);
    }
}

TEST(PatternCoordination, finds_planted_patterns) {
    std::printf("rate, spread | recall by clusters 3, 4, 5, 8 (a receiver of rank 50, then a new "
                "one)\n");
    for (double const per_hour : {4.0, 100.0}) {
        for (std::uint32_t const spread_s : {240u, 3'000u}) {
            std::printf("%4.0f %5u |", per_hour, spread_s);
            for (bool const fresh : {false, true}) {
                for (std::uint32_t const clusters : {3u, 4u, 5u, 8u}) {
                    Null null(7, per_hour);
                    for (int i = 0; i < 10'000; ++i) null.step();
                    int found = 0;
                    for (std::uint32_t trial = 0; trial < 20; ++trial) {
                        for (int i = 0; i < 50; ++i) null.step();
                        AccountIndex const to =
                            null.world.account(fresh ? 50'000 + trial : 150 + trial);
                        bool hit = false;
                        for (std::uint32_t i = 0; i < clusters; ++i) {
                            null.clock_s += spread_s / clusters;
                            null.world.passes(spread_s / clusters);
                            hit |= null.world
                                       .moves(null.world.account(45'000 + trial * 10 + i), to,
                                              null.amount())
                                       .has_value();
                        }
                        found += hit;
                    }
                    std::printf(" %.2f", found / 20.0);
                    if (fresh && clusters >= 5 && spread_s == 240) {
                        EXPECT_GT(found, 18);
                    }
                }
                std::printf(fresh ? "\n" : "  |");
            }
        }
    }
}
