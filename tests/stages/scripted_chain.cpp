#include "tests/stages/scripted_chain.hpp"

#include "decoders/header.hpp"
#include "decoders/hex.hpp"
#include "decoders/samples.hpp"
#include "decoders/storage_key.hpp"

#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

namespace scripted {

using decoders::hex_text;

KnownRuntime const& known_runtime(std::string const& name) {
    static std::map<std::string, KnownRuntime> known;
    KnownRuntime& made = known[name];
    if (made.runtime) return made;
    std::ifstream file("tests/data/metadata/" + name + ".scale", std::ios::binary);
    made.bytes.assign(std::istreambuf_iterator<char>(file), {});
    auto runtime = decoders::compile(made.bytes);
    EXPECT_TRUE(runtime) << name << ": " << made.bytes.size() << " bytes";
    made.runtime = std::move(*runtime);
    return made;
}

decoders::Account account(std::uint8_t byte) {
    decoders::Account made;
    std::memset(made.key, byte, sizeof made.key);
    made.size = 32;
    return made;
}

Buffer events_of(decoders::Runtime const& runtime, std::vector<Sent> const& sent) {
    auto const movements = runtime.movements();
    std::size_t row = 0;
    while (movements[row].pallet != "Balances") ++row;
    decoders::SampleRandom random(1);
    Buffer value;
    decoders::append_compact(sent.size(), value);
    for (std::size_t i = 0; i < sent.size(); ++i) {
        Buffer event;
        EXPECT_TRUE(decoders::encode_movement(runtime, row, account(sent[i].from),
                                              account(sent[i].to), sent[i].amount, {}, random,
                                              event));
        decoders::append_record(static_cast<std::int64_t>(i), event, value);
    }
    return value;
}

Chain::Chain(std::string const& metadata, std::uint32_t spec)
    : known_(known_runtime(metadata))
    , first_spec_(spec) {
    genesis.fill(0x91);
}

Block& Chain::make(Buffer events, Block const* parent, std::uint32_t state_spec) {
    if (!parent && !blocks_.empty()) parent = &blocks_.back();
    decoders::HeaderParts parts;
    if (parent)
        parts.parent = parent->hash;
    else
        parts.parent.fill(0x99);
    parts.number = parent ? parent->number + 1 : 100;
    parts.state_root.fill(++mark_); // siblings differ
    Block block;
    block.hash = decoders::header_hash(parts);
    if (other_hashing) block.hash[0] ^= 0xff;
    block.parent = parts.parent;
    block.number = parts.number;
    block.spec = parent ? parent->state_spec : first_spec_;
    block.state_spec = state_spec ? state_spec : block.spec;
    block.timestamp_ms = 1'700'000'000'000 + 6'000ULL * block.number;
    block.events = std::move(events);
    block.header = decoders::header_json(parts);
    block.encoded = decoders::encode_header(parts);
    blocks_.push_back(std::move(block));
    return blocks_.back();
}

Block const& Chain::add(std::vector<Sent> const& sent, Block const* parent) {
    return make(events_of(*known_.runtime, sent), parent, 0);
}

Block const& Chain::add_upgrade(std::uint32_t spec) {
    return make(events_of(*known_.runtime, {}), nullptr, spec);
}

std::string Chain::genesis_text() const { return '"' + hex_text(genesis) + '"'; }

Block const* Chain::find(std::string_view params) const {
    for (Block const& block : blocks_)
        if (params.find(hex_text(block.hash)) != std::string_view::npos) return &block;
    return nullptr;
}

std::string Chain::version_json(std::uint32_t spec) const {
    return fmt::format(R"({{"specName":"polkadot","specVersion":{},"apis":[]}})", spec);
}

std::string Chain::changes(Block const& block, bool with_upgrade) const {
    auto const change = [](pipeline::Bytes key, Buffer const& value) {
        return fmt::format(R"(["{}","{}"])", hex_text(key), hex_text(value));
    };
    auto const little_endian = [](std::uint64_t value, std::size_t size) {
        Buffer bytes;
        for (std::size_t i = 0; i < size; ++i)
            bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
        return bytes;
    };
    std::string list = change(decoders::system_events_key(), block.events);
    list += ',' + change(decoders::system_number_key(), little_endian(block.number, 4));
    list += ',' + change(decoders::timestamp_now_key(), little_endian(block.timestamp_ms, 8));
    if (with_upgrade) {
        Buffer upgrade;
        decoders::append_compact(block.spec, upgrade);
        for (char c : std::string_view(" polkadot"))
            upgrade.push_back(static_cast<std::uint8_t>(c));
        list += ',' + change(decoders::last_runtime_upgrade_key(), upgrade);
    }
    return fmt::format(R"({{"block":"{}","changes":[{}]}})", hex_text(block.hash), list);
}

std::string Chain::push(Block const& block, bool with_upgrade) const {
    return changes(block, with_upgrade);
}

void Chain::announce(Node& node, Block const& block) const {
    node.notice("chain_newHead", block.header);
    node.notice("state_storage", push(block));
}

void Chain::serve(Node& node) {
    using Asking = Asked const&;
    node.answers["chain_getBlockHash"] = [this](Asking question) {
        if (question.params == "0") return "\"result\":" + genesis_text();
        for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block)
            if (std::to_string(block->number) == question.params)
                return "\"result\":\"" + hex_text(block->hash) + '"';
        return std::string("\"result\":null");
    };
    node.answers["system_properties"] = [this](Asking) { return "\"result\":" + properties; };
    node.answers["chain_getHeader"] = [this](Asking question) {
        Block const* const block = question.params.empty() ? &tip() : find(question.params);
        return "\"result\":" + (block ? block->header : "null");
    };
    node.answers["state_getRuntimeVersion"] = [this](Asking question) {
        Block const* const block = find(question.params);
        return "\"result\":" + version_json(block ? block->state_spec : first_spec_);
    };
    node.answers["state_call"] = [this](Asking question) -> std::string {
        if (question.params.find("metadata_versions") != std::string::npos)
            return "\"result\":\"" + versions + '"';
        Buffer wrapped{1};
        decoders::append_compact(known_.bytes.size(), wrapped);
        wrapped.insert(wrapped.end(), known_.bytes.begin(), known_.bytes.end());
        return "\"result\":\"" + hex_text(wrapped) + '"';
    };
    node.answers["state_getMetadata"] = [this](Asking) {
        return "\"result\":\"" + hex_text(known_.bytes) + '"';
    };
    node.answers["state_queryStorageAt"] = [this](Asking question) -> std::string {
        Block const* const block = find(question.params);
        if (!block) return Node::error(-32000, "UnknownBlock: Header was not found");
        return "\"result\":[" + changes(*block, reports_upgrade) + ']';
    };
    node.answers["state_getStorage"] = [this](Asking question) -> std::string {
        Block const* const block = find(question.params);
        if (!block) return Node::error(-32000, "UnknownBlock: Header was not found");
        return "\"result\":\"" + hex_text(block->events) + '"';
    };
    for (auto method : {"chain_subscribeNewHeads", "chain_subscribeFinalizedHeads",
                        "state_subscribeRuntimeVersion", "state_subscribeStorage"})
        node.result(method, "\"s1\"");
}

} // namespace scripted
