#include "stages/deliver.hpp"

#include "stages/journal_line.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

std::vector<Custody::Chain> ledgers_of(std::vector<std::string> const& names,
                                       std::vector<std::optional<std::uint32_t>> const& starts) {
    std::vector<Custody::Chain> chains;
    chains.reserve(names.size());
    for (std::size_t i = 0; i < names.size(); ++i)
        chains.push_back({names[i], i < starts.size() ? starts[i] : std::nullopt});
    return chains;
}

} // namespace

Deliver::Deliver(DeliverOptions options, std::unique_ptr<Journal> journal,
                 std::vector<std::optional<std::uint32_t>> const& starts,
                 std::vector<Outlet> outlets, Needs needs, pipeline::Outs<Want> wants)
    : rules_(std::move(options.rules))
    , outlets_(std::move(outlets))
    , needs_(needs)
    , wants_(std::move(wants))
    , custody_(std::move(journal), ledgers_of(options.chains, starts), needs.log,
               needs.custody_metrics)
    , lifecycles_{Lifecycle(options.open_alerts_max), Lifecycle(options.open_alerts_max)} {
    for (std::string& name : options.chains) chains_.push_back({std::move(name), {}});
    line_.reserve(line_bytes_max);
}

// Room for one more line at every place it has to go to.
bool Deliver::accepting() const {
    Journal const& journal = custody_.journal();
    std::size_t const needed = journal.turn_bytes() + line_bytes_max;
    return caught_up_ && journal.room() &&
           std::all_of(outlets_.begin(), outlets_.end(),
                       [&](Outlet const& outlet) { return outlet.sink->room() >= needed; });
}

bool Deliver::on(pipeline::Part<Verdict> const& part, pipeline::Turn const& turn) {
    Verdict const& verdict = part.message;
    if (!begun_) begin(verdict, turn);
    while (accepting()) {
        if (amendment_) {
            speak(*std::exchange(amendment_, std::nullopt), verdict, true);
        } else if (auto const line = lifecycle(verdict.path).next()) {
            speak(*line, verdict);
        } else if (auto const stranger = custody_.next_stranger()) {
            restate(*stranger, verdict);
        } else {
            finish(verdict, turn);
            return true;
        }
    }
    return false;
}

void Deliver::begin(Verdict const& verdict, pipeline::Turn const& turn) {
    begun_ = true;
    learn(verdict, turn);
    if (auto const* amendment = std::get_if<Amendment>(&verdict.body))
        amendment_ = amended(amendment->alert, verdict.chain);
    auto const* alert = std::get_if<Alert>(&verdict.body);
    bool const confirms =
        alert != nullptr && alert->path == Path::legacy && alert->match.transfer.block.finalized;
    if (confirms) custody_.confirm(verdict.chain, *alert);
    if (alert != nullptr && !alert->speaks) return;
    // With the first alert's own commit: one that was said has its block in the ledger.
    if (alert != nullptr && alert->path == Path::hybrid)
        custody_.begins(verdict.chain, alert->match.transfer.block.number);
    Lifecycle& of_path = lifecycle(verdict.path);
    of_path.begin(verdict);
    for (Place const& place : of_path.take_forgotten()) custody_.forgotten(place, verdict.path);
}

void Deliver::finish(Verdict const& verdict, pipeline::Turn const& turn) {
    if (auto const* final = std::get_if<Finalized>(&verdict.body))
        custody_.finalized(verdict.chain, *final, turn.now);
    if (auto const* settled = std::get_if<Settled>(&verdict.body))
        custody_.settled(verdict.chain, *settled);
    begun_ = false;
}

void Deliver::learn(Verdict const& verdict, pipeline::Turn const& turn) {
    if (auto const* facts = std::get_if<ChainFacts>(&verdict.body)) {
        Side& side = chains_[verdict.chain].of(verdict.path);
        // Its assets have other numbers now, and it tells its blocks again: what this run waits for
        // is what an earlier one has said, and the journal knows it.
        if (side.facts.genesis != Hash{} && side.facts.run != facts->run) {
            lifecycle(verdict.path).forget(verdict.chain);
            side.assets.clear();
        }
        side.facts = *facts;
        custody_.enter(verdict.chain, facts->genesis);
    }
    if (auto const* asset = std::get_if<AssetFacts>(&verdict.body)) {
        auto& assets = chains_[verdict.chain].of(verdict.path).assets;
        if (assets.size() <= asset->slot) assets.resize(asset->slot + 1);
        assets[asset->slot] = *asset;
    }
    if (auto const* end = std::get_if<BlockEnd>(&verdict.body)) {
        needs_.metrics.add(DeliverMetric::blocks);
        needs_.metrics.add(DeliverMetric::incomplete, end->incomplete);
        custody_.passed(verdict.chain, *end);
    }
    // Legacy abandons readings of a block, not blocks.
    if (auto const* gone = std::get_if<Abandoned>(&verdict.body);
        gone && verdict.path == Path::hybrid)
        custody_.abandoned(verdict.chain, *gone);
    if (auto const* final = std::get_if<Finalized>(&verdict.body))
        custody_.begin_finalized(verdict.chain, *final);
    if (auto const* missing = std::get_if<Missing>(&verdict.body))
        custody_.missing(verdict.chain, *missing, turn.now);
    if (auto const* settled = std::get_if<Settled>(&verdict.body))
        custody_.begin_settled(verdict.chain, *settled);
}

// ---- lines --------------------------------------------------------------------------------------

// The alert in the state it is in; nothing where that cannot be told, because it was never said.
std::optional<AlertLine> Deliver::amended(Alert const& alert, std::uint16_t chain) {
    auto state = lifecycle(alert.path).amend(alert, chain);
    if (!state) {
        auto const newest = [&](JournaledRow const& row) {
            if (row.row.chain != chains_[chain].name) return true;
            state = row.row.state;
            return false;
        };
        if (auto const done = journal().rows_of(alert.id, newest); !done)
            needs_.log.write(pipeline::Level::error, "journal", io::describe(done.error()));
    }
    if (!state) return std::nullopt;
    return AlertLine{alert, *state};
}

void Deliver::speak(AlertLine const& line, Verdict const& cause, bool amendment) {
    Chain& chain = chains_[cause.chain];
    Side const& side = chain.of(line.alert.path);
    Transfer const& transfer = line.alert.match.transfer;
    auto const& rule = rules_[line.alert.match.rule];
    pipeline::Nanoseconds const now = needs_.clock.monotonic();
    LineContext const context{
        chain.name,
        rule.name,
        to_text(rule.kind),
        side.facts,
        transfer.asset == native_asset ? nullptr : &side.assets[transfer.asset],
        now > cause.header.received ? now - cause.header.received : 0,
        needs_.clock.unix_milliseconds(),
    };
    if (line.alert.path == Path::hybrid && line.state == AlertState::seen && !amendment &&
        transfer.block.timestamp_ms != 0 && context.emitted_unix_ms > transfer.block.timestamp_ms) {
        needs_.metrics.add(DeliverMetric::latency_milliseconds,
                           context.emitted_unix_ms - transfer.block.timestamp_ms);
        needs_.metrics.add(DeliverMetric::latency_lines);
    }
    line_.clear();
    append_alert_line(line, context, line_);
    AlertRow row;
    row.id = line.alert.id;
    row.state = line.state;
    row.severity = line.alert.match.severity;
    row.path = line.alert.path;
    row.epoch = line.alert.epoch;
    row.block = transfer.block.number;
    if (transfer.block.hash_known) row.block_hash = transfer.block.hash;
    row.chain = chain.name;
    row.rule = rule.name;
    row.emitted_unix_ms = context.emitted_unix_ms;
    row.line = line_;
    row.amendment = amendment;
    journal().append(row);
}

void Deliver::restate(Custody::Stranger const& stranger, Verdict const& cause) {
    pipeline::Nanoseconds const now = needs_.clock.monotonic();
    AlertRow row = stranger.before;
    row.state = stranger.state;
    row.emitted_unix_ms = needs_.clock.unix_milliseconds();
    line_.clear();
    bool const done = append_restated_line(
        stranger.before, stranger.state,
        now > cause.header.received ? now - cause.header.received : 0, row.emitted_unix_ms, line_);
    if (!done) {
        needs_.log.write(pipeline::Level::error, "journal",
                         fmt::format("{}: an alert of block {} cannot be said again: its line in "
                                     "alerts.db is not one of ours",
                                     stranger.chain, row.block));
        return;
    }
    row.line = line_;
    journal().append(row);
}

// ---- what the ledger lacks ----------------------------------------------------------------------

bool Deliver::tick(pipeline::Turn const& turn) {
    if (turn.draining || turn.now < custody_.next_want()) return false;
    custody_.wants(turn.now, [&](Want const& want) { wants_.emit(want.chain, want); });
    return false;
}

// ---- to disk, and on ----------------------------------------------------------------------------

void Deliver::upkeep(pipeline::Turn const& turn) {
    if (!caught_up_) write_backlog();
    bool const due =
        journal().rows_pending() || !journal().room() || turn.now >= commit_at_ || turn.draining;
    if (journal().pending() && due && (!failing_ || turn.now >= commit_at_))
        commit(turn, Journal::Marks::later);
    else if (journal().pending() && commit_at_ == pipeline::never)
        commit_at_ = turn.now + ledger_patience;
    std::size_t pending = 0;
    for (Outlet const& outlet : outlets_) {
        outlet.sink->advance();
        pending = std::max(pending, outlet.sink->pending());
    }
    mark_written(turn.now);
    bool const marks_due =
        turn.now >= marks_at_ || (turn.draining && journal().pending(Journal::Marks::too));
    if (marks_due && failing_ && turn.now < commit_at_)
        marks_at_ = commit_at_;
    else if (marks_due)
        commit(turn, Journal::Marks::too);
    bool const quiet = !journal().pending() && pending == 0;
    if (journal().pages_to_checkpoint() >= (quiet ? checkpoint_pages : checkpoint_pages_max) &&
        turn.now >= checkpoint_at_)
        checkpoint(turn);
    needs_.metrics.set(DeliverMetric::bytes_pending, pending + journal().turn_bytes());
    needs_.metrics.set(DeliverMetric::alerts_open,
                       lifecycles_[0].waiting() + lifecycles_[1].waiting());
    needs_.metrics.set(DeliverMetric::forgotten,
                       lifecycles_[0].forgotten() + lifecycles_[1].forgotten());
    needs_.metrics.set(DeliverMetric::silenced, journal().silenced());
}

void Deliver::commit(pipeline::Turn const& turn, Journal::Marks marks) {
    Nanoseconds const begun = needs_.clock.monotonic();
    auto const done = journal().commit(marks);
    commit_at_ = done ? pipeline::never : turn.now + commit_pause;
    if (!done) {
        needs_.metrics.add(DeliverMetric::commits_failed);
        if (!std::exchange(failing_, true))
            needs_.log.write(pipeline::Level::error, "journal",
                             fmt::format("{}. No alert is told before it is safe; it is tried "
                                         "again every second.",
                                         io::describe(done.error())));
        return;
    }
    if (std::exchange(failing_, false))
        needs_.log.write(pipeline::Level::info, "journal", "writing again");
    if (marks == Journal::Marks::too) marks_at_ = pipeline::never;
    needs_.metrics.add(DeliverMetric::commits);
    needs_.metrics.add(DeliverMetric::commit_nanoseconds, needs_.clock.monotonic() - begun);
    hand_over();
}

void Deliver::checkpoint(pipeline::Turn const& turn) {
    auto const done = journal().checkpoint();
    needs_.metrics.add(done ? DeliverMetric::checkpoints : DeliverMetric::checkpoints_failed);
    if (done) return;
    checkpoint_at_ = turn.now + commit_pause;
    needs_.log.write(pipeline::Level::warning, "journal",
                     io::describe(done.error()) + ". Nothing is lost: what is told stands in the "
                                                  "write-ahead log, which grows until this works.");
}

// accepting() has seen the room for them; only a sink that has broken since refuses, and gets what
// it lacks from the journal when it works again.
void Deliver::hand_over() {
    auto const said = journal().said();
    needs_.metrics.add(DeliverMetric::lines, said.size());
    for (Outlet& outlet : outlets_)
        for (SaidLine const& line : said) {
            if (!outlet.sink->append(line.line)) {
                caught_up_ = false;
                break;
            }
            outlet.after = line.seq;
        }
}

// Lines of earlier runs come before any new one.
void Deliver::write_backlog() {
    for (Outlet& outlet : outlets_) {
        auto const write = [&](std::string_view line) { return outlet.sink->append(line); };
        auto const whole = write_missing(journal(), outlet.after, write);
        if (!whole)
            needs_.log.write(pipeline::Level::error, "journal",
                             outlet.name + ": what it lacks cannot be read: " + whole.error());
        if (!whole || !*whole) return;
    }
    caught_up_ = true;
}

// A sink that has written everything has got as far as its last line.
void Deliver::mark_written(Nanoseconds now) {
    for (Outlet const& outlet : outlets_)
        if (outlet.sink->pending() == 0 && outlet.after != 0)
            journal().mark_delivered(outlet.name, outlet.after);
    if (marks_at_ == pipeline::never && journal().pending(Journal::Marks::too))
        marks_at_ = now + mark_patience;
}

pipeline::Nanoseconds Deliver::next_deadline() const {
    pipeline::Nanoseconds earliest = std::min({custody_.next_want(), commit_at_, marks_at_});
    for (Outlet const& outlet : outlets_)
        earliest = std::min(earliest, outlet.sink->next_deadline());
    return earliest;
}

} // namespace stages
