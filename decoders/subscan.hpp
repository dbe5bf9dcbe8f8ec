// Subscan's answers as values: the envelope, pages of transfers, and the few other endpoints that
// are used. Pure; one SubscanReader a thread, which owns a simdjson parser; no allocation after
// warm-up but for growing output vectors.
//
// Every view points into the text given to envelope(), which must stay where it is, with
// pipeline::json_padding readable bytes behind it, until the next envelope(). Unknown members are
// passed over; members that may be null or absent in real answers are. Fails with decoders::Error
// (code and byte offset), never by throwing.
//
// Shapes: subscan-OpenAPI (2026), subscan-api-docs, subscan-essentials util/ecode.go.
#pragma once

#include "decoders/account.hpp"
#include "decoders/error.hpp"
#include "pipeline/types.hpp"

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace decoders {

// Application codes inside HTTP 200.
inline constexpr std::int64_t subscan_ok = 0;
inline constexpr std::int64_t subscan_params_error = 10'001;
inline constexpr std::int64_t subscan_bad_address = 10'002;
inline constexpr std::int64_t subscan_no_record = 10'004;
inline constexpr std::int64_t subscan_paging_limit = 10'005; // more than 10,000 rows by page

inline constexpr std::size_t subscan_rows_max = 1'000; // of a page; Subscan gives 100 at most

struct SubscanEnvelope {
    std::optional<std::int64_t> code; // gateway errors have none
    std::string_view message;         // as written
    std::uint64_t generated_at_s = 0; // unix; 0: absent
    bool has_data = false;            // and it is not null
};

// One row of /api/v2/scan/transfers, checked as far as a row can be by itself.
struct SubscanTransfer {
    std::uint32_t block = 0;
    std::uint32_t event_index = 0;
    std::optional<std::uint32_t> extrinsic_index; // of "block-index"
    std::optional<pipeline::Hash> extrinsic_hash;
    std::uint64_t timestamp_s = 0; // unix; 0: absent
    Account from, to;              // empty where the row has no address
    std::uint16_t prefix = 0;      // SS58 prefix of the addresses; 0xffff: hex keys
    bool success = true;
    bool is_item = false; // an NFT: it has an item_id
    // Views. Amounts: `amount` whole tokens, decimal; `amount_v2` smallest unit, "0" in older rows.
    std::string_view module, amount, amount_v2, asset_symbol, asset_unique_id, asset_type;
    std::string_view currency_amount; // USD at the time; empty: absent
};

// A row that could not be read: which, and why.
struct SubscanBadRow {
    std::size_t row = 0;
    Error error;
};

struct SubscanPage {
    std::uint64_t count = 0; // as told; not to be relied on
    std::size_t rows = 0;    // in the page, good and bad: a short page is the last one
    std::vector<SubscanTransfer> transfers;
    std::vector<SubscanBadRow> bad;
    // [block_num, event_idx] of the last row that has both, for after_id.
    std::optional<std::pair<std::uint32_t, std::uint32_t>> last;
    void clear();
};

struct SubscanChain {                         // /api/scan/metadata
    std::optional<std::uint32_t> best;        // blockNum
    std::optional<std::uint32_t> finalized;   // finalized_blockNum
    std::optional<std::uint16_t> ss58_prefix; // where addressType is one
    std::string_view network;                 // networkNode
};

struct SubscanToken { // /api/scan/token(/unique_id): one of `detail`
    std::string_view symbol, unique_id, asset_type, price;
    std::optional<std::uint8_t> decimals;
};

struct SubscanBlock { // /api/scan/block
    std::uint32_t number = 0;
    pipeline::Hash hash{};
    bool finalized = false;
};

struct SubscanAccount {         // /api/v2/scan/search: data.account
    std::string_view display;   // identity's display name; empty: none
    std::string_view parent;    // of a sub-identity: the parent's display; empty: none
    std::string_view sub;       // its own name below the parent
    std::string_view judgement; // the best of them, as written ("Reasonable"); empty: none
    bool identity = false;      // the display name is an on-chain identity
    std::string_view tag_name, tag_type, tag_subtype; // merkle: "Binance.com", "Exchange", …
    std::string_view balance;                         // whole tokens, decimal; empty: absent
};

// Texts of a JSON string as written have escapes; names shown to people need them undone.
std::string json_unescaped(std::string_view as_written);

class SubscanReader {
  public:
    explicit SubscanReader(std::size_t text_bytes_max);
    ~SubscanReader();

    // Anything that is a JSON object; also {"message":"API rate limit exceeded"}.
    [[nodiscard]] std::expected<SubscanEnvelope, Error> envelope(std::string_view text);

    // Of the text of the last envelope(), which must have data. Each may be called once.
    [[nodiscard]] std::expected<void, Error> transfers(SubscanPage& out);
    [[nodiscard]] std::expected<SubscanChain, Error> chain();
    [[nodiscard]] std::expected<void, Error> tokens(std::vector<SubscanToken>& out);
    [[nodiscard]] std::expected<SubscanBlock, Error> block();
    [[nodiscard]] std::expected<SubscanAccount, Error> account();
    // /api/open/price: the price of the native token, USD, as a plain decimal.
    [[nodiscard]] std::expected<std::string_view, Error> price();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace decoders
