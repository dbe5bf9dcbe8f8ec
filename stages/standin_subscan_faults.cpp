#include "stages/standin_subscan_faults.hpp"

#include "stages/duration.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <toml++/toml.h>

namespace stages {

namespace {

using Done = std::expected<void, std::string>;

constexpr bool complete() {
    for (std::size_t i = 0; i < subscan_fault_kinds.size(); ++i) {
        if (subscan_fault_kinds[i].kind != static_cast<StandinFaultKind>(i)) return false;
    }
    return subscan_fault_kinds.size() ==
           static_cast<std::size_t>(StandinFaultKind::null_members) + 1;
}
static_assert(complete(), "one row for each kind, in the order of the enum");

// Reads nodes of one file; a failure says where in it.
struct Place {
    std::string_view source;

    std::unexpected<std::string> refuse(toml::source_region const& where,
                                        std::string_view what) const {
        return std::unexpected(
            fmt::format("{}:{}:{}: {}", source, where.begin.line, where.begin.column, what));
    }
    template <class Number>
    Done number(toml::node const& node, std::string_view key, std::uint64_t least,
                std::uint64_t most, Number& out) const {
        auto const value = node.value_exact<std::int64_t>();
        if (!value || *value < 0 || static_cast<std::uint64_t>(*value) < least ||
            static_cast<std::uint64_t>(*value) > most) {
            return refuse(node.source(),
                          fmt::format("{} must be a whole number from {} to {}", key, least, most));
        }
        out = static_cast<Number>(*value);
        return {};
    }
    std::expected<pipeline::Nanoseconds, std::string> duration(toml::node const& node,
                                                               std::string_view key) const {
        auto const text = node.value_exact<std::string>();
        if (!text) return refuse(node.source(), fmt::format("{} must be a text: \"2s\"", key));
        auto const value = parse_duration(*text);
        if (!value) return refuse(node.source(), fmt::format("{}: {}", key, value.error()));
        return *value;
    }
};

std::string names_of_kinds() {
    std::string names;
    for (auto const& row : subscan_fault_kinds) {
        if (!names.empty()) names += ", ";
        names += row.name;
    }
    return names;
}

Done read_status(Place const& place, toml::node const& node, StandinFault& fault) {
    auto const done = place.number(node, "status", 500, 504, fault.status);
    if (done && fault.status == 501) {
        return place.refuse(node.source(), "status must be 500, 502, 503 or 504");
    }
    return done;
}

Done read_key(Place const& place, toml::key const& key, toml::node const& node,
              StandinFault& fault) {
    constexpr std::uint64_t most = std::uint64_t{1} << 32;
    if (key == "at_request") return place.number(node, "at_request", 1, most, fault.at_request);
    if (key == "count") return place.number(node, "count", 1, most, fault.count);
    if (key == "status") return read_status(place, node, fault);
    if (key == "code") return place.number(node, "code", 1, 1'000'000, fault.code);
    if (key == "delay") {
        auto const delay = place.duration(node, "delay");
        if (!delay) return std::unexpected(delay.error());
        fault.delay = *delay;
        return {};
    }
    if (key == "endpoint") {
        auto const path = node.value_exact<std::string>();
        if (!path || !path->starts_with('/') || path->size() > subscan_endpoint_bytes_max) {
            return place.refuse(node.source(), "endpoint must be a path: \"/api/now\"");
        }
        fault.endpoint = *path;
        return {};
    }
    return place.refuse(key.source(),
                        fmt::format("unknown key \"{}\"; a fault has at_request, kind, count, "
                                    "endpoint, status, code and delay",
                                    key.str()));
}

std::expected<StandinFault, std::string> read_fault(Place const& place, toml::table const& table) {
    toml::node const* const kind = table.get("kind");
    if (kind == nullptr) return place.refuse(table.source(), "a fault needs a kind");
    auto const name = kind->value_exact<std::string>();
    auto const row =
        std::ranges::find(subscan_fault_kinds, name.value_or(""), &StandinFaultRow::name);
    if (row == subscan_fault_kinds.end()) {
        return place.refuse(kind->source(),
                            fmt::format("unknown kind of fault; known are {}", names_of_kinds()));
    }
    StandinFault fault;
    fault.kind = row->kind;
    for (auto const& [key, node] : table) {
        if (key == "kind") continue;
        if (auto const done = read_key(place, key, node, fault); !done) {
            return std::unexpected(done.error());
        }
    }
    return fault;
}

Done read_faults(Place const& place, toml::node const& node, SubscanScenario& out) {
    constexpr std::string_view wanted = "fault must be a list of [[fault]] tables";
    auto const* const list = node.as_array();
    if (list == nullptr) return place.refuse(node.source(), wanted);
    if (list->size() > subscan_faults_max) {
        return place.refuse(node.source(), fmt::format("more than {} faults", subscan_faults_max));
    }
    for (auto const& entry : *list) {
        if (!entry.is_table()) return place.refuse(entry.source(), wanted);
        auto fault = read_fault(place, *entry.as_table());
        if (!fault) return std::unexpected(fault.error());
        out.faults.push_back(std::move(*fault));
    }
    return {};
}

Done read_member(Place const& place, toml::key const& key, toml::node const& node,
                 SubscanScenario& out) {
    if (key == "quota_per_second") {
        return place.number(node, "quota_per_second", 0, subscan_quota_max, out.quota_per_second);
    }
    if (key == "quota_per_day") {
        return place.number(node, "quota_per_day", 0, subscan_quota_max, out.quota_per_day);
    }
    if (key == "lag_blocks") {
        return place.number(node, "lag_blocks", 0, subscan_lag_blocks_max, out.lag_blocks);
    }
    if (key == "finality_lag_blocks") {
        return place.number(node, "finality_lag_blocks", 0, subscan_lag_blocks_max,
                            out.finality_lag_blocks);
    }
    if (key == "fault") return read_faults(place, node, out);
    if (key == "block_time") {
        auto const time = place.duration(node, "block_time");
        if (!time) return std::unexpected(time.error());
        if (*time == 0) return place.refuse(node.source(), "block_time must be more than nothing");
        out.block_time = *time;
        return {};
    }
    return place.refuse(key.source(),
                        fmt::format("unknown key \"{}\"; a scenario has quota_per_second, "
                                    "quota_per_day, lag_blocks, finality_lag_blocks, block_time "
                                    "and [[fault]] tables",
                                    key.str()));
}

// The whole text as a table, or nothing and a message.
std::optional<toml::table> parse(Place const& place, std::string_view text, std::string& message) {
    try {
        return toml::parse(text);
    } catch (toml::parse_error const& error) {
        message = place.refuse(error.source(), error.description()).error();
        return std::nullopt;
    }
}

} // namespace

std::expected<SubscanScenario, std::string> parse_subscan_scenario(std::string_view toml,
                                                                   std::string_view source) {
    Place const place{source};
    std::string message;
    auto const table = parse(place, toml, message);
    if (!table) return std::unexpected(std::move(message));
    SubscanScenario scenario;
    for (auto const& [key, node] : *table) {
        if (auto const done = read_member(place, key, node, scenario); !done) {
            return std::unexpected(done.error());
        }
    }
    return scenario;
}

} // namespace stages
