// The log on stderr, one line an entry, for journald and for people: time, grade, part, sentence.
// Any thread (spdlog's sink has its own lock; only cold paths write here).
#pragma once

#include "pipeline/log.hpp"

#include <memory>

namespace config {

// quiet: errors only.
std::unique_ptr<pipeline::Log> make_log(bool quiet, bool color);

} // namespace config
