// HTTP/1.1 without sockets: Boost.Beast's parsers fed by hand, and the writing (http_write.cpp).
// Server side: requests with small bodies. Client side: whole responses, and the head alone of a
// reply to an upgrade.
//
// Value-like machines, one thread each, no waiting. Limits: limits::http_*. Fails with http_*
// codes. Sources: RFC 9110, RFC 9112.
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
    HttpHeaders headers{};
    std::string body{};
    bool keep_alive = true;
};

struct HttpResponse {
    unsigned status = 200;
    HttpHeaders headers{};
    std::string body{};
};

// Content-Length and Connection are added. body_sent = false for the answer to a HEAD.
std::string write_response(HttpResponse const& response, bool keep_alive, bool body_sent = true);
// As given, but for Content-Length, which is added where the method or a body calls for it.
std::string write_request(HttpRequest const& request);
// Whether a request can go out as one request and nothing else: method, target, header names and
// values without a character that would end them early, every length within its limit, and none of
// the headers that frame a message (Host, Connection, Content-Length, ...). bad_request, by names
// only: a value may be a secret.
std::expected<void, Error> check_request(HttpRequest const& request);

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

// One response to one request that was no HEAD. Its body ends by Content-Length, by its last chunk,
// or with the connection. Interim responses (1xx) are passed over.
class HttpResponseParser {
  public:
    explicit HttpResponseParser(std::size_t body_bytes_max);
    ~HttpResponseParser();

    // Takes bytes up to the end of the response; returns how many it needs no more. The rest of a
    // line that is cut short is left: give it again with what follows. 0 once done().
    [[nodiscard]] std::expected<std::size_t, Error> feed(pipeline::Bytes bytes);
    // The peer has finished sending: what came is a response, or closed_by_peer says how far it is.
    [[nodiscard]] std::expected<void, Error> end();
    bool done() const;
    // Anything came, an interim response too.
    bool started() const;
    // What has come of it so far, in words: "300 of 1000 body bytes came".
    std::string progress() const;
    // Once done(): the connection may carry another request.
    bool keep_alive() const;
    // Once done(): the response, and the parser starts afresh. The body has pipeline::json_padding
    // bytes of capacity behind it.
    HttpResponse take();

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
