#include "stages/flags.hpp"

#include "stages/admin_request.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::array<FlagRow, flag_count> rows{{
    {FlagName::enable_hybrid_rpc, "enable_hybrid_rpc", FlagType::boolean, "true, false",
     "operations", 1, "nodes are asked; false: the service runs on Subscan alone"},
    {FlagName::enable_hybrid_patterns, "enable_hybrid_patterns", FlagType::boolean, "true, false",
     "detection", 1, "statistical rules run on the hybrid path"},
    {FlagName::enable_parallel_mode, "enable_parallel_mode", FlagType::boolean, "true, false",
     "rollout", 1, "both paths are compared; only the routed one speaks"},
    {FlagName::hybrid_traffic_percent, "hybrid_traffic_percent", FlagType::percent,
     "0 to 100, at most two decimals", "rollout", 0, "share of accounts the node speaks for"},
    {FlagName::canary_tier, "canary_tier", FlagType::tier, "0 to 4, all", "rollout",
     pipeline::tiers_all, "canary tiers admitted to that share; all: every account"},
}};

std::expected<std::uint16_t, std::string> parse_percent(std::string_view text) {
    double value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    bool const whole = error == std::errc() && end == text.data() + text.size();
    std::size_t const point = text.find('.');
    bool const fine = point == std::string_view::npos || text.size() - point <= 3;
    if (!whole || !fine || !(value >= 0) || value > 100 || text.find('e') != text.npos)
        return std::unexpected("a percentage from 0 to 100 with at most two decimals: 35, 12.5");
    return static_cast<std::uint16_t>(value * 100 + 0.5);
}

} // namespace

std::string_view to_text(FlagType type) {
    constexpr std::string_view names[] = {"boolean", "percent", "tier"};
    return names[static_cast<std::size_t>(type)];
}

std::span<FlagRow const> flag_rows() { return rows; }

FlagState default_flags() {
    FlagState state;
    for (FlagRow const& row : rows) state.of(row.name).value = row.initial;
    return state;
}

std::expected<FlagRow const*, std::string> find_flag(std::string_view key) {
    std::vector<std::string_view> keys;
    for (FlagRow const& row : rows) {
        if (row.key == key) return &row;
        keys.push_back(row.key);
    }
    std::string_view const near = nearest(key, keys);
    return std::unexpected(fmt::format("there is no flag '{}'{}", key,
                                       near.empty() ? "; spyhop flags lists them"
                                                    : fmt::format("; did you mean {}?", near)));
}

std::expected<std::uint16_t, std::string> parse_flag(FlagRow const& row, std::string_view text) {
    auto const wrong = [&](std::string_view what) {
        return std::unexpected(fmt::format("{} = '{}': {}", row.key, text, what));
    };
    switch (row.type) {
    case FlagType::boolean:
        if (text == "true") return std::uint16_t{1};
        if (text == "false") return std::uint16_t{0};
        return wrong("write true or false");
    case FlagType::percent: {
        auto const value = parse_percent(text);
        if (value) return *value;
        return wrong(value.error());
    }
    case FlagType::tier:
        if (text == "all") return std::uint16_t{pipeline::tiers_all};
        if (text.size() == 1 && text[0] >= '0' && text[0] <= '4')
            return static_cast<std::uint16_t>(text[0] - '0');
        return wrong("write 0 to 4, or all");
    }
    return wrong("?");
}

std::string flag_text(FlagRow const& row, std::uint16_t value) {
    switch (row.type) {
    case FlagType::boolean: return value != 0 ? "true" : "false";
    case FlagType::percent: return fmt::format("{}", value / 100.0);
    case FlagType::tier:
        return value == pipeline::tiers_all ? std::string("all") : fmt::format("{}", value);
    }
    return "?";
}

std::string flag_json(FlagRow const& row, std::uint16_t value) {
    std::string const text = flag_text(row, value);
    return text == "all" ? "\"all\"" : text;
}

pipeline::Regime regime_of(FlagState const& state) {
    using pipeline::Flag;
    auto const bit = [&](FlagName name, std::uint8_t flag) {
        return state.of(name).value != 0 ? flag : 0;
    };
    pipeline::Regime regime;
    regime.epoch = state.epoch;
    regime.mode = state.mode;
    regime.tier = static_cast<std::uint8_t>(state.of(FlagName::canary_tier).value);
    regime.hybrid_buckets = state.of(FlagName::hybrid_traffic_percent).value;
    regime.flags =
        static_cast<std::uint8_t>(bit(FlagName::enable_hybrid_rpc, Flag::hybrid_rpc) |
                                  bit(FlagName::enable_hybrid_patterns, Flag::hybrid_patterns) |
                                  bit(FlagName::enable_parallel_mode, Flag::parallel_mode) |
                                  (state.high_speed ? Flag::high_speed : 0));
    return regime;
}

} // namespace stages
