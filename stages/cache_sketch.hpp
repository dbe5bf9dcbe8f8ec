// How often a key was looked up lately, at most 15 times, for any number of keys in fixed memory: a
// count-min sketch (Cormode, Muthukrishnan: An Improved Data Stream Summary, J. Algorithms 55,
// 2005) of 4-bit counters, the smallest of four counts, which are halved in the course of each
// 10 x entries additions (the "reset" of Einziger, Friedman, Manes: TinyLFU, ACM Transactions on
// Storage 13, 2017). Two things differ from the papers: the four counters of a key lie in one cache
// line, and ageing goes word by word with the additions, so that no look-up pays for all of it.
//
// One thread. Its size is set by the constructor.
#pragma once

#include "pipeline/types.hpp"

#include <algorithm>
#include <bit>
#include <vector>

namespace stages {

class CacheSketch {
  public:
    static constexpr unsigned count_max = 15;
    static constexpr std::size_t additions_an_entry = 10; // of one period of ageing

    explicit CacheSketch(std::size_t entries)
        : lines_(std::bit_ceil(std::max<std::size_t>(1, entries / counters_an_entry)))
        , additions_a_word_(std::max<std::size_t>(1, additions_an_entry * entries / words())) {}

    void add(std::uint64_t hash, unsigned times = 1) {
        Line& line = lines_[at(hash)];
        std::uint32_t bits = picks(hash);
        for (std::size_t row = 0; row < rows; ++row, bits >>= 5) {
            std::uint64_t& word = line.words[2 * row + (bits & 1)];
            unsigned const shift = 4 * (bits >> 1 & 15);
            std::uint64_t const count = word >> shift & count_max;
            std::uint64_t const sum = std::min<std::uint64_t>(count_max, count + times);
            word += (sum - count) << shift;
        }
        if (++additions_ >= additions_a_word_) age();
    }

    unsigned count(std::uint64_t hash) const {
        Line const& line = lines_[at(hash)];
        std::uint32_t bits = picks(hash);
        std::uint64_t least = count_max;
        for (std::size_t row = 0; row < rows; ++row, bits >>= 5) {
            std::uint64_t const word = line.words[2 * row + (bits & 1)];
            least = std::min(least, word >> (4 * (bits >> 1 & 15)) & count_max);
        }
        return static_cast<unsigned>(least);
    }

    std::size_t memory_bytes() const { return lines_.size() * sizeof(Line); }

  private:
    static constexpr std::size_t rows = 4;
    static constexpr std::size_t words_a_line = 2 * rows;
    static constexpr std::size_t counters_an_entry = 16; // 128 counters a line: 8 or more an entry

    struct alignas(64) Line {
        std::uint64_t words[words_a_line] = {};
    };

    std::size_t words() const { return lines_.size() * words_a_line; }
    // The line by the low bits, the counters by the high ones.
    std::size_t at(std::uint64_t hash) const { return hash & (lines_.size() - 1); }
    static std::uint32_t picks(std::uint64_t hash) {
        return static_cast<std::uint32_t>(hash >> 40);
    }

    void age() {
        additions_ = 0;
        std::uint64_t& word = lines_[aged_ / words_a_line].words[aged_ % words_a_line];
        word = word >> 1 & 0x7777'7777'7777'7777;
        aged_ = aged_ + 1 == words() ? 0 : aged_ + 1;
    }

    std::vector<Line> lines_;
    std::size_t const additions_a_word_;
    std::size_t additions_ = 0; // since the last word aged
    std::size_t aged_ = 0;      // the next word to age
};

} // namespace stages
