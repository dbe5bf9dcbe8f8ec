#include "stages/pattern_exchange.hpp"

#include <algorithm>
#include <cmath>

namespace stages {

namespace {

constexpr std::uint32_t tail_s = 60 * day_s; // half of what a tail looks back on
constexpr double tail_spread = 0.25;         // octaves: sums within a sixth of each other are alike
constexpr std::uint32_t pooled_windows = 250; // of three hours and all days
constexpr double important_bits = 10;         // more than needed: a thousand times rarer
constexpr double chosen_bits = 2;             // net and rest of a cluster: a quarter each
constexpr double chain_bits = 1;              // the chain's rest: half

double size_of(double amount) { return std::log2(1 + amount); }

} // namespace

ExchangeFlows::ExchangeFlows(ExchangeFlowOptions const& options)
    : options_(options)
    , flows_(clusters_max) {
    models_.reserve(clusters_max * lengths);
    tails_.reserve(clusters_max * lengths);
    for (std::size_t i = 0; i < clusters_max * lengths; ++i) {
        std::uint32_t const window_s = options.windows_s[i % lengths];
        models_.emplace_back(SeasonalOptions{.window_s = window_s,
                                             .warm_windows = options.warm_windows,
                                             .pool_min = pooled_windows});
        Tail const tail(tail_s / window_s, tail_spread);
        tails_.push_back({tail, tail});
        if (i < lengths) chain_.push_back(tail);
    }
}

void ExchangeFlows::on(Accounts const& accounts, Moved const& moved) {
    close_ended(moved.time_s);
    bool const out =
        moved.from != no_account && accounts[moved.from].exchange && leaving_kinds.has(moved.kind);
    bool const in =
        moved.to != no_account && accounts[moved.to].exchange && entering_kinds.has(moved.kind);
    if ((!out && !in) || within_cluster(accounts, moved)) return;
    if (out) {
        Flow* const flow = flow_of(accounts, accounts.cluster_of(moved.from));
        for (std::size_t i = 0; flow != nullptr && i < lengths; ++i) add(flow->open[i].out, moved);
    }
    if (in) {
        Flow* const flow = flow_of(accounts, accounts.cluster_of(moved.to));
        for (std::size_t i = 0; flow != nullptr && i < lengths; ++i) add(flow->open[i].in, moved);
    }
}

void ExchangeFlows::add(Direction& direction, Moved const& moved) {
    direction.sum = plus_saturated(direction.sum, moved.amount);
    ++direction.count;
    std::size_t at = direction.kept;
    while (at > 0 && direction.largest[at - 1].amount < moved.amount) --at;
    if (at == told_max) return;
    direction.kept = std::min<std::uint32_t>(direction.kept + 1, told_max);
    for (std::size_t i = direction.kept - 1; i > at; --i)
        direction.largest[i] = direction.largest[i - 1];
    direction.largest[at] = {moved.amount, moved.seq};
}

// By its index, which is most often right, else by its key: the exchange may have come back in
// another record.
ExchangeFlows::Flow* ExchangeFlows::flow_of(Accounts const& accounts, AccountIndex cluster) {
    decoders::Account const& key = accounts[cluster].key;
    for (std::uint32_t i = 0; i < counters_.used; ++i)
        if (counters_.cluster[i] == cluster && flows_[i].key == key) return &flows_[i];
    for (std::uint32_t i = 0; i < counters_.used; ++i) {
        if (!(flows_[i].key == key)) continue;
        counters_.cluster[i] = cluster;
        return &flows_[i];
    }
    if (counters_.used == clusters_max) {
        ++counters_.unfollowed;
        return nullptr;
    }
    counters_.cluster[counters_.used] = cluster;
    Flow& flow = flows_[counters_.used++];
    flow.key = key;
    for (std::size_t i = 0; i < lengths; ++i) flow.open[i] = {.begin_s = counters_.begin_s[i]};
    return &flow;
}

void ExchangeFlows::close(std::uint32_t time_s) {
    std::uint32_t next_s = std::numeric_limits<std::uint32_t>::max();
    for (std::size_t i = 0; i < lengths; ++i) {
        std::uint32_t const length_s = options_.windows_s[i];
        std::uint32_t const begin_s = time_s - time_s % length_s;
        next_s = std::min(next_s, begin_s + length_s);
        if (begin_s <= counters_.begin_s[i] && counters_.begin_s[i] != 0) continue;
        counters_.begin_s[i] = begin_s;
        for (Flow& flow : std::span(flows_).first(counters_.used)) {
            flow.ended[i] = flow.open[i];
            flow.ended[i].unjudged = true;
            flow.open[i] = {.begin_s = begin_s, .whole = true};
        }
        counters_.judged = 0;
    }
    counters_.close_s = next_s;
}

std::optional<Claim> ExchangeFlows::next() {
    while (counters_.judged < counters_.used * lengths) {
        std::size_t const at = counters_.judged++;
        Flow& flow = flows_[at / lengths];
        Window& window = flow.ended[at % lengths];
        if (!window.unjudged) continue;
        window.unjudged = false;
        if (auto const claim = told(counters_.cluster[at / lengths], window, at)) return claim;
    }
    learn_chain();
    return std::nullopt;
}

// When all clusters have been judged.
void ExchangeFlows::learn_chain() {
    for (std::size_t i = 0; i < lengths; ++i) {
        Largest& largest = counters_.largest[i];
        if (largest.windows > 0) chain_[i].learn(largest.rest, largest.told != 0);
        largest = {};
    }
}

double ExchangeFlows::bits_needed(std::size_t length) const {
    double const series = lengths * counters_.used;
    return std::log2(std::max(1.0, series * options_.once_in_s / options_.windows_s[length]));
}

// Of the best, on the scale of one of a cluster.
double ExchangeFlows::bits_of(double net, double rest, std::size_t at) const {
    double const of_chain = chain_[at % lengths].bits(rest);
    double const own = std::max(tails_[at].net.bits(net), tails_[at].rest.bits(rest));
    double const shared = of_chain > 0 ? of_chain + std::log2(counters_.used) + chain_bits : 0;
    return std::max(0.0, std::max(own, shared) - chosen_bits);
}

ExchangeFlows::Judged ExchangeFlows::judge(Window const& window, double net, double rest,
                                           std::size_t at) {
    Judged judged;
    if (!window.whole) return judged;
    Seasonal& model = models_[at];
    double const net_size = size_of(std::abs(net)), rest_size = size_of(rest);
    judged.bits = model.warm() ? bits_of(net_size, rest_size, at) : 0;
    if (judged.bits > 0 && judged.bits >= bits_needed(at % lengths)) {
        judged.ordinary = model.at(window.begin_s);
        judged.z = Seasonal::z(net, judged.ordinary);
        judged.unusual = std::abs(judged.z) >= options_.z;
    }
    bool const told = judged.unusual && options_.once_in_s > 0; // else who is told is not known
    model.learn(net, window.begin_s);
    tails_[at].net.learn(net_size, told);
    tails_[at].rest.learn(rest_size, told);
    Largest& largest = counters_.largest[at % lengths];
    if (largest.windows++ > 0 && rest_size < largest.rest) return judged;
    largest.rest = rest_size;
    largest.told = told;
    return judged;
}

std::optional<Claim> ExchangeFlows::told(AccountIndex of, Window const& window, std::size_t at) {
    std::size_t const length = at % lengths;
    bool const inward = window.in.sum >= window.out.sum;
    Direction const& direction = inward ? window.in : window.out;
    u128 const net = inward ? window.in.sum - window.out.sum : window.out.sum - window.in.sum;
    u128 const most = direction.largest[0].amount;
    u128 const rest = net > most ? net - most : 0;
    Judged const judged = judge(window, inward ? double(net) : -double(net), double(rest), at);
    bool const over = options_.floor && net >= *options_.floor;
    if (!judged.unusual && !over) return std::nullopt;
    double const needed = bits_needed(length);
    Claim claim;
    claim.subject = of;
    claim.severity =
        judged.bits >= needed + important_bits ? Severity::important : Severity::notable;
    claim.score_bits = judged.bits;
    claim.sum = net;
    std::array<MovedSeq, told_max> seqs{};
    for (std::size_t i = 0; i < direction.kept; ++i) seqs[i] = direction.largest[i].seq;
    std::sort(seqs.begin(), seqs.begin() + direction.kept, std::greater<>());
    for (std::size_t i = 0; i < direction.kept; ++i) claim.evidence.add_older(seqs[i]);
    claim.evidence.oldest_first();
    claim.evidence.all = direction.count;
    claim.details =
        details_text(R"("window_s":{},"net":"{}{}","z":{:.4g},"median":{:.4g},"mad":{:.4g},)"
                     R"("bits_needed":{:.4g},"over_floor":{})",
                     options_.windows_s[length], inward ? "" : "-", net, judged.z,
                     judged.ordinary.median, judged.ordinary.mad, needed, over);
    return claim;
}

std::size_t ExchangeFlows::warming() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < counters_.used * lengths; ++i) count += !models_[i].warm();
    return count;
}

} // namespace stages
