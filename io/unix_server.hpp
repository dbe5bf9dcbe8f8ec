// The admin socket: lines in, text out, on a Unix stream socket (mode 0660). Who asks is known from
// SO_PEERCRED. A stale socket file is replaced, a live one is left alone (already_running).
//
// Pull style, one thread: poll() until `none`. Each line is owed an answer: any number of reply(),
// then end_reply(). A client that has finished sending is closed when nothing is owed to it.
// Limits: limits::admin_*. A slow reader whose outbox fills up is closed.
#pragma once

#include "io/stream.hpp"
#include "pipeline/clock.hpp"

#include <vector>

namespace io {

struct UnixServerOptions {
    unsigned mode = 0660;
    std::size_t connections_max = limits::admin_connections_max;
    std::size_t line_bytes_max = limits::admin_line_bytes_max;
};

struct LineEvent {
    enum class Kind { none, line, closed };

    Kind kind = Kind::none;
    std::uint64_t connection = 0; // never reused
    std::string_view line{};      // without its end; valid until the next poll()
    Credentials peer{};
};

class UnixServer {
  public:
    [[nodiscard]] static std::expected<std::unique_ptr<UnixServer>, Error>
    create(Network& network, std::string const& path, pipeline::Clock const& clock,
           UnixServerOptions const& options = {});
    ~UnixServer();

    LineEvent poll();
    // False when the connection is gone or was just given up for its full outbox.
    bool reply(std::uint64_t connection, std::string_view text);
    // The answer to the oldest unanswered line is complete.
    void end_reply(std::uint64_t connection);
    // No more lines are taken; closes when everything is sent, at the latest after close_timeout.
    void finish(std::uint64_t connection);

    std::size_t connections() const { return connections_.size(); }
    pipeline::Nanoseconds next_deadline() const;

  private:
    struct Connection;

    UnixServer(std::unique_ptr<Listener> listener, pipeline::Clock const& clock,
               UnixServerOptions const& options);
    void accept_new();
    Connection* find(std::uint64_t id) const;
    LineEvent advance(Connection& connection);
    LineEvent take_line(Connection& connection);
    void refuse_line(Connection& connection);

    std::unique_ptr<Listener> listener_;
    pipeline::Clock const& clock_;
    UnixServerOptions options_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::size_t next_ = 0;
    std::uint64_t last_id_ = 0;
    std::string line_;
};

} // namespace io
