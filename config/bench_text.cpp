#include "config/bench_text.hpp"

#include "stages/alert_line.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <span>

namespace config {

namespace {

// Characters of UTF-8: bytes that do not continue one.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

struct Unit {
    double size;
    std::string_view name;
};

// Three digits that count, in the largest unit that leaves something before the point.
std::string in_units(double value, std::span<Unit const> units) {
    double const size = std::fabs(value);
    Unit unit = units.front();
    for (Unit const& one : units)
        if (size >= one.size) unit = one;
    double const shown = value / unit.size;
    double const digits = std::fabs(shown);
    int const behind = digits >= 99.95 ? 0 : digits >= 9.995 ? 1 : 2;
    return fmt::format("{:.{}f} {}", shown, behind, unit.name);
}

std::string escaped(std::string_view text) {
    std::string out;
    stages::append_json_string(text, out);
    return out;
}

} // namespace

std::string BenchTable::text() const {
    std::vector<std::size_t> widths;
    for (auto const& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (widths.size() <= i) widths.push_back(0);
            widths[i] = std::max(widths[i], width(row[i]));
        }
    std::string out;
    for (auto const& row : rows_) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            std::string const blanks(widths[i] - width(row[i]), ' ');
            bool const text = i < text_columns_ || (last_is_text_ && i + 1 == widths.size());
            line += text ? row[i] + blanks : blanks + row[i];
            line += "  ";
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + '\n';
    }
    return out;
}

std::string time_text(double nanoseconds) {
    constexpr Unit units[] = {{1, "ns"}, {1e3, "us"}, {1e6, "ms"}, {1e9, "s"}};
    return in_units(nanoseconds, units);
}

std::string bytes_text(double bytes) {
    constexpr double kib = 1024;
    constexpr Unit units[] = {{1, "B"}, {kib, "KiB"}, {kib * kib, "MiB"}, {kib * kib * kib, "GiB"}};
    return in_units(bytes, units);
}

std::string count_text(double number) {
    constexpr double many = 1e7;
    if (number >= many) return fmt::format("{:.1f} M", number / 1e6);
    std::string const digits = fmt::format("{:.0f}", number);
    std::string out;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
        out += digits[i];
    }
    return out;
}

std::string verdicts_text(std::vector<BenchVerdict> const& verdicts) {
    if (verdicts.empty()) return {};
    BenchTable table({"", "limit", "found", "", ""}, 1, true);
    for (BenchVerdict const& one : verdicts)
        table.add({one.what, one.limit, one.found, one.kept ? "kept" : "MISSED", one.note});
    return table.text();
}

std::string verdicts_json(std::vector<BenchVerdict> const& verdicts) {
    std::string out = "[";
    for (BenchVerdict const& one : verdicts) {
        if (out.size() > 1) out += ',';
        out += '{' + json_member("what", one.what) + ',' + json_member("limit", one.limit) + ',' +
               json_member("found", one.found) + fmt::format(R"(,"kept":{},)", one.kept) +
               json_member("note", one.note) + '}';
    }
    return out + ']';
}

bool all_kept(std::vector<BenchVerdict> const& verdicts) {
    return std::ranges::all_of(verdicts, &BenchVerdict::kept);
}

std::string quantiles_json(Quantiles const& of) {
    return fmt::format(
        R"({{"count":{},"p50":{:.0f},"p90":{:.0f},"p99":{:.0f},"p999":{:.0f},"max":{:.0f}}})",
        of.count, of.p50, of.p90, of.p99, of.p999, of.max);
}

std::string json_member(std::string_view name, std::string_view text) {
    return escaped(name) + ':' + escaped(text);
}

} // namespace config
