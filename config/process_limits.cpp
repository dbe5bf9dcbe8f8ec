#include "config/process_limits.hpp"

#include "io/files.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <sys/resource.h>

namespace config {

std::optional<std::uint64_t> data_bytes_in(std::string_view status) {
    constexpr std::string_view key = "\nVmData:";
    std::size_t const at = status.find(key);
    if (at == std::string_view::npos) return std::nullopt;
    status.remove_prefix(at + key.size());
    status.remove_prefix(std::min(status.find_first_not_of(" \t"), status.size()));
    std::uint64_t kibibytes = 0;
    auto const [end, error] =
        std::from_chars(status.data(), status.data() + status.size(), kibibytes);
    std::string_view const rest(end, status.data() + status.size());
    if (error != std::errc() || !rest.starts_with(" kB\n")) return std::nullopt;
    return kibibytes << 10;
}

std::expected<void, std::string> limit_hybrid(std::uint64_t memory_max) {
    auto const score = fmt::format("{}\n", oom_score_of_hybrid);
    if (auto const done = io::write_special("/proc/self/oom_score_adj", score); !done)
        return std::unexpected(io::describe(done.error()));
    if (memory_max == 0) return {};
    auto const status = io::read_file("/proc/self/status");
    auto const now = status ? data_bytes_in(*status) : std::nullopt;
    if (!now) return std::unexpected("VmData cannot be read from /proc/self/status");
    rlim_t const most = *now + memory_max + data_margin_bytes;
    rlimit const limit{most, most};
    if (setrlimit(RLIMIT_DATA, &limit) != 0)
        return std::unexpected(fmt::format("RLIMIT_DATA: {}", std::strerror(errno)));
    return {};
}

} // namespace config
