#include "config/cmd_rule.hpp"

#include "config/backtest.hpp"
#include "config/exit_codes.hpp"
#include "config/rule_lint.hpp"
#include "config/rule_list.hpp"
#include "decoders/value_json.hpp"

#include <fmt/format.h>

namespace config {

namespace {

void print_problems(Loaded const& loaded, bool warnings, std::FILE* err) {
    for (Problem const& problem : loaded.problems)
        if (warnings || !problem.warning) fmt::print(err, "{}\n", to_text(loaded.config, problem));
}

std::string problems_json(Loaded const& loaded) {
    std::string list;
    for (Problem const& problem : loaded.problems) {
        std::string file, text;
        decoders::append_json_text(loaded.config.file, file);
        decoders::append_json_text(problem.text, text);
        list += fmt::format(R"({}{{"file":{},"line":{},"column":{},"warning":{},"text":{}}})",
                            list.empty() ? "" : ",", file, problem.where.line, problem.where.column,
                            problem.warning, text);
    }
    return fmt::format(R"({{"ok":{},"problems":[{}]}})", loaded.usable(), list);
}

} // namespace

int cmd_rule_list(Common const& common, RuleListOptions const& options, std::FILE* out,
                  std::FILE* err) {
    bool const table = common.output == Output::table;
    if (options.kinds) {
        fmt::print(out, "{}", table ? kinds_table() : kinds_json() + "\n");
        return exit_ok;
    }
    if (options.config_path.empty()) {
        fmt::print(err, "spyhop: which rules? -c FILE names a configuration, --kinds shows the "
                        "kinds there are\n");
        return exit_usage;
    }
    Loaded const loaded = load_and_lint(options.config_path);
    print_problems(loaded, false, err);
    if (!loaded.usable()) return exit_bad_configuration;
    fmt::print(out, "{}", table ? rules_table(loaded.config) : rules_json(loaded.config) + "\n");
    return exit_ok;
}

int cmd_rule_explain(Common const& common, RuleExplainOptions const& options, std::FILE* out,
                     std::FILE* err) {
    Loaded const loaded = load_and_lint(options.config_path);
    print_problems(loaded, false, err);
    if (!loaded.usable()) return exit_bad_configuration;
    auto const rule = find_rule(loaded.config, options.rule);
    if (!rule) {
        fmt::print(err, "spyhop rule explain: {}\n", rule.error());
        return exit_usage;
    }
    bool const table = common.output == Output::table;
    auto const& of = loaded.config.rules[*rule];
    fmt::print(out, "{}",
               table ? rule_page(loaded.config, of) : rule_page_json(loaded.config, of) + "\n");
    return exit_ok;
}

int cmd_rule_lint(Common const& common, std::string const& config_path, std::FILE* out,
                  std::FILE* err) {
    Loaded const loaded = load_and_lint(config_path);
    bool const good = loaded.usable();
    if (common.output != Output::table) {
        fmt::print(out, "{}\n", problems_json(loaded));
    } else {
        print_problems(loaded, !common.quiet, err);
        if (good && !common.quiet)
            fmt::print(out, "{}: good: {} rules\n", config_path, loaded.config.rules.size());
    }
    return good ? exit_ok : exit_bad_configuration;
}

} // namespace config
