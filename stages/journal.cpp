#include "stages/journal.hpp"

#include "stages/journal_impl.hpp"
#include "stages/journal_schema.hpp"

#include <algorithm>

namespace stages {

bool may_follow(std::optional<AlertState> before, AlertState after) {
    if (!before) return after != AlertState::retracted;
    switch (*before) {
    case AlertState::seen: return after != AlertState::seen;
    case AlertState::final: return false;
    case AlertState::retracted: return after != AlertState::retracted;
    }
    return false;
}

// ---- blocks that wait for finality --------------------------------------------------------------

void Journal::Chain::remember(BlockDone const& block, std::size_t told_max) {
    auto const [place, fresh] = places_.try_emplace(block.hash, next_);
    if (!fresh) {
        ring_[place->second] = block;
        return;
    }
    if (ring_.size() < told_max) {
        ring_.push_back(block);
    } else {
        // The block that had the place may have been taken, and may since have got another one.
        auto const before = places_.find(ring_[next_].hash);
        if (before != places_.end() && before->second == next_) places_.erase(before);
        ring_[next_] = block;
    }
    next_ = (next_ + 1) % told_max;
}

std::optional<BlockDone> Journal::Chain::take(Hash const& hash) {
    auto const place = places_.find(hash);
    if (place == places_.end()) return std::nullopt;
    BlockDone const block = ring_[place->second];
    places_.erase(place);
    return block;
}

// ---- a turn -------------------------------------------------------------------------------------

std::string_view Journal::Turn::keep(std::string_view from) {
    std::size_t const at = text.size();
    CHECK(from.size() <= text.capacity() - at);
    text.insert(text.end(), from.begin(), from.end());
    return {text.data() + at, from.size()};
}

void Journal::Turn::clear() {
    text.clear();
    rows.clear();
    seqs.clear();
}

Journal::Journal(std::unique_ptr<io::Database> database, JournalOptions const& options)
    : options_(options)
    , database_(std::move(database))
    , statements_(std::make_unique<Statements>()) {
    CHECK(options.turn_bytes_max >= 2 * line_bytes_max && options.turn_rows_max > 0);
    CHECK(options.told_max > 0);
    for (Turn* turn : {&turn_, &said_}) {
        turn->text.reserve(options.turn_bytes_max);
        turn->rows.reserve(options.turn_rows_max);
        turn->seqs.reserve(options.turn_rows_max);
    }
    said_lines_.reserve(options.turn_rows_max);
}

Journal::~Journal() = default;

Journal::Result<std::unique_ptr<Journal>> Journal::open(std::string const& path,
                                                        JournalOptions const& options) {
    io::DatabaseOptions with = options.database;
    with.checkpoints_by_hand = true;
    auto database = io::Database::open(path, journal_schema, with);
    if (!database) return std::unexpected(database.error());
    std::unique_ptr<Journal> journal(new Journal(std::move(*database), options));
    if (auto done = journal->statements_->prepare(*journal->database_); !done)
        return std::unexpected(done.error());
    if (auto done = journal->load(); !done) return std::unexpected(done.error());
    return journal;
}

ChainKey Journal::enter(Hash const& genesis, std::string_view name,
                        std::optional<std::uint32_t> start) {
    CHECK(name.size() <= name_bytes_max);
    auto const with = [&](auto const& condition) {
        return std::find_if(chains_.begin(), chains_.end(), [&](auto const& chain) {
            return chain->genesis == genesis && condition(*chain);
        });
    };
    auto found = with([&](Chain const& chain) { return chain.name == name; });
    // Another name of before: it was renamed. Another name of today: it is watched twice.
    if (found == chains_.end()) found = with([](Chain const& chain) { return !chain.entered; });
    if (found == chains_.end()) {
        CHECK(chains_.size() < chains_max);
        bool const second = with([](Chain const&) { return true; }) != chains_.end();
        chains_.push_back(std::make_unique<Chain>());
        found = chains_.end() - 1;
        (*found)->genesis = genesis;
        (*found)->key = HexText(genesis).view();
        if (second) (*found)->key += '/' + std::string(name);
        (*found)->start = start;
        (*found)->changed = true;
    }
    (*found)->entered = true;
    Chain& chain = **found;
    if (chain.name != name) {
        chain.name = name;
        chain.changed = true;
    }
    return static_cast<ChainKey>(found - chains_.begin());
}

std::vector<std::pair<ChainKey, std::string>> Journal::chains() const {
    std::vector<std::pair<ChainKey, std::string>> all;
    for (ChainKey key = 0; key < chains_.size(); ++key) all.emplace_back(key, chains_[key]->name);
    return all;
}

Hash const& Journal::genesis(ChainKey chain) const { return chains_[chain]->genesis; }

std::optional<Hash> Journal::genesis_of(std::string_view name) const {
    for (auto const& chain : chains_)
        if (chain->name == name) return chain->genesis;
    return std::nullopt;
}

std::optional<std::uint32_t> Journal::start(ChainKey chain) const { return chains_[chain]->start; }

std::optional<std::uint32_t> Journal::start_of(std::string_view name) const {
    for (auto const& chain : chains_)
        if (chain->name == name) return chain->start;
    return std::nullopt;
}

std::optional<BlockPoint> Journal::cursor_of(std::string_view name) const {
    for (auto const& chain : chains_)
        if (chain->name == name) return chain->cursor;
    return std::nullopt;
}

std::vector<CoveredRange> Journal::covered(std::string_view name) const {
    for (auto const& chain : chains_) {
        if (chain->name != name) continue;
        auto const ranges = chain->coverage.ranges();
        return {ranges.begin(), ranges.end()};
    }
    return {};
}

std::optional<std::uint32_t> Journal::legacy_cursor(ChainKey chain) const {
    return chains_[chain]->legacy;
}

std::optional<std::uint32_t> Journal::legacy_cursor_of(std::string_view name) const {
    for (auto const& chain : chains_)
        if (chain->name == name) return chain->legacy;
    return std::nullopt;
}

void Journal::legacy_settled(ChainKey key, std::uint32_t number) {
    Chain& chain = *chains_[key];
    if (chain.legacy && *chain.legacy >= number) return;
    chain.legacy = number;
    chain.changed = true;
}

std::optional<BlockPoint> Journal::cursor(ChainKey chain) const { return chains_[chain]->cursor; }

Coverage const& Journal::coverage(ChainKey chain) const { return chains_[chain]->coverage; }

std::vector<Hole> Journal::holes(ChainKey key) const {
    Chain const& chain = *chains_[key];
    auto const ranges = chain.coverage.ranges();
    if (ranges.empty()) return {};
    return chain.coverage.holes(chain.start.value_or(ranges.front().from));
}

bool Journal::room() const {
    return !failing_ && turn_.rows.size() < options_.turn_rows_max &&
           blocks_ < options_.turn_rows_max &&
           turn_.text.size() + line_bytes_max + 2 * name_bytes_max < options_.turn_bytes_max;
}

void Journal::append(AlertRow const& row) {
    CHECK(room());
    CHECK(row.line.size() < line_bytes_max);
    CHECK(row.chain.size() <= name_bytes_max && row.rule.size() <= name_bytes_max);
    AlertRow kept = row;
    kept.chain = turn_.keep(row.chain);
    kept.rule = turn_.keep(row.rule);
    kept.line = turn_.keep(row.line);
    turn_.keep("\n"); // right behind the line: said() shows both
    turn_.rows.push_back(kept);
}

void Journal::block_done(ChainKey chain, BlockDone const& block) {
    chains_[chain]->remember(block, options_.told_max);
}

void Journal::want_from(ChainKey key, std::uint32_t number) {
    Chain& chain = *chains_[key];
    if (chain.start || chain.cursor) return;
    chain.start = number;
    chain.changed = true;
}

void Journal::block_abandoned(ChainKey chain, Hash const& hash) {
    static_cast<void>(chains_[chain]->take(hash));
}

Covered Journal::block_final(ChainKey key, std::uint32_t number, Hash const& hash,
                             Hash const& parent) {
    CHECK(room());
    Chain& chain = *chains_[key];
    auto const block = chain.take(hash);
    if (!block || block->number != number) return Covered::untold;
    Covered const covered =
        chain.coverage.add(number, hash, parent, block_digest(number, hash, block->events));
    if (covered != Covered::added) return covered;
    ++blocks_;
    if (!chain.cursor || chain.cursor->number < number) {
        chain.cursor = BlockPoint{number, hash};
        chain.changed = true;
    }
    if (block->incomplete.size != 0) chain.incomplete.push_back(*block);
    return covered;
}

void Journal::explain_hole(ChainKey chain, std::uint32_t from, std::uint32_t to,
                           std::string_view reason, std::string_view action) {
    ++blocks_;
    chains_[chain]->coverage.explain(from, to, reason, action);
}

void Journal::block_completed(ChainKey chain, std::uint32_t number, Hash const& hash) {
    ++blocks_;
    chains_[chain]->completed.push_back({number, hash});
}

void Journal::mark_delivered(std::string_view sink, std::int64_t seq) {
    CHECK(sink.size() <= name_bytes_max);
    auto found = std::find_if(marks_.begin(), marks_.end(),
                              [&](Mark const& mark) { return mark.sink == sink; });
    if (found == marks_.end()) {
        CHECK(marks_.size() < sinks_max);
        marks_.push_back({std::string(sink), seq, true});
    } else if (found->seq != seq) {
        found->seq = seq;
        found->changed = true;
    }
}

std::optional<std::int64_t> Journal::delivered(std::string_view sink) const {
    for (Mark const& mark : marks_)
        if (mark.sink == sink) return mark.seq;
    return std::nullopt;
}

bool Journal::pending(Marks marks) const {
    return !turn_.rows.empty() || blocks_ != 0 ||
           std::any_of(chains_.begin(), chains_.end(),
                       [](auto const& chain) { return chain->changed; }) ||
           (marks == Marks::too && std::any_of(marks_.begin(), marks_.end(),
                                               [](Mark const& mark) { return mark.changed; }));
}

Journal::Result<void> Journal::commit(Marks marks) {
    if (!pending(marks)) {
        said_lines_.clear();
        return {};
    }
    auto done = database_->begin();
    if (done) {
        done = write_turn();
        if (done)
            done = database_->commit();
        else
            database_->rollback();
    }
    failing_ = !done;
    if (done) turn_is_safe();
    return done;
}

std::size_t Journal::pages_to_checkpoint() const { return database_->pages_to_checkpoint(); }

Journal::Result<void> Journal::checkpoint() { return database_->checkpoint(); }

void Journal::turn_is_safe() {
    last_seq_ = turn_seq_;
    std::swap(turn_, said_);
    turn_.clear();
    said_lines_.clear();
    for (std::size_t i = 0; i < said_.rows.size(); ++i) {
        std::string_view const line = said_.rows[i].line;
        if (said_.seqs[i] == 0)
            ++silenced_;
        else
            said_lines_.push_back({said_.seqs[i], {line.data(), line.size() + 1}});
    }
    for (auto const& chain : chains_) {
        chain->changed = false;
        chain->coverage.saved();
        chain->incomplete.clear();
        chain->completed.clear();
    }
    for (Mark& mark : marks_) mark.changed = false;
    blocks_ = 0;
}

} // namespace stages
