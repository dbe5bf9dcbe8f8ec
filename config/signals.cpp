#include "config/signals.hpp"

#include "pipeline/stop.hpp"

#include <csignal>

namespace config {

namespace {

sigset_t service_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD, pipeline::StopRequest::signal})
        sigaddset(&set, signal);
    return set;
}

} // namespace

void block_signals() {
    sigset_t const set = service_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGCHLD, SIG_DFL); // ignored by whoever started us: the kernel would reap for us
}

int next_signal(pipeline::Nanoseconds wait) {
    sigset_t const set = service_signals();
    timespec const limit{static_cast<time_t>(wait / pipeline::second),
                         static_cast<long>(wait % pipeline::second)};
    int const signal = sigtimedwait(&set, nullptr, &limit);
    return signal > 0 ? signal : 0;
}

void leave_signals_to_the_supervisor() {
    for (int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);
}

} // namespace config
