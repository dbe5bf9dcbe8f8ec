// Appends text to a file, a pipe or stdout ("-") through the proactor, with a bounded buffer.
//
// One write in flight; short writes go on where they stopped, so lines stay whole and in order. A
// full disk or a failing file keeps the bytes and tries again with back-off, visible in error(); a
// reader that went away (EPIPE) is final. The process must ignore SIGPIPE. Owned by the proactor's
// thread, dies before the proactor. Bytes pending at destruction are dropped: drain first (until
// pending() is 0).
#pragma once

#include "io/backoff.hpp"
#include "io/limits.hpp"
#include "io/proactor.hpp"

#include <string>
#include <string_view>

namespace io {

struct AppendFileOptions {
    std::size_t buffer_bytes_max = limits::append_buffer_bytes_max;
    unsigned mode = 0640;
    BackoffOptions retry{};
};

class AppendFile {
  public:
    [[nodiscard]] static std::expected<std::unique_ptr<AppendFile>, Error>
    open(Proactor& proactor, Random& random, std::string const& path,
         AppendFileOptions const& options = {});
    ~AppendFile();
    AppendFile(AppendFile const&) = delete;
    AppendFile& operator=(AppendFile const&) = delete;

    // All or nothing: false when it does not fit now, or after a final error.
    [[nodiscard]] bool append(std::string_view text);
    // Starts a retry that is due. Call each turn.
    void advance();

    std::size_t pending() const; // bytes taken and not yet written
    std::uint64_t written() const;
    Error const* error() const; // the present trouble; null when all is well
    bool broken() const;        // nothing will ever be written again
    pipeline::Nanoseconds next_deadline() const;

  private:
    class Sink;
    explicit AppendFile(Sink& sink)
        : sink_(sink) {}

    Sink& sink_;
};

} // namespace io
