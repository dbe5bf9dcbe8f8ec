// The states an alert goes through, and which of them are worth a line.
//
//        a match in a best block            its block is final
//   ───▶ seen ─────────────────────────────▶ final
//         │ ▲
//         │ └── the event comes back at the same place
//         └───▶ retracted        every block that held it was abandoned
//
// One alert may sit in several blocks of competing forks: its id does not name the block. It is
// said once, and retracted only when none of them is left. A block is abandoned when it is said to
// be, or when another one of its height is final.
//
// Pull style: begin() takes a verdict, next() gives the lines that follow from it, one at a time,
// so that a slow sink can stop in between. Bounded: at most `capacity` alerts wait for finality;
// beyond that the oldest are let go, counted, and their heights given to whoever asks
// (take_forgotten), because the journal still knows them. The same for what a run of the other
// process has said that has ended (forget). One thread.
#pragma once

#include "stages/messages.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <optional>
#include <vector>

namespace stages {

enum class AlertState : std::uint8_t { seen, final, retracted };
std::string_view to_text(AlertState state);

struct AlertLine {
    Alert alert;
    AlertState state{};
};

// A height of a chain.
struct Place {
    std::uint16_t chain = 0;
    std::uint32_t number = 0;
    friend auto operator<=>(Place const&, Place const&) = default;
};

class Lifecycle {
  public:
    explicit Lifecycle(std::size_t capacity)
        : capacity_(capacity) {
        CHECK(capacity > 0);
    }

    void begin(Verdict const& verdict);
    std::optional<AlertLine> next();

    // Lets go of everything that waits in this chain. Called when next() has given all.
    void forget(std::uint16_t chain);

    // Further lines of the alert will say what this one knows. Its state; nothing: its record is
    // gone.
    std::optional<AlertState> amend(Alert const& alert, std::uint16_t chain);

    std::size_t waiting() const { return by_id_.size(); }  // alerts not yet final
    std::uint64_t forgotten() const { return forgotten_; } // for want of room
    std::vector<Place> take_forgotten() { return std::exchange(forgotten_at_, {}); }

  private:
    // With the chain behind it: the same chain may be watched under two names.
    template <std::size_t N>
    struct Of {
        std::array<std::uint8_t, N> name{};
        std::uint16_t chain = 0;
        friend bool operator==(Of const&, Of const&) = default;
    };
    using Id = Of<16>;
    using Block = Of<32>;
    struct Known {
        std::uint32_t blocks = 0; // living blocks that hold it
        AlertState state{};
    };
    struct Held { // by one block
        Place place{};
        std::vector<Alert> alerts;
    };
    struct Settling {
        std::uint16_t chain = 0;
        std::vector<Alert> alerts;
        AlertState state{};
    };
    struct Uniform { // ids and block hashes are hashes already
        template <class Bytes>
        std::size_t operator()(Bytes const& bytes) const {
            std::size_t first = 0;
            std::memcpy(&first, bytes.name.data(), sizeof first);
            return first ^ bytes.chain;
        }
    };

    void arrived(Alert const& alert, std::uint16_t chain);
    void settle(Block const& block, AlertState state);
    void abandon_siblings(Place const& place);
    std::optional<AlertLine> settled(Alert const& alert, Settling const& of);
    void forget_oldest();
    void forget(Block const& block);

    std::size_t const capacity_;
    boost::unordered_flat_map<Id, Known, Uniform> by_id_;
    boost::unordered_flat_map<Block, Held, Uniform> by_block_;
    std::deque<Block> oldest_first_; // blocks with living alerts, as they came
    std::size_t held_ = 0;           // alerts in by_block_
    std::deque<Settling> settling_;  // blocks whose fate is known and not yet said
    std::size_t settled_ = 0;        // alerts of the first of them that have been said
    std::optional<AlertLine> fresh_;
    std::uint64_t forgotten_ = 0;
    std::vector<Place> forgotten_at_;
};

} // namespace stages
