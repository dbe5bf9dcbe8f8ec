// The operator's end: the admin socket, and what the sources tell of themselves. Owns no data path;
// if it were slow, nothing else would be.
//
// Who may do what comes from SO_PEERCRED: root and the service's own user are admin, the users of
// `[service] operators` are operators, everybody else who can open the socket is a viewer.
//
// A rollback is answered when the routing stage has obeyed; until then no other line is taken,
// which is also what keeps two of them apart. One thread.
#pragma once

#include "io/http_server.hpp"
#include "io/unix_server.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/process.hpp"
#include "pipeline/stage.hpp"
#include "stages/admin_alerts.hpp"
#include "stages/admin_request.hpp"
#include "stages/governor.hpp"
#include "stages/ledger_view.hpp"
#include "stages/notes.hpp"
#include "stages/rule_figures.hpp"
#include "stages/steward.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stages {

// NOLINTNEXTLINE(readability-identifier-naming): `operator` is a word of the language
enum class Role : std::uint8_t { viewer, operator_, admin };

struct ControlOptions {
    struct Chain {
        std::string name;
        std::vector<std::string> endpoints; // host:port, safe to show
        std::string subscan{};              // the same; empty: it has no legacy path
        bool hybrid = true;                 // it has nodes
    };
    std::string version;
    std::vector<Chain> chains;
    std::uint32_t uid = 0; // of the service
    std::int32_t pid = 0;
    std::vector<std::uint32_t> operators{}; // uids
    struct Watched {
        decoders::Account account;
        std::uint8_t tier = 0;
    };
    std::vector<Watched> watched{};    // for `route`
    std::vector<std::string> rules{};  // names, by index
    std::optional<Hash> admin_token{}; // BLAKE2b-256 of it; absent: every POST is refused
};

// Who asks: what he may do, and how he is called in the audit trail.
struct Asker {
    Role role = Role::viewer;
    std::string name = "?"; // "uid 1000"
};

// A process of the service; names as in `status`.
struct ProcessStatus {
    std::string name;
    std::int32_t pid = 0; // 0: it is down
    std::uint32_t restarts = 0;
    std::uint32_t deaths = 0; // ends that nobody had ordered
};

class Control : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 0;

    struct Needs {
        pipeline::Switchboard& switchboard;
        pipeline::MetricsBook const& metrics;
        std::function<void(pipeline::Nanoseconds drain_max)> shutdown;
        // What the journal has on disk; blocks for as long as that takes.
        std::function<std::expected<std::vector<LedgerView>, std::string>()> ledgers{};
        // What was said; blocks like `ledgers`.
        std::function<std::expected<AlertList, std::string>(AlertFilter const&)> alerts{};
        // Where the service is in several processes: how they do, and the orderly restart of one.
        std::function<std::vector<ProcessStatus>()> processes{};
        std::function<void(pipeline::Process)> restart{};
        // What hybrid uses of the processor over what legacy does; null or nothing: not known.
        std::function<std::optional<double>()> resource_ratio{};
        std::function<double()> queue_fill{}; // of the fullest link that waits, 0..1
        // By process, the used share of its limit where it has one.
        std::function<std::vector<std::optional<double>>()> memory_shares{};
        // Null only where nothing will run: the regime cannot be changed then.
        std::unique_ptr<Governor> governor{};
        std::unique_ptr<io::HttpServer> http{}; // null: no HTTP at all
        std::unique_ptr<Steward> steward{};     // of that governor, and dies before it
        pipeline::Clock const* clock = nullptr; // for the times of a rollback; null: Turn::now
        std::vector<RuleOnChain> rules{};       // for `status`, in its order
    };

    // server: null in tests that call answer() directly.
    Control(ControlOptions options, std::unique_ptr<io::UnixServer> server, Needs needs,
            pipeline::Nanoseconds started, pipeline::Out<Steer> steer);

    auto outputs() { return std::tie(steer_); }
    void on(pipeline::Part<SourceNote> const& part, pipeline::Turn const& turn);
    void on(pipeline::Part<HistoryNote> const& part, pipeline::Turn const& turn);
    void on(pipeline::Part<LegacyNote> const& part, pipeline::Turn const& turn);
    void on(pipeline::Part<ShadowNote> const& part, pipeline::Turn const& turn);
    void on(pipeline::Part<ShadowMismatch> const& part, pipeline::Turn const& turn);
    bool tick(pipeline::Turn const& turn);
    pipeline::Nanoseconds next_deadline() const;

    // The whole answer to one line, as it goes over the socket; empty: it waits for the routing
    // stage, and waited() will give it.
    std::string answer(std::string_view line, Asker const& asker, pipeline::Turn const& turn);
    std::string waited(pipeline::Turn const& turn);
    // The same over HTTP; nothing: it waits for the routing stage.
    std::optional<io::HttpResponse> answer_http(io::HttpRequest const& request,
                                                pipeline::Turn const& turn);

    // A rollback that is not obeyed within this time is told as timed out.
    static constexpr pipeline::Nanoseconds obey_max = 5 * pipeline::second;
    static constexpr std::size_t mismatches_max = 1'000;

  private:
    struct Obedience { // what an answer waits for
        std::uint32_t epoch = 0;
        pipeline::Nanoseconds asked_at = 0, stored_at = 0;
        std::string text; // said before the times
        bool drill = false;
        bool steered = false; // for what was sent to the routing stage, too
    };
    struct Answer {
        int code = 0; // exit codes of interface.md section 2
        std::string text;
        std::string members; // of the JSON reply, beginning with a comma
        std::optional<Obedience> wait{};
        int verdict = 0; // exit code of an answer that is good and says no (6) or maybe (7)
    };
    struct Waiting { // the one answer that waits
        std::uint64_t connection = 0;
        bool json = false, text = false;
        Obedience obedience;
        bool http = false; // it came over HTTP
    };
    struct Command {
        std::string_view name;
        Role role;
        std::string_view help;
        Answer (Control::*run)(AdminRequest const&, pipeline::Turn const&);
    };
    static std::span<Command const> commands();

    Answer dispatch(AdminRequest const& request, Asker const& asker, pipeline::Turn const& turn);
    std::string render(Answer answer, bool json, bool with_text) const;
    Answer status(AdminRequest const& request, pipeline::Turn const& turn);
    Answer sources(AdminRequest const& request, pipeline::Turn const& turn);
    Answer alerts(AdminRequest const& request, pipeline::Turn const& turn);
    Answer coverage(AdminRequest const& request, pipeline::Turn const& turn);
    Answer metrics(AdminRequest const& request, pipeline::Turn const& turn);
    Answer shutdown(AdminRequest const& request, pipeline::Turn const& turn);
    Answer help(AdminRequest const& request, pipeline::Turn const& turn);
    // control_regime.cpp: what changes the regime, and who did
    Answer flags(AdminRequest const& request, pipeline::Turn const& turn);
    Answer flag_set(AdminRequest const& request, pipeline::Turn const& turn);
    Answer route(AdminRequest const& request, pipeline::Turn const& turn);
    Answer pin(AdminRequest const& request, pipeline::Turn const& turn);
    Answer rollback(AdminRequest const& request, pipeline::Turn const& turn);
    Answer unlock(AdminRequest const& request, pipeline::Turn const& turn);
    Answer freeze(AdminRequest const& request, pipeline::Turn const& turn);
    Answer unfreeze(AdminRequest const& request, pipeline::Turn const& turn);
    Answer set_frozen(bool on, AdminRequest const& request, pipeline::Turn const& turn);
    Answer audit(AdminRequest const& request, pipeline::Turn const& turn);
    // control_shadow.cpp: what the comparator says
    Answer shadow_report(AdminRequest const& request, pipeline::Turn const& turn);
    std::optional<double> resource_ratio() const;
    Answer shadow_mismatches(AdminRequest const& request, pipeline::Turn const& turn);
    // control_http.cpp: the same over HTTP
    bool poll_http(pipeline::Turn const& turn);
    bool authorized(io::HttpRequest const& request) const;
    io::HttpResponse read_http(std::string const& line, pipeline::Turn const& turn);
    std::optional<io::HttpResponse> rollback_http(io::HttpRequest const& request,
                                                  pipeline::Turn const& turn);
    void respond_http(std::uint64_t connection, std::string const& text);
    // control_rollout.cpp: the rollout, health, incidents
    Answer rollout_status(AdminRequest const& request, pipeline::Turn const& turn);
    Answer rollout_plan(AdminRequest const& request, pipeline::Turn const& turn);
    Answer rollout_start(AdminRequest const& request, pipeline::Turn const& turn);
    Answer rollout_pause(AdminRequest const& request, pipeline::Turn const& turn);
    Answer rollout_resume(AdminRequest const& request, pipeline::Turn const& turn);
    Answer rollout_promote(AdminRequest const& request, pipeline::Turn const& turn);
    Answer rollout_step_down(AdminRequest const& request, pipeline::Turn const& turn);
    Answer steer_rollout(RolloutCommand command, AdminRequest const& request,
                         pipeline::Turn const& turn);
    Answer go_or_no_go(AdminRequest const& request, pipeline::Turn const& turn);
    Answer health(AdminRequest const& request, pipeline::Turn const& turn);
    Answer incidents(AdminRequest const& request, pipeline::Turn const& turn);
    Answer acknowledge(AdminRequest const& request, pipeline::Turn const& turn);
    Glance glance(pipeline::Turn const& turn) const;
    bool answer_next(pipeline::Turn const& turn); // one request; false: none waits
    void look_around(pipeline::Turn const& turn);
    Answer obeyed(Obedience const& obedience, pipeline::Nanoseconds at) const;
    Who who(AdminRequest const& request) const;
    pipeline::Nanoseconds now(pipeline::Turn const& turn) const;
    Asker asker_of(io::Credentials const& peer) const;
    std::string status_table(pipeline::Turn const& turn) const;
    std::string chain_json(std::size_t index, pipeline::Turn const& turn) const;
    std::string catch_up_json(std::size_t index) const; // empty while nothing is left to read
    std::string catch_up_line(std::size_t index) const;
    // control_status.cpp: how it is going, for people and programs
    bool ready(pipeline::Regime const& regime) const;
    bool locked() const;
    std::string_view path_of(std::size_t index, pipeline::Regime const& regime) const;
    std::string legacy_json(std::size_t index, pipeline::Turn const& turn) const;
    std::string legacy_line(std::size_t index, pipeline::Turn const& turn) const;
    std::string quota_json() const;
    std::string processes_json() const;
    std::string quota_line() const;
    // control_rules.cpp: how often each rule speaks
    std::string rules_json(pipeline::Turn const& turn) const;
    std::string rules_table(pipeline::Turn const& turn) const;
    pipeline::MetricsPage const* page_of(RuleOnChain const& rule, pipeline::Turn const& turn) const;
    LegacyNote const* any_legacy() const; // the newest word on the key; null: no chain has Subscan

    ControlOptions const options_;
    std::unique_ptr<io::UnixServer> const server_;
    Needs needs_;
    pipeline::Nanoseconds const started_;
    pipeline::Out<Steer> steer_;
    pipeline::Nanoseconds last_turn_ = 0;
    pipeline::Nanoseconds look_at_ = 0; // when the steward looks around again
    Asker asker_;                       // of the line that is being answered
    std::optional<Waiting> waiting_;    // while it is there, no line is taken
    std::vector<SourceNote> notes_;     // the latest of each chain
    std::vector<HistoryNote> catch_ups_;
    std::vector<LegacyNote> legacies_;
    std::vector<ShadowNote> comparisons_;
    std::deque<ShadowMismatch> mismatches_; // the latest
    std::size_t newest_legacy_ = 0;         // of the chain that was heard of last
};

} // namespace stages
