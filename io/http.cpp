#include "io/http.hpp"

#include <boost/beast/http.hpp>

#include <algorithm>
#include <optional>

namespace io {

namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

bool equal_without_case(std::string_view a, std::string_view b) {
    return beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

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

void append_header(std::string& text, std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\r\n");
}

} // namespace

std::string_view find_header(HttpHeaders const& headers, std::string_view name) {
    for (auto const& [key, value] : headers)
        if (equal_without_case(key, name)) return value;
    return {};
}

bool header_has_token(HttpHeaders const& headers, std::string_view name, std::string_view token) {
    for (auto const& [key, value] : headers) {
        if (!equal_without_case(key, name)) continue;
        std::string_view rest = value;
        while (!rest.empty()) {
            std::size_t const comma = std::min(rest.find(','), rest.size());
            if (equal_without_case(trimmed(rest.substr(0, comma)), token)) return true;
            rest.remove_prefix(std::min(comma + 1, rest.size()));
        }
    }
    return false;
}

std::string write_response(HttpResponse const& response, bool keep_alive, bool body_sent) {
    std::string text = "HTTP/1.1 " + std::to_string(response.status) + " ";
    auto const reason = http::obsolete_reason(http::int_to_status(response.status));
    text.append(reason.data(), reason.size()).append("\r\n");
    for (auto const& [name, value] : response.headers) append_header(text, name, value);
    bool const upgrade = response.status == 101;
    if (!upgrade) {
        append_header(text, "Content-Length", std::to_string(response.body.size()));
        append_header(text, "Connection", keep_alive ? "keep-alive" : "close");
    }
    text.append("\r\n");
    if (body_sent && !upgrade) text.append(response.body);
    return text;
}

std::string write_request(HttpRequest const& request) {
    std::string text = request.method + " " + request.target + " HTTP/1.1\r\n";
    for (auto const& [name, value] : request.headers) append_header(text, name, value);
    return text.append("\r\n");
}

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
    // The head grows until it is complete; only then the parser sees it.
    std::expected<std::size_t, Error> feed_head(pipeline::Bytes bytes) {
        std::size_t const before = head.size();
        head.append(pipeline::as_text(bytes));
        std::size_t const end = head.find("\r\n\r\n", before < 3 ? 0 : before - 3);
        std::size_t const size = end == std::string::npos ? head.size() : end + 4;
        if (size > limits::http_head_bytes_max)
            return std::unexpected(Error{Code::http_head_too_large, 0, "request"});
        if (!may_be_request())
            return std::unexpected(Error{Code::http_malformed, 0, "no request line"});
        if (end == std::string::npos) return bytes.size();
        head.resize(size);
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
        return size - before;
    }
    // What cannot become a head is refused by its first bytes, not collected up to the limit.
    bool may_be_request() const {
        std::size_t const method = std::min(head.find(' '), longest_method);
        std::string_view const start = std::string_view(head).substr(0, method);
        return std::ranges::all_of(start, [](char c) { return c >= 'A' && c <= 'Z'; });
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

std::expected<std::size_t, Error> HttpResponseHeadParser::feed(pipeline::Bytes bytes) {
    std::size_t const before = head_.size();
    head_.append(pipeline::as_text(bytes));
    std::size_t const end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
    std::size_t const size = end == std::string::npos ? head_.size() : end + 4;
    if (size > limits::http_head_bytes_max)
        return std::unexpected(Error{Code::http_head_too_large, 0, "response"});
    constexpr std::string_view start = "HTTP/1.";
    std::size_t const known = std::min(head_.size(), start.size());
    if (std::string_view(head_).substr(0, known) != start.substr(0, known))
        return std::unexpected(Error{Code::http_malformed, 0, "no status line"});
    if (end == std::string::npos) return bytes.size();
    head_.resize(size);
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
    return size - before;
}

} // namespace io
