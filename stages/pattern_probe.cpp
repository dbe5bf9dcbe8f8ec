#include "stages/pattern_probe.hpp"

#include "stages/pattern_share.hpp"

#include <fmt/format.h>

namespace stages {

namespace {

// The transfers of one pair before one of them.
struct Pair {
    Accounts const& accounts;
    MovementLog const& log;
    Moved const& moved;
    AccountIndex const from = accounts.cluster_of(moved.from);
    AccountIndex const to = accounts.cluster_of(moved.to);

    // The account a movement names is the one that is in its place now.
    bool is(AccountIndex account, std::uint32_t time_s, AccountIndex cluster) const {
        return account != no_account && accounts[account].first_s <= time_s &&
               accounts.cluster_of(account) == cluster;
    }

    // Calls `each` for those since then, newest first in each of the two lists, until it answers
    // false. Whether it saw at least one of the lists to its end (or the window's start).
    template <class Each>
    bool walk(std::uint32_t since_s, Each each) const {
        std::size_t sent = 0, received = 0;
        bool goes_on = true;
        auto const look = [&](Moved const& one, AccountIndex party, AccountIndex cluster) {
            if (one.seq < moved.seq && one.kind == decoders::MovementKind::transfer &&
                is(party, one.time_s, cluster))
                goes_on = each(one);
            return goes_on;
        };
        log.sent(moved.seq, since_s, probe_steps_max, [&](Moved const& one) {
            ++sent;
            return look(one, one.to, to);
        });
        if (!goes_on) return false;
        log.received(moved.seq, since_s, probe_steps_max, [&](Moved const& one) {
            ++received;
            return look(one, one.from, from);
        });
        return goes_on && (sent < probe_steps_max || received < probe_steps_max);
    }
};

} // namespace

std::optional<Claim> test_then_large(TestThenLargeOptions const& options, Accounts const& accounts,
                                     MovementLog const& log, Moved const& moved) {
    if (moved.kind != decoders::MovementKind::transfer || moved.amount < options.large)
        return std::nullopt;
    if (moved.from == no_account || moved.to == no_account) return std::nullopt;
    Pair const pair{.accounts = accounts, .log = log, .moved = moved};
    if (pair.from == pair.to) return std::nullopt;

    Moved const* probe = nullptr;
    std::uint32_t const since_s = moved.time_s - std::min(moved.time_s, options.window_s);
    pair.walk(since_s, [&](Moved const& each) {
        if (probe == nullptr || each.seq < probe->seq) probe = &each;
        return true;
    });
    if (probe == nullptr) return std::nullopt;
    if (against_share(probe->amount, Share(options.probe_share), moved.amount) > 0)
        return std::nullopt;
    if (!log.reaches(probe->time_s, options.window_s)) return std::nullopt;
    bool const first = pair.walk(0, [&](Moved const& each) { return each.seq >= probe->seq; });
    if (!first) return std::nullopt;

    Claim claim;
    claim.subject = pair.from;
    claim.sum = moved.amount;
    claim.severity = severity_by(moved.amount, options.large);
    claim.evidence.add_older(moved.seq);
    claim.evidence.add_older(probe->seq);
    claim.evidence.oldest_first();
    char text[160];
    auto const end = fmt::format_to_n(
        text, sizeof text, R"("probe_share":{:.4g},"after_s":{},"window_s":{})",
        ratio_of(probe->amount, moved.amount), moved.time_s - probe->time_s, options.window_s);
    claim.details.assign({text, std::min(end.size, sizeof text)});
    return claim;
}

} // namespace stages
