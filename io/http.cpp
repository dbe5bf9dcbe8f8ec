#include "io/http.hpp"

#include <boost/beast/http.hpp>

#include <algorithm>
#include <optional>

namespace io {

namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

Error error_of(beast::error_code const& failure) {
    Code code = Code::http_malformed;
    if (failure == http::error::header_limit) code = Code::http_head_too_large;
    if (failure == http::error::body_limit) code = Code::http_body_too_large;
    return {code, 0, failure.message()};
}

std::expected<HttpHeaders, Error> copy_headers(http::fields const& fields) {
    HttpHeaders headers;
    for (auto const& field : fields) {
        if (headers.size() == limits::http_headers_max)
            return std::unexpected(Error{Code::http_head_too_large, 0, "too many headers"});
        headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    }
    return headers;
}

constexpr std::size_t longest_method = 7; // OPTIONS, CONNECT

bool may_be_request(std::string_view head) {
    std::size_t const method = std::min(head.find(' '), longest_method);
    return std::ranges::all_of(head.substr(0, method), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool may_be_response(std::string_view head) {
    constexpr std::string_view start = "HTTP/1.";
    std::size_t const known = std::min(head.size(), start.size());
    return head.substr(0, known) == start.substr(0, known);
}

// What cannot become a head is refused by its first bytes, not collected up to the limit.
struct HeadKind {
    std::string_view whose;
    bool (*may_be)(std::string_view head);
    std::string_view otherwise;
};
constexpr HeadKind request_head{"request", may_be_request, "no request line"};
constexpr HeadKind response_head{"response", may_be_response,
                                 "no status line of HTTP/1.1 where a response should be"};

// Up to the end of a head, which grows until it is complete; `head` is cut there.
struct HeadPart {
    std::size_t used;
    bool complete;
};
std::expected<HeadPart, Error> grow_head(std::string& head, pipeline::Bytes bytes,
                                         HeadKind const& kind) {
    std::size_t const before = head.size();
    head.append(pipeline::as_text(bytes));
    if (!kind.may_be(head))
        return std::unexpected(Error{Code::http_malformed, 0, std::string(kind.otherwise)});
    std::size_t const end = head.find("\r\n\r\n", before < 3 ? 0 : before - 3);
    bool const complete = end != std::string::npos;
    if (complete) head.resize(end + 4);
    if (head.size() > limits::http_head_bytes_max)
        return std::unexpected(Error{Code::http_head_too_large, 0, std::string(kind.whose)});
    return HeadPart{head.size() - before, complete};
}

} // namespace

struct HttpRequestParser::Machine {
    using Parser = http::request_parser<http::string_body>;

    std::optional<Parser> parser;
    std::string head; // Beast wants the whole head in one piece
    HttpRequest request;
    bool have_head = false;

    Machine() { restart(); }
    void restart() {
        parser.emplace();
        parser->header_limit(limits::http_head_bytes_max);
        parser->body_limit(limits::http_body_bytes_max);
        parser->eager(true);
        head.clear();
        have_head = false;
    }
    std::expected<std::size_t, Error> put(pipeline::Bytes bytes) {
        beast::error_code failure;
        std::size_t const used =
            parser->put(boost::asio::const_buffer(bytes.data(), bytes.size()), failure);
        if (failure && failure != http::error::need_more) return std::unexpected(error_of(failure));
        return used;
    }
    // The parser sees the head only once it is complete.
    std::expected<std::size_t, Error> feed_head(pipeline::Bytes bytes) {
        auto const part = grow_head(head, bytes, request_head);
        if (!part) return std::unexpected(part.error());
        if (!part->complete) return part->used;
        auto const used = put(pipeline::as_bytes(head));
        if (!used) return used;
        if (!parser->is_header_done())
            return std::unexpected(Error{Code::http_malformed, 0, "incomplete head"});
        // Small bodies need no chunks, and two ways to say where a body ends are one too many.
        if (parser->get().count(http::field::transfer_encoding) > 0)
            return std::unexpected(Error{Code::http_malformed, 0,
                                         "Transfer-Encoding is not taken; send Content-Length"});
        auto headers = copy_headers(parser->get());
        if (!headers) return std::unexpected(headers.error());
        request.headers = std::move(*headers);
        have_head = true;
        return part->used;
    }
};

HttpRequestParser::HttpRequestParser()
    : machine_(std::make_unique<Machine>()) {}
HttpRequestParser::~HttpRequestParser() = default;

bool HttpRequestParser::done() const { return machine_->have_head && machine_->parser->is_done(); }

std::expected<std::size_t, Error> HttpRequestParser::feed(pipeline::Bytes bytes) {
    try {
        std::size_t taken = 0;
        if (!machine_->have_head) {
            auto const used = machine_->feed_head(bytes);
            if (!used) return used;
            taken = *used;
        }
        while (machine_->have_head && !machine_->parser->is_done() && taken < bytes.size()) {
            auto const used = machine_->put(bytes.subspan(taken));
            if (!used) return used;
            if (*used == 0) break;
            taken += *used;
        }
        return taken;
    } catch (std::exception const& failure) {
        return std::unexpected(Error{Code::http_malformed, 0, failure.what()});
    }
}

HttpRequest HttpRequestParser::take() {
    auto& message = machine_->parser->get();
    HttpRequest request = std::move(machine_->request);
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    request.body = std::move(message.body());
    request.keep_alive = message.keep_alive();
    machine_->request = {};
    machine_->restart();
    return request;
}

struct HttpResponseParser::Machine {
    using Parser = http::response_parser<http::string_body>;

    std::size_t body_bytes_max;
    std::optional<Parser> parser{};
    std::string head{};
    HttpHeaders headers{};
    bool have_head = false;
    std::size_t interim = 0;

    void restart() {
        parser.emplace();
        parser->header_limit(limits::http_head_bytes_max);
        parser->body_limit(body_bytes_max);
        parser->eager(true);
        head.clear();
        have_head = false;
    }
    std::expected<std::size_t, Error> put(pipeline::Bytes bytes) {
        beast::error_code failure;
        std::size_t const used =
            parser->put(boost::asio::const_buffer(bytes.data(), bytes.size()), failure);
        if (failure == http::error::body_limit)
            return std::unexpected(Error{Code::http_body_too_large, 0,
                                         "a response's body has over " +
                                             std::to_string(body_bytes_max) +
                                             " bytes (body_bytes_max)"});
        if (failure && failure != http::error::need_more) return std::unexpected(error_of(failure));
        return used;
    }
    std::expected<std::size_t, Error> feed_head(pipeline::Bytes bytes) {
        auto const malformed = [](std::string_view why) {
            return std::unexpected(Error{Code::http_malformed, 0, std::string(why)});
        };
        auto const part = grow_head(head, bytes, response_head);
        if (!part) return std::unexpected(part.error());
        if (!part->complete) return part->used;
        if (auto const used = put(pipeline::as_bytes(head)); !used) return used;
        if (!parser->is_header_done()) return malformed("incomplete head of a response");
        unsigned const status = parser->get().result_int();
        if (status < 100) return malformed("a status below 100");
        if (status == 101) return malformed("status 101, and no upgrade was asked for");
        if (status < 200) {
            if (++interim > limits::http_interim_max)
                return malformed("too many interim responses");
            restart();
            return part->used;
        }
        auto const codings = parser->get().equal_range(http::field::transfer_encoding);
        for (auto it = codings.first; it != codings.second; ++it)
            if (!beast::iequals(it->value(), "chunked"))
                return malformed("a Transfer-Encoding that was not asked for");
        auto copied = copy_headers(parser->get());
        if (!copied) return std::unexpected(copied.error());
        headers = std::move(*copied);
        have_head = true;
        return part->used;
    }
    // Beast takes a chunk's line, and the trailer, in one piece: it is shown so much at a time. It
    // asserts that there is as much as the shortest last chunk, which is always still to come.
    std::expected<std::size_t, Error> feed_body(pipeline::Bytes bytes) {
        if (!parser->chunked()) return put(bytes);
        if (bytes.size() < std::string_view("0\r\n\r\n").size()) return 0;
        bool const filled = bytes.size() >= limits::http_chunk_line_bytes_max;
        if (filled) bytes = bytes.first(limits::http_chunk_line_bytes_max);
        auto const used = put(bytes);
        if (used && *used == 0 && filled && !parser->is_done())
            return std::unexpected(
                Error{Code::http_malformed, 0,
                      "a chunk's line or the trailer is over http_chunk_line_bytes_max"});
        return used;
    }
};

HttpResponseParser::HttpResponseParser(std::size_t body_bytes_max)
    : machine_(std::make_unique<Machine>(body_bytes_max)) {
    machine_->restart();
}
HttpResponseParser::~HttpResponseParser() = default;

bool HttpResponseParser::done() const { return machine_->have_head && machine_->parser->is_done(); }

bool HttpResponseParser::started() const {
    return machine_->have_head || machine_->interim > 0 || !machine_->head.empty();
}

bool HttpResponseParser::keep_alive() const { return machine_->parser->keep_alive(); }

std::string HttpResponseParser::progress() const {
    if (!started()) return "no byte of an answer came";
    if (!machine_->have_head) return "only a part of the answer's head came";
    auto const length = machine_->parser->content_length();
    std::string const so_far = std::to_string(machine_->parser->get().body().size());
    return so_far + (length ? " of " + std::to_string(*length) : std::string()) +
           " body bytes came";
}

std::expected<std::size_t, Error> HttpResponseParser::feed(pipeline::Bytes bytes) {
    try {
        std::size_t taken = 0;
        while (taken < bytes.size() && !done()) {
            pipeline::Bytes const rest = bytes.subspan(taken);
            auto const used =
                machine_->have_head ? machine_->feed_body(rest) : machine_->feed_head(rest);
            if (!used) return used;
            if (*used == 0) break;
            taken += *used;
        }
        return taken;
    } catch (std::exception const& failure) {
        return std::unexpected(Error{Code::http_malformed, 0, failure.what()});
    }
}

std::expected<void, Error> HttpResponseParser::end() {
    if (done()) return {};
    beast::error_code failure = http::error::partial_message;
    if (machine_->have_head) machine_->parser->put_eof(failure);
    if (failure) return std::unexpected(Error{Code::closed_by_peer, 0, progress()});
    return {};
}

HttpResponse HttpResponseParser::take() {
    auto& message = machine_->parser->get();
    HttpResponse response{message.result_int(), std::move(machine_->headers),
                          std::move(message.body())};
    response.body.reserve(response.body.size() + pipeline::json_padding);
    machine_->headers.clear();
    machine_->interim = 0;
    machine_->restart();
    return response;
}

std::expected<std::size_t, Error> HttpResponseHeadParser::feed(pipeline::Bytes bytes) {
    auto const part = grow_head(head_, bytes, response_head);
    if (!part) return std::unexpected(part.error());
    if (!part->complete) return part->used;
    try {
        http::response_parser<http::empty_body> parser;
        parser.header_limit(limits::http_head_bytes_max);
        beast::error_code failure;
        parser.put(boost::asio::const_buffer(head_.data(), head_.size()), failure);
        if (failure && failure != http::error::need_more) return std::unexpected(error_of(failure));
        if (!parser.is_header_done())
            return std::unexpected(Error{Code::http_malformed, 0, "incomplete head"});
        auto headers = copy_headers(parser.get());
        if (!headers) return std::unexpected(headers.error());
        response_ = {parser.get().result_int(), std::move(*headers), {}};
    } catch (std::exception const& failure) {
        return std::unexpected(Error{Code::http_malformed, 0, failure.what()});
    }
    done_ = true;
    return part->used;
}

} // namespace io
