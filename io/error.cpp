#include "io/error.hpp"

#include <array>
#include <cerrno>
#include <cstring>

namespace io {

namespace {

struct Row {
    Code code;
    std::string_view name;
    std::string_view sentence;
};

// One row a Code: what happened, then what to do.
constexpr std::array rows{
    Row{Code::bad_url, "bad_url", "this is no usable URL"},
    Row{Code::bad_address, "bad_address",
        "this is no listening address; write HOST:PORT, for instance 127.0.0.1:3000"},
    Row{Code::dns_failure, "dns_failure",
        "the name could not be resolved; check the spelling and the machine's DNS"},
    Row{Code::refused, "refused",
        "connection refused; nothing listens there: is the node running, is the port right?"},
    Row{Code::unreachable, "unreachable",
        "no route to the host; check the address, the network and the firewall"},
    Row{Code::reset, "reset",
        "the peer reset the connection; it may have restarted or dropped us, see its log"},
    Row{Code::closed_by_peer, "closed_by_peer", "the peer closed the connection"},
    Row{Code::timeout, "timeout",
        "no answer in time; the peer is overloaded, gone, or a firewall drops packets"},
    Row{Code::port_in_use, "port_in_use",
        "the address is in use; stop the other program (ss -ltnp shows it) or choose another"},
    Row{Code::not_permitted, "not_permitted",
        "not permitted; check the owner, the group and the mode, and ports below 1024"},
    Row{Code::too_many_files, "too_many_files",
        "out of file descriptors; raise LimitNOFILE (ulimit -n)"},
    Row{Code::socket_failure, "socket_failure", "a socket call failed"},
    Row{Code::tls_failure, "tls_failure",
        "the TLS handshake failed; is this a TLS port, does the peer speak TLS 1.2 or later?"},
    Row{Code::tls_expired, "tls_expired",
        "the server's certificate has expired; renew it there, or check this machine's clock"},
    Row{Code::tls_not_yet_valid, "tls_not_yet_valid",
        "the server's certificate is not valid yet; check this machine's clock"},
    Row{Code::tls_self_signed, "tls_self_signed",
        "the server's certificate is self-signed; give its CA with ca_file if you trust it"},
    Row{Code::tls_unknown_authority, "tls_unknown_authority",
        "the server's certificate comes from an unknown authority; install ca-certificates "
        "or give the CA with ca_file"},
    Row{Code::tls_wrong_host, "tls_wrong_host",
        "the server's certificate is for another host name; check the URL"},
    Row{Code::tls_bad_file, "tls_bad_file",
        "a certificate or key file could not be used; it must be readable PEM"},
    Row{Code::http_malformed, "http_malformed",
        "the peer does not speak HTTP/1.1; is this the right port?"},
    Row{Code::http_head_too_large, "http_head_too_large",
        "the HTTP head is over the limit (http_head_bytes_max, http_headers_max)"},
    Row{Code::http_body_too_large, "http_body_too_large",
        "the HTTP body is over the limit (http_body_bytes_max)"},
    Row{Code::http_bad_request, "http_bad_request",
        "this cannot be sent as an HTTP request; a key or a path in the configuration may hold a "
        "line break or another character that does not belong there"},
    Row{Code::upgrade_refused, "upgrade_refused",
        "the server refused the WebSocket upgrade; check the path and any proxy in between"},
    Row{Code::upgrade_malformed, "upgrade_malformed",
        "the server's WebSocket upgrade is not as RFC 6455 wants it; is a proxy in between?"},
    Row{Code::protocol_violation, "protocol_violation",
        "the peer broke the WebSocket protocol (RFC 6455)"},
    Row{Code::frame_too_large, "frame_too_large",
        "a WebSocket frame is over the limit (frame_bytes_max)"},
    Row{Code::message_too_large, "message_too_large",
        "a message is over the limit (message_bytes_max)"},
    Row{Code::invalid_utf8, "invalid_utf8", "a text message is not UTF-8"},
    Row{Code::binary_message, "binary_message", "a binary message came where only text is spoken"},
    Row{Code::pong_missing, "pong_missing",
        "the peer went silent and left a ping unanswered; the connection is half open or it hangs"},
    Row{Code::outbox_full, "outbox_full",
        "the peer reads too slowly and the outbox is full (outbox_bytes_max)"},
    Row{Code::closed_by_websocket, "closed_by_websocket",
        "the peer closed the WebSocket with a code and reason"},
    Row{Code::ring_forbidden, "ring_forbidden",
        "io_uring is forbidden here; a container's seccomp profile must allow io_uring_setup, "
        "io_uring_enter and io_uring_register, and sysctl kernel.io_uring_disabled must be 0"},
    Row{Code::ring_failure, "ring_failure",
        "io_uring could not be set up; Linux 6.1 or later is needed, and LimitMEMLOCK may be low"},
    Row{Code::file_missing, "file_missing", "no such file or directory"},
    Row{Code::file_too_large, "file_too_large", "the file is over the limit"},
    Row{Code::file_failure, "file_failure", "a file operation failed"},
    Row{Code::disk_full, "disk_full",
        "the disk is full; make room, what is waiting is written by itself then"},
    Row{Code::broken_pipe, "broken_pipe", "the reader of the output went away"},
    Row{Code::line_too_long, "line_too_long", "the line is over the limit (line_bytes_max)"},
    Row{Code::service_not_running, "service_not_running",
        "the service is not reachable; start it, or give its socket with -s"},
    Row{Code::already_running, "already_running",
        "another process answers on this socket; is the service running already?"},
};

constexpr Row const& row_of(Code code) { return rows[static_cast<std::size_t>(code)]; }

consteval bool rows_in_order() {
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i].code != static_cast<Code>(i)) return false;
    return rows.size() == static_cast<std::size_t>(Code::already_running) + 1;
}
static_assert(rows_in_order(), "one row for each Code, in the order of the enum");

} // namespace

std::string_view name(Code code) { return row_of(code).name; }

std::string describe(Error const& error) {
    std::string text;
    if (!error.detail.empty()) text.append(error.detail).append(": ");
    text.append(row_of(error.code).sentence);
    if (error.system != 0) {
        char const* const symbol = strerrorname_np(error.system);
        text.append(" [").append(symbol ? symbol : std::to_string(error.system)).append("]");
    }
    return text;
}

Code code_of_socket(int system) {
    switch (system) {
    case ECONNREFUSED: return Code::refused;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN: return Code::unreachable;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE: return Code::reset;
    case ETIMEDOUT: return Code::timeout;
    case EADDRINUSE: return Code::port_in_use;
    case EACCES:
    case EPERM: return Code::not_permitted;
    case EMFILE:
    case ENFILE: return Code::too_many_files;
    case EADDRNOTAVAIL: return Code::bad_address;
    default: return Code::socket_failure;
    }
}

Code code_of_file(int system) {
    switch (system) {
    case ENOENT:
    case ENOTDIR: return Code::file_missing;
    case EACCES:
    case EPERM:
    case EROFS: return Code::not_permitted;
    case EMFILE:
    case ENFILE: return Code::too_many_files;
    case ENOSPC:
    case EDQUOT: return Code::disk_full;
    case EPIPE: return Code::broken_pipe;
    case EFBIG: return Code::file_too_large;
    default: return Code::file_failure;
    }
}

} // namespace io
