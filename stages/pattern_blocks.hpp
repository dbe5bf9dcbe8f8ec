// Puts movements into the order patterns are judged in: block by block, each when it is final and
// the one before it has been taken.
//
//   movement … end ──▶ waiting ──finalized──▶ final ──in order──▶ front() … pop()
//                         └──another of its height is final──▶ gone
//
// What follows the head and what fills holes behind it come interleaved, so a final block waits for
// those below it. Not for ever: a hole that was given up (skip_to), or that keeps so many waiting
// that three quarters of the room are taken, is passed over, counted, and missing in windows.
//
// Bounded by its options; nothing is allocated after construction. One thread.
#pragma once

#include "stages/messages.hpp"

#include <optional>
#include <vector>

namespace stages {

// A movement of a block as it was told.
struct HeldMovement {
    u128 amount = 0;
    decoders::Account from{};
    decoders::Account to{};
    decoders::Account signer{}; // of its extrinsic; empty: nobody, or not known
    std::uint32_t event = 0;
    std::uint32_t extrinsic = 0;
    std::uint16_t row = 0;
    std::uint8_t phase = 0;
};

struct PatternBlocksOptions {
    std::size_t blocks_max = 4'096;
    std::size_t movements_max = 65'536; // of all that wait
};

class PatternBlocks {
  public:
    using Options = PatternBlocksOptions;
    explicit PatternBlocks(Options const& options);

    // The first block that is wanted; without it, the first that is final.
    void begin_at(std::uint32_t number) { next_ = number; }

    void movement(BlockRef const& block, HeldMovement const& movement);
    void end(BlockRef const& block);
    void finalized(Hash const& hash, std::uint32_t number);
    // Blocks below it that are not there will not come.
    void skip_to(std::uint32_t number);

    // The block that is waited for; nothing: whichever is final first.
    std::optional<std::uint32_t> next() const { return next_; }

    struct Block {
        BlockRef ref{};
        std::uint32_t first = 0; // of its movements in the pool, chained
        std::uint32_t last = 0;
        std::uint32_t count = 0;
        bool ended = false;
        bool final = false;
    };
    // The next block in order, if it is there; the same until pop().
    Block const* front();
    void pop();
    // Movements of a block, in order: at(block.first), then next_of() as long as it is not none.
    static constexpr std::uint32_t none = ~std::uint32_t{0};
    HeldMovement const& at(std::uint32_t place) const { return pool_[place].movement; }
    std::uint32_t next_of(std::uint32_t place) const { return pool_[place].next; }

    std::size_t waiting() const { return blocks_.size(); }
    std::uint64_t passed_over() const { return passed_over_; } // blocks
    std::uint64_t lost() const { return lost_; }               // movements for want of room

  private:
    struct Slot {
        HeldMovement movement;
        std::uint32_t next = none;
    };

    Block& block_of(BlockRef const& ref);
    Block* find(Hash const& hash);
    void forget(std::size_t at);
    void give_up_hole();
    bool crowded() const;

    Options const options_;
    std::vector<Slot> pool_;
    std::uint32_t free_ = none;
    std::size_t used_ = 0;
    std::vector<Block> blocks_; // in no order; few, but while a hole is being filled
    std::optional<std::uint32_t> next_;
    std::uint64_t passed_over_ = 0;
    std::uint64_t lost_ = 0;
};

} // namespace stages
