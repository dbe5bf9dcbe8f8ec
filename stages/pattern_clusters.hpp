// Which accounts one person moves, as far as it can be known, and why (JoinedBy):
//
//   label          the user's labels are equal up to a number at their end ("Binance 1", "Binance
//                  2"), and the kinds are; the kind "exchange", in any case, marks an exchange
//   deposit_sweep  of what comes in, nearly all goes on to one labelled wallet of an exchange
//                  within two hours, again and again: a deposit address
//   multisig,      the account's id is a hash of others: derivative_account(), multisig_account();
//   derivative     who decodes the call joins them
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
    Labelled const* find(decoders::Account const& account) const;
    void name(Accounts& accounts, AccountIndex index);
    void name_all_anew(Accounts& accounts);

    ClusterOptions const options_;
    AccountHash const hash_; // the user's own lists: nobody aims at this table
    std::vector<Labelled> labelled_;
    CacheIndex index_;
    std::vector<AccountIndex> first_of_group_; // no_account: none is here
};

// The same account, or two of one cluster.
inline bool inside(Accounts const& accounts, AccountIndex a, AccountIndex b) {
    return a != no_account && b != no_account && accounts.cluster_of(a) == accounts.cluster_of(b);
}

// The label without a number at its end and the blanks, '#', '-', '_' before that; of a number
// alone all of it.
std::string_view label_stem(std::string_view label);

// The account utility.as_derivative(index) acts for: blake2_256 of SCALE(b"modlpy/utilisuba",
// account, u16 index) (pallet_utility); of an account of 20 bytes the first 20 of it.
decoders::Account derivative_account(decoders::Account const& account, std::uint16_t index);

// pallet_multisig's most on any chain.
inline constexpr std::size_t signatories_max = 100;

// The account the signatories share: blake2_256 of SCALE(b"modlpy/utilisuba", the accounts in
// ascending order, u16 threshold) (pallet_multisig). In any order. Nothing: of none, of more than
// signatories_max, or of accounts of different sizes.
std::optional<decoders::Account> multisig_account(std::span<decoders::Account const> signatories,
                                                  std::uint16_t threshold);

} // namespace stages
