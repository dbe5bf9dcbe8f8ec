// What the parts of the journal share: a chain's state in memory, the prepared statements, and
// hashes as the text they are on disk. For journal*.cpp alone; one thread, owned by the Journal.
#pragma once

#include "decoders/hex.hpp"
#include "stages/journal.hpp"

namespace stages {

// Hex digits on the stack, for binding: "0x..." unless they are an alert's id.
template <std::size_t N>
class HexText {
  public:
    explicit HexText(std::array<std::uint8_t, N> const& bytes) {
        decoders::hex_encode(bytes, text_ + 2);
    }
    std::string_view view() const { return {text_, sizeof text_}; }
    std::string_view digits() const { return {text_ + 2, 2 * N}; }

  private:
    char text_[2 + 2 * N] = {'0', 'x'};
};

// False when the text is not exactly that many bytes in hex.
template <std::size_t N>
bool read_hex(std::string_view text, std::array<std::uint8_t, N>& out) {
    auto const size = decoders::hex_decode(text, out);
    return size && *size == N;
}

struct Journal::Chain {
    Hash genesis{};
    std::string key; // in the tables: the genesis, with the name where it has a second one
    bool entered = false;
    std::string name;
    std::optional<std::uint32_t> start;
    std::optional<BlockPoint> cursor;
    std::optional<std::uint32_t> legacy;
    Coverage coverage;
    bool changed = false; // name, start, cursor or legacy
    std::vector<BlockDone> incomplete;
    std::vector<BlockPoint> completed;

    // Blocks that wait for finality: a ring, in which a new one takes the place of the oldest.
    void remember(BlockDone const& block, std::size_t told_max);
    std::optional<BlockDone> take(Hash const& hash);

  private:
    struct HashOfHash { // a block hash is one already
        std::size_t operator()(Hash const& hash) const {
            std::size_t first = 0;
            std::memcpy(&first, hash.data(), sizeof first);
            return first;
        }
    };
    std::vector<BlockDone> ring_;
    std::size_t next_ = 0;
    boost::unordered_flat_map<Hash, std::size_t, HashOfHash> places_;
};

struct Journal::Statements {
    // alerts
    io::Statement last_state, close_alert, insert_alert, insert_amendment, sequence;
    io::Statement open_alerts, open_alerts_at, rows_after, rows_up_to, rows_of, last_seq,
        last_seq_of;
    // chains
    io::Statement load_chains, save_chain;
    io::Statement load_ranges, delete_range, save_range;
    io::Statement load_notes, delete_notes, save_note;
    io::Statement load_incomplete, delete_incomplete, save_incomplete;
    // sinks
    io::Statement load_marks, save_mark;

    Result<void> prepare(io::Database& database);
};

} // namespace stages
