// What several sources say about an account, and what LabelBook keeps of it.
#include "pipeline/check.hpp"
#include "stages/cache_record.hpp"
#include "stages/labels.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

// The user's own lists: nobody aims at this table, so it needs no seed.
std::uint64_t hash_of(decoders::Account const& account) {
    std::uint64_t w[4];
    std::memcpy(w, account.key, sizeof w);
    return fold(fold(w[0] ^ 0x243f6a8885a308d3, w[1] ^ account.size),
                fold(w[2] ^ 0x13198a2e03707345, w[3] ^ 0xa4093822299f31d1));
}

// The place goes by the high bits.
std::uint8_t tag_of(std::uint64_t hash) { return static_cast<std::uint8_t>(hash % 255 + 1); }

std::string quoted(std::string_view label, std::string_view kind) {
    return kind.empty() ? fmt::format("\"{}\"", label) : fmt::format("\"{}\" ({})", label, kind);
}

} // namespace

std::size_t LabelBook::place_of(decoders::Account const& account) const {
    std::uint64_t const hash = hash_of(account);
    std::uint8_t const tag = tag_of(hash);
    auto const scaled = static_cast<pipeline::u128>(hash) * table_.size();
    auto at = static_cast<std::size_t>(scaled >> 64);
    while (tags_[at] != 0 && (tags_[at] != tag || !(table_[at].account == account)))
        at = at + 1 == table_.size() ? 0 : at + 1;
    return at;
}

Label LabelBook::label_of(Entry const& entry) const {
    std::string_view const texts = std::string_view(pool_).substr(entry.at);
    std::size_t const kind_at = entry.label_size;
    std::size_t const source_at = kind_at + entry.kind_size;
    return {.label = texts.substr(0, entry.label_size),
            .kind = texts.substr(kind_at, entry.kind_size),
            .source = texts.substr(source_at, entry.source_size),
            .origin = entry.origin == 0 ? LabelOrigin::watch : LabelOrigin::file,
            .file = entry.origin == 0 ? std::string_view() : files_[entry.origin - 1]};
}

void LabelBook::add(Entry entry, std::string_view label, std::string_view kind,
                    std::string_view source) {
    entry.at = static_cast<std::uint32_t>(pool_.size());
    entry.label_size = static_cast<std::uint8_t>(label.size());
    entry.kind_size = static_cast<std::uint8_t>(kind.size());
    entry.source_size = static_cast<std::uint8_t>(source.size());
    pool_.append(label).append(kind).append(source);
    std::size_t const at = place_of(entry.account);
    table_[at] = entry;
    tags_[at] = tag_of(hash_of(entry.account));
    ++size_;
}

LabelBook::Built LabelBook::build(std::span<WatchLabel const> watches,
                                  std::span<LabelFile const> files, LabelLimits const& limits) {
    Built built;
    LabelBook& book = built.book;
    std::size_t wanted = watches.size(), bytes = 0;
    for (WatchLabel const& watch : watches) bytes += watch.label.size();
    for (LabelFile const& file : files) {
        wanted += file.rows.size();
        bytes += file.pool.size();
        book.files_.push_back(file.name);
    }
    wanted = std::min(wanted, limits.rows_max);
    book.table_.assign(wanted + wanted / 3 * 2 + 3, {});
    book.tags_.assign(book.table_.size(), 0);
    book.pool_.reserve(bytes);

    auto const warn = [&](std::string text) {
        if (built.warnings.size() < limits.problems_max)
            built.warnings.push_back(std::move(text));
        else
            ++built.warnings_untold;
    };
    auto const place_of = [&](Entry const& entry) {
        if (entry.origin == 0) return watches[entry.line].place;
        return fmt::format("{}:{}", book.files_[entry.origin - 1], entry.line);
    };
    auto const told = [&](Entry const& entry, std::string_view label, std::string_view kind,
                          std::string_view source) {
        std::size_t const at = book.place_of(entry.account);
        Entry const& first = book.table_[at];
        if (book.tags_[at] == 0) {
            if (book.size_ == wanted)
                return warn(fmt::format("{}: {} is left out; there are at most {} labels",
                                        place_of(entry), quoted(label, kind), limits.rows_max));
            return book.add(entry, label, kind, source);
        }
        Label const known = book.label_of(first);
        // A [[watch]] row says nothing about the kind.
        bool const kinds_differ = first.origin != 0 && known.kind != kind;
        if (known.label == label && !kinds_differ) return;
        warn(fmt::format("{}: {} contradicts {}, where the same account is {}; the earlier one "
                         "counts",
                         place_of(entry), quoted(label, kind), place_of(first),
                         quoted(known.label, known.kind)));
    };
    for (std::uint32_t i = 0; i < watches.size(); ++i) {
        CHECK(watches[i].label.size() <= UINT8_MAX);
        if (watches[i].label.empty()) continue;
        told({.account = watches[i].account, .line = i}, watches[i].label, {}, {});
    }
    for (std::uint32_t i = 0; i < files.size(); ++i)
        for (LabelRow const& row : files[i].rows)
            told({.account = row.account, .line = row.line, .origin = i + 1}, files[i].label(row),
                 files[i].kind(row), files[i].source(row));
    return built;
}

std::optional<Label> LabelBook::find(decoders::Account const& account) const {
    std::size_t const at = place_of(account);
    if (tags_[at] == 0) return std::nullopt;
    return label_of(table_[at]);
}

std::size_t LabelBook::memory_bytes() const {
    return table_.capacity() * sizeof(Entry) + tags_.capacity() + pool_.capacity();
}

} // namespace stages
