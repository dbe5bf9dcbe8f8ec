// Drives the engine of patterns with traffic, and holds what it claims against what was planted:
// what the proof of the detectors (test_proof.cpp, bench/patterns.cpp) is made of.
//
//   Traffic ──next()──▶ Driven: movement, end, finalized ──▶ claims ──▶ is_of(claim, shape, truth)
//
// The engine knows what everybody has from the first block on (a block of `set` before it), the hot
// wallets of exchanges by a label each, and rules of the kinds asked for, with their defaults, for
// the traffic's ten decimals. Only `watch` has no mark by default: it gets one. One thread;
// deterministic; fails by CHECK alone.
#pragma once

#include "stages/pattern_rule_make.hpp"
#include "stages/patterns.hpp"
#include "tests/traffic/planted.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace traffic {

using stages::RuleKind;

inline constexpr std::uint8_t traffic_decimals = 10;
inline constexpr std::uint64_t watch_mark = 90'000; // whole tokens: where plant_whale_exit is met

// Every kind that Patterns judges, in the order of the configuration.
std::vector<RuleKind> pattern_kinds();

struct DrivenOptions {
    std::vector<RuleKind> kinds = pattern_kinds();
    std::optional<double> budget{}; // alerts a day, of every rule; 0: none; nothing: by default
    std::optional<std::uint32_t> cooldown_s{};
    std::vector<Account> watched{};
    bool balances = true; // told before the first block
    std::size_t accounts_max = 262'144;
    std::uint64_t seed = 0;         // of the engine's table
    std::uint64_t renamed_by = 0;   // keys: tools.hpp; blocks are taken renamed
    std::vector<Account> entered{}; // seen before everybody else, in this order
};

// A claim, with what it is compared by.
struct Claimed {
    RuleKind kind{};
    std::uint32_t block = 0; // where it was made, not where its alert stands
    std::uint32_t time_s = 0;
    stages::PatternFound found;
};

// A block as the engine is told it.
struct ToldBlock {
    stages::BlockRef ref;
    std::vector<stages::Transfer> transfers;
};
ToldBlock told(Block const& block);

class Driven {
  public:
    Driven(Traffic const& traffic, DrivenOptions const& options);

    void take(Block const& block);
    void take(ToldBlock const& block); // the engine's own work alone; nothing is known as planted
    std::vector<Claimed> const& claims() const { return claims_; }
    stages::Patterns const& engine() const { return *engine_; }
    stages::Patterns& engine() { return *engine_; }
    // Nobody for the market, any party for coordination, else whose pattern it is.
    bool right_subject(Claimed const& claim, Truth const& truth) const;

  private:
    void set_balances(Traffic const& traffic, DrivenOptions const& options);
    void judge(stages::BlockRef const& block);

    std::vector<stages::Rule> rules_;
    std::unique_ptr<stages::Patterns> engine_;
    std::vector<Claimed> claims_;
    std::map<MovementId, std::array<Account, 2>> planted_; // parties
};

// A block of the traffic as the engine is told it.
stages::BlockRef block_ref(std::uint32_t number, std::uint32_t time_s);
stages::Transfer transfer_of(stages::BlockRef const& block, Movement const& movement);

// A way to plant a kind.
struct Shape {
    char const* name;
    RuleKind kind{};
    bool modelled = false;         // strength 1 is where its own model has its threshold
    double a_day = 24;             // how many may be planted without changing the model
    std::uint32_t first_day = 4;   // of the traffic: its earlier history must fit
    std::uint32_t tail_s = hour_s; // after its last movement it may still be told
    Truth (*plant)(Traffic&, Plan const&, std::uint32_t number){};
};
std::vector<Shape> shapes();

// What is ordinary in this traffic, worked out apart from the models: by hour of the week median
// and MAD of the windows in the hour and its neighbours, and the most there was in any window.
struct Marks {
    static constexpr std::uint32_t flows_max = 6; // the first exchanges
    struct Level {
        double median = 0, mad = 0;
    };
    using Week = std::array<Level, 168>;
    Week count{};            // 2 sqrt(transfers + 3/8), five minutes; of a batch one
    double rest_most = 0;    // planck in five minutes, without the largest
    std::uint32_t flows = 0; // of so many exchanges:
    std::array<double, flows_max> flow_most{}; // planck, net of an exchange's wallet, 15 minutes
};
Marks marks_of(Options const& options, std::uint32_t weeks);
// Of a plan that starts then: what strength 1 of a shape is (README.md).
Thresholds thresholds_of(Shape const& shape, Marks const& marks, std::uint32_t start_s,
                         std::uint32_t number);

// The claim is of what was planted: of its kind, at its time, and half of the movements it names
// (or of those planted, if fewer) are planted ones.
bool is_of(Claimed const& claim, Shape const& shape, Truth const& truth);

} // namespace traffic
