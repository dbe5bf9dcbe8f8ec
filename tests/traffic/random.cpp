#include "tests/traffic/random.hpp"

#include "pipeline/types.hpp"

#include <bit>
#include <cmath>

namespace traffic {

double ln(double x) {
    // x = m * 2^e with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh(s), s = (m - 1) / (m + 1).
    auto bits = std::bit_cast<std::uint64_t>(x);
    auto exponent = static_cast<int>(bits >> 52U) - 1023;
    double m = std::bit_cast<double>((bits & 0x000fffffffffffffU) | 0x3ff0000000000000U);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        ++exponent;
    }
    double const s = (m - 1) / (m + 1);
    double const square = s * s;
    constexpr double terms[] = {1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13,
                                1.0 / 11, 1.0 / 9,  1.0 / 7,  1.0 / 5,  1.0 / 3,  1.0};
    double sum = 0;
    for (double const term : terms) sum = sum * square + term;
    return 2 * s * sum + exponent * 0.6931471805599453;
}

double exp_of(double x) {
    // x = k ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, so that r is exact.
    if (x < -700) return 0;
    double const k = std::floor(x * 1.4426950408889634 + 0.5);
    double const r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
    constexpr double inverses[] = {1.0 / 14, 1.0 / 13, 1.0 / 12, 1.0 / 11, 1.0 / 10,
                                   1.0 / 9,  1.0 / 8,  1.0 / 7,  1.0 / 6,  1.0 / 5,
                                   1.0 / 4,  1.0 / 3,  1.0 / 2,  1.0};
    double sum = 1;
    for (double const inverse : inverses) sum = 1 + sum * r * inverse;
    auto const power = static_cast<std::uint64_t>(static_cast<int>(k) + 1023) << 52U;
    return sum * std::bit_cast<double>(power);
}

std::uint32_t Random::below(std::uint32_t limit) {
    auto const product = static_cast<pipeline::u128>(bits_()) * limit;
    return static_cast<std::uint32_t>(product >> 64U);
}

std::uint32_t Random::poisson(double exp_of_minus_mean) {
    std::uint32_t count = 0;
    for (double product = unit(); product > exp_of_minus_mean; product *= unit()) ++count;
    return count;
}

double Random::normal() {
    if (has_spare_) {
        has_spare_ = false;
        return spare_;
    }
    double x = 0, y = 0, square = 0;
    do {
        x = 2 * unit() - 1;
        y = 2 * unit() - 1;
        square = x * x + y * y;
    } while (square >= 1 || square == 0);
    double const scale = std::sqrt(-2 * ln(square) / square); // IEEE 754 fixes sqrt
    spare_ = y * scale;
    has_spare_ = true;
    return x * scale;
}

double Random::gamma(double shape, double scale) {
    if (shape < 1) {
        double const boost = exp_of(ln(unit()) / shape);
        return gamma(shape + 1, scale) * boost;
    }
    double const d = shape - 1.0 / 3;
    double const c = 1 / std::sqrt(9 * d);
    for (;;) {
        double const x = normal();
        double const cube_root = 1 + c * x;
        if (cube_root <= 0) continue;
        double const v = cube_root * cube_root * cube_root;
        if (ln(unit()) < 0.5 * x * x + d - d * v + d * ln(v)) return d * v * scale;
    }
}

AliasTable::AliasTable(std::span<double const> weights)
    : slots_(weights.size()) {
    double sum = 0;
    for (double const weight : weights) sum += weight;
    std::vector<double> share(weights.size());
    std::vector<std::uint32_t> poor, rich;
    for (std::uint32_t i = 0; i < weights.size(); ++i) {
        share[i] = weights[i] * static_cast<double>(weights.size()) / sum;
        (share[i] < 1 ? poor : rich).push_back(i);
    }
    while (!poor.empty() && !rich.empty()) {
        auto const from = poor.back(), to = rich.back();
        poor.pop_back();
        slots_[from] = {share[from], to};
        share[to] -= 1 - share[from];
        if (share[to] < 1) {
            rich.pop_back();
            poor.push_back(to);
        }
    }
}

} // namespace traffic
