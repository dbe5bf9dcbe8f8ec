#include "config/commands.hpp"

#include "config/exit_codes.hpp"
#include "config/signals.hpp"
#include "io/unix_client.hpp"
#include "pipeline/clock.hpp"
#include "stages/alert_line.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <simdjson.h>

namespace config {

namespace {

std::string socket_path(Common const& common) {
    if (!common.socket.empty()) return common.socket;
    char const* const from_environment = std::getenv("SPYHOP_SOCKET");
    return from_environment && *from_environment ? from_environment : "/run/spyhop/admin.sock";
}

std::string request_line(std::vector<std::string> const& words,
                         std::vector<std::pair<std::string, std::string>> const& args) {
    std::string line = "{\"command\":[";
    for (std::string const& word : words) {
        if (!line.ends_with('[')) line += ',';
        stages::append_json_string(word, line);
    }
    line += "],\"args\":{";
    for (auto const& [name, value] : args) {
        if (!line.ends_with('{')) line += ',';
        stages::append_json_string(name, line);
        line += ':';
        stages::append_json_string(value, line);
    }
    return line + "}}";
}

int exit_code_of(io::Error const& error) {
    switch (error.code) {
    case io::Code::timeout: return exit_timeout;
    case io::Code::not_permitted: return exit_refused;
    default: return exit_unreachable;
    }
}

struct Reply {
    bool ok = false;
    int code = exit_failed;
    int verdict = exit_ok; // of a good answer that says no
    std::string error;
    std::string text;                               // for people
    std::optional<std::vector<std::string>> rows{}; // of a list of alerts: each as JSON
    std::uint64_t last = 0;                         // where such a list ends, to go on from
};

Reply read_reply(std::string const& json) {
    Reply reply;
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    if (parser.parse(json).get(document)) {
        reply.error =
            "the service's answer cannot be read; is it the same version as this command?";
        return reply;
    }
    std::string_view text;
    std::int64_t code = 0;
    if (document["ok"].get(reply.ok)) reply.ok = false;
    if (!document["error"].get(text)) reply.error = text;
    if (!document["text"].get(text)) reply.text = text;
    std::int64_t verdict = 0;
    if (!document["exit_code"].get(verdict)) reply.verdict = static_cast<int>(verdict);
    if (!document["code"].get(code)) reply.code = static_cast<int>(code);
    simdjson::dom::array alerts;
    if (!document["alerts"].get(alerts)) {
        reply.rows.emplace();
        for (auto const one : alerts) reply.rows->push_back(simdjson::minify(one));
    }
    if (document["last"].get(reply.last)) reply.last = 0;
    return reply;
}

void print(Reply const& reply, std::string const& answer, Output output) {
    if (output == Output::table)
        fmt::print("{}{}", reply.text, reply.text.ends_with('\n') ? "" : "\n");
    else if (output == Output::ndjson && reply.rows)
        for (std::string const& row : *reply.rows) fmt::print("{}\n", row);
    else
        fmt::print("{}", answer);
    std::fflush(stdout);
}

using Arguments = std::vector<std::pair<std::string, std::string>>;

// The exit code; `reply` is good where it is exit_ok.
int ask(Common const& common, std::vector<std::string> const& words, Arguments args,
        std::string& answer, Reply& reply) {
    pipeline::SystemClock const clock;
    if (common.output == Output::table) args.emplace_back("text", "true"); // by the service
    auto const given = io::ask_unix(socket_path(common), request_line(words, args), clock,
                                    clock.monotonic() + common.timeout);
    if (!given) {
        fmt::print(stderr, "spyhop: {}\n", io::describe(given.error()));
        return exit_code_of(given.error());
    }
    answer = *given;
    reply = read_reply(answer);
    if (reply.ok) return exit_ok;
    if (common.output == Output::table)
        fmt::print(stderr, "spyhop: {}\n", reply.error);
    else
        fmt::print("{}", answer);
    return reply.code;
}

// What is new, once a second, until a signal or until the service is gone.
int follow(Common const& common, std::vector<std::string> const& words, Arguments const& args,
           std::uint64_t last) {
    constexpr pipeline::Nanoseconds pause = pipeline::second;
    constexpr std::string_view in_a_pause = "10000"; // lines at most, the service's own limit
    block_signals();
    for (;;) {
        int const signal = next_signal(pause);
        if (signal == SIGINT || signal == SIGTERM) return exit_ok;
        Arguments from_there = args;
        std::erase_if(from_there, [](auto const& one) { return one.first == "limit"; });
        from_there.emplace_back("limit", in_a_pause);
        from_there.emplace_back("after", std::to_string(last));
        std::string answer;
        Reply reply;
        if (int const code = ask(common, words, from_there, answer, reply); code != exit_ok)
            return code;
        last = std::max(last, reply.last);
        if (!reply.rows || reply.rows->empty()) continue;
        reply.text.erase(0, reply.text.find('\n') + 1); // the heads of the columns
        print(reply, answer, common.output == Output::table ? Output::table : Output::ndjson);
    }
}

} // namespace

int cmd_admin(Common const& common, std::vector<std::string> const& words,
              std::vector<std::pair<std::string, std::string>> const& args) {
    Arguments wanted = args;
    bool const follows =
        std::erase_if(wanted, [](auto const& one) { return one.first == "follow"; }) != 0;
    std::string answer;
    Reply reply;
    if (int const code = ask(common, words, wanted, answer, reply); code != exit_ok) return code;
    if (common.output != Output::table || !common.quiet)
        print(reply, answer,
              follows && common.output == Output::json ? Output::ndjson : common.output);
    return follows ? follow(common, words, wanted, reply.last) : reply.verdict;
}

} // namespace config
