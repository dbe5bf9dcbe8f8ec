// The pieces the traffic generator writes blocks with: events, calls and extrinsics with some
// fields chosen and the rest sampled, on any runtime. One thread; borrows runtime and random
// source. What a runtime does not have is refused, never made up.
#pragma once

#include "decoders/account.hpp"
#include "decoders/runtime.hpp"
#include "decoders/samples.hpp"

#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace stages {

using ByteBuffer = std::vector<std::uint8_t>;

// A chosen field: an account (as the field's type wants it), an integer of the field's width, or
// the value's bytes as they are.
struct Choice {
    std::string_view names; // "who|account"
    std::variant<decoders::Account, pipeline::u128, ByteBuffer> value;
};

// Pallet and event index and fields; nothing if the runtime has no such event.
std::optional<ByteBuffer> make_event(decoders::Runtime const& runtime, std::string_view pallet,
                                     std::string_view event, std::span<Choice const> choices,
                                     decoders::SampleRandom& random);
// Pallet and call index and arguments; nothing if the runtime has no such call.
std::optional<ByteBuffer> make_call(decoders::Runtime const& runtime, std::string_view pallet,
                                    std::string_view call, std::span<Choice const> choices,
                                    decoders::SampleRandom& random);
// An extrinsic of format 4 with its length in front: bare, or signed with a made-up signature.
ByteBuffer make_extrinsic(decoders::Runtime const& runtime, std::optional<decoders::Account> signer,
                          ByteBuffer const& call, decoders::SampleRandom& random);

pipeline::u128 power_of_ten(std::uint32_t exponent);
// Pareto with exponent 1/2: twelve tokens at least, three in a hundred are above 10,000, three in a
// thousand above a million. Fixed-point only, so that every machine makes the same number.
pipeline::u128 heavy_tailed_amount(decoders::SampleRandom& random, std::uint32_t decimals);

} // namespace stages
