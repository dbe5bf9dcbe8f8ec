#include "stages/pattern_dormant.hpp"

#include "stages/surprise.hpp"

namespace stages {

namespace {

bool spans_border(DormantOptions const& options, std::uint32_t since_s, std::uint32_t until_s) {
    for (std::uint32_t const border_s : options.borders)
        if (since_s < border_s && border_s <= until_s) return true;
    return false;
}

u128 needed_of(DormantOptions const& options, bool known, u128 before) {
    return known ? std::max(options.min, share_rounded_up(before, options.share)) : options.min;
}

} // namespace

Awakening awakening_of(DormantOptions const& options, Accounts const& accounts,
                       MovementLog const& log, Moved const& moved) {
    AccountState const& sender = accounts[moved.from];
    std::uint32_t const last_s = sender.outs > 0 ? sender.last_out_s : sender.first_s;
    bool const first = sender.outs == 0 || moved.time_s >= last_s + std::uint64_t{episode_pause_s};
    Awakening found{last_s, moved.time_s, sender.outs, true, false};
    if (first || options.silence_s < episode_pause_s) return found;
    found.since_s = sender.silent_since_s;
    u128 held = plus_saturated(sender.balance, moved.amount);
    std::size_t steps = 0;
    bool paused = false;
    log.sent(moved.seq, 0, awakening_steps_max, [&](Moved const& one) {
        ++steps;
        paused = one.time_s + std::uint64_t{episode_pause_s} <= found.until_s;
        if (paused) return false;
        if (one.seq == moved.seq || !sending_kinds.has(one.kind)) return true;
        found.until_s = one.time_s;
        found.outs -= std::min(found.outs, 1u);
        held = plus_saturated(held, one.amount);
        found.told = found.told || (!within_cluster(accounts, one) &&
                                    one.amount >= needed_of(options, sender.balance_known, held));
        return true;
    });
    found.known =
        (paused || (steps < awakening_steps_max && log.reaches(found.until_s, episode_pause_s))) &&
        moved.time_s < found.until_s + std::uint64_t{episode_pause_s};
    return found;
}

std::optional<Claim> dormant_awakening(DormantOptions const& options, Accounts const& accounts,
                                       MovementLog const& log, Moved const& moved) {
    if (moved.amount < options.min || moved.from == no_account) return std::nullopt;
    if (!sending_kinds.has(moved.kind)) return std::nullopt;
    AccountState const& sender = accounts[moved.from];
    // What needs no look into the log first: nearly nothing is left.
    u128 const needed =
        needed_of(options, sender.balance_known, plus_saturated(sender.balance, moved.amount));
    if (moved.amount < needed || within_cluster(accounts, moved)) return std::nullopt;
    Awakening const found = awakening_of(options, accounts, log, moved);
    if (!found.known || found.told || found.since_s > found.until_s) return std::nullopt;
    std::uint32_t const silence_s = found.until_s - found.since_s;
    if (silence_s < options.silence_s) return std::nullopt;
    if (spans_border(options, found.since_s, found.until_s)) return std::nullopt;
    double bits = 0;
    bool const modelled =
        found.outs >= std::max(options.model_outs, 3u) && found.since_s > sender.first_out_s;
    if (modelled) {
        bits = silence_bits(found.outs - 2, double(found.since_s - sender.first_out_s),
                            double(silence_s));
        if (bits < options.model_bits) return std::nullopt;
    }
    Claim claim;
    claim.subject = moved.from;
    claim.severity =
        silence_s >= options.critical_silence_s ? Severity::critical : Severity::notable;
    claim.score_bits = bits;
    claim.sum = moved.amount;
    claim.evidence.add_older(moved.seq);
    claim.details = details_text(
        R"("silence_s":{},"since":"{}","needed":"{}","outs":{},"bits":{:.4g},"bits_needed":{:.4g})",
        silence_s, found.outs > 0 ? "last_sent" : "first_seen", needed, found.outs, bits,
        modelled ? options.model_bits : 0.0);
    return claim;
}

} // namespace stages
