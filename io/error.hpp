// What can go wrong between this process and the outside world, as a value. A Code is for programs
// (metrics, retry decisions); describe() is the sentence a person can act on.
//
// Value type, any thread. `system` is an errno (0: none); `detail` says which host, path or limit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace io {

enum class Code {
    // names and addresses
    bad_url,
    bad_address,
    dns_failure,
    // sockets
    refused,
    unreachable,
    reset,
    closed_by_peer,
    timeout,
    port_in_use,
    not_permitted,
    too_many_files,
    socket_failure,
    // TLS
    tls_failure,
    tls_expired,
    tls_not_yet_valid,
    tls_self_signed,
    tls_unknown_authority,
    tls_wrong_host,
    tls_bad_file,
    // HTTP
    http_malformed,
    http_head_too_large,
    http_body_too_large,
    http_bad_request,
    upgrade_refused,
    upgrade_malformed,
    // WebSocket
    protocol_violation,
    frame_too_large,
    message_too_large,
    invalid_utf8,
    binary_message,
    pong_missing,
    outbox_full,
    closed_by_websocket, // the peer's close frame; detail holds its code and reason
    // io_uring
    ring_forbidden,
    ring_failure,
    // files and the admin socket
    file_missing,
    file_too_large,
    file_failure,
    disk_full,
    broken_pipe,
    line_too_long,
    service_not_running,
    already_running,
};

struct [[nodiscard]] Error {
    Code code;
    int system = 0;
    std::string detail{};
    std::uint64_t retry_after_s = 0; // upgrade_refused: the peer asked to be left alone; 0: no
};

// A short stable word for metrics and tests: "refused", "tls_expired".
std::string_view name(Code code);

// "127.0.0.1:9944: connection refused (nothing listens there). Is the node running? [ECONNREFUSED]"
std::string describe(Error const& error);

// The Code that fits an errno of a socket call.
Code code_of_socket(int system);

// The Code that fits an errno of a file call.
Code code_of_file(int system);

} // namespace io
