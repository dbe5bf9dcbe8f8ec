// The ledger of covered blocks: links, digests, holes.
#include "tests/stages/journal_fixture.hpp"

#include <random>

namespace stages::testing {
namespace {

struct Ledger {
    Coverage coverage;

    Covered add(std::uint32_t number) {
        BlockDone const block = block_of(number);
        return coverage.add(number, block.hash, hash_of(number - 1),
                            block_digest(number, block.hash, block.events));
    }
    Words ranges() const {
        Words words;
        for (CoveredRange const& range : coverage.ranges())
            words.push_back(fmt::format("{}..{} ({})", range.from, range.to, range.blocks));
        return words;
    }
    Words holes(std::uint32_t first) const {
        Words words;
        for (Hole const& hole : coverage.holes(first))
            words.push_back(fmt::format("{}..{} {}", hole.from, hole.to, hole.reason));
        return words;
    }
};

// Worked out with xxhsum and Python's hashlib: blocks whose hash is their number 32 times, and
// whose events are as many bytes of their number.
TEST(JournalCoverage, digests_are_those_of_an_independent_implementation) {
    Digest sum{};
    for (std::uint8_t number = 1; number <= 4; ++number) {
        Hash hash{};
        hash.fill(number);
        std::vector<std::uint8_t> const events(number, number);
        Digest const digest = block_digest(number, hash, decoders::xxh3_128(events));
        if (number == 1) {
            EXPECT_EQ(decoders::hex_text(digest),
                      "0x789ba4d8db2ccf479af4e6f05b2b6094c90cf03ddc1323316cd80e20d5a97d86");
        }
        add_digest(sum, digest);
    }
    EXPECT_EQ(decoders::hex_text(sum),
              "0xdc17ce7f6185541e2d609b754f016c98bf31c30651465a2679e12e04427f354c");
    Hash top{};
    top.fill(0xff);
    EXPECT_EQ(decoders::hex_text(block_digest(4294967295U, top, decoders::xxh3_128({}))),
              "0xfce0eaf45119e96efc2689555d66b5d03626f6b883f226da58bccdc2b9f7a835");
}

TEST(JournalCoverage, a_sum_carries_and_wraps) {
    Digest sum{};
    sum.fill(0xff);
    Digest one{};
    one[0] = 1;
    add_digest(sum, one);
    EXPECT_EQ(sum, Digest{});
    sum[0] = 0xff;
    add_digest(sum, one);
    EXPECT_EQ(sum[0], 0);
    EXPECT_EQ(sum[1], 1);
}

TEST(JournalCoverage, ranges_grow_at_both_ends_and_join) {
    Ledger ledger;
    for (std::uint32_t const number : {10U, 11U, 20U, 19U, 12U}) ledger.add(number);
    EXPECT_EQ(ledger.ranges(), (Words{"10..12 (3)", "19..20 (2)"}));
    EXPECT_EQ(ledger.holes(8), (Words{"8..9 not read yet", "13..18 not read yet"}));
    for (std::uint32_t number = 13; number <= 18; ++number)
        EXPECT_EQ(ledger.add(number), Covered::added);
    EXPECT_EQ(ledger.ranges(), Words{"10..20 (11)"});
    EXPECT_EQ(ledger.holes(10), Words{});
    EXPECT_EQ(ledger.add(15), Covered::known);
    EXPECT_EQ(ledger.add(20), Covered::known);
}

TEST(JournalCoverage, any_order_of_blocks_gives_one_range_and_one_digest) {
    Digest expected{};
    for (std::uint32_t number = 0; number < 64; ++number) {
        BlockDone const block = block_of(number);
        add_digest(expected, block_digest(number, block.hash, block.events));
    }
    for (unsigned seed = 1; seed <= 50; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        std::vector<std::uint32_t> order(64);
        for (std::uint32_t i = 0; i < 64; ++i) order[i] = i;
        for (std::size_t i = 63; i > 0; --i) std::swap(order[i], order[random() % (i + 1)]);
        Ledger ledger;
        std::vector<bool> have(64);
        for (std::uint32_t const number : order) {
            ASSERT_EQ(ledger.add(number), Covered::added);
            have[number] = true;
            // What is covered, and what is a hole, by counting one by one.
            std::vector<bool> covered(64);
            for (CoveredRange const& range : ledger.coverage.ranges())
                for (std::uint32_t at = range.from; at <= range.to; ++at) covered[at] = true;
            ASSERT_EQ(covered, have);
            std::uint32_t const last = ledger.coverage.ranges().back().to;
            for (Hole const& hole : ledger.coverage.holes(0))
                for (std::uint32_t at = hole.from; at <= hole.to; ++at) covered[at] = true;
            for (std::uint32_t at = 0; at < 64; ++at) ASSERT_EQ(covered[at], at <= last);
        }
        ASSERT_EQ(ledger.ranges(), Words{"0..63 (64)"});
        EXPECT_EQ(ledger.coverage.ranges()[0].digest, expected);
        EXPECT_EQ(ledger.coverage.ranges()[0].from_parent, hash_of(~0U));
        EXPECT_EQ(ledger.coverage.ranges()[0].to_hash, hash_of(63));
    }
}

TEST(JournalCoverage, a_block_that_contradicts_its_neighbours_is_refused) {
    Ledger ledger;
    ledger.add(10);
    ledger.add(12);
    BlockDone const good = block_of(11);
    Digest const digest{};
    Hash const other = hash_of(11, 9);
    EXPECT_EQ(ledger.coverage.add(11, good.hash, other, digest), Covered::conflict);
    EXPECT_EQ(ledger.coverage.add(11, other, hash_of(10), digest), Covered::conflict);
    EXPECT_EQ(ledger.coverage.add(13, hash_of(13), other, digest), Covered::conflict);
    EXPECT_EQ(ledger.coverage.add(9, other, hash_of(8), digest), Covered::conflict);
    EXPECT_EQ(ledger.coverage.add(12, other, good.hash, digest), Covered::conflict);
    EXPECT_EQ(ledger.ranges(), (Words{"10..10 (1)", "12..12 (1)"}));
}

TEST(JournalCoverage, holes_say_why_and_later_words_win) {
    Ledger ledger;
    ledger.add(1);
    ledger.add(20);
    ledger.coverage.explain(2, 15, "pruned", "another endpoint is asked");
    ledger.coverage.explain(5, 6, "too large", "");
    EXPECT_EQ(ledger.holes(1),
              (Words{"2..4 pruned", "5..6 too large", "7..15 pruned", "16..19 not read yet"}));
    ledger.coverage.explain(4, 19, "asked for", "");
    EXPECT_EQ(ledger.holes(1), (Words{"2..3 pruned", "4..19 asked for"}));
    for (std::uint32_t number = 2; number < 20; ++number) ledger.add(number);
    EXPECT_EQ(ledger.holes(1), Words{});
    ledger.coverage.explain(30, 31, "pruned", "");
    EXPECT_EQ(ledger.coverage.notes().size(), 1U); // what has been filled needs no words
}

TEST(JournalCoverage, the_numbers_at_both_ends) {
    Ledger ledger;
    Hash const hash = hash_of(7);
    EXPECT_EQ(ledger.coverage.add(4294967295U, hash, hash_of(6), {}), Covered::added);
    EXPECT_EQ(ledger.coverage.add(0, hash, hash_of(6), {}), Covered::added);
    EXPECT_EQ(ledger.holes(0), Words{"1..4294967294 not read yet"});
    ledger.coverage.explain(0, 4294967295U, "all", "");
    EXPECT_EQ(ledger.holes(0), Words{"1..4294967294 all"});
}

TEST(JournalCoverage, separate_ranges_and_words_are_bounded) {
    Ledger ledger;
    for (std::uint32_t i = 0; i < Coverage::ranges_max; ++i)
        ASSERT_EQ(ledger.add(10 * i + 10), Covered::added);
    EXPECT_EQ(ledger.add(5), Covered::no_room);
    EXPECT_EQ(ledger.add(11), Covered::added); // joins
    for (std::uint32_t i = 0; i <= Coverage::notes_max; ++i)
        ledger.coverage.explain(20 + i * 100, 21 + i * 100, std::string(1000, 'x'), "");
    EXPECT_EQ(ledger.coverage.notes().size(), Coverage::notes_max);
    EXPECT_EQ(ledger.coverage.notes().front().from, 120U);
    EXPECT_EQ(ledger.coverage.notes().front().reason.size(), Coverage::note_bytes_max);
}

} // namespace
} // namespace stages::testing
