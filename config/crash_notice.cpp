#include "config/crash_notice.hpp"

#include <csignal>

namespace config {

namespace {

// A handler is given nothing but the number of its signal.
struct Notice {
    pipeline::ProcessBoard* board;
    pipeline::StopRequest const* stop;
    pipeline::Process process;
};
constinit Notice notice{};

// Async-signal-safe: a store, two system calls. The disposition is the default again
// (SA_RESETHAND), so the signal raised here ends the process when the handler returns.
void give_notice(int signal) {
    notice.board->falling(notice.process);
    notice.stop->rouse();
    raise(signal);
}

} // namespace

void give_notice_of_crashes(pipeline::ProcessBoard& board, pipeline::StopRequest const& stop,
                            pipeline::Process process) {
    notice = {&board, &stop, process};
    struct sigaction action{};
    action.sa_handler = give_notice;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
#if !defined(__SANITIZE_ADDRESS__) // it has handlers of its own, which say more
    for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
        sigaction(signal, &action, nullptr);
#endif
}

} // namespace config
