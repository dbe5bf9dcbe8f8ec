#include "stages/subscan_faults.hpp"

#include <gtest/gtest.h>

#include <set>

using namespace stages;
using Fault = SubscanFault;

namespace {

struct Case {
    SubscanSeen seen;
    Fault fault;
};

SubscanSeen error(io::Code code) { return {.error = code}; }
// No JSON at all: a page of a proxy, an empty body.
SubscanSeen bare(unsigned status) { return {.status = status}; }
SubscanSeen coded(unsigned status, std::int64_t code, std::string_view message = {}) {
    return {.status = status, .json = true, .code = code, .message = message};
}
SubscanSeen codeless(unsigned status, std::string_view message) {
    return {.status = status, .json = true, .message = message};
}

// What each means is said by subscan-OpenAPI's tables of statuses and codes.
std::vector<Case> const cases{
    {error(io::Code::timeout), Fault::timeout},
    {error(io::Code::refused), Fault::transport},
    {error(io::Code::reset), Fault::transport},
    {error(io::Code::closed_by_peer), Fault::transport},
    {error(io::Code::dns_failure), Fault::transport},
    {error(io::Code::tls_expired), Fault::transport},
    {error(io::Code::unreachable), Fault::transport},
    {error(io::Code::http_malformed), Fault::garbage},
    {error(io::Code::http_head_too_large), Fault::garbage},
    {error(io::Code::http_body_too_large), Fault::too_large},
    {error(io::Code::http_bad_request), Fault::bad_request},

    {coded(200, 0, "Success"), Fault::none},
    {coded(200, 0, "the rate limit is none of this answer's business"), Fault::none},
    {coded(206, 0), Fault::none},
    {coded(200, 10'001, "Params Error"), Fault::bad_request},
    {coded(200, 10'002, "Invalid Account Address"), Fault::bad_request},
    {coded(200, 10'004, "Record Not Found"), Fault::no_record},
    {coded(200, 10'005, "Paging limit exceeded, please use the after_id parameter to continue"),
     Fault::paging_limit},
    {coded(200, 400, "whatever it was"), Fault::bad_request},
    {coded(200, 400, "API rate limit exceeded"), Fault::limited},
    {coded(200, 401, "no"), Fault::unauthorized},
    {coded(200, 402, "no"), Fault::plan},
    {coded(200, 404, "no"), Fault::not_found},
    {coded(200, 429, "no"), Fault::limited},
    {coded(200, 500, "context deadline exceeded"), Fault::server},
    {coded(200, 77'777, "?"), Fault::bad_request},
    {coded(200, -1, "?"), Fault::bad_request},
    {codeless(200, "API rate limit exceeded"), Fault::limited},
    {codeless(200, "api RATE LIMIT exceeded"), Fault::limited},
    {codeless(200, "No API key found in request"), Fault::unauthorized},
    {codeless(200, "hello"), Fault::garbage},
    {codeless(200, ""), Fault::garbage},
    {bare(200), Fault::garbage},
    {bare(204), Fault::garbage},

    {codeless(429, "API rate limit exceeded"), Fault::limited},
    {bare(429), Fault::limited},
    {coded(429, 0), Fault::limited},
    {codeless(401, "Invalid authentication credentials"), Fault::unauthorized},
    {bare(401), Fault::unauthorized},
    {coded(402, 402, "payment"), Fault::plan},
    {bare(403), Fault::plan},
    {bare(404), Fault::not_found},
    {coded(404, 10'004), Fault::not_found},
    {bare(408), Fault::timeout},
    {coded(400, 10'001, "Params Error"), Fault::bad_request},
    {coded(400, 10'004, "Record Not Found"), Fault::no_record},
    {coded(400, 10'005, "Paging limit exceeded"), Fault::paging_limit},
    {codeless(400, "API rate limit exceeded"), Fault::limited},
    {coded(400, 0, "Success"), Fault::bad_request},
    {bare(400), Fault::bad_request},
    {bare(405), Fault::bad_request},
    {bare(413), Fault::bad_request},
    {bare(500), Fault::server},
    {coded(500, 0, "Success"), Fault::server},
    {bare(502), Fault::server},
    {bare(503), Fault::server},
    {bare(504), Fault::server},
    {bare(301), Fault::garbage},
    {coded(302, 0), Fault::garbage},
    {bare(101), Fault::garbage},
    {bare(0), Fault::garbage},
    {bare(600), Fault::garbage},
};

} // namespace

TEST(SubscanFaults, every_way_to_answer_has_its_fault) {
    for (Case const& one : cases)
        EXPECT_EQ(to_text(classify(one.seen)), to_text(one.fault))
            << (one.seen.error ? io::name(*one.seen.error) : "status") << ' ' << one.seen.status
            << " code " << one.seen.code.value_or(-77) << " \"" << one.seen.message << '"';
}

TEST(SubscanFaults, every_fault_but_shed_can_come) {
    std::set<Fault> seen;
    for (Case const& one : cases) seen.insert(classify(one.seen));
    EXPECT_EQ(seen.size(), subscan_faults - 1);
    EXPECT_FALSE(seen.contains(Fault::shed));
}

TEST(SubscanFaults, a_message_is_read_at_its_beginning_only) {
    std::string message(512, ' ');
    message += "rate limit";
    EXPECT_EQ(classify(codeless(200, message)), Fault::garbage);
    EXPECT_EQ(classify(codeless(200, std::string_view(message).substr(10))), Fault::limited);
}

TEST(SubscanFaults, says_what_asking_again_would_bring) {
    for (Fault const fault : {Fault::no_record, Fault::unauthorized, Fault::plan,
                              Fault::bad_request, Fault::paging_limit, Fault::not_found})
        EXPECT_TRUE(permanent(fault)) << to_text(fault);
    for (Fault const fault : {Fault::none, Fault::limited, Fault::server, Fault::timeout,
                              Fault::transport, Fault::garbage, Fault::too_large, Fault::shed})
        EXPECT_FALSE(permanent(fault)) << to_text(fault);
}

TEST(SubscanFaults, a_host_fails_only_when_it_is_the_host) {
    for (Fault const fault :
         {Fault::server, Fault::timeout, Fault::transport, Fault::garbage, Fault::too_large})
        EXPECT_EQ(word_on_host(fault), HostWord::bad) << to_text(fault);
    for (Fault const fault : {Fault::none, Fault::no_record, Fault::unauthorized, Fault::plan,
                              Fault::bad_request, Fault::paging_limit, Fault::not_found})
        EXPECT_EQ(word_on_host(fault), HostWord::good) << to_text(fault);
    EXPECT_EQ(word_on_host(Fault::limited), HostWord::nothing);
    EXPECT_EQ(word_on_host(Fault::shed), HostWord::nothing);
}
