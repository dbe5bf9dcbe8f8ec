// The supervisor with real children: one is told to end and comes back, all end together.
#include "config/supervisor.hpp"

#include "config/signals.hpp"
#include "texts.hpp"

#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

using pipeline::Process;

namespace {

struct Folder {
    Folder() { EXPECT_NE(mkdtemp(path), nullptr); }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    Folder(Folder const&) = delete;
    Folder& operator=(Folder const&) = delete;
    char path[32] = "supervisor-XXXXXX";
};

// A service in a child of the test, which sees what all its processes see. Its node is out of
// reach.
struct Supervised {
    Supervised() {
        auto made = config::Supervisor::make(loaded.config, log, {});
        EXPECT_TRUE(made);
        supervisor = std::move(*made);
        pid = fork();
        if (pid != 0) return;
        config::block_signals();
        _exit(supervisor->run());
    }
    template <class Condition>
    void wait_until(Condition const& condition) const {
        while (!condition()) {
            ASSERT_EQ(waitpid(pid, nullptr, WNOHANG), 0) << "the service has ended";
            sched_yield();
        }
    }
    pipeline::ProcessView view(Process process) const { return supervisor->board().view(process); }
    void wait_until_up() const {
        for (Process const process : pipeline::all_processes)
            wait_until([&] { return supervisor->board().is_up(process); });
    }
    int end() const {
        int status = 0;
        kill(pid, SIGTERM);
        EXPECT_EQ(waitpid(pid, &status, 0), pid);
        return status;
    }
    Folder folder;
    std::string const state = std::string(folder.path) + "/state";
    config::Loaded loaded = config::load_text(
        "[service]\nstate_dir = \"" + state + "\"\nsocket = \"" + state + "/admin.sock\"\n" +
            "[[chain]]\nname = \"dot\"\nendpoints = [\"ws://127.0.0.1:9\"]\n" + tests::rule +
            "[[sink]]\nkind = \"ndjson\"\npath = \"" + state + "/alerts.ndjson\"\n",
        "f");
    pipeline::NoLog log;
    std::unique_ptr<config::Supervisor> supervisor;
    pid_t pid = 0;
};

} // namespace

TEST(Supervisor, starts_again_what_is_asked_to_end_and_counts_no_death) {
    Supervised service;
    service.wait_until_up();
    for (Process const process : pipeline::all_processes) {
        auto const before = service.view(process);
        service.supervisor->board().ask_restart(process);
        kill(service.pid, pipeline::StopRequest::signal);
        service.wait_until([&] { return service.view(process).restarts != 0; });
        service.wait_until_up();
        auto const after = service.view(process);
        EXPECT_NE(after.pid, before.pid);
        EXPECT_EQ(after.restarts, 1U);
        EXPECT_EQ(after.deaths, 0U);
        EXPECT_EQ(service.supervisor->board().generation(process).load(), 1U);
    }
    EXPECT_EQ(service.end(), 0);
}

TEST(Supervisor, counts_a_death_and_says_how_it_was) {
    Supervised service;
    service.wait_until_up();
    kill(service.view(Process::hybrid).pid, SIGKILL);
    service.wait_until([&] { return service.view(Process::hybrid).restarts != 0; });
    service.wait_until_up();
    auto const view = service.view(Process::hybrid);
    EXPECT_EQ(view.deaths, 1U);
    EXPECT_EQ(WTERMSIG(view.last_status), SIGKILL);
    EXPECT_NE(view.died_at, 0U);
    EXPECT_EQ(view.fallen_back_at, 0U); // this chain has no legacy path
    EXPECT_EQ(service.view(Process::legacy).deaths, 0U);
    EXPECT_EQ(service.end(), 0);
}
