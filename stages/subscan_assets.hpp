// What Subscan calls things, in our terms: which asset a row is of, how many of the smallest unit
// that is, and which event it stands for. One book a chain; slots are the legacy path's own.
//
// Decimals come from Subscan's list of tokens; where that does not say, from a row that gives its
// amount both ways. Amounts are exact or not given: `amount` is in whole tokens, `amount_v2` in the
// smallest unit, but "0" in older rows, so it counts only where it is not zero. Where the two
// differ `amount` counts.
//
// One thread. Memory: assets_max assets.
#pragma once

#include "decoders/subscan.hpp"
#include "stages/messages.hpp"

#include <optional>
#include <string>
#include <vector>

namespace stages {

class SubscanAssets {
  public:
    static constexpr std::size_t assets_max = 65'536;

    enum class Reading : std::uint8_t {
        transfer,  // `out` is one
        skipped,   // a failed one, an NFT, or of nobody: no transfer at all
        unknown,   // how many decimals its asset has nobody has said
        malformed, // an amount that is none
    };

    void learn(decoders::SubscanToken const& token);
    // Exactly what the row says; its block is not yet known to be final.
    Reading convert(decoders::SubscanTransfer const& row, Transfer& out);

    bool native_known() const { return native_known_; }
    std::string const& native_symbol() const { return native_symbol_; }
    std::uint8_t native_decimals() const { return native_decimals_; }

    // Assets whose facts nobody has been told yet; taken one at a time.
    std::optional<AssetFacts> introduce();
    std::uint64_t inconsistent() const { return inconsistent_; } // rows whose two amounts differ

  private:
    struct Asset {
        std::string unique_id;
        AssetFacts facts;
    };
    Asset* find(std::string_view unique_id);
    bool is_native(decoders::SubscanTransfer const& row) const;
    std::uint32_t slot_of(decoders::SubscanTransfer const& row);
    std::optional<u128> amount_of(decoders::SubscanTransfer const& row, std::uint8_t decimals);

    bool native_known_ = false; // its decimals
    std::string native_symbol_;
    std::string native_id_;
    std::uint8_t native_decimals_ = 0;
    std::vector<Asset> assets_;          // slot i + 1
    std::vector<std::uint32_t> to_tell_; // slots
    std::uint64_t inconsistent_ = 0;
};

// The row of decoders::movement_rows() that a transfer of this module stands for.
std::uint16_t movement_of(std::string_view module, std::string_view unique_id, bool native);

} // namespace stages
