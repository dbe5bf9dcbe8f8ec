#include "stages/rpc_requests.hpp"

#include "pipeline/types.hpp"

#include <gtest/gtest.h>

using namespace stages;

TEST(Requests, writes_json_rpc_and_counts_ids) {
    Requests requests;
    EXPECT_EQ(requests.ask({.ask = Ask::genesis}, "0", 5),
              R"({"jsonrpc":"2.0","id":1,"method":"chain_getBlockHash","params":[0]})");
    EXPECT_EQ(requests.ask({.ask = Ask::properties}, "", 6),
              R"({"jsonrpc":"2.0","id":2,"method":"system_properties","params":[]})");
    EXPECT_EQ(requests.open(), 2u);
}

TEST(Requests, finds_by_id_and_keeps_the_oldest) {
    Requests requests;
    EXPECT_EQ(requests.oldest(), pipeline::never);
    requests.ask({.ask = Ask::header, .number = 11}, "", 5);
    requests.ask({.ask = Ask::events, .number = 22}, "", 6);
    requests.ask({.ask = Ask::metadata}, "", 7);
    ASSERT_NE(requests.find(2), nullptr);
    EXPECT_EQ(requests.find(2)->number, 22u);
    EXPECT_EQ(requests.find(0), nullptr);
    EXPECT_EQ(requests.find(4), nullptr);
    requests.close(1);
    EXPECT_EQ(requests.find(1), nullptr);
    EXPECT_EQ(requests.oldest(), 6u);
    EXPECT_EQ(requests.front().ask, Ask::events);
    requests.close(99); // nobody asked
    EXPECT_EQ(requests.open(), 2u);
    requests.clear();
    EXPECT_EQ(requests.oldest(), pipeline::never);
    requests.ask({.ask = Ask::header}, "", 8);
    EXPECT_EQ(requests.find(4)->ask, Ask::header); // ids are never used again
}

TEST(Requests, are_bounded) {
    Requests requests;
    for (std::size_t i = 0; i < Requests::capacity; ++i) {
        EXPECT_FALSE(requests.full());
        requests.ask({.ask = Ask::header}, "", 1);
    }
    EXPECT_TRUE(requests.full());
}

TEST(Requests, parameters_as_nodes_want_them) {
    Hash hash{};
    hash.fill(0xab);
    std::string const text = "\"0x" + [] {
        std::string digits;
        for (int i = 0; i < 32; ++i) digits += "ab";
        return digits;
    }() + '"';
    EXPECT_EQ(hash_param(hash), text);
    EXPECT_EQ(call_params("Metadata_metadata_versions", "0x", hash),
              R"("Metadata_metadata_versions","0x",)" + text);
    std::uint8_t const key[] = {1, 0xff};
    EXPECT_EQ(storage_params(key, hash), "\"0x01ff\"," + text);
    EXPECT_EQ(keys_params({{1}, {0xff, 2}}), R"(["0x01","0xff02"])");
    EXPECT_EQ(keys_params({}), "[]");
}

TEST(Requests, every_question_has_a_method) {
    for (int ask = 0; ask <= static_cast<int>(Ask::runtime_of_parent); ++ask)
        EXPECT_FALSE(method_of(static_cast<Ask>(ask)).empty()) << ask;
}
