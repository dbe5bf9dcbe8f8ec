#include "io/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace io {

namespace {

std::unexpected<Error> failed(std::string const& what, int system) {
    return std::unexpected(Error{code_of_file(system), system, what});
}

class Descriptor {
  public:
    explicit Descriptor(int fd, bool owned = true)
        : fd_(fd)
        , owned_(owned) {}
    ~Descriptor() {
        if (owned_ && fd_ >= 0) ::close(fd_);
    }
    Descriptor(Descriptor const&) = delete;
    Descriptor& operator=(Descriptor const&) = delete;
    int get() const { return fd_; }

  private:
    int fd_;
    bool owned_;
};

// Blocks until all is written. 0 or an errno.
int write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        ssize_t const n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return 0;
}

std::string directory_of(std::string const& path) {
    std::size_t const slash = path.find_last_of('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

} // namespace

std::expected<std::string, Error> read_file(std::string const& path, std::size_t bytes_max) {
    bool const standard_input = path == "-";
    Descriptor const file{standard_input ? STDIN_FILENO
                                         : ::open(path.c_str(), O_RDONLY | O_CLOEXEC),
                          !standard_input};
    if (file.get() < 0) return failed(path, errno);
    std::string text;
    constexpr std::size_t chunk = 256 * limits::kib;
    for (;;) {
        std::size_t const size = text.size();
        // One byte more than allowed is asked for, to tell "at the limit" from "over it".
        std::size_t const want = std::min(chunk, bytes_max - size + 1);
        text.resize(size + want);
        ssize_t const n = ::read(file.get(), text.data() + size, want);
        int const system = errno;
        text.resize(size + (n > 0 ? static_cast<std::size_t>(n) : 0));
        if (n < 0 && system == EINTR) continue;
        if (n < 0) return failed(path, system);
        if (n == 0) return text;
        if (text.size() > bytes_max)
            return std::unexpected(Error{Code::file_too_large, 0,
                                         path + ": over " + std::to_string(bytes_max) + " bytes"});
    }
}

std::expected<void, Error> write_file(std::string const& path, std::string_view text,
                                      unsigned mode) {
    std::string const temporary = path + ".tmp";
    {
        Descriptor const file{
            ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)};
        if (file.get() < 0) return failed(temporary, errno);
        int system = write_all(file.get(), text);
        if (system == 0 && ::fsync(file.get()) != 0) system = errno;
        if (system != 0) {
            ::unlink(temporary.c_str());
            return failed(temporary, system);
        }
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        int const system = errno;
        ::unlink(temporary.c_str());
        return failed(path, system);
    }
    std::string const directory = directory_of(path);
    Descriptor const entry{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (entry.get() < 0 || ::fsync(entry.get()) != 0) return failed(directory, errno);
    return {};
}

std::expected<void, Error> write_special(std::string const& path, std::string_view text) {
    Descriptor const file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (file.get() < 0) return failed(path, errno);
    if (int const system = write_all(file.get(), text); system != 0) return failed(path, system);
    return {};
}

std::expected<std::uint64_t, Error> file_size(std::string const& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0)
        return S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
    if (errno == ENOENT) return 0;
    return failed(path, errno);
}

std::expected<std::size_t, Error> read_piece(std::string const& path, std::uint64_t offset,
                                             pipeline::MutableBytes out) {
    if (out.empty()) return 0;
    Descriptor const file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file.get() < 0) return failed(path, errno);
    std::size_t read = 0;
    while (read < out.size()) {
        ssize_t const n = ::pread(file.get(), out.data() + read, out.size() - read,
                                  static_cast<off_t>(offset + read));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed(path, errno);
        if (n == 0) break;
        read += static_cast<std::size_t>(n);
    }
    return read;
}

std::expected<void, Error> cut_file(std::string const& path, std::uint64_t size) {
    Descriptor const file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (file.get() < 0) return failed(path, errno);
    if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0) return failed(path, errno);
    if (::fsync(file.get()) != 0) return failed(path, errno);
    return {};
}

std::expected<void, Error> check_writable_directory(std::string const& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return failed(path, errno);
    if (!S_ISDIR(status.st_mode)) return failed(path, ENOTDIR);
    std::string probe = path + "/.spyhop-probe-XXXXXX";
    Descriptor const file{::mkostemp(probe.data(), O_CLOEXEC)};
    if (file.get() < 0) return failed(path, errno);
    ::unlink(probe.c_str());
    return {};
}

std::expected<std::string, Error> read_secret(std::string const& path) {
    auto text = read_file(path, limits::secret_bytes_max);
    if (!text) return text;
    while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
    if (text->empty())
        return std::unexpected(Error{Code::file_failure, 0, path + ": the secret file is empty"});
    if (text->find_first_of("\n\r") != std::string::npos)
        return std::unexpected(
            Error{Code::file_failure, 0, path + ": a secret file holds one line"});
    return text;
}

} // namespace io
