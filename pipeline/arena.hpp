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
// Threads: reserve/commit by the writer, at/release by the reader. Nothing here blocks.
#pragma once

#include "pipeline/check.hpp"
#include "pipeline/types.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>

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
    explicit Arena(std::size_t capacity)
        : capacity_(capacity)
        ,
        // calloc, not new: pages nobody has written to cost nothing.
        bytes_(static_cast<std::uint8_t*>(capacity ? std::calloc(capacity, 1) : nullptr)) {
        CHECK(capacity == 0 || bytes_ != nullptr);
    }
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
        std::uint64_t const released = released_.load(std::memory_order_acquire);
        std::uint64_t start = head_;
        std::uint64_t const offset = start % capacity_;
        bool const empty = released == head_;
        if (offset != 0 && (empty || offset + need > capacity_)) start += capacity_ - offset;
        if (empty) free_from_ = start; // what was skipped holds nothing
        if (start + need - std::max(released, free_from_) > capacity_) return {};
        reserved_ = start;
        return {bytes_.get() + start % capacity_, size};
    }

    // Writer: keeps the first `size` bytes of the last reservation.
    Payload commit(std::size_t size) {
        head_ = reserved_ + size + json_padding;
        return {reserved_, head_, static_cast<std::uint32_t>(size), 0};
    }

    // Reader: the bytes of a payload; valid until release().
    MutableBytes at(Payload const& payload) {
        if (payload.size == 0) return {};
        return {bytes_.get() + payload.position % capacity_, payload.size};
    }

    // Reader: everything up to this payload may be overwritten.
    void release(Payload const& payload) {
        // release: pairs with the acquire in reserve().
        if (payload.end) released_.store(payload.end, std::memory_order_release);
    }

  private:
    std::size_t const capacity_;
    struct Free {
        void operator()(std::uint8_t* bytes) const { std::free(bytes); }
    };
    std::unique_ptr<std::uint8_t[], Free> const bytes_;
    std::uint64_t head_ = 0;      // writer only
    std::uint64_t reserved_ = 0;  // writer only
    std::uint64_t free_from_ = 0; // writer only: nothing before this position is in flight
    alignas(64) std::atomic<std::uint64_t> released_{0};
};

} // namespace pipeline
