// Reads the finalized blocks the ledger lacks, by height, and tells them into the same decode as
// the live source: a BlockBytes and its Finalized for each, in ascending order. What no endpoint
// can give becomes Missing.
//
//   off ──Want──▶ waiting ──▶ connecting ──▶ greeting ──▶ following (reading) ──▶ off
//                    ▲            │             │             │      any fault: why is logged and
//                    └────────────┴─────────────┴─────────────┘      counted, Endpoints chooses
//
// What to ask is planned by Backfill, of whom by Endpoints. One question gives all of a block:
// state_queryStorageAt on {System.Events, System.Number, Timestamp.Now, System.LastRuntimeUpgrade,
// System.ParentHash}. A node that refuses it is asked key by key; one that has no legacy methods
// through archive_v1. System.Number must be the height that was asked for: an endpoint that says
// otherwise is set aside. Where it is not there at all the state is gone: not an empty block.
//
// Without a Want it reads what an earlier run has read and this one needs once more (`again`: the
// windows of patterns lack it): from `again.from` to `again.to`, or to what the first node has
// finalized, if that is more: what was on its way when the run before ended is in no ledger. Begun
// with the first Want, or a little later than the service; wanted until it is told, whatever else
// is wanted.
//
// Blocks wait for their turn in parcels, decoded from hex; their number and bytes are bounded by
// Backfill. One thread; owns its socket, which is open only while something is wanted. While more
// than `frames_waiting_max` frames wait in the link, nothing is asked.
//
// Sources: polkadot-sdk's JSON-RPC, json-rpc-interface-spec (archive_v1), frame_system's storage.
#pragma once

#include "decoders/jsonrpc.hpp"
#include "io/websocket.hpp"
#include "pipeline/log.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/stage.hpp"
#include "stages/backfill.hpp"
#include "stages/endpoints.hpp"
#include "stages/history_progress.hpp"
#include "stages/notes.hpp"
#include "stages/refusal.hpp"
#include "stages/rpc_history_questions.hpp"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace stages {

using pipeline::Out;
using pipeline::Turn;

struct RpcHistoryOptions {
    std::uint16_t chain = 0;
    std::string name; // for the log
    Lane lane = Lane::history;
    std::vector<io::Url> endpoints;
    std::optional<Hash> genesis{}; // absent: that of the first endpoint that answers
    EndpointOptions choice{};
    BackfillOptions backfill{};
    io::WebSocketOptions socket{};
    bool attribute = false;         // send each block's extrinsics along with its events
    std::optional<Stretch> again{}; // may end before it begins: nothing is known
    Nanoseconds again_after = 5 * pipeline::second;     // the live source has said more by then
    Nanoseconds answer_timeout = 30 * pipeline::second; // of any question
    Nanoseconds linger = 10 * pipeline::second;     // the connection outlives the last wish by this
    Nanoseconds behind_max = 60 * pipeline::second; // an endpoint that has not finalized what is
                                                    // wanted is left after this
    std::size_t frames_waiting_max = 32;
};

enum class HistoryMetric {
    connects,
    disconnects,
    messages,
    bytes,
    blocks,
    missing,
    malformed,
    error_replies,
    limited,
    pruned,
    contradictions,
    wrong_genesis,
    silent,
    bodies_missing,
    left,
    connected,
};

inline constexpr std::array history_metrics{
    pipeline::MetricRow{"spyhop_history_connects_total", pipeline::MetricKind::counter,
                        "Connections that were opened to a node to read old blocks."},
    pipeline::MetricRow{"spyhop_history_disconnects_total", pipeline::MetricKind::counter,
                        "Those connections, and attempts, that ended with a fault."},
    pipeline::MetricRow{"spyhop_history_messages_total", pipeline::MetricKind::counter,
                        "WebSocket messages from the node."},
    pipeline::MetricRow{"spyhop_history_received_bytes_total", pipeline::MetricKind::counter,
                        "Bytes of those messages."},
    pipeline::MetricRow{"spyhop_history_blocks_total", pipeline::MetricKind::counter,
                        "Blocks that were read and told."},
    pipeline::MetricRow{"spyhop_history_missing_blocks_total", pipeline::MetricKind::counter,
                        "Blocks that no endpoint gave; those asked for again count again."},
    pipeline::MetricRow{"spyhop_history_malformed_total", pipeline::MetricKind::counter,
                        "Messages that were not what the protocol says."},
    pipeline::MetricRow{"spyhop_history_error_replies_total", pipeline::MetricKind::counter,
                        "Questions the node answered with an error."},
    pipeline::MetricRow{"spyhop_history_limited_total", pipeline::MetricKind::counter,
                        "Questions the node refused because there were too many."},
    pipeline::MetricRow{"spyhop_history_pruned_total", pipeline::MetricKind::counter,
                        "Times an endpoint turned out not to keep state as old as was wanted."},
    pipeline::MetricRow{"spyhop_history_contradictions_total", pipeline::MetricKind::counter,
                        "Blocks that were not the one asked for, or had another parent."},
    pipeline::MetricRow{"spyhop_history_wrong_genesis_total", pipeline::MetricKind::counter,
                        "Endpoints that serve another chain."},
    pipeline::MetricRow{"spyhop_history_silent_total", pipeline::MetricKind::counter,
                        "Connections given up because an answer did not come."},
    pipeline::MetricRow{"spyhop_history_bodies_missing_total", pipeline::MetricKind::counter,
                        "Blocks told without their extrinsics because the node did not show them."},
    pipeline::MetricRow{"spyhop_history_left_blocks", pipeline::MetricKind::gauge,
                        "Blocks that are wanted and not told yet."},
    pipeline::MetricRow{"spyhop_history_connected", pipeline::MetricKind::gauge,
                        "1 while reading."},
};

class RpcHistory : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 2;

    struct Needs {
        io::Network& network;
        pipeline::Clock const& clock;
        io::Random& random;
        pipeline::Log& log;
        pipeline::MetricsPage& metrics;
    };

    RpcHistory(RpcHistoryOptions options, Needs needs, Out<Frame> frames, Out<HistoryNote> notes);

    auto outputs() { return std::tie(frames_, notes_); }
    void on(pipeline::Part<Want> const& part, Turn const& turn);
    bool tick(Turn const& turn);
    Nanoseconds next_deadline() const;

  private:
    enum class Dialect : std::uint8_t { at_once, key_by_key, archive };
    enum Key : std::uint8_t { key_events, key_number, key_timestamp, key_upgrade, key_parent };
    static constexpr std::size_t keys_count = 5;
    static std::array<std::array<std::uint8_t, 32>, keys_count> const& keys();

    enum Part : std::uint32_t {
        body_part = 1U << 8,
        header_part = 1U << 9,
        version_part = 1U << 10
    };
    static constexpr std::uint32_t values_part = (1U << keys_count) - 1;
    // A block on its way: what has come of it so far.
    struct Parcel {
        bool used = false;
        std::uint32_t number = 0;
        Hash hash{};
        std::uint32_t open = 0; // parts still to come, as bits: a key's index, or one of Part
        std::optional<std::uint64_t> own_number{};
        std::optional<Hash> parent{};
        std::uint64_t timestamp_ms = 0;
        std::uint32_t spec_version = 0;
        std::vector<std::uint8_t> events;
        std::vector<std::uint8_t> body;
    };
    struct Fetching {                   // the metadata of a runtime
        std::uint32_t spec_version = 0; // 0: none
        std::vector<std::uint8_t> bytes;
    };

    // rpc_history_again.cpp: what is wanted
    void begin_again();
    void extend_again(std::uint32_t finalized, Nanoseconds now);
    void told_again(Stretch const& stretch);
    bool again_due(Nanoseconds now);
    void want_all(Nanoseconds now);
    void begin_progress(Nanoseconds now);

    // rpc_history.cpp: the connection, and whose it is
    bool fall_silent(Nanoseconds now);
    bool rest(Nanoseconds now);
    bool connect(Nanoseconds now);
    std::optional<Endpoints::Choice> choose(Nanoseconds now);
    bool steer(Nanoseconds now);
    void close_connection();
    void leave(Aside why, std::string_view text, Nanoseconds now, Nanoseconds wait = 0);
    void fault(std::string text, Aside why = Aside::failed, Nanoseconds wait = 0);
    void malformed(std::string_view what, decoders::Error const& error);
    bool overdue(Nanoseconds now);
    bool act(Nanoseconds now);
    bool keep_up(Nanoseconds now);
    void ask(HistoryQuestion question, std::string_view params, Nanoseconds now);
    std::string place() const;
    void set_state(SourceState state, Nanoseconds now);
    void send_note(Nanoseconds now);
    void say(pipeline::Level level, std::string const& text);

    // rpc_history_answers.cpp: messages, and who reads them
    bool on_event(io::WebSocketEvent const& event, Nanoseconds now);
    void on_message(std::string_view text, Nanoseconds now);
    void on_answer(HistoryQuestion const& question, decoders::Envelope const& reply,
                   Nanoseconds now);

    // rpc_history_refusals.cpp: what the node will not answer
    void on_refusal(HistoryQuestion const& question, decoders::Envelope const& reply,
                    Nanoseconds now);
    void on_limit(HistoryQuestion const& question, Refusal const& refusal, Nanoseconds now);
    void block_failed(HistoryQuestion const& question, std::string_view why, Nanoseconds now);
    bool has_other_way(HistoryQuestion const& question, Refusal const& refusal,
                       std::string_view why, Nanoseconds now);

    // rpc_history_greeting.cpp: which chain this is, how far it is, its runtimes
    void greet(Nanoseconds now);
    void on_genesis(decoders::Envelope const& reply, bool archive, Nanoseconds now);
    void on_finalized(std::uint32_t height, Nanoseconds now);
    void ask_finalized(Nanoseconds now);
    bool runtime_sent(std::uint32_t spec_version) const;
    void fetch_runtime(Hash const& state, std::uint32_t spec_version, Nanoseconds now);
    void on_metadata_versions(HistoryQuestion const& question, std::string_view hex,
                              Nanoseconds now);
    void on_metadata(HistoryQuestion const& question, std::string_view hex, Nanoseconds now);
    std::string_view call_value(HistoryQuestion const& question, decoders::Envelope const& reply);

    // rpc_history_blocks.cpp: blocks
    void on_hashes(HistoryQuestion const& question, decoders::Envelope const& reply,
                   Nanoseconds now);
    void ask_block(std::uint32_t number, Hash const& hash, Nanoseconds now);
    Parcel* parcel(std::uint32_t number); // null: none is on its way
    // That of the block asked about; null: nobody waits for its answer.
    Parcel* parcel_of(HistoryQuestion const& question);
    Parcel& new_parcel(std::uint32_t number, Hash const& hash);
    void release(Parcel& parcel);
    void on_values(HistoryQuestion const& question, Nanoseconds now);
    void on_storage_event(decoders::Envelope const& notice, Nanoseconds now);
    bool put_value(Parcel& parcel, std::size_t key, std::string_view hex);
    void values_complete(Parcel& parcel, Nanoseconds now);
    void part_came(Parcel& parcel, std::uint32_t part);
    void on_header(HistoryQuestion const& question, decoders::Envelope const& reply,
                   Nanoseconds now);
    void on_block_version(HistoryQuestion const& question, decoders::Envelope const& reply,
                          Nanoseconds now);
    void on_body(HistoryQuestion const& question, decoders::Envelope const& reply);
    void body_missing(HistoryQuestion const& question, std::string_view why);

    // rpc_history_tell.cpp: what goes down the link
    bool tell(Nanoseconds now);
    bool tell_missing(Nanoseconds now);
    bool tell_runtime();
    bool tell_block(Parcel& parcel, Backfill::Ready const& ready, Nanoseconds now);
    Frame frame_of(Nanoseconds now) const;

    RpcHistoryOptions const options_;
    Needs const needs_;
    Out<Frame> frames_;
    Out<HistoryNote> notes_;

    std::unique_ptr<io::WebSocketClient> socket_;
    Endpoints endpoints_;
    decoders::JsonRpc json_;
    HistoryQuestions questions_;
    Backfill backfill_;
    HistoryProgress progress_;
    std::vector<Stretch> wants_; // of the newest Want
    std::vector<Stretch> again_; // still to be told once more
    enum class Again : std::uint8_t { none, waits, open, known } again_state_;
    Nanoseconds again_at_ = pipeline::never; // when it begins at the latest
    std::vector<Parcel> parcels_;
    SourceState state_ = SourceState::off;
    std::size_t endpoint_ = 0;
    Dialect dialect_ = Dialect::at_once;
    std::string const keys_text_; // as parameters
    std::string const archive_items_;

    struct Fault {
        Aside why{};
        Nanoseconds wait = 0;
        std::string text;
    };
    std::optional<Fault> fault_; // why the connection must end
    std::optional<Hash> genesis_;
    std::vector<std::uint32_t> sent_; // spec versions whose metadata decode has, as decode keeps it
    Fetching fetching_;

    Nanoseconds wake_at_ = pipeline::never; // to look again where nothing wakes us
    Nanoseconds idle_since_ = pipeline::never;
    Nanoseconds behind_since_ = pipeline::never; // nothing wanted is final at this node
    Nanoseconds finalized_asked_ = 0;
    Nanoseconds fetch_at_ = 0; // metadata is not asked for before
    Nanoseconds noted_at_ = 0;
    // Connections in a row that ended before a block was told, and which block was next.
    unsigned fruitless_ = 0;
    std::uint32_t fruitless_at_ = 0;
    std::uint64_t told_ = 0;
    std::uint64_t told_before_ = 0; // when the connection was opened
    std::uint64_t missing_in_run_ = 0;
    std::string trouble_;
};

} // namespace stages
