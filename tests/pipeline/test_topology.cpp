// Runner, driver and topology on small stages: credit before take, pop after handling, wiring
// faults, every layout of the same rows.
#include "pipeline/sleeper.hpp"
#include "pipeline/topology.hpp"

#include <gtest/gtest.h>

namespace pipeline {
namespace {

struct alignas(64) Number {
    static constexpr std::string_view record_name = "Number";
    Header header;
    std::uint64_t value = 0;
};

// Emits 0, 1, 2 ... up to `count`.
struct Counter : Pinned {
    static constexpr std::uint32_t max_burst = 1;
    Out<Number> numbers;
    std::uint64_t count;
    std::uint64_t next = 0;

    Counter(Out<Number> out, std::uint64_t how_many)
        : numbers(out)
        , count(how_many) {}
    auto outputs() { return std::tie(numbers); }
    bool tick(Turn const&) {
        if (next == count) return false;
        Number number;
        number.value = next++;
        numbers.emit(number);
        return true;
    }
};

// Emits every number twice.
struct Doubler : Pinned {
    static constexpr std::uint32_t max_burst = 2;
    Out<Number> numbers;

    explicit Doubler(Out<Number> out)
        : numbers(out) {}
    auto outputs() { return std::tie(numbers); }
    void on(Part<Number> const& part, Turn const&) {
        numbers.emit(part.message);
        numbers.emit(part.message);
    }
};

struct Collector : Pinned {
    static constexpr std::uint32_t max_burst = 0;
    std::atomic<std::uint64_t> seen{0}; // read by the test's thread
    std::uint64_t sum = 0;
    bool open = true;

    auto outputs() { return std::tie(); }
    bool accepting() const { return open; }
    void on(Part<Number> const& part, Turn const&) {
        sum += part->value;
        seen.fetch_add(1, std::memory_order_release);
    }
};

// Turns a number n into n ones, two at a time.
struct Unroller : Pinned {
    static constexpr std::uint32_t max_burst = 2;
    Out<Number> numbers;
    std::uint64_t done = 0;

    explicit Unroller(Out<Number> out)
        : numbers(out) {}
    auto outputs() { return std::tie(numbers); }
    bool on(Part<Number> const& part, Turn const&) {
        Number one;
        one.value = 1;
        for (std::uint32_t i = 0; i < max_burst && done < part->value; ++i, ++done)
            numbers.emit(one);
        if (done < part->value) return false;
        done = 0;
        return true;
    }
};

struct World {
    SystemClock clock;
    Switchboard switchboard{Regime{}};
    Topology topology{clock, switchboard, Idle::park,
                      [this](std::string const&) { return std::make_unique<Sleeper>(clock); }};

    Collector& build(std::uint64_t count, std::string const& a, std::string const& b,
                     std::string const& c) {
        auto& ones = topology.link<Number>("ones", {.depth = 4});
        auto& twos = topology.link<Number>("twos", {.depth = 4});
        topology.stage({"counter", Process::hybrid, a}, std::make_unique<Counter>(ones, count));
        topology.stage({"doubler", Process::hybrid, b}, std::make_unique<Doubler>(twos), ones);
        return topology.stage({"collector", Process::legacy, c}, std::make_unique<Collector>(),
                              twos);
    }
};

TEST(Topology, moves_messages_in_one_thread_by_hand) {
    World world;
    Collector& collector = world.build(100, "one", "one", "one");
    ASSERT_TRUE(world.topology.finish());
    for (int i = 0; i < 1000 && world.topology.turn(); ++i) {}
    EXPECT_EQ(collector.seen.load(), 200U);
    EXPECT_EQ(collector.sum, 2 * 99U * 100 / 2);
    EXPECT_TRUE(world.topology.settled());
}

// As the simulator lets a process die: what lies in the links is found by its successor.
TEST(Topology, a_process_is_succeeded_within_one_thread) {
    World world;
    world.build(100, "one", "one", "two");
    ASSERT_TRUE(world.topology.finish());
    for (int i = 0; i < 3; ++i) world.topology.turn();
    world.topology.bury(Process::legacy);
    while (world.topology.turn()) {}
    EXPECT_EQ(world.topology.links()[1]->waiting(), 4U); // nobody reads
    world.topology.revive(Process::legacy);
    world.topology.succeed(Process::legacy);
    Collector& collector = world.build(1'000, "one", "one", "two"); // the counter stays as it was
    ASSERT_TRUE(world.topology.finish());
    for (int i = 0; i < 1000 && world.topology.turn(); ++i) {}
    EXPECT_TRUE(world.topology.settled());
    EXPECT_LT(collector.seen.load(), 200U); // the dead has read some
    EXPECT_GT(collector.seen.load(), 4U);
}

TEST(Topology, a_large_message_is_worked_through_in_steps) {
    World world;
    auto& numbers = world.topology.link<Number>("numbers", {.depth = 4});
    auto& ones =
        world.topology.link<Number>("ones", {.depth = 3}); // far less than one message makes
    world.topology.stage({"counter", Process::hybrid, "a"}, std::make_unique<Counter>(numbers, 10));
    world.topology.stage({"unroller", Process::hybrid, "a"}, std::make_unique<Unroller>(ones),
                         numbers);
    Collector& collector = world.topology.stage({"collector", Process::legacy, "a"},
                                                std::make_unique<Collector>(), ones);
    ASSERT_TRUE(world.topology.finish());
    for (int i = 0; i < 1000 && world.topology.turn(); ++i) {}
    EXPECT_EQ(collector.sum, 45U);
}

TEST(Topology, a_slow_reader_stops_the_source_and_loses_nothing) {
    World world;
    Collector& collector = world.build(100, "one", "one", "one");
    ASSERT_TRUE(world.topology.finish());
    collector.open = false;
    for (int i = 0; i < 100; ++i) world.topology.turn();
    EXPECT_EQ(collector.seen.load(), 0U);
    for (auto const& link : world.topology.links()) EXPECT_EQ(link->waiting(), 4U) << link->name;
    EXPECT_FALSE(world.topology.settled());
    collector.open = true;
    for (int i = 0; i < 1000 && world.topology.turn(); ++i) {}
    EXPECT_EQ(collector.seen.load(), 200U);
}

// Parking must never miss a message: each thread sleeps without a deadline, so one missed wake-up
// would hang here (and meson's time limit would say so).
// The reader makes room after the writer's turn and before its sleep: the writer's own work shows
// in no link, so only ready() can keep it awake.
TEST(Runner, a_starved_stage_is_ready_as_soon_as_there_is_room) {
    Link<Number> link("numbers", {.depth = 2});
    MetricsPage page("", runner_metrics);
    Counter counter(link, 10);
    Runner<Counter> runner(counter, page);
    Turn const turn{};
    EXPECT_TRUE(runner.turn(turn));
    EXPECT_FALSE(runner.turn(turn)); // full
    EXPECT_FALSE(runner.ready());
    link.pop();
    EXPECT_TRUE(runner.ready());
    EXPECT_TRUE(runner.turn(turn));
    EXPECT_FALSE(runner.ready());
    while (counter.next < 10) {
        link.pop();
        runner.turn(turn);
    }
    while (link.front() != nullptr) link.pop();
    EXPECT_FALSE(runner.turn(turn)); // nothing left, and room enough
    EXPECT_FALSE(runner.ready());
}

// A stage that works through a message in steps keeps its place in it: messages of other links have
// to wait until it is done, however many turns that takes.
struct Stepper : pipeline::Pinned {
    static constexpr std::uint32_t max_burst = 0;
    auto outputs() { return std::tie(); }
    bool on(Part<Number> const& part, Turn const&) {
        order.push_back(part->value);
        return ++steps % (3 * pipeline::batch_max) == 0;
    }
    std::vector<std::uint64_t> order;
    int steps = 0;
};

TEST(Runner, a_message_begun_is_finished_before_one_of_another_link) {
    Link<Number> first("first", {.depth = 2});
    Link<Number> second("second", {.depth = 2});
    MetricsPage page("", runner_metrics);
    Stepper stepper;
    Runner<Stepper> runner(stepper, page);
    runner.read(first);
    runner.read(second);
    first.push({{}, 1});
    second.push({{}, 2});
    for (int turn = 0; turn < 6; ++turn) runner.turn({});
    ASSERT_EQ(stepper.order.size(), std::size_t{6} * pipeline::batch_max);
    EXPECT_TRUE(std::is_sorted(stepper.order.begin(), stepper.order.end()));
    EXPECT_EQ(std::count(stepper.order.begin(), stepper.order.end(), 1), 3 * pipeline::batch_max);
}

TEST(Topology, parked_threads_wake_each_other) {
    World world;
    Collector& collector = world.build(20'000, "a", "b", "c");
    ASSERT_TRUE(world.topology.finish());
    world.topology.start();
    while (collector.seen.load(std::memory_order_acquire) < 40'000) std::this_thread::yield();
    world.topology.stop();
    EXPECT_EQ(collector.sum, 2 * (19'999ULL * 20'000 / 2));
}

TEST(Topology, names_a_link_without_a_reader) {
    World world;
    auto& ones = world.topology.link<Number>("ones", {.depth = 4});
    world.topology.stage({"counter", Process::hybrid, "a"}, std::make_unique<Counter>(ones, 1));
    auto const result = world.topology.finish();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(),
              "link 'ones' has 1 writers and 0 readers; it needs exactly one of each");
}

TEST(Topology, names_a_link_with_two_writers) {
    World world;
    auto& ones = world.topology.link<Number>("ones", {.depth = 4});
    world.topology.stage({"first", Process::hybrid, "a"}, std::make_unique<Counter>(ones, 1));
    world.topology.stage({"second", Process::hybrid, "a"}, std::make_unique<Counter>(ones, 1));
    world.topology.stage({"end", Process::hybrid, "a"}, std::make_unique<Collector>(), ones);
    EXPECT_EQ(world.topology.finish().error(),
              "link 'ones' has 2 writers and 1 readers; it needs exactly one of each");
}

TEST(Topology, refuses_equal_names) {
    World world;
    world.build(1, "a", "a", "a");
    world.topology.link<Number>("ones", {.depth = 4});
    EXPECT_EQ(world.topology.finish().error(), "two links are called 'ones'");
}

TEST(Topology, refuses_a_circle_of_waiting_stages_but_not_of_dropping_ones) {
    for (auto when_full : {WhenFull::wait, WhenFull::drop}) {
        World world;
        auto& there = world.topology.link<Number>("there", {.depth = 4});
        auto& back = world.topology.link<Number>("back", {.depth = 4, .when_full = when_full});
        world.topology.stage({"left", Process::hybrid, "a"}, std::make_unique<Doubler>(there),
                             back);
        world.topology.stage({"right", Process::hybrid, "a"}, std::make_unique<Doubler>(back),
                             there);
        auto const result = world.topology.finish();
        EXPECT_EQ(result.has_value(), when_full == WhenFull::drop);
        if (result) continue;
        EXPECT_EQ(result.error(), "stages wait for each other in a circle: left -> right -> left");
    }
}

TEST(Topology, prints_stages_links_threads_and_memory) {
    World world;
    world.build(1, "a", "b", "b");
    ASSERT_TRUE(world.topology.finish());
    std::string const table = world.topology.table();
    EXPECT_NE(table.find("doubler    hybrid   b       ones   twos"), std::string::npos) << table;
    EXPECT_NE(table.find("ones  Number   64     4      -        wait       counter  doubler"),
              std::string::npos)
        << table;
    EXPECT_NE(table.find("links hold 512 B"), std::string::npos) << table;
    EXPECT_NE(world.topology.dot().find("\"counter\" -> \"doubler\""), std::string::npos);
}

TEST(Topology, counts_messages_per_stage) {
    World world;
    world.build(10, "a", "a", "a");
    ASSERT_TRUE(world.topology.finish());
    for (int i = 0; i < 1000 && world.topology.turn(); ++i) {}
    std::string const text = world.topology.metrics().exposition();
    EXPECT_NE(text.find("spyhop_stage_messages_total{stage=\"doubler\"} 10\n"), std::string::npos);
    EXPECT_NE(text.find("spyhop_stage_messages_total{stage=\"collector\"} 20\n"),
              std::string::npos);
    EXPECT_NE(text.find("# TYPE spyhop_stage_messages_total counter\n"), std::string::npos);
}

struct Timed : Pinned {
    static constexpr std::uint32_t max_burst = 0;
    auto outputs() { return std::tie(); }
    Nanoseconds next_deadline() const { return 5 * second; }
};

TEST(Driver, parks_no_longer_than_the_earliest_deadline) {
    struct Recorder final : Poller {
        Nanoseconds parked_until = 0;
        Driver* driver = nullptr;
        bool poll() override { return false; }
        void park(Nanoseconds deadline) override {
            parked_until = deadline;
            driver->stop();
        }
        void wake() noexcept override {}
    };
    ManualClock clock;
    Switchboard switchboard{Regime{}};
    auto recorder = std::make_unique<Recorder>();
    Recorder& seen = *recorder;
    Driver driver({.name = "t"}, std::move(recorder), clock, switchboard);
    seen.driver = &driver;
    Timed stage;
    MetricsPage page("", runner_metrics);
    Runner<Timed> runner(stage, page);
    driver.add(runner);
    driver.run();
    EXPECT_EQ(seen.parked_until, 5 * second);
}

} // namespace
} // namespace pipeline
