// What must be true of the alerts of one chain, worked out naively from what the chain truly holds:
// no decoder, no window, no cursor, only a loop over transfers.
//
// At every step, of each line that is new in the stream:
//   truth     it names a transfer that was meant, at its place, with its accounts, amount, severity
//             and id; of a block that was left only as `seen` or `retracted`
//   finality  hybrid says `final` only of what a node has finalized, and of that very block
//   order     an alert goes seen, final or seen, retracted, seen, ...; no state is said twice
//   speaker   whoever says it first is whose turn it was (speakers.hpp), or stands in for it
//
// After everything has healed, up to a block: every transfer over the threshold is `final`, nothing
// else is, nothing is left `seen`; the ledger has no hole and its digest is that of the chain; the
// journal is the stream.
//
// One thread; borrows the chain and the speakers.
#pragma once

#include "chain.hpp"
#include "scenario.hpp"
#include "speakers.hpp"

#include "stages/ledger_view.hpp"

#include <functional>
#include <map>
#include <optional>
#include <simdjson.h>

namespace sim {

struct Told { // a line of the stream
    std::string chain, rule, id, state, severity, path, hash, from, to, amount;
    std::uint32_t block = 0;
    std::uint32_t event_index = 0;
    std::uint32_t epoch = 0;
    bool fallback = false;
    bool amended = false;
    std::string sum; // of a pattern
    std::uint64_t parties = 0;
};

// Reads the stream, a line once.
class StreamReader {
  public:
    // False: there is none yet. trouble() says if it is no line.
    bool next(std::string_view stream, Told& told);
    std::string const& trouble() const { return trouble_; } // empty: all is well
    // The end of the stream was lost: it is read again from its start.
    void stream_was_cut() { read_ = lines_ = 0; }
    std::uint64_t lines() const { return lines_; }
    std::string_view last() const { return last_; }

  private:
    simdjson::dom::parser parser_;
    std::size_t read_ = 0; // bytes of the stream
    std::uint64_t lines_ = 0;
    std::string_view last_;
    std::string trouble_;
};

class Oracle {
  public:
    Oracle(Scenario const& scenario, std::size_t index, Chain& chain, Speakers const& speakers);

    // Nothing, or what is wrong. `finalized`: the highest block any node has finalized.
    std::optional<std::string> judge(Told const& told, std::uint32_t finalized);
    // Everything is told again, from the first line on.
    void begin_anew();

    // What lacks yet; nothing: all is said up to this block.
    std::optional<std::string> lacks(std::uint32_t last) const;
    std::optional<std::string> ledger(stages::LedgerView const& view, std::uint32_t last) const;

    std::uint64_t alerts() const { return states_.size(); }
    std::uint64_t wrong_rows() const { return wrong_rows_; } // told by legacy, as it was told

  private:
    struct State {
        std::string state;
        std::uint32_t block = 0;
        bool legacy = false; // it was said by legacy last
    };
    Sent const* find(Told const& told, std::uint32_t meant_in, u128 factor) const;
    std::optional<std::string> lacks(Sent const& sent, std::string_view rule) const;
    std::optional<std::uint32_t> forked_from(std::uint32_t block) const;
    bool garbled(std::uint32_t block) const;
    std::optional<std::string> digest(stages::LedgerView const& view, std::uint32_t last) const;

    Scenario const& scenario_;
    std::size_t const index_; // of the chain
    Chain& chain_;
    Speakers const& speakers_;
    std::map<std::string, State> states_; // by id
    std::uint64_t wrong_rows_ = 0;
};

std::string decimal(u128 value);

// The id of an alert as interface.md section 5 has it, in hex.
std::string alert_id_text(Hash const& genesis, Sent const& sent, std::string_view rule);

} // namespace sim
