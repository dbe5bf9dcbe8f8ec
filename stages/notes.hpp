// What observers are told, on one page: how sources do, what is worth a file, what the comparator
// sees and says. Every link that carries one of these may drop it (gaps show in Header::sequence);
// what must not be lost is in messages.hpp, whose rules these records keep.
//
//   source, history, subscan ──notes──▶ control ◀──ShadowNote, ShadowMismatch── shadow
//   decode ──Keep──▶ keeper                      route ──Twin──▶ shadow
#pragma once

#include "stages/bounds.hpp"
#include "stages/messages.hpp"

#include <variant>

namespace stages {

// ---- source to control --------------------------------------------------------------------------

enum class SourceState : std::uint8_t {
    off,        // switched off by enable_hybrid_rpc
    waiting,    // between two attempts
    connecting, // TCP, TLS, upgrade
    greeting,   // genesis, properties, runtime
    following,
};

// How a chain's source is doing; sent at every change and every head.
struct alignas(64) SourceNote {
    static constexpr std::string_view record_name = "SourceNote";
    Header header{};
    ChainFacts facts{};
    std::uint16_t chain = 0;
    std::uint16_t endpoint = 0; // index into the chain's endpoints
    SourceState state{};
    std::uint32_t best = 0;
    std::uint32_t finalized = 0;
    std::uint32_t spec_version = 0;
    std::uint64_t head_unix_ms = 0; // when the newest head came; 0: none yet
};

// ---- history to control -------------------------------------------------------------------------

// How the filling of a chain's holes is coming along; sent at every change and about every second.
struct alignas(64) HistoryNote {
    static constexpr std::string_view record_name = "HistoryNote";
    Header header{};
    std::uint16_t chain = 0;
    std::uint16_t endpoint = 0; // index into the chain's endpoints
    SourceState state{};        // off: nothing is wanted
    std::uint32_t next = 0;     // the block that comes next
    std::uint64_t left = 0;     // blocks still wanted
    std::uint64_t told = 0;     // since the start of the service
    std::uint32_t blocks_per_second = 0;
    FixedText<128> trouble{}; // the latest; empty: none
};

// ---- subscan to control -------------------------------------------------------------------------

enum class LegacyState : std::uint8_t { off, starting, polling, behind, failing, held };

// How a chain's legacy path is doing; sent after every poll and every change.
struct alignas(64) LegacyNote {
    static constexpr std::string_view record_name = "LegacyNote";
    Header header{};
    ChainFacts facts{};
    std::uint16_t chain = 0;
    LegacyState state{};
    std::uint8_t breaker = 0;         // BreakerState
    std::uint32_t best = 0;           // as Subscan says
    std::uint32_t finalized = 0;      // the same
    std::uint32_t settled = 0;        // everything up to here has been told
    std::uint64_t polled_unix_ms = 0; // when the last poll was complete; 0: none yet
    std::uint32_t every_s = 0;        // between polls; longer than configured: the quota demands it
    // Of the key, the same for every chain.
    std::uint32_t quota_day = 0, quota_used = 0;
    std::uint64_t quota_out_s = 0; // seconds until it runs out at this pace; 0: it does not
    std::uint64_t paused_s = 0;    // by Subscan's own word
    FixedText<160> trouble{};      // the latest; empty: none
};

// ---- decode to keeper ---------------------------------------------------------------------------

// A block whose events could not all be read; the payload is its System.Events value.
struct DeadLetter {
    BlockRef block{};
    std::uint32_t spec_version = 0; // the runtime that executed the block
    std::uint32_t events = 0;       // read before the fault
    FixedText<256> fault{};         // what and where, in a sentence
};

// What is worth a file: metadata (RuntimeBytes, with the metadata as payload), or a dead letter.
struct alignas(64) Keep {
    static constexpr std::string_view record_name = "Keep";
    Header header{};
    Payload payload{};
    Hash genesis{};
    std::uint16_t chain = 0;
    std::variant<RuntimeBytes, DeadLetter> body{};
};

// ---- route to shadow ----------------------------------------------------------------------------

enum class TwinKind : std::uint8_t { match, block_end, finalized, abandoned, settled, recheck_end };

// What a path said, as it came to route. One link for all chains: a gap in Header::sequence voids
// what was open.
struct alignas(64) Twin {
    static constexpr std::string_view record_name = "Twin";
    Header header{}; // received: when that path's bytes came
    std::uint16_t chain = 0;
    Path path = Path::hybrid;
    TwinKind kind{};
    bool recheck = false;     // read again from the finalized block: speaks for the chain
    Match match{};            // match
    Hash hash{};              // finalized, abandoned, block_end of hybrid
    std::uint32_t number = 0; // of the block; all kinds but match
    bool incomplete = false;  // block_end
    Nanoseconds seen = 0;     // when route saw it (monotonic)
};

// ---- shadow to control --------------------------------------------------------------------------

// Of a pair: what two paths said of one event and one rule.
enum class ShadowClass : std::uint8_t {
    agree,
    late, // they agree, but hybrid said it after legacy
    missing_in_legacy,
    missing_in_hybrid,
    amount,
    party,
    asset,
    not_final,   // legacy's row is of a block that did not become final
    unsupported, // one path cannot know of it
};
inline constexpr std::size_t shadow_classes = 9;

// Who was wrong, by the finalized block read again.
enum class Ruling : std::uint8_t { hybrid_wrong, legacy_wrong, both_wrong, unclear };
inline constexpr std::size_t rulings = 4;

// Counts since the start; every bound follows from them (shadow_figures.hpp).
struct ShadowTally {
    std::array<std::uint64_t, shadow_classes> classes{};
    std::array<std::array<std::uint64_t, rulings>, shadow_classes> ruled{};
    std::uint64_t duplicate = 0; // matches told again with other contents, or as final twice
    std::uint64_t voided = 0;    // matches that nobody judges
    std::uint64_t stale = 0;     // matches that came after their block had been judged
    std::uint64_t noise_agree = 0, noise_differ = 0, noise_vanished = 0; // legacy with legacy
    MeanSums latency{}; // of ln(legacy / hybrid), clipped and moved into [0, 1]
};

struct alignas(64) ShadowNote {
    static constexpr std::string_view record_name = "ShadowNote";
    Header header{};
    std::uint16_t chain = 0;
    bool void_now = false; // what comes now is not judged
    ShadowTally tally{};
};

// What a path, or the chain, says of an event.
struct ShadowSaid {
    bool told = false; // false: the rest is empty
    bool native = true;
    u128 amount = 0;
    decoders::Account from{};
    decoders::Account to{};
    std::uint64_t seen_unix_ms = 0;
};

// A pair that did not match, once it is known who was wrong, or that nobody knows.
struct alignas(64) ShadowMismatch {
    static constexpr std::string_view record_name = "ShadowMismatch";
    Header header{};
    std::uint16_t chain = 0;
    ShadowClass what{};
    Ruling ruling = Ruling::unclear;
    std::uint16_t rule = 0;
    std::uint32_t event_index = 0;
    BlockRef block{}; // the final one; hash_known: hybrid has named it
    ShadowSaid hybrid{}, legacy{}, chain_says{};
    std::uint64_t judged_unix_ms = 0;
    std::uint64_t ruled_unix_ms = 0;
};

static_assert(pipeline::Message<SourceNote> && pipeline::Message<HistoryNote> &&
              pipeline::Message<LegacyNote> && pipeline::Message<Keep>);
static_assert(pipeline::Message<Twin> && pipeline::Message<ShadowNote> &&
              pipeline::Message<ShadowMismatch>);

} // namespace stages
