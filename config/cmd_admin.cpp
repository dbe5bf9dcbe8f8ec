#include "config/commands.hpp"

#include "config/exit_codes.hpp"
#include "io/unix_client.hpp"
#include "pipeline/clock.hpp"
#include "stages/alert_line.hpp"

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
    std::string text; // for people
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
    return reply;
}

} // namespace

int cmd_admin(Common const& common, std::vector<std::string> const& words,
              std::vector<std::pair<std::string, std::string>> const& args) {
    pipeline::SystemClock const clock;
    std::string const path = socket_path(common);
    auto wanted = args;
    if (common.output == Output::table)
        wanted.emplace_back("text", "true"); // rendered by the service
    auto const answer =
        io::ask_unix(path, request_line(words, wanted), clock, clock.monotonic() + common.timeout);
    if (!answer) {
        fmt::print(stderr, "spyhop: {}\n", io::describe(answer.error()));
        return exit_code_of(answer.error());
    }
    Reply const reply = read_reply(*answer);
    if (!reply.ok) {
        if (common.output == Output::table)
            fmt::print(stderr, "spyhop: {}\n", reply.error);
        else
            fmt::print("{}", *answer);
        return reply.code;
    }
    if (common.output != Output::table)
        fmt::print("{}", *answer);
    else if (!common.quiet)
        fmt::print("{}{}", reply.text, reply.text.ends_with('\n') ? "" : "\n");
    return reply.verdict;
}

} // namespace config
