// Every key of a [[rule]], once: which kinds have it, its type and range, its default, what it
// means and which place of stages::Rule it fills. Reading, `spyhop rule list` and the checks of
// rule_lint.hpp go by this table.
//
// Pure, but for the problems that are told to the Reader; any thread.
#pragma once

#include "config/reader.hpp"
#include "stages/pattern_options.hpp"

#include <variant>

namespace config {

// What is looked back on is kept so long: no window is longer.
inline constexpr std::uint32_t history_kept_s = 7 * stages::day_s;
// Accounts, labels or dates of one list.
inline constexpr std::size_t rule_list_max = 1'000;
// The largest u128: no supply has more whole tokens, not even of a token without decimals.
inline constexpr std::string_view tokens_max = "340282366920938463463374607431768211455";

enum class KeyType : std::uint8_t {
    name,
    duration, // whole seconds
    window,   // the same, of what is kept
    windows,  // two of them, the shorter first
    amount,   // whole tokens
    count,
    share, // above 0, at most 1
    boolean,
    number,
    severity,
    accounts, // SS58 of any network, or 0x keys
    texts,
    dates, // RFC 3339: a day stands for its end, a date and time for itself
};
std::string_view to_text(KeyType type);

// A set of kinds, by bit.
using Kinds = std::uint32_t;
inline constexpr Kinds every_kind = (Kinds{1} << stages::rule_kinds) - 1;
constexpr Kinds bit_of(stages::RuleKind kind) { return Kinds{1} << static_cast<unsigned>(kind); }

// A kind that is judged by an amount calls a claim important, or critical, from so many times that
// amount on; levels that are written stand instead.
struct LevelPlace {
    std::size_t index = 0;        // in Rule::levels
    std::uint32_t times = 0;      // 0: without a level no amount makes it so
    std::string_view of_key = {}; // the amount's
};
struct UsdPlace {
    std::size_t index = 0; // in RuleSettings::usd
};
// What a key fills; nothing: a part of Rule itself, which config/load.cpp reads.
template <class T>
using Setting = T stages::RuleSettings::*;
using KeyPlace =
    std::variant<std::monostate, LevelPlace, UsdPlace, Setting<std::optional<stages::Severity>>,
                 Setting<std::optional<std::uint32_t>>, Setting<std::optional<double>>,
                 Setting<std::optional<std::string>>, Setting<std::optional<bool>>,
                 Setting<std::optional<std::array<std::uint32_t, 2>>>,
                 Setting<std::optional<std::vector<std::uint32_t>>>,
                 Setting<std::vector<decoders::Account>>, Setting<std::vector<std::string>>>;

struct RuleKey {
    std::string_view key;
    Kinds kinds = 0;
    KeyType type{};
    std::string_view fallback; // the default, as value_text() writes it; empty: none
    double low = 0, high = 0;  // of durations in seconds, of counts and numbers; both are in it
    std::string_view unit;
    std::string_view meaning;
    KeyPlace place{};

    bool of(stages::RuleKind kind) const { return (kinds & bit_of(kind)) != 0; }
};

// A key may have several rows; no two of them are of one kind.
std::span<RuleKey const> rule_keys();
RuleKey const* find_rule_key(std::string_view key, stages::RuleKind kind);
// "drain, structuring"; empty: no kind has it.
std::string kinds_with(std::string_view key);

// Reads everything of the table's places, and `kind` and `assets`. Complains about keys of other
// kinds; what no kind has is left to Reader::finish().
void read_rule_keys(Reader& in, stages::Rule& out);

// The value as it would be written, without the quotes of a text: 24h, 10000, ["5m", "1h"].
// Nothing: it is not there.
std::optional<std::string> written_text(stages::Rule const& rule, RuleKey const& key);
// The same, or the default.
std::string value_text(stages::Rule const& rule, RuleKey const& key);
// As TOML: in quotes where its type has them.
std::string as_toml(KeyType type, std::string_view text);

// "90s", "24h", "30d": the largest unit that leaves no rest; a day is "24h".
std::string duration_text(std::uint32_t seconds);
// Unix seconds of a day's end or of a date and time. The error is a sentence.
[[nodiscard]] std::expected<std::uint32_t, std::string> parse_instant(std::string_view text);
std::string instant_text(std::uint32_t unix_s);

} // namespace config
