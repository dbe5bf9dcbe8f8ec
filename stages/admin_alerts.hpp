// Alerts that were said, newest last, as people and programs ask for them (spyhop alerts). Read
// from the journal's file, beside the service that writes it.
//
// Any thread; read_alerts() blocks on the disk, for rows_max lines at the longest: control, which
// asks, has a rollback to answer in between. Errors are sentences.
#pragma once

#include "stages/journal.hpp"

#include <optional>

namespace stages {

struct AlertFilter {
    std::uint64_t since_unix_ms = 0; // emitted then or later
    std::int64_t after_seq = 0;      // lines behind this one
    Severity least = Severity::notable;
    std::optional<decoders::Account> account{}; // takes part in it
    std::size_t most = 100;                     // the newest of them
    std::size_t rows_max = 20'000;              // lines looked at, wanted or not
};

struct ListedAlert {
    std::int64_t seq = 0;
    std::uint64_t emitted_unix_ms = 0;
    std::string line{}; // as it was said, without the newline
};

struct AlertList {
    std::vector<ListedAlert> alerts{};
    std::int64_t last_seq = 0; // of every line looked at, wanted or not; goes into after_seq
    bool cut = false;          // older lines were not looked at: rows_max
};

[[nodiscard]] std::expected<AlertList, std::string> read_alerts(std::string const& path,
                                                                AlertFilter const& filter);

std::string alerts_table(AlertList const& list);
std::string alerts_json(AlertList const& list); // the array behind "alerts"

} // namespace stages
