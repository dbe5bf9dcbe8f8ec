// What is kept of each account of one chain: a fixed number of records of a fixed size, found by
// key. An account is let go only when its newest movement is older than the longest window, so that
// no window can point at another account's record; while none is, new accounts stay unknown, and
// that is counted. A record keeps its index as long as the account is here, and over a restart.
// Of who is let go, what outlasts every window goes to ColdAccounts (pattern_cold.hpp).
//
// Clusters: accounts that one person moves. `cluster` leads to the account that stands for all
// (itself, alone); `joined_by` says why it was joined. Movements inside a cluster are none. Members
// are linked in a ring, so that one can be let go. Not let go, however old: an account that stands
// for others, until they have gone (so there are never more such than younger members), and a
// `named` one, to which deposit sweeps point.
//
// The hash of the keys is drawn by `seed`, which nobody outside may know: anybody can send to any
// 32 bytes (AccountHash). Nothing but the time a search takes depends on it.
//
// Bounded: capacity x sizeof(AccountState), and the index beside it: 145 MB for 1,000,000. One
// thread; nothing is allocated after construction. Cannot fail.
#pragma once

#include "stages/cache_index.hpp"
#include "stages/pattern.hpp"

#include <array>
#include <string_view>
#include <vector>

namespace stages {

// Why an account belongs to its cluster. alone: it stands for it.
enum class JoinedBy : std::uint8_t { alone, label, multisig, proxy, derivative, deposit_sweep };
inline constexpr std::array<std::string_view, 6> joined_by_names{
    "alone", "label", "multisig", "proxy", "derivative", "deposit_sweep"};

struct alignas(64) AccountState {
    decoders::Account key;
    JoinedBy joined_by{};
    bool balance_known = false;     // since it was endowed, set, or read from a snapshot
    bool exchange : 1 = false;      // by its label, or its cluster's
    bool lets : 1 = false;          // it has let another do everything in its name
    std::uint8_t strangers : 3 = 0; // signers it was not derived from (pattern_clusters.hpp)
    AccountIndex cluster = no_account;
    std::uint32_t first_s = 0;        // first movement seen
    std::uint32_t first_out_s = 0;    // first own outgoing one; 0: none yet
    std::uint32_t last_out_s = 0;     // newest own outgoing one before the movement asked about
    std::uint32_t last_s = 0;         // newest movement of any kind, that one included
    std::uint32_t outs = 0;           // own outgoing movements, that one not counted
    std::uint32_t silent_since_s = 0; // where the pause before its newest episode of sending began
    MovedSeq sent = 0;                // newest, the movement asked about included
    MovedSeq received = 0;            // the same
    u128 balance = 0;                 // free and reserved, if balance_known; after that movement
    // Deposit sweeps (pattern_clusters.hpp): what came in, and how much of it went on to
    // `sweeps_to`, a named account.
    double in_sum = 0;
    double swept = 0;
    AccountIndex sweeps_to = no_account;
    AccountIndex next_member = no_account; // the ring of its cluster; itself, alone
    AccountIndex prev_member = no_account;
    bool named = false;        // the user has given it a label: never let go
    std::uint8_t inflows = 0;  // behind in_sum; stays at 255
    std::uint8_t sweeps = 0;   // behind swept; stays at 255
    std::uint8_t reserved = 0; // no byte is without a meaning
};
static_assert(sizeof(AccountState) == 128, "two cache lines; 1,000,000 accounts fit in 256 MB");

// Pauses of this length divide what an account sends into episodes.
inline constexpr std::uint32_t episode_pause_s = 86'400;

// Its own outgoing movement, after everybody has been asked about it. Until it sends for the first
// time it has been silent since it was first seen.
inline void remember_sent(AccountState& state, std::uint32_t time_s) {
    std::uint32_t const since_s = state.outs == 0 ? state.first_s : state.last_out_s;
    if (state.outs == 0) state.first_out_s = time_s;
    if (state.outs == 0 || time_s >= since_s + std::uint64_t{episode_pause_s})
        state.silent_since_s = since_s;
    state.last_out_s = time_s;
    ++state.outs;
}

// ((c0 + c1 w1 + .. + c5 w5) mod 2^128) / 2^64 over the key's four words and its size, with random
// coefficients of 128 bits: any two keys collide with a probability of 2^-64, whoever chose them
// (Lemire, Kaser: Strongly universal string hashing is fast, 2014). XXH3 has no such bound, SipHash
// takes ten times as long.
class AccountHash {
  public:
    explicit AccountHash(std::uint64_t seed);
    std::uint64_t operator()(decoders::Account const& account) const;

  private:
    std::array<u128, 6> coefficients_{};
};

class ColdAccounts;
struct ColdAccount;

class Accounts {
  public:
    // Records a mark of change stands for.
    static constexpr std::size_t page_accounts = 32;
    // Most records looked at to find one to let go; the next call goes on behind them.
    static constexpr std::size_t hand_steps_max = 32;

    Accounts(std::size_t capacity, std::uint32_t longest_window_s, std::uint64_t seed = 0);

    // Where who is let go goes to, and comes back from; null: it is forgotten.
    void remember_in(ColdAccounts* cold) { cold_ = cold; }

    // The account's record, made if it is not there; no_account: there is no room (counted). Its
    // last_s is at least now_s afterwards: what has just been entered is not let go.
    AccountIndex enter(decoders::Account const& key, std::uint32_t now_s);
    // no_account: it is not there.
    AccountIndex find(decoders::Account const& key) const;
    // The same with hash_of(key), which may be known for longer.
    AccountIndex find(decoders::Account const& key, std::uint64_t hash) const;

    // A search waits for memory twice: for the index, then for the record. Who knows what it will
    // look for asks for both beforehand, first for the one of everything, then for the other.
    std::uint64_t hash_of(decoders::Account const& key) const { return hash_(key); }
    void expect_index(std::uint64_t hash) const { index_.expect(hash); }
    void expect_record(std::uint64_t hash) const;

    // To be written: the record counts as changed. No reference may be kept beyond a snapshot.
    AccountState& operator[](AccountIndex index) {
        touch(index);
        return states_[index];
    }
    AccountState const& operator[](AccountIndex index) const { return states_[index]; }

    // The account that stands for its cluster; no_account for no_account.
    AccountIndex cluster_of(AccountIndex index) const {
        return index == no_account ? no_account : states_[index].cluster;
    }
    // Both clusters become one; the one of `into` stands for it. It is an exchange's if one of the
    // two was. Takes as many steps as the cluster of `account` has members.
    void join(AccountIndex account, AccountIndex into, JoinedBy why);
    // Who belongs to the cluster of `index`, and for which reasons (bits, 1 << JoinedBy); at most
    // members_max are looked at.
    struct Members {
        std::uint32_t count = 0;
        std::uint8_t joined_by = 0;
    };
    static constexpr std::uint32_t members_max = 64;
    Members members_of(AccountIndex index) const;
    // Of two accounts the one whose cluster has fewer members; `a` of equals. Takes as many steps
    // as that has members.
    AccountIndex smaller_cluster(AccountIndex a, AccountIndex b) const;
    // Every account stands for itself again.
    void part_all();

    std::size_t size() const { return used_; }
    std::size_t capacity() const { return states_.size(); }
    std::uint64_t refused() const { return refused_; }
    std::size_t memory_bytes() const;

    // ---- for a snapshot (pattern_store.hpp) ----

    // Has a record of this page, page_accounts from page * page_accounts on, changed since clean()?
    bool changed(std::size_t page) const { return (changed_[page / 64] >> page % 64 & 1) != 0; }
    void clean();
    std::size_t hand() const { return hand_; }
    // The state of the next index, as it was. False: there is no room, or the key is there.
    bool restore(AccountState const& state);
    // After the last one. False: the clusters are not what join() makes.
    bool restored(std::size_t hand, std::uint64_t refused);
    void clear();

  private:
    void touch(std::size_t index) {
        std::size_t const page = index / page_accounts;
        changed_[page / 64] |= std::uint64_t{1} << page % 64;
    }
    AccountIndex take_slot(std::uint32_t now_s);
    bool may_go(AccountState const& state, std::uint32_t now_s) const;
    void let_go(AccountIndex index);
    void recall(AccountIndex index, ColdAccount const& account);

    std::uint32_t const longest_window_s_;
    AccountHash const hash_;
    std::vector<AccountState> states_;
    CacheIndex index_;
    std::vector<std::uint64_t> changed_;
    std::size_t used_ = 0; // slots that were ever taken; none of them is ever free again
    std::size_t hand_ = 0; // where the search for one to let go goes on
    std::uint64_t refused_ = 0;
    ColdAccounts* cold_ = nullptr;
};

} // namespace stages
