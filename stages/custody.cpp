#include "stages/custody.hpp"

#include "decoders/hex.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

Custody::Custody(std::unique_ptr<Journal> journal, std::vector<Chain> chains, pipeline::Log& log,
                 pipeline::MetricsPage& metrics)
    : journal_(std::move(journal))
    , log_(log)
    , metrics_(metrics) {
    for (Chain& chain : chains) ledgers_.emplace_back().chain = std::move(chain);
}

// ---- what an earlier run has left ---------------------------------------------------------------

void Custody::enter(std::uint16_t index, Hash const& genesis) {
    Ledger& ledger = ledgers_[index];
    if (ledger.key && ledger.genesis == genesis) return; // it says so at each connection
    ledger.genesis = genesis;
    ledger.key = journal_->enter(genesis, ledger.chain.name, ledger.chain.start);
    load_open_alerts(index);
    load_incomplete(ledger);
    auto const cursor = journal_->cursor(*ledger.key);
    auto const legacy = journal_->legacy_cursor(*ledger.key);
    auto const holes = journal_->holes(*ledger.key);
    log_.write(pipeline::Level::info, "journal",
               cursor
                   ? fmt::format("{}: goes on behind block {}{}", ledger.chain.name, cursor->number,
                                 holes.empty()
                                     ? std::string()
                                     : fmt::format("; {} holes are known before it", holes.size()))
               : legacy ? fmt::format("{}: nothing is known of its node; Subscan was told up to "
                                      "block {}",
                                      ledger.chain.name, *legacy)
                        : fmt::format("{}: nothing is known of it yet", ledger.chain.name));
}

// Those at heights that are covered lie in blocks that were abandoned while nobody looked; the
// others wait for their height.
void Custody::load_open_alerts(std::uint16_t index) {
    Ledger const& ledger = ledgers_[index];
    std::set<std::uint32_t> heights;
    auto const done = journal_->open_alerts(ledger.chain.name, [&](JournaledRow const& row) {
        if (row.row.path == Path::legacy)
            remember({index, row.row.block}, Path::legacy);
        else
            heights.insert(row.row.block);
        return heights.size() < strangers_max;
    });
    if (!done) trouble("its open alerts cannot be read", done.error());
    auto const ranges = journal_->coverage(*ledger.key).ranges();
    for (std::uint32_t const height : heights) {
        bool const covered =
            std::any_of(ranges.begin(), ranges.end(), [&](CoveredRange const& range) {
                return range.from <= height && height <= range.to;
            });
        if (covered)
            collect_hybrid({index, height}, nullptr);
        else
            remember({index, height}, Path::hybrid);
    }
}

void Custody::load_incomplete(Ledger& ledger) {
    auto const done = journal_->incomplete(*ledger.key, [&](IncompleteBlock const& block) {
        ledger.incomplete.push_back({block.number, block.hash});
        ledger.rereads.insert(block.number);
        return ledger.incomplete.size() < rereads_max;
    });
    if (!done) trouble("its incomplete blocks cannot be read", done.error());
}

void Custody::remember(Place const& place, Path path) {
    if (places(path).size() < strangers_max) places(path).insert(place);
}

// `final`: the block of that height that is final; null: another one than theirs.
void Custody::collect_hybrid(Place const& place, Hash const* final) {
    collect(place, Path::hybrid, [&](AlertRow const& row) {
        bool const its_block = final != nullptr && row.block_hash == *final;
        return its_block ? AlertState::final : AlertState::retracted;
    });
}

void Custody::collect(Place const& place, Path path,
                      std::function<AlertState(AlertRow const&)> const& state_of) {
    auto const take = [&](JournaledRow const& row) {
        if (row.row.path != path) return true;
        auto stranger = std::make_unique<Stranger>();
        stranger->before = row.row;
        stranger->chain = row.row.chain;
        stranger->rule = row.row.rule;
        stranger->line = row.row.line;
        stranger->before.chain = stranger->chain;
        stranger->before.rule = stranger->rule;
        stranger->before.line = stranger->line;
        stranger->state = state_of(row.row);
        strangers_.push_back(std::move(stranger));
        return true;
    };
    auto const& name = ledgers_[place.chain].chain.name;
    auto const done = journal_->open_alerts_at(name, place.number, take);
    if (!done)
        trouble(fmt::format("the open alerts of block {} cannot be read", place.number),
                done.error());
}

std::unique_ptr<Custody::Stranger> Custody::next_stranger() {
    if (strangers_.empty()) return nullptr;
    auto next = std::move(strangers_.front());
    strangers_.pop_front();
    metrics_.add(CustodyMetric::restated);
    return next;
}

// ---- blocks -------------------------------------------------------------------------------------

void Custody::begins(std::uint16_t index, std::uint32_t block) {
    if (auto const& key = ledgers_[index].key) journal_->want_from(*key, block);
}

void Custody::passed(std::uint16_t index, BlockEnd const& end) {
    Ledger& ledger = ledgers_[index];
    if (!ledger.key) return;
    BlockDone done;
    done.number = end.block.number;
    done.spec_version = end.spec_version;
    done.hash = end.block.hash;
    done.events = end.events_sum;
    if (end.incomplete) done.incomplete = end.fault;
    journal_->block_done(*ledger.key, done);
    begins(index, done.number);
    if (!std::exchange(ledger.begun, true) && (has_gaps(ledger) || !ledger.rereads.empty()))
        next_want_ = 0;
    if (!ledger.incomplete.empty()) read_whole(ledger, end);
    if (end.incomplete) {
        if (ledger.suspects.size() >= suspects_max) ledger.suspects.erase(ledger.suspects.begin());
        ledger.suspects.push_back({end.block.number, end.block.hash});
    }
    // Another runtime may bring what the incomplete ones lacked.
    if (end.spec_version <= ledger.spec_version) return;
    bool const first = std::exchange(ledger.spec_version, end.spec_version) == 0;
    if (first || ledger.incomplete.empty()) return;
    for (BlockPoint const& block : ledger.incomplete) ledger.rereads.insert(block.number);
    next_want_ = 0;
}

void Custody::read_whole(Ledger& ledger, BlockEnd const& end) {
    auto const known =
        std::find_if(ledger.incomplete.begin(), ledger.incomplete.end(),
                     [&](BlockPoint const& block) { return block.hash == end.block.hash; });
    if (known == ledger.incomplete.end()) return;
    ledger.rereads.erase(end.block.number);
    if (end.incomplete) return; // as before; it stays where it is
    metrics_.add(CustodyMetric::reread);
    journal_->block_completed(*ledger.key, end.block.number, end.block.hash);
    ledger.incomplete.erase(known);
    log_.write(pipeline::Level::info, "journal",
               fmt::format("{}: block {}, incomplete before, has now been read whole",
                           ledger.chain.name, end.block.number));
}

void Custody::abandoned(std::uint16_t index, Abandoned const& gone) {
    Ledger const& ledger = ledgers_[index];
    if (ledger.key) journal_->block_abandoned(*ledger.key, gone.hash);
}

void Custody::begin_finalized(std::uint16_t index, Finalized const& final) {
    Place const place{index, final.number};
    if (places(Path::hybrid).erase(place) != 0) collect_hybrid(place, &final.hash);
}

void Custody::confirm(std::uint16_t index, Alert const& alert) {
    Place const place{index, alert.match.transfer.block.number};
    if (places(Path::legacy).contains(place)) confirmed_.insert({place, alert.id});
}

void Custody::begin_settled(std::uint16_t index, Settled const& settled) {
    auto& heights = places(Path::legacy);
    auto at = heights.lower_bound({index, 0});
    while (at != heights.end() && at->chain == index && at->number <= settled.number) {
        Place const place = *at;
        at = heights.erase(at);
        collect(place, Path::legacy, [&](AlertRow const& row) {
            bool const happened = confirmed_.erase({place, row.id}) != 0;
            return happened ? AlertState::final : AlertState::retracted;
        });
    }
}

void Custody::settled(std::uint16_t index, Settled const& settled) {
    Ledger const& ledger = ledgers_[index];
    if (ledger.key) journal_->legacy_settled(*ledger.key, settled.number);
}

void Custody::finalized(std::uint16_t index, Finalized const& final, Nanoseconds now) {
    Ledger& ledger = ledgers_[index];
    if (!ledger.key) return;
    switch (journal_->block_final(*ledger.key, final.number, final.hash, final.parent)) {
    case Covered::added:
        metrics_.add(CustodyMetric::covered);
        if (!ledger.suspects.empty()) keep_incomplete(ledger, final);
        if (has_gaps(ledger)) next_want_ = std::min(next_want_, now);
        break;
    case Covered::known:
    case Covered::untold: break; // the ledger shows it as a hole
    case Covered::conflict: contradicted(ledger, final, now); break;
    case Covered::no_room:
        log_.write(pipeline::Level::error, "journal",
                   fmt::format("{}: block {} cannot be entered: the ledger has {} separate ranges; "
                               "let the holes be filled first (spyhop coverage)",
                               ledger.chain.name, final.number, Coverage::ranges_max));
        pause(ledger, {final.number, final.number}, now);
        break;
    }
}

void Custody::keep_incomplete(Ledger& ledger, Finalized const& final) {
    bool const it_is =
        std::any_of(ledger.suspects.begin(), ledger.suspects.end(),
                    [&](BlockPoint const& block) { return block.hash == final.hash; });
    if (it_is && ledger.incomplete.size() < rereads_max)
        ledger.incomplete.push_back({final.number, final.hash});
    std::erase_if(ledger.suspects,
                  [&](BlockPoint const& block) { return block.number <= final.number; });
}

void Custody::contradicted(Ledger& ledger, Finalized const& final, Nanoseconds now) {
    metrics_.add(CustodyMetric::conflicts);
    log_.write(
        pipeline::Level::error, "journal",
        fmt::format("incident: {}: block {} ({}) is final now, but contradicts what the "
                    "ledger knows of its neighbours. A node has lied, now or before; compare "
                    "the hash with a block explorer.",
                    ledger.chain.name, final.number, decoders::hex_text(final.hash)));
    journal_->explain_hole(*ledger.key, final.number, final.number,
                           "nodes contradict each other about finality",
                           "asked again in 10 minutes");
    pause(ledger, {final.number, final.number}, now);
}

void Custody::missing(std::uint16_t index, Missing const& missing, Nanoseconds now) {
    Ledger& ledger = ledgers_[index];
    if (!ledger.key || missing.from > missing.to) return;
    journal_->explain_hole(*ledger.key, missing.from, missing.to, missing.reason.view(),
                           missing.action.view());
    pause(ledger, {missing.from, missing.to}, now);
    ledger.rereads.erase(ledger.rereads.lower_bound(missing.from),
                         ledger.rereads.upper_bound(missing.to));
}

// Nobody could give it: not to be asked for again at once.
void Custody::pause(Ledger& ledger, Stretch const& stretch, Nanoseconds now) {
    std::erase_if(ledger.waiting, [&](Waiting const& one) { return one.until <= now; });
    if (ledger.waiting.size() >= Coverage::notes_max) ledger.waiting.erase(ledger.waiting.begin());
    ledger.waiting.push_back({stretch, now + missing_pause});
}

// ---- wants --------------------------------------------------------------------------------------

bool Custody::has_gaps(Ledger const& ledger) const {
    auto const ranges = journal_->coverage(*ledger.key).ranges();
    if (ranges.empty()) return false;
    return ranges.size() > 1 ||
           ranges.front().from > journal_->start(*ledger.key).value_or(ranges.front().from);
}

void Custody::wants(Nanoseconds now, std::function<void(Want const&)> const& order) {
    next_want_ = pipeline::never; // each chain says anew when it wants to be asked
    for (std::size_t index = 0; index < ledgers_.size(); ++index) {
        Want const made = want(static_cast<std::uint16_t>(index), now);
        if (made.count == 0) continue;
        metrics_.add(CustodyMetric::wants);
        order(made);
    }
    show_holes();
}

Want Custody::want(std::uint16_t index, Nanoseconds now) {
    Ledger& ledger = ledgers_[index];
    Want want;
    want.chain = index;
    if (!ledger.key || !ledger.begun) return want;
    want.genesis = ledger.genesis;
    auto const add = [&](Stretch const& stretch) {
        if (want.count < Want::stretches_max) want.stretches[want.count++] = stretch;
        next_want_ = std::min(next_want_, now + want_interval);
    };
    ledger.holes = ledger.hole_blocks = 0;
    auto const holes = has_gaps(ledger) ? journal_->holes(*ledger.key) : std::vector<Hole>{};
    for (Hole const& hole : holes) {
        ++ledger.holes;
        ledger.hole_blocks += hole.to - hole.from + std::uint64_t{1};
        auto const waits =
            std::find_if(ledger.waiting.begin(), ledger.waiting.end(), [&](Waiting const& one) {
                return one.until > now && one.stretch.from <= hole.from &&
                       hole.to <= one.stretch.to;
            });
        if (waits == ledger.waiting.end())
            add({hole.from, hole.to});
        else
            next_want_ = std::min(next_want_, waits->until);
    }
    for (std::uint32_t const number : ledger.rereads) add({number, number});
    std::sort(want.stretches.begin(), want.stretches.begin() + want.count,
              [](Stretch const& a, Stretch const& b) { return a.from < b.from; });
    return want;
}

void Custody::show_holes() {
    std::uint64_t holes = 0, blocks = 0;
    for (Ledger const& ledger : ledgers_) {
        holes += ledger.holes;
        blocks += ledger.hole_blocks;
    }
    metrics_.set(CustodyMetric::holes, holes);
    metrics_.set(CustodyMetric::hole_blocks, blocks);
}

void Custody::trouble(std::string_view what, Journal::Error const& error) {
    log_.write(pipeline::Level::error, "journal", fmt::format("{}: {}", what, io::describe(error)));
}

} // namespace stages
