#include "io/http.hpp"

#include <boost/beast/http.hpp>

#include <algorithm>
#include <array>

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

void append_header(std::string& text, std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\r\n");
}

// HEAD is not among them: its answer has the length of a body and no body.
constexpr std::array<std::string_view, 4> methods{"GET", "POST", "PUT", "DELETE"};

// What says where a message begins and ends, and what becomes of the connection.
constexpr std::array<std::string_view, 6> framing{"Host",    "Connection", "Content-Length",
                                                  "Upgrade", "Expect",     "Transfer-Encoding"};

bool is_visible(char c) { return c > ' ' && c <= '~'; }
bool is_token_character(char c) {
    return is_visible(c) && std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string::npos;
}
bool is_control(char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 127; }

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
    if (!request.body.empty() || request.method == "POST" || request.method == "PUT")
        append_header(text, "Content-Length", std::to_string(request.body.size()));
    return text.append("\r\n").append(request.body);
}

std::expected<void, Error> check_request(HttpRequest const& request) {
    auto const unfit = [](std::string why) {
        return std::unexpected(Error{Code::http_bad_request, 0, std::move(why)});
    };
    if (std::ranges::count(methods, request.method) == 0) return unfit("the method");
    if (!request.target.starts_with('/') || !std::ranges::all_of(request.target, is_visible))
        return unfit("the target must begin with / and hold visible ASCII only");
    if (request.target.size() > limits::url_bytes_max)
        return unfit("the target is over url_bytes_max");
    if (request.body.size() > limits::http_request_body_bytes_max)
        return unfit("the body is over http_request_body_bytes_max");
    if (request.headers.size() > limits::http_headers_max) return unfit("over http_headers_max");
    std::size_t bytes = 0;
    for (auto const& [name, value] : request.headers) {
        if (name.empty() || !std::ranges::all_of(name, is_token_character))
            return unfit("a header's name is no token (RFC 9110 section 5.6.2)");
        if (std::ranges::any_of(framing,
                                [&name](auto one) { return equal_without_case(name, one); }))
            return unfit("header " + name + " is not the caller's to give");
        if (std::ranges::any_of(value, is_control)) return unfit("the value of header " + name);
        bytes += name.size() + value.size();
        if (bytes > limits::http_head_bytes_max) return unfit("over http_head_bytes_max");
    }
    return {};
}

} // namespace io
