#include "io/capture.hpp"

#include "pipeline/check.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

namespace io {

namespace {

using pipeline::Bytes;
using pipeline::Hash;
using pipeline::MutableBytes;

constexpr std::string_view magic = "spyhop-capture 1\n";
static_assert(magic.size() <= capture_header_bytes);

enum class Kind : std::uint8_t { chain = 1, runtime = 2, block = 3, finalized = 4 };

// -- payloads ------------------------------------------------------------------------------------

struct Out {
    std::vector<std::uint8_t>& to;

    void integer(std::uint64_t value, int size) {
        for (int i = 0; i < size; ++i) to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
    void bytes(Bytes b) { to.insert(to.end(), b.begin(), b.end()); }
    void blob(Bytes b) {
        CHECK(b.size() <= capture_record_bytes_max);
        integer(b.size(), 4);
        bytes(b);
    }

    void operator()(CaptureChain const& chain) {
        bytes(chain.genesis);
        blob(pipeline::as_bytes(chain.description));
    }
    void operator()(CaptureRuntime const& runtime) {
        integer(runtime.spec_version, 4);
        blob(pipeline::as_bytes(runtime.version));
        blob(runtime.metadata);
    }
    void operator()(CaptureBlock const& block) {
        integer(block.number, 8);
        bytes(block.hash);
        bytes(block.parent);
        integer(block.timestamp_ms, 8);
        integer(block.spec_version, 4);
        blob(block.header);
        blob(block.events);
        integer(block.extrinsics.size(), 4);
        for (auto const& extrinsic : block.extrinsics) blob(extrinsic);
        integer(block.storage.size(), 4);
        for (auto const& [key, value] : block.storage) {
            blob(key);
            blob(value);
        }
    }
    void operator()(CaptureFinalized const& finalized) { bytes(finalized.hash); }
};

// Sticky: after the first read past the end everything is empty and `ok` is false.
struct In {
    Bytes from;
    bool ok = true;

    Bytes take(std::size_t size) {
        if (!ok || size > from.size()) {
            ok = false;
            return {};
        }
        Bytes const taken = from.first(size);
        from = from.subspan(size);
        return taken;
    }
    std::uint64_t integer(std::size_t size) {
        std::uint64_t value = 0;
        Bytes const b = take(size);
        for (std::size_t i = 0; i < b.size(); ++i) value |= std::uint64_t{b[i]} << (8 * i);
        return value;
    }
    Hash hash() {
        Hash hash{};
        Bytes const b = take(hash.size());
        if (!b.empty()) std::memcpy(hash.data(), b.data(), b.size());
        return hash;
    }
    std::vector<std::uint8_t> blob() {
        Bytes const b = take(integer(4));
        return {b.begin(), b.end()};
    }
    std::string text() { return std::string(pipeline::as_text(take(integer(4)))); }
    // A count of things of at least `least` bytes each: no more than could be there.
    std::size_t count(std::size_t least) {
        std::uint64_t const n = integer(4);
        if (n * least > from.size()) ok = false;
        return ok ? n : 0;
    }
};

CaptureBlock read_block(In& in) {
    CaptureBlock block;
    block.number = in.integer(8);
    block.hash = in.hash();
    block.parent = in.hash();
    block.timestamp_ms = in.integer(8);
    block.spec_version = static_cast<std::uint32_t>(in.integer(4));
    block.header = in.blob();
    block.events = in.blob();
    block.extrinsics.resize(in.count(4));
    for (auto& extrinsic : block.extrinsics) extrinsic = in.blob();
    block.storage.resize(in.count(8));
    for (auto& [key, value] : block.storage) {
        key = in.blob();
        value = in.blob();
    }
    return block;
}

// False: unknown kind, or a payload of another shape.
bool read_payload(Kind kind, Bytes payload, CaptureRecord& out) {
    In in{payload};
    switch (kind) {
    case Kind::chain: {
        Hash const genesis = in.hash();
        out = CaptureChain{genesis, in.text()};
        break;
    }
    case Kind::runtime: {
        CaptureRuntime runtime;
        runtime.spec_version = static_cast<std::uint32_t>(in.integer(4));
        runtime.version = in.text();
        runtime.metadata = in.blob();
        out = std::move(runtime);
        break;
    }
    case Kind::block: out = read_block(in); break;
    case Kind::finalized: out = CaptureFinalized{in.hash()}; break;
    default: return false;
    }
    return in.ok && in.from.empty();
}

std::uint64_t checksum(Bytes head, Bytes payload) {
    return XXH64(payload.data(), payload.size(), XXH64(head.data(), head.size(), 0));
}

// -- files ---------------------------------------------------------------------------------------

CaptureError failed(std::string const& path, std::uint64_t offset, std::string_view doing) {
    int const code = errno;
    return {offset,
            fmt::format("{}: cannot {} at byte {}: {}", path, doing, offset, std::strerror(code))};
}

} // namespace

void encode_capture_head(std::vector<std::uint8_t>& out) {
    Out to{out};
    to.bytes(pipeline::as_bytes(magic));
    out.resize(out.size() + capture_header_bytes - magic.size());
}

void encode_capture_record(CaptureRecord const& record, std::vector<std::uint8_t>& out) {
    std::size_t const start = out.size();
    out.resize(start + capture_record_header_bytes);
    Out to{out};
    std::visit(to, record);
    std::size_t const payload_size = out.size() - start - capture_record_header_bytes;
    CHECK(payload_size <= capture_record_bytes_max);
    auto const kind = static_cast<std::uint8_t>(record.index() + 1);
    std::vector<std::uint8_t> head;
    Out fields{head};
    fields.integer(payload_size, 4);
    fields.integer(kind, 4);
    Bytes const payload = Bytes(out).last(payload_size);
    fields.integer(checksum(head, payload), 8);
    std::memcpy(out.data() + start, head.data(), head.size());
}

// -- reader --------------------------------------------------------------------------------------

CaptureReader::CaptureReader(int descriptor, Bytes bytes, std::string path)
    : descriptor_(descriptor)
    , memory_(bytes)
    , path_(std::move(path)) {}

CaptureReader::CaptureReader(CaptureReader&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1))
    , memory_(other.memory_)
    , path_(std::move(other.path_))
    , offset_(other.offset_)
    , payload_(std::move(other.payload_))
    , failure_(std::move(other.failure_))
    , torn_(other.torn_) {}

CaptureReader::~CaptureReader() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

std::expected<CaptureReader, CaptureError> CaptureReader::open(std::string const& path) {
    int const descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return std::unexpected(failed(path, 0, "open the capture"));
    CaptureReader reader(descriptor, {}, path);
    if (auto head = reader.read_head(); !head) return std::unexpected(head.error());
    return reader;
}

std::expected<CaptureReader, CaptureError> CaptureReader::over(Bytes bytes) {
    CaptureReader reader(-1, bytes, "capture");
    if (auto head = reader.read_head(); !head) return std::unexpected(head.error());
    return reader;
}

std::expected<void, CaptureError> CaptureReader::read_head() {
    std::array<std::uint8_t, capture_header_bytes> head{};
    auto const got = read(head);
    if (!got) return std::unexpected(got.error());
    std::vector<std::uint8_t> expected;
    encode_capture_head(expected);
    if (*got != head.size() || std::memcmp(head.data(), expected.data(), head.size()) != 0) {
        return std::unexpected(CaptureError{
            0, fmt::format("{}: is not a capture of version 1: the first {} bytes are not \"{}\" "
                           "and zeros (at byte 0)",
                           path_, head.size(), magic.substr(0, magic.size() - 1))});
    }
    offset_ = head.size();
    return {};
}

std::expected<std::size_t, CaptureError> CaptureReader::read(MutableBytes out) {
    if (descriptor_ < 0) {
        std::size_t const size = std::min(out.size(), memory_.size());
        std::memcpy(out.data(), memory_.data(), size);
        memory_ = memory_.subspan(size);
        return size;
    }
    std::size_t done = 0;
    while (done < out.size()) {
        ssize_t const got = ::read(descriptor_, out.data() + done, out.size() - done);
        if (got == 0) break;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return std::unexpected(failed(path_, offset_ + done, "read the capture"));
        done += static_cast<std::size_t>(got);
    }
    return done;
}

CaptureError CaptureReader::damaged(std::string_view what) const {
    return {offset_, fmt::format("{}: the record at byte {} {}; everything before it is good",
                                 path_, offset_, what)};
}

CaptureError CaptureReader::cut_short() {
    torn_ = true;
    return damaged("is cut short");
}

std::expected<bool, CaptureError> CaptureReader::next(CaptureRecord& out) {
    if (failure_) return std::unexpected(*failure_);
    auto fail = [&](CaptureError error) {
        failure_ = std::move(error);
        return std::unexpected(*failure_);
    };
    std::array<std::uint8_t, capture_record_header_bytes> head{};
    auto const got = read(head);
    if (!got) return fail(got.error());
    if (*got == 0) return false;
    if (*got < head.size()) return fail(cut_short());
    In fields{head};
    std::uint64_t const size = fields.integer(4);
    std::uint64_t const kind = fields.integer(4);
    std::uint64_t const sum = fields.integer(8);
    if (size > capture_record_bytes_max) {
        return fail(damaged(fmt::format("claims {} bytes, more than the {} a record may have", size,
                                        capture_record_bytes_max)));
    }
    if (auto const filled = fill_payload(size); !filled) return fail(filled.error());
    if (payload_.size() < size) return fail(cut_short());
    if (checksum(Bytes(head).first(8), payload_) != sum) {
        return fail(damaged("is damaged: its checksum does not match"));
    }
    if (kind > 255 || !read_payload(static_cast<Kind>(kind), payload_, out)) {
        return fail(damaged(fmt::format("of kind {} has a shape this version cannot read", kind)));
    }
    offset_ += head.size() + size;
    return true;
}

std::expected<void, CaptureError> CaptureReader::fill_payload(std::size_t size) {
    constexpr std::size_t step = 1U << 20;
    payload_.clear();
    while (payload_.size() < size) {
        std::size_t const had = payload_.size();
        payload_.resize(std::min(size, had + step));
        auto const got = read(MutableBytes(payload_).subspan(had));
        if (!got) return std::unexpected(got.error());
        payload_.resize(had + *got);
        if (had + *got < std::min(size, had + step)) break;
    }
    return {};
}

// -- writer --------------------------------------------------------------------------------------

CaptureWriter::CaptureWriter(int descriptor, std::string path, std::uint64_t offset)
    : descriptor_(descriptor)
    , path_(std::move(path))
    , offset_(offset) {}

CaptureWriter::CaptureWriter(CaptureWriter&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1))
    , path_(std::move(other.path_))
    , offset_(other.offset_)
    , buffer_(std::move(other.buffer_)) {}

CaptureWriter::~CaptureWriter() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

std::expected<CaptureWriter, CaptureError> CaptureWriter::open(std::string const& path) {
    int const descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (descriptor < 0) return std::unexpected(failed(path, 0, "open the capture for writing"));
    CaptureWriter writer(descriptor, path, 0);
    struct stat status{};
    if (::fstat(descriptor, &status) != 0) return std::unexpected(failed(path, 0, "stat"));
    if (status.st_size == 0) {
        encode_capture_head(writer.buffer_);
        if (auto done = writer.write_buffer(); !done) return std::unexpected(done.error());
        return writer;
    }
    auto reader = CaptureReader::open(path);
    if (!reader) return std::unexpected(reader.error());
    CaptureRecord record;
    for (;;) {
        auto const more = reader->next(record);
        if (!more && !reader->torn()) return std::unexpected(more.error());
        if (!more || !*more) break;
    }
    writer.offset_ = reader->offset();
    if (::ftruncate(descriptor, static_cast<off_t>(writer.offset_)) != 0) {
        return std::unexpected(failed(path, writer.offset_, "cut off the torn last record"));
    }
    return writer;
}

std::expected<void, CaptureError> CaptureWriter::append(CaptureRecord const& record) {
    buffer_.clear();
    encode_capture_record(record, buffer_);
    return write_buffer();
}

std::expected<void, CaptureError> CaptureWriter::write_buffer() {
    std::size_t done = 0;
    while (done < buffer_.size()) {
        ssize_t const put = ::write(descriptor_, buffer_.data() + done, buffer_.size() - done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) {
            auto error = failed(path_, offset_ + done, "write the capture");
            // A half-written record would make everything appended after it unreadable.
            [[maybe_unused]] int const cut = ::ftruncate(descriptor_, static_cast<off_t>(offset_));
            return std::unexpected(std::move(error));
        }
        done += static_cast<std::size_t>(put);
    }
    offset_ += done;
    return {};
}

std::expected<void, CaptureError> CaptureWriter::sync() {
    if (::fdatasync(descriptor_) != 0) {
        return std::unexpected(failed(path_, offset_, "bring the capture to the disk"));
    }
    return {};
}

} // namespace io
