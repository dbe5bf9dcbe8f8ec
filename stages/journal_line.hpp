// What can be done with a line of an alert once it is text: tell whose it is, and say the same
// alert again in another state, after a restart, when the record it was made of is gone.
//
// Relies on the order in which alert_line.cpp writes: "id" and "state" first, "amended" (if any)
// and "latency" last. Pure.
#pragma once

#include "stages/journal.hpp"

namespace stages {

struct LineHead {
    AlertId id{};
    AlertState state{};
};

// Nothing when the line is not one of ours.
std::optional<LineHead> read_line_head(std::string_view line);

// Whether text that ends without a newline may be the beginning of one of our lines, as a process
// that was killed while writing leaves it, or blank pages, as a power cut does, or one before the
// other.
bool may_be_torn_line(std::string_view text);

// Appends the line of `before` in another state, emitted now. False when it is not one of ours.
[[nodiscard]] bool append_restated_line(AlertRow const& before, AlertState state,
                                        std::uint64_t received_to_emitted_ns,
                                        std::uint64_t emitted_unix_ms, std::string& out);

} // namespace stages
