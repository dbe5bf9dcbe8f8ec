// Configuration texts for tests: the least that is good, and what is said about the rest.
#pragma once

#include "config/config.hpp"

#include <string>
#include <vector>

namespace tests {

inline std::string const chain = "[[chain]]\n"                             // 1
                                 "name = \"dot\"\n"                        // 2
                                 "endpoints = [\"wss://node.example\"]\n"; // 3
inline std::string const rule = "[[rule]]\n"                               // 1
                                "name = \"large\"\n"                       // 2
                                "kind = \"large_transfer\"\n"              // 3
                                "notable = \"10000\"\n";                   // 4

// Every problem, one a line, as a person sees them.
inline std::string complaints(std::string const& text) {
    config::Loaded const loaded = config::load_text(text, "f");
    std::string all;
    for (config::Problem const& problem : loaded.problems)
        all += config::to_text(loaded.config, problem) + '\n';
    return all;
}

inline bool has(std::string const& text, std::string const& part) {
    return text.find(part) != std::string::npos;
}

} // namespace tests
