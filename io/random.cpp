#include "io/random.hpp"

#include "pipeline/check.hpp"

#include <sys/random.h>

#include <algorithm>

namespace io {

void Random::fill(pipeline::MutableBytes bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
        std::uint64_t const word = next();
        std::memcpy(bytes.data() + at, &word, std::min(sizeof word, bytes.size() - at));
    }
}

std::uint64_t Random::up_to(std::uint64_t bound) {
    // The high half of a 64x64 product: a bias below 2^-64 * bound, far under what jitter can show.
    pipeline::u128 const product = pipeline::u128{next()} * (pipeline::u128{bound} + 1);
    return static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t SystemRandom::next() {
    std::uint64_t word = 0;
    // Up to 256 bytes are never cut short once the pool is initialised (getrandom(2)).
    CHECK(getrandom(&word, sizeof word, 0) == static_cast<ssize_t>(sizeof word));
    return word;
}

std::uint64_t SeededRandom::next() {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

} // namespace io
