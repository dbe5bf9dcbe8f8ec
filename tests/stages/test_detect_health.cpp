// The health of a chain on its way through Detect: before the fact that makes it known, by the
// turn's clock, of the node's path alone. And a large_transfer that is large by more than amounts.
#include "decoders/ss58.hpp"
#include "stages/detect.hpp"
#include "tests/stages/made_movements.hpp"
#include "tests/stages/scripted_world.hpp"

#include <gtest/gtest.h>

using namespace scripted;
using pipeline::second;
using stages::Match;
using stages::Path;
using stages::Rule;
using stages::RuleKind;

namespace {

Rule rule_of(RuleKind kind) {
    Rule rule;
    rule.name = std::string(to_text(kind));
    rule.kind = kind;
    rule.chains = {true};
    rule.assets = {"native"};
    return rule;
}

struct Bench {
    explicit Bench(Rule const& rule, bool patterns = false)
        : detect({rule}, {"one"}, log, page, candidates, {}, {},
                 {.on = patterns, .options = {.accounts_max = 1'024, .movements_max = 1'024}}) {}

    void greet() {
        stages::ChainFacts facts;
        facts.decimals = 10;
        facts.symbol.assign("DOT");
        tell(facts);
    }
    void tell(decltype(stages::Fact::body) const& body, Path path = Path::hybrid,
              bool recheck = false) {
        stages::Fact fact;
        fact.body = body;
        fact.path = path;
        fact.recheck = recheck;
        for (int calls = 0; calls < 100 && !detect.on({fact, {}}, turn()); ++calls) {}
    }
    pipeline::Turn turn() const {
        pipeline::Turn turn{};
        turn.now = now;
        turn.regime.flags = pipeline::Flag::hybrid_patterns;
        return turn;
    }
    void pass(int seconds) {
        for (int i = 0; i < seconds; ++i) {
            now += second;
            while (detect.tick(turn())) {}
        }
    }
    static stages::BlockRef ref(std::uint32_t number) {
        stages::BlockRef ref;
        ref.number = number;
        ref.hash[0] = static_cast<std::uint8_t>(number);
        ref.timestamp_ms = 1'760'000'000'000 + number * 6'000;
        return ref;
    }
    static stages::BlockEnd end(std::uint32_t number, std::uint32_t spec = 1) {
        stages::BlockEnd end;
        end.block = ref(number);
        end.spec_version = spec;
        return end;
    }
    static stages::Finalized final(std::uint32_t number) {
        return {ref(number).hash, ref(number - 1).hash, number};
    }
    // What came out: "end", "final", or what is not well.
    std::string said() {
        std::string all;
        while (auto const* candidate = candidates.front()) {
            if (std::holds_alternative<stages::BlockEnd>(candidate->body)) all += "end ";
            if (std::holds_alternative<stages::Finalized>(candidate->body)) all += "final ";
            if (auto const* match = std::get_if<Match>(&candidate->body)) {
                last = *match;
                EXPECT_EQ(candidate->path, Path::hybrid);
                all += match->is_health
                         ? std::string(
                               stages::chain_health_rows()[static_cast<std::size_t>(
                                                               stages::health_what_of(
                                                                   match->transfer.event_index))]
                                   .said)
                         : std::string(to_text(match->severity));
                all += ' ';
            }
            candidates.pop();
        }
        return all;
    }

    RecordedLog log;
    pipeline::MetricsPage page{"", stages::detect_metrics};
    pipeline::Link<stages::Candidate> candidates{"candidates", {.depth = 1'024}};
    pipeline::Nanoseconds now = 100 * second;
    Match last{};
    stages::Detect detect;
};

} // namespace

TEST(DetectHealth, a_balance_that_no_movement_explains_is_told) {
    Rule rule = rule_of(RuleKind::chain_health);
    rule.settings.audit = {person(1), person(2)};
    Bench bench(rule);
    bench.greet();
    bench.said();
    auto const held = [&](std::uint32_t number, std::uint8_t who, stages::u128 total) {
        bench.tell(stages::Holding{Bench::ref(number).hash, number, person(who), total});
    };
    auto const moved = [&](std::uint32_t number, Path path, bool recheck) {
        stages::Transfer transfer;
        transfer.block = Bench::ref(number);
        transfer.from = person(1);
        transfer.to = person(2);
        transfer.amount = 30'000'000'000;
        transfer.movement = row_of_event("Transfer");
        bench.tell(transfer, path, recheck);
    };
    held(6, 1, 100'000'000'000);
    held(6, 2, 0);
    moved(7, Path::hybrid, false);
    moved(7, Path::legacy, false); // the same, told by others: of these nothing counts
    moved(7, Path::hybrid, true);
    bench.tell(Bench::end(7));
    held(7, 1, 70'000'000'000);
    held(7, 2, 25'000'000'000);
    bench.said();
    bench.tell(Bench::final(7));
    EXPECT_EQ(bench.said(), "conservation final ");
    EXPECT_EQ(bench.last.pattern.details.view(),
              R"("account":")" + std::string(decoders::ss58_encode(person(2), 42).view()) +
                  R"(","blocks":[6,7],"held":"2.5","surplus":"-0.5")");
    EXPECT_EQ(bench.last.transfer.block.number, 7u);
    EXPECT_EQ(bench.last.severity, stages::Severity::critical);
    EXPECT_EQ(bench.page.read(stages::DetectMetric::audited), 2u);
    EXPECT_EQ(bench.page.read(stages::DetectMetric::audit_differences), 1u);
    bench.tell(Bench::end(8));
    bench.tell(Bench::final(8));
    held(8, 1, 70'000'000'001);
    held(8, 2, 25'000'000'000);
    EXPECT_EQ(bench.said(), "end final conservation ");
    EXPECT_EQ(bench.last.transfer.event_index,
              stages::health_event(stages::HealthWhat::conservation, 0));
    EXPECT_FALSE(bench.last.pattern.ongoing);               // of another account
    for (std::uint32_t number = 9; number < 11; ++number) { // of the same: more, when it is twice
        bench.tell(Bench::end(number));
        bench.tell(Bench::final(number));
        held(number, 1, 70'000'000'001 + number);
        EXPECT_EQ(bench.said(), number == 9 ? "end final conservation " : "end final ");
        EXPECT_EQ(bench.last.pattern.ongoing, true);
    }
}

// Whatever a node says, the members fit and are JSON.
TEST(DetectHealth, the_largest_difference_there_can_be_has_room) {
    stages::ChainHealthOptions options;
    options.audited = {person(1)};
    stages::ChainHealth health({options});
    stages::ChainFacts facts;
    facts.decimals = 37;
    facts.ss58_prefix = 16'383;
    stages::u128 const most = ~stages::u128{0};
    stages::Difference const found{
        .account = person(1), .block = {.number = ~0U}, .since = ~0U, .read = most, .gap = most};
    health.differs(found, facts);
    auto const told = health.next();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->details.view().size(), told->details.size);
    EXPECT_TRUE(
        told->details.view().ends_with(R"("surplus":"-34.0282366920938463463374607431768211455")"))
        << told->details.view();
}

TEST(DetectHealth, what_a_finality_makes_known_is_said_before_it) {
    Bench bench(rule_of(RuleKind::chain_health));
    bench.tell(Bench::end(6)); // nobody knows yet which chain this is
    bench.greet();
    bench.tell(Bench::end(7));
    bench.tell(Bench::end(8, 2));
    bench.tell(Bench::final(7));
    EXPECT_EQ(bench.said(), "end end end final ");
    bench.tell(Bench::final(8));
    EXPECT_EQ(bench.said(), "upgrade final ");
    EXPECT_TRUE(bench.last.is_pattern && bench.last.is_health && !bench.last.pattern.ongoing);
    EXPECT_TRUE(bench.last.transfer.block.finalized);
    EXPECT_EQ(bench.last.transfer.block.number, 8U);
    EXPECT_EQ(bench.last.transfer.block.hash, Bench::ref(8).hash);
    EXPECT_EQ(bench.last.transfer.event_index, 0xffff'fffcU);
    EXPECT_EQ(bench.last.transfer.amount, 0U);
    EXPECT_FALSE(bench.last.transfer.from || bench.last.transfer.to);
    EXPECT_EQ(bench.last.pattern.details.view(), R"("from":1,"to":2)");
}

TEST(DetectHealth, of_the_nodes_path_alone_and_of_no_recheck) {
    Bench bench(rule_of(RuleKind::chain_health));
    bench.greet();
    bench.tell(Bench::end(7));
    bench.tell(Bench::end(8, 2), Path::legacy);
    bench.tell(Bench::final(8), Path::legacy);
    bench.tell(Bench::end(8, 2), Path::hybrid, true);
    bench.tell(Bench::final(8));
    EXPECT_EQ(bench.said(), "end end final end final ");
}

TEST(DetectHealth, a_stall_is_said_by_the_turns_clock) {
    Bench bench(rule_of(RuleKind::chain_health));
    EXPECT_EQ(bench.detect.next_deadline(), pipeline::never);
    bench.greet();
    for (std::uint32_t number = 1; number < 10; ++number) {
        bench.tell(Bench::end(number));
        bench.tell(Bench::final(number));
        bench.pass(6);
    }
    bench.said();
    EXPECT_GT(bench.detect.next_deadline(), bench.now);
    EXPECT_LE(bench.detect.next_deadline(), bench.now + 10 * second);
    bench.pass(53);
    EXPECT_EQ(bench.said(), "");
    bench.pass(1);
    EXPECT_EQ(bench.said(), "stalled ");
    EXPECT_EQ(bench.last.transfer.block.number, 9U);
    bench.pass(60);
    EXPECT_EQ(bench.said(), "stalled ");
    EXPECT_TRUE(bench.last.pattern.ongoing);
    bench.tell(Bench::end(10));
    EXPECT_EQ(bench.said(), "stalled end ");
    EXPECT_TRUE(bench.last.pattern.ongoing);
    EXPECT_EQ(bench.page.read(stages::DetectMetric::health), 3U);
}

TEST(DetectHealth, no_rule_no_deadline) {
    Bench bench(rule_of(RuleKind::watch));
    bench.greet();
    for (std::uint32_t number = 1; number < 10; ++number) bench.tell(Bench::end(number));
    bench.pass(1'000);
    EXPECT_EQ(bench.detect.next_deadline(), pipeline::never);
}

// ---- large_transfer by more than amounts --------------------------------------------------------

namespace {

constexpr stages::u128 token = 10'000'000'000;

struct Moves : Bench {
    using Bench::Bench;
    std::uint32_t events = 0;
    void move(std::uint8_t from, std::uint8_t to, std::uint64_t tokens,
              std::string_view event = "Transfer") {
        stages::Transfer transfer;
        transfer.block = ref(1);
        transfer.event_index = events++;
        if (event == "Transfer") transfer.from = person(from);
        transfer.to = person(to);
        transfer.amount = tokens * token;
        transfer.movement = row_of_event(event);
        tell(transfer);
    }
    void finish() {
        tell(Bench::end(1));
        tell(Bench::final(1));
    }
};

} // namespace

TEST(DetectLarge, what_a_level_meets_is_told_at_once_and_only_then) {
    Rule rule = rule_of(RuleKind::large_transfer);
    rule.levels[2] = "500";
    rule.settings.share = 0.5;
    rule.settings.floor = "10";
    Moves bench(rule, true);
    bench.greet();
    bench.move(0, 5, 0, "Endowed");
    bench.move(9, 5, 400);
    bench.move(5, 6, 250); // of 400
    bench.move(5, 6, 80);  // of 150, in the same block: an alert of its own
    bench.move(5, 6, 30);  // of 70
    bench.move(9, 6, 500); // whose, nobody knows
    EXPECT_EQ(bench.said(), "critical ");
    bench.finish();
    EXPECT_EQ(bench.said(), "end important notable final "); // 25 and 8 floors
    EXPECT_TRUE(bench.last.is_pattern && !bench.last.is_health && !bench.last.pattern.ongoing);
    EXPECT_EQ(bench.last.transfer.event_index, 3U);
    EXPECT_EQ(bench.last.transfer.amount, 80 * token);
}

TEST(DetectLarge, dollars_need_a_price_that_somebody_told) {
    Rule rule = rule_of(RuleKind::large_transfer);
    rule.settings.usd[1] = "1000";
    for (bool const priced : {false, true}) {
        Moves bench(rule, true);
        bench.greet();
        stages::Finding finding;
        finding.wanted = stages::Wanted::price;
        finding.found = priced ? stages::Found::yes : stages::Found::no;
        finding.time_s = 1'760'000'000;
        finding.price.usd.assign("2.5");
        bench.detect.on(pipeline::Part<stages::Finding>{finding, {}}, bench.turn());
        bench.move(1, 2, 400);
        bench.move(1, 2, 399);
        bench.finish();
        EXPECT_EQ(bench.said(), priced ? "end important final " : "end final ");
        EXPECT_EQ(bench.page.read(stages::DetectMetric::unpriced), priced ? 0U : 2U);
    }
}
