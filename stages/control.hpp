// The operator's end: the admin socket, and what the sources tell of themselves. Owns no data path;
// if it were slow, nothing else would be.
//
// Who may do what comes from SO_PEERCRED: root and the service's own user are admin, everybody else
// who can open the socket is a viewer. One thread.
#pragma once

#include "io/unix_server.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/process.hpp"
#include "pipeline/stage.hpp"
#include "stages/admin_request.hpp"
#include "stages/ledger_view.hpp"
#include "stages/messages.hpp"

#include <functional>
#include <memory>
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
        bool hybrid = true;                 // its nodes may be asked
    };
    std::string version;
    std::vector<Chain> chains;
    std::uint32_t uid = 0; // of the service
    std::int32_t pid = 0;
};

// A process of the service; names as in `status`.
struct ProcessStatus {
    std::string name;
    std::int32_t pid = 0; // 0: it is down
    std::uint32_t restarts = 0;
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
        // Where the service is in several processes: how they do, and the orderly restart of one.
        std::function<std::vector<ProcessStatus>()> processes{};
        std::function<void(pipeline::Process)> restart{};
    };

    // server: null in tests that call answer() directly.
    Control(ControlOptions options, std::unique_ptr<io::UnixServer> server, Needs needs,
            pipeline::Nanoseconds started);

    auto outputs() { return std::tie(); }
    void on(pipeline::Part<SourceNote> const& part, pipeline::Turn const& turn);
    void on(pipeline::Part<HistoryNote> const& part, pipeline::Turn const& turn);
    void on(pipeline::Part<LegacyNote> const& part, pipeline::Turn const& turn);
    bool tick(pipeline::Turn const& turn);
    pipeline::Nanoseconds next_deadline() const;

    // The whole answer to one line, as it goes over the socket.
    std::string answer(std::string_view line, Role role, pipeline::Turn const& turn);

  private:
    struct Answer {
        int code = 0; // exit codes of interface.md section 2
        std::string text;
        std::string members; // of the JSON reply, beginning with a comma
    };
    struct Command {
        std::string_view name;
        Role role;
        std::string_view help;
        Answer (Control::*run)(AdminRequest const&, pipeline::Turn const&);
    };
    static std::span<Command const> commands();

    Answer dispatch(AdminRequest const& request, Role role, pipeline::Turn const& turn);
    Answer status(AdminRequest const& request, pipeline::Turn const& turn);
    Answer coverage(AdminRequest const& request, pipeline::Turn const& turn);
    Answer metrics(AdminRequest const& request, pipeline::Turn const& turn);
    Answer shutdown(AdminRequest const& request, pipeline::Turn const& turn);
    Answer help(AdminRequest const& request, pipeline::Turn const& turn);
    Role role_of(io::Credentials const& peer) const;
    std::string status_table(pipeline::Turn const& turn) const;
    std::string chain_json(std::size_t index, pipeline::Turn const& turn) const;
    std::string catch_up_json(std::size_t index) const; // empty while nothing is left to read
    std::string catch_up_line(std::size_t index) const;
    // control_status.cpp: how it is going, for people and programs
    bool ready(pipeline::Regime const& regime) const;
    std::string_view path_of(std::size_t index, pipeline::Regime const& regime) const;
    std::string legacy_json(std::size_t index, pipeline::Turn const& turn) const;
    std::string legacy_line(std::size_t index, pipeline::Turn const& turn) const;
    std::string quota_json() const;
    std::string processes_json() const;
    std::string quota_line() const;
    LegacyNote const* any_legacy() const; // the newest word on the key; null: no chain has Subscan

    ControlOptions const options_;
    std::unique_ptr<io::UnixServer> const server_;
    Needs const needs_;
    pipeline::Nanoseconds const started_;
    std::vector<SourceNote> notes_; // the latest of each chain
    std::vector<HistoryNote> catch_ups_;
    std::vector<LegacyNote> legacies_;
    std::size_t newest_legacy_ = 0; // of the chain that was heard of last
};

} // namespace stages
