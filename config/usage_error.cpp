#include "config/usage_error.hpp"

#include "stages/admin_request.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace config {

namespace {

std::vector<CLI::App const*> commands_of(CLI::App const& app) {
    return app.get_subcommands([](CLI::App const*) { return true; });
}

// Options of a command hold for those below it.
CLI::Option const* option_named(CLI::App const* at, std::string const& name) {
    for (; at != nullptr; at = at->get_parent())
        for (CLI::Option const* option : at->get_options())
            if (option->check_name(name)) return option;
    return nullptr;
}

// Empty: none is near.
std::string did_you_mean(std::string_view before, std::string const& word,
                         std::vector<std::string> const& known) {
    std::string_view const near = stages::nearest(word, {known.begin(), known.end()});
    return near.empty() ? std::string() : fmt::format("; did you mean {}{}?", before, near);
}

constexpr std::string_view help_hint = "; spyhop --help lists everything";

std::string no_option(CLI::App const* at, std::string const& name) {
    std::vector<std::string> known;
    for (; at != nullptr; at = at->get_parent())
        for (CLI::Option const* option : at->get_options())
            for (std::string const& one : option->get_lnames()) known.push_back("--" + one);
    std::string const near = did_you_mean("", name, known);
    return fmt::format("there is no option {}{}", name, near.empty() ? help_hint : near);
}

// path: of the commands above, with a blank behind each.
std::string no_command(CLI::App const& at, std::string const& path, std::string const& word) {
    std::vector<std::string> known;
    for (CLI::App const* one : commands_of(at)) known.push_back(one->get_name());
    std::string near = did_you_mean(path, word, known);
    if (near.empty())
        near = path.empty() ? std::string(help_hint)
                            : fmt::format("; spyhop {}has: {}", path, fmt::join(known, ", "));
    return fmt::format("there is no command {}{}{}", path, word, near);
}

} // namespace

std::string unknown_word(CLI::App const& app, std::vector<std::string> const& arguments) {
    CLI::App const* at = &app;
    std::string path, odd_option; // the first that is not known where it stands
    for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
        std::string const name = arguments[i].substr(0, arguments[i].find('='));
        if (name.starts_with('-')) {
            CLI::Option const* const option = option_named(at, name);
            bool const has_value = name.size() != arguments[i].size();
            if (option != nullptr && !has_value && option->get_items_expected_min() > 0) ++i;
            if (option == nullptr && odd_option.empty() && name.starts_with("--"))
                odd_option = name;
            continue;
        }
        auto const below = commands_of(*at);
        auto const found = std::ranges::find(below, arguments[i], &CLI::App::get_name);
        if (found != below.end()) {
            at = *found;
            path += arguments[i] + ' ';
            continue;
        }
        if (below.empty() || !odd_option.empty()) break;
        return no_command(*at, path, arguments[i]);
    }
    if (odd_option.empty() || option_named(at, odd_option) != nullptr) return {};
    return no_option(at, odd_option);
}

} // namespace config
