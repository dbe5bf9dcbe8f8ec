// Whether a claim is true to the words of its kind (shared definitions of detectors), recounted
// from the stream and a ledger of its own: what a rule with fixed thresholds claims is then no
// false alarm, whoever planted it. Statistical kinds are left to chance.
//
// By accounts, not clusters: where an account's number of parties or its silence is counted, its
// cluster's is the same or less. Keeps the whole stream. One thread.
#pragma once

#include "tests/traffic/proof.hpp"

#include <unordered_map>

namespace bench {

class Words {
  public:
    explicit Words(traffic::Traffic const& traffic);

    void take(traffic::Block const& block);
    static bool judges(stages::RuleKind kind);
    // Of a claim made at the end of the block that was taken last.
    bool hold(traffic::Claimed const& claim) const;

  private:
    using u128 = traffic::u128;
    using Place = std::uint32_t; // of a movement in all_
    struct Seen {
        traffic::Account from, to;
        u128 amount = 0;
        u128 from_after = 0, to_after = 0; // balances
        std::uint32_t time_s = 0, block = 0;
        traffic::MovementKind kind{};
    };
    struct Holder {
        u128 balance = 0;
        std::vector<Place> sent, received;
    };
    struct Hash {
        std::size_t operator()(traffic::Account const& key) const;
    };

    Holder const& holder(traffic::Account const& key) const { return holders_.at(key); }
    u128 before(traffic::Account const& key, std::uint32_t time_s) const;
    bool dormant(Seen const& moved) const;
    bool gathered(Seen const& moved, bool outward) const;
    bool drained(Seen const& moved) const;
    bool structured(Seen const& moved) const;
    bool parted(std::vector<Place> const& places, std::uint32_t since_s, Seen const& last) const;
    bool crossed(traffic::Claimed const& claim, bool leaving) const;
    bool unbonded(Seen const& moved, traffic::Account const& of) const;
    bool passed(std::vector<Seen const*> const& hops) const;
    bool probed(std::vector<Seen const*> const& pair) const;

    std::vector<Seen> all_;
    std::map<traffic::MovementId, Place> places_;
    std::unordered_map<traffic::Account, Holder, Hash> holders_;
    std::unordered_map<traffic::Account, u128, Hash> genesis_;
    std::uint32_t start_s_;
};

} // namespace bench
