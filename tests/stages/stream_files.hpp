// Files behind a stream for the tests of its tail: one in memory, one on disk. The one on disk is
// opened anew for each call, so that nothing is carried over a fork.
#pragma once

#include "stages/stream_tail.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace stages::testing {

struct MemoryStream final : StreamFile {
    std::string text;
    std::optional<io::Error> fault; // of every call

    std::expected<std::uint64_t, io::Error> size() override {
        if (fault) return std::unexpected(*fault);
        return text.size();
    }
    std::expected<std::size_t, io::Error> read(std::uint64_t offset,
                                               pipeline::MutableBytes out) override {
        std::size_t const bytes = std::min<std::size_t>(out.size(), text.size() - offset);
        std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(offset), bytes, out.begin());
        return bytes;
    }
    std::expected<void, io::Error> cut(std::uint64_t size) override {
        text.resize(size);
        return {};
    }
};

class DiskStream final : public StreamFile {
  public:
    explicit DiskStream(std::string path)
        : path_(std::move(path)) {}

    std::expected<std::uint64_t, io::Error> size() override {
        struct stat status{};
        if (::stat(path_.c_str(), &status) == 0) return static_cast<std::uint64_t>(status.st_size);
        if (errno == ENOENT) return 0;
        return std::unexpected(io::Error{io::code_of_file(errno), errno, path_});
    }
    std::expected<std::size_t, io::Error> read(std::uint64_t offset,
                                               pipeline::MutableBytes out) override {
        if (out.empty()) return 0;
        int const fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
        ssize_t const bytes = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
        int const system = errno;
        ::close(fd);
        if (bytes >= 0) return static_cast<std::size_t>(bytes);
        return std::unexpected(io::Error{io::code_of_file(system), system, path_});
    }
    std::expected<void, io::Error> cut(std::uint64_t size) override {
        if (::truncate(path_.c_str(), static_cast<off_t>(size)) == 0) return {};
        return std::unexpected(io::Error{io::code_of_file(errno), errno, path_});
    }

  private:
    std::string const path_;
};

} // namespace stages::testing
