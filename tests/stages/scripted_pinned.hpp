// A node that has chainHead_v1 and nothing else (json-rpc-interface-spec), in front of a source
// alone. One thread; owns the chain it plays.
#pragma once

#include "tests/stages/scripted_failover.hpp"

#include "decoders/hex.hpp"
#include "decoders/samples.hpp"
#include "decoders/storage_key.hpp"

namespace scripted {

using decoders::hex_text;

inline std::string quoted(stages::Hash const& hash) { return '"' + hex_text(hash) + '"'; }

inline Settings two_urls() {
    Settings settings;
    settings.urls = {"ws://127.0.0.1:9944", "ws://127.0.0.1:9945"};
    return settings;
}

// Serves `chain` by the new methods only. What a real server sends behind a reply waits in `queue`
// until the reply has left.
struct Pinned : SourceWorld {
    explicit Pinned(Settings settings = {})
        : SourceWorld(std::move(settings)) {
        chain.serve(shelf);
        first = &chain.add({{.amount = 5}});
        final.push_back(first);
        best = first;
        using Asking = Asked const&;
        node.answers["chainSpec_v1_genesisHash"] = [this](Asking) {
            return "\"result\":" + chain.genesis_text();
        };
        node.answers["chainSpec_v1_properties"] = [this](Asking) {
            return "\"result\":" + chain.properties;
        };
        node.answers["chainHead_v1_follow"] = [this](Asking) {
            initialize();
            return "\"result\":\"s1\"";
        };
        node.answers["chainHead_v1_header"] = [this](Asking question) -> std::string {
            Block const* const block = chain.find(question.params);
            if (!block) return Node::error(-32801, "Invalid block hash");
            return "\"result\":\"" + hex_text(block->encoded) + '"';
        };
        node.answers["chainHead_v1_storage"] = [this](Asking question) {
            return storage(question);
        };
        node.answers["chainHead_v1_call"] = [this](Asking question) {
            std::string const reply = *shelf.answers.at("state_call")(question);
            std::string const id = fmt::format("op{}", ++operations);
            event(fmt::format(R"("event":"operationCallDone","operationId":"{}","output":{})", id,
                              reply.substr(reply.find(':') + 1)));
            return started(id);
        };
        node.answers["chainHead_v1_body"] = [this](Asking) {
            std::string const id = fmt::format("op{}", ++operations);
            event(fmt::format(
                R"("event":"operationBodyDone","operationId":"{}","value":["0x080400"])", id));
            return started(id);
        };
        node.result("chainHead_v1_unpin", "null");
        node.result("chainHead_v1_continue", "null");
    }
    static std::string started(std::string const& id) {
        return fmt::format(
            R"("result":{{"result":"started","operationId":"{}","discardedItems":0}})", id);
    }
    void event(std::string members) { queue.push_back('{' + std::move(members) + '}'); }
    void initialize() {
        std::string hashes;
        for (Block const* block : final)
            hashes += (hashes.empty() ? "" : ",") + quoted(block->hash);
        event(fmt::format(R"("event":"initialized","finalizedBlockHashes":[{}],)"
                          R"("finalizedBlockRuntime":{})",
                          hashes, runtime(final.back()->state_spec)));
        for (Block const* block : open) new_block(*block);
        event(fmt::format(R"("event":"bestBlockChanged","bestBlockHash":{})", quoted(best->hash)));
    }
    static std::string runtime(std::uint32_t spec) {
        return fmt::format(R"({{"type":"valid","spec":{{"specName":"polkadot","specVersion":{},)"
                           R"("apis":{{}}}}}})",
                           spec);
    }
    void new_block(Block const& block) {
        event(
            fmt::format(R"("event":"newBlock","blockHash":{},"parentBlockHash":{},"newRuntime":{})",
                        quoted(block.hash), quoted(block.parent),
                        block.state_spec == block.spec ? "null" : runtime(block.state_spec)));
    }
    std::string storage(Asked const& question) {
        std::string const id = fmt::format("op{}", ++operations);
        Block const* const block = chain.find(question.params);
        if (!block) return Node::error(-32801, "Invalid block hash");
        auto const item = [&](pipeline::Bytes key, pipeline::Bytes value) {
            event(fmt::format(R"("event":"operationStorageItems","operationId":"{}",)"
                              R"("items":[{{"key":"{}","value":"{}"}}])",
                              id, hex_text(key), hex_text(value)));
        };
        if (question.params.find("descendantsValues") != std::string::npos) {
            for (std::size_t i = 0; i < assets; ++i) {
                Buffer const key(32, static_cast<std::uint8_t>(0xa0 + i));
                item(key, Buffer{1, 2, static_cast<std::uint8_t>(i)});
            }
            event(fmt::format(R"("event":"operationStorageDone","operationId":"{}")", id));
            return started(id);
        }
        Buffer number, time, upgrade;
        for (int i = 0; i < 4; ++i)
            number.push_back(static_cast<std::uint8_t>(block->number >> (8 * i)));
        for (int i = 0; i < 8; ++i)
            time.push_back(static_cast<std::uint8_t>(block->timestamp_ms >> (8 * i)));
        decoders::append_compact(block->spec, upgrade);
        upgrade.push_back(0);
        item(decoders::system_number_key(), number); // in any order
        item(decoders::system_events_key(), block->events);
        if (reports_upgrade) item(decoders::last_runtime_upgrade_key(), upgrade);
        item(decoders::timestamp_now_key(), time);
        event(fmt::format(R"("event":"operationStorageDone","operationId":"{}")", id));
        return started(id);
    }
    // Until neither side has anything to say.
    void settle() {
        for (int i = 0; i < 1'000; ++i) {
            run();
            if (queue.empty() || paused) return;
            for (std::string const& one : std::exchange(queue, {}))
                node.notice("chainHead_v1_followEvent", one);
        }
        FAIL() << "it never comes to rest";
    }
    void pass(pipeline::Nanoseconds time) {
        for (pipeline::Nanoseconds passed = 0; passed < time; passed += 50 * ms) {
            clock.advance(50 * ms);
            settle();
        }
    }
    void start() {
        for (int i = 0; i < 100 && node.count("chainHead_v1_follow") == 0; ++i) pass(50 * ms);
        settle();
    }
    Block const& grow(Block const* parent = nullptr) {
        Block const& block = chain.add({{.amount = 7}}, parent);
        tell(block);
        return block;
    }
    void tell(Block const& block) {
        open.push_back(&block);
        best = &block;
        new_block(block);
        event(fmt::format(R"("event":"bestBlockChanged","bestBlockHash":{})", quoted(block.hash)));
        settle();
    }
    void finalize(std::vector<Block const*> const& now,
                  std::vector<Block const*> const& gone = {}) {
        std::string list, pruned;
        for (Block const* block : now) list += (list.empty() ? "" : ",") + quoted(block->hash);
        for (Block const* block : gone) pruned += (pruned.empty() ? "" : ",") + quoted(block->hash);
        final.insert(final.end(), now.begin(), now.end());
        std::erase_if(open, [&](Block const* one) {
            return std::ranges::find(now, one) != now.end() ||
                   std::ranges::find(gone, one) != gone.end();
        });
        event(fmt::format(
            R"("event":"finalized","finalizedBlockHashes":[{}],"prunedBlockHashes":[{}])", list,
            pruned));
        settle();
    }
    void stop() {
        event(R"("event":"stop")");
        settle();
    }
    bool unpinned(Block const& block) const {
        return node.count("chainHead_v1_unpin", hex_text(block.hash)) > 0;
    }

    Chain chain;
    Node shelf{network, clock, random, first_port + 2}; // only for its answers
    std::vector<Block const*> final;
    std::vector<Block const*> open;
    Block const* first = nullptr;
    Block const* best = nullptr;
    std::vector<std::string> queue;
    bool paused = false;
    bool reports_upgrade = true;
    std::size_t assets = 0;
    int operations = 0;
};

} // namespace scripted
