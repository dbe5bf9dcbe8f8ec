// Who wakes whom, and who does not: bells by link, observers, rousing, lingering. Threads are
// played by hand; what sleeps is a flag and what wakes it is counted.
#include "pipeline/topology.hpp"

#include <gtest/gtest.h>
#include <map>

namespace pipeline {
namespace {

struct alignas(64) Number {
    static constexpr std::string_view record_name = "Number";
    Header header;
};

// Emits `count` numbers in its next turn.
struct Source : Pinned {
    static constexpr std::uint32_t max_burst = 1;
    Out<Number> numbers;
    int count = 0;

    explicit Source(Out<Number> out)
        : numbers(out) {}
    auto outputs() { return std::tie(numbers); }
    bool tick(Turn const&) {
        if (count == 0) return false;
        --count;
        numbers.emit({});
        return true;
    }
};

struct Sink : Pinned {
    static constexpr std::uint32_t max_burst = 0;
    auto outputs() { return std::tie(); }
    void on(Part<Number> const&, Turn const&) {}
};

// What happens to it is counted; what happens in it is scripted.
struct Scripted final : Poller {
    int wakes = 0;
    std::vector<int> passes_before_park{0}; // of each stretch between two parks
    bool heard = false;                     // poll() has something from outside, once
    std::function<void()> each_poll = [] {};
    std::function<void()> each_park = [] {};

    bool poll() override {
        ++passes_before_park.back();
        each_poll();
        return std::exchange(heard, false);
    }
    void park(Nanoseconds) override {
        passes_before_park.push_back(0);
        each_park();
    }
    void wake() noexcept override { ++wakes; }
};

struct World {
    ManualClock clock;
    Switchboard switchboard{Regime{}};
    std::map<std::string, Scripted*> pollers;
    Topology topology{clock, switchboard, Idle::park, [this](std::string const& name) {
                          auto poller = std::make_unique<Scripted>();
                          pollers[name] = poller.get();
                          return poller;
                      }};
    Source* source = nullptr;

    explicit World(LinkOptions link) {
        clock.now = second;
        auto& numbers = topology.link<Number>("numbers", link);
        source =
            &topology.stage({"source", Process::hybrid, "a"}, std::make_unique<Source>(numbers));
        topology.stage({"sink", Process::legacy, "b"}, std::make_unique<Sink>(), numbers);
        EXPECT_TRUE(topology.finish());
    }
    Driver& writer() { return topology.thread("a"); }
    Driver& reader() { return topology.thread("b"); }
    int wakes(std::string const& thread) { return pollers.at(thread)->wakes; }
    void emit(int count) {
        source->count = count;
        writer().turn();
    }
};

TEST(Waking, of_many_that_ring_while_it_sleeps_one_makes_the_call) {
    World world({.depth = 64});
    world.reader().doorbell().about_to_sleep();
    world.emit(1);
    world.emit(1);
    world.reader().doorbell().ring();
    EXPECT_EQ(world.wakes("b"), 1);
    world.reader().doorbell().awake();
    world.emit(1);
    EXPECT_EQ(world.wakes("b"), 1);
    world.reader().doorbell().about_to_sleep();
    world.emit(1);
    EXPECT_EQ(world.wakes("b"), 2);
}

TEST(Waking, a_turn_that_pushes_nothing_wakes_nobody) {
    World world({.depth = 64});
    world.reader().doorbell().about_to_sleep();
    world.emit(0);
    EXPECT_EQ(world.wakes("b"), 0);
}

TEST(Waking, a_reader_wakes_its_writer_only_if_that_may_have_had_no_room) {
    World world({.depth = 4});
    world.emit(3);
    world.writer().doorbell().about_to_sleep();
    world.reader().turn();
    EXPECT_EQ(world.wakes("a"), 0); // one more would have gone in
    world.writer().doorbell().awake();
    world.emit(9);
    world.writer().doorbell().about_to_sleep();
    world.reader().turn();
    EXPECT_EQ(world.wakes("a"), 1);
}

TEST(Waking, an_observer_is_told_when_the_writer_has_nothing_better_to_do) {
    World world({.depth = 64, .when_full = WhenFull::drop});
    world.reader().doorbell().about_to_sleep();
    world.emit(5);
    EXPECT_EQ(world.wakes("b"), 0);
    world.pollers.at("a")->each_park = [&] {
        EXPECT_EQ(world.wakes("b"), 1); // before it sleeps itself
        world.writer().stop();
    };
    world.writer().run();
    EXPECT_EQ(world.wakes("b"), 1);
}

TEST(Waking, an_observer_is_told_at_once_when_its_link_is_half_full) {
    World world({.depth = 64, .when_full = WhenFull::drop});
    world.reader().doorbell().about_to_sleep();
    world.emit(31);
    EXPECT_EQ(world.wakes("b"), 0);
    world.emit(1);
    EXPECT_EQ(world.wakes("b"), 1);
}

TEST(Waking, an_observer_never_wakes_the_writer) {
    World world({.depth = 2, .when_full = WhenFull::drop});
    world.emit(9);
    world.writer().doorbell().about_to_sleep();
    world.reader().turn();
    EXPECT_EQ(world.wakes("a"), 0);
}

TEST(Waking, what_is_heard_from_outside_rouses_those_it_is_for_at_most_once_a_while) {
    World world({.depth = 64});
    auto const hear = [&] {
        world.reader().doorbell().about_to_sleep();
        world.pollers.at("a")->heard = true;
        world.writer().turn();
        world.reader().doorbell().awake();
    };
    hear();
    EXPECT_EQ(world.wakes("b"), 1);
    world.clock.now += linger_pause - 1;
    hear();
    EXPECT_EQ(world.wakes("b"), 1);
    world.clock.now += 1;
    hear();
    EXPECT_EQ(world.wakes("b"), 2);
}

TEST(Waking, observers_are_not_roused) {
    World world({.depth = 64, .when_full = WhenFull::drop});
    world.reader().doorbell().about_to_sleep();
    world.pollers.at("a")->heard = true;
    world.writer().turn();
    EXPECT_EQ(world.wakes("b"), 0);
}

TEST(Waking, a_thread_that_may_be_roused_lingers_after_its_sleep_once_a_while) {
    World world({.depth = 64});
    Scripted& poller = *world.pollers.at("b");
    poller.each_poll = [&] { world.clock.now += linger / 10; };
    poller.each_park = [&] {
        if (poller.passes_before_park.size() == 4) world.clock.now += linger_pause;
        if (poller.passes_before_park.size() == 5) world.reader().stop();
    };
    world.reader().run();
    EXPECT_EQ(poller.passes_before_park[0], 1);  // it had not slept
    EXPECT_EQ(poller.passes_before_park[1], 11); // the tenth ends it, the next finds that out
    EXPECT_EQ(poller.passes_before_park[2], 1);  // too soon
    EXPECT_EQ(poller.passes_before_park[3], 11);
}

TEST(Waking, a_thread_that_nobody_rouses_does_not_linger) {
    World world({.depth = 64});
    Scripted& poller = *world.pollers.at("a");
    poller.each_park = [&] {
        if (poller.passes_before_park.size() == 4) world.writer().stop();
    };
    world.writer().run();
    EXPECT_EQ(poller.passes_before_park, (std::vector<int>{1, 1, 1, 0}));
}

} // namespace
} // namespace pipeline
