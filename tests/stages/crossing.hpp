// A routing stage where both paths arrive, and what it passes on. One thread; time moves by hand.
#pragma once

#include "stages/route.hpp"
#include "tests/stages/scripted_node.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <optional>

namespace stages::testing {

using scripted::RecordedLog;

// Both paths, one account watched. Every match is of an event of its own.
struct Crossing {
    explicit Crossing(bool legacy = true, bool hybrid = true) {
        RouteOptions options;
        options.chains = {{"dot", legacy, hybrid}};
        options.rule_names = {"rule"};
        options.watched = {{account(9), 0}, {account(5), 1}, {account(6), 3}};
        route = std::make_unique<Route>(std::move(options),
                                        Route::Needs{log, page, clock, &switchboard}, verdicts);
        for (Path const path : {Path::legacy, Path::hybrid}) say(ChainFacts{}, path);
        while (verdicts.front() != nullptr) verdicts.pop();
    }
    static constexpr pipeline::Nanoseconds received = 123;
    static decoders::Account account(std::uint32_t number) {
        std::uint8_t bytes[32] = {};
        std::memcpy(bytes, &number, sizeof number);
        return decoders::account_of(bytes, 32);
    }
    Match event(std::uint32_t from = 1, std::uint32_t to = 2, bool finalized = false) {
        Match made;
        made.transfer.from = account(from);
        made.transfer.to = account(to);
        made.transfer.block.number = ++block;
        made.transfer.block.hash.fill(static_cast<std::uint8_t>(block));
        made.transfer.block.finalized = finalized;
        return made;
    }
    // What is passed on of a match by this path.
    std::optional<Alert> match(Path path, pipeline::Regime const& regime, std::uint32_t from = 1,
                               std::uint32_t to = 2, bool finalized = false) {
        say(event(from, to, finalized), path, regime);
        return passed();
    }
    std::optional<Alert> passed() {
        if (verdicts.front() == nullptr) return std::nullopt;
        Alert const alert = std::get<Alert>(verdicts.front()->body);
        EXPECT_EQ(verdicts.front()->path, alert.path);
        verdicts.pop();
        return alert;
    }
    pipeline::Turn turn(pipeline::Regime const& regime) const {
        return {.now = clock.now, .unix_ms = clock.unix_ms, .regime = regime};
    }
    void say(decltype(Candidate::body) const& body, Path path,
             pipeline::Regime const& regime = {}) {
        Candidate candidate;
        candidate.header.received = received;
        candidate.path = path;
        candidate.body = body;
        route->on({candidate, {}}, turn(regime));
    }
    // Says what is due, one at a time.
    bool tick(pipeline::Regime const& regime) { return route->tick(turn(regime)); }

    RecordedLog log;
    pipeline::ManualClock clock;
    pipeline::Switchboard switchboard{{}};
    pipeline::MetricsPage page{"", route_metrics};
    pipeline::Link<Verdict> verdicts{"verdicts", {.depth = 64}};
    std::unique_ptr<Route> route;
    std::uint32_t block = 0;
};

inline pipeline::Regime share(std::uint16_t buckets, pipeline::Mode mode = pipeline::Mode::normal) {
    return {.mode = mode, .hybrid_buckets = buckets, .flags = pipeline::Flag::hybrid_rpc};
}

} // namespace stages::testing
