// The ring as a Poller, and a machine that forbids it.
#include "tests/io/turns.hpp"

#include <cerrno>
#include <thread>

namespace io::testing {
namespace {

template <int system>
int refuse(unsigned, io_uring*, io_uring_params*) {
    return -system;
}

TEST(Proactor, a_forbidden_ring_names_seccomp_and_the_sysctl) {
    pipeline::ManualClock const clock;
    for (auto* const setup : {refuse<EPERM>, refuse<ENOSYS>, refuse<EACCES>}) {
        auto const proactor = Proactor::create(clock, {.setup = setup});
        ASSERT_FALSE(proactor);
        EXPECT_EQ(proactor.error().code, Code::ring_forbidden);
        std::string const text = describe(proactor.error());
        EXPECT_NE(text.find("seccomp"), std::string::npos);
        EXPECT_NE(text.find("kernel.io_uring_disabled"), std::string::npos);
    }
    EXPECT_EQ(Proactor::create(clock, {.setup = refuse<ENOMEM>}).error().code, Code::ring_failure);
}

// As a kernel before 6.1 answers.
int refuse_new_flags(unsigned entries, io_uring* ring, io_uring_params* params) {
    if ((params->flags & (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN)) != 0)
        return -EINVAL;
    return io_uring_queue_init_params(entries, ring, params);
}

TEST(Proactor, falls_back_to_plain_flags) {
    pipeline::ManualClock const clock;
    auto const proactor = Proactor::create(clock, {.setup = refuse_new_flags});
    ASSERT_TRUE(proactor);
    (*proactor)->wake();
    (*proactor)->park(pipeline::never);
    EXPECT_FALSE((*proactor)->poll() && (*proactor)->poll() && (*proactor)->poll());
}

TEST(Proactor, the_completion_queue_is_four_times_the_submission_queue) {
    pipeline::ManualClock const clock;
    auto const keep = [](unsigned entries, io_uring* ring, io_uring_params* params) {
        EXPECT_GE(params->cq_entries, 4 * entries);
        return io_uring_queue_init_params(entries, ring, params);
    };
    EXPECT_TRUE(Proactor::create(clock, {.setup = keep}));
}

TEST(Proactor, a_wake_before_the_park_ends_it_even_after_a_poll) {
    RingWorld world;
    world.proactor->wake();
    world.proactor->poll();
    world.proactor->park(pipeline::never); // coming back is the proof
}

TEST(Proactor, a_wake_from_another_thread_ends_a_park) {
    RingWorld world;
    for (int i = 0; i < 200; ++i) {
        std::thread waker([&] { world.proactor->wake(); });
        world.proactor->park(pipeline::never);
        waker.join();
        world.proactor->poll();
    }
}

TEST(Proactor, a_deadline_ends_a_park) {
    RingWorld world;
    world.proactor->park(world.clock.monotonic());                         // past already
    world.proactor->park(world.clock.monotonic() + pipeline::millisecond); // nobody wakes it
}

TEST(Proactor, made_here_run_there_and_gone_here) {
    RingWorld world;
    auto listener = *world.network.listen("127.0.0.1", 0);
    auto client =
        world.network.connect({.host = "127.0.0.1", .port = listener->port()}, world.soon());
    std::thread owner([&] {
        EXPECT_TRUE(world.run_until([&] { return client->state() == StreamState::open; }));
    });
    owner.join();
    // The kernel has cancelled what the thread left in flight; handles and ring go down quietly.
}

} // namespace
} // namespace io::testing
