#include "stages/enrich.hpp"

#include <algorithm>

namespace stages {

namespace {

// A name as the cache keeps it.
struct IdentityRecord {
    FixedText<64> label{};
    FixedText<24> kind{};
    FixedText<24> judgement{};
    KnownBy by{};
};
static_assert(std::is_trivially_copyable_v<IdentityRecord> &&
              sizeof(IdentityRecord) <= CacheValue::bytes_max);

CacheNow cache_now(pipeline::Turn const& turn) { return {turn.now, turn.unix_ms}; }

std::uint32_t seconds(std::uint64_t ms) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(ms / 1'000, 0xffff'ffff));
}

// What Subscan calls an account counts only where the user has no name for it.
void take_identity(IdentityRecord const& record, std::uint32_t age_s, PartyKnown& party) {
    if (party.label.size != 0 || record.label.size == 0) return;
    party.label = record.label;
    party.kind = record.kind;
    party.judgement = record.judgement;
    party.label_by = record.by;
    party.label_age_s = age_s;
}

IdentityRecord identity_of(PartyKnown const& party) {
    return {party.label, party.kind, party.judgement, party.label_by};
}

std::uint64_t price_time(Transfer const& transfer) {
    std::uint64_t const at = transfer.block.timestamp_ms / 1'000;
    return at - at % Enrich::price_step_s;
}

} // namespace

Enrich::Enrich(EnrichOptions options, Needs needs, pipeline::Out<Verdict> verdicts,
               pipeline::Outs<Lookup> lookups, pipeline::Outs<Finding> prices)
    : options_(std::move(options))
    , metrics_(needs.metrics)
    , verdicts_(verdicts)
    , lookups_(std::move(lookups))
    , prices_(std::move(prices))
    , cache_(std::make_unique<Cache>(options_.cache, needs.store, needs.cache_metrics))
    , chains_(options_.chains.size()) {}

// ---- alerts -------------------------------------------------------------------------------------

void Enrich::on(pipeline::Part<Verdict> const& part, pipeline::Turn const& turn) {
    Verdict verdict = part.message;
    if (auto const* facts = std::get_if<ChainFacts>(&verdict.body)) {
        chains_[verdict.chain].word = chain_word(facts->genesis);
        chains_[verdict.chain].ss58_prefix = facts->ss58_prefix;
        let_go_of_earlier(verdict, facts->run);
    }
    open_ = 0;
    auto* const alert = std::get_if<Alert>(&verdict.body);
    // A chain that is not well has no accounts, and nothing that is worth anything.
    bool const moves = alert != nullptr && !alert->match.is_health;
    if (moves && alert->speaks) enrich(*alert, verdict.chain, turn);
    // More of a pattern that was told: with what is known by now.
    auto* const more = std::get_if<Amendment>(&verdict.body);
    if (more != nullptr && !more->alert.match.is_health) enrich(more->alert, verdict.chain, turn);
    verdicts_.emit(verdict);
    if (open_ != 0 && more == nullptr) wait_for(verdict, open_, turn.now);
}

void Enrich::enrich(Alert& alert, std::uint16_t index, pipeline::Turn const& turn) {
    metrics_.add(EnrichMetric::alerts);
    Transfer const& transfer = alert.match.transfer;
    label(transfer.from, alert.from);
    label(transfer.to, alert.to);
    bool const urgent = alert.match.severity == Severity::critical;
    bool const hurry = (turn.regime.flags & pipeline::Flag::high_speed) != 0;
    if (options_.chains[index].lookups && chains_[index].word != 0 && !hurry) {
        if (options_.accounts) {
            if (!know_account(index, transfer.from, alert.from, urgent, turn)) open_ |= of_from;
            if (!know_account(index, transfer.to, alert.to, urgent, turn)) open_ |= of_to;
        }
        if (options_.prices && !know_price(index, alert, urgent, turn)) open_ |= of_price;
    }
    metrics_.add(EnrichMetric::labelled, alert.from.label.size != 0 || alert.to.label.size != 0);
}

void Enrich::label(decoders::Account const& account, PartyKnown& party) const {
    auto const found = account ? options_.labels.find(account) : std::nullopt;
    if (!found) return;
    party.label.assign(found->label);
    party.kind.assign(found->kind);
    party.label_by = found->origin == LabelOrigin::watch ? KnownBy::watch : KnownBy::file;
}

// True: nothing more will come.
bool Enrich::know_account(std::uint16_t index, decoders::Account const& account, PartyKnown& party,
                          bool urgent, pipeline::Turn const& turn) {
    if (!account) return true;
    Chain const& chain = chains_[index];
    CacheNow const now = cache_now(turn);
    CacheKey const key = account_key(CacheKind::identity, chain.word, account);
    Lookup lookup;
    lookup.chain = index;
    lookup.wanted = Wanted::account;
    lookup.urgent = urgent;
    lookup.ss58_prefix = chain.ss58_prefix;
    lookup.account = account;
    CacheHit const name = cache_->find(key, now);
    bool const known = static_cast<bool>(name);
    bool const absent = name.absent();
    bool const refresh = name.refresh_due;
    if (known && !absent) {
        IdentityRecord record;
        if (name.value->size == sizeof record) {
            std::memcpy(&record, name.value->data, sizeof record);
            take_identity(record, seconds(name.age_ms), party);
        }
    }
    CacheHit const balance =
        cache_->find(account_key(CacheKind::balance, chain.word, account), now);
    if (balance && !balance.absent()) {
        party.balance.assign(balance.value->text());
        party.balance_age_s = seconds(balance.age_ms);
    }
    bool const whole = absent || (known && static_cast<bool>(balance));
    if (!whole || refresh) ask(key, lookup, turn);
    return whole;
}

bool Enrich::know_price(std::uint16_t index, Alert& alert, bool urgent,
                        pipeline::Turn const& turn) {
    Transfer const& transfer = alert.match.transfer;
    if (transfer.asset != native_asset || transfer.block.timestamp_ms == 0) return true;
    std::uint64_t const at = price_time(transfer);
    CacheKey const key = number_key(CacheKind::price, chains_[index].word, at);
    CacheHit const price = cache_->find(key, cache_now(turn));
    if (price) {
        if (price.absent()) return true;
        alert.price.usd.assign(price.value->text());
        alert.price.by = KnownBy::subscan;
        alert.price.age_s = seconds(transfer.block.timestamp_ms - at * 1'000);
        return true;
    }
    Lookup lookup;
    lookup.chain = index;
    lookup.wanted = Wanted::price;
    lookup.urgent = urgent;
    lookup.time_s = at;
    ask(key, lookup, turn);
    return false;
}

void Enrich::ask(CacheKey const& key, Lookup lookup, pipeline::Turn const& turn) {
    if (lookups_.count() == 0 || cache_->begin(key, cache_now(turn)) != CacheAsk::ask) return;
    metrics_.add(EnrichMetric::looked_up);
    lookup.useful_until = turn.now + amend_max;
    lookups_.emit(0, lookup);
}

// Once a step and chain; what is not answered is asked for again at the next one.
void Enrich::ask_prices(pipeline::Turn const& turn) {
    std::uint64_t const now_s = turn.unix_ms / 1'000;
    std::uint64_t const step_s = now_s - now_s % price_step_s;
    prices_at_ = pipeline::never;
    if (prices_.count() == 0 || !options_.prices) return;
    for (std::uint16_t i = 0; i < chains_.size(); ++i) {
        Chain& chain = chains_[i];
        auto const& options = options_.chains[i];
        if (!options.priced || !options.lookups || chain.word == 0) continue;
        prices_at_ = turn.now + (step_s + price_step_s - now_s) * pipeline::second;
        if (std::exchange(chain.price_s, step_s) == step_s) continue;
        CacheKey const key = number_key(CacheKind::price, chain.word, step_s);
        CacheHit const price = cache_->find(key, cache_now(turn));
        if (price && price.absent()) continue;
        if (price) {
            tell_price(i, step_s, price.value->text());
            continue;
        }
        Lookup lookup;
        lookup.chain = i;
        lookup.wanted = Wanted::price;
        lookup.time_s = step_s;
        ask(key, lookup, turn);
    }
}

void Enrich::tell_price(std::uint16_t index, std::uint64_t time_s, std::string_view usd) {
    if (prices_.count() == 0 || !options_.chains[index].priced) return;
    Finding finding;
    finding.chain = index;
    finding.wanted = Wanted::price;
    finding.found = Found::yes;
    finding.time_s = time_s;
    finding.price.usd.assign(usd);
    prices_.emit(0, finding);
}

void Enrich::wait_for(Verdict const& verdict, std::uint8_t open, Nanoseconds now) {
    auto const& alert = std::get<Alert>(verdict.body);
    // Told again (as final, or on another fork) before the answers came: one amendment is enough.
    std::erase_if(pending_, [&](Pending const& one) {
        return one.verdict.chain == verdict.chain &&
               std::get<Alert>(one.verdict.body).id == alert.id;
    });
    if (pending_.size() >= options_.pending_max) {
        metrics_.add(EnrichMetric::let_go);
        pending_.pop_front();
    }
    pending_.push_back({verdict, open, now + amend_max});
}

// Another run of that path has other numbers for assets: what waits has the old ones.
void Enrich::let_go_of_earlier(Verdict const& verdict, std::uint32_t run) {
    auto& known = chains_[verdict.chain].runs[static_cast<std::size_t>(verdict.path)];
    if (std::exchange(known, run) == run) return;
    std::size_t const gone = std::erase_if(pending_, [&](Pending const& one) {
        return one.verdict.chain == verdict.chain && one.verdict.path == verdict.path;
    });
    metrics_.add(EnrichMetric::let_go, gone);
}

// ---- answers ------------------------------------------------------------------------------------

void Enrich::on(pipeline::Part<Finding> const& part, pipeline::Turn const& turn) {
    remember(part.message, cache_now(turn));
    if (part.message.wanted == Wanted::price && part.message.found == Found::yes)
        tell_price(part.message.chain, part.message.time_s, part.message.price.usd.view());
    for (Pending& pending : pending_) apply(pending, part.message, turn.now);
}

void Enrich::remember(Finding const& finding, CacheNow const& now) {
    std::uint64_t const word = chains_[finding.chain].word;
    bool const account = finding.wanted == Wanted::account;
    CacheKey const key = account ? account_key(CacheKind::identity, word, finding.account)
                                 : number_key(CacheKind::price, word, finding.time_s);
    if (finding.found == Found::failed) return cache_->fail(key, now);
    if (finding.found == Found::no) return cache_->put_absent(key, CacheSource::subscan, now);
    CacheValue value{.source = CacheSource::subscan};
    if (!account) {
        CHECK(value.assign(finding.price.usd.view()));
        return cache_->put(key, value, now);
    }
    IdentityRecord const record = identity_of(finding.party);
    CHECK(value.assign({reinterpret_cast<std::uint8_t const*>(&record), sizeof record}));
    cache_->put(key, value, now);
    CacheKey const balance = account_key(CacheKind::balance, word, finding.account);
    if (finding.party.balance.size == 0)
        return cache_->put_absent(balance, CacheSource::subscan, now);
    CacheValue amount{.source = CacheSource::subscan};
    CHECK(amount.assign(finding.party.balance.view()));
    cache_->put(balance, amount, now);
}

void Enrich::apply(Pending& pending, Finding const& finding, Nanoseconds now) {
    if (pending.verdict.chain != finding.chain) return;
    auto& alert = std::get<Alert>(pending.verdict.body);
    Transfer const& transfer = alert.match.transfer;
    auto const party = [&](std::uint8_t bit, decoders::Account const& account, PartyKnown& known,
                           std::uint8_t label_bit, std::uint8_t balance_bit) {
        if ((pending.open & bit) == 0 || !(account == finding.account)) return;
        pending.open &= static_cast<std::uint8_t>(~bit);
        if (finding.found != Found::yes) return;
        bool const had_label = known.label.size != 0;
        take_identity(identity_of(finding.party), 0, known);
        if (!had_label && known.label.size != 0) alert.amended |= label_bit;
        if (finding.party.balance.size == 0) return;
        known.balance = finding.party.balance;
        known.balance_age_s = 0;
        alert.amended |= balance_bit;
    };
    if (finding.wanted == Wanted::account) {
        party(of_from, transfer.from, alert.from, Amended::from_label, Amended::from_balance);
        party(of_to, transfer.to, alert.to, Amended::to_label, Amended::to_balance);
    } else if ((pending.open & of_price) != 0 && price_time(transfer) == finding.time_s) {
        pending.open &= static_cast<std::uint8_t>(~of_price);
        if (finding.found == Found::yes) {
            alert.price = finding.price;
            alert.price.age_s = seconds(transfer.block.timestamp_ms - finding.time_s * 1'000);
            alert.amended |= Amended::usd;
        }
    }
    if (alert.amended != 0) pending.gather = std::min(pending.gather, now + gather_max);
}

bool Enrich::tick(pipeline::Turn const& turn) {
    auto const due = std::find_if(pending_.begin(), pending_.end(), [&](Pending const& one) {
        return one.open == 0 || turn.now >= std::min(one.until, one.gather) || turn.draining;
    });
    if (due == pending_.end()) return false;
    auto const& alert = std::get<Alert>(due->verdict.body);
    metrics_.add(EnrichMetric::too_late, due->open != 0 && turn.now >= due->until);
    if (alert.amended != 0) {
        metrics_.add(EnrichMetric::amended);
        Verdict verdict = due->verdict;
        verdict.body = Amendment{alert};
        verdicts_.emit(verdict);
    }
    // What is still open may amend it once more.
    Pending rest = *due;
    pending_.erase(due);
    std::get<Alert>(rest.verdict.body).amended = 0;
    rest.gather = pipeline::never;
    if (rest.open != 0 && turn.now < rest.until && !turn.draining) pending_.push_back(rest);
    return true;
}

void Enrich::upkeep(pipeline::Turn const& turn) {
    metrics_.set(EnrichMetric::pending, pending_.size());
    if (prices_.count() != 0) ask_prices(turn);
    if (turn.now < swept_at_ + pipeline::second) return;
    swept_at_ = turn.now;
    cache_->upkeep(cache_now(turn));
}

Nanoseconds Enrich::next_deadline() const {
    Nanoseconds earliest = prices_at_;
    for (Pending const& one : pending_) earliest = std::min({earliest, one.until, one.gather});
    return earliest;
}

} // namespace stages
