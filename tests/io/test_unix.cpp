// The admin socket: real Unix sockets on the ring, the blocking client from a second thread.
#include "io/unix_client.hpp"
#include "io/unix_server.hpp"
#include "tests/io/turns.hpp"

#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

namespace io::testing {
namespace {

using Kind = LineEvent::Kind;

struct Admin : RingWorld {
    TemporaryDirectory directory;
    std::string path = directory / "admin.sock";
    std::unique_ptr<UnixServer> server = *UnixServer::create(network, path, clock);
    std::vector<std::string> lines;
    Credentials peer;

    // Answers "you said: …" and an empty line, as the service does.
    void serve() {
        for (LineEvent e = server->poll(); e.kind != Kind::none; e = server->poll()) {
            if (e.kind != Kind::line) continue;
            lines.emplace_back(e.line);
            peer = e.peer;
            server->reply(e.connection, "you said: " + std::string(e.line) + "\n\n");
            server->end_reply(e.connection);
        }
    }
};

// Asks on its own thread while `admin` is served on this one.
std::expected<std::string, Error> ask(Admin& admin, std::string const& line) {
    std::expected<std::string, Error> answer;
    std::atomic<bool> done = false;
    std::thread asker([&] {
        pipeline::SystemClock const clock;
        answer = ask_unix(admin.path, line, clock, clock.monotonic() + 10 * pipeline::second);
        done = true;
    });
    EXPECT_TRUE(admin.run_until([&] {
        admin.serve();
        return done.load();
    }));
    asker.join();
    return answer;
}

TEST(UnixServer, answers_a_line_and_knows_who_asked) {
    Admin admin;
    auto const answer = ask(admin, "status -o json");
    ASSERT_TRUE(answer) << describe(answer.error());
    EXPECT_EQ(*answer, "you said: status -o json\n\n");
    EXPECT_EQ(admin.peer.uid, getuid());
    EXPECT_EQ(admin.peer.gid, getgid());
    EXPECT_EQ(admin.peer.pid, getpid());
}

TEST(UnixServer, the_socket_file_has_mode_0660_and_goes_away) {
    auto admin = std::make_unique<Admin>();
    struct stat status{};
    ASSERT_EQ(stat(admin->path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0660U);
    admin->server.reset();
    EXPECT_NE(stat(admin->path.c_str(), &status), 0);
}

TEST(UnixServer, a_live_socket_is_left_alone) {
    Admin admin;
    auto const second = UnixServer::create(admin.network, admin.path, admin.clock);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::already_running);
    EXPECT_TRUE(ask(admin, "still there?"));
}

// As after kill -9: the socket still accepts while the kernel takes the process' ring apart.
TEST(UnixServer, a_socket_whose_process_is_gone_is_replaced) {
    RingWorld world;
    TemporaryDirectory directory;
    std::string const path = directory / "orphan.sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    int const fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_GE(fd, 0);
    pid_t const child = fork();
    if (child == 0) { // who listens is who the socket belongs to
        bool const listens = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                             listen(fd, 8) == 0;
        _exit(listens ? 0 : 1);
    }
    int status = 1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    EXPECT_TRUE(UnixServer::create(world.network, path, world.clock));
    close(fd);
}

TEST(UnixServer, a_stale_socket_is_replaced_and_other_files_are_not) {
    RingWorld world;
    TemporaryDirectory directory;
    std::string const stale = directory / "stale.sock";
    int const fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_GE(fd, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    stale.copy(address.sun_path, stale.size());
    ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    close(fd);
    EXPECT_TRUE(UnixServer::create(world.network, stale, world.clock));
    std::string const file = directory / "precious";
    std::ofstream(file) << "data";
    auto const refused = UnixServer::create(world.network, file, world.clock);
    ASSERT_FALSE(refused);
    EXPECT_NE(describe(refused.error()).find("no socket"), std::string::npos);
    EXPECT_FALSE(UnixServer::create(world.network, directory / pattern(108), world.clock));
}

// The same server without a kernel: lines cut anywhere, several at once, and the limits.
struct Memory : LoopbackWorld {
    UnixServerOptions options;
    std::unique_ptr<UnixServer> server;
    explicit Memory(UnixServerOptions const& given = {})
        : options(given)
        , server(*UnixServer::create(network, "/admin", clock, options)) {}
    std::unique_ptr<Stream> dial() { return network.connect_unix("/admin", {1000, 100, 42}); }
    std::vector<std::string> poll() {
        std::vector<std::string> lines;
        for (int quiet = 0; quiet < 3;) {
            bool const moved = network.step();
            LineEvent const event = server->poll();
            if (event.kind == Kind::line) lines.emplace_back(event.line);
            if (event.kind == Kind::line) last = event.connection;
            quiet = moved || event.kind != Kind::none ? 0 : quiet + 1;
        }
        return lines;
    }
    std::uint64_t last = 0;
};

TEST(UnixServer, several_lines_and_a_last_one_without_its_end) {
    Memory world;
    auto const client = world.dial();
    world.poll();
    client->write(pipeline::as_bytes("one\r\ntw"));
    EXPECT_EQ(world.poll(), std::vector<std::string>{"one"});
    client->write(pipeline::as_bytes("o\n\nlast"));
    client->shutdown();
    EXPECT_EQ(world.poll(), (std::vector<std::string>{"two", "", "last"}));
    EXPECT_EQ(world.server->connections(), 1U); // four answers are owed
    for (int i = 0; i < 4; ++i) {
        EXPECT_TRUE(world.server->reply(world.last, "ok\n"));
        world.server->end_reply(world.last);
    }
    world.poll();
    EXPECT_EQ(pipeline::as_text(client->readable()), "ok\nok\nok\nok\n");
    EXPECT_TRUE(client->ended());
    EXPECT_EQ(world.server->connections(), 0U);
}

TEST(UnixServer, a_line_over_the_limit_is_refused_with_a_sentence) {
    Memory world({.line_bytes_max = 10});
    auto const client = world.dial();
    world.poll();
    client->write(pipeline::as_bytes("0123456789\n"));
    EXPECT_EQ(world.poll().size(), 1U);
    client->write(pipeline::as_bytes("0123456789x"));
    EXPECT_TRUE(world.poll().empty());
    EXPECT_NE(pipeline::as_text(client->readable()).find("line_bytes_max is 10"),
              std::string_view::npos);
    EXPECT_TRUE(client->ended());
}

TEST(UnixServer, connections_above_the_limit_are_told_so) {
    Memory world({.connections_max = 1});
    auto const first = world.dial();
    auto const second = world.dial();
    world.poll();
    EXPECT_TRUE(pipeline::as_text(second->readable()).starts_with("too many connections"));
    first->write(pipeline::as_bytes("hello\n"));
    EXPECT_EQ(world.poll().size(), 1U);
}

TEST(UnixServer, a_reader_that_does_not_read_is_given_up) {
    Memory world;
    auto const client = world.dial();
    world.poll();
    client->write(pipeline::as_bytes("alerts\n"));
    world.poll();
    std::string const block = pattern(16 * limits::mib);
    int replies = 0;
    while (replies < 10 && world.server->reply(world.last, block)) ++replies;
    EXPECT_EQ(replies, 4);
    EXPECT_EQ(world.server->poll().kind, Kind::closed);
    EXPECT_FALSE(world.server->reply(world.last, "x"));
}

TEST(UnixClient, says_that_no_service_is_running) {
    TemporaryDirectory directory;
    pipeline::SystemClock const clock;
    auto const answer =
        ask_unix(directory / "none.sock", "status", clock, clock.monotonic() + pipeline::second);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::service_not_running);
}

TEST(UnixClient, a_service_that_hangs_ends_at_the_deadline) {
    Admin admin; // accepts nothing: nobody polls it
    pipeline::SystemClock const clock;
    auto const answer =
        ask_unix(admin.path, "status", clock, clock.monotonic() + 20 * pipeline::millisecond);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::timeout);
}

TEST(UnixClient, bounds_what_it_sends_and_takes) {
    Admin admin;
    pipeline::SystemClock const clock;
    EXPECT_EQ(ask_unix(admin.path, pattern(limits::admin_line_bytes_max), clock, pipeline::never)
                  .error()
                  .code,
              Code::line_too_long);
    std::expected<std::string, Error> answer;
    std::atomic<bool> done = false;
    std::thread asker([&] {
        answer =
            ask_unix(admin.path, "status", clock, clock.monotonic() + 10 * pipeline::second, 5);
        done = true;
    });
    EXPECT_TRUE(admin.run_until([&] {
        admin.serve();
        return done.load();
    }));
    asker.join();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::message_too_large);
}

} // namespace
} // namespace io::testing
