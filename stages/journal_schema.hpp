// The tables of alerts.db, for whoever opens it: the journal, the audit trail, a reader. Names and
// meanings of `alerts` are public (users query them); the others may change with a version.
//
// A change is a further step at the end of journal_steps; steps that are out are never edited.
#pragma once

#include "io/database.hpp"

#include <array>

namespace stages {

inline constexpr std::string_view journal_version_1 = R"(
CREATE TABLE alerts(
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,                 -- 32 hex digits
    state TEXT NOT NULL,              -- seen | final | retracted: a further row for each
    chain TEXT NOT NULL,
    block INTEGER NOT NULL,
    block_hash TEXT,                  -- NULL: not known
    rule TEXT NOT NULL,
    severity TEXT NOT NULL,
    path TEXT NOT NULL,               -- hybrid | legacy
    epoch INTEGER NOT NULL,
    emitted_unix_ms INTEGER NOT NULL,
    open INTEGER NOT NULL,            -- 1: seen, and no further state of it was reached
    line TEXT NOT NULL                -- as emitted, without the newline
);
CREATE INDEX alerts_by_id ON alerts(id);
CREATE INDEX alerts_by_block ON alerts(chain, block);
CREATE INDEX alerts_open ON alerts(chain, block) WHERE open = 1;

CREATE TABLE cursors(
    genesis TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    start INTEGER,                    -- first block that is wanted, NULL: the first one covered
    number INTEGER, hash TEXT         -- newest finalized block that has passed, NULL: none yet
) WITHOUT ROWID;

CREATE TABLE coverage(
    genesis TEXT NOT NULL, from_number INTEGER NOT NULL, from_parent TEXT NOT NULL,
    to_number INTEGER NOT NULL, to_hash TEXT NOT NULL,
    blocks INTEGER NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY(genesis, from_number)
) WITHOUT ROWID;

CREATE TABLE holes(
    genesis TEXT NOT NULL, place INTEGER NOT NULL, from_number INTEGER NOT NULL,
    to_number INTEGER NOT NULL, reason TEXT NOT NULL, action TEXT NOT NULL,
    PRIMARY KEY(genesis, place)
) WITHOUT ROWID;

CREATE TABLE incomplete(
    genesis TEXT NOT NULL, number INTEGER NOT NULL, hash TEXT NOT NULL,
    spec_version INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY(genesis, number, hash)
) WITHOUT ROWID;

CREATE TABLE deliveries(sink TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE audit(
    seq INTEGER PRIMARY KEY,
    time_ms INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
    "from" TEXT NOT NULL, "to" TEXT NOT NULL, reason TEXT NOT NULL, epoch INTEGER NOT NULL,
    hash TEXT NOT NULL                -- over the row before and this one
);
)";

// What is learned of an alert after it was told: a further line in the same state, with a number of
// its own among all lines. `lines` is everything that was said, in the order of `seq`.
inline constexpr std::string_view journal_version_2 = R"(
ALTER TABLE cursors ADD COLUMN legacy INTEGER; -- up to here the legacy path has told everything

CREATE TABLE amendments(
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL, state TEXT NOT NULL, chain TEXT NOT NULL, block INTEGER NOT NULL,
    block_hash TEXT, rule TEXT NOT NULL, severity TEXT NOT NULL, path TEXT NOT NULL,
    epoch INTEGER NOT NULL, emitted_unix_ms INTEGER NOT NULL, line TEXT NOT NULL
);
CREATE INDEX amendments_by_id ON amendments(id);

CREATE VIEW lines AS
SELECT seq, id, state, chain, block, block_hash, rule, severity, path, epoch, emitted_unix_ms, line
FROM alerts
UNION ALL
SELECT seq, id, state, chain, block, block_hash, rule, severity, path, epoch, emitted_unix_ms, line
FROM amendments;
)";

inline constexpr std::array journal_steps{journal_version_1, journal_version_2};
inline constexpr io::Schema journal_schema{0x73707968, journal_steps}; // "spyh"

} // namespace stages
