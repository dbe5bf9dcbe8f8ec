// The pipeline as a table: links, stages, threads, processes. Declared in one place
// (config/topology.cpp), checked by finish(), printed by `spyhop topology`, then run.
//
//   auto& frames = topology.link<Frame>("frames", {.depth = 256, .arena_bytes = 32 << 20});
//   topology.stage({"decode", Process::hybrid, "edge"}, new Decode{...}, frames);
//
// Checked: every link has exactly one writer and one reader, names are unique, wait-links form no
// cycle (a cycle of waiting stages can stand still for ever).
//
// Processes: with a region, what stages share lies there, and the wiring is done several times:
//
//   supervisor   wire, with stages nobody will run ─ finish ─ hollow ──▶ fork, watch, revive, fork
//   each child   enter(its process) ─ wire again, the same rows ─ finish ─ start
//
// The second wiring gets the links, pages and threads of the first, in the same order (CHECKed),
// and keeps the stages of its own process only. A thread belongs to one process.
//
// Threads: wiring and start/stop by one thread. Owns links, stages, drivers and the metrics book.
#pragma once

#include "pipeline/driver.hpp"

#include <expected>
#include <functional>
#include <map>
#include <thread>

namespace pipeline {

struct StageRow {
    std::string name;
    Process process;
    std::string thread;
};

class Topology {
  public:
    // Makes the poller of a thread; called once per thread name.
    using MakePoller = std::function<std::unique_ptr<Poller>(std::string const& thread)>;

    // region: null where there is one process only.
    Topology(Clock const& clock, Switchboard const& switchboard, Idle idle, MakePoller make_poller,
             Region* region = nullptr)
        : clock_(clock)
        , switchboard_(switchboard)
        , idle_(idle)
        , make_poller_(std::move(make_poller))
        , region_(region)
        , metrics_(region) {}
    ~Topology() { stop(); }
    Topology(Topology const&) = delete;
    Topology& operator=(Topology const&) = delete;

    template <Message M>
    Link<M>& link(std::string name, LinkOptions options) {
        if (mine_) {
            LinkBase& known = next_link();
            CHECK(known.name == name && known.record == M::record_name);
            return static_cast<Link<M>&>(known);
        }
        auto owned = std::make_unique<Link<M>>(std::move(name), options, region_);
        auto& link = *owned;
        links_.push_back(std::move(owned));
        return link;
    }

    // Takes ownership of a stage and connects its inputs; a stage that cannot handle one of them
    // does not compile. Stages on one thread take their turns in the order they are declared.
    template <Stage S, Message... Ms>
        requires(Handles<S, Ms> && ...)
    S& stage(StageRow row, std::unique_ptr<S> stage, Link<Ms>&... inputs) {
        auto runner = make_runner(row, *stage);
        (runner->template read<Ms>(inputs), ...);
        return add(std::move(row), std::move(stage), std::move(runner),
                   {static_cast<LinkBase*>(&inputs)...});
    }

    // The same for a stage that reads any number of links of each kind.
    template <Stage S, Message... Ms>
        requires(Handles<S, Ms> && ...)
    S& stage_over(StageRow row, std::unique_ptr<S> stage, std::vector<Link<Ms>*> const&... inputs) {
        auto runner = make_runner(row, *stage);
        std::vector<LinkBase*> all;
        auto const read = [&]<Message M>(std::vector<Link<M>*> const& links) {
            for (Link<M>* link : links) runner->template read<M>(*link);
            all.insert(all.end(), links.begin(), links.end());
        };
        (read(inputs), ...);
        return add(std::move(row), std::move(stage), std::move(runner), std::move(all));
    }

    // The thread of that name; made on first use. cpu -1: not pinned.
    Driver& thread(std::string const& name, int cpu = -1);

    // Checks the wiring and gives every stage to its thread. The error names what is wrong.
    [[nodiscard]] std::expected<void, std::string> finish();

    // Supervisor, after finish(): the stages go, the wiring stays.
    void hollow();
    // Child, right after the fork: what is wired and started from now on is this process's part.
    // make_poller makes the poller of an own thread over the eventfd that the others wake it by,
    // and owns it from then on. Every poller of the supervisor's is a Sleeper.
    using TakeThread = std::function<std::unique_ptr<Poller>(int wake_fd)>;
    void enter(Process process, TakeThread const& make_poller);
    // Supervisor, while that process does not live: its links and threads are made ready for the
    // next one. What other processes have a part in is kept.
    void revive(Process process);
    // The same where all run in one thread, without a region and without a fork (the simulator):
    // bury() ends the stages of a process as they are; after revive(), what is wired from
    // succeed() to finish() takes their place. The other stages stay, and those that are wired for
    // their processes go again.
    void bury(Process process);
    void succeed(Process process);
    // Supervisor: it will not come back. settled() does without it.
    void give_up(Process process);

    // A table for people: stages, links, threads, memory. dot() is the same for Graphviz.
    std::string table() const;
    std::string dot() const;

    void start();          // one thread per driver; the calling thread drives nothing
    void drain() noexcept; // tells every stage that the service is ending; any thread
    void stop();           // asks every thread of this process to end and joins it; idempotent
    void stop(Process process) noexcept; // asks the threads of another process; any thread
    void join();                         // waits for the end that another process asks for

    // True once nothing moves any more: every link empty, every thread quiet. For draining, after
    // the sources have fallen silent; any thread may ask.
    bool settled() const;

    // Any thread: wakes every thread, of every process; and the passes made by the one that has
    // made fewest.
    void wake() noexcept;
    std::uint64_t slowest_passes() const;

    // One pass of every driver on the calling thread, in declaration order (tests, replay).
    bool turn();

    MetricsBook& metrics() { return metrics_; }
    MetricsBook const& metrics() const { return metrics_; }
    std::vector<std::unique_ptr<LinkBase>> const& links() const { return links_; }
    std::vector<std::unique_ptr<Driver>> const& drivers() const { return drivers_; }

  private:
    struct OwnedBase {
        virtual ~OwnedBase() = default;
    };
    template <class S>
    struct Owned final : OwnedBase {
        explicit Owned(std::unique_ptr<S> from)
            : stage(std::move(from)) {}
        std::unique_ptr<S> stage;
    };
    struct Entry {
        StageRow row;
        std::unique_ptr<OwnedBase> stage;
        std::unique_ptr<RunnerBase> runner;
        std::vector<LinkBase*> inputs;
        std::vector<LinkBase*> outputs;
    };

    template <Stage S>
    std::unique_ptr<Runner<S>> make_runner(StageRow const& row, S& stage) {
        return std::make_unique<Runner<S>>(
            stage, metrics_.add("stage=\"" + row.name + '"', runner_metrics));
    }
    template <Stage S>
    S& add(StageRow row, std::unique_ptr<S> stage, std::unique_ptr<RunnerBase> runner,
           std::vector<LinkBase*> inputs) {
        S& made = *stage;
        std::vector<LinkBase*> outputs;
        auto const note = [&](LinkBase& link) {
            link.written_in_bursts_of(S::max_burst);
            outputs.push_back(&link);
        };
        std::apply([&](auto const&... out) { (out.each_link(note), ...); }, made.outputs());
        add({std::move(row), std::make_unique<Owned<S>>(std::move(stage)), std::move(runner),
             std::move(inputs), std::move(outputs)});
        return made;
    }
    void add(Entry entry);
    LinkBase& next_link();
    bool is_mine(std::optional<Process> process) const {
        return !mine_ || !process || *process == *mine_;
    }
    bool is_gone(std::optional<Process> process) const {
        return process && gone_[index_of(*process)];
    }

    std::string first_fault() const;
    std::string shared_thread() const;
    std::string first_cycle() const;
    void assign_threads();
    void add_downstream(Entry const& entry, Driver& upstream);
    Entry const* end_of(LinkBase const& link, bool writer) const;

    Clock const& clock_;
    Switchboard const& switchboard_;
    Idle const idle_;
    MakePoller const make_poller_;
    Region* const region_;
    MetricsBook metrics_;
    std::optional<Process> mine_;  // child: whose part this is
    std::size_t wired_links_ = 0;  // child: of those there are, wired again
    std::size_t wired_stages_ = 0; // the same
    std::array<bool, all_processes.size()> gone_{};
    // Declared before stages_ and links_, so destroyed after them: stages hold streams of the
    // drivers' pollers.
    std::vector<std::unique_ptr<Driver>> drivers_;
    std::vector<std::unique_ptr<LinkBase>> links_;
    std::vector<Entry> stages_;
    std::vector<Entry> others_; // second wiring: stages of other processes, until it is finished
    std::vector<std::thread> threads_;
};

} // namespace pipeline
