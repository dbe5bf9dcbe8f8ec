// What the service keeps beside its journal, on a MemoryDisk: whole files of the state directory,
// and the stream of alert lines with a sink that writes it a piece at a time.
//
// The stream is a file that nobody syncs: a killed process loses what it had not written, a power
// cut also the end of the file, which comes back shorter, torn, or as blank pages. One thread.
#pragma once

#include "memory_disk.hpp"

#include "pipeline/clock.hpp"
#include "stages/deliver.hpp"
#include "stages/state_files.hpp"
#include "stages/stream_tail.hpp"

#include <algorithm>
#include <deque>

namespace sim {

class DiskFiles final : public stages::StateFiles {
  public:
    explicit DiskFiles(MemoryDisk& disk)
        : disk_(disk) {}
    bool exists(std::string const& name) const override { return disk_.contents(name).has_value(); }
    std::expected<std::string, std::string> read(std::string const& name,
                                                 std::size_t bytes_max) const override {
        auto found = disk_.contents(name);
        if (!found) return std::unexpected(name + ": no such file");
        if (found->size() > bytes_max) return std::unexpected(name + ": too large");
        return std::move(*found);
    }
    std::expected<void, std::string> write(std::string const& name,
                                           std::string_view bytes) override {
        if (disk_.replace(name, bytes)) return {};
        return std::unexpected(name + ": it cannot be written");
    }

  private:
    MemoryDisk& disk_;
};

// The file of the sink.
struct AlertStream {
    std::string text;
    bool stuck = false;                                  // nothing can be written
    std::size_t buffer_bytes_max = std::size_t{1} << 20; // of its writer

    // A power cut: something of what was written after `kept` is lost. The first line stays: a
    // file that is lost as a whole counts as one that was rotated, which is no fault.
    void tear(io::Random& random, std::size_t kept) {
        std::size_t const first = text.find('\n') + 1; // 0: there is none
        std::size_t const least = std::min(std::max(kept, first), text.size());
        std::size_t const size = text.size();
        text.resize(least + random.up_to(size - least));
        if (random.up_to(2) == 0) text.resize(size, '\0');
    }
};

class StreamEnd final : public stages::StreamFile {
  public:
    explicit StreamEnd(AlertStream& stream)
        : stream_(stream) {}
    std::expected<std::uint64_t, io::Error> size() override { return stream_.text.size(); }
    std::expected<std::size_t, io::Error> read(std::uint64_t offset,
                                               pipeline::MutableBytes out) override {
        std::size_t const bytes = std::min<std::size_t>(out.size(), stream_.text.size() - offset);
        std::copy_n(stream_.text.begin() + static_cast<std::ptrdiff_t>(offset), bytes, out.begin());
        return bytes;
    }
    std::expected<void, io::Error> cut(std::uint64_t size) override {
        stream_.text.resize(size);
        return {};
    }

  private:
    AlertStream& stream_;
};

// As io::AppendFile behaves: takes lines into a bounded buffer, writes pieces of any length.
class StreamSink final : public stages::Sink {
  public:
    StreamSink(AlertStream& stream, MemoryDisk& disk, io::Random& random)
        : stream_(stream)
        , disk_(disk)
        , random_(random) {}
    bool append(std::string_view line) override {
        if (line.size() > room()) return false;
        waiting_ += line;
        return true;
    }
    std::size_t pending() const override { return waiting_.size(); }
    std::size_t room() const override { return stream_.buffer_bytes_max - waiting_.size(); }
    void advance() override {
        if (waiting_.empty() || stream_.stuck || disk_.fallen()) return;
        std::size_t const bytes =
            random_.up_to(3) == 0 ? random_.up_to(waiting_.size()) : waiting_.size();
        stream_.text.append(waiting_, 0, bytes);
        waiting_.erase(0, bytes);
    }
    pipeline::Nanoseconds next_deadline() const override { return pipeline::never; }

  private:
    AlertStream& stream_;
    MemoryDisk& disk_;
    io::Random& random_;
    std::string waiting_;
};

} // namespace sim
