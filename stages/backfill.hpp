// Plans the reading of finalized blocks by height: which hashes and which blocks to ask for, in
// which order they are told, what an endpoint turns out not to have. Pure: no I/O, no clock of its
// own, no bytes of blocks.
//
//   in    want(), hashes(), block(), gone(), limited(), ...    what is wanted, what the node said
//   out   ask(now)      one question to ask, or none
//         ready()       the block that is told next, when it is here; then given()
//         missing()     a stretch that nobody gives
//
// Blocks are told in ascending order and each must name the one below it as its parent. What was
// told lately is not asked for again although it is wanted still: the ledger runs behind. Questions
// are bounded in number and in estimated bytes; the bound grows by one with each block and halves
// when the node says that it is asked too much.
//
// A state that is gone: state is pruned from below, so the lowest block that is still there is
// found by bisection; without it a million refusals would be collected one by one. One thread.
#pragma once

#include "pipeline/types.hpp"
#include "stages/messages.hpp"

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace stages {

using pipeline::Nanoseconds;

struct BackfillOptions {
    std::size_t hashes_max = 256;   // numbers in one question
    std::size_t hashes_ahead = 512; // blocks planned before their turn
    std::size_t window_first = 8;   // questions about blocks open at once, to begin with
    std::size_t window_max = 48;
    std::size_t bytes_max = std::size_t{16} << 20;         // asked for, or waiting to be told
    Nanoseconds told_again = 30 * pipeline::second;        // a block told is not asked for before
    Nanoseconds missing_again = 600 * pipeline::second;    // nor one that nobody has
    Nanoseconds retry_first = 500 * pipeline::millisecond; // doubles with each failure
    Nanoseconds pause_max = 60 * pipeline::second;         // between questions, when limited
};

struct BackfillAsk {
    enum class Kind : std::uint8_t {
        none,
        hashes, // of `numbers`
        block,  // `hash`, `number`
    };
    Kind kind = Kind::none;
    std::uint32_t id = 0; // of a question for hashes
    std::uint32_t number = 0;
    Hash hash{};
    std::span<std::uint32_t const> numbers{}; // valid until the next call of anything
};

class Backfill {
  public:
    static constexpr unsigned attempts_max = 5; // at one block, on one connection
    static constexpr std::size_t settled_max = 1'024;

    explicit Backfill(BackfillOptions const& options);

    // ---- what is wanted; takes the place of what was
    void want(std::span<Stretch const> stretches, Nanoseconds now);
    bool wanting() const { return !todo_.empty() || !slots_.empty(); }
    std::optional<std::uint32_t> lowest() const; // still to be told
    std::uint64_t left() const;
    std::size_t open() const { return asked_; } // questions about blocks
    // Everything left lies above what the node has finalized.
    bool ahead_of_node() const;

    // ---- the connection
    void connected(std::uint32_t finalized); // to a node that has finalized that much
    void finalized(std::uint32_t finalized) { finalized_ = finalized; }
    void disconnected();               // every open question will be asked again
    void be_careful() { window_ = 1; } // one question at a time, to see which one does harm

    // ---- what the node said
    // The answer to the question with this id, in the order of its numbers; null: not known. False:
    // a different count than asked for.
    bool hashes(std::uint32_t id, std::span<std::optional<Hash> const> answer);
    void hashes_again(std::uint32_t id); // no answer; the numbers are asked for again
    void no_lists() { lists_ = false; }  // from now on numbers are asked for one by one
    // An answer about this block is being waited for.
    bool wants(std::uint32_t number) const;
    bool holds(std::uint32_t number) const; // the same, or it is here and was not told yet
    void block(std::uint32_t number, Hash const& parent, std::size_t bytes);
    void block_again(std::uint32_t number); // no answer; it is asked for again
    void gone(std::uint32_t number);        // the node does not have its state, or it at all
    // An error. True: that was the last attempt on this connection.
    bool failed(std::uint32_t number, Nanoseconds now);
    // A question was refused because there were too many. `retry`: the node's own word on when to
    // ask again, 0 if it gave none.
    void slow_down(Nanoseconds asked_at, Nanoseconds now, Nanoseconds retry);
    unsigned limits_in_a_row() const { return limits_in_a_row_; }

    // ---- what follows from it
    BackfillAsk ask(Nanoseconds now);
    // The next time after `now` at which ask() may have more; `never`: only after an answer.
    Nanoseconds next_time(Nanoseconds now) const;

    struct Ready {
        std::uint32_t number = 0;
        Hash hash{};
        Hash parent{};
        bool contradicts = false; // what was told before it is not its parent
    };
    std::optional<Ready> ready() const;
    void given(Nanoseconds now); // ready() was told
    void distrust(); // nothing this node said is kept, and the next is not held against it

    // After a bisection: up to which height this node has nothing; once.
    std::optional<std::uint32_t> pruned();
    // Everything wanted within `range` is missing, and is not asked for again for a while.
    void give_up(Stretch range, std::string const& why, Nanoseconds now);
    struct Lost {
        Stretch stretch{};
        std::string why;
    };
    std::optional<Lost> missing() const;
    void missing_told() { missing_.pop_front(); }

  private:
    enum class State : std::uint8_t { unnamed, naming, named, asked, here };
    struct Slot {
        std::uint32_t number = 0;
        State state = State::unnamed;
        std::uint8_t attempts = 0;
        Hash hash{};
        Hash parent{};
        std::size_t bytes = 0;
        Nanoseconds not_before = 0;
    };
    struct Settled {
        Stretch stretch;
        Nanoseconds until = 0;
    };
    struct Probe { // blocks up to `low` are gone, `high` is not (or was never wanted)
        std::uint32_t low = 0;
        std::uint32_t high = 0;
        Slot slot{}; // what is being looked at
    };
    struct Batch { // an open question for hashes
        std::uint32_t id = 0;
        std::vector<std::uint32_t> numbers;
    };
    struct Last {
        std::uint32_t number = 0;
        Hash hash{};
    };

    Slot* find(std::uint32_t number);
    Slot const* find(std::uint32_t number) const {
        return const_cast<Backfill*>(this)->find(number);
    }
    void settle(Stretch stretch, Nanoseconds until);
    void put_back(State up_to);
    void set_state(Slot& slot, State state);
    void refill();
    void end_probe();
    BackfillAsk ask_numbers(std::vector<std::uint32_t> numbers);
    BackfillAsk ask_hashes(Nanoseconds now);
    BackfillAsk ask_probe(Nanoseconds now);
    void probe_further();
    bool window_open() const;

    BackfillOptions const options_;
    std::vector<Stretch> todo_; // wanted, not in slots_; ascending, disjoint
    std::deque<Slot> slots_;    // ascending
    std::deque<Settled> settled_;
    std::deque<Lost> missing_;
    std::vector<Batch> batches_;
    std::uint32_t next_id_ = 1;
    std::optional<Probe> probe_;
    std::optional<std::uint32_t> pruned_;
    std::optional<Last> last_; // told last
    bool connected_ = false;
    bool lists_ = true;
    std::uint32_t finalized_ = 0;
    std::size_t asked_ = 0;
    std::size_t here_ = 0;
    std::size_t here_bytes_ = 0;
    std::size_t average_bytes_;
    std::size_t window_;
    Nanoseconds paused_until_ = 0;
    Nanoseconds limited_at_ = 0;
    unsigned limits_in_a_row_ = 0;
};

} // namespace stages
