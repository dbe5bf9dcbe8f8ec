// The byte seam. Everything above it (TLS, HTTP, WebSocket, the stages) sees only these three
// interfaces, so it runs unchanged on io_uring, in memory and in the simulator.
//
// Pull style: no call waits and nothing calls back. The thread that owns the network's Poller also
// owns every object made by it: it drives the poller, then asks its streams what happened. Not
// asking is not reading, which is how back-pressure reaches the peer.
//
//      opening ──▶ open ──▶ closed          ended(): the peer sends no more, we still may
//         └──────────────────▲
//
// A network outlives its streams and listeners. Destroying a stream closes it at once.
#pragma once

#include "io/error.hpp"
#include "io/limits.hpp"
#include "pipeline/types.hpp"

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace io {

// Who is at the other end of a Unix socket (SO_PEERCRED).
struct Credentials {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int32_t pid = 0;
};

enum class StreamState { opening, open, closed };

class Stream {
  public:
    virtual ~Stream() = default;

    // Also where deadlines are noticed: an opening past its deadline becomes closed with `timeout`.
    virtual StreamState state() = 0;
    // Why it is closed; null after our own close(). Valid as long as the stream.
    virtual Error const* error() const = 0;

    // Bytes received and not consumed, contiguous; valid until consume() or the next poll of the
    // poller. May be non-empty in any state.
    virtual pipeline::Bytes readable() = 0;
    virtual void consume(std::size_t bytes) = 0;
    // The peer has finished sending: what is readable is all there is.
    virtual bool ended() = 0;
    // Monotonic time at which the newest readable bytes came off the socket.
    virtual pipeline::Nanoseconds received() const = 0;

    // Takes what fits into the outbox and returns how much that was; 0 unless open.
    virtual std::size_t write(pipeline::Bytes bytes) = 0;
    // How much write() would take.
    virtual std::size_t room() = 0;
    // Bytes taken and not yet accepted by the kernel.
    virtual std::size_t unsent() = 0;

    // Tells the peer that nothing follows, once the outbox is empty. Reading goes on.
    virtual void shutdown() = 0;
    // Closes at once and drops the outbox.
    virtual void close() = 0;

    // The latest moment to ask state() again; `never` when no deadline runs.
    virtual pipeline::Nanoseconds next_deadline() const = 0;
    // "127.0.0.1:9944", "unix", for logs.
    virtual std::string_view peer() const = 0;
    virtual std::optional<Credentials> credentials() const { return std::nullopt; }
};

class Listener {
  public:
    virtual ~Listener() = default;
    // The next waiting connection, or null. Not asking leaves further ones in the kernel's backlog.
    virtual std::unique_ptr<Stream> accept() = 0;
    // The bound port (port 0 asked for any); 0 for Unix sockets.
    virtual std::uint16_t port() const = 0;
    virtual pipeline::Nanoseconds next_deadline() const = 0;
    // What went wrong last time, for instance too_many_files; null if nothing has.
    virtual Error const* error() const = 0;
};

struct Endpoint {
    std::string host; // name or address literal, without brackets
    std::uint16_t port = 0;
    bool tls = false;
    std::string ca_file{};     // trusted in addition to the system's store; PEM
    std::string server_name{}; // for SNI and the certificate check; empty: host
    std::size_t outbox_bytes_max = limits::outbox_bytes_max;
};

class Network {
  public:
    virtual ~Network() = default;
    // Never null: a failure shows as a closed stream with its error. The deadline (monotonic)
    // covers name resolution, every address tried, and the TLS handshake.
    virtual std::unique_ptr<Stream> connect(Endpoint const& endpoint,
                                            pipeline::Nanoseconds deadline) = 0;
    // host: address literal, "localhost", or "*" (every interface).
    [[nodiscard]] virtual std::expected<std::unique_ptr<Listener>, Error>
    listen(std::string_view host, std::uint16_t port) = 0;
    // Replaces a stale socket file, refuses a live one (already_running). mode: permission bits.
    [[nodiscard]] virtual std::expected<std::unique_ptr<Listener>, Error>
    listen_unix(std::string const& path, unsigned mode) = 0;
};

} // namespace io
