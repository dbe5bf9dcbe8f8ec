// Expected bits: mpmath with 60 digits, the probabilities of all the outcomes added up one by one
// (a float below is the exact value of the double).
#include "stages/surprise.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace stages;

namespace {

// 1e-12 of it, or 1e-12; beyond a million events 1e-7.
void expect_bits(double got, double expected, bool many = false) {
    double const error = many ? 1e-7 : 1e-12;
    EXPECT_NEAR(got, expected, error * std::max(1.0, expected));
    // A chance near one is a small number of bits: those are exact too, but for rounding of one.
    EXPECT_GE(got, 0);
}

struct Poisson {
    std::uint64_t count;
    double mean, bits;
};
struct Silence {
    std::uint64_t events;
    double observed, silence, bits;
};
struct GammaPoisson {
    std::uint64_t count;
    double time;
    std::uint64_t events;
    double observed, bits;
};
struct Normal {
    double z, bits;
};
struct Binomial {
    std::uint64_t hits, tries;
    double p, bits;
};

constexpr Poisson poisson_table[] = {
    {1, 1e-300, 996.57842846620872},
    {1, 1.0000000000000001e-09, 29.897352854707609},
    {1, 0.5, 1.3456768717052028},
    {1, 50, 2.7825978407728863e-22},
    {2, 0.01, 14.297326337222495},
    {5, 1, 8.094001014856552},
    {5, 5, 0.83777264903871418},
    {10, 3.25, 8.9885742796552286},
    {10, 40, 5.66392296484734e-09},
    {30, 0.001, 406.68399203762351},
    {100, 100, 0.96212921193237722},
    {100, 20, 121.10857608403118},
    {100, 180, 4.2534899374618026e-11},
    {1000, 1, 8530.8392572729281},
    {1000, 1000, 0.98791697130922562},
    {1000, 1300, 2.7030558936487223e-18},
    {14, 14.5, 0.76740780019007171},
    {15, 14.5, 1.0516883122080152},
    {100000, 99000, 10.366619012985039},
    {999999, 1000000, 0.99846601044810102},
    {1000000, 1000000, 0.99961634964736557},
    {1000001, 1000000, 1.0007676068066087},
    {1000001, 1000001, 0.99961634983916514},
    {1005000, 1000000, 21.700611051332004},
    {1005000, 1010000, 4.5953720996911087e-07},
    {2000000, 1000000, 557315.75064488885},
    {3000000, 5, 53255743.10029345},
};
constexpr Silence silence_table[] = {
    {0, 1, 1, 0.5},
    {5, 100, 50, 3.2172937539663589},
    {1000, 2592000, 86400, 47.329367635745861},
    {3, 0.001, 1000000000, 139.52097998527427},
    {100000, 31536000, 600, 2.7448411914035953},
    {1, 1000000000, 0.001, 2.1640425613323631e-12},
};
constexpr GammaPoisson gamma_poisson_table[] = {
    {1, 1, 0, 1, 1.7715533031636119},
    {1, 60, 20, 864000, 9.4573060395979613},
    {5, 300, 20, 2592000, 49.849548023849721},
    {50, 3600, 100, 2592000, 341.29359745613959},
    {10, 3600, 7200, 2592000, 0.88344814009285266},
    {3, 3600, 7200, 2592000, 0.0040169155364570362},
    {1000, 1, 5, 1000000000, 29858.198921069332},
    {20000, 86400, 1000000, 5184000, 449.7045885240961},
    {40000, 86400, 1000000, 2592000, 878.81221307381907},
    {1, 9.9999999999999995e-07, 0, 1000000000000, 60.794705707972525},
    {1100000, 86400, 1000002, 86400, 3443.5478951735095},
    {999000, 86400, 1000002, 86400, 0.39430891354815034},
    {1001000, 86400, 1000010, 86400, 2.04621746983555},
    {1500000, 86400, 1200000, 86400, 24103.400563230596},
    {10, 5.0000000000000001e-09, 100000000, 0.050000000000000003, 0.88344816949132221},
};
constexpr Normal normal_table[] = {
    {0, 0},
    {0.10000000000000001, 0.11975438189515841},
    {1, 1.656032797424106},
    {-1.96, 4.3220495663699907},
    {3, 8.53293385132495},
    {6, 28.916833728188745},
    {-10, 75.796511106790661},
    {14, 145.52448607726322},
    {14.199999999999999, 149.6131493065628},
    {20, 293.19026880606629},
    {37, 993.06100883259853},
    {40, 1159.8046091506376},
    {1000, 721357.81197827379},
    {100000000, 7213475204444844},
};
constexpr Binomial binomial_table[] = {
    {1, 1, 0.25, 2},
    {1, 10, 0.5, 0.0014095702546713536},
    {5, 10, 0.5, 0.6825873862351306},
    {9, 10, 0.10000000000000001, 26.711486308674928},
    {10, 10, 0.001, 99.657842846620866},
    {3, 1000, 0.001, 3.6400858971820433},
    {30, 1000, 0.001, 109.69715587446639},
    {500, 1000, 0.5, 0.96405941028688047},
    {700, 1000, 0.5, 123.09039038996862},
    {990, 1000, 0.999, 1.3849807804963932e-08},
    {999, 1000, 0.5, 990.03277374116396},
    {50000, 100000, 0.25, 20759.920602201179},
    {10, 1000000000, 1.0000000000000001e-09, 23.097417562402462},
    {2001000, 4000000, 0.5, 2.6549327892572103},
    {2000000, 4000000, 0.5, 0.99942456276192027},
    {1999000, 4000000, 0.5, 0.24902362752973159},
    {2100000, 4000000, 0.5, 7224.381375171406},
    {1100000, 10000000, 0.10000000000000001, 7796.8233144508322},
    {100, 1000000000000, 9.9999999999999994e-12, 206.84888740195797},
};

} // namespace

TEST(Surprise, poisson_tails_are_exact) {
    for (auto const& [count, mean, bits] : poisson_table) {
        SCOPED_TRACE(testing::Message() << count << " of " << mean);
        expect_bits(poisson_bits(count, mean), bits, count > 1'000'000);
    }
}

TEST(Surprise, silence_is_a_power_of_the_share_of_time_observed) {
    for (auto const& [events, observed, silence, bits] : silence_table) {
        SCOPED_TRACE(testing::Message() << events << " in " << observed);
        expect_bits(silence_bits(events, observed, silence), bits);
    }
}

TEST(Surprise, gamma_poisson_tails_are_exact) {
    for (auto const& [count, time, events, observed, bits] : gamma_poisson_table) {
        SCOPED_TRACE(testing::Message() << count << " after " << events);
        bool const many = std::min(count, events) >= 999'000;
        expect_bits(gamma_poisson_bits(count, time, events, observed), bits, many);
    }
}

TEST(Surprise, normal_tails_are_exact_on_both_sides) {
    for (auto const& [z, bits] : normal_table) {
        SCOPED_TRACE(z);
        expect_bits(normal_bits(z), bits);
        EXPECT_EQ(normal_bits(z), normal_bits(-z));
    }
}

TEST(Surprise, binomial_tails_are_exact) {
    for (auto const& [hits, tries, p, bits] : binomial_table) {
        SCOPED_TRACE(testing::Message() << hits << " of " << tries);
        expect_bits(binomial_bits(hits, tries, p), bits, hits > 1'000'000);
    }
}

// The silence and the first event are each other's complement: another way to the same number.
TEST(Surprise, one_event_and_silence_make_a_whole) {
    std::mt19937_64 random(5);
    std::uniform_real_distribution<double> exponent(-3, 3);
    for (int i = 0; i < 2'000; ++i) {
        std::uint64_t const events = random() % 1'000;
        double const observed = std::pow(10, exponent(random) + 3);
        double const time = std::pow(10, exponent(random));
        double const some = std::exp2(-gamma_poisson_bits(1, time, events, observed));
        double const none = std::exp2(-silence_bits(events, observed, time));
        ASSERT_NEAR(some + none, 1, 1e-12) << events << ' ' << observed << ' ' << time;
    }
}

// Grows with the count through every change of method: series, fraction, uniform expansion.
TEST(Surprise, more_is_never_less_surprising) {
    for (double const mean : {0.3, 14.0, 200.0, 99'000.0, 999'990.0, 3e7}) {
        auto const middle = static_cast<std::uint64_t>(mean);
        std::uint64_t const from = middle > 200 ? middle - 200 : 0;
        double before = 0;
        for (std::uint64_t i = 0; i < 400; ++i) {
            double const bits = poisson_bits(from + i, mean);
            ASSERT_GE(bits, before - 1e-7) << mean << ' ' << i;
            before = bits;
        }
    }
}

TEST(Surprise, what_has_no_model_is_no_surprise) {
    double const nan = std::numeric_limits<double>::quiet_NaN();
    for (double const bits :
         {poisson_bits(0, 3), poisson_bits(4, 0), poisson_bits(4, -1), poisson_bits(4, nan),
          silence_bits(3, 0, 10), silence_bits(3, 10, 0), silence_bits(3, 10, -1),
          gamma_poisson_bits(0, 1, 1, 1), gamma_poisson_bits(3, 0, 1, 1),
          gamma_poisson_bits(3, 1, 1, 0), normal_bits(nan), binomial_bits(0, 5, 0.5),
          binomial_bits(3, 5, 0), binomial_bits(3, 5, 1)})
        EXPECT_EQ(bits, 0);
}

TEST(Surprise, however_rare_it_is_the_number_is_finite) {
    std::uint64_t const most = std::numeric_limits<std::uint64_t>::max();
    double const large = std::numeric_limits<double>::max();
    for (double const bits :
         {poisson_bits(most, 1e-300), poisson_bits(most, 1e18), poisson_bits(1, 1e300),
          poisson_bits(most, large), gamma_poisson_bits(most, 1, most, 1e9),
          gamma_poisson_bits(most, 1e-300, 0, 1e300), gamma_poisson_bits(5, 1e300, most, 1e-300),
          normal_bits(large), silence_bits(most, 1e-300, 1e300), binomial_bits(most, most, 0.5),
          binomial_bits(most / 2, most, 1e-300), binomial_bits(6, 5, 0.5)}) {
        EXPECT_TRUE(std::isfinite(bits)) << bits;
        EXPECT_GE(bits, 0);
    }
}
