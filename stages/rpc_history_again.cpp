// What is wanted: the newest Want, and what an earlier run has read and this one needs once more.
//
//   again: waits ──first Want, or again_after──▶ open ──a node says how far it is──▶ known
#include "stages/rpc_history.hpp"

#include "stages/stretches.hpp"

#include <algorithm>

namespace stages {

void RpcHistory::want_all(Nanoseconds now) {
    std::vector<Stretch> all = wants_;
    all.insert(all.end(), again_.begin(), again_.end());
    backfill_.want(all, now);
    needs_.metrics.set(HistoryMetric::left, backfill_.left());
}

void RpcHistory::begin_progress(Nanoseconds now) {
    if (progress_.running() || !backfill_.wanting()) return;
    std::uint32_t last = 0;
    for (Stretch const& one : wants_) last = std::max(last, one.to);
    for (Stretch const& one : again_) last = std::max(last, one.to);
    missing_in_run_ = 0;
    say(pipeline::Level::info, progress_.begin(backfill_.left(), *backfill_.lowest(), last, now));
    send_note(now);
}

// Its first block is wanted in any case: there must be a connection to learn how many there are.
void RpcHistory::begin_again() {
    if (again_state_ != Again::waits) return;
    again_state_ = Again::open;
    Stretch const& all = *options_.again;
    again_ = {{all.from, std::max(all.from, all.to)}};
}

bool RpcHistory::again_due(Nanoseconds now) {
    if (again_state_ != Again::waits) return false;
    if (again_at_ == pipeline::never) again_at_ = now + options_.again_after;
    if (now < again_at_) {
        wake_at_ = std::min(wake_at_, again_at_);
        return false;
    }
    begin_again();
    want_all(now);
    return true;
}

void RpcHistory::extend_again(std::uint32_t finalized, Nanoseconds now) {
    if (again_state_ != Again::open) return;
    again_state_ = Again::known;
    Stretch const all{options_.again->from, std::max(options_.again->to, finalized)};
    again_ = tidied({&all, 1});
    want_all(now);
    begin_progress(now);
}

void RpcHistory::told_again(Stretch const& stretch) {
    if (!again_.empty()) subtract(again_, stretch);
}

} // namespace stages
