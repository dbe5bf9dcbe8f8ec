// A stand-in Subscan: the brain, without sockets. It is told a chain's capture records as they
// become known and answers requests in Subscan's shapes: transfers, blocks, tokens, accounts,
// prices, behind a key, a quota and a scenario of faults (standin_subscan_faults.hpp).
//
//   POST /api/v2/scan/transfers, /api/scan/transfers   any filter but token_category, items, usd
//   POST /api/scan/metadata, /api/scan/block           block by number or hash; 0 is genesis
//   GET or POST /api/scan/token, /api/scan/token/unique_id, /api/v2/scan/token/native
//   POST /api/v2/scan/search, /api/v2/scan/accounts    names and balances are invented
//   POST /api/open/price                               of the chain's own token, US dollars
//   GET or POST /api/now, GET /healthz                 healthz needs no key and no quota
//
// With several chains the path begins with the chain's: /polkadot/api/now; with one, whatever
// stands before /api/ is passed over. A block is told lag_blocks after it became known. Every
// transfer has happened: none has success false. Keys are made up, never real ones.
//
// The quota is stricter than a gateway's: within any second, not only within one that begins with
// a full one, so a client that is never over it here is never over it there. A refused request
// does not count against it.
//
// One thread. Owns its indexes; borrows the clock. Requests are bounded by the transport, pages by
// page_rows_max, paging by paged_rows_max.
//
// Shapes: subscan-OpenAPI (2026), subscan-api-docs, subscan-essentials util/ecode.go.
#pragma once

#include "io/http.hpp"
#include "pipeline/clock.hpp"
#include "stages/standin_subscan_faults.hpp"
#include "stages/standin_subscan_index.hpp"

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace stages {

// What its owner has to do about a request.
struct StandinReply {
    enum class Kind : std::uint8_t {
        response, // answer, `delay` from now
        raw,      // put these bytes on the wire, then drop the connection
        drop,     // drop it
        silence,  // nothing
    };
    Kind kind = Kind::response;
    io::HttpResponse response{};
    std::string raw{};
    pipeline::Nanoseconds delay = 0;
};

struct SubscanCounters {
    std::uint64_t requests = 0;     // in all, healthz excepted
    std::uint64_t unauthorized = 0; // without a key, or with a wrong one
    std::uint64_t over_quota = 0;   // refused by the quota, not by a fault
    std::uint64_t answered = 0;     // within quota; faults included
    std::uint64_t faults = 0;       // requests that a fault was done to
    std::uint64_t errors = 0;       // answered with a code that is not 0
    std::uint64_t rows = 0;         // of transfers
    std::map<std::string, std::uint64_t, std::less<>> endpoints; // answered, by path

    // "requests 12, over quota 0, …", then one line an endpoint.
    std::string text() const;
};

class StandinSubscan {
  public:
    static constexpr std::uint64_t page_rows_max = 100;
    static constexpr std::uint64_t paged_rows_max = 10'000; // behind them only after_id reaches
    static constexpr std::size_t key_bytes_max = 128;

    struct Options {
        SubscanScenario scenario{};
        std::string key{};      // the only one that is accepted; empty: any that is not empty
        std::uint64_t seed = 1; // of prices
        std::size_t blocks_max = 100'000; // kept per chain
    };

    StandinSubscan(pipeline::Clock const& clock, Options options);
    ~StandinSubscan();
    StandinSubscan(StandinSubscan const&) = delete;
    StandinSubscan& operator=(StandinSubscan const&) = delete;

    // A further chain; its number. Its first record has to be its description.
    std::size_t add_chain();
    [[nodiscard]] std::expected<void, std::string> add(std::size_t chain,
                                                       io::CaptureRecord const& record);

    StandinReply answer(io::HttpRequest const& request);

    SubscanCounters const& counters() const;
    StandinIndex const& index(std::size_t chain) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace stages
