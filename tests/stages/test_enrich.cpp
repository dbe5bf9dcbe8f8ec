// What alerts are told about accounts and prices: at once from labels and cache, later by
// amendment.
#include "stages/enrich.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace stages;

namespace {

decoders::Account account(std::uint8_t byte) {
    std::uint8_t bytes[32];
    std::memset(bytes, byte, sizeof bytes);
    return decoders::account_of(bytes, 32);
}

struct World {
    explicit World(LabelBook labels = {}, bool lookups_possible = true, bool dollars = false) {
        EnrichOptions options;
        options.chains = {{lookups_possible, dollars}, {false, dollars}};
        options.labels = std::move(labels);
        options.pending_max = 4;
        std::vector<pipeline::Link<Lookup>*> to;
        if (lookups_possible) to.push_back(&lookups);
        std::vector<pipeline::Link<Finding>*> told;
        if (dollars) told.push_back(&prices);
        enrich = std::make_unique<Enrich>(
            std::move(options), Enrich::Needs{nullptr, page, cache_page}, verdicts,
            pipeline::Outs<Lookup>(to), pipeline::Outs<Finding>(told));
        for (std::uint16_t chain = 0; chain < 2; ++chain) {
            ChainFacts facts;
            facts.genesis.fill(static_cast<std::uint8_t>(chain + 1));
            facts.ss58_prefix = 2;
            say(facts, chain);
        }
        take();
    }
    pipeline::Turn turn() const {
        pipeline::Turn made;
        made.now = now;
        made.unix_ms = 1'763'626'512'000 + now / pipeline::millisecond;
        made.regime.flags = hurry ? pipeline::Flag::high_speed : std::uint8_t{0};
        return made;
    }
    void say(decltype(Verdict::body) const& body, std::uint16_t chain = 0) {
        Verdict verdict;
        verdict.chain = chain;
        verdict.body = body;
        enrich->on({verdict, {}}, turn());
    }
    static Alert alert(std::uint8_t id, Severity severity = Severity::notable) {
        Alert made;
        made.id.fill(id);
        made.match.severity = severity;
        made.match.transfer.from = account(1);
        made.match.transfer.to = account(2);
        made.match.transfer.block.timestamp_ms = 1'763'626'512'000;
        return made;
    }
    void found(std::uint8_t who, PartyKnown const& party, Found how = Found::yes) {
        Finding finding;
        finding.wanted = Wanted::account;
        finding.found = how;
        finding.account = account(who);
        finding.party = party;
        enrich->on({finding, {}}, turn());
    }
    void priced(std::string_view usd, Found how = Found::yes) {
        Finding finding;
        finding.wanted = Wanted::price;
        finding.found = how;
        finding.time_s = 1'763'626'500;
        finding.price.usd.assign(usd);
        finding.price.by = KnownBy::subscan;
        enrich->on({finding, {}}, turn());
    }
    std::vector<Verdict> take() {
        while (enrich->tick(turn())) {}
        std::vector<Verdict> all;
        for (; verdicts.front() != nullptr; verdicts.pop()) all.push_back(*verdicts.front());
        return all;
    }
    std::vector<Lookup> asked() {
        std::vector<Lookup> all;
        for (; lookups.front() != nullptr; lookups.pop()) all.push_back(*lookups.front());
        return all;
    }

    pipeline::Nanoseconds now = pipeline::second;
    bool hurry = false; // the regime asks for high speed
    pipeline::MetricsPage page{"", enrich_metrics};
    pipeline::MetricsPage cache_page{"", cache_metrics};
    pipeline::Link<Verdict> verdicts{"verdicts", {.depth = 64}};
    pipeline::Link<Lookup> lookups{"lookups", {.depth = 64, .when_full = pipeline::WhenFull::drop}};
    pipeline::Link<Finding> prices{"prices", {.depth = 64, .when_full = pipeline::WhenFull::drop}};
    std::unique_ptr<Enrich> enrich;
};

PartyKnown binance(std::string_view balance = "12.5") {
    PartyKnown party;
    party.label.assign("Binance.com");
    party.label_by = KnownBy::subscan_tag;
    party.kind.assign("Exchange");
    party.balance.assign(balance);
    return party;
}

Alert const& alert_of(Verdict const& verdict) {
    if (auto const* amendment = std::get_if<Amendment>(&verdict.body)) return amendment->alert;
    return std::get<Alert>(verdict.body);
}

} // namespace

TEST(Enrich, an_alert_goes_on_at_once_and_what_is_not_known_is_asked) {
    World world;
    world.say(World::alert(1, Severity::critical));
    auto const said = world.take();
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(alert_of(said[0]).from.label.size, 0U);
    auto const asked = world.asked();
    ASSERT_EQ(asked.size(), 3U);
    EXPECT_EQ(asked[0].account, account(1));
    EXPECT_EQ(asked[0].ss58_prefix, 2);
    EXPECT_TRUE(asked[0].urgent);
    EXPECT_EQ(asked[0].useful_until, world.now + 30 * pipeline::second);
    EXPECT_EQ(asked[1].account, account(2));
    EXPECT_EQ(asked[2].wanted, Wanted::price);
    EXPECT_EQ(asked[2].time_s, 1'763'626'500U); // 08:15:12 belongs to 08:15:00
}

TEST(Enrich, what_comes_later_amends_once_everything_is_here) {
    World world;
    world.say(World::alert(1));
    world.take();
    world.found(1, binance());
    world.found(2, {}, Found::no);
    EXPECT_TRUE(world.take().empty()); // the price is still open
    world.priced("4.2");
    auto const said = world.take();
    ASSERT_EQ(said.size(), 1U);
    ASSERT_TRUE(std::holds_alternative<Amendment>(said[0].body));
    Alert const& alert = alert_of(said[0]);
    EXPECT_EQ(alert.id, World::alert(1).id);
    EXPECT_EQ(alert.amended, Amended::from_label | Amended::from_balance | Amended::usd);
    EXPECT_EQ(alert.from.label.view(), "Binance.com");
    EXPECT_EQ(alert.from.balance.view(), "12.5");
    EXPECT_EQ(alert.price.usd.view(), "4.2");
    EXPECT_EQ(alert.price.age_s, 12U);
    EXPECT_EQ(world.page.read(EnrichMetric::amended), 1U);
    EXPECT_EQ(world.enrich->next_deadline(), pipeline::never);
}

TEST(Enrich, a_slow_answer_does_not_hold_up_the_others_for_more_than_two_seconds) {
    World world;
    world.say(World::alert(1));
    world.take();
    world.found(1, binance());
    EXPECT_EQ(world.enrich->next_deadline(), world.now + 2 * pipeline::second);
    world.now += 2 * pipeline::second;
    auto said = world.take();
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(alert_of(said[0]).amended, Amended::from_label | Amended::from_balance);
    world.priced("4.2");
    world.now += 2 * pipeline::second;
    said = world.take();
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(alert_of(said[0]).amended, Amended::usd); // only what is new
    EXPECT_EQ(alert_of(said[0]).from.label.view(), "Binance.com");
}

TEST(Enrich, what_comes_after_thirty_seconds_serves_the_next_alert_only) {
    World world;
    world.say(World::alert(1));
    world.take();
    world.now += 30 * pipeline::second;
    EXPECT_TRUE(world.take().empty());
    EXPECT_EQ(world.page.read(EnrichMetric::too_late), 1U);
    world.found(1, binance());
    world.now += 10 * pipeline::second;
    EXPECT_TRUE(world.take().empty());
    world.say(World::alert(2));
    auto const said = world.take();
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(alert_of(said[0]).from.label.view(), "Binance.com");
    EXPECT_EQ(alert_of(said[0]).from.label_age_s, 10U);
    EXPECT_EQ(alert_of(said[0]).from.balance_age_s, 10U);
    EXPECT_EQ(alert_of(said[0]).amended, 0);
}

TEST(Enrich, one_question_serves_every_alert_that_waits_for_it) {
    World world;
    world.say(World::alert(1));
    world.say(World::alert(2));
    EXPECT_EQ(world.asked().size(), 3U);
    world.take();
    world.found(1, binance());
    world.found(2, {}, Found::failed);
    world.priced("", Found::failed);
    auto const said = world.take();
    EXPECT_EQ(said.size(), 2U);
    for (auto const& verdict : said)
        EXPECT_EQ(alert_of(verdict).amended, Amended::from_label | Amended::from_balance);
    // Failed ones rest: nobody is asked about account 2 just now.
    world.say(World::alert(3));
    EXPECT_TRUE(world.asked().empty());
}

TEST(Enrich, nothing_found_is_no_amendment) {
    World world;
    world.say(World::alert(1));
    world.take();
    world.found(1, {}, Found::no);
    world.found(2, {}, Found::failed);
    world.priced("", Found::no);
    EXPECT_TRUE(world.take().empty());
    EXPECT_EQ(world.enrich->next_deadline(), pipeline::never);
}

TEST(Enrich, the_users_names_win_and_need_nobody) {
    std::vector<WatchLabel> const watches{{account(1), "Mine", "f:1:1"}};
    std::vector<LabelFile> const files{parse_labels(
        "address,label,kind\n0x" + std::string(64, '1') +
            ",unused,x\n" // another account
            "0x0202020202020202020202020202020202020202020202020202020202020202,Cold,exchange\n",
        "l.csv")};
    World world(LabelBook::build(watches, files).book);
    world.say(World::alert(1));
    Alert const first = alert_of(world.take().at(0));
    EXPECT_EQ(first.from.label.view(), "Mine");
    EXPECT_EQ(first.from.label_by, KnownBy::watch);
    EXPECT_EQ(first.to.label.view(), "Cold");
    EXPECT_EQ(first.to.kind.view(), "exchange");
    EXPECT_EQ(first.to.label_by, KnownBy::file);
    world.found(1, binance());
    world.found(2, {}, Found::no);
    world.priced("", Found::no);
    auto const said = world.take();
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(alert_of(said[0]).from.label.view(), "Mine");
    EXPECT_EQ(alert_of(said[0]).amended, Amended::from_balance);
}

TEST(Enrich, in_a_hurry_nobody_is_asked) {
    World world;
    world.hurry = true;
    world.say(World::alert(1));
    EXPECT_EQ(world.take().size(), 1U);
    EXPECT_TRUE(world.asked().empty());
    world.hurry = false;
    world.say(World::alert(2));
    EXPECT_EQ(world.take().size(), 1U);
    EXPECT_FALSE(world.asked().empty());
}

TEST(Enrich, a_chain_without_subscan_is_labelled_and_not_asked_about) {
    World world({}, false);
    world.say(World::alert(1), 1);
    EXPECT_EQ(world.take().size(), 1U);
    world.say(World::alert(1), 0); // and nobody is there to be asked
    EXPECT_EQ(world.take().size(), 1U);
}

TEST(Enrich, answers_about_another_chain_are_not_taken) {
    World world;
    world.say(World::alert(1));
    world.take();
    Finding finding;
    finding.chain = 1;
    finding.found = Found::yes;
    finding.account = account(1);
    finding.party = binance();
    world.enrich->on({finding, {}}, world.turn());
    world.now += 5 * pipeline::second;
    EXPECT_TRUE(world.take().empty());
}

TEST(Enrich, what_does_not_speak_is_passed_on_untouched) {
    World world;
    Alert quiet = World::alert(1);
    quiet.speaks = false;
    world.say(quiet);
    world.say(Settled{7});
    EXPECT_EQ(world.take().size(), 2U);
    EXPECT_TRUE(world.asked().empty());
}

TEST(Enrich, alerts_that_wait_are_bounded) {
    World world;
    for (std::uint8_t id = 1; id <= 6; ++id) world.say(World::alert(id));
    EXPECT_EQ(world.page.read(EnrichMetric::let_go), 2U);
    world.take();
    world.found(1, binance());
    world.found(2, {}, Found::no);
    world.priced("", Found::no);
    EXPECT_EQ(world.take().size(), 4U);
}

TEST(Enrich, an_alert_told_again_is_amended_once) {
    World world;
    world.say(World::alert(1));
    world.say(World::alert(1)); // as final
    world.take();
    world.found(1, binance());
    world.found(2, {}, Found::no);
    world.priced("", Found::no);
    EXPECT_EQ(world.take().size(), 1U);
}

// ---- prices for levels in dollars ---------------------------------------------------------------

TEST(Enrich, where_rules_have_levels_in_dollars_the_price_is_asked_for_and_told_at_each_step) {
    World world({}, true, true);
    auto const told = [&] {
        std::string all;
        for (; world.prices.front() != nullptr; world.prices.pop()) {
            Finding const& one = *world.prices.front();
            all += fmt::format("{} {} at {}; ", one.chain, one.price.usd.view(), one.time_s);
        }
        return all;
    };
    for (int i = 0; i < 3; ++i) world.enrich->upkeep(world.turn());
    auto const asked = world.asked();
    ASSERT_EQ(asked.size(), 1U); // of the chain that has a Subscan, once
    EXPECT_EQ(asked[0].wanted, Wanted::price);
    EXPECT_EQ(asked[0].time_s, 1'763'626'500U);
    EXPECT_EQ(told(), "");
    world.priced("4.2");
    EXPECT_EQ(told(), "0 4.2 at 1763626500; ");
    // 13 s of the step have passed.
    EXPECT_EQ(world.enrich->next_deadline(), world.now + 287 * pipeline::second);
    world.now += 287 * pipeline::second;
    world.enrich->upkeep(world.turn());
    ASSERT_EQ(world.asked().size(), 1U);
    Finding failed;
    failed.wanted = Wanted::price;
    failed.found = Found::failed;
    failed.time_s = 1'763'626'800;
    world.enrich->on({failed, {}}, world.turn());
    EXPECT_EQ(told(), "");
    World nobody_asks;
    nobody_asks.enrich->upkeep(nobody_asks.turn());
    EXPECT_TRUE(nobody_asks.asked().empty());
}

TEST(Enrich, a_chain_that_is_not_well_is_looked_up_nowhere) {
    World world;
    Alert sick;
    sick.id.fill(1);
    sick.match.is_pattern = sick.match.is_health = true;
    sick.match.transfer.block.timestamp_ms = 1'763'626'512'000;
    world.say(sick);
    world.say(Amendment{sick});
    EXPECT_EQ(world.take().size(), 2U);
    EXPECT_TRUE(world.asked().empty());
}
