#include "stages/shadow.hpp"

#include "stages/shadow_figures.hpp"

#include <algorithm>

namespace stages {

namespace {

// A monotonic time of the recent past as unix time.
std::uint64_t unix_at(Nanoseconds when, pipeline::Turn const& turn) {
    std::uint64_t const ago = when < turn.now ? (turn.now - when) / pipeline::millisecond : 0;
    return turn.unix_ms > ago ? turn.unix_ms - ago : 0;
}

std::uint64_t latency(std::uint64_t seen_ms, std::uint64_t block_ms) {
    return seen_ms > block_ms ? seen_ms - block_ms : 0;
}

template <class Output>
void must_drop(Output const& output) {
    output.each_link([](pipeline::LinkBase const& link) {
        CHECK(link.options.when_full == pipeline::WhenFull::drop);
    });
}

std::uint64_t block_time(JudgedPair const& pair) {
    if (pair.hybrid && pair.hybrid->timestamp_ms != 0) return pair.hybrid->timestamp_ms;
    return pair.legacy ? pair.legacy->timestamp_ms : 0;
}

ShadowSaid said_of(Telling const* told, Nanoseconds seen, pipeline::Turn const& turn) {
    if (told == nullptr) return {};
    return {.told = true,
            .native = told->native,
            .amount = told->amount,
            .from = told->from,
            .to = told->to,
            .seen_unix_ms = unix_at(seen, turn)};
}

} // namespace

Shadow::Shadow(ShadowOptions options, pipeline::MetricsPage& metrics, pipeline::Outs<Want> wants,
               pipeline::Out<ShadowNote> notes, pipeline::Out<ShadowMismatch> mismatches)
    : options_(std::move(options))
    , chains_(options_.chains.size())
    , metrics_(metrics)
    , wants_(std::move(wants))
    , notes_(notes)
    , mismatches_(mismatches) {
    CHECK(wants_.count() == chains_.size());
    must_drop(wants_);
    must_drop(notes_);
    must_drop(mismatches_);
    for (std::size_t i = 0; i < chains_.size(); ++i) {
        if (!options_.chains[i].compared) continue;
        chains_[i].pairs = std::make_unique<ShadowPairs>(options_.chains[i].pairs);
        chains_[i].disputes =
            std::make_unique<ShadowDisputes>(options_.disputes, options_.recheck_wait);
        metrics_.add(ShadowMetric::void_chains);
    }
}

void Shadow::on(pipeline::Part<Twin> const& part, pipeline::Turn const& turn) {
    Twin const& twin = part.message;
    if (begun_ && twin.header.sequence != expected_) lose();
    begun_ = true;
    expected_ = twin.header.sequence + 1;
    CHECK(twin.chain < chains_.size());
    Chain& chain = chains_[twin.chain];
    if (!chain.pairs) return;
    chain.changed = true;
    next_ = std::min(next_, chain.noted_at + note_every);
    if (twin.recheck) return recheck(chain, twin, turn);
    chain.pairs->tell(twin, chain.tally);
    if (twin.kind != TwinKind::finalized && twin.kind != TwinKind::settled) return;
    chain.pairs->judge(chain.tally,
                       [&](JudgedPair const& pair) { judged(chain, twin.chain, pair, turn); });
}

void Shadow::lose() {
    metrics_.add(ShadowMetric::gaps);
    for (Chain& chain : chains_) {
        if (!chain.pairs) continue;
        chain.pairs->lose(chain.tally);
        chain.disputes->lose();
        chain.changed = true;
    }
}

void Shadow::recheck(Chain& chain, Twin const& twin, pipeline::Turn const& turn) {
    switch (twin.kind) {
    case TwinKind::match: return chain.disputes->recheck(twin);
    case TwinKind::block_end:
        if (twin.incomplete) chain.disputes->incomplete(twin.number);
        return;
    case TwinKind::recheck_end:
        if (twin.incomplete) chain.disputes->incomplete(twin.number);
        chain.disputes->end(twin.number,
                            [&](ShadowMismatch& mismatch) { ruled(chain, mismatch, turn); });
        chain.disputes_changed = true;
        return;
    case TwinKind::finalized:
    case TwinKind::abandoned:
    case TwinKind::settled: return;
    }
}

void Shadow::judged(Chain& chain, std::uint16_t index, JudgedPair const& pair,
                    pipeline::Turn const& turn) {
    std::uint64_t const time = block_time(pair);
    switch (pair.what) {
    case ShadowClass::agree:
    case ShadowClass::late:
        if (time != 0)
            chain.tally.latency.add(latency_sample(latency(unix_at(pair.legacy_seen, turn), time),
                                                   latency(unix_at(pair.hybrid_seen, turn), time)));
        return;
    case ShadowClass::unsupported: return;
    default: break;
    }
    Telling const& told = pair.hybrid ? *pair.hybrid : *pair.legacy;
    ShadowMismatch mismatch;
    mismatch.chain = index;
    mismatch.what = pair.what;
    mismatch.rule = told.rule;
    mismatch.event_index = told.event_index;
    mismatch.block = {pair.hash ? *pair.hash : Hash{}, pair.number, true, time,
                      pair.hash != nullptr};
    mismatch.hybrid = said_of(pair.hybrid, pair.hybrid_seen, turn);
    mismatch.legacy = said_of(pair.legacy, pair.legacy_seen, turn);
    mismatch.judged_unix_ms = turn.unix_ms;
    if (!chain.disputes->open(mismatch, pair.incomplete, turn.now))
        return ruled(chain, mismatch, turn);
    chain.disputes_changed = true;
    next_ = 0;
}

void Shadow::ruled(Chain& chain, ShadowMismatch& mismatch, pipeline::Turn const& turn) {
    auto const what = static_cast<std::size_t>(mismatch.what);
    ++chain.tally.ruled[what][static_cast<std::size_t>(mismatch.ruling)];
    chain.changed = true;
    mismatch.ruled_unix_ms = turn.unix_ms;
    mismatches_.emit(mismatch);
}

bool Shadow::tick(pipeline::Turn const& turn) {
    if (turn.now < next_) return false;
    next_ = pipeline::never;
    std::size_t void_chains = 0, disputes = 0;
    for (std::uint16_t index = 0; index < chains_.size(); ++index) {
        Chain& chain = chains_[index];
        if (!chain.pairs) continue;
        chain.disputes->expire(turn.now,
                               [&](ShadowMismatch& mismatch) { ruled(chain, mismatch, turn); });
        want(chain, index, turn);
        note(chain, index, turn);
        show(chain);
        void_chains += chain.pairs->void_now() ? 1 : 0;
        disputes += chain.disputes->waiting();
        next_ = std::min(next_, chain.disputes->next_deadline());
    }
    metrics_.set(ShadowMetric::void_chains, void_chains);
    metrics_.set(ShadowMetric::disputes, disputes);
    return false;
}

void Shadow::want(Chain& chain, std::uint16_t index, pipeline::Turn const& turn) {
    if (chain.disputes->waiting() == 0) return;
    Nanoseconds const pause = chain.disputes_changed ? note_every : options_.want_again;
    if (chain.wanted_at != 0 && turn.now < chain.wanted_at + pause) {
        next_ = std::min(next_, chain.wanted_at + pause);
        return;
    }
    Want want;
    want.chain = index;
    if (chain.disputes->fill(want)) wants_.emit(index, want);
    chain.wanted_at = turn.now;
    chain.disputes_changed = false;
    next_ = std::min(next_, turn.now + options_.want_again);
}

void Shadow::note(Chain& chain, std::uint16_t index, pipeline::Turn const& turn) {
    if (!chain.changed) return;
    if (chain.noted_at != 0 && turn.now < chain.noted_at + note_every) {
        next_ = std::min(next_, chain.noted_at + note_every);
        return;
    }
    ShadowNote note;
    note.chain = index;
    note.void_now = chain.pairs->void_now();
    note.tally = chain.tally;
    notes_.emit(note);
    chain.noted_at = turn.now;
    chain.changed = false;
}

void Shadow::show(Chain& chain) {
    ShadowTally const fresh = since(chain.tally, chain.shown);
    chain.shown = chain.tally;
    for (std::size_t i = 0; i < shadow_classes; ++i) {
        metrics_.add(i, fresh.classes[i]);
        for (std::size_t j = 0; j < rulings; ++j)
            metrics_.add(static_cast<std::size_t>(ShadowMetric::hybrid_wrong) + j,
                         fresh.ruled[i][j]);
    }
    metrics_.add(ShadowMetric::duplicate, fresh.duplicate);
    metrics_.add(ShadowMetric::voided, fresh.voided);
    metrics_.add(ShadowMetric::stale, fresh.stale);
}

} // namespace stages
