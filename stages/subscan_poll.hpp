// What to ask Subscan about one chain's transfers, and what follows from the answers. Pure: no I/O,
// no JSON, no clock of its own.
//
//        every 30 s
//   ───▶ head ──▶ a range of blocks, page by page ──▶ complete: what is new is told ──▶ next range
//          ▲                    │ a fault: the page is asked again, until it is there       │
//          └────────────────────┴───────────────────── the newest block is reached ◀────────┘
//
// A poll asks for every block that is not settled, up to the newest: so each block is read again
// and again until it is final and was read as final by two polls (one that is far below, once).
// That bears rows that come late, come twice, or move from page to page while they are read. Only
// what is new or different is told:
//
//   row       new, or final now (BlockRef::finalized)
//   gone      a reading of a block that is not final has been replaced: what it held and the newer
//             one does not was a fork's
//   settled   up to here nothing can come any more; the place to go on after a restart
//
// A reading is named by its block's hash, which is made of number and generation because Subscan
// does not tell the real one. Paging by after_id; pages that do not move on are asked for by
// number.
// A page shorter than its limit ends the range: `count` is not relied on.
//
// Memory: the rows of the range being read (rows_max, else the range is halved) and one small entry
// a row that is not settled (told_max, else no newer block is asked for). One thread.
#pragma once

#include "stages/messages.hpp"

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

namespace stages {

struct SubscanPollOptions {
    Nanoseconds every = 30 * pipeline::second;
    std::optional<std::uint32_t> resume{}; // settled by an earlier run
    std::optional<std::uint32_t> start{}; // where there was none: the first block; absent: the head
    bool finalized_only = false;          // nothing is told before it is final
    std::uint32_t finality_depth = 32; // below the head, where Subscan does not say what is final
    std::uint32_t deep = 256;          // so far below the final head one reading is enough
    std::uint32_t range_max = 4'096;   // blocks in one question
    std::size_t page_rows = 100;       // Subscan's most
    std::size_t rows_max = 10'000;     // of a range
    std::size_t told_max = 200'000;
    Nanoseconds retry_first = pipeline::second; // doubled with each failure in a row
    Nanoseconds retry_max = 60 * pipeline::second;
    Nanoseconds hopeless_pause = 600 * pipeline::second; // after a refusal that will be repeated
};

struct SubscanAskNext {
    enum class Kind : std::uint8_t { none, head, page };
    using After = std::pair<std::uint32_t, std::uint32_t>; // block, event index

    Kind kind = Kind::none;
    std::uint32_t from = 0; // of a page's range; both included
    std::uint32_t to = 0;
    std::optional<After> after{};
    std::uint32_t page = 0; // by number, where after_id does not work
};

class SubscanPoll {
  public:
    using Event = std::variant<Transfer, Abandoned, Settled>;
    using After = SubscanAskNext::After;

    explicit SubscanPoll(SubscanPollOptions const& options)
        : options_(options)
        , settled_(options.resume)
        , range_blocks_(options.range_max) {}

    // What to ask now; `none` while a question is open, while a page of events waits, or before its
    // time.
    SubscanAskNext ask(Nanoseconds now);
    Nanoseconds next_time() const; // `never` while a question is open

    // Answers to the open question.
    void head(std::uint32_t best, std::optional<std::uint32_t> finalized, Nanoseconds now);
    // rows: those that count. in_page: all that came. last: of the page, for after_id.
    void page(std::span<Transfer const> rows, std::size_t in_page, std::optional<After> last,
              Nanoseconds now);
    enum class Failure : std::uint8_t {
        passing,  // asked again soon
        heavy,    // the same, but less at a time
        hopeless, // asked again unchanged it would be refused again: after a long pause
        held,     // not sent, or not now: asked again at once, whoever holds it decides when
    };
    void failed(Failure failure, Nanoseconds now);

    // What has to be told next. Taken one at a time.
    Event const* next() const { return events_.empty() ? nullptr : &events_.front(); }
    void told() { events_.pop_front(); }

    void stretch(double factor) { stretch_ = factor; } // of the time between polls, >= 1

    std::uint32_t best() const { return best_; }
    std::uint32_t finalized() const { return finalized_; }
    std::uint32_t settled() const { return settled_.value_or(0); }
    bool started() const { return settled_.has_value(); }
    bool behind() const { return behind_; }         // the last poll has not reached the head yet
    unsigned failures() const { return failures_; } // in a row
    Nanoseconds every() const;
    std::uint64_t contradictions() const { return contradictions_; } // final rows that changed
    std::size_t remembered() const { return told_.size(); }

    // A reading's name.
    static Hash reading(std::uint32_t number, std::uint32_t generation);

  private:
    enum class State : std::uint8_t { idle, head_due, head_asked, page_due, page_asked };
    struct Place {
        std::uint32_t block = 0;
        std::uint32_t event = 0;
        friend auto operator<=>(Place const&, Place const&) = default;
    };
    struct Told {
        std::uint64_t digest = 0; // of what the row says
        bool final = false;
    };
    struct Range {
        std::uint32_t from = 0, to = 0;
        std::optional<After> after;
        std::uint32_t page = 0;
        bool by_number = false;
        std::map<Place, Transfer> rows;
    };

    void open_range(std::uint32_t from);
    void range_complete(Nanoseconds now);
    void poll_complete(Nanoseconds now);
    void tell_block(std::uint32_t number, std::span<Transfer const> rows);
    void tell_open_block(std::uint32_t number, std::span<Transfer const> rows);
    void tell_final_block(std::uint32_t number, std::span<Transfer const> rows);
    void push(Transfer row, std::uint32_t generation, bool final);
    void settle(std::uint32_t number);
    bool halve();

    SubscanPollOptions const options_;
    State state_ = State::head_due;
    std::optional<std::uint32_t> settled_;
    std::uint32_t best_ = 0;
    std::uint32_t finalized_ = 0;
    std::uint32_t final_before_ = 0; // at the poll before this one, if that was whole
    std::uint32_t range_blocks_;
    Range range_;
    std::map<Place, Told> told_;                         // above settled_
    std::map<std::uint32_t, std::uint32_t> generations_; // of blocks told while not final
    std::deque<Event> events_;
    Nanoseconds due_ = 0;
    Nanoseconds begun_ = 0; // the poll
    double stretch_ = 1;
    unsigned failures_ = 0;
    bool behind_ = false;
    std::uint64_t contradictions_ = 0;
};

} // namespace stages
