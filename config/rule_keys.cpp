#include "config/rule_keys.hpp"

namespace config {

namespace {

using stages::RuleKind;
using Set = stages::RuleSettings;
using enum stages::RuleKind;
using enum KeyType;

template <class... Kind>
constexpr Kinds of(Kind... kinds) {
    return (bit_of(kinds) | ...);
}

constexpr Kinds no_accounts = of(market_volume, chain_health);
constexpr Kinds with_accounts = every_kind & ~no_accounts;
constexpr Kinds singles = of(large_transfer, watch);
constexpr Kinds by_other = of(dormant_awakening, exchange_flow, new_whale, whale_exit, unbonding);
constexpr Kinds gathering = of(consolidation, dispersion);
constexpr Kinds whales = of(new_whale, whale_exit);

constexpr double hour = stages::hour_s, day = stages::day_s;
constexpr double kept = history_kept_s, years = 3'650 * day;
constexpr double many = 10'000, million = 1'000'000;

constexpr std::string_view level_alone = "from this amount on; important and critical that are "
                                         "written stand instead of all this";
constexpr std::string_view level_added = "from this amount on, or where the kind itself says so";
constexpr std::string_view health_all =
    R"(["stalled", "finality", "reorg", "upgrade", "incomplete", "blind"])";

constexpr RuleKey table[] = {
    // ---- of every kind ----
    {"name", every_kind, name, "", 0, 0, "", "its name, in alerts and in their ids"},
    {"kind", every_kind, name, "", 0, 0, "", "what it claims"},
    {"chains", every_kind, texts, R"(["*"])", 0, 0, "names", "where it runs; * is everywhere"},
    {"assets", every_kind, texts, R"(["native"])", 0, 0, "symbols, ids",
     "of which movements; kinds other than large_transfer and watch: native"},
    {"severity", every_kind, severity, "", 0, 0, "", "of each alert, whatever the kind says",
     &Set::severity},
    {"cooldown", every_kind & ~singles, duration, "1h", 0, years, "chain time",
     "how long a subject is not told of again; what goes on is amended", &Set::cooldown_s},
    {"budget", of(large_transfer), number, "", 0, million, "alerts a day",
     "so many of the chain's largest are told, too, from its 99.9 % quantile on", &Set::budget},
    {"budget", every_kind & ~singles & ~of(chain_health), number, "", 0, million, "alerts a day",
     "expected on ordinary traffic; thresholds rise to keep it", &Set::budget},
    {"include", with_accounts, accounts, "", 0, 0, "SS58, 0x keys",
     "only of these accounts, and of those of include_labels", &Set::include},
    {"exclude", with_accounts, accounts, "", 0, 0, "SS58, 0x keys", "never of these accounts",
     &Set::exclude},
    {"include_labels", with_accounts, texts, "", 0, 0, "labels",
     "only of accounts labelled so, and of those of include", &Set::include_labels},
    {"exclude_labels", with_accounts, texts, "", 0, 0, "labels", "never of accounts labelled so",
     &Set::exclude_labels},
    // ---- severity by amount ----
    {"notable", of(large_transfer), amount, "", 0, 0, "whole tokens", "from this amount on",
     LevelPlace{0}},
    {"important", singles, amount, "", 0, 0, "whole tokens", "from this amount on", LevelPlace{1}},
    {"critical", singles, amount, "", 0, 0, "whole tokens", "from this amount on", LevelPlace{2}},
    // Those of a kind's own are in the headers of pattern_*.hpp; what is written stands alone.
    {"important", of(drain), amount, "10 x min", 0, 0, "whole tokens",
     "from this sum on; one higher where nine tenths of the balance went",
     LevelPlace{1, 10, "min"}},
    {"critical", of(drain), amount, "100 x min", 0, 0, "whole tokens", level_alone,
     LevelPlace{2, 100, "min"}},
    {"important", of(pass_through), amount, "10 x min", 0, 0, "whole tokens",
     "from this amount on; one higher from twice as many hops on", LevelPlace{1, 10, "min"}},
    {"critical", of(pass_through), amount, "100 x min", 0, 0, "whole tokens", level_alone,
     LevelPlace{2, 100, "min"}},
    {"important", gathering, amount, "10 x sum", 0, 0, "whole tokens", level_alone,
     LevelPlace{1, 10, "sum"}},
    {"critical", gathering, amount, "100 x sum", 0, 0, "whole tokens", level_alone,
     LevelPlace{2, 100, "sum"}},
    {"important", of(structuring), amount, "30 x level", 0, 0, "whole tokens", level_alone,
     LevelPlace{1, 30, "level"}},
    {"critical", of(structuring), amount, "300 x level", 0, 0, "whole tokens", level_alone,
     LevelPlace{2, 300, "level"}},
    {"important", of(test_then_large), amount, "10 x large", 0, 0, "whole tokens", level_alone,
     LevelPlace{1, 10, "large"}},
    {"critical", of(test_then_large), amount, "100 x large", 0, 0, "whole tokens", level_alone,
     LevelPlace{2, 100, "large"}},
    {"important", by_other, amount, "", 0, 0, "whole tokens", level_added, LevelPlace{1}},
    {"critical", by_other, amount, "", 0, 0, "whole tokens", level_added, LevelPlace{2}},
    // ---- amounts ----
    {"min", of(watch), amount, "0", 0, 0, "whole tokens", "the least movement told", &Set::min},
    {"min", of(dormant_awakening), amount, "10000", 0, 0, "whole tokens", "the least outflow",
     &Set::min},
    {"min", of(coordination), amount, "100000", 0, 0, "whole tokens",
     "the least movement of each whale", &Set::min},
    {"min", of(drain), amount, "10000", 0, 0, "whole tokens", "the least sum of the outflows",
     &Set::min},
    {"min", of(unbonding), amount, "10000", 0, 0, "whole tokens", "the least stake released",
     &Set::min},
    {"min", of(burst), amount, "0", 0, 0, "whole tokens", "smaller movements do not count",
     &Set::min},
    {"min", of(pass_through), amount, "10000", 0, 0, "whole tokens", "the least amount that hops",
     &Set::min},
    {"sum", gathering, amount, "100000", 0, 0, "whole tokens", "at least, within the window",
     &Set::sum},
    {"level", of(structuring), amount, "10000", 0, 0, "whole tokens",
     "what the parts stay under, from half of it on", &Set::level},
    {"level", whales, amount, "100000", 0, 0, "whole tokens",
     "what the balance crosses: upwards, or down through nine tenths of it", &Set::level},
    {"floor", of(large_transfer), amount, "10000", 0, 0, "whole tokens",
     "nothing smaller is told by share or budget", &Set::floor},
    {"notable_usd", of(large_transfer), amount, "", 0, 0, "US dollars", "worth this when it moved",
     UsdPlace{0}},
    {"important_usd", of(large_transfer), amount, "", 0, 0, "US dollars",
     "worth this when it moved", UsdPlace{1}},
    {"critical_usd", of(large_transfer), amount, "", 0, 0, "US dollars", "worth this when it moved",
     UsdPlace{2}},
    {"price_age", of(large_transfer), duration, "1h", 300, day, "chain time",
     "an older price says nothing", &Set::price_age_s},
    {"floor", of(exchange_flow), amount, "", 0, 0, "whole tokens",
     "a net flow of this is told whatever z is", &Set::floor},
    {"large", of(test_then_large), amount, "100000", 0, 0, "whole tokens",
     "the least transfer after the probe", &Set::large},
    {"low", of(watch), amount, "", 0, 0, "whole tokens", "a balance at or below it is told",
     &Set::low},
    {"high", of(watch), amount, "", 0, 0, "whole tokens", "a balance at or above it is told",
     &Set::high},
    // ---- times ----
    {"window", gathering | of(drain, structuring), window, "24h", 1, kept, "chain time",
     "how far back it looks", &Set::window_s},
    {"window", of(market_volume), window, "5m", 1, kept, "chain time",
     "over which volume is summed up", &Set::window_s},
    {"window", of(test_then_large), window, "1h", 1, kept, "chain time",
     "from the probe to the large transfer, at most", &Set::window_s},
    {"windows", of(coordination), windows, R"(["5m", "1h"])", 1, kept, "chain time",
     "within which the whales move", &Set::windows_s},
    {"windows", of(exchange_flow), windows, R"(["15m", "1h"])", 1, kept, "chain time",
     "over which the net flow is summed up", &Set::windows_s},
    {"silence", of(dormant_awakening), duration, "30d", hour, years, "chain time",
     "the least time without an own outflow", &Set::silence_s},
    {"critical_silence", of(dormant_awakening), duration, "180d", hour, years, "chain time",
     "from this silence on it is critical", &Set::critical_silence_s},
    {"hop", of(pass_through), window, "30m", 1, kept, "chain time",
     "the longest rest between two hops", &Set::hop_s},
    {"unlock", of(unbonding), duration, "28d", 0, years, "chain time",
     "from the release until stake is free; told with the alert", &Set::unlock_s},
    {"follow", of(unbonding), duration, "14d", 1, years, "chain time",
     "how long after that its movement is told", &Set::follow_s},
    {"run", of(burst), duration, "30d", hour, years, "chain time",
     "the least average time between false alarms about one account", &Set::run_s},
    {"once_in", of(coordination), duration, "30d", hour, years, "chain time",
     "how rare it has to be by the chain's own rate", &Set::once_in_s},
    {"migrations", of(dormant_awakening), dates, R"(["2025-10-07", "2025-11-04"])", 0, 0,
     "RFC 3339", "a silence across one of these days tells nothing (balances changed chains)",
     &Set::migrations},
    // ---- shares and numbers ----
    {"share", of(large_transfer), share, "", 0, 1, "of the balance",
     "at least, of what its sender held before, where that is known", &Set::share},
    {"share", of(dormant_awakening), share, "0.05", 0, 1, "of the balance",
     "the least outflow, where the balance is known", &Set::share},
    {"largest_share", of(drain), share, "0.5", 0, 1, "of the sum", "the largest cut, at most",
     &Set::largest_share},
    {"balance_share", of(drain), share, "0.5", 0, 1, "of the balance",
     "the sum, at least, of what was there when the window began", &Set::balance_share},
    {"probe_share", of(test_then_large), share, "0.01", 0, 1, "of the transfer",
     "the probe, at most", &Set::probe_share},
    {"keep", of(pass_through), share, "0.9", 0, 1, "of the amount before",
     "what each hop passes on, at least", &Set::keep},
    {"effective", gathering, number, "10", 1, many, "counterparties",
     "the least effective number of them: exp(entropy) of their sums", &Set::effective},
    {"z", of(exchange_flow, market_volume), number, "6", 1, 1'000, "robust deviations",
     "from the median of the same hour of the week, at least; half where a volume is rare",
     &Set::z},
    {"factor", of(burst), number, "4", 1.1, 1'000, "times", "the jump of the rate looked for",
     &Set::factor},
    // ---- counts ----
    {"counterparties", gathering, count, "20", 2, many, "accounts", "at least, within the window",
     &Set::counterparties},
    {"outflows", of(drain), count, "5", 2, many, "movements", "at least, within the window",
     &Set::outflows},
    {"parts", of(structuring), count, "5", 2, many, "movements", "at least, within the window",
     &Set::parts},
    {"clusters", of(coordination), count, "3", 2, 64, "clusters", "that move together, at least",
     &Set::clusters},
    {"critical_clusters", of(coordination), count, "5", 2, 64, "clusters",
     "from so many on it is critical", &Set::critical_clusters},
    {"blocks", whales, count, "100", 0, million, "blocks", "so long it stays across the level",
     &Set::blocks},
    {"hops", of(pass_through), count, "3", 2, 16, "hops", "the least length of the path",
     &Set::hops},
    {"warm", of(dormant_awakening), count, "5", 1, million, "own outflows",
     "before the account's own rate is judged too", &Set::warm},
    {"warm", of(exchange_flow), count, "200", 1, million, "windows", "before the model speaks",
     &Set::warm},
    {"warm", of(burst), count, "20", 1, million, "own outflows", "before the model speaks",
     &Set::warm},
    {"warm", of(market_volume), count, "2016", 1, million, "windows",
     "before the model speaks; a week of five minutes", &Set::warm},
    // ---- of chains ----
    {"what", of(chain_health), texts, health_all, 0, 0, "claims",
     "what is looked for; audit adds \"conservation\"", &Set::what},
    {"stall", of(chain_health), duration, "1m", 10, day, "as it passes",
     "the least time without a new block", &Set::stall_s},
    {"finality_stall", of(chain_health), duration, "3m", 10, day, "as it passes",
     "the least time without finality, while blocks come", &Set::finality_stall_s},
    {"stall_factor", of(chain_health), number, "10", 2, 1'000, "times",
     "what is usual: between blocks, between two moves of finality, behind the best block",
     &Set::stall_factor},
    {"distance", of(chain_health), count, "100", 2, million, "blocks",
     "so far finality is behind, at least, to be too far", &Set::distance},
    {"reorg", of(chain_health), count, "4", 1, 64, "blocks", "of one branch abandoned, at least",
     &Set::reorg},
    {"audit", of(chain_health), accounts, "", 0, 0, "SS58, 0x keys",
     "whose balances are compared with the movements decoded; at most 48", &Set::audit},
    // Blocks in between are remembered, 1,024 of them: beyond that nothing could be compared.
    {"audit_every", of(chain_health), duration, "1m", 1, 300, "as it passes",
     "how often they are read from the node", &Set::audit_every_s},
    // ---- the rest ----
    {"exchanges", gathering, boolean, "false", 0, 0, "", "also of accounts labelled as exchanges",
     &Set::exchanges},
};

} // namespace

std::string_view to_text(KeyType type) {
    constexpr std::string_view names[] = {
        "name",    "duration", "duration", "durations", "amount", "count", "share",
        "boolean", "number",   "severity", "accounts",  "texts",  "dates"};
    return names[static_cast<std::size_t>(type)];
}

std::span<RuleKey const> rule_keys() { return table; }

RuleKey const* find_rule_key(std::string_view key, RuleKind kind) {
    for (RuleKey const& row : table)
        if (row.key == key && row.of(kind)) return &row;
    return nullptr;
}

std::string kinds_with(std::string_view key) {
    Kinds kinds = 0;
    for (RuleKey const& row : table)
        if (row.key == key) kinds |= row.kinds;
    std::string text;
    for (stages::RuleKindRow const& row : stages::rule_kind_rows())
        if ((kinds & bit_of(row.kind)) != 0) text.append(text.empty() ? "" : ", ").append(row.name);
    return text;
}

} // namespace config
