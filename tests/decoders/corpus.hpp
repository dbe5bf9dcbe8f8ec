// The recorded real data these tests read: $SPYHOP_CORPUS, or ../shared/corpus beside the project.
// Without it the tests that need it are skipped, loudly.
#pragma once

#include "decoders/runtime.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <simdjson.h>

namespace tests {

std::filesystem::path corpus_dir();
bool corpus_present(); // says so on stderr if it is not

#define NEEDS_CORPUS()                                                                             \
    if (!tests::corpus_present()) GTEST_SKIP() << "corpus not found; set SPYHOP_CORPUS"

std::string
read_file(std::filesystem::path const& path); // .gz is unpacked; fails the test if missing
std::vector<std::filesystem::path> files_in(std::string const& folder, std::string const& suffix);
std::vector<std::uint8_t> from_hex(std::string_view text);
std::string minified(std::string_view json); // blanks outside strings removed

// Compiled runtimes by the corpus' name for them, "metadata/x.scale"; kept for the whole run.
decoders::Runtime const& runtime_of(std::string const& metadata);

// One value of System.Events with its truth.
struct Block {
    std::string name;
    decoders::Runtime const* runtime;
    std::vector<std::uint8_t> value;
    simdjson::dom::element truth; // eventsHex, expected, transfers
};
// Every block of events/, and every batch of generated/.
void each_block(std::function<void(Block const&)> const& visit);
void each_generated(std::function<void(Block const&)> const& visit);

// What interface.md section 6 wants as the line of one event of the truth.
std::string expected_line(simdjson::dom::element event);

} // namespace tests
