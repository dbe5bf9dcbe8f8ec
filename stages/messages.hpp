// Every record that crosses a link on the way from a chain to an alert, on one page; what observers
// are told is in notes.hpp.
//
// Records are trivially copyable, whole cache lines, without pointers. Accounts are raw keys,
// amounts u128; text exists only at the edges. What must stay in order (chain facts, transfers, the
// end of a block, its finality) shares one tagged link: `body` is the tag and the value.
//
//   source  ──Frame──▶ decode ──Fact──▶ detect ──Candidate──┐
//   history ──Frame──▶                                      ├▶ route ──Verdict──▶ enrich
//      ▲               subscan ──Fact──▶ detect ──Candidate──┘                      │ Verdict
//      │                  ▲  └──Finding (drop)──▶ enrich                            ▼
//      └──Want (drop)──   └──Lookup (drop)──────── enrich                        deliver
//
// Every record from Fact on says which path it came by: the node's (hybrid), or Subscan's (legacy).
//
// Time: `block.timestamp_ms` is unix milliseconds by the chain (0: the node did not say);
// Header::received is this machine's monotonic clock.
#pragma once

#include "decoders/account.hpp"
#include "pipeline/link.hpp"

#include <variant>

namespace stages {

using pipeline::Checksum;
using pipeline::FixedText;
using pipeline::Hash;
using pipeline::Header;
using pipeline::Nanoseconds;
using pipeline::Payload;
using pipeline::u128;

inline constexpr std::uint32_t native_asset = 0; // AssetFacts::slot of a chain's own token

// ---- bodies ------------------------------------------------------------------------------------

enum class Path : std::uint8_t { legacy, hybrid };
inline constexpr std::size_t paths = 2;

// What a chain says of itself. Sent before anything else of the chain, and again after a change.
struct ChainFacts {
    Hash genesis{};
    FixedText<24> symbol{};
    std::uint8_t decimals = 0;
    std::uint16_t ss58_prefix = 42;
    // Which run of the process that says so: another run numbers its assets anew and tells blocks
    // again. Stamped by detect.
    std::uint32_t run = 0;
};

// An asset the chain has besides its own token; sent before the first transfer that names it.
struct AssetFacts {
    std::uint32_t slot = 0; // names the asset in Transfer::asset, per chain
    bool decimals_known = false;
    std::uint8_t decimals = 0;
    FixedText<40> symbol{}; // empty: unknown
    FixedText<200> id{};    // canonical JSON of the asset id: 1984, {"parents":1,…}
};

struct BlockRef {
    Hash hash{};
    std::uint32_t number = 0;
    bool finalized = false;         // known to be final when it was read
    std::uint64_t timestamp_ms = 0; // 0: unknown
    bool hash_known = true; // false (legacy): it only tells one reading of the block from another
};

struct Transfer {
    BlockRef block{};
    u128 amount = 0; // smallest unit
    decoders::Account from{};
    decoders::Account to{};
    std::uint32_t asset = native_asset;
    std::uint32_t event_index = 0;
    std::uint32_t extrinsic_index = 0; // with phase 0
    std::uint8_t phase = 0;            // decoders::Phase
    bool phase_known = true;           // false (legacy): extrinsic_index and phase say nothing
    std::uint16_t movement = 0;        // row of decoders::movement_rows(): pallet and event names
    bool attributed = false;           // the next two are known
    Hash extrinsic_hash{};
    decoders::Account signer{}; // empty: the extrinsic is not signed
};

// A block has been read to its end. incomplete: events before the fault were told, the rest is
// unknown.
struct BlockEnd {
    BlockRef block{};
    Checksum events_sum{};          // of the System.Events value
    std::uint32_t spec_version = 0; // the runtime that executed the block
    std::uint32_t events = 0;
    bool incomplete = false;
    FixedText<128> fault{};  // of an incomplete block: what and where
    std::uint16_t blind = 0; // events of its runtime that move value and that nobody can read
};

struct Finalized {
    Hash hash{};
    Hash parent{};
    std::uint32_t number = 0;
};

// A sibling of a finalized block: whatever was told of it did not happen.
struct Abandoned {
    Hash hash{};
    std::uint32_t number = 0;
    Hash parent{}; // all zero: not known
};

// Finalized blocks that no endpoint has given so far. They stay holes in the ledger.
struct Missing {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    FixedText<128> reason{};
    FixedText<96> action{}; // what is being done about it
};

// What an account held when a final block had been executed, by the node's state.
struct Holding {
    Hash hash{};
    std::uint32_t number = 0;
    decoders::Account account{};
    u128 total = 0; // free and reserved
};

// Legacy's finality: every row up to `number` has been told. What was seen there and was not told
// as final has not happened.
struct Settled {
    std::uint32_t number = 0;
};

enum class Severity : std::uint8_t { notable, important, critical };

// An event by its place in the chain.
struct EventRef {
    std::uint32_t block = 0;
    std::uint32_t event = 0;
};

// Why several movements are a pattern. `kept` of `all` are named: the newest, oldest first.
struct PatternFacts {
    static constexpr std::size_t evidence_max = 32;

    double score_bits = 0; // surprise under the null model; 0: the rule has none
    u128 sum = 0;
    decoders::Account subject{}; // whose pattern it is; empty: the chain's
    std::uint8_t joined_by = 0;  // why others belong to the subject: bits, 1 << JoinedBy
    std::uint32_t members = 0;   // it and those others; Accounts::members_max: or more
    std::uint32_t kept = 0;
    std::uint32_t all = 0;
    bool ongoing = false; // says more of an alert that was told before
    std::array<EventRef, evidence_max> evidence{};
    FixedText<200> details{}; // JSON members: what the rule's steps have compared
};

// A rule and a transfer that meets it, or that completes a pattern of several; or what is not well
// with the chain.
struct Match {
    Transfer transfer{};    // of what is not well with the chain: its block and its event index
    std::uint16_t rule = 0; // index into the configured rules
    Severity severity{};
    bool is_pattern = false; // judged by the node's path alone, of patterns on final blocks
    bool is_health = false;  // a pattern that is no movement: chain_health.hpp
    PatternFacts pattern{};
};

// Who says what is known of an account or a price.
enum class KnownBy : std::uint8_t { nobody, watch, file, subscan_tag, subscan_identity, subscan };

// What is known of an account besides its key. Ages: seconds since the source said so.
struct PartyKnown {
    FixedText<64> label{}; // empty: none
    FixedText<24> kind{};  // "Exchange"
    FixedText<24> judgement{};
    FixedText<56> balance{}; // whole tokens; empty: not known
    KnownBy label_by{};
    std::uint32_t label_age_s = 0;
    std::uint32_t balance_age_s = 0;
};

struct Price {
    FixedText<40> usd{}; // of one whole token, plain decimal; empty: not known
    KnownBy by{};
    std::uint32_t age_s = 0; // between the time the price is of and the block's
};

// What may come later than the alert, as bits of Alert::amended.
struct Amended {
    static constexpr std::uint8_t from_label = 1, to_label = 2, from_balance = 4, to_balance = 8,
                                  usd = 16, evidence = 32;
};

// A match, the path it came by, and whether that path may speak for it. Where it may not, only
// legacy's final matches are passed on: they confirm what legacy has said in an earlier run.
struct Alert {
    Match match{};
    std::array<std::uint8_t, 16> id{};
    Path path = Path::hybrid;
    bool speaks = true;
    std::uint8_t amended = 0; // what this line adds to the one before
    PartyKnown from{};
    PartyKnown to{};
    Price price{};
    std::uint32_t epoch = 0;
    std::uint16_t hybrid_buckets = 0;
    bool fallback = false; // the path that should have spoken was silent past its deadline
};

// What has been learned of an alert that was passed on before.
struct Amendment {
    Alert alert{};
};

// Says for one account which path speaks for it.
enum class Pin : std::uint8_t { none, legacy, hybrid };

// ---- source to decode --------------------------------------------------------------------------

// Runtimes kept per chain, by source and decode alike: with one more, the oldest goes.
inline constexpr std::size_t runtimes_max = 8;

// The payload is metadata, as state_getMetadata returns it, of the runtime with this version.
struct RuntimeBytes {
    std::uint32_t spec_version = 0;
    Hash code_hash{}; // BLAKE2b-256 of the code it was made of; all zero: unknown
};

// The payload is a storage value that describes an asset; its key is in front.
struct AssetBytes {
    std::uint32_t key_bytes = 0; // payload = key, then value
};

// The payload is the System.Account value of an account in the state of a final block; empty: there
// is none, it holds nothing.
struct AccountBytes {
    Hash hash{};
    std::uint32_t number = 0;
    std::uint32_t spec_version = 0; // the runtime that executed the block
    decoders::Account account{};
};

// The payload is the System.Events value of a block and, where its transfers are to be attributed,
// behind it the block's extrinsics, each with its length in front.
struct BlockBytes {
    BlockRef block{};
    std::uint32_t spec_version = 0; // the runtime that executed the block
    std::uint32_t body_bytes = 0;   // of the extrinsics, at the payload's end
};

// Who read it: the source that follows the head, the one that fills holes behind it, or the one
// that reads a block again because the paths differ about it. Each keeps its own runtimes in
// decode, because each knows only of those it has sent itself.
enum class Lane : std::uint8_t { live, history, recheck };
inline constexpr std::size_t lanes = 3;

struct alignas(64) Frame {
    static constexpr std::string_view record_name = "Frame";
    Header header{};
    Payload payload{};
    std::uint16_t chain = 0;
    Lane lane = Lane::live;
    std::variant<ChainFacts, RuntimeBytes, AssetBytes, BlockBytes, Finalized, Abandoned, Missing,
                 AccountBytes>
        body{};
};

// Copies a body of a kind that both variants have. False: `to` cannot hold it.
template <class From, class... Bodies>
bool pass_on(From const& from, std::variant<Bodies...>& to) {
    return std::visit(
        [&]<class Body>(Body const& body) {
            if constexpr ((std::same_as<Body, Bodies> || ...)) {
                to = body;
                return true;
            } else {
                return false;
            }
        },
        from);
}

// ---- decode, subscan to detect -----------------------------------------------------------------

struct alignas(64) Fact {
    static constexpr std::string_view record_name = "Fact";
    Header header{};
    std::uint16_t chain = 0;
    Path path = Path::hybrid;
    bool recheck = false; // of a block that is read again: for the comparator alone
    std::variant<ChainFacts, AssetFacts, Transfer, BlockEnd, Finalized, Abandoned, Missing, Settled,
                 Holding>
        body{};
};

// ---- detect to route ---------------------------------------------------------------------------

struct alignas(64) Candidate {
    static constexpr std::string_view record_name = "Candidate";
    Header header{};
    std::uint16_t chain = 0;
    Path path = Path::hybrid;
    bool recheck = false; // of a block that is read again: for the comparator alone
    std::variant<ChainFacts, AssetFacts, Match, BlockEnd, Finalized, Abandoned, Missing, Settled>
        body{};
};

// ---- route to enrich, enrich to deliver --------------------------------------------------------

struct alignas(64) Verdict {
    static constexpr std::string_view record_name = "Verdict";
    Header header{};
    std::uint16_t chain = 0;
    Path path = Path::hybrid;
    std::variant<ChainFacts, AssetFacts, Alert, BlockEnd, Finalized, Abandoned, Missing, Settled,
                 Amendment>
        body{};
};

// ---- control to route (may drop: control counts, and says that it was not taken) ----------------

// A pin of one account, or (account empty) a chain that is held on legacy or let go.
struct alignas(64) Steer {
    static constexpr std::string_view record_name = "Steer";
    Header header{};
    decoders::Account account{};
    Pin pin = Pin::none;             // none: the pin is taken away
    std::uint64_t until_unix_ms = 0; // of the pin; 0: it does not expire
    std::uint16_t chain = 0;
    bool hold = false;
};

// ---- deliver to history (may drop: said again while it holds) ----------------------------------

struct Stretch {
    std::uint32_t from = 0; // both included
    std::uint32_t to = 0;
};

// Finalized blocks the ledger lacks, oldest first. Each Want takes the place of the one before.
struct alignas(64) Want {
    static constexpr std::string_view record_name = "Want";
    static constexpr std::size_t stretches_max = 12;
    Header header{};
    Hash genesis{}; // of the chain, for history readers that have not met it
    std::uint16_t chain = 0;
    std::uint16_t count = 0;
    std::array<Stretch, stretches_max> stretches{};
};

// ---- enrich to subscan and back (may drop: an alert then lacks what was asked) -----------------

enum class Wanted : std::uint8_t { account, price };

// account: of whom. price: of the chain's own token, at that time.
struct alignas(64) Lookup {
    static constexpr std::string_view record_name = "Lookup";
    Header header{};
    std::uint16_t chain = 0;
    Wanted wanted{};
    bool urgent = false; // of a critical alert
    std::uint16_t ss58_prefix = 42;
    decoders::Account account{};
    std::uint64_t time_s = 0;     // price: unix
    Nanoseconds useful_until = 0; // nobody needs it later
};

// Not found: Subscan knows nothing of it. Failed: it was not asked, or did not answer.
enum class Found : std::uint8_t { yes, no, failed };

struct alignas(64) Finding {
    static constexpr std::string_view record_name = "Finding";
    Header header{};
    std::uint16_t chain = 0;
    Wanted wanted{};
    Found found{};
    decoders::Account account{};
    std::uint64_t time_s = 0; // as asked
    PartyKnown party{};       // account
    Price price{};            // price
};

static_assert(pipeline::Message<Steer>);
static_assert(pipeline::Message<Want>);
static_assert(pipeline::Message<Lookup> && pipeline::Message<Finding>);
static_assert(pipeline::Message<Frame> && pipeline::Message<Fact> && pipeline::Message<Candidate> &&
              pipeline::Message<Verdict>);

} // namespace stages
