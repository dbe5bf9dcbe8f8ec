// What goes down the link: runtimes, blocks with their finality, what is missing.
#include "stages/rpc_history.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {
constexpr Nanoseconds room_pause = pipeline::millisecond;
}

Frame RpcHistory::frame_of(Nanoseconds now) const {
    Frame frame;
    frame.header.received = now;
    frame.chain = options_.chain;
    frame.lane = options_.lane;
    return frame;
}

// The next thing to say, if it is known and there is room for it. True: something was done.
bool RpcHistory::tell(Nanoseconds now) {
    if (tell_missing(now)) return true;
    auto const ready = backfill_.ready();
    if (!ready) return false;
    if (ready->contradicts) {
        needs_.metrics.add(HistoryMetric::contradictions);
        backfill_.distrust();
        if (socket_)
            leave(Aside::disagreed,
                  fmt::format("its block {} has another parent than the block below it",
                              ready->number),
                  now);
        return true;
    }
    Parcel* const whole = parcel(ready->number);
    CHECK(whole != nullptr);
    if (runtime_sent(whole->spec_version)) return tell_block(*whole, *ready, now);
    if (fetching_.spec_version == whole->spec_version && !fetching_.bytes.empty())
        return tell_runtime();
    if (state_ == SourceState::following && fetching_.spec_version == 0) {
        Hash const state = ready->number == 0 ? ready->hash : ready->parent;
        fetch_runtime(state, whole->spec_version, now);
        if (fault_) leave(fault_->why, std::string(fault_->text), now, fault_->wait);
    }
    return false;
}

bool RpcHistory::tell_missing(Nanoseconds now) {
    auto const lost = backfill_.missing();
    if (!lost) return false;
    told_again(lost->stretch);
    backfill_.missing_told();
    std::uint64_t const count = std::uint64_t{lost->stretch.to} - lost->stretch.from + 1;
    Nanoseconds const again = options_.backfill.missing_again / (60 * pipeline::second);
    std::string const action = fmt::format("asked again in {} min", again);
    missing_in_run_ += count;
    needs_.metrics.add(HistoryMetric::missing, count);
    trouble_ = lost->why;
    say(pipeline::Level::error,
        fmt::format("blocks {} to {} are missing: {}; {}. An archive node under `endpoints` would "
                    "have them.",
                    grouped(lost->stretch.from), grouped(lost->stretch.to), lost->why, action));
    Frame frame = frame_of(now);
    frame.body = Missing{lost->stretch.from, lost->stretch.to, {lost->why}, {action}};
    frames_.emit(frame);
    send_note(now);
    return true;
}

bool RpcHistory::tell_runtime() {
    auto& arena = frames_.link().arena();
    auto const room = arena.reserve(fetching_.bytes.size());
    if (room.empty()) {
        wake_at_ = std::min(wake_at_, needs_.clock.monotonic() + room_pause);
        return false;
    }
    std::ranges::copy(fetching_.bytes, room.begin());
    Frame frame = frame_of(needs_.clock.monotonic());
    frame.payload = arena.commit(fetching_.bytes.size());
    frame.body = RuntimeBytes{fetching_.spec_version};
    frames_.emit(frame);
    say(pipeline::Level::info, fmt::format("runtime {}, {} bytes of metadata",
                                           fetching_.spec_version, fetching_.bytes.size()));
    if (sent_.size() >= runtimes_max) sent_.erase(sent_.begin()); // as decode does
    sent_.push_back(fetching_.spec_version);
    fetching_ = {};
    return true;
}

bool RpcHistory::tell_block(Parcel& parcel, Backfill::Ready const& ready, Nanoseconds now) {
    auto& arena = frames_.link().arena();
    // Better the events alone than neither.
    std::size_t const both = parcel.events.size() + parcel.body.size();
    std::size_t const body = both <= arena.largest() ? parcel.body.size() : 0;
    std::size_t const size = parcel.events.size() + body;
    auto const room = arena.reserve(size);
    if (room.data() == nullptr) {
        wake_at_ = std::min(wake_at_, now + room_pause);
        return false;
    }
    std::ranges::copy(parcel.events, room.begin());
    std::ranges::copy_n(parcel.body.begin(), static_cast<std::ptrdiff_t>(body),
                        room.begin() + static_cast<std::ptrdiff_t>(parcel.events.size()));
    Frame frame = frame_of(now);
    frame.payload = arena.commit(size);
    frame.body = BlockBytes{{ready.hash, ready.number, true, parcel.timestamp_ms},
                            parcel.spec_version,
                            static_cast<std::uint32_t>(body)};
    frames_.emit(frame);
    Frame end = frame_of(now);
    end.body = Finalized{ready.hash, ready.parent, ready.number};
    frames_.emit(end);
    release(parcel);
    told_again({ready.number, ready.number});
    backfill_.given(now);
    progress_.told();
    ++told_;
    needs_.metrics.add(HistoryMetric::blocks);
    return true;
}

} // namespace stages
