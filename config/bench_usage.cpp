#include "config/bench_usage.hpp"

#include "io/files.hpp"

#include <charconv>
#include <filesystem>
#include <fmt/format.h>

namespace config {

namespace {

namespace fs = std::filesystem;

std::optional<std::uint64_t> first_number(std::string_view text) {
    std::size_t const begin = text.find_first_not_of(' ');
    if (begin == text.npos) return std::nullopt;
    text.remove_prefix(begin);
    std::uint64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end == text.data()) return std::nullopt;
    return value;
}

std::vector<std::string> names_in(std::string const& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator one(folder, error), end; !error && one != end; one.increment(error))
        names.push_back(one->path().filename().string());
    return names;
}

void add_children(pid_t pid, std::vector<pid_t>& to) {
    to.push_back(pid);
    for (std::string const& task : names_in(fmt::format("/proc/{}/task", pid))) {
        auto const text = io::read_file(fmt::format("/proc/{}/task/{}/children", pid, task));
        if (!text) continue;
        std::string_view rest = *text;
        while (auto const child = first_number(rest)) {
            add_children(static_cast<pid_t>(*child), to);
            std::size_t const blank = rest.find(' ', rest.find_first_not_of(' '));
            rest = blank == rest.npos ? std::string_view() : rest.substr(blank);
        }
    }
}

} // namespace

std::optional<std::uint64_t> kilobytes_in(std::string_view smaps, std::string_view name) {
    while (!smaps.empty()) {
        std::size_t const end = smaps.find('\n');
        std::string_view const line = smaps.substr(0, end);
        smaps = end == smaps.npos ? std::string_view() : smaps.substr(end + 1);
        if (line.starts_with(name) && line.substr(name.size()).starts_with(':'))
            return first_number(line.substr(name.size() + 1));
    }
    return std::nullopt;
}

std::optional<std::uint64_t> on_cpu_in(std::string_view schedstat) {
    return first_number(schedstat);
}

std::vector<pid_t> tree_of(pid_t root) {
    std::vector<pid_t> tree;
    if (root > 0) add_children(root, tree);
    return tree;
}

std::uint64_t cpu_of_tree(pid_t root) {
    std::uint64_t total = 0;
    for (pid_t const pid : tree_of(root))
        for (std::string const& task : names_in(fmt::format("/proc/{}/task", pid)))
            if (auto const text =
                    io::read_file(fmt::format("/proc/{}/task/{}/schedstat", pid, task)))
                total += on_cpu_in(*text).value_or(0);
    return total;
}

TreeUsage usage_of_tree(pid_t root) {
    constexpr std::uint64_t kib = 1024;
    TreeUsage total;
    total.cpu_ns = cpu_of_tree(root);
    for (pid_t const pid : tree_of(root)) {
        auto const smaps = io::read_file(fmt::format("/proc/{}/smaps_rollup", pid));
        if (!smaps) continue;
        total.pss_bytes += kilobytes_in(*smaps, "Pss").value_or(0) * kib;
        total.rss_bytes += kilobytes_in(*smaps, "Rss").value_or(0) * kib;
        total.descriptors += names_in(fmt::format("/proc/{}/fd", pid)).size();
        total.threads += names_in(fmt::format("/proc/{}/task", pid)).size();
        ++total.processes;
    }
    return total;
}

} // namespace config
