// Brings a stream of lines (the ndjson file) to where the journal is, at start: a line torn by the
// crash is cut off, and the rows it lacks are found. Together with the journal's commit before any
// line is written this gives each alert state exactly once, wherever the process was killed:
//
//    commit ───▶ write ───▶ ...          the last whole line of the file is the last row it has;
//          kill       kill (torn)        the rows behind it are written again
//
// Where the file itself does not tell (missing, rotated, or somebody else wrote to it) the mark
// counts, that the journal keeps for each sink (Journal::mark_delivered): nothing up to it is
// written again. Reads a bounded piece from the file's end. One thread, at start, before the sink
// writes; errors are sentences.
#pragma once

#include "io/error.hpp"
#include "stages/journal.hpp"

namespace stages {

// The file behind a sink. Implemented over a real one by the composition root.
class StreamFile {
  public:
    virtual ~StreamFile() = default;
    virtual std::expected<std::uint64_t, io::Error> size() = 0; // 0: also when there is no file
    // Bytes from `offset` on; fewer than asked for only at the end.
    virtual std::expected<std::size_t, io::Error> read(std::uint64_t offset,
                                                       pipeline::MutableBytes out) = 0;
    virtual std::expected<void, io::Error> cut(std::uint64_t size) = 0;
};

// The end of a file, taken apart. Views into the bytes that were given.
struct StreamTail {
    std::vector<std::string_view> lines; // whole ones, without their newline, in order
    std::string_view torn;               // behind the last newline
};

// `from_start`: the piece is the whole file; otherwise what stands before its first newline is the
// end of a line that is not all there, and left out.
StreamTail take_apart(std::string_view piece, bool from_start);

struct StreamStart {
    enum class Found {
        nothing, // no file, or an empty one
        ours,    // its last line is a row of the journal
        foreign, // its last line is not
    };
    Found found = Found::nothing;
    std::int64_t after = 0;     // rows behind this one are to be written
    std::uint64_t cut = 0;      // bytes of a torn line that were taken away
    bool newline_first = false; // the file ends inside a line that is not ours: leave it whole
    bool fresh = false;         // neither mark nor line: begins with what comes from here on
};

inline constexpr std::size_t stream_tail_bytes = 8 * Journal::line_bytes_max;

// Cuts the file if need be, and sets the sink's mark to `after`.
[[nodiscard]] std::expected<StreamStart, std::string> reconcile(StreamFile& file, Journal& journal,
                                                                std::string_view sink);

// One sentence for the log: what was found, what is done.
std::string describe(StreamStart const& start, std::string_view sink);

// Gives the rows behind `after` to `write`, a whole line at a time with its newline, and moves
// `after` along, until write() says false (no room now). True when none is left.
[[nodiscard]] std::expected<bool, std::string>
write_missing(Journal& journal, std::int64_t& after,
              std::function<bool(std::string_view line)> const& write);

} // namespace stages
