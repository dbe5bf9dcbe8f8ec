// systemd's notification protocol (sd_notify(3)): one datagram to $NOTIFY_SOCKET, nothing where it
// is not set. Main thread.
#pragma once

#include "pipeline/types.hpp"

namespace config {

void notify_ready();
void notify_stopping();
void notify_alive();

// How often the manager wants to hear that the service lives; 0: never.
pipeline::Nanoseconds watchdog_interval();

} // namespace config
