// Which accounts one person moves, as far as it can be known, and why (JoinedBy):
//
//   label          the user's labels are equal up to a number at their end ("Binance 1", "Binance
//                  2"), and the kinds are; the kind "exchange", in any case, marks an exchange
//   deposit_sweep  of what comes in, nearly all goes on to one labelled wallet of an exchange
//                  within two hours, again and again: a deposit address
//   multisig       who has approved a call of a multisig belongs to it
//   proxy          an account without a key belongs to who made it; an account that lets another do
//                  everything in its name, once that other has moved what it holds: whom an account
//                  names was not asked
//   derivative     the account is number 0 to 15 of who signed the extrinsic that moved what it
//                  holds (utility.as_derivative); judged where signers are known (`attribute`)
//
// Two clusters the user has named apart stay apart.
//
// Sweeps: an outflow to such a wallet sweeps what came in since the outflow before it, at most
// `sweep_s` ago. Joined is an account that has no label and belongs to nobody yet, when `inflows`
// things came in, `sweeps` outflows swept, and what was swept is `sweep_share` of all that ever
// came in: no single transfer does that, and whoever once sent elsewhere needs a hundred times as
// much. Counted are movements between two accounts alone; the sums are doubles.
//
// One for each chain's Accounts. One thread. The constructor and relabel() allocate, nothing else;
// a movement takes at most sweep_steps_max steps through the log, and none unless it goes to a
// labelled exchange. Cannot fail.
#pragma once

#include "stages/pattern_accounts.hpp"
#include "stages/pattern_log.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace stages {

struct ClusterLabel { // an empty label is none; of an account's rows the first counts
    decoders::Account account;
    std::string_view label;
    std::string_view kind;
};

struct ClusterOptions {
    std::uint32_t sweep_s = 2 * 3'600;
    double sweep_share = 0.99;
    unsigned inflows = 3; // at most 255, as sweeps
    unsigned sweeps = 2;
};

class Clusters {
  public:
    // Inflows that an outflow is compared with; what is behind them was not swept.
    static constexpr std::size_t sweep_steps_max = 64;

    explicit Clusters(std::span<ClusterLabel const> labels, ClusterOptions options = {});

    // After Accounts::enter(), before its first movement is in its record: its label counts.
    void welcome(Accounts& accounts, AccountIndex index);
    // After the movement is in the log and in the records of both. True: the sender was joined.
    bool moved(Accounts& accounts, MovementLog const& log, Moved const& moved);
    // `part` acts for `whole` (MovementKind::multisig, proxy, pure).
    void related(Accounts& accounts, AccountIndex part, AccountIndex whole,
                 decoders::MovementKind how);
    // The signer has moved what `sender` holds.
    void acted(Accounts& accounts, decoders::Account const& signer, AccountIndex sender,
               std::uint32_t now_s);
    // Who lets others act for it, over a restart: bytes, and where the next one goes.
    std::span<std::byte> lets();
    std::uint64_t& lets_seen() { return lets_seen_; }

    // The accounts are others now: read from a snapshot, of which labels_then was the fingerprint,
    // or cleared. Where the labels are others now, what they said then does not count; all other
    // reasons stay. Who stood for others still does where it can.
    void relabel(Accounts& accounts, std::uint64_t labels_then);
    // Of what the labels say: who is together, who is an exchange.
    std::uint64_t fingerprint() const;

    std::size_t labels() const { return labelled_.size(); }

  private:
    struct Labelled {
        decoders::Account account;
        std::uint32_t group = 0;
        bool exchange = false;
    };
    struct Lets { // `delegator` lets `delegate` do everything in its name
        decoders::Account delegator;
        decoders::Account delegate;
    };
    // Newest of them that are remembered until the delegate acts.
    static constexpr std::size_t lets_max = 1'024;
    static constexpr std::uint16_t derived_max = 16;
    // An account that is no signer's number so often is not looked at again.
    static constexpr std::uint8_t strangers_max = 4;

    void unite(Accounts& accounts, AccountIndex part, AccountIndex whole, JoinedBy why);
    JoinedBy acts_how(decoders::Account const& signer, AccountState const& sender) const;
    Labelled const* find(decoders::Account const& account) const;
    void name(Accounts& accounts, AccountIndex index);
    void name_all_anew(Accounts& accounts);

    ClusterOptions const options_;
    AccountHash const hash_; // the user's own lists: nobody aims at this table
    std::vector<Labelled> labelled_;
    CacheIndex index_;
    std::vector<AccountIndex> first_of_group_; // no_account: none is here
    std::vector<Lets> lets_;                   // a ring
    std::uint64_t lets_seen_ = 0;
};

// The same account, or two of one cluster.
inline bool inside(Accounts const& accounts, AccountIndex a, AccountIndex b) {
    return a != no_account && b != no_account && accounts.cluster_of(a) == accounts.cluster_of(b);
}

// The label without a number at its end and the blanks, '#', '-', '_' before that; of a number
// alone all of it.
std::string_view label_stem(std::string_view label);

} // namespace stages
