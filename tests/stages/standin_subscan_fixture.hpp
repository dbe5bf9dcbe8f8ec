// A stand-in Subscan on generated traffic, what the generator meant, and one-line ways to ask it.
#pragma once

#include "decoders/hex.hpp"
#include "decoders/ss58.hpp"
#include "decoders/subscan.hpp"
#include "io/files.hpp"
#include "stages/standin_subscan.hpp"
#include "stages/traffic.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <simdjson.h>

namespace standin_subscan_test {

using stages::StandinFault;
using stages::StandinFaultKind;
using stages::StandinReply;
using stages::StandinSubscan;

inline constexpr std::string_view transfers_path = "/api/v2/scan/transfers";
inline constexpr char const* polkadot = "tests/data/metadata/polkadot-2000000.v15.scale";
inline constexpr char const* asset_hub = "tests/data/metadata/asset-hub-polkadot-2000000.v15.scale";

// Quotas are off unless a test wants them.
inline stages::SubscanScenario unlimited() {
    stages::SubscanScenario scenario;
    scenario.quota_per_second = 0;
    scenario.quota_per_day = 0;
    return scenario;
}
inline stages::SubscanScenario with_fault(StandinFault fault) {
    auto scenario = unlimited();
    scenario.faults.push_back(std::move(fault));
    return scenario;
}

// Asks a stand-in and reads what it says.
struct Asker {
    pipeline::ManualClock clock;
    StandinSubscan subscan;
    StandinReply reply;
    std::string text; // of the body, with room for a parser behind it
    decoders::SubscanReader reader{1u << 22};
    simdjson::dom::parser parser;

    explicit Asker(stages::SubscanScenario scenario = unlimited(),
                   StandinSubscan::Options more = {})
        : subscan(clock, [&] {
            more.scenario = std::move(scenario);
            return std::move(more);
        }()) {}

    StandinReply const& ask(std::string_view path, std::string_view body = "{}",
                            std::string_view key = "made-up", std::string_view method = "POST") {
        io::HttpRequest request;
        request.method = method;
        request.target = path;
        request.headers = {{"x-api-key", std::string(key)}};
        request.body = body;
        reply = subscan.answer(request);
        text.clear();
        text.reserve(reply.response.body.size() + pipeline::json_padding);
        text = reply.response.body;
        return reply;
    }
    // The code of the answer; -1: it has none.
    std::int64_t code(std::string_view path, std::string_view body) {
        ask(path, body);
        auto const envelope = reader.envelope(text);
        EXPECT_TRUE(envelope.has_value()) << text;
        return envelope && envelope->code ? *envelope->code : -1;
    }
    decoders::SubscanPage page(std::string_view body, std::string_view path = transfers_path) {
        EXPECT_EQ(code(path, body), 0) << body << text;
        decoders::SubscanPage out;
        EXPECT_TRUE(reader.transfers(out).has_value()) << text;
        EXPECT_TRUE(out.bad.empty()) << text;
        return out;
    }
    // Its `data`, as a tree.
    simdjson::dom::element data(std::string_view path, std::string_view body = "{}") {
        ask(path, body);
        simdjson::dom::element whole;
        EXPECT_EQ(parser.parse(simdjson::padded_string(text)).get(whole), simdjson::SUCCESS);
        return whole["data"].value_unsafe();
    }
    std::string header(std::string_view name) const {
        return std::string(io::find_header(reply.response.headers, name));
    }
};

struct Meant {
    stages::TrafficTransfer transfer;
    pipeline::Hash extrinsic_hash{};
    std::uint64_t timestamp_s = 0;
};

// A chain of generated traffic, block by block.
struct Source {
    std::vector<std::uint8_t> metadata;
    std::unique_ptr<decoders::Runtime const> runtime;
    std::unique_ptr<stages::Traffic> traffic;
    std::vector<Meant> meant; // of the blocks so far

    explicit Source(char const* path, stages::TrafficOptions options = {}) {
        auto const read = io::read_file(path);
        EXPECT_TRUE(read) << path;
        metadata.assign(read->begin(), read->end());
        runtime = std::move(decoders::compile(metadata).value());
        traffic =
            std::move(stages::Traffic::create(std::move(options), *runtime, metadata).value());
    }
    // The next record; of a block, its transfers are added to what was meant.
    io::CaptureRecord next();
    // Everything up to the end of so many blocks.
    void fill(StandinSubscan& subscan, std::size_t chain, std::size_t blocks);
};

// One chain of `blocks` blocks from 1000 on, and the truth about it.
struct World : Asker {
    Source source;

    explicit World(std::size_t blocks, stages::SubscanScenario scenario = unlimited(),
                   char const* metadata = polkadot)
        : Asker(std::move(scenario))
        , source(metadata) {
        EXPECT_EQ(subscan.add_chain(), 0u);
        source.fill(subscan, 0, blocks);
    }
    std::vector<Meant> const& meant() const { return source.meant; }
};

} // namespace standin_subscan_test
