// The legacy path's source: polls Subscan for the transfers of every chain that has a subscan_url,
// and asks it on behalf of enrich. One stage for the whole service, because one key has one quota.
//
//   each chain   genesis (block 0) ──▶ tokens ──▶ SubscanPoll: head, pages, head, pages, ...
//                                                     └──Fact──▶ detect of the legacy path
//   enrich ──Lookup──▶ account, price ──Finding──▶ enrich
//
// Everything goes through SubscanGate, which knows quota, circuit breaker and key. What failed is
// asked again until the range is complete; polling goes before every lookup. A page with a row that
// cannot be read is told without it, counted, and the row is named in the log.
//
// What the key was used for is written to a file of the state directory once a minute, so that a
// restart does not begin a new day.
//
// One thread; owns its connections. Emits at most `max_burst` facts a call; findings and notes go
// over links that may drop. Sources: subscan-OpenAPI (2026); ../subscan_poll.hpp for what is asked.
#pragma once

#include "pipeline/stage.hpp"
#include "stages/notes.hpp"
#include "stages/state_files.hpp"
#include "stages/subscan_assets.hpp"
#include "stages/subscan_gate.hpp"
#include "stages/subscan_greeting.hpp"
#include "stages/subscan_poll.hpp"

#include <memory>
#include <string>
#include <vector>

namespace stages {

struct SubscanSourceOptions {
    struct Chain {
        std::string name;
        bool polled = false;           // it has a subscan_url
        std::optional<Hash> genesis{}; // as earlier runs know it
        std::string min_amount{};      // whole tokens; empty: every transfer
        SubscanPollOptions poll{};
    };
    std::vector<Chain> chains;         // in the order of the configuration
    std::uint64_t planned_per_day = 0; // requests the polling needs
    SubscanGateOptions gate{};
};

enum class LegacyMetric {
    polls,
    rows,
    bad_rows,
    skipped_rows,
    inconsistent,
    contradictions,
    blocks_settled,
    lookups,
    lookups_failed,
};

inline constexpr std::array legacy_metrics{
    pipeline::MetricRow{"spyhop_legacy_polls_total", pipeline::MetricKind::counter,
                        "Times Subscan was asked how far it is."},
    pipeline::MetricRow{"spyhop_legacy_rows_total", pipeline::MetricKind::counter,
                        "Rows of transfers that came; a block is asked for several times."},
    pipeline::MetricRow{"spyhop_legacy_bad_rows_total", pipeline::MetricKind::counter,
                        "Rows that could not be read."},
    pipeline::MetricRow{"spyhop_legacy_skipped_rows_total", pipeline::MetricKind::counter,
                        "Rows that are no transfer: failed ones, NFTs."},
    pipeline::MetricRow{"spyhop_legacy_inconsistent_rows_total", pipeline::MetricKind::counter,
                        "Rows whose amount and amount_v2 contradict each other."},
    pipeline::MetricRow{"spyhop_legacy_contradictions_total", pipeline::MetricKind::counter,
                        "Rows of final blocks that Subscan told differently later."},
    pipeline::MetricRow{"spyhop_legacy_settled_blocks_total", pipeline::MetricKind::counter,
                        "Blocks the legacy path is done with."},
    pipeline::MetricRow{"spyhop_legacy_lookups_total", pipeline::MetricKind::counter,
                        "Questions about accounts and prices that were passed on."},
    pipeline::MetricRow{"spyhop_legacy_lookups_failed_total", pipeline::MetricKind::counter,
                        "Of those, without an answer."},
};

class SubscanSource : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 64;
    static constexpr std::size_t lookups_max = 1'024; // under way

    struct Needs {
        io::Network& network;
        pipeline::Clock const& clock;
        pipeline::Log& log;
        pipeline::MetricsPage& metrics;      // legacy_metrics
        pipeline::MetricsPage& gate_metrics; // subscan_metrics
        // Where the quota's use is kept from run to run; null: nowhere.
        std::unique_ptr<StateFiles> files{};
        // What earlier runs heard of the chains as such; null: it is asked at each start.
        std::unique_ptr<SubscanGreetings> greetings{};
    };
    static constexpr std::string_view quota_file = "subscan-quota";
    static constexpr Nanoseconds keep_interval = 60 * pipeline::second;

    SubscanSource(SubscanSourceOptions options, Needs needs, pipeline::Out<Fact> facts,
                  pipeline::Out<Finding> findings, pipeline::Out<LegacyNote> notes);

    auto outputs() { return std::tie(facts_, findings_, notes_); }
    void on(pipeline::Part<Lookup> const& part, pipeline::Turn const& turn);
    bool tick(pipeline::Turn const& turn);
    Nanoseconds next_deadline() const;

  private:
    enum class Step : std::uint8_t { genesis, tokens, older_tokens, polling };
    struct Chain {
        SubscanPoll poll;
        SubscanAssets assets{};
        Step step = Step::genesis;
        ChainFacts facts{};
        bool facts_told = false;
        bool prefix_known = false;
        bool asked = false;       // a question is under way
        Nanoseconds ask_at = 0;   // of the greeting
        unsigned failures = 0;    // of the greeting, in a row
        Nanoseconds received = 0; // when what is told came off the socket
        std::uint64_t polled_unix_ms = 0;
        std::uint32_t settled_before = 0;
        bool told_trouble = false;
        std::string trouble{};
    };
    enum class Purpose : std::uint8_t { genesis, tokens, older_tokens, head, page, lookup };
    struct Open { // a question under way
        std::uint64_t id = 0;
        std::uint16_t chain = 0;
        Purpose purpose{};
        Lookup lookup{};
    };

    // subscan_source.cpp: what is asked, what is told
    bool ask(std::uint16_t index, Nanoseconds now);
    bool ask_greeting(std::uint16_t index);
    bool ask_page(std::uint16_t index, SubscanAskNext const& next);
    bool send(std::uint16_t index, Purpose purpose, SubscanRequest request);
    bool tell(std::uint16_t index, pipeline::Turn const& turn);
    bool tell_facts(std::uint16_t index);
    void note(std::uint16_t index, pipeline::Turn const& turn);
    Fact fact_of(std::uint16_t index) const;
    void restore_greeting(std::uint16_t index);
    void keep_greeting(std::uint16_t index);
    void restore_quota();
    void keep_quota(pipeline::Turn const& turn);

    // subscan_source_answers.cpp: what comes back
    void answered(SubscanReply& reply, pipeline::Turn const& turn);
    void on_poll(Open const& open, SubscanReply& reply, pipeline::Turn const& turn);
    void on_genesis(std::uint16_t index, SubscanReply& reply, Nanoseconds now);
    void on_tokens(std::uint16_t index, SubscanReply& reply, Nanoseconds now);
    bool on_head(std::uint16_t index, Nanoseconds now);
    bool on_page(std::uint16_t index, Nanoseconds now);
    void on_lookup(Open const& open, SubscanReply& reply);
    void greeting_failed(std::uint16_t index, std::string const& why, Nanoseconds now);
    void in_trouble(std::uint16_t index, std::string text);
    void recovered(std::uint16_t index);
    bool readable(SubscanReply& reply);

    SubscanSourceOptions const options_;
    Needs needs_;
    pipeline::Out<Fact> facts_;
    pipeline::Out<Finding> findings_;
    pipeline::Out<LegacyNote> notes_;
    SubscanGate gate_;
    decoders::SubscanReader reader_;
    std::vector<Chain> chains_;
    std::vector<Open> open_;
    Nanoseconds kept_at_ = 0; // the quota
    bool kept_last_ = false;  // while draining
    std::size_t lookups_ = 0;
    std::size_t turn_of_ = 0; // whose turn it is to tell
    decoders::SubscanPage page_;
    std::vector<Transfer> rows_;
    std::vector<decoders::SubscanToken> tokens_;
};

} // namespace stages
