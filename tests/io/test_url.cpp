#include "io/limits.hpp"
#include "io/url.hpp"

#include <gtest/gtest.h>

namespace io {
namespace {

TEST(Url, parts) {
    Url const full = *parse_url("wss://RPC.Polkadot.io:8443/public-ws?key=1");
    EXPECT_EQ(full.scheme, Url::Scheme::wss);
    EXPECT_EQ(full.host, "rpc.polkadot.io");
    EXPECT_EQ(full.port, 8443);
    EXPECT_EQ(full.target, "/public-ws?key=1");
    EXPECT_EQ(full.authority(), "rpc.polkadot.io:8443");
    EXPECT_TRUE(full.tls() && full.websocket());
}

TEST(Url, defaults_by_scheme) {
    struct Row {
        char const* text;
        std::uint16_t port;
        bool tls;
    };
    for (Row const row : {Row{"ws://h", 80, false}, Row{"wss://h", 443, true},
                          Row{"http://h", 80, false}, Row{"HTTPS://h", 443, true}}) {
        Url const url = *parse_url(row.text);
        EXPECT_EQ(url.port, row.port);
        EXPECT_EQ(url.tls(), row.tls);
        EXPECT_EQ(url.target, "/");
        EXPECT_EQ(url.authority(), "h");
    }
    EXPECT_EQ(parse_url("ws://h?x")->target, "/?x");
}

TEST(Url, ipv6_literals) {
    Url const url = *parse_url("ws://[::1]:9944/");
    EXPECT_EQ(url.host, "::1");
    EXPECT_EQ(url.port, 9944);
    EXPECT_EQ(url.authority(), "[::1]:9944");
}

TEST(Url, errors_carry_the_column) {
    struct Row {
        char const* text;
        char const* column;
    };
    for (Row const row : {
             Row{"", "column 1:"},
             Row{"ftp://h", "column 1:"},
             Row{"rpc.polkadot.io", "column 1:"},
             Row{"ws://", "column 6:"},
             Row{"ws://:9944", "column 6:"},
             Row{"ws://h:", "column 8:"},
             Row{"ws://h:0", "column 8:"},
             Row{"ws://h:65536", "column 8:"},
             Row{"ws://h:12x", "column 10:"},
             Row{"ws://h h", "column 7:"},
             Row{"ws://[::1", "column 10:"},
             Row{"ws://[]", "column 7:"},
             Row{"ws://h/a b", "column 9:"},
             Row{"ws://h/#top", "column 8:"},
             Row{"ws://h/\r\nX: y", "column 8:"},
         }) {
        auto const url = parse_url(row.text);
        ASSERT_FALSE(url) << row.text;
        EXPECT_EQ(url.error().code, Code::bad_url);
        EXPECT_NE(describe(url.error()).find(row.column), std::string::npos)
            << describe(url.error());
    }
}

TEST(Url, refuses_userinfo_without_repeating_it) {
    auto const url = parse_url("wss://user:hunter2@node/");
    ASSERT_FALSE(url);
    EXPECT_EQ(describe(url.error()).find("hunter2"), std::string::npos);
    EXPECT_TRUE(parse_url("ws://h/a@b"));
}

TEST(Url, limits) {
    EXPECT_TRUE(parse_url("ws://" + std::string(limits::host_bytes_max, 'a')));
    EXPECT_FALSE(parse_url("ws://" + std::string(limits::host_bytes_max + 1, 'a')));
    EXPECT_TRUE(parse_url("ws://h/" + std::string(limits::url_bytes_max - 7, 'a')));
    EXPECT_FALSE(parse_url("ws://h/" + std::string(limits::url_bytes_max - 6, 'a')));
}

TEST(HostPort, parts_and_errors) {
    EXPECT_EQ(parse_host_port("127.0.0.1:3000")->port, 3000);
    EXPECT_EQ(parse_host_port("[::1]:0")->host, "::1");
    EXPECT_EQ(parse_host_port("*:80")->host, "*");
    for (char const* const text :
         {"", "3000", "127.0.0.1", "127.0.0.1:", "h:1:2", "h:70000", "::1:3"})
        EXPECT_FALSE(parse_host_port(text)) << text;
}

} // namespace
} // namespace io
