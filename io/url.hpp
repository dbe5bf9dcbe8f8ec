// ws:// wss:// http:// https:// URLs and host:port addresses, as far as this program needs them.
//
// Pure functions, any thread. Errors carry the column (1-based) of the first wrong character.
// User names and passwords in a URL are refused: secrets belong in files (interface.md section 4).
#pragma once

#include "io/error.hpp"

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace io {

struct Url {
    enum class Scheme { ws, wss, http, https };

    Scheme scheme = Scheme::ws;
    std::string host;         // without brackets; an IPv6 literal has colons
    std::uint16_t port = 0;   // filled from the scheme when absent
    std::string target = "/"; // path and query, never empty, no fragment

    bool tls() const { return scheme == Scheme::wss || scheme == Scheme::https; }
    bool websocket() const { return scheme == Scheme::ws || scheme == Scheme::wss; }
    // As in a Host header: brackets for IPv6, the port only where it is not the scheme's own.
    std::string authority() const;
};

// "127.0.0.1:3000", "[::1]:3000", "localhost:0", "*:3000".
struct HostPort {
    std::string host;
    std::uint16_t port = 0;
};

std::expected<Url, Error> parse_url(std::string_view text);
std::expected<HostPort, Error> parse_host_port(std::string_view text);

} // namespace io
