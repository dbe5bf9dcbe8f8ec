// The queue inside a link: one writer, one reader, wait-free on both sides.
//
//        read                 written
//   ──────┬──[ m ][ m ][ m ]───┬──────    both count up for ever; slot = count % slots
//         │ in flight          │ free
//
// A message is copied into its slot, once, before `written` moves, and leaves with one store to
// `read`: whoever dies in between has pushed or popped it, or not, and nothing else. A slot keeps
// its bytes until it is used again, so that last() can say what a dead writer pushed last;
// boost::lockfree::spsc_queue cannot, which is why links do not use it.
//
// Threads: put, published, room and last by the writer; front and pop by the reader; waiting by
// anyone.
#pragma once

#include "pipeline/region.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <new>
#include <optional>
#include <type_traits>

namespace pipeline {

template <class M>
    requires std::is_trivially_copyable_v<M>
class Ring {
  public:
    Ring(Region* region, std::size_t depth)
        : depth_(depth)
        , mask_(std::bit_ceil(std::max<std::size_t>(depth, 2)) - 1)
        , ends_(place<Ends>(region))
        , bytes_(place_bytes(region, (mask_ + 1) * sizeof(M), alignof(M))) {}

    std::size_t room() const {
        // acquire: pairs with the release in pop(); the reader is done with those slots.
        return depth_ - (ends_->written.load(std::memory_order_relaxed) -
                         ends_->read.load(std::memory_order_acquire));
    }

    // The copy in the slot, which is the reader's only after published(); null: there is no room.
    M* put(M const& message) {
        std::uint64_t const at = ends_->written.load(std::memory_order_relaxed);
        // acquire: pairs with the release in pop(), as in room().
        if (at - ends_->read.load(std::memory_order_acquire) >= depth_) return nullptr;
        return new (slot(at)) M(message);
    }
    void published() {
        std::uint64_t const at = ends_->written.load(std::memory_order_relaxed);
        ends_->written.store(at + 1, std::memory_order_release); // pairs with front()
    }

    M const* front() const {
        std::uint64_t const at = ends_->read.load(std::memory_order_relaxed);
        // acquire: pairs with the release in published(); the message is whole.
        return at == ends_->written.load(std::memory_order_acquire) ? nullptr : slot(at);
    }

    void pop() {
        std::uint64_t const at = ends_->read.load(std::memory_order_relaxed);
        ends_->read.store(at + 1, std::memory_order_release); // pairs with put() and room()
    }

    std::size_t waiting() const {
        // acquire, and in this order: `written` is never older than `read`.
        std::uint64_t const read = ends_->read.load(std::memory_order_acquire);
        return ends_->written.load(std::memory_order_acquire) - read;
    }

    // acquire: pair with published() and pop(), as in waiting().
    std::uint64_t written() const { return ends_->written.load(std::memory_order_acquire); }
    std::uint64_t read() const { return ends_->read.load(std::memory_order_acquire); }

    // In the place of a dead reader: nothing is in flight any more.
    void discard() {
        // acquire and release: pair with put() and room().
        ends_->read.store(ends_->written.load(std::memory_order_acquire),
                          std::memory_order_release);
    }

    struct Last {
        M message;
        bool popped = false;
    };
    // The newest message that was pushed, in flight or not, for which `wanted` holds. For whoever
    // stands in for a dead writer or a dead reader. Looks as far back as slots have not been used
    // again; `writing`: the writer lives.
    template <class Wanted>
    std::optional<Last> last(bool writing, Wanted const& wanted) const {
        // acquire: pairs with the release in published().
        std::uint64_t const written = ends_->written.load(std::memory_order_acquire);
        // The oldest slot may be half written, unless there was no room to write.
        bool const full = written - ends_->read.load(std::memory_order_relaxed) > mask_;
        std::uint64_t const kept = std::min(written, mask_ + (full && !writing ? 1 : 0));
        for (std::uint64_t back = 1; back <= kept; ++back) {
            std::uint64_t const at = written - back;
            Last const found{*slot(at), at < ends_->read.load(std::memory_order_relaxed)};
            // acquire: pairs with the release in published(); the writer may have come round.
            if (writing && ends_->written.load(std::memory_order_acquire) - at > mask_)
                return std::nullopt;
            if (wanted(found.message)) return found;
        }
        return std::nullopt;
    }

  private:
    struct Ends {
        alignas(64) std::atomic<std::uint64_t> written{0};
        alignas(64) std::atomic<std::uint64_t> read{0};
    };

    M* slot(std::uint64_t at) const {
        return std::launder(reinterpret_cast<M*>(bytes_.get())) + (at & mask_);
    }

    std::size_t const depth_;
    std::uint64_t const mask_;
    Placed<Ends> const ends_;
    PlacedBytes const bytes_;
};

} // namespace pipeline
