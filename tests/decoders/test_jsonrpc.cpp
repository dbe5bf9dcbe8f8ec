// Envelopes of the recorded sessions and of people who mean harm; header hashes of the recorded
// blocks.
#include "decoders/hex.hpp"
#include "decoders/jsonrpc.hpp"
#include "decoders/storage_key.hpp"
#include "tests/decoders/corpus.hpp"
#include "tests/decoders/count_new.hpp"

#include <iostream>

namespace {

using namespace decoders;

std::string padded(std::string_view text) {
    std::string out(text);
    out.reserve(text.size() + pipeline::json_padding);
    return out;
}

// Parses a text; keeps it and the parser alive for the accessors.
struct Parsed {
    explicit Parsed(std::string_view text)
        : frame(padded(text))
        , rpc(1u << 22) {
        envelope = rpc.parse(frame);
    }
    std::string frame;
    JsonRpc rpc;
    std::expected<Envelope, Error> envelope;
};

Code refused(std::string_view text) {
    Parsed parsed(text);
    EXPECT_FALSE(parsed.envelope.has_value()) << text;
    return parsed.envelope.has_value() ? Code{} : parsed.envelope.error().code;
}

} // namespace

TEST(JsonRpc, replies) {
    Parsed reply(R"({"jsonrpc":"2.0","result":"0x01","id":7})");
    ASSERT_TRUE(reply.envelope.has_value());
    EXPECT_EQ(reply.envelope->kind, FrameKind::reply);
    EXPECT_EQ(reply.envelope->id, 7u);
    EXPECT_EQ(reply.envelope->form, Form::string);
    EXPECT_EQ(reply.envelope->text, "0x01");
    Parsed null(R"({"id" : "12" , "result" : null })");
    ASSERT_TRUE(null.envelope.has_value());
    EXPECT_EQ(null.envelope->id, 12u);
    EXPECT_TRUE(null.envelope->has_id);
    EXPECT_EQ(null.envelope->id_text, "\"12\"");
    EXPECT_EQ(null.envelope->form, Form::null);
    Parsed number(R"({"id":1,"result":1234567890123 ,"error":null})");
    ASSERT_TRUE(number.envelope.has_value());
    EXPECT_EQ(number.envelope->kind, FrameKind::reply);
    EXPECT_EQ(number.envelope->text, "1234567890123");
}

TEST(JsonRpc, errors) {
    Parsed error(
        R"({"id":3,"error":{"data":[1,{"a":2}],"message":"no such \"thing\"","code":-32601}})");
    ASSERT_TRUE(error.envelope.has_value());
    EXPECT_EQ(error.envelope->kind, FrameKind::error_reply);
    EXPECT_EQ(error.envelope->error_code, -32601);
    EXPECT_EQ(error.envelope->error_message, R"(no such \"thing\")");
    EXPECT_FALSE(error.rpc.header().has_value());
}

TEST(JsonRpc, notifications_in_any_order_of_members) {
    for (std::string_view const text :
         {R"({"jsonrpc":"2.0","method":"m","params":{"subscription":"abc","result":{"a":1}}})",
          R"({"params":{"result":{"a":1},"subscription":"abc"},"method":"m","jsonrpc":"2.0"})"}) {
        Parsed parsed(text);
        ASSERT_TRUE(parsed.envelope.has_value()) << text;
        EXPECT_EQ(parsed.envelope->kind, FrameKind::notification);
        EXPECT_EQ(parsed.envelope->subscription, "abc");
        EXPECT_EQ(parsed.envelope->method, "m");
        EXPECT_EQ(parsed.envelope->form, Form::object);
        EXPECT_EQ(parsed.rpc.member("a")->text, "1");
        EXPECT_EQ(parsed.rpc.member("b")->form, Form::absent);
    }
    Parsed integer(R"({"method":"m","params":{"subscription":9007199254740993,"result":null}})");
    EXPECT_EQ(integer.envelope->subscription, "9007199254740993");
    EXPECT_EQ(
        refused(R"({"method":"m","params":{"subscription":")" + std::string(129, 'x') + "\"}}"),
        Code::too_long);
}

TEST(JsonRpc, requests_and_their_parameters) {
    Parsed parsed(
        R"({"id":"x1","method":"state_getStorage","params":["0x12",[1,2],{"k":[3]},null,true,4]})");
    ASSERT_TRUE(parsed.envelope.has_value());
    EXPECT_EQ(parsed.envelope->kind, FrameKind::request);
    EXPECT_FALSE(parsed.envelope->has_id);
    EXPECT_EQ(parsed.envelope->id_text, "\"x1\"");
    std::vector<std::string> texts;
    auto const each = [&](std::size_t, JsonRpc::Token const& token) {
        texts.emplace_back(token.text);
    };
    EXPECT_EQ(parsed.rpc.parameters(each).value(), 6u);
    EXPECT_EQ(texts,
              (std::vector<std::string>{"0x12", "[1,2]", R"({"k":[3]})", "null", "true", "4"}));
    Parsed none(R"({"id":1,"method":"chain_getHeader"})");
    ASSERT_TRUE(none.envelope.has_value());
    EXPECT_EQ(none.rpc.parameters(each).value(), 0u);
}

TEST(JsonRpc, harm_is_refused) {
    EXPECT_EQ(refused("{}"), Code::json_missing);
    EXPECT_EQ(refused("[]"), Code::json_type);
    EXPECT_EQ(refused("7"), Code::json_type);
    for (std::string_view const text :
         {"", " ", "{", "}", "{\"id\"", "{\"id\":", "{\"id\":1", "{\"id\":1,\"result\":}",
          "{\"id\":1,\"result\":\"0x", "{\"id\":1 \"result\":2}", "{\"id\":1,\"result\":2} x",
          "{\"id\":1,\"result\":2}{}", "{\"id\":1,\"result\":nul}", "{\"id\":1,\"result\":[1,2}",
          "{\"id\":tru,\"result\":1}", "{\"id\":1,\"result\":\"\x01\"}",
          "{\"id\":1,\"result\":\"\xff\"}", "{'id':1}"}) {
        refused(text);
    }
    EXPECT_EQ(refused(R"({"id":{},"result":1})"), Code::json_type);
    EXPECT_EQ(refused(R"({"id":1,"error":{"code":99999999999999999999}})"), Code::json_number);
    EXPECT_EQ(refused(R"({"method":1})"), Code::json_type);
    std::string bomb = R"({"id":1,"result":)" + std::string(100'000, '[');
    refused(bomb);
    bomb += std::string(100'000, ']') + "}";
    Parsed deep(bomb); // bounded work, no recursion; nobody reads inside
    JsonRpc small(64);
    auto const frame = padded(bomb);
    EXPECT_EQ(small.parse(frame).error().code, Code::json_too_large);
}

std::string frame_of(std::size_t bytes) {
    std::string_view const front = R"({"id":1,"result":")", back = R"("})";
    return padded(std::string(front) + std::string(bytes - front.size() - back.size(), 'f') +
                  std::string(back));
}

TEST(JsonRpc, the_largest_frame_is_read_and_one_byte_more_is_not) {
    for (std::size_t const most : {std::size_t{64}, std::size_t{1} << 20, std::size_t{3} << 20}) {
        JsonRpc rpc(most);
        for (std::size_t const bytes : {std::size_t{50}, most - 1, most}) {
            auto const frame = frame_of(bytes);
            auto const envelope = rpc.parse(frame);
            ASSERT_TRUE(envelope) << bytes;
            EXPECT_EQ(envelope->text.size(), bytes - 20);
        }
        EXPECT_EQ(rpc.parse(frame_of(most + 1)).error().code, Code::json_too_large);
    }
}

TEST(JsonRpc, memory_is_for_the_frames_that_come_not_for_the_largest_one_allowed) {
    if (!tests::counts_allocations()) GTEST_SKIP() << "this build's operator new counts nothing";
    auto const small = frame_of(1'000), large = frame_of(3 << 20);
    std::size_t const before = tests::allocated_bytes();
    JsonRpc rpc(64 << 20);
    ASSERT_TRUE(rpc.parse(small));
    EXPECT_LT(tests::allocated_bytes() - before, 4U << 20);
    ASSERT_TRUE(rpc.parse(large));
    EXPECT_LT(tests::allocated_bytes() - before, 32U << 20);
    std::size_t const allocations = tests::allocations();
    ASSERT_TRUE(rpc.parse(small));
    ASSERT_TRUE(rpc.parse(large));
    EXPECT_EQ(tests::allocations(), allocations);
}

TEST(JsonRpc, properties_in_all_their_shapes) {
    Parsed scalars(R"({"id":1,"result":{"ss58Format":42,"tokenDecimals":9,"tokenSymbol":"TAO"}})");
    auto const one = scalars.rpc.properties().value();
    EXPECT_EQ(one.ss58_prefix, 42);
    EXPECT_EQ(one.decimals, 9);
    EXPECT_EQ(one.symbol, "TAO");
    Parsed arrays(R"({"id":1,"result":{"ss58Format":[0,1],"tokenDecimals":[10,12],)"
                  R"("tokenSymbol":["DOT","X"]}})");
    EXPECT_EQ(arrays.rpc.properties()->symbol, "DOT");
    EXPECT_EQ(arrays.rpc.properties()->decimals, 10);
    Parsed nothing(R"({"id":1,"result":{"ss58Format":null,"tokenSymbol":[]}})");
    auto const none = nothing.rpc.properties().value();
    EXPECT_FALSE(none.ss58_prefix || none.decimals || none.symbol);
}

TEST(JsonRpc, storage_changes) {
    auto const events = system_events_key();
    auto const number = system_number_key();
    auto const now = timestamp_now_key();
    auto const set = R"({"block":"0x)" + std::string(64, 'b') + R"(","changes":[[")" +
                     hex_text(events) + R"(","0x00"],["0x1234","0x1"],[")" + hex_text(number) +
                     R"(",null]]})";
    WantedChange wanted[] = {{.key = events}, {.key = number}, {.key = now}};
    for (auto const& text :
         {R"({"method":"state_storage","params":{"subscription":1,"result":)" + set + "}}",
          R"({"id":1,"result":[)" + set + "]}"}) {
        Parsed parsed(text);
        auto const found = parsed.rpc.storage_changes(wanted);
        ASSERT_TRUE(found.has_value()) << text << describe(found.error());
        EXPECT_EQ(found->changes, 3u);
        EXPECT_EQ(found->block[0], 0xbb);
        EXPECT_EQ(wanted[0].state, ChangeState::present);
        EXPECT_EQ(wanted[0].value, "0x00");
        EXPECT_EQ(wanted[1].state, ChangeState::null);
        EXPECT_EQ(wanted[2].state, ChangeState::absent);
    }
    Parsed empty(R"({"id":1,"result":[]})");
    EXPECT_FALSE(empty.rpc.storage_changes(wanted).has_value());
}

TEST(JsonRpc, block_numbers) {
    EXPECT_EQ(parse_block_number("0x00000001").value(), 1u);
    EXPECT_EQ(parse_block_number("0xFFffffff").value(), 0xffffffffu);
    EXPECT_EQ(parse_block_number("12").value(), 12u);
    for (auto const* bad : {"", "0x", "0x100000000", "-1", "0x1g", " 1"}) {
        EXPECT_FALSE(parse_block_number(bad).has_value()) << bad;
    }
}

// Each recorded frame parses; what the typed readers understand is the same text back.
TEST(JsonRpc, recorded_sessions) {
    NEEDS_CORPUS();
    std::size_t frames = 0, headers = 0, versions = 0, changes = 0;
    auto const key = system_events_key();
    for (auto const& path : tests::files_in("rpc", ".jsonl")) {
        auto const text = tests::read_file(path);
        simdjson::dom::parser dom;
        for (std::size_t at = 0; at < text.size();) {
            auto const end = std::min(text.find('\n', at), text.size());
            auto const line = dom.parse(text.substr(at, end - at)).value();
            at = end + 1;
            ++frames;
            Parsed parsed(simdjson::minify(line["frame"].value()));
            ASSERT_TRUE(parsed.envelope.has_value())
                << describe(parsed.envelope.error()) << parsed.frame.substr(0, 200);
            auto const kind = parsed.envelope->kind;
            bool const sent = std::string_view(line["dir"]) == ">";
            EXPECT_EQ(kind == FrameKind::request, sent);
            if (sent || parsed.envelope->form != Form::object) continue;
            headers += parsed.rpc.header().has_value();
            versions += parsed.rpc.runtime_version().has_value();
            WantedChange wanted[] = {{.key = key}};
            changes += parsed.rpc.storage_changes(wanted).has_value();
        }
    }
    std::cerr << frames << " frames, " << headers << " headers, " << versions << " versions, "
              << changes << " change sets\n";
    EXPECT_GT(headers, 0u);
    EXPECT_GT(versions, 0u);
}

// The node's own word for each block's hash.
TEST(Header, hashes_of_recorded_blocks) {
    NEEDS_CORPUS();
    std::size_t count = 0;
    simdjson::dom::parser dom;
    for (auto const& path : tests::files_in("blocks", ".json")) {
        auto const truth = dom.load(path.string()).value();
        simdjson::dom::element header;
        if (truth["rpc"]["block"]["header"].get(header) != simdjson::SUCCESS || header.is_null())
            continue;
        Parsed block(R"({"id":1,"result":)" + std::string(simdjson::minify(truth["rpc"].value())) +
                     "}");
        std::vector<std::string> extrinsics;
        auto const head = block.rpc.block(
            [&](std::size_t, std::string_view extrinsic) { extrinsics.emplace_back(extrinsic); });
        ASSERT_TRUE(head.has_value()) << path << describe(head.error());
        EXPECT_EQ(hex_text(head->header.hash), std::string_view(truth["blockHash"])) << path;
        EXPECT_EQ(head->extrinsics, truth["expected"].get_array().size()) << path;
        Parsed alone(R"({"id":1,"result":)" + std::string(simdjson::minify(header)) + "}");
        EXPECT_EQ(alone.rpc.header()->hash, head->header.hash);
        HeaderParts parts{head->header.parent,
                          head->header.state_root,
                          head->header.extrinsics_root,
                          head->header.number,
                          {}};
        for (auto const log : header["digest"]["logs"]) {
            parts.logs.push_back(tests::from_hex(log.get_string().value()));
        }
        EXPECT_EQ(header_hash(parts), head->header.hash);
        Parsed again(R"({"id":1,"result":)" + header_json(parts) + "}");
        EXPECT_EQ(again.rpc.header()->hash, head->header.hash);
        ++count;
    }
    std::cerr << count << " headers\n";
    EXPECT_GT(count, 40u);
}
