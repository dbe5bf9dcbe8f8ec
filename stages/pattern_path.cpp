#include "stages/pattern_path.hpp"

#include "stages/pattern_share.hpp"

#include <fmt/format.h>

namespace stages {

namespace {

using decoders::MovementKind;

struct HopPath {
    std::array<Moved const*, path_hops_max> hops{}; // newest first
    std::size_t count = 0;
    bool circular = false;
};

struct Search {
    PassThroughOptions const& options;
    Accounts const& accounts;
    MovementLog const& log;
    Share const keep{options.keep};
    HopPath path{};
    HopPath best{};
    // clusters[0]: who received the newest hop; clusters[i + 1]: who sent hop i.
    std::array<AccountIndex, path_hops_max + 1> clusters{};
    std::size_t steps = 0;

    // Whether the hop `next` may have carried on what `each` brought to its sender.
    bool carries_on(Moved const& each, Moved const& next) const {
        return each.kind == MovementKind::transfer && each.amount >= options.min &&
               each.from != no_account && against_share(next.amount, keep, each.amount) >= 0 &&
               against_share(each.amount, keep, next.amount) >= 0;
    }

    void compare() {
        if (path.count < options.hops) return;
        bool const better =
            path.circular != best.circular ? path.circular : path.count > best.count;
        if (better || best.count == 0) best = path;
    }

    // With `each` before the hops of the path, unless it meets one of their clusters.
    void try_hop(Moved const& each) {
        AccountIndex const cluster = accounts.cluster_of(each.from);
        for (std::size_t i = 1; i <= path.count; ++i)
            if (clusters[i] == cluster) return;
        path.circular = cluster == clusters[0];
        path.hops[path.count++] = &each;
        clusters[path.count] = cluster;
        go_back();
        --path.count;
        path.circular = false;
    }

    void go_back() {
        compare();
        if (path.circular || path.count == path_hops_max) return;
        Moved const& next = *path.hops[path.count - 1];
        std::uint32_t const since_s = next.time_s - std::min(next.time_s, options.hop_s);
        log.received(accounts[next.from].received, since_s, path_looks_max, [&](Moved const& each) {
            if (steps == path_steps_max) return false;
            ++steps;
            if (each.seq < next.seq && carries_on(each, next)) try_hop(each);
            return true;
        });
    }
};

void describe(Claim& claim, HopPath const& path) {
    double kept = 1;
    std::uint32_t slowest_s = 0;
    for (std::size_t i = path.count; i-- > 0;) claim.evidence.add_older(path.hops[i]->seq);
    for (std::size_t i = 0; i + 1 < path.count; ++i) {
        kept = std::min(kept, ratio_of(path.hops[i]->amount, path.hops[i + 1]->amount));
        slowest_s = std::max(slowest_s, path.hops[i]->time_s - path.hops[i + 1]->time_s);
    }
    char text[160];
    auto const end = fmt::format_to_n(text, sizeof text,
                                      R"("hops":{},"circular":{},"kept":{:.4g},"slowest_s":{})",
                                      path.count, path.circular, kept, slowest_s);
    claim.details.assign({text, std::min(end.size, sizeof text)});
}

} // namespace

std::optional<Claim> pass_through(PassThroughOptions const& options, Accounts const& accounts,
                                  MovementLog const& log, Moved const& moved) {
    if (moved.kind != MovementKind::transfer || moved.amount < options.min) return std::nullopt;
    if (moved.from == no_account || moved.to == no_account) return std::nullopt;
    if (options.hops > 1 && accounts[moved.from].received == 0) return std::nullopt;

    Search search{.options = options, .accounts = accounts, .log = log};
    search.clusters[0] = accounts.cluster_of(moved.to);
    search.clusters[1] = accounts.cluster_of(moved.from);
    if (search.clusters[0] == search.clusters[1]) return std::nullopt;
    search.path.hops[0] = &moved;
    search.path.count = 1;
    search.go_back();
    HopPath const& best = search.best;
    if (best.count == 0) return std::nullopt;

    Claim claim;
    claim.subject = accounts.cluster_of(best.hops[best.count - 1]->from);
    claim.sum = moved.amount;
    claim.severity = severity_by(moved.amount, options.min);
    if (best.count >= std::size_t{2} * options.hops) claim.severity = one_up(claim.severity);
    describe(claim, best);
    return claim;
}

} // namespace stages
