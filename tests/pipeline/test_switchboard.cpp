// The regime word: packing, compare-and-set epochs, and the shared value types.
#include "pipeline/metrics.hpp"
#include "pipeline/switchboard.hpp"
#include "pipeline/types.hpp"

#include <gtest/gtest.h>

namespace pipeline {
namespace {

TEST(Switchboard, packs_every_field_at_its_limits) {
    for (Regime const& regime :
         {Regime{}, Regime{0xff'ffff, Mode::hybrid_only, 15, buckets_max, 0xff},
          Regime{1, Mode::legacy_only, 4, 1, Flag::hybrid_rpc},
          Regime{7, Mode::frozen, 0, 9'999, Flag::parallel_mode}})
        EXPECT_EQ(unpack(pack(regime)), regime);
}

TEST(Switchboard, a_change_raises_the_epoch_and_loses_against_a_faster_one) {
    Switchboard board(Regime{.epoch = 3});
    Regime const seen = board.load();
    ASSERT_TRUE(board.change(seen, Regime{.hybrid_buckets = 100}));
    EXPECT_EQ(board.load().epoch, 4U);
    EXPECT_EQ(board.load().hybrid_buckets, 100);
    EXPECT_FALSE(board.change(seen, Regime{.hybrid_buckets = 200}));
    EXPECT_EQ(board.load().hybrid_buckets, 100);
}

TEST(FixedText, cuts_what_is_too_long) {
    FixedText<8> const text("polkadot-asset-hub");
    EXPECT_EQ(text.view(), "polkado");
    EXPECT_EQ(FixedText<8>("DOT").view(), "DOT");
    EXPECT_EQ(FixedText<8>("").view(), "");
}

enum class Colour { red, green };
constexpr std::array colour_rows{
    MetricRow{"spyhop_test_red_total", MetricKind::counter, "Red."},
    MetricRow{"spyhop_test_green_bytes", MetricKind::gauge, "Green."},
};

TEST(MetricsBook, groups_the_samples_of_one_name) {
    MetricsBook book;
    auto& first = book.add("chain=\"a\"", colour_rows);
    auto& second_page = book.add("chain=\"b\"", colour_rows);
    first.add(Colour::red, 2);
    second_page.add(Colour::red);
    second_page.set(Colour::green, 7);
    EXPECT_EQ(book.exposition(), "# HELP spyhop_test_green_bytes Green.\n"
                                 "# TYPE spyhop_test_green_bytes gauge\n"
                                 "spyhop_test_green_bytes{chain=\"a\"} 0\n"
                                 "spyhop_test_green_bytes{chain=\"b\"} 7\n"
                                 "# HELP spyhop_test_red_total Red.\n"
                                 "# TYPE spyhop_test_red_total counter\n"
                                 "spyhop_test_red_total{chain=\"a\"} 2\n"
                                 "spyhop_test_red_total{chain=\"b\"} 1\n");
}

} // namespace
} // namespace pipeline
