// Keeps a conversation with a node and turns it into frames: chain facts, runtimes, blocks,
// finality.
//
//   waiting ──▶ connecting ──▶ greeting ──▶ following
//      ▲            │             │             │      any fault: why is logged and counted, the
//      └────────────┴─────────────┴─────────────┘      endpoint is set aside
//
// Which endpoint: the most preferred one that is not set aside (Endpoints). A less preferred one is
// left at a quiet moment when it is time to try a better one again. An endpoint that contradicts
// what was final before is left, too; only when all of them do is the other history followed.
//
// Fast path: one state_subscribeStorage on {System.Events, System.Number, Timestamp.Now,
// System.LastRuntimeUpgrade} pushes a best block's events with no further round trip. The last key
// says, in the same frame, which runtime executed the block: the one whose metadata decodes it.
// Truth path: finalized heads; whatever the fast path did not bring is asked for by hash, holes are
// closed by parent hash (Follower).
//
// A node without those methods is followed by chainHead_v1 (ChainHead): its notices name the
// blocks, and each block's values are asked for at once, as an operation.
//
// Text is decoded from hex straight into the link's arena; JSON is read once, here, because what is
// wrong with it is the endpoint's fault and is answered here.
//
// A node that says it is asked too often is asked more slowly, and what it refused is asked again
// (Throttle); a state that is gone there is left to others.
//
// One thread; owns its socket. When the link is full the last message is kept and reading stops.
#pragma once

#include "decoders/jsonrpc.hpp"
#include "io/websocket.hpp"
#include "pipeline/log.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/stage.hpp"
#include "stages/bodies.hpp"
#include "stages/cadence.hpp"
#include "stages/chain_head.hpp"
#include "stages/endpoints.hpp"
#include "stages/follower.hpp"
#include "stages/notes.hpp"
#include "stages/refusal.hpp"
#include "stages/rpc_requests.hpp"
#include "stages/runtime_cache.hpp"
#include "stages/throttle.hpp"

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace stages {

using pipeline::Out;
using pipeline::Turn;

struct RpcSourceOptions {
    std::uint16_t chain = 0;
    std::string name;               // for the log
    std::vector<io::Url> endpoints; // in the order of preference
    EndpointOptions choice{};
    FollowerOptions follower{};
    io::WebSocketOptions socket{};
    std::optional<Hash> genesis{}; // absent: that of the first endpoint that answers
    bool attribute = false;        // send each block's extrinsics along with its events
    // Storage maps that describe assets (32-byte prefixes); empty: native token only.
    std::vector<std::vector<std::uint8_t>> asset_maps{};
    // Whose balances are read from the states of final blocks: the audited ones in every round, of
    // the others some, so that each has its turn.
    std::vector<decoders::Account> audited{}, balances{};
    Nanoseconds audit_every = 60 * pipeline::second;
    Nanoseconds answer_timeout = 30 * pipeline::second; // of any question
};

enum class SourceMetric {
    connects,
    disconnects,
    messages,
    bytes,
    blocks_pushed,
    blocks_fetched,
    heads,
    malformed,
    error_replies,
    silent,
    wrong_genesis,
    holes,
    conflicts,
    bodies_missing,
    limited,
    pruned,
    stops,
    runtimes_cached,
    runtimes_damaged,
    holdings,
    holdings_refused,
    best,
    finalized,
    connected,
};

inline constexpr std::array source_metrics{
    pipeline::MetricRow{"spyhop_source_connects_total", pipeline::MetricKind::counter,
                        "Connections that were opened to a node."},
    pipeline::MetricRow{"spyhop_source_disconnects_total", pipeline::MetricKind::counter,
                        "Connections and attempts that ended, whatever the reason."},
    pipeline::MetricRow{"spyhop_source_messages_total", pipeline::MetricKind::counter,
                        "WebSocket messages from the node."},
    pipeline::MetricRow{"spyhop_source_received_bytes_total", pipeline::MetricKind::counter,
                        "Bytes of those messages."},
    pipeline::MetricRow{"spyhop_source_blocks_pushed_total", pipeline::MetricKind::counter,
                        "Blocks that came by subscription."},
    pipeline::MetricRow{"spyhop_source_blocks_fetched_total", pipeline::MetricKind::counter,
                        "Blocks that had to be asked for."},
    pipeline::MetricRow{"spyhop_source_heads_total", pipeline::MetricKind::counter,
                        "Best heads announced."},
    pipeline::MetricRow{"spyhop_source_malformed_total", pipeline::MetricKind::counter,
                        "Messages that were not what the protocol says."},
    pipeline::MetricRow{"spyhop_source_error_replies_total", pipeline::MetricKind::counter,
                        "Questions the node answered with an error."},
    pipeline::MetricRow{"spyhop_source_silent_total", pipeline::MetricKind::counter,
                        "Connections given up because nothing came."},
    pipeline::MetricRow{"spyhop_source_wrong_genesis_total", pipeline::MetricKind::counter,
                        "Endpoints that serve another chain."},
    pipeline::MetricRow{"spyhop_source_hole_blocks_total", pipeline::MetricKind::counter,
                        "Blocks left to the history reader."},
    pipeline::MetricRow{"spyhop_source_finality_conflicts_total", pipeline::MetricKind::counter,
                        "Finalized heads that contradict earlier ones."},
    pipeline::MetricRow{"spyhop_source_bodies_missing_total", pipeline::MetricKind::counter,
                        "Blocks told without their extrinsics because the node did not show them."},
    pipeline::MetricRow{"spyhop_source_limited_total", pipeline::MetricKind::counter,
                        "Questions the node refused because it is asked too often."},
    pipeline::MetricRow{"spyhop_source_pruned_blocks_total", pipeline::MetricKind::counter,
                        "Blocks whose state the node no longer had."},
    pipeline::MetricRow{"spyhop_source_stops_total", pipeline::MetricKind::counter,
                        "Times a node ended its chainHead_v1 subscription."},
    pipeline::MetricRow{"spyhop_source_runtimes_cached_total", pipeline::MetricKind::counter,
                        "Runtimes whose metadata was on disk."},
    pipeline::MetricRow{"spyhop_source_runtimes_damaged_total", pipeline::MetricKind::counter,
                        "Runtimes whose metadata on disk was not what had been written."},
    pipeline::MetricRow{"spyhop_source_holdings_total", pipeline::MetricKind::counter,
                        "Balances the node has told of, to be audited."},
    pipeline::MetricRow{"spyhop_source_holdings_refused_total", pipeline::MetricKind::counter,
                        "Balances the node has not told, though asked."},
    pipeline::MetricRow{"spyhop_source_best_block", pipeline::MetricKind::gauge,
                        "Number of the best block."},
    pipeline::MetricRow{"spyhop_source_finalized_block", pipeline::MetricKind::gauge,
                        "Number of the last block said to be final."},
    pipeline::MetricRow{"spyhop_source_connected", pipeline::MetricKind::gauge,
                        "1 while following."},
};

class RpcSource : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 2;

    struct Needs {
        io::Network& network;
        pipeline::Clock const& clock;
        io::Random& random;
        pipeline::Log& log;
        pipeline::MetricsPage& metrics;
    };

    // runtimes: metadata kept by earlier runs; null: every runtime is asked for.
    RpcSource(RpcSourceOptions options, Needs needs, Out<Frame> frames, Out<SourceNote> notes,
              std::unique_ptr<RuntimeCache> runtimes = nullptr);

    auto outputs() { return std::tie(frames_, notes_); }
    bool tick(Turn const& turn);
    Nanoseconds next_deadline() const;

  private:
    // What became of a message: `hold` when the link has no room for it just now.
    enum class Outcome : std::uint8_t { done, hold, fault };
    // The storage values of one block, as hex text; absent ones are empty.
    struct BlockValues {
        Hash hash{};
        std::string_view events, number, timestamp, upgrade;
        bool fetched = false; // asked for, so perhaps an old one
    };

    // System.Events, System.Number, Timestamp.Now, System.LastRuntimeUpgrade.
    static constexpr std::size_t block_keys_count = 4;
    static std::array<std::array<std::uint8_t, 32>, block_keys_count> const& block_keys();

    void set_state(SourceState state);
    void send_note();
    Frame frame_of(Nanoseconds received) const;

    // rpc_source.cpp: the connection
    bool fall_silent();
    void connect(std::size_t endpoint);
    void drop_connection();
    void disconnected(std::string_view why, Nanoseconds now);
    bool quiet() const; // nothing is asked, nothing is to be asked
    void go_back(std::size_t endpoint);
    bool on_event(io::WebSocketEvent const& event, Turn const& turn);
    Outcome on_message(io::WebSocketEvent const& event, Turn const& turn);
    Outcome on_answer(decoders::Envelope const& envelope, Nanoseconds received, Nanoseconds now);
    bool overdue(Nanoseconds now);
    bool act(Nanoseconds now);
    void ask(Question const& question, std::string_view params, Nanoseconds now);
    void send(Question const& question, std::string_view params, Nanoseconds now);
    bool may_send(Question const& question, Nanoseconds now) const;
    Nanoseconds oldest_question() const;
    bool busy() const; // enough is open and waiting: the follower's questions can wait, too
    // What becomes of the endpoint besides its back-off.
    struct Blame {
        Aside aside = Aside::failed;
        Nanoseconds wait = 0; // at least; its own word
        bool known = false;   // said before: not logged again
    };
    Outcome fault(std::string why) { return fault(std::move(why), Blame{}); }
    Outcome fault(std::string why, Blame blame);
    Outcome malformed(std::string_view what, decoders::Error const& error);
    std::string place() const;

    // rpc_source_greeting.cpp: everything before the first block
    void greet(Nanoseconds now);
    Outcome introduced(Nanoseconds received, Nanoseconds now);
    Outcome on_best_header();
    Outcome on_genesis(decoders::Envelope const& reply);
    void on_properties(decoders::Envelope const& reply);
    void on_own_hash(decoders::Envelope const& reply);
    Outcome on_runtime_version(Question const& question, Nanoseconds received, Nanoseconds now);
    void fetch_runtime(Hash const& state, std::uint32_t spec_version, Nanoseconds now);
    void greet_runtime(Hash const& state, std::uint32_t spec_version, Nanoseconds now);
    void ask_call(Question const& question, std::string_view method, std::string_view args,
                  Nanoseconds now);
    void ask_plain_metadata(Question const& question, Nanoseconds now);
    void ask_metadata(Question const& question, Nanoseconds now);
    Outcome on_code_hash(Question const& question, decoders::Envelope const& reply,
                         Nanoseconds received, Nanoseconds now);
    void emit_runtime(std::uint32_t spec_version, pipeline::Payload metadata, std::string_view from,
                      Nanoseconds received, Nanoseconds now);
    void on_metadata_versions(Question const& question, decoders::Envelope const& reply,
                              Nanoseconds now);
    Outcome on_metadata(Question const& question, decoders::Envelope const& reply,
                        Nanoseconds received, Nanoseconds now);
    void runtime_ready(Nanoseconds now);
    void ask_asset_keys(std::uint32_t map, std::string_view after, Nanoseconds now);
    void ask_asset_values(Nanoseconds now);
    Outcome on_asset_keys(Question const& question, decoders::Envelope const& reply,
                          Nanoseconds now);
    Outcome on_asset_value(Question const& question, decoders::Envelope const& reply,
                           Nanoseconds received, Nanoseconds now);
    void subscribe(Nanoseconds now);

    // rpc_source_blocks.cpp: following
    Outcome on_notification(decoders::Envelope const& envelope, Nanoseconds received,
                            Turn const& turn);
    void on_new_head(decoders::Header const& header, Turn const& turn);
    void on_head_hash(Question const& question, decoders::Envelope const& reply, Nanoseconds now);
    Outcome on_header(Question const& question, decoders::Envelope const& reply, Nanoseconds now);
    // The four values of the change set in the message at hand; error: not a change set.
    std::expected<BlockValues, decoders::Error> read_values();
    Outcome on_push(Nanoseconds received, Nanoseconds now);
    Outcome on_fetched(Question const& question, decoders::Envelope const& reply,
                       Nanoseconds received, Nanoseconds now);
    Outcome take_values(Question const& question, BlockValues values, Nanoseconds received,
                        Nanoseconds now);
    void ask_whether_state_is_there(Question const& question, Nanoseconds now);
    void state_is_gone(Question const& question);
    Outcome on_block(BlockValues const& values, std::uint32_t number, Nanoseconds received,
                     Nanoseconds now);
    Outcome emit_block(BlockValues const& values, std::uint32_t number, std::uint32_t spec_version,
                       Nanoseconds received);
    // rpc_source_refusals.cpp: questions that were answered with an error
    void on_refusal(Question const& question, decoders::Envelope const& reply, Nanoseconds now);
    void without(Question const& question, decoders::Envelope const& reply, Nanoseconds now);
    void hold_back(Question const& question, std::string_view why, Nanoseconds wait,
                   Nanoseconds now);
    void on_limit(Question const& question, decoders::Envelope const& reply, Nanoseconds wait,
                  Nanoseconds now);
    // rpc_source_bodies.cpp: the extrinsics, where they are wanted
    void ask_body(Hash const& block, Nanoseconds now);
    Outcome on_body(Question const& question, decoders::Envelope const& reply);
    void body_missing(Question const& question, std::string_view why);

    // rpc_source_audit.cpp: what accounts hold
    void begin_audit(FollowerAction const& final, Nanoseconds now);
    void ask_holding(Nanoseconds now);
    Outcome on_holding(decoders::Envelope const& reply, Nanoseconds received, Nanoseconds now);
    void holding_missed();
    void holding_refused(std::string_view why);

    // rpc_source_chain_head.cpp: nodes with chainHead_v1 only
    void speak_chain_head(Nanoseconds now);
    void follow_anew(Nanoseconds now);
    std::string follow_params(Hash const& hash) const;
    Outcome on_follow_event(decoders::Envelope const& envelope, Nanoseconds received,
                            Turn const& turn);
    Outcome on_block_event(std::string_view event, Turn const& turn);
    Outcome on_followed(decoders::Envelope const& reply);
    Outcome on_initialized(Nanoseconds now);
    Outcome on_stop(Nanoseconds now);
    Outcome on_pinned_header(Question const& question, decoders::Envelope const& reply,
                             Nanoseconds received, Nanoseconds now);
    void tell_heads(Nanoseconds now);
    void ask_pinned_header(Hash const& hash, Nanoseconds now);
    void ask_pinned_values(FollowerAction const& action, Nanoseconds now);
    void ask_pinned_assets(Nanoseconds now);
    bool let_go(Nanoseconds now);
    Outcome protocol_broken(std::string_view how);
    // rpc_source_operations.cpp: answers of chainHead_v1 that come as notices
    Outcome on_started(Question const& question, Nanoseconds now);
    Outcome on_operation(std::string_view event, Nanoseconds received, Nanoseconds now);
    Outcome on_items(Operations::Operation& operation, Nanoseconds received);
    Outcome on_asset_item(decoders::JsonRpc::StorageItem const& item, Nanoseconds received);
    Outcome on_storage_done(Operations::Operation const& operation, Nanoseconds received,
                            Nanoseconds now);

    // The runtime that executed the block; 0: it has to be asked for first, and has been.
    std::uint32_t runtime_of(BlockValues const& values, Nanoseconds now);
    void decide(Hash const& block, std::uint32_t spec_version);
    void on_conflict(FollowerAction const& action, Nanoseconds now);
    void on_action(FollowerAction const& action, Nanoseconds now);
    bool runtime_loaded(std::uint32_t spec_version) const;

    RpcSourceOptions const options_;
    Needs const needs_;
    Out<Frame> frames_;
    Out<SourceNote> notes_;

    std::unique_ptr<io::WebSocketClient> socket_;
    Endpoints endpoints_;
    decoders::JsonRpc json_;
    Requests requests_;
    struct Later {
        Question question;
        std::string params;
    };
    std::deque<Later> later_; // questions held back by the throttle, or refused by the node's limit
    Throttle throttle_;
    Follower follower_;
    Cadence cadence_;
    Bodies bodies_;
    struct { // the round of questions that is under way, or the last one
        Hash hash{};
        std::uint32_t number = 0;
        std::uint32_t spec_version = 0;
    } audit_;
    std::deque<decoders::Account> round_; // whom it asks about, the current one first
    std::size_t balances_next_ = 0;       // whose turn it is in the next round
    Nanoseconds audit_at_ = 0;            // no round before
    bool audit_refused_ = false;          // it was said, of this connection
    SourceState state_ = SourceState::waiting;
    std::size_t endpoint_ = 0;
    std::vector<bool> of_other_chain_; // by endpoint: it was said
    std::vector<bool> contradicts_;    // by endpoint: what is final, since the last one that was
    std::string fault_;                // why the connection must end, set by fault()
    Blame blame_{};                    // the same
    std::optional<io::WebSocketEvent> held_; // a message the link had no room for

    // where the node has chainHead_v1 only
    Api api_ = Api::legacy;
    std::vector<Api> api_of_; // by endpoint
    ChainHead head_;
    Operations operations_;
    std::string follow_;         // the subscription; empty: none yet
    std::size_t items_done_ = 0; // of the message at hand, while it is held

    std::unique_ptr<RuntimeCache> const cache_;
    Hash fetching_code_{}; // of the runtime that is on its way; all zero: unknown

    // what is known of the chain
    std::optional<Hash> genesis_; // of the first endpoint that answered
    ChainFacts facts_{};
    unsigned introductions_ = 0; // answers of the first round still to come
    decoders::Header best_{};
    // False on chains whose headers have more in them than we hash (Avail is one): their heads are
    // named by the node, at the cost of a question each.
    bool own_hashes_ = true;

    // runtimes
    std::vector<std::uint32_t> loaded_; // spec versions whose metadata was sent on
    std::uint32_t current_spec_ = 0;    // of the newest block told
    std::uint32_t current_spec_at_ = 0; // number of that block
    std::uint32_t announced_spec_ = 0;  // by state_subscribeRuntimeVersion
    std::uint32_t fetching_spec_ = 0;   // metadata on its way; 0: none
    struct Decided {
        Hash block;
        std::uint32_t spec_version;
    };
    std::vector<Decided> decided_; // blocks whose runtime had to be asked for
    std::vector<Hash> deciding_;   // blocks on whose behalf the runtime is being asked for
    Nanoseconds retry_at_ = pipeline::never; // when a held message is tried again

    // assets
    std::vector<std::vector<std::uint8_t>> asset_keys_;
    std::size_t asset_next_ = 0;  // index of the next value to ask for
    std::size_t assets_open_ = 0; // questions about assets still to be answered
    std::size_t assets_seen_ = 0;
    bool assets_done_ = false;

    std::uint64_t head_unix_ms_ = 0;
};

} // namespace stages
