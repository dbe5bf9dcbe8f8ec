// A capture made by hand for the tests of backtest, explain and why-not: five blocks on Polkadot's
// real runtime, in which one account is endowed, and two hours later pays in four cuts.
//
//   block  time       events
//   10     T          purse is endowed; giver pays purse 1200
//   11     T + 2 h    purse pays one 300
//   12     + 6 s      purse pays two 300
//   13     + 6 s      purse pays three 300
//   14     + 6 s      purse pays watched 50
//
// From block 10 on purse holds 1200; so 13 is the third of 3 cuts, 900 of 1200 in all.
#pragma once

#include "io/capture.hpp"
#include "io/files.hpp"
#include "stages/traffic_encode.hpp"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace tests {

inline constexpr pipeline::u128 dot = 10'000'000'000;
inline constexpr std::uint64_t recorded_ms = 1'763'600'000'000; // 2025-11-20T00:53:20Z
inline constexpr char const* recorded_metadata = "tests/data/metadata/polkadot-2000000.v15.scale";

inline decoders::Account person(std::uint8_t name) {
    std::array<std::uint8_t, 32> key{};
    key.fill(name);
    return decoders::account_of(key.data(), key.size());
}
inline constexpr std::uint8_t giver = 1, purse = 2, watched = 9;
inline std::string key_text(std::uint8_t name) {
    std::string text = "0x";
    for (int i = 0; i < 32; ++i) text += "0" + std::to_string(name);
    return text;
}

// Writes captures of one runtime.
class Recorder {
  public:
    Recorder() {
        auto const bytes = io::read_file(recorded_metadata);
        EXPECT_TRUE(bytes) << recorded_metadata;
        if (!bytes) return;
        metadata.assign(bytes->begin(), bytes->end());
        auto compiled = decoders::compile(metadata);
        EXPECT_TRUE(compiled);
        if (compiled) runtime = std::move(*compiled);
    }

    using Events = std::vector<std::vector<std::uint8_t>>;
    std::vector<std::uint8_t> event(std::string_view name,
                                    std::vector<stages::Choice> const& choices) {
        auto made = stages::make_event(*runtime, "Balances", name, choices, random);
        EXPECT_TRUE(made) << name;
        return made.value_or(std::vector<std::uint8_t>());
    }
    std::vector<std::uint8_t> pays(std::uint8_t from, std::uint8_t to, pipeline::u128 amount) {
        return event("Transfer", {{"from", person(from)}, {"to", person(to)}, {"amount", amount}});
    }
    std::vector<std::uint8_t> endows(std::uint8_t who, pipeline::u128 amount) {
        return event("Endowed", {{"account", person(who)}, {"free_balance", amount}});
    }

    static io::CaptureBlock block(std::uint64_t number, std::uint64_t ms, Events const& events,
                                  std::uint8_t fork = 0) {
        io::CaptureBlock made;
        made.number = number;
        made.hash.fill(static_cast<std::uint8_t>(number));
        made.hash[0] = fork;
        made.parent.fill(static_cast<std::uint8_t>(number - 1));
        made.parent[0] = 0;
        made.timestamp_ms = ms;
        made.spec_version = 1;
        made.events.push_back(static_cast<std::uint8_t>(events.size() << 2)); // compact, below 64
        for (auto const& one : events) {
            made.events.insert(made.events.end(), {0, 1, 0, 0, 0}); // ApplyExtrinsic(1)
            made.events.insert(made.events.end(), one.begin(), one.end());
            made.events.push_back(0); // no topics
        }
        return made;
    }

    std::vector<io::CaptureBlock> story() {
        constexpr std::uint64_t later = 7'200'000, step = 6'000;
        return {block(10, recorded_ms, {endows(purse, 1200 * dot), pays(giver, purse, 1200 * dot)}),
                block(11, recorded_ms + later, {pays(purse, 3, 300 * dot)}),
                block(12, recorded_ms + later + step, {pays(purse, 4, 300 * dot)}),
                block(13, recorded_ms + later + 2 * step, {pays(purse, 5, 300 * dot)}),
                block(14, recorded_ms + later + 3 * step, {pays(purse, watched, 50 * dot)})};
    }

    void write(std::string const& path, std::vector<io::CaptureBlock> const& blocks,
               std::string const& name = "anything", std::uint8_t genesis = 0x91) const {
        auto writer = io::CaptureWriter::open(path);
        ASSERT_TRUE(writer);
        io::CaptureChain chain;
        chain.genesis.fill(genesis);
        chain.description = R"({"name":")" + name +
                            R"(","specName":"polkadot","properties":{"ss58Format":0,)"
                            R"("tokenDecimals":10,"tokenSymbol":"DOT"}})";
        ASSERT_TRUE(writer->append(chain));
        ASSERT_TRUE(writer->append(io::CaptureRuntime{1, "{}", metadata}));
        for (io::CaptureBlock const& one : blocks) ASSERT_TRUE(writer->append(one));
    }

    std::vector<std::uint8_t> metadata;
    std::unique_ptr<decoders::Runtime const> runtime;
    decoders::SampleRandom random{1};
};

// Three rules that the story meets.
inline std::string recorded_config(std::string const& state_dir) {
    return "[service]\nstate_dir = \"" + state_dir +
           "\"\n[[chain]]\nname = \"dot\"\nendpoints = [\"ws://127.0.0.1:1\"]\n"
           "[[watch]]\naddress = \"" +
           key_text(watched) +
           "\"\nlabel = \"ours\"\n"
           "[[rule]]\nname = \"large\"\nkind = \"large_transfer\"\nnotable = \"100\"\n"
           "important = \"1000\"\n"
           "[[rule]]\nname = \"mine\"\nkind = \"watch\"\n"
           "[[rule]]\nname = \"cuts\"\nkind = \"drain\"\nmin = \"100\"\noutflows = 3\n"
           "window = \"1h\"\n";
}

} // namespace tests
