#include "stages/pattern_whale.hpp"

#include <algorithm>

namespace stages {

namespace {

// The largest movements of one chain of the log.
struct Largest {
    std::array<Moved const*, Whales::told_max> kept{};
    std::size_t size = 0;
    std::uint32_t seen = 0;

    // From the newest back; of equal amounts the newer stays.
    void add(Moved const& moved) {
        ++seen;
        std::size_t at = size;
        while (at > 0 && kept[at - 1]->amount < moved.amount) --at;
        if (at == kept.size()) return;
        size = std::min(size + 1, kept.size());
        for (std::size_t i = size - 1; i > at; --i) kept[i] = kept[i - 1];
        kept[at] = &moved;
    }
    u128 largest() const { return size > 0 ? kept[0]->amount : 0; }
    EvidenceList evidence() {
        std::sort(kept.begin(), kept.begin() + size,
                  [](Moved const* a, Moved const* b) { return a->seq > b->seq; });
        EvidenceList list;
        for (std::size_t i = 0; i < size; ++i) list.add_older(kept[i]->seq);
        list.oldest_first();
        list.all = seen;
        return list;
    }
};

} // namespace

Whales::Whales(WhaleOptions const& options, std::size_t waiting_max)
    : options_(options)
    , exit_(share_rounded_up(options.level, options.exit_share))
    , goal_(options.leaving ? Zone::none : Zone::whale)
    , start_(options.leaving ? Zone::whale : Zone::none)
    , waiting_(waiting_max)
    , between_(waiting_max * 4) {}

Whales::Zone Whales::zone_of(u128 balance) const {
    return static_cast<Zone>(int{balance >= exit_} + int{balance >= options_.level}); // no branch
}

void Whales::on(Accounts const& accounts, Moved const& moved) {
    if (moved.from == moved.to) return;
    // Nearly nobody comes near a mark.
    auto const stays = [this](u128 least, u128 most) {
        return most < exit_ || least >= options_.level;
    };
    auto const judge = [&](AccountIndex of, u128 before, u128 after) {
        Zone const was = zone_of(before), is = zone_of(after);
        if (was != is) crossed(accounts, moved, of, was, is);
    };
    if (moved.from != no_account && leaving_kinds.has(moved.kind)) {
        AccountState const& sender = accounts[moved.from];
        u128 const before = plus_saturated(sender.balance, moved.amount);
        if (sender.balance_known && !stays(sender.balance, before))
            judge(moved.from, before, sender.balance);
    }
    if (moved.to != no_account && entering_kinds.has(moved.kind)) {
        AccountState const& receiver = accounts[moved.to];
        u128 const before = receiver.balance - std::min(receiver.balance, moved.amount);
        if (receiver.balance_known && !stays(before, receiver.balance))
            judge(moved.to, before, receiver.balance);
    }
}

void Whales::crossed(Accounts const& accounts, Moved const& moved, AccountIndex of, Zone was,
                     Zone is) {
    decoders::Account const& key = accounts[of].key;
    if (is == goal_) {
        bool const still = end_between(key);
        if (still || within_cluster(accounts, moved)) return;
        waiting_.push({key, false, moved.time_s, moved.block, moved.seq});
        return;
    }
    // One that has not stayed is nothing yet: only who had become it stays it in between.
    bool const waited = was == goal_ && end_waiting(key);
    if (is == start_)
        end_between(key);
    else if (was == goal_ && !waited)
        remember_between(key);
}

bool Whales::end_waiting(decoders::Account const& key) {
    bool found = false;
    waiting_.of(key, [&](Waiting& entry) {
        found = found || !entry.ended;
        entry.ended = true;
        return true;
    });
    return found;
}

bool Whales::end_between(decoders::Account const& key) {
    bool found = false;
    between_.of(key, [&](Between& entry) {
        found = found || !entry.ended;
        entry.ended = true;
        return true;
    });
    return found;
}

void Whales::remember_between(decoders::Account const& key) {
    while (between_.size() > 0 &&
           (between_.oldest()->ended || between_.size() == between_.capacity()))
        between_.drop_oldest();
    between_.push({key, false});
}

std::optional<Claim> Whales::next(Accounts const& accounts, MovementLog const& log) {
    while (Waiting const* const oldest = waiting_.oldest()) {
        Waiting const waiting = *oldest;
        bool const due =
            counters_.block >= waiting.block && counters_.block - waiting.block >= options_.blocks;
        if (!waiting.ended && !due) return std::nullopt;
        waiting_.drop_oldest();
        if (waiting.ended) continue;
        // A balance that was read anew may have changed without a movement.
        AccountIndex const of = accounts.find(waiting.key);
        if (of == no_account || !accounts[of].balance_known) continue;
        if (zone_of(accounts[of].balance) != goal_) continue;
        return claim_of(waiting, of, accounts, log);
    }
    return std::nullopt;
}

Claim Whales::claim_of(Waiting const& waiting, AccountIndex of, Accounts const& accounts,
                       MovementLog const& log) const {
    AccountState const& account = accounts[of];
    std::uint32_t const since_s = waiting.time_s > day_s ? waiting.time_s - day_s : 0;
    Largest largest;
    auto const look = [&](Moved const& moved) {
        if (!within_cluster(accounts, moved)) largest.add(moved);
        return true;
    };
    if (options_.leaving)
        log.sent(account.sent, since_s, looked_at, look);
    else
        log.received(account.received, since_s, looked_at, look);
    Claim claim;
    claim.subject = of;
    claim.severity = Severity::notable;
    claim.sum = account.balance;
    u128 const largest_amount = largest.largest();
    claim.evidence = largest.evidence();
    if (claim.evidence.kept == 0) claim.evidence.add_older(waiting.seq);
    claim.details =
        details_text(R"("level":"{}","balance":"{}","since_block":{},"largest":"{}","blocks":{})",
                     options_.leaving ? exit_ : options_.level, account.balance, waiting.block,
                     largest_amount, options_.blocks);
    return claim;
}

} // namespace stages
