// The journal's way to disk and back: what stands in memory, as rows.
#include "stages/journal_impl.hpp"

#include <algorithm>

namespace stages {

namespace {

constexpr std::string_view alert_columns = "seq, id, state, chain, block, block_hash, rule, "
                                           "severity, path, epoch, emitted_unix_ms, line";

std::string_view path_text(Path path) { return path == Path::hybrid ? "hybrid" : "legacy"; }

// The value of an enum with this name, looked up among its first `count`.
template <class Enum>
std::optional<Enum> from_text(std::string_view text, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        if (to_text(static_cast<Enum>(i)) == text) return static_cast<Enum>(i);
    return std::nullopt;
}
constexpr std::size_t states = 3;
constexpr std::size_t genesis_digits = 2 + 64; // of a chain's key, which may go on with its name

std::uint32_t block_number(io::Statement const& row, int column) {
    return static_cast<std::uint32_t>(row.integer(column));
}

// The present row of a statement that selects alert_columns.
std::optional<JournaledRow> read_row(io::Statement const& from) {
    JournaledRow out;
    AlertRow& row = out.row;
    auto const state = from_text<AlertState>(from.text(2), states);
    auto const severity = from_text<Severity>(from.text(7), severities);
    bool const hash_known = !from.is_null(5);
    if (!state || !severity || !read_hex(from.text(1), row.id)) return std::nullopt;
    if (hash_known && !read_hex(from.text(5), row.block_hash)) return std::nullopt;
    out.seq = from.integer(0);
    row.state = *state;
    row.chain = from.text(3);
    row.block = block_number(from, 4);
    row.rule = from.text(6);
    row.severity = *severity;
    row.path = from.text(8) == path_text(Path::hybrid) ? Path::hybrid : Path::legacy;
    row.epoch = static_cast<std::uint32_t>(from.integer(9));
    row.emitted_unix_ms = static_cast<std::uint64_t>(from.integer(10));
    row.line = from.text(11);
    return out;
}

} // namespace

Journal::Result<void> Journal::Statements::prepare(io::Database& database) {
    std::string const columns(alert_columns);
    std::string const select = "SELECT " + columns + " FROM lines ";
    // Of an open alert the newest line counts, which may be an amendment.
    std::string const select_open =
        "SELECT " + columns.substr(0, columns.rfind("line")) +
        "ifnull((SELECT a.line FROM amendments a WHERE a.id = alerts.id AND a.chain = alerts.chain "
        "AND a.seq > alerts.seq ORDER BY a.seq DESC LIMIT 1), line) FROM alerts ";
    std::string const insert_columns =
        "(seq, id, state, chain, block, block_hash, rule, severity, path, epoch, emitted_unix_ms, "
        "line";
    std::pair<io::Statement*, std::string> const all[] = {
        {&last_state,
         "SELECT seq, state FROM alerts WHERE id = ?1 AND chain = ?2 ORDER BY seq DESC LIMIT 1"},
        {&close_alert, "UPDATE alerts SET open = 0 WHERE seq = ?1"},
        {&insert_alert,
         "INSERT INTO alerts" + insert_columns +
             ", open) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"},
        {&insert_amendment, "INSERT INTO amendments" + insert_columns +
                                ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"},
        {&sequence, "SELECT ifnull(max(seq), 0) FROM sqlite_sequence "
                    "WHERE name IN ('alerts', 'amendments')"},
        {&open_alerts, select_open + "WHERE chain = ?1 AND open = 1 ORDER BY block, seq"},
        {&open_alerts_at,
         select_open + "WHERE chain = ?1 AND block = ?2 AND open = 1 ORDER BY seq"},
        {&rows_after, select + "WHERE seq > ?1 ORDER BY seq"},
        {&rows_up_to, select + "WHERE seq <= ?1 ORDER BY seq DESC"},
        {&rows_of, select + "WHERE id = ?1 ORDER BY seq DESC"},
        {&last_seq, "SELECT seq FROM lines ORDER BY seq DESC LIMIT 1"},
        {&last_seq_of,
         "SELECT seq FROM alerts WHERE id = ?1 AND state = ?2 ORDER BY seq DESC LIMIT 1"},
        {&load_chains, "SELECT genesis, name, start, number, hash, legacy FROM cursors LIMIT ?1"},
        {&save_chain, "INSERT OR REPLACE INTO cursors(genesis, name, start, number, hash, "
                      "legacy) VALUES(?1, ?2, ?3, ?4, ?5, ?6)"},
        {&load_ranges, "SELECT from_number, from_parent, to_number, to_hash, blocks, digest "
                       "FROM coverage WHERE genesis = ?1 ORDER BY from_number LIMIT ?2"},
        {&delete_range, "DELETE FROM coverage WHERE genesis = ?1 AND from_number = ?2"},
        {&save_range,
         "INSERT OR REPLACE INTO coverage(genesis, from_number, from_parent, to_number, to_hash, "
         "blocks, digest) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
        {&load_notes, "SELECT from_number, to_number, reason, action FROM holes "
                      "WHERE genesis = ?1 ORDER BY place LIMIT ?2"},
        {&delete_notes, "DELETE FROM holes WHERE genesis = ?1"},
        {&save_note, "INSERT INTO holes(genesis, place, from_number, to_number, reason, action) "
                     "VALUES(?1, ?2, ?3, ?4, ?5, ?6)"},
        {&load_incomplete, "SELECT number, hash, spec_version, reason FROM incomplete "
                           "WHERE genesis = ?1 ORDER BY number"},
        {&delete_incomplete,
         "DELETE FROM incomplete WHERE genesis = ?1 AND number = ?2 AND hash = ?3"},
        {&save_incomplete,
         "INSERT OR REPLACE INTO incomplete(genesis, number, hash, spec_version, reason) "
         "VALUES(?1, ?2, ?3, ?4, ?5)"},
        {&load_marks, "SELECT sink, seq FROM deliveries LIMIT ?1"},
        {&save_mark, "INSERT OR REPLACE INTO deliveries(sink, seq) VALUES(?1, ?2)"},
    };
    for (auto const& [statement, sql] : all) {
        auto prepared = database.prepare(sql);
        if (!prepared) return std::unexpected(prepared.error());
        *statement = std::move(*prepared);
    }
    return {};
}

Journal::Error Journal::damaged(std::string_view what) const {
    return {io::DatabaseCode::corrupt, 0, 0,
            database_->path() + " (table " + std::string(what) + ")"};
}

namespace {

// The number in the only row of a statement; 0 when there is none.
Journal::Result<std::int64_t> only_number(io::Statement& statement) {
    auto const row = statement.step();
    if (!row) return std::unexpected(row.error());
    std::int64_t const number = *row ? statement.integer(0) : 0;
    statement.reset();
    return number;
}

} // namespace

// ---- from disk ----------------------------------------------------------------------------------

Journal::Result<void> Journal::load() {
    auto& chains = statements_->load_chains.bind(1, chains_max);
    for (;;) {
        auto const row = chains.step();
        if (!row) return std::unexpected(row.error());
        if (!*row) break;
        auto chain = std::make_unique<Chain>();
        chain->name = chains.text(1);
        if (!chains.is_null(2)) chain->start = block_number(chains, 2);
        if (!chains.is_null(3)) chain->cursor = BlockPoint{block_number(chains, 3), {}};
        if (!chains.is_null(5)) chain->legacy = block_number(chains, 5);
        chain->key = chains.text(0);
        bool const good = read_hex(chains.text(0).substr(0, genesis_digits), chain->genesis) &&
                          (!chain->cursor || read_hex(chains.text(4), chain->cursor->hash));
        if (!good) {
            chains.reset();
            return std::unexpected(damaged("cursors"));
        }
        chains_.push_back(std::move(chain));
    }
    for (auto const& chain : chains_) {
        if (auto done = load_ranges(*chain); !done) return done;
        if (auto done = load_notes(*chain); !done) return done;
    }
    auto const sequence = only_number(statements_->sequence);
    if (!sequence) return std::unexpected(sequence.error());
    last_seq_ = *sequence;
    auto& marks = statements_->load_marks.bind(1, sinks_max);
    for (;;) {
        auto const row = marks.step();
        if (!row) return std::unexpected(row.error());
        if (!*row) return {};
        marks_.push_back({std::string(marks.text(0)), marks.integer(1), false});
    }
}

Journal::Result<void> Journal::load_ranges(Chain& chain) {
    auto& from = statements_->load_ranges.bind(1, chain.key).bind(2, Coverage::ranges_max);
    std::int64_t above = -1;
    for (;;) {
        auto const row = from.step();
        if (!row) return std::unexpected(row.error());
        if (!*row) return {};
        CoveredRange range;
        range.from = block_number(from, 0);
        range.to = block_number(from, 2);
        range.blocks = static_cast<std::uint64_t>(from.integer(4));
        bool const good = above < from.integer(0) && range.from <= range.to &&
                          read_hex(from.text(1), range.from_parent) &&
                          read_hex(from.text(3), range.to_hash) &&
                          read_hex(from.text(5), range.digest);
        if (!good) {
            from.reset();
            return std::unexpected(damaged("coverage"));
        }
        above = range.to;
        chain.coverage.restore(range);
    }
}

Journal::Result<void> Journal::load_notes(Chain& chain) {
    auto& from = statements_->load_notes.bind(1, chain.key).bind(2, Coverage::notes_max);
    for (;;) {
        auto const row = from.step();
        if (!row) return std::unexpected(row.error());
        if (!*row) return {};
        chain.coverage.restore(Hole{block_number(from, 0), block_number(from, 1),
                                    std::string(from.text(2)), std::string(from.text(3))});
    }
}

Journal::Result<void> Journal::each_row(io::Statement& statement, RowVisitor const& visit) {
    for (;;) {
        auto const row = statement.step();
        if (!row) return std::unexpected(row.error());
        if (!*row) return {};
        auto const read = read_row(statement);
        if (read && visit(*read)) continue;
        statement.reset();
        if (!read) return std::unexpected(damaged("alerts"));
        return {};
    }
}

Journal::Result<void> Journal::open_alerts(std::string_view chain, RowVisitor const& visit) {
    return each_row(statements_->open_alerts.bind(1, chain), visit);
}

Journal::Result<void> Journal::open_alerts_at(std::string_view chain, std::uint32_t block,
                                              RowVisitor const& visit) {
    return each_row(statements_->open_alerts_at.bind(1, chain).bind(2, block), visit);
}

Journal::Result<void> Journal::rows_after(std::int64_t seq, RowVisitor const& visit) {
    return each_row(statements_->rows_after.bind(1, seq), visit);
}

Journal::Result<void> Journal::rows_up_to(std::int64_t seq, RowVisitor const& visit) {
    return each_row(statements_->rows_up_to.bind(1, seq), visit);
}

Journal::Result<void> Journal::rows_of(AlertId const& id, RowVisitor const& visit) {
    HexText const text(id);
    return each_row(statements_->rows_of.bind(1, text.digits()), visit);
}

Journal::Result<std::int64_t> Journal::last_seq() { return only_number(statements_->last_seq); }

Journal::Result<std::int64_t> Journal::last_seq_of(AlertId const& id, AlertState state) {
    HexText const text(id);
    return only_number(statements_->last_seq_of.bind(1, text.digits()).bind(2, to_text(state)));
}

Journal::Result<void>
Journal::incomplete(ChainKey chain, std::function<bool(IncompleteBlock const&)> const& visit) {
    auto& from = statements_->load_incomplete.bind(1, chains_[chain]->key);
    for (;;) {
        auto const row = from.step();
        if (!row) return std::unexpected(row.error());
        if (!*row) return {};
        IncompleteBlock block{block_number(from, 0), block_number(from, 2), {}, from.text(3)};
        bool const good = read_hex(from.text(1), block.hash);
        if (good && visit(block)) continue;
        from.reset();
        if (!good) return std::unexpected(damaged("incomplete"));
        return {};
    }
}

// ---- to disk ------------------------------------------------------------------------------------

Journal::Result<void> Journal::write_turn() {
    turn_.seqs.clear(); // an earlier attempt may have failed half-way
    turn_seq_ = last_seq_;
    for (AlertRow const& row : turn_.rows) {
        auto const seq = write_row(row);
        if (!seq) return std::unexpected(seq.error());
        turn_.seqs.push_back(*seq);
    }
    for (auto const& chain : chains_)
        if (auto done = write_chain(*chain); !done) return done;
    return write_marks();
}

Journal::Result<std::int64_t> Journal::write_row(AlertRow const& row) {
    HexText const id(row.id);
    auto& last = statements_->last_state.bind(1, id.digits()).bind(2, row.chain);
    auto const known = last.step();
    if (!known) return std::unexpected(known.error());
    std::optional<AlertState> before;
    std::int64_t before_seq = 0;
    if (*known) {
        before_seq = last.integer(0);
        before = from_text<AlertState>(last.text(1), states);
        last.reset();
        if (!before) return std::unexpected(damaged("alerts"));
    }
    if (row.amendment) {
        if (before != row.state) return 0; // it has moved on
        auto done = insert(statements_->insert_amendment, row, ++turn_seq_);
        if (!done) return std::unexpected(done.error());
        return turn_seq_;
    }
    if (!may_follow(before, row.state)) return 0;
    if (before == AlertState::seen)
        if (auto done = statements_->close_alert.bind(1, before_seq).run(); !done)
            return std::unexpected(done.error());
    auto& statement = statements_->insert_alert.bind(13, row.state == AlertState::seen);
    if (auto done = insert(statement, row, ++turn_seq_); !done)
        return std::unexpected(done.error());
    return turn_seq_;
}

Journal::Result<void> Journal::insert(io::Statement& statement, AlertRow const& row,
                                      std::int64_t seq) {
    HexText const id(row.id);
    HexText const block_hash(row.block_hash);
    statement.bind(1, seq).bind(2, id.digits()).bind(3, to_text(row.state)).bind(4, row.chain);
    statement.bind(5, row.block);
    if (row.block_hash == Hash{})
        statement.bind_null(6);
    else
        statement.bind(6, block_hash.view());
    statement.bind(7, row.rule).bind(8, to_text(row.severity)).bind(9, path_text(row.path));
    statement.bind(10, row.epoch).bind(11, static_cast<std::int64_t>(row.emitted_unix_ms));
    return statement.bind(12, row.line).run();
}

Journal::Result<void> Journal::write_chain(Chain& chain) {
    if (chain.changed) {
        HexText const hash(chain.cursor ? chain.cursor->hash : Hash{});
        auto& save = statements_->save_chain.bind(1, chain.key).bind(2, chain.name);
        if (chain.start) save.bind(3, *chain.start);
        if (chain.cursor) save.bind(4, chain.cursor->number).bind(5, hash.view());
        if (chain.legacy) save.bind(6, *chain.legacy);
        if (auto done = save.run(); !done) return done;
    }
    if (chain.coverage.changed()) {
        if (auto done = write_ranges(chain); !done) return done;
        if (auto done = write_notes(chain); !done) return done;
    }
    return write_incomplete(chain);
}

Journal::Result<void> Journal::write_ranges(Chain const& chain) {
    for (std::uint32_t const from : chain.coverage.removed()) {
        auto done = statements_->delete_range.bind(1, chain.key).bind(2, from).run();
        if (!done) return done;
    }
    for (CoveredRange const& range : chain.coverage.ranges()) {
        if (!range.changed) continue;
        HexText const parent(range.from_parent);
        HexText const hash(range.to_hash);
        HexText const digest(range.digest);
        auto& save = statements_->save_range.bind(1, chain.key).bind(2, range.from);
        save.bind(3, parent.view()).bind(4, range.to).bind(5, hash.view());
        save.bind(6, static_cast<std::int64_t>(range.blocks)).bind(7, digest.view());
        if (auto done = save.run(); !done) return done;
    }
    return {};
}

Journal::Result<void> Journal::write_notes(Chain const& chain) {
    if (!chain.coverage.notes_changed()) return {};
    if (auto done = statements_->delete_notes.bind(1, chain.key).run(); !done) return done;
    std::int64_t place = 0;
    for (Hole const& note : chain.coverage.notes()) {
        auto& save = statements_->save_note.bind(1, chain.key).bind(2, place++);
        save.bind(3, note.from).bind(4, note.to).bind(5, note.reason).bind(6, note.action);
        if (auto done = save.run(); !done) return done;
    }
    return {};
}

Journal::Result<void> Journal::write_incomplete(Chain const& chain) {
    if (chain.incomplete.empty() && chain.completed.empty()) return {};
    for (BlockDone const& block : chain.incomplete) {
        HexText const hash(block.hash);
        auto& save = statements_->save_incomplete.bind(1, chain.key).bind(2, block.number);
        save.bind(3, hash.view()).bind(4, block.spec_version).bind(5, block.incomplete.view());
        if (auto done = save.run(); !done) return done;
    }
    for (BlockPoint const& block : chain.completed) {
        HexText const hash(block.hash);
        auto& remove = statements_->delete_incomplete.bind(1, chain.key);
        if (auto done = remove.bind(2, block.number).bind(3, hash.view()).run(); !done) return done;
    }
    return {};
}

Journal::Result<void> Journal::write_marks() {
    for (Mark const& mark : marks_) {
        if (!mark.changed) continue;
        if (auto done = statements_->save_mark.bind(1, mark.sink).bind(2, mark.seq).run(); !done)
            return done;
    }
    return {};
}

} // namespace stages
