#include "config/bench_crew.hpp"

#include "config/signals.hpp"
#include "pipeline/check.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace config {

namespace {

constexpr std::size_t words_max = 40;                              // lines
constexpr pipeline::Nanoseconds look = 50 * pipeline::millisecond; // at signals and ends

// What a child does before anything else. The mask is inherited and would survive an exec.
void be_a_child(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1); // it ended before the line above
}

[[noreturn]] void become(std::vector<std::string> const& arguments,
                         std::vector<std::string> const& environment) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    std::signal(SIGPIPE, SIG_DFL);
    std::vector<char*> words, settings;
    for (std::string const& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    for (char** one = environ; *one != nullptr; ++one) settings.push_back(*one);
    for (std::string const& one : environment) settings.push_back(const_cast<char*>(one.c_str()));
    settings.push_back(nullptr);
    execvpe(words[0], words.data(), settings.data());
    fmt::print(stderr, "{}: {}\n", arguments[0], std::strerror(errno));
    std::fflush(stderr);
    _exit(127);
}

} // namespace

bool say(int out, std::string_view line) {
    std::string text(line);
    text += '\n';
    std::string_view rest = text;
    while (!rest.empty()) {
        ssize_t const written = write(out, rest.data(), rest.size());
        if (written < 0 && errno != EINTR) return false;
        if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

BenchCrew::~BenchCrew() {
    for (Member& member : members_) {
        if (member.pid != 0) {
            kill(member.pid, SIGKILL);
            waitpid(member.pid, nullptr, 0);
        }
        for (int const descriptor : {member.out.descriptor, member.err.descriptor})
            if (descriptor >= 0) close(descriptor);
    }
}

BenchCrew::Who BenchCrew::fork_helper(std::string name, std::function<int(int out)> const& life) {
    return add(std::move(name), life);
}

BenchCrew::Who BenchCrew::run(std::string name, std::vector<std::string> const& arguments,
                              std::vector<std::string> const& environment) {
    CHECK(!arguments.empty());
    return add(std::move(name), [&](int out) -> int {
        dup2(out, STDOUT_FILENO);
        become(arguments, environment);
    });
}

BenchCrew::Who BenchCrew::add(std::string name, std::function<int(int out)> const& life) {
    std::array<int, 2> out{}, err{};
    CHECK(pipe2(out.data(), O_CLOEXEC) == 0 && pipe2(err.data(), O_CLOEXEC) == 0);
    std::fflush(nullptr); // or both would write what is buffered
    pid_t const parent = getpid();
    pid_t const child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        be_a_child(parent);
        dup2(err[1], STDERR_FILENO);
        _exit(life(out[1]));
    }
    close(out[1]);
    close(err[1]);
    for (int const descriptor : {out[0], err[0]}) fcntl(descriptor, F_SETFL, O_NONBLOCK);
    Member& member = members_.emplace_back();
    member.name = std::move(name);
    member.pid = child;
    member.out.descriptor = out[0];
    member.err.descriptor = err[0];
    return members_.size() - 1;
}

// One read. False: there is nothing now, or nothing more.
bool BenchCrew::read(Who who, bool of_out, OnLine const& on_line) {
    std::array<char, 64 * 1024> buffer;
    Member& member = members_[who];
    Stream& stream = of_out ? member.out : member.err;
    if (stream.descriptor < 0) return false;
    ssize_t const got = ::read(stream.descriptor, buffer.data(), buffer.size());
    pipeline::Nanoseconds const now = clock_.monotonic();
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (got <= 0) {
        close(stream.descriptor);
        stream.descriptor = -1;
        return false;
    }
    stream.begun.append(buffer.data(), static_cast<std::size_t>(got));
    std::string_view rest = stream.begun;
    for (std::size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
        std::string_view const text = rest.substr(0, end);
        rest.remove_prefix(end + 1);
        if (of_out) {
            on_line({who, now, text});
            continue;
        }
        member.words.emplace_back(text);
        if (member.words.size() > words_max) member.words.pop_front();
    }
    stream.begun.erase(0, stream.begun.size() - rest.size());
    return true;
}

void BenchCrew::poll(pipeline::Nanoseconds deadline, OnLine const& on_line) {
    std::vector<pollfd> watched;
    std::vector<std::pair<Who, bool>> whose;
    for (Who who = 0; who < members_.size(); ++who)
        for (bool const of_out : {true, false}) {
            Stream const& stream = of_out ? members_[who].out : members_[who].err;
            if (stream.descriptor < 0) continue;
            watched.push_back({stream.descriptor, POLLIN, 0});
            whose.emplace_back(who, of_out);
        }
    pipeline::Nanoseconds const now = clock_.monotonic();
    pipeline::Nanoseconds const wait = std::min(deadline > now ? deadline - now : 0, look);
    timespec const limit{0, static_cast<long>(wait)};
    if (ppoll(watched.data(), watched.size(), &limit, nullptr) > 0)
        for (std::size_t i = 0; i < watched.size(); ++i)
            if (watched[i].revents != 0)
                while (read(whose[i].first, whose[i].second, on_line)) {}
    int const signal = next_signal(0);
    interrupted_ = interrupted_ || signal == SIGINT || signal == SIGTERM;
}

bool BenchCrew::poll_until(pipeline::Nanoseconds deadline, OnLine const& on_line,
                           std::function<bool()> const& done) {
    while (!done()) {
        if (interrupted_ || clock_.monotonic() >= deadline) return false;
        poll(deadline, on_line);
    }
    return true;
}

void BenchCrew::reap(Member& member) {
    if (member.pid != 0 && waitpid(member.pid, &member.status, WNOHANG) == member.pid)
        member.pid = 0;
}

bool BenchCrew::alive(Who who) {
    reap(members_[who]);
    return members_[who].pid != 0;
}

void BenchCrew::signal(Who who, int number) {
    if (alive(who)) kill(members_[who].pid, number);
}

int BenchCrew::end(Who who, pipeline::Nanoseconds patience, OnLine const& on_line) {
    signal(who, SIGTERM);
    Member& member = members_[who];
    auto const gone = [&] { return member.out.descriptor < 0 && !alive(who); };
    pipeline::Nanoseconds const deadline = clock_.monotonic() + patience;
    while (!gone() && clock_.monotonic() < deadline) poll(deadline, on_line);
    if (alive(who)) {
        kill(member.pid, SIGKILL);
        waitpid(member.pid, &member.status, 0);
        member.pid = 0;
    }
    return WIFEXITED(member.status) ? WEXITSTATUS(member.status) : -1;
}

std::string BenchCrew::last_words(Who who) {
    Member& member = members_[who];
    reap(member);
    std::string text =
        member.pid != 0 ? member.name + " still runs; it said:\n"
        : WIFEXITED(member.status)
            ? fmt::format("{} ended with {}; it said:\n", member.name, WEXITSTATUS(member.status))
            : fmt::format("{} was ended by signal {}; it said:\n", member.name,
                          WTERMSIG(member.status));
    for (std::string const& line : member.words) text += "  " + line + '\n';
    return text;
}

bool BenchCrew::has_said(Who who, std::string_view part) const {
    return std::ranges::any_of(members_[who].words, [&](std::string const& line) {
        return line.find(part) != std::string::npos;
    });
}

} // namespace config
