#include "stages/chain_head.hpp"

#include <algorithm>
#include <cstring>

namespace stages {

std::size_t ChainHead::HashOfHash::operator()(Hash const& hash) const {
    std::size_t first = 0; // block hashes are uniform already
    std::memcpy(&first, hash.data(), sizeof first);
    return first;
}

ChainHead::Done ChainHead::initialized(std::span<Hash const> final,
                                       std::optional<std::uint32_t> spec) {
    if (following()) return std::unexpected("it initialized a subscription twice");
    if (final.empty()) return std::unexpected("it names no finalized block");
    if (final.size() > pins_max) return std::unexpected("it pins more blocks than it may");
    Hash parent{};
    auto height = -static_cast<std::int64_t>(final.size());
    for (Hash const& hash : final) {
        blocks_[hash] = {parent, ++height, {}};
        finals_.push_back(hash);
        parent = hash;
    }
    if (blocks_.size() != final.size()) {
        forget();
        return std::unexpected("it names a finalized block twice");
    }
    blocks_[final.back()].spec = spec;
    best_ = final_ = final.back();
    return {};
}

ChainHead::Done ChainHead::new_block(Hash const& hash, Hash const& parent,
                                     std::optional<std::uint32_t> spec) {
    auto const below = blocks_.find(parent);
    if (below == blocks_.end()) return std::unexpected("it tells a block whose parent it did not");
    if (blocks_.contains(hash)) return std::unexpected("it tells a block twice");
    Block const made{parent, below->second.height + 1, spec ? spec : below->second.spec};
    blocks_[hash] = made;
    stops_ = 0;
    while (blocks_.size() > pins_max && finals_.size() > 1) { // never the newest
        letting_.push_back(finals_.front());
        blocks_.erase(finals_.front());
        finals_.pop_front();
    }
    if (blocks_.size() > pins_max) return std::unexpected("it pins more blocks than it may");
    return {};
}

ChainHead::Done ChainHead::best_changed(Hash const& hash) {
    if (!blocks_.contains(hash)) return std::unexpected("its best block is one it did not tell");
    best_ = hash;
    return {};
}

ChainHead::Done ChainHead::finalized(std::span<Hash const> final, std::span<Hash const> pruned) {
    for (Hash const& hash : final) {
        auto const found = blocks_.find(hash);
        if (found == blocks_.end())
            return std::unexpected("it finalized a block that it did not tell");
        if (found->second.parent != final_)
            return std::unexpected("it finalized a block without its parent");
        final_ = hash;
        finals_.push_back(hash);
    }
    for (Hash const& hash : pruned)
        if (blocks_.contains(hash)) pruned_.push_back(hash);
    return {};
}

ChainHead::Done ChainHead::described(decoders::Header const& header) {
    auto const found = blocks_.find(header.hash);
    if (found == blocks_.end()) return {}; // let go in the meantime: nothing is learned
    std::int64_t const base = std::int64_t{header.number} - found->second.height;
    auto const lowest = finals_.empty() ? 0 : blocks_[finals_.front()].height;
    if (base + lowest < 0 || base > ~std::uint32_t{0})
        return std::unexpected("it names more finalized blocks than there are below the last");
    base_ = static_cast<std::uint32_t>(base);
    found->second.parent = header.parent;
    return {};
}

bool ChainHead::stopped() {
    unsigned const stops = stops_ + 1;
    forget();
    stops_ = stops;
    return stops <= stops_max;
}

void ChainHead::forget() {
    blocks_.clear();
    finals_.clear();
    pruned_.clear();
    letting_.clear();
    base_.reset();
    best_ = final_ = {};
    stops_ = 0;
}

void ChainHead::said_final(Hash const& hash) {
    if (std::ranges::find(finals_, hash) == finals_.end()) return;
    while (finals_.front() != hash) {
        letting_.push_back(finals_.front());
        blocks_.erase(finals_.front());
        finals_.pop_front();
    }
}

std::vector<Hash> ChainHead::unpin(std::function<bool(Hash const&)> const& waited_for) {
    std::erase_if(pruned_, [&](Hash const& hash) {
        bool const gone = !blocks_.contains(hash);
        if (!gone && waited_for(hash)) return false;
        if (!gone) letting_.push_back(hash);
        blocks_.erase(hash);
        return true;
    });
    auto const count = static_cast<std::ptrdiff_t>(std::min(letting_.size(), unpins_max));
    std::vector<Hash> const now(letting_.begin(), letting_.begin() + count);
    letting_.erase(letting_.begin(), letting_.begin() + count);
    return now;
}

std::optional<decoders::Header> ChainHead::find(Hash const& hash) const {
    auto const found = blocks_.find(hash);
    if (!base_ || found == blocks_.end()) return std::nullopt;
    decoders::Header header;
    header.hash = hash;
    header.parent = found->second.parent;
    header.number = static_cast<std::uint32_t>(*base_ + found->second.height);
    return header;
}

std::optional<std::uint32_t> ChainHead::spec_of(Hash const& hash) const {
    auto const found = blocks_.find(hash);
    return found == blocks_.end() ? std::nullopt : found->second.spec;
}

std::optional<Hash> ChainHead::state_with(std::uint32_t spec_version) const {
    for (auto const& [hash, block] : blocks_)
        if (block.spec == spec_version) return hash;
    return std::nullopt;
}

void Operations::started(std::string_view id, Question const& question) {
    open_.push_back({std::string(id), question, {}, false});
}

Operations::Operation* Operations::find(std::string_view id) {
    auto const found = std::ranges::find(open_, id, &Operation::id);
    return found == open_.end() ? nullptr : &*found;
}

void Operations::ended(std::string_view id) {
    std::erase_if(open_, [&](Operation const& one) { return one.id == id; });
}

std::size_t Operations::weight() const {
    std::size_t sum = 0;
    for (Operation const& one : open_) sum += weight_of(one.question.ask);
    return sum;
}

Nanoseconds Operations::oldest() const {
    Nanoseconds earliest = pipeline::never;
    for (Operation const& one : open_) earliest = std::min(earliest, one.question.asked_at);
    return earliest;
}

std::size_t Operations::weight_of(Ask ask) {
    switch (ask) {
    case Ask::events: return 4; // each key is one
    case Ask::code_hash:
    case Ask::metadata_versions:
    case Ask::metadata_at_version:
    case Ask::metadata:
    case Ask::asset_keys:
    case Ask::holding:
    case Ask::body: return 1;
    default: return 0;
    }
}

} // namespace stages
