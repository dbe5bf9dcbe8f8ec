// What the service has said and what it has read, on disk before anybody is told: alerts, cursors,
// coverage, blocks to read again, and how far each sink has come.
//
//    append(), block_done(), block_final() ... ──▶ commit() ──▶ said() ──▶ sinks
//          a turn, in memory                     one fsync     its new rows
//
// Nothing touches the disk before commit(), which writes the whole turn in one transaction. When it
// fails the turn is still there: call it again later, and take no input while room() is false, as
// it is until a commit succeeds. A turn cannot be taken back. What was not committed is read from
// the chain again after a restart, because the cursor has not moved past it.
//
// Exactly once: commit() compares each row with the last state its alert has reached, and leaves
// out what has been said already. So after a restart blocks are simply told again; only said()
// speaks. The states an alert may go through:
//
//    (new) ──▶ seen ──▶ final        (new) ──▶ final        seen ──▶ retracted ──▶ seen | final
//
// An amendment is a further line of the state its alert is in (what was learned later); it changes
// no state, and is left out if the alert has moved on.
//
// A block is covered, and the cursor moves to it, when it was done (its events have passed) and is
// final. Append what finality changes before calling block_final(): then no alert at or below the
// cursor can still be open, except those of abandoned siblings. What open_alerts() yields at or
// below the cursor at start was abandoned, and has to be retracted.
//
// One thread; blocks on the disk. Memory: two turns, and per chain the blocks that wait for
// finality (told_max) and the covered ranges. Fails with io::DatabaseError, in commit() and reads.
#pragma once

#include "io/database.hpp"
#include "stages/journal_coverage.hpp"
#include "stages/lifecycle.hpp"
#include "stages/rules.hpp"

#include <functional>

namespace stages {

using pipeline::Nanoseconds;
using AlertId = std::array<std::uint8_t, 16>;
using ChainKey = std::size_t; // what enter() gave

// A state that an alert has reached. Text is copied by append(), and lives for the call in reads.
struct AlertRow {
    AlertId id{};
    AlertState state{};
    Severity severity{};
    Path path{};
    std::uint32_t epoch = 0;
    std::uint32_t block = 0;
    Hash block_hash{}; // all zero: not known
    std::string_view chain{};
    std::string_view rule{};
    std::uint64_t emitted_unix_ms = 0;
    std::string_view line{}; // without the newline
    bool amendment = false;
};

struct JournaledRow {
    std::int64_t seq = 0;
    AlertRow row;
};

// Of the last committed turn; `line` ends with a newline and lives until the next commit().
struct SaidLine {
    std::int64_t seq = 0;
    std::string_view line;
};

// The events of a block have passed. The reason says why some could not be read; empty: all were.
struct BlockDone {
    std::uint32_t number = 0;
    std::uint32_t spec_version = 0;
    Hash hash{};
    Checksum events{}; // of the System.Events value
    FixedText<128> incomplete{};
};

struct BlockPoint {
    std::uint32_t number = 0;
    Hash hash{};
};

// A finalized block some events of which could not be read.
struct IncompleteBlock {
    std::uint32_t number = 0;
    std::uint32_t spec_version = 0;
    Hash hash{};
    std::string_view reason;
};

struct JournalOptions {
    io::DatabaseOptions database{};
    std::size_t turn_bytes_max = 1'048'576;
    std::size_t turn_rows_max = 4'096;
    std::size_t told_max = 8'192; // blocks of a chain that wait for finality
};

class Journal {
  public:
    using Error = io::DatabaseError;
    template <class T>
    using Result = std::expected<T, Error>;
    using RowVisitor = std::function<bool(JournaledRow const&)>; // false: enough

    static constexpr std::size_t line_bytes_max = 16 * std::size_t{1'024};
    static constexpr std::size_t name_bytes_max = 256; // of a chain, a rule, a sink
    static constexpr std::size_t chains_max = 1'024;
    static constexpr std::size_t sinks_max = 64;

    [[nodiscard]] static Result<std::unique_ptr<Journal>> open(std::string const& path,
                                                               JournalOptions const& options = {});
    ~Journal();
    Journal(Journal const&) = delete;
    Journal& operator=(Journal const&) = delete;

    // Brings what was committed from the write-ahead log to the file, and waits for the disk: not
    // while an alert waits. Pages that are due for it.
    std::size_t pages_to_checkpoint() const;
    [[nodiscard]] Result<void> checkpoint();

    // ---- chains
    // Known by its genesis, whatever its name was; one that is entered twice under two names has a
    // ledger for each. `start`: the first block that is wanted, remembered from the first time on.
    ChainKey enter(Hash const& genesis, std::string_view name,
                   std::optional<std::uint32_t> start = std::nullopt);
    // Every chain that was ever entered: its key and its name.
    std::vector<std::pair<ChainKey, std::string>> chains() const;
    Hash const& genesis(ChainKey chain) const;
    // The genesis of the chain that had this name last.
    std::optional<Hash> genesis_of(std::string_view name) const;
    // The first block that is wanted; absent: the first one covered.
    std::optional<std::uint32_t> start(ChainKey chain) const;
    std::optional<std::uint32_t> start_of(std::string_view name) const;
    std::optional<BlockPoint> cursor(ChainKey chain) const;
    std::optional<BlockPoint> cursor_of(std::string_view name) const;
    // What is covered of the chain that had this name last.
    std::vector<CoveredRange> covered(std::string_view name) const;
    Coverage const& coverage(ChainKey chain) const;
    std::vector<Hole> holes(ChainKey chain) const;
    // Up to where the legacy path has told everything; the latter by the name a chain had last.
    std::optional<std::uint32_t> legacy_cursor(ChainKey chain) const;
    std::optional<std::uint32_t> legacy_cursor_of(std::string_view name) const;

    // ---- a turn
    bool room() const; // for one more row, whatever its size, or one more block
    std::size_t turn_bytes() const { return turn_.text.size(); } // never less than its lines have
    bool rows_pending() const { return !turn_.rows.empty(); }
    void append(AlertRow const& row);
    void block_done(ChainKey chain, BlockDone const& block);
    // Begins here, where no start and no block was known of the chain: a run that ends before its
    // first block is final owes that one, too.
    void want_from(ChainKey chain, std::uint32_t number);
    Covered block_final(ChainKey chain, std::uint32_t number, Hash const& hash, Hash const& parent);
    void block_abandoned(ChainKey chain, Hash const& hash);
    void explain_hole(ChainKey chain, std::uint32_t from, std::uint32_t to, std::string_view reason,
                      std::string_view action);
    // The legacy path has told everything up to here. Never moves back.
    void legacy_settled(ChainKey chain, std::uint32_t number);
    // An incomplete block was read again, and whole.
    void block_completed(ChainKey chain, std::uint32_t number, Hash const& hash);
    // Everything up to `seq` has been written by the sink. Costs no commit of its own: it goes to
    // disk with the next turn, or with commit(Marks::too).
    void mark_delivered(std::string_view sink, std::int64_t seq);

    enum class Marks { later, too };
    bool pending(Marks marks = Marks::later) const; // something commit() would write
    [[nodiscard]] Result<void> commit(Marks marks = Marks::later);
    std::span<SaidLine const> said() const { return said_lines_; }
    std::uint64_t silenced() const { return silenced_; } // rows left out, for they were said before

    // ---- reading what is on disk
    // Open alerts come with the newest line of theirs.
    Result<void> open_alerts(std::string_view chain, RowVisitor const& visit);
    Result<void> open_alerts_at(std::string_view chain, std::uint32_t block,
                                RowVisitor const& visit);
    Result<void> rows_after(std::int64_t seq, RowVisitor const& visit);    // ascending
    Result<void> rows_up_to(std::int64_t seq, RowVisitor const& visit);    // descending
    Result<void> rows_of(AlertId const& id, RowVisitor const& visit);      // newest first
    Result<std::int64_t> last_seq();                                       // 0: none
    Result<std::int64_t> last_seq_of(AlertId const& id, AlertState state); // 0: none
    std::optional<std::int64_t> delivered(std::string_view sink) const;    // nothing: a new sink
    Result<void> incomplete(ChainKey chain,
                            std::function<bool(IncompleteBlock const&)> const& visit);

  private:
    struct Statements;
    struct Chain;
    struct Turn {
        std::vector<char> text; // capacity is fixed, so views into it stay
        std::vector<AlertRow> rows;
        std::vector<std::int64_t> seqs; // 0: left out
        std::string_view keep(std::string_view from);
        void clear();
    };
    struct Mark {
        std::string sink;
        std::int64_t seq;
        bool changed;
    };

    Journal(std::unique_ptr<io::Database> database, JournalOptions const& options);
    Result<void> load();
    Result<void> load_ranges(Chain& chain);
    Result<void> load_notes(Chain& chain);
    Result<void> write_turn();
    Result<std::int64_t> write_row(AlertRow const& row);
    Result<void> insert(io::Statement& statement, AlertRow const& row, std::int64_t seq);
    Result<void> write_chain(Chain& chain);
    Result<void> write_ranges(Chain const& chain);
    Result<void> write_notes(Chain const& chain);
    Result<void> write_incomplete(Chain const& chain);
    Result<void> write_marks();
    void turn_is_safe();
    Result<void> each_row(io::Statement& statement, RowVisitor const& visit);
    Error damaged(std::string_view what) const;

    JournalOptions const options_;
    std::unique_ptr<io::Database> const database_;
    std::unique_ptr<Statements> const statements_;
    std::vector<std::unique_ptr<Chain>> chains_;
    std::vector<Mark> marks_;
    Turn turn_;
    Turn said_;
    std::vector<SaidLine> said_lines_;
    std::uint64_t silenced_ = 0;
    std::int64_t last_seq_ = 0; // that a commit has given to a line
    std::int64_t turn_seq_ = 0; // the same, of the turn that is being written
    std::size_t blocks_ = 0;    // of the turn, with something to write
    bool failing_ = false;      // the last commit() failed
};

// Whether an alert may go from one state to the next; nothing: it is new.
bool may_follow(std::optional<AlertState> before, AlertState after);

} // namespace stages
