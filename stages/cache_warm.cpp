#include "stages/cache_warm.hpp"

namespace stages {

CacheWarm::CacheWarm(std::size_t entries)
    : window_max_(std::max<std::size_t>(1, entries / 100))
    , main_max_(entries - window_max_)
    , protected_max_(main_max_ / 5 * 4)
    , nodes_(entries + 1) // one more than stays: an entry comes before another one goes
    , bodies_(entries + 1)
    , index_(entries + 1)
    , sketch_(entries) {
    CHECK(entries >= entries_min && entries < none);
    free_.reserve(nodes_.size());
    for (std::size_t i = nodes_.size(); i-- > 0;) free_.push_back(static_cast<std::uint32_t>(i));
}

std::uint32_t CacheWarm::find(CacheKey const& key, std::uint64_t hash) const {
    return index_.find(hash, [&](std::uint32_t number) {
        // The value begins in the next line of the processor's cache; it is wanted next.
        __builtin_prefetch(&nodes_[number]);
        __builtin_prefetch(&bodies_[number].value.data);
        return bodies_[number].key == key;
    });
}

void CacheWarm::unlink(std::uint32_t number) {
    Node const& node = nodes_[number];
    List& list = lists_[node.part];
    (node.before == none ? list.first : nodes_[node.before].after) = node.after;
    (node.after == none ? list.last : nodes_[node.after].before) = node.before;
    --list.size;
}

void CacheWarm::link(std::uint32_t number, Part part) {
    Node& node = nodes_[number];
    List& list = lists_[part];
    node.part = part;
    node.before = none;
    node.after = list.first;
    (list.first == none ? list.last : nodes_[list.first].before) = number;
    list.first = number;
    ++list.size;
}

void CacheWarm::touch(std::uint32_t number) {
    Part const part = nodes_[number].part;
    unlink(number);
    link(number, part == window ? window : protection);
    if (lists_[protection].size <= protected_max_) return;
    std::uint32_t const moved = lists_[protection].last;
    unlink(moved);
    link(moved, probation);
}

CacheWarm::Inserted CacheWarm::insert(CacheKey const& key, std::uint64_t hash,
                                      CacheValue const& value, Nanoseconds now) {
    std::uint32_t const number = free_.back();
    free_.pop_back();
    bodies_[number].key = key;
    bodies_[number].value.copy_from(value);
    nodes_[number].hash = hash;
    nodes_[number].placed = now;
    link(number, window);
    index_.insert(hash, number);
    if (lists_[window].size <= window_max_) return Inserted::room;

    std::uint32_t const candidate = lists_[window].last;
    if (lists_[probation].size + lists_[protection].size < main_max_) {
        unlink(candidate);
        link(candidate, probation);
        return Inserted::room;
    }
    List const& victims = lists_[probation].size > 0 ? lists_[probation] : lists_[protection];
    std::uint32_t const victim = victims.last;
    // A tie is for the one that is there: that is what a scan cannot win.
    if (sketch_.count(nodes_[candidate].hash) <= sketch_.count(nodes_[victim].hash)) {
        erase(candidate);
        return Inserted::rejected;
    }
    erase(victim);
    unlink(candidate);
    link(candidate, probation);
    return Inserted::evicted;
}

void CacheWarm::erase(std::uint32_t number) {
    unlink(number);
    index_.erase(nodes_[number].hash, number);
    free_.push_back(number);
}

std::size_t CacheWarm::memory_bytes() const {
    return nodes_.size() * (sizeof(Node) + sizeof(Body) + sizeof(std::uint32_t)) +
           index_.memory_bytes() + sketch_.memory_bytes();
}

} // namespace stages
