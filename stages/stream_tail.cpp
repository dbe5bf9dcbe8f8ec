#include "stages/stream_tail.hpp"

#include "stages/journal_line.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

using Lines = std::span<std::string_view const>;

// How many of these lines, from the last backwards, are the rows up to `seq`, one by one.
Journal::Result<std::size_t> agreeing(Journal& journal, std::int64_t seq, Lines lines) {
    std::size_t same = 0;
    auto const done = journal.rows_up_to(seq, [&](JournaledRow const& row) {
        if (same == lines.size() || row.row.line != lines[lines.size() - 1 - same]) return false;
        ++same;
        return true;
    });
    if (!done) return std::unexpected(done.error());
    return same;
}

// The row that is the last of these lines; 0: none. An alert may come back to a state, and then
// say the very same words: what stands before the line tells which row it is. Where even that is
// the same, the first row that the mark does not cover is taken: it may be said twice, never lost.
Journal::Result<std::int64_t> row_of_last(Journal& journal, Lines lines, std::int64_t mark) {
    auto const head = read_line_head(lines.back());
    if (!head) return 0;
    std::vector<std::int64_t> candidates; // newest first
    auto const done = journal.rows_of(head->id, [&](JournaledRow const& row) {
        if (row.row.state == head->state && row.row.line == lines.back())
            candidates.push_back(row.seq);
        return true;
    });
    if (!done) return std::unexpected(done.error());
    if (candidates.size() <= 1) return candidates.empty() ? 0 : candidates.front();
    std::int64_t best = 0;
    std::size_t best_same = 0;
    for (std::int64_t const seq : candidates) {
        auto const same = agreeing(journal, seq, lines);
        if (!same) return std::unexpected(same.error());
        if (*same > best_same || (*same == best_same && seq >= mark)) {
            best = seq;
            best_same = *same;
        }
    }
    return best;
}

std::expected<std::string, io::Error> read_piece(StreamFile& file, std::uint64_t size) {
    std::size_t const bytes = std::min<std::uint64_t>(size, stream_tail_bytes);
    std::string piece(bytes, '\0');
    auto const read =
        file.read(size - bytes, {reinterpret_cast<std::uint8_t*>(piece.data()), bytes});
    if (!read) return std::unexpected(read.error());
    if (*read != bytes)
        return std::unexpected(io::Error{io::Code::file_failure, 0, "the file became shorter"});
    return piece;
}

// Where to go on after these lines.
Journal::Result<void> find_place(Journal& journal, std::string_view sink, Lines lines,
                                 StreamStart& start) {
    auto const mark = journal.delivered(sink);
    bool const last_is_ours = !start.newline_first && !lines.empty();
    std::int64_t found = 0;
    for (std::size_t count = lines.size(); count > 0 && found == 0; --count) {
        auto const row = row_of_last(journal, lines.first(count), mark.value_or(0));
        if (!row) return std::unexpected(row.error());
        found = *row;
        if (found != 0 && count == lines.size() && last_is_ours) {
            start.found = StreamStart::Found::ours;
            start.after = found;
            return {};
        }
    }
    if (!lines.empty() || start.newline_first) start.found = StreamStart::Found::foreign;
    // Both are proof that a row is there, so the later one counts.
    start.after = std::max(mark.value_or(0), found);
    if (mark || found != 0) return {};
    auto const last = journal.last_seq();
    if (!last) return std::unexpected(last.error());
    start.fresh = true;
    start.after = *last;
    return {};
}

} // namespace

StreamTail take_apart(std::string_view piece, bool from_start) {
    StreamTail tail;
    if (!from_start) {
        std::size_t const first = piece.find('\n');
        if (first == std::string_view::npos) return {{}, piece};
        piece.remove_prefix(first + 1);
    }
    for (;;) {
        std::size_t const end = piece.find('\n');
        if (end == std::string_view::npos) break;
        tail.lines.push_back(piece.substr(0, end));
        piece.remove_prefix(end + 1);
    }
    tail.torn = piece;
    return tail;
}

std::expected<StreamStart, std::string> reconcile(StreamFile& file, Journal& journal,
                                                  std::string_view sink) {
    auto size = file.size();
    if (!size) return std::unexpected(io::describe(size.error()));
    StreamStart start;
    std::string piece;
    StreamTail tail;
    for (;;) {
        auto read = read_piece(file, *size);
        if (!read) return std::unexpected(io::describe(read.error()));
        piece = std::move(*read);
        bool const from_start = piece.size() == *size;
        tail = take_apart(piece, from_start);
        if (tail.torn.empty()) break;
        start.newline_first = !may_be_torn_line(tail.torn);
        if (start.newline_first) break;
        start.cut += tail.torn.size();
        *size -= tail.torn.size();
        if (auto done = file.cut(*size); !done) return std::unexpected(io::describe(done.error()));
        if (from_start || !tail.lines.empty()) break;
        // Nothing but blank pages so far: what is before them counts.
    }
    if (auto done = find_place(journal, sink, tail.lines, start); !done)
        return std::unexpected(io::describe(done.error()));
    journal.mark_delivered(sink, start.after);
    return start;
}

std::string describe(StreamStart const& start, std::string_view sink) {
    std::string text = fmt::format("{}: ", sink);
    if (start.cut != 0) text += fmt::format("a torn line of {} bytes was cut off; ", start.cut);
    switch (start.found) {
    case StreamStart::Found::nothing: text += "it is empty"; break;
    case StreamStart::Found::ours: text += "its last line is known"; break;
    case StreamStart::Found::foreign: text += "its last line is not one of this journal"; break;
    }
    if (start.fresh) return text + ", alerts are written from here on";
    return text + fmt::format(", it goes on behind alert {} of the journal", start.after);
}

std::expected<bool, std::string>
write_missing(Journal& journal, std::int64_t& after,
              std::function<bool(std::string_view line)> const& write) {
    bool all = true;
    std::string line;
    auto const done = journal.rows_after(after, [&](JournaledRow const& row) {
        line.assign(row.row.line).push_back('\n');
        all = write(line);
        if (all) after = row.seq;
        return all;
    });
    if (!done) return std::unexpected(io::describe(done.error()));
    return all;
}

} // namespace stages
