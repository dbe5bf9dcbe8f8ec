#include "config/reader.hpp"

#include "stages/admin_request.hpp"
#include "stages/duration.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace config {

namespace {

Where place_of(toml::source_region const& region) {
    return {region.begin.line, region.begin.column};
}

std::string_view type_name(toml::node const& node) {
    switch (node.type()) {
    case toml::node_type::string: return "a text";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a number";
    case toml::node_type::boolean: return "true or false";
    case toml::node_type::array: return "a list";
    case toml::node_type::table: return "a table";
    default: return "a date";
    }
}

std::string joined(std::span<std::string_view const> names) {
    std::string text;
    for (std::string_view name : names)
        text.append(text.empty() ? "\"" : ", \"").append(name).append("\"");
    return text;
}

} // namespace

std::optional<toml::table> parse_toml(std::string_view text, std::string const& name,
                                      std::vector<Problem>& problems) {
    try {
        return toml::parse(text, name);
    } catch (toml::parse_error const& error) {
        problems.push_back({{error.source().begin.line, error.source().begin.column},
                            std::string(error.description()),
                            false});
        return std::nullopt;
    }
}

toml::node const* Reader::take(std::string_view key) {
    known_.push_back(key);
    return table_.get(key);
}

Where Reader::where(std::string_view key) const {
    toml::node const* const node = table_.get(key);
    return node ? place_of(node->source()) : where();
}

Where Reader::where() const { return place_of(table_.source()); }

void Reader::complain(std::string_view key, std::string text) {
    problems_.push_back({where(key), fmt::format("{}.{}: {}", path_, key, text), false});
}

void Reader::warn(std::string_view key, std::string text) {
    problems_.push_back({where(key), fmt::format("{}.{}: {}", path_, key, text), true});
}

bool Reader::text(std::string_view key, std::string& out) {
    toml::node const* const node = take(key);
    if (!node) return false;
    auto const value = node->value_exact<std::string>();
    if (!value) {
        complain(key, fmt::format("this is {}, but a text in quotes is needed", type_name(*node)));
        return false;
    }
    out = *value;
    return true;
}

bool Reader::boolean(std::string_view key, bool& out) {
    toml::node const* const node = take(key);
    if (!node) return false;
    auto const value = node->value_exact<bool>();
    if (!value) {
        complain(key, fmt::format("this is {}, but true or false is needed", type_name(*node)));
        return false;
    }
    out = *value;
    return true;
}

bool Reader::integer(std::string_view key, std::int64_t low, std::int64_t high, std::int64_t& out) {
    toml::node const* const node = take(key);
    if (!node) return false;
    auto const value = node->value_exact<std::int64_t>();
    if (!value || *value < low || *value > high) {
        complain(key, fmt::format("an integer from {} to {} is needed", low, high));
        return false;
    }
    out = *value;
    return true;
}

bool Reader::number(std::string_view key, double low, double high, double& out) {
    toml::node const* const node = take(key);
    if (!node) return false;
    auto const value = node->value<double>();
    if (!value || !(*value >= low && *value <= high)) {
        complain(key, fmt::format("a number from {:g} to {:g} is needed", low, high));
        return false;
    }
    out = *value;
    return true;
}

bool Reader::duration(std::string_view key, Nanoseconds& out) {
    std::string value;
    if (!text(key, value)) return false;
    auto const parsed = stages::parse_duration(value);
    if (!parsed) {
        complain(key, fmt::format("\"{}\": {}", value, parsed.error()));
        return false;
    }
    out = *parsed;
    return true;
}

bool Reader::bytes(std::string_view key, std::uint64_t& out) {
    static constexpr std::pair<std::string_view, unsigned> units[] = {
        {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
    constexpr std::uint64_t most = std::uint64_t{1} << 20; // of the largest unit: a PiB
    std::string value;
    if (!text(key, value)) return false;
    std::uint64_t count = 0;
    auto const [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
    std::string_view const unit(end, value.data() + value.size());
    for (auto const& [name, shift] : units)
        if (error == std::errc() && unit == name && count >= 1 && count <= most) {
            out = count << shift;
            return true;
        }
    complain(key,
             fmt::format("\"{}\": write a whole number and its unit: \"512MiB\" (KiB, MiB, GiB)",
                         value));
    return false;
}

bool Reader::amount(std::string_view key, std::optional<std::string>& out) {
    toml::node const* const node = take(key);
    if (!node) return false;
    auto const value = node->value_exact<std::string>();
    if (!value) {
        complain(key, "amounts are exact decimal numbers of whole tokens in quotes: \"10000\" or "
                      "\"0.5\"");
        return false;
    }
    if (value->size() > 128 || !is_plain_decimal(*value)) {
        complain(key, fmt::format("\"{}\" is no plain decimal number; write \"10000\" or \"0.5\"",
                                  value->substr(0, 128)));
        return false;
    }
    out = *value;
    return true;
}

bool Reader::texts(std::string_view key, std::vector<std::string>& out) {
    toml::node const* const node = take(key);
    if (!node) return false;
    toml::array const* const list = node->as_array();
    std::vector<std::string> read;
    bool good = list != nullptr;
    for (std::size_t i = 0; list && i < list->size(); ++i) {
        auto const value = (*list)[i].value_exact<std::string>();
        good = good && value.has_value();
        read.push_back(value.value_or(""));
    }
    if (!good) {
        complain(key, "a list of texts is needed: [\"…\", \"…\"]");
        return false;
    }
    out = std::move(read);
    return true;
}

bool Reader::choice(std::string_view key, std::span<std::string_view const> names,
                    std::size_t& out) {
    std::string value;
    if (!text(key, value)) return false;
    auto const found = std::find(names.begin(), names.end(), value);
    if (found == names.end()) {
        complain(key, fmt::format("\"{}\" is none of {}", value, joined(names)));
        return false;
    }
    out = static_cast<std::size_t>(found - names.begin());
    return true;
}

void Reader::required(std::string_view key) {
    if (has(key)) return;
    problems_.push_back({where(), fmt::format("{}: `{}` is missing", path_, key), false});
}

void Reader::table(std::string_view key, std::function<void(Reader&)> const& read) {
    toml::node const* const node = take(key);
    if (!node) return;
    toml::table const* const inner = node->as_table();
    if (!inner) {
        problems_.push_back({where(key), fmt::format("`{}` is a table: [{}]", key, key), false});
        return;
    }
    Reader reader(*inner, std::string(key), problems_);
    read(reader);
    reader.finish();
}

void Reader::tables(std::string_view key, std::function<void(Reader&)> const& read) {
    toml::node const* const node = take(key);
    if (!node) return;
    toml::array const* const list = node->as_array();
    if (!list || !list->is_array_of_tables()) {
        problems_.push_back(
            {where(key), fmt::format("`{}` is a list of tables: [[{}]]", key, key), false});
        return;
    }
    for (toml::node const& element : *list) {
        Reader reader(*element.as_table(), std::string(key), problems_);
        read(reader);
        reader.finish();
    }
}

void Reader::finish() {
    for (auto const& [key, node] : table_) {
        if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
        std::string_view const near = stages::nearest(key.str(), known_);
        problems_.push_back(
            {place_of(key.source()),
             fmt::format("unknown key `{}`{}{}", key.str(), path_.empty() ? "" : " in " + path_,
                         near.empty() ? "" : fmt::format("; did you mean `{}`?", near)),
             false});
    }
}

std::expected<double, std::string> limit_of(toml::node const& node, stages::LimitUnit unit) {
    if (auto const text = node.value_exact<std::string>()) return stages::parse_limit(*text, unit);
    auto const number = node.is_number() ? node.value<double>() : std::nullopt;
    return stages::check_limit(number.value_or(0), unit);
}

bool is_plain_decimal(std::string_view text) {
    std::size_t const point = text.find('.');
    auto const digits = [](std::string_view part) {
        return !part.empty() &&
               std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
    };
    if (point == std::string_view::npos) return digits(text);
    return digits(text.substr(0, point)) && digits(text.substr(point + 1));
}

bool decimal_less(std::string_view a, std::string_view b) {
    auto const split = [](std::string_view text) {
        std::size_t const point = std::min(text.find('.'), text.size());
        std::string_view whole = text.substr(0, point);
        std::string_view part = text.substr(std::min(point + 1, text.size()));
        whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
        part = part.substr(0, part.find_last_not_of('0') + 1);
        return std::pair(whole, part);
    };
    auto const [whole_a, part_a] = split(a);
    auto const [whole_b, part_b] = split(b);
    if (whole_a.size() != whole_b.size()) return whole_a.size() < whole_b.size();
    if (whole_a != whole_b) return whole_a < whole_b;
    return part_a < part_b;
}

} // namespace config
