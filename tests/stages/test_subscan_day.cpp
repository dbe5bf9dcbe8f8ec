// A day of the legacy path in virtual time, against the stand-in Subscan with the free plan's
// quota: 10 chains polled every 30 s, 1,000 watched accounts, more alerts than there is quota for
// lookups. The stand-in counts; nothing may be over its quota, and no poll may suffer.
#include "io/loopback_network.hpp"
#include "stages/enrich.hpp"
#include "stages/standin_subscan_host.hpp"
#include "stages/subscan_source.hpp"
#include "tests/stages/scripted_node.hpp"
#include "tests/stages/standin_subscan_fixture.hpp"

#include <random>

using namespace stages;
using pipeline::second;

namespace {

constexpr std::uint16_t chain_count = 10;
constexpr Nanoseconds day = 86'400 * second;
constexpr std::uint32_t watched = 1'000;
constexpr Nanoseconds alert_every = 5 * second;

decoders::Account account(std::uint32_t number) {
    std::uint8_t bytes[32] = {1};
    std::memcpy(bytes + 1, &number, sizeof number);
    return decoders::account_of(bytes, 32);
}

template <class M>
struct Tap { // the reading end of a link
    pipeline::Link<M>& link;
    template <class Each>
    bool drain(Each const& each) {
        bool any = false;
        for (; link.front() != nullptr; link.pop(), any = true) each(*link.front());
        return any;
    }
};

struct Day {
    Day() {
        subscan_options.scenario.quota_per_second = 5;
        subscan_options.scenario.quota_per_day = 100'000;
        subscan = std::make_unique<StandinSubscan>(clock, subscan_options);
        server =
            std::make_unique<io::HttpServer>(std::move(*network.listen("127.0.0.1", 80)), clock);
        host = std::make_unique<StandinSubscanHost>(*server, *subscan, clock);
        SubscanSourceOptions options;
        EnrichOptions enriching;
        for (std::uint16_t i = 0; i < chain_count; ++i) {
            TrafficOptions traffic;
            traffic.name = fmt::format("chain-{}", i);
            traffic.genesis.fill(static_cast<std::uint8_t>(i + 1));
            traffic.events_min = 4;
            traffic.events_max = 6;
            traffic.seed = i + 1;
            sources.push_back(std::make_unique<standin_subscan_test::Source>(
                standin_subscan_test::polkadot, traffic));
            EXPECT_TRUE(host->add(std::move(sources.back()->traffic), 600 * second));
            auto& chain = options.chains.emplace_back();
            chain.name = traffic.name;
            chain.polled = true;
            chain.min_amount = "10000";
            options.gate.chains.push_back(chain.name);
            options.gate.hosts.push_back(
                io::parse_url("http://127.0.0.1:80/" + chain.name).value());
            options.planned_per_day += 2 * 2'880;
            enriching.chains.push_back({true});
        }
        options.gate.api_key = "made-up";
        source = std::make_unique<SubscanSource>(
            std::move(options),
            SubscanSource::Needs{network, clock, log, legacy_page, gate_page, nullptr}, facts,
            findings, notes);
        enrich = std::make_unique<Enrich>(std::move(enriching),
                                          Enrich::Needs{nullptr, enrich_page, cache_page}, verdicts,
                                          pipeline::Outs<Lookup>({&lookups}));
    }
    pipeline::Turn turn() const {
        pipeline::Turn made;
        made.now = clock.now;
        made.unix_ms = clock.unix_ms;
        return made;
    }

    void tell(decltype(Verdict::body) const& body, std::uint16_t chain) {
        Verdict verdict;
        verdict.chain = chain;
        verdict.path = Path::legacy;
        verdict.body = body;
        enrich->on({verdict, {}}, turn());
    }
    std::uint32_t pick(std::uint32_t bound) { return static_cast<std::uint32_t>(random() % bound); }
    void alert() {
        Alert made;
        std::uint32_t const id = ++alerts;
        std::memcpy(made.id.data(), &id, sizeof id);
        bool const known = random() % 2 == 0; // a watched account, or anybody
        made.match.severity = random() % 20 == 0 ? Severity::critical : Severity::notable;
        made.match.transfer.from = account(pick(watched));
        made.match.transfer.to = account(known ? pick(watched) : watched + pick(100'000));
        made.match.transfer.block.timestamp_ms = clock.unix_ms;
        tell(made, static_cast<std::uint16_t>(pick(chain_count)));
    }
    bool pass() {
        bool moved = network.step();
        moved = host->turn() || moved;
        moved = source->tick(turn()) || moved;
        moved = Tap<Fact>{facts}.drain([&](Fact const& fact) {
            if (auto const* of = std::get_if<ChainFacts>(&fact.body)) tell(*of, fact.chain);
            rows += std::holds_alternative<Transfer>(fact.body);
        }) || moved;
        moved = Tap<Lookup>{lookups}.drain([&](Lookup const& lookup) {
            source->on({lookup, {}}, turn());
        }) || moved;
        moved = Tap<Finding>{findings}.drain([&](Finding const& finding) {
            enrich->on({finding, {}}, turn());
        }) || moved;
        moved = Tap<LegacyNote>{notes}.drain([&](LegacyNote const& note) { last = note; }) || moved;
        moved = enrich->tick(turn()) || moved;
        enrich->upkeep(turn());
        Tap<Verdict>{verdicts}.drain([&](Verdict const& verdict) {
            amended += std::holds_alternative<Amendment>(verdict.body);
        });
        return moved;
    }
    void run() {
        Nanoseconds const end = clock.now + day;
        Nanoseconds next_alert = clock.now + 60 * second;
        while (clock.now < end) {
            for (int quiet = 0; quiet < 3;) quiet = pass() ? 0 : quiet + 1;
            Nanoseconds const until = std::min({source->next_deadline(), host->next_deadline(),
                                                enrich->next_deadline(), next_alert, end});
            clock.advance(std::max(until, clock.now + pipeline::millisecond) - clock.now);
            if (clock.now >= next_alert) {
                alert();
                next_alert += alert_every;
            }
        }
    }

    pipeline::ManualClock clock;
    io::LoopbackNetwork network{clock};
    scripted::RecordedLog log;
    std::mt19937 random{7};
    StandinSubscan::Options subscan_options;
    std::vector<std::unique_ptr<standin_subscan_test::Source>> sources;
    std::unique_ptr<StandinSubscan> subscan;
    std::unique_ptr<io::HttpServer> server;
    std::unique_ptr<StandinSubscanHost> host;
    pipeline::MetricsPage legacy_page{"", legacy_metrics};
    pipeline::MetricsPage gate_page{"", subscan_metrics};
    pipeline::MetricsPage enrich_page{"", enrich_metrics};
    pipeline::MetricsPage cache_page{"", cache_metrics};
    pipeline::Link<Fact> facts{"facts", {.depth = 256}};
    pipeline::Link<Verdict> verdicts{"verdicts", {.depth = 4'096}};
    pipeline::Link<Lookup> lookups{"lookups",
                                   {.depth = 256, .when_full = pipeline::WhenFull::drop}};
    pipeline::Link<Finding> findings{"findings",
                                     {.depth = 256, .when_full = pipeline::WhenFull::drop}};
    pipeline::Link<LegacyNote> notes{"notes", {.depth = 64, .when_full = pipeline::WhenFull::drop}};
    std::unique_ptr<SubscanSource> source;
    std::unique_ptr<Enrich> enrich;
    LegacyNote last{};
    std::uint32_t alerts = 0;
    std::uint64_t rows = 0, amended = 0;
};

} // namespace

TEST(SubscanDay, ten_chains_and_a_thousand_accounts_stay_within_the_free_plan) {
    Day world;
    world.run();
    SubscanCounters const& counted = world.subscan->counters();
    RecordProperty("requests", static_cast<int>(counted.requests));
    std::cout << counted.text() << "\nalerts " << world.alerts << ", amended " << world.amended
              << ", rows " << world.rows << '\n';
    EXPECT_EQ(counted.over_quota, 0U);
    EXPECT_EQ(counted.unauthorized, 0U);
    EXPECT_LE(counted.requests, 100'000U);
    // Every poll took place, in spite of the lookups.
    std::uint64_t const polls = world.legacy_page.read(LegacyMetric::polls);
    EXPECT_GE(polls, chain_count * 2'880U * 98 / 100);
    EXPECT_LE(polls, chain_count * 2'881U);
    EXPECT_GT(world.rows, 0U);
    EXPECT_GT(world.amended, 1'000U);
    // The lookups had what was left, and used it.
    std::uint64_t const others = counted.requests - 2 * polls;
    EXPECT_GT(others, 20'000U);
    EXPECT_LE(others, 95'000U - 2 * chain_count * 2'880U + 100);
    EXPECT_LE(world.last.quota_used, counted.requests); // the note is a little older
    EXPECT_GE(world.last.quota_used + 20, counted.requests);
}
