// The state directory as stages see it: whole files by name, and the names of those that more than
// one stage knows.
//
// Blocking; one thread per object. A file is written by one stage only; readers see all of it or
// the one before.
#pragma once

#include "pipeline/types.hpp"

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace stages {

struct StateFiles {
    virtual ~StateFiles() = default;
    virtual bool exists(std::string const& name) const = 0;
    // At most `bytes_max` bytes; the error is a sentence.
    virtual std::expected<std::string, std::string> read(std::string const& name,
                                                         std::size_t bytes_max) const = 0;
    // The whole file or nothing; makes missing folders. The error is a sentence.
    virtual std::expected<void, std::string> write(std::string const& name,
                                                   std::string_view bytes) = 0;
};

std::string metadata_file_name(pipeline::Hash const& genesis, std::uint32_t spec_version);

} // namespace stages
