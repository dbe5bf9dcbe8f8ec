// Drives one stage: checks credit *before* a message is taken and pops it *after* it was handled,
// so emit() cannot fail, nothing is ever half done, and a crash leaves the message in its link.
//
// One virtual call per turn, none per message. turn() is called by the thread that owns the stage.
#pragma once

#include "pipeline/metrics.hpp"
#include "pipeline/stage.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace pipeline {

enum class RunnerMetric { messages, turns_busy, turns_backpressured };

inline constexpr std::array runner_metrics{
    MetricRow{"spyhop_stage_messages_total", MetricKind::counter, "Messages a stage has handled."},
    MetricRow{"spyhop_stage_busy_turns_total", MetricKind::counter, "Turns that found work."},
    MetricRow{"spyhop_stage_backpressured_turns_total", MetricKind::counter,
              "Turns that left work behind because an output had no room."},
};

// Most messages taken from one link in a turn, so that one busy link cannot starve the thread; a
// stage whose turn has a price of its own says how many it takes for it.
inline constexpr int batch_max = 64;

template <class S>
constexpr int batch_of() {
    if constexpr (requires { S::messages_a_turn; })
        return S::messages_a_turn;
    else
        return batch_max;
}

class RunnerBase {
  public:
    virtual ~RunnerBase() = default;
    // True if anything was done.
    virtual bool turn(Turn const& turn) = 0;
    // Something could be done right now (asked once more before a thread parks).
    virtual bool ready() const = 0;
    virtual Nanoseconds next_deadline() const = 0;
};

template <Stage S>
class Runner final : public RunnerBase {
  public:
    Runner(S& stage, MetricsPage& metrics)
        : stage_(stage)
        , metrics_(metrics) {}

    template <Message M>
        requires Handles<S, M>
    void read(Link<M>& link) {
        inputs_.push_back({&link, &take<M>, &waiting<M>});
    }

    bool turn(Turn const& turn) override {
        bool worked = false;
        starved_ = false;
        for (Input const& input : inputs_) {
            // A message begun is finished first: stages keep their place in it.
            if (unfinished_ != nullptr && unfinished_ != input.link) continue;
            for (int i = 0; i < batch_of<S>() && may_take(); ++i) {
                if (!input.take(*this, input.link, turn)) break;
                worked = true;
            }
        }
        if constexpr (Ticks<S>)
            for (int i = 0; i < batch_max && has_credit(); ++i) {
                if (!stage_.tick(turn)) break;
                worked = true;
            }
        if constexpr (HasUpkeep<S>) stage_.upkeep(turn);
        if (worked) metrics_.add(RunnerMetric::turns_busy);
        if (starved_) metrics_.add(RunnerMetric::turns_backpressured);
        return worked;
    }

    bool ready() const override {
        // A stage that had no credit may hold work of its own, which no input shows: without this
        // look, room made between its turn and its sleep would go unnoticed for ever.
        if (starved_ && credit() >= S::max_burst) return true;
        bool const waiting = std::any_of(inputs_.begin(), inputs_.end(), [](Input const& input) {
            return input.waiting(input.link);
        });
        return waiting && accepting() && credit() >= S::max_burst;
    }

    Nanoseconds next_deadline() const override {
        if constexpr (HasDeadline<S>) return stage_.next_deadline();
        return never;
    }

  private:
    struct Input {
        LinkBase* link;
        bool (*take)(Runner&, LinkBase*, Turn const&);
        bool (*waiting)(LinkBase*);
    };

    template <Message M>
    static bool take(Runner& runner, LinkBase* base, Turn const& turn) {
        auto& link = static_cast<Link<M>&>(*base);
        M const* const message = link.front();
        if (!message) return false;
        Part<M> part{*message, {}};
        if constexpr (Link<M>::has_payload) part.payload = link.payload(*message);
        if constexpr (HandlesInSteps<S, M>) {
            bool const finished = runner.stage_.on(part, turn);
            runner.unfinished_ = finished ? nullptr : base;
            if (!finished) return true;
        } else {
            runner.stage_.on(part, turn);
        }
        link.pop();
        runner.metrics_.add(RunnerMetric::messages);
        return true;
    }

    template <Message M>
    static bool waiting(LinkBase* base) {
        return static_cast<Link<M>*>(base)->waiting() > 0;
    }

    std::size_t credit() const {
        return std::apply(
            [](auto const&... out) { return std::min({~std::size_t{0}, out.credit()...}); },
            stage_.outputs());
    }

    bool has_credit() {
        bool const enough = credit() >= S::max_burst;
        starved_ = starved_ || !enough;
        return enough;
    }

    bool may_take() { return has_credit() && accepting(); }

    bool accepting() const {
        if constexpr (MayRefuse<S>) return stage_.accepting();
        return true;
    }

    S& stage_;
    MetricsPage& metrics_;
    std::vector<Input> inputs_;
    LinkBase const* unfinished_ = nullptr; // whose front has been begun
    bool starved_ = false;                 // in the last turn there was no credit
};

} // namespace pipeline
