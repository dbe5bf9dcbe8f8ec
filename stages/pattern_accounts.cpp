#include "stages/pattern_accounts.hpp"

#include "stages/pattern_cold.hpp"

#include <algorithm>
#include <cstring>

namespace stages {

namespace {

// splitmix64 (Steele, Lea, Flood 2014).
std::uint64_t next_random(std::uint64_t& state) {
    std::uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

// Without a call, and most often it is the one.
bool same(decoders::Account const& a, decoders::Account const& b) {
    std::array<std::uint64_t, 4> left{}, right{};
    std::memcpy(left.data(), a.key, sizeof a.key);
    std::memcpy(right.data(), b.key, sizeof b.key);
    std::uint64_t differs = a.size ^ b.size;
    for (std::size_t i = 0; i < left.size(); ++i) differs |= left[i] ^ right[i];
    return differs == 0;
}

} // namespace

AccountHash::AccountHash(std::uint64_t seed) {
    for (u128& one : coefficients_) {
        u128 const high = next_random(seed);
        one = high << 64 | next_random(seed);
    }
}

std::uint64_t AccountHash::operator()(decoders::Account const& account) const {
    std::array<std::uint64_t, 4> words{};
    std::memcpy(words.data(), account.key, sizeof account.key);
    u128 sum = coefficients_[0] + coefficients_[5] * account.size;
#pragma GCC unroll 4 // half of the instructions
    for (std::size_t i = 0; i < words.size(); ++i) sum += coefficients_[i + 1] * words[i];
    auto hash = static_cast<std::uint64_t>(sum >> 64);
    // One to one, so the bound holds; keys that differ by regular steps do not stay neighbours.
    hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15;
    return hash ^ hash >> 32;
}

Accounts::Accounts(std::size_t capacity, std::uint32_t longest_window_s, std::uint64_t seed)
    : longest_window_s_(longest_window_s)
    , hash_(seed)
    , states_(capacity)
    , index_(capacity)
    , changed_(capacity / page_accounts / 64 + 1) {
    CHECK(capacity > 0 && capacity < no_account);
}

std::size_t Accounts::memory_bytes() const {
    return states_.size() * sizeof(AccountState) + index_.memory_bytes() +
           changed_.size() * sizeof(std::uint64_t);
}

AccountIndex Accounts::find(decoders::Account const& key) const { return find(key, hash_(key)); }

AccountIndex Accounts::find(decoders::Account const& key, std::uint64_t hash) const {
    std::uint32_t const found =
        index_.find(hash, [&](std::uint32_t number) { return same(states_[number].key, key); });
    static_assert(CacheIndex::none == no_account);
    return found;
}

void Accounts::expect_record(std::uint64_t hash) const {
    std::uint32_t const likely = index_.find(hash, [](std::uint32_t) { return true; });
    if (likely == CacheIndex::none) return;
    auto const* const record = reinterpret_cast<char const*>(&states_[likely]);
    for (std::size_t at = 0; at < sizeof(AccountState); at += 64) __builtin_prefetch(record + at);
}

AccountIndex Accounts::enter(decoders::Account const& key, std::uint32_t now_s) {
    if (AccountIndex const known = find(key); known != no_account) {
        touch(known);
        states_[known].last_s = std::max(states_[known].last_s, now_s);
        return known;
    }
    AccountIndex const slot = take_slot(now_s);
    if (slot == no_account) {
        ++refused_;
        return no_account;
    }
    touch(slot);
    states_[slot] = {.key = key,
                     .cluster = slot,
                     .first_s = now_s,
                     .last_s = now_s,
                     .next_member = slot,
                     .prev_member = slot};
    index_.insert(hash_(key), slot);
    if (cold_ != nullptr)
        if (auto const known = cold_->take(key)) recall(slot, *known);
    return slot;
}

// ---- letting go ---------------------------------------------------------------------------------

// A movement exactly as old as the longest window is still in it.
bool Accounts::may_go(AccountState const& state, std::uint32_t now_s) const {
    if (state.named || std::uint64_t{state.last_s} + longest_window_s_ >= now_s) return false;
    return state.joined_by != JoinedBy::alone || &states_[state.next_member] == &state;
}

void Accounts::let_go(AccountIndex index) {
    AccountState const& state = states_[index];
    touch(state.prev_member);
    touch(state.next_member);
    states_[state.prev_member].next_member = state.next_member;
    states_[state.next_member].prev_member = state.prev_member;
    index_.erase(hash_(state.key), index);
    if (cold_ == nullptr) return;
    bool const alone = state.cluster == index;
    cold_->put({.key = state.key,
                .root = alone ? decoders::Account{} : states_[state.cluster].key,
                .joined_by = state.joined_by,
                .balance_known = state.balance_known,
                .lets = state.lets,
                .first_s = state.first_s,
                .first_out_s = state.first_out_s,
                .last_out_s = state.last_out_s,
                .outs = state.outs,
                .silent_since_s = state.silent_since_s,
                .balance = state.balance});
}

// Labels are looked up anew; whoever stood for it may be gone, or be no exchange any more.
void Accounts::recall(AccountIndex index, ColdAccount const& account) {
    AccountState& state = states_[index];
    state.first_s = account.first_s;
    state.first_out_s = account.first_out_s;
    state.last_out_s = account.last_out_s;
    state.outs = account.outs;
    state.silent_since_s = account.silent_since_s;
    state.balance_known = account.balance_known;
    state.lets = account.lets;
    state.balance = account.balance;
    if (!account.root || account.joined_by == JoinedBy::label) return;
    AccountIndex const root = find(account.root);
    if (root == no_account) return;
    if (account.joined_by == JoinedBy::deposit_sweep && !states_[root].exchange) return;
    join(index, root, account.joined_by);
}

AccountIndex Accounts::take_slot(std::uint32_t now_s) {
    if (used_ < states_.size()) return static_cast<AccountIndex>(used_++);
    std::size_t const steps = std::min(hand_steps_max, states_.size());
    for (std::size_t step = 0; step < steps; ++step) {
        auto const here = static_cast<AccountIndex>(hand_);
        hand_ = hand_ + 1 == states_.size() ? 0 : hand_ + 1;
        if (!may_go(states_[here], now_s)) continue;
        let_go(here);
        return here;
    }
    return no_account;
}

// ---- clusters -----------------------------------------------------------------------------------

void Accounts::join(AccountIndex account, AccountIndex into, JoinedBy why) {
    CHECK(account < used_ && into < used_ && why != JoinedBy::alone);
    AccountIndex const from = states_[account].cluster, root = states_[into].cluster;
    if (from == root) return;
    bool const exchange = states_[from].exchange || states_[root].exchange;
    auto const each_member = [&](AccountIndex of, auto const& change) {
        AccountIndex at = of;
        do {
            touch(at);
            change(states_[at]);
            at = states_[at].next_member;
        } while (at != of);
    };
    if (exchange && !states_[root].exchange)
        each_member(root, [](AccountState& state) { state.exchange = true; });
    each_member(from, [&](AccountState& state) {
        state.cluster = root;
        state.exchange = exchange;
    });
    states_[from].joined_by = why;
    // Two rings become one where each is cut behind its first.
    AccountIndex const after_root = states_[root].next_member,
                       after_from = states_[from].next_member;
    touch(root), touch(after_root), touch(after_from);
    states_[root].next_member = after_from;
    states_[after_from].prev_member = root;
    states_[from].next_member = after_root;
    states_[after_root].prev_member = from;
}

Accounts::Members Accounts::members_of(AccountIndex index) const {
    Members members;
    AccountIndex at = index;
    do {
        ++members.count;
        if (states_[at].joined_by != JoinedBy::alone)
            members.joined_by |=
                static_cast<std::uint8_t>(1U << static_cast<unsigned>(states_[at].joined_by));
        at = states_[at].next_member;
    } while (at != index && members.count < members_max);
    return members;
}

AccountIndex Accounts::smaller_cluster(AccountIndex a, AccountIndex b) const {
    AccountIndex at_a = a, at_b = b;
    for (;;) {
        at_a = states_[at_a].next_member;
        if (at_a == a) return a;
        at_b = states_[at_b].next_member;
        if (at_b == b) return b;
    }
}

void Accounts::part_all() {
    for (std::size_t i = 0; i < used_; ++i) {
        auto const index = static_cast<AccountIndex>(i);
        touch(i);
        states_[i].cluster = states_[i].next_member = states_[i].prev_member = index;
        states_[i].joined_by = JoinedBy::alone;
        states_[i].exchange = false;
    }
}

// ---- snapshots ----------------------------------------------------------------------------------

void Accounts::clean() { std::ranges::fill(changed_, 0); }

bool Accounts::restore(AccountState const& state) {
    if (used_ == states_.size() || find(state.key) != no_account) return false;
    index_.insert(hash_(state.key), static_cast<AccountIndex>(used_));
    states_[used_++] = state;
    return true;
}

bool Accounts::restored(std::size_t hand, std::uint64_t refused) {
    if (hand >= states_.size()) hand = 0; // there were more
    hand_ = hand;
    refused_ = refused;
    for (std::size_t i = 0; i < used_; ++i) {
        AccountState const& state = states_[i];
        bool const inside = state.cluster < used_ && state.next_member < used_ &&
                            state.prev_member < used_ &&
                            (state.sweeps_to == no_account || state.sweeps_to < used_);
        if (!inside) return false;
        bool const linked = states_[state.next_member].prev_member == i &&
                            states_[state.prev_member].next_member == i &&
                            states_[state.next_member].cluster == state.cluster;
        bool const stands = state.cluster == i;
        if (!linked || stands != (state.joined_by == JoinedBy::alone)) return false;
        if (!stands && states_[state.cluster].cluster != state.cluster) return false;
    }
    return true;
}

void Accounts::clear() {
    for (std::size_t i = 0; i < used_; ++i)
        index_.erase(hash_(states_[i].key), static_cast<AccountIndex>(i));
    std::fill_n(states_.begin(), used_, AccountState{});
    clean();
    used_ = hand_ = 0;
    refused_ = 0;
}

} // namespace stages
