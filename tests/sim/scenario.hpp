// What happens in one run: the service that is built, and the faults that are done to it, as data.
// draw() makes it from a seed alone: each seed turns on some of the kinds and leaves out the
// others, so that rare combinations are met and a seed without crashes is met, too. Fewer events
// or fewer blocks are again a scenario: that is how a failure is made small.
//
// Pure values.
#pragma once

#include "pipeline/types.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sim {

enum class Kind : std::uint8_t {
    // the network, for new connections, for a while
    short_reads,
    delays,
    resets,
    half_open,
    refused,
    never_open,
    // the node, at a block
    fork,
    skip_finality,
    silent,
    close,
    node_reset,
    malformed,
    truncated,
    bad_utf8,
    error_replies,
    rate_limit,
    garbage_events,
    wrong_genesis,
    stop_follow,
    frozen, // for a while: it makes no blocks and answers nobody
    // the chain, at a block
    upgrade,
    empty_block,
    huge_block,
    // the disk, for a while
    disk_full,
    write_error,
    sync_error,
    sink_stuck,
    // ends of the service or of a part
    kill,
    power_cut,
    cut_in_write, // the power goes in the middle of one of the next writes
    kill_hybrid,
    kill_legacy,
    kill_control,
    restart, // in order
    // time
    wall_jump,
    time_jump,
    lazy_thread,
    // Subscan, at a request
    limited,
    server_error,
    timeout,
    subscan_reset,
    garbage_http,
    not_json,
    error_in_200,
    slow,
    null_members,
    amount_zero,
    short_page,
    duplicate_rows,
    shifted_page,
    missing_rows,
    wrong_amount,
    // operators
    share,
    rollback,
    unlock,
    hybrid_off,
    hybrid_on,
    drill,
    ask,
    pin,
    freeze,
    unfreeze,
    tier,
    rollout,     // one of its commands
    acknowledge, // an incident
    last_
};
inline constexpr std::size_t kinds = static_cast<std::size_t>(Kind::last_);

enum class Unit : std::uint8_t { time, block, request };
enum class Needs : std::uint8_t { nothing, legacy, processes, steward };

struct KindRow {
    Kind kind;
    std::string_view name;
    Unit unit;
    unsigned most = 3;         // of a seed
    std::uint64_t longest = 0; // milliseconds, blocks or requests, by unit; 0: it has no length
    Needs needs = Needs::nothing;
};
extern std::array<KindRow, kinds> const kind_rows;
KindRow const& row_of(Kind kind);

struct Event {
    Kind kind{};
    std::size_t chain = 0;    // whose node, blocks or Subscan
    std::uint64_t at = 0;     // milliseconds since the start, the block's ordinal, or the request
    std::uint64_t length = 0; // the same
    std::uint64_t value = 0;  // any number; its kind makes of it what it needs
};

struct ChainDraw {
    std::uint64_t block_ms = 0;
    bool legacy = false;
    bool two_nodes = false;
    bool newer_methods = false; // the node speaks chainHead_v1 only
    bool finalized_only = false;
    unsigned finality_lag = 2;
    unsigned subscan_lag = 0;
};

struct Scenario {
    std::uint64_t seed = 0;
    std::uint32_t blocks = 0; // of the first chain, before everything heals
    std::vector<ChainDraw> chains;
    bool processes = false; // the parts die alone
    bool steward = false;
    bool watch = false;      // a rule about five people
    bool patterns = false;   // rules about what several transfers mean together
    bool tight_sink = false; // takes a few lines at a time: everything waits for it
    unsigned share = 100;    // of hybrid, percent, at the first start
    std::vector<Event> events;

    bool has(Kind kind) const;
    bool has(Kind kind, std::size_t chain) const;
    bool legacy() const;                      // of any chain
    bool hides_rows(std::size_t chain) const; // Subscan leaves rows out, or tells other amounts
    bool hides_rows() const;
    // Hybrid alone reads it, and reads all of it.
    bool has_patterns(std::size_t chain) const;
    bool hybrid_may_be_out() const; // at some time, so that it may not stand in for legacy either
    std::uint64_t milliseconds() const { return blocks * chains[0].block_ms; }
};

Scenario draw(std::uint64_t seed);
// One line for the service, one an event.
std::string describe(Scenario const& scenario);

} // namespace sim
