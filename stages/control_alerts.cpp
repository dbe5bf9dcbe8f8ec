// `spyhop alerts`: what was said lately.
#include "stages/admin_alerts.hpp"
#include "stages/control.hpp"
#include "stages/control_words.hpp"

#include <limits>

namespace stages {

namespace {

constexpr std::uint64_t limit_max = 10'000;

std::expected<Severity, std::string> severity(AdminRequest const& request) {
    std::string const text = argument(request, "severity");
    if (text.empty()) return Severity::notable;
    for (Severity const one : {Severity::notable, Severity::important, Severity::critical})
        if (text == to_text(one)) return one;
    return std::unexpected(fmt::format(
        "--severity {}: notable, important or critical; the more severe come, too", text));
}

std::expected<AlertFilter, std::string> filter_of(AdminRequest const& request,
                                                  pipeline::Turn const& turn) {
    AlertFilter filter;
    constexpr std::uint64_t hour_ms = 3'600'000;
    bool const goes_on = !argument(request, "after").empty(); // from there, however long ago
    auto const since_ms =
        since(request, goes_on ? 0 : turn.unix_ms - std::min(turn.unix_ms, hour_ms), turn);
    auto const least = severity(request);
    auto const most = number(request, "limit", filter.most, 1, limit_max);
    auto const after = number(request, "after", 0, 0, std::numeric_limits<std::int64_t>::max());
    if (!since_ms) return std::unexpected(since_ms.error());
    if (!least) return std::unexpected(least.error());
    if (!most) return std::unexpected(most.error());
    if (!after) return std::unexpected(after.error());
    filter.since_unix_ms = *since_ms;
    filter.least = *least;
    filter.most = *most;
    filter.after_seq = static_cast<std::int64_t>(*after);
    if (std::string const text = argument(request, "address"); !text.empty()) {
        auto const account = account_of(text);
        if (!account) return std::unexpected(account.error());
        filter.account = *account;
    }
    return filter;
}

} // namespace

Control::Answer Control::alerts(AdminRequest const& request, pipeline::Turn const& turn) {
    if (!needs_.alerts) return {exit_failed, "this service keeps no journal", {}};
    auto const filter = filter_of(request, turn);
    if (!filter) return {exit_usage, filter.error(), {}};
    auto const list = needs_.alerts(*filter);
    if (!list) return {exit_failed, list.error(), {}};
    return {0, alerts_table(*list),
            fmt::format(R"(,"last":{},"cut":{},"alerts":)", list->last_seq, list->cut) +
                alerts_json(*list)};
}

} // namespace stages
