// Compact integers and the cursor. Expected bytes: the SCALE codec's specification.
#include "decoders/samples.hpp"
#include "decoders/scale.hpp"

#include <gtest/gtest.h>

namespace {

using namespace decoders;
using pipeline::u128;
using List = std::vector<std::uint8_t>;

Code refused(List const& bytes) {
    Cursor in(bytes);
    in.compact_u128();
    EXPECT_FALSE(in.ok());
    return in.error().code;
}

} // namespace

TEST(ScaleCursor, reads_the_specification_s_compacts) {
    struct Row {
        List bytes;
        u128 value;
    };
    Row const rows[] = {
        {{0x00}, 0},
        {{0x04}, 1},
        {{0xa8}, 42},
        {{0xfc}, 63},
        {{0x15, 0x01}, 69},
        {{0xfd, 0xff}, 16383},
        {{0xfe, 0xff, 0x03, 0x00}, 65535},
        {{0x02, 0x09, 0x3d, 0x00}, 1'000'000},
        {{0xfe, 0xff, 0xff, 0xff}, (1u << 30) - 1},
        {{0x03, 0x00, 0x00, 0x00, 0x40}, 1u << 30},
        {{0x0b, 0x00, 0x40, 0x7a, 0x10, 0xf3, 0x5a}, 100'000'000'000'000},
        {{0x13, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, ~std::uint64_t{0}}};
    for (auto const& row : rows) {
        Cursor in(row.bytes);
        EXPECT_TRUE(in.compact_u128() == row.value);
        EXPECT_TRUE(in.ok());
        EXPECT_EQ(in.remaining(), 0u);
        List written;
        append_compact(row.value, written);
        EXPECT_EQ(written, row.bytes);
    }
}

TEST(ScaleCursor, rejects_redundant_compact) {
    EXPECT_EQ(refused({0x01, 0x00}), Code::compact_redundant);                   // 0 in two bytes
    EXPECT_EQ(refused({0xfd, 0x00}), Code::compact_redundant);                   // 63 in two
    EXPECT_EQ(refused({0xfe, 0xff, 0x00, 0x00}), Code::compact_redundant);       // 16383 in four
    EXPECT_EQ(refused({0x03, 0xff, 0xff, 0xff, 0x3f}), Code::compact_redundant); // 2^30 - 1 in five
    EXPECT_EQ(refused({0x07, 0x00, 0x00, 0x00, 0x40, 0x00}), Code::compact_redundant);
}

TEST(ScaleCursor, rejects_compacts_that_do_not_fit) {
    List const wide = {0x13, 0, 0, 0, 0, 0, 0, 0, 0x80}; // 2^63
    Cursor in(wide);
    in.compact_u32();
    EXPECT_EQ(in.error().code, Code::compact_too_wide);
    List seventeen = {0x37};
    seventeen.resize(18, 0xff);
    EXPECT_EQ(refused(seventeen), Code::compact_too_wide);
    List big = {0xff};
    big.resize(68, 0xff);
    Cursor whole(big);
    std::uint8_t storage[67];
    EXPECT_EQ(whole.compact_big(storage).size(), 67u);
    EXPECT_TRUE(whole.ok());
}

TEST(ScaleCursor, first_error_sticks_with_its_offset) {
    List const bytes = {1, 2, 3};
    Cursor in(bytes);
    EXPECT_EQ(in.u16(), 0x0201);
    EXPECT_EQ(in.u32(), 0u);
    EXPECT_EQ(in.u8(), 0);
    EXPECT_FALSE(in.ok());
    EXPECT_EQ(in.error(), (Error{Code::end_of_input, 3}));
}

TEST(ScaleCursor, counts_are_held_against_the_bytes_left) {
    List const bytes = {0x10, 1, 2, 3};
    Cursor in(bytes);
    EXPECT_EQ(in.count(1), 0u);
    EXPECT_EQ(in.error(), (Error{Code::too_many_elements, 0, 4}));
    Cursor fits(bytes);
    EXPECT_EQ(Cursor(bytes).count(0), 4u);
}

TEST(ScaleCursor, integers_are_little_endian) {
    List bytes(31);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
    Cursor in(bytes);
    EXPECT_EQ(in.u8(), 0);
    EXPECT_EQ(in.u16(), 0x0201);
    EXPECT_EQ(in.u32(), 0x06050403u);
    EXPECT_EQ(in.u64(), 0x0e0d0c0b0a090807u);
    EXPECT_TRUE(in.u128() == ((u128{0x1e1d1c1b1a191817} << 64) | 0x161514131211100f));
    EXPECT_TRUE(in.ok());
}
