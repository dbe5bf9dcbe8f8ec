// spyhop why-not: why the rules spoke of a movement of a capture, or did not. One thread, blocking.
#pragma once

#include "config/commands.hpp"

#include <cstdint>
#include <cstdio>

namespace config {

struct WhyNotOptions {
    std::string config_path;
    std::string capture;
    std::string chain;
    std::uint32_t block = 0;
    std::uint32_t event = 0;
    std::string rule; // empty: all of them
};
// 0; 1: there is no such movement in the capture; 2: no such rule or chain; 78 with every problem
// of the configuration on `err`. Data goes to `out`.
int cmd_why_not(Common const& common, WhyNotOptions const& options, std::FILE* out = stdout,
                std::FILE* err = stderr);

} // namespace config
