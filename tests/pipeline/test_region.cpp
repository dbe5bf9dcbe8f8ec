// What processes share, while they are killed: queues, payload, sequence numbers, threads that wake
// each other.
#include "pipeline/board.hpp"
#include "pipeline/sleeper.hpp"
#include "pipeline/topology.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <random>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pipeline {
namespace {

struct alignas(64) Parcel {
    static constexpr std::string_view record_name = "Parcel";
    Header header;
    Payload payload;
    std::uint64_t value = 0;
};

std::unique_ptr<Region> region() {
    auto made = Region::create(std::size_t{16} << 20);
    EXPECT_TRUE(made) << made.error();
    return std::move(*made);
}

// Runs it in a child, which is killed if it does not end by itself.
template <class Body>
pid_t in_child(Body const& body) {
    pid_t const pid = fork();
    if (pid != 0) return pid;
    body();
    _exit(0);
}

int end_of(pid_t pid) {
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

// The bytes that belong to a value; sizes that let no two of the largest be in flight at once, so
// that bytes which stay taken for nothing stop everything.
constexpr std::size_t arena_bytes = 4'096;
std::size_t size_of(std::uint64_t value) { return 1 + value * 7'919 % 3'000; }
std::uint8_t byte_of(std::uint64_t value, std::size_t at) {
    return static_cast<std::uint8_t>(value * 31 + at);
}

bool write_one(Link<Parcel>& link) {
    std::uint64_t const value = link.pushed();
    if (link.credit() == 0) return false;
    Parcel parcel;
    parcel.value = value;
    if (value % 3 != 0) { // some have no bytes
        auto const room = link.arena().reserve(size_of(value));
        if (room.empty()) return false;
        for (std::size_t i = 0; i < room.size(); ++i) room[i] = byte_of(value, i);
        parcel.payload = link.arena().commit(room.size());
    }
    link.push(parcel);
    return true;
}

bool whole(Link<Parcel>& link, Parcel const& parcel) {
    auto const bytes = link.payload(parcel);
    bool good = bytes.size() == (parcel.value % 3 != 0 ? size_of(parcel.value) : 0);
    for (std::size_t i = 0; i < bytes.size(); ++i)
        good = good && bytes[i] == byte_of(parcel.value, i);
    return good;
}

constexpr int kills = 100;

} // namespace

TEST(Region, lies_at_the_same_place_in_every_process) {
    auto const shared = region();
    auto const number = place<std::atomic<std::uint64_t>>(shared.get(), 1U);
    EXPECT_TRUE(shared->holds(number.get()));
    EXPECT_EQ(end_of(in_child([&] { number->store(42); })), 0);
    EXPECT_EQ(number->load(), 42U);
}

TEST(Region, aligns_and_counts_what_it_gives) {
    auto const shared = region();
    shared->allocate(1, 1);
    void* const aligned = shared->allocate(64, 64);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned) % 64, 0U);
    EXPECT_EQ(shared->used(), 128U);
    EXPECT_DEATH(shared->allocate(std::size_t{16} << 20, 1), "CHECK failed");
}

TEST(Region, without_one_memory_is_of_the_heap) {
    auto const number = place<int>(nullptr, 3);
    EXPECT_EQ(*number, 3);
    EXPECT_EQ(place_bytes(nullptr, 0, 64), nullptr);
}

// The writer is killed wherever it happens to be. What it has pushed arrives whole, in order, once.
TEST(Link, outlives_its_writer) {
    auto const shared = region();
    Link<Parcel> link("parcels", {.depth = 8, .arena_bytes = arena_bytes}, shared.get());
    std::mt19937 chance(7);
    std::uint64_t next = 0, read = 0;
    for (int kill_count = 0; kill_count < kills; ++kill_count) {
        pid_t const writer = in_child([&] {
            for (;;)
                if (!write_one(link)) sched_yield();
        });
        std::uint64_t const until = read + chance() % 200;
        while (read < until) {
            Parcel const* const parcel = link.front();
            if (parcel == nullptr) {
                sched_yield();
                continue;
            }
            ASSERT_GE(parcel->header.sequence, next); // a number may be lost with its writer
            ASSERT_EQ(parcel->value, parcel->header.sequence);
            ASSERT_TRUE(whole(link, *parcel)) << parcel->value;
            next = parcel->header.sequence + 1;
            ++read;
            link.pop();
        }
        kill(writer, SIGKILL);
        EXPECT_TRUE(WIFSIGNALED(end_of(writer)));
        link.recover(Ends::writer);
    }
    EXPECT_LE(next - read, static_cast<std::uint64_t>(kills));
}

// The reader is killed wherever it happens to be: it reads again what it had not popped, whole.
TEST(Link, outlives_its_reader) {
    struct Seen {
        std::atomic<std::uint64_t> next{0}; // number expected next, if the one before was popped
        std::atomic<std::uint64_t> wrong{0};
    };
    auto const shared = region();
    Link<Parcel> link("parcels", {.depth = 8, .arena_bytes = arena_bytes}, shared.get());
    auto const seen = place<Seen>(shared.get());
    std::mt19937 chance(8);
    for (int kill_count = 0; kill_count < kills; ++kill_count) {
        pid_t const reader = in_child([&] {
            for (;;) {
                Parcel const* const parcel = link.front();
                if (parcel == nullptr) {
                    sched_yield();
                    continue;
                }
                std::uint64_t const number = parcel->header.sequence;
                bool const in_order =
                    number == seen->next.load() || number + 1 == seen->next.load();
                if (!in_order || !whole(link, *parcel)) seen->wrong.fetch_add(1);
                seen->next.store(number + 1);
                link.pop();
            }
        });
        for (std::uint64_t const until = link.pushed() + chance() % 200; link.pushed() < until;)
            if (!write_one(link)) sched_yield();
        kill(reader, SIGKILL);
        EXPECT_TRUE(WIFSIGNALED(end_of(reader)));
        link.recover(Ends::reader);
    }
    EXPECT_EQ(seen->wrong.load(), 0U);
    EXPECT_GE(seen->next.load() + 8 + 1, link.pushed());
}

// Killed between taking room and pushing: nobody would ever give that room back.
TEST(Link, room_that_no_message_names_is_free_again) {
    Link<Parcel> link("parcels", {.depth = 8, .arena_bytes = arena_bytes});
    for (int death = 0; death < 10; ++death) {
        ASSERT_FALSE(link.arena().reserve(3'000).empty()) << death;
        link.arena().commit(3'000);
        link.recover(Ends::writer);
    }
    Parcel parcel;
    ASSERT_FALSE(link.arena().reserve(1'000).empty());
    parcel.payload = link.arena().commit(1'000);
    link.push(parcel);
    ASSERT_FALSE(link.arena().reserve(2'000).empty());
    link.arena().commit(2'000); // and dies
    link.recover(Ends::writer);
    EXPECT_TRUE(link.arena().reserve(3'500).empty()); // the message in flight keeps its bytes
    link.pop();
    EXPECT_FALSE(link.arena().reserve(3'500).empty());
}

TEST(Link, is_empty_after_both_its_ends_have_died_and_counts_on) {
    Link<Parcel> link("parcels", {.depth = 8, .arena_bytes = arena_bytes});
    while (write_one(link)) {}
    std::uint64_t const pushed = link.pushed();
    link.recover(Ends::both);
    EXPECT_EQ(link.front(), nullptr);
    EXPECT_FALSE(link.arena().reserve(link.arena().largest()).empty());
    Parcel const parcel;
    link.push(parcel);
    EXPECT_EQ(link.front()->header.sequence, pushed);
}

TEST(ProcessBoard, an_end_is_another_generation) {
    ProcessBoard board;
    Generation const seen = board.generation(Process::legacy);
    EXPECT_EQ(Generation().load(), 0U);
    EXPECT_FALSE(Generation().can_change());
    EXPECT_EQ(seen.load(), 0U);
    board.started(Process::legacy, 11);
    board.up(Process::legacy);
    EXPECT_TRUE(board.is_up(Process::legacy));
    EXPECT_EQ(board.view(Process::legacy).pid, 11);
    board.ask_restart(Process::legacy);
    board.ended(Process::legacy);
    board.died(Process::legacy, 9, 100, 0);
    EXPECT_EQ(seen.load(), 1U);
    EXPECT_FALSE(board.is_up(Process::legacy));
    EXPECT_FALSE(board.restart_asked(Process::legacy));
    board.restarted(Process::legacy);
    ProcessView const view = board.view(Process::legacy);
    EXPECT_EQ(view.pid, 0);
    EXPECT_EQ(view.restarts, 1U);
    EXPECT_EQ(view.deaths, 1U);
    EXPECT_EQ(view.last_status, 9);
    EXPECT_EQ(view.died_at, 100U);
    EXPECT_EQ(board.generation(Process::hybrid).load(), 0U);
}

// ---- a topology in three processes --------------------------------------------------------------

namespace {

// Emits for ever.
struct Source : Pinned {
    static constexpr std::uint32_t max_burst = 1;
    Out<Parcel> parcels;
    explicit Source(Out<Parcel> out)
        : parcels(out) {}
    auto outputs() { return std::tie(parcels); }
    bool tick(Turn const&) {
        parcels.emit({});
        return true;
    }
};

struct Middle : Pinned {
    static constexpr std::uint32_t max_burst = 1;
    Out<Parcel> parcels;
    explicit Middle(Out<Parcel> out)
        : parcels(out) {}
    auto outputs() { return std::tie(parcels); }
    void on(Part<Parcel> const& part, Turn const&) { parcels.emit(part.message); }
};

struct End : Pinned {
    static constexpr std::uint32_t max_burst = 0;
    auto outputs() { return std::tie(); }
    void on(Part<Parcel> const&, Turn const&) {}
};

struct Parts {
    SystemClock clock;
    Switchboard switchboard{Regime{}};
    std::unique_ptr<Region> shared = region();
    Topology topology{clock, switchboard, Idle::park,
                      [this](std::string const&) { return std::make_unique<Sleeper>(clock); },
                      shared.get()};
    std::map<Process, pid_t> children;

    std::expected<void, std::string> wire(std::string const& last_thread = "c") {
        auto& first = topology.link<Parcel>("first", {.depth = 4});
        auto& second = topology.link<Parcel>("second", {.depth = 4});
        topology.stage({"source", Process::hybrid, "a"}, std::make_unique<Source>(first));
        topology.stage({"middle", Process::legacy, "b"}, std::make_unique<Middle>(second), first);
        topology.stage({"end", Process::control, last_thread}, std::make_unique<End>(), second);
        return topology.finish();
    }
    void start(Process process) {
        children[process] = in_child([&] {
            topology.enter(process, [&](int fd) { return std::make_unique<Sleeper>(clock, fd); });
            if (!wire()) _exit(1);
            topology.start();
            topology.join();
        });
    }
    std::uint64_t arrived() const {
        for (auto const& page : topology.metrics().pages())
            if (page->labels() == "stage=\"end\"") return page->read(RunnerMetric::messages);
        return 0;
    }
    void wait_for_more(std::uint64_t messages) const {
        for (std::uint64_t const until = arrived() + messages; arrived() < until;) sched_yield();
    }
};

} // namespace

// Each thread sleeps without a deadline whenever it can: a wake-up that does not reach the other
// process hangs here.
TEST(Processes, wake_each_other_and_go_on_with_those_that_are_started_again) {
    Parts parts;
    ASSERT_TRUE(parts.wire());
    parts.topology.hollow();
    for (Process const process : all_processes) parts.start(process);
    parts.wait_for_more(2'000);
    for (Process const process : {Process::hybrid, Process::legacy, Process::control})
        for (int i = 0; i < 5; ++i) {
            kill(parts.children[process], SIGKILL);
            EXPECT_TRUE(WIFSIGNALED(end_of(parts.children[process])));
            parts.topology.revive(process);
            parts.start(process);
            parts.wait_for_more(500);
        }
    for (Process const process : all_processes) parts.topology.stop(process);
    for (Process const process : all_processes) EXPECT_EQ(end_of(parts.children[process]), 0);
}

TEST(Processes, each_has_threads_of_its_own) {
    Parts parts;
    auto const wired = parts.wire("a");
    ASSERT_FALSE(wired);
    EXPECT_EQ(wired.error(), "thread 'a' is shared by the processes hybrid and control");
}

TEST(Processes, an_observer_that_is_given_up_holds_nobody_up) {
    Parts parts;
    auto& link = parts.topology.link<Parcel>("seen", {.depth = 4, .when_full = WhenFull::drop});
    parts.topology.stage({"source", Process::hybrid, "a"}, std::make_unique<Source>(link));
    parts.topology.stage({"end", Process::control, "c"}, std::make_unique<End>(), link);
    ASSERT_TRUE(parts.topology.finish());
    link.push({});
    EXPECT_FALSE(parts.topology.settled());
    parts.topology.give_up(Process::control);
    EXPECT_FALSE(parts.topology.settled()); // the source has made no pass
    parts.topology.give_up(Process::hybrid);
    EXPECT_TRUE(parts.topology.settled());
}

} // namespace pipeline
