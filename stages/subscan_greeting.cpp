#include "stages/subscan_greeting.hpp"

#include "decoders/hash.hpp"

namespace stages {

using pipeline::Hash;

namespace {

CacheOptions small_cache(std::uint64_t ttl_ms) {
    CacheOptions options;
    for (CacheKind const kind : {CacheKind::metadata, CacheKind::token})
        options.kinds[static_cast<std::size_t>(kind)] = {ttl_ms, ttl_ms, 0};
    options.hot_entries = 2; // read once a start: only the cold tier is of use
    options.warm_entries = 16;
    return options;
}

CacheKey key_of(CacheKind kind, std::string_view authority, std::uint64_t number) {
    auto const hash = decoders::blake2b_256(pipeline::as_bytes(authority));
    CacheKey key{.number = number, .account_size = 32, .kind = kind};
    std::copy(hash.begin(), hash.end(), key.account);
    return key;
}

// decimals (255: unknown), then symbol, unique_id and asset_type, each with its length in front.
bool write_token(decoders::SubscanToken const& token, CacheValue& value) {
    std::string bytes(1, static_cast<char>(token.decimals.value_or(255)));
    for (std::string_view const text : {token.symbol, token.unique_id, token.asset_type}) {
        if (text.size() > 255) return false;
        bytes += static_cast<char>(static_cast<std::uint8_t>(text.size()));
        bytes += text;
    }
    value.source = CacheSource::subscan;
    return value.assign(bytes);
}

bool read_token(CacheValue const& value, decoders::SubscanToken& token) {
    std::string_view bytes = value.text();
    if (bytes.empty()) return false;
    auto const decimals = static_cast<std::uint8_t>(bytes[0]);
    if (decimals != 255) token.decimals = decimals;
    bytes.remove_prefix(1);
    for (std::string_view* text : {&token.symbol, &token.unique_id, &token.asset_type}) {
        if (bytes.empty()) return false;
        auto const size = static_cast<std::uint8_t>(bytes[0]);
        if (bytes.size() < size + 1U) return false;
        *text = bytes.substr(1, size);
        bytes.remove_prefix(size + 1U);
    }
    return bytes.empty();
}

constexpr std::size_t chain_bytes = sizeof(Hash) + sizeof(std::uint32_t);

} // namespace

SubscanGreetings::SubscanGreetings(std::uint64_t ttl_ms, io::Store* store,
                                   pipeline::MetricsPage& metrics)
    : cache_(small_cache(ttl_ms), store, metrics) {}

bool SubscanGreetings::load(std::string_view authority, CacheNow const& now, Known& known) {
    known = {};
    auto const hit = cache_.find(key_of(CacheKind::metadata, authority, 0), now);
    if (!hit || !hit.fresh || hit.value->size != chain_bytes) return false;
    std::uint32_t count = 0;
    std::memcpy(known.genesis.data(), hit.value->data, sizeof(Hash));
    std::memcpy(&count, hit.value->data + sizeof(Hash), sizeof count);
    if (count > tokens_max) return false;
    known.stored.resize(count); // never moved from here on: tokens are views into it
    known.tokens.resize(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        auto const token = cache_.find(key_of(CacheKind::token, authority, i), now);
        if (!token || !token.fresh) return false;
        known.stored[i].copy_from(*token.value);
        if (!read_token(known.stored[i], known.tokens[i])) return false;
    }
    return true;
}

void SubscanGreetings::keep(std::string_view authority, Hash const& genesis,
                            std::vector<decoders::SubscanToken> const& tokens,
                            CacheNow const& now) {
    if (tokens.empty() || tokens.size() > tokens_max) return;
    // The chain's entry goes last: without it the tokens are not looked at.
    CacheKey const chain = key_of(CacheKind::metadata, authority, 0);
    cache_.forget(chain);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        CacheValue value;
        if (!write_token(tokens[i], value)) return;
        cache_.put(key_of(CacheKind::token, authority, i), value, now);
    }
    CacheValue value;
    value.source = CacheSource::subscan;
    auto const count = static_cast<std::uint32_t>(tokens.size());
    std::memcpy(value.data, genesis.data(), sizeof(Hash));
    std::memcpy(value.data + sizeof(Hash), &count, sizeof count);
    value.size = static_cast<std::uint16_t>(chain_bytes);
    cache_.put(chain, value, now);
}

} // namespace stages
