#include "stages/pattern_dormant.hpp"

#include "stages/surprise.hpp"

namespace stages {

namespace {

bool spans_border(DormantOptions const& options, std::uint32_t since_s, std::uint32_t until_s) {
    for (std::uint32_t const border_s : options.borders)
        if (since_s < border_s && border_s <= until_s) return true;
    return false;
}

} // namespace

std::optional<Claim> dormant_awakening(DormantOptions const& options, Accounts const& accounts,
                                       MovementLog const&, Moved const& moved) {
    if (moved.amount < options.min || moved.from == no_account) return std::nullopt;
    if (!sending_kinds.has(moved.kind)) return std::nullopt;
    AccountState const& sender = accounts[moved.from];
    bool const sent_before = sender.outs > 0;
    std::uint32_t const since_s = sent_before ? sender.last_out_s : sender.first_s;
    if (since_s > moved.time_s || moved.time_s - since_s < options.silence_s) return std::nullopt;
    std::uint32_t const silence_s = moved.time_s - since_s;
    u128 needed = options.min;
    if (sender.balance_known) {
        u128 const before = plus_saturated(sender.balance, moved.amount);
        needed = std::max(needed, share_rounded_up(before, options.share));
    }
    if (moved.amount < needed) return std::nullopt;
    if (within_cluster(accounts, moved)) return std::nullopt;
    if (spans_border(options, since_s, moved.time_s)) return std::nullopt;
    double bits = 0;
    bool const modelled =
        sender.outs >= std::max(options.model_outs, 3u) && sender.last_out_s > sender.first_out_s;
    if (modelled) {
        bits = silence_bits(sender.outs - 2, double(sender.last_out_s - sender.first_out_s),
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
        silence_s, sent_before ? "last_sent" : "first_seen", needed, sender.outs, bits,
        modelled ? options.model_bits : 0.0);
    return claim;
}

} // namespace stages
