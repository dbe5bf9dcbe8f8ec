// How far a catch-up is, in words: one line when it begins, one every ten seconds, one at its end.
// Pure; one thread; times are monotonic.
#pragma once

#include "pipeline/types.hpp"

#include <optional>
#include <string>

namespace stages {

// 1234567 -> "1,234,567".
std::string grouped(std::uint64_t number);

class HistoryProgress {
  public:
    static constexpr pipeline::Nanoseconds line_interval = 10 * pipeline::second;

    bool running() const { return running_; }
    // "catching up 12,345 blocks, 1,000 to 13,344"
    std::string begin(std::uint64_t left, std::uint32_t from, std::uint32_t to,
                      pipeline::Nanoseconds now);
    void told() { ++told_; }
    // "8,000 blocks left, 2,000 blocks/s, 4 s to go": when it is time for the next line.
    std::optional<std::string> line(std::uint64_t left, pipeline::Nanoseconds now);
    // "caught up: 12,345 blocks in 6.2 s, 2,000 blocks/s"
    std::string end(std::uint64_t missing, pipeline::Nanoseconds now);

    pipeline::Nanoseconds line_at() const;         // `never` while nothing runs
    std::uint32_t rate(pipeline::Nanoseconds now); // blocks a second, lately

  private:
    bool running_ = false;
    pipeline::Nanoseconds began_ = 0;
    pipeline::Nanoseconds next_line_ = 0;
    std::uint64_t told_ = 0;
    pipeline::Nanoseconds measured_at_ = 0; // where the rate was measured last
    std::uint64_t measured_told_ = 0;
    std::uint32_t rate_ = 0;
};

} // namespace stages
