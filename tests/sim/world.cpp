#include "world.hpp"

#include "io/url.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>

namespace sim {

using pipeline::millisecond;
using pipeline::Nanoseconds;
using pipeline::second;

namespace {

constexpr std::uint16_t first_node_port = 9'944;
constexpr std::uint16_t subscan_port = 4'399;
constexpr unsigned rounds_max = 60; // of everything, before time moves on
constexpr std::size_t words_max = 60;

std::string configuration(Scenario const& s) {
    std::string endpoints = fmt::format("\"ws://a:{}\"", first_node_port);
    if (s.two_nodes) endpoints += fmt::format(", \"ws://b:{}\"", first_node_port + 1);
    std::string text = fmt::format(
        "[service]\nstate_dir = \"state\"\nsocket = \"admin.sock\"\nlayout = \"single\"\n"
        "isolation = \"{}\"\n"
        "[[chain]]\nname = \"{}\"\nendpoints = [{}]\nstart = {}\nfollow = \"{}\"\n{}"
        "[[rule]]\nname = \"{}\"\nkind = \"large_transfer\"\nnotable = \"100\"\n"
        "important = \"1000\"\ncritical = \"10000\"\n"
        "[flags]\nhybrid_traffic_percent = {}\n"
        "[[sink]]\nkind = \"ndjson\"\npath = \"alerts\"\n",
        s.processes ? "process" : "thread", Chain::name, endpoints, Chain::first_number,
        s.finalized_only ? "finalized" : "best",
        s.legacy
            ? fmt::format("subscan_url = \"http://s:{}\"\nlegacy_poll = \"2s\"\n", subscan_port)
            : "",
        Chain::rule, s.share);
    if (s.legacy)
        text += "[subscan]\nrequests_per_second = 50\nrequests_per_day = 10000000\n"
                "[enrich]\naccounts = false\nprices = false\n"
                "[routing]\nhybrid_patience = \"3s\"\nlegacy_patience = \"20s\"\n";
    return text;
}

ChainPlan plan_of(Scenario const& scenario) {
    ChainPlan plan;
    plan.seed = scenario.seed + 1;
    plan.block_ms = scenario.block_ms;
    for (Event const& event : scenario.events) {
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
    , chain_(plan_of(scenario))
    , oracle_(scenario_, chain_)
    , loaded_(config::load_text(configuration(scenario),
                                scenario.steward ? "with steward" : "configuration"))
    , operators_(network_, "admin.sock",
                 [this](Acknowledged const& said) {
                     bool const changes = said.kind != Kind::ask && said.kind != Kind::drill;
                     if (changes) oracle_.acknowledged(said.epoch, said.kind == Kind::rollback);
                 })
    , started_(clock_.now) {
    for (auto const& problem : loaded_.problems)
        log_.write(pipeline::Level::warning, "configuration", problem.text);
    CHECK(loaded_.usable());
    constexpr std::size_t tight = 24 << 10; // one line of any size, and a few real ones
    if (scenario_.tight_sink) stream_.buffer_bytes_max = tight;
    for (Event const& event : scenario_.events)
        if (row_of(event.kind).unit == Unit::time) due_.push_back(event);
    std::ranges::stable_sort(due_, std::greater(), &Event::at);
    if (scenario_.legacy) add_subscan();
    for (std::size_t i = 0; i < (scenario_.two_nodes ? 2U : 1U); ++i) add_node(i);
}

World::~World() { end_life(false); }

void World::add_subscan() {
    stages::StandinSubscan::Options options;
    options.seed = scenario_.seed;
    options.scenario.quota_per_second = 0;
    options.scenario.quota_per_day = 0;
    options.scenario.lag_blocks = scenario_.subscan_lag;
    options.scenario.finality_lag_blocks = scenario_.finality_lag;
    for (Event const& event : scenario_.events)
        if (auto const kind = subscan_fault(event.kind)) {
            stages::StandinFault fault{event.at, *kind, event.length};
            fault.delay = (1 + event.value % 20) * second;
            options.scenario.faults.push_back(fault);
        }
    subscan_ = std::make_unique<config::SubscanServer>(clock_, std::move(options));
    CHECK(subscan_->listen(network_, {"s", subscan_port}));
}

void World::add_node(std::size_t index) {
    stages::StandinNode::Options options;
    options.finality_lag_blocks = scenario_.finality_lag;
    options.seed = scenario_.seed + index;
    options.older_methods = !scenario_.newer_methods;
    for (Event const& event : scenario_.events) {
        auto const kind = node_fault(event.kind);
        bool const here = !scenario_.two_nodes || event.value % 2 == index;
        if (!kind || !here) continue;
        options.faults.push_back({event.at, *kind, std::max<std::uint64_t>(event.length, 1)});
        // TCP loses nothing in between: what was silent never speaks again.
        if (event.kind == Kind::silent)
            options.faults.push_back({event.at + event.length, stages::FaultKind::reset, 1});
    }
    auto feed = chain_.feed();
    if (index == 0 && subscan_) feed = subscan_->beside(std::move(feed));
    auto node = stages::StandinNode::create(std::move(feed), std::move(options));
    CHECK(node);
    auto listener = network_.listen("node", static_cast<std::uint16_t>(first_node_port + index));
    CHECK(listener);
    SimNode& made = nodes_.emplace_back();
    made.server = std::make_unique<io::WebSocketServer>(std::move(*listener), clock_, weather_);
    made.host = std::make_unique<stages::StandinHost>(*made.server, clock_);
    made.node = node->get();
    made.host->add(std::move(*node), scenario_.block_ms * millisecond, false);
}

std::uint32_t World::finalized() const {
    std::uint64_t highest = 0;
    for (SimNode const& node : nodes_) highest = std::max(highest, node.node->finalized_number());
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
        if (disk_.fallen()) end_life(true);
    }
    return moved;
}

bool World::step() {
    ++outcome_.steps;
    bool moved = turn_service();
    if (!healing_) set_windows();
    moved = network_.step() || moved;
    if (!in_window(Kind::frozen))
        for (SimNode& node : nodes_) moved = node.host->turn() || moved;
    if (subscan_) moved = subscan_->turn() || moved;
    return operators_.turn(clock_.now) || moved;
}

bool World::look() {
    if (sizes_.empty() || sizes_.back().second != stream_.text.size())
        sizes_.emplace_back(clock_.now, stream_.text.size());
    auto const wrong = oracle_.look(stream_.text, finalized());
    return !wrong || fail(*wrong);
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
    outcome_.blocks = finalized() - Chain::first_number + 1;
    outcome_.lines = oracle_.lines();
    outcome_.alerts_told = oracle_.alerts();
    outcome_.answers = operators_.answered();
    outcome_.wrong_rows = oracle_.wrong_rows();
    if (subscan_) outcome_.requests = subscan_->subscan().counters().requests;
    for (Event const& event : scenario_.events) {
        Unit const unit = row_of(event.kind).unit;
        if ((unit == Unit::block && event.at < outcome_.blocks) ||
            (unit == Unit::request && event.at <= outcome_.requests))
            meet(event.kind);
    }
    outcome_.log.assign(log_.words.begin(), log_.words.end());
    return std::move(outcome_);
}

Outcome run(Scenario const& scenario, Manner manner) { return World(scenario, manner).run(); }

} // namespace sim
