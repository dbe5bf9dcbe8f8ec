// SCALE primitives over a span of bytes. (docs.polkadot.com "SCALE Codec"; parity-scale-codec.)
//
// The cursor's error is sticky: the first failure is kept with its offset, every later read returns
// zero or an empty span and moves nothing. Parsers read straight through and ask ok() where a wrong
// value would matter (before a loop of n turns, and at the end). One thread; owns nothing.
#pragma once

#include "decoders/error.hpp"
#include "pipeline/types.hpp"

#include <string_view>

namespace decoders {

using pipeline::Bytes;

class Cursor {
  public:
    explicit Cursor(Bytes bytes)
        : begin_(bytes.data())
        , at_(begin_)
        , end_(begin_ + bytes.size()) {}

    [[nodiscard]] bool ok() const { return !failed_; }
    Error const& error() const { return error_; }
    std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
    std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }

    // Records a failure found by the caller, at the given offset; the first one wins.
    void fail(Code code, std::size_t offset, std::uint64_t detail = 0);

    std::uint8_t u8();
    std::uint16_t u16();
    std::uint32_t u32();
    std::uint64_t u64();
    pipeline::u128 u128();

    // Compact integers. Longer forms than needed are refused (compact_redundant), values that do
    // not fit are refused (compact_too_wide).
    std::uint32_t compact_u32();
    std::uint64_t compact_u64();
    pipeline::u128 compact_u128();
    // Any compact integer up to 2^536 - 1: little-endian bytes, without zero bytes at the high end.
    Bytes compact_big(std::uint8_t (&storage)[67]);

    // A compact element count, refused if count * min_element_size exceeds the bytes left.
    std::uint32_t count(std::size_t min_element_size);

    Bytes bytes(std::size_t size);
    void skip(std::size_t size);
    // A length-prefixed text; UTF-8 is not checked here.
    std::string_view text();

  private:
    std::uint8_t const* take(std::size_t size);

    std::uint8_t const* begin_;
    std::uint8_t const* at_;
    std::uint8_t const* end_;
    Error error_{};
    bool failed_ = false;
};

} // namespace decoders
