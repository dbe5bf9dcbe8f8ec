// Adds to an alert what is known of its accounts and of the token's price. Never holds one up: what
// is not in the cache is asked for, and the alert goes on without it; what comes within 30 s amends
// it under the same id.
//
//   Verdict ──▶ labels ([[watch]], CSV) ──▶ cache ──Verdict──▶ deliver
//                                             │ a miss                    ▲ Amendment
//                                             └──Lookup──▶ subscan ──Finding──┘
//
// Which name counts: [[watch]], then files in their order, then Subscan's tag, then the identity on
// chain. An amendment waits until everything that was asked for the alert is here, but not longer
// than 2 s from the first answer; it names what it adds (messages.hpp: Amended).
//
// Where rules of a chain have levels in dollars, its token's price is asked for at every step
// (price_step_s), and every price that comes is told to detect, over a link that may drop.
//
// One thread; owns its cache. Only alerts of a path that may speak are looked up. Memory: the
// cache, and pending_max alerts; above that the oldest goes without its amendment, counted.
#pragma once

#include "pipeline/log.hpp"
#include "pipeline/stage.hpp"
#include "stages/cache.hpp"
#include "stages/labels.hpp"
#include "stages/messages.hpp"

#include <deque>
#include <memory>
#include <vector>

namespace stages {

enum class EnrichMetric { alerts, labelled, looked_up, amended, too_late, let_go, pending };

inline constexpr std::array enrich_metrics{
    pipeline::MetricRow{"spyhop_enrich_alerts_total", pipeline::MetricKind::counter,
                        "Alerts that were looked up."},
    pipeline::MetricRow{"spyhop_enrich_labelled_total", pipeline::MetricKind::counter,
                        "Of those, alerts that went out with a label."},
    pipeline::MetricRow{"spyhop_enrich_lookups_total", pipeline::MetricKind::counter,
                        "Questions that were asked because the cache had no answer."},
    pipeline::MetricRow{"spyhop_enrich_amended_total", pipeline::MetricKind::counter,
                        "Alerts that were amended by what came later."},
    pipeline::MetricRow{"spyhop_enrich_too_late_total", pipeline::MetricKind::counter,
                        "Alerts that still lacked an answer after 30 s."},
    pipeline::MetricRow{"spyhop_enrich_let_go_total", pipeline::MetricKind::counter,
                        "Alerts that gave up waiting for answers for want of room."},
    pipeline::MetricRow{"spyhop_enrich_pending_alerts", pipeline::MetricKind::gauge,
                        "Alerts that wait for answers."},
};

struct EnrichOptions {
    struct Chain {
        bool lookups = false; // it has a Subscan to be asked
        bool priced = false;  // rules of it have levels in dollars: detect is told the price
    };
    std::vector<Chain> chains;
    LabelBook labels{};
    CacheOptions cache{};
    bool accounts = true; // ask for identities and balances
    bool prices = true;
    std::size_t pending_max = 1'024;
};

class Enrich : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 1;
    static constexpr int messages_a_turn = 256; // as many as deliver commits at once
    static constexpr Nanoseconds amend_max = 30 * pipeline::second; // from the alert
    static constexpr Nanoseconds gather_max = 2 * pipeline::second; // from the first answer
    static constexpr std::uint64_t price_step_s = 300; // prices are asked for at whole steps

    struct Needs {
        io::Store* store = nullptr; // null: no cold tier
        pipeline::MetricsPage& metrics;
        pipeline::MetricsPage& cache_metrics;
    };

    Enrich(EnrichOptions options, Needs needs, pipeline::Out<Verdict> verdicts,
           pipeline::Outs<Lookup> lookups, // one, or none where nobody can be asked
           pipeline::Outs<Finding> prices = pipeline::Outs<Finding>({}));

    auto outputs() { return std::tie(verdicts_, lookups_, prices_); }
    void on(pipeline::Part<Verdict> const& part, pipeline::Turn const& turn);
    void on(pipeline::Part<Finding> const& part, pipeline::Turn const& turn);
    bool tick(pipeline::Turn const& turn);
    void upkeep(pipeline::Turn const& turn);
    Nanoseconds next_deadline() const;

  private:
    // What an alert may still be told, as bits.
    static constexpr std::uint8_t of_from = 1, of_to = 2, of_price = 4;

    struct Chain {
        std::uint64_t word = 0; // of its genesis; 0: not known yet
        std::uint16_t ss58_prefix = 42;
        std::array<std::uint32_t, paths> runs{}; // ChainFacts::run of each path
        std::uint64_t price_s = 0;               // the step whose price was asked for last
    };
    struct Pending {
        Verdict verdict; // with what is known so far
        std::uint8_t open = 0;
        Nanoseconds until = 0;                // amended by then or never
        Nanoseconds gather = pipeline::never; // or by then, once there is something
    };

    void enrich(Alert& alert, std::uint16_t index, pipeline::Turn const& turn);
    void label(decoders::Account const& account, PartyKnown& party) const;
    bool know_account(std::uint16_t index, decoders::Account const& account, PartyKnown& party,
                      bool urgent, pipeline::Turn const& turn);
    bool know_price(std::uint16_t index, Alert& alert, bool urgent, pipeline::Turn const& turn);
    void ask(CacheKey const& key, Lookup lookup, pipeline::Turn const& turn);
    void ask_prices(pipeline::Turn const& turn);
    void tell_price(std::uint16_t index, std::uint64_t time_s, std::string_view usd);
    void wait_for(Verdict const& verdict, std::uint8_t open, Nanoseconds now);
    void let_go_of_earlier(Verdict const& verdict, std::uint32_t run);
    void remember(Finding const& finding, CacheNow const& now);
    void apply(Pending& pending, Finding const& finding, Nanoseconds now);

    EnrichOptions const options_;
    pipeline::MetricsPage& metrics_;
    pipeline::Out<Verdict> verdicts_;
    pipeline::Outs<Lookup> lookups_;
    pipeline::Outs<Finding> prices_;
    std::unique_ptr<Cache> const cache_;
    std::vector<Chain> chains_;
    std::deque<Pending> pending_;
    std::uint8_t open_ = 0; // of the alert at hand
    Nanoseconds swept_at_ = 0;
    Nanoseconds prices_at_ = pipeline::never; // when those of the next step are due
};

} // namespace stages
