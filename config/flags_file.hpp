// state_dir/flags.toml: the regime as it is stored, readable by a person and by the next start.
//
// Blocking; called by the main thread before anything runs, and by control's. A file that cannot be
// read for what it is is moved to flags.toml.bad, and the service comes up on legacy.
#pragma once

#include "config/config.hpp"
#include "pipeline/log.hpp"
#include "stages/flags.hpp"
#include "stages/state_files.hpp"

namespace config {

inline constexpr char const* flags_file_name = "flags.toml";

std::string flags_text(stages::FlagState const& state);
// The error says where and what.
[[nodiscard]] std::expected<stages::FlagState, std::string> flags_from(std::string_view text);

// From `[flags]`: values of a first start.
stages::FlagState first_flags(Config const& config);

// What is in force when the service starts, and marked as running from now on. After an unclean end
// with traffic on hybrid, and with a file that cannot be read, everything is on legacy and locked.
[[nodiscard]] stages::FlagState start_flags(Config const& config, pipeline::Log& log);
// The same in another place than the state directory (the simulator's disk).
[[nodiscard]] stages::FlagState start_flags(Config const& config, stages::StateFiles& files,
                                            pipeline::Log& log);

// The pins that are stored, for a routing stage that begins. None where nothing is stored, or it
// cannot be read: then everything is on legacy anyhow.
[[nodiscard]] std::vector<stages::PinEntry> stored_pins(stages::StateFiles const& files);
// What is stored now; of the running service.
[[nodiscard]] stages::FlagState stored_flags(Config const& config);
[[nodiscard]] std::expected<void, std::string> store_flags(Config const& config,
                                                           stages::FlagState const& state);
// The service ends in order.
void mark_clean(Config const& config, pipeline::Log& log);

} // namespace config
