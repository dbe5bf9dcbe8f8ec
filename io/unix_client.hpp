// The asking end of the admin socket, for commands: one line out, everything that comes back in.
//
// Blocks the calling thread, at most until the deadline (monotonic, by the given clock). Fails with
// service_not_running, not_permitted, timeout, closed_by_peer (before any answer),
// message_too_large.
#pragma once

#include "io/error.hpp"
#include "io/limits.hpp"
#include "pipeline/clock.hpp"

#include <expected>
#include <string>
#include <string_view>

namespace io {

[[nodiscard]] std::expected<std::string, Error>
ask_unix(std::string const& path, std::string_view line, pipeline::Clock const& clock,
         pipeline::Nanoseconds deadline,
         std::size_t reply_bytes_max = limits::admin_reply_bytes_max);

} // namespace io
