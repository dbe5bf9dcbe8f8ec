// Which extrinsic a transfer came from: its hash and who signed it, out of the body of its block.
//
// A body is walked once and each extrinsic taken apart at most once, whatever order the events name
// them in. What cannot be read attributes nothing, and nothing else happens. One thread; memory
// grows to the longest body's needs and is kept.
#pragma once

#include "decoders/extrinsic.hpp"

#include <vector>

namespace stages {

class Attribution {
  public:
    static constexpr std::size_t extrinsics_max = 16'384; // those behind are not attributed

    struct Extrinsic {
        pipeline::Hash hash{};
        decoders::Account signer{}; // empty: nobody signed it
    };

    // `body`: the extrinsics of a block, each with its length in front; empty: unknown. Both must
    // live until the next start().
    void start(decoders::Runtime const& runtime, pipeline::Bytes body);

    // Null where the body does not say. Valid until the next start().
    Extrinsic const* find(std::uint32_t index_in_block);

  private:
    enum class State : std::uint8_t { unread, good, bad };
    struct Entry {
        pipeline::Bytes bytes; // its length included
        State state{};
        Extrinsic extrinsic;
    };
    void index();

    decoders::Runtime const* runtime_ = nullptr;
    pipeline::Bytes body_;
    bool indexed_ = false;
    std::vector<Entry> entries_;
};

} // namespace stages
