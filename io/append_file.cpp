#include "io/append_file.hpp"

#include "pipeline/check.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace io {

// What the kernel works on: active_ (from active_written_ on) is in flight, queued_ follows it.
class AppendFile::Sink final : public Slot {
  public:
    Sink(Proactor& proactor, Random& random, int fd, std::string path,
         AppendFileOptions const& options)
        : proactor_(proactor)
        , fd_(fd)
        , path_(std::move(path))
        , options_(options)
        , backoff_(options.retry, random) {}
    ~Sink() override { ::close(fd_); }

    bool append(std::string_view text) {
        if (broken_ || text.size() > options_.buffer_bytes_max - pending()) return false;
        queued_.insert(queued_.end(), text.begin(), text.end());
        write_more();
        return true;
    }
    void advance() {
        if (proactor_.clock().monotonic() < retry_at_) return;
        retry_at_ = 0;
        write_more();
    }
    void retire() { proactor_.release(*this, {&writing_, &waiting_}); }

    std::size_t pending() const { return active_.size() - active_written_ + queued_.size(); }
    std::uint64_t written() const { return written_; }
    Error const* error() const { return failed_ ? &error_ : nullptr; }
    bool broken() const { return broken_; }
    pipeline::Nanoseconds next_deadline() const {
        return retry_at_ != 0 && !broken_ ? retry_at_ : pipeline::never;
    }

  private:
    void completed(Operation& operation) override {
        if (&operation == &writing_) on_written(operation.result());
        write_more();
    }

    void on_written(int result) {
        if (result > 0) {
            active_written_ += static_cast<std::size_t>(result);
            written_ += static_cast<std::uint64_t>(result);
            failed_ = false;
            backoff_.succeeded(proactor_.clock().monotonic());
            return;
        }
        if (result == -EINTR) return;
        if (result == -EAGAIN) { // a full pipe in non-blocking mode
            proactor_.poll_once(waiting_, fd_, POLLOUT);
            return;
        }
        int const system = result == 0 ? EIO : -result;
        failed_ = true;
        error_ = {code_of_file(system), system, path_};
        broken_ = system == EPIPE || system == EBADF;
        retry_at_ = backoff_.failed(proactor_.clock().monotonic());
    }

    void write_more() {
        if (broken_ || retry_at_ != 0 || writing_.in_flight() || waiting_.in_flight()) return;
        if (active_written_ == active_.size()) {
            active_.clear();
            active_written_ = 0;
            std::swap(active_, queued_);
        }
        if (active_.empty()) return;
        proactor_.write(writing_, fd_, pipeline::Bytes(active_).subspan(active_written_));
    }

    Proactor& proactor_;
    int fd_;
    std::string path_;
    AppendFileOptions options_;
    Backoff backoff_;
    Operation writing_{*this};
    Operation waiting_{*this};
    std::vector<std::uint8_t> active_;
    std::size_t active_written_ = 0;
    std::vector<std::uint8_t> queued_;
    std::uint64_t written_ = 0;
    pipeline::Nanoseconds retry_at_ = 0; // 0: nothing to wait for
    bool failed_ = false;
    bool broken_ = false;
    Error error_{Code::file_failure};
};

std::expected<std::unique_ptr<AppendFile>, Error>
AppendFile::open(Proactor& proactor, Random& random, std::string const& path,
                 AppendFileOptions const& options) {
    bool const standard_output = path == "-";
    int const fd = standard_output ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                                   : ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
                                            options.mode);
    std::string const name = standard_output ? "stdout" : path;
    if (fd < 0) return std::unexpected(Error{code_of_file(errno), errno, name});
    Sink& sink = proactor.adopt(std::make_unique<Sink>(proactor, random, fd, name, options));
    return std::unique_ptr<AppendFile>(new AppendFile(sink));
}

AppendFile::~AppendFile() { sink_.retire(); }

bool AppendFile::append(std::string_view text) { return sink_.append(text); }
void AppendFile::advance() { sink_.advance(); }
std::size_t AppendFile::pending() const { return sink_.pending(); }
std::uint64_t AppendFile::written() const { return sink_.written(); }
Error const* AppendFile::error() const { return sink_.error(); }
bool AppendFile::broken() const { return sink_.broken(); }
pipeline::Nanoseconds AppendFile::next_deadline() const { return sink_.next_deadline(); }

} // namespace io
