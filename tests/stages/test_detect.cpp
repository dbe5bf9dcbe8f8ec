// Rules over the stream of facts: assets, chains, order, what cannot be judged.
#include "tests/stages/scripted_feed.hpp"

#include "decoders/samples.hpp"

#include <gtest/gtest.h>

using namespace scripted;
using stages::AssetFacts;
using stages::DetectMetric;

namespace {

stages::Rule rule(std::string name, std::vector<std::string> assets, std::string level) {
    stages::Rule made;
    made.name = std::move(name);
    made.assets = std::move(assets);
    made.levels[0] = std::move(level);
    return made;
}

// Detect alone: facts in, candidates out.
struct Bench {
    explicit Bench(std::vector<stages::Rule> rules, std::vector<std::string> chains = {"one"})
        : detect(
              [&] {
                  for (auto& each : rules) each.chains.resize(chains.size(), true);
                  return rules;
              }(),
              chains, log, page, candidates) {}

    void tell(decltype(stages::Fact::body) const& body, std::uint16_t chain = 0) {
        stages::Fact fact;
        fact.chain = chain;
        fact.body = body;
        detect.on({fact, {}}, {});
    }
    // The rules that a transfer of this asset and amount met.
    std::vector<int> met(std::uint32_t asset, u128 amount, std::uint16_t chain = 0) {
        stages::Transfer transfer;
        transfer.asset = asset;
        transfer.amount = amount;
        drain();
        tell(transfer, chain);
        std::vector<int> rules;
        while (auto const* candidate = candidates.front()) {
            rules.push_back(std::get<stages::Match>(candidate->body).rule);
            candidates.pop();
        }
        return rules;
    }
    void drain() {
        while (candidates.front()) candidates.pop();
    }
    RecordedLog log;
    pipeline::MetricsPage page{"", stages::detect_metrics};
    pipeline::Link<stages::Candidate> candidates{"candidates", {.depth = 256}};
    stages::Detect detect;
};

AssetFacts asset(std::uint32_t slot, std::string_view symbol, std::string_view id,
                 std::optional<std::uint8_t> decimals) {
    AssetFacts facts;
    facts.slot = slot;
    facts.symbol.assign(symbol);
    facts.id.assign(id);
    facts.decimals_known = decimals.has_value();
    facts.decimals = decimals.value_or(0);
    return facts;
}

using Rules = std::vector<int>;

} // namespace

TEST(Detect, each_asset_is_measured_in_its_own_tokens) {
    Bench bench(
        {rule("native", {"native"}, "1"), rule("usdt", {"USDt"}, "100"), rule("all", {"*"}, "5")});
    bench.tell(dot_facts());
    bench.tell(asset(1, "USDt", "1984", 6));
    EXPECT_EQ(bench.met(0, 9'999'999'999), Rules{});
    EXPECT_EQ(bench.met(0, 10'000'000'000), Rules{0});
    EXPECT_EQ(bench.met(0, 50'000'000'000), (Rules{0, 2}));
    EXPECT_EQ(bench.met(1, 4'999'999), Rules{});
    EXPECT_EQ(bench.met(1, 5'000'000), Rules{2});
    EXPECT_EQ(bench.met(1, 100'000'000), (Rules{1, 2}));
    EXPECT_EQ(bench.page.read(DetectMetric::transfers), 6u);
    EXPECT_EQ(bench.page.read(DetectMetric::matches), 6u);
}

TEST(Detect, rules_are_for_their_chains_only) {
    auto only_second = rule("second", {"*"}, "0");
    only_second.chains = {false, true};
    Bench bench({only_second}, {"one", "two"});
    bench.tell(dot_facts(), 0);
    bench.tell(dot_facts(), 1);
    EXPECT_EQ(bench.met(0, 1, 0), Rules{});
    EXPECT_EQ(bench.met(0, 1, 1), Rules{0});
}

TEST(Detect, an_asset_without_decimals_is_judged_by_zero_only_and_said_once) {
    Bench bench({rule("big", {"*"}, "10"), rule("every", {"777"}, "0")});
    bench.tell(dot_facts());
    bench.tell(asset(1, "", "777", {}));
    EXPECT_EQ(bench.met(1, ~u128{0}), Rules{1});
    EXPECT_EQ(bench.page.read(DetectMetric::unjudged), 0u);
    bench.tell(asset(2, "", "778", {}));
    EXPECT_EQ(bench.met(2, ~u128{0}), Rules{});
    EXPECT_EQ(bench.page.read(DetectMetric::unjudged), 1u);
    EXPECT_EQ(bench.log.count("asset 778 has not said how many decimals it has"), 1u)
        << bench.log.all();
    bench.tell(asset(2, "X", "778", 2)); // described later
    EXPECT_EQ(bench.met(2, 1'000), Rules{0});
}

TEST(Detect, an_asset_no_rule_wants_is_nobodys_worry) {
    Bench bench({rule("native", {"native"}, "1")});
    bench.tell(dot_facts());
    bench.tell(asset(1, "", "777", {}));
    EXPECT_EQ(bench.met(1, ~u128{0}), Rules{});
    EXPECT_EQ(bench.page.read(DetectMetric::unjudged), 0u);
    EXPECT_TRUE(bench.log.lines.empty()) << bench.log.all();
}

TEST(Detect, a_transfer_of_an_asset_nobody_introduced_is_counted_as_unjudged) {
    Bench bench({rule("all", {"*"}, "0")});
    bench.tell(dot_facts());
    EXPECT_EQ(bench.met(stages::AssetBook::assets_max + 1, 5), Rules{});
    EXPECT_EQ(bench.page.read(DetectMetric::unjudged), 1u);
}

TEST(Detect, as_many_rules_as_it_promises_records) {
    std::vector<stages::Rule> rules;
    rules.reserve(stages::Detect::rules_max);
    for (std::size_t i = 0; i < stages::Detect::rules_max; ++i)
        rules.push_back(rule("r" + std::to_string(i), {"*"}, "0"));
    Bench bench(rules);
    bench.tell(dot_facts());
    EXPECT_EQ(bench.met(0, 0).size(), stages::Detect::rules_max);
}

TEST(Detect, everything_else_passes_in_its_order) {
    Bench bench({});
    bench.tell(dot_facts());
    stages::BlockEnd end;
    end.events = 3;
    end.incomplete = true;
    bench.tell(end);
    bench.tell(stages::Finalized{{}, {}, 8});
    bench.tell(stages::Abandoned{{}, 9});
    std::vector<std::size_t> kinds;
    while (auto const* candidate = bench.candidates.front()) {
        kinds.push_back(candidate->body.index());
        bench.candidates.pop();
    }
    EXPECT_EQ(kinds, (std::vector<std::size_t>{0, 3, 4, 5}));
}

// Chain to alert with a real runtime's asset transfer, its asset described by nobody.
TEST(Detect, assets_met_in_transfers_are_introduced_by_their_id) {
    auto const& known = known_runtime("asset-hub-polkadot-2000000.v15");
    auto const movements = known.runtime->movements();
    std::size_t row = 0;
    while (movements[row].pallet != "Assets") ++row;
    decoders::SampleRandom random(3);
    Buffer event, value{4};
    ASSERT_TRUE(decoders::encode_movement(*known.runtime, row, account(1), account(2), 5,
                                          Buffer{0xc0, 0x07, 0, 0}, random, event)); // 1984
    decoders::append_record(0, event, value);
    Feed feed;
    feed.tell(dot_facts());
    feed.tell(stages::RuntimeBytes{1}, known.bytes);
    feed.tell(block_bytes(7), value);
    auto const lines = feed.take_lines();
    ASSERT_EQ(lines.size(), 1u) << feed.log.all();
    EXPECT_NE(lines[0].find(R"("asset":{"id":"1984"},"amount_raw":"5")"), std::string::npos)
        << lines[0];
    EXPECT_EQ(feed.decode_page.read(stages::DecodeMetric::assets_unknown), 1u);
}
