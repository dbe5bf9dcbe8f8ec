#include "pipeline/topology.hpp"

#include <algorithm>
#include <pthread.h>
#include <sched.h>
#include <set>

namespace pipeline {

std::string_view to_text(Process process) {
    switch (process) {
    case Process::control: return "control";
    case Process::legacy: return "legacy";
    case Process::hybrid: return "hybrid";
    }
    return "?";
}

Driver& Topology::thread(std::string const& name, int cpu) {
    for (auto& driver : drivers_)
        if (driver->options().name == name) return *driver;
    drivers_.push_back(std::make_unique<Driver>(DriverOptions{name, cpu, idle_}, make_poller_(name),
                                                clock_, switchboard_));
    return *drivers_.back();
}

Topology::Entry const* Topology::end_of(LinkBase const& link, bool writer) const {
    for (Entry const& entry : stages_) {
        auto const& side = writer ? entry.outputs : entry.inputs;
        if (std::find(side.begin(), side.end(), &link) != side.end()) return &entry;
    }
    return nullptr;
}

std::expected<void, std::string> Topology::finish() {
    if (std::string fault = first_fault(); !fault.empty()) return std::unexpected(std::move(fault));
    if (std::string cycle = first_cycle(); !cycle.empty())
        return std::unexpected("stages wait for each other in a circle: " + cycle);
    assign_threads();
    return {};
}

std::string Topology::first_fault() const {
    std::set<std::string_view> names;
    for (auto const& link : links_)
        if (!names.insert(link->name).second) return "two links are called '" + link->name + "'";
    names.clear();
    for (Entry const& entry : stages_)
        if (!names.insert(entry.row.name).second)
            return "two stages are called '" + entry.row.name + "'";
    for (auto const& link : links_) {
        std::ptrdiff_t writers = 0, readers = 0;
        for (Entry const& entry : stages_) {
            writers += std::count(entry.outputs.begin(), entry.outputs.end(), link.get());
            readers += std::count(entry.inputs.begin(), entry.inputs.end(), link.get());
        }
        if (writers == 1 && readers == 1) continue;
        return "link '" + link->name + "' has " + std::to_string(writers) + " writers and " +
               std::to_string(readers) + " readers; it needs exactly one of each";
    }
    return {};
}

// Depth-first over wait-links. Stages are few; clarity beats an index here.
std::string Topology::first_cycle() const {
    std::set<Entry const*> done;
    std::vector<Entry const*> path;
    std::string found;
    std::function<void(Entry const&)> const visit = [&](Entry const& entry) {
        if (!found.empty() || done.contains(&entry)) return;
        if (auto at = std::find(path.begin(), path.end(), &entry); at != path.end()) {
            for (; at != path.end(); ++at) found += (*at)->row.name + " -> ";
            found += entry.row.name;
            return;
        }
        path.push_back(&entry);
        for (LinkBase const* link : entry.outputs) {
            if (link->options.when_full == WhenFull::drop) continue;
            if (Entry const* reader = end_of(*link, false)) visit(*reader);
        }
        path.pop_back();
        done.insert(&entry);
    };
    for (Entry const& entry : stages_) visit(entry);
    return found;
}

void Topology::assign_threads() {
    for (Entry& entry : stages_) thread(entry.row.thread).add(*entry.runner);
    for (Entry& entry : stages_) {
        Driver& mine = thread(entry.row.thread);
        for (LinkBase const* link : entry.inputs)
            mine.add_neighbour(*entry.runner, thread(end_of(*link, true)->row.thread).doorbell());
        for (LinkBase const* link : entry.outputs)
            mine.add_neighbour(*entry.runner, thread(end_of(*link, false)->row.thread).doorbell());
    }
}

void Topology::start() {
    CHECK(threads_.empty());
    for (auto& owned : drivers_) {
        Driver& driver = *owned;
        threads_.emplace_back([&driver] {
            pthread_setname_np(pthread_self(), driver.options().name.substr(0, 15).c_str());
            if (driver.options().cpu >= 0) {
                cpu_set_t cpus;
                CPU_ZERO(&cpus);
                CPU_SET(static_cast<unsigned>(driver.options().cpu), &cpus);
                pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
            }
            driver.run();
        });
    }
}

void Topology::drain() noexcept {
    for (auto& driver : drivers_) driver->drain();
}

void Topology::stop() {
    for (auto& driver : drivers_) driver->stop();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
}

// A message is popped after its results were emitted, and links are looked at from the sources
// down: so an empty link seen here stays empty. What a last message left in its stage shows only
// after that thread's pass: who must be sure asks twice, with passes in between.
bool Topology::settled() const {
    for (auto const& link : links_)
        if (link->waiting() > 0) return false;
    return std::all_of(drivers_.begin(), drivers_.end(),
                       [](auto const& driver) { return driver->quiet(); });
}

void Topology::wake() noexcept {
    for (auto& driver : drivers_) driver->poller().wake();
}

std::uint64_t Topology::slowest_passes() const {
    std::uint64_t fewest = ~std::uint64_t{0};
    for (auto const& driver : drivers_) fewest = std::min(fewest, driver->passes());
    return fewest;
}

bool Topology::turn() {
    bool worked = false;
    for (auto& driver : drivers_) worked = driver->turn() || worked;
    return worked;
}

} // namespace pipeline
