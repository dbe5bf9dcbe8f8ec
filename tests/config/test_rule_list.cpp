// What `spyhop rule` prints: every rule with what it goes by, one with what that means, every kind
// with its keys, and problems with their places.
#include "command_said.hpp"
#include "config/cmd_rule.hpp"
#include "config/exit_codes.hpp"
#include "config/rule_keys.hpp"
#include "config/rule_list.hpp"
#include "config/temporary_folder.hpp"
#include "texts.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <simdjson.h>

using namespace config;
using tests::CommandSaid;
using tests::has;

namespace {

std::string const text = "[[chain]]\n"                             // 1
                         "name = \"dot\"\n"                        // 2
                         "endpoints = [\"ws://a\"]\n"              // 3
                         "subscan_url = \"https://dot.example\"\n" // 4
                         "[[chain]]\n"                             // 5
                         "name = \"ksm\"\n"                        // 6
                         "subscan_url = \"https://ksm.example\"\n" // 7
                         "[[rule]]\n"                              // 8
                         "name = \"large\"\n"                      // 9
                         "kind = \"large_transfer\"\n"             // 10
                         "notable = \"0.5\"\n"                     // 11
                         "[[rule]]\n"                              // 12
                         "name = \"cuts\"\n"                       // 13
                         "kind = \"drain\"\n"                      // 14
                         "outflows = 7\n"                          // 15
                         "window = \"36h\"\n";                     // 16

class RuleCommand : public testing::Test {
  protected:
    void SetUp() override { ASSERT_FALSE(folder.path().empty()) << folder.trouble(); }
    std::string write(std::string const& content) {
        std::string const path = folder.path() + "/s.toml";
        std::ofstream(path) << content;
        return path;
    }
    CommandSaid list(RuleListOptions const& options) {
        return tests::said_by(
            [&](auto* out, auto* err) { return cmd_rule_list(common, options, out, err); });
    }
    CommandSaid explain(std::string const& path, std::string const& rule) {
        return tests::said_by(
            [&](auto* out, auto* err) { return cmd_rule_explain(common, {path, rule}, out, err); });
    }
    CommandSaid lint(std::string const& path) {
        return tests::said_by(
            [&](auto* out, auto* err) { return cmd_rule_lint(common, path, out, err); });
    }
    simdjson::dom::element parse(std::string const& json) { return parser.parse(json); }

    TemporaryFolder folder{"rule"};
    Common common;
    simdjson::dom::parser parser;
};

std::string str(simdjson::simdjson_result<simdjson::dom::element> const& element) {
    return std::string(std::string_view(element));
}

} // namespace

TEST_F(RuleCommand, lists_every_key_with_its_value_and_whether_it_is_a_default) {
    CommandSaid const said = list({.config_path = write(text)});
    EXPECT_EQ(said.code, exit_ok);
    EXPECT_EQ(said.err, "");
    EXPECT_TRUE(said.out.starts_with("large  large_transfer\n"
                                     "    runs on           dot (hybrid, legacy), ksm (legacy)\n"))
        << said.out;
    for (char const* line : {"\n    notable           \"0.5\"\n",
                             "\n    important         -                           default\n",
                             "\ncuts  drain\n    runs on           dot (hybrid), ksm (nowhere)\n",
                             "\n    outflows          7\n", "\n    window            \"36h\"\n",
                             "\n    largest_share     0.5                         default\n",
                             "\n    min               \"10000\"                     default\n"})
        EXPECT_TRUE(has(said.out, line)) << line << said.out;
    EXPECT_FALSE(has(said.out, "hops"));
}

TEST_F(RuleCommand, lists_the_same_as_json) {
    common.output = Output::json;
    CommandSaid const said = list({.config_path = write(text)});
    EXPECT_EQ(said.code, exit_ok);
    EXPECT_EQ(std::ranges::count(said.out, '\n'), 1);
    auto const root = parse(said.out);
    EXPECT_TRUE(bool(root["ok"]));
    auto const rules = root["rules"].get_array().value();
    ASSERT_EQ(rules.size(), 2U);
    auto const cuts = rules.at(1);
    EXPECT_EQ(str(cuts["name"]), "cuts");
    EXPECT_EQ(str(cuts["kind"]), "drain");
    EXPECT_EQ(str(cuts["chains"].at(0)["name"]), "dot");
    EXPECT_EQ(str(cuts["chains"].at(0)["paths"].at(0)), "hybrid");
    EXPECT_EQ(cuts["chains"].at(1)["paths"].get_array().size(), 0U);
    auto const parameters = cuts["parameters"];
    EXPECT_EQ(std::int64_t(parameters["outflows"]["value"]), 7);
    EXPECT_FALSE(bool(parameters["outflows"]["default"]));
    EXPECT_EQ(str(parameters["window"]["value"]), "36h");
    EXPECT_EQ(double(parameters["largest_share"]["value"]), 0.5);
    EXPECT_TRUE(bool(parameters["largest_share"]["default"]));
    EXPECT_TRUE(parameters["severity"]["value"].is_null());
    EXPECT_EQ(str(parameters["assets"]["value"].at(0)), "native");
    EXPECT_TRUE(parameters["hops"].error() != simdjson::SUCCESS);
}

TEST_F(RuleCommand, explains_one_rule_with_what_its_keys_mean) {
    std::string const path = write(text);
    CommandSaid const page = explain(path, "cuts");
    EXPECT_EQ(page.code, exit_ok);
    EXPECT_TRUE(page.out.starts_with("cuts  drain\n"
                                     "    claims            an account empties in many cuts\n"
                                     "    judges by         fixed thresholds: "))
        << page.out;
    EXPECT_TRUE(has(page.out, "\n    outflows          7                                    "
                              "movements           at least, within the window\n"))
        << page.out;
    EXPECT_TRUE(has(page.out, "\n    largest_share     0.5                         default  "));
    EXPECT_FALSE(has(page.out, "large  large_transfer"));
    EXPECT_TRUE(
        has(explain(write(text + "budget = 2\n"), "cuts").out,
            "\n    judges by         thresholds, which rise where they are met more often "));
    EXPECT_TRUE(
        has(explain(write(text + "[[rule]]\nname = \"many\"\nkind = \"burst\"\n"), "many").out,
            "\n    judges by         what is rare against what it has learned "));

    common.output = Output::json;
    auto const root = parse(explain(path, "cuts").out);
    EXPECT_TRUE(bool(root["ok"]));
    auto const rule = root["rule"];
    EXPECT_EQ(str(rule["claim"]), stages::row_of(stages::RuleKind::drain).claim);
    EXPECT_EQ(str(rule["model"]), "threshold");
    EXPECT_EQ(std::int64_t(rule["parameters"]["outflows"]["value"]), 7);
    EXPECT_EQ(str(rule["parameters"]["outflows"]["unit"]), "movements");
    EXPECT_EQ(str(rule["parameters"]["outflows"]["meaning"]), "at least, within the window");

    CommandSaid const nobody = explain(path, "cut");
    EXPECT_EQ(nobody.code, exit_usage);
    EXPECT_TRUE(nobody.err.starts_with("spyhop rule explain: ")) << nobody.err;
    EXPECT_TRUE(has(nobody.err, "cuts")) << nobody.err;
    EXPECT_EQ(explain(write("[[chain]]\n"), "cuts").code, exit_bad_configuration);
}

TEST_F(RuleCommand, kinds_come_with_every_key_of_the_table) {
    CommandSaid const table = list({.config_path = "", .kinds = true});
    EXPECT_EQ(table.code, exit_ok);
    for (auto const& kind : stages::rule_kind_rows())
        EXPECT_TRUE(has(table.out, fmt::format("\n{}: {} (", kind.name, kind.claim))) << kind.name;
    EXPECT_TRUE(has(table.out, "\ndrain: an account empties in many cuts (threshold; runs on "
                               "hybrid)\n"));
    EXPECT_TRUE(has(table.out, "\n    outflows          count     5                           "
                               "movements           at least, within the window\n"));

    common.output = Output::json;
    CommandSaid const said = list({.config_path = "", .kinds = true});
    auto const kinds = parse(said.out)["kinds"].get_array().value();
    ASSERT_EQ(kinds.size(), stages::rule_kinds);
    std::size_t pairs = 0, expected = 0;
    for (auto const& kind : stages::rule_kind_rows()) {
        auto const element = kinds.at(static_cast<std::size_t>(kind.kind));
        EXPECT_EQ(str(element["kind"]), kind.name);
        EXPECT_EQ(str(element["model"]), to_text(kind.model));
        EXPECT_EQ(element["paths"].get_array().size(), kind.legacy ? 2U : 1U);
        for (auto const key : element["keys"].get_array()) {
            RuleKey const* const row = find_rule_key(str(key["key"]), kind.kind);
            ASSERT_NE(row, nullptr);
            EXPECT_EQ(key["default"].is_null(), row->fallback.empty());
            EXPECT_EQ(str(key["meaning"]), row->meaning);
            EXPECT_EQ(str(key["type"]), to_text(row->type));
            ++pairs;
        }
        for (RuleKey const& row : rule_keys()) expected += row.of(kind.kind);
    }
    EXPECT_EQ(pairs, expected);
}

TEST_F(RuleCommand, a_bad_file_is_refused_by_list_and_lint_with_file_line_and_column) {
    std::string const path = write(text + "hops = 2\nbudget = 5\nmin = \"0\"\nseverity = 1\n");
    std::string const problems =
        path + ":17:8: rule.hops: drain has no such key; what has it: pass_through\n" + path +
        ":20:12: rule.severity: this is an integer, but a text in quotes is needed\n";
    CommandSaid const linted = lint(path);
    EXPECT_EQ(linted.code, exit_bad_configuration);
    EXPECT_EQ(linted.code, 78);
    EXPECT_EQ(linted.err, problems);
    EXPECT_EQ(linted.out, "");
    CommandSaid const listed = list({.config_path = path});
    EXPECT_EQ(listed.code, 78);
    EXPECT_EQ(listed.err, problems);
    EXPECT_EQ(listed.out, "");

    common.output = Output::json;
    CommandSaid const json = lint(path);
    EXPECT_EQ(json.code, 78);
    auto const root = parse(json.out);
    EXPECT_FALSE(bool(root["ok"]));
    EXPECT_EQ(std::int64_t(root["problems"].at(0)["line"]), 17);
    EXPECT_EQ(std::int64_t(root["problems"].at(0)["column"]), 8);
    EXPECT_EQ(str(root["problems"].at(0)["file"]), path);
}

TEST_F(RuleCommand, lint_reads_label_files_and_keeps_the_order_of_places) {
    std::string const labels = folder.path() + "/labels.csv";
    std::ofstream(labels) << "address,label\n0x" << std::string(64, '1') << ",Cold wallet\n";
    auto const with = [&](char const* label) {
        return write(text + "exclude_labels = [\"" + label +
                     "\"]\n[[rule]]\nname = \"b\"\nkind = "
                     "\"burst\"\nbudget = 0\n"
                     "[labels]\nfiles = [\"" +
                     labels + "\"]\n");
    };
    std::string const path = with("Hot wallet");
    CommandSaid const said = lint(path);
    EXPECT_EQ(said.code, 78);
    EXPECT_TRUE(said.err.starts_with(path + ":17:18: rule.exclude_labels: nobody is labelled "
                                            "\"Hot wallet\""))
        << said.err;
    EXPECT_TRUE(has(said.err, path + ":21:10: rule.budget: "));
    EXPECT_FALSE(has(lint(with("Cold wallet")).err, "nobody"));
}

TEST_F(RuleCommand, a_good_file_says_so_and_warnings_do_not_fail_it) {
    std::string const path = write(text);
    CommandSaid const good = lint(path);
    EXPECT_EQ(good.code, exit_ok);
    EXPECT_EQ(good.out, path + ": good: 2 rules\n");
    std::string const warned = write(text + "severity = \"notable\"\ncritical = \"1\"\n");
    CommandSaid const said = lint(warned);
    EXPECT_EQ(said.code, exit_ok);
    EXPECT_TRUE(has(said.err, ":18:12: warning: rule.critical: "));
    common.quiet = true;
    EXPECT_EQ(lint(warned).err + lint(warned).out, "");
}

TEST_F(RuleCommand, without_a_file_there_is_nothing_to_list) {
    CommandSaid const said = list({});
    EXPECT_EQ(said.code, exit_usage);
    EXPECT_TRUE(has(said.err, "-c FILE"));
    CommandSaid const gone = lint("/nowhere/s.toml");
    EXPECT_EQ(gone.code, 78);
    EXPECT_TRUE(has(gone.err, "/nowhere/s.toml"));
}
