#include "io/store_mark.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>

namespace io {

namespace {

constexpr std::size_t record_bytes = 96;
constexpr std::string_view opening = "spyhop-store 1 ";
constexpr std::size_t boot_id_bytes_max = 64;

struct Summary {
    std::uint64_t size = 0;
    std::uint64_t hash = 0;
};

class File {
  public:
    explicit File(std::string const& path)
        : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    ~File() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    File(File const&) = delete;
    File& operator=(File const&) = delete;
    int get() const { return descriptor_; }

  private:
    int const descriptor_;
};

ssize_t read_at(int descriptor, void* out, std::size_t size, std::uint64_t at) {
    for (;;) {
        ssize_t const n = ::pread(descriptor, out, size, static_cast<off_t>(at));
        if (n >= 0 || errno != EINTR) return n;
    }
}

struct FreeHash {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

// Nothing: it cannot be read.
std::optional<Summary> summary_of(std::string const& path) {
    File const file(path);
    std::unique_ptr<XXH3_state_t, FreeHash> const state(XXH3_createState());
    if (file.get() < 0 || !state || XXH3_64bits_reset(state.get()) != XXH_OK) return std::nullopt;
    std::vector<std::uint8_t> buffer(1 << 18);
    Summary summary;
    for (;;) {
        ssize_t const n = read_at(file.get(), buffer.data(), buffer.size(), summary.size);
        if (n < 0) return std::nullopt;
        if (n == 0) break;
        XXH3_64bits_update(state.get(), buffer.data(), static_cast<std::size_t>(n));
        summary.size += static_cast<std::uint64_t>(n);
    }
    summary.hash = XXH3_64bits_digest(state.get());
    return summary;
}

std::string closed_record(Summary const& summary) {
    return fmt::format("{}closed {} {:016x}\n", opening, summary.size, summary.hash);
}
std::string open_record(std::string_view boot_id) {
    return fmt::format("{}open {}\n", opening, boot_id.substr(0, boot_id_bytes_max));
}

} // namespace

std::expected<std::unique_ptr<StoreMark>, StoreError> StoreMark::take(std::string const& path,
                                                                      unsigned mode) {
    std::string const mark = path + ".mark";
    int const descriptor = ::open(mark.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, mode);
    if (descriptor < 0) return std::unexpected(StoreError{StoreCode::cannot_open, errno, mark});
    std::unique_ptr<StoreMark> made(new StoreMark(path, descriptor));
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return made;
    if (errno == EWOULDBLOCK) return std::unexpected(StoreError{StoreCode::in_use, 0, path});
    return std::unexpected(StoreError{StoreCode::cannot_open, errno, mark});
}

StoreMark::~StoreMark() { ::close(descriptor_); }

std::string StoreMark::doubt(std::string const& boot_id, std::size_t bytes_max) const {
    struct stat status{};
    if (::stat(path_.c_str(), &status) != 0 && errno == ENOENT) return {};
    if (!S_ISREG(status.st_mode)) return "it is no regular file";
    std::array<char, record_bytes> buffer{};
    ssize_t const n = read_at(descriptor_, buffer.data(), buffer.size(), 0);
    std::string_view const record(buffer.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    if (!record.starts_with(opening)) return "it was not written by this program";
    if (static_cast<std::uint64_t>(status.st_size) > bytes_max)
        return "it is larger than it may be now";
    std::string_view const text = record.substr(0, record.find('\n') + 1);
    if (!boot_id.empty() && text == open_record(boot_id))
        return {}; // the process was killed, the machine was not
    if (text.starts_with(std::string(opening) + "open "))
        return "the machine went down while it was open";
    auto const summary = summary_of(path_);
    if (!summary) return "it cannot be read";
    if (text != closed_record(*summary)) return "it is not what was written";
    return {};
}

bool StoreMark::write(std::string_view record) {
    std::array<char, record_bytes> buffer{};
    buffer.fill(' ');
    buffer.back() = '\n';
    record.copy(buffer.data(), buffer.size());
    return ::pwrite(descriptor_, buffer.data(), buffer.size(), 0) == ssize_t{record_bytes};
}

std::expected<void, StoreError> StoreMark::opened(std::string const& boot_id) {
    if (write(open_record(boot_id))) return {};
    return std::unexpected(store_error(errno, path_ + ".mark"));
}

void StoreMark::closed() {
    auto const summary = summary_of(path_);
    static_cast<void>(write(summary ? closed_record(*summary) : std::string("unreadable\n")));
}

std::expected<void, StoreError> move_aside(std::string const& path) {
    std::string const aside = path + ".damaged";
    if (std::rename(path.c_str(), aside.c_str()) != 0)
        return std::unexpected(store_error(errno, path));
    ::unlink((path + "-lock").c_str());
    return {};
}

} // namespace io
