// What the stand-in Subscan knows of one chain: an index of transfers by block and event, made from
// a capture's records as they become known, with the decoders that the service itself uses.
//
// A block of a height that is known takes the place of the one before, as after a reorganisation:
// nothing tells so. The oldest blocks are forgotten beyond blocks_max. What cannot be decoded
// leaves a block short, and is counted.
//
// One thread; no I/O, no clock. Pointers to blocks and transfers hold until the next add().
#pragma once

#include "decoders/runtime.hpp"
#include "io/capture.hpp"
#include "stages/assets.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stages {

struct IndexedTransfer {
    std::uint32_t event_index = 0;
    std::optional<std::uint32_t> extrinsic_index;
    std::optional<pipeline::Hash> extrinsic_hash; // where the capture has the block's body
    std::uint32_t asset = native_asset;           // slot, for asset()
    decoders::Account from, to;
    pipeline::u128 amount = 0; // smallest unit
    std::string_view pallet;   // of the event, as the runtime calls it
};

struct IndexedBlock {
    std::uint32_t number = 0;
    pipeline::Hash hash{}, parent{};
    std::uint64_t timestamp_s = 0; // unix; 0: the capture does not say
    std::uint32_t spec_version = 0;
    std::uint32_t events = 0;
    std::uint32_t extrinsics = 0;
    std::vector<IndexedTransfer> transfers; // by event_index
};

struct IndexedAsset {
    std::string unique_id, type, symbol; // type: "" native, "assets", or the pallet in lower case
    std::uint8_t decimals = 0;
};

class StandinIndex {
  public:
    static constexpr std::size_t accounts_max = 200'000; // those that come later are not counted

    explicit StandinIndex(std::size_t blocks_max = 100'000);
    ~StandinIndex();
    StandinIndex(StandinIndex&&) noexcept;
    StandinIndex& operator=(StandinIndex&&) noexcept;

    // The chain's record comes first; then what a capture holds, in its order. A sentence when the
    // description of the chain cannot be read.
    [[nodiscard]] std::expected<void, std::string> add(io::CaptureRecord const& record);

    std::string const& name() const { return name_; }
    pipeline::Hash const& genesis() const { return genesis_; }
    std::uint16_t ss58_prefix() const { return ss58_prefix_; }
    IndexedAsset const& asset(std::uint32_t slot) const; // native_asset: the chain's own token

    // Oldest first.
    std::map<std::uint32_t, IndexedBlock> const& blocks() const { return blocks_; }
    std::uint32_t newest() const; // 0: none is known
    // As far as the capture says so itself.
    std::optional<std::uint32_t> finalized() const { return finalized_; }
    IndexedBlock const* find(pipeline::Hash const& hash) const;

    std::uint64_t transfers() const { return transfers_; } // known at present
    std::uint64_t undecoded() const { return undecoded_; } // blocks, since the start
    // How many transfers an account took part in; 0: unknown account.
    std::uint64_t activity(decoders::Account const& account) const;
    std::size_t accounts() const { return activity_.size(); }
    // The busiest accounts, busiest first.
    std::vector<decoders::Account> busiest(std::size_t count) const;

    // "15oF4u…" in the chain's own prefix, "0x…" for keys of 20 bytes, "" for none.
    std::string address(decoders::Account const& account) const;

  private:
    struct AccountHash {
        std::size_t operator()(decoders::Account const& account) const;
    };
    [[nodiscard]] std::expected<void, std::string> describe(io::CaptureChain const& chain);
    void compile(io::CaptureRuntime const& runtime);
    void add_block(io::CaptureBlock const& block);
    void read_assets(decoders::Runtime const& runtime, io::CaptureBlock const& block);
    void read_transfers(decoders::Runtime const& runtime, io::CaptureBlock const& block,
                        IndexedBlock& out);
    std::uint32_t slot_of(decoders::Runtime const& runtime, decoders::MovementEvent const& event,
                          pipeline::Bytes id);
    IndexedAsset& describe_slot(std::uint32_t slot, std::string_view family, std::string_view id);
    void count(decoders::Account const& account);

    std::size_t blocks_max_;
    std::string name_;
    pipeline::Hash genesis_{};
    std::uint16_t ss58_prefix_ = 42;
    std::map<std::uint32_t, std::unique_ptr<decoders::Runtime const>> runtimes_; // by spec version
    std::map<std::uint32_t, IndexedBlock> blocks_;
    std::map<pipeline::Hash, std::uint32_t> numbers_;
    std::optional<std::uint32_t> finalized_;
    AssetBook book_;
    std::vector<IndexedAsset> assets_{1}; // by slot
    boost::unordered_flat_map<decoders::Account, std::uint64_t, AccountHash> activity_;
    std::uint64_t transfers_ = 0;
    std::uint64_t undecoded_ = 0;
};

} // namespace stages
