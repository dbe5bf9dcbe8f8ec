// The admin commands of the binary: one table of names, places and options, from which the command
// line is made and the line for the socket is written.
#pragma once

#include "config/commands.hpp"

#include <CLI/CLI.hpp>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace config {

class AdminCommands {
  public:
    // Adds every command to `app`; `common` and `exit_code` are used when one of them runs, and
    // outlive this object, which lives as long as `app`.
    AdminCommands(CLI::App& app, Common const& common, int& exit_code);

  private:
    struct Given { // to one command
        std::vector<std::string> words;
        std::deque<std::string> places;
        std::map<std::string, std::string> options;
        std::map<std::string, bool> switches;
    };
    std::deque<Given> given_; // what CLI11 writes to
};

} // namespace config
