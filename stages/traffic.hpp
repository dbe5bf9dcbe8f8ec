// Realistic traffic on any runtime, from a seed: blocks with headers that chain, the events that
// real blocks are full of, and transfers whose amounts are heavy-tailed, so that a whale passes
// every few blocks. The same seed and runtime give the same bytes on every machine.
//
// A feed like any other: chain, runtime, then blocks without end. One thread; owns what it makes;
// borrows the runtime, which must outlive it. Block n is of `start_ms + n * block_ms`, or, where a
// clock is given, of the time at which it will be due: a node asks for a block one block time
// ahead.
#pragma once

#include "decoders/account.hpp"
#include "decoders/runtime.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/types.hpp"
#include "stages/standin_chain.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

namespace stages {

struct TrafficOptions {
    std::string name = "polkadot";
    std::string spec_name = "polkadot";
    pipeline::Hash genesis{};
    std::string symbol = "DOT";
    std::uint32_t decimals = 10;
    std::uint32_t ss58_prefix = 0;
    std::uint64_t seed = 1;
    std::uint64_t first_number = 1000;
    std::uint64_t start_ms = 1'760'000'000'000;
    std::uint64_t block_ms = 6000;
    pipeline::Clock const* clock = nullptr; // borrowed; null: start_ms counts
    std::uint32_t events_min = 30;
    std::uint32_t events_max = 200;
    std::uint32_t accounts = 500;
};

// A movement as the generator meant it: the truth that decoders are tested against.
struct TrafficTransfer {
    std::uint64_t block = 0;
    std::uint32_t event_index = 0;
    std::uint32_t extrinsic_index = 0;
    std::string pallet;
    std::string event;
    decoders::Account from;
    decoders::Account to;
    pipeline::u128 amount = 0;
    std::vector<std::uint8_t> asset; // SCALE bytes of the id; empty: native
};

class Traffic final : public ChainFeed {
  public:
    // `metadata` are the bytes that `runtime` was compiled from. Fails with a sentence when the
    // runtime has no System.ExtrinsicSuccess or no Balances.Transfer that can be written.
    [[nodiscard]] static std::expected<std::unique_ptr<Traffic>, std::string>
    create(TrafficOptions options, decoders::Runtime const& runtime, pipeline::Bytes metadata);
    ~Traffic() override;

    std::optional<io::CaptureRecord> next() override; // never nothing

    // The movements of the block that next() gave last, in event order.
    std::vector<TrafficTransfer> const& transfers() const;
    // The accounts that move most: first the named whales.
    std::vector<decoders::Account> const& population() const;

  private:
    struct Impl;
    explicit Traffic(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace stages
