// Payload bytes that travel beside a link: one contiguous ring, written by the link's writer,
// released in order by its reader. A frame never wraps, so a reader sees one flat span, and keeps
// `json_padding` bytes behind it.
//
//      released                     head
//   ───┬──────────[ frame ][ frame ]┬──────────────┬───
//      │ in flight                  │ free         │ capacity (positions count up for ever,
//   ───┴────────────────────────────┴──────────────┴───  offset = position % capacity)
//
// Threads: reserve/commit by the writer, at/release by the reader. Nothing here blocks.
#pragma once

#include "pipeline/check.hpp"
#include "pipeline/types.hpp"

#include <atomic>
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
        : capacity_(capacity), bytes_(capacity ? new std::uint8_t[capacity]() : nullptr) {}
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
        std::uint64_t start = head_;
        std::uint64_t const offset = start % capacity_;
        if (offset + need > capacity_) start += capacity_ - offset; // a frame never wraps
        // acquire: pairs with the release in release(); the reader is done with those bytes.
        if (start + need - released_.load(std::memory_order_acquire) > capacity_) return {};
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
    std::unique_ptr<std::uint8_t[]> const bytes_;
    std::uint64_t head_ = 0;     // writer only
    std::uint64_t reserved_ = 0; // writer only
    alignas(64) std::atomic<std::uint64_t> released_{0};
};

} // namespace pipeline
