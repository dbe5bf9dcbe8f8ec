#include "stages/standin_state.hpp"

#include "decoders/hash.hpp"
#include "decoders/hex.hpp"
#include "decoders/samples.hpp"
#include "decoders/storage_key.hpp"
#include "pipeline/check.hpp"
#include "stages/standin_header.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <simdjson.h>

namespace stages {

namespace {

using pipeline::Bytes;
using pipeline::Hash;
using Buffer = std::vector<std::uint8_t>;
using Element = simdjson::simdjson_result<simdjson::dom::element>;

void append_integer(std::uint64_t value, int size, Buffer& out) {
    for (int i = 0; i < size; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
Buffer integer(std::uint64_t value, int size) {
    Buffer out;
    append_integer(value, size, out);
    return out;
}
void append_text(std::string_view text, Buffer& out) {
    decoders::append_compact(text.size(), out);
    out.insert(out.end(), text.begin(), text.end());
}

std::string text_of(Element element) {
    std::string_view text;
    return element.get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}
std::uint64_t number_of(Element element) {
    std::uint64_t number = 0;
    return element.get(number) == simdjson::SUCCESS ? number : 0;
}

// RuntimeVersion as Core_version returns it (sp_version).
std::string core_version(simdjson::dom::element version) {
    Buffer out;
    append_text(text_of(version["specName"]), out);
    append_text(text_of(version["implName"]), out);
    append_integer(number_of(version["authoringVersion"]), 4, out);
    append_integer(number_of(version["specVersion"]), 4, out);
    append_integer(number_of(version["implVersion"]), 4, out);
    simdjson::dom::array apis;
    if (version["apis"].get(apis) != simdjson::SUCCESS) return "0x";
    decoders::append_compact(apis.size(), out);
    for (auto const api : apis) {
        std::uint8_t id[8] = {};
        if (!decoders::hex_decode(text_of(api.at(0)), id)) return "0x";
        out.insert(out.end(), std::begin(id), std::end(id));
        append_integer(number_of(api.at(1)), 4, out);
    }
    append_integer(number_of(version["transactionVersion"]), 4, out);
    // The last field was renamed; a runtime has one of the two.
    Element const system = version["systemVersion"];
    Element const state = version["stateVersion"];
    append_integer(number_of(system.error() == simdjson::SUCCESS ? system : state), 1, out);
    return decoders::hex_text(out);
}

bool begins_with(Bytes bytes, Bytes prefix) {
    return bytes.size() >= prefix.size() && std::ranges::equal(bytes.first(prefix.size()), prefix);
}

Buffer block_hash_key(std::uint64_t number) {
    auto const prefix = decoders::storage_prefix("System", "BlockHash");
    Buffer key(prefix.begin(), prefix.end());
    decoders::append_map_key(decoders::Hasher::twox_64_concat, integer(number, 4), key);
    return key;
}

} // namespace

std::expected<std::unique_ptr<StandinState>, std::string>
StandinState::create(std::unique_ptr<ChainFeed> feed, std::size_t history_blocks_max) {
    CHECK(feed != nullptr && history_blocks_max >= 2);
    std::unique_ptr<StandinState> state(new StandinState(std::move(feed)));
    state->history_blocks_max_ = history_blocks_max;
    auto const first = state->feed_->next();
    if (!first || !std::holds_alternative<io::CaptureChain>(*first)) {
        return std::unexpected("the chain to play does not begin with its description");
    }
    if (auto done = state->describe(std::get<io::CaptureChain>(*first)); !done) {
        return std::unexpected(done.error());
    }
    if (auto done = state->look_ahead(); !done) return std::unexpected(done.error());
    if (!state->ahead_) return std::unexpected("the chain " + state->name_ + " has no blocks");
    NodeBlock const& anchor = state->import(state->take_ahead(), 0);
    state->set_best(anchor);
    state->set_finalized(anchor);
    return state;
}

std::expected<void, std::string> StandinState::describe(io::CaptureChain const& chain) {
    simdjson::dom::parser parser;
    simdjson::dom::element description;
    if (parser.parse(chain.description).get(description) != simdjson::SUCCESS) {
        return std::unexpected("the description of the chain to play is not JSON");
    }
    name_ = text_of(description["name"]);
    auto const plain = [](char c) { return c >= ' ' && c < 127 && c != '"' && c != '\\'; };
    if (name_.empty() || !std::ranges::all_of(name_, plain)) {
        return std::unexpected("the chain to play needs a name of plain characters");
    }
    simdjson::dom::element properties;
    properties_ = description["properties"].get(properties) == simdjson::SUCCESS
                    ? simdjson::minify(properties)
                    : "{}";
    genesis_ = chain.genesis;
    return {};
}

std::expected<void, std::string> StandinState::add_runtime(io::CaptureRuntime const& runtime) {
    simdjson::dom::parser parser;
    simdjson::dom::element version;
    if (parser.parse(runtime.version).get(version) != simdjson::SUCCESS ||
        runtime.metadata.size() < 5) {
        return std::unexpected(fmt::format("runtime {} of the chain {} has no version or metadata",
                                           runtime.spec_version, name_));
    }
    NodeRuntime& to = runtimes_[runtime.spec_version];
    to.spec_version = runtime.spec_version;
    to.spec_name = text_of(version["specName"]);
    to.version = simdjson::minify(version);
    to.core_version = core_version(version);
    to.metadata.clear();
    decoders::hex_encode(runtime.metadata, to.metadata);
    to.metadata_version = runtime.metadata[4];
    return {};
}

std::expected<void, std::string> StandinState::look_ahead() {
    ahead_.reset();
    while (auto record = feed_->next()) {
        if (auto const* found = std::get_if<io::CaptureRuntime>(&*record)) {
            if (auto done = add_runtime(*found); !done) return done;
        } else if (auto* block = std::get_if<io::CaptureBlock>(&*record)) {
            if (runtime(block->spec_version) == nullptr) {
                return std::unexpected(
                    fmt::format("block {} of the chain {} was executed by runtime {}, which does "
                                "not stand before it",
                                block->number, name_, block->spec_version));
            }
            ahead_ = std::move(*block);
            return {};
        }
    }
    return {};
}

io::CaptureBlock StandinState::take_ahead() {
    CHECK(ahead_);
    io::CaptureBlock block = std::move(*ahead_);
    // A feed that goes wrong later ends there; load_capture() has checked files as a whole.
    if (!look_ahead()) ahead_.reset();
    return block;
}

NodeBlock& StandinState::import(io::CaptureBlock block, std::uint64_t ordinal) {
    NodeBlock& added = blocks_.emplace_back();
    added.executed = runtime(block.spec_version);
    CHECK(added.executed != nullptr);
    added.state = ahead_ ? runtime(ahead_->spec_version) : added.executed;
    added.header = header_text(block.header);
    added.ordinal = ordinal;
    added.data = std::move(block);
    shorten(history_blocks_max_);
    return added;
}

void StandinState::shorten(std::size_t blocks) {
    while (blocks_.size() > blocks) {
        NodeBlock& oldest = blocks_.front();
        if (&oldest == best_ || &oldest == finalized_) return;
        if (!oldest.abandoned) {
            for (auto& [key, value] : oldest.data.storage) pruned_storage_[key] = std::move(value);
        }
        blocks_.pop_front();
    }
}

NodeRuntime const* StandinState::runtime(std::uint32_t spec_version) const {
    auto const found = runtimes_.find(spec_version);
    return found == runtimes_.end() ? nullptr : &found->second;
}

NodeBlock const* StandinState::find(Hash const& hash) const {
    auto const same = [&](NodeBlock const& block) { return block.data.hash == hash; };
    auto const found = std::find_if(blocks_.rbegin(), blocks_.rend(), same);
    return found == blocks_.rend() ? nullptr : &*found;
}

std::optional<Hash> StandinState::hash_of(std::uint64_t number) const {
    if (number == 0) return genesis_;
    if (number > best_->data.number) return std::nullopt;
    auto const same = [&](NodeBlock const& block) {
        return block.data.number == number && !block.abandoned;
    };
    auto const found = std::find_if(blocks_.rbegin(), blocks_.rend(), same);
    if (found == blocks_.rend()) return std::nullopt;
    return found->data.hash;
}

NodeRuntime const* StandinState::runtime_at(Hash const& hash) const {
    if (NodeBlock const* block = find(hash)) return block->state;
    for (NodeBlock const& block : blocks_) {
        if (block.data.parent == hash) return block.executed;
    }
    return hash == genesis_ ? blocks_.front().executed : nullptr;
}

std::optional<Buffer> StandinState::written(NodeBlock const& at, Bytes key) const {
    auto const same = [&](io::KeyValue const& entry) {
        return std::ranges::equal(entry.first, key);
    };
    bool below = false; // walking back from `at`, which may itself be abandoned
    for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) {
        below = below || &*block == &at;
        if (!below || (block->abandoned && &*block != &at)) continue;
        auto const found = std::ranges::find_if(block->data.storage, same);
        if (found != block->data.storage.end()) return found->second;
    }
    auto const old = pruned_storage_.find(Buffer(key.begin(), key.end()));
    if (old == pruned_storage_.end()) return std::nullopt;
    return old->second;
}

std::optional<Buffer> StandinState::storage(NodeBlock const& at, Bytes key) const {
    auto const is = [&](Bytes known) { return std::ranges::equal(key, known); };
    if (is(decoders::system_events_key())) return at.data.events;
    if (is(decoders::system_number_key())) return integer(at.data.number, 4);
    if (is(decoders::timestamp_now_key())) {
        if (at.data.timestamp_ms == 0) return std::nullopt;
        return integer(at.data.timestamp_ms, 8);
    }
    // Nobody has the code: this stands for it, and differs where the metadata does.
    if (std::string_view const code = ":code"; is(pipeline::as_bytes(code))) {
        auto const hash = decoders::blake2b_256(pipeline::as_bytes(at.state->metadata));
        return Buffer(hash.begin(), hash.end());
    }
    if (is(decoders::storage_prefix("System", "ParentHash"))) {
        return Buffer(at.data.parent.begin(), at.data.parent.end());
    }
    if (is(decoders::last_runtime_upgrade_key())) {
        Buffer value;
        decoders::append_compact(at.executed->spec_version, value);
        append_text(at.executed->spec_name, value);
        return value;
    }
    if (begins_with(key, decoders::storage_prefix("System", "BlockHash"))) {
        for (auto const& block : blocks_) {
            if (block.abandoned || block.data.number >= at.data.number) continue;
            if (is(block_hash_key(block.data.number))) {
                return Buffer(block.data.hash.begin(), block.data.hash.end());
            }
        }
        if (is(block_hash_key(0))) return Buffer(genesis_.begin(), genesis_.end());
        return std::nullopt;
    }
    auto value = written(at, key);
    if (value && value->empty()) return std::nullopt; // an empty value stands for a removed key
    return value;
}

std::vector<Buffer> StandinState::keys(NodeBlock const& at, Bytes prefix) const {
    std::set<Buffer> candidates;
    auto const add = [&](Bytes key) {
        if (begins_with(key, prefix)) candidates.emplace(key.begin(), key.end());
    };
    add(decoders::system_events_key());
    add(decoders::system_number_key());
    add(decoders::timestamp_now_key());
    add(decoders::last_runtime_upgrade_key());
    add(decoders::storage_prefix("System", "ParentHash"));
    add(block_hash_key(0));
    for (auto const& block : blocks_) {
        add(block_hash_key(block.data.number));
        for (auto const& [key, value] : block.data.storage) add(key);
    }
    for (auto const& [key, value] : pruned_storage_) add(key);
    std::vector<Buffer> keys;
    for (auto const& key : candidates) {
        if (storage(at, key)) keys.push_back(key);
    }
    return keys;
}

} // namespace stages
