// Capture files: what a node said, kept as typed records of bytes and integers. Recorded from a
// real chain, written by the traffic generator, played by the stand-in node. io knows no chain:
// what the bytes mean is decided by whoever writes and reads them.
//
//   file    "spyhop-capture 1\n" and 15 zero bytes (32 bytes), then records until the end
//   record  u32 payload size | u8 kind | 3 zero bytes | u64 xxh64 of the payload, seeded with the
//           xxh64 of those 8 bytes | payload; all integers little-endian
//
// Order matters: a chain record opens (or comes back to) a chain, and the records that follow
// belong to it; a runtime stands before the first block that names its version. The file is
// append-only: a writer that dies leaves at most one torn record, which the reader reports with
// its byte offset after every whole record before it was handed out.
//
// Threads: each object belongs to one. Blocking file calls: for tools and start-up, not for a data
// plane turn. Fails by CaptureError (a sentence and a byte offset), never by throwing; a damaged
// length is refused before anything is allocated for it.
#pragma once

#include "pipeline/types.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace io {

inline constexpr std::size_t capture_record_bytes_max = 64U << 20;
inline constexpr std::size_t capture_header_bytes = 32;
inline constexpr std::size_t capture_record_header_bytes = 16;

struct CaptureError {
    std::uint64_t offset = 0; // where in the file the damaged record (or file head) begins
    std::string text;         // a sentence for a person, the offset included
};

struct CaptureChain {
    pipeline::Hash genesis{};
    std::string description; // JSON: {"name","specName","properties":{…}}
    bool operator==(CaptureChain const&) const = default;
};

struct CaptureRuntime {
    std::uint32_t spec_version = 0;
    std::string version;                // JSON: what the node answers to "which runtime version"
    std::vector<std::uint8_t> metadata; // begins `meta`
    bool operator==(CaptureRuntime const&) const = default;
};

using KeyValue = std::pair<std::vector<std::uint8_t>, std::vector<std::uint8_t>>;

struct CaptureBlock {
    std::uint64_t number = 0;
    pipeline::Hash hash{};
    pipeline::Hash parent{};
    std::uint64_t timestamp_ms = 0;   // unix; 0: not known
    std::uint32_t spec_version = 0;   // of the runtime that executed this block
    std::vector<std::uint8_t> header; // as hashed
    std::vector<std::uint8_t> events; // storage value
    std::vector<std::vector<std::uint8_t>> extrinsics;
    std::vector<KeyValue> storage; // further keys that this block wrote
    bool operator==(CaptureBlock const&) const = default;
};

struct CaptureFinalized {
    pipeline::Hash hash{};
    bool operator==(CaptureFinalized const&) const = default;
};

using CaptureRecord = std::variant<CaptureChain, CaptureRuntime, CaptureBlock, CaptureFinalized>;

// Appends the file head, or one record, to `out`. CHECKs that the record keeps the limit.
void encode_capture_head(std::vector<std::uint8_t>& out);
void encode_capture_record(CaptureRecord const& record, std::vector<std::uint8_t>& out);

// Reads records one after the other; memory is bounded by the largest record.
class CaptureReader {
  public:
    // Opens a file, or reads bytes that outlive the reader; checks the file head.
    [[nodiscard]] static std::expected<CaptureReader, CaptureError> open(std::string const& path);
    [[nodiscard]] static std::expected<CaptureReader, CaptureError> over(pipeline::Bytes bytes);

    CaptureReader(CaptureReader&& other) noexcept;
    CaptureReader& operator=(CaptureReader&&) = delete;
    CaptureReader(CaptureReader const&) = delete;
    ~CaptureReader();

    // The next record into `out`: true, or false at the end of the file. After an error the reader
    // stays where it is and gives the same error again.
    [[nodiscard]] std::expected<bool, CaptureError> next(CaptureRecord& out);
    std::uint64_t offset() const { return offset_; } // where the next record begins
    // True if the error says that the file ends inside its last record: a writer died there.
    bool torn() const { return torn_; }

  private:
    CaptureReader(int descriptor, pipeline::Bytes bytes, std::string path);
    [[nodiscard]] std::expected<void, CaptureError> read_head();
    // Up to out.size() bytes from the present place; fewer only at the end of the file.
    [[nodiscard]] std::expected<std::size_t, CaptureError> read(pipeline::MutableBytes out);
    [[nodiscard]] std::expected<void, CaptureError> fill_payload(std::size_t size);
    CaptureError damaged(std::string_view what) const;
    CaptureError cut_short();

    int descriptor_ = -1;
    pipeline::Bytes memory_;
    std::string path_;
    std::uint64_t offset_ = 0;
    std::vector<std::uint8_t> payload_;
    std::optional<CaptureError> failure_;
    bool torn_ = false;
};

// Appends records to a new or an existing capture file (an existing one must have a capture head;
// a torn last record is cut off first). One write call per append: a crash tears at most the last.
class CaptureWriter {
  public:
    [[nodiscard]] static std::expected<CaptureWriter, CaptureError> open(std::string const& path);

    CaptureWriter(CaptureWriter&& other) noexcept;
    CaptureWriter& operator=(CaptureWriter&&) = delete;
    CaptureWriter(CaptureWriter const&) = delete;
    ~CaptureWriter();

    [[nodiscard]] std::expected<void, CaptureError> append(CaptureRecord const& record);
    [[nodiscard]] std::expected<void, CaptureError> sync(); // to the disk

  private:
    CaptureWriter(int descriptor, std::string path, std::uint64_t offset);
    [[nodiscard]] std::expected<void, CaptureError> write_buffer();

    int descriptor_ = -1;
    std::string path_;
    std::uint64_t offset_ = 0;
    std::vector<std::uint8_t> buffer_;
};

} // namespace io
