// Links and arenas: order, credit, drop gaps, payload that never wraps, two threads.
#include "pipeline/link.hpp"

#include <gtest/gtest.h>
#include <numeric>
#include <thread>
#include <vector>

namespace pipeline {
namespace {

struct alignas(64) Note {
    static constexpr std::string_view record_name = "Note";
    Header header;
    std::uint64_t value = 0;
};

struct alignas(64) Parcel {
    static constexpr std::string_view record_name = "Parcel";
    Header header;
    Payload payload;
    std::uint64_t value = 0;
};

Note note(std::uint64_t value) {
    Note made;
    made.value = value;
    return made;
}

TEST(Link, delivers_in_order_and_numbers_messages) {
    Link<Note> link("notes", {.depth = 4});
    for (std::uint64_t i = 0; i < 3; ++i) link.push(note(10 + i));
    for (std::uint64_t i = 0; i < 3; ++i) {
        ASSERT_NE(link.front(), nullptr);
        EXPECT_EQ(link.front()->value, 10 + i);
        EXPECT_EQ(link.front()->header.sequence, i);
        link.pop();
    }
    EXPECT_EQ(link.front(), nullptr);
}

TEST(Link, credit_is_the_room_that_is_left) {
    Link<Note> link("notes", {.depth = 3});
    EXPECT_EQ(link.credit(), 3U);
    link.push(note(1));
    EXPECT_EQ(link.credit(), 2U);
    EXPECT_EQ(link.waiting(), 1U);
    link.pop();
    EXPECT_EQ(link.credit(), 3U);
}

TEST(Link, a_full_drop_link_counts_and_leaves_a_gap) {
    Link<Note> link("notes", {.depth = 2, .when_full = WhenFull::drop});
    for (std::uint64_t i = 0; i < 5; ++i) link.push(note(i));
    EXPECT_EQ(link.dropped(), 3U);
    link.pop();
    link.pop();
    link.push(note(9));
    EXPECT_EQ(link.front()->header.sequence, 5U); // 2, 3 and 4 are missing, and visibly so
}

// A writer that dies while it copies leaves a slot that is neither the old message nor the new one.
TEST(Ring, a_slot_that_was_being_written_is_not_looked_at) {
    for (bool const dies : {false, true}) {
        Ring<Note> ring(nullptr, 4);
        for (std::uint64_t value = 1; value <= 4; ++value) {
            ASSERT_NE(ring.put(note(value)), nullptr);
            ring.published();
        }
        EXPECT_EQ(ring.put(note(5)), nullptr); // full: the oldest is whole
        auto const value_is = [](std::uint64_t value) {
            return [value](Note const& one) { return one.value == value; };
        };
        ASSERT_TRUE(ring.last(false, value_is(1)));
        EXPECT_FALSE(ring.last(false, value_is(1))->popped);
        ring.pop();
        if (dies) ring.put(note(5));
        EXPECT_FALSE(ring.last(false, value_is(1)));
        EXPECT_FALSE(ring.last(false, value_is(5)));
        EXPECT_TRUE(ring.last(false, value_is(2)));
        EXPECT_TRUE(ring.last(true, value_is(4)));
    }
}

TEST(LinkDeathTest, pushing_into_a_full_wait_link_is_a_bug) {
    Link<Note> link("notes", {.depth = 1});
    link.push(note(1));
    EXPECT_DEATH(link.push(note(2)), "CHECK failed");
}

TEST(Arena, frames_never_wrap_and_keep_their_padding) {
    Arena arena(256 + 3 * json_padding);
    std::vector<Payload> held;
    for (int round = 0; round < 100; ++round) {
        auto const room = arena.reserve(100);
        ASSERT_EQ(room.size(), 100U) << round;
        std::fill(room.begin(), room.end(), static_cast<std::uint8_t>(round));
        held.push_back(arena.commit(100));
        auto const bytes = arena.at(held.back());
        ASSERT_EQ(bytes.size(), 100U);
        EXPECT_EQ(bytes[0], static_cast<std::uint8_t>(round));
        EXPECT_EQ(bytes[99], static_cast<std::uint8_t>(round));
        arena.release(held.back());
    }
}

TEST(Arena, refuses_what_does_not_fit_until_it_is_released) {
    Arena arena(2 * (100 + json_padding));
    ASSERT_FALSE(arena.reserve(100).empty());
    Payload const first = arena.commit(100);
    ASSERT_FALSE(arena.reserve(100).empty());
    Payload const second = arena.commit(100);
    EXPECT_TRUE(arena.reserve(1).empty());
    arena.release(first);
    EXPECT_FALSE(arena.reserve(100).empty());
    EXPECT_EQ(arena.at(second).size(), 100U);
    EXPECT_TRUE(arena.reserve(arena.largest() + 1).empty());
}

TEST(Arena, starts_over_at_the_front_when_nothing_is_in_flight) {
    Arena arena(10 * (100 + json_padding));
    std::uint8_t const* first = nullptr;
    for (int burst = 0; burst < 5; ++burst) {
        std::vector<Payload> held;
        for (int i = 0; i < 9; ++i) { // a whole burst fits again each time
            auto const room = arena.reserve(100);
            ASSERT_EQ(room.size(), 100U) << burst << " " << i;
            if (i == 0 && !first) first = room.data();
            EXPECT_EQ(room.data() == first, i == 0);
            held.push_back(arena.commit(100));
        }
        for (Payload const& payload : held) arena.release(payload);
    }
}

TEST(Arena, commit_may_keep_less_than_was_reserved) {
    Arena arena(1024);
    ASSERT_FALSE(arena.reserve(500).empty());
    Payload const kept = arena.commit(10);
    EXPECT_EQ(kept.size, 10U);
    EXPECT_FALSE(arena.reserve(800).empty());
}

// One writer, one reader, payload checked byte for byte. TSan runs this too.
TEST(Link, two_threads_see_every_message_and_its_bytes) {
    constexpr std::uint64_t messages = 20'000;
    Link<Parcel> link("parcels", {.depth = 16, .arena_bytes = 4096});
    std::thread writer([&link] {
        for (std::uint64_t i = 0; i < messages;) {
            std::size_t const size = 1 + i % 97;
            if (link.credit() == 0) continue;
            auto const room = link.arena().reserve(size);
            if (room.empty()) continue;
            std::iota(room.begin(), room.end(), static_cast<std::uint8_t>(i));
            Parcel parcel;
            parcel.payload = link.arena().commit(size);
            parcel.value = i++;
            link.push(parcel);
        }
    });
    std::uint64_t wrong = 0;
    for (std::uint64_t i = 0; i < messages;) {
        Parcel const* const parcel = link.front();
        if (!parcel) continue;
        auto const bytes = link.payload(*parcel);
        wrong += parcel->value != i || parcel->header.sequence != i || bytes.size() != 1 + i % 97;
        for (std::size_t k = 0; k < bytes.size(); ++k)
            wrong += bytes[k] != static_cast<std::uint8_t>(i + k);
        link.pop();
        ++i;
    }
    writer.join();
    EXPECT_EQ(wrong, 0U);
}

} // namespace
} // namespace pipeline
