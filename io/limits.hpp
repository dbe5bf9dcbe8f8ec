// Every length, count and time that comes from outside is compared with a number on this page
// before it is used. Constants are defaults or hard limits; each has a test in tests/io.
#pragma once

#include "pipeline/types.hpp"

namespace io::limits {

inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;

inline constexpr std::size_t url_bytes_max = 2048;
inline constexpr std::size_t host_bytes_max = 253; // RFC 1035
inline constexpr std::size_t unix_path_bytes_max = 107;

inline constexpr std::size_t http_head_bytes_max = 16 * kib;
inline constexpr std::size_t http_headers_max = 100;
inline constexpr std::size_t http_body_bytes_max = 64 * kib;        // of a request to this process
inline constexpr std::size_t http_chunk_line_bytes_max = 4 * kib;   // or the whole trailer
inline constexpr std::size_t http_interim_max = 8;                  // 1xx before the response
inline constexpr std::size_t http_request_body_bytes_max = 1 * mib; // of a request of ours

// Metadata as hex text is above 1.4 MB on today's chains and grows with each runtime.
inline constexpr std::size_t websocket_message_bytes_max = 32 * mib;
inline constexpr std::size_t websocket_frame_bytes_max = 32 * mib;
inline constexpr std::size_t websocket_control_bytes_max = 125; // RFC 6455 section 5.5
inline constexpr std::size_t websocket_fragments_max = 65'536;  // frames of one message

// What may wait for a slow reader before its connection is given up.
inline constexpr std::size_t outbox_bytes_max = 64 * mib;
// What is read ahead of the consumer; no more is asked of the socket until it is taken.
inline constexpr std::size_t inbox_bytes = 64 * kib;

inline constexpr std::size_t server_connections_max = 256;
inline constexpr std::size_t admin_connections_max = 64;
inline constexpr std::size_t admin_line_bytes_max =
    16 * kib; // below inbox_bytes, which must hold a line
inline constexpr std::size_t admin_reply_bytes_max = 64 * mib;
inline constexpr std::size_t resolved_addresses_max = 16;
inline constexpr std::size_t lookups_max = 64;

inline constexpr std::size_t append_buffer_bytes_max = 8 * mib;
inline constexpr std::size_t file_bytes_max = 64 * mib;
inline constexpr std::size_t secret_bytes_max = 4 * kib;

inline constexpr pipeline::Nanoseconds handshake_timeout = 10 * pipeline::second;
inline constexpr pipeline::Nanoseconds ping_interval = 20 * pipeline::second;
inline constexpr pipeline::Nanoseconds pong_timeout = 10 * pipeline::second;
inline constexpr pipeline::Nanoseconds close_timeout = 3 * pipeline::second;
// What a server's Retry-After is taken for at the most.
inline constexpr std::uint64_t retry_after_s_max = 3'600;
// A listener that ran out of file descriptors asks again after this long.
inline constexpr pipeline::Nanoseconds accept_pause = 100 * pipeline::millisecond;

} // namespace io::limits
