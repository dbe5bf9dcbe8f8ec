#include "stages/cache_flights.hpp"

namespace stages {

CacheFlights::CacheFlights(std::size_t flights_max, Nanoseconds timeout, Nanoseconds pause)
    : timeout_(timeout)
    , pause_(pause)
    , flights_(flights_max)
    , index_(flights_max) {
    CHECK(flights_max > 0 && flights_max < CacheIndex::none && timeout > 0);
    free_.reserve(flights_max);
    for (std::size_t i = flights_max; i-- > 0;) free_.push_back(static_cast<std::uint32_t>(i));
}

std::uint32_t CacheFlights::find(CacheKey const& key, std::uint64_t hash) const {
    return index_.find(hash, [&](std::uint32_t number) { return flights_[number].key == key; });
}

void CacheFlights::erase(std::uint32_t number) {
    index_.erase(flights_[number].hash, number);
    flights_[number] = {};
    free_.push_back(number);
}

CacheFlights::Begun CacheFlights::begin(CacheKey const& key, std::uint64_t hash, Nanoseconds now) {
    std::uint32_t number = find(key, hash);
    Begun begun = Begun::ask;
    if (number != CacheIndex::none) {
        Flight const& flight = flights_[number];
        if (now < flight.until) return flight.resting ? Begun::resting : Begun::in_flight;
        if (!flight.resting) begun = Begun::ask_after_timeout;
    } else {
        if (free_.empty()) return Begun::full;
        number = free_.back();
        free_.pop_back();
        index_.insert(hash, number);
    }
    flights_[number] = {key, hash, now + timeout_, false};
    return begun;
}

bool CacheFlights::end(CacheKey const& key, std::uint64_t hash) {
    std::uint32_t const number = find(key, hash);
    if (number == CacheIndex::none) return false;
    erase(number);
    return true;
}

void CacheFlights::fail(CacheKey const& key, std::uint64_t hash, Nanoseconds now) {
    std::uint32_t number = find(key, hash);
    if (number == CacheIndex::none) {
        if (free_.empty()) return;
        number = free_.back();
        free_.pop_back();
        index_.insert(hash, number);
    }
    flights_[number] = {key, hash, now + pause_, true};
}

bool CacheFlights::busy(CacheKey const& key, std::uint64_t hash, Nanoseconds now) const {
    std::uint32_t const number = find(key, hash);
    return number != CacheIndex::none && now < flights_[number].until;
}

std::size_t CacheFlights::sweep(Nanoseconds now) {
    std::size_t forgotten = 0;
    for (std::uint32_t i = 0; i < flights_.size() && index_.size() > 0; ++i) {
        Flight const& flight = flights_[i];
        if (flight.until == 0 || now < flight.until) continue;
        forgotten += flight.resting ? 0 : 1;
        erase(i);
    }
    return forgotten;
}

std::size_t CacheFlights::memory_bytes() const {
    return flights_.size() * (sizeof(Flight) + sizeof(std::uint32_t)) + index_.memory_bytes();
}

} // namespace stages
