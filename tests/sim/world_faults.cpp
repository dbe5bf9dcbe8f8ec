// The simulated world's other half: what goes wrong, who dies and comes back, and how it heals.
#include "world.hpp"

#include "stages/journal.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace sim {

using pipeline::millisecond;
using pipeline::Nanoseconds;
using pipeline::second;

namespace {

constexpr int owners = 4;                          // nobody, and the three processes
constexpr Nanoseconds flushed_after = 30 * second; // what the kernel has written by itself

std::optional<Process> part_of(Kind kind) {
    if (kind == Kind::kill_hybrid) return Process::hybrid;
    if (kind == Kind::kill_legacy) return Process::legacy;
    if (kind == Kind::kill_control) return Process::control;
    return std::nullopt;
}

} // namespace

// The nodes of one chain stand still, or of all.
bool World::frozen(std::size_t site) const {
    return std::ranges::any_of(open_, [&](auto const& one) {
        std::uint64_t const whose = one.first.value / 8 % (sites_.size() + 1);
        return one.first.kind == Kind::frozen && (whose == sites_.size() || whose == site);
    });
}

bool World::in_window(Kind kind) const {
    return std::ranges::any_of(open_, [&](auto const& one) { return one.first.kind == kind; });
}

// New connections get today's weather; the disk and the sink are as they are.
void World::set_windows() {
    io::LoopbackFaults now;
    if (in_window(Kind::short_reads)) now.step_bytes_max = 200 + weather_.up_to(3'000);
    if (in_window(Kind::delays)) now.delay_steps = static_cast<unsigned>(weather_.up_to(30));
    if (in_window(Kind::resets) && weather_.up_to(1) == 0)
        now.reset_after_bytes = weather_.up_to(60'000);
    if (in_window(Kind::half_open) && weather_.up_to(1) == 0)
        now.stop_after_bytes = weather_.up_to(40'000);
    now.refuse = in_window(Kind::refused);
    now.never_open = in_window(Kind::never_open);
    network_.faults = now;
    disk_.faults = {in_window(Kind::disk_full), in_window(Kind::write_error),
                    in_window(Kind::sync_error)};
    stream_.stuck = in_window(Kind::sink_stuck);
}

void World::begin_due() {
    std::erase_if(open_, [&](auto const& one) { return one.second <= clock_.now; });
    while (!due_.empty() && due_.back().at * millisecond <= since_start()) {
        Event const event = due_.back();
        due_.pop_back();
        begin(event);
    }
    if (!life_ && clock_.now >= start_at_) start_life();
}

void World::begin(Event const& event) {
    meet(event.kind);
    if (event.length != 0) {
        open_.emplace_back(event, clock_.now + event.length * millisecond);
        // Who is connected already feels it, too.
        if (event.kind == Kind::resets) network_.apply({.reset_after_bytes = 0});
        if (event.kind == Kind::short_reads)
            network_.apply({.step_bytes_max = 200 + event.value % 2'000});
        return;
    }
    constexpr std::uint64_t hour_ms = 3'600'000;
    switch (event.kind) {
    case Kind::wall_jump: clock_.unix_ms += event.value % (2 * hour_ms) - hour_ms; break;
    case Kind::time_jump: clock_.advance(event.value % 200 * second); break;
    case Kind::share:
    case Kind::rollback:
    case Kind::unlock:
    case Kind::hybrid_off:
    case Kind::hybrid_on:
    case Kind::drill:
    case Kind::ask:
    case Kind::pin:
    case Kind::freeze:
    case Kind::unfreeze:
    case Kind::tier:
    case Kind::rollout:
    case Kind::acknowledge: press(event.kind, event.value); break;
    default: begin_end(event);
    }
}

void World::begin_end(Event const& event) {
    if (!life_) return;
    if (auto const part = part_of(event.kind)) return bury(*part);
    if (event.kind == Kind::kill) end_life(false);
    if (event.kind == Kind::power_cut) end_life(true);
    if (event.kind == Kind::cut_in_write) disk_.die_after(event.value % 40);
    if (event.kind == Kind::restart && !draining_) restart_in_order();
}

// ---- operators ----------------------------------------------------------------------------------

void World::suspect(std::optional<std::string> const& wrong) {
    if (wrong && suspicion_.empty()) suspicion_ = *wrong;
}

void World::press(Kind kind, std::uint64_t value) {
    speakers_.asked(kind);
    if (kind == Kind::pin) speakers_.pin_asked(pin_asked(value).person);
    operators_.ask(kind, value, clock_.now, clock_.unix_ms);
}

void World::hear(Answered const& said) {
    bool const refused = said.code == 2 || said.code == 4;
    if (said.code == 2) suspect("refused as no command: " + said.error);
    PinAsked const pin = pin_asked(said.value);
    if (said.kind == Kind::pin && refused) speakers_.pin_refused(pin.person);
    if (said.code != 0 || !said.epoch) return;
    if (said.kind == Kind::pin)
        speakers_.pinned(pin.person, static_cast<PinTo>(pin.to), *said.epoch,
                         pin.for_ms == 0 ? std::nullopt
                                         : std::optional(said.asked_unix_ms + pin.for_ms));
    if (said.kind == Kind::rollback) speakers_.rolled_back(*said.epoch);
    if (said.kind == Kind::rollout && said.percent && said.phase == "running")
        suspect(speakers_.moved(*said.epoch, *said.percent));
}

// ---- life and death -----------------------------------------------------------------------------

void World::start_life() {
    ++outcome_.lives;
    draining_ = false;
    seen_at_ = return_at_ = {};
    life_ = std::make_unique<Life>(Ground{loaded_.config, clock_, random_, log_, network_, disk_,
                                          stream_, [this] { speakers_.held(); }});
    speakers_.life_begins();
    operators_.another_control();
    bool const cut = disk_.fallen();
    if (!cut && life_->trouble().empty()) return;
    log_.write(pipeline::Level::error, "start", cut ? "the power goes" : life_->trouble());
    end_life(cut);
}

void World::end_life(bool power) {
    if (!life_) return;
    disk_.live_on();
    if (power) {
        disk_.power_cut();
        while (sizes_.size() > 1 && sizes_[1].first + flushed_after <= clock_.now)
            sizes_.pop_front();
        bool const old = !sizes_.empty() && sizes_[0].first + flushed_after <= clock_.now;
        stream_.tear(weather_, old ? sizes_[0].second : 0);
        sizes_.clear();
        reader_.stream_was_cut();
        for (auto const& site : sites_) {
            site->oracle.begin_anew();
            site->patterns.begin_anew();
        }
    }
    for (int owner = 0; owner < owners; ++owner) disk_.kill(owner);
    life_.reset();
    disk_.owner = 0;
    log_.write(pipeline::Level::error, "world", power ? "the power was cut" : "killed");
    start_at_ = clock_.now + (100 + order_.up_to(3'000)) * millisecond;
}

void World::bury(Process process) {
    if (!life_->is_up(process)) return;
    log_.write(pipeline::Level::error, "world", fmt::format("{} is killed", to_text(process)));
    ++outcome_.part_deaths;
    if (process == Process::control) operators_.another_control();
    life_->bury(process);
    auto const index = pipeline::index_of(process);
    seen_at_[index] = clock_.now + order_.up_to(30) * millisecond;
    return_at_[index] = seen_at_[index] + (50 + order_.up_to(3'000)) * millisecond;
}

void World::restart_in_order() {
    log_.write(pipeline::Level::info, "world", "the service is told to end");
    life_->drain();
    draining_ = true;
    drain_until_ = clock_.now + 10 * second;
}

void World::tend_the_dead() {
    if (!life_) return;
    for (Process const process : pipeline::all_processes) {
        auto const index = pipeline::index_of(process);
        if (seen_at_[index] != 0 && clock_.now >= seen_at_[index]) {
            life_->ended(process);
            seen_at_[index] = 0;
        }
        if (return_at_[index] == 0 || clock_.now < return_at_[index] || draining_) continue;
        return_at_[index] = 0;
        life_->revive(process);
        if (disk_.fallen()) return end_life(true);
        if (life_->trouble().empty()) continue;
        log_.write(pipeline::Level::error, "start", life_->trouble());
        bury(process);
    }
    if (life_->wants_to_end() && !draining_) restart_in_order();
    if (!draining_) return;
    if (life_->settled()) {
        life_->end_in_order();
        life_.reset();
        start_at_ = clock_.now + (100 + order_.up_to(1'000)) * millisecond;
        if (finishing_) start_at_ = pipeline::never;
    } else if (clock_.now >= drain_until_) {
        end_life(false);
    }
}

// ---- the end ------------------------------------------------------------------------------------

bool World::heal() {
    constexpr Nanoseconds slice = 2 * second, patience = 180 * second, pause = 601 * second;
    healing_ = true;
    open_.clear();
    due_.clear();
    network_.faults = {};
    disk_.faults = {};
    disk_.live_on();
    stream_.stuck = false;
    Nanoseconds const begun = clock_.now;
    for (auto const& site : sites_)
        site->last = static_cast<std::uint32_t>(site->nodes[0].node->best_number()) + 4;
    if (!pass(20 * second)) return false;
    constexpr Kind buttons[] = {Kind::unlock, Kind::unfreeze, Kind::hybrid_on, Kind::tier,
                                Kind::share};
    for (Kind const kind : buttons) {
        if (!scenario_.legacy()) break;
        press(kind, 4); // to hybrid, all of it
        if (!pass(slice)) return false;
    }
    if (scenario_.has(Kind::pin) && !pins_outlive_a_restart()) return false;
    std::string lacking;
    for (int i = 0; i <= manner_.pauses; ++i) {
        Nanoseconds const until = clock_.now + patience;
        while (clock_.now < until) {
            if (!pass(slice)) return false;
            lacking = check_end();
            if (!lacking.empty()) continue;
            outcome_.healed_after_ms = (clock_.now - begun) / millisecond;
            return true;
        }
        clock_.advance(pause);
    }
    return fail("it does not heal: " + lacking);
}

// With everything on hybrid, and a few blocks after it. Then nobody is pinned any more: what waits
// for legacy is held, so that at no moment nothing would be.
bool World::pins_outlive_a_restart() {
    constexpr std::uint64_t to_legacy = 8 + 24; // for ever: see pin_asked
    for (std::uint64_t person = 0; person < 4; ++person) press(Kind::pin, person + to_legacy);
    if (!pass(2 * second)) return false;
    if (life_ && !draining_) restart_in_order();
    if (!pass(5 * second + 10 * scenario_.chains[0].block_ms * millisecond)) return false;
    for (std::uint64_t person = 0; person < 8; ++person) press(Kind::pin, person + 24);
    return pass(2 * second);
}

// What lacks yet.
std::string World::check_end() {
    if (!life_) return "the service does not start: " + log_.words.back();
    for (std::size_t i = 0; i < sites_.size(); ++i) {
        Site& site = *sites_[i];
        if (site.finalized() < site.last) return "the chain is not that far";
        if (auto const lacks = site.oracle.lacks(site.last)) return *lacks;
        if (!scenario_.has_patterns(i)) continue;
        if (auto const lacks = site.patterns.lacks(site.last)) return *lacks;
    }
    if (std::uint64_t const held = life_->metric("spyhop_route_held_matches"); held != 0)
        return fmt::format("{} matches are held", held);
    auto const ledgers = stages::read_ledgers(journal_name);
    if (!ledgers) return ledgers.error();
    if (ledgers->size() != sites_.size()) return fmt::format("{} ledgers", ledgers->size());
    for (std::size_t i = 0; i < sites_.size(); ++i) {
        auto const ours = std::ranges::find(*ledgers, Chain::name_of(i), &stages::LedgerView::name);
        if (ours == ledgers->end()) return Chain::name_of(i) + " has no ledger";
        if (auto const wrong = sites_[i]->oracle.ledger(*ours, sites_[i]->last)) return *wrong;
    }
    return {};
}

// The comparator against the truth: what both told honestly is no mismatch, and who is wrong is
// whom the scenario makes wrong.
std::string World::check_comparison() const {
    bool const blind = scenario_.has(Kind::garbage_events) || scenario_.has(Kind::wrong_genesis);
    if (!life_ || !scenario_.legacy() || blind) return {};
    // What hybrid leaves to history it says after it was judged: that is a miss. So is what its
    // successor reads from history after a death.
    if (life_->metric("spyhop_source_hole_blocks_total") != 0) return {};
    if (scenario_.has(Kind::kill_hybrid)) return {};
    auto const count = [&](std::string_view what) {
        return life_->metric(fmt::format("spyhop_shadow_{}_total", what));
    };
    if (std::uint64_t const wrong = count("hybrid_wrong") + count("both_wrong"); wrong != 0)
        return fmt::format("the comparator says {} times that hybrid was wrong", wrong);
    std::uint64_t mismatches = 0;
    for (auto const* what : {"missing_in_legacy", "missing_in_hybrid", "amount", "party", "asset"})
        mismatches += count(what);
    if (!scenario_.hides_rows() && mismatches != 0)
        return fmt::format("the comparator counts {} mismatches of honest paths", mismatches);
    bool const lied = std::ranges::any_of(
        sites_, [](auto const& site) { return site->oracle.wrong_rows() != 0; });
    if (lied && count("void") == 0 && count("legacy_wrong") == 0)
        return "the comparator does not see that legacy told wrong amounts";
    return {};
}

std::string difference(std::string const& a, std::string const& b) {
    constexpr std::size_t shown = 160, before = 60;
    auto const at = static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
    std::size_t const from = at > before ? at - before : 0;
    return fmt::format(", {} and {} bytes, from byte {}:\n{}\n{}", a.size(), b.size(), at,
                       a.substr(from, shown), b.substr(std::min(from, b.size()), shown));
}

// Ended in order: the journal is the stream.
std::string World::finish() {
    outcome_.pairs = life_->metric("spyhop_shadow_agree_total");
    outcome_.legacy_wrong = life_->metric("spyhop_shadow_legacy_wrong_total");
    if (std::string wrong = check_comparison(); !wrong.empty()) return wrong;
    finishing_ = true;
    restart_in_order();
    Nanoseconds const until = clock_.now + 60 * second;
    while (life_ && clock_.now < until)
        if (!pass(second / 10)) return outcome_.wrong;
    if (life_) return "it does not end in order";
    auto const journal =
        stages::Journal::open(journal_name, {.database = {.read_only = true, .lock = false}});
    if (!journal) return io::describe(journal.error());
    std::string all;
    auto const read = (*journal)->rows_after(0, [&](stages::JournaledRow const& row) {
        all.append(row.row.line).append("\n");
        return true;
    });
    if (!read) return io::describe(read.error());
    if (all == stream_.text) return {};
    return "the journal is not the stream" + difference(all, stream_.text);
}

} // namespace sim
