// Which finalized blocks of one chain have passed the pipeline: ranges of blocks linked by parent
// hash, each with a digest of its events, and the holes between them. Pure; one thread; the journal
// keeps it on disk.
//
//    covered 1..8 ─ hole 9..11 (pruned) ─ covered 12..40 ─ hole 41 (not read yet) ─ covered 42..
//
// A block joins the range whose last hash is its parent, whether blocks come upward or fill a gap
// downward; ranges that meet become one. A block that contradicts a neighbour by hash is refused.
//
// The digest of a range is the sum, modulo 2^256, of BLAKE2b-256(number as u32 LE ‖ block hash ‖
// BLAKE2b-256 of the System.Events value) over its blocks, the hash read as a little-endian number.
// A sum does not care in which order blocks came, so that two ranges can be joined without reading
// them again, which a running hash could not; and unlike XOR it shows a block counted twice. The
// order of the blocks is proven by the links, not by the digest.
#pragma once

#include "pipeline/types.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stages {

using pipeline::Checksum;
using pipeline::Hash;

using Digest = std::array<std::uint8_t, 32>;

Digest block_digest(std::uint32_t number, Hash const& hash, Checksum const& events);
void add_digest(Digest& sum, Digest const& term);

struct CoveredRange {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    Hash from_parent{};
    Hash to_hash{};
    std::uint64_t blocks = 0;
    Digest digest{};
    bool changed = false; // since saved()
};

struct Hole {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    std::string reason; // why it is one
    std::string action; // what is being done about it
    friend bool operator==(Hole const&, Hole const&) = default;
};

enum class Covered {
    added,
    known,    // it was covered already
    conflict, // its hash or its parent's is not what the neighbours say
    untold,   // its events have not passed, so it cannot be covered
    no_room,  // more separate ranges than ranges_max
};

class Coverage {
  public:
    static constexpr std::size_t ranges_max = 4'096;
    static constexpr std::size_t notes_max = 256; // explained holes; the oldest is forgotten
    static constexpr std::size_t note_bytes_max = 256;

    Covered add(std::uint32_t number, Hash const& hash, Hash const& parent, Digest const& digest);
    // What is to be said of the blocks from..to while they are a hole. Later words replace earlier.
    void explain(std::uint32_t from, std::uint32_t to, std::string_view reason,
                 std::string_view action);

    std::span<CoveredRange const> ranges() const { return ranges_; } // ascending
    // Between `first` and the last covered block. Unexplained ones are "not read yet".
    std::vector<Hole> holes(std::uint32_t first) const;

    // ---- for the journal
    void restore(CoveredRange const& range); // in ascending order
    void restore(Hole note) { notes_.push_back(std::move(note)); }
    std::span<std::uint32_t const> removed() const { return removed_; } // `from` of gone ranges
    std::span<Hole const> notes() const { return notes_; }
    bool notes_changed() const { return notes_changed_; }
    bool changed() const { return changed_ || notes_changed_; }
    void saved();

  private:
    void split_gap(std::uint32_t from, std::uint32_t to, std::vector<Hole>& out) const;
    void forget_filled_notes();

    std::vector<CoveredRange> ranges_;
    std::vector<Hole> notes_; // later ones win
    std::vector<std::uint32_t> removed_;
    bool changed_ = false;
    bool notes_changed_ = false;
};

} // namespace stages
