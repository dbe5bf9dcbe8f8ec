// `spyhop bench latency`: one run, in which several contestants watch chains with the same events:
// the service on its node path, the same with a journal in memory, the service on Subscan alone, a
// bare reader of the socket, and whoever else is named.
#include "config/cmd_bench.hpp"

#include "config/bench_latency_report.hpp"
#include "config/bench_run.hpp"
#include "config/bench_service.hpp"
#include "config/exit_codes.hpp"
#include "config/signals.hpp"
#include "config/temporary_folder.hpp"
#include "io/files.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <linux/magic.h>
#include <optional>
#include <sys/statfs.h>

namespace config {

namespace {

using pipeline::millisecond;
using pipeline::Nanoseconds;
using pipeline::second;

constexpr std::uint32_t lists_max = 256; // different lists of events
constexpr char const* memory_folder = "/dev/shm";

// fsync does nothing there.
bool lies_in_memory(std::string const& path) {
    struct statfs about{};
    return statfs(path.c_str(), &about) == 0 && about.f_type == TMPFS_MAGIC;
}

struct Heard {
    BenchCrew::Who who = 0;
    Nanoseconds at = 0;
    std::string text;
};

// One run, from the first fork to the figures.
class LatencyBench {
  public:
    LatencyBench(Common const& common, BenchLatencyOptions const& options)
        : common_(common)
        , options_(options)
        , folder_("bench", options.folder)
        , memory_("bench", memory_folder) {}

    std::expected<void, std::string> measure();
    LatencyReport result() const;

  private:
    using Done = std::expected<void, std::string>;
    struct Member {
        Contestant contestant;
        std::optional<BenchService> service;
        std::optional<BenchCrew::Who> who;
        std::uint64_t lines = 0; // as far as they count
        FirstTold first_told;
        double commits = 0, commit_ns = 0;
        ContestFigures figures{};
    };

    void say_to_people(std::string const& text) const {
        if (!common_.quiet) fmt::print(stderr, "bench: {}\n", text);
    }
    std::size_t enter(std::string key, std::string title, Says says);
    void enter_all();
    Done start();
    Done start_service(Member& member, bool legacy, std::string state_dir);
    void start_peer(Member& member);
    bool ready() const;
    bool everything_came() const;
    Done play();
    void on_line(BenchCrew::Line const& line);
    void end_members();
    void read_heard();
    Member* member_of(BenchCrew::Who who);
    std::vector<BenchCrew::Who> everybody() const;

    Common const& common_;
    BenchLatencyOptions const& options_;
    TemporaryFolder const folder_;
    TemporaryFolder const memory_;
    pipeline::SystemClock const clock_;
    BenchCrew crew_{clock_};
    BenchBlocks blocks_;
    pipeline::u128 level_ = 0;
    LoadPlan plan_;
    std::optional<BenchRun> run_;
    std::vector<Member> members_;
    std::vector<Heard> heard_;
    AlertReader reader_;
    Nanoseconds end_ = 0;
    std::vector<HopRun> hops_;
    std::vector<double> obeyed_ns_;
};

std::size_t LatencyBench::enter(std::string key, std::string title, Says says) {
    Member member;
    member.contestant = {std::move(key), std::move(title), says, members_.size()};
    members_.push_back(std::move(member));
    plan_.chains.push_back({.subscan = members_.back().contestant.key == "legacy"});
    return members_.size() - 1;
}

// In the order of the table. A journal in memory needs a place for it.
void LatencyBench::enter_all() {
    enter("hybrid", "spyhop, node", Says::alerts);
    if (!memory_.path().empty())
        enter("hybrid_memory", "spyhop, node, journal in memory", Says::alerts);
    if (options_.legacy) enter("legacy", "spyhop, Subscan alone", Says::alerts);
    if (!options_.peer.empty()) enter("peer", options_.peer, Says::counted_alerts);
    enter("floor", "bare WebSocket reader", Says::blocks);
}

LatencyBench::Done LatencyBench::start_service(Member& member, bool legacy, std::string state_dir) {
    std::size_t const chain = member.contestant.chain;
    ServicePlan plan;
    plan.name = member.contestant.key;
    plan.folder = folder_.path();
    plan.state_dir = std::move(state_dir);
    plan.level = blocks_.level_text(level_);
    plan.subscan = legacy;
    plan.service = fmt::format("idle = \"{}\"\nlayout = \"{}\"\nisolation = \"{}\"\n",
                               options_.idle, options_.layout, options_.isolation);
    if (options_.tls) plan.ca_file = folder_.path() + "/certificate.pem";
    ServicePlan::Chain one{load_chain_name(chain), {}, {}, {}};
    if (!legacy) one.url = run_->url(chain);
    if (legacy) {
        one.subscan_url = run_->subscan_url(chain);
        one.more = fmt::format("legacy_poll = \"{}ms\"\n", options_.legacy_poll / millisecond);
        plan.more = "[enrich]\naccounts = false\nprices = false\n";
    }
    plan.chains = {one};
    auto made = BenchService::make(std::move(plan));
    if (!made) return std::unexpected(made.error());
    member.service = std::move(*made);
    member.service->start(crew_);
    member.who = member.service->who();
    return {};
}

void LatencyBench::start_peer(Member& member) {
    std::string const url = run_->url(member.contestant.chain);
    std::vector<std::string> environment{
        fmt::format("SPYHOP_BENCH_MINIMUM={}", static_cast<std::uint64_t>(level_))};
    if (options_.tls)
        environment.push_back("NODE_EXTRA_CA_CERTS=" + folder_.path() + "/certificate.pem");
    member.who = crew_.run("the peer", {"sh", "-c", options_.peer + ' ' + url}, environment);
}

LatencyBench::Done LatencyBench::start() {
    for (Member& member : members_) {
        std::string const& key = member.contestant.key;
        Done done{};
        if (key == "hybrid") done = start_service(member, false, {});
        if (key == "hybrid_memory") done = start_service(member, false, memory_.path() + "/state");
        if (key == "legacy") done = start_service(member, true, {});
        if (key == "peer") start_peer(member);
        if (key == "floor") {
            std::string const ca = options_.tls ? folder_.path() + "/certificate.pem" : "";
            std::string const url = run_->url(member.contestant.chain);
            member.who =
                crew_.fork_helper("the floor", [&](int out) { return read_floor(url, ca, out); });
        }
        if (!done) return done;
    }
    return {};
}

bool LatencyBench::ready() const {
    return std::ranges::all_of(members_, [](Member const& member) {
        return !member.service || member.service->all_chains(
                                      member.contestant.key == "legacy" ? "polling" : "following");
    });
}

LatencyBench::Member* LatencyBench::member_of(BenchCrew::Who who) {
    auto const found = std::ranges::find(members_, std::optional(who), &Member::who);
    return found == members_.end() ? nullptr : &*found;
}

// What can be read later is read later: whoever is measured shares the machine with this loop. Of
// Subscan's alerts only reading tells which are new, and they may wait.
void LatencyBench::on_line(BenchCrew::Line const& line) {
    heard_.push_back({line.who, line.at, std::string(line.text)});
    Member* const member = member_of(line.who);
    if (member == nullptr) return;
    bool counts = member->contestant.says != Says::alerts;
    if (member->contestant.key == "legacy") {
        auto const alert = reader_.read(line.text);
        counts = alert && member->first_told.look(*alert) == FirstTold::Line::first;
    } else if (!counts) {
        counts = line.text.find(R"("state":"seen")") != line.text.npos;
    }
    if (counts) ++member->lines;
}

bool LatencyBench::everything_came() const {
    std::uint64_t const alerts = alerts_expected(plan_, level_);
    return run_->finished() != 0 && std::ranges::all_of(members_, [&](Member const& member) {
               return member.contestant.says == Says::blocks || member.lines >= alerts;
           });
}

std::vector<BenchCrew::Who> LatencyBench::everybody() const {
    std::vector<BenchCrew::Who> all{run_->load()};
    for (Member const& member : members_)
        if (member.who) all.push_back(*member.who);
    return all;
}

LatencyBench::Done LatencyBench::play() {
    auto const lines = [this](BenchCrew::Line const& line) { on_line(line); };
    std::set<std::size_t> awaited;
    for (Member const& member : members_)
        if (member.contestant.key != "legacy") awaited.insert(member.contestant.chain);
    constexpr Nanoseconds patience = 60 * second;
    if (auto const begun = run_->begin(
            awaited, [this] { return ready(); }, patience, lines);
        !begun) {
        std::string const trouble = run_->trouble(everybody());
        return std::unexpected(begun.error() + (trouble.empty() ? "" : ". " + trouble));
    }
    heard_.clear();
    std::vector<std::map<std::string, double>> before;
    for (Member const& member : members_)
        before.push_back(member.service ? member.service->metrics()
                                        : std::map<std::string, double>());
    Nanoseconds const last = plan_.due(run_->start(), plan_.chains.size() - 1, plan_.blocks_each);
    // Subscan is asked twice before legacy must have heard of the last block.
    Nanoseconds const grace = 5 * second + (options_.legacy ? 2 * options_.legacy_poll : 0);
    say_to_people(fmt::format("{} blocks of about {} events, one every {}, {} alerts in all; {}",
                              plan_.blocks_each, options_.events,
                              time_text(static_cast<double>(plan_.block_time)),
                              alerts_expected(plan_, level_),
                              fmt::format("done in {} s", (last - clock_.monotonic()) / second)));
    crew_.poll_until(last + grace, run_->listening(lines),
                     [this] { return everything_came() || !run_->trouble(everybody()).empty(); });
    if (crew_.interrupted()) return std::unexpected("interrupted");
    if (auto const trouble = run_->trouble(everybody()); !trouble.empty())
        return std::unexpected(trouble);
    end_ = clock_.monotonic();
    constexpr int drills = 200;
    for (int i = 0; i < drills; ++i)
        if (auto const obeyed = members_[0].service->drill()) obeyed_ns_.push_back(*obeyed);
    for (std::size_t i = 0; i < members_.size(); ++i) {
        Member& member = members_[i];
        if (!member.service) continue;
        auto const after = member.service->metrics();
        auto const grown = [&](std::string_view name) {
            return metric_sum(after, name) - metric_sum(before[i], name);
        };
        member.commits = grown("spyhop_deliver_commits_total");
        member.commit_ns = grown("spyhop_deliver_commit_nanoseconds_total");
    }
    return {};
}

void LatencyBench::end_members() {
    auto const lines = run_->listening([this](BenchCrew::Line const& line) { on_line(line); });
    constexpr Nanoseconds patience = 15 * second;
    for (Member const& member : members_)
        if (member.who) crew_.end(*member.who, patience, lines);
}

void LatencyBench::read_heard() {
    for (Member& member : members_) member.first_told = FirstTold();
    for (Heard const& one : heard_) {
        Member* const member = member_of(one.who);
        if (member == nullptr) continue;
        Contestant& contestant = member->contestant;
        Sighting sighting{0, 0, one.at};
        if (contestant.says == Says::alerts) {
            auto const alert = reader_.read(one.text);
            if (!alert || member->first_told.look(*alert) == FirstTold::Line::other) continue;
            sighting.block = alert->block;
            sighting.event = alert->event;
            contestant.own_ns.push_back(alert->received_to_emitted_ns);
        } else {
            std::string_view text = one.text;
            constexpr std::string_view word = "seen "; // read_floor()'s
            if (contestant.says == Says::blocks) text.remove_prefix(word.size());
            char const* const end = text.data() + text.size();
            auto const [at, error] = std::from_chars(text.data(), end, sighting.block);
            if (error != std::errc()) continue;
            if (contestant.says == Says::blocks) std::from_chars(at + 1, end, sighting.at);
        }
        contestant.sightings.push_back(sighting);
    }
}

std::expected<void, std::string> LatencyBench::measure() {
    if (folder_.path().empty())
        return std::unexpected("no folder can be made for the run; is TMPDIR writable?");
    auto blocks = make_blocks(
        {std::min(options_.blocks + options_.warm_up, lists_max), options_.events, 1, 500});
    if (!blocks) return std::unexpected(blocks.error());
    blocks_ = std::move(*blocks);
    level_ = blocks_.level_for(std::uint64_t{options_.alerts} * blocks_.lists.size());
    plan_.blocks = &blocks_;
    plan_.blocks_each = options_.blocks + options_.warm_up;
    plan_.block_time = options_.block_time;
    enter_all();
    plan_.offset = plan_.block_time / plan_.chains.size();
    if (options_.tls) {
        if (auto const made = make_certificate(crew_, clock_, folder_.path()); !made) return made;
        plan_.certificate = folder_.path() + "/certificate.pem";
        plan_.key = folder_.path() + "/key.pem";
    }
    run_.emplace(crew_, plan_, clock_);
    if (auto const opened = run_->open(); !opened) return opened;
    if (auto const started = start(); !started) return started;
    if (auto const played = play(); !played) return played;
    end_members();
    if (auto const finished = run_->finish({}); !finished) return finished;
    read_heard();
    Contest const contest{plan_, level_, options_.warm_up, run_->start(), end_, run_->sent()};
    for (Member& member : members_) member.figures = figures_of(member.contestant, contest);
    say_to_people("the same blocks in one thread, hop by hop");
    auto hops = measure_hops({blocks_, level_, folder_.path()});
    if (!hops) return std::unexpected(hops.error());
    hops_ = std::move(*hops);
    return {};
}

LatencyReport LatencyBench::result() const {
    LatencyReport report;
    report.blocks = options_.blocks;
    report.block_time = options_.block_time;
    std::uint64_t events = 0;
    for (BenchEvents const& list : blocks_.lists) events += list.events;
    report.events = static_cast<std::uint32_t>(events / blocks_.lists.size());
    report.tls = options_.tls;
    report.service = fmt::format("idle {}, layout {}, isolation {}", options_.idle, options_.layout,
                                 options_.isolation);
    report.legacy_poll = options_.legacy_poll;
    report.synced = !lies_in_memory(folder_.path());
    for (Member const& member : members_)
        report.rows.push_back(
            {member.contestant, member.figures, member.commits, member.commit_ns});
    report.hops = hops_;
    auto obeyed = obeyed_ns_;
    report.obeyed = quantiles_of(obeyed);
    return report;
}

} // namespace

int cmd_bench_latency(Common const& common, BenchLatencyOptions const& options) {
    block_signals();
    LatencyBench bench(common, options);
    if (auto const done = bench.measure(); !done) {
        fmt::print(stderr, "spyhop bench: {}\n", done.error());
        return exit_failed;
    }
    LatencyReport const report = bench.result();
    bool const json = common.output != Output::table;
    fmt::print("{}", json ? latency_json(report) : latency_text(report));
    std::fflush(stdout);
    if (!options.report.empty()) {
        bool const picture = options.report.ends_with(".svg");
        auto const written = io::write_file(
            options.report, picture ? latency_picture(report) : latency_html(report), 0644);
        if (!written) {
            fmt::print(stderr, "spyhop bench: {}\n", io::describe(written.error()));
            return exit_failed;
        }
    }
    return all_kept(latency_verdicts(report)) ? exit_ok : exit_unhealthy;
}

} // namespace config
