// Names of accounts that the user has given: [[watch]] rows and CSV files.
//
//   # exchanges of our own list
//   address,label,kind,source
//   15kUt2i86LHRWCkE3D9Bg1HZAoc2smhn1fwPzDERTb1BXAkX,Cold wallet,exchange,"our desk, 2025"
//
// The first line that is not a comment names the columns, in any order: address and label must be
// there, kind and source may. Fields as in RFC 4180 (quotes, doubled quotes inside of them), but
// without line breaks; blanks around a field do not count; empty lines and lines that begin with #
// are passed over. An address is SS58 of any network, its checksum verified, or a 0x key of 20 or
// 32 bytes: a label belongs to the key, on every chain.
//
// Problems are sentences with file, line and column (in characters); a row with one is left out,
// the others are used. Nothing is written anywhere. Pure: parsing and building allocate, find()
// does not. A LabelBook never changes after build(): any thread may read it.
#pragma once

#include "decoders/account.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stages {

struct LabelLimits {
    std::size_t label_bytes_max = 63;
    std::size_t kind_bytes_max = 23;
    std::size_t source_bytes_max = 127;
    std::size_t line_bytes_max = 4'096;
    std::size_t file_bytes_max = 64 << 20;
    std::size_t rows_max = 1'000'000; // of a file, and of a whole book
    std::size_t problems_max = 100;   // told one by one; the rest is a number
};

struct LabelProblem {
    std::uint32_t line = 0; // from 1; 0: the file as a whole
    std::uint32_t column = 0;
    std::string text;
    bool warning = false; // the row is used all the same
};

// Its texts lie in LabelFile::pool, one after the other from `at` on.
struct LabelRow {
    decoders::Account account;
    std::uint8_t label_size = 0, kind_size = 0, source_size = 0;
    std::uint32_t at = 0;
    std::uint32_t line = 0;
};

struct LabelFile {
    std::string name;
    std::vector<LabelRow> rows; // of an account that is there twice only the first
    std::string pool;
    std::vector<LabelProblem> problems;
    std::size_t problems_untold = 0;

    std::string_view label(LabelRow const& row) const;
    std::string_view kind(LabelRow const& row) const;
    std::string_view source(LabelRow const& row) const;
    bool faultless() const; // no problem that is more than a warning
};

LabelFile parse_labels(std::string_view text, std::string name, LabelLimits const& limits = {});

// "labels.csv:3:1: the checksum of the address is wrong"
std::string to_text(std::string_view file, LabelProblem const& problem);

// A [[watch]] row; an empty label is no label.
struct WatchLabel {
    decoders::Account account;
    std::string label; // at most 255 bytes
    std::string place; // "spyhop.toml:12:1", for messages
};

enum class LabelOrigin : std::uint8_t { watch, file };

struct Label {
    std::string_view label; // views of the book
    std::string_view kind;  // empty: none was given; always of a [[watch]] row
    std::string_view source;
    LabelOrigin origin{};
    std::string_view file; // empty: watch
};

class LabelBook {
  public:
    struct Built;

    // Watch rows win over files, an earlier file wins over a later one. Where a later row says
    // another label or kind of the same account, a warning names both places.
    static Built build(std::span<WatchLabel const> watches, std::span<LabelFile const> files,
                       LabelLimits const& limits = {});

    LabelBook() = default;

    std::optional<Label> find(decoders::Account const& account) const;
    std::size_t size() const { return size_; }
    std::size_t memory_bytes() const;
    // Calls `each(account, label)` for all of them, in no order that means anything.
    template <class Each>
    void each(Each const& each) const {
        for (std::size_t at = 0; at < table_.size(); ++at)
            if (tags_[at] != 0) each(table_[at].account, label_of(table_[at]));
    }

  private:
    struct alignas(64) Entry {
        decoders::Account account;
        std::uint8_t label_size = 0, kind_size = 0, source_size = 0;
        std::uint32_t at = 0; // in pool_
        std::uint32_t line = 0;
        std::uint32_t origin = 0; // 0: watch, `line` is the index of the row; else the file + 1
    };
    // Where the account is, or the free place where it would be; at least one is free.
    std::size_t place_of(decoders::Account const& account) const;
    Label label_of(Entry const& entry) const;
    void add(Entry entry, std::string_view label, std::string_view kind, std::string_view source);

    // Open addressing, at most six tenths full. The tags, a byte of the hash each and 0 where it
    // is free, are small enough to stay near the processor: of an account without a label, which
    // most are, nothing else is read.
    std::vector<std::uint8_t> tags_ = std::vector<std::uint8_t>(1);
    std::vector<Entry> table_ = std::vector<Entry>(1);
    std::size_t size_ = 0;
    std::string pool_; // label, kind and source of each entry
    std::vector<std::string> files_;
};

struct LabelBook::Built {
    LabelBook book;
    std::vector<std::string> warnings; // sentences with both places
    std::size_t warnings_untold = 0;
};

} // namespace stages
