// Payload bytes that travel beside a link: one contiguous ring, written by the link's writer,
// released in order by its reader. A frame never wraps, so a reader sees one flat span, and keeps
// `json_padding` bytes behind it.
//
//      released                     head
//   ───┬──────────[ frame ][ frame ]┬──────────────┬───
//      │ in flight                  │ free         │ capacity (positions count up for ever,
//   ───┴────────────────────────────┴──────────────┴───  offset = position % capacity)
//
// When nothing is in flight the writer starts over at offset 0: small payloads keep using the same
// few pages, so a large arena costs memory only while it is needed.
//
// Threads: reserve/commit by the writer, at/release by the reader. Nothing here blocks. With a
// region writer and reader may be processes; what either left when it died is put right by
// resume_at() and release(), before another takes its place.
#pragma once

#include "pipeline/check.hpp"
#include "pipeline/region.hpp"
#include "pipeline/types.hpp"

#include <algorithm>
#include <atomic>

namespace pipeline {

// Where a message's payload lies. `end` is the position the reader releases up to.
struct Payload {
    std::uint64_t position = 0;
    std::uint64_t end = 0;
    std::uint32_t size = 0; // bytes, without padding
    std::uint32_t reserved = 0;
};

class Arena {
  public:
    // capacity in bytes; 0 for links without payload.
    explicit Arena(std::size_t capacity, Region* region = nullptr)
        : capacity_(capacity)
        , bytes_(place_bytes(region, capacity, json_padding))
        , ends_(place<Ends>(region)) {}
    Arena(Arena const&) = delete;
    Arena& operator=(Arena const&) = delete;

    std::size_t capacity() const { return capacity_; }

    // The largest payload that can ever fit.
    std::size_t largest() const { return capacity_ > json_padding ? capacity_ - json_padding : 0; }

    // Writer: room for `size` bytes, contiguous and padded; empty if it does not fit just now.
    // Reserving again before commit() replaces the reservation.
    MutableBytes reserve(std::size_t size) {
        if (size > largest()) return {};
        std::uint64_t const need = size + json_padding;
        // acquire: pairs with the release in release(); the reader is done with those bytes.
        std::uint64_t const released = ends_->released.load(std::memory_order_acquire);
        std::uint64_t start = ends_->head;
        std::uint64_t const offset = start % capacity_;
        bool const empty = released == ends_->head;
        if (offset != 0 && (empty || offset + need > capacity_)) start += capacity_ - offset;
        if (empty) ends_->free_from = start; // what was skipped holds nothing
        if (start + need - std::max(released, ends_->free_from) > capacity_) return {};
        ends_->reserved = start;
        return {bytes_.get() + start % capacity_, size};
    }

    // Writer: keeps the first `size` bytes of the last reservation.
    Payload commit(std::size_t size) {
        ends_->head = ends_->reserved + size + json_padding;
        return {ends_->reserved, ends_->head, static_cast<std::uint32_t>(size), 0};
    }

    // Reader: the bytes of a payload; valid until release().
    MutableBytes at(Payload const& payload) {
        if (payload.size == 0) return {};
        return {bytes_.get() + payload.position % capacity_, payload.size};
    }

    // Reader: everything up to this payload may be overwritten.
    void release(Payload const& payload) {
        // release: pairs with the acquire in reserve().
        if (payload.end) ends_->released.store(payload.end, std::memory_order_release);
    }

    // In the place of a dead writer, whose last message that anybody will see ended here: what it
    // reserved or committed behind that is free again.
    void resume_at(std::uint64_t end) {
        ends_->head = end;
        // While something is in flight, nothing lies before it anyway.
        ends_->free_from = std::min(ends_->free_from, end);
    }
    // Where everything has been released up to; the writer starts there if nothing was ever pushed.
    std::uint64_t released() const {
        return ends_->released.load(std::memory_order_acquire); // pairs with release()
    }

  private:
    struct Ends {
        std::uint64_t head = 0;      // writer only
        std::uint64_t reserved = 0;  // writer only
        std::uint64_t free_from = 0; // writer only: nothing before this position is in flight
        alignas(64) std::atomic<std::uint64_t> released{0};
    };

    std::size_t const capacity_;
    PlacedBytes const bytes_;
    Placed<Ends> const ends_;
};

} // namespace pipeline
