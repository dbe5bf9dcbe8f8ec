// Routing: the path, the regime that was in force, and records passed on in order.
#include "stages/route.hpp"

#include "decoders/hex.hpp"
#include "stages/bucket.hpp"

#include "tests/stages/crossing.hpp"

#include <gtest/gtest.h>

using namespace stages;
using stages::testing::Crossing;
using stages::testing::RecordedLog;
using stages::testing::share;

TEST(Route, an_alert_carries_its_id_and_the_regime_of_the_turn) {
    pipeline::MetricsPage page("", route_metrics);
    pipeline::Link<Verdict> verdicts("verdicts", {.depth = 64});
    RecordedLog log;
    pipeline::ManualClock clock;
    Route route(nodes_only({"one", "two"}, {"small", "large"}), {log, page, clock}, verdicts);
    auto const tell = [&](decltype(Candidate::body) const& body, std::uint16_t chain,
                          pipeline::Turn const& turn = {}) {
        Candidate candidate;
        candidate.header.received = 77;
        candidate.chain = chain;
        candidate.body = body;
        route.on({candidate, {}}, turn);
    };
    ChainFacts facts;
    facts.genesis.fill(3);
    tell(facts, 1);
    verdicts.pop();
    Match match;
    match.rule = 1;
    match.severity = Severity::important;
    match.transfer.amount = 5;
    tell(match, 1, {.regime = {.epoch = 9, .hybrid_buckets = 250}});
    ASSERT_NE(verdicts.front(), nullptr);
    Verdict const verdict = *verdicts.front();
    auto const& alert = std::get<Alert>(verdict.body);
    EXPECT_EQ(alert.id, alert_id(facts.genesis, match.transfer, "large"));
    EXPECT_EQ(alert.path, Path::hybrid);
    EXPECT_EQ(alert.epoch, 9u);
    EXPECT_EQ(alert.hybrid_buckets, 250);
    EXPECT_EQ(alert.match.severity, Severity::important);
    EXPECT_EQ(verdict.header.received, 77u);
    EXPECT_EQ(verdict.chain, 1);
    EXPECT_EQ(page.read(RouteMetric::alerts), 1u);
}

TEST(Route, everything_else_passes_in_its_order) {
    pipeline::MetricsPage page("", route_metrics);
    pipeline::Link<Verdict> verdicts("verdicts", {.depth = 64});
    RecordedLog log;
    pipeline::ManualClock clock;
    Route route(nodes_only({"one"}, {}), {log, page, clock}, verdicts);
    for (decltype(Candidate::body) const& body : std::initializer_list<decltype(Candidate::body)>{
             ChainFacts{}, AssetFacts{}, BlockEnd{}, Finalized{}, Abandoned{}}) {
        Candidate candidate;
        candidate.body = body;
        route.on({candidate, {}}, {});
    }
    std::vector<std::size_t> kinds;
    while (auto const* verdict = verdicts.front()) {
        kinds.push_back(verdict->body.index());
        verdicts.pop();
    }
    EXPECT_EQ(kinds, (std::vector<std::size_t>{0, 1, 3, 4, 5}));
    EXPECT_EQ(page.read(RouteMetric::alerts), 0u);
}

// Computed by an independent SipHash-2-4 (that passes the vectors of its paper).
TEST(Bucket, published_vectors) {
    auto const bucket = [](std::string_view hex) {
        std::uint8_t bytes[32];
        auto const size = decoders::hex_decode(hex, bytes);
        return bucket_of(decoders::account_of(bytes, static_cast<std::uint8_t>(*size)));
    };
    EXPECT_EQ(bucket(std::string(64, '0')), 1540);
    EXPECT_EQ(bucket(std::string(64, 'f')), 9878);
    EXPECT_EQ(bucket("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"), 9277);
    EXPECT_EQ(bucket("8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48"), 6868);
    EXPECT_EQ(bucket("6d6f646c70792f74727372790000000000000000000000000000000000000000"), 614);
    EXPECT_EQ(bucket("f24ff3a9cf04c71dbc94d0b566f7a27b94566cac"), 210);
}

TEST(Route, exactly_one_path_speaks_at_any_share) {
    Crossing crossing;
    unsigned hybrid = 0;
    for (std::uint32_t from = 1; from <= 2'000; ++from) {
        bool before = false; // raising the share never moves an account back
        constexpr std::uint16_t shares[] = {0, 100, 1'500, 5'000, 9'999, 10'000};
        for (std::uint16_t const buckets : shares) {
            Match const event = crossing.event(from);
            crossing.say(event, Path::hybrid, share(buckets));
            auto const by_node = crossing.passed();
            crossing.say(event, Path::legacy, share(buckets));
            auto const by_subscan = crossing.passed();
            EXPECT_NE(by_node.has_value(), by_subscan.has_value());
            EXPECT_TRUE(!before || by_node.has_value());
            before = by_node.has_value();
            EXPECT_TRUE(buckets != 0 || !before);
            EXPECT_TRUE(buckets != 10'000 || before);
            if (buckets == 5'000) hybrid += before;
        }
    }
    EXPECT_NEAR(hybrid, 1'000, 90); // four standard deviations
}

TEST(Route, the_subject_is_the_watched_one_if_exactly_one_is) {
    Crossing crossing;
    auto const bucket = bucket_of(Crossing::account(9));
    auto const speaks = [&](std::uint32_t from, std::uint32_t to, std::uint16_t buckets) {
        return crossing.match(Path::hybrid, share(buckets), from, to).has_value();
    };
    for (std::uint32_t other = 10; other < 40; ++other) {
        for (std::uint16_t const buckets : {bucket, static_cast<std::uint16_t>(bucket + 1)}) {
            EXPECT_EQ(speaks(9, other, buckets), buckets > bucket);
            EXPECT_EQ(speaks(other, 9, buckets), buckets > bucket);
            EXPECT_EQ(speaks(other, other + 1, buckets),
                      bucket_of(Crossing::account(other)) < buckets);
        }
    }
}

TEST(Route, modes_and_missing_paths_come_before_the_share) {
    Crossing both;
    EXPECT_TRUE(both.match(Path::legacy, share(10'000, pipeline::Mode::legacy_only)));
    EXPECT_FALSE(both.match(Path::hybrid, share(10'000, pipeline::Mode::legacy_only)));
    EXPECT_TRUE(both.match(Path::hybrid, share(0, pipeline::Mode::hybrid_only)));
    auto off = share(10'000);
    off.flags = 0; // enable_hybrid_rpc = false
    EXPECT_TRUE(both.match(Path::legacy, off));
    Crossing no_nodes(true, false);
    EXPECT_TRUE(no_nodes.match(Path::legacy, share(10'000)));
    Crossing no_subscan(false, true);
    EXPECT_TRUE(no_subscan.match(Path::hybrid, share(0, pipeline::Mode::legacy_only)));
}

TEST(Route, legacys_final_matches_are_passed_on_even_where_it_may_not_speak) {
    Crossing crossing;
    auto const alert = crossing.match(Path::legacy, share(10'000), 1, 2, true);
    ASSERT_TRUE(alert);
    EXPECT_FALSE(alert->speaks);
    EXPECT_EQ(crossing.page.read(RouteMetric::withheld), 1U);
    EXPECT_EQ(crossing.page.read(RouteMetric::alerts), 0U);
}

TEST(Route, tiers_admit_before_the_share_is_looked_at) {
    Crossing crossing;
    auto const speaks = [&](std::uint32_t from, std::uint8_t tier) {
        auto regime = share(10'000);
        regime.tier = tier;
        return crossing.match(Path::hybrid, regime, from).has_value();
    };
    EXPECT_FALSE(speaks(5, 0)); // nobody is admitted
    EXPECT_TRUE(speaks(5, 1));
    EXPECT_FALSE(speaks(6, 2)); // of tier 3
    EXPECT_TRUE(speaks(6, 3));
    EXPECT_FALSE(speaks(9, 4)); // watched, of no tier
    EXPECT_FALSE(speaks(1, 4));
    EXPECT_TRUE(speaks(9, pipeline::tiers_all));
    EXPECT_TRUE(speaks(1, pipeline::tiers_all));
}

TEST(Route, a_pin_comes_before_the_share_and_after_the_kill_switch_until_it_expires) {
    Crossing crossing;
    auto const pin = [&](Pin to, std::uint64_t until) {
        Steer steer;
        steer.account = Crossing::account(7);
        steer.pin = to;
        steer.until_unix_ms = until;
        crossing.route->on({steer, {}}, crossing.turn({}));
    };
    pin(Pin::hybrid, crossing.clock.unix_ms + 1'000);
    EXPECT_TRUE(crossing.match(Path::hybrid, share(0), 7));
    EXPECT_FALSE(crossing.match(Path::hybrid, share(0, pipeline::Mode::legacy_only), 7));
    EXPECT_FALSE(crossing.match(Path::hybrid, share(0), 8));
    crossing.clock.advance(pipeline::second);
    EXPECT_FALSE(crossing.match(Path::hybrid, share(0), 7));
    pin(Pin::legacy, 0);
    EXPECT_TRUE(crossing.match(Path::legacy, share(10'000), 7));
    pin(Pin::none, 0);
    EXPECT_FALSE(crossing.match(Path::legacy, share(10'000), 7));
}

TEST(Route, a_chain_that_is_held_is_legacys_until_it_is_let_go) {
    Crossing crossing;
    Steer steer;
    steer.hold = true;
    crossing.route->on({steer, {}}, crossing.turn({}));
    EXPECT_FALSE(crossing.match(Path::hybrid, share(10'000)));
    EXPECT_TRUE(crossing.match(Path::legacy, share(10'000)));
    steer.hold = false;
    crossing.route->on({steer, {}}, crossing.turn({}));
    EXPECT_TRUE(crossing.match(Path::hybrid, share(10'000)));
}

TEST(Route, says_which_epoch_it_obeys_after_a_whole_turn_of_it) {
    Crossing crossing;
    auto regime = share(0);
    regime.epoch = 7;
    crossing.clock.advance(pipeline::second);
    crossing.route->upkeep(crossing.turn(regime));
    EXPECT_EQ(crossing.switchboard.obeyed().epoch, 7U);
    EXPECT_EQ(crossing.switchboard.obeyed().at, crossing.clock.now);
    crossing.clock.advance(pipeline::second);
    crossing.route->upkeep(crossing.turn(regime));
    EXPECT_EQ(crossing.switchboard.obeyed().at + pipeline::second, crossing.clock.now);
}

TEST(Route, a_path_that_serves_another_chain_is_not_believed) {
    Crossing crossing;
    ChainFacts facts;
    facts.genesis.fill(1);
    crossing.say(facts, Path::hybrid);
    facts.genesis.fill(2);
    crossing.say(facts, Path::legacy);
    EXPECT_TRUE(crossing.log.has("incident: dot: Subscan serves a chain with genesis 0x0202"));
    crossing.verdicts.pop();
    EXPECT_EQ(crossing.verdicts.front(), nullptr);
    EXPECT_FALSE(crossing.match(Path::legacy, share(0)));
    EXPECT_TRUE(crossing.match(Path::hybrid, share(10'000)));
    facts.genesis.fill(1); // it has been put right
    crossing.say(facts, Path::legacy);
    crossing.verdicts.pop();
    EXPECT_TRUE(crossing.match(Path::legacy, share(0)));
    EXPECT_EQ(crossing.page.read(RouteMetric::foreign), 2U);
}

// Left in a link by a path whose facts a run of this process heard that has ended.
TEST(Route, what_comes_before_the_facts_of_a_chain_ends_here) {
    pipeline::MetricsPage page("", route_metrics);
    pipeline::Link<Verdict> verdicts("verdicts", {.depth = 64});
    RecordedLog log;
    pipeline::ManualClock clock;
    Route route(nodes_only({"one", "two"}, {"rule"}), {log, page, clock}, verdicts);
    auto const tell = [&](decltype(Candidate::body) const& body, std::uint16_t chain) {
        Candidate candidate;
        candidate.chain = chain;
        candidate.body = body;
        route.on({candidate, {}}, {});
        bool const passed = verdicts.front() != nullptr;
        if (passed) verdicts.pop();
        return passed;
    };
    EXPECT_FALSE(tell(Match{}, 0));
    EXPECT_FALSE(tell(BlockEnd{}, 0));
    EXPECT_TRUE(tell(ChainFacts{}, 0));
    EXPECT_TRUE(tell(BlockEnd{}, 0));
    EXPECT_FALSE(tell(BlockEnd{}, 1));
    EXPECT_EQ(page.read(RouteMetric::unheard), 3U);
}
