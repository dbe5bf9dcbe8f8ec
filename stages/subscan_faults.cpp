#include "stages/subscan_faults.hpp"

#include "decoders/subscan.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace stages {
namespace {

using Fault = SubscanFault;

struct FaultRow {
    std::string_view name;
    bool permanent;
    HostWord host;
    std::string_view meaning;
};
constexpr std::array fault_rows{
    FaultRow{"none", false, HostWord::good, "all is well"},
    FaultRow{"no_record", true, HostWord::good, "Subscan knows nothing of it"},
    FaultRow{"limited", false, HostWord::nothing,
             "the key is used too often, here or by somebody else"},
    FaultRow{"unauthorized", true, HostWord::good, "the API key is refused"},
    FaultRow{"plan", true, HostWord::good, "the plan of the API key does not have this"},
    FaultRow{"bad_request", true, HostWord::good,
             "the request is refused and will be again; it is not repeated"},
    FaultRow{"paging_limit", true, HostWord::good,
             "there are more rows than pages may reach; after_id goes on"},
    FaultRow{"not_found", true, HostWord::good, "this host does not have the path"},
    FaultRow{"server", false, HostWord::bad, "Subscan is in trouble"},
    FaultRow{"timeout", false, HostWord::bad, "no answer in time"},
    FaultRow{"transport", false, HostWord::bad, "the connection failed"},
    FaultRow{"garbage", false, HostWord::bad,
             "that is not an answer of Subscan; is a proxy in the way?"},
    FaultRow{"too_large", false, HostWord::bad, "the answer is longer than is read"},
    FaultRow{"shed", false, HostWord::nothing, "it was not sent in time"},
};
static_assert(fault_rows.size() == subscan_faults);

FaultRow const& row_of(Fault fault) { return fault_rows[static_cast<std::size_t>(fault)]; }

struct ErrorRow {
    io::Code error;
    Fault fault;
};
constexpr std::array error_rows{
    ErrorRow{io::Code::timeout, Fault::timeout},
    ErrorRow{io::Code::http_malformed, Fault::garbage},
    ErrorRow{io::Code::http_head_too_large, Fault::garbage},
    ErrorRow{io::Code::http_body_too_large, Fault::too_large},
    ErrorRow{io::Code::http_bad_request, Fault::bad_request}, // of ours, and it was not sent
}; // any other is of the transport

// Rows about the body hold where the status leaves the word to it: 2xx and 400.
enum class Body : std::uint8_t {
    any,
    says_limit,     // its message speaks of the rate, and it is no success
    code,           // between `low` and `high`
    no_code_on_key, // no envelope, and its message speaks of the key
};
struct Row {
    unsigned status_low, status_high;
    Body body;
    std::int64_t low, high;
    Fault fault;
};
constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

constexpr Row by_status(unsigned low, unsigned high, Fault fault) {
    return {low, high, Body::any, 0, 0, fault};
}
constexpr Row by_code(unsigned status, std::int64_t low, std::int64_t high, Fault fault) {
    return {status, status == 200 ? 299 : status, Body::code, low, high, fault};
}

// The first that fits.
constexpr std::array rows{
    by_status(429, 429, Fault::limited),
    by_status(401, 401, Fault::unauthorized),
    by_status(402, 403, Fault::plan),
    by_status(404, 404, Fault::not_found),
    by_status(408, 408, Fault::timeout),
    by_status(500, 599, Fault::server),
    Row{200, 299, Body::says_limit, 0, 0, Fault::limited},
    Row{400, 400, Body::says_limit, 0, 0, Fault::limited},
    by_code(200, decoders::subscan_ok, decoders::subscan_ok, Fault::none),
    by_code(200, decoders::subscan_no_record, decoders::subscan_no_record, Fault::no_record),
    by_code(400, decoders::subscan_no_record, decoders::subscan_no_record, Fault::no_record),
    by_code(200, decoders::subscan_paging_limit, decoders::subscan_paging_limit,
            Fault::paging_limit),
    by_code(400, decoders::subscan_paging_limit, decoders::subscan_paging_limit,
            Fault::paging_limit),
    by_code(200, 429, 429, Fault::limited),
    by_code(200, 401, 401, Fault::unauthorized),
    by_code(200, 402, 403, Fault::plan),
    by_code(200, 404, 404, Fault::not_found),
    by_code(200, 500, 599, Fault::server), // subscan-essentials: a deadline
    by_code(200, least, most, Fault::bad_request),
    Row{200, 299, Body::no_code_on_key, 0, 0, Fault::unauthorized},
    by_status(400, 499, Fault::bad_request),
    by_status(0, ~0U, Fault::garbage),
};

constexpr std::size_t message_read_max = 512; // what matters stands at the beginning

bool speaks_of(std::string_view message, std::string_view words) {
    auto const same = [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    };
    return !std::ranges::search(message.substr(0, message_read_max), words, same).empty();
}

bool fits(Row const& row, SubscanSeen const& seen) {
    if (seen.status < row.status_low || seen.status > row.status_high) return false;
    switch (row.body) {
    case Body::any: return true;
    case Body::says_limit:
        return seen.json && seen.code != decoders::subscan_ok &&
               speaks_of(seen.message, "rate limit");
    case Body::code:
        return seen.json && seen.code && *seen.code >= row.low && *seen.code <= row.high;
    case Body::no_code_on_key: break;
    }
    return seen.json && !seen.code && speaks_of(seen.message, "api key");
}

} // namespace

std::string_view to_text(Fault fault) { return row_of(fault).name; }
bool permanent(Fault fault) { return row_of(fault).permanent; }
std::string_view meaning(Fault fault) { return row_of(fault).meaning; }
HostWord word_on_host(Fault fault) { return row_of(fault).host; }

SubscanFault classify(SubscanSeen const& seen) {
    if (seen.error) {
        for (ErrorRow const& row : error_rows)
            if (row.error == *seen.error) return row.fault;
        return Fault::transport;
    }
    for (Row const& row : rows)
        if (fits(row, seen)) return row.fault;
    return Fault::garbage;
}

} // namespace stages
