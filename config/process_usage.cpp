#include "config/process_usage.hpp"

#include "io/files.hpp"

#include <charconv>
#include <fmt/format.h>
#include <unistd.h>

namespace config {

namespace {

// The number in the field at this place, from 0, of fields apart by one blank.
std::optional<std::uint64_t> field(std::string_view text, std::size_t place) {
    for (; place > 0; --place) {
        std::size_t const blank = text.find(' ');
        if (blank == std::string_view::npos) return std::nullopt;
        text.remove_prefix(blank + 1);
    }
    std::uint64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end == text.data()) return std::nullopt;
    return value;
}

} // namespace

std::optional<std::uint64_t> cpu_ticks_in(std::string_view stat) {
    std::size_t const name_end = stat.rfind(')');
    if (name_end == std::string_view::npos || name_end + 2 > stat.size()) return std::nullopt;
    stat.remove_prefix(name_end + 2); // at field 3
    auto const user = field(stat, 14 - 3);
    auto const system = field(stat, 15 - 3);
    if (!user || !system) return std::nullopt;
    return *user + *system;
}

std::optional<std::uint64_t> own_pages_in(std::string_view statm) {
    auto const resident = field(statm, 1);
    auto const shared = field(statm, 2);
    if (!resident || !shared || *resident < *shared) return std::nullopt;
    return *resident - *shared;
}

std::optional<ProcessUsage> usage_of(pid_t pid) {
    if (pid <= 0) return std::nullopt;
    auto const stat = io::read_file(fmt::format("/proc/{}/stat", pid));
    auto const statm = io::read_file(fmt::format("/proc/{}/statm", pid));
    if (!stat || !statm) return std::nullopt;
    auto const ticks = cpu_ticks_in(*stat);
    auto const pages = own_pages_in(*statm);
    if (!ticks || !pages) return std::nullopt;
    return ProcessUsage{*ticks, *pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))};
}

} // namespace config
