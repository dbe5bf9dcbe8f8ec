#include "world.hpp"

#include "decoders/hex.hpp"
#include "io/url.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>

namespace sim {

using pipeline::millisecond;
using pipeline::Nanoseconds;
using pipeline::second;

namespace {

constexpr std::uint16_t first_subscan_port = 4'399; // and one more a chain
constexpr unsigned rounds_max = 60;                 // of everything, before time moves on
constexpr std::size_t words_max = 60;

std::uint16_t node_port(std::size_t site, std::size_t index) {
    return static_cast<std::uint16_t>(9'944 + 2 * site + index);
}

// Of the first people, where canary tiers matter.
std::vector<std::uint8_t> tiers_of(Scenario const& s) {
    std::vector<std::uint8_t> tiers(Chain::people);
    for (std::uint8_t i = 0; s.legacy() && i < Chain::watched; ++i) tiers[i] = 1 + i % 4;
    return tiers;
}

std::string chain_text(ChainDraw const& chain, std::size_t index) {
    std::string endpoints = fmt::format("\"ws://a:{}\"", node_port(index, 0));
    if (chain.two_nodes) endpoints += fmt::format(", \"ws://b:{}\"", node_port(index, 1));
    std::string text =
        fmt::format("[[chain]]\nname = \"{}\"\nendpoints = [{}]\nstart = {}\nfollow = \"{}\"\n",
                    Chain::name_of(index), endpoints, Chain::first_number,
                    chain.finalized_only ? "finalized" : "best");
    if (chain.legacy)
        text += fmt::format("subscan_url = \"http://s:{}\"\nlegacy_poll = \"2s\"\n",
                            first_subscan_port + index);
    return text;
}

std::string people_text(Scenario const& s) {
    auto const tiers = tiers_of(s);
    std::string text;
    for (std::size_t i = 0; i < Chain::watched; ++i) {
        if (!s.watch && tiers[i] == 0) continue;
        text += fmt::format("[[watch]]\naddress = \"{}\"\n",
                            decoders::hex_text(Chain::person(i).bytes()));
        if (tiers[i] != 0) text += fmt::format("tier = {}\n", tiers[i]);
    }
    if (s.watch)
        text += fmt::format("[[rule]]\nname = \"{}\"\nkind = \"watch\"\nmin = \"1000\"\n",
                            Chain::watch_rule);
    return text;
}

std::string patterns_text(Scenario const& s) {
    std::string names;
    for (std::size_t i = 0; i < s.chains.size(); ++i)
        if (s.has_patterns(i))
            names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", Chain::name_of(i));
    if (names.empty()) return {};
    return pattern_rules(names) + "[patterns]\naccounts = 1000\nmovements = 32768\n";
}

std::string configuration(Scenario const& s) {
    std::string text = fmt::format(
        "[service]\nstate_dir = \"state\"\nsocket = \"admin.sock\"\nlayout = \"single\"\n"
        "isolation = \"{}\"\n"
        "[[rule]]\nname = \"{}\"\nkind = \"large_transfer\"\nnotable = \"100\"\n"
        "important = \"1000\"\ncritical = \"10000\"\n"
        "[flags]\nhybrid_traffic_percent = {}\n"
        "[[sink]]\nkind = \"ndjson\"\npath = \"alerts\"\n",
        s.processes ? "process" : "thread", Chain::rule, s.share);
    for (std::size_t i = 0; i < s.chains.size(); ++i) text += chain_text(s.chains[i], i);
    if (s.legacy())
        text += "[subscan]\nrequests_per_second = 50\nrequests_per_day = 10000000\n"
                "[enrich]\naccounts = false\nprices = false\n"
                "[routing]\nhybrid_patience = \"3s\"\nlegacy_patience = \"20s\"\n";
    return text + people_text(s) + patterns_text(s);
}

ChainPlan plan_of(Scenario const& scenario, std::size_t index) {
    ChainPlan plan;
    plan.index = index;
    plan.seed = scenario.seed + 1 + index * 1'000'003;
    plan.block_ms = scenario.chains[index].block_ms;
    for (Event const& event : scenario.events) {
        if (event.chain != index) continue;
        auto const at = static_cast<std::uint32_t>(event.at);
        if (event.kind == Kind::upgrade) plan.upgrades.insert(at);
        if (event.kind == Kind::empty_block) plan.empty.insert(at);
        if (event.kind == Kind::huge_block) plan.huge.insert(at);
    }
    return plan;
}

std::optional<stages::FaultKind> node_fault(Kind kind) {
    switch (kind) {
    case Kind::fork: return stages::FaultKind::fork;
    case Kind::skip_finality: return stages::FaultKind::skip_finality;
    case Kind::silent: return stages::FaultKind::silent;
    case Kind::close: return stages::FaultKind::close;
    case Kind::node_reset: return stages::FaultKind::reset;
    case Kind::malformed: return stages::FaultKind::malformed_json;
    case Kind::truncated: return stages::FaultKind::truncated_frame;
    case Kind::bad_utf8: return stages::FaultKind::invalid_utf8;
    case Kind::error_replies: return stages::FaultKind::error_reply;
    case Kind::rate_limit: return stages::FaultKind::rate_limit;
    case Kind::garbage_events: return stages::FaultKind::garbage_events;
    case Kind::wrong_genesis: return stages::FaultKind::wrong_genesis;
    case Kind::stop_follow: return stages::FaultKind::stop;
    default: return std::nullopt;
    }
}

std::optional<stages::StandinFaultKind> subscan_fault(Kind kind) {
    using enum stages::StandinFaultKind;
    switch (kind) {
    case Kind::limited: return limited;
    case Kind::server_error: return server_error;
    case Kind::timeout: return timeout;
    case Kind::subscan_reset: return reset;
    case Kind::garbage_http: return garbage;
    case Kind::not_json: return not_json;
    case Kind::error_in_200: return error_in_200;
    case Kind::slow: return slow;
    case Kind::null_members: return null_members;
    case Kind::amount_zero: return amount_v2_zero;
    case Kind::short_page: return short_page;
    case Kind::duplicate_rows: return duplicate_rows;
    case Kind::shifted_page: return shifted_page;
    case Kind::missing_rows: return missing_rows;
    case Kind::wrong_amount: return wrong_amount;
    default: return std::nullopt;
    }
}

} // namespace

void LastWords::write(pipeline::Level level, std::string_view component, std::string_view text) {
    constexpr std::string_view levels[] = {"debug", "info", "warning", "error"};
    std::string const line =
        fmt::format("{:10.3f} {:7} {}: {}", static_cast<double>(clock_.now) / 1e9,
                    levels[static_cast<std::size_t>(level)], component, text);
    if (all_) std::fprintf(stderr, "%s\n", line.c_str());
    words.push_back(line);
    if (words.size() > words_max) words.pop_front();
}

World::World(Scenario const& scenario, Manner manner)
    : scenario_(scenario)
    , manner_(manner)
    , random_(scenario.seed * 4 + 1)
    , order_(scenario.seed * 4 + 2)
    , weather_(scenario.seed * 4 + 3)
    , log_(clock_, manner.verbose)
    , network_(clock_)
    , disk_(scenario.seed * 4 + 4)
    , speakers_(tiers_of(scenario))
    , loaded_(config::load_text(configuration(scenario),
                                scenario.steward ? "with steward" : "configuration"))
    , operators_(network_, "admin.sock", [this](Answered const& said) { hear(said); })
    , started_(clock_.now) {
    for (auto const& problem : loaded_.problems)
        log_.write(pipeline::Level::warning, "configuration", problem.text);
    CHECK(loaded_.usable());
    constexpr std::size_t tight = 24 << 10; // one line of any size, and a few real ones
    if (scenario_.tight_sink) stream_.buffer_bytes_max = tight;
    for (Event const& event : scenario_.events)
        if (row_of(event.kind).unit == Unit::time) due_.push_back(event);
    std::ranges::stable_sort(due_, std::greater(), &Event::at);
    for (std::size_t i = 0; i < scenario_.chains.size(); ++i) add_site(i);
}

World::~World() { end_life(false); }

void World::add_site(std::size_t index) {
    ChainDraw const& draw = scenario_.chains[index];
    sites_.push_back(
        std::make_unique<Site>(scenario_, index, speakers_, plan_of(scenario_, index)));
    if (draw.legacy) add_subscan(index);
    for (std::size_t i = 0; i < (draw.two_nodes ? 2U : 1U); ++i) add_node(index, i);
}

void World::add_subscan(std::size_t site) {
    stages::StandinSubscan::Options options;
    options.seed = scenario_.seed + site;
    options.scenario.quota_per_second = 0;
    options.scenario.quota_per_day = 0;
    options.scenario.lag_blocks = scenario_.chains[site].subscan_lag;
    options.scenario.finality_lag_blocks = scenario_.chains[site].finality_lag;
    for (Event const& event : scenario_.events)
        if (auto const kind = subscan_fault(event.kind); kind && event.chain == site) {
            stages::StandinFault fault{event.at, *kind, event.length};
            fault.delay = (1 + event.value % 20) * second;
            options.scenario.faults.push_back(fault);
        }
    auto& subscan = sites_[site]->subscan;
    subscan = std::make_unique<config::SubscanServer>(clock_, std::move(options));
    CHECK(subscan->listen(network_, {"s", static_cast<std::uint16_t>(first_subscan_port + site)}));
}

void World::add_node(std::size_t of, std::size_t index) {
    Site& site = *sites_[of];
    ChainDraw const& draw = scenario_.chains[of];
    stages::StandinNode::Options options;
    options.finality_lag_blocks = draw.finality_lag;
    options.seed = scenario_.seed + 2 * of + index;
    options.older_methods = !draw.newer_methods;
    for (Event const& event : scenario_.events) {
        auto const kind = node_fault(event.kind);
        bool const here = !draw.two_nodes || event.value % 2 == index;
        if (!kind || !here || event.chain != of) continue;
        options.faults.push_back({event.at, *kind, std::max<std::uint64_t>(event.length, 1)});
        // TCP loses nothing in between: what was silent never speaks again.
        if (event.kind == Kind::silent)
            options.faults.push_back({event.at + event.length, stages::FaultKind::reset, 1});
    }
    auto feed = site.chain.feed();
    if (index == 0 && site.subscan) feed = site.subscan->beside(std::move(feed));
    auto node = stages::StandinNode::create(std::move(feed), std::move(options));
    CHECK(node);
    auto listener = network_.listen("node", node_port(of, index));
    CHECK(listener);
    SimNode& made = site.nodes.emplace_back();
    made.server = std::make_unique<io::WebSocketServer>(std::move(*listener), clock_, weather_);
    made.host = std::make_unique<stages::StandinHost>(*made.server, clock_);
    made.node = node->get();
    made.host->add(std::move(*node), draw.block_ms * millisecond, false);
}

std::uint32_t Site::finalized() const {
    std::uint64_t highest = 0;
    for (SimNode const& node : nodes) highest = std::max(highest, node.node->finalized_number());
    return static_cast<std::uint32_t>(highest);
}

// ---- time ---------------------------------------------------------------------------------------

bool World::turn_service() {
    bool moved = false;
    if (!life_) return false;
    std::size_t const threads = life_->threads();
    std::size_t const first = order_.up_to(threads - 1);
    for (std::size_t i = 0; i < threads && life_; ++i) {
        std::size_t const thread = (first + i) % threads;
        bool const lazy = std::ranges::any_of(open_, [&](auto const& window) {
            return window.first.kind == Kind::lazy_thread && window.first.value % threads == thread;
        });
        if (lazy || (!healing_ && order_.up_to(7) == 0)) continue;
        moved = life_->turn(thread) || moved;
        suspect(speakers_.in_force(life_->regime(), clock_.unix_ms));
        if (disk_.fallen()) end_life(true);
    }
    return moved;
}

bool World::step() {
    ++outcome_.steps;
    bool moved = turn_service();
    if (!healing_) set_windows();
    moved = network_.step() || moved;
    for (std::size_t i = 0; i < sites_.size(); ++i) {
        if (!frozen(i))
            for (SimNode& node : sites_[i]->nodes) moved = node.host->turn() || moved;
        if (sites_[i]->subscan) moved = sites_[i]->subscan->turn() || moved;
    }
    return operators_.turn(clock_.now) || moved;
}

bool World::look() {
    if (sizes_.empty() || sizes_.back().second != stream_.text.size())
        sizes_.emplace_back(clock_.now, stream_.text.size());
    if (!operators_.wrong().empty()) suspect(operators_.wrong());
    if (!suspicion_.empty()) return fail(suspicion_);
    for (Told told; reader_.next(stream_.text, told);) {
        std::size_t of = 0;
        while (of < sites_.size() && told.chain != Chain::name_of(of)) ++of;
        if (of == sites_.size()) return fail("a chain that does not exist: " + told.chain);
        Site& site = *sites_[of];
        auto const wrong = site.patterns.knows(told.rule)
                             ? site.patterns.judge(told, site.finalized())
                             : site.oracle.judge(told, site.finalized());
        if (wrong) return fail(*wrong + ": " + std::string(reader_.last()));
    }
    return reader_.trouble().empty() || fail(reader_.trouble());
}

// False: something is wrong.
bool World::pass(Nanoseconds time) {
    Nanoseconds const until = clock_.now + time;
    while (clock_.now < until) {
        begin_due();
        tend_the_dead();
        for (unsigned round = 0, quiet = 0; round < rounds_max && quiet < 2; ++round) {
            quiet = step() ? 0 : quiet + 1;
            if (!look()) return false;
        }
        clock_.advance((10 + order_.up_to(healing_ ? 120 : 40)) * millisecond);
    }
    return true;
}

bool World::fail(std::string const& why) {
    outcome_.wrong = fmt::format("after {} ms: {}", since_start() / millisecond, why);
    return false;
}

Outcome World::run() {
    if (pass(scenario_.milliseconds() * millisecond) && heal()) {
        std::string const wrong = finish();
        if (!wrong.empty()) fail(wrong);
    }
    outcome_.alerts = stream_.text;
    outcome_.lines = reader_.lines();
    outcome_.answers = operators_.answered();
    outcome_.turns_judged = speakers_.judged();
    outcome_.pins_judged = speakers_.judged_by_pin();
    for (std::size_t i = 0; i < sites_.size(); ++i) {
        Site const& site = *sites_[i];
        std::uint64_t const blocks = site.finalized() - Chain::first_number + 1;
        std::uint64_t const requests =
            site.subscan ? site.subscan->subscan().counters().requests : 0;
        for (Event const& event : scenario_.events) {
            Unit const unit = row_of(event.kind).unit;
            bool const met = (unit == Unit::block && event.at < blocks) ||
                             (unit == Unit::request && event.at <= requests);
            if (met && event.chain == i) meet(event.kind);
        }
        outcome_.blocks += blocks;
        outcome_.requests += requests;
        outcome_.alerts_told += site.oracle.alerts();
        outcome_.wrong_rows += site.oracle.wrong_rows();
        outcome_.patterns += site.patterns.told();
    }
    outcome_.log.assign(log_.words.begin(), log_.words.end());
    return std::move(outcome_);
}

Outcome run(Scenario const& scenario, Manner manner) { return World(scenario, manner).run(); }

} // namespace sim
