// Configurations with one rule, for tests: nine lines with its surroundings, name and kind, and
// what is said about the lines behind them.
#pragma once

#include "stages/rules.hpp"
#include "texts.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tests {

inline constexpr std::string_view alice = // substrate's well-known development account
    "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";

inline std::string rule_of(stages::RuleKind kind) {
    return fmt::format("[[watch]]\naddress = \"{}\"\nlabel = 'a \"b\"'\n[[chain]]\nname = \"dot\"\n"
                       "endpoints = [\"ws://a\"]\n[[rule]]\nname = \"r\"\nkind = \"{}\"\n",
                       alice, to_text(kind));
}

// To be written behind a rule that needs prices.
inline constexpr std::string_view priced_chain =
    "[[chain]]\nname = \"sub\"\nendpoints = [\"ws://b\"]\nsubscan_url = \"https://sub.example\"\n";

inline stages::Rule load_rule(std::string const& text) {
    config::Loaded loaded = config::load_text(text, "f");
    EXPECT_EQ(complaints(text), "") << text;
    EXPECT_EQ(loaded.config.rules.size(), 1U) << text;
    return loaded.config.rules.empty() ? stages::Rule{} : std::move(loaded.config.rules[0]);
}

// Exactly this is said, at line 10, the first behind rule_of().
inline void expect_said(stages::RuleKind kind, std::string const& line, std::string const& said) {
    std::string const text = rule_of(kind) + line + "\n";
    EXPECT_EQ(complaints(text), "f:" + said + "\n") << "about: " << line;
    EXPECT_FALSE(config::load_text(text, "f").usable()) << line;
}

} // namespace tests
