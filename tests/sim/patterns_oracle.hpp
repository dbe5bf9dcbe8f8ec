// What `consolidation` and `dispersion` claim of one chain, by brute force over its blocks: at each
// transfer every earlier one of the same account is gone through again. No table, no log, no
// snapshot; what the headers of the families and of stages/patterns.hpp promise, and nothing else.
//
// Each claim is said exactly once, by its id, and as final; what it says more of (an amendment) is
// one that the same history gives. So a service that was killed between any two blocks has to come
// to the claims of one that never was.
//
// Judges chains that have their node alone: there hybrid speaks for everybody. One thread; borrows
// the chain.
#pragma once

#include "chain.hpp"
#include "oracle.hpp"

#include <map>
#include <set>

namespace sim {

// The rules, as configuration; `chains` are names in quotes, by comma.
std::string pattern_rules(std::string const& chains);

class PatternsOracle {
  public:
    explicit PatternsOracle(Chain& chain)
        : chain_(chain) {}

    bool knows(std::string const& rule) const;
    // What is wrong with a line of one of the rules.
    std::optional<std::string> judge(Told const& told, std::uint32_t finalized);
    std::optional<std::string> lacks(std::uint32_t last); // up to this block
    void begin_anew() { told_.clear(); }
    std::uint64_t told() const { return told_.size(); }

  private:
    struct Claim {
        std::uint32_t block = 0; // of the movement that completed it
        std::string severity, sum;
        std::uint64_t parties = 0;
        friend auto operator<=>(Claim const&, Claim const&) = default;
    };
    struct Moved {
        std::size_t from = 0, to = 0; // people
        u128 amount = 0;
        std::uint64_t time_s = 0;
    };
    struct Last { // that was told of a subject
        std::string id;
        std::uint64_t time_s = 0;
        u128 sum = 0;
        int severity = 0;
    };
    void reach(std::uint32_t block);
    void judge_all(std::size_t rule, Sent const& sent, Moved const& moved);
    void claim(std::size_t rule, std::size_t subject, Sent const& sent, std::uint64_t now_s,
               u128 sum, std::uint64_t parties);

    Chain& chain_;
    std::uint32_t next_ = Chain::first_number;                       // block
    std::vector<Moved> sent_[Chain::people], gotten_[Chain::people]; // oldest first
    std::map<std::pair<std::size_t, std::size_t>, Last> last_;       // by rule and subject
    std::map<std::string, Claim> claims_;                            // by id
    std::map<std::string, std::set<Claim>> more_;                    // amendments, by id
    std::set<std::string> told_;
};

} // namespace sim
