// Everything before the first block: which chain this is, its token, its runtime, its assets.
#include "stages/rpc_source.hpp"

#include "decoders/amount.hpp"
#include "decoders/hex.hpp"
#include "stages/state_values.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::uint32_t metadata_versions_max = 64;
constexpr std::uint32_t asset_page = 500;
constexpr std::size_t assets_max = 16'384;
constexpr std::size_t asset_questions_max = 32;
constexpr std::size_t asset_value_bytes_max = 64 * 1024;

// Polkadot-sdk's own defaults for a chain that does not say.
constexpr std::string_view symbol_unknown = "UNIT";
constexpr std::uint8_t decimals_unknown = 12;
constexpr std::uint16_t prefix_unknown = 42;

} // namespace

void RpcSource::greet(Nanoseconds now) {
    set_state(SourceState::greeting);
    api_ = api_of_[endpoint_];
    bool const legacy = api_ == Api::legacy;
    introductions_ = 3;
    ask({.ask = Ask::genesis}, legacy ? "0" : "", now);
    ask({.ask = Ask::properties}, "", now);
    if (legacy)
        ask({.ask = Ask::best_header}, "", now);
    else
        follow_anew(now); // its first notice names the block whose header comes third
}

RpcSource::Outcome RpcSource::on_best_header() {
    auto const header = json_.header();
    if (!header) return malformed("a header", header.error());
    best_ = *header;
    return Outcome::done;
}

RpcSource::Outcome RpcSource::on_genesis(decoders::Envelope const& reply) {
    auto const hash = decoders::parse_hash(reply.text);
    if (reply.form != decoders::Form::string || !hash)
        return malformed("a genesis hash", hash ? decoders::Error{} : hash.error());
    if (genesis_ && *genesis_ != *hash) {
        needs_.metrics.add(SourceMetric::wrong_genesis);
        bool const known = of_other_chain_[endpoint_];
        of_other_chain_[endpoint_] = true;
        return fault(fmt::format("this endpoint serves another chain: its genesis is {}, not {}. "
                                 "Correct `endpoints` of chain {}",
                                 decoders::hex_text(*hash), decoders::hex_text(*genesis_),
                                 options_.name),
                     {.aside = Aside::wrong_chain, .known = known});
    }
    of_other_chain_[endpoint_] = false;
    genesis_ = *hash;
    facts_.genesis = *hash;
    return Outcome::done;
}

void RpcSource::on_properties(decoders::Envelope const& reply) {
    auto const properties = json_.properties();
    bool const refused = reply.kind == decoders::FrameKind::error_reply; // counted as such
    if (!properties && !refused) needs_.metrics.add(SourceMetric::malformed);
    auto const known = properties.value_or(decoders::Properties{});
    facts_.symbol.assign(known.symbol.value_or(symbol_unknown));
    facts_.decimals = std::min(known.decimals.value_or(decimals_unknown), decoders::max_decimals);
    facts_.ss58_prefix = known.ss58_prefix.value_or(prefix_unknown);
    if (known.symbol && known.decimals) return;
    needs_.log.write(pipeline::Level::warning, "source",
                     fmt::format("{}: the node does not name its token; amounts are shown as {} "
                                 "with {} decimals",
                                 place(), facts_.symbol.view(), facts_.decimals));
}

// One of the three first answers is in; with the last of them the chain introduces itself.
RpcSource::Outcome RpcSource::introduced(Nanoseconds received, Nanoseconds now) {
    if (--introductions_ > 0) return Outcome::done;
    Frame frame = frame_of(received);
    frame.body = facts_;
    frames_.emit(frame);
    send_note();
    if (api_ == Api::chain_head) {
        auto const spec = head_.spec_of(best_.hash);
        if (!spec) return fault("the node cannot read the runtime of its own finalized block");
        greet_runtime(best_.hash, *spec, now);
        return fault_.empty() ? Outcome::done : Outcome::fault;
    }
    // A block's events are decoded by the runtime in the state of its parent.
    Hash const state = best_.number == 0 ? facts_.genesis : best_.parent;
    if (best_.number > 0) ask({.ask = Ask::own_hash}, hash_param(best_.hash), now);
    ask({.ask = Ask::runtime_version, .hash = state}, hash_param(state), now);
    return Outcome::done;
}

void RpcSource::on_own_hash(decoders::Envelope const& reply) {
    own_hashes_ = reply.form != decoders::Form::null;
    if (own_hashes_) return;
    needs_.log.write(pipeline::Level::warning, "source",
                     place() + ": headers here do not hash as Substrate's do; the node is asked "
                               "for the hash of each head");
}

RpcSource::Outcome RpcSource::on_runtime_version(Question const& question, Nanoseconds,
                                                 Nanoseconds now) {
    auto const version = json_.runtime_version();
    if (!version) return malformed("a runtime version", version.error());
    if (question.ask == Ask::runtime_of_parent) {
        decide(question.block, version->spec_version);
        follower_.postpone(question.block, now);
        return Outcome::done;
    }
    if (state_ == SourceState::greeting)
        greet_runtime(question.hash, version->spec_version, now);
    else
        fetch_runtime(question.hash, version->spec_version, now);
    return Outcome::done;
}

void RpcSource::greet_runtime(Hash const& state, std::uint32_t spec_version, Nanoseconds now) {
    if (current_spec_ == 0) current_spec_ = spec_version;
    // Another one than before the connection was lost: until it is met, every block is asked about.
    announced_spec_ = spec_version;
    if (runtime_loaded(spec_version))
        runtime_ready(now);
    else
        fetch_runtime(state, spec_version, now);
}

void RpcSource::fetch_runtime(Hash const& at, std::uint32_t spec_version, Nanoseconds now) {
    if (fetching_spec_ != 0 || runtime_loaded(spec_version)) return;
    bool const reachable = api_ == Api::legacy || head_.pinned(at);
    Hash const state = reachable ? at : head_.state_with(spec_version).value_or(at);
    constexpr std::string_view code_key = ":code";
    fetching_spec_ = spec_version;
    fetching_code_ = {};
    Question const question{.hash = state, .number = spec_version};
    if (!cache_) return ask_metadata(question, now);
    std::string const key = decoders::hex_text(pipeline::as_bytes(code_key));
    ask({.ask = Ask::code_hash, .hash = state, .number = spec_version},
        api_ == Api::legacy
            ? storage_params(pipeline::as_bytes(code_key), state)
            : follow_params(state) + fmt::format(R"(,[{{"key":"{}","type":"hash"}}],null)", key),
        now);
}

void RpcSource::ask_call(Question const& question, std::string_view method, std::string_view args,
                         Nanoseconds now) {
    ask(question,
        api_ == Api::legacy
            ? call_params(method, args, question.hash)
            : follow_params(question.hash) + fmt::format(R"(,"{}","{}")", method, args),
        now);
}

void RpcSource::ask_metadata(Question const& question, Nanoseconds now) {
    ask_call({.ask = Ask::metadata_versions, .hash = question.hash, .number = question.number},
             "Metadata_metadata_versions", "0x", now);
}

void RpcSource::ask_plain_metadata(Question const& question, Nanoseconds now) {
    Question const plain{.ask = Ask::metadata, .hash = question.hash, .number = question.number};
    if (api_ == Api::chain_head) return ask_call(plain, "Metadata_metadata", "0x", now);
    ask(plain, hash_param(question.hash), now);
}

// Metadata of exactly this code may be on disk. A node that does not say which code it is has to
// show its metadata.
RpcSource::Outcome RpcSource::on_code_hash(Question const& question,
                                           decoders::Envelope const& reply, Nanoseconds received,
                                           Nanoseconds now) {
    using Miss = RuntimeCache::Miss;
    auto const code = decoders::parse_hash(reply.text);
    bool const known = reply.form == decoders::Form::string && code && *code != Hash{};
    if (known) fetching_code_ = *code;
    auto const kept = known ? cache_->find(facts_.genesis, question.number, fetching_code_)
                            : std::unexpected(Miss::absent);
    auto& arena = frames_.link().arena();
    if (!kept || kept->size() > arena.largest()) {
        if (!kept && kept.error() == Miss::damaged) {
            needs_.metrics.add(SourceMetric::runtimes_damaged);
            needs_.log.write(pipeline::Level::warning, "source",
                             fmt::format("{}: the metadata of runtime {} in the state directory is "
                                         "damaged; the node is asked for it",
                                         options_.name, question.number));
        }
        ask_metadata(question, now);
        return Outcome::done;
    }
    auto const room = arena.reserve(kept->size());
    if (room.empty()) return Outcome::hold;
    std::ranges::copy(pipeline::as_bytes(*kept), room.begin());
    needs_.metrics.add(SourceMetric::runtimes_cached);
    emit_runtime(question.number, arena.commit(kept->size()), "on disk", received, now);
    return Outcome::done;
}

void RpcSource::on_metadata_versions(Question const& question, decoders::Envelope const& reply,
                                     Nanoseconds now) {
    std::uint8_t bytes[8 + 4 * metadata_versions_max];
    auto const size = decoders::hex_decode(reply.text, bytes);
    std::uint32_t const version =
        size && reply.form == decoders::Form::string ? choose_metadata_version({bytes, *size}) : 0;
    if (version == 0) return ask_plain_metadata(question, now);
    std::string const argument = fmt::format("0x{:02x}000000", version); // u32, little-endian
    ask_call({.ask = Ask::metadata_at_version, .hash = question.hash, .number = question.number},
             "Metadata_metadata_at_version", argument, now);
}

RpcSource::Outcome RpcSource::on_metadata(Question const& question, decoders::Envelope const& reply,
                                          Nanoseconds received, Nanoseconds now) {
    if (reply.form != decoders::Form::string || reply.text.size() <= 4) {
        if (question.ask == Ask::metadata) return fault("the node gives no metadata");
        ask_plain_metadata(question, now);
        return Outcome::done;
    }
    auto& arena = frames_.link().arena();
    std::size_t const size_max = reply.text.size() / 2;
    if (size_max > arena.largest())
        return fault(fmt::format("its metadata of {} bytes is larger than the {} this service "
                                 "takes",
                                 size_max, arena.largest()));
    auto const room = arena.reserve(size_max);
    if (room.empty()) return Outcome::hold;
    auto const size = decoders::hex_decode(reply.text, room);
    if (!size) return malformed("metadata", size.error());
    std::size_t const skip = metadata_offset(room.first(*size));
    auto payload = arena.commit(*size);
    payload.position += skip < *size ? skip : 0;
    payload.size -= static_cast<std::uint32_t>(skip < *size ? skip : 0);
    emit_runtime(question.number, payload, "of the node's", received, now);
    return Outcome::done;
}

void RpcSource::emit_runtime(std::uint32_t spec_version, pipeline::Payload metadata,
                             std::string_view from, Nanoseconds received, Nanoseconds now) {
    Frame frame = frame_of(received);
    frame.payload = metadata;
    frame.body = RuntimeBytes{spec_version, fetching_code_};
    frames_.emit(frame);
    if (loaded_.size() >= runtimes_max) loaded_.erase(loaded_.begin()); // as decode does
    loaded_.push_back(spec_version);
    fetching_spec_ = 0;
    needs_.log.write(pipeline::Level::info, "source",
                     fmt::format("{}: runtime {}, {} bytes of metadata {}", place(), spec_version,
                                 metadata.size, from));
    if (state_ == SourceState::greeting) runtime_ready(now);
}

void RpcSource::runtime_ready(Nanoseconds now) {
    if (assets_done_ || options_.asset_maps.empty()) return subscribe(now);
    asset_keys_.clear();
    asset_next_ = 0;
    assets_open_ = 0;
    assets_seen_ = 0;
    if (api_ == Api::chain_head) return ask_pinned_assets(now);
    for (std::uint32_t map = 0; map < options_.asset_maps.size(); ++map)
        ask_asset_keys(map, {}, now);
}

void RpcSource::ask_asset_keys(std::uint32_t map, std::string_view after, Nanoseconds now) {
    std::string const prefix = decoders::hex_text(options_.asset_maps[map]);
    std::string const start = after.empty() ? "null" : fmt::format("\"{}\"", after);
    ++assets_open_;
    ask({.ask = Ask::asset_keys, .number = map},
        fmt::format("\"{}\",{},{}", prefix, asset_page, start), now);
}

RpcSource::Outcome RpcSource::on_asset_keys(Question const& question, decoders::Envelope const&,
                                            Nanoseconds now) {
    --assets_open_;
    std::string last;
    bool bad = false;
    auto const count = json_.strings({}, [&](std::size_t, std::string_view text) {
        std::vector<std::uint8_t> key(text.size() / 2 + 1);
        auto const size = decoders::hex_decode(text, key);
        if (!size || asset_keys_.size() >= assets_max) {
            bad = true;
            return;
        }
        key.resize(*size);
        asset_keys_.push_back(std::move(key));
        last.assign(text);
    });
    if (!count || bad) needs_.metrics.add(SourceMetric::malformed);
    if (count && !bad && *count == asset_page) ask_asset_keys(question.number, last, now);
    ask_asset_values(now);
    return Outcome::done;
}

void RpcSource::ask_asset_values(Nanoseconds now) {
    while (asset_next_ < asset_keys_.size() && assets_open_ < asset_questions_max) {
        ++assets_open_;
        ask({.ask = Ask::asset_value, .number = static_cast<std::uint32_t>(asset_next_)},
            '"' + decoders::hex_text(asset_keys_[asset_next_]) + '"', now);
        ++asset_next_;
    }
    if (assets_open_ > 0) return;
    assets_done_ = true;
    needs_.log.write(pipeline::Level::info, "source",
                     fmt::format("{}: {} assets known", place(), assets_seen_));
    asset_keys_ = {};
    subscribe(now);
}

RpcSource::Outcome RpcSource::on_asset_value(Question const& question,
                                             decoders::Envelope const& reply, Nanoseconds received,
                                             Nanoseconds now) {
    bool const usable =
        reply.form == decoders::Form::string && reply.text.size() / 2 <= asset_value_bytes_max;
    if (usable) {
        auto const& key = asset_keys_[question.number];
        auto& arena = frames_.link().arena();
        auto const room = arena.reserve(key.size() + reply.text.size() / 2);
        if (room.empty()) return Outcome::hold;
        std::copy(key.begin(), key.end(), room.begin());
        auto const size = decoders::hex_decode(reply.text, room.subspan(key.size()));
        if (!size) return malformed("an asset's description", size.error());
        Frame frame = frame_of(received);
        frame.payload = arena.commit(key.size() + *size);
        frame.body = AssetBytes{static_cast<std::uint32_t>(key.size())};
        frames_.emit(frame);
        ++assets_seen_;
    }
    --assets_open_;
    ask_asset_values(now);
    return Outcome::done;
}

void RpcSource::subscribe(Nanoseconds now) {
    bool const pushed = api_ == Api::legacy && !options_.attribute;
    if (api_ == Api::legacy) {
        std::vector<std::vector<std::uint8_t>> keys;
        for (auto const& key : block_keys()) keys.emplace_back(key.begin(), key.end());
        ask({.ask = Ask::subscribe_heads}, "", now);
        ask({.ask = Ask::subscribe_finalized}, "", now);
        ask({.ask = Ask::subscribe_runtime}, "", now);
        // A push has no extrinsics: where they are wanted, every block is asked for, at once.
        if (pushed) ask({.ask = Ask::subscribe_storage}, keys_params(keys), now);
    }
    follower_.set_grace(pushed ? options_.follower.grace : 0);
    bodies_.clear();
    cadence_.start(now);
    endpoints_.serving(endpoint_, now);
    needs_.log.write(pipeline::Level::info, "source",
                     fmt::format("{}: following from block {}", place(), best_.number));
    if (api_ == Api::chain_head) tell_heads(now);
    set_state(SourceState::following);
}

} // namespace stages
