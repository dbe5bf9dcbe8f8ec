#include "stages/stretches.hpp"

#include <algorithm>

namespace stages {

std::vector<Stretch> tidied(std::span<Stretch const> stretches) {
    std::vector<Stretch> out;
    for (Stretch const& one : stretches)
        if (one.from <= one.to) out.push_back(one);
    std::ranges::sort(out, {}, &Stretch::from);
    std::size_t last = 0;
    for (std::size_t i = 1; i < out.size(); ++i) {
        std::uint64_t const behind = std::uint64_t{out[last].to} + 1;
        if (out[i].from <= behind)
            out[last].to = std::max(out[last].to, out[i].to);
        else
            out[++last] = out[i];
    }
    if (!out.empty()) out.resize(last + 1);
    return out;
}

void subtract(std::vector<Stretch>& from, Stretch const& what) {
    std::vector<Stretch> left;
    left.reserve(from.size() + 1);
    for (Stretch const& one : from) {
        if (one.to < what.from || one.from > what.to) {
            left.push_back(one);
            continue;
        }
        if (one.from < what.from) left.push_back({one.from, what.from - 1});
        if (one.to > what.to) left.push_back({what.to + 1, one.to});
    }
    from = std::move(left);
}

bool contains(std::span<Stretch const> stretches, std::uint32_t number) {
    return std::ranges::any_of(
        stretches, [&](Stretch const& one) { return one.from <= number && number <= one.to; });
}

std::uint64_t blocks_in(std::span<Stretch const> stretches) {
    std::uint64_t sum = 0;
    for (Stretch const& one : stretches) sum += std::uint64_t{one.to} - one.from + 1;
    return sum;
}

} // namespace stages
