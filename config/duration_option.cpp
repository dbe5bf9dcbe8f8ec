#include "config/duration_option.hpp"

#include "stages/duration.hpp"

namespace config {

CLI::Option* duration_option(CLI::App* app, std::string const& name, pipeline::Nanoseconds& out,
                             std::string const& help, bool positive) {
    auto const set = [&out](std::string const& text) {
        out = stages::parse_duration(text).value_or(0);
    };
    auto const check = [positive](std::string const& text) {
        auto const parsed = stages::parse_duration(text);
        if (!parsed) return "\"" + text + "\": " + parsed.error();
        return positive && *parsed == 0 ? "\"" + text + "\": more than nothing" : std::string();
    };
    return app->add_option_function<std::string>(name, set, help)->check(check);
}

} // namespace config
