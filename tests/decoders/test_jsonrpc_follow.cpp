// Notices of chainHead_v1_follow, and what an error reply says besides its message. The texts are
// shaped as json-rpc-interface-spec shows them.
#include "decoders/header.hpp"
#include "decoders/hex.hpp"
#include "decoders/jsonrpc.hpp"

#include <gtest/gtest.h>

namespace {

using namespace decoders;

// Keeps a text and its parser alive for the accessors.
struct Notice {
    explicit Notice(std::string_view result)
        : frame(R"({"jsonrpc":"2.0","method":"chainHead_v1_followEvent","params":)"
                R"({"subscription":"s","result":)")
        , rpc(1u << 20) {
        frame.append(result).append("}}");
        frame.reserve(frame.size() + pipeline::json_padding);
        EXPECT_TRUE(rpc.parse(frame)) << frame;
    }
    std::string frame;
    JsonRpc rpc;
};

std::string items(std::string_view result) {
    Notice notice(result);
    std::string all;
    auto const count = notice.rpc.storage_items([&](JsonRpc::StorageItem const& item) {
        all += std::string(item.key) + '=' + std::string(item.value) + '/' +
               std::string(item.hash) + ' ';
    });
    return count ? all : "refused: " + std::string(describe(count.error()));
}

} // namespace

TEST(JsonRpcFollow, a_runtime_is_read_where_it_is_valid) {
    Notice notice(R"({"event":"initialized","finalizedBlockRuntime":{"type":"valid","spec":)"
                  R"({"specName":"w","specVersion":9122,"apis":{"0xdf":3}}},"newRuntime":null,)"
                  R"("broken":{"type":"invalid","error":"why"},"odd":{"spec":{"specVersion":-1}},)"
                  R"("wide":{"spec":{"specVersion":4294967296}},"list":[1]})");
    EXPECT_EQ(notice.rpc.followed_runtime("finalizedBlockRuntime").value(), 9122u);
    EXPECT_FALSE(notice.rpc.followed_runtime("newRuntime").value());
    EXPECT_FALSE(notice.rpc.followed_runtime("absent").value());
    EXPECT_FALSE(notice.rpc.followed_runtime("broken").value());
    for (auto member : {"odd", "wide", "list"})
        EXPECT_FALSE(notice.rpc.followed_runtime(member)) << member;
}

TEST(JsonRpcFollow, items_have_a_key_and_a_value_or_a_hash) {
    EXPECT_EQ(items(R"({"items":[{"key":"0x01","value":"0x02"},{"hash":"0x03","key":"0x04",)"
                    R"("childTrieKey":"0x05"},{"key":"0x06","value":null}]})"),
              "0x01=0x02/ 0x04=/0x03 0x06=/ ");
    EXPECT_EQ(items(R"({"items":[]})"), "");
    for (std::string_view bad : {R"({"items":[{"value":"0x02"}]})", R"({"items":[7]})",
                                 R"({"items":{}})", R"({})", R"([])"})
        EXPECT_TRUE(items(bad).starts_with("refused")) << bad;
}

TEST(JsonRpcFollow, an_error_reply_may_carry_data) {
    std::string frame = R"({"jsonrpc":"2.0","id":1,"error":{"data":{"retryAfter":3},"code":-32005,)"
                        R"("message":"limit"}})";
    frame.reserve(frame.size() + pipeline::json_padding);
    JsonRpc rpc(1u << 20);
    auto const reply = rpc.parse(frame);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->error_data, R"({"retryAfter":3})");
    EXPECT_EQ(reply->error_message, "limit");
    EXPECT_EQ(reply->error_code, -32005);
}

TEST(Header, encoded_ones_are_read_and_hashed) {
    HeaderParts parts;
    parts.parent.fill(1);
    parts.state_root.fill(2);
    parts.extrinsics_root.fill(3);
    parts.number = 70'000;
    parts.logs = {{6, 'B', 'A', 'B', 'E', 4, 9}};
    auto const bytes = encode_header(parts);
    auto const header = decode_header(bytes);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->parent, parts.parent);
    EXPECT_EQ(header->state_root, parts.state_root);
    EXPECT_EQ(header->extrinsics_root, parts.extrinsics_root);
    EXPECT_EQ(header->number, 70'000u);
    EXPECT_EQ(header->hash, header_hash(parts));
    for (std::size_t size = 0; size < 32 + 4 + 32 + 32; ++size)
        EXPECT_FALSE(decode_header(pipeline::Bytes(bytes).first(size))) << size;
    EXPECT_FALSE(decode_header(std::vector<std::uint8_t>(max_header_bytes + 1)));
}
