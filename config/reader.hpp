// Reads one table of a TOML document: every key is asked for once, by name; what nobody asked for
// is an unknown key. Problems are collected, so that a person sees all of them at once.
//
// One thread. Views of the document; lives no longer than it.
#pragma once

#include "config/config.hpp"
#include "stages/threshold.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <toml++/toml.h>

namespace config {

// Nothing: it is no TOML, and the problem says where and why. The library's exception ends here.
std::optional<toml::table> parse_toml(std::string_view text, std::string const& name,
                                      std::vector<Problem>& problems);

class Reader {
  public:
    Reader(toml::table const& table, std::string path, std::vector<Problem>& problems)
        : table_(table)
        , path_(std::move(path))
        , problems_(problems) {}
    Reader(Reader const&) = delete;
    Reader& operator=(Reader const&) = delete;

    // Each leaves `out` alone when the key is absent, and complains when it is not what it should
    // be.
    // True: the key is there and good.
    bool text(std::string_view key, std::string& out);
    bool boolean(std::string_view key, bool& out);
    bool integer(std::string_view key, std::int64_t low, std::int64_t high, std::int64_t& out);
    bool number(std::string_view key, double low, double high, double& out);
    bool duration(std::string_view key, Nanoseconds& out);
    bool bytes(std::string_view key, std::uint64_t& out);               // "512MiB"
    bool amount(std::string_view key, std::optional<std::string>& out); // "10000", "0.5"
    bool texts(std::string_view key, std::vector<std::string>& out);
    // One of the names; `out` becomes its index.
    bool choice(std::string_view key, std::span<std::string_view const> names, std::size_t& out);
    void required(std::string_view key);
    void table(std::string_view key, std::function<void(Reader&)> const& read);
    void tables(std::string_view key, std::function<void(Reader&)> const& read);

    // Complains about every key that was not asked for. Call last.
    void finish();

    void complain(std::string_view key, std::string text); // at the key's value, or the table
    void warn(std::string_view key, std::string text);
    Where where(std::string_view key) const;
    Where where() const;
    bool has(std::string_view key) const { return table_.contains(key); }
    toml::table const& raw() const { return table_; }
    // Marks a key as known and returns its value, or null.
    toml::node const* take(std::string_view key);

  private:
    toml::table const& table_;
    std::string const path_; // "chain", "service": for messages
    std::vector<Problem>& problems_;
    std::vector<std::string_view> known_;
};

// A limit in its unit: a text ("5%", "10s", "1.5x") or a number. The error says what is needed.
[[nodiscard]] std::expected<double, std::string> limit_of(toml::node const& node,
                                                          stages::LimitUnit unit);

// Plain decimal numbers: digits, at most one point, digits on both sides of it.
bool is_plain_decimal(std::string_view text);
// Of two plain decimals: a < b.
bool decimal_less(std::string_view a, std::string_view b);

} // namespace config
