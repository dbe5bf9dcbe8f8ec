// What is written in a [[rule]], by the table of rule_keys.cpp.
#include "config/rule_keys.hpp"

#include "decoders/ss58.hpp"
#include "stages/admin_request.hpp"
#include "stages/chain_health.hpp"
#include "stages/duration.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace config {

namespace {

constexpr std::size_t shown_max = 80; // bytes of what was written, in a message

std::string range_text(RuleKey const& row) {
    auto const text = [](double seconds) {
        return duration_text(static_cast<std::uint32_t>(seconds));
    };
    bool const bounded = row.type == KeyType::window || row.type == KeyType::windows;
    return fmt::format("whole seconds are needed, from \"{}\" to \"{}\"{}", text(row.low),
                       text(row.high), bounded ? ": movements are kept for 7 days" : "");
}

std::expected<std::uint32_t, std::string> seconds_of(RuleKey const& row, std::string_view text) {
    auto const value = stages::parse_duration(text);
    if (!value)
        return std::unexpected(fmt::format("\"{}\": {}", text.substr(0, shown_max), value.error()));
    auto const seconds = *value / pipeline::second;
    bool const fits =
        static_cast<double>(seconds) >= row.low && static_cast<double>(seconds) <= row.high;
    if (*value % pipeline::second != 0 || !fits)
        return std::unexpected(fmt::format("\"{}\": {}", text, range_text(row)));
    return static_cast<std::uint32_t>(seconds);
}

// One function for each kind of place; each leaves `out` alone when the key is absent or bad.

void read_value(Reader& in, RuleKey const& row, std::optional<std::uint32_t>& out) {
    if (row.type == KeyType::count) {
        std::int64_t value = 0;
        if (in.integer(row.key, static_cast<std::int64_t>(row.low),
                       static_cast<std::int64_t>(row.high), value))
            out = static_cast<std::uint32_t>(value);
        return;
    }
    std::string text;
    if (!in.text(row.key, text)) return;
    auto const seconds = seconds_of(row, text);
    if (seconds)
        out = *seconds;
    else
        in.complain(row.key, seconds.error());
}

void read_value(Reader& in, RuleKey const& row, std::optional<std::array<std::uint32_t, 2>>& out) {
    std::vector<std::string> texts;
    if (!in.texts(row.key, texts)) return;
    std::array<std::uint32_t, 2> read{};
    for (std::size_t i = 0; i < texts.size() && i < read.size(); ++i) {
        auto const seconds = seconds_of(row, texts[i]);
        if (!seconds) return in.complain(row.key, seconds.error());
        read[i] = *seconds;
    }
    if (texts.size() == read.size() && read[0] < read[1])
        out = read;
    else
        in.complain(row.key,
                    fmt::format("two durations are needed, the shorter first: {}", row.fallback));
}

void read_value(Reader& in, RuleKey const& row, std::optional<double>& out) {
    double value = 0;
    if (row.type == KeyType::number) {
        if (in.number(row.key, row.low, row.high, value)) out = value;
        return;
    }
    toml::node const* const node = in.take(row.key);
    if (node == nullptr) return;
    value = node->is_number() ? node->value<double>().value_or(0) : 0;
    if (value > 0 && value <= 1)
        out = value;
    else
        in.complain(row.key, "a share is a number above 0 and at most 1; 0.05 is 5 %");
}

void read_value(Reader& in, RuleKey const& row, std::optional<std::string>& out) {
    std::optional<std::string> read;
    if (!in.amount(row.key, read)) return;
    if (decimal_less(tokens_max, *read))
        in.complain(row.key, fmt::format("\"{}\" is more than any supply can be: {} tokens", *read,
                                         tokens_max));
    else
        out = std::move(read);
}

void read_value(Reader& in, RuleKey const& row, std::optional<bool>& out) {
    bool value = false;
    if (in.boolean(row.key, value)) out = value;
}

void read_value(Reader& in, RuleKey const& row, std::optional<stages::Severity>& out) {
    constexpr std::string_view names[] = {"notable", "important", "critical"};
    std::size_t index = 0;
    if (in.choice(row.key, names, index)) out = static_cast<stages::Severity>(index);
}

// False, and said why: a list that can include nobody, or is too long.
bool list_good(Reader& in, RuleKey const& row, std::size_t size) {
    if (size > rule_list_max)
        in.complain(row.key, fmt::format("more than {} entries", rule_list_max));
    else if (size == 0 && row.key.starts_with("include"))
        in.complain(row.key, "an empty list includes nobody; leave it out to include everybody");
    else
        return true;
    return false;
}

void read_value(Reader& in, RuleKey const& row, std::vector<decoders::Account>& out) {
    std::vector<std::string> texts;
    if (!in.texts(row.key, texts) || !list_good(in, row, texts.size())) return;
    for (std::string const& text : texts) {
        auto const address = decoders::parse_address(text);
        if (address)
            out.push_back(address->account);
        else
            in.complain(row.key, fmt::format("\"{}\": {}", text.substr(0, shown_max),
                                             decoders::describe(address.error())));
    }
}

void read_value(Reader& in, RuleKey const& row, std::vector<std::string>& out) {
    std::vector<std::string> texts;
    if (in.texts(row.key, texts) && list_good(in, row, texts.size())) out = std::move(texts);
}

// A date as it stands in the document, with quotes or without.
std::string instant_text_of(toml::node const& node) {
    if (auto const text = node.value_exact<std::string>()) return *text;
    auto const day_text = [](toml::date const& day) {
        return fmt::format("{:04}-{:02}-{:02}", day.year, day.month, day.day);
    };
    if (auto const day = node.value_exact<toml::date>()) return day_text(*day);
    auto const instant = node.value_exact<toml::date_time>();
    if (!instant) return "";
    std::string text = fmt::format("{}T{:02}:{:02}:{:02}", day_text(instant->date),
                                   instant->time.hour, instant->time.minute, instant->time.second);
    if (!instant->offset) return text; // of no zone: refused
    int const minutes = instant->offset->minutes;
    return text + fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60,
                              std::abs(minutes) % 60);
}

void read_value(Reader& in, RuleKey const& row, std::optional<std::vector<std::uint32_t>>& out) {
    toml::node const* const node = in.take(row.key);
    if (node == nullptr) return;
    toml::array const* const list = node->as_array();
    if (list == nullptr)
        return in.complain(row.key, fmt::format("a list of dates is needed: {}", row.fallback));
    if (!list_good(in, row, list->size())) return;
    std::vector<std::uint32_t> read;
    for (toml::node const& element : *list) {
        std::string const text = instant_text_of(element);
        auto const instant = parse_instant(text);
        if (!instant)
            return in.complain(
                row.key, fmt::format("\"{}\": {}", text.substr(0, shown_max), instant.error()));
        read.push_back(*instant);
    }
    out = std::move(read);
}

// `severity` and the rest of the table that this rule's kind has, except the levels.
void read_settings(Reader& in, stages::Rule& out) {
    for (RuleKey const& row : rule_keys()) {
        if (!row.of(out.kind)) continue;
        std::visit(
            [&](auto const& place) {
                if constexpr (requires { out.settings.*place; })
                    read_value(in, row, out.settings.*place);
            },
            row.place);
    }
}

template <class Place, class Levels>
void read_levels(Reader& in, stages::Rule const& rule, Levels& levels) {
    std::string_view below;
    for (RuleKey const& row : rule_keys()) { // in the order of the levels
        auto const* const place = std::get_if<Place>(&row.place);
        if (place == nullptr || !row.of(rule.kind)) continue;
        auto& level = levels[place->index];
        read_value(in, row, level);
        if (!level) continue;
        if (!below.empty() && decimal_less(*level, below))
            in.complain(row.key, fmt::format("\"{}\" is less than the level below it, \"{}\"",
                                             *level, below));
        below = *level;
    }
}

void read_levels(Reader& in, stages::Rule& out) {
    read_levels<LevelPlace>(in, out, out.levels);
    read_levels<UsdPlace>(in, out, out.settings.usd);
    constexpr std::string_view measures[] = {"notable",     "important",     "critical",
                                             "notable_usd", "important_usd", "critical_usd",
                                             "share",       "budget"};
    bool const any = std::ranges::any_of(measures, [&](auto key) { return in.has(key); });
    if (!any && out.kind == stages::RuleKind::large_transfer)
        in.complain("name", "the rule has no level: notable, important or critical (of tokens, or "
                            "with _usd), share or budget, at least one");
}

void read_assets(Reader& in, stages::Rule& out) {
    out.assets = {"native"};
    in.texts("assets", out.assets);
    if (out.assets.empty()) return in.complain("assets", "an empty list covers nothing");
    bool const native =
        std::ranges::all_of(out.assets, [](auto& name) { return name == "native"; });
    if (native || stages::row_of(out.kind).any_asset) return;
    in.complain("assets", fmt::format("{} looks at the chain's own token only: balances are known "
                                      "of no other; write [\"native\"] or leave it out",
                                      to_text(out.kind)));
    out.assets = {"native"};
}

// Claims of chain_health, by name.
void check_what(Reader& in, stages::Rule const& rule) {
    if (in.has("what") && rule.settings.what.empty() && rule.kind == stages::RuleKind::chain_health)
        in.complain("what", "an empty list looks for nothing; leave it out to look for everything");
    std::vector<std::string_view> names;
    for (stages::ChainHealthRow const& row : stages::chain_health_rows()) names.push_back(row.key);
    for (std::string const& what : rule.settings.what) {
        if (stages::health_what_named(what)) continue;
        std::string_view const near = stages::nearest(what, names);
        in.complain("what",
                    fmt::format("\"{}\" is none of {}{}", what.substr(0, shown_max),
                                fmt::join(names, ", "),
                                near.empty() ? std::string()
                                             : fmt::format("; did you mean \"{}\"?", near)));
    }
}

// Nothing: the kind is not there or none, and nothing more can be said about the other keys.
std::optional<stages::RuleKind> read_kind(Reader& in) {
    in.required("kind");
    std::string name;
    if (!in.text("kind", name)) return std::nullopt;
    if (auto const kind = stages::rule_kind_named(name)) return kind;
    std::vector<std::string_view> names;
    for (stages::RuleKindRow const& row : stages::rule_kind_rows()) names.push_back(row.name);
    std::string_view const near = stages::nearest(name, names);
    in.complain("kind",
                fmt::format("\"{}\" is no kind of rule; {}", name.substr(0, shown_max),
                            near.empty() ? std::string("`spyhop rule list --kinds` has them all")
                                         : fmt::format("did you mean \"{}\"?", near)));
    return std::nullopt;
}

// The keys that are written and in the table, each once.
std::vector<std::string_view> keys_present(Reader const& in) {
    std::vector<std::string_view> keys;
    for (RuleKey const& row : rule_keys())
        if (in.has(row.key) && std::ranges::find(keys, row.key) == keys.end())
            keys.push_back(row.key);
    return keys;
}

} // namespace

void read_rule_keys(Reader& in, stages::Rule& out) {
    auto const keys = keys_present(in);
    for (std::string_view const key : keys) {
        Where const where = in.where(key);
        out.given.push_back({std::string(key), where.line, where.column});
    }
    auto const kind = read_kind(in);
    if (!kind) {
        for (RuleKey const& row : rule_keys()) in.take(row.key);
        return;
    }
    out.kind = *kind;
    read_assets(in, out);
    read_levels(in, out);
    read_settings(in, out);
    check_what(in, out);
    for (std::string_view const key : keys) {
        if (find_rule_key(key, *kind) != nullptr) continue;
        in.take(key);
        in.complain(key, fmt::format("{} has no such key; what has it: {}", to_text(*kind),
                                     kinds_with(key)));
    }
}

} // namespace config
