#include "tests/stages/history_world.hpp"

#include "decoders/hex.hpp"
#include "decoders/samples.hpp"
#include "decoders/storage_key.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <simdjson.h>

namespace scripted {

using decoders::hex_text;
using pipeline::Process;

namespace {

Buffer little_endian(std::uint64_t value, std::size_t size) {
    Buffer bytes;
    for (std::size_t i = 0; i < size; ++i)
        bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    return bytes;
}

constexpr auto discarded = "UnknownBlock: State already discarded for 0x00";

} // namespace

void Gathered::on(pipeline::Part<stages::Frame> const& part, pipeline::Turn const&) {
    stages::Frame const& frame = part.message;
    EXPECT_EQ(frame.lane, stages::Lane::history);
    EXPECT_EQ(frame.chain, 7u);
    if (auto const* runtime = std::get_if<stages::RuntimeBytes>(&frame.body)) {
        told.push_back(fmt::format("runtime {}", runtime->spec_version));
        EXPECT_EQ(pipeline::as_text(part.payload).substr(0, 4), "meta");
    } else if (auto const* block = std::get_if<stages::BlockBytes>(&frame.body)) {
        EXPECT_TRUE(block->block.finalized);
        told.push_back(fmt::format("block {}", block->block.number));
        blocks.push_back(*block);
        payloads.emplace_back(part.payload.begin(), part.payload.end());
    } else if (auto const* final = std::get_if<stages::Finalized>(&frame.body)) {
        ASSERT_FALSE(blocks.empty());
        bool const same = final->hash == blocks.back().block.hash &&
                          final->number == blocks.back().block.number &&
                          told.back() == fmt::format("block {}", final->number);
        if (!same) told.push_back(fmt::format("final {}", final->number));
    } else if (auto const* lost = std::get_if<stages::Missing>(&frame.body)) {
        told.push_back(fmt::format("missing {} to {}", lost->from, lost->to));
        missing.push_back(*lost);
    } else {
        told.emplace_back("something else");
    }
}

HistoryWorld::HistoryWorld(HistorySettings settings) {
    for (std::uint32_t i = 0; i < settings.blocks; ++i)
        blocks.push_back(&chain.add({{.amount = 1'000 + i}}));
    serve(node);
    serve(spare);
    auto& wants =
        topology.link<stages::Want>("wants", {.depth = 8, .when_full = pipeline::WhenFull::drop});
    auto& frames = topology.link<stages::Frame>(
        "frames", {.depth = settings.frames_depth, .arena_bytes = settings.arena_bytes});
    auto& notes = topology.link<stages::HistoryNote>(
        "notes", {.depth = 256, .when_full = pipeline::WhenFull::drop});
    page = &topology.metrics().add("chain=\"test\"", stages::history_metrics);
    settings.history.chain = 7;
    settings.history.name = "test";
    settings.history.socket.message_bytes_max = 4 << 20;
    settings.history.socket.frame_bytes_max = 4 << 20;
    for (std::size_t i = 0; i < settings.endpoints; ++i)
        settings.history.endpoints.push_back(
            *io::parse_url(fmt::format("ws://127.0.0.1:{}/s3cr3t", first_port + i)));
    wishes = &topology.stage({"wishes", Process::hybrid, "one"}, std::make_unique<Wishes>(wants));
    history = &topology.stage({"history", Process::hybrid, "one"},
                              std::make_unique<stages::RpcHistory>(
                                  std::move(settings.history),
                                  stages::RpcHistory::Needs{network, clock, random, log, *page},
                                  frames, notes),
                              wants);
    gathered = &topology.stage({"gathered", Process::hybrid, "one"}, std::make_unique<Gathered>(),
                               frames, notes);
    auto const finished = topology.finish();
    EXPECT_TRUE(finished) << (finished ? "" : finished.error());
}

void HistoryWorld::want(std::vector<Stretch> const& stretches) {
    stages::Want want;
    want.chain = 7;
    want.count = static_cast<std::uint16_t>(stretches.size());
    std::ranges::copy(stretches, want.stretches.begin());
    wishes->next = want;
    run();
}

Block const* HistoryWorld::at(std::uint32_t number) const {
    bool const there = number >= 100 && number - 100 < blocks.size();
    return there ? blocks[number - 100] : nullptr;
}

std::string HistoryWorld::value(Block const& block, std::string_view key) const {
    auto const json = [](Buffer const& bytes) { return '"' + hex_text(bytes) + '"'; };
    if (absent.contains(std::string(key))) return "null";
    if (key == hex_text(decoders::system_events_key())) return json(block.events);
    if (key == hex_text(decoders::system_number_key())) return json(little_endian(block.number, 4));
    if (key == hex_text(decoders::timestamp_now_key()))
        return json(little_endian(block.timestamp_ms, 8));
    if (key == hex_text(decoders::system_parent_hash_key()))
        return '"' + hex_text(block.parent) + '"';
    if (key != hex_text(decoders::last_runtime_upgrade_key())) return "null";
    Buffer upgrade;
    decoders::append_compact(block.spec, upgrade);
    for (char const c : std::string_view(" polkadot"))
        upgrade.push_back(static_cast<std::uint8_t>(c));
    return json(upgrade);
}

std::string HistoryWorld::change_set(Block const& block, std::string_view keys) const {
    std::string list;
    bool const gone = block.number < pruned_below;
    for (std::size_t at = keys.find("0x"); at != keys.npos; at = keys.find("0x", at + 66)) {
        std::string_view const key = keys.substr(at, 66);
        if (key == hex_text(block.hash)) continue; // the last parameter
        list += fmt::format(R"({}["{}",{}])", list.empty() ? "" : ",", key,
                            gone ? "null" : value(block, key));
    }
    return fmt::format(R"([{{"block":"{}","changes":[{}]}}])", hex_text(block.hash), list);
}

void HistoryWorld::serve(Node& to) {
    chain.serve(to);
    to.answers["chain_getBlockHash"] = [this](Asked const& question) -> std::string {
        if (question.params == "0") return "\"result\":" + chain.genesis_text();
        bool const list = question.params.starts_with('[');
        std::string names;
        for (std::size_t i = list; i < question.params.size(); ++i) {
            std::size_t const end =
                std::min(question.params.find_first_of(",]", i), question.params.size());
            Block const* const block =
                at(static_cast<std::uint32_t>(std::stoul(question.params.substr(i, end - i))));
            names += names.empty() ? "" : ",";
            names += block ? '"' + hex_text(block->hash) + '"' : "null";
            i = end;
        }
        return "\"result\":" + (list ? '[' + names + ']' : names);
    };
    to.answers["chain_getFinalizedHead"] = [this](Asked const&) {
        return "\"result\":\"" + hex_text(blocks.back()->hash) + '"';
    };
    to.answers["state_queryStorageAt"] = [this](Asked const& question) -> std::string {
        Block const* const block = named(question.params);
        if (!block) return Node::error(-32000, "UnknownBlock: Header was not found");
        if (block->number < pruned_below && !says_null) return Node::error(4003, discarded);
        return "\"result\":" + change_set(*block, question.params);
    };
    to.answers["state_getStorage"] = [this](Asked const& question) -> std::string {
        Block const* const block = named(question.params);
        if (!block) return Node::error(-32000, "UnknownBlock: Header was not found");
        if (block->number < pruned_below) return Node::error(4003, discarded);
        return "\"result\":" + value(*block, question.params.substr(1, 66));
    };
}

void HistoryWorld::serve_archive(Node& to) {
    to.answers.clear();
    to.result("archive_v1_genesisHash", chain.genesis_text());
    to.result("archive_v1_finalizedHeight", std::to_string(blocks.back()->number));
    to.answers["archive_v1_hashByHeight"] = [this](Asked const& question) -> std::string {
        Block const* const block = at(static_cast<std::uint32_t>(std::stoul(question.params)));
        return block ? "\"result\":[\"" + hex_text(block->hash) + "\"]" : "\"result\":[]";
    };
    to.answers["archive_v1_call"] = [this](Asked const& question) -> std::string {
        if (question.params.find("Core_version") != std::string::npos)
            return R"("result":{"success":false,"error":"trap"})";
        bool const list = question.params.find("metadata_versions") != std::string::npos;
        Buffer wrapped{1};
        decoders::append_compact(chain.known().bytes.size(), wrapped);
        wrapped.insert(wrapped.end(), chain.known().bytes.begin(), chain.known().bytes.end());
        return fmt::format(R"("result":{{"success":true,"value":"{}"}})",
                           list ? chain.versions : hex_text(wrapped));
    };
    to.answers["archive_v1_storage"] = [this, &to](Asked const& question) -> std::string {
        // Events follow the reply: the test sends them after its run().
        Block const& block = *named(question.params);
        std::string const name = fmt::format("sub{}", block.number);
        auto const event = [&](std::string const& members) {
            to.held.push_back(
                fmt::format(R"({{"jsonrpc":"2.0","method":"archive_v1_storageEvent","params":)"
                            R"({{"subscription":"{}","result":{{{}}}}}}})",
                            name, members));
        };
        for (std::size_t i = question.params.find(R"("key":")"); i != std::string::npos;
             i = question.params.find(R"("key":")", i + 7)) {
            std::string const key = question.params.substr(i + 7, 66);
            std::string const found = value(block, key);
            if (found != "null")
                event(fmt::format(R"("event":"storage","key":"{}","value":{})", key, found));
        }
        event(R"("event":"storageDone")");
        return "\"result\":\"" + name + '"';
    };
}

Words blocks_told(std::uint32_t from, std::uint32_t to) {
    Words words;
    for (std::uint32_t i = from; i <= to; ++i) words.push_back(fmt::format("block {}", i));
    return words;
}

} // namespace scripted
