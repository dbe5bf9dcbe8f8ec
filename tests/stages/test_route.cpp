// Routing: the path, the regime that was in force, and records passed on in order.
#include "stages/route.hpp"

#include <gtest/gtest.h>

using namespace stages;

TEST(Route, an_alert_carries_its_id_and_the_regime_of_the_turn) {
    pipeline::MetricsPage page("", route_metrics);
    pipeline::Link<Verdict> verdicts("verdicts", {.depth = 64});
    Route route({"small", "large"}, 2, page, verdicts);
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
    Route route({}, 1, page, verdicts);
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
