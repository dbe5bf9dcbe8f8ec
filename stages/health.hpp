// Health checks: what is measured, over which window, where the limit lies and what is to be done.
// One table of checks; every check judges each of its subjects (the service, a chain, a process).
//
//           over the limit, enough samples: action          below 80 % of it for a window: cleared
//     ok ────────────────────────────────────▶ breached ──────────────────────────────────▶ ok
//                                               │  over twice the limit, or (error rate) still over
//                                               └─ it after the cooldown: the severe action, once
//
// One action a breach, until it has cleared; clearing is told, too, because some actions are undone
// by it (subscan_only, high_speed). Events (crash) are answered one by one, breached or not. Too
// few samples is inconclusive: it starts nothing and ends nothing. "Over" is measured in harm: for
// quality 0.95 the harm is 0.05; twice that is quality 0.90.
//
// Pure but for its own memory, which is sized once (60 buckets a subject); time comes in as seconds
// of any clock that does not go backwards (a step back counts as no time). One thread: control.
// Sources: the rollout plan's thresholds as settled (error rate: reduce, then roll back; mismatch:
// the lower confidence bound has to lie above the limit).
#pragma once

#include "stages/bounds.hpp"
#include "stages/threshold.hpp"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stages {

enum class HealthCheck : std::uint8_t {
    error_rate,
    latency,
    alert_mismatch,
    crash,
    quality,
    latency_regression,
    rpc_lost,
    memory,
    block_progress,
    queue_depth,
    quota,
};
inline constexpr std::size_t health_checks = 11;

enum class Remedy : std::uint8_t {
    none,
    investigate,        // an incident: log, audit, alert to the operator's sink
    reduce_traffic,     // hybrid one rung down the ladder
    halve_traffic,      // hybrid's share is halved
    rollback,           // everything to legacy, locked
    immediate_rollback, // the same, without waiting for anything
    high_speed,         // spin, shed what is optional, until cleared
    subscan_only,       // legacy speaks for the chain, until cleared
    restart,            // the process drains, exits and is started again
};
inline constexpr std::size_t remedies = 9;
std::string_view to_text(Remedy remedy);
std::optional<Remedy> remedy_named(std::string_view name);

// How samples become a number.
enum class HealthMeasure : std::uint8_t {
    share, // bad ones among all in the window
    mean,  // of the values in the window
    sum,   // of the values in the window
    last,  // the newest value in the window
    proof, // bounds from outside; the certain end counts
};
enum class HealthScope : std::uint8_t { service, chain, process };

// How a check is configured; the table below has the defaults.
struct HealthRule {
    double threshold = 0; // in the check's unit
    Remedy action = Remedy::none;
    Remedy severe_action = Remedy::none; // none: there is no second step
    bool dry_run = false;                // judged and told, never acted on
    std::uint32_t window_s = 60;
    std::uint64_t minimum = 1;      // samples in the window below which nothing is said
    std::uint32_t cooldown_s = 600; // after which the severe action follows, where a row says so

    friend bool operator==(HealthRule const&, HealthRule const&) = default;
};

struct HealthRow {
    HealthCheck check;
    std::string_view name;
    std::string_view what; // what it measures, for people
    LimitUnit unit;
    HealthMeasure measure;
    HealthScope scope;
    bool floor;       // less is worse
    bool at_equality; // the limit itself is a breach
    bool outlasts;    // still over the limit after the cooldown: the severe action
    HealthRule defaults;
};
std::span<HealthRow const, health_checks> health_rows(); // in the order of the enum
HealthRow const& row_of(HealthCheck check);

inline constexpr std::uint32_t health_window_max_s = 86'400;

using HealthRules = std::array<HealthRule, health_checks>;
HealthRules default_health_rules();

enum class HealthVerdict : std::uint8_t { inconclusive, ok, breached };
std::string_view to_text(HealthVerdict verdict);

struct HealthAction {
    HealthCheck check{};
    Remedy action{};
    std::optional<std::uint32_t> subject{}; // chain or process by the row's scope; none: service
    double measured = 0;
    double limit = 0; // the one that was passed
    std::uint64_t samples = 0;
    std::uint32_t window_s = 0;
    bool severe = false;
    bool cleared = false; // the breach is over: undo what lasts
    bool dry_run = false; // tell it, do not do it
    std::string sentence;
};

struct HealthStatus {
    HealthCheck check{};
    std::optional<std::uint32_t> subject{};
    HealthVerdict verdict{};
    bool severe = false;
    bool known = false; // measured means something
    double measured = 0;
    std::uint64_t samples = 0;
    std::uint64_t since_s = 0; // of the verdict, same clock
};

struct HealthOptions {
    HealthRules rules = default_health_rules();
    std::uint32_t chains = 1;
    std::uint32_t processes = 1;
};

class Health {
  public:
    explicit Health(HealthOptions const& options);
    Health(Health const&) = delete;
    Health& operator=(Health const&) = delete;

    // share: `bad` of `all` in one go.
    void count(HealthCheck check, std::uint32_t subject, std::uint64_t bad, std::uint64_t all,
               std::uint64_t now_s);
    // mean, sum, last: one value in the check's unit. Values that are not finite are ignored.
    void add(HealthCheck check, std::uint32_t subject, double value, std::uint64_t now_s);
    // proof: what is known by now. Replaces what was known before.
    void prove(HealthCheck check, std::uint32_t subject, Bounds const& bounds, std::uint64_t now_s);

    // Judges everything; appends what is to be done. At least once a second while it matters.
    void evaluate(std::uint64_t now_s, std::vector<HealthAction>& out);

    // Forgets every breach, so that each is judged and acted on anew: a person has unlocked.
    void rearm();

    std::vector<HealthStatus> statuses(std::uint64_t now_s) const;
    bool healthy() const; // no breach that is not a dry run
    HealthOptions const& options() const { return options_; }

  private:
    static constexpr std::size_t buckets = 60;
    struct Bucket {
        std::uint64_t slot = ~std::uint64_t{0}; // time / width; another one: empty
        std::uint64_t samples = 0;
        double sum = 0;
        double last = 0;
    };
    struct Subject {
        HealthCheck check{};
        std::optional<std::uint32_t> subject{};
        std::array<Bucket, buckets> ring{};
        Bounds bounds{};
        std::uint64_t proven_s = 0;
        HealthVerdict verdict = HealthVerdict::inconclusive;
        bool severe = false;
        std::uint64_t since_s = 0;
        std::uint64_t over_s = 0; // when it was last not clearly below the limit
        double answered = 0;      // sum: of the events in the window, those already acted on
    };
    struct Measured {
        double value = 0;
        double harm_estimate = 0; // to see whether it has cleared
        double harm_certain = 0;  // to see whether it is over
        std::uint64_t samples = 0;
        bool known = false;
    };

    Subject& at(HealthCheck check, std::uint32_t subject);
    Bucket& bucket_at(Subject& subject, std::uint64_t now_s) const;
    HealthRule const& rule_of(HealthCheck check) const;
    std::uint64_t width_of(HealthCheck check) const; // of a bucket, seconds
    std::uint64_t live_of(HealthCheck check) const;  // buckets in the window
    Measured measure(Subject const& subject, std::uint64_t now_s) const;
    void judge(Subject& subject, std::uint64_t now_s, std::vector<HealthAction>& out);
    void clear(Subject& subject, Measured const& measured, std::uint64_t now_s,
               std::vector<HealthAction>& out);
    HealthAction action_of(Subject const& subject, Measured const& measured, bool severe) const;
    std::uint64_t forward(std::uint64_t now_s) const { return now_s > now_s_ ? now_s : now_s_; }

    HealthOptions const options_;
    std::vector<Subject> subjects_;
    std::array<std::size_t, health_checks> first_{}; // subject 0 of each check
    std::uint64_t now_s_ = 0;
};

// "5.2 %", "12 s", "3", "1.7 x"
std::string health_value_text(HealthCheck check, double value);

} // namespace stages
