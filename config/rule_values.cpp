// Values of rules as texts, the way they are written.
#include "config/rule_keys.hpp"

#include "decoders/amount.hpp"
#include "decoders/value_json.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <limits>

namespace config {

namespace {

namespace chrono = std::chrono;
using Seconds = chrono::sys_seconds;

std::string list_text(std::vector<std::string> const& texts) {
    std::string out;
    for (std::string const& text : texts) {
        if (!out.empty()) out += ", ";
        decoders::append_json_text(text, out); // TOML's basic strings know the same escapes
    }
    return "[" + out + "]";
}

std::string key_text(decoders::Account const& account) {
    std::string text = "0x";
    for (std::uint8_t const byte : account.bytes()) text += fmt::format("{:02x}", byte);
    return text;
}

using Text = std::optional<std::string>;

template <class T>
Text text_of(RuleKey const& row, std::optional<T> const& value);

Text text_of(RuleKey const& row, std::uint32_t value) {
    return row.type == KeyType::count ? std::to_string(value) : duration_text(value);
}
Text text_of(RuleKey const&, double value) { return fmt::format("{}", value); }
Text text_of(RuleKey const&, bool value) { return value ? "true" : "false"; }
Text text_of(RuleKey const&, std::string const& value) { return value; }
Text text_of(RuleKey const&, stages::Severity value) { return std::string(to_text(value)); }
Text text_of(RuleKey const&, std::array<std::uint32_t, 2> const& value) {
    return list_text({duration_text(value[0]), duration_text(value[1])});
}
Text text_of(RuleKey const&, std::vector<std::uint32_t> const& value) {
    std::vector<std::string> texts;
    for (std::uint32_t const instant : value) texts.push_back(instant_text(instant));
    return list_text(texts);
}
Text text_of(RuleKey const&, std::vector<decoders::Account> const& value) {
    std::vector<std::string> texts;
    for (decoders::Account const& account : value) texts.push_back(key_text(account));
    return texts.empty() ? Text() : list_text(texts);
}
Text text_of(RuleKey const&, std::vector<std::string> const& value) {
    return value.empty() ? Text() : list_text(value);
}
template <class T>
Text text_of(RuleKey const& row, std::optional<T> const& value) {
    return value ? text_of(row, *value) : std::nullopt;
}

// Exactly. Nothing: it is nought, from which no level is made, or there is no such amount.
std::string times_text(std::string_view tokens, std::uint32_t times) {
    std::size_t const point = tokens.find('.');
    std::size_t const digits = point == std::string_view::npos ? 0 : tokens.size() - point - 1;
    if (digits > decoders::max_decimals) return "";
    auto const decimals = static_cast<std::uint8_t>(digits);
    auto const units = decoders::parse_tokens(tokens, decimals);
    if (!units || *units == 0 || *units > ~pipeline::u128{0} / times) return "";
    return std::string(decoders::tokens_text(*units * times, decimals).view());
}

// A whole number of `digits` digits at the front of `text`, which is cut off.
std::optional<unsigned> take_number(std::string_view& text, std::size_t digits) {
    if (text.size() < digits) return std::nullopt;
    unsigned value = 0;
    for (char const c : text.substr(0, digits)) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    text.remove_prefix(digits);
    return value;
}

bool take_char(std::string_view& text, std::string_view one_of) {
    if (text.empty() || one_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<chrono::sys_days> take_day(std::string_view& text) {
    auto const year = take_number(text, 4);
    if (!year || !take_char(text, "-")) return std::nullopt;
    auto const month = take_number(text, 2);
    if (!month || !take_char(text, "-")) return std::nullopt;
    auto const day = take_number(text, 2);
    if (!day) return std::nullopt;
    chrono::year_month_day const date{chrono::year(static_cast<int>(*year)), chrono::month(*month),
                                      chrono::day(*day)};
    if (!date.ok()) return std::nullopt;
    return chrono::sys_days(date);
}

// "hh:mm", as minutes.
std::optional<chrono::minutes> take_minutes(std::string_view& text) {
    auto const hour = take_number(text, 2);
    if (!hour || *hour > 23 || !take_char(text, ":")) return std::nullopt;
    auto const minute = take_number(text, 2);
    if (!minute || *minute > 59) return std::nullopt;
    return chrono::hours(*hour) + chrono::minutes(*minute);
}

// RFC 3339, section 5.6; parts of a second are cut off.
std::optional<Seconds> instant_of(std::string_view text) {
    auto const day = take_day(text);
    if (!day) return std::nullopt;
    if (text.empty()) return *day + chrono::days(1);
    if (!take_char(text, "Tt ")) return std::nullopt;
    auto const minutes = take_minutes(text);
    if (!minutes || !take_char(text, ":")) return std::nullopt;
    auto const second = take_number(text, 2);
    if (!second || *second > 59) return std::nullopt;
    if (take_char(text, ".")) {
        std::size_t const digits = std::min(text.find_first_not_of("0123456789"), text.size());
        if (digits == 0) return std::nullopt;
        text.remove_prefix(digits);
    }
    Seconds const local = Seconds(*day) + *minutes + chrono::seconds(*second);
    if (take_char(text, "Zz")) return text.empty() ? std::optional(local) : std::nullopt;
    bool const behind = text.starts_with('-');
    if (!take_char(text, "+-")) return std::nullopt;
    auto const offset = take_minutes(text);
    if (!offset || !text.empty()) return std::nullopt;
    return behind ? local + *offset : local - *offset;
}

} // namespace

std::optional<std::string> written_text(stages::Rule const& rule, RuleKey const& key) {
    if (key.key == "assets") return list_text(rule.assets);
    if (auto const* const level = std::get_if<LevelPlace>(&key.place))
        return text_of(key, rule.levels[level->index]);
    if (auto const* const level = std::get_if<UsdPlace>(&key.place))
        return text_of(key, rule.settings.usd[level->index]);
    return std::visit(
        [&](auto const& place) -> Text {
            if constexpr (requires { rule.settings.*place; })
                return text_of(key, rule.settings.*place);
            else
                return std::nullopt;
        },
        key.place);
}

std::string value_text(stages::Rule const& rule, RuleKey const& key) {
    if (auto const written = written_text(rule, key)) return *written;
    auto const* const level = std::get_if<LevelPlace>(&key.place);
    if (level == nullptr) return std::string(key.fallback);
    // One level that is written stands alone.
    if (level->times == 0 || rule.levels[0] || rule.levels[1] || rule.levels[2]) return "";
    return times_text(value_text(rule, *find_rule_key(level->of_key, rule.kind)), level->times);
}

std::string as_toml(KeyType type, std::string_view text) {
    bool const quoted = type == KeyType::name || type == KeyType::duration ||
                        type == KeyType::window || type == KeyType::amount ||
                        type == KeyType::severity;
    return quoted ? fmt::format("\"{}\"", text) : std::string(text);
}

std::string duration_text(std::uint32_t seconds) {
    if (seconds >= 2 * stages::day_s && seconds % stages::day_s == 0)
        return fmt::format("{}d", seconds / stages::day_s);
    if (seconds > 0 && seconds % stages::hour_s == 0)
        return fmt::format("{}h", seconds / stages::hour_s);
    if (seconds > 0 && seconds % stages::minute_s == 0)
        return fmt::format("{}m", seconds / stages::minute_s);
    return fmt::format("{}s", seconds);
}

std::expected<std::uint32_t, std::string> parse_instant(std::string_view text) {
    auto const instant = instant_of(text);
    auto const seconds = instant ? instant->time_since_epoch().count() : -1;
    if (seconds < 0 || seconds > std::numeric_limits<std::uint32_t>::max())
        return std::unexpected("a date, or a date and time with its zone, from 1970 to 2105 is "
                               "needed (RFC 3339): \"2025-11-04\", \"2025-11-04T12:00:00Z\"");
    return static_cast<std::uint32_t>(seconds);
}

std::string instant_text(std::uint32_t unix_s) {
    Seconds const instant{chrono::seconds(unix_s)};
    bool const day_end = unix_s >= stages::day_s && unix_s % stages::day_s == 0;
    auto const day = chrono::floor<chrono::days>(instant) - chrono::days(day_end ? 1 : 0);
    chrono::year_month_day const date(day);
    std::string text =
        fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
    if (day_end) return text;
    std::uint32_t const rest = unix_s % stages::day_s;
    return text + fmt::format("T{:02}:{:02}:{:02}Z", rest / stages::hour_s,
                              rest % stages::hour_s / stages::minute_s, rest % stages::minute_s);
}

} // namespace config
