// The ledger of covered blocks as people and programs see it (spyhop coverage): ranges, holes, what
// is being done about them. Read from the journal's file, beside the service that writes it.
//
// Any thread; read_ledgers() blocks on the disk. The error is a sentence.
#pragma once

#include "stages/journal.hpp"
#include "stages/notes.hpp"

namespace stages {

struct LedgerView {
    std::string name;
    Hash genesis{}; // all zero: nothing is known of the chain yet
    std::optional<BlockPoint> cursor{};
    std::vector<CoveredRange> ranges{};
    std::vector<Hole> holes{};
    std::vector<std::uint32_t> incomplete{}; // blocks some events of which could not be read
};

[[nodiscard]] std::expected<std::vector<LedgerView>, std::string>
read_ledgers(std::string const& path);

// Says of holes that wait to be read how far their filling has come.
void describe_filling(LedgerView& ledger, HistoryNote const& note);

// "3,120 blocks left, 2,400 a second, 1 s to go"
std::string progress_text(HistoryNote const& note);

std::string coverage_table(std::vector<LedgerView> const& ledgers);
// interface.md section 9: the array behind "chains".
std::string coverage_json(std::vector<LedgerView> const& ledgers);

} // namespace stages
