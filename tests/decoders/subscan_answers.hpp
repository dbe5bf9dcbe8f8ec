// An answer of Subscan with the reader that reads it, for the tests of that reader.
#pragma once

#include "decoders/subscan.hpp"

#include <string>
#include <string_view>

namespace tests {

inline constexpr std::size_t answer_bytes_max = 1u << 20;

// Reads a text; keeps it and the reader alive for the accessors.
struct Answer {
    explicit Answer(std::string_view text, std::size_t text_bytes_max = answer_bytes_max)
        : reader(text_bytes_max) {
        kept.reserve(text.size() + pipeline::json_padding);
        kept = text;
        envelope = reader.envelope(kept);
    }
    std::string kept;
    decoders::SubscanReader reader;
    std::expected<decoders::SubscanEnvelope, decoders::Error> envelope;
};

inline std::string in_envelope(std::string_view data) {
    return R"({"code":0,"message":"Success","generated_at":1699600641,"data":)" +
           std::string(data) + "}";
}

} // namespace tests
