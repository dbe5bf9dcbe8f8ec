// How the benchmarks say what they found: tables for people, members of JSON for programs,
// verdicts for both.
//
// Pure; any thread.
#pragma once

#include "config/bench_stats.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace config {

// Columns as wide as their widest cell. Text stands to the left, in the first columns and perhaps
// in the last; numbers stand to the right. Widths count characters, not bytes.
class BenchTable {
  public:
    explicit BenchTable(std::vector<std::string> heads, std::size_t text_columns = 1,
                        bool last_is_text = false)
        : rows_{std::move(heads)}
        , text_columns_(text_columns)
        , last_is_text_(last_is_text) {}
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    std::string text() const;
    std::vector<std::vector<std::string>> const& rows() const { return rows_; } // heads first

  private:
    std::vector<std::vector<std::string>> rows_;
    std::size_t text_columns_;
    bool last_is_text_;
};

// Three digits that count, and the unit: "0.41 us", "37.2 us", "4.12 ms", "30.1 s". Negative ones
// too.
std::string time_text(double nanoseconds);
std::string bytes_text(double bytes);  // "18.6 MiB"
std::string count_text(double number); // "1,000,000"; "3.05 M" from ten million on

// One thing that was promised, and what came of it.
struct BenchVerdict {
    std::string what;  // "p99.9 from block to alert"
    std::string limit; // "5 s"
    std::string found; // "3.1 ms"
    bool kept = false;
    std::string note{}; // what bounds it, or why it does not count
};
std::string verdicts_text(std::vector<BenchVerdict> const& verdicts);
std::string verdicts_json(std::vector<BenchVerdict> const& verdicts); // an array
bool all_kept(std::vector<BenchVerdict> const& verdicts);

// {"count":…,"p50":…,"p90":…,"p99":…,"p999":…,"max":…}, whole nanoseconds.
std::string quantiles_json(Quantiles const& of);
// "name" and "text" as "name":"text", escaped.
std::string json_member(std::string_view name, std::string_view text);

} // namespace config
