#include "stages/control.hpp"

#include "decoders/hex.hpp"
#include "stages/alert_line.hpp"
#include "stages/duration.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;
constexpr int exit_refused = 4;

std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(text, out);
    return out;
}

} // namespace

Control::Control(ControlOptions options, std::unique_ptr<io::UnixServer> server, Needs needs,
                 pipeline::Nanoseconds started)
    : options_(std::move(options))
    , server_(std::move(server))
    , needs_(std::move(needs))
    , started_(started)
    , notes_(options_.chains.size())
    , catch_ups_(options_.chains.size())
    , legacies_(options_.chains.size()) {
    for (SourceNote& note : notes_) note.state = SourceState::waiting; // nothing heard yet
}

// Every command, once: name, who may, what for, how.
std::span<Control::Command const> Control::commands() {
    static constexpr std::array table{
        Command{"status", Role::viewer, "chains, regime, processes", &Control::status},
        Command{"coverage", Role::viewer, "which finalized blocks were read, and every hole",
                &Control::coverage},
        Command{"metrics", Role::viewer, "every metric, in Prometheus' text format",
                &Control::metrics},
        Command{"shutdown", Role::admin, "drain and end [--drain 10s]", &Control::shutdown},
        Command{"help", Role::viewer, "this list", &Control::help},
    };
    return table;
}

void Control::on(pipeline::Part<SourceNote> const& part, pipeline::Turn const&) {
    notes_[part->chain] = part.message;
}

void Control::on(pipeline::Part<HistoryNote> const& part, pipeline::Turn const&) {
    catch_ups_[part->chain] = part.message;
}

void Control::on(pipeline::Part<LegacyNote> const& part, pipeline::Turn const&) {
    legacies_[part->chain] = part.message;
    newest_legacy_ = part->chain;
}

bool Control::tick(pipeline::Turn const& turn) {
    if (!server_) return false;
    io::LineEvent const event = server_->poll();
    if (event.kind == io::LineEvent::Kind::none) return false;
    if (event.kind == io::LineEvent::Kind::line) {
        server_->reply(event.connection, answer(event.line, role_of(event.peer), turn));
        server_->end_reply(event.connection);
    }
    return true;
}

pipeline::Nanoseconds Control::next_deadline() const {
    return server_ ? server_->next_deadline() : pipeline::never;
}

Role Control::role_of(io::Credentials const& peer) const {
    return peer.uid == 0 || peer.uid == options_.uid ? Role::admin : Role::viewer;
}

std::string Control::answer(std::string_view line, Role role, pipeline::Turn const& turn) {
    bool json = line.starts_with('{');
    Answer answer;
    if (auto const request = parse_admin_request(line)) {
        json = request->json;
        answer = dispatch(*request, role, turn);
        // The commands of the binary ask for both: the code for the shell, the text for the person.
        if (request->args.contains("text")) answer.members += ",\"text\":" + quoted(answer.text);
    } else {
        answer = {exit_usage, request.error(), {}};
    }
    if (!json) {
        std::string text = answer.code == 0 ? answer.text : "error: " + answer.text;
        if (!text.ends_with('\n')) text += '\n';
        return text + '\n'; // an empty line ends an answer
    }
    if (answer.code == 0) return R"({"ok":true)" + answer.members + "}\n";
    return fmt::format(R"({{"ok":false,"code":{},"error":{}}})", answer.code, quoted(answer.text)) +
           '\n';
}

Control::Answer Control::dispatch(AdminRequest const& request, Role role,
                                  pipeline::Turn const& turn) {
    std::vector<std::string_view> names;
    for (Command const& command : commands()) {
        names.push_back(command.name);
        if (command.name != request.words[0]) continue;
        if (role < command.role)
            return {exit_refused,
                    fmt::format("{} needs the rights of the service's own user or of root",
                                command.name),
                    {}};
        return (this->*command.run)(request, turn);
    }
    std::string_view const near = nearest(request.words[0], names);
    return {exit_usage,
            fmt::format("there is no command '{}'{}", request.words[0],
                        near.empty() ? "; try: help" : fmt::format("; did you mean {}?", near)),
            {}};
}

Control::Answer Control::coverage(AdminRequest const&, pipeline::Turn const&) {
    if (!needs_.ledgers) return {exit_failed, "this service keeps no journal", {}};
    auto ledgers = needs_.ledgers();
    if (!ledgers) return {exit_failed, ledgers.error(), {}};
    std::vector<LedgerView> ours;
    for (std::size_t i = 0; i < options_.chains.size(); ++i) {
        auto const found =
            std::find_if(ledgers->begin(), ledgers->end(), [&](LedgerView const& one) {
                return one.name == options_.chains[i].name;
            });
        ours.push_back(found == ledgers->end() ? LedgerView{options_.chains[i].name} : *found);
        describe_filling(ours.back(), catch_ups_[i]);
    }
    return {0, coverage_table(ours), ",\"chains\":" + coverage_json(ours)};
}

Control::Answer Control::metrics(AdminRequest const&, pipeline::Turn const&) {
    std::string const text = needs_.metrics.exposition();
    return {0, text, ",\"exposition\":" + quoted(text)};
}

Control::Answer Control::shutdown(AdminRequest const& request, pipeline::Turn const&) {
    pipeline::Nanoseconds drain_max = 10 * pipeline::second;
    if (auto const given = request.args.find("drain"); given != request.args.end()) {
        auto const parsed = parse_duration(given->second);
        if (!parsed)
            return {exit_usage, fmt::format("--drain {}: {}", given->second, parsed.error()), {}};
        drain_max = *parsed;
    }
    if (!needs_.shutdown) return {exit_failed, "this service cannot be ended from here", {}};
    needs_.shutdown(drain_max);
    return {0, fmt::format("draining, for at most {} s", drain_max / pipeline::second),
            fmt::format(R"(,"draining":true,"drain_max_s":{})", drain_max / pipeline::second)};
}

Control::Answer Control::help(AdminRequest const&, pipeline::Turn const&) {
    std::string text;
    std::string members = ",\"commands\":[";
    for (Command const& command : commands()) {
        text += fmt::format("{:<10} {}\n", command.name, command.help);
        members += (members.ends_with('[') ? "" : ",") + quoted(command.name);
    }
    return {0, text, members + "]"};
}

} // namespace stages
