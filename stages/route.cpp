#include "stages/route.hpp"

#include "decoders/hash.hpp"
#include "decoders/hex.hpp"
#include "stages/bucket.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

// Bytes to be hashed, gathered on the stack.
class Gathered {
  public:
    void bytes(pipeline::Bytes from) {
        CHECK(from.size() <= sizeof bytes_ - size_);
        std::copy(from.begin(), from.end(), bytes_ + size_);
        size_ += from.size();
    }
    template <class Integer>
    void little_endian(Integer value) {
        for (std::size_t i = 0; i < sizeof value; ++i)
            bytes_[size_++] = static_cast<std::uint8_t>(value >> (8 * i));
    }
    void account(decoders::Account const& account) {
        little_endian(account.size);
        bytes(account.bytes());
    }
    pipeline::Bytes all() const { return {bytes_, size_}; }

  private:
    std::uint8_t bytes_[512];
    std::size_t size_ = 0;
};

} // namespace

AlertId alert_id(Hash const& genesis, Transfer const& transfer, std::string_view rule_name) {
    Gathered gathered;
    gathered.bytes(genesis);
    gathered.little_endian(transfer.block.number);
    gathered.little_endian(transfer.event_index);
    gathered.account(transfer.from);
    gathered.account(transfer.to);
    gathered.little_endian(transfer.amount);
    gathered.bytes(pipeline::as_bytes(rule_name));
    auto const whole = decoders::blake2b_256(gathered.all());
    AlertId id{};
    std::copy_n(whole.begin(), id.size(), id.begin());
    return id;
}

RouteOptions nodes_only(std::vector<std::string> const& chains, std::vector<std::string> rules) {
    RouteOptions options;
    options.rule_names = std::move(rules);
    for (std::string const& chain : chains) options.chains.push_back({chain, false, true});
    return options;
}

Route::Route(RouteOptions options, Needs needs, pipeline::Out<Verdict> verdicts,
             pipeline::Outs<Twin> twins)
    : options_(std::move(options))
    , known_(options_.chains.size())
    , needs_(needs)
    , verdicts_(verdicts)
    , twins_(std::move(twins))
    , handover_(options_.handover) {
    accounts_.reserve(options_.watched.size() + RouteOptions::pins_max);
    for (auto const& one : options_.watched) {
        accounts_[one.account].watched = true;
        accounts_[one.account].tier = one.tier;
    }
    for (auto const& one : options_.pins) {
        Account& account = accounts_[one.account];
        account.pin = one.pin;
        account.until_unix_ms = one.until_unix_ms;
        ++pins_;
    }
}

void Route::on(pipeline::Part<Candidate> const& part, pipeline::Turn const& turn) {
    Candidate const& candidate = part.message;
    if (!heard(candidate)) return needs_.metrics.add(RouteMetric::unheard);
    if (!believed(candidate)) return needs_.metrics.add(RouteMetric::foreign);
    tell_comparator(candidate, turn);
    if (candidate.recheck) return;
    if (auto const* match = std::get_if<Match>(&candidate.body))
        return judge(candidate, *match, turn);
    follow(candidate);
    if (auto const* settled = std::get_if<Settled>(&candidate.body)) {
        auto& waiting = known_[candidate.chain].settled;
        unsettled_ += !waiting.has_value();
        waiting = settled->number;
        handover_.legacy_settled(candidate.chain, settled->number);
        known_[candidate.chain].settled_received = candidate.header.received;
        settle(candidate.chain);
        return;
    }
    Verdict verdict;
    verdict.header.received = candidate.header.received;
    verdict.chain = candidate.chain;
    verdict.path = candidate.path;
    CHECK(pass_on(candidate.body, verdict.body));
    verdicts_.emit(verdict);
}

void Route::on(pipeline::Part<Steer> const& part, pipeline::Turn const&) {
    Steer const& steer = part.message;
    handover_.look_again();
    if (!steer.account) {
        if (steer.chain < known_.size()) known_[steer.chain].held = steer.hold;
        return;
    }
    auto const found = accounts_.find(steer.account);
    bool const is_new = found == accounts_.end() || found->second.pin == Pin::none;
    if (steer.pin == Pin::none) {
        if (found == accounts_.end()) return;
        pins_ -= !is_new;
        found->second.pin = Pin::none;
        if (!found->second.watched) accounts_.erase(found);
        return;
    }
    if (is_new && pins_ >= RouteOptions::pins_max) return; // control has counted, too
    pins_ += is_new;
    Account& account = accounts_[steer.account];
    account.pin = steer.pin;
    account.until_unix_ms = steer.until_unix_ms;
}

bool Route::heard(Candidate const& candidate) {
    bool& heard = known_[candidate.chain].heard[static_cast<std::size_t>(candidate.path)];
    heard = heard || std::holds_alternative<ChainFacts>(candidate.body);
    return heard;
}

// False: the path serves another chain than the one that spoke first.
bool Route::believed(Candidate const& candidate) {
    Known& known = known_[candidate.chain];
    bool& foreign = known.foreign[static_cast<std::size_t>(candidate.path)];
    auto const* facts = std::get_if<ChainFacts>(&candidate.body);
    if (facts == nullptr) return !foreign;
    // Alone, a path may correct itself: nobody contradicts it.
    auto const& chain = options_.chains[candidate.chain];
    if (!chain.legacy || !chain.hybrid || known.genesis == Hash{}) known.genesis = facts->genesis;
    bool const differs = known.genesis != facts->genesis;
    if (differs && !foreign)
        needs_.log.write(
            pipeline::Level::error, "route",
            fmt::format("incident: {}: {} serves a chain with genesis {}, but {} one with "
                        "{}. The former is not believed; compare endpoints and subscan_url "
                        "of this [[chain]].",
                        chain.name, candidate.path == Path::legacy ? "Subscan" : "the node",
                        decoders::hex_text(facts->genesis),
                        candidate.path == Path::legacy ? "the node" : "Subscan",
                        decoders::hex_text(known.genesis)));
    foreign = differs;
    return !foreign;
}

decoders::Account const& Route::subject_of(Transfer const& transfer) const {
    auto const watched = [&](decoders::Account const& account) {
        auto const found = accounts_.find(account);
        return found != accounts_.end() && found->second.watched;
    };
    bool const from = watched(transfer.from);
    bool const to = watched(transfer.to);
    if (from != to) return from ? transfer.from : transfer.to;
    return transfer.from ? transfer.from : transfer.to;
}

RouteSubject Route::facts_of(decoders::Account const& subject, pipeline::Turn const& turn) const {
    RouteSubject facts{.bucket = bucket_of(subject)};
    auto const found = accounts_.find(subject);
    if (found == accounts_.end()) return facts;
    Account const& account = found->second;
    facts.tier = account.tier;
    bool const expired = account.until_unix_ms != 0 && turn.unix_ms >= account.until_unix_ms;
    if (!expired) facts.pin = account.pin;
    return facts;
}

RouteWays Route::ways(std::uint16_t chain) const {
    return {options_.chains[chain].legacy, options_.chains[chain].hybrid, known_[chain].held};
}

bool Route::may_speak(Candidate const& candidate, pipeline::Turn const& turn) const {
    auto const& match = std::get<Match>(candidate.body);
    auto subject = facts_of(subject_of(match.transfer), turn);
    if (match.is_health) subject.bucket = 0; // nobody's: hybrid's as soon as it has any share
    return decide(ways(candidate.chain), subject, turn.regime).path == candidate.path;
}

// ---- matches -----------------------------------------------------------------------------------

void Route::judge(Candidate const& candidate, Match const& match, pipeline::Turn const& turn) {
    if (match.is_pattern) return judge_pattern(candidate, match, turn);
    RouteWays const of_chain = ways(candidate.chain);
    if (!of_chain.legacy || !of_chain.hybrid) {
        bool const speaks = of_chain.legacy == (candidate.path == Path::legacy);
        needs_.metrics.add(speaks ? RouteMetric::alerts : RouteMetric::withheld);
        if (speaks) pass(candidate, id_of(candidate, match), turn, {});
        return;
    }
    AlertId const id = id_of(candidate, match);
    switch (handover_.arrived(candidate, id, may_speak(candidate, turn), turn.now)) {
    case Handover::Fate::said:
        needs_.metrics.add(RouteMetric::alerts);
        return pass(candidate, id, turn, {});
    case Handover::Fate::other_now:
        needs_.metrics.add(RouteMetric::alerts);
        needs_.metrics.add(RouteMetric::late);
        pass(handover_.held_of_other(), id, turn, {.held = true});
        break;
    case Handover::Fate::held:
    case Handover::Fate::known: needs_.metrics.add(RouteMetric::withheld); break;
    }
    bool const confirms = candidate.path == Path::legacy && match.transfer.block.finalized;
    if (confirms) pass(candidate, id, turn, {.speaks = false});
}

void Route::judge_pattern(Candidate const& candidate, Match const& match,
                          pipeline::Turn const& turn) {
    if (!may_speak(candidate, turn)) return needs_.metrics.add(RouteMetric::withheld);
    needs_.metrics.add(RouteMetric::alerts);
    pass(candidate, id_of(candidate, match), turn, {});
}

// One whose other path stayed silent, or a cursor that need not wait any more; at most one a call.
bool Route::tick(pipeline::Turn const& turn) {
    if (std::exchange(judged_by_, turn.regime.epoch) != turn.regime.epoch) handover_.look_again();
    bool const looking =
        handover_.look([&](Candidate const& held) { return may_speak(held, turn); });
    auto const due = handover_.due(turn.now);
    if (due.candidate == nullptr) return settle_any() || looking;
    Candidate const& candidate = *due.candidate;
    if (due.confirmation) {
        pass(candidate, due.id, turn, {});
        return true;
    }
    auto subject = facts_of(subject_of(std::get<Match>(candidate.body).transfer), turn);
    bool const its_turn = may_speak(candidate, turn);
    subject.bucket = 0; // whatever the share is, if there is any
    bool const may_help = candidate.path == Path::legacy ||
                          decide(ways(candidate.chain), subject, turn.regime).path == Path::hybrid;
    if (its_turn || may_help) {
        needs_.metrics.add(RouteMetric::alerts);
        needs_.metrics.add(its_turn ? RouteMetric::late : RouteMetric::fallbacks);
        pass(candidate, due.id, turn, {.held = true, .fallback = !its_turn});
    } else {
        needs_.metrics.add(RouteMetric::let_go);
        handover_.drop_due();
    }
    return true;
}

// Legacy's cursor goes on as far as everything below it has been said: what is held would be lost
// with this process, and legacy would not bring it again. True: something was passed on.
bool Route::settle(std::uint16_t chain) {
    Known& known = known_[chain];
    std::uint32_t const final_of_hybrid = known.final_below[static_cast<std::size_t>(Path::hybrid)];
    auto const lowest = handover_.lowest_of_legacy(chain, final_of_hybrid);
    bool const all = !lowest || *lowest > *known.settled;
    std::uint32_t const upto = all ? *known.settled : *lowest - std::min(*lowest, 1U);
    if (all) {
        known.settled.reset();
        --unsettled_;
    }
    if (known.passed && upto <= *known.passed) return false;
    known.passed = upto;
    Verdict verdict;
    verdict.header.received = known.settled_received;
    verdict.chain = chain;
    verdict.path = Path::legacy;
    verdict.body = Settled{upto};
    verdicts_.emit(verdict);
    return true;
}

// Looks at what is held, so only when some of it has gone since, or become hybrid's for good; one
// cursor a call.
bool Route::settle_any() {
    std::uint64_t const moved = handover_.releases() + finalized_;
    if (unsettled_ == 0 || looked_at_ == moved) return false;
    for (std::size_t i = 0; i < known_.size(); ++i)
        if (known_[i].settled && settle(static_cast<std::uint16_t>(i))) return true;
    looked_at_ = moved;
    return false;
}

AlertId Route::id_of(Candidate const& candidate, Match const& match) const {
    return alert_id(known_[candidate.chain].genesis, match.transfer,
                    options_.rule_names[match.rule]);
}

// Every word that the comparison needs, whoever may speak; the links drop.
void Route::tell_comparator(Candidate const& candidate, pipeline::Turn const& turn) {
    bool const compared = (turn.regime.flags & pipeline::Flag::parallel_mode) != 0;
    auto const of_chain = ways(candidate.chain);
    if (twins_.count() == 0 || !compared || !of_chain.legacy || !of_chain.hybrid) return;
    Twin twin;
    twin.header.received = candidate.header.received;
    twin.chain = candidate.chain;
    twin.path = candidate.path;
    twin.recheck = candidate.recheck;
    twin.seen = turn.now;
    if (auto const* match = std::get_if<Match>(&candidate.body)) {
        if (match->is_pattern) return;
        twin.kind = TwinKind::match;
        twin.match = *match;
    } else if (auto const* end = std::get_if<BlockEnd>(&candidate.body)) {
        twin.kind = candidate.recheck ? TwinKind::recheck_end : TwinKind::block_end;
        twin.hash = end->block.hash;
        twin.number = end->block.number;
        twin.incomplete = end->incomplete;
    } else if (auto const* final = std::get_if<Finalized>(&candidate.body)) {
        twin.kind = TwinKind::finalized;
        twin.hash = final->hash;
        twin.number = final->number;
    } else if (auto const* gone = std::get_if<Abandoned>(&candidate.body)) {
        twin.kind = TwinKind::abandoned;
        twin.hash = gone->hash;
        twin.number = gone->number;
    } else if (auto const* settled = std::get_if<Settled>(&candidate.body)) {
        twin.kind = TwinKind::settled;
        twin.number = settled->number;
    } else {
        return;
    }
    twins_.emit(0, twin);
}

// How far each path is, and what did not happen.
void Route::follow(Candidate const& candidate) {
    auto& final = known_[candidate.chain].final_below[static_cast<std::size_t>(candidate.path)];
    if (auto const* block = std::get_if<Finalized>(&candidate.body))
        final = std::max(final, block->number + 1), ++finalized_;
    if (auto const* settled = std::get_if<Settled>(&candidate.body))
        final = std::max(final, settled->number + 1);
    if (auto const* facts = std::get_if<ChainFacts>(&candidate.body)) {
        auto& run = known_[candidate.chain].run[static_cast<std::size_t>(candidate.path)];
        if (std::exchange(run, facts->run) != facts->run)
            handover_.renumbered(candidate.chain, candidate.path);
    }
    if (auto const* gone = std::get_if<Abandoned>(&candidate.body))
        handover_.abandoned(candidate.chain, candidate.path, gone->hash);
}

// A match that was held may have become final meanwhile; nobody will say so again.
void Route::pass(Candidate const& candidate, AlertId const& id, pipeline::Turn const& turn,
                 How how) {
    Alert alert;
    alert.match = std::get<Match>(candidate.body);
    BlockRef& block = alert.match.transfer.block;
    Known const& known = known_[candidate.chain];
    if (how.held && block.number < known.final_below[static_cast<std::size_t>(candidate.path)])
        block.finalized = true;
    alert.id = id;
    alert.path = candidate.path;
    alert.speaks = how.speaks;
    alert.fallback = how.fallback;
    alert.epoch = turn.regime.epoch;
    alert.hybrid_buckets = turn.regime.hybrid_buckets;
    needs_.metrics.add(RouteMetric::legacy, how.speaks && alert.path == Path::legacy);
    Verdict verdict;
    verdict.header.received = candidate.header.received;
    verdict.chain = candidate.chain;
    verdict.path = candidate.path;
    if (alert.match.is_pattern && alert.match.pattern.ongoing) {
        alert.amended = Amended::evidence;
        verdict.body = Amendment{alert};
    } else {
        verdict.body = alert;
    }
    verdicts_.emit(verdict);
}

void Route::upkeep(pipeline::Turn const& turn) {
    needs_.metrics.set(RouteMetric::held, handover_.unsaid());
    if (turn.regime.epoch == obeyed_) return;
    obeyed_ = turn.regime.epoch;
    needs_.metrics.set(RouteMetric::epoch, obeyed_);
    if (needs_.switchboard != nullptr) needs_.switchboard->obey(obeyed_, needs_.clock.monotonic());
}

} // namespace stages
