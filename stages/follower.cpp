#include "stages/follower.hpp"

#include <algorithm>

namespace stages {

using Kind = FollowerAction::Kind;

std::size_t Follower::HashOfHash::operator()(Hash const& hash) const {
    std::size_t first = 0; // block hashes are uniform already
    std::memcpy(&first, hash.data(), sizeof first);
    return first;
}

Follower::Follower(FollowerOptions const& options)
    : options_(options)
    , grace_(options.grace) {
    blocks_.reserve(1'024); // a chain at its head holds a few dozen
}

void Follower::set_floor(std::uint32_t number) {
    std::uint32_t const first = std::max(number, options_.start);
    if (!floor_) floor_ = first == 0 ? 0 : first - 1;
}

bool Follower::needs_telling(Block const& block) const {
    return !block.told && floor_ && block.number > *floor_;
}

Follower::Block& Follower::learn(decoders::Header const& header, Nanoseconds not_before) {
    Block& block = blocks_[header.hash];
    if (!block.header_known) {
        block.header_known = true;
        block.parent = header.parent;
        block.number = header.number;
        block.not_before = not_before;
    }
    return block;
}

void Follower::head(decoders::Header const& header, Nanoseconds now) {
    best_ = header.number;
    if (!options_.from_finalized) set_floor(header.number);
    learn(header, now + grace_);
    if (!floor_)
        first_head_ = header.hash;
    else if (!options_.finalized_only)
        want_ancestors(header.hash, now);
}

void Follower::finalized(decoders::Header const& header, Nanoseconds now) {
    best_ = std::max(best_, header.number);
    set_floor(header.number);
    learn(header, now + grace_);
    // Nothing was final yet: what lies on the finalized chain above the floor is, in its turn.
    if (!anchor_)
        anchor_ = Point{{}, std::min(*floor_, header.number == 0 ? 0 : header.number - 1)};
    newest_final_ = header;
    next_finalized_ = header;
    climb(now);
    if (first_head_ && !options_.finalized_only) want_ancestors(*first_head_, now);
    first_head_.reset();
}

void Follower::header(decoders::Header const& header, Nanoseconds now) {
    Block const& block = learn(header, now);
    std::erase(headers_wanted_, header.hash);
    if (block.wanted) want_ancestors(header.hash, now);
    climb(now);
}

// Wants the block and everything below it that was never told, down to the finalized chain.
void Follower::want_ancestors(Hash hash, Nanoseconds now) {
    for (std::uint32_t steps = 0; steps < options_.window; ++steps) {
        if (anchor_ && hash == anchor_->hash) return;
        Block& block = blocks_[hash];
        block.wanted = true;
        if (block.linked) return; // the walk has passed here before
        bool const numbered = block.header_known || block.told;
        if (numbered && anchor_ && block.number <= anchor_->number) return;
        if (block.told && block.number <= *floor_ + 1) return;
        if (!block.header_known) return need_header(hash, now);
        block.linked = true;
        if (needs_telling(block)) want(hash, block);
        if (block.number <= *floor_ + 1) return;
        hash = block.parent;
    }
}

void Follower::want(Hash const& hash, Block& block) {
    block.wanted = true;
    if (std::find(wanted_.begin(), wanted_.end(), hash) == wanted_.end()) wanted_.push_back(hash);
}

void Follower::need_header(Hash const& hash, Nanoseconds now) {
    Block& block = blocks_[hash];
    if (block.header_known || block.header_asked) return;
    if (std::find(headers_wanted_.begin(), headers_wanted_.end(), hash) != headers_wanted_.end())
        return;
    block.not_before = now;
    headers_wanted_.push_back(hash);
}

// From the newest finalized head down to what is already on the path.
void Follower::climb(Nanoseconds now) {
    if (!climb_at_) {
        if (!next_finalized_) return;
        climb_at_ = next_finalized_->hash;
        next_finalized_.reset();
        climbing_.clear();
    }
    Point const goal = path_.empty() ? *anchor_ : path_.back();
    while (*climb_at_ != goal.hash) {
        bool const far =
            !climbing_.empty() && climbing_.front().number - goal.number > options_.climb_max + 1;
        if (far) return finish_climb(false);
        auto const found = blocks_.find(*climb_at_);
        if (found == blocks_.end() || !found->second.header_known)
            return need_header(*climb_at_, now);
        Block const& block = found->second;
        if (block.number <= goal.number) {
            Hash const ours = final_at(block.number);
            if (ours != Hash{} && ours != *climb_at_)
                return dispute({*climb_at_, block.number}, ours);
            climbing_.clear(); // an old head, said again
            climb_at_.reset();
            return;
        }
        climbing_.push_back({*climb_at_, block.number});
        climb_at_ = block.parent;
        if (goal.hash == Hash{} && block.number == goal.number + 1) break; // down at the floor
    }
    finish_climb(true);
    if (next_finalized_) climb(now);
}

// What is known to be final at that height; all zero: it is not remembered.
Hash Follower::final_at(std::uint32_t number) const {
    for (auto const* points : {&path_, &finals_})
        for (Point const& point : *points)
            if (point.number == number) return point.hash;
    return {};
}

// A finalized block cannot be taken back: one of the two nodes that said so has lied.
void Follower::dispute(Point const& theirs, Hash const& ours) {
    ready_.push_back({Kind::conflict, theirs.hash, ours, theirs.number, theirs.number});
    disputed_ = newest_final_;
    next_finalized_.reset();
    climbing_.clear();
    climb_at_.reset();
}

void Follower::accept_conflict(Nanoseconds now) {
    if (!disputed_) return;
    decoders::Header const header = *std::exchange(disputed_, std::nullopt);
    path_.clear();
    finals_.clear();
    anchor_ = Point{{}, header.number - 1};
    next_finalized_ = header;
    climb(now);
}

void Follower::finish_climb(bool whole) {
    std::uint32_t const known = path_.empty() ? anchor_->number : path_.back().number;
    if (!whole && !climbing_.empty()) {
        std::uint32_t const first = std::max(known, floor_.value_or(0)) + 1;
        std::uint32_t const bottom = climbing_.back().number;
        if (first < bottom) ready_.push_back({Kind::hole, {}, {}, first, bottom - 1});
    }
    for (auto point = climbing_.rbegin(); point != climbing_.rend(); ++point) {
        Block& block = blocks_[point->hash];
        block.final_path = true;
        if (needs_telling(block)) want(point->hash, block);
        path_.push_back(*point);
    }
    climbing_.clear();
    climb_at_.reset();
}

void Follower::header_missing(Hash const& hash) {
    std::erase(headers_wanted_, hash);
    blocks_.erase(hash);
    std::erase(wanted_, hash);
    if (climb_at_ == hash) finish_climb(false);
}

void Follower::header_failed(Hash const& hash, Nanoseconds now) {
    auto const found = blocks_.find(hash);
    if (found == blocks_.end()) return;
    if (++found->second.attempts >= attempts_max) return header_missing(hash);
    found->second.header_asked = false;
    need_header(hash, now + grace_);
}

void Follower::events_missing(Hash const& hash) {
    auto const found = blocks_.find(hash);
    if (found == blocks_.end() || found->second.told) return;
    std::uint32_t const number = found->second.number;
    ready_.push_back({Kind::hole, hash, {}, number, number});
    found->second.told = true;
    std::erase(wanted_, hash);
}

void Follower::events_failed(Hash const& hash, Nanoseconds now) {
    auto const found = blocks_.find(hash);
    if (found == blocks_.end()) return;
    if (++found->second.attempts >= attempts_max) return events_missing(hash);
    found->second.events_asked = false;
    found->second.not_before = now + grace_;
}

void Follower::postpone(Hash const& hash, Nanoseconds until) {
    auto const found = blocks_.find(hash);
    if (found == blocks_.end()) return;
    found->second.events_asked = false;
    found->second.not_before = until;
}

void Follower::connection_lost() {
    for (auto& [hash, block] : blocks_) {
        block.events_asked = false;
        if (!block.header_asked) continue;
        block.header_asked = false;
        if (!block.header_known) headers_wanted_.push_back(hash);
    }
}

bool Follower::wants(Hash const& hash, std::uint32_t number) {
    if (!options_.from_finalized) set_floor(number);
    if (!floor_ || number <= *floor_) return false;
    auto const found = blocks_.find(hash);
    if (found != blocks_.end() && found->second.told) return false;
    bool const final = found != blocks_.end() && found->second.final_path;
    if (final) return true;
    return !options_.finalized_only && (!anchor_ || number > anchor_->number);
}

void Follower::told(Hash const& hash, std::uint32_t number) {
    Block& block = blocks_[hash];
    block.told = true;
    block.number = number;
    best_ = std::max(best_, number);
    std::erase(wanted_, hash);
}

bool Follower::is_final(Hash const& hash) const {
    auto const found = blocks_.find(hash);
    return found != blocks_.end() && found->second.final_path;
}

bool Follower::is_told(Hash const& hash) const {
    auto const found = blocks_.find(hash);
    return found != blocks_.end() && found->second.told;
}

std::optional<decoders::Header> Follower::find(Hash const& hash) const {
    auto const found = blocks_.find(hash);
    if (found == blocks_.end() || !found->second.header_known) return std::nullopt;
    decoders::Header header;
    header.hash = hash;
    header.parent = found->second.parent;
    header.number = found->second.number;
    return header;
}

// The oldest finalized block, once it was told: it is final, its told siblings are not to be.
bool Follower::settle(FollowerAction& action) {
    if (path_.empty()) return false;
    Point const point = path_.front();
    Block const& block = blocks_[point.hash];
    if (needs_telling(block)) return false;
    bool const of_interest = block.told;
    action = {Kind::say_final, point.hash, block.parent, point.number, point.number};
    for (auto const& [hash, other] : blocks_)
        if (other.told && hash != point.hash && other.number == point.number && !other.final_path)
            ready_.push_back({Kind::say_abandoned, hash, other.parent, other.number, other.number});
    path_.pop_front();
    anchor_ = point;
    finals_.push_back(point);
    if (finals_.size() > finals_kept) finals_.pop_front();
    forget_below(point.number);
    if (!of_interest) action.kind = Kind::none;
    return true;
}

// Keeps the anchor itself: late notices of it must still be recognised.
void Follower::forget_below(std::uint32_t number) {
    boost::unordered::erase_if(blocks_, [&](auto const& entry) {
        Block const& block = entry.second;
        bool const known = block.header_known || block.told;
        if (!known || block.number > number || entry.first == anchor_->hash) return false;
        std::erase(wanted_, entry.first);
        return true;
    });
}

FollowerAction Follower::next(Nanoseconds now) {
    for (;;) {
        if (!ready_.empty()) {
            FollowerAction const action = ready_.front();
            ready_.pop_front();
            return action;
        }
        FollowerAction action;
        if (!settle(action)) break;
        if (action.kind != Kind::none) return action;
    }
    for (auto at = headers_wanted_.begin(); at != headers_wanted_.end(); ++at) {
        Block& block = blocks_[*at];
        if (block.not_before > now) continue;
        block.header_asked = true;
        FollowerAction const action{Kind::ask_header, *at, {}, 0, 0};
        headers_wanted_.erase(at);
        return action;
    }
    for (Hash const& hash : wanted_) {
        Block& block = blocks_[hash];
        if (!block.header_known || block.events_asked || block.not_before > now) continue;
        block.events_asked = true;
        return {Kind::ask_events, hash, block.parent, block.number, block.number};
    }
    return {};
}

Nanoseconds Follower::next_deadline() const {
    Nanoseconds earliest = pipeline::never;
    auto const consider = [&](Hash const& hash) {
        auto const found = blocks_.find(hash);
        if (found == blocks_.end() || found->second.events_asked) return;
        earliest = std::min(earliest, found->second.not_before);
    };
    for (Hash const& hash : wanted_) consider(hash);
    for (Hash const& hash : headers_wanted_) consider(hash);
    return earliest;
}

} // namespace stages
