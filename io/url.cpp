#include "io/url.hpp"

#include "io/limits.hpp"

#include <array>
#include <charconv>

namespace io {

namespace {

struct SchemeRow {
    std::string_view prefix;
    Url::Scheme scheme;
    std::uint16_t port;
};

constexpr std::array schemes{
    SchemeRow{"ws://", Url::Scheme::ws, 80},
    SchemeRow{"wss://", Url::Scheme::wss, 443},
    SchemeRow{"http://", Url::Scheme::http, 80},
    SchemeRow{"https://", Url::Scheme::https, 443},
};

std::unexpected<Error> wrong(Code code, std::string_view text, std::size_t at,
                             std::string_view why) {
    std::string detail = "\"";
    detail.append(text.substr(0, 100)).append("\", column ").append(std::to_string(at + 1));
    detail.append(": ").append(why);
    return std::unexpected(Error{code, 0, std::move(detail)});
}

bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

bool is_ipv6_character(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
           c == '.';
}

// host or [ipv6], from `at`; moves `at` behind it.
std::expected<std::string, Error> take_host(Code code, std::string_view text, std::size_t& at) {
    std::size_t const begin = at;
    if (at < text.size() && text[at] == '[') {
        std::size_t end = at + 1;
        while (end < text.size() && is_ipv6_character(text[end])) ++end;
        if (end == text.size() || text[end] != ']' || end == at + 1)
            return wrong(code, text, end, "an IPv6 address in brackets must end with ]");
        at = end + 1;
        return std::string(text.substr(begin + 1, end - begin - 1));
    }
    while (at < text.size() && is_host_character(text[at])) ++at;
    if (at == begin) return wrong(code, text, at, "a host name or address is missing");
    if (at - begin > limits::host_bytes_max)
        return wrong(code, text, begin, "the host name is over 253 characters");
    return std::string(text.substr(begin, at - begin));
}

std::expected<std::uint16_t, Error> take_port(Code code, std::string_view text, std::size_t& at,
                                              unsigned lowest) {
    unsigned value = 0;
    char const* const begin = text.data() + at;
    char const* const end = text.data() + text.size();
    auto const [stop, failure] = std::from_chars(begin, end, value);
    if (failure != std::errc{} || value > 65'535 || value < lowest)
        return wrong(code, text, at, "the port must be a number up to 65535");
    at += static_cast<std::size_t>(stop - begin);
    return static_cast<std::uint16_t>(value);
}

// Path and query: visible ASCII only, so that it can stand in a request line as it is.
std::expected<std::string, Error> take_target(std::string_view text, std::size_t at) {
    std::string target;
    if (at == text.size() || text[at] != '/') target = "/";
    for (; at < text.size(); ++at) {
        if (text[at] == '#')
            return wrong(Code::bad_url, text, at, "a fragment (#) has no meaning here");
        if (text[at] <= ' ' || text[at] > '~')
            return wrong(Code::bad_url, text, at,
                         "spaces, control and non-ASCII characters "
                         "must be percent-encoded");
        target.push_back(text[at]);
    }
    return target;
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

} // namespace

std::string Url::authority() const {
    std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
    for (SchemeRow const& row : schemes)
        if (row.scheme == scheme && row.port != port) text += ":" + std::to_string(port);
    return text;
}

std::expected<Url, Error> parse_url(std::string_view text) {
    if (text.size() > limits::url_bytes_max)
        return wrong(Code::bad_url, text, limits::url_bytes_max, "the URL is over 2048 characters");
    Url url;
    SchemeRow const* found = nullptr;
    std::string const lower = lower_case(text.substr(0, 8));
    for (SchemeRow const& row : schemes)
        if (lower.starts_with(row.prefix)) found = &row;
    if (!found)
        return wrong(Code::bad_url, text, 0,
                     "it must begin with ws://, wss://, http:// or "
                     "https://");
    url.scheme = found->scheme;
    url.port = found->port;
    std::size_t at = found->prefix.size();
    std::size_t const authority_end = std::min(text.find_first_of("/?#", at), text.size());
    if (std::size_t const sign = text.find('@', at); sign < authority_end) {
        // The text is not repeated: it may hold a password.
        return std::unexpected(Error{Code::bad_url, 0,
                                     "column " + std::to_string(at + 1) +
                                         ": user names and passwords are refused in a URL"});
    }
    auto host = take_host(Code::bad_url, text, at);
    if (!host) return std::unexpected(host.error());
    url.host = lower_case(*host);
    if (at < text.size() && text[at] == ':') {
        auto const port = take_port(Code::bad_url, text, ++at, 1);
        if (!port) return std::unexpected(port.error());
        url.port = *port;
    }
    if (at < text.size() && text[at] != '/' && text[at] != '?' && text[at] != '#')
        return wrong(Code::bad_url, text, at, "unexpected character after the host");
    auto target = take_target(text, at);
    if (!target) return std::unexpected(target.error());
    url.target = std::move(*target);
    return url;
}

std::expected<HostPort, Error> parse_host_port(std::string_view text) {
    if (text.size() > limits::url_bytes_max)
        return wrong(Code::bad_address, text, limits::url_bytes_max, "too long");
    HostPort result;
    std::size_t at = 0;
    if (text.starts_with("*")) {
        result.host = "*";
        at = 1;
    } else {
        auto host = take_host(Code::bad_address, text, at);
        if (!host) return std::unexpected(host.error());
        result.host = lower_case(*host);
    }
    if (at == text.size() || text[at] != ':')
        return wrong(Code::bad_address, text, at, "a colon and the port are missing");
    auto const port = take_port(Code::bad_address, text, ++at, 0);
    if (!port) return std::unexpected(port.error());
    if (at != text.size())
        return wrong(Code::bad_address, text, at, "unexpected character after the port");
    result.port = *port;
    return result;
}

} // namespace io
