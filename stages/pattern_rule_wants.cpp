// What a rule need not be asked about: nearly every movement is below what it speaks of.
#include "stages/pattern_rule.hpp"
#include "stages/pattern_share.hpp"

#include <algorithm>

namespace stages {

namespace {

using decoders::MovementKind;
using decoders::MovementKinds;
using Wants = PatternRule::Wants;

constexpr MovementKinds changing_kinds = leaving_kinds | entering_kinds;

// A mark is about the balance, which any kind of movement may be the first to know.
Wants wants_of(WatchOptions const& of) {
    bool const marks = of.low || of.high;
    return {.kinds = decoders::every_movement(), .least = marks ? 0 : of.min};
}
Wants wants_of(DormantOptions const& of) { return {.kinds = sending_kinds, .least = of.min}; }
Wants wants_of(CoordinationOptions const& of) { return {.kinds = sending_kinds, .least = of.min}; }
Wants wants_of(GatheringOptions const& of) {
    return {.kinds = MovementKind::transfer, .least = of.sum / gathering_steps_max};
}
Wants wants_of(DrainOptions const& of) {
    return {.kinds = MovementKind::transfer, .least = of.min / drain_steps_max};
}
Wants wants_of(StructuringOptions const& of) {
    double const from = std::clamp(of.part_from, 0.0, 1.0);
    return {.kinds = MovementKind::transfer, .least = least_of_share(Share(from), of.level)};
}
Wants wants_of(ExchangeFlowOptions const&) {
    return {.kinds = changing_kinds, .of_exchange = true};
}
Wants wants_of(WhaleOptions const&) { return {.kinds = changing_kinds}; }
Wants wants_of(UnbondingOptions const& of) {
    return {.kinds = sending_kinds | MovementKind::unstake | MovementKind::withdraw_unbonded,
            .least = share_rounded_up(of.min, Unbondings::part_share)};
}
Wants wants_of(BurstOptions const& of) { return {.kinds = sending_kinds, .least = of.min}; }
Wants wants_of(MarketVolumeOptions const&) { return {.kinds = MovementKind::transfer}; }
Wants wants_of(PassThroughOptions const& of) {
    return {.kinds = MovementKind::transfer, .least = of.min};
}
Wants wants_of(TestThenLargeOptions const& of) {
    return {.kinds = MovementKind::transfer, .least = of.large};
}
// What is learned is learned from every transfer; what has no price is counted.
Wants wants_of(LargeOptions const& of) {
    bool const all =
        of.budget || std::ranges::any_of(of.usd, [](auto& level) { return level.has_value(); });
    return {.kinds = MovementKind::transfer, .least = all ? 0 : of.floor};
}

} // namespace

Wants PatternRule::wants() const {
    if (options_.kind == RuleKind::watch && options_.watched.empty()) return {};
    return std::visit([](auto const& of) { return wants_of(of); }, options_.family);
}

bool PatternRule::timed() const {
    if (budget_ || std::holds_alternative<Market>(family_)) return true;
    return std::visit(
        []<class Of>(Of const&) {
            return requires(Of& family, std::uint32_t to) { family.at_block(to); };
        },
        family_);
}

} // namespace stages
