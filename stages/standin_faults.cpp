#include "stages/standin_faults.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <toml++/toml.h>

namespace stages {

namespace {

std::unexpected<std::string> refuse(std::string_view source, toml::source_region const& where,
                                    std::string_view what) {
    return std::unexpected(
        fmt::format("{}:{}:{}: {}", source, where.begin.line, where.begin.column, what));
}

std::string names_of_kinds() {
    std::string names;
    for (auto const& row : fault_kinds) {
        if (!names.empty()) names += ", ";
        names += row.name;
    }
    return names;
}

std::expected<std::uint64_t, std::string> positive(toml::node const& node, std::uint64_t max,
                                                   std::string_view key, std::string_view source) {
    auto const value = node.value_exact<std::int64_t>();
    if (!value || *value < 1 || static_cast<std::uint64_t>(*value) > max) {
        return refuse(source, node.source(),
                      fmt::format("{} must be a whole number from 1 to {}", key, max));
    }
    return static_cast<std::uint64_t>(*value);
}

std::expected<Fault, std::string> read_fault(toml::table const& table, std::string_view source) {
    toml::node const* const kind = table.get("kind");
    if (kind == nullptr) return refuse(source, table.source(), "a fault needs a kind");
    auto const name = kind->value_exact<std::string>();
    auto const row = std::ranges::find(fault_kinds, name.value_or(""), &FaultRow::name);
    if (row == fault_kinds.end()) {
        return refuse(source, kind->source(),
                      fmt::format("unknown kind of fault; known are {}", names_of_kinds()));
    }
    Fault fault{1, row->kind, row->count};
    for (auto const& [key, node] : table) {
        if (key == "kind") continue;
        if (key != "at_block" && key != "count") {
            return refuse(
                source, key.source(),
                fmt::format("unknown key \"{}\"; a fault has at_block, kind and count", key.str()));
        }
        std::uint64_t const max = key == "count" ? row->count_max : std::uint64_t{1} << 32;
        auto const value = positive(node, max, key.str(), source);
        if (!value) return std::unexpected(value.error());
        (key == "count" ? fault.count : fault.at_block) = *value;
    }
    return fault;
}

// The whole text as a table, or nothing and a message.
std::optional<toml::table> parse(std::string_view text, std::string_view source,
                                 std::string& message) {
    try {
        return toml::parse(text);
    } catch (toml::parse_error const& error) {
        message = refuse(source, error.source(), error.description()).error();
        return std::nullopt;
    }
}

} // namespace

std::expected<std::vector<Fault>, std::string> parse_scenario(std::string_view toml,
                                                              std::string_view source) {
    std::string message;
    auto const table = parse(toml, source, message);
    if (!table) return std::unexpected(std::move(message));
    std::vector<Fault> faults;
    for (auto const& [key, node] : *table) {
        toml::array const* const list = node.as_array();
        if (key != "fault" || list == nullptr) {
            return refuse(source, key.source(), "a scenario holds [[fault]] tables only");
        }
        if (list->size() > faults_max) {
            return refuse(source, key.source(), fmt::format("more than {} faults", faults_max));
        }
        for (auto const& entry : *list) {
            if (!entry.is_table()) {
                return refuse(source, entry.source(), "a scenario holds [[fault]] tables only");
            }
            auto fault = read_fault(*entry.as_table(), source);
            if (!fault) return std::unexpected(fault.error());
            faults.push_back(*fault);
        }
    }
    return faults;
}

} // namespace stages
