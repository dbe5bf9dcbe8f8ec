#include "stages/patterns.hpp"

#include "pipeline/check.hpp"

#include <algorithm>

namespace stages {

namespace {

using decoders::MovementKind;
using decoders::MovementKinds;

// Stake that moves without a balance moving.
constexpr MovementKinds staking_kinds =
    MovementKinds(MovementKind::stake) | MovementKind::unstake | MovementKind::withdraw_unbonded;
// What says how much an account holds.
constexpr MovementKinds knowing_kinds = MovementKinds(MovementKind::endow) | MovementKind::set;
// What says who acts for whom.
constexpr MovementKinds relation_kinds =
    MovementKinds(MovementKind::multisig) | MovementKind::proxy | MovementKind::pure;

} // namespace

MovementKinds Patterns::kinds() {
    return leaving_kinds | entering_kinds | staking_kinds | knowing_kinds | relation_kinds;
}

Patterns::Patterns(Options const& options, std::span<ClusterLabel const> labels)
    : options_(options)
    , blocks_(options.blocks)
    , cold_(options.going_max, options.seed)
    , accounts_(options.accounts_max, options.longest_window_s, options.seed)
    , log_(options.movements_max)
    , clusters_(labels)
    , told_(options.told_max)
    , passed_(options.hashes_max)
    , lately_(options.claims_again_max) {
    CHECK(options.told_max > 0 && options.hashes_max > 0 && options.claims_again_max > 0);
    accounts_.remember_in(&cold_);
}

void Patterns::set_rules(std::vector<PatternRule> rules) {
    rules_ = std::move(rules);
    for (auto& asked : asked_) asked.clear();
    timed_.clear();
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        auto const rule = static_cast<std::uint16_t>(i);
        auto const [kinds, least, of_exchange] = rules_[i].wants();
        for (std::size_t kind = 0; kind < asked_.size(); ++kind)
            if (kinds.has(static_cast<MovementKind>(kind)))
                asked_[kind].push_back({least, rule, of_exchange});
        if (rules_[i].timed()) timed_.push_back(rule);
    }
}

void Patterns::movement(Transfer const& transfer) {
    if (transfer.asset != native_asset || rules_.empty()) return;
    MovementKind const kind = decoders::movement_rows()[transfer.movement].kind;
    if (!kinds().has(kind)) return;
    blocks_.movement(transfer.block, {.amount = transfer.amount,
                                      .from = transfer.from,
                                      .to = transfer.to,
                                      .signer = transfer.signer,
                                      .event = transfer.event_index,
                                      .extrinsic = transfer.extrinsic_index,
                                      .row = transfer.movement,
                                      .phase = transfer.phase});
}

// ---- one after the other ------------------------------------------------------------------------

std::optional<PatternFound> Patterns::next(std::size_t& steps_left) {
    if (again_ > 0)
        if (auto found = told_again()) return found;
    for (auto const* block = blocks_.front(); block != nullptr;) {
        switch (step_) {
        case Step::block:
            now_s_ = static_cast<std::uint32_t>(block->ref.timestamp_ms / 1'000);
            passed_now_ = block->ref.number;
            passed_[block->ref.number % passed_.size()] = {block->ref.number, now_s_,
                                                           block->ref.hash};
            place_ = block->first;
            ahead_size_ = ahead_at_ = 0;
            step_ = Step::movement;
            break;
        case Step::movement:
            rule_ = 0;
            if (place_ == PatternBlocks::none) {
                for (auto const rule : timed_) rules_[rule].at_block(block->ref.number, now_s_);
                step_ = Step::ended;
                break;
            }
            if (steps_left == 0) return std::nullopt;
            --steps_left;
            if (take_movement(*block))
                step_ = Step::rules;
            else
                place_ = blocks_.next_of(place_);
            break;
        case Step::rules:
            if (auto found = judge_next()) return found;
            remember_sender(moved_);
            place_ = blocks_.next_of(place_);
            step_ = Step::movement;
            break;
        case Step::ended:
            for (; rule_ < timed_.size(); ++rule_)
                while (auto const claim = rules_[timed_[rule_]].next(accounts_, log_))
                    if (auto found = told(rules_[timed_[rule_]], *claim)) return found;
            blocks_.pop();
            block = blocks_.front();
            step_ = Step::block;
            break;
        }
    }
    return std::nullopt;
}

bool Patterns::holds(decoders::Account const& key, std::uint32_t number, u128 total) {
    if (!between_blocks() || done_to() != number || now_s_ == 0) return false;
    AccountIndex account = accounts_.find(key);
    if (account == no_account) account = make(key, now_s_);
    if (account == no_account) return false;
    AccountState const& known = std::as_const(accounts_)[account];
    if (known.balance_known && known.balance == total) return true; // nothing to be written
    AccountState& state = accounts_[account];
    state.balance_known = true;
    state.balance = total;
    return true;
}

void Patterns::look_ahead() {
    ahead_size_ = ahead_at_ = 0;
    for (std::uint32_t place = place_; place != PatternBlocks::none && ahead_size_ < ahead_max;
         place = blocks_.next_of(place)) {
        HeldMovement const& held = blocks_.at(place);
        Ahead const ahead{accounts_.hash_of(held.from), accounts_.hash_of(held.to)};
        accounts_.expect_index(ahead.from);
        accounts_.expect_index(ahead.to);
        ahead_[ahead_size_++] = ahead;
    }
    for (Ahead const& ahead : std::span(ahead_).first(ahead_size_)) {
        accounts_.expect_record(ahead.from);
        accounts_.expect_record(ahead.to);
    }
}

AccountIndex Patterns::enter(decoders::Account const& key, std::uint64_t hash,
                             std::uint32_t now_s) {
    if (!key) return no_account;
    if (AccountIndex const known = accounts_.find(key, hash); known != no_account) {
        // Now, or the movement's other end might take its place.
        AccountState& state = accounts_[known];
        state.last_s = std::max(state.last_s, now_s);
        return known;
    }
    return make(key, now_s);
}

AccountIndex Patterns::make(decoders::Account const& key, std::uint32_t now_s) {
    AccountIndex const made = accounts_.enter(key, now_s);
    if (made != no_account) clusters_.welcome(accounts_, made);
    return made;
}

// False: nothing has moved.
bool Patterns::take_movement(PatternBlocks::Block const& block) {
    HeldMovement const& held = blocks_.at(place_);
    if (ahead_at_ == ahead_size_) look_ahead();
    Ahead const& ahead = ahead_[ahead_at_++];
    ++counts_.movements;
    moved_ = {.amount = held.amount,
              .time_s = now_s_,
              .block = block.ref.number,
              .event = held.event,
              .from = enter(held.from, ahead.from, now_s_),
              .to = enter(held.to, ahead.to, now_s_),
              .extrinsic = held.extrinsic,
              .row = held.row,
              .phase = held.phase,
              .kind = decoders::movement_rows()[held.row].kind};
    if (relation_kinds.has(moved_.kind)) {
        clusters_.related(accounts_, moved_.from, moved_.to, moved_.kind);
        return false;
    }
    AccountState* const from = moved_.from == no_account ? nullptr : &accounts_[moved_.from];
    AccountState* const to = moved_.to == no_account ? nullptr : &accounts_[moved_.to];
    change_balances(moved_, from, to);
    moved_.seq =
        log_.append(moved_, from == nullptr ? 0 : from->sent, to == nullptr ? 0 : to->received).seq;
    if (from != nullptr) from->sent = moved_.seq;
    if (to != nullptr) to->received = moved_.seq;
    if (held.signer && moved_.kind == MovementKind::transfer)
        clusters_.acted(accounts_, held.signer, moved_.from, now_s_);
    clusters_.moved(accounts_, log_, moved_);
    of_exchange_ = (from != nullptr && from->exchange) || (to != nullptr && to->exchange);
    return true;
}

// An endowed account holds nothing yet: the movement that endowed it follows.
void Patterns::change_balances(Moved const& moved, AccountState* from, AccountState* to) {
    if (to != nullptr && knowing_kinds.has(moved.kind)) {
        to->balance_known = true;
        to->balance = moved.kind == MovementKind::set ? moved.amount : 0;
        return;
    }
    if (from != nullptr && leaving_kinds.has(moved.kind)) {
        // More than it had: what was known of it was not all.
        if (from->balance < moved.amount) from->balance_known = false;
        from->balance -= std::min(from->balance, moved.amount);
    }
    if (to != nullptr && entering_kinds.has(moved.kind))
        to->balance = plus_saturated(to->balance, moved.amount);
}

void Patterns::remember_sender(Moved const& moved) {
    if (moved.from == no_account || !sending_kinds.has(moved.kind)) return;
    remember_sent(accounts_[moved.from], moved.time_s);
}

std::optional<PatternFound> Patterns::judge_next() {
    std::span<Asked const> const asked = asked_[static_cast<std::size_t>(moved_.kind)];
    u128 const amount = moved_.amount;
    bool const of_exchange = of_exchange_;
    for (std::size_t at = rule_; at < asked.size(); ++at) {
        Asked const& one = asked[at];
        if (amount < one.least || (one.of_exchange && !of_exchange)) continue;
        rule_ = at + 1;
        PatternRule& rule = rules_[one.rule];
        if (auto const claim = rule.on(accounts_, log_, moved_))
            if (auto found = told(rule, *claim)) return found;
    }
    rule_ = asked.size();
    return std::nullopt;
}

// ---- what is told -------------------------------------------------------------------------------

bool Patterns::wanted(PatternRule const& rule, Claim const& claim) const {
    if (rule.statistical() && !statistics_) return false;
    bool const of_account = claim.subject != no_account;
    return rule.speaks_of(of_account ? &accounts_[claim.subject].key : nullptr);
}

namespace {

// The chain itself is a subject, too. Never 0: that is a free slot. The same in every run: an index
// of a rule would not be.
std::uint64_t key_of(PatternRule const& rule, AccountIndex subject) {
    std::uint64_t const number = subject == no_account ? 0 : subject + 1ULL;
    std::uint64_t const key = rule.print() + number * 0x9e3779b97f4a7c15;
    return key == 0 ? 1 : key;
}

} // namespace

// The slot of the key, or else the one of its four that nobody has spoken of for longest.
Patterns::Told& Patterns::slot_of(std::uint64_t key, std::uint32_t cooldown_s, bool& known) {
    constexpr std::size_t ways = 4;
    std::uint64_t const hash = key * 0x9e3779b97f4a7c15;
    Told* oldest = nullptr;
    for (std::size_t i = 0; i < ways; ++i) {
        Told& slot = told_[(hash + i * (hash >> 32 | 1)) % told_.size()];
        known = slot.key == key && now_s_ - slot.last_s <= cooldown_s;
        if (slot.key == key) return slot;
        if (oldest == nullptr || slot.last_s < oldest->last_s) oldest = &slot;
    }
    known = false;
    return *oldest;
}

std::optional<PatternFound> Patterns::told(PatternRule& rule, Claim const& claim) {
    if (!wanted(rule, claim)) {
        ++counts_.excluded;
        return std::nullopt;
    }
    PatternFound found;
    found.rule = rule.options().rule;
    found.severity = rule.severity_of(claim);
    auto& facts = found.facts;
    facts.score_bits = claim.score_bits;
    facts.sum = claim.sum;
    if (claim.subject != no_account) {
        facts.subject = std::as_const(accounts_)[claim.subject].key;
        auto const members = accounts_.members_of(claim.subject);
        facts.members = members.count;
        facts.joined_by = members.joined_by;
    }
    facts.kept = claim.evidence.kept;
    facts.all = claim.evidence.all;
    facts.details = claim.details;
    Moved const* newest = nullptr;
    for (std::uint32_t i = 0; i < claim.evidence.kept; ++i) {
        auto const* const entry = log_.find(claim.evidence.seqs[i]);
        if (entry == nullptr) continue;
        newest = &entry->moved;
        facts.evidence[i] = {newest->block, newest->event};
    }
    if (newest == nullptr) newest = &moved_;
    bool known = false;
    std::uint64_t const key = key_of(rule, claim.subject);
    Told& slot = slot_of(key, rule.options().cooldown_s, known);
    if (known && !claim.single) {
        slot.last_s = now_s_;
        bool const more = found.severity > slot.severity || claim.sum / 2 >= slot.sum;
        if (!more) {
            ++counts_.repeats;
            return std::nullopt;
        }
        facts.ongoing = true;
        found.transfer = slot.transfer;
    } else if (!rule.affords(claim, now_s_)) {
        ++counts_.unaffordable;
        return std::nullopt;
    } else {
        found.transfer = transfer_of(*newest);
        slot.key = key;
        slot.transfer = found.transfer;
        remember(rule, found);
    }
    slot.last_s = now_s_;
    slot.severity = found.severity;
    slot.sum = claim.sum;
    if (passed_now_ <= told_to_) {
        ++counts_.retold;
        return std::nullopt;
    }
    ++counts_.claims;
    return found;
}

Transfer Patterns::transfer_of(Moved const& moved) const {
    Transfer transfer;
    Passed const& passed = passed_[moved.block % passed_.size()];
    transfer.block.number = moved.block;
    transfer.block.finalized = true;
    transfer.block.timestamp_ms = std::uint64_t{moved.time_s} * 1'000;
    transfer.block.hash_known = passed.number == moved.block;
    if (transfer.block.hash_known) transfer.block.hash = passed.hash;
    transfer.amount = moved.amount;
    if (moved.from != no_account) transfer.from = accounts_[moved.from].key;
    if (moved.to != no_account) transfer.to = accounts_[moved.to].key;
    transfer.event_index = moved.event;
    transfer.extrinsic_index = moved.extrinsic;
    transfer.phase = moved.phase;
    transfer.movement = moved.row;
    return transfer;
}

} // namespace stages
