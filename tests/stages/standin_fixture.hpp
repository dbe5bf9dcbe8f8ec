// A small made-up chain for the stand-in node's tests, and one-line ways to talk to it.
#pragma once

#include "decoders/hash.hpp"
#include "decoders/header.hpp"
#include "decoders/hex.hpp"
#include "stages/standin_node.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace standin_test {

using decoders::hex_text;
using stages::Fault;
using stages::FaultKind;
using stages::NodeAction;
using stages::StandinNode;
using Buffer = std::vector<std::uint8_t>;
using Records = std::vector<io::CaptureRecord>;

inline constexpr std::string_view events_key =
    "0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7";
inline constexpr std::string_view number_key =
    "0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac";
inline constexpr std::string_view now_key =
    "0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb";
inline constexpr std::string_view upgrade_key =
    "0x26aa394eea5630e07c48ae0c9558cef7f9cce9c888469bb1a0dceaa129672ef8";

inline io::CaptureChain chain() {
    io::CaptureChain record;
    record.genesis.fill(0x11);
    record.description = R"({"name":"polkadot","specName":"polkadot","properties":)"
                         R"({"ss58Format":0,"tokenDecimals":10,"tokenSymbol":"DOT"}})";
    return record;
}

inline io::CaptureRuntime runtime(std::uint32_t spec, std::uint8_t metadata_version = 15) {
    std::string const version =
        R"({"specName":"polkadot","implName":"parity-polkadot","authoringVersion":0,)"
        R"("specVersion":)" +
        std::to_string(spec) +
        R"(,"implVersion":0,"apis":[["0xdf6acb689907609b",4]],"transactionVersion":24,)"
        R"("stateVersion":1})";
    return {spec, version, {'m', 'e', 't', 'a', metadata_version, 0xab}};
}

// Block `number` whose header is a real one; its events tell it from others of the same height.
inline io::CaptureBlock block(std::uint64_t number, pipeline::Hash const& parent,
                              std::uint32_t spec = 1, std::uint8_t mark = 0) {
    decoders::HeaderParts parts;
    parts.parent = parent;
    parts.number = static_cast<std::uint32_t>(number);
    parts.state_root.fill(mark);
    parts.logs = {{6, 'a', 'u', 'r', 'a', 8, 1, 2}};
    io::CaptureBlock made;
    made.number = number;
    made.parent = parent;
    made.timestamp_ms = 1'700'000'000'000 + number;
    made.spec_version = spec;
    made.header = decoders::encode_header(parts);
    made.hash = decoders::header_hash(parts);
    made.events = {4, static_cast<std::uint8_t>(number), mark};
    made.extrinsics = {{0x0c, 4, 1, 2}};
    return made;
}

// The chain record, runtime 1, then blocks first..first+count-1.
inline Records linear_chain(std::uint64_t count, std::uint64_t first = 100) {
    Records records{chain(), runtime(1)};
    pipeline::Hash parent{};
    for (std::uint64_t i = 0; i < count; ++i) {
        io::CaptureBlock made = block(first + i, parent);
        parent = made.hash;
        records.emplace_back(std::move(made));
    }
    return records;
}

inline io::CaptureBlock const& block_of(Records const& records, std::size_t index) {
    return std::get<io::CaptureBlock>(records[2 + index]);
}

// A node on `records` with one open connection, number 1.
struct Node {
    Records records;
    std::unique_ptr<StandinNode> node;

    explicit Node(Records from, std::vector<Fault> faults = {}, std::uint32_t lag = 2)
        : records(std::move(from)) {
        StandinNode::Options options;
        options.finality_lag_blocks = lag;
        options.faults = std::move(faults);
        auto made =
            StandinNode::create(std::make_unique<stages::CaptureFeed>(records), std::move(options));
        EXPECT_TRUE(made) << (made ? "" : made.error());
        node = std::move(*made);
        node->opened(1);
    }

    // Everything that was to be sent since the last call, as "kind:text" where it is not plain
    // text.
    std::vector<std::string> sent() {
        std::vector<std::string> out;
        for (NodeAction const& action : node->actions()) {
            constexpr std::string_view kinds[] = {"", "raw:", "close:", "reset:"};
            out.push_back(std::string(kinds[static_cast<int>(action.kind)]) + action.bytes);
        }
        node->actions().clear();
        return out;
    }
    std::vector<std::string> send(std::string_view text) {
        node->request(1, text);
        return sent();
    }
    // The result (or error) of one call, as JSON.
    std::string call(std::string_view method, std::string_view params = "[]") {
        auto const replies = send(R"({"jsonrpc":"2.0","id":7,"method":")" + std::string(method) +
                                  R"(","params":)" + std::string(params) + "}");
        if (replies.empty()) return "nothing";
        constexpr std::string_view head = R"({"jsonrpc":"2.0","id":7,"result":)";
        constexpr std::string_view failure = R"({"jsonrpc":"2.0","id":7,"error":)";
        std::string const& reply = replies.front();
        std::string_view const cut = reply.starts_with(head) ? head : failure;
        EXPECT_TRUE(reply.starts_with(cut)) << reply;
        return reply.substr(cut.size(), reply.size() - cut.size() - 1);
    }
    std::vector<std::string> produce() {
        node->produce_block();
        return sent();
    }
    io::CaptureBlock const& at(std::size_t index) const { return block_of(records, index); }
    std::string hash(std::size_t index) const { return hex_text(at(index).hash); }
};

inline std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }
inline std::string list(std::string_view one) { return "[\"" + std::string(one) + "\"]"; }

} // namespace standin_test
