// The inside of StandinSubscan, shared by its parts: standin_subscan.cpp lets requests in,
// standin_subscan_pages.cpp gives transfers, standin_subscan_answers.cpp everything else. Nobody
// else includes this.
#pragma once

#include "stages/standin_subscan.hpp"

#include <deque>
#include <simdjson.h>

namespace stages {

// An application error, inside HTTP 200 (subscan-essentials util/ecode.go).
struct SubscanRefusal {
    std::int64_t code = 0;
    std::string message;

    static SubscanRefusal params() { return {10'001, "Params Error"}; }
    static SubscanRefusal address() { return {10'002, "Invalid Account Address"}; }
    static SubscanRefusal no_record() { return {10'004, "Record Not Found"}; }
    static SubscanRefusal paging() {
        return {10'005,
                "Paging limit exceeded, please use the after_id parameter to continue paging"};
    }
};
using SubscanData = std::expected<std::string, SubscanRefusal>; // `data` as JSON
using SubscanBody = simdjson::dom::element;                     // of a request: an object

// Members of a request. Absent and null are the same; a wrong kind is a wrong parameter.
using SubscanNumber = std::expected<std::optional<std::uint64_t>, SubscanRefusal>;
using SubscanText = std::expected<std::optional<std::string>, SubscanRefusal>;
SubscanNumber number_member(SubscanBody body, std::string_view name, std::uint64_t most);
SubscanText text_member(SubscanBody body, std::string_view name);

// Which transfers a request is about.
struct TransferQuery {
    using Place = std::pair<std::uint32_t, std::uint32_t>; // block, event

    std::uint32_t from_block = 0;
    std::uint32_t to_block = 0xffff'ffff;
    std::optional<Place> after; // told last
    std::optional<std::string> extrinsic;
    decoders::Account address, sender, receiver; // empty: any
    bool sent = true, received = true;           // by `address`
    std::optional<std::string> least, most;      // whole tokens
    std::optional<bool> success;
    std::optional<std::string> symbol, unique_id;
    bool ascending = false;
    std::uint64_t page = 0, row = 0;
};
std::expected<TransferQuery, SubscanRefusal> read_transfer_query(SubscanBody body, bool older);

struct FoundTransfer {
    IndexedBlock const* block = nullptr;
    IndexedTransfer const* transfer = nullptr;
};
struct FoundPage {
    std::uint64_t count = 0; // of all that match, wherever the page is
    std::vector<FoundTransfer> rows;
};
// The rows from `skip` on, up to query.row, of the blocks up to `head`.
FoundPage find_transfers(StandinIndex const& index, TransferQuery const& query, std::uint32_t head,
                         std::uint64_t skip);

// The faults that are done to one request, by kind; null where there is none.
using SubscanFaults = std::array<StandinFault const*, subscan_fault_kinds.size()>;

// One request that was let in.
struct SubscanAsked {
    StandinIndex const& index;
    std::string_view endpoint;
    SubscanBody body;
    SubscanFaults const& faults;
};

struct StandinSubscan::Impl {
    Impl(pipeline::Clock const& with, Options what)
        : clock(with)
        , options(std::move(what))
        , fault_requests(options.scenario.faults.size(), 0) {}

    // -- letting in (standin_subscan.cpp) --
    struct Quota {
        std::deque<pipeline::Nanoseconds> answered; // within the last second, oldest first
        std::uint64_t day = 0, answered_in_day = 0; // days since 1970
    };
    bool admit(); // counts the request, unless it is over quota
    void add_quota(io::HttpHeaders& headers, bool refused) const;
    bool knows(std::string_view key) const;
    StandinIndex* chain_of(std::string_view path);
    SubscanFaults faults_of(std::string_view endpoint);
    std::optional<StandinReply> broken(SubscanFaults const& faults, std::string_view endpoint);
    StandinReply gateway(unsigned status, std::string_view message);
    StandinReply enveloped(SubscanData const& data);

    // -- answers (standin_subscan_answers.cpp) --
    struct Endpoint {
        std::string_view path;
        SubscanData (Impl::*answer)(SubscanAsked const&) = nullptr;
        bool get = false; // also with GET
    };
    // Null where Subscan has no such path for that method.
    static Endpoint const* find_endpoint(std::string_view path, std::string_view method);
    SubscanData metadata(SubscanAsked const& asked);
    SubscanData block(SubscanAsked const& asked);
    SubscanData token(SubscanAsked const& asked);
    SubscanData search(SubscanAsked const& asked);
    SubscanData accounts(SubscanAsked const& asked);
    SubscanData price(SubscanAsked const& asked);
    SubscanData now(SubscanAsked const& asked);
    std::uint64_t unix_s() const { return clock.unix_milliseconds() / 1'000; }
    std::uint32_t head(StandinIndex const& index) const;
    std::uint32_t finalized(StandinIndex const& index) const;

    // -- pages of transfers (standin_subscan_pages.cpp) --
    SubscanData transfers(SubscanAsked const& asked);
    std::string row(StandinIndex const& index, FoundTransfer const& found,
                    SubscanFaults const& faults) const;

    pipeline::Clock const& clock;
    Options options;
    std::vector<std::unique_ptr<StandinIndex>> chains;
    Quota quota;
    std::vector<std::uint64_t> fault_requests; // seen so far, by fault
    SubscanCounters counters;
    simdjson::dom::parser parser;
};

// {"address":…,"display":…,…}: who an account is, in every shape that shows one. `nulls`: members
// that may be null are.
std::string account_display(StandinIndex const& index, decoders::Account const& account,
                            bool nulls);
// A JSON string, with its quotes.
std::string json_text(std::string_view text);

} // namespace stages
