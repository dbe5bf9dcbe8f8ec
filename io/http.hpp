// HTTP/1.1 without sockets: Boost.Beast's parsers and serializers fed by hand. Server side:
// requests with small bodies. Client side: the head of a reply to an upgrade.
//
// Value-like machines, one thread each, no waiting. Limits: limits::http_*. Fails with http_*
// codes.
#pragma once

#include "io/error.hpp"
#include "io/limits.hpp"

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace io {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// The first value of a header, compared without case; empty if absent.
std::string_view find_header(HttpHeaders const& headers, std::string_view name);
// A comma separated list header (Connection, Upgrade) holds the token, compared without case.
bool header_has_token(HttpHeaders const& headers, std::string_view name, std::string_view token);

struct HttpRequest {
    std::string method;
    std::string target;
    HttpHeaders headers;
    std::string body;
    bool keep_alive = true;
};

struct HttpResponse {
    unsigned status = 200;
    HttpHeaders headers{};
    std::string body{};
};

// Content-Length and Connection are added. body_sent = false for the answer to a HEAD.
std::string write_response(HttpResponse const& response, bool keep_alive, bool body_sent = true);
// A request without body; the target is sent as given.
std::string write_request(HttpRequest const& request);

class HttpRequestParser {
  public:
    HttpRequestParser();
    ~HttpRequestParser();

    // Takes bytes up to the end of one request; returns how many belonged to it. Bytes behind it
    // are not touched (they are WebSocket frames or the next request).
    [[nodiscard]] std::expected<std::size_t, Error> feed(pipeline::Bytes bytes);
    bool done() const;
    // Once done(): the request, and the parser starts afresh.
    HttpRequest take();

  private:
    struct Machine;
    std::unique_ptr<Machine> machine_;
};

// Only the head of a response: what follows an upgrade is not HTTP.
class HttpResponseHeadParser {
  public:
    [[nodiscard]] std::expected<std::size_t, Error> feed(pipeline::Bytes bytes);
    bool done() const { return done_; }
    HttpResponse const& response() const { return response_; }

  private:
    std::string head_;
    bool done_ = false;
    HttpResponse response_;
};

} // namespace io
