// Whole small files, blocking: for start-up, metadata and secrets, never for the data plane.
//
// Any thread. Errors name the path and the errno.
#pragma once

#include "io/error.hpp"
#include "io/limits.hpp"
#include "pipeline/types.hpp"

#include <expected>
#include <string>
#include <string_view>

namespace io {

// file_too_large when there is more than bytes_max; also reads pipes and /dev/stdin ("-").
[[nodiscard]] std::expected<std::string, Error>
read_file(std::string const& path, std::size_t bytes_max = limits::file_bytes_max);

// Readers see the old content or the new one, also after a power cut (temporary file, fsync,
// rename, fsync of the directory).
[[nodiscard]] std::expected<void, Error> write_file(std::string const& path, std::string_view text,
                                                    unsigned mode = 0640);

// Into a file that is there and is not a file: of /proc, a pipe, a device.
[[nodiscard]] std::expected<void, Error> write_special(std::string const& path,
                                                       std::string_view text);

// The size of a regular file; 0 where there is none, and for pipes and devices.
[[nodiscard]] std::expected<std::uint64_t, Error> file_size(std::string const& path);
// Bytes from `offset` on; fewer than asked for only at the end.
[[nodiscard]] std::expected<std::size_t, Error>
read_piece(std::string const& path, std::uint64_t offset, pipeline::MutableBytes out);
// Takes away what lies behind `size`; safe on disk when it returns.
[[nodiscard]] std::expected<void, Error> cut_file(std::string const& path, std::uint64_t size);

// Creates and removes a file in it, because permission bits alone do not tell.
[[nodiscard]] std::expected<void, Error> check_writable_directory(std::string const& path);

// One line without its end; empty files are an error. The text never appears in an error.
[[nodiscard]] std::expected<std::string, Error> read_secret(std::string const& path);

} // namespace io
