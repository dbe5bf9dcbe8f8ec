#include "config/flags_file.hpp"

#include "config/reader.hpp"
#include "config/stage_options.hpp"
#include "config/state_folder.hpp"
#include "decoders/hex.hpp"
#include "stages/alert_line.hpp"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>

namespace config {

using stages::FlagName;
using stages::FlagState;
using stages::Pin;

namespace {

constexpr std::size_t bytes_max = std::size_t{4} << 20;
constexpr std::string_view pin_names[] = {"none", "legacy", "hybrid"};
constexpr std::string_view mode_names[] = {"normal", "legacy", "frozen", "hybrid-only"};

// A basic string of TOML is a string of JSON.
std::string toml_text(std::string_view text) {
    std::string out;
    stages::append_json_string(text, out);
    return out;
}

template <class T>
bool take(toml::table const& table, std::string_view key, T& out) {
    if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, bool>) {
        auto const value = table[key].value_exact<T>();
        if (!value) return false;
        out = *value;
    } else {
        auto const value = table[key].value_exact<std::int64_t>();
        if (!value || *value < 0) return false;
        out = static_cast<T>(*value);
        if (static_cast<std::int64_t>(out) != *value) return false;
    }
    return true;
}

std::string read_flag(toml::table const& table, stages::FlagRow const& row, FlagState& state) {
    auto const* const entry = table["flag"][row.key].as_table();
    if (entry == nullptr) return {}; // of a later version than the file
    std::string text;
    auto& value = state.of(row.name);
    if (!take(*entry, "value", text) || !take(*entry, "set_by", value.set_by) ||
        !take(*entry, "set_at_ms", value.set_at_ms) || !take(*entry, "epoch", value.epoch))
        return fmt::format("flag.{}: value, set_by, set_at_ms, epoch", row.key);
    auto const parsed = stages::parse_flag(row, text);
    if (!parsed) return parsed.error();
    value.value = *parsed;
    return {};
}

std::string read_pin(toml::table const& table, FlagState& state) {
    std::string key, path;
    stages::PinEntry entry;
    if (!take(table, "public_key", key) || !take(table, "path", path) ||
        !take(table, "until_ms", entry.until_unix_ms) || !take(table, "set_by", entry.set_by) ||
        !take(table, "reason", entry.reason))
        return "pin: public_key, path, until_ms, set_by, reason";
    std::uint8_t bytes[32];
    auto const size = key.starts_with("0x") && key.size() <= 66
                        ? decoders::hex_decode(std::string_view(key).substr(2), bytes)
                        : std::unexpected(decoders::Error{});
    if (!size || (*size != 32 && *size != 20)) return "pin.public_key: " + key;
    entry.account = decoders::account_of(bytes, static_cast<std::uint8_t>(*size));
    entry.pin = path == "hybrid" ? Pin::hybrid : path == "legacy" ? Pin::legacy : Pin::none;
    if (entry.pin == Pin::none) return "pin.path: " + path;
    state.pins.push_back(std::move(entry));
    return {};
}

StateFolder folder(Config const& config) { return StateFolder(config.service.state_dir); }

// Everything on legacy, until a person has looked.
void fall_back(FlagState& state, std::string reason) {
    state.mode = pipeline::Mode::legacy_only;
    state.locked = true;
    state.lock_reason = std::move(reason);
    auto& share = state.of(FlagName::hybrid_traffic_percent);
    ++state.epoch;
    if (share.value != 0) share = {0, "start", share.set_at_ms, state.epoch};
}

void keep_aside(Config const& config, std::string const& why, pipeline::Log& log) {
    std::string const path = config.service.state_dir + '/' + flags_file_name;
    bool const moved = std::rename(path.c_str(), (path + ".bad").c_str()) == 0;
    log.write(pipeline::Level::error, "control",
              fmt::format("incident: {}: {}. Everything is on legacy and locked; the file is kept "
                          "as {}{}. Look at it, then: spyhop unlock --reason TEXT",
                          path, why, path, moved ? ".bad" : " (it could not be moved)"));
}

} // namespace

std::string flags_text(FlagState const& state) {
    std::string text = fmt::format(
        "# The regime of spyhop, written by the service. Change it with: spyhop flag set\n"
        "version = 1\nepoch = {}\nmode = \"{}\"\nlocked = {}\nlock_reason = {}\nclean = {}\n",
        state.epoch, mode_names[static_cast<std::size_t>(state.mode)], state.locked,
        toml_text(state.lock_reason), state.clean);
    for (auto const& row : stages::flag_rows()) {
        auto const& value = state.of(row.name);
        text +=
            fmt::format("\n[flag.{}]\nvalue = \"{}\"\nset_by = {}\nset_at_ms = {}\nepoch = {}\n",
                        row.key, stages::flag_text(row, value.value), toml_text(value.set_by),
                        value.set_at_ms, value.epoch);
    }
    for (auto const& pin : state.pins)
        text += fmt::format("\n[[pin]]\npublic_key = \"{}\"\npath = \"{}\"\nuntil_ms = {}\n"
                            "set_by = {}\nreason = {}\n",
                            decoders::hex_text(pin.account.bytes()),
                            pin_names[static_cast<std::size_t>(pin.pin)], pin.until_unix_ms,
                            toml_text(pin.set_by), toml_text(pin.reason));
    return text;
}

std::expected<FlagState, std::string> flags_from(std::string_view text) {
    std::vector<Problem> problems;
    auto const parsed = parse_toml(text, flags_file_name, problems);
    if (!parsed)
        return std::unexpected(
            fmt::format("line {}: {}", problems[0].where.line, problems[0].text));
    toml::table const& table = *parsed;
    FlagState state = stages::default_flags();
    std::string mode;
    std::uint32_t version = 0;
    if (!take(table, "version", version) || version != 1) return std::unexpected("version: not 1");
    if (!take(table, "epoch", state.epoch) || state.epoch > 0xff'ffff || !take(table, "mode", mode))
        return std::unexpected("epoch, mode: missing or of a wrong type");
    if (!take(table, "locked", state.locked) || !take(table, "clean", state.clean) ||
        !take(table, "lock_reason", state.lock_reason))
        return std::unexpected("locked, lock_reason, clean: missing or of a wrong type");
    auto const* const known = std::find(std::begin(mode_names), std::end(mode_names), mode);
    if (known == std::end(mode_names)) return std::unexpected("mode: " + mode);
    state.mode = static_cast<pipeline::Mode>(known - std::begin(mode_names));
    for (auto const& row : stages::flag_rows())
        if (std::string wrong = read_flag(table, row, state); !wrong.empty())
            return std::unexpected(std::move(wrong));
    auto const* const pins = table["pin"].as_array();
    for (std::size_t i = 0; pins != nullptr && i < pins->size(); ++i) {
        auto const* const one = (*pins)[i].as_table();
        if (one == nullptr || state.pins.size() >= stages::pin_entries_max)
            return std::unexpected("pin: no table, or too many");
        if (std::string wrong = read_pin(*one, state); !wrong.empty())
            return std::unexpected(std::move(wrong));
    }
    return state;
}

FlagState first_flags(Config const& config) {
    FlagState state = stages::default_flags();
    auto const set = [&](FlagName name, std::uint16_t value) {
        state.of(name) = {value, "configuration", 0, state.epoch};
    };
    set(FlagName::enable_hybrid_rpc, config.flags.enable_hybrid_rpc);
    set(FlagName::enable_hybrid_patterns, config.flags.enable_hybrid_patterns);
    set(FlagName::enable_parallel_mode, config.flags.enable_parallel_mode);
    set(FlagName::hybrid_traffic_percent,
        static_cast<std::uint16_t>(std::lround(config.flags.hybrid_traffic_percent * 100)));
    if (!has_legacy(config)) state.mode = pipeline::Mode::hybrid_only;
    return state;
}

std::vector<stages::PinEntry> stored_pins(stages::StateFiles const& files) {
    if (!files.exists(flags_file_name)) return {};
    auto const text = files.read(flags_file_name, bytes_max);
    auto stored = text ? flags_from(*text) : std::unexpected(text.error());
    return stored ? std::move(stored->pins) : std::vector<stages::PinEntry>();
}

FlagState start_flags(Config const& config, pipeline::Log& log) {
    StateFolder files = folder(config);
    return start_flags(config, files, log);
}

FlagState start_flags(Config const& config, stages::StateFiles& files, pipeline::Log& log) {
    FlagState state = first_flags(config);
    if (files.exists(flags_file_name)) {
        auto const text = files.read(flags_file_name, bytes_max);
        auto stored = text ? flags_from(*text) : std::unexpected(text.error());
        if (stored) {
            state = std::move(*stored);
        } else {
            keep_aside(config, stored.error(), log);
            if (has_legacy(config)) fall_back(state, "flags.toml could not be read");
        }
        bool const on_hybrid = state.mode != pipeline::Mode::legacy_only &&
                               state.of(FlagName::hybrid_traffic_percent).value > 0;
        if (stored && !state.clean && on_hybrid && has_legacy(config)) {
            fall_back(state, "the last run did not end in order");
            log.write(pipeline::Level::warning, "control",
                      "incident: the last run did not end in order: everything is on legacy and "
                      "locked. When that is understood: spyhop unlock --reason TEXT");
        }
    }
    // Paths come and go with the configuration.
    bool const alone = state.mode == pipeline::Mode::hybrid_only;
    if (!has_legacy(config))
        state.mode = pipeline::Mode::hybrid_only;
    else if (alone)
        state.mode = pipeline::Mode::normal;
    state.clean = false;
    if (auto const done = files.write(flags_file_name, flags_text(state)); !done)
        log.write(pipeline::Level::error, "control",
                  "the regime cannot be stored: " + done.error());
    return state;
}

FlagState stored_flags(Config const& config) {
    auto const text = folder(config).read(flags_file_name, bytes_max);
    auto stored = text ? flags_from(*text) : std::unexpected(text.error());
    return stored ? std::move(*stored) : first_flags(config);
}

std::expected<void, std::string> store_flags(Config const& config, FlagState const& state) {
    return folder(config).write(flags_file_name, flags_text(state));
}

void mark_clean(Config const& config, pipeline::Log& log) {
    FlagState state = stored_flags(config);
    state.clean = true;
    if (auto const done = store_flags(config, state); !done)
        log.write(pipeline::Level::error, "control",
                  "that this run ended in order cannot be stored: " + done.error());
}

} // namespace config
