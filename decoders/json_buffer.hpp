// Text that grows: room is asked for once, then written without further checks. What both writers
// of canonical JSON have in common: digits, strings, characters. One thread; owns its memory, which
// clear() keeps.
#pragma once

#include "pipeline/types.hpp"

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace decoders {

// Bytes of the largest compact integer.
inline constexpr std::size_t largest_integer = 67;
// Characters that a little-endian integer of `bytes` takes at the most.
constexpr std::size_t decimal_room(std::size_t bytes) { return bytes * 5 / 2 + 2; }

// Each writes to `out`, which has the room, and returns the end of what it wrote.
char* write_decimal(std::uint64_t value, char* out);
char* write_decimal(pipeline::u128 value, char* out);
char* write_decimal(pipeline::Bytes little_endian, char* out); // largest_integer at the most
// Two's complement; 32 bytes at the most.
char* write_signed(pipeline::Bytes little_endian, char* out);
// A JSON string with what JSON wants escaped, as JSON.stringify writes it; 6 * size + 2 of room.
char* write_json_text(std::string_view text, char* out);
// UTF-8 of a Unicode scalar value; 4 of room.
char* write_utf8(std::uint32_t code, char* out);

class JsonBuffer {
  public:
    std::string_view text() const { return {bytes_.data(), size_}; }
    std::size_t size() const { return size_; }
    void clear() { size_ = 0; }

    // Room for `more` characters from the end on; written() makes them part of the text.
    char* room(std::size_t more) {
        if (bytes_.size() - size_ < more) [[unlikely]]
            grow(more);
        return bytes_.data() + size_;
    }
    void written(char const* end) { size_ = static_cast<std::size_t>(end - bytes_.data()); }

    void append(std::string_view text) {
        std::memcpy(room(text.size()), text.data(), text.size());
        size_ += text.size();
    }

  private:
    void grow(std::size_t more) { bytes_.resize(2 * bytes_.size() + more + 4096); }

    std::vector<char> bytes_;
    std::size_t size_ = 0;
};

} // namespace decoders
