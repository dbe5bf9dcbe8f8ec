#include "config/state_folder.hpp"

#include "io/files.hpp"

#include <filesystem>

namespace config {

bool StateFolder::exists(std::string const& name) const {
    std::error_code error; // a folder that cannot be read shows when the file is written
    return std::filesystem::exists(path_ + '/' + name, error);
}

std::expected<std::string, std::string> StateFolder::read(std::string const& name,
                                                          std::size_t bytes_max) const {
    auto text = io::read_file(path_ + '/' + name, bytes_max);
    if (!text) return std::unexpected(io::describe(text.error()));
    return std::move(*text);
}

std::expected<void, std::string> StateFolder::write(std::string const& name,
                                                    std::string_view bytes) {
    std::string const path = path_ + '/' + name;
    std::error_code error; // shows in the next step, with the reason
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    auto const written = io::write_file(path, bytes);
    if (!written) return std::unexpected(io::describe(written.error()));
    return {};
}

} // namespace config
