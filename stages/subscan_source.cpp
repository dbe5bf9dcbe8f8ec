// What is asked, and what is told.
#include "stages/subscan_source.hpp"

#include "decoders/hex.hpp"
#include "decoders/ss58.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

std::string page_body(SubscanAskNext const& next, std::string const& min_amount, std::size_t rows) {
    std::string body =
        fmt::format(R"({{"row":{},"page":{},"order":"asc","direction":"all","block_range":"{}-{}")",
                    rows, next.page, next.from, next.to);
    if (!min_amount.empty())
        body += fmt::format(R"(,"min_amount":"{}","currency":"token")", min_amount);
    if (next.after)
        body += fmt::format(R"(,"after_id":[{},{}])", next.after->first, next.after->second);
    return body + '}';
}

} // namespace

SubscanSource::SubscanSource(SubscanSourceOptions options, Needs needs, pipeline::Out<Fact> facts,
                             pipeline::Out<Finding> findings, pipeline::Out<LegacyNote> notes)
    : options_(std::move(options))
    , needs_(std::move(needs))
    , facts_(facts)
    , findings_(findings)
    , notes_(notes)
    , gate_(options_.gate, {needs_.network, needs_.clock, needs_.log, needs_.gate_metrics})
    , reader_(options_.gate.http.body_bytes_max) {
    for (auto const& chain : options_.chains) chains_.emplace_back(SubscanPoll(chain.poll));
    gate_.reserve(options_.planned_per_day);
    restore_quota();
    for (std::size_t i = 0; i < chains_.size(); ++i)
        restore_greeting(static_cast<std::uint16_t>(i));
}

// A genesis that contradicts what the journal knows is asked for again, so that it is an incident.
void SubscanSource::restore_greeting(std::uint16_t index) {
    auto const& options = options_.chains[index];
    auto const& host = options_.gate.hosts[index];
    if (!needs_.greetings || !options.polled || !host) return;
    SubscanGreetings::Known known;
    CacheNow const now{needs_.clock.monotonic(), needs_.clock.unix_milliseconds()};
    if (!needs_.greetings->load(host->authority(), now, known)) return;
    if (options.genesis && *options.genesis != known.genesis) return;
    Chain& chain = chains_[index];
    chain.facts.genesis = known.genesis;
    for (auto const& token : known.tokens) chain.assets.learn(token);
    chain.step = Step::polling;
}

void SubscanSource::keep_greeting(std::uint16_t index) {
    if (!needs_.greetings) return;
    CacheNow const now{needs_.clock.monotonic(), needs_.clock.unix_milliseconds()};
    needs_.greetings->keep(options_.gate.hosts[index]->authority(), chains_[index].facts.genesis,
                           tokens_, now);
}

void SubscanSource::restore_quota() {
    std::string const name(quota_file);
    if (!needs_.files || !needs_.files->exists(name)) return;
    auto const text = needs_.files->read(name, Quota::state_bytes_max);
    auto const done = text ? gate_.restore_quota(*text)
                           : std::expected<void, std::string>(std::unexpected(text.error()));
    if (!done)
        needs_.log.write(pipeline::Level::warning, "subscan",
                         fmt::format("{}: {}; the requests of the last 24 hours are counted anew",
                                     name, done.error()));
}

void SubscanSource::keep_quota(pipeline::Turn const& turn) {
    if (!needs_.files || std::exchange(kept_last_, turn.draining)) return;
    if (turn.now < kept_at_ + keep_interval && !turn.draining) return;
    kept_at_ = turn.now;
    auto const done = needs_.files->write(std::string(quota_file), gate_.exported_quota());
    if (!done)
        needs_.log.write(pipeline::Level::warning, "subscan",
                         "the use of the key cannot be kept: " + done.error());
}

// ---- asking -------------------------------------------------------------------------------------

bool SubscanSource::tick(pipeline::Turn const& turn) {
    keep_quota(turn);
    if (turn.draining) return false;
    if (auto reply = gate_.poll()) {
        answered(*reply, turn);
        return true;
    }
    for (std::size_t i = 0; i < chains_.size(); ++i) {
        auto const index = static_cast<std::uint16_t>((turn_of_ + i) % chains_.size());
        if (!options_.chains[index].polled) continue;
        bool const worked = tell(index, turn) || ask(index, turn.now);
        if (!worked) continue;
        turn_of_ = index + 1U;
        return true;
    }
    return false;
}

bool SubscanSource::ask(std::uint16_t index, Nanoseconds now) {
    Chain& chain = chains_[index];
    if (chain.asked) return false;
    if (chain.step != Step::polling) return now >= chain.ask_at && ask_greeting(index);
    chain.poll.stretch(gate_.quota().stretch());
    auto const next = chain.poll.ask(now);
    switch (next.kind) {
    case SubscanAskNext::Kind::none: return false;
    case SubscanAskNext::Kind::head:
        needs_.metrics.add(LegacyMetric::polls);
        return send(index, Purpose::head,
                    {.path = "/api/scan/metadata", .body = "{}", .subject = "head"});
    case SubscanAskNext::Kind::page: return ask_page(index, next);
    }
    return false;
}

bool SubscanSource::ask_greeting(std::uint16_t index) {
    switch (chains_[index].step) {
    case Step::genesis:
        return send(
            index, Purpose::genesis,
            {.path = "/api/scan/block", .body = R"({"block_num":0})", .subject = "block 0"});
    case Step::tokens:
        return send(index, Purpose::tokens,
                    {.method = "GET",
                     .path = "/api/scan/token/unique_id",
                     .body = {},
                     .subject = "tokens"});
    case Step::older_tokens:
        return send(index, Purpose::older_tokens,
                    {.path = "/api/scan/token", .body = "{}", .subject = "tokens"});
    case Step::polling: break;
    }
    return false;
}

bool SubscanSource::ask_page(std::uint16_t index, SubscanAskNext const& next) {
    auto const& options = options_.chains[index];
    return send(index, Purpose::page,
                {.path = "/api/v2/scan/transfers",
                 .body = page_body(next, options.min_amount, options.poll.page_rows),
                 .subject = fmt::format("blocks {}-{}{}", next.from, next.to,
                                        next.after ? ", further page" : "")});
}

bool SubscanSource::send(std::uint16_t index, Purpose purpose, SubscanRequest request) {
    request.chain = index;
    request.priority = QuotaClass::alerting;
    auto const id = gate_.ask(std::move(request));
    CHECK(id); // one question a chain, and fewer chains than the gate has places
    chains_[index].asked = true;
    open_.push_back({*id, index, purpose, {}});
    return true;
}

void SubscanSource::on(pipeline::Part<Lookup> const& part, pipeline::Turn const&) {
    Lookup const& lookup = part.message;
    needs_.metrics.add(LegacyMetric::lookups);
    SubscanRequest request;
    request.chain = lookup.chain;
    request.priority = lookup.urgent ? QuotaClass::critical : QuotaClass::rest;
    request.leave_by = lookup.useful_until;
    if (lookup.wanted == Wanted::price) {
        request.path = "/api/open/price";
        request.body = fmt::format(R"({{"time":{}}})", lookup.time_s);
        request.subject = "price";
    } else {
        std::string key =
            lookup.account.size == 32
                ? std::string(decoders::ss58_encode(lookup.account, lookup.ss58_prefix).view())
                : decoders::hex_text(lookup.account.bytes());
        request.path = "/api/v2/scan/search";
        request.body = fmt::format(R"({{"key":"{}"}})", key);
        request.subject = "account " + key;
    }
    bool const room = lookups_ < lookups_max && options_.chains[lookup.chain].polled;
    auto const id = room ? gate_.ask(std::move(request)) : std::nullopt;
    if (id) {
        ++lookups_;
        open_.push_back({*id, lookup.chain, Purpose::lookup, lookup});
        return;
    }
    needs_.metrics.add(LegacyMetric::lookups_failed);
    Finding finding;
    finding.chain = lookup.chain;
    finding.wanted = lookup.wanted;
    finding.found = Found::failed;
    finding.account = lookup.account;
    finding.time_s = lookup.time_s;
    findings_.emit(finding);
}

Nanoseconds SubscanSource::next_deadline() const {
    Nanoseconds earliest = gate_.next_deadline();
    for (std::size_t i = 0; i < chains_.size(); ++i) {
        Chain const& chain = chains_[i];
        if (!options_.chains[i].polled || chain.asked) continue;
        bool const polling = chain.step == Step::polling;
        earliest = std::min(earliest, polling ? chain.poll.next_time() : chain.ask_at);
    }
    return earliest;
}

// ---- telling ------------------------------------------------------------------------------------

Fact SubscanSource::fact_of(std::uint16_t index) const {
    Fact fact;
    fact.header.received = chains_[index].received;
    fact.chain = index;
    fact.path = Path::legacy;
    return fact;
}

// What the chain is, and assets, before the first transfer that needs them. True: something was
// told.
bool SubscanSource::tell_facts(std::uint16_t index) {
    Chain& chain = chains_[index];
    // The newest block's answer tells the prefix of addresses; where it does not, a row may.
    bool const heard = chain.prefix_known || chain.poll.next() != nullptr;
    bool const ready = chain.step == Step::polling && chain.assets.native_known();
    if (!ready || !heard) return false;
    Fact fact = fact_of(index);
    if (!std::exchange(chain.facts_told, true)) {
        chain.facts.symbol.assign(chain.assets.native_symbol());
        chain.facts.decimals = chain.assets.native_decimals();
        fact.body = chain.facts;
        facts_.emit(fact);
        return true;
    }
    auto const asset = chain.assets.introduce();
    if (!asset) return false;
    fact.body = *asset;
    facts_.emit(fact);
    return true;
}

bool SubscanSource::tell(std::uint16_t index, pipeline::Turn const& turn) {
    Chain& chain = chains_[index];
    std::uint32_t told = 0;
    while (told < max_burst && tell_facts(index)) ++told;
    if (!chain.facts_told) return told != 0; // events wait until the chain's own token is known
    for (; told < max_burst; ++told) {
        auto const* event = chain.poll.next();
        if (event == nullptr) break;
        Fact fact = fact_of(index);
        std::visit([&](auto const& body) { fact.body = body; }, *event);
        if (auto const* settled = std::get_if<Settled>(event)) {
            needs_.metrics.add(LegacyMetric::blocks_settled,
                               settled->number - chain.settled_before);
            chain.settled_before = settled->number;
        }
        facts_.emit(fact);
        chain.poll.told();
        if (chain.poll.next() == nullptr) note(index, turn);
    }
    return told != 0;
}

void SubscanSource::note(std::uint16_t index, pipeline::Turn const& turn) {
    Chain const& chain = chains_[index];
    LegacyNote note;
    note.chain = index;
    note.facts = chain.facts;
    note.best = chain.poll.best();
    note.finalized = chain.poll.finalized();
    note.settled = chain.poll.settled();
    note.polled_unix_ms = chain.polled_unix_ms;
    note.every_s = static_cast<std::uint32_t>(chain.poll.every() / pipeline::second);
    note.breaker = static_cast<std::uint8_t>(gate_.breaker(index));
    note.state = gate_.key_refused()                                      ? LegacyState::held
               : !chain.trouble.empty()                                   ? LegacyState::failing
               : chain.step != Step::polling || chain.polled_unix_ms == 0 ? LegacyState::starting
               : chain.poll.behind()                                      ? LegacyState::behind
                                                                          : LegacyState::polling;
    Quota const& quota = gate_.quota();
    note.quota_day = options_.gate.quota.requests_per_day;
    note.quota_used = static_cast<std::uint32_t>(quota.used_today(turn.now));
    Nanoseconds const out = quota.runs_out_at(turn.now);
    note.quota_out_s = out == pipeline::never ? 0 : (out - turn.now) / pipeline::second + 1;
    if (quota.paused_until() > turn.now)
        note.paused_s = (quota.paused_until() - turn.now) / pipeline::second + 1;
    note.trouble.assign(chain.trouble);
    notes_.emit(note);
}

} // namespace stages
