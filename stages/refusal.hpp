// What a node means when it answers a question with an error: that it is asked too often, that the
// state is gone there, that it does not know the method. Providers and nodes use codes and
// words of their own; the tables are in refusal.cpp.
//
// Pure; any thread. Sources: polkadot-sdk (RPC error codes 4003, -32999), jsonrpsee (-32006,
// -32601), the pages of providers about their limits (-32005, -32029, 429).
#pragma once

#include "decoders/jsonrpc.hpp"

#include <string>

namespace stages {

struct Refusal {
    enum class Kind : std::uint8_t {
        other,
        limit,          // too many questions; the same one may be asked again later
        pruned,         // the state of that block is gone here and does not come back
        unknown_method, // this node never answers such a question
    };
    Kind kind = Kind::other;
    // limit: the node asks to be left alone this long; 0: it does not say. At most wait_max.
    pipeline::Nanoseconds wait = 0;

    static constexpr pipeline::Nanoseconds wait_max = 600 * pipeline::second;
};

// `reply` is an error reply.
Refusal read_refusal(decoders::Envelope const& reply);

// "retry after 5 s", "try again in 250ms", {"retryAfter":3}, {"backoff_seconds":30}: how long that
// is, at most Refusal::wait_max; 0: the text names no time.
pipeline::Nanoseconds retry_time(std::string_view text);

// What a node says may hold line breaks; in a log they would forge lines.
std::string printable(std::string_view text);

} // namespace stages
