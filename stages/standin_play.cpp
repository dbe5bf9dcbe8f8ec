// The stand-in node's other half: when a block is due, and what goes wrong on purpose.

#include "decoders/hash.hpp"
#include "decoders/header.hpp"
#include "decoders/storage_key.hpp"
#include "pipeline/check.hpp"
#include "stages/standin_header.hpp"
#include "stages/standin_impl.hpp"

#include <algorithm>

namespace stages {

namespace {

using Buffer = std::vector<std::uint8_t>;

// A WebSocket text frame as a server sends it (RFC 6455 section 5.2: FIN, opcode 1, not masked),
// whose header may promise more than `payload` holds.
std::string frame(std::uint64_t promised, std::string_view payload) {
    std::string out = "\x81";
    if (promised < 126) {
        out += static_cast<char>(promised);
    } else {
        out += '\x7f';
        for (int shift = 56; shift >= 0; shift -= 8) {
            out += static_cast<char>((promised >> shift) & 0xff);
        }
    }
    out += payload;
    return out;
}

// No runtime has an event phase 0xff: the first record already fails to decode.
Buffer garbage_events() { return {0x10, 0xff, 0xff, 0xff, 0xff}; }

} // namespace

bool StandinNode::Impl::play() {
    if (!held.empty()) return play_branch();
    if (state->ahead() == nullptr) return advance_finality(1);
    ++ordinal;
    apply_faults(ordinal);
    for (Fault const& fault : options.faults) {
        if (fault.kind == FaultKind::fork && fault.at_block == ordinal) begin_branch(fault.count);
    }
    if (!held.empty()) return play_branch();
    NodeBlock& block = import_next(state->take_ahead());
    tell(Topic::all_heads, block.header);
    tell_new_block(block);
    adopt(block);
    advance_finality(0);
    return true;
}

NodeBlock& StandinNode::Impl::import_next(io::CaptureBlock block) {
    if (fault_covers(FaultKind::garbage_events, ordinal)) block.events = garbage_events();
    if (fault_covers(FaultKind::no_events, ordinal)) block.events = {0};
    return state->import(std::move(block), ordinal);
}

void StandinNode::Impl::adopt(NodeBlock const& block) {
    NodeBlock const& before = state->best();
    state->set_best(block);
    tell(Topic::new_heads, block.header);
    tell_best(block);
    if (before.state != block.state) tell(Topic::runtime_version, block.state->version);
    tell_storage(before, block);
}

void StandinNode::Impl::tell_storage(NodeBlock const& before, NodeBlock const& now) {
    auto const changed = [&](Buffer const& key) {
        auto const is = [&](decoders::StorageKey const& k) { return std::ranges::equal(key, k); };
        // Every block writes these, whether or not their value differs.
        if (is(decoders::system_events_key()) || is(decoders::system_number_key()) ||
            is(decoders::timestamp_now_key())) {
            return true;
        }
        return state->storage(before, key) != state->storage(now, key);
    };
    for (auto const& [connection, client] : clients) {
        for (Subscription const& subscription : client.subscriptions) {
            if (subscription.topic != Topic::storage) continue;
            std::vector<Buffer> keys;
            std::ranges::copy_if(subscription.keys, std::back_inserter(keys), changed);
            if (!keys.empty()) notify(connection, subscription, change_set(*state, now, keys));
        }
    }
}

// -- finality ------------------------------------------------------------------------------------

// Finalizes what lies finality_lag_blocks behind the best block, and at least so many. Announces
// the newest only, as nodes do. False when nothing was left to do.
bool StandinNode::Impl::advance_finality(std::size_t least) {
    auto& blocks = state->history();
    std::vector<NodeBlock const*> open; // above the finalized block, oldest first
    bool above = false;
    for (NodeBlock const& block : blocks) {
        if (above && !block.abandoned) open.push_back(&block);
        above = above || &block == &state->finalized();
    }
    if (open.empty()) return false;
    std::size_t const lag = options.finality_lag_blocks;
    std::size_t const count = std::max(least, open.size() > lag ? open.size() - lag : 0);
    if (count == 0) return true;
    NodeBlock const& newest = *open[count - 1];
    state->set_finalized(newest);
    if (!fault_covers(FaultKind::skip_finality, newest.ordinal)) {
        tell(Topic::finalized_heads, newest.header);
        tell_finalized();
    }
    return true;
}

// -- forks ---------------------------------------------------------------------------------------

void StandinNode::Impl::begin_branch(std::uint64_t blocks) {
    while (held.size() < blocks && state->ahead() != nullptr) {
        if (!decode_header(state->ahead()->header)) return;
        held.push_back(state->take_ahead());
    }
}

// The branch's block at the height of held[index]: other state root, so another hash, and the
// events of the block before the fork, which are then told and have to be taken back.
io::CaptureBlock StandinNode::Impl::sibling(std::size_t index) const {
    io::CaptureBlock block = held[index];
    auto parts = decode_header(block.header);
    CHECK(parts);
    parts->state_root = decoders::blake2b_256(parts->state_root);
    if (index > 0) parts->parent = branch.back()->data.hash;
    block.parent = parts->parent;
    block.header = decoders::encode_header(*parts);
    block.hash = decoders::header_hash(*parts);
    NodeBlock const& before = index > 0 ? *branch.back() : state->best();
    if (before.data.spec_version == block.spec_version) block.events = before.data.events;
    return block;
}

// One block of the branch a turn; then all the real blocks at once, of which the last becomes best.
bool StandinNode::Impl::play_branch() {
    if (branch.size() < held.size()) {
        NodeBlock& block = state->import(sibling(branch.size()), ordinal);
        branch.push_back(&block);
        tell(Topic::all_heads, block.header);
        tell_new_block(block);
        adopt(block);
        return true;
    }
    for (NodeBlock* const left : branch) left->abandoned = true;
    NodeBlock* newest = nullptr;
    bool first = true;
    for (auto& block : held) {
        if (!std::exchange(first, false)) ++ordinal;
        newest = &import_next(std::move(block));
        tell(Topic::all_heads, newest->header);
        tell_new_block(*newest);
    }
    held.clear();
    branch.clear();
    CHECK(newest != nullptr); // a fork is resolved only while blocks are held back
    adopt(*newest);
    advance_finality(0);
    return true;
}

// -- faults --------------------------------------------------------------------------------------

bool StandinNode::Impl::fault_covers(FaultKind kind, std::uint64_t at) const {
    return std::ranges::any_of(options.faults, [&](Fault const& fault) {
        return fault.kind == kind && at >= fault.at_block && at - fault.at_block < fault.count;
    });
}

void StandinNode::Impl::apply_faults(std::uint64_t at) {
    pipeline::Hash genesis = real_genesis;
    if (fault_covers(FaultKind::wrong_genesis, at)) genesis[31] ^= 0xff;
    state->set_genesis(genesis);
    for (Fault const& fault : options.faults) {
        if (fault.at_block == at) break_connections(fault);
        if (fault.kind == FaultKind::silent && at == fault.at_block + fault.count) {
            for (auto& [connection, client] : clients) client.silent = false;
        }
    }
}

void StandinNode::Impl::break_connections(Fault const& fault) {
    using enum NodeAction::Kind;
    switch (fault.kind) {
    case FaultKind::close:
    case FaultKind::wrong_genesis: act_on_all(close, {}); break;
    case FaultKind::reset: act_on_all(reset, {}); break;
    case FaultKind::silent:
        for (auto& [connection, client] : clients) client.silent = true;
        break;
    case FaultKind::malformed_json:
        act_on_all(text, R"({"jsonrpc":"2.0","method":"state_storage","params":{"subscr)");
        break;
    case FaultKind::oversize_frame: act_on_all(raw, frame(fault.count, R"({"jsonrpc":)")); break;
    case FaultKind::truncated_frame:
        act_on_all(raw, frame(1000, R"({"jsonrpc":)"));
        act_on_all(reset, {});
        break;
    case FaultKind::invalid_utf8: act_on_all(raw, frame(6, "\"\xff\xfe\xc0\xaf\"")); break;
    case FaultKind::error_reply: refusals = fault.count; break;
    case FaultKind::rate_limit: limited = fault.count; break;
    case FaultKind::stop: stop_follows(0); break;
    case FaultKind::prune: state->shorten(fault.count); break;
    case FaultKind::garbage_events:
    case FaultKind::no_events:
    case FaultKind::skip_finality:
    case FaultKind::fork: break; // when the block itself is made
    }
}

} // namespace stages
