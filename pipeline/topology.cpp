#include "pipeline/topology.hpp"

#include "pipeline/sleeper.hpp"

#include <algorithm>
#include <pthread.h>
#include <sched.h>
#include <set>

namespace pipeline {

Driver& Topology::thread(std::string const& name, int cpu) {
    for (auto& driver : drivers_)
        if (driver->options().name == name) return *driver;
    CHECK(!mine_); // the second wiring names the same threads
    drivers_.push_back(std::make_unique<Driver>(DriverOptions{name, cpu, idle_}, make_poller_(name),
                                                clock_, switchboard_, region_));
    return *drivers_.back();
}

Topology::Entry const* Topology::end_of(LinkBase const& link, bool writer) const {
    for (Entry const& entry : stages_) {
        auto const& side = writer ? entry.outputs : entry.inputs;
        if (std::find(side.begin(), side.end(), &link) != side.end()) return &entry;
    }
    return nullptr;
}

void Topology::add(Entry entry) {
    if (!mine_) {
        stages_.push_back(std::move(entry));
        return;
    }
    CHECK(wired_stages_ < stages_.size());
    Entry& known = stages_[wired_stages_++];
    CHECK(known.row.name == entry.row.name && known.row.process == entry.row.process);
    CHECK(known.inputs == entry.inputs && known.outputs == entry.outputs);
    if (!is_mine(entry.row.process)) {
        others_.push_back(std::move(entry));
        return;
    }
    known.stage = std::move(entry.stage);
    known.runner = std::move(entry.runner);
}

LinkBase& Topology::next_link() {
    CHECK(wired_links_ < links_.size());
    return *links_[wired_links_++];
}

std::expected<void, std::string> Topology::finish() {
    if (mine_) {
        CHECK(wired_links_ == links_.size() && wired_stages_ == stages_.size());
        others_.clear();
        for (auto& driver : drivers_) driver->clear();
        assign_threads();
        if (region_ == nullptr) mine_.reset(); // succeed()
        return {};
    }
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
    return region_ == nullptr ? std::string() : shared_thread();
}

std::string Topology::shared_thread() const {
    std::map<std::string_view, Process> owners;
    for (Entry const& entry : stages_) {
        auto const [at, is_new] = owners.emplace(entry.row.thread, entry.row.process);
        if (!is_new && at->second != entry.row.process)
            return "thread '" + entry.row.thread + "' is shared by the processes " +
                   std::string(to_text(at->second)) + " and " +
                   std::string(to_text(entry.row.process));
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
    for (Entry& entry : stages_) {
        Driver& driver = thread(entry.row.thread);
        if (region_ != nullptr) driver.belongs_to(entry.row.process);
        if (entry.runner) driver.add(*entry.runner);
    }
    for (Entry& entry : stages_) {
        if (!entry.runner) continue;
        Driver& mine = thread(entry.row.thread);
        for (LinkBase const* link : entry.inputs)
            mine.add_neighbour(*entry.runner, thread(end_of(*link, true)->row.thread).doorbell(),
                               *link, false);
        for (LinkBase const* link : entry.outputs)
            mine.add_neighbour(*entry.runner, thread(end_of(*link, false)->row.thread).doorbell(),
                               *link, true);
    }
    for (Entry const& entry : stages_) add_downstream(entry, thread(entry.row.thread));
}

// Threads of the stages that what this one makes comes to, and waits for.
void Topology::add_downstream(Entry const& entry, Driver& upstream) {
    for (LinkBase const* link : entry.outputs) {
        if (link->options.when_full == WhenFull::drop) continue;
        Entry const& reader = *end_of(*link, false);
        upstream.add_downstream(thread(reader.row.thread));
        add_downstream(reader, upstream);
    }
}

void Topology::start() {
    CHECK(threads_.empty());
    for (auto& owned : drivers_) {
        Driver& driver = *owned;
        if (!is_mine(driver.process())) continue;
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
    for (auto& driver : drivers_)
        if (is_mine(driver->process())) driver->stop();
    join();
}

void Topology::stop(Process process) noexcept {
    for (auto& driver : drivers_)
        if (driver->process() == process) driver->stop();
}

void Topology::join() {
    for (auto& thread : threads_) thread.join();
    threads_.clear();
}

void Topology::hollow() {
    for (auto& driver : drivers_) driver->clear();
    for (Entry& entry : stages_) {
        entry.runner.reset();
        entry.stage.reset();
    }
}

void Topology::enter(Process process, TakeThread const& make_poller) {
    CHECK(region_ != nullptr && !mine_);
    mine_ = process;
    metrics_.begin_again();
    for (auto& driver : drivers_)
        if (driver->process() == process) {
            auto const& sleeper = static_cast<Sleeper&>(driver->poller());
            driver->exchange_poller(make_poller(sleeper.another_wake_fd()));
        }
}

void Topology::bury(Process process) {
    CHECK(region_ == nullptr && threads_.empty());
    for (auto& driver : drivers_) driver->clear();
    for (Entry& entry : stages_)
        if (entry.row.process == process) {
            entry.runner.reset();
            entry.stage.reset();
        }
    assign_threads();
}

void Topology::succeed(Process process) {
    CHECK(region_ == nullptr && threads_.empty() && !mine_);
    mine_ = process;
    wired_links_ = wired_stages_ = 0;
    metrics_.begin_again();
}

void Topology::revive(Process process) {
    for (auto const& link : links_) {
        bool const writer = end_of(*link, true)->row.process == process;
        bool const reader = end_of(*link, false)->row.process == process;
        if (writer || reader)
            link->recover(writer && reader ? Ends::both : writer ? Ends::writer : Ends::reader);
    }
    for (auto& driver : drivers_)
        if (driver->process() == process) driver->revive();
    // It may have died between moving a message and ringing for it.
    wake();
}

void Topology::give_up(Process process) { gone_[index_of(process)] = true; }

// A message is popped after its results were emitted, and links are looked at from the sources
// down: so an empty link seen here stays empty. What a last message left in its stage shows only
// after that thread's pass: who must be sure asks twice, with passes in between.
bool Topology::settled() const {
    for (auto const& link : links_) {
        if (link->waiting() == 0) continue;
        // What an observer will never read holds nobody up.
        bool const drops = link->options.when_full == WhenFull::drop;
        if (drops && is_gone(end_of(*link, false)->row.process)) continue;
        return false;
    }
    return std::all_of(drivers_.begin(), drivers_.end(), [&](auto const& driver) {
        return is_gone(driver->process()) || driver->quiet();
    });
}

void Topology::wake() noexcept {
    for (auto& driver : drivers_) driver->poller().wake();
}

std::uint64_t Topology::slowest_passes() const {
    std::uint64_t fewest = ~std::uint64_t{0};
    for (auto const& driver : drivers_)
        if (!is_gone(driver->process())) fewest = std::min(fewest, driver->passes());
    return fewest;
}

bool Topology::turn() {
    bool worked = false;
    for (auto& driver : drivers_) worked = driver->turn() || worked;
    return worked;
}

} // namespace pipeline
