#include "config/temporary_folder.hpp"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>

namespace config {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder(std::string_view name, std::string const& under) {
    std::error_code none;
    parent_ = under.empty() ? fs::temp_directory_path(none).string() : under;
    path_ = fmt::format("{}/spyhop-{}-XXXXXX", parent_, name);
    if (mkdtemp(path_.data()) == nullptr) path_.clear();
}

std::string TemporaryFolder::trouble() const {
    if (!path_.empty()) return {};
    // temp_directory_path() gives nothing where TMPDIR is no directory.
    return parent_.empty() ? std::string("TMPDIR names no folder")
                           : fmt::format("no folder can be made in {}; is it writable?", parent_);
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
}

} // namespace config
