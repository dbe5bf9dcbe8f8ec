#include "stages/routing.hpp"

namespace stages {

std::string_view to_text(RouteReason reason, Path path) {
    bool const hybrid = path == Path::hybrid;
    switch (reason) {
    case RouteReason::only_path: return "the chain has no other path";
    case RouteReason::hybrid_off: return "enable_hybrid_rpc is false";
    case RouteReason::kill_switch: return "everything is on legacy after a rollback";
    case RouteReason::hybrid_only: return "the service runs on its nodes alone";
    case RouteReason::chain_held:
        return "the chain's nodes were lost; legacy speaks until they hold";
    case RouteReason::pin: return "the account is pinned";
    case RouteReason::tier: return "its canary tier is not admitted yet";
    case RouteReason::share:
        return hybrid ? "its bucket is below hybrid's share"
                      : "its bucket is not in hybrid's share";
    }
    return "?";
}

RouteDecision decide(RouteWays const& ways, RouteSubject const& subject,
                     pipeline::Regime const& regime) {
    if (!ways.legacy) return {Path::hybrid, RouteReason::only_path};
    if (!ways.hybrid) return {Path::legacy, RouteReason::only_path};
    if ((regime.flags & pipeline::Flag::hybrid_rpc) == 0)
        return {Path::legacy, RouteReason::hybrid_off};
    if (regime.mode == pipeline::Mode::legacy_only) return {Path::legacy, RouteReason::kill_switch};
    if (regime.mode == pipeline::Mode::hybrid_only) return {Path::hybrid, RouteReason::hybrid_only};
    if (ways.held) return {Path::legacy, RouteReason::chain_held};
    if (subject.pin != Pin::none)
        return {subject.pin == Pin::hybrid ? Path::hybrid : Path::legacy, RouteReason::pin};
    bool const admitted =
        regime.tier == pipeline::tiers_all || (subject.tier != 0 && subject.tier <= regime.tier);
    if (!admitted) return {Path::legacy, RouteReason::tier};
    bool const in_share = subject.bucket < regime.hybrid_buckets;
    return {in_share ? Path::hybrid : Path::legacy, RouteReason::share};
}

} // namespace stages
