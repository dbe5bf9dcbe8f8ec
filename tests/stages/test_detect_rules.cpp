// What rules of single movements may be told besides levels (whom, how severe), watched accounts,
// and patterns on their way through Detect.
#include "stages/detect.hpp"
#include "tests/stages/made_movements.hpp"
#include "tests/stages/scripted_world.hpp"

#include <gtest/gtest.h>

using namespace scripted;
using stages::Match;
using stages::Rule;
using stages::RuleKind;
using stages::Severity;

namespace {

constexpr u128 token = 10'000'000'000;

Rule rule_of(RuleKind kind) {
    Rule rule;
    rule.name = std::string(to_text(kind));
    rule.kind = kind;
    rule.chains = {true};
    rule.assets = {"native"};
    return rule;
}

Rule large(std::string level) {
    Rule rule = rule_of(RuleKind::large_transfer);
    rule.levels[0] = std::move(level);
    return rule;
}

struct Bench {
    explicit Bench(std::vector<Rule> rules, bool patterns = false)
        : detect(std::move(rules), {"one"}, log, page, candidates, {}, {person(7)},
                 {.on = patterns,
                  .options = {.accounts_max = 1'024, .movements_max = 1'024},
                  .labels = [] {
                      stages::WatchLabel const ours{person(8), "ours", "here"};
                      return stages::LabelBook::build(std::span(&ours, 1), {}).book;
                  }}) {
        stages::ChainFacts facts;
        facts.decimals = 10;
        facts.symbol.assign("DOT");
        tell(facts);
        taken();
    }
    bool tell(decltype(stages::Fact::body) const& body, bool recheck = false) {
        stages::Fact fact;
        fact.body = body;
        fact.path = stages::Path::hybrid;
        fact.recheck = recheck;
        pipeline::Turn turn{};
        turn.regime.flags = flags;
        bool finished = false;
        for (int calls = 0; calls < 100 && !finished; ++calls)
            finished = detect.on({fact, {}}, turn);
        return finished;
    }
    stages::Transfer moves(std::uint8_t from, std::uint8_t to, u128 amount,
                           std::string_view event = "Transfer", std::uint32_t number = 7) {
        stages::Transfer transfer;
        transfer.block = block(number);
        transfer.event_index = next_event++;
        if (event == "Transfer") transfer.from = person(from);
        transfer.to = person(to);
        transfer.amount = amount;
        transfer.movement = row_of_event(event);
        tell(transfer);
        return transfer;
    }
    static stages::BlockRef block(std::uint32_t number) {
        stages::BlockRef ref;
        ref.number = number;
        ref.hash[0] = static_cast<std::uint8_t>(number);
        ref.timestamp_ms = 1'760'000'000'000 + number * 6'000;
        return ref;
    }
    std::vector<stages::Candidate> taken() {
        std::vector<stages::Candidate> all;
        while (auto const* candidate = candidates.front()) {
            all.push_back(*candidate);
            candidates.pop();
        }
        return all;
    }
    // "0notable 1critical": rule and severity of the matches that came.
    std::string matches() {
        std::string all;
        for (auto const& candidate : taken())
            if (auto const* match = std::get_if<Match>(&candidate.body))
                all += std::to_string(match->rule) + std::string(to_text(match->severity)) + ' ';
        return all;
    }
    RecordedLog log;
    pipeline::MetricsPage page{"", stages::detect_metrics};
    pipeline::Link<stages::Candidate> candidates{"candidates", {.depth = 1'024}};
    std::uint8_t flags = pipeline::Flag::hybrid_patterns;
    std::uint32_t next_event = 0;
    stages::Detect detect;
};

// What an account held since it came to be, and six cuts of a tenth of it.
void drained(Bench& bench, std::uint32_t number, std::uint8_t name) {
    bench.moves(0, name, 100'000 * token, "Endowed", number);
    bench.moves(99, name, 100'000 * token, "Transfer", number);
    for (std::uint8_t i = 0; i < 6; ++i)
        bench.moves(name, static_cast<std::uint8_t>(20 + i), 10'000 * token, "Transfer", number);
    stages::BlockEnd end;
    end.block = Bench::block(number);
    bench.tell(end);
}

} // namespace

TEST(DetectRules, a_watched_account_is_told_from_min_on_whichever_way_it_goes) {
    Rule rule = rule_of(RuleKind::watch);
    rule.settings.min = "5";
    rule.levels[2] = "100";
    Bench bench({rule});
    bench.moves(7, 1, 5 * token);
    bench.moves(1, 7, 100 * token);
    bench.moves(7, 1, 5 * token - 1);
    bench.moves(1, 2, 500 * token); // nobody watches them
    EXPECT_EQ(bench.matches(), "0notable 0critical ");
}

TEST(DetectRules, without_min_every_movement_of_a_watched_account_is_told) {
    Bench bench({rule_of(RuleKind::watch)});
    bench.moves(7, 1, 0);
    EXPECT_EQ(bench.matches(), "0notable ");
}

TEST(DetectRules, lists_say_whose_movements_are_told) {
    Rule include = large("1"), labelled = include, exclude = include, named = include;
    include.settings.include = {person(1)};
    labelled.settings.include_labels = {"ours"};
    exclude.settings.exclude = {person(2)};
    named.settings.exclude_labels = {"ours"};
    Bench bench({include, labelled, exclude, named});
    bench.moves(1, 3, token);
    EXPECT_EQ(bench.matches(), "0notable 2notable 3notable ");
    bench.moves(3, 8, token);
    EXPECT_EQ(bench.matches(), "1notable 2notable ");
    bench.moves(2, 1, token);
    EXPECT_EQ(bench.matches(), "0notable 3notable ");
}

TEST(DetectRules, a_rules_own_severity_counts) {
    Rule rule = large("1");
    rule.settings.severity = Severity::critical;
    Bench bench({rule});
    bench.moves(1, 2, token);
    bench.moves(1, 2, token - 1);
    EXPECT_EQ(bench.matches(), "0critical ");
}

TEST(DetectRules, what_is_no_transfer_is_told_to_patterns_only) {
    Bench bench({large("0"), rule_of(RuleKind::drain)}, true);
    bench.moves(0, 2, 5 * token, "Deposit");
    EXPECT_EQ(bench.matches(), "");
}

TEST(DetectRules, a_pattern_comes_before_the_finality_of_its_block) {
    Bench bench({rule_of(RuleKind::drain)}, true);
    drained(bench, 7, 1);
    for (auto const& candidate : bench.taken())
        EXPECT_FALSE(std::holds_alternative<Match>(candidate.body));
    EXPECT_TRUE(bench.tell(stages::Finalized{Bench::block(7).hash, {}, 7}));
    auto const told = bench.taken();
    ASSERT_EQ(told.size(), 2U);
    auto const* match = std::get_if<Match>(&told[0].body);
    ASSERT_NE(match, nullptr);
    EXPECT_TRUE(match->is_pattern);
    EXPECT_EQ(match->pattern.subject, person(1));
    EXPECT_EQ(match->pattern.sum, 50'000 * token);
    EXPECT_TRUE(std::holds_alternative<stages::Finalized>(told[1].body));
    EXPECT_EQ(bench.page.read(stages::DetectMetric::patterns), 1U);
    EXPECT_EQ(bench.page.read(stages::DetectMetric::movements), 8U);
}

TEST(DetectRules, on_the_path_over_subscan_there_are_no_patterns) {
    Bench bench({rule_of(RuleKind::drain)}, false);
    drained(bench, 7, 1);
    bench.tell(stages::Finalized{Bench::block(7).hash, {}, 7});
    EXPECT_EQ(bench.matches(), "");
}

// A block that is read again for the comparator happened only once.
TEST(DetectRules, a_block_read_again_is_no_news_to_patterns) {
    Bench bench({rule_of(RuleKind::drain)}, true);
    stages::Transfer transfer;
    transfer.block = Bench::block(7);
    transfer.movement = row_of_event("Transfer");
    transfer.from = person(1);
    transfer.to = person(2);
    bench.tell(transfer, true);
    stages::BlockEnd end;
    end.block = Bench::block(7);
    bench.tell(end, true);
    bench.tell(end);
    bench.tell(stages::Finalized{Bench::block(7).hash, {}, 7});
    EXPECT_EQ(bench.page.read(stages::DetectMetric::movements), 0U);
}

TEST(DetectRules, more_claims_than_a_call_may_tell_come_in_several) {
    std::vector<Rule> rules(200, rule_of(RuleKind::drain));
    for (std::size_t i = 0; i < rules.size(); ++i) rules[i].name += std::to_string(i);
    Bench bench(std::move(rules), true);
    drained(bench, 7, 1);
    drained(bench, 8, 2);
    bench.tell(stages::Finalized{Bench::block(7).hash, {}, 7});
    EXPECT_TRUE(bench.tell(stages::Finalized{Bench::block(8).hash, {}, 8}));
    std::size_t told = 0;
    for (auto const& candidate : bench.taken())
        told += std::holds_alternative<Match>(candidate.body);
    EXPECT_EQ(told, 400U);
}
