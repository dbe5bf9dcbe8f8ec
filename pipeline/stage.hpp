// What a stage is: a plain aggregate that handles one message at a time.
//
//   struct Decode {
//       static constexpr std::uint32_t max_burst = 2;      // most records one call emits per
//       output Out<Movement> movements;                           // forgotten output: does not
//       compile auto outputs() { return std::tie(movements); }
//       void on(Part<Frame> const& frame, Turn const&);    // one per kind of input; may return
//       bool:
//                                                          // false = not done, call again with it
//       bool tick(Turn const&);                            // optional: own initiative, may emit
//       void upkeep(Turn const&);                          // optional: may not emit
//       bool accepting() const;                            // optional: false leaves input in the
//       link Nanoseconds next_deadline() const;                 // optional: when tick wants to run
//   };
//
// No base class, no registration: a concept checks it and a Runner drives it on one thread.
#pragma once

#include "pipeline/link.hpp"
#include "pipeline/switchboard.hpp"

#include <concepts>
#include <tuple>

namespace pipeline {

// One pass of a thread over its stages. Time and regime are read once and hold for the whole pass.
struct Turn {
    Nanoseconds now = 0; // monotonic
    std::uint64_t unix_ms = 0;
    Regime regime;
    bool draining = false; // the service is ending: sources fall silent, everything else empties
};

// A message as a stage gets it: the record, and the payload bytes that travel with it (empty where
// its link has no arena). The bytes belong to the link, are padded for simdjson, may be changed in
// place, and are gone after on() returns.
template <Message M>
struct Part {
    M const& message;
    MutableBytes payload;

    M const* operator->() const { return &message; }
};

template <class S>
concept Stage = requires(S& stage) {
    { S::max_burst } -> std::convertible_to<std::uint32_t>;
    stage.outputs();
} && !std::copy_constructible<S>;

template <class S, class M>
concept Handles =
    Stage<S> && Message<M> && requires(S& stage, Part<M> const& part, Turn const& turn) {
        requires std::same_as<decltype(stage.on(part, turn)), void> ||
                     std::same_as<decltype(stage.on(part, turn)), bool>;
    };

// A stage whose on() returns bool works through a large message in steps of at most max_burst
// records: false leaves the message at the front, and on() gets it again as soon as there is
// credit.
template <class S, class M>
concept HandlesInSteps =
    Handles<S, M> && requires(S& stage, Part<M> const& part, Turn const& turn) {
        { stage.on(part, turn) } -> std::same_as<bool>;
    };

template <class S>
concept Ticks = requires(S& stage, Turn const& turn) {
    { stage.tick(turn) } -> std::same_as<bool>; // true: there may be more to do at once
};

template <class S>
concept HasUpkeep = requires(S& stage, Turn const& turn) {
    { stage.upkeep(turn) } -> std::same_as<void>;
};

template <class S>
concept MayRefuse = requires(S const& stage) {
    { stage.accepting() } -> std::same_as<bool>;
};

template <class S>
concept HasDeadline = requires(S const& stage) {
    { stage.next_deadline() } -> std::same_as<Nanoseconds>;
};

// Stages stay where they were built: outputs and completions point into them.
struct Pinned {
    Pinned() = default;
    Pinned(Pinned const&) = delete;
    Pinned& operator=(Pinned const&) = delete;
};

} // namespace pipeline
