#include "scenario.hpp"

#include "decoders/samples.hpp"
#include "pipeline/check.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace sim {

namespace {

constexpr auto time = Unit::time;
constexpr auto block = Unit::block;
constexpr auto request = Unit::request;
constexpr auto legacy = Needs::legacy;
constexpr auto parts = Needs::processes;
constexpr auto steward = Needs::steward;

} // namespace

// clang-format off: a table reads across
std::array<KindRow, kinds> const kind_rows{{
    {Kind::short_reads,    "short_reads",    time,    3, 20'000},
    {Kind::delays,         "delays",         time,    3, 20'000},
    {Kind::resets,         "resets",         time,    4, 10'000},
    {Kind::half_open,      "half_open",      time,    2, 5'000},
    {Kind::refused,        "refused",        time,    2, 15'000},
    {Kind::never_open,     "never_open",     time,    2, 5'000},
    {Kind::fork,           "fork",           block,   5, 4},
    {Kind::skip_finality,  "skip_finality",  block,   3, 12},
    {Kind::silent,         "silent",         block,   2, 15},
    {Kind::close,          "close",          block,   3},
    {Kind::node_reset,     "node_reset",     block,   3},
    {Kind::malformed,      "malformed",      block,   2},
    {Kind::truncated,      "truncated",      block,   2},
    {Kind::bad_utf8,       "bad_utf8",       block,   2},
    {Kind::error_replies,  "error_replies",  block,   3, 6},
    {Kind::rate_limit,     "rate_limit",     block,   2, 12},
    {Kind::garbage_events, "garbage_events", block,   2, 3},
    {Kind::wrong_genesis,  "wrong_genesis",  block,   1, 8},
    {Kind::stop_follow,    "stop_follow",    block,   3},
    {Kind::frozen,         "frozen",         time,    2, 20'000},
    {Kind::upgrade,        "upgrade",        block,   2},
    {Kind::empty_block,    "empty_block",    block,   8},
    {Kind::huge_block,     "huge_block",     block,   2},
    {Kind::disk_full,      "disk_full",      time,    3, 10'000},
    {Kind::write_error,    "write_error",    time,    3, 6'000},
    {Kind::sync_error,     "sync_error",     time,    3, 6'000},
    {Kind::sink_stuck,     "sink_stuck",     time,    3, 15'000},
    {Kind::kill,           "kill",           time,    4},
    {Kind::power_cut,      "power_cut",      time,    3},
    {Kind::cut_in_write,   "cut_in_write",   time,    4},
    {Kind::kill_hybrid,    "kill_hybrid",    time,    4, 0, parts},
    {Kind::kill_legacy,    "kill_legacy",    time,    4, 0, parts},
    {Kind::kill_control,   "kill_control",   time,    3, 0, parts},
    {Kind::restart,        "restart",        time,    2},
    {Kind::wall_jump,      "wall_jump",      time,    2},
    {Kind::time_jump,      "time_jump",      time,    2},
    {Kind::lazy_thread,    "lazy_thread",    time,    3, 4'000},
    {Kind::limited,        "limited",        request, 3, 8,  legacy},
    {Kind::server_error,   "server_error",   request, 3, 8,  legacy},
    {Kind::timeout,        "timeout",        request, 2, 2,  legacy},
    {Kind::subscan_reset,  "subscan_reset",  request, 3, 4,  legacy},
    {Kind::garbage_http,   "garbage_http",   request, 2, 2,  legacy},
    {Kind::not_json,       "not_json",       request, 2, 3,  legacy},
    {Kind::error_in_200,   "error_in_200",   request, 2, 3,  legacy},
    {Kind::slow,           "slow",           request, 3, 5,  legacy},
    {Kind::null_members,   "null_members",   request, 2, 10, legacy},
    {Kind::amount_zero,    "amount_zero",    request, 2, 10, legacy},
    {Kind::short_page,     "short_page",     request, 2, 6,  legacy},
    {Kind::duplicate_rows, "duplicate_rows", request, 3, 10, legacy},
    {Kind::shifted_page,   "shifted_page",   request, 3, 6,  legacy},
    {Kind::missing_rows,   "missing_rows",   request, 2, 12, legacy},
    {Kind::wrong_amount,   "wrong_amount",   request, 2, 12, legacy},
    {Kind::share,          "share",          time,    5, 0,  legacy},
    {Kind::rollback,       "rollback",       time,    2, 0,  legacy},
    {Kind::unlock,         "unlock",         time,    3, 0,  legacy},
    {Kind::hybrid_off,     "hybrid_off",     time,    1, 0,  legacy},
    {Kind::hybrid_on,      "hybrid_on",      time,    2, 0,  legacy},
    {Kind::drill,          "drill",          time,    2, 0,  legacy},
    {Kind::ask,            "ask",            time,    4},
    {Kind::pin,            "pin",            time,    8, 0,  legacy},
    {Kind::freeze,         "freeze",         time,    2, 0,  legacy},
    {Kind::unfreeze,       "unfreeze",       time,    2, 0,  legacy},
    {Kind::tier,           "tier",           time,    3, 0,  legacy},
    {Kind::rollout,        "rollout",        time,   10, 0,  steward},
    {Kind::acknowledge,    "acknowledge",    time,    3, 0,  steward},
}};
// clang-format on

KindRow const& row_of(Kind kind) {
    KindRow const& row = kind_rows[static_cast<std::size_t>(kind)];
    CHECK(row.kind == kind);
    return row;
}

bool Scenario::has(Kind kind) const {
    return std::ranges::find(events, kind, &Event::kind) != events.end();
}

bool Scenario::has(Kind kind, std::size_t chain) const {
    return std::ranges::any_of(
        events, [&](Event const& event) { return event.kind == kind && event.chain == chain; });
}

bool Scenario::legacy() const { return std::ranges::any_of(chains, &ChainDraw::legacy); }

bool Scenario::hides_rows(std::size_t chain) const {
    return has(Kind::short_page, chain) || has(Kind::missing_rows, chain) ||
           has(Kind::wrong_amount, chain) || has(Kind::amount_zero, chain);
}

bool Scenario::hides_rows() const {
    for (std::size_t i = 0; i < chains.size(); ++i)
        if (hides_rows(i)) return true;
    return false;
}

bool Scenario::has_patterns(std::size_t chain) const {
    return patterns && !chains[chain].legacy && !has(Kind::garbage_events, chain);
}

bool Scenario::hybrid_may_be_out() const {
    return share == 0 || steward || has(Kind::share) || has(Kind::rollback) ||
           has(Kind::hybrid_off) || has(Kind::pin) || has(Kind::tier);
}

namespace {

bool ends_the_service(Kind kind) { return kind >= Kind::kill && kind <= Kind::restart; }

// What a row is hidden from both readings of Subscan and is withheld from hybrid is in nobody's
// memory but the hand-over's: a death loses it, as ARCHITECTURE.md says.
void drop_known_losses(Scenario& made) {
    if (made.hides_rows())
        std::erase_if(made.events, [](Event const& e) { return ends_the_service(e.kind); });
}

void draw_events(KindRow const& row, std::size_t chain, Scenario& made,
                 decoders::SampleRandom& random) {
    std::uint64_t const count = 1 + random.below(row.most);
    for (std::uint64_t i = 0; i < count; ++i) {
        Event event{row.kind, chain, 0, 0, random.next()};
        switch (row.unit) {
        case Unit::time: event.at = 500 + random.below(made.milliseconds()); break;
        case Unit::block: event.at = 1 + random.below(made.blocks); break;
        case Unit::request: event.at = 3 + random.below(2ULL * made.blocks); break;
        }
        // Before a chain is known, whoever claims to be it is believed.
        if (row.kind == Kind::wrong_genesis) event.at = std::max<std::uint64_t>(event.at, 12);
        if (row.longest != 0) event.length = 1 + random.below(row.longest);
        made.events.push_back(event);
    }
}

constexpr std::uint64_t paces[] = {500, 1'000, 2'000, 6'000};

// What only a chain has: its node, its blocks, its Subscan.
void draw_another_chain(Scenario& made, decoders::SampleRandom& random) {
    auto const chance = [&](std::uint64_t percent) { return random.below(100) < percent; };
    ChainDraw chain;
    chain.block_ms = paces[1 + random.below(3)];
    chain.legacy = chance(55);
    chain.two_nodes = chance(30);
    chain.newer_methods = chance(25);
    chain.finalized_only = chance(15);
    chain.finality_lag = static_cast<unsigned>(1 + random.below(4));
    chain.subscan_lag = static_cast<unsigned>(random.below(4));
    std::size_t const index = made.chains.size();
    made.chains.push_back(chain);
    std::uint64_t const wildness = 3 + random.below(45);
    for (KindRow const& row : kind_rows) {
        bool const on = chance(wildness);
        if (row.unit == Unit::time || row.kind == Kind::huge_block) continue;
        if (on && (row.needs != Needs::legacy || chain.legacy))
            draw_events(row, index, made, random);
    }
}

} // namespace

Scenario draw(std::uint64_t seed) {
    decoders::SampleRandom random(seed * 0x9e37'79b9 + 1);
    auto const chance = [&](std::uint64_t percent) { return random.below(100) < percent; };
    constexpr unsigned shares[] = {0, 30, 50, 100, 100};
    Scenario made;
    made.seed = seed;
    made.blocks = static_cast<std::uint32_t>(20 + random.below(50));
    ChainDraw& first = made.chains.emplace_back();
    first.block_ms = paces[random.below(4)];
    first.legacy = chance(55);
    made.processes = chance(50);
    first.two_nodes = chance(40);
    first.newer_methods = chance(25);
    first.finalized_only = chance(15);
    made.steward = first.legacy && chance(30);
    made.tight_sink = chance(30);
    first.finality_lag = static_cast<unsigned>(1 + random.below(4));
    first.subscan_lag = static_cast<unsigned>(random.below(4));
    made.share = shares[random.below(5)];
    // How wild it is: from hardly anything to half of all there is.
    std::uint64_t const wildness = 3 + random.below(45);
    for (KindRow const& row : kind_rows) {
        bool const possible = (row.needs != Needs::legacy || first.legacy) &&
                              (row.needs != Needs::processes || made.processes) &&
                              (row.needs != Needs::steward || made.steward);
        bool const on = chance(wildness);
        if (on && possible) draw_events(row, 0, made, random);
    }
    // From a number of its own: what a seed gives its first chain stays the same.
    decoders::SampleRandom others(seed * 0x9e37'79b9 + 2);
    constexpr std::size_t more[] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 2};
    for (std::size_t left = more[others.below(10)]; left > 0; --left)
        draw_another_chain(made, others);
    made.watch = others.below(3) == 0;
    made.patterns = others.below(2) == 0;
    drop_known_losses(made);
    return made;
}

std::string describe(Scenario const& s) {
    std::string text =
        fmt::format("seed {}: {} blocks, {}{}{}{}{}, {} % hybrid\n", s.seed, s.blocks,
                    s.processes ? "three processes" : "one process",
                    s.steward ? ", health checks" : "", s.tight_sink ? ", a tight sink" : "",
                    s.watch ? ", watched people" : "", s.patterns ? ", patterns" : "", s.share);
    for (ChainDraw const& chain : s.chains)
        text += fmt::format(
            "  a chain: blocks of {} ms{}{}{}{}, finality {} behind\n", chain.block_ms,
            chain.legacy ? fmt::format(", Subscan {} behind", chain.subscan_lag) : "",
            chain.two_nodes ? ", two nodes" : "", chain.newer_methods ? ", chainHead_v1" : "",
            chain.finalized_only ? ", finalized only" : "", chain.finality_lag);
    constexpr std::string_view units[] = {"ms", "blocks", "requests"};
    for (std::size_t i = 0; i < s.events.size(); ++i) {
        Event const& event = s.events[i];
        KindRow const& row = row_of(event.kind);
        text += fmt::format("  {:3} {:15} at {}", i, row.name, event.at);
        if (row.unit != Unit::time && s.chains.size() > 1)
            text += fmt::format(" of chain {}", event.chain);
        if (event.length != 0)
            text += fmt::format(" for {} {}", event.length, units[static_cast<int>(row.unit)]);
        text += '\n';
    }
    return text;
}

} // namespace sim
