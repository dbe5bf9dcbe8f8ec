// A journal in a directory of its own, blocks and rows by number, and what is on disk as words, for
// the tests of the journal. Everything dies with the fixture.
#pragma once

#include "decoders/hash.hpp"
#include "decoders/hex.hpp"
#include "stages/journal.hpp"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace stages::testing {

using Words = std::vector<std::string>;

inline Hash hash_of(std::uint32_t number, std::uint8_t fork = 0) {
    Hash hash{};
    hash.fill(fork);
    std::memcpy(hash.data(), &number, sizeof number);
    hash[31] = 0xb1; // never all zero
    return hash;
}

inline BlockDone block_of(std::uint32_t number, std::uint8_t fork = 0) {
    BlockDone block;
    block.number = number;
    block.hash = hash_of(number, fork);
    block.events = decoders::xxh3_128(block.hash);
    return block;
}

inline AlertId id_of(std::uint32_t number) {
    AlertId id{};
    std::memcpy(id.data(), &number, sizeof number);
    return id;
}

// The line of an alert as alert_line.cpp begins it.
inline std::string line_of(std::uint32_t id, AlertState state, std::uint64_t salt = 0) {
    std::string digits;
    decoders::hex_encode(id_of(id), digits);
    return fmt::format(R"({{"id":"{}","state":"{}","rule":"big","salt":{}}})", digits,
                       to_text(state), salt);
}

struct Directory {
    std::string path;
    Directory() {
        std::string name = std::filesystem::temp_directory_path() / "spyhop-journal-XXXXXX";
        path = mkdtemp(name.data());
    }
    ~Directory() { std::filesystem::remove_all(path); }
    Directory(Directory const&) = delete;
    Directory& operator=(Directory const&) = delete;
    std::string operator/(std::string const& name) const { return path + "/" + name; }
};

inline std::unique_ptr<Journal> open_journal(std::string const& path,
                                             JournalOptions const& options = {}) {
    auto journal = Journal::open(path, options);
    EXPECT_TRUE(journal) << describe(journal.error());
    return journal ? std::move(*journal) : nullptr;
}

// Appends a row of chain "dot"; its line is line_of().
inline void append(Journal& journal, std::uint32_t id, AlertState state, std::uint32_t block = 1,
                   std::uint64_t salt = 0) {
    std::string const line = line_of(id, state, salt);
    AlertRow row;
    row.id = id_of(id);
    row.state = state;
    row.severity = Severity::important;
    row.path = Path::hybrid;
    row.epoch = 7;
    row.block = block;
    row.block_hash = hash_of(block);
    row.chain = "dot";
    row.rule = "big";
    row.emitted_unix_ms = 1'700'000'000'000;
    row.line = line;
    journal.append(row);
}

inline void commit(Journal& journal, Journal::Marks marks = Journal::Marks::later) {
    auto const done = journal.commit(marks);
    EXPECT_TRUE(done) << describe(done.error());
}

// "3 seen", in the order of the journal; the first byte of an id names it.
inline Words rows_of(Journal& journal, std::int64_t after = 0) {
    Words words;
    auto const done = journal.rows_after(after, [&](JournaledRow const& row) {
        words.push_back(fmt::format("{} {}", row.row.id[0], to_text(row.row.state)));
        return true;
    });
    EXPECT_TRUE(done) << describe(done.error());
    return words;
}

inline std::string said_text(Journal const& journal) {
    std::string text;
    for (SaidLine const& line : journal.said()) text += line.line;
    return text;
}

} // namespace stages::testing
