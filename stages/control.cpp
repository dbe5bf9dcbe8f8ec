#include "stages/control.hpp"

#include "decoders/hex.hpp"
#include "stages/control_words.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

Control::Control(ControlOptions options, std::unique_ptr<io::UnixServer> server, Needs needs,
                 pipeline::Nanoseconds started, pipeline::Out<Steer> steer)
    : options_(std::move(options))
    , server_(std::move(server))
    , needs_(std::move(needs))
    , started_(started)
    , steer_(steer)
    , notes_(options_.chains.size())
    , catch_ups_(options_.chains.size())
    , legacies_(options_.chains.size())
    , comparisons_(options_.chains.size()) {
    for (SourceNote& note : notes_) note.state = SourceState::waiting; // nothing heard yet
}

// Every command, once: name, who may, what for, how.
std::span<Control::Command const> Control::commands() {
    static constexpr std::array table{
        Command{"status", Role::viewer, "chains, regime, processes", &Control::status},
        Command{"sources", Role::viewer, "every node and Subscan: state, heights, trouble",
                &Control::sources},
        Command{"coverage", Role::viewer, "which finalized blocks were read, and every hole",
                &Control::coverage},
        Command{"alerts", Role::viewer,
                "what was said [--since 1h] [--severity S] [--address A] [--limit N]",
                &Control::alerts},
        Command{"metrics", Role::viewer, "every metric, in Prometheus' text format",
                &Control::metrics},
        Command{"flags", Role::viewer, "every flag: value, default, type, who set it and when",
                &Control::flags},
        Command{"flag set", Role::operator_, "NAME VALUE [--reason TEXT] [--if-epoch N]",
                &Control::flag_set},
        Command{"route", Role::viewer, "ADDRESS: which path serves this account, and why",
                &Control::route},
        Command{"pin", Role::operator_, "ADDRESS legacy|hybrid|none [--for 24h] [--reason TEXT]",
                &Control::pin},
        Command{"rollback", Role::operator_,
                "everything to legacy, now: --reason TEXT [--drill: measure, change nothing]",
                &Control::rollback},
        Command{"unlock", Role::admin, "let promotion go on after a rollback: --reason TEXT",
                &Control::unlock},
        Command{"freeze", Role::operator_,
                "hybrid gets no more than it has, until unfreeze: --reason TEXT", &Control::freeze},
        Command{"unfreeze", Role::operator_, "promotion goes on: --reason TEXT",
                &Control::unfreeze},
        Command{"audit", Role::viewer, "who changed what, and why [--since 1d] [--verify]",
                &Control::audit},
        Command{"shadow report", Role::viewer, "how the two paths compare, with bounds",
                &Control::shadow_report},
        Command{"shadow mismatches", Role::viewer,
                "the latest of them, and who was wrong [--limit N]", &Control::shadow_mismatches},
        Command{"rollout status", Role::viewer,
                "where the rollout stands, and why it does not move", &Control::rollout_status},
        Command{"rollout plan", Role::viewer,
                "what would happen, step by step, and when at the earliest",
                &Control::rollout_plan},
        Command{"rollout start", Role::operator_, "begin with the first step",
                &Control::rollout_start},
        Command{"rollout pause", Role::operator_, "stay where it is", &Control::rollout_pause},
        Command{"rollout resume", Role::operator_, "go on", &Control::rollout_resume},
        Command{"rollout promote", Role::operator_,
                "to the next step by hand [--force: before bake and samples are done]",
                &Control::rollout_promote},
        Command{"rollout step-down", Role::operator_, "one rung down the ladder",
                &Control::rollout_step_down},
        Command{"ready", Role::viewer, "go or no-go for the next step", &Control::go_or_no_go},
        Command{"health", Role::viewer, "every check: state, value, limit, action",
                &Control::health},
        Command{"incidents", Role::viewer, "what a person has to look at", &Control::incidents},
        Command{"incident ack", Role::operator_, "ID: somebody is looking at it",
                &Control::acknowledge},
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
    if (needs_.governor) needs_.governor->settle();
    look_around(turn);
    bool const writing = turn.draining && needs_.steward && needs_.steward->flush();
    return answer_next(turn) || writing;
}

bool Control::answer_next(pipeline::Turn const& turn) {
    if (waiting_) {
        std::uint64_t const connection = waiting_->connection;
        bool const http = waiting_->http;
        std::string const text = waited(turn);
        if (text.empty()) return false;
        if (http) {
            respond_http(connection, text);
        } else if (server_) {
            server_->reply(connection, text);
            server_->end_reply(connection);
        }
        return true;
    }
    if (poll_http(turn)) return true;
    if (!server_) return false;
    io::LineEvent const event = server_->poll();
    if (event.kind == io::LineEvent::Kind::none) return false;
    if (event.kind == io::LineEvent::Kind::line) {
        std::string const text = answer(event.line, asker_of(event.peer), turn);
        if (waiting_) {
            waiting_->connection = event.connection;
            return true;
        }
        server_->reply(event.connection, text);
        server_->end_reply(event.connection);
    }
    return true;
}

pipeline::Nanoseconds Control::next_deadline() const {
    constexpr pipeline::Nanoseconds glance = 50 * pipeline::microsecond;
    if (waiting_) return last_turn_ + glance;
    pipeline::Nanoseconds look = needs_.steward ? look_at_ : pipeline::never;
    if (needs_.http) look = std::min(look, needs_.http->next_deadline());
    return server_ ? std::min(look, server_->next_deadline()) : look;
}

Asker Control::asker_of(io::Credentials const& peer) const {
    bool const admin = peer.uid == 0 || peer.uid == options_.uid;
    bool const known = std::find(options_.operators.begin(), options_.operators.end(), peer.uid) !=
                       options_.operators.end();
    return {admin   ? Role::admin
            : known ? Role::operator_
                    : Role::viewer,
            fmt::format("uid {}", peer.uid)};
}

std::string Control::answer(std::string_view line, Asker const& asker, pipeline::Turn const& turn) {
    last_turn_ = turn.now;
    asker_ = asker;
    auto const request = parse_admin_request(line);
    if (!request) return render({exit_usage, request.error(), {}}, line.starts_with('{'), false);
    // The commands of the binary ask for both: the code for the shell, the text for the person.
    bool const with_text = request->args.contains("text");
    Answer answer = dispatch(*request, asker, turn);
    if (!answer.wait) return render(std::move(answer), request->json, with_text);
    waiting_ = Waiting{0, request->json, with_text, std::move(*answer.wait)};
    return waited(turn);
}

// The routing stage may have obeyed already, where it shares the thread.
std::string Control::waited(pipeline::Turn const& turn) {
    last_turn_ = turn.now;
    if (!waiting_) return {};
    auto const obeyed_by = needs_.switchboard.obeyed();
    Obedience const& obedience = waiting_->obedience;
    bool const late = now(turn) > obedience.stored_at + obey_max;
    // The epoch is there before the message: both have to be.
    bool const taken = !obedience.steered || steer_.link().waiting() == 0;
    bool const in_force = obeyed_by.epoch >= obedience.epoch && taken;
    if (!in_force && !late) return {};
    Answer answer;
    if (in_force) {
        answer = obeyed(obedience, obeyed_by.at);
        if (obedience.drill && needs_.steward)
            needs_.steward->drilled(
                (std::max(obeyed_by.at, obedience.asked_at) - obedience.asked_at) /
                pipeline::microsecond);
    } else {
        answer = {exit_timeout,
                  fmt::format("epoch {} is stored and in force, but the routing stage has not "
                              "taken it up within {} s: it stands still; look at the log, and "
                              "restart the service if it stays so",
                              obedience.epoch, obey_max / pipeline::second),
                  {}};
    }
    Waiting const done = *std::exchange(waiting_, std::nullopt);
    return render(std::move(answer), done.json, done.text);
}

std::string Control::render(Answer answer, bool json, bool with_text) const {
    if (!json) {
        std::string text = answer.code == 0 ? answer.text : "error: " + answer.text;
        if (!text.ends_with('\n')) text += '\n';
        return text + '\n'; // an empty line ends an answer
    }
    if (answer.code == 0) {
        if (answer.verdict != 0)
            answer.members += fmt::format(R"(,"exit_code":{})", answer.verdict);
        if (with_text) answer.members += ",\"text\":" + quoted(answer.text);
        return R"({"ok":true)" + answer.members + "}\n";
    }
    return fmt::format(R"({{"ok":false,"code":{},"error":{}}})", answer.code, quoted(answer.text)) +
           '\n';
}

// Commands of two words come before those of one.
Control::Answer Control::dispatch(AdminRequest const& request, Asker const& asker,
                                  pipeline::Turn const& turn) {
    std::string const two =
        request.words.size() > 1 ? request.words[0] + ' ' + request.words[1] : request.words[0];
    std::vector<std::string_view> names;
    for (Command const& command : commands()) {
        names.push_back(command.name);
        if (command.name != two && command.name != request.words[0]) continue;
        if (asker.role < command.role) {
            std::string_view const needed =
                command.role == Role::operator_
                    ? "the rights of an operator ([service] operators) or an admin"
                    : "the rights of the service's own user or of root";
            return {exit_refused, fmt::format("{} needs {}", command.name, needed), {}};
        }
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
        text += fmt::format("{:<16} {}\n", command.name, command.help);
        members += (members.ends_with('[') ? "" : ",") + quoted(command.name);
    }
    return {0, text, members + "]"};
}

} // namespace stages
