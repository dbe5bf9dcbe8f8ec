// spyhop rule: what rules there are, what they go by, and what they would have said; from a
// configuration file. One thread, blocking. Each returns the exit code: 0, or 78 with every problem
// on `err`, as `spyhop check` has them. Data goes to `out`.
#pragma once

#include "config/commands.hpp"

#include <cstdio>

namespace config {

struct RuleListOptions {
    std::string config_path;
    bool kinds = false; // which kinds there are; needs no file
};
int cmd_rule_list(Common const& common, RuleListOptions const& options, std::FILE* out = stdout,
                  std::FILE* err = stderr);

struct RuleExplainOptions {
    std::string config_path;
    std::string rule;
};
// Also 2: there is no such rule.
int cmd_rule_explain(Common const& common, RuleExplainOptions const& options,
                     std::FILE* out = stdout, std::FILE* err = stderr);

// The whole file is read, and its label files; nothing of the machine is looked at.
int cmd_rule_lint(Common const& common, std::string const& config_path, std::FILE* out = stdout,
                  std::FILE* err = stderr);

struct RuleBacktestOptions {
    std::string config_path;
    std::string capture;
    std::string rule; // empty: all of them
};
// What the rules would have said of a capture (backtest.hpp). Also 1: the capture cannot be played,
// or holds no chain of the rule; 2: there is no such rule.
int cmd_rule_backtest(Common const& common, RuleBacktestOptions const& options,
                      std::FILE* out = stdout, std::FILE* err = stderr);

} // namespace config
