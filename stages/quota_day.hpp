// How many requests were sent in the last 24 hours, by class: part of stages/quota.hpp.
//
// Counted in groups that began at least a minute apart. A group expires as a whole, a day and a
// minute after its last request: never too early, at most two minutes late.
//
// Pure, one thread; memory of `groups_max` groups is taken at construction. Times are signed
// milliseconds of the caller's clock, which never goes back (negative: before it began).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace stages {

class QuotaDay {
  public:
    static constexpr std::size_t classes = 3;
    static constexpr std::int64_t minute_ms = 60'000;
    static constexpr std::int64_t expires_ms = (24 * 60 + 1) * minute_ms;
    static constexpr std::size_t groups_max = 24 * 60 + 3;
    static constexpr std::int64_t unlimited_ms = INT64_MAX;

    struct Group {
        std::int64_t first_ms = 0, last_ms = 0;
        std::array<std::uint32_t, classes> sent{};
    };

    QuotaDay()
        : groups_(groups_max) {}

    void add(std::size_t index, std::int64_t now_ms);
    // A group of an earlier run, in the order they were sent.
    void add_group(Group const& group);

    // Of the classes from `lowest` on: 0 is all of them.
    std::uint64_t used(std::size_t lowest, std::int64_t now_ms) const;
    std::uint64_t used_since(std::size_t lowest, std::int64_t since_ms) const;
    // When fewer than `limit` of them count: INT64_MIN where it is so, unlimited_ms if never.
    std::int64_t free_at(std::size_t lowest, std::uint64_t limit, std::int64_t now_ms) const;
    // When `limit` will be met at so many a millisecond; unlimited_ms: it will not.
    std::int64_t full_at(std::uint64_t limit, double per_ms, std::int64_t now_ms) const;

    // What has not expired, the oldest first.
    std::size_t size() const { return size_; }
    Group const& group(std::size_t i) const { return groups_[(head_ + i) % groups_max]; }

  private:
    Group& newest() { return groups_[(head_ + size_ - 1) % groups_max]; }
    void forget(std::int64_t now_ms);
    // The first group that counts at this time.
    std::size_t first_valid(std::int64_t now_ms) const;

    std::vector<Group> groups_; // a ring
    std::size_t head_ = 0;
    std::size_t size_ = 0;
    std::array<std::uint64_t, classes> sums_{}; // of the ring
};

} // namespace stages
