// Poisson tails are incomplete gamma functions, binomial and negative binomial ones incomplete beta
// functions (DLMF 8.4.10, 8.17.5). Both are a density, worked out without cancellation (Loader,
// Fast and Accurate Computation of Binomial Probabilities, 2000), times a series or continued
// fraction (DLMF 8.11.4, 8.9.2, 8.17.22) of some 10 sqrt(n) steps at most. Where both shapes exceed
// `large`, the first terms of Temme's uniform expansion take its place (DLMF 8.12, 8.18.9).
//
// Error of the bits: below 1e-12 of them or 1e-12, whichever is more; under Temme's 1e-7.
// Steps: at most 20,000, near the median of shapes near `large`; a few dozen in the far tail.
#include "stages/surprise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace stages {

namespace {

constexpr double large = 1e6;
constexpr double tiny = 1e-300; // in place of a zero denominator (modified Lentz)
constexpr double enough = 1e-16;
constexpr int steps_max = 20'000;

double bits_of(double log_p) {
    if (std::isnan(log_p)) return 0;
    return std::clamp(-log_p / std::numbers::ln2, 0.0, std::numeric_limits<double>::max());
}

double log_complement(double log_p) { return std::log1p(-std::exp(std::min(log_p, 0.0))); }

// exp(w^2) erfc(w), w >= 0 (DLMF 7.12.1).
double scaled_erfc(double w) {
    if (w < 10) return std::exp(w * w) * std::erfc(w);
    double const u = 0.5 / w / w;
    double term = 1, sum = 1;
    for (int k = 1; k <= 12; ++k) sum += term *= -(2 * k - 1) * u;
    return sum / w / std::sqrt(std::numbers::pi);
}

// log n! - ((n + 1/2) log n - n + log(2 pi) / 2), n > 0.
double stirling_error(double n) {
    if (n < 15) { // n! = (n + k)! / ((n + 1) … (n + k))
        double up = n, product = 1;
        while (up < 15) product *= ++up;
        double const main = (up + 0.5) * std::log(up) - up - ((n + 0.5) * std::log(n) - n);
        return stirling_error(up) + main - std::log(product);
    }
    double const s = 1 / (n * n);
    double const tail = 1.0 / 1188 - s * 691 / 360'360;
    return (1.0 / 12 - s * (1.0 / 360 - s * (1.0 / 1260 - s * (1.0 / 1680 - s * tail)))) / n;
}

// x log(x / mean) + mean - x >= 0.
double deviance(double x, double mean) {
    double const v = (x - mean) / (x + mean);
    if (std::abs(v) >= 0.1) return x * (std::log(x) - std::log(mean)) + mean - x;
    double sum = (x - mean) * v, power = 2 * x * v;
    for (int k = 3; k < 40; k += 2) {
        double const before = sum;
        sum += (power *= v * v) / k;
        if (sum == before) break;
    }
    return sum;
}

// log of mean^a exp(-mean) / a!
double log_poisson_density(double a, double mean) {
    return -stirling_error(a) - deviance(a, mean) - 0.5 * std::log(2 * std::numbers::pi * a);
}

// log of (a + b)! / (a! b!) x^a y^b, x + y = 1.
double log_binomial_density(double a, double b, double x, double y) {
    double const n = a + b;
    double const errors = stirling_error(n) - stirling_error(a) - stirling_error(b);
    double const far = deviance(a, n * x) + deviance(b, n * y);
    return errors - far - 0.5 * (std::log(2 * std::numbers::pi) + std::log(a) + std::log(b / n));
}

// ---- incomplete gamma --------------------------------------------------------------------------

// 1 + x / (a + 1) + x^2 / ((a + 1) (a + 2)) + …, x < a + 1
double gamma_series(double a, double x) {
    double term = 1, sum = 1;
    for (int k = 1; k < steps_max && term > sum * enough; ++k) sum += term *= x / (a + k);
    return sum;
}

// 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / …)), x > a + 1
double gamma_fraction(double a, double x) {
    double b = x + 1 - a, c = 1 / tiny, d = 1 / b, value = d;
    for (int k = 1; k < steps_max; ++k) {
        double const numerator = -k * (k - a);
        b += 2;
        d = numerator * d + b;
        c = b + numerator / c;
        if (std::abs(d) < tiny) d = tiny;
        if (std::abs(c) < tiny) c = tiny;
        d = 1 / d;
        value *= c * d;
        if (std::abs(c * d - 1) < enough) break;
    }
    return value;
}

// log of the smaller side: exp(-far) (erfcx(sqrt(far)) / 2 + correction).
double log_uniform_tail(double far, double correction) {
    return -far + std::log(scaled_erfc(std::sqrt(far)) / 2 + correction);
}

double log_lower_gamma_large(double a, double x) {
    double const far = deviance(a, x);
    double const eta = std::copysign(std::sqrt(2 * far / a), x - a);
    double const c0 = std::abs(eta) < 1e-4 ? -1.0 / 3 + eta / 12 : a / (x - a) - 1 / eta;
    double const term = c0 / std::sqrt(2 * std::numbers::pi * a);
    if (x < a) return log_uniform_tail(far, -term);
    return log_complement(log_uniform_tail(far, term));
}

// log P(a, x): of `a` or more Poisson events of mean x.
double log_lower_gamma(double a, double x) {
    if (a > large) return log_lower_gamma_large(a, x);
    double const density = log_poisson_density(a, x);
    if (x < a + 1) return density + std::log(gamma_series(a, x));
    return log_complement(density + std::log(a) + std::log(gamma_fraction(a, x)));
}

// ---- incomplete beta ---------------------------------------------------------------------------

double beta_fraction(double a, double b, double x) {
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    if (std::abs(d) < tiny) d = tiny;
    d = 1 / d;
    double value = d;
    auto const step = [&](double numerator) {
        d = 1 + numerator * d;
        c = 1 + numerator / c;
        if (std::abs(d) < tiny) d = tiny;
        if (std::abs(c) < tiny) c = tiny;
        d = 1 / d;
        value *= c * d;
        return std::abs(c * d - 1) < enough;
    };
    for (int k = 1; k < steps_max; ++k) {
        double const even = a + 2 * k;
        step(k * (b - k) / (even - 1) * x / even);
        if (step(-(a + k) / even * (a + b + k) / (even + 1) * x)) break;
    }
    return value;
}

double log_beta_large(double a, double b, double x, double y) {
    double const n = a + b, x0 = a / n, y0 = b / n;
    double const far = deviance(a, n * x) + deviance(b, n * y);
    double const apart = x < y ? x - x0 : y0 - y;
    double const eta = std::copysign(std::sqrt(2 * far / n), apart);
    double const width = std::sqrt(x0 * y0);
    double const c0 = std::abs(eta) < 1e-4 ? (x0 - y0) / (3 * width) : 1 / eta - width / apart;
    double const term = c0 / std::sqrt(2 * std::numbers::pi * n);
    if (apart < 0) return log_uniform_tail(far, term);
    return log_complement(log_uniform_tail(far, -term));
}

// log I_x(a, b), x + y = 1.
double log_beta(double a, double b, double x, double y) {
    if (std::min(a, b) > large) return log_beta_large(a, b, x, y);
    double const n = a + b;
    double const density = log_binomial_density(a, b, x, y);
    if (x < (a + 1) / (n + 2)) return density + std::log(b / n) + std::log(beta_fraction(a, b, x));
    return log_complement(density + std::log(a / n) + std::log(beta_fraction(b, a, y)));
}

} // namespace

double poisson_bits(std::uint64_t count, double mean) {
    if (count == 0 || !(mean > 0)) return 0;
    return bits_of(log_lower_gamma(static_cast<double>(count), mean));
}

double silence_bits(std::uint64_t events, double observed, double silence) {
    if (!(observed > 0) || !(silence > 0)) return 0;
    return bits_of(-(static_cast<double>(events) + 0.5) * std::log1p(silence / observed));
}

double gamma_poisson_bits(std::uint64_t count, double time, std::uint64_t events, double observed) {
    if (count == 0 || !(time > 0) || !(observed > 0)) return 0;
    double const all = time + observed;
    return bits_of(log_beta(static_cast<double>(count), static_cast<double>(events) + 0.5,
                            time / all, observed / all));
}

double normal_bits(double z) {
    double const w = std::abs(z) / std::numbers::sqrt2;
    if (w < 10) return bits_of(std::log(std::erfc(w)));
    return bits_of(-w * w + std::log(scaled_erfc(w)));
}

double binomial_bits(std::uint64_t hits, std::uint64_t tries, double p) {
    if (hits == 0 || !(p > 0) || !(p < 1)) return 0;
    if (hits > tries) return std::numeric_limits<double>::max();
    if (hits == tries) return bits_of(static_cast<double>(hits) * std::log(p));
    double const beyond = static_cast<double>(tries - hits) + 1;
    return bits_of(log_beta(static_cast<double>(hits), beyond, p, 1 - p));
}

} // namespace stages
