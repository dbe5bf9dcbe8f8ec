#include "tests/traffic/tools.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

namespace traffic {

namespace {

bool share_account(Movement const& a, Movement const& b) {
    auto const same = [](Account const& x, Account const& y) { return x.size != 0 && x == y; };
    return same(a.from, b.from) || same(a.from, b.to) || same(a.to, b.from) || same(a.to, b.to);
}

// Draws the next one of those that wait for none of the others.
void permute(std::vector<Movement>& movements, Random& random) {
    std::vector<Movement> left = std::move(movements);
    movements.clear();
    std::vector<std::size_t> ready;
    while (!left.empty()) {
        ready.clear();
        for (std::size_t i = 0; i < left.size(); ++i) {
            auto const before = std::span(left).first(i);
            if (std::ranges::none_of(
                    before, [&](auto const& one) { return share_account(one, left[i]); })) {
                ready.push_back(i);
            }
        }
        auto const one = ready[random.below(static_cast<std::uint32_t>(ready.size()))];
        movements.push_back(left[one]);
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(one));
    }
}

double median_of(std::vector<double>& values) {
    if (values.empty()) return 0;
    auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

Usual usual(Options const& options, std::uint32_t window_s, std::uint32_t windows,
            std::function<double(Movement const&)> const& value) {
    Traffic traffic(options);
    std::vector<double> sums(windows, 0.0);
    for (;;) {
        Block const& block = traffic.next();
        auto const window = (block.time_s - options.start_s) / window_s;
        if (window >= windows) break;
        for (Movement const& one : block.movements) {
            if (one.kind == MovementKind::transfer) sums[window] += value(one);
        }
    }
    Usual answer;
    answer.median = median_of(sums);
    for (double& sum : sums) sum = std::abs(sum - answer.median);
    answer.mad = median_of(sums);
    return answer;
}

double in_tokens(u128 amount) {
    return static_cast<double>(amount) / static_cast<double>(planck_a_token);
}

struct ByKey {
    bool operator()(Account const& a, Account const& b) const {
        return std::memcmp(a.key, b.key, sizeof a.key) < 0;
    }
};

} // namespace

std::vector<Block> taken(Traffic& traffic, std::size_t movements) {
    std::vector<Block> stream;
    for (std::size_t count = 0; count < movements;) {
        Block const& block = traffic.next();
        count += block.movements.size();
        if (!block.movements.empty()) stream.push_back(block);
    }
    return stream;
}

std::vector<Block> permuted_order(std::vector<Block> stream, std::uint64_t seed) {
    Random random(mixed(seed));
    for (Block& block : stream) {
        if (block.movements.size() > 1) permute(block.movements, random);
    }
    return stream;
}

Account renamed(Account key, std::uint64_t seed) {
    for (std::size_t i = 0; i < key.size; ++i) {
        key.key[i] ^= static_cast<std::uint8_t>(mixed(mixed(seed) + i / 8) >> (i % 8 * 8));
    }
    return key;
}

std::vector<Block> renamed(std::vector<Block> stream, std::uint64_t seed) {
    for (Block& block : stream) {
        for (Movement& one : block.movements) {
            one.from = renamed(one.from, seed);
            one.to = renamed(one.to, seed);
        }
    }
    return stream;
}

std::vector<Account> permuted_accounts(std::vector<Block> const& stream, std::uint64_t seed) {
    std::set<Account, ByKey> all;
    for (Block const& block : stream) {
        for (Movement const& one : block.movements) {
            if (one.from) all.insert(one.from);
            if (one.to) all.insert(one.to);
        }
    }
    std::vector<Account> accounts(all.begin(), all.end());
    Random random(mixed(seed));
    for (std::size_t i = accounts.size(); i > 1; --i) { // Fisher, Yates
        std::swap(accounts[i - 1], accounts[random.below(static_cast<std::uint32_t>(i))]);
    }
    return accounts;
}

Usual usual_volume(Options const& options, std::uint32_t window_s, std::uint32_t windows) {
    return usual(options, window_s, windows, [](auto const& one) { return in_tokens(one.amount); });
}

Usual usual_net_flow(Options const& options, std::uint32_t exchange, std::uint32_t window_s,
                     std::uint32_t windows) {
    Traffic const same(options); // the same keys
    Exchange const& of = same.exchanges()[exchange];
    std::set<Account, ByKey> accounts{same.key(of.hot)};
    for (AccountId i = 0; i < of.deposits; ++i) accounts.insert(same.key(of.first_deposit + i));
    return usual(options, window_s, windows, [&](Movement const& one) {
        double const amount = in_tokens(one.amount);
        return (accounts.contains(one.to) ? amount : 0) -
               (accounts.contains(one.from) ? amount : 0);
    });
}

} // namespace traffic
