// The state directory as stages see it: whole files by name. Blocking; one thread.
#pragma once

#include "stages/state_files.hpp"

namespace config {

class StateFolder final : public stages::StateFiles {
  public:
    explicit StateFolder(std::string path)
        : path_(std::move(path)) {}

    bool exists(std::string const& name) const override;
    std::expected<std::string, std::string> read(std::string const& name,
                                                 std::size_t bytes_max) const override;
    std::expected<void, std::string> write(std::string const& name,
                                           std::string_view bytes) override;

  private:
    std::string const path_;
};

} // namespace config
