// The pipeline as a table: links, stages, threads, processes. Declared in one place
// (config/topology.cpp), checked by finish(), printed by `spyhop topology`, then run.
//
//   auto& frames = topology.link<Frame>("frames", {.depth = 256, .arena_bytes = 32 << 20});
//   topology.stage({"decode", Process::hybrid, "edge"}, new Decode{...}, frames);
//
// Checked: every link has exactly one writer and one reader, names are unique, wait-links form no
// cycle (a cycle of waiting stages can stand still for ever).
//
// Threads: wiring and start/stop by one thread. Owns links, stages, drivers and the metrics book.
#pragma once

#include "pipeline/driver.hpp"

#include <expected>
#include <functional>
#include <map>
#include <thread>

namespace pipeline {

enum class Process : std::uint8_t { control, legacy, hybrid };
std::string_view to_text(Process process);

struct StageRow {
    std::string name;
    Process process;
    std::string thread;
};

class Topology {
  public:
    // Makes the poller of a thread; called once per thread name.
    using MakePoller = std::function<std::unique_ptr<Poller>(std::string const& thread)>;

    Topology(Clock const& clock, Switchboard const& switchboard, Idle idle, MakePoller make_poller)
        : clock_(clock)
        , switchboard_(switchboard)
        , idle_(idle)
        , make_poller_(std::move(make_poller)) {}
    ~Topology() { stop(); }
    Topology(Topology const&) = delete;
    Topology& operator=(Topology const&) = delete;

    template <Message M>
    Link<M>& link(std::string name, LinkOptions options) {
        auto owned = std::make_unique<Link<M>>(std::move(name), options);
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

    // A table for people: stages, links, threads, memory. dot() is the same for Graphviz.
    std::string table() const;
    std::string dot() const;

    void start();          // one thread per driver; the calling thread drives nothing
    void drain() noexcept; // tells every stage that the service is ending; any thread
    void stop();           // asks every thread to end and joins it; idempotent

    // True once nothing moves any more: every link empty, every thread quiet. For draining, after
    // the sources have fallen silent; any thread may ask.
    bool settled() const;

    // Any thread: wakes every thread; and the passes made by the one that has made fewest.
    void wake() noexcept;
    std::uint64_t slowest_passes() const;

    // One pass of every driver on the calling thread, in declaration order (tests, replay).
    bool turn();

    MetricsBook& metrics() { return metrics_; }
    MetricsBook const& metrics() const { return metrics_; }
    std::vector<std::unique_ptr<LinkBase>> const& links() const { return links_; }

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
        auto const note = [&](LinkBase& link) { outputs.push_back(&link); };
        std::apply([&](auto const&... out) { (out.each_link(note), ...); }, made.outputs());
        stages_.push_back({std::move(row), std::make_unique<Owned<S>>(std::move(stage)),
                           std::move(runner), std::move(inputs), std::move(outputs)});
        return made;
    }

    std::string first_fault() const;
    std::string first_cycle() const;
    void assign_threads();
    Entry const* end_of(LinkBase const& link, bool writer) const;

    Clock const& clock_;
    Switchboard const& switchboard_;
    Idle const idle_;
    MakePoller const make_poller_;
    MetricsBook metrics_;
    // Declared before stages_ and links_, so destroyed after them: stages hold streams of the
    // drivers' pollers.
    std::vector<std::unique_ptr<Driver>> drivers_;
    std::vector<std::unique_ptr<LinkBase>> links_;
    std::vector<Entry> stages_;
    std::vector<std::thread> threads_;
};

} // namespace pipeline
