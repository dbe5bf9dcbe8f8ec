// What accounts hold: one question at a time, of the state of a final block. A round begins with
// the first final block that is told when it is time. Nobody waits for it: what is refused, or too
// late, is asked in a later round.
#include "stages/rpc_source.hpp"

#include "decoders/account_data.hpp"
#include "decoders/hex.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {
constexpr std::size_t account_value_bytes_max = 1'024; // AccountInfo has 80
constexpr std::size_t balances_a_round = 48;           // questions a node can be expected to bear
} // namespace

void RpcSource::begin_audit(FollowerAction const& final, Nanoseconds now) {
    bool const any = !options_.audited.empty() || !options_.balances.empty();
    if (!any || !round_.empty() || now < audit_at_) return;
    audit_at_ = now + options_.audit_every;
    audit_ = {final.hash, final.number, current_spec_};
    round_.assign(options_.audited.begin(), options_.audited.end());
    std::size_t const others = std::min(options_.balances.size(), balances_a_round);
    for (std::size_t i = 0; i < others; ++i)
        round_.push_back(options_.balances[balances_next_++ % options_.balances.size()]);
    ask_holding(now);
}

void RpcSource::ask_holding(Nanoseconds now) {
    if (round_.empty()) return;
    Question const question{.ask = Ask::holding, .hash = audit_.hash};
    auto const key = decoders::account_storage_key(round_.front().bytes());
    if (api_ == Api::legacy) return ask(question, storage_params(key, audit_.hash), now);
    if (!head_.pinned(audit_.hash)) { // a newer one is final, and this one has been let go
        round_.clear();
        return;
    }
    ask(question,
        fmt::format(R"({},[{{"key":"{}","type":"value"}}],null)", follow_params(audit_.hash),
                    decoders::hex_text(key)),
        now);
}

RpcSource::Outcome RpcSource::on_holding(decoders::Envelope const& reply, Nanoseconds received,
                                         Nanoseconds now) {
    bool const none = reply.form == decoders::Form::null;
    bool const usable =
        reply.form == decoders::Form::string && reply.text.size() / 2 <= account_value_bytes_max;
    if (!none && !usable) {
        holding_refused("what it says is no value of System.Account");
        return Outcome::done;
    }
    auto& arena = frames_.link().arena();
    auto const room = arena.reserve(none ? 0 : reply.text.size() / 2);
    if (!none && room.empty()) return Outcome::hold;
    auto const size = none ? std::size_t{0} : decoders::hex_decode(reply.text, room);
    if (!size) return malformed("a balance", size.error());
    Frame frame = frame_of(received);
    if (*size > 0) frame.payload = arena.commit(*size);
    frame.body = AccountBytes{audit_.hash, audit_.number, audit_.spec_version, round_.front()};
    frames_.emit(frame);
    needs_.metrics.add(SourceMetric::holdings);
    round_.pop_front();
    ask_holding(now);
    return fault_.empty() ? Outcome::done : Outcome::fault;
}

// The state is gone, as old ones are after a long catch-up.
void RpcSource::holding_missed() {
    round_.clear();
    needs_.metrics.add(SourceMetric::holdings_refused);
}

void RpcSource::holding_refused(std::string_view why) {
    holding_missed();
    if (api_ == Api::chain_head) return; // the block was let go meanwhile
    if (std::exchange(audit_refused_, true)) return;
    needs_.log.write(pipeline::Level::warning, "source",
                     fmt::format("{}: the node does not tell what accounts hold: {}. It is asked "
                                 "again every {:.0f} s; until it does, nothing is audited.",
                                 place(), printable(why),
                                 static_cast<double>(options_.audit_every) / 1e9));
}

} // namespace stages
