// The follower against drawn chains: heads, gaps, forks, late and missing data.
#include "stages/follower.hpp"

#include <gtest/gtest.h>
#include <set>
#include <string>

namespace stages {
namespace {

using Kind = FollowerAction::Kind;
constexpr Nanoseconds t0 = pipeline::second;
constexpr Nanoseconds later = 10 * pipeline::second;

// Block `number` on branch 'a', 'b', ...; its hash is its name.
Hash named(std::uint32_t number, char branch = 'a') {
    Hash hash{};
    std::memcpy(hash.data(), &number, sizeof number);
    hash[4] = static_cast<std::uint8_t>(branch);
    return hash;
}

decoders::Header block(std::uint32_t number, char branch = 'a', char parent_branch = 'a') {
    decoders::Header header;
    header.number = number;
    header.hash = named(number, branch);
    header.parent = named(number - 1, parent_branch);
    return header;
}

// A node that answers every question from a set of blocks; writes down what is said.
struct World {
    Follower follower;
    std::vector<decoders::Header> blocks;
    std::set<Hash> without_events;
    std::string said;
    Nanoseconds now = t0;

    explicit World(FollowerOptions const& options = {})
        : follower(options) {
        for (std::uint32_t i = 1; i <= 60; ++i) blocks.push_back(block(i));
    }

    std::string name(Hash const& hash) {
        std::uint32_t number = 0;
        std::memcpy(&number, hash.data(), sizeof number);
        return std::to_string(number) + static_cast<char>(hash[4]);
    }

    void push(std::uint32_t number, char branch = 'a') {
        if (!follower.wants(named(number, branch), number)) return;
        follower.told(named(number, branch), number);
        said += name(named(number, branch)) +
                (follower.is_final(named(number, branch)) ? "!" : "") + " ";
    }

    void answer(FollowerAction const& action) {
        auto const found = std::find_if(blocks.begin(), blocks.end(),
                                        [&](auto const& b) { return b.hash == action.hash; });
        switch (action.kind) {
        case Kind::ask_header:
            found == blocks.end() ? follower.header_missing(action.hash)
                                  : follower.header(*found, now);
            break;
        case Kind::ask_events:
            if (without_events.contains(action.hash))
                follower.events_missing(action.hash);
            else
                push(action.number, static_cast<char>(action.hash[4]));
            break;
        case Kind::say_final: said += "F" + name(action.hash) + " "; break;
        case Kind::say_abandoned: said += "X" + name(action.hash) + " "; break;
        case Kind::hole:
            said +=
                "hole" + std::to_string(action.number) + "-" + std::to_string(action.last) + " ";
            break;
        case Kind::conflict: said += "conflict" + name(action.hash) + " "; break;
        case Kind::none: break;
        }
    }

    // Lets everything happen that can happen without news.
    std::string& run() {
        for (int i = 0; i < 10'000; ++i) {
            auto const action = follower.next(now);
            if (action.kind == Kind::none) return said;
            answer(action);
        }
        ADD_FAILURE() << "the follower does not come to rest";
        return said;
    }
    std::string& run_later() {
        now += later;
        return run();
    }
};

TEST(Follower, tells_pushed_blocks_and_then_their_finality) {
    World world;
    for (std::uint32_t i = 10; i <= 12; ++i) {
        world.follower.head(block(i), t0);
        world.push(i);
    }
    world.follower.finalized(block(10), t0);
    world.follower.finalized(block(11), t0);
    EXPECT_EQ(world.run(), "10a 11a 12a F10a F11a ");
}

TEST(Follower, an_announced_block_is_asked_for_only_after_the_grace) {
    World world;
    world.follower.head(block(10), t0);
    EXPECT_EQ(world.run(), "");
    EXPECT_EQ(world.follower.next_deadline(), t0 + FollowerOptions{}.grace);
    EXPECT_EQ(world.run_later(), "10a ");
}

TEST(Follower, the_finalized_stream_may_skip_heights) {
    World world;
    world.follower.head(block(10), t0);
    world.push(10);
    world.follower.finalized(block(10), t0);
    world.run();
    world.follower.finalized(block(14), t0);
    EXPECT_EQ(world.run_later(), "10a F10a 11a! F11a 12a! F12a 13a! F13a 14a! F14a ");
}

TEST(Follower, finality_may_come_before_the_block) {
    World world;
    world.follower.head(block(10), t0);
    world.follower.finalized(block(10), t0);
    world.push(10);
    EXPECT_EQ(world.run(), "10a! F10a ");
}

TEST(Follower, a_head_far_ahead_closes_the_gap_by_parent_hash) {
    World world;
    world.follower.head(block(10), t0);
    world.push(10);
    world.follower.head(block(14), t0);
    world.push(14);
    EXPECT_EQ(world.run(), "10a 14a 13a 12a 11a ");
}

// After a pause the node's first word is the newest block; it must not hide what lies before it.
TEST(Follower, a_pushed_block_does_not_hide_the_gap_below_it) {
    World world;
    world.follower.head(block(10), t0);
    world.push(10);
    world.follower.connection_lost();
    world.push(14);
    world.follower.head(block(15), t0);
    world.push(15);
    EXPECT_EQ(world.run(), "10a 14a 15a 13a 12a 11a ");
}

TEST(Follower, siblings_of_a_final_block_are_abandoned) {
    World world;
    world.blocks.push_back(block(11, 'b'));
    world.follower.head(block(10), t0);
    world.push(10);
    world.follower.head(block(11), t0);
    world.push(11);
    world.follower.head(block(11, 'b'), t0);
    world.push(11, 'b');
    world.follower.finalized(block(10), t0);
    world.follower.finalized(block(11, 'b'), t0);
    EXPECT_EQ(world.run(), "10a 11a 11b F10a F11b X11a ");
}

TEST(Follower, a_deep_fork_is_told_and_the_old_branch_abandoned) {
    World world;
    for (std::uint32_t i = 11; i <= 14; ++i)
        world.blocks.push_back(block(i, 'b', i == 11 ? 'a' : 'b'));
    for (std::uint32_t i = 10; i <= 13; ++i) {
        world.follower.head(block(i), t0);
        world.push(i);
    }
    world.follower.finalized(block(10), t0);
    world.follower.head(block(14, 'b', 'b'), t0); // only the tip of the new branch is announced
    world.push(14, 'b');
    world.follower.finalized(block(14, 'b', 'b'), t0);
    world.run_later();
    for (char const* word : {"11b", "12b", "13b", "F11b", "F14b", "X11a", "X12a", "X13a"})
        EXPECT_NE(world.said.find(word), std::string::npos) << word << " in " << world.said;
    EXPECT_EQ(world.said.find("F11a"), std::string::npos);
}

TEST(Follower, a_late_push_of_an_abandoned_block_is_not_told) {
    World world;
    world.follower.head(block(10), t0);
    world.push(10);
    world.follower.finalized(block(10), t0);
    world.run();
    world.push(10, 'b');
    EXPECT_EQ(world.said, "10a F10a ");
}

TEST(Follower, a_block_is_told_once_however_often_it_comes) {
    World world;
    world.follower.head(block(10), t0);
    for (int i = 0; i < 3; ++i) world.push(10);
    world.follower.head(block(10), t0);
    EXPECT_EQ(world.run_later(), "10a ");
}

TEST(Follower, what_the_node_does_not_have_is_a_hole_and_the_chain_goes_on) {
    World world;
    world.blocks.erase(world.blocks.begin() + 19, world.blocks.begin() + 29); // 20 .. 29
    world.follower.head(block(19), t0);
    world.push(19);
    world.follower.finalized(block(19), t0);
    world.run();
    world.follower.head(block(31), t0);
    world.push(31);
    world.follower.finalized(block(31), t0);
    EXPECT_EQ(world.run_later(), "19a F19a 31a hole20-29 30a! F30a F31a ");
}

TEST(Follower, the_first_finalized_head_settles_what_was_told_below_it) {
    World world;
    for (std::uint32_t i = 10; i <= 13; ++i) {
        world.follower.head(block(i), t0);
        world.push(i);
    }
    world.follower.finalized(block(12), t0);
    EXPECT_EQ(world.run(), "10a 11a 12a 13a F10a F11a F12a ");
}

TEST(Follower, finality_below_the_first_block_seen_is_none_of_our_business) {
    World world;
    world.follower.head(block(20), t0);
    world.push(20);
    for (std::uint32_t i = 15; i <= 20; ++i) world.follower.finalized(block(i), t0);
    EXPECT_EQ(world.run(), "20a F20a ");
}

TEST(Follower, events_that_cannot_be_had_are_a_hole_and_do_not_stop_finality) {
    World world;
    world.without_events.insert(named(11));
    world.follower.head(block(10), t0);
    world.push(10);
    world.follower.head(block(11), t0);
    world.follower.finalized(block(11), t0);
    EXPECT_EQ(world.run_later(), "10a F10a hole11-11 F11a ");
}

TEST(Follower, a_failed_question_is_asked_again_a_bounded_number_of_times) {
    World world;
    world.follower.head(block(10), t0);
    int asked = 0;
    for (int i = 0; i < 100; ++i) {
        world.now += later;
        auto const action = world.follower.next(world.now);
        if (action.kind == Kind::ask_events) {
            ++asked;
            world.follower.events_failed(action.hash, world.now);
        } else {
            world.answer(action);
        }
    }
    EXPECT_EQ(asked, Follower::attempts_max);
    EXPECT_EQ(world.said, "hole10-10 ");
}

TEST(Follower, open_questions_are_asked_again_on_a_new_connection) {
    World world;
    world.follower.head(block(10), t0);
    world.push(10);
    world.follower.head(block(12), t0);
    EXPECT_EQ(world.follower.next(later).kind, Kind::ask_header);
    EXPECT_EQ(world.follower.next(later).kind, Kind::ask_events); // 12 itself
    EXPECT_EQ(world.follower.next(later).kind, Kind::none);
    world.follower.connection_lost();
    EXPECT_EQ(world.run_later(), "10a 12a 11a ");
}

TEST(Follower, finalized_only_tells_nothing_before_finality) {
    World world(FollowerOptions{.finalized_only = true});
    for (std::uint32_t i = 10; i <= 12; ++i) {
        world.follower.head(block(i), t0);
        world.push(i);
    }
    EXPECT_EQ(world.run_later(), "");
    world.follower.finalized(block(11), world.now);
    EXPECT_EQ(world.run_later(), "10a! F10a 11a! F11a ");
}

TEST(Follower, nothing_is_told_below_the_start) {
    World world(FollowerOptions{.from_finalized = true, .start = 12});
    world.follower.head(block(10), t0);
    world.follower.finalized(block(9), t0);
    EXPECT_EQ(world.run_later(), "");
    for (std::uint32_t i = 11; i <= 13; ++i) {
        world.follower.head(block(i), world.now);
        world.push(i);
    }
    world.follower.finalized(block(12), world.now);
    EXPECT_EQ(world.run_later(), "12a 13a F12a ");
}

TEST(Follower, contradicting_finality_is_reported) {
    World world;
    world.blocks.push_back(block(11, 'b'));
    world.blocks.push_back(block(12, 'b', 'b'));
    for (std::uint32_t i = 10; i <= 11; ++i) {
        world.follower.head(block(i), t0);
        world.push(i);
        world.follower.finalized(block(i), t0);
        world.run();
    }
    world.follower.finalized(block(12, 'b', 'b'), t0);
    EXPECT_NE(world.run_later().find("conflict11b"), std::string::npos) << world.said;
}

// The same height again, and one that was final long ago: both are compared with what was said.
TEST(Follower, a_finalized_head_that_repeats_a_height_must_repeat_the_hash) {
    for (std::uint32_t const height : {12U, 10U}) {
        World world;
        for (std::uint32_t i = 10; i <= 12; ++i) {
            world.follower.head(block(i), t0);
            world.push(i);
            world.follower.finalized(block(i), t0);
        }
        world.run();
        world.follower.finalized(block(height), t0);
        EXPECT_EQ(world.run_later().find("conflict"), std::string::npos) << world.said;
        world.follower.finalized(block(height, 'b'), t0);
        EXPECT_NE(world.run().find("conflict" + std::to_string(height) + "b"), std::string::npos)
            << world.said;
    }
}

TEST(Follower, what_contradicts_is_believed_only_when_it_is_told_to) {
    World world;
    for (std::uint32_t i = 11; i <= 13; ++i)
        world.blocks.push_back(block(i, 'b', i == 11 ? 'a' : 'b'));
    for (std::uint32_t i = 10; i <= 11; ++i) {
        world.follower.head(block(i), t0);
        world.push(i);
        world.follower.finalized(block(i), t0);
        world.run();
    }
    world.said.clear();
    world.follower.finalized(block(13, 'b', 'b'), t0);
    EXPECT_EQ(world.run_later(), "conflict11b ");
    EXPECT_EQ(world.follower.last_final(), 11U);
    world.follower.accept_conflict(world.now);
    EXPECT_EQ(world.run_later(), "conflict11b 13b! F13b ");
}

TEST(Follower, a_long_gap_is_left_to_history_and_its_blocks_are_not_called_abandoned) {
    World world(FollowerOptions{.climb_max = 4});
    for (std::uint32_t i = 10; i <= 12; ++i) {
        world.follower.head(block(i), t0);
        world.push(i);
    }
    world.follower.finalized(block(10), t0);
    EXPECT_EQ(world.run(), "10a 11a 12a F10a ");
    world.follower.connection_lost();
    world.said.clear();
    world.follower.finalized(block(16), t0); // 11 .. 15 are missing: one too many
    EXPECT_EQ(world.run_later(), "hole11-15 16a! F16a ");
    world.follower.finalized(block(21), t0); // 17 .. 20: just enough
    EXPECT_EQ(world.run_later(),
              "hole11-15 16a! F16a 17a! F17a 18a! F18a 19a! F19a 20a! F20a 21a! F21a ");
}

TEST(Follower, after_a_restart_it_begins_at_the_finalized_head) {
    World world(FollowerOptions{.from_finalized = true});
    world.follower.head(block(15), t0);
    world.push(15); // nobody knows yet where to begin
    EXPECT_EQ(world.run_later(), "");
    world.follower.finalized(block(12), world.now);
    EXPECT_EQ(world.run_later(), "12a! F12a 15a 14a 13a ");
    world.push(16);
    EXPECT_EQ(world.run(), "12a! F12a 15a 14a 13a 16a ");
}

TEST(Follower, holds_few_blocks_on_a_long_chain) {
    World world;
    for (std::uint32_t i = 1; i <= 5'000; ++i) {
        world.follower.head(block(i), t0);
        world.push(i);
        if (i > 3) world.follower.finalized(block(i - 3), t0);
        world.run();
    }
    EXPECT_LT(world.follower.blocks_held(), 16U);
    EXPECT_EQ(world.follower.last_final(), 4'997U);
}

} // namespace
} // namespace stages
