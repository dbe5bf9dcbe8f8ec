#include "config/bench_scene.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace config {

using pipeline::Nanoseconds;
using pipeline::second;

BenchScene::BenchScene(SceneWanted wanted, pipeline::Clock const& clock)
    : wanted_(std::move(wanted))
    , clock_(clock)
    , crew_(clock) {
    wanted_.load.blocks = wanted_.blocks;
    for (std::size_t i = 0; i < wanted_.load.chains.size(); ++i)
        chains_.push_back({load_chain_name(i), load_chain_name(i), Says::alerts, i, {}, {}});
}

BenchScene::Done BenchScene::open() {
    run_.emplace(crew_, wanted_.load, clock_);
    if (auto const opened = run_->open(); !opened) return opened;
    ServicePlan plan;
    plan.name = "service";
    plan.folder = wanted_.folder;
    plan.level = wanted_.blocks->level_text(wanted_.level);
    plan.service = wanted_.service;
    plan.flags = wanted_.flags;
    plan.more = wanted_.more;
    for (std::size_t i = 0; i < wanted_.load.chains.size(); ++i) {
        ServicePlan::Chain chain{load_chain_name(i), run_->url(i), {}, {}};
        if (wanted_.load.chains[i].subscan) {
            plan.subscan = true;
            chain.subscan_url = run_->subscan_url(i);
            chain.more = fmt::format("legacy_poll = \"{}\"\n", wanted_.legacy_poll);
        }
        plan.chains.push_back(std::move(chain));
    }
    auto made = BenchService::make(std::move(plan));
    if (!made) return std::unexpected(made.error());
    service_ = std::move(*made);
    Nanoseconds const started = clock_.monotonic();
    service_->start(crew_);
    auto const all = [&] {
        for (std::size_t i = 0; i < chains_.size(); ++i)
            if (run_->followed(i) == 0) return false;
        return true;
    };
    auto const lines = run_->listening([this](BenchCrew::Line const& line) { on_line(line); });
    crew_.poll_until(started + wanted_.patience, lines,
                     [&] { return all() || !crew_.alive(service_->who()); });
    if (!all())
        return std::unexpected(fmt::format("not every chain was followed within {} s. {}",
                                           wanted_.patience / second,
                                           crew_.last_words(service_->who())));
    for (std::size_t i = 0; i < chains_.size(); ++i)
        startup_ = std::max(startup_, run_->followed(i) - started);
    return {};
}

BenchScene::Done BenchScene::begin() {
    auto const ready = [this] { return service_->all_chains("following"); };
    return run_->begin({}, ready, wanted_.patience,
                       [this](BenchCrew::Line const& line) { on_line(line); });
}

void BenchScene::on_line(BenchCrew::Line const& line) {
    heard_.emplace_back(line.at, std::string(line.text));
    last_line_ = line.at;
    if (line.text.find(R"("state":"seen")") != line.text.npos) ++lines_;
}

std::expected<bool, std::string> BenchScene::play(Nanoseconds deadline,
                                                  std::function<bool()> const& done) {
    auto const lines = run_->listening([this](BenchCrew::Line const& line) { on_line(line); });
    std::vector<BenchCrew::Who> const both{run_->load(), service_->who()};
    bool const came = crew_.poll_until(
        deadline, lines, [&] { return done() || !crew_.alive(both[0]) || !crew_.alive(both[1]); });
    end_ = clock_.monotonic();
    if (crew_.interrupted()) return std::unexpected("interrupted");
    if (auto const trouble = run_->trouble(both); !trouble.empty()) return std::unexpected(trouble);
    return came;
}

void BenchScene::digest(std::size_t lines_max) {
    constexpr std::string_view prefix = "bench-"; // load_chain_name()
    for (; lines_max > 0 && !heard_.empty(); --lines_max, heard_.pop_front()) {
        auto const& [at, text] = heard_.front();
        auto const alert = reader_.read(text);
        if (!alert || !alert->chain.starts_with(prefix)) continue;
        std::size_t chain = 0;
        std::string_view const number = std::string_view(alert->chain).substr(prefix.size());
        std::from_chars(number.data(), number.data() + number.size(), chain);
        FirstTold::Line const line = first_told_.look(*alert);
        if (chain >= chains_.size() || line == FirstTold::Line::other) continue;
        Contestant& of_chain = chains_[chain];
        of_chain.sightings.push_back({alert->block, alert->event, at});
        if (line == FirstTold::Line::again) continue; // figures() tells
        ++told_;
        of_chain.own_ns.push_back(alert->received_to_emitted_ns);
        std::uint64_t const place = alert->block - bench_first_number;
        if (place <= wanted_.warm_up || place == 0) continue;
        Nanoseconds const due = wanted_.load.due(run_->start(), chain, place);
        fresh_ns_.push_back(at > due ? static_cast<double>(at - due) : 0);
    }
}

BenchScene::Done BenchScene::close() {
    auto const lines = run_->listening([this](BenchCrew::Line const& line) { on_line(line); });
    constexpr Nanoseconds patience = 30 * second;
    if (int const code = crew_.end(service_->who(), patience, lines); code != 0)
        return std::unexpected(crew_.last_words(service_->who()));
    digest();
    return run_->finish({});
}

std::uint64_t BenchScene::expected() const {
    return alerts_expected(wanted_.load, wanted_.level) * wanted_.load.chains.size();
}

ContestFigures BenchScene::figures() const {
    Contest const contest{wanted_.load,  wanted_.level, wanted_.warm_up,
                          run_->start(), end_,          run_->sent()};
    ContestFigures all;
    std::vector<double> own;
    for (Contestant const& chain : chains_) {
        ContestFigures const one = figures_of(chain, contest);
        all.expected += one.expected;
        all.missing += one.missing;
        all.doubled += one.doubled;
        all.foreign += one.foreign;
        all.sorted_from_due.insert(all.sorted_from_due.end(), one.sorted_from_due.begin(),
                                   one.sorted_from_due.end());
        all.sorted_from_sent.insert(all.sorted_from_sent.end(), one.sorted_from_sent.begin(),
                                    one.sorted_from_sent.end());
        own.insert(own.end(), chain.own_ns.begin(), chain.own_ns.end());
    }
    all.from_due = quantiles_of(all.sorted_from_due);
    all.from_sent = quantiles_of(all.sorted_from_sent);
    all.own = quantiles_of(own);
    return all;
}

} // namespace config
