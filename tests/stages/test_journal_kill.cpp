// A small service that is killed (kill -9) a hundred times: in the end each state of each alert
// stands exactly once in the journal and in the stream, and the coverage is whole.
//
// The child acknowledges each of its steps on a pipe before it takes it, and takes no more than it
// was granted on another one; the parent kills it upon the last acknowledgement, so that it dies
// somewhere inside that step. Seeded; nothing sleeps.
#include "tests/stages/journal_fixture.hpp"
#include "tests/stages/stream_files.hpp"

#include <sys/wait.h>

#include <csignal>
#include <map>
#include <random>

namespace stages::testing {
namespace {

constexpr std::uint32_t last_block = 600;
constexpr std::uint32_t lag = 3; // of finality
constexpr int rounds = 100;
constexpr std::uint32_t seed = 20'251'123;

// ---- the chain, as a function of the number -----------------------------------------------------

std::uint32_t alerts_in(std::uint32_t block) { return block % 4; }
bool forks_at(std::uint32_t block) { return block % 5 == 2; }
std::uint32_t alert_of(std::uint32_t block, std::uint32_t index) { return block * 8 + index; }
// In the abandoned sibling and in the block itself; and in the sibling alone.
std::uint32_t shared_alert(std::uint32_t block) { return alert_of(block, 6); }
std::uint32_t lost_alert(std::uint32_t block) { return alert_of(block, 7); }

// ---- the service, in the child ------------------------------------------------------------------

class Child {
  public:
    Child(Directory const& directory, std::uint32_t round, int granted, int taken)
        : stream_path_(directory / "alerts.ndjson")
        , journal_path_(directory / "alerts.db")
        , random_(seed + round)
        , salt_(round)
        , granted_(granted)
        , taken_(taken) {}

    // Ends the process: 0 when the chain's end was reached.
    [[noreturn]] void run() {
        step();
        // With a disk that is waited for, a kill finds more commits half done.
        auto journal = Journal::open(journal_path_, {.database = {.durable = salt_ % 2 == 0}});
        if (!journal) _exit(2);
        journal_ = std::move(*journal);
        catch_up();
        chain_ = journal_->enter(hash_of(0), "dot", 1);
        auto const cursor = journal_->cursor(chain_);
        for (std::uint32_t number = cursor ? cursor->number + 1 : 1; number <= last_block + lag;
             ++number) {
            if (number <= last_block) tell(number);
            // A restart may have to say several blocks final at once.
            if (number > lag) settle(number - lag);
            if (random_() % 3 == 0) end_turn();
        }
        end_turn();
        _exit(0);
    }

  private:
    void step() {
        char byte = 's';
        if (write(taken_, &byte, 1) != 1) _exit(3);
        if (read(granted_, &byte, 1) < 0) _exit(3); // the end of file grants everything
    }

    void catch_up() {
        step();
        DiskStream file(stream_path_);
        auto const start = reconcile(file, *journal_, "stream");
        if (!start || start->newline_first) _exit(4);
        std::int64_t after = start->after;
        auto const all = write_missing(*journal_, after, [&](std::string_view line) {
            write_in_pieces(line);
            return true;
        });
        if (!all || !*all) _exit(5);
    }

    void tell(std::uint32_t number) {
        if (forks_at(number)) {
            journal_->block_done(chain_, block_of(number, 1));
            append(*journal_, shared_alert(number), AlertState::seen, number, salt_);
            append(*journal_, lost_alert(number), AlertState::seen, number, salt_);
        }
        if (random_() % 4 == 0) end_turn();
        journal_->block_done(chain_, block_of(number));
        for (std::uint32_t i = 0; i < alerts_in(number); ++i)
            append(*journal_, alert_of(number, i), AlertState::seen, number, salt_);
    }

    void settle(std::uint32_t number) {
        Hash const hash = hash_of(number);
        for (std::uint32_t i = 0; i < alerts_in(number); ++i)
            append(*journal_, alert_of(number, i), AlertState::final, number, salt_);
        if (forks_at(number)) {
            append(*journal_, shared_alert(number), AlertState::final, number, salt_);
            append(*journal_, lost_alert(number), AlertState::retracted, number, salt_);
            journal_->block_abandoned(chain_, hash_of(number, 1));
        }
        Covered const covered = journal_->block_final(chain_, number, hash, hash_of(number - 1));
        if (covered != Covered::added && covered != Covered::untold) _exit(6);
    }

    void end_turn() {
        step();
        if (!journal_->commit()) _exit(7);
        for (SaidLine const& line : journal_->said()) {
            write_in_pieces(line.line);
            if (random_() % 3 == 0) journal_->mark_delivered("stream", line.seq);
        }
    }

    void write_in_pieces(std::string_view line) {
        int const fd = open(stream_path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
        while (!line.empty()) {
            step();
            auto const piece = line.substr(0, 1 + random_() % line.size());
            if (write(fd, piece.data(), piece.size()) != static_cast<ssize_t>(piece.size()))
                _exit(8);
            line.remove_prefix(piece.size());
        }
        close(fd);
    }

    std::string const stream_path_;
    std::string const journal_path_;
    std::mt19937 random_;
    std::uint64_t const salt_;
    int const granted_;
    int const taken_;
    std::unique_ptr<Journal> journal_;
    ChainKey chain_ = 0;
};

// ---- the one who kills --------------------------------------------------------------------------

struct Pipe {
    int ends[2] = {-1, -1};
    Pipe() { EXPECT_EQ(pipe(ends), 0); }
    ~Pipe() {
        close_end(0);
        close_end(1);
    }
    Pipe(Pipe const&) = delete;
    Pipe& operator=(Pipe const&) = delete;
    void close_end(int end) {
        if (ends[end] >= 0) close(std::exchange(ends[end], -1));
    }
};

// The child's end: killed after so many steps, or, with none, left to run to its end.
int run_child(Directory const& directory, std::uint32_t round, std::size_t steps) {
    Pipe granted;
    Pipe taken;
    pid_t const child = fork();
    if (child == 0) {
        granted.close_end(1);
        taken.close_end(0);
        Child(directory, round, granted.ends[0], taken.ends[1]).run();
    }
    granted.close_end(0);
    taken.close_end(1);
    std::string const grants(steps, 'g');
    EXPECT_EQ(write(granted.ends[1], grants.data(), steps), static_cast<ssize_t>(steps));
    if (steps == 0) granted.close_end(1);
    char byte = 0;
    for (std::size_t i = 0; steps == 0 || i < steps; ++i)
        if (read(taken.ends[0], &byte, 1) != 1) break; // it came to its end
    if (steps != 0) kill(child, SIGKILL);
    int status = -1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return status;
}

std::string whole_file(std::string const& path) {
    DiskStream file(path);
    std::string text(*file.size(), '\0');
    EXPECT_EQ(*file.read(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}),
              text.size());
    return text;
}

// What must have been said of each alert, from the chain alone.
std::map<AlertId, Words> expected_states() {
    std::map<AlertId, Words> expected;
    for (std::uint32_t block = 1; block <= last_block; ++block) {
        for (std::uint32_t i = 0; i < alerts_in(block); ++i)
            expected[id_of(alert_of(block, i))] = {"seen", "final"};
        if (!forks_at(block)) continue;
        expected[id_of(shared_alert(block))] = {"seen", "final"};
        expected[id_of(lost_alert(block))] = {"seen", "retracted"};
    }
    return expected;
}

TEST(JournalKill, each_state_once_in_journal_and_stream_after_a_hundred_kills) {
    Directory directory;
    std::mt19937 random(seed);
    int killed = 0;
    int torn = 0; // lines
    for (int round = 0; round < rounds; ++round) {
        int const status =
            run_child(directory, static_cast<std::uint32_t>(round), 1 + random() % 90);
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ++killed;
        std::string const stream = whole_file(directory / "alerts.ndjson");
        if (!stream.empty() && !stream.ends_with('\n')) ++torn;
        ASSERT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) != 0)
            << "round " << round << " ended with " << WEXITSTATUS(status) << ", seed " << seed;
    }
    EXPECT_GE(killed, 50);
    EXPECT_GE(torn, 5);
    int const status = run_child(directory, rounds, 0);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;

    auto const journal = open_journal(directory / "alerts.db");
    std::map<AlertId, Words> states;
    std::string lines;
    ASSERT_TRUE(journal->rows_after(0, [&](JournaledRow const& row) {
        states[row.row.id].emplace_back(to_text(row.row.state));
        lines.append(row.row.line).append("\n");
        return true;
    }));
    EXPECT_EQ(states, expected_states());
    EXPECT_TRUE(whole_file(directory / "alerts.ndjson") == lines);
    EXPECT_TRUE(journal->open_alerts("dot", [](JournaledRow const&) {
        ADD_FAILURE() << "an alert is left open";
        return false;
    }));

    auto const ranges = journal->coverage(0).ranges();
    ASSERT_EQ(ranges.size(), 1U);
    EXPECT_EQ(ranges[0].from, 1U);
    EXPECT_EQ(ranges[0].to, last_block);
    EXPECT_EQ(ranges[0].blocks, last_block);
    Digest digest{};
    for (std::uint32_t number = 1; number <= last_block; ++number)
        add_digest(digest, block_digest(number, hash_of(number), block_of(number).events));
    EXPECT_EQ(ranges[0].digest, digest);
}

} // namespace
} // namespace stages::testing
