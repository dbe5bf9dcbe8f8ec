// What the tests of the traffic count with: distances of distributions, and a ledger that is
// replayed from the stream alone. Written apart from the generator.
#pragma once

#include "tests/traffic/traffic.hpp"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <string>
#include <unordered_map>
#include <vector>

namespace traffic {

// Every statistic below is held against what ordinary chance exceeds once in 10,000 (the seeds are
// fixed, so a test passes always or never).
inline constexpr double once_in = 1e-4;

// sqrt(n) times the largest distance between the sample and a continuous distribution. Of its
// limit P(K > x) = 2 exp(-2 x^2) to four digits here (Kolmogorov 1933): 1e-4 at 2.226.
inline constexpr double ks_bound = 2.226;
template <class Cdf>
double ks_statistic(std::vector<double> sample, Cdf const& cdf) {
    std::ranges::sort(sample);
    auto const n = static_cast<double>(sample.size());
    double worst = 0;
    for (std::size_t i = 0; i < sample.size(); ++i) {
        double const p = cdf(sample[i]);
        worst =
            std::max({worst, (static_cast<double>(i) + 1) / n - p, p - static_cast<double>(i) / n});
    }
    return worst * std::sqrt(n);
}

// P(chi-square >= what was seen); cells of fewer than five expected are joined with the next.
inline double chi_square_p(std::vector<double> const& seen, std::vector<double> const& expected) {
    double sum = 0, cell_seen = 0, cell_expected = 0;
    int cells = 0;
    for (std::size_t i = 0; i < seen.size(); ++i) {
        cell_seen += seen[i];
        cell_expected += expected[i];
        if (cell_expected < 5) continue;
        sum += (cell_seen - cell_expected) * (cell_seen - cell_expected) / cell_expected;
        ++cells;
        cell_seen = cell_expected = 0;
    }
    boost::math::chi_squared const distribution(cells - 1);
    return boost::math::cdf(boost::math::complement(distribution, sum));
}

inline std::string name_of(Account const& account) {
    return {reinterpret_cast<char const*>(account.key), account.size};
}

// Balances by key, from the genesis and the movements alone.
struct Ledger {
    std::unordered_map<std::string, u128> balances;
    u128 minted = 0, withdrawn = 0;
    std::size_t overdrawn = 0; // movements of more than there was

    explicit Ledger(std::vector<Holding> const& genesis) {
        for (Holding const& one : genesis) balances[name_of(one.key)] = one.total;
    }
    u128 of(Account const& account) const {
        auto const found = balances.find(name_of(account));
        return found == balances.end() ? 0 : found->second;
    }
    void take(Account const& from, u128 amount) {
        u128& balance = balances[name_of(from)];
        overdrawn += balance < amount ? 1 : 0;
        balance -= amount;
    }
    void play(Movement const& one) {
        if (one.kind == MovementKind::transfer || one.kind == MovementKind::withdraw) {
            take(one.from, one.amount);
        }
        if (one.kind == MovementKind::transfer || one.kind == MovementKind::mint) {
            balances[name_of(one.to)] += one.amount;
        }
        if (one.kind == MovementKind::mint) minted += one.amount;
        if (one.kind == MovementKind::withdraw) withdrawn += one.amount;
    }
    u128 sum() const {
        u128 all = 0;
        for (auto const& [key, balance] : balances) all += balance;
        return all;
    }
};

inline double in_tokens(u128 amount) { return static_cast<double>(amount) / 1e10; }

} // namespace traffic
