// Following by chainHead_v1, where a node has nothing else: the subscription, its blocks, its end.
#include "stages/rpc_source.hpp"

#include "decoders/hex.hpp"

#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::size_t hashes_max = 4'096; // in one notice

// The hashes of the array result.<member>.
std::expected<std::vector<Hash>, decoders::Error> read_hashes(decoders::JsonRpc& json,
                                                              std::string_view member) {
    std::vector<Hash> hashes;
    std::optional<decoders::Error> bad;
    auto const count = json.strings(member, [&](std::size_t index, std::string_view text) {
        auto const hash = decoders::parse_hash(text);
        if (!hash && !bad) bad = hash.error();
        if (index >= hashes_max && !bad)
            bad = decoders::Error{decoders::Code::json_too_large, 0, hashes_max};
        if (!bad) hashes.push_back(*hash);
    });
    if (!count) return std::unexpected(count.error());
    if (bad) return std::unexpected(*bad);
    return hashes;
}

std::expected<Hash, decoders::Error> read_hash(decoders::JsonRpc& json, std::string_view member) {
    auto const token = json.member(member);
    if (!token) return std::unexpected(token.error());
    if (token->form != decoders::Form::string)
        return std::unexpected(decoders::Error{decoders::Code::json_type, 0});
    return decoders::parse_hash(token->text);
}

} // namespace

// This endpoint has none of the older methods. What is on its way is answered to nobody.
void RpcSource::speak_chain_head(Nanoseconds now) {
    api_of_[endpoint_] = Api::chain_head;
    requests_.clear();
    later_.clear();
    needs_.log.write(pipeline::Level::info, "source",
                     place() + ": no older methods here; it is followed by chainHead_v1");
    greet(now);
}

void RpcSource::follow_anew(Nanoseconds now) {
    operations_.clear();
    follow_.clear();
    ask({.ask = Ask::follow}, "true", now);
}

std::string RpcSource::follow_params(Hash const& hash) const {
    return fmt::format(R"("{}",{})", follow_, hash_param(hash));
}

RpcSource::Outcome RpcSource::protocol_broken(std::string_view how) {
    needs_.metrics.add(SourceMetric::malformed);
    return fault(fmt::format("the node breaks the rules of chainHead_v1: {}", how));
}

RpcSource::Outcome RpcSource::on_followed(decoders::Envelope const& reply) {
    bool const usable = reply.form == decoders::Form::string && !reply.text.empty() &&
                        reply.text.size() <= decoders::max_subscription_id_bytes;
    if (!usable) return malformed("a subscription without a name", {});
    if (!follow_.empty() && follow_ != reply.text) // its first notice may come before the name
        return protocol_broken("a notice came under another name than the subscription has");
    follow_.assign(reply.text);
    return Outcome::done;
}

RpcSource::Outcome RpcSource::on_follow_event(decoders::Envelope const& envelope,
                                              Nanoseconds received, Turn const& turn) {
    if (api_ != Api::chain_head) return Outcome::done;
    auto const event = json_.member("event");
    if (!event) return malformed("a notice of chainHead_v1", event.error());
    if (follow_.empty() && event->text == "initialized") follow_.assign(envelope.subscription);
    if (envelope.subscription != follow_) return Outcome::done; // of one that is over
    if (event->text == "stop") return on_stop(turn.now);
    if (event->text == "initialized") return on_initialized(turn.now);
    if (event->text.starts_with("operation")) return on_operation(event->text, received, turn.now);
    if (!head_.following()) return protocol_broken("something comes before it is initialized");
    return on_block_event(event->text, turn);
}

RpcSource::Outcome RpcSource::on_initialized(Nanoseconds now) {
    auto const final = read_hashes(json_, "finalizedBlockHashes");
    if (!final) return malformed("a list of finalized blocks", final.error());
    auto const spec = json_.followed_runtime("finalizedBlockRuntime");
    if (!spec) return malformed("a runtime version", spec.error());
    if (auto const done = head_.initialized(*final, *spec); !done)
        return protocol_broken(done.error());
    ask({.ask = Ask::best_header, .hash = head_.final()}, follow_params(head_.final()), now);
    return fault_.empty() ? Outcome::done : Outcome::fault;
}

RpcSource::Outcome RpcSource::on_block_event(std::string_view event, Turn const& turn) {
    ChainHead::Done done;
    if (event == "newBlock") {
        auto const hash = read_hash(json_, "blockHash");
        auto const parent = read_hash(json_, "parentBlockHash");
        auto const spec = json_.followed_runtime("newRuntime");
        if (!hash || !parent || !spec)
            return malformed("a new block", !hash     ? hash.error()
                                            : !parent ? parent.error()
                                                      : spec.error());
        done = head_.new_block(*hash, *parent, *spec);
        // Fetched ahead, before the first block that needs it.
        if (done && *spec && state_ == SourceState::following) {
            announced_spec_ = **spec;
            fetch_runtime(*hash, announced_spec_, turn.now);
        }
    } else if (event == "bestBlockChanged") {
        auto const hash = read_hash(json_, "bestBlockHash");
        if (!hash) return malformed("a best block", hash.error());
        done = head_.best_changed(*hash);
        auto const header = head_.find(*hash);
        if (done && header && state_ == SourceState::following) {
            on_new_head(*header, turn);
            follower_.head(*header, turn.now);
            send_note();
        }
    } else if (event == "finalized") {
        auto const final = read_hashes(json_, "finalizedBlockHashes");
        auto const pruned = read_hashes(json_, "prunedBlockHashes");
        if (!final || !pruned)
            return malformed("finalized blocks", !final ? final.error() : pruned.error());
        done = head_.finalized(*final, *pruned);
        auto const header = head_.find(head_.final());
        if (done && header && state_ == SourceState::following) {
            follower_.finalized(*header, turn.now);
            send_note();
        }
    }
    if (!done) return protocol_broken(done.error());
    return fault_.empty() ? Outcome::done : Outcome::fault;
}

// The node may end a subscription whenever it likes; what was asked under it is answered to nobody.
RpcSource::Outcome RpcSource::on_stop(Nanoseconds now) {
    needs_.metrics.add(SourceMetric::stops);
    bool const again = head_.stopped();
    if (!again) return fault("the node ends every subscription before it has told a block");
    needs_.log.write(pipeline::Level::info, "source",
                     place() + ": the node ended its subscription; it is followed anew");
    requests_.clear();
    later_.clear();
    fetching_spec_ = 0;
    deciding_.clear();
    bodies_.clear();
    follower_.connection_lost();
    if (state_ == SourceState::following)
        follow_anew(now);
    else
        greet(now);
    return fault_.empty() ? Outcome::done : Outcome::fault;
}

RpcSource::Outcome RpcSource::on_pinned_header(Question const& question,
                                               decoders::Envelope const& reply, Nanoseconds,
                                               Nanoseconds now) {
    if (reply.form == decoders::Form::null) { // the subscription is over; its end will be said
        if (question.ask == Ask::header) follower_.header_failed(question.hash, now);
        return Outcome::done;
    }
    if (reply.form != decoders::Form::string || reply.text.size() / 2 > decoders::max_header_bytes)
        return malformed("something that is no header", {});
    std::vector<std::uint8_t> bytes(reply.text.size() / 2);
    auto const size = decoders::hex_decode(reply.text, bytes);
    if (!size) return malformed("a header", size.error());
    auto header = decoders::decode_header(pipeline::Bytes(bytes).first(*size));
    if (!header) return malformed("a header", header.error());
    // Development nodes make up the hash of block 0; every other header must be the one asked for.
    if (header->hash != question.hash && header->number != 0)
        return fault(fmt::format("the header of block {} does not hash to {}, which was asked for",
                                 header->number, decoders::hex_text(question.hash)));
    header->hash = question.hash;
    if (question.ask == Ask::header) {
        follower_.header(*header, now);
        return Outcome::done;
    }
    if (auto const done = head_.described(*header); !done) return protocol_broken(done.error());
    best_ = *header;
    if (state_ != SourceState::following) return Outcome::done;
    tell_heads(now);
    send_note();
    return Outcome::done;
}

// What was told before the blocks had numbers, or before anybody followed.
void RpcSource::tell_heads(Nanoseconds now) {
    if (auto const final = head_.find(head_.final())) follower_.finalized(*final, now);
    auto const best = head_.find(head_.best());
    if (!best) return;
    best_ = *best;
    follower_.head(*best, now);
    needs_.metrics.set(SourceMetric::best, best->number);
}

void RpcSource::ask_pinned_header(Hash const& hash, Nanoseconds now) {
    auto const known = head_.find(hash);
    if (known && known->parent != Hash{}) return follower_.header(*known, now);
    if (!head_.pinned(hash)) return follower_.header_missing(hash);
    ask({.ask = Ask::header, .hash = hash}, follow_params(hash), now);
}

void RpcSource::ask_pinned_values(FollowerAction const& action, Nanoseconds now) {
    Question const question{.ask = Ask::events, .hash = action.hash, .number = action.number};
    if (!head_.pinned(action.hash)) return state_is_gone(question);
    ask_body(action.hash, now);
    std::string items;
    for (auto const& key : block_keys())
        items += fmt::format(R"({}{{"key":"{}","type":"value"}})", items.empty() ? "" : ",",
                             decoders::hex_text(key));
    ask(question, fmt::format("{},[{}],null", follow_params(action.hash), items), now);
}

void RpcSource::ask_pinned_assets(Nanoseconds now) {
    for (std::uint32_t map = 0; map < options_.asset_maps.size(); ++map) {
        ++assets_open_;
        ask({.ask = Ask::asset_keys, .number = map},
            fmt::format(R"({},[{{"key":"{}","type":"descendantsValues"}}],null)",
                        follow_params(head_.final()), decoders::hex_text(options_.asset_maps[map])),
            now);
    }
}

// Pins are few, and a node ends a subscription that keeps too many.
bool RpcSource::let_go(Nanoseconds now) {
    auto const hashes = head_.unpin([this](Hash const& hash) {
        return follower_.find(hash).has_value() && !follower_.is_told(hash);
    });
    if (hashes.empty()) return false;
    std::string list;
    for (Hash const& hash : hashes) list += (list.empty() ? "" : ",") + hash_param(hash);
    ask({.ask = Ask::unpin}, fmt::format(R"("{}",[{}])", follow_, list), now);
    if (!fault_.empty()) disconnected(std::exchange(fault_, {}), now);
    return true;
}

} // namespace stages
