// The append sink on real files, pipes and /dev/full.
#include "io/append_file.hpp"
#include "io/files.hpp"
#include "tests/io/turns.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

namespace io::testing {
namespace {

struct Appending : RingWorld {
    TemporaryDirectory directory;
    SeededRandom random{1};
    std::string path = directory / "alerts.ndjson";

    std::unique_ptr<AppendFile> open(std::string const& name,
                                     AppendFileOptions const& options = {}) {
        auto file = AppendFile::open(*proactor, random, name, options);
        EXPECT_TRUE(file) << describe(file.error());
        return std::move(*file);
    }
    [[nodiscard]] bool drained(AppendFile& file) {
        return run_until([&] { return file.pending() == 0; });
    }
};

TEST(AppendFile, appends_whole_lines_in_order) {
    Appending world;
    std::string expected;
    for (int round = 0; round < 2; ++round) { // the second opens what the first wrote
        auto const file = world.open(world.path);
        for (int i = 0; i < 1000; ++i) {
            std::string const line = std::to_string(round * 1000 + i) + "\n";
            ASSERT_TRUE(file->append(line));
            expected += line;
        }
        EXPECT_TRUE(world.drained(*file));
    }
    EXPECT_EQ(*read_file(world.path), expected);
    struct stat status{};
    ASSERT_EQ(stat(world.path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777 & ~0640U, 0U);
}

TEST(AppendFile, says_no_when_its_buffer_is_full) {
    Appending world;
    auto const file = world.open(world.path, {.buffer_bytes_max = 100});
    EXPECT_TRUE(file->append(pattern(60)));
    EXPECT_FALSE(file->append(pattern(41)));
    EXPECT_TRUE(file->append(pattern(40)));
    EXPECT_EQ(file->pending(), 100U);
    EXPECT_TRUE(world.drained(*file));
    EXPECT_EQ(file->written(), 100U);
    EXPECT_TRUE(file->append(pattern(100)));
}

TEST(AppendFile, waits_for_a_full_pipe) {
    for (int const flags : {0, O_NONBLOCK}) {
        Appending world;
        std::string const fifo = world.directory / "fifo";
        ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
        int const reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK | flags);
        ASSERT_GE(reader, 0);
        auto const file = world.open(fifo);
        std::string const sent = pattern(limits::mib);
        ASSERT_TRUE(file->append(sent));
        std::string got;
        char buffer[4096];
        EXPECT_TRUE(world.run_until([&] {
            for (ssize_t n = 1; n > 0;) {
                n = read(reader, buffer, sizeof buffer);
                if (n > 0) got.append(buffer, static_cast<std::size_t>(n));
            }
            return got.size() == sent.size();
        }));
        EXPECT_TRUE(got == sent);
        EXPECT_EQ(file->error(), nullptr);
        close(reader);
    }
}

TEST(AppendFile, a_full_disk_keeps_the_bytes_and_tries_again) {
    Appending world;
    auto const file = world.open("/dev/full");
    ASSERT_TRUE(file->append("alert\n"));
    EXPECT_TRUE(world.run_until([&] { return file->error() != nullptr; }));
    EXPECT_EQ(file->error()->code, Code::disk_full);
    EXPECT_EQ(file->pending(), 6U);
    EXPECT_FALSE(file->broken());
    for (int attempt = 0; attempt < 5; ++attempt) {
        ASSERT_NE(file->next_deadline(), pipeline::never);
        world.clock.now = file->next_deadline();
        file->advance();
        EXPECT_EQ(file->next_deadline(), pipeline::never); // under way
        EXPECT_TRUE(world.run_until([&] { return file->next_deadline() != pipeline::never; }));
    }
    EXPECT_EQ(file->pending(), 6U);
}

TEST(AppendFile, a_reader_that_went_away_is_final) {
    std::signal(SIGPIPE, SIG_IGN);
    Appending world;
    std::string const fifo = world.directory / "fifo";
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    int const reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
    auto const file = world.open(fifo);
    close(reader);
    ASSERT_TRUE(file->append("alert\n"));
    EXPECT_TRUE(world.run_until([&] { return file->broken(); }));
    EXPECT_EQ(file->error()->code, Code::broken_pipe);
    EXPECT_FALSE(file->append("more\n"));
    EXPECT_EQ(file->next_deadline(), pipeline::never);
}

TEST(AppendFile, refuses_what_cannot_be_opened) {
    Appending world;
    auto const file = AppendFile::open(*world.proactor, world.random, world.directory / "no/file");
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code, Code::file_missing);
}

TEST(AppendFile, writes_to_standard_output) {
    Appending world;
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    int const saved = dup(STDOUT_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    auto file = world.open("-");
    dup2(saved, STDOUT_FILENO);
    close(saved);
    ASSERT_TRUE(file->append("alert\n"));
    EXPECT_TRUE(world.drained(*file));
    char buffer[16];
    EXPECT_EQ(read(ends[0], buffer, sizeof buffer), 6);
    close(ends[0]);
    close(ends[1]);
}

} // namespace
} // namespace io::testing
