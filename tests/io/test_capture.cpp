#include "io/capture.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace {

using namespace io;
using Buffer = std::vector<std::uint8_t>;

Buffer filled(std::size_t size, std::uint8_t with) { return Buffer(size, with); }

std::vector<CaptureRecord> sample() {
    CaptureBlock block;
    block.number = 0x1'0000'0001;
    block.hash.fill(7);
    block.parent.fill(8);
    block.timestamp_ms = 1'700'000'000'123;
    block.spec_version = 9431;
    block.header = filled(100, 1);
    block.events = filled(33, 2);
    block.extrinsics = {filled(10, 3), {}, filled(3, 4)};
    block.storage = {{filled(32, 5), filled(4, 6)}, {filled(48, 9), {}}};
    CaptureFinalized finalized;
    finalized.hash.fill(7);
    CaptureChain chain;
    chain.genesis.fill(1);
    chain.description = R"({"name":"x"})";
    return {chain, CaptureRuntime{9431, "{}", filled(50, 0x6d)}, block, CaptureBlock{}, finalized};
}

Buffer encoded(std::vector<CaptureRecord> const& records) {
    Buffer out;
    encode_capture_head(out);
    for (auto const& record : records) encode_capture_record(record, out);
    return out;
}

// What a reader gets out of `bytes`: records, and the error that ended it, if any.
struct Outcome {
    std::vector<CaptureRecord> records;
    std::optional<CaptureError> error;
};

Outcome drain(CaptureReader& reader) {
    Outcome outcome;
    CaptureRecord record;
    for (;;) {
        auto const more = reader.next(record);
        if (!more) outcome.error = more.error();
        if (!more || !*more) return outcome;
        outcome.records.push_back(record);
    }
}

Outcome read_all(pipeline::Bytes bytes) {
    auto reader = CaptureReader::over(bytes);
    if (!reader) return {{}, reader.error()};
    return drain(*reader);
}

struct TemporaryFile {
    std::string path = (std::filesystem::temp_directory_path() /
                        (std::string("spyhop-capture-") +
                         testing::UnitTest::GetInstance()->current_test_info()->name()))
                           .string();
    TemporaryFile() { std::filesystem::remove(path); }
    TemporaryFile(TemporaryFile const&) = delete;
    TemporaryFile& operator=(TemporaryFile const&) = delete;
    ~TemporaryFile() { std::filesystem::remove(path); }
};

TEST(Capture, reads_back_what_was_written) {
    auto const outcome = read_all(encoded(sample()));
    EXPECT_FALSE(outcome.error);
    EXPECT_EQ(outcome.records, sample());
}

TEST(Capture, head_is_as_documented) {
    Buffer const bytes = encoded({CaptureFinalized{}});
    EXPECT_EQ(std::string(bytes.begin(), bytes.begin() + 17), "spyhop-capture 1\n");
    ASSERT_EQ(bytes.size(), capture_header_bytes + capture_record_header_bytes + 32);
    EXPECT_EQ(bytes[32], 32); // payload size
    EXPECT_EQ(bytes[36], 4);  // kind: finalized
}

TEST(Capture, damage_at_any_byte_is_found_at_its_record) {
    Buffer const good = encoded(sample());
    std::vector<std::size_t> starts{0};
    std::size_t end = capture_header_bytes;
    for (auto const& record : sample()) {
        starts.push_back(end);
        Buffer one;
        encode_capture_record(record, one);
        end += one.size();
    }
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (std::uint8_t const flip : Buffer{0x01, 0x80, 0xff}) {
            Buffer bad = good;
            bad[at] ^= flip;
            auto const outcome = read_all(bad);
            ASSERT_TRUE(outcome.error) << "byte " << at;
            std::size_t const record = static_cast<std::size_t>(
                std::upper_bound(starts.begin(), starts.end(), at) - starts.begin() - 1);
            EXPECT_EQ(outcome.error->offset, starts[record]) << "byte " << at;
            EXPECT_NE(outcome.error->text.find("byte " + std::to_string(starts[record])),
                      std::string::npos)
                << outcome.error->text;
            EXPECT_EQ(outcome.records.size(), record == 0 ? 0 : record - 1);
        }
    }
}

TEST(Capture, a_cut_at_any_byte_keeps_the_whole_records_before_it) {
    Buffer const good = encoded(sample());
    for (std::size_t size = 0; size < good.size(); ++size) {
        auto const outcome = read_all(pipeline::Bytes(good).first(size));
        std::size_t whole = 0;
        std::size_t end = capture_header_bytes;
        for (auto const& record : sample()) {
            Buffer one;
            encode_capture_record(record, one);
            if (end + one.size() > size) break;
            end += one.size();
            ++whole;
        }
        EXPECT_EQ(outcome.records.size(), whole);
        EXPECT_EQ(outcome.error.has_value(), size != end) << "cut at " << size;
    }
}

TEST(Capture, refuses_a_record_above_the_limit_before_taking_memory) {
    Buffer bytes;
    encode_capture_head(bytes);
    for (std::uint8_t const b : Buffer{0x01, 0x00, 0x00, 0x04, 3, 0, 0, 0})
        bytes.push_back(b); // 64 Mi + 1
    bytes.resize(bytes.size() + 8);
    auto const outcome = read_all(bytes);
    ASSERT_TRUE(outcome.error);
    EXPECT_NE(outcome.error->text.find("claims 67108865 bytes"), std::string::npos)
        << outcome.error->text;
}

TEST(Capture, an_error_stays) {
    Buffer bytes = encoded(sample());
    bytes[capture_header_bytes + 20] ^= 1;
    auto reader = CaptureReader::over(bytes);
    ASSERT_TRUE(reader);
    CaptureRecord record;
    auto const first = reader->next(record);
    auto const second = reader->next(record);
    ASSERT_FALSE(first);
    ASSERT_FALSE(second);
    EXPECT_EQ(first.error().text, second.error().text);
    EXPECT_FALSE(reader->torn());
}

TEST(CaptureFile, is_appended_and_read) {
    TemporaryFile const file;
    for (auto const& record : sample()) {
        auto writer = CaptureWriter::open(file.path);
        ASSERT_TRUE(writer) << writer.error().text;
        ASSERT_TRUE(writer->append(record));
        ASSERT_TRUE(writer->sync());
    }
    auto reader = CaptureReader::open(file.path);
    ASSERT_TRUE(reader);
    auto const outcome = drain(*reader);
    EXPECT_FALSE(outcome.error);
    EXPECT_EQ(outcome.records, sample());
}

TEST(CaptureFile, a_torn_last_record_is_cut_off_by_the_next_writer) {
    TemporaryFile const file;
    Buffer const good = encoded(sample());
    std::ofstream(file.path, std::ios::binary)
        .write(reinterpret_cast<char const*>(good.data()),
               static_cast<std::streamsize>(good.size() - 5));
    {
        auto writer = CaptureWriter::open(file.path);
        ASSERT_TRUE(writer) << writer.error().text;
        ASSERT_TRUE(writer->append(sample().back()));
    }
    auto reader = CaptureReader::open(file.path);
    ASSERT_TRUE(reader);
    auto const outcome = drain(*reader);
    EXPECT_FALSE(outcome.error);
    EXPECT_EQ(outcome.records, sample());
}

TEST(CaptureFile, a_writer_never_touches_a_file_that_is_something_else) {
    TemporaryFile const file;
    std::ofstream(file.path) << "precious notes, much longer than a head of thirty-two bytes\n";
    auto const writer = CaptureWriter::open(file.path);
    ASSERT_FALSE(writer);
    EXPECT_NE(writer.error().text.find("is not a capture"), std::string::npos);
    EXPECT_EQ(std::filesystem::file_size(file.path), 60U);
}

TEST(CaptureFile, a_missing_file_is_a_sentence) {
    auto const reader = CaptureReader::open("/nonexistent/x.capture");
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().text, "/nonexistent/x.capture: cannot open the capture at byte 0: No "
                                   "such file or directory");
}

TEST(CaptureFile, a_full_disk_is_a_sentence) {
    auto const writer = CaptureWriter::open("/dev/full");
    ASSERT_FALSE(writer);
    EXPECT_NE(writer.error().text.find("No space left on device"), std::string::npos);
}

} // namespace
