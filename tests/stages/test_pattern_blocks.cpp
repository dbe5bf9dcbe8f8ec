// Blocks in the order patterns are judged in: forks, holes, bounds; and against a plain model.
#include "stages/pattern_blocks.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>

namespace stages {
namespace {

BlockRef ref_of(std::uint32_t number, std::uint8_t fork = 0) {
    BlockRef ref;
    ref.number = number;
    ref.hash[0] = fork;
    std::memcpy(ref.hash.data() + 4, &number, sizeof number);
    return ref;
}

struct Chain {
    PatternBlocks blocks;

    explicit Chain(PatternBlocksOptions const& options = {.blocks_max = 256,
                                                          .movements_max = 1'024})
        : blocks(options) {}
    void tell(std::uint32_t number, std::uint32_t movements, std::uint8_t fork = 0) {
        for (std::uint32_t i = 0; i < movements; ++i)
            blocks.movement(ref_of(number, fork), {.amount = number, .event = i});
        blocks.end(ref_of(number, fork));
    }
    void final(std::uint32_t number, std::uint8_t fork = 0) {
        blocks.finalized(ref_of(number, fork).hash, number);
    }
    // "7:2 8:0": number and movements of what comes next.
    std::string taken() {
        std::string all;
        while (auto const* block = blocks.front()) {
            std::uint32_t count = 0;
            for (auto at = block->first; at != PatternBlocks::none; at = blocks.next_of(at)) {
                EXPECT_EQ(blocks.at(at).event, count);
                EXPECT_EQ(blocks.at(at).amount, u128{block->ref.number});
                ++count;
            }
            EXPECT_EQ(count, block->count);
            all += std::to_string(block->ref.number) + ':' + std::to_string(count) + ' ';
            blocks.pop();
        }
        return all;
    }
};

TEST(PatternBlocks, a_block_comes_when_it_is_final) {
    Chain chain;
    chain.tell(7, 2);
    EXPECT_EQ(chain.taken(), "");
    chain.final(7);
    EXPECT_EQ(chain.taken(), "7:2 ");
    EXPECT_EQ(chain.taken(), "");
    EXPECT_EQ(chain.blocks.waiting(), 0U);
}

TEST(PatternBlocks, of_a_fork_comes_what_is_final) {
    Chain chain;
    chain.tell(7, 2, 1);
    chain.tell(7, 3, 2);
    chain.final(7, 2);
    EXPECT_EQ(chain.taken(), "7:3 ");
    EXPECT_EQ(chain.blocks.waiting(), 0U);
}

TEST(PatternBlocks, what_was_told_behind_the_head_comes_first) {
    Chain chain;
    chain.blocks.begin_at(7);
    chain.tell(9, 1);
    chain.final(9);
    chain.tell(7, 2);
    chain.final(7);
    EXPECT_EQ(chain.taken(), "7:2 ");
    chain.tell(8, 0);
    chain.final(8);
    EXPECT_EQ(chain.taken(), "8:0 9:1 ");
}

TEST(PatternBlocks, a_block_told_twice_comes_once) {
    Chain chain;
    chain.tell(7, 2);
    chain.tell(7, 2);
    chain.final(7);
    EXPECT_EQ(chain.taken(), "7:2 ");
    chain.tell(7, 2);
    chain.final(7);
    EXPECT_EQ(chain.taken(), "");
    EXPECT_EQ(chain.blocks.waiting(), 0U);
}

TEST(PatternBlocks, a_hole_that_is_given_up_is_passed_over_and_counted) {
    Chain chain;
    chain.blocks.begin_at(7);
    chain.tell(9, 1);
    chain.final(9);
    chain.blocks.skip_to(9);
    EXPECT_EQ(chain.blocks.passed_over(), 2U);
    EXPECT_EQ(chain.taken(), "9:1 ");
    chain.blocks.skip_to(5); // long behind
    EXPECT_EQ(chain.blocks.passed_over(), 2U);
}

TEST(PatternBlocks, without_room_the_hole_is_given_up) {
    Chain chain({.blocks_max = 5, .movements_max = 100});
    chain.blocks.begin_at(1);
    for (std::uint32_t number = 5; number < 9; ++number) {
        chain.tell(number, 1);
        chain.final(number);
    }
    EXPECT_EQ(chain.taken(), "5:1 6:1 7:1 8:1 ");
    EXPECT_EQ(chain.blocks.passed_over(), 4U);
}

TEST(PatternBlocks, without_room_and_without_finality_the_oldest_goes) {
    Chain chain({.blocks_max = 2, .movements_max = 100});
    chain.blocks.begin_at(1);
    chain.tell(1, 3);
    chain.tell(2, 1);
    chain.tell(3, 1);
    EXPECT_EQ(chain.blocks.waiting(), 2U);
    EXPECT_EQ(chain.blocks.lost(), 3U);
}

TEST(PatternBlocks, movements_without_room_are_counted_and_the_rest_stays_whole) {
    Chain chain({.blocks_max = 8, .movements_max = 3});
    chain.tell(1, 5);
    chain.final(1);
    EXPECT_EQ(chain.blocks.lost(), 2U);
    EXPECT_EQ(chain.taken(), "1:3 ");
    chain.tell(2, 3); // all of it is free again
    chain.final(2);
    EXPECT_EQ(chain.taken(), "2:3 ");
    EXPECT_EQ(chain.blocks.lost(), 2U);
}

// Random chains, told as a live source and a history reader would, in any interleaving.
TEST(PatternBlocks, every_final_block_comes_once_and_in_order) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        Chain chain;
        chain.blocks.begin_at(1);
        std::map<std::uint32_t, std::uint32_t> movements;
        auto const below = [&](std::uint32_t most) {
            return static_cast<std::uint32_t>(random() % most);
        };
        std::uint32_t live = 1 + below(20), behind = 1;
        std::uint32_t const head = live;
        std::string got, wanted;
        auto const one = [&](std::uint32_t number, bool forks) {
            movements[number] = below(4);
            if (forks) chain.tell(number, below(5), 9);
            chain.tell(number, movements[number]);
            chain.final(number);
        };
        for (int step = 0; step < 60; ++step) {
            if (below(2) == 0)
                one(live++, below(3) == 0);
            else if (behind < head)
                one(behind++, false);
            if (below(3) == 0) got += chain.taken();
        }
        while (behind < head) one(behind++, false);
        got += chain.taken();
        for (auto const& [number, count] : movements)
            wanted += std::to_string(number) + ':' + std::to_string(count) + ' ';
        EXPECT_EQ(got, wanted);
        EXPECT_EQ(chain.blocks.waiting(), 0U);
    }
}

} // namespace
} // namespace stages
