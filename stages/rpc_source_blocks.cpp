// Following: notices and answers become blocks and finality.
#include "stages/rpc_source.hpp"

#include "decoders/hex.hpp"
#include "decoders/storage_key.hpp"
#include "stages/state_values.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

std::array<std::array<std::uint8_t, 32>, RpcSource::block_keys_count> const&
RpcSource::block_keys() {
    static std::array const keys{decoders::system_events_key(), decoders::system_number_key(),
                                 decoders::timestamp_now_key(),
                                 decoders::last_runtime_upgrade_key()};
    return keys;
}

RpcSource::Outcome RpcSource::on_notification(decoders::Envelope const& envelope,
                                              Nanoseconds received, Turn const& turn) {
    if (envelope.method == "chainHead_v1_followEvent")
        return on_follow_event(envelope, received, turn);
    if (envelope.method == "state_storage") return on_push(received, turn.now);
    bool const best = envelope.method == "chain_newHead";
    if (best || envelope.method == "chain_finalizedHead") {
        auto const header = json_.header();
        if (!header) return malformed("a head that is no header", header.error());
        if (best) on_new_head(*header, turn);
        if (!own_hashes_)
            ask({.ask = best ? Ask::head_hash : Ask::final_hash,
                 .block = header->parent,
                 .number = header->number},
                std::to_string(header->number), turn.now);
        else if (best)
            follower_.head(*header, turn.now);
        else
            follower_.finalized(*header, turn.now);
        send_note();
    } else if (envelope.method == "state_runtimeVersion") {
        auto const version = json_.runtime_version();
        if (!version) return malformed("a runtime version", version.error());
        announced_spec_ = version->spec_version;
        // Fetched ahead, from the state that announces it, before the first block that needs it.
        if (!runtime_loaded(announced_spec_))
            ask({.ask = Ask::runtime_version, .hash = best_.hash}, hash_param(best_.hash),
                turn.now);
    }
    return Outcome::done;
}

void RpcSource::on_new_head(decoders::Header const& header, Turn const& turn) {
    needs_.metrics.add(SourceMetric::heads);
    needs_.metrics.set(SourceMetric::best, header.number);
    cadence_.beat(turn.now);
    head_unix_ms_ = turn.unix_ms;
    best_ = header;
}

void RpcSource::on_head_hash(Question const& question, decoders::Envelope const& reply,
                             Nanoseconds now) {
    auto const hash = decoders::parse_hash(reply.text);
    if (reply.form != decoders::Form::string || !hash) return; // the next head closes the gap
    decoders::Header header;
    header.hash = *hash;
    header.parent = question.block;
    header.number = question.number;
    if (question.ask == Ask::head_hash) {
        best_.hash = *hash;
        follower_.head(header, now);
    } else {
        follower_.finalized(header, now);
    }
}

RpcSource::Outcome RpcSource::on_header(Question const& question, decoders::Envelope const& reply,
                                        Nanoseconds now) {
    if (reply.form == decoders::Form::null) {
        follower_.header_missing(question.hash);
        return Outcome::done;
    }
    auto header = json_.header();
    if (!header) return malformed("something that is no header", header.error());
    // Development nodes make up the hash of block 0; every other header must be the one asked for.
    if (own_hashes_ && header->hash != question.hash && header->number != 0)
        return fault(fmt::format("the header of block {} does not hash to {}, which was asked for",
                                 header->number, decoders::hex_text(question.hash)));
    header->hash = question.hash;
    follower_.header(*header, now);
    return Outcome::done;
}

std::expected<RpcSource::BlockValues, decoders::Error> RpcSource::read_values() {
    std::array<decoders::WantedChange, block_keys_count> wanted{};
    for (std::size_t i = 0; i < block_keys_count; ++i) wanted[i].key = block_keys()[i];
    auto const changes = json_.storage_changes(wanted);
    if (!changes) return std::unexpected(changes.error());
    return BlockValues{changes->block, wanted[0].value, wanted[1].value, wanted[2].value,
                       wanted[3].value};
}

RpcSource::Outcome RpcSource::on_push(Nanoseconds received, Nanoseconds now) {
    auto const values = read_values();
    if (!values) return malformed("a storage notice", values.error());
    auto const pushed_number = read_integer(values->number);
    auto const header = follower_.find(values->hash);
    bool const usable = pushed_number && *pushed_number <= ~std::uint32_t{0};
    if (!usable && !header) return Outcome::done; // its head will come; then it is asked for
    auto const number = header ? header->number : static_cast<std::uint32_t>(*pushed_number);
    if (!follower_.wants(values->hash, number)) return Outcome::done;
    if (values->events.empty() || values->timestamp.empty())
        return Outcome::done; // asked for later
    Outcome const outcome = on_block(*values, number, received, now);
    if (outcome == Outcome::done && follower_.is_told(values->hash))
        needs_.metrics.add(SourceMetric::blocks_pushed);
    return outcome;
}

RpcSource::Outcome RpcSource::on_fetched(Question const& question, decoders::Envelope const& reply,
                                         Nanoseconds received, Nanoseconds now) {
    BlockValues values;
    if (question.ask == Ask::events) {
        auto const read = read_values();
        if (!read || read->hash != question.hash) { // not a change set, or of another block
            needs_.metrics.add(SourceMetric::malformed);
            follower_.events_failed(question.hash, now);
            return Outcome::done;
        }
        values = *read;
    } else if (question.ask == Ask::events_plain && reply.form == decoders::Form::string) {
        values.events = reply.text;
    } else if (question.ask == Ask::number_plain && reply.form == decoders::Form::string) {
        values.number = reply.text;
    }
    return take_values(question, values, received, now);
}

RpcSource::Outcome RpcSource::take_values(Question const& question, BlockValues values,
                                          Nanoseconds received, Nanoseconds now) {
    // Every state holds its block's number; one without events holds it, too. Where both are
    // missing the state itself is, and nothing is known of the block's events.
    if (values.events.empty() && values.number.empty()) {
        if (question.ask == Ask::events_plain)
            ask_whether_state_is_there(question, now);
        else
            state_is_gone(question);
        return Outcome::done;
    }
    auto const number = read_integer(values.number);
    if (!values.number.empty() && number != question.number) { // the state of another block
        needs_.metrics.add(SourceMetric::malformed);
        follower_.events_failed(question.hash, now);
        return Outcome::done;
    }
    values.hash = question.hash;
    values.fetched = true;
    if (!follower_.wants(question.hash, question.number)) return Outcome::done;
    Outcome const outcome = on_block(values, question.number, received, now);
    if (outcome == Outcome::done && follower_.is_told(values.hash))
        needs_.metrics.add(SourceMetric::blocks_fetched);
    return outcome;
}

void RpcSource::ask_whether_state_is_there(Question const& question, Nanoseconds now) {
    ask({.ask = Ask::number_plain, .hash = question.hash, .number = question.number},
        storage_params(block_keys()[1], question.hash), now);
}

// Asking again would not bring it back: the block is a hole here, and others fill it.
void RpcSource::state_is_gone(Question const& question) {
    needs_.metrics.add(SourceMetric::pruned);
    follower_.events_missing(question.hash);
}

void RpcSource::decide(Hash const& block, std::uint32_t spec_version) {
    constexpr std::size_t remembered = 2 * Requests::capacity; // more cannot be open at once
    std::erase(deciding_, block);
    if (decided_.size() >= remembered) decided_.erase(decided_.begin());
    decided_.push_back({block, spec_version});
}

std::uint32_t RpcSource::runtime_of(BlockValues const& values, Nanoseconds now) {
    if (!values.upgrade.empty())
        if (auto const version = read_upgrade(values.upgrade)) return *version;
    for (Decided const& decided : decided_)
        if (decided.block == values.hash) return decided.spec_version;
    // A node that does not report the key: what is pushed is of the current runtime unless a change
    // has been announced; what was fetched may be older than the last change.
    bool const changing = announced_spec_ != 0 && announced_spec_ != current_spec_;
    if (!changing && !values.fetched) return current_spec_;
    auto const header = follower_.find(values.hash);
    if (api_ == Api::chain_head) {
        auto const told = header ? head_.spec_of(header->parent) : std::nullopt;
        return told.value_or(current_spec_);
    }
    bool const asked =
        std::find(deciding_.begin(), deciding_.end(), values.hash) != deciding_.end();
    if (header && !asked) {
        deciding_.push_back(values.hash);
        ask({.ask = Ask::runtime_of_parent, .hash = header->parent, .block = values.hash},
            hash_param(header->parent), now);
    }
    return 0;
}

bool RpcSource::runtime_loaded(std::uint32_t spec_version) const {
    return std::find(loaded_.begin(), loaded_.end(), spec_version) != loaded_.end();
}

RpcSource::Outcome RpcSource::on_block(BlockValues const& values, std::uint32_t number,
                                       Nanoseconds received, Nanoseconds now) {
    constexpr Nanoseconds soon = 20 * pipeline::millisecond;
    std::uint32_t const spec_version = runtime_of(values, now);
    if (spec_version == 0) {
        follower_.postpone(values.hash, now + soon);
        return fault_.empty() ? Outcome::done : Outcome::fault;
    }
    if (!runtime_loaded(spec_version)) {
        // The parent's state holds exactly the code that executed this block.
        if (auto const header = follower_.find(values.hash))
            fetch_runtime(header->parent, spec_version, now);
        follower_.postpone(values.hash, now + soon);
        return fault_.empty() ? Outcome::done : Outcome::fault;
    }
    if (options_.attribute && bodies_.state(values.hash) != Bodies::State::here) {
        follower_.postpone(values.hash, now + soon);
        return Outcome::done;
    }
    Outcome const outcome = emit_block(values, number, spec_version, received);
    if (outcome != Outcome::done) return outcome;
    bodies_.drop(values.hash);
    follower_.told(values.hash, number);
    if (number < current_spec_at_) return Outcome::done; // an old block says nothing of today
    current_spec_at_ = number;
    if (std::exchange(current_spec_, spec_version) != spec_version) send_note();
    return Outcome::done;
}

RpcSource::Outcome RpcSource::emit_block(BlockValues const& values, std::uint32_t number,
                                         std::uint32_t spec_version, Nanoseconds received) {
    auto& arena = frames_.link().arena();
    // A state without the key has no events: SCALE writes that as one zero byte.
    std::string_view const text = values.events.empty() ? "0x00" : values.events;
    auto body = bodies_.bytes(values.hash);
    std::size_t const most = text.size() / 2;
    bool const fits = most <= arena.largest();
    if (most + body.size() > arena.largest()) body = {}; // better the events alone
    auto const room = arena.reserve(fits ? most + body.size() : 0);
    if (fits && room.data() == nullptr) return Outcome::hold; // also for nothing but "0x"
    auto const size =
        fits ? decoders::hex_decode(text, room)
             : std::unexpected(decoders::Error{decoders::Code::too_long, 0, arena.largest()});
    if (!size) {
        // Sent on empty: the block is then reported as incomplete, and the chain goes on.
        needs_.metrics.add(SourceMetric::malformed);
        needs_.log.write(pipeline::Level::error, "source",
                         fmt::format("{}: the events of block {} ({}) cannot be read: {}", place(),
                                     number, decoders::hex_text(values.hash),
                                     decoders::describe(size.error())));
    }
    Frame frame = frame_of(received);
    if (size) {
        std::ranges::copy(body, room.begin() + static_cast<std::ptrdiff_t>(*size));
        frame.payload = arena.commit(*size + body.size());
    }
    BlockRef const block{values.hash, number, follower_.is_final(values.hash),
                         read_timestamp(values.timestamp)};
    frame.body =
        BlockBytes{block, spec_version, static_cast<std::uint32_t>(size ? body.size() : 0)};
    frames_.emit(frame);
    return Outcome::done;
}

// One of two nodes is wrong about what cannot be taken back. Which one, the others have to say.
void RpcSource::on_conflict(FollowerAction const& action, Nanoseconds now) {
    std::string const both = fmt::format(
        "block {} is {} by this node's finality, but {} was final before", action.number,
        decoders::hex_text(action.hash), decoders::hex_text(action.parent));
    needs_.metrics.add(SourceMetric::conflicts);
    needs_.log.write(pipeline::Level::error, "source",
                     fmt::format("{}: finality_conflict: {}. Compare both hashes with an explorer, "
                                 "and take a node that is wrong out of `endpoints`.",
                                 place(), both));
    contradicts_[endpoint_] = true;
    bool const all =
        std::find(contradicts_.begin(), contradicts_.end(), false) == contradicts_.end();
    if (!all) {
        fault("what this node calls final contradicts what was final before",
              {.aside = Aside::disagreed});
        return;
    }
    contradicts_.assign(contradicts_.size(), false);
    needs_.log.write(pipeline::Level::error, "source",
                     fmt::format("{}: every endpoint of this chain contradicts what was final "
                                 "before; from block {} on their history is followed, and alerts "
                                 "of the other one stay as they were told",
                                 place(), action.number));
    follower_.accept_conflict(now);
}

void RpcSource::on_action(FollowerAction const& action, Nanoseconds now) {
    using Kind = FollowerAction::Kind;
    Frame frame = frame_of(now);
    switch (action.kind) {
    case Kind::none: break;
    case Kind::ask_header:
        if (api_ == Api::chain_head) return ask_pinned_header(action.hash, now);
        ask({.ask = Ask::header, .hash = action.hash}, hash_param(action.hash), now);
        break;
    case Kind::ask_events: {
        if (api_ == Api::chain_head) return ask_pinned_values(action, now);
        ask_body(action.hash, now);
        std::vector<std::vector<std::uint8_t>> keys;
        for (auto const& key : block_keys()) keys.emplace_back(key.begin(), key.end());
        ask({.ask = Ask::events, .hash = action.hash, .number = action.number},
            keys_params(keys) + ',' + hash_param(action.hash), now);
        break;
    }
    case Kind::say_final:
        needs_.metrics.set(SourceMetric::finalized, action.number);
        contradicts_.assign(contradicts_.size(), false); // this one does not
        frame.body = Finalized{action.hash, action.parent, action.number};
        frames_.emit(frame);
        send_note();
        head_.said_final(action.hash);
        begin_audit(action, now);
        break;
    case Kind::say_abandoned:
        frame.body = Abandoned{action.hash, action.number, action.parent};
        frames_.emit(frame);
        break;
    case Kind::hole:
        needs_.metrics.add(SourceMetric::holes, action.last - action.number + 1);
        needs_.log.write(pipeline::Level::info, "source",
                         fmt::format("{}: blocks {} to {} are left to the history reader", place(),
                                     action.number, action.last));
        break;
    case Kind::conflict: on_conflict(action, now); break;
    }
}

} // namespace stages
