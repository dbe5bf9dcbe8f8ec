#include "stages/pattern_coordination.hpp"

#include "stages/pattern_follow.hpp"
#include "stages/surprise.hpp"

#include <algorithm>
#include <cmath>

namespace stages {

namespace {

constexpr std::size_t sketch_width = 65'536;
constexpr std::uint64_t sketched_max = 65'536; // then everything is halved
constexpr double rates_max_s = 60.0 * day_s;   // the same for the rates
constexpr double prior_s = 2.0 * hour_s;
// Amounts whose logarithms to this base have the same whole part are one band.
constexpr double band_ratio = 1.01;

std::uint64_t mixed(std::uint64_t value) { // splitmix64's finisher
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

std::uint64_t account_hash(Accounts const& accounts, AccountIndex of, std::uint64_t kind) {
    return mixed(hash_of_key(accounts[of].key) + kind * 0x9e3779b97f4a7c15);
}

int band_of(u128 amount) {
    return static_cast<int>(std::log(static_cast<double>(amount)) / std::log(band_ratio));
}

std::uint64_t band_hash(int band, std::uint8_t direction) {
    return mixed(static_cast<std::uint64_t>(band + 16) << 8 | direction);
}

std::uint8_t direction_of(Accounts const& accounts, Moved const& moved) {
    bool const off_chain = moved.to == no_account;
    bool const from_exchange = accounts[moved.from].exchange;
    bool const to_exchange = !off_chain && accounts[moved.to].exchange;
    return static_cast<std::uint8_t>(off_chain << 2 | from_exchange << 1 | int{to_exchange});
}

std::uint32_t since(std::uint32_t now_s, std::uint32_t window_s) {
    return now_s > window_s ? now_s - window_s : 0;
}

} // namespace

Coordination::Coordination(CoordinationOptions const& options, std::size_t recent_max)
    : options_(options)
    , recent_(recent_max)
    , sketch_(sketch_width * 2) {
    CHECK(recent_max > 0 && options.windows_s[0] <= options.windows_s[1]);
}

std::optional<Claim> Coordination::on(Accounts const& accounts, MovementLog const& log,
                                      Moved const& moved) {
    if (moved.amount < options_.min || moved.amount == 0) return std::nullopt;
    if (moved.from == no_account || !sending_kinds.has(moved.kind)) return std::nullopt;
    if (within_cluster(accounts, moved)) return std::nullopt;
    Recent one{.amount = moved.amount,
               .seq = moved.seq,
               .time_s = moved.time_s,
               .from = moved.from,
               .to = moved.to,
               .direction = direction_of(accounts, moved)};
    find_roots(accounts, log, one);
    std::array<Factor, factors_max> factors;
    std::size_t const count = list_factors(accounts, one, factors);
    std::optional<Claim> claim;
    if (!warming()) {
        Found const found = test(accounts, one, std::span(factors).first(count));
        double const mean_rate = learned_.all_count / std::max(learned_.all_s, 1.0);
        double const needed = std::log2(std::max(1.0, mean_rate * options_.once_in_s));
        double const tests = static_cast<double>(count * options_.windows_s.size());
        if (found.factor != nullptr && found.bits - std::log2(tests) >= needed) {
            claim = claim_of(accounts, one, found, needed);
            claim->score_bits = found.bits - std::log2(tests);
        }
    }
    learn(accounts, one, std::span(factors).first(count));
    return claim;
}

// ---- factors -----------------------------------------------------------------------------------

void Coordination::add_funders(Accounts const& accounts, MovementLog const& log, AccountIndex of,
                               MovedSeq before, u128 amount, Recent& one,
                               std::array<MovedSeq, funders_max>* inflows) const {
    u128 const least = share_rounded_up(amount, root_share);
    AccountIndex const sender = accounts.cluster_of(one.from);
    std::size_t funders = 0;
    auto const look = [&](Moved const& inflow) {
        bool const counts = inflow.seq < before && inflow.amount >= least &&
                            inflow.from != no_account && sending_kinds.has(inflow.kind) &&
                            !accounts[inflow.from].exchange;
        if (!counts) return true;
        AccountIndex const root = accounts.cluster_of(inflow.from);
        if (root == sender) return true;
        if (inflows != nullptr) (*inflows)[funders] = inflow.seq;
        auto const known = std::span(one.roots).first(one.roots_count);
        if (std::ranges::find(known, root) == known.end() && one.roots_count < roots_max)
            one.roots[one.roots_count++] = root;
        return ++funders < funders_max;
    };
    log.received(accounts[of].received, since(one.time_s, day_s), inflows_max, look);
}

void Coordination::find_roots(Accounts const& accounts, MovementLog const& log, Recent& one) const {
    if (accounts[one.from].exchange) return;
    std::array<MovedSeq, funders_max> inflows{};
    add_funders(accounts, log, one.from, one.seq, one.amount, one, &inflows);
    for (MovedSeq const seq : inflows) {
        MovementLog::Entry const* const entry = log.find(seq);
        if (entry == nullptr) break;
        Moved const& inflow = entry->moved;
        add_funders(accounts, log, inflow.from, inflow.seq, inflow.amount, one, nullptr);
    }
}

std::size_t Coordination::list_factors(Accounts const& accounts, Recent const& one,
                                       std::span<Factor, factors_max> factors) const {
    std::size_t count = 0;
    if (one.to != no_account) {
        factors[count].kind = FactorKind::receiver;
        factors[count++].account = accounts.cluster_of(one.to);
    }
    u128 const apart = share_rounded_up(one.amount, options_.amounts_within);
    factors[count].kind = FactorKind::amounts;
    factors[count].direction = one.direction;
    factors[count].least = one.amount - apart;
    factors[count++].most = plus_saturated(one.amount, apart);
    for (std::size_t i = 0; i < one.roots_count; ++i) {
        factors[count].kind = FactorKind::root;
        factors[count++].account = one.roots[i];
    }
    AccountIndex const sender = accounts.cluster_of(one.from);
    for (std::size_t i = 0; i < count; ++i) {
        factors[i].clusters = 1;
        factors[i].senders[0] = sender;
    }
    return count;
}

bool Coordination::shares(Accounts const& accounts, Factor const& factor,
                          Recent const& other) const {
    if (factor.kind == FactorKind::receiver)
        return other.to != no_account && accounts.cluster_of(other.to) == factor.account;
    if (factor.kind == FactorKind::amounts)
        return other.direction == factor.direction && factor.least <= other.amount &&
               other.amount <= factor.most;
    auto const roots = std::span(other.roots).first(other.roots_count);
    return std::ranges::find(roots, factor.account) != roots.end();
}

// ---- the test ----------------------------------------------------------------------------------

Coordination::Found Coordination::test(Accounts const& accounts, Recent const& one,
                                       std::span<Factor> factors) const {
    Found best;
    std::uint32_t all = 0;
    bool short_weighed = false;
    auto const weigh_all = [&](std::uint32_t window_s) {
        for (Factor const& factor : factors)
            if (factor.clusters >= options_.clusters)
                weigh(one, factor, window_s, all, accounts, best);
    };
    walk(since(one.time_s, options_.windows_s[1]), [&](Recent const& other) {
        if (!short_weighed && other.time_s < since(one.time_s, options_.windows_s[0])) {
            weigh_all(options_.windows_s[0]);
            short_weighed = true;
        }
        AccountIndex const sender = accounts.cluster_of(other.from);
        if (other.to != no_account && accounts.cluster_of(other.to) == sender) return;
        ++all;
        for (Factor& factor : factors) {
            if (!shares(accounts, factor, other)) continue;
            ++factor.sharing;
            auto const known = std::span(factor.senders).first(factor.clusters);
            if (factor.clusters < senders_max && std::ranges::find(known, sender) == known.end())
                factor.senders[factor.clusters++] = sender;
        }
    });
    if (!short_weighed) weigh_all(options_.windows_s[0]);
    weigh_all(options_.windows_s[1]);
    return best;
}

// all: movements of the window before `one`.
void Coordination::weigh(Recent const& one, Factor const& factor, std::uint32_t window_s,
                         std::uint32_t all, Accounts const& accounts, Found& best) const {
    double const expected_all =
        std::max(rate_per_s(one.time_s) * window_s, double(all - factor.sharing));
    double const before = std::max(1.0, double(learned_.sketched) - all);
    double const sharing =
        std::max(0.0, sharing_before(accounts, one, factor) - double(factor.sharing));
    auto const seen = static_cast<std::uint64_t>(sharing) + 1;
    double const bits = gamma_poisson_bits(factor.clusters - 1, expected_all, seen, before);
    if (best.factor != nullptr && bits <= best.bits) return;
    best = {bits, expected_all * (double(seen) + 0.5) / before, factor.clusters, window_s, &factor};
}

Claim Coordination::claim_of(Accounts const& accounts, Recent const& one, Found const& found,
                             double needed) const {
    Factor const& factor = *found.factor;
    Claim claim;
    claim.severity =
        found.clusters >= options_.critical_clusters ? Severity::critical : Severity::important;
    claim.sum = one.amount;
    claim.evidence.add_older(one.seq);
    AccountIndex first = accounts.cluster_of(one.from);
    walk(since(one.time_s, found.window_s), [&](Recent const& other) {
        AccountIndex const sender = accounts.cluster_of(other.from);
        if (other.to != no_account && accounts.cluster_of(other.to) == sender) return;
        if (!shares(accounts, factor, other)) return;
        claim.evidence.add_older(other.seq);
        claim.sum = plus_saturated(claim.sum, other.amount);
        first = sender;
    });
    claim.evidence.oldest_first();
    claim.subject = factor.kind == FactorKind::amounts ? first : factor.account;
    constexpr char const* names[] = {"receiver", "amounts", "root"};
    claim.details = details_text(
        R"("factor":"{}","clusters":{},"window_s":{},"expected":{:.4g},"bits_needed":{:.4g})",
        names[static_cast<std::size_t>(factor.kind)], found.clusters, found.window_s,
        found.expected, needed);
    return claim;
}

// ---- what is learned ---------------------------------------------------------------------------

double Coordination::rate_per_s(std::uint32_t time_s) const {
    std::size_t const hour = time_s / hour_s % 24;
    double const mean = learned_.all_count / std::max(learned_.all_s, 1.0);
    return (learned_.count[hour] + mean * prior_s) / (learned_.time_s[hour] + prior_s);
}

double Coordination::sharing_before(Accounts const& accounts, Recent const& one,
                                    Factor const& factor) const {
    if (factor.kind != FactorKind::amounts)
        return sketch_count(
            account_hash(accounts, factor.account, static_cast<std::uint64_t>(factor.kind)));
    double sum = 0; // of every band the range touches: rather too many
    int const last = band_of(factor.most);
    for (int band = band_of(std::max<u128>(factor.least, 1)); band <= last; ++band)
        sum += sketch_count(band_hash(band, one.direction));
    return sum;
}

std::uint32_t Coordination::sketch_count(std::uint64_t hash) const {
    return std::min(sketch_[hash % sketch_width],
                    sketch_[sketch_width + (hash >> 32) % sketch_width]);
}

void Coordination::sketch_add(std::uint64_t hash) {
    ++sketch_[hash % sketch_width];
    ++sketch_[sketch_width + (hash >> 32) % sketch_width];
}

void Coordination::learn(Accounts const& accounts, Recent const& one,
                         std::span<Factor const> factors) {
    if (learned_.sketched == sketched_max) {
        for (std::uint32_t& count : sketch_) count = (count + 1) / 2;
        learned_.sketched /= 2;
    }
    for (Factor const& factor : factors)
        sketch_add(
            factor.kind == FactorKind::amounts
                ? band_hash(band_of(one.amount), one.direction)
                : account_hash(accounts, factor.account, static_cast<std::uint64_t>(factor.kind)));
    ++learned_.sketched;
    learned_.count[one.time_s / hour_s % 24] += 1;
    learned_.all_count += 1;
    recent_[learned_.pushed++ % recent_.size()] = one;
}

void Coordination::at_block(std::uint32_t time_s) {
    if (learned_.last_s == 0) learned_.last_s = time_s;
    while (learned_.last_s < time_s) { // hour by hour
        std::uint32_t const left_s = hour_s - learned_.last_s % hour_s;
        std::uint32_t const part_s = std::min(left_s, time_s - learned_.last_s);
        learned_.time_s[learned_.last_s / hour_s % 24] += part_s;
        learned_.all_s += part_s;
        learned_.observed_s += part_s;
        learned_.last_s += part_s;
    }
    if (learned_.all_s < rates_max_s) return;
    for (double& count : learned_.count) count /= 2;
    for (double& seconds : learned_.time_s) seconds /= 2;
    learned_.all_count /= 2;
    learned_.all_s /= 2;
}

} // namespace stages
