// Who may speak for whom, worked out naively from what was in force and what operators were told:
// the order of evaluation once more, its hash from the paper, no stage of ours.
//
//   in_force()   the regime, looked at after every turn: a freeze that gives hybrid more, a
//                rollback that somebody but `unlock` ended, a start that gives more than the end of
//                the life before it
//   judge()      of an alert that is said for the first time, by the epoch that it names: its path
//                is the one that this regime, this pin, this tier and this bucket give
//
// A pin that was asked for and not answered may be in force or not: its account is judged no more.
// One thread; pure but for what it remembers.
#pragma once

#include "chain.hpp"
#include "scenario.hpp"

#include "pipeline/switchboard.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace sim {

enum class PinTo : std::uint8_t { none, legacy, hybrid };

class Speakers {
  public:
    using Verdict = std::optional<std::string>; // what is wrong

    // people: whose bucket and tier are known (tiers[i]: of person i; 0: not watched).
    explicit Speakers(std::vector<std::uint8_t> const& tiers);

    void life_begins() { begins_ = true; }
    Verdict in_force(pipeline::Regime const& regime, std::uint64_t unix_ms);
    // Somebody has pressed it; it may take effect from now on.
    void asked(Kind kind) { asked_.insert(kind); }
    // A chain is, or was, held on legacy by a health check.
    void held() { held_ = true; }

    void pin_asked(std::size_t person) { ++pins_[person].open; }
    void pin_refused(std::size_t person) { --pins_[person].open; }
    // until: unix milliseconds up to which it is certainly in force.
    void pinned(std::size_t person, PinTo to, std::uint32_t epoch,
                std::optional<std::uint64_t> until);

    // The answer to a command of the rollout that moves the share.
    Verdict moved(std::uint32_t epoch, double percent) const;
    // An operator was told that everything is on legacy from this epoch on, until it says other.
    void rolled_back(std::uint32_t epoch) { regimes_[epoch].legacy_only = true; }

    // Of a chain with both paths; from, to: public keys in hex.
    Verdict judge(std::string const& from, std::string const& to, bool hybrid, bool fallback,
                  std::uint32_t epoch) const;
    std::uint64_t judged() const { return judged_; } // alerts
    std::uint64_t judged_by_pin() const { return by_pin_; }

  private:
    struct Person {
        std::string key;
        std::uint32_t bucket = 0;
        std::uint8_t tier = 0;
    };
    struct Pinned {
        PinTo to{};
        std::optional<std::uint64_t> until;
    };
    struct Pins {
        int open = 0; // asked for, not answered
        std::map<std::uint32_t, Pinned> by_epoch;
    };
    struct Known {
        std::optional<pipeline::Regime> regime; // nothing: nobody has looked
        bool twice = false;                     // two lives have used this epoch
        bool legacy_only = false;               // as an operator was told
    };
    Verdict follows(pipeline::Regime const& before, pipeline::Regime const& now) const;
    std::optional<std::size_t> subject(std::string const& from, std::string const& to) const;
    // Nothing: it cannot be said.
    std::optional<bool> hybrid_speaks(std::size_t person, Known const& known,
                                      std::uint32_t epoch) const;

    std::vector<Person> people_;
    std::map<std::string, std::size_t> by_key_;
    std::map<std::size_t, Pins> pins_;
    std::map<std::uint32_t, Known> regimes_; // by epoch
    std::optional<pipeline::Regime> last_;
    std::set<Kind> asked_;
    std::uint64_t unix_max_ = 0;
    mutable std::uint64_t judged_ = 0, by_pin_ = 0;
    bool begins_ = true;
    bool held_ = false;
};

// floor(SipHash-2-4(key bytes, "spyhop bucket v1") * 10,000 / 2^64), as stages/README.md has it.
std::uint32_t bucket_by_the_paper(pipeline::Bytes key);

} // namespace sim
