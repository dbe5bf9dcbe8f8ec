#include "tests/traffic/prove_words.hpp"

#include <cmath>
#include <set>

namespace bench {

using stages::RuleKind;
using traffic::Account;
using traffic::day_s;
using traffic::MovementKind;
using traffic::tokens;

namespace {

bool sends(MovementKind kind) {
    return kind == MovementKind::transfer || kind == MovementKind::withdraw;
}

double real(traffic::u128 amount) { return static_cast<double>(amount); }

} // namespace

std::size_t Words::Hash::operator()(Account const& key) const {
    std::size_t word = 0; // keys are random
    std::memcpy(&word, key.key, sizeof word);
    return word;
}

Words::Words(traffic::Traffic const& traffic)
    : start_s_(traffic.options().start_s) {
    for (auto const& one : traffic.genesis()) {
        holders_[one.key].balance = one.total;
        genesis_[one.key] = one.total;
    }
}

void Words::take(traffic::Block const& block) {
    for (auto const& one : block.movements) {
        if (one.kind == MovementKind::reward) continue;
        Seen seen{.from = one.from,
                  .to = one.to,
                  .amount = one.amount,
                  .time_s = block.time_s,
                  .block = block.number,
                  .kind = one.kind};
        auto const place = static_cast<Place>(all_.size());
        if (one.from) {
            Holder& holder = holders_[one.from];
            if (sends(one.kind)) holder.balance -= one.amount;
            seen.from_after = holder.balance;
            holder.sent.push_back(place);
        }
        if (one.to) {
            Holder& holder = holders_[one.to];
            if (one.kind == MovementKind::transfer || one.kind == MovementKind::mint)
                holder.balance += one.amount;
            seen.to_after = holder.balance;
            holder.received.push_back(place);
        }
        places_[{block.number, one.event}] = place;
        all_.push_back(seen);
    }
}

bool Words::judges(RuleKind kind) {
    return stages::row_of(kind).model == stages::RuleModel::threshold;
}

// What it had when everything up to before that time had happened.
Words::u128 Words::before(Account const& key, std::uint32_t time_s) const {
    auto const found = genesis_.find(key);
    u128 balance = found == genesis_.end() ? 0 : found->second;
    Holder const& one = holder(key);
    Place newest = 0;
    bool any = false;
    for (auto const* list : {&one.sent, &one.received})
        for (Place const place : *list) {
            Seen const& seen = all_[place];
            if (seen.time_s >= time_s) break;
            if (any && place < newest) continue;
            any = true;
            newest = place;
            balance = list == &one.sent ? seen.from_after : seen.to_after;
        }
    return balance;
}

bool Words::hold(traffic::Claimed const& claim) const {
    auto const& facts = claim.found.facts;
    std::vector<Seen const*> evidence;
    for (std::uint32_t i = 0; i < facts.kept; ++i) {
        auto const found = places_.find({facts.evidence[i].block, facts.evidence[i].event});
        if (found != places_.end()) evidence.push_back(&all_[found->second]);
    }
    if (evidence.empty()) return false;
    Seen const& last = *evidence.back();
    switch (claim.kind) {
    case RuleKind::watch:
        return last.from == facts.subject && last.from_after <= tokens(traffic::watch_mark) &&
               last.from_after + last.amount > tokens(traffic::watch_mark);
    case RuleKind::dormant_awakening: return last.from == facts.subject && dormant(last);
    case RuleKind::consolidation: return gathered(last, false);
    case RuleKind::dispersion: return gathered(last, true);
    case RuleKind::drain: return drained(last);
    case RuleKind::structuring: return structured(last);
    case RuleKind::new_whale: return crossed(claim, false);
    case RuleKind::whale_exit: return crossed(claim, true);
    case RuleKind::unbonding: return unbonded(last, facts.subject);
    case RuleKind::pass_through: return passed(evidence);
    case RuleKind::test_then_large: return probed(evidence);
    default: return true;
    }
}

// Of what it sent without a pause of a day before it, the first is not older than that.
bool Words::dormant(Seen const& moved) const {
    Holder const& one = holder(moved.from);
    std::uint32_t begin_s = moved.time_s, since_s = start_s_;
    if (!genesis_.contains(moved.from)) since_s = all_[one.received.front()].time_s;
    for (auto place = one.sent.rbegin(); place != one.sent.rend(); ++place) {
        Seen const& seen = all_[*place];
        if (&seen >= &moved || !sends(seen.kind)) continue;
        if (begin_s - seen.time_s >= day_s) {
            since_s = seen.time_s;
            break;
        }
        begin_s = seen.time_s;
    }
    // Those of the genesis are first seen some seconds before the start.
    return begin_s + 600 - since_s >= 30 * day_s && moved.time_s - begin_s < day_s &&
           moved.amount >= tokens(10'000) && moved.amount * 20 >= moved.from_after + moved.amount;
}

bool Words::gathered(Seen const& moved, bool outward) const {
    Holder const& one = holder(outward ? moved.from : moved.to);
    std::unordered_map<Account, double, Hash> by_party;
    u128 sum = 0;
    for (Place const place : outward ? one.sent : one.received) {
        Seen const& seen = all_[place];
        bool const in = seen.time_s + day_s >= moved.time_s && &seen <= &moved;
        if (!in || seen.kind != MovementKind::transfer) continue;
        by_party[outward ? seen.to : seen.from] += real(seen.amount);
        sum += seen.amount;
    }
    double entropy = 0;
    for (auto const& [party, amount] : by_party)
        entropy -= amount / real(sum) * std::log(amount / real(sum));
    return by_party.size() >= 20 && entropy >= std::log(10) - 1e-9 && sum >= tokens(100'000);
}

bool Words::drained(Seen const& moved) const {
    std::uint32_t const since_s = moved.time_s - day_s;
    u128 sum = 0, largest = 0;
    std::size_t count = 0;
    for (Place const place : holder(moved.from).sent) {
        Seen const& seen = all_[place];
        if (seen.time_s < since_s || &seen > &moved || seen.kind != MovementKind::transfer)
            continue;
        sum += seen.amount;
        largest = std::max(largest, seen.amount);
        ++count;
    }
    u128 held = before(moved.from, since_s);
    if (held == 0) // filled and emptied
        for (Place const place : holder(moved.from).received)
            if (all_[place].time_s >= since_s && &all_[place] < &moved &&
                all_[place].kind != MovementKind::endow)
                held += all_[place].amount;
    return count >= 5 && largest * 2 <= sum && sum >= tokens(10'000) && sum * 2 >= held &&
           moved.from_after * 2 <= held;
}

bool Words::parted(std::vector<Place> const& places, std::uint32_t since_s,
                   Seen const& last) const {
    double mean = 0, squares = 0;
    std::vector<double> parts;
    for (Place const place : places) {
        Seen const& seen = all_[place];
        if (seen.time_s < since_s || &seen > &last || seen.kind != MovementKind::transfer) continue;
        if (seen.amount >= tokens(5'000) && seen.amount < tokens(10'000))
            parts.push_back(real(seen.amount));
    }
    for (double const part : parts) mean += part / double(parts.size());
    for (double const part : parts) squares += (part - mean) * (part - mean);
    return parts.size() >= 5 && mean * double(parts.size()) >= real(tokens(30'000)) &&
           std::sqrt(squares / double(parts.size())) < 0.15 * mean;
}

bool Words::structured(Seen const& moved) const {
    std::uint32_t const since_s = moved.time_s - day_s;
    return parted(holder(moved.from).sent, since_s, moved) ||
           parted(holder(moved.to).received, since_s, moved);
}

// A hundred blocks ago it was across for the first time, and has stayed since.
bool Words::crossed(traffic::Claimed const& claim, bool leaving) const {
    auto const across = [&](u128 balance) {
        return leaving ? balance < tokens(90'000) : balance >= tokens(100'000);
    };
    Account const& key = claim.found.facts.subject;
    Holder const& one = holder(key);
    auto const found = genesis_.find(key);
    bool was = across(found == genesis_.end() ? 0 : found->second);
    std::uint32_t crossed_block = 0;
    std::vector<Place> places = one.sent;
    places.insert(places.end(), one.received.begin(), one.received.end());
    std::ranges::sort(places);
    for (Place const place : places) {
        Seen const& seen = all_[place];
        bool const is = across(seen.from == key ? seen.from_after : seen.to_after);
        if (is && !was) crossed_block = seen.block;
        was = is;
    }
    // Of one that was sinking within the two marks before, the last crossing is not the first.
    return was && crossed_block != 0 && claim.block - crossed_block >= 100;
}

bool Words::unbonded(Seen const& moved, Account const& of) const {
    if (moved.kind == MovementKind::unstake) return moved.amount >= tokens(10'000);
    for (Place const place : holder(of).received) {
        Seen const& seen = all_[place];
        bool const released = seen.time_s + 28 * day_s <= moved.time_s;
        if (seen.kind == MovementKind::unstake && seen.amount >= tokens(10'000) && released)
            return true;
    }
    return false;
}

bool Words::passed(std::vector<Seen const*> const& hops) const {
    if (hops.size() < 3) return false;
    for (std::size_t i = 0; i < hops.size(); ++i) {
        if (hops[i]->amount < tokens(10'000)) return false;
        if (i == 0) continue;
        Seen const &was = *hops[i - 1], &is = *hops[i];
        if (is.from != was.to || is.time_s - was.time_s > 1'800) return false;
        if (is.amount * 10 < was.amount * 9 || was.amount * 10 < is.amount * 9) return false;
    }
    return true;
}

bool Words::probed(std::vector<Seen const*> const& pair) const {
    if (pair.size() != 2) return false;
    Seen const &probe = *pair[0], &large = *pair[1];
    for (Place const place : holder(probe.from).sent) {
        Seen const& seen = all_[place];
        if (&seen < &probe && seen.kind == MovementKind::transfer && seen.to == large.to)
            return false;
    }
    return probe.amount * 100 <= large.amount && large.amount >= tokens(100'000) &&
           large.time_s - probe.time_s <= 3'600;
}

} // namespace bench
