// What the comparator hears of both paths, whoever may speak.
#include "tests/stages/crossing.hpp"

using namespace stages;
using stages::testing::Crossing;
using stages::testing::RecordedLog;
using stages::testing::share;

namespace {

struct Heard {
    explicit Heard(bool legacy = true) {
        RouteOptions options;
        options.chains = {{"dot", legacy, true}};
        options.rule_names = {"rule"};
        route = std::make_unique<Route>(std::move(options), Route::Needs{log, page, clock},
                                        verdicts, pipeline::Outs<Twin>({&twins}));
        for (Path const path : {Path::legacy, Path::hybrid}) say(ChainFacts{}, path);
    }
    void say(decltype(Candidate::body) const& body, Path path, bool recheck = false) {
        Candidate candidate;
        candidate.path = path;
        candidate.recheck = recheck;
        candidate.body = body;
        pipeline::Turn turn{.now = 77, .regime = share(10'000)};
        turn.regime.flags = flags;
        route->on({candidate, {}}, turn);
        while (verdicts.front() != nullptr) {
            ++passed;
            verdicts.pop();
        }
    }
    std::optional<Twin> twin() {
        if (twins.front() == nullptr) return std::nullopt;
        Twin const found = *twins.front();
        twins.pop();
        return found;
    }

    std::uint8_t flags = pipeline::Flag::hybrid_rpc | pipeline::Flag::parallel_mode;
    RecordedLog log;
    pipeline::ManualClock clock;
    pipeline::MetricsPage page{"", route_metrics};
    pipeline::Link<Verdict> verdicts{"verdicts", {.depth = 64}};
    pipeline::Link<Twin> twins{"twins", {.depth = 64, .when_full = pipeline::WhenFull::drop}};
    std::unique_ptr<Route> route;
    std::size_t passed = 0;
};

} // namespace

TEST(Route, tells_the_comparator_every_word_of_both_paths) {
    Heard heard;
    Match match;
    match.transfer.block.number = 5;
    match.transfer.amount = 9;
    for (Path const path : {Path::hybrid, Path::legacy}) {
        heard.say(match, path);
        auto const twin = heard.twin();
        ASSERT_TRUE(twin);
        EXPECT_EQ(twin->kind, TwinKind::match);
        EXPECT_EQ(twin->path, path);
        EXPECT_EQ(twin->match.transfer.amount, 9);
        EXPECT_EQ(twin->seen, 77U);
        EXPECT_FALSE(twin->recheck);
    }
    Hash hash{};
    hash.fill(3);
    BlockEnd end;
    end.block.hash = hash;
    end.block.number = 5;
    end.incomplete = true;
    heard.say(end, Path::hybrid);
    EXPECT_EQ(heard.twin()->incomplete, true);
    heard.say(Finalized{hash, {}, 5}, Path::hybrid);
    EXPECT_EQ(heard.twin()->hash, hash);
    heard.say(Abandoned{hash, 6}, Path::hybrid);
    EXPECT_EQ(heard.twin()->kind, TwinKind::abandoned);
    heard.say(Settled{7}, Path::legacy);
    EXPECT_EQ(heard.twin()->number, 7U);
    EXPECT_FALSE(heard.twin());
}

TEST(Route, what_is_read_again_is_for_the_comparator_alone) {
    Heard heard;
    std::size_t const before = heard.passed;
    heard.say(Match{}, Path::hybrid, true);
    EXPECT_TRUE(heard.twin()->recheck);
    BlockEnd end;
    end.block.number = 8;
    heard.say(end, Path::hybrid, true);
    auto const twin = heard.twin();
    EXPECT_EQ(twin->kind, TwinKind::recheck_end);
    EXPECT_EQ(twin->number, 8U);
    EXPECT_EQ(heard.passed, before);
}

TEST(Route, tells_nothing_where_there_is_nothing_to_compare) {
    Heard alone(false);
    alone.say(Match{}, Path::hybrid);
    EXPECT_FALSE(alone.twin());
    Heard off;
    off.flags = pipeline::Flag::hybrid_rpc; // enable_parallel_mode = false
    off.say(Match{}, Path::hybrid);
    EXPECT_FALSE(off.twin());
}

// ---- patterns, which only the node's path judges ------------------------------------------------

TEST(Route, the_comparator_hears_of_no_pattern) {
    Heard heard;
    Match pattern;
    pattern.is_pattern = true;
    heard.say(pattern, Path::hybrid);
    EXPECT_FALSE(heard.twin());
}

TEST(Route, a_pattern_is_said_where_the_nodes_path_speaks_and_else_by_nobody) {
    Crossing crossing;
    Match pattern = crossing.event();
    pattern.is_pattern = true;
    crossing.say(pattern, Path::hybrid, share(0));
    crossing.say(pattern, Path::hybrid, share(10'000, pipeline::Mode::legacy_only));
    crossing.clock.advance(1'000 * pipeline::second);
    while (crossing.tick(share(10'000))) {}
    EXPECT_FALSE(crossing.passed()); // nor later: nothing was held
    EXPECT_EQ(crossing.page.read(RouteMetric::withheld), 2U);
    crossing.say(pattern, Path::hybrid, share(10'000));
    auto const said = crossing.passed();
    ASSERT_TRUE(said);
    EXPECT_TRUE(said->speaks && said->match.is_pattern);
}

TEST(Route, what_goes_on_amends_the_alert_under_its_id) {
    Crossing crossing;
    Match pattern = crossing.event();
    pattern.is_pattern = true;
    crossing.say(pattern, Path::hybrid, share(10'000));
    auto const said = crossing.passed();
    ASSERT_TRUE(said);
    pattern.pattern.ongoing = true;
    pattern.pattern.all = 40;
    crossing.say(pattern, Path::hybrid, share(10'000));
    auto const* const verdict = crossing.verdicts.front();
    ASSERT_NE(verdict, nullptr);
    auto const* const more = std::get_if<Amendment>(&verdict->body);
    ASSERT_NE(more, nullptr);
    EXPECT_EQ(more->alert.id, said->id);
    EXPECT_EQ(more->alert.amended, Amended::evidence);
    EXPECT_EQ(more->alert.match.pattern.all, 40U);
}

// ---- the health of a chain ----------------------------------------------------------------------

TEST(Route, what_is_no_accounts_is_said_as_soon_as_the_nodes_path_has_a_share) {
    Crossing crossing;
    Match sick;
    sick.is_pattern = sick.is_health = true;
    sick.transfer.block.number = 7;
    sick.transfer.block.finalized = true;
    crossing.say(sick, Path::hybrid, share(0));
    EXPECT_FALSE(crossing.passed());
    crossing.say(sick, Path::hybrid, share(1));
    auto const said = crossing.passed();
    ASSERT_TRUE(said);
    EXPECT_TRUE(said->speaks && said->match.is_health);
    crossing.say(sick, Path::hybrid, share(10'000, pipeline::Mode::legacy_only));
    EXPECT_FALSE(crossing.passed());
    Heard heard;
    heard.say(sick, Path::hybrid);
    EXPECT_FALSE(heard.twin()); // legacy cannot know of it
}
