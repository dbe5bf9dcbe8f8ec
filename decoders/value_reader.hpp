// Takes SCALE bytes apart into the bytes of single values, by plan: what extrinsics, calls and
// outcomes are read with. Every value is checked as it is passed over.
//
// The error is sticky, as Cursor's is: after the first failure every value is empty. One thread;
// owns nothing; no allocation.
#pragma once

#include "decoders/account.hpp"
#include "decoders/runtime.hpp"

#include <optional>

namespace decoders {

class ValueReader {
  public:
    ValueReader(Runtime const& runtime, Bytes bytes)
        : plans_(runtime.plans())
        , begin_(bytes.data())
        , walk_{bytes.data(), bytes.data() + bytes.size(), Code{}, no_type} {}

    [[nodiscard]] bool ok() const { return !failed_; }
    Error error() const { return {walk_.code, position(), detail_}; }
    TypeId failed_type() const { return walk_.type; }
    std::size_t position() const { return static_cast<std::size_t>(walk_.at - begin_); }
    std::size_t remaining() const { return static_cast<std::size_t>(walk_.end - walk_.at); }
    Bytes rest() const { return {walk_.at, remaining()}; }

    // Records a failure found by the caller, here; the first one wins.
    void fail(Code code, std::uint64_t detail = 0, TypeId type = no_type);

    // The bytes of the next value.
    Bytes value(TypeId type) { return run(plans_.types[type]); }
    Bytes run(Run run);
    std::uint8_t byte();

  private:
    Plans const& plans_;
    std::uint8_t const* begin_;
    Walk walk_;
    std::uint64_t detail_ = 0;
    bool failed_ = false;
};

// What a value of some type holds where it holds nothing else, through structs of one field and
// the variant that is there: MultiAddress::Id(AccountId32([u8; 32])) is an account, Compact<u32> a
// number. Absent: the value is of another shape. `bytes` hold the value, and have been passed over.
Account account_in(Runtime const& runtime, TypeId type, Bytes bytes);
std::optional<pipeline::u128> number_in(Runtime const& runtime, TypeId type, Bytes bytes);

} // namespace decoders
