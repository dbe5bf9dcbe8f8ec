// What is said of a word on the command line that nothing is called.
#include "config/usage_error.hpp"

#include <gtest/gtest.h>

using namespace config;

namespace {

// spyhop [-s PATH] [--quiet] { status | rule { list | lint -c FILE } | route ADDRESS }
class UsageError : public testing::Test {
  protected:
    UsageError() {
        app_.add_option("-s,--socket", text_);
        app_.add_flag("-q,--quiet", on_);
        app_.add_subcommand("status");
        CLI::App* const rule = app_.add_subcommand("rule");
        rule->add_subcommand("list");
        rule->add_subcommand("lint")->add_option("-c,--config", text_);
        app_.add_subcommand("route")->add_option("ADDRESS", text_);
    }
    std::string said(std::vector<std::string> const& arguments) {
        return unknown_word(app_, arguments);
    }

  private:
    CLI::App app_;
    std::string text_;
    bool on_ = false;
};

} // namespace

TEST_F(UsageError, names_the_nearest_command_at_every_depth) {
    EXPECT_EQ(said({"statsu"}), "there is no command statsu; did you mean status?");
    EXPECT_EQ(said({"rule", "lst"}), "there is no command rule lst; did you mean rule list?");
    EXPECT_EQ(said({"rule", "lnt", "-c", "f"}),
              "there is no command rule lnt; did you mean rule lint?");
    EXPECT_EQ(said({"everything"}),
              "there is no command everything; spyhop --help lists everything");
    EXPECT_EQ(said({"rule", "everything"}),
              "there is no command rule everything; spyhop rule has: list, lint");
}

TEST_F(UsageError, values_of_options_and_places_of_commands_are_no_commands) {
    EXPECT_EQ(said({"-s", "/run/a.sock", "statsu"}),
              "there is no command statsu; did you mean status?");
    EXPECT_EQ(said({"--socket=/run/a.sock", "-q", "rule", "lst"}),
              "there is no command rule lst; did you mean rule list?");
    EXPECT_EQ(said({"route", "statsu"}), "");
    EXPECT_EQ(said({"rule", "lint", "-c", "list"}), "");
    EXPECT_EQ(said({"rule"}), "");
    EXPECT_EQ(said({"--", "statsu"}), "");
    EXPECT_EQ(said({}), "");
}

TEST_F(UsageError, names_the_nearest_option_of_the_command_and_those_above_it) {
    EXPECT_EQ(said({"rule", "lint", "--confg", "f"}),
              "there is no option --confg; did you mean --config?");
    EXPECT_EQ(said({"rule", "lint", "--sokcet=x"}),
              "there is no option --sokcet; did you mean --socket?");
    EXPECT_EQ(said({"status", "--everything"}),
              "there is no option --everything; spyhop --help lists everything");
    EXPECT_EQ(said({"--confg", "f", "rule", "lint"}),
              "there is no option --confg; spyhop --help lists everything");
    EXPECT_EQ(said({"rule", "lint", "--quiet"}), "");
}
