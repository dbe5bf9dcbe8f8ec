#include "stages/history_progress.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

double seconds(pipeline::Nanoseconds time) {
    return static_cast<double>(time) / static_cast<double>(pipeline::second);
}

std::uint32_t per_second(std::uint64_t count, pipeline::Nanoseconds time) {
    if (time == 0) return 0;
    return static_cast<std::uint32_t>(static_cast<double>(count) / seconds(time));
}

} // namespace

std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
    return text;
}

std::string HistoryProgress::begin(std::uint64_t left, std::uint32_t from, std::uint32_t to,
                                   pipeline::Nanoseconds now) {
    running_ = true;
    began_ = measured_at_ = now;
    next_line_ = now + line_interval;
    told_ = measured_told_ = 0;
    rate_ = 0;
    return fmt::format("catching up {} blocks, {} to {}", grouped(left), grouped(from),
                       grouped(to));
}

std::optional<std::string> HistoryProgress::line(std::uint64_t left, pipeline::Nanoseconds now) {
    if (!running_ || now < next_line_) return std::nullopt;
    next_line_ = now + line_interval;
    std::uint32_t const lately = rate(now);
    std::string text = fmt::format("{} blocks left, {} blocks/s", grouped(left), grouped(lately));
    if (lately > 0) text += fmt::format(", {} s to go", grouped(left / lately));
    return text;
}

std::string HistoryProgress::end(std::uint64_t missing, pipeline::Nanoseconds now) {
    running_ = false;
    std::string text = fmt::format("caught up: {} blocks in {:.1f} s, {} blocks/s", grouped(told_),
                                   seconds(now - began_), grouped(per_second(told_, now - began_)));
    if (missing > 0) text += fmt::format("; {} could not be had", grouped(missing));
    return text;
}

pipeline::Nanoseconds HistoryProgress::line_at() const {
    return running_ ? next_line_ : pipeline::never;
}

std::uint32_t HistoryProgress::rate(pipeline::Nanoseconds now) {
    if (now - measured_at_ < pipeline::second) return rate_;
    rate_ = per_second(told_ - measured_told_, now - measured_at_);
    measured_at_ = now;
    measured_told_ = told_;
    return rate_;
}

} // namespace stages
