// Patterns over restarts, from the facts to the journal: nothing is told twice, no alert is lost,
// and when what they know is written.
#include "tests/stages/scripted_world.hpp"

#include "stages/deliver.hpp"
#include "stages/detect.hpp"
#include "stages/route.hpp"
#include "tests/stages/made_movements.hpp"
#include "tests/stages/scripted_feed.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <sstream>

using namespace scripted;
using pipeline::Process;
using pipeline::second;
using stages::Detect;
using stages::DetectMetric;
using stages::PatternStore;

namespace {

constexpr u128 token = 10'000'000'000;
constexpr std::uint32_t apart = 3; // an account sends once in so many blocks

decoders::Account account(std::uint32_t name) {
    std::uint8_t key[32] = {};
    std::memcpy(key, &name, sizeof name);
    key[31] = 1;
    return decoders::account_of(key, 32);
}

stages::Rule drain_rule() {
    stages::Rule rule;
    rule.name = "drain";
    rule.kind = stages::RuleKind::drain;
    rule.chains = {true};
    return rule;
}

stages::BlockRef ref_of(std::uint32_t number) {
    stages::BlockRef ref;
    ref.number = number;
    ref.timestamp_ms = (1'760'000'000ULL + number * 6) * 1'000;
    std::memcpy(ref.hash.data(), &number, sizeof number);
    ref.hash[31] = 5;
    return ref;
}

// Block n endows account n with 100,000 tokens; in n + 3, n + 6, ... it sends ten times 9,000 of
// them: the sixth, in n + 18, makes it a drain: more than half of what came in is gone.
std::vector<decltype(stages::Fact::body)> block_of(std::uint32_t number) {
    std::vector<decltype(stages::Fact::body)> facts;
    std::uint32_t event = 0;
    auto const add = [&](std::string_view kind, std::uint32_t from, std::uint32_t to, u128 amount) {
        stages::Transfer transfer;
        transfer.block = ref_of(number);
        if (kind == "Transfer") transfer.from = account(from);
        transfer.to = account(to);
        transfer.amount = amount;
        transfer.event_index = event++;
        transfer.movement = row_of_event(kind);
        facts.emplace_back(transfer);
    };
    add("Endowed", 0, number, 100'000 * token);
    add("Transfer", 9'999'999, number, 100'000 * token);
    for (std::uint32_t i = 1; i <= 10 && number > apart * i; ++i)
        add("Transfer", number - apart * i, 5'000'000 + number + i, 9'000 * token);
    stages::BlockEnd end;
    end.block = ref_of(number);
    facts.emplace_back(end);
    facts.emplace_back(stages::Finalized{ref_of(number).hash, ref_of(number - 1).hash, number});
    return facts;
}

class FactHand : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 1;
    explicit FactHand(pipeline::Out<stages::Fact> out)
        : facts(out) {}
    auto outputs() { return std::tie(facts); }
    pipeline::Out<stages::Fact> facts;
};

struct Files {
    stages::testing::Directory folder;
    std::string journal = folder / "alerts.db", store = folder / "patterns-dot.mdb";
};

stages::PatternsOptions small() {
    return {.accounts_max = 4'096, .movements_max = 8'192, .blocks = {.blocks_max = 512}};
}

// One run of detect, route and deliver over the files of the run before.
struct Life {
    explicit Life(Files const& files, stages::PatternsOptions const& options = small(),
                  stages::Rule const& rule = drain_rule()) {
        auto journal = quick_journal(files.journal);
        if (auto const at = journal->cursor_of("dot")) cursor = at->number;
        stages::DetectPatterns patterns{.on = true, .options = options};
        auto& kept = patterns.kept.emplace_back();
        kept.store = std::move(PatternStore::open(files.store, {.wait_for_disk = false})->store);
        auto const stamp = kept.store->stamp();
        if (stamp) snapshot = stamp->number;
        if (cursor) { // as the wiring does: the ledger has no holes here
            kept.usable = stamp.has_value();
            kept.resume = snapshot.value_or(0) + 1;
            kept.told_to = std::max(snapshot.value_or(0), *cursor);
        }
        patterns.begin.push_back(cursor ? std::optional(*cursor + 1) : std::nullopt);

        auto& facts = topology.link<stages::Fact>("facts", {.depth = 1'024});
        auto& candidates = topology.link<stages::Candidate>("candidates", {.depth = 1'024});
        auto& verdicts = topology.link<stages::Verdict>("verdicts", {.depth = 1'024});
        auto& wants = topology.link<stages::Want>("wants", want_room);
        detect_page = &topology.metrics().add("", stages::detect_metrics);
        auto const row = [](std::string name) {
            return pipeline::StageRow{std::move(name), Process::hybrid, "one"};
        };
        hand = &topology.stage(row("hand"), std::make_unique<FactHand>(facts));
        topology.stage(
            row("detect"),
            std::make_unique<Detect>(std::vector{rule}, std::vector<std::string>{"dot"}, log,
                                     *detect_page, candidates, stages::DetectProcesses{},
                                     std::vector<decoders::Account>{}, std::move(patterns)),
            facts);
        auto& route_page = topology.metrics().add("", stages::route_metrics);
        topology.stage(row("route"),
                       std::make_unique<stages::Route>(stages::nodes_only({"dot"}, {"drain"}),
                                                       stages::Route::Needs{log, route_page, clock},
                                                       verdicts),
                       candidates);
        auto owned = std::make_unique<MemorySink>(out);
        sink = owned.get();
        stages::DeliverOptions told;
        told.chains = {"dot"};
        told.rules = {{"drain", stages::RuleKind::drain}};
        std::int64_t const after = journal->last_seq().value_or(0);
        auto& deliver_page = topology.metrics().add("", stages::deliver_metrics);
        auto& custody_page = topology.metrics().add("", stages::custody_metrics);
        topology.stage(row("deliver"),
                       std::make_unique<stages::Deliver>(
                           std::move(told), std::move(journal),
                           std::vector<std::optional<std::uint32_t>>{},
                           one_outlet(std::move(owned), after),
                           stages::Deliver::Needs{clock, log, deliver_page, custody_page},
                           pipeline::Outs<stages::Want>({&wants})),
                       verdicts);
        topology.stage(row("orders"), std::make_unique<Orders>(), wants);
        auto const finished = topology.finish();
        EXPECT_TRUE(finished) << (finished ? "" : finished.error());
    }
    void tell(decltype(stages::Fact::body) const& body) {
        stages::Fact fact;
        fact.header.received = clock.now;
        fact.path = stages::Path::hybrid;
        fact.body = body;
        hand->facts.emit(fact);
    }
    void block(std::uint32_t number) {
        for (auto const& body : block_of(number)) tell(body);
        clock.now += second;
        for (int i = 0; i < 200 && topology.turn(); ++i) {}
    }
    void run() {
        for (int i = 0; i < 3; ++i) {
            clock.now += second;
            for (int k = 0; k < 10'000 && topology.turn(); ++k) {}
        }
    }
    // Ids of the lines since the last call; of what says more of an alert, with a "+" behind.
    std::vector<std::string> ids() {
        std::vector<std::string> all;
        std::istringstream stream(std::exchange(out, {}));
        for (std::string line; std::getline(stream, line);) {
            std::size_t const at = line.find("\"id\":\"") + 6;
            bool const more = line.find("\"amended\":[") != line.npos;
            all.push_back(line.substr(at, line.find('"', at) - at) + (more ? "+" : ""));
        }
        return all;
    }
    std::uint64_t metric(DetectMetric which) const { return detect_page->read(which); }

    pipeline::ManualClock clock;
    RecordedLog log;
    std::string out;
    std::optional<std::uint32_t> cursor, snapshot;
    FactHand* hand = nullptr;
    MemorySink* sink = nullptr;
    pipeline::MetricsPage* detect_page = nullptr;
    pipeline::Switchboard switchboard{{.mode = pipeline::Mode::hybrid_only}};
    pipeline::Topology topology{
        clock, switchboard, pipeline::Idle::spin,
        [this](std::string const&) { return std::make_unique<pipeline::Sleeper>(clock); }};
};

std::vector<std::string> sorted(std::vector<std::string> all, bool more) {
    std::erase_if(all, [&](std::string const& id) { return id.ends_with('+') != more; });
    std::ranges::sort(all);
    return all;
}

std::vector<std::string> without_restart(std::uint32_t blocks) {
    Files const files;
    Life life(files);
    life.tell(dot_facts());
    for (std::uint32_t number = 1; number <= blocks; ++number) life.block(number);
    life.run();
    return life.ids();
}

} // namespace

// Killed at random places, some of them while deliver could not say anything: what was on its way
// is lost with the links. Each run reads again from the snapshot on.
TEST(DetectKeep, whoever_is_killed_says_in_the_end_what_who_ran_on_says_and_nothing_twice) {
    constexpr std::uint32_t blocks = 1'000;
    auto const truth = without_restart(blocks);
    ASSERT_EQ(sorted(truth, false).size(), blocks - 18);
    ASSERT_GT(sorted(truth, true).size(), blocks / 2);
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        SCOPED_TRACE(::testing::Message() << "seed " << seed);
        std::mt19937_64 random(seed);
        Files const files;
        std::vector<std::string> said;
        int ahead = 0, behind = 0;
        for (std::uint32_t done = 0; done < blocks;) {
            Life life(files);
            std::uint32_t const cursor = life.cursor.value_or(0);
            std::uint32_t const from = std::min(cursor, life.snapshot.value_or(0)) + 1;
            ahead += life.snapshot && *life.snapshot > cursor;
            behind += life.snapshot && *life.snapshot < cursor;
            bool const late =
                random() % 2 == 0; // what is read again comes before the chain's facts
            if (!late) life.tell(dot_facts());
            std::uint32_t const to = std::min<std::uint32_t>(
                blocks, cursor + 1 + static_cast<std::uint32_t>(random() % 250));
            std::uint32_t const deaf = to - static_cast<std::uint32_t>(random() % 120);
            for (std::uint32_t number = from; number <= to; ++number) {
                if (late && number == std::min(from + 20, cursor + 1)) life.tell(dot_facts());
                if (number == deaf && to < blocks) life.sink->set_room(0);
                life.block(number);
            }
            if (to == blocks) life.run();
            for (auto const& id : life.ids()) said.push_back(id);
            done = to;
        }
        EXPECT_GT(ahead + behind, 2);
        EXPECT_EQ(sorted(said, false), sorted(truth, false));
        // That an alert has become more may be lost with the links; it is not said twice.
        auto const more = sorted(said, true), all = sorted(truth, true);
        EXPECT_TRUE(std::ranges::includes(all, more));
    }
}

TEST(DetectKeep, is_saved_every_hundred_blocks_and_not_twice_a_minute) {
    Files const files;
    Life life(files);
    life.tell(dot_facts());
    std::uint32_t number = 0;
    auto const saves_after = [&](std::uint32_t blocks) {
        for (std::uint32_t i = 0; i < blocks; ++i) life.block(++number); // one a second
        return life.metric(DetectMetric::pattern_saves);
    };
    EXPECT_EQ(saves_after(100), 0U);
    EXPECT_EQ(saves_after(1), 1U); // 100 after the first
    EXPECT_EQ(saves_after(99), 1U);
    EXPECT_EQ(saves_after(1), 2U);
    life.clock.now -= 90 * second; // as if the hundred had taken ten seconds
    EXPECT_EQ(saves_after(100), 2U);
    life.clock.now += 60 * second;
    EXPECT_EQ(saves_after(1), 3U);
}

TEST(DetectKeep, the_end_of_the_service_saves_once_what_is_new) {
    Files const files;
    {
        Life life(files);
        life.tell(dot_facts());
        for (std::uint32_t number = 1; number <= 30; ++number) life.block(number);
        EXPECT_EQ(life.metric(DetectMetric::pattern_saves), 0U);
        life.topology.drain();
        life.run();
        EXPECT_EQ(life.metric(DetectMetric::pattern_saves), 1U);
    }
    Life again(files);
    EXPECT_EQ(again.snapshot, 30U);
    EXPECT_TRUE(again.log.has("dot: patterns know ")) << again.log.all();
    EXPECT_TRUE(again.log.has(" up to block 30 and go on with block 31")) << again.log.all();
    again.topology.drain();
    again.run();
    EXPECT_EQ(again.metric(DetectMetric::pattern_saves), 0U);
}

TEST(DetectKeep, a_disk_that_is_full_is_said_once_and_tried_again) {
    Files const files;
    pipeline::ManualClock clock;
    RecordedLog log;
    pipeline::MetricsPage page{"", stages::detect_metrics};
    pipeline::Link<stages::Candidate> candidates{"candidates", {.depth = 4'096}};
    stages::DetectPatterns patterns{.on = true, .options = small()};
    patterns.kept.emplace_back().store =
        std::move(PatternStore::open(files.store, {.bytes_max = io::Records::bytes_min})->store);
    Detect detect({drain_rule()}, {"dot"}, log, page, candidates, {}, {}, std::move(patterns));
    auto const tell = [&](decltype(stages::Fact::body) const& body) {
        stages::Fact fact;
        fact.body = body;
        while (!detect.on({fact, {}}, {})) {}
        while (candidates.front()) candidates.pop();
    };
    tell(dot_facts());
    std::uint32_t number = 0;
    pipeline::Turn turn;
    for (int minute = 0; minute < 4; ++minute) {
        for (int i = 0; i < 150; ++i) {
            for (auto const& body : block_of(++number)) tell(body);
            turn.now += second;
            detect.tick(turn);
        }
    }
    EXPECT_GE(page.read(DetectMetric::pattern_saves_failed), 4U);
    EXPECT_LE(page.read(DetectMetric::pattern_saves_failed), 10U);
    EXPECT_EQ(log.count("what patterns know cannot be written"), 1U) << log.all();
    EXPECT_GT(page.read(DetectMetric::movements), 5'000U);
}

// Room for 256 accounts and for 64 that have left since the last snapshot. A day later more of
// them than that leave within sixty blocks, which is sooner than a snapshot would be due.
TEST(DetectKeep, accounts_that_leave_quickly_are_written_before_any_is_forgotten) {
    constexpr std::uint32_t day = 20'000; // blocks, and some more
    Files const files;
    Life life(files, {.accounts_max = 256,
                      .movements_max = 8'192,
                      .going_max = 64,
                      .blocks = {.blocks_max = 512}});
    life.tell(dot_facts());
    for (std::uint32_t number = 1; number <= 100; ++number) life.block(number);
    life.tell(stages::Missing{.from = 101, .to = day});
    life.block(day + 1); // far from the last one: a snapshot is due
    std::uint64_t const saves = life.metric(DetectMetric::pattern_saves);
    for (std::uint32_t number = 2; number <= 60; ++number) life.block(day + number);
    EXPECT_GT(life.metric(DetectMetric::pattern_saves), saves);
    EXPECT_EQ(life.metric(DetectMetric::pattern_accounts_forgotten), 0U);
    EXPECT_EQ(life.metric(DetectMetric::pattern_accounts_refused), 0U);
}
