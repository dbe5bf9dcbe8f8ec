#include "stages/labels.hpp"

#include "decoders/ss58.hpp"
#include "io/utf8.hpp"
#include "pipeline/check.hpp"
#include "stages/cache_index.hpp"
#include "stages/cache_record.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace stages {

namespace {

enum Column : std::uint8_t { address, label, kind, source };
constexpr std::array<std::string_view, 4> column_names{"address", "label", "kind", "source"};

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

// Of a valid UTF-8 text, for a message: cut between two characters.
std::string shown(std::string_view text) {
    constexpr std::size_t bytes_max = 80;
    if (text.size() <= bytes_max) return std::string(text);
    std::size_t size = bytes_max;
    while (size > 0 && (static_cast<std::uint8_t>(text[size]) & 0xc0) == 0x80) --size;
    return std::string(text.substr(0, size)) + "...";
}

// Line breaks and escape sequences would reach terminals and logs.
bool has_control_character(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const c = static_cast<std::uint8_t>(text[i]);
        if (c < 0x20 || c == 0x7f) return true;
        bool const c1 = c == 0xc2 && i + 1 < text.size() &&
                        static_cast<std::uint8_t>(text[i + 1]) < 0xa0; // U+0080 to U+009F
        if (c1) return true;
    }
    return false;
}

bool same_word(std::string_view text, std::string_view lower) {
    return std::ranges::equal(text, lower, [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
}

std::uint64_t hash_of(decoders::Account const& account) {
    return hash_of(account_key(CacheKind::identity, 0, account), 0);
}

struct Field {
    std::string text;
    std::size_t at = 0; // in its line
};

class Parser {
  public:
    Parser(std::string_view text, LabelFile& out, LabelLimits const& limits)
        : text_(text)
        , out_(out)
        , limits_(limits)
        , seen_(std::min<std::size_t>(limits.rows_max, 1 + std::ranges::count(text, '\n'))) {}

    void parse();

  private:
    bool next_line();
    bool split();
    bool quoted_field(std::size_t& at, Field& field);
    bool read_header();
    void read_row();
    bool check_text(Column column, std::size_t bytes_max);
    bool check_account(decoders::Account& account);
    // Of the first of them this row repeats. True: there is one.
    bool repeats(decoders::Account const& account);
    Field const* field(Column column) const {
        return places_[column] < 0 ? nullptr : &fields_[static_cast<std::size_t>(places_[column])];
    }
    std::string_view text_of(Column column) const {
        Field const* const found = field(column);
        return found ? std::string_view(found->text) : std::string_view();
    }
    // In characters, as editors count.
    std::uint32_t column_at(std::size_t at) const {
        auto const begins = [](char c) { return (static_cast<std::uint8_t>(c) & 0xc0) != 0x80; };
        return 1 + static_cast<std::uint32_t>(std::ranges::count_if(line_.substr(0, at), begins));
    }
    bool complain(std::size_t at, std::string text, bool warning = false) {
        if (out_.problems.size() < limits_.problems_max)
            out_.problems.push_back({number_, column_at(at), std::move(text), warning});
        else
            ++out_.problems_untold;
        faults_ += warning ? 0 : 1;
        return false;
    }

    static constexpr std::size_t fields_max = 16;

    std::string_view const text_;
    LabelFile& out_;
    LabelLimits const& limits_;
    CacheIndex seen_;
    std::size_t next_ = 0;
    std::string_view line_;
    std::uint32_t number_ = 0;
    std::size_t faults_ = 0;
    std::array<Field, fields_max> fields_;
    std::size_t count_ = 0;
    std::array<int, column_names.size()> places_{-1, -1, -1, -1};
    std::size_t columns_ = 0;
};

// False: there is none.
bool Parser::next_line() {
    if (next_ >= text_.size()) return false;
    std::size_t const end = std::min(text_.find('\n', next_), text_.size());
    line_ = text_.substr(next_, end - next_);
    if (line_.ends_with('\r')) line_.remove_suffix(1);
    next_ = end + 1;
    ++number_;
    return true;
}

// `at` stands at the quote, and after it at the comma or the end. False: it has complained.
bool Parser::quoted_field(std::size_t& at, Field& field) {
    std::size_t const opened = at++;
    for (;; ++at) {
        if (at == line_.size()) return complain(opened, "this quote is not closed on its line");
        if (line_[at] == '"') {
            if (at + 1 == line_.size() || line_[at + 1] != '"') break;
            ++at;
        }
        field.text.push_back(line_[at]);
    }
    ++at;
    while (at < line_.size() && is_blank(line_[at])) ++at;
    if (at < line_.size() && line_[at] != ',')
        return complain(at, "after a closing quote comes a comma or the end of the line; a quote "
                            "inside of a quoted field is written twice");
    return true;
}

bool Parser::split() {
    count_ = 0;
    for (std::size_t at = 0;; ++at) {
        if (count_ == fields_max)
            return complain(at, fmt::format("a line has at most {} fields", fields_max));
        Field& field = fields_[count_++];
        field.text.clear();
        while (at < line_.size() && is_blank(line_[at])) ++at;
        field.at = at;
        if (at < line_.size() && line_[at] == '"') {
            if (!quoted_field(at, field)) return false;
        } else {
            std::size_t const end = std::min(line_.find(',', at), line_.size());
            std::string_view const text = trimmed(line_.substr(at, end - at));
            if (auto const quote = text.find('"'); quote != std::string_view::npos)
                return complain(at + quote, "a field with a quote in it is put in quotes, and the "
                                            "quote inside of it is written twice");
            field.text = text;
            at = end;
        }
        if (!io::valid_utf8(pipeline::as_bytes(field.text)))
            return complain(field.at, "this field is not UTF-8; save the file as UTF-8");
        if (at >= line_.size()) return true;
    }
}

bool Parser::read_header() {
    for (std::size_t i = 0; i < count_; ++i) {
        auto const known = std::ranges::find_if(
            column_names, [&](auto name) { return same_word(fields_[i].text, name); });
        if (known == column_names.end()) {
            complain(fields_[i].at,
                     fmt::format("unknown column `{}`; there are {}", shown(fields_[i].text),
                                 fmt::join(column_names, ", ")));
            continue;
        }
        int& place = places_[static_cast<std::size_t>(known - column_names.begin())];
        if (place >= 0)
            complain(fields_[i].at, fmt::format("the column `{}` is there twice", *known));
        place = static_cast<int>(i);
    }
    for (Column const needed : {address, label})
        if (places_[needed] < 0)
            complain(0, fmt::format("there is no column `{}`; the first line names the columns: {}",
                                    column_names[needed], fmt::join(column_names, ",")));
    columns_ = count_;
    return faults_ == 0;
}

bool Parser::check_text(Column column, std::size_t bytes_max) {
    Field const* const found = field(column);
    if (!found) return true;
    if (found->text.size() > bytes_max)
        return complain(found->at,
                        fmt::format("a {} has at most {} bytes, this one has {}",
                                    column_names[column], bytes_max, found->text.size()));
    if (has_control_character(found->text))
        return complain(found->at,
                        fmt::format("a {} has no control characters", column_names[column]));
    return true;
}

bool Parser::check_account(decoders::Account& account) {
    auto const parsed = decoders::parse_address(text_of(address));
    if (!parsed)
        return complain(field(address)->at, fmt::format("\"{}\": {}", shown(text_of(address)),
                                                        decoders::describe(parsed.error())));
    account = parsed->account;
    return true;
}

bool Parser::repeats(decoders::Account const& account) {
    std::uint64_t const hash = hash_of(account);
    std::uint32_t const first =
        seen_.find(hash, [&](std::uint32_t i) { return out_.rows[i].account == account; });
    if (first == CacheIndex::none) {
        seen_.insert(hash, static_cast<std::uint32_t>(out_.rows.size()));
        return false;
    }
    LabelRow const& other = out_.rows[first];
    bool const same = out_.label(other) == text_of(label) && out_.kind(other) == text_of(kind);
    complain(field(address)->at,
             same ? fmt::format("this account is already there, in line {}", other.line)
                  : fmt::format("line {} calls this account \"{}\" ({}), this one \"{}\" ({}); "
                                "the first one counts",
                                other.line, out_.label(other), out_.kind(other), text_of(label),
                                text_of(kind)),
             true);
    return true;
}

void Parser::read_row() {
    if (count_ != columns_) {
        complain(0,
                 fmt::format("{} fields, but the first line names {} columns", count_, columns_));
        return;
    }
    LabelRow row;
    bool good = check_account(row.account);
    good = check_text(label, limits_.label_bytes_max) && good;
    good = check_text(kind, limits_.kind_bytes_max) && good;
    good = check_text(source, limits_.source_bytes_max) && good;
    if (good && text_of(label).empty()) good = complain(field(label)->at, "the label is empty");
    if (!good || repeats(row.account)) return;
    row.line = number_;
    row.at = static_cast<std::uint32_t>(out_.pool.size());
    row.label_size = static_cast<std::uint8_t>(text_of(label).size());
    row.kind_size = static_cast<std::uint8_t>(text_of(kind).size());
    row.source_size = static_cast<std::uint8_t>(text_of(source).size());
    for (Column const column : {label, kind, source}) out_.pool.append(text_of(column));
    out_.rows.push_back(row);
}

void Parser::parse() {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text_.starts_with(byte_order_mark)) next_ = byte_order_mark.size();
    while (next_line()) {
        std::string_view const content = trimmed(line_);
        if (content.empty() || content.starts_with('#')) continue;
        bool good = line_.size() <= limits_.line_bytes_max;
        if (!good)
            complain(0, fmt::format("a line has at most {} bytes, this one has {}",
                                    limits_.line_bytes_max, line_.size()));
        good = good && split();
        if (columns_ == 0) {
            // Without the names of the columns no row can be understood.
            if (!good || !read_header()) return;
        } else if (good && out_.rows.size() == limits_.rows_max) {
            complain(0, fmt::format("a file has at most {} rows; the rest is left out",
                                    limits_.rows_max));
            return;
        } else if (good) {
            read_row();
        }
    }
    if (columns_ == 0) {
        number_ = 0;
        complain(0,
                 "the file is empty; its first line names the columns: address,label,kind,source");
    }
}

} // namespace

std::string_view LabelFile::label(LabelRow const& row) const {
    return std::string_view(pool).substr(row.at, row.label_size);
}
std::string_view LabelFile::kind(LabelRow const& row) const {
    return std::string_view(pool).substr(row.at + row.label_size, row.kind_size);
}
std::string_view LabelFile::source(LabelRow const& row) const {
    return std::string_view(pool).substr(row.at + row.label_size + row.kind_size, row.source_size);
}

bool LabelFile::faultless() const {
    return problems_untold == 0 && std::ranges::all_of(problems, &LabelProblem::warning);
}

LabelFile parse_labels(std::string_view text, std::string name, LabelLimits const& limits) {
    constexpr std::size_t sized = UINT8_MAX;
    CHECK(limits.label_bytes_max <= sized && limits.kind_bytes_max <= sized);
    CHECK(limits.source_bytes_max <= sized && limits.file_bytes_max <= UINT32_MAX);
    LabelFile file;
    file.name = std::move(name);
    if (text.size() > limits.file_bytes_max) {
        file.problems.push_back({0, 0,
                                 fmt::format("the file has {} bytes, at most {} are read",
                                             text.size(), limits.file_bytes_max)});
        return file;
    }
    Parser(text, file, limits).parse();
    return file;
}

std::string to_text(std::string_view file, LabelProblem const& problem) {
    if (problem.line == 0) return fmt::format("{}: {}", file, problem.text);
    return fmt::format("{}:{}:{}: {}", file, problem.line, problem.column, problem.text);
}

} // namespace stages
