// Two endpoints of one chain: when the first fails, the second has to be good for everything.
#pragma once

#include "tests/stages/scripted_world.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace scripted {

using stages::SourceMetric;
using Words = std::vector<std::string>;

inline constexpr std::string_view secret = "s3cr3t-k3y";

// Two endpoints of one chain; the first is followed, block 100 was told.
struct TwoEndpoints : SourceWorld {
    static Settings settings() {
        Settings made;
        made.urls = {fmt::format("ws://127.0.0.1:9944/v1/{}?key={}", secret, secret),
                     fmt::format("ws://127.0.0.1:9945/{}", secret)};
        made.source.socket.message_bytes_max = 1 << 20;
        made.source.socket.frame_bytes_max = 1 << 20;
        return made;
    }
    TwoEndpoints()
        : SourceWorld(settings()) {
        chain.serve(node);
        chain.serve(spare);
        chain.add({{.amount = 5}});
        connect(node);
        chain.announce(node, chain.tip());
        run();
        take_told();
    }

    // After the fault: said why, counted, went over to the spare, told the blocks that came
    // meanwhile exactly once, and never showed the key in the URL.
    void expect_failover(std::string_view sentence) {
        Block const& missed = chain.add({{.amount = 6}});
        if (spare.opened == 0) connect(spare);
        chain.announce(spare, chain.add({{.amount = 7}}));
        run_for(2 * pipeline::second);
        EXPECT_TRUE(log.has(sentence)) << log.all();
        EXPECT_TRUE(log.has("test: 127.0.0.1:9944: ")) << log.all();
        EXPECT_FALSE(log.has(secret)) << log.all();
        Words const told = take_told();
        for (std::uint32_t number : {missed.number, missed.number + 1})
            EXPECT_EQ(std::count(told.begin(), told.end(), fmt::format("block {}", number)), 1)
                << number;
        EXPECT_EQ(std::count(told.begin(), told.end(), "block 100"), 0);
        EXPECT_EQ(metric(SourceMetric::disconnects), 1u);
        EXPECT_EQ(metric(SourceMetric::connects), 2u);
        EXPECT_EQ(metric(SourceMetric::connected), 1u);
        EXPECT_NE(spare.path.find(secret), std::string::npos); // it is used, though
    }
    Chain chain;
};

} // namespace scripted
