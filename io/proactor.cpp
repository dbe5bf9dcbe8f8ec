#include "io/proactor.hpp"

#include "pipeline/check.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace io {

namespace {

// Most bytes of one operation; the kernel's own ceiling is a little under 2 GiB.
constexpr std::size_t operation_bytes_max = 1U << 30;

constexpr unsigned completions_per_submission = 4;

// While the ring goes down: turns to wait for cancelled operations, and the length of one.
constexpr int drain_turns_max = 200;
constexpr pipeline::Nanoseconds drain_turn = 10 * pipeline::millisecond;

// Best first; the kernel answers EINVAL to flags it does not know.
constexpr std::array flag_sets{
    unsigned{IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG},
    unsigned{IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG},
    0U,
};

unsigned bounded_size(std::size_t size) {
    return static_cast<unsigned>(std::min(size, operation_bytes_max));
}

Error ring_error(int system) {
    bool const forbidden = system == EPERM || system == ENOSYS || system == EACCES;
    return Error{forbidden ? Code::ring_forbidden : Code::ring_failure, system, "io_uring_setup"};
}

} // namespace

std::expected<std::unique_ptr<Proactor>, Error> Proactor::create(pipeline::Clock const& clock,
                                                                 ProactorOptions const& options) {
    std::unique_ptr<Proactor> proactor(new Proactor(clock));
    proactor->wake_fd_ = options.wake_fd;
    int result = -EINVAL;
    for (unsigned const flags : flag_sets) {
        io_uring_params params{};
        // Disabled at first, so that the thread which polls becomes the single issuer.
        params.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_R_DISABLED;
        params.cq_entries = options.entries * completions_per_submission;
        result = options.setup(options.entries, &proactor->ring_, &params);
        if (result != -EINVAL) break;
    }
    if (result < 0) return std::unexpected(ring_error(-result));
    proactor->ring_ready_ = true;
    if (proactor->wake_fd_ < 0) proactor->wake_fd_ = eventfd(0, EFD_CLOEXEC);
    if (proactor->wake_fd_ < 0)
        return std::unexpected(Error{code_of_socket(errno), errno, "eventfd"});
    return proactor;
}

Proactor::~Proactor() {
    if (ring_ready_) {
        if (bound_ && !orphaned()) drain();
        io_uring_queue_exit(&ring_);
    }
    if (wake_fd_ >= 0) ::close(wake_fd_);
    // A thread that exits has its operations cancelled by the kernel, so an orphaned ring's slots
    // are free. Where draining failed, memory the kernel may still write to is better lost than
    // reused.
    if (bound_ && !orphaned())
        for (std::unique_ptr<Slot>& slot : slots_)
            if (slot->in_flight_ > 0) static_cast<void>(slot.release());
}

bool Proactor::orphaned() const { return bound_ && owner_ != gettid(); }

void Proactor::bind() {
    if (bound_) {
        // Every pass comes here, so it is not the kernel that is asked.
        CHECK(owner_handle_ == pthread_self());
        return;
    }
    // liburing 2.3 declares io_uring_enable_rings and does not export it.
    CHECK(io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_REGISTER_ENABLE_RINGS,
                            nullptr, 0) == 0);
    owner_ = gettid();
    owner_handle_ = pthread_self();
    bound_ = true;
}

io_uring_sqe* Proactor::next_sqe() {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    if (!sqe) {
        CHECK(bound_); // more operations than entries before the owning thread has polled
        submit();
        sqe = io_uring_get_sqe(&ring_);
    }
    CHECK(sqe);
    return sqe;
}

void Proactor::submit() {
    int const result = io_uring_submit(&ring_);
    // EAGAIN and EBUSY: short of memory, or completions wait to be reaped; the entries stay queued.
    CHECK(result >= 0 || result == -EAGAIN || result == -EBUSY || result == -EINTR);
}

void Proactor::start(Operation& operation, io_uring_sqe* sqe) {
    CHECK(!operation.in_flight_);
    CHECK(!operation.slot_.released_);
    io_uring_sqe_set_data(sqe, &operation);
    operation.in_flight_ = true;
    operation.result_ = -EINPROGRESS;
    ++operation.slot_.in_flight_;
    ++in_flight_;
}

void Proactor::arm_wake() {
    if (wake_armed_) return;
    io_uring_sqe* const sqe = next_sqe();
    io_uring_prep_read(sqe, wake_fd_, &wake_count_, sizeof wake_count_, 0);
    io_uring_sqe_set_data(sqe, &wake_count_);
    wake_armed_ = true;
}

void Proactor::connect(Operation& operation, int fd, sockaddr const* address, socklen_t size) {
    io_uring_sqe* const sqe = next_sqe();
    io_uring_prep_connect(sqe, fd, address, size);
    start(operation, sqe);
}

void Proactor::accept(Operation& operation, int fd) {
    io_uring_sqe* const sqe = next_sqe();
    io_uring_prep_accept(sqe, fd, nullptr, nullptr, SOCK_CLOEXEC);
    start(operation, sqe);
}

void Proactor::recv(Operation& operation, int fd, pipeline::MutableBytes into) {
    io_uring_sqe* const sqe = next_sqe();
    io_uring_prep_recv(sqe, fd, into.data(), bounded_size(into.size()), 0);
    start(operation, sqe);
}

void Proactor::send(Operation& operation, int fd, pipeline::Bytes from) {
    io_uring_sqe* const sqe = next_sqe();
    io_uring_prep_send(sqe, fd, from.data(), bounded_size(from.size()), MSG_NOSIGNAL);
    start(operation, sqe);
}

void Proactor::write(Operation& operation, int fd, pipeline::Bytes from) {
    constexpr auto at_file_position = static_cast<std::uint64_t>(-1);
    io_uring_sqe* const sqe = next_sqe();
    io_uring_prep_write(sqe, fd, from.data(), bounded_size(from.size()), at_file_position);
    start(operation, sqe);
}

void Proactor::poll_once(Operation& operation, int fd, unsigned events) {
    io_uring_sqe* const sqe = next_sqe();
    io_uring_prep_poll_add(sqe, fd, events);
    start(operation, sqe);
}

void Proactor::cancel(Operation& operation) {
    if (!operation.in_flight_ || orphaned()) return;
    io_uring_sqe* const sqe = next_sqe();
    io_uring_prep_cancel(sqe, &operation, 0);
    io_uring_sqe_set_data(sqe, nullptr);
}

void Proactor::release(Slot& slot, std::initializer_list<Operation*> operations) {
    CHECK(!slot.released_);
    slot.released_ = true;
    for (Operation* const operation : operations) cancel(*operation);
    if (slot.in_flight_ == 0) free_slot(slot);
}

void Proactor::free_slot(Slot& slot) {
    auto const found = std::ranges::find_if(
        slots_, [&](std::unique_ptr<Slot> const& owned) { return owned.get() == &slot; });
    CHECK(found != slots_.end());
    std::swap(*found, slots_.back());
    slots_.pop_back();
}

void Proactor::reap() {
    unsigned head = 0;
    unsigned count = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring_, head, cqe) {
        ++count;
        void* const data = io_uring_cqe_get_data(cqe);
        if (data == &wake_count_) wake_armed_ = false;
        if (data == &wake_count_ || data == nullptr) continue;
        auto* const operation = static_cast<Operation*>(data);
        operation->result_ = cqe->res;
        operation->next_ = nullptr;
        if (completed_last_)
            completed_last_->next_ = operation;
        else
            completed_first_ = operation;
        completed_last_ = operation;
    }
    io_uring_cq_advance(&ring_, count);
}

bool Proactor::dispatch() {
    bool const any = completed_first_ != nullptr;
    while (completed_first_) {
        Operation& operation = *completed_first_;
        completed_first_ = operation.next_;
        if (!completed_first_) completed_last_ = nullptr;
        Slot& slot = operation.slot_;
        operation.in_flight_ = false;
        --slot.in_flight_;
        --in_flight_;
        if (!slot.released_)
            slot.completed(operation);
        else if (slot.in_flight_ == 0)
            free_slot(slot);
    }
    return any;
}

bool Proactor::poll() {
    bind();
    arm_wake();
    if (io_uring_sq_ready(&ring_) > 0) {
        int const result = io_uring_submit_and_get_events(&ring_);
        CHECK(result >= 0 || result == -EAGAIN || result == -EBUSY || result == -EINTR);
    } else if ((IO_URING_READ_ONCE(*ring_.sq.kflags) &
                (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0) {
        // The kernel has work for this thread; without the flag an idle poll is no system call.
        int const result = io_uring_get_events(&ring_);
        CHECK(result >= 0 || result == -EAGAIN || result == -EBUSY || result == -EINTR);
    }
    bool const woken = wake_armed_;
    reap();
    return dispatch() || woken != wake_armed_;
}

void Proactor::park(pipeline::Nanoseconds deadline) {
    bind();
    arm_wake();
    // Acquire pairs with the release in wake(): what the waker wrote is seen by the caller.
    if (wake_pending_.exchange(false, std::memory_order_acq_rel)) return;
    __kernel_timespec wait{};
    if (deadline != pipeline::never) {
        pipeline::Nanoseconds const now = clock_.monotonic();
        if (deadline <= now) return;
        wait.tv_sec = static_cast<long long>((deadline - now) / pipeline::second);
        wait.tv_nsec = static_cast<long long>((deadline - now) % pipeline::second);
    }
    io_uring_cqe* cqe = nullptr;
    int const result = io_uring_submit_and_wait_timeout(
        &ring_, &cqe, 1, deadline == pipeline::never ? nullptr : &wait, nullptr);
    CHECK(result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN ||
          result == -EBUSY);
    // A wake whose completion is still in the ring ends one more park, which is harmless.
    // The order pairs with the exchange in wake(), as above.
    wake_pending_.exchange(false, std::memory_order_acq_rel);
}

void Proactor::wake() noexcept {
    // Release pairs with the exchanges in park(). While one wake is pending a second needs no call.
    if (wake_pending_.exchange(true, std::memory_order_acq_rel)) return;
    std::uint64_t const one = 1;
    static_cast<void>(::write(wake_fd_, &one, sizeof one));
}

void Proactor::drain() {
    io_uring_sqe* const sqe = next_sqe();
    io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
    io_uring_sqe_set_data(sqe, nullptr);
    for (std::unique_ptr<Slot>& slot : slots_) slot->released_ = true;
    for (int turn = 0; turn < drain_turns_max && (in_flight_ > 0 || wake_armed_); ++turn) {
        __kernel_timespec wait{.tv_sec = 0, .tv_nsec = static_cast<long long>(drain_turn)};
        io_uring_cqe* cqe = nullptr;
        io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, &wait, nullptr);
        reap();
        dispatch();
    }
}

} // namespace io
