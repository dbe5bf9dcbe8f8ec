#include "io/files.hpp"
#include "tests/io/turns.hpp"

#include <sys/stat.h>

#include <fstream>

namespace io::testing {
namespace {

TEST(Files, what_is_written_is_read_and_no_temporary_file_stays) {
    TemporaryDirectory directory;
    std::string const path = directory / "file";
    ASSERT_TRUE(write_file(path, pattern(1'000'000)));
    ASSERT_TRUE(write_file(path, "new", 0600));
    EXPECT_EQ(*read_file(path), "new");
    struct stat status{};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST(Files, reading_is_bounded) {
    TemporaryDirectory directory;
    std::string const path = directory / "file";
    ASSERT_TRUE(write_file(path, pattern(1000)));
    EXPECT_EQ(read_file(path, 1000)->size(), 1000U);
    EXPECT_EQ(read_file(path, 999).error().code, Code::file_too_large);
    EXPECT_EQ(read_file("/dev/zero", 1'000'000).error().code, Code::file_too_large);
}

TEST(Files, what_is_no_file_is_written_where_it_is) {
    EXPECT_TRUE(write_special("/dev/null", "text"));
    auto const full = write_special("/dev/full", "text");
    ASSERT_FALSE(full);
    EXPECT_TRUE(describe(full.error()).starts_with("/dev/full: "));
    EXPECT_EQ(write_special("/nonexistent/file", "").error().code, Code::file_missing);
}

TEST(Files, errors_name_the_path) {
    auto const missing = read_file("/nonexistent/file");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Code::file_missing);
    EXPECT_TRUE(describe(missing.error()).starts_with("/nonexistent/file: no such file"));
    EXPECT_FALSE(write_file("/nonexistent/file", ""));
    EXPECT_EQ(write_file("/dev/full/x", "").error().code, Code::file_missing);
}

TEST(Files, a_directory_is_writable_only_if_a_file_can_be_made) {
    TemporaryDirectory directory;
    EXPECT_TRUE(check_writable_directory(directory.path));
    EXPECT_TRUE(std::filesystem::is_empty(directory.path));
    EXPECT_FALSE(check_writable_directory(directory / "none"));
    EXPECT_FALSE(check_writable_directory("/dev/null"));
    EXPECT_FALSE(check_writable_directory("/proc"));
}

TEST(Files, pieces_of_a_file_and_what_is_cut_from_it) {
    TemporaryDirectory directory;
    std::string const path = directory / "lines";
    EXPECT_EQ(file_size(path), 0U); // no file yet
    EXPECT_EQ(file_size("/dev/null"), 0U);
    ASSERT_TRUE(write_file(path, "one\ntwo\nthr"));
    EXPECT_EQ(file_size(path), 11U);
    std::uint8_t bytes[8] = {};
    EXPECT_EQ(read_piece(path, 4, bytes), 7U);
    EXPECT_EQ(pipeline::as_text({bytes, 7}), "two\nthr");
    EXPECT_EQ(read_piece(path, 100, bytes), 0U);
    ASSERT_TRUE(cut_file(path, 8));
    EXPECT_EQ(read_file(path), "one\ntwo\n");
    EXPECT_EQ(read_piece(directory / "none", 0, bytes).error().code, Code::file_missing);
    EXPECT_EQ(cut_file(directory / "none", 0).error().code, Code::file_missing);
}

TEST(Files, a_secret_is_one_line_that_never_shows) {
    TemporaryDirectory directory;
    std::string const path = directory / "token";
    ASSERT_TRUE(write_file(path, "s3cret\r\n"));
    EXPECT_EQ(*read_secret(path), "s3cret");
    ASSERT_TRUE(write_file(path, "s3cret\nmore\n"));
    EXPECT_EQ(describe(read_secret(path).error()).find("s3cret"), std::string::npos);
    ASSERT_TRUE(write_file(path, "\n"));
    EXPECT_FALSE(read_secret(path));
    ASSERT_TRUE(write_file(path, pattern(limits::secret_bytes_max + 1)));
    EXPECT_EQ(read_secret(path).error().code, Code::file_too_large);
}

} // namespace
} // namespace io::testing
