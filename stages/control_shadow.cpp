// What the comparator says: reports and the latest mismatches.
#include "stages/control.hpp"

#include "stages/control_words.hpp"
#include "stages/shadow_view.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

void Control::on(pipeline::Part<ShadowNote> const& part, pipeline::Turn const&) {
    comparisons_[part->chain] = part.message;
}

void Control::on(pipeline::Part<ShadowMismatch> const& part, pipeline::Turn const&) {
    if (mismatches_.size() == mismatches_max) mismatches_.pop_front();
    mismatches_.push_back(part.message);
}

// Chains that have both paths; the others have nothing to compare.
Control::Answer Control::shadow_report(AdminRequest const&, pipeline::Turn const&) {
    std::vector<ShadowView> views;
    for (std::size_t i = 0; i < options_.chains.size(); ++i) {
        auto const& chain = options_.chains[i];
        if (!chain.subscan.empty() && chain.hybrid)
            views.push_back({chain.name, comparisons_[i], resource_ratio()});
    }
    std::string text = shadow_table(views);
    if (views.empty()) text = "no chain has both paths: there is nothing to compare";
    return {0, text, ",\"chains\":" + shadow_json(views)};
}

Control::Answer Control::shadow_mismatches(AdminRequest const& request, pipeline::Turn const&) {
    auto const limit = number(request, "limit", 20, 0, mismatches_max);
    if (!limit) return {exit_usage, limit.error(), {}};
    std::vector<MismatchView> views;
    for (auto at = mismatches_.rbegin(); at != mismatches_.rend() && views.size() < *limit; ++at) {
        auto const& chain = options_.chains[at->chain];
        std::string const rule =
            at->rule < options_.rules.size() ? options_.rules[at->rule] : std::string("?");
        views.push_back({chain.name, rule, notes_[at->chain].facts.ss58_prefix, *at});
    }
    std::reverse(views.begin(), views.end()); // the newest last, where the eye is
    return {0, mismatches_table(views), ",\"mismatches\":" + mismatches_json(views)};
}

// Processor time of hybrid's processes over legacy's; only known where they are apart.
std::optional<double> Control::resource_ratio() const {
    return needs_.resource_ratio ? needs_.resource_ratio() : std::nullopt;
}

} // namespace stages
