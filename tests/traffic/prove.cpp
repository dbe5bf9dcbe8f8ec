// prove_patterns [--seeds N] [--first N] [--events N] [--plants N] [--jobs N] [--only KIND] [--part
//                PART] [--json]
// The cost of patterns, false alarms on ordinary traffic, recall by strength, precision. Exit code
// 1: a stated number is missed. Everything but the cost is the same on every machine.
#include "tests/traffic/prove.hpp"

#include "pipeline/check.hpp"

#include <atomic>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <fmt/format.h>
#include <sys/resource.h>
#include <thread>

namespace bench {

std::vector<stages::RuleKind> kinds_of(Options const& options) {
    if (options.only.empty()) return traffic::pattern_kinds();
    auto const kind = stages::rule_kind_named(options.only);
    return {*kind};
}

traffic::Options traffic_of(std::uint64_t seed) {
    traffic::Options options;
    options.seed = seed;
    return options;
}

void for_each_task(std::uint32_t tasks, std::uint32_t jobs,
                   std::function<void(std::uint32_t)> const& work) {
    std::atomic<std::uint32_t> next = 0;
    auto const worker = [&] {
        for (std::uint32_t task = next++; task < tasks; task = next++) work(task);
    };
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 1; i < std::min(jobs, tasks); ++i) threads.emplace_back(worker);
    worker();
}

double thread_cpu_s() {
    rusage used{};
    CHECK(getrusage(RUSAGE_THREAD, &used) == 0);
    auto const seconds = [](timeval const& of) {
        return static_cast<double>(of.tv_sec) + static_cast<double>(of.tv_usec) * 1e-6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

Table::Table(Options const& options, char const* title, std::vector<Column> columns)
    : json_(options.json)
    , title_(title)
    , columns_(std::move(columns)) {
    if (json_) return;
    fmt::print("\n{}\n", title_);
    std::vector<std::string> names;
    for (Column const& column : columns_) names.emplace_back(column.name);
    row(names);
}

void Table::row(std::vector<std::string> const& cells) const {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        auto const& column = columns_[i];
        if (json_)
            line += fmt::format(R"({}"{}":"{}")", i == 0 ? "" : ",", column.name, cells[i]);
        else if (column.width < 0)
            line += fmt::format("{:<{}} ", cells[i], -column.width);
        else
            line += fmt::format("{:>{}} ", cells[i], column.width);
    }
    if (json_)
        fmt::print("{{\"table\":\"{}\",{}}}\n", title_, line);
    else
        fmt::print("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
    std::fflush(stdout);
}

namespace {

bool number(std::string_view text, auto& out) {
    auto const end = text.data() + text.size();
    return std::from_chars(text.data(), end, out).ptr == end && !text.empty() && out > 0;
}

bool parse(Options& options, int count, char** words) {
    for (int i = 1; i < count; ++i) {
        std::string_view const word = words[i];
        if (word == "--json") {
            options.json = true;
            continue;
        }
        if (++i == count) return false;
        std::string_view const value = words[i];
        bool good = false;
        if (word == "--seeds") good = number(value, options.seeds);
        if (word == "--first") good = number(value, options.first);
        if (word == "--events") good = number(value, options.movements);
        if (word == "--plants") good = number(value, options.plants);
        if (word == "--jobs") good = number(value, options.jobs);
        if (word == "--part") {
            options.part = value;
            good = value == "cost" || value == "null" || value == "recall" || value == "precision";
        }
        if (word == "--only") {
            options.only = value;
            auto const kind = stages::rule_kind_named(value);
            good = kind && std::ranges::count(traffic::pattern_kinds(), *kind) > 0;
        }
        if (!good) return false;
    }
    return true;
}

} // namespace
} // namespace bench

int main(int count, char** words) {
    bench::Options options;
    if (!bench::parse(options, count, words)) {
        fmt::print(
            stderr,
            "usage: prove_patterns [--seeds N] [--first N] [--events N] [--plants N] [--jobs N] "
            "[--only KIND] [--part cost|null|recall|precision] [--json]\n");
        return 2;
    }
    int missed = 0;
    auto const part = [&](char const* name, int (*run)(bench::Options const&)) {
        if (options.part.empty() || options.part == name) missed += run(options);
    };
    part("cost", bench::cost);
    part("null", bench::null_traffic);
    part("recall", bench::recall);
    part("precision", bench::precision);
    if (missed > 0) fmt::print(stderr, "{} of the stated numbers missed\n", missed);
    return missed > 0 ? 1 : 0;
}
