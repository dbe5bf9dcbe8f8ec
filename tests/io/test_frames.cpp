// Frames on the wire: hand-written bytes of RFC 6455 against one end.
#include "io/frames.hpp"
#include "tests/io/turns.hpp"

namespace io::testing {
namespace {

using Kind = FrameEvent::Kind;
using namespace std::string_literals;

std::string frame(unsigned first, std::string_view payload, bool masked = false) {
    std::string text(1, static_cast<char>(first));
    unsigned const mask_bit = masked ? 0x80 : 0;
    if (payload.size() < 126) {
        text.push_back(static_cast<char>(mask_bit | payload.size()));
    } else {
        text.push_back(static_cast<char>(mask_bit | 126));
        text.push_back(static_cast<char>(payload.size() >> 8));
        text.push_back(static_cast<char>(payload.size() & 0xff));
    }
    if (masked) text.append(4, '\0'); // a mask of zeros leaves the payload as it is
    return text.append(payload);
}

struct Wire : LoopbackWorld {
    SeededRandom random{1};
    std::unique_ptr<Stream> raw;
    std::unique_ptr<Stream> stream;
    Frames frames;

    explicit Wire(Role role = Role::client, FrameLimits const& limits = {})
        : frames(role, limits, random) {
        auto ends = network.pair();
        raw = std::move(ends.first);
        stream = std::move(ends.second);
    }
    void put(std::string_view bytes) {
        ASSERT_EQ(raw->write(pipeline::as_bytes(bytes)), bytes.size());
        while (network.step()) continue;
    }
    FrameEvent event(std::string_view bytes) {
        put(bytes);
        return frames.next(*stream);
    }
    std::string answered() {
        while (network.step()) continue;
        std::string text;
        drain_into(text, *raw);
        return text;
    }
    void expect_refused(std::string_view bytes, Code code, unsigned close_code) {
        FrameEvent const refused = event(bytes);
        EXPECT_EQ(refused.kind, Kind::failed);
        EXPECT_EQ(name(refused.error.code), name(code));
        std::string const answer = answered();
        ASSERT_GE(answer.size(), 4U);
        EXPECT_EQ(static_cast<std::uint8_t>(answer[0]), 0x88);
        bool const masked = (answer[1] & 0x80) != 0;
        ASSERT_EQ(answer.size(), masked ? 8U : 4U);
        auto const byte = [&](std::size_t i) {
            int const plain = masked ? answer[6 + i] ^ answer[2 + i] : answer[2 + i];
            return static_cast<unsigned>(plain & 0xff);
        };
        EXPECT_EQ(byte(0) * 256 + byte(1), close_code);
    }
};

// Section 5.7 of the RFC.
TEST(Frames, examples_of_rfc_6455_section_5_7) {
    Wire client;
    EXPECT_EQ(pipeline::as_text(client.event("\x81\x05Hello").text), "Hello");
    EXPECT_EQ(client.event("\x01\x03Hel").kind, Kind::none);
    EXPECT_EQ(pipeline::as_text(client.event("\x80\x02lo").text), "Hello");
    EXPECT_EQ(client.event("\x89\x05Hello").kind, Kind::none);
    std::string const pong = client.answered();
    ASSERT_EQ(pong.size(), 11U); // masked, by a client
    EXPECT_EQ(pong.substr(0, 2), "\x8a\x85");

    Wire server(Role::server);
    EXPECT_EQ(pipeline::as_text(server.event("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58").text),
              "Hello");
    EXPECT_EQ(server.event("\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58").kind, Kind::none);
    EXPECT_EQ(server.answered(), "\x8a\x05Hello");
}

TEST(Frames, fragments_at_every_boundary_with_a_ping_between) {
    std::string const text = "gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x90\x8b";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        Wire client;
        std::string const wire =
            frame(0x01, text.substr(0, cut)) + frame(0x89, "?") + frame(0x80, text.substr(cut));
        EXPECT_EQ(pipeline::as_text(client.event(wire).text), text) << cut;
    }
}

TEST(Frames, arriving_at_every_byte_boundary) {
    std::string const wire = frame(0x01, pattern(200)) + frame(0x89, "?") + frame(0x80, "end");
    for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
        Wire client;
        FrameEvent event = client.event(wire.substr(0, cut));
        if (event.kind == Kind::none) event = client.event(wire.substr(cut));
        EXPECT_EQ(pipeline::as_text(event.text), pattern(200) + "end") << cut;
    }
}

TEST(Frames, several_messages_in_one_read_come_one_by_one) {
    Wire client;
    std::string wire;
    for (int i = 0; i < 100; ++i) wire += frame(0x81, std::to_string(i));
    client.put(wire);
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(pipeline::as_text(client.frames.next(*client.stream).text), std::to_string(i));
    EXPECT_EQ(client.frames.next(*client.stream).kind, Kind::none);
}

TEST(Frames, violations_are_answered_with_1002) {
    std::string const violations[] = {
        frame(0xc1, "rsv1"),
        frame(0xa1, "rsv2"),
        frame(0x91, "rsv3"),
        frame(0x83, "reserved data opcode"),
        frame(0x8b, "reserved control opcode"),
        frame(0x80, "continuation of nothing"),
        frame(0x01, "a") + frame(0x81, "b"),
        frame(0x09, "fragmented ping"),
        frame(0x89, pattern(126)),
        frame(0x81, "masked by a server", true),
        "\x81\x7e\x00\x05Hello"s,                         // not the shortest length
        "\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x05Hello"s, // nor this
        "\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00x"s,     // top bit of the length
        frame(0x88, "x"),                                 // half a close code
        frame(0x88, "\x03\xed"),                          // 1005 may not be sent
        frame(0x88, "\x00\x00"s),
        frame(0x88, "\x03\xec"),
        frame(0x88, "\x13\x88"), // 5000
    };
    for (std::string const& bytes : violations)
        Wire().expect_refused(bytes, Code::protocol_violation, 1002);
    Wire(Role::server).expect_refused(frame(0x81, "unmasked"), Code::protocol_violation, 1002);
}

TEST(Frames, binary_is_answered_with_1003) {
    Wire().expect_refused(frame(0x82, "bytes"), Code::binary_message, 1003);
}

TEST(Frames, invalid_utf8_is_answered_with_1007) {
    for (std::string const text : {"\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "abc\xc3"})
        Wire().expect_refused(frame(0x81, text), Code::invalid_utf8, 1007);
    Wire().expect_refused(frame(0x88, "\x03\xe8\xff"), Code::invalid_utf8, 1007);
}

TEST(Frames, limits_hold_for_frames_messages_and_fragments) {
    FrameLimits const small{.message_bytes_max = 300, .frame_bytes_max = 200};
    EXPECT_EQ(Wire(Role::client, small).event(frame(0x81, pattern(200))).kind, Kind::message);
    Wire(Role::client, small)
        .expect_refused(frame(0x81, pattern(201)), Code::frame_too_large, 1009);
    EXPECT_EQ(
        Wire(Role::client, small).event(frame(0x01, pattern(150)) + frame(0x80, pattern(150))).kind,
        Kind::message);
    Wire(Role::client, small)
        .expect_refused(frame(0x01, pattern(150)) + frame(0x80, pattern(151)),
                        Code::message_too_large, 1009);
    // A length of 2^62 is refused by its announcement.
    Wire().expect_refused("\x81\x7f\x40\x00\x00\x00\x00\x00\x00\x00x"s, Code::frame_too_large,
                          1009);
    Wire endless;
    endless.put(frame(0x01, ""));
    FrameEvent event;
    for (std::size_t i = 0; i < 2 * limits::websocket_fragments_max; i += 1000) {
        std::string wire;
        for (int j = 0; j < 1000; ++j) wire += frame(0x00, "");
        event = endless.event(wire);
        if (event.kind != Kind::none) break;
    }
    EXPECT_EQ(event.kind, Kind::failed);
    EXPECT_EQ(event.error.code, Code::message_too_large);
}

TEST(Frames, close_is_echoed_with_its_code) {
    for (unsigned const code : {1000U, 1001U, 1011U, 1012U, 3000U, 4999U}) {
        Wire server(Role::server);
        std::string const payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
        FrameEvent const event = server.event(frame(0x88, payload + "why", true));
        EXPECT_EQ(event.kind, Kind::closing);
        EXPECT_EQ(event.error.detail, "code " + std::to_string(code) + " \"why\"");
        EXPECT_EQ(server.answered(), frame(0x88, payload));
    }
    Wire server(Role::server);
    EXPECT_EQ(server.event(frame(0x88, "", true)).error.detail, "code 1005");
    EXPECT_EQ(server.answered(), frame(0x88, ""));
}

TEST(Frames, lengths_at_the_edges_of_their_encodings) {
    for (std::size_t const size : {0U, 1U, 125U, 126U, 127U, 65'535U, 65'536U, 100'000U}) {
        Wire client;
        SeededRandom random{2};
        Frames server(Role::server, {}, random);
        auto [near, far] = client.network.pair();
        ASSERT_TRUE(client.frames.send_text(*near, pattern(size)));
        FrameEvent event;
        while (event.kind == Kind::none) {
            client.network.step();
            event = server.next(*far);
        }
        EXPECT_TRUE(pipeline::as_text(event.text) == pattern(size)) << size;
    }
}

} // namespace
} // namespace io::testing
