// Memory that processes share: one mapping, made before they are forked, so that everything in it
// has the same address in all of them. What a dead process has left there is found by the others,
// and by the one that takes its place.
//
//   Region ─▶ place<T>(region, ...)          an object that several processes use
//             place_bytes(region, size, align)
//
// Without a region (null) the same calls give plain heap memory: threads, tests, replay.
//
// Nothing is ever given back: a region is filled while the pipeline is wired and lives as long as
// the service. Pages nobody has written to cost nothing. The supervisor allocates, alone; a region
// that is too small is our own bug (CHECK). Unmapped by its destructor.
#pragma once

#include "pipeline/check.hpp"

#include <cstdint>
#include <cstdlib>
#include <expected>
#include <memory>
#include <string>
#include <utility>

namespace pipeline {

class Region {
  public:
    // bytes: of address space. The error is a sentence.
    [[nodiscard]] static std::expected<std::unique_ptr<Region>, std::string>
    create(std::size_t bytes);
    ~Region();
    Region(Region const&) = delete;
    Region& operator=(Region const&) = delete;

    // Zeroed. align: a power of two.
    void* allocate(std::size_t bytes, std::size_t align);
    std::size_t used() const { return used_; }
    bool holds(void const* address) const;

  private:
    Region(std::uint8_t* base, std::size_t bytes)
        : base_(base)
        , bytes_(bytes) {}

    std::uint8_t* const base_;
    std::size_t const bytes_;
    std::size_t used_ = 0;
};

// Ends what place() made: on the heap it is freed; in a region it stays, for others use it.
template <class T>
struct Displace {
    bool heap = true;
    void operator()(T* object) const {
        if (heap) delete object;
    }
};
template <class T>
using Placed = std::unique_ptr<T, Displace<T>>;

template <class T, class... Arguments>
Placed<T> place(Region* region, Arguments&&... arguments) {
    if (region == nullptr) return {new T(std::forward<Arguments>(arguments)...), {true}};
    void* const at = region->allocate(sizeof(T), alignof(T));
    return {new (at) T(std::forward<Arguments>(arguments)...), {false}};
}

struct DisplaceBytes {
    bool heap = true;
    void operator()(std::uint8_t* bytes) const {
        if (heap) std::free(bytes);
    }
};
using PlacedBytes = std::unique_ptr<std::uint8_t[], DisplaceBytes>;

// Not zeroed on the heap. size 0: null.
PlacedBytes place_bytes(Region* region, std::size_t size, std::size_t align);

} // namespace pipeline
