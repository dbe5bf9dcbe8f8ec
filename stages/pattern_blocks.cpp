#include "stages/pattern_blocks.hpp"

#include "pipeline/check.hpp"

#include <algorithm>

namespace stages {

PatternBlocks::PatternBlocks(Options const& options)
    : options_(options)
    , pool_(options.movements_max) {
    CHECK(options.blocks_max > 0 && options.movements_max > 0);
    CHECK(options.movements_max < none);
    blocks_.reserve(options.blocks_max);
    for (std::size_t i = pool_.size(); i-- > 0;) {
        pool_[i].next = free_;
        free_ = static_cast<std::uint32_t>(i);
    }
}

PatternBlocks::Block* PatternBlocks::find(Hash const& hash) {
    for (std::size_t i = blocks_.size(); i-- > 0;) // most often the newest
        if (blocks_[i].ref.hash == hash) return &blocks_[i];
    return nullptr;
}

PatternBlocks::Block& PatternBlocks::block_of(BlockRef const& ref) {
    if (Block* const known = find(ref.hash)) return *known;
    if (blocks_.size() == options_.blocks_max) { // forks that nobody settles
        auto const oldest = std::ranges::min_element(
            blocks_, {}, [](Block const& block) { return block.ref.number; });
        lost_ += oldest->count;
        forget(static_cast<std::size_t>(oldest - blocks_.begin()));
    }
    blocks_.push_back({.ref = ref, .first = none, .last = none});
    return blocks_.back();
}

// A block told again says nothing new.
void PatternBlocks::movement(BlockRef const& ref, HeldMovement const& movement) {
    if (next_ && ref.number < *next_) return;
    Block& block = block_of(ref);
    if (block.ended) return;
    if (free_ == none) {
        ++lost_;
        return;
    }
    std::uint32_t const place = free_;
    free_ = pool_[place].next;
    pool_[place] = {movement, none};
    if (block.last == none)
        block.first = place;
    else
        pool_[block.last].next = place;
    block.last = place;
    ++block.count;
    ++used_;
}

void PatternBlocks::end(BlockRef const& ref) {
    if (next_ && ref.number < *next_) return;
    block_of(ref).ended = true;
}

void PatternBlocks::finalized(Hash const& hash, std::uint32_t number) {
    for (std::size_t i = blocks_.size(); i-- > 0;)
        if (blocks_[i].ref.number == number && blocks_[i].ref.hash != hash) forget(i);
    Block* const block = find(hash);
    if (block == nullptr) return;
    block->final = true;
    if (!next_) next_ = number;
    if (crowded()) give_up_hole();
}

void PatternBlocks::skip_to(std::uint32_t number) {
    if (!next_ || number <= *next_) return;
    std::uint32_t const before = *next_;
    next_ = number;
    for (std::size_t i = blocks_.size(); i-- > 0;) {
        if (blocks_[i].ref.number >= number) continue;
        forget(i);
    }
    passed_over_ += number - before;
}

PatternBlocks::Block const* PatternBlocks::front() {
    if (!next_) return nullptr;
    for (Block const& block : blocks_)
        if (block.final && block.ended && block.ref.number == *next_) return &block;
    return nullptr;
}

void PatternBlocks::pop() {
    CHECK(next_.has_value());
    std::uint32_t const number = *next_;
    for (std::size_t i = blocks_.size(); i-- > 0;)
        if (blocks_[i].ref.number <= number) forget(i);
    next_ = number + 1;
}

void PatternBlocks::forget(std::size_t at) {
    Block const& block = blocks_[at];
    if (block.last != none) {
        pool_[block.last].next = free_;
        free_ = block.first;
        used_ -= block.count;
    }
    blocks_[at] = blocks_.back();
    blocks_.pop_back();
}

bool PatternBlocks::crowded() const {
    return 4 * blocks_.size() >= 3 * options_.blocks_max || 4 * used_ >= 3 * pool_.size();
}

void PatternBlocks::give_up_hole() {
    std::uint32_t lowest_final = ~std::uint32_t{0};
    for (Block const& block : blocks_)
        if (block.final) lowest_final = std::min(lowest_final, block.ref.number);
    if (lowest_final != ~std::uint32_t{0}) skip_to(lowest_final);
}

} // namespace stages
