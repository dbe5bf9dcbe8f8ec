#include "stages/pattern_exchange.hpp"

#include "stages/surprise.hpp"

#include <algorithm>

namespace stages {

ExchangeFlows::ExchangeFlows(ExchangeFlowOptions const& options)
    : options_(options)
    , flows_(clusters_max) {
    models_.reserve(clusters_max * lengths);
    for (std::size_t i = 0; i < clusters_max * lengths; ++i) {
        std::uint32_t const window_s = options.windows_s[i % lengths];
        models_.emplace_back(
            SeasonalOptions{.window_s = window_s, .warm_windows = options.warm_windows});
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
        if (auto const claim =
                judge(counters_.cluster[at / lengths], window, at % lengths, models_[at]))
            return claim;
    }
    return std::nullopt;
}

std::optional<Claim> ExchangeFlows::judge(AccountIndex of, Window const& window, std::size_t length,
                                          Seasonal& model) const {
    bool const inward = window.in.sum >= window.out.sum;
    Direction const& direction = inward ? window.in : window.out;
    u128 const net = inward ? window.in.sum - window.out.sum : window.out.sum - window.in.sum;
    double const value = inward ? double(net) : -double(net);
    double z = 0;
    Seasonal::Ordinary ordinary;
    if (window.whole) {
        if (model.warm()) {
            ordinary = model.at(window.begin_s);
            if (ordinary.mad > 0) z = Seasonal::z(value, ordinary);
        }
        model.learn(value, window.begin_s);
    }
    bool const unusual = std::abs(z) >= options_.z;
    bool const over = options_.floor && net >= *options_.floor;
    if (!unusual && !over) return std::nullopt;
    Claim claim;
    claim.subject = of;
    claim.severity = std::abs(z) >= 2 * options_.z ? Severity::important : Severity::notable;
    claim.score_bits = z != 0 ? normal_bits(z) : 0;
    claim.sum = net;
    std::array<MovedSeq, told_max> seqs{};
    for (std::size_t i = 0; i < direction.kept; ++i) seqs[i] = direction.largest[i].seq;
    std::sort(seqs.begin(), seqs.begin() + direction.kept, std::greater<>());
    for (std::size_t i = 0; i < direction.kept; ++i) claim.evidence.add_older(seqs[i]);
    claim.evidence.oldest_first();
    claim.evidence.all = direction.count;
    claim.details = details_text(
        R"("window_s":{},"net":"{}{}","z":{:.4g},"median":{:.4g},"mad":{:.4g},"over_floor":{})",
        options_.windows_s[length], inward ? "" : "-", net, z, ordinary.median, ordinary.mad, over);
    return claim;
}

std::size_t ExchangeFlows::warming() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < counters_.used * lengths; ++i) count += !models_[i].warm();
    return count;
}

} // namespace stages
