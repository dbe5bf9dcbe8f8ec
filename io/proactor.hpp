// One io_uring per I/O thread, as that thread's Poller.
//
// create() may run on any thread; the first poll() or park() binds the ring to its caller, and from
// then on every call but wake() belongs to that thread. The proactor outlives every handle made on
// it.
//
// Memory the kernel may write to lives in a Slot, which the proactor owns: a handle that dies early
// releases its slot, the operations in flight are cancelled, and the slot is freed when the last of
// their completions is in. Completions are first moved from the ring to a list and handled after
// that, so no handler runs inside another.
//
// The kernel's time never decides: deadlines are given by the caller and compared with the injected
// clock, which here only turns a deadline into a length of sleep.
#pragma once

#include "io/error.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/poller.hpp"

#include <liburing.h>

#include <atomic>
#include <expected>
#include <memory>
#include <pthread.h>
#include <vector>

namespace io {

class Slot;

// One request to the kernel; a field of its slot. Its address is the completion's user_data.
class Operation {
  public:
    explicit Operation(Slot& slot)
        : slot_(slot) {}
    Operation(Operation const&) = delete;
    Operation& operator=(Operation const&) = delete;

    bool in_flight() const { return in_flight_; }
    // As the system call would return it: a count, or -errno.
    int result() const { return result_; }

  private:
    friend class Proactor;
    Slot& slot_;
    Operation* next_ = nullptr;
    int result_ = 0;
    bool in_flight_ = false;
};

// What must stay in place while the kernel works on it: buffers, addresses, the descriptor.
class Slot {
  public:
    Slot() = default;
    virtual ~Slot() = default; // closes what it holds; nothing is in flight any more
    Slot(Slot const&) = delete;
    Slot& operator=(Slot const&) = delete;

  protected:
    // An operation of this slot has finished. Not called once the slot is released.
    virtual void completed(Operation& operation) = 0;

  private:
    friend class Proactor;
    unsigned in_flight_ = 0;
    bool released_ = false;
};

struct ProactorOptions {
    unsigned entries = 256;
    // A blocking eventfd that others wake this thread by, owned from now on; -1: one is made.
    int wake_fd = -1;
    // Replaceable so that a test can refuse the ring as a sandbox would.
    int (*setup)(unsigned, io_uring*, io_uring_params*) = io_uring_queue_init_params;
};

class Proactor final : public pipeline::Poller {
  public:
    [[nodiscard]] static std::expected<std::unique_ptr<Proactor>, Error>
    create(pipeline::Clock const& clock, ProactorOptions const& options = {});
    ~Proactor() override;

    bool poll() override;
    void park(pipeline::Nanoseconds deadline) override;
    void wake() noexcept override;

    // The proactor takes ownership; the reference stays good until release().
    template <typename S>
    S& adopt(std::unique_ptr<S> slot) {
        S& reference = *slot;
        slots_.push_back(std::move(slot));
        return reference;
    }
    // Cancels what is in flight and frees the slot when that is done, possibly at once.
    void release(Slot& slot, std::initializer_list<Operation*> operations);

    // Each starts one operation; the buffer, address and descriptor stay valid until it completes.
    void connect(Operation& operation, int fd, sockaddr const* address, socklen_t size);
    void accept(Operation& operation, int fd);
    void recv(Operation& operation, int fd, pipeline::MutableBytes into);
    void send(Operation& operation, int fd, pipeline::Bytes from);
    // At the file's own position (O_APPEND decides for files).
    void write(Operation& operation, int fd, pipeline::Bytes from);
    void poll_once(Operation& operation, int fd, unsigned events);
    void cancel(Operation& operation);

    pipeline::Clock const& clock() const { return clock_; }
    std::size_t slots() const { return slots_.size(); } // owned and not yet freed; for tests
    unsigned in_flight() const { return in_flight_; }

  private:
    explicit Proactor(pipeline::Clock const& clock)
        : clock_(clock) {}

    io_uring_sqe* next_sqe();
    void start(Operation& operation, io_uring_sqe* sqe);
    void bind();
    void arm_wake();
    bool orphaned() const; // bound to a thread that is not the caller's
    void submit();
    void reap();
    bool dispatch();
    void free_slot(Slot& slot);
    void drain();

    pipeline::Clock const& clock_;
    io_uring ring_{};
    bool ring_ready_ = false;
    bool bound_ = false;
    pthread_t owner_handle_{};
    pid_t owner_ = 0; // the thread the ring is bound to; the kernel takes nothing from others
    int wake_fd_ = -1;
    std::uint64_t wake_count_ = 0;
    bool wake_armed_ = false;
    std::atomic<bool> wake_pending_{false};
    unsigned in_flight_ = 0;
    Operation* completed_first_ = nullptr;
    Operation* completed_last_ = nullptr;
    std::vector<std::unique_ptr<Slot>> slots_;
};

} // namespace io
