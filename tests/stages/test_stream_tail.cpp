// The end of the stream against the journal: every place where a kill may have left it.
#include "io/files.hpp"
#include "stages/journal_line.hpp"
#include "tests/stages/journal_fixture.hpp"
#include "tests/stages/stream_files.hpp"

namespace stages::testing {
namespace {

using Found = StreamStart::Found;
constexpr AlertState seen = AlertState::seen;
constexpr AlertState final = AlertState::final;
constexpr AlertState retracted = AlertState::retracted;

struct Stream {
    Directory directory;
    std::unique_ptr<Journal> journal =
        open_journal(directory / "alerts.db", {.database = {.durable = false}});
    std::vector<std::string> lines; // whole, of the journal's rows

    void say(std::uint32_t id, AlertState state, std::uint64_t salt = 0) {
        append(*journal, id, state, 1, salt);
        commit(*journal);
        lines.emplace_back(journal->said()[0].line);
    }
    std::string text(std::size_t from = 0) const {
        std::string all;
        for (std::size_t i = from; i < lines.size(); ++i) all += lines[i];
        return all;
    }
    // The file after a start, with the rows it lacked.
    std::string started(MemoryStream& file) const {
        auto const start = reconcile(file, *journal, "file");
        EXPECT_TRUE(start) << start.error();
        if (!start) return {};
        if (start->newline_first) file.text += '\n';
        std::int64_t after = start->after;
        EXPECT_TRUE(*write_missing(*journal, after, [&](std::string_view line) {
            file.text += line;
            return true;
        }));
        return file.text;
    }
    StreamStart start(std::string text, std::optional<std::int64_t> mark) const {
        if (mark) journal->mark_delivered("file", *mark);
        MemoryStream file;
        file.text = std::move(text);
        auto const start = reconcile(file, *journal, "file");
        EXPECT_TRUE(start) << start.error();
        return start ? *start : StreamStart{};
    }
};

// States come back, some with the very same words and some with other ones.
void fill(Stream& stream) {
    stream.say(1, seen);
    stream.say(2, seen);
    for (int i = 0; i < 3; ++i) {
        stream.say(1, retracted);
        stream.say(1, seen);
    }
    stream.say(3, final, 17);
    stream.say(2, final);
    stream.say(1, retracted, 5);
    stream.say(1, seen, 6);
}

TEST(StreamTail, a_cut_at_every_byte_is_made_whole_whatever_the_mark) {
    Stream stream;
    fill(stream);
    std::string const whole = stream.text();
    std::int64_t written = 0; // whole lines before the cut
    for (std::size_t bytes = 0; bytes <= whole.size(); ++bytes) {
        if (bytes > 0 && whole[bytes - 1] == '\n') ++written;
        for (std::int64_t mark = 0; mark <= written; ++mark) {
            // An empty file is one that was rotated: then the mark alone counts.
            if (written == 0 && mark != 0) continue;
            stream.journal->mark_delivered("file", mark);
            MemoryStream file;
            file.text = whole.substr(0, bytes);
            ASSERT_EQ(stream.started(file), whole) << "at byte " << bytes << ", mark " << mark;
        }
    }
    EXPECT_EQ(written, 12);
}

TEST(StreamTail, a_file_longer_than_what_is_read_of_it) {
    Stream stream;
    std::string const salt(Journal::line_bytes_max - 200, '7');
    for (std::uint32_t id = 0; id < 20; ++id) {
        AlertRow row;
        row.id = id_of(id);
        std::string const line = fmt::format("{},{}}}", line_of(id, seen), salt);
        row.line = line;
        stream.journal->append(row);
        commit(*stream.journal);
        stream.lines.emplace_back(stream.journal->said()[0].line);
    }
    std::string const whole = stream.text();
    ASSERT_GT(whole.size(), 2 * stream_tail_bytes);
    for (std::size_t back = 0; back < whole.size(); back += 997) {
        stream.journal->mark_delivered("file", 0);
        MemoryStream file;
        file.text = whole.substr(0, whole.size() - back);
        ASSERT_TRUE(stream.started(file) == whole) << back;
    }
}

TEST(StreamTail, missing_or_rotated_the_mark_counts) {
    Stream stream;
    fill(stream);
    auto const start = stream.start("", 9);
    EXPECT_EQ(start.found, Found::nothing);
    EXPECT_EQ(start.after, 9);
    EXPECT_FALSE(start.fresh);
    MemoryStream file;
    EXPECT_EQ(stream.started(file), stream.text(9));
    EXPECT_EQ(describe(start, "alerts.ndjson"),
              "alerts.ndjson: it is empty, it goes on behind alert 9 of the journal");
}

TEST(StreamTail, a_new_sink_gets_what_comes_from_here_on) {
    Stream stream;
    fill(stream);
    auto const start = stream.start("", std::nullopt);
    EXPECT_TRUE(start.fresh);
    EXPECT_EQ(start.after, 12);
    EXPECT_EQ(stream.journal->delivered("file"), 12);
}

TEST(StreamTail, a_line_of_somebody_else_is_left_alone_and_said) {
    Stream stream;
    fill(stream);
    for (std::string const foreign :
         {"rotated by hand\n", "\n", "{\"id\":\"zz\"}\n", "{\"id\":1,\"state\":\"seen\"}\n"}) {
        auto start = stream.start(foreign, 4);
        EXPECT_EQ(start.found, Found::foreign);
        EXPECT_EQ(start.after, 4); // the mark alone
        EXPECT_FALSE(start.newline_first);
        EXPECT_EQ(describe(start, "f"), "f: its last line is not one of this journal, it goes on "
                                        "behind alert 4 of the journal");
        // Lines of ours before it prove more than an old mark does.
        start = stream.start(stream.text() + foreign, 4);
        EXPECT_EQ(start.found, Found::foreign);
        EXPECT_EQ(start.after, 12);
    }
    std::string const other_journal = line_of(99, seen) + "\n";
    EXPECT_EQ(stream.start(other_journal, 4).found, Found::foreign);
    EXPECT_TRUE(stream.start(other_journal, 4).cut == 0);
}

TEST(StreamTail, foreign_text_without_an_end_is_not_cut) {
    Stream stream;
    fill(stream);
    stream.journal->mark_delivered("file", 11);
    MemoryStream file;
    file.text = "a note";
    EXPECT_EQ(stream.started(file), "a note\n" + stream.text(11));
    file.text.assign(3 * stream_tail_bytes, 'x');
    std::string kept = file.text;
    kept += '\n';
    stream.journal->mark_delivered("file", 11);
    EXPECT_TRUE(stream.started(file) == kept + stream.text(11));
}

TEST(StreamTail, blank_pages_of_a_power_cut_are_cut_off) {
    Stream stream;
    fill(stream);
    std::string const whole = stream.text();
    std::string const half = stream.lines[0] + stream.lines[1] + stream.lines[2].substr(0, 20);
    for (std::size_t const blank : {std::size_t{1}, std::size_t{4096}, 3 * stream_tail_bytes}) {
        stream.journal->mark_delivered("file", 0);
        MemoryStream file;
        file.text = stream.lines[0] + stream.lines[1] + std::string(blank, '\0');
        EXPECT_TRUE(stream.started(file) == whole) << blank;
    }
    MemoryStream file;
    file.text = half + std::string(4096, '\0');
    EXPECT_TRUE(stream.started(file) == whole);
    file.text = std::string(100, '\0');
    stream.journal->mark_delivered("file", 0);
    EXPECT_TRUE(stream.started(file) == whole);
}

TEST(StreamTail, a_full_sink_goes_on_where_it_stopped) {
    Stream stream;
    fill(stream);
    std::int64_t after = 3;
    std::string text;
    for (int pieces = 0;; ++pieces) {
        int room = 2;
        auto const all = write_missing(*stream.journal, after, [&](std::string_view line) {
            if (room-- == 0) return false;
            text += line;
            return true;
        });
        ASSERT_TRUE(all);
        if (!*all) continue;
        EXPECT_EQ(pieces, 4);
        break;
    }
    EXPECT_EQ(text, stream.text(3));
    EXPECT_EQ(after, 12);
}

TEST(StreamTail, a_file_that_cannot_be_read_is_an_error_with_its_name) {
    Stream stream;
    MemoryStream file;
    file.fault = io::Error{io::Code::file_failure, EIO, "alerts.ndjson"};
    auto const start = reconcile(file, *stream.journal, "file");
    ASSERT_FALSE(start);
    EXPECT_EQ(start.error(), "alerts.ndjson: a file operation failed [EIO]");
}

TEST(StreamTail, works_on_a_real_file) {
    Stream stream;
    fill(stream);
    stream.journal->mark_delivered("file", 0);
    std::string const path = stream.directory / "alerts.ndjson";
    DiskStream file(path);
    EXPECT_EQ(*file.size(), 0U);
    EXPECT_EQ(reconcile(file, *stream.journal, "file")->after, 0);
    std::string const text = stream.text().substr(0, 200);
    ASSERT_TRUE(io::write_file(path, text));
    auto const start = reconcile(file, *stream.journal, "file");
    ASSERT_TRUE(start);
    EXPECT_EQ(start->found, Found::ours);
    EXPECT_EQ(*file.size(), text.rfind('\n') + 1);
    EXPECT_EQ(start->cut, text.size() - *file.size());
    EXPECT_EQ(start->after, std::count(text.begin(), text.end(), '\n'));
}

TEST(StreamTail, takes_a_piece_apart) {
    auto const tail = take_apart("rest\none\n\ntwo\ntorn", false);
    EXPECT_EQ(tail.lines, (std::vector<std::string_view>{"one", "", "two"}));
    EXPECT_EQ(tail.torn, "torn");
    EXPECT_EQ(take_apart("one\n", true).lines.size(), 1U);
    EXPECT_EQ(take_apart("one\n", false).lines.size(), 0U);
    EXPECT_EQ(take_apart("one", false).torn, "one");
    EXPECT_EQ(take_apart("", true).lines.size(), 0U);
}

} // namespace
} // namespace stages::testing
