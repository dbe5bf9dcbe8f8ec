#include "pipeline/region.hpp"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

namespace pipeline {

namespace {
constexpr std::size_t page = 4'096;

std::size_t rounded_up(std::size_t size, std::size_t align) {
    return (size + align - 1) & ~(align - 1);
}
} // namespace

std::expected<std::unique_ptr<Region>, std::string> Region::create(std::size_t bytes) {
    auto const failed = [](char const* what) {
        return std::unexpected(std::string(what) + ": " + std::strerror(errno) +
                               "; the memory that the processes share cannot be made. "
                               "isolation = \"thread\" does without it.");
    };
    bytes = rounded_up(bytes, page);
    int const file = memfd_create("spyhop", MFD_CLOEXEC);
    if (file < 0) return failed("memfd_create");
    bool const sized = ftruncate(file, static_cast<off_t>(bytes)) == 0;
    void* const base =
        sized ? mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;
    auto result = failed(sized ? "mmap" : "ftruncate");
    close(file); // the mapping keeps it
    if (base == MAP_FAILED) return result;
    // A core file of one process would hold the queues of all, and take its time to be written.
    madvise(base, bytes, MADV_DONTDUMP);
    return std::unique_ptr<Region>(new Region(static_cast<std::uint8_t*>(base), bytes));
}

Region::~Region() { munmap(base_, bytes_); }

void* Region::allocate(std::size_t bytes, std::size_t align) {
    std::size_t const at = rounded_up(used_, align);
    CHECK(bytes <= bytes_ && at <= bytes_ - bytes);
    used_ = at + bytes;
    return base_ + at;
}

bool Region::holds(void const* address) const {
    auto const* const at = static_cast<std::uint8_t const*>(address);
    return at >= base_ && at < base_ + bytes_;
}

PlacedBytes place_bytes(Region* region, std::size_t size, std::size_t align) {
    if (size == 0) return {nullptr, {true}};
    if (region != nullptr)
        return {static_cast<std::uint8_t*>(region->allocate(size, align)), {false}};
    void* const at = std::aligned_alloc(align, rounded_up(size, align));
    CHECK(at != nullptr);
    return {static_cast<std::uint8_t*>(at), {true}};
}

} // namespace pipeline
