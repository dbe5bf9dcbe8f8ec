#include "stages/traffic.hpp"

#include "decoders/hash.hpp"
#include "decoders/header.hpp"
#include "decoders/hex.hpp"
#include "decoders/samples.hpp"
#include "decoders/storage_key.hpp"
#include "pipeline/check.hpp"
#include "stages/runtime_version.hpp"
#include "stages/traffic_encode.hpp"
#include "stages/traffic_ledger.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace stages {

namespace {

using decoders::Account;
using decoders::AssetKind;
using decoders::Runtime;
using pipeline::Bytes;
using pipeline::Hash;
using pipeline::u128;

constexpr std::size_t whales = 6;
constexpr std::size_t assets_per_movement = 3;
constexpr std::size_t inherent_bytes_max = 16 * 1024;

struct Asset {
    ByteBuffer id;
    std::string symbol;
    std::uint32_t decimals = 0;
};

// A movement of the runtime, and what moves in it.
struct Kind {
    std::size_t movement = 0;
    std::vector<Asset> assets; // empty: the native token
};

Account make_account(std::string_view seed, std::uint8_t size) {
    Hash const hash = decoders::blake2b_256(pipeline::as_bytes(seed));
    return decoders::account_of(hash.data(), size);
}

void append_bytes(Bytes bytes, ByteBuffer& out) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_integer(std::uint64_t value, int size, ByteBuffer& out) {
    for (int i = 0; i < size; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

ByteBuffer text_value(std::string_view text) {
    ByteBuffer out;
    decoders::append_compact(text.size(), out);
    append_bytes(pipeline::as_bytes(text), out);
    return out;
}

} // namespace

struct Traffic::Impl {
    Impl(TrafficOptions with, Runtime const& on, Bytes bytes)
        : options(std::move(with))
        , runtime(on)
        , metadata(bytes)
        , random(options.seed)
        , ledger(on) {}

    [[nodiscard]] std::expected<void, std::string> prepare();
    Kind make_kind(std::size_t movement);
    void write_asset_storage(std::string_view pallet, Asset const& asset);
    Account any_account() { return accounts[whales + random.below(accounts.size() - whales)]; }
    void record(std::int64_t extrinsic, std::optional<ByteBuffer> const& event);
    void inherents();
    void user_extrinsic();
    void transfer(Kind const& kind, std::uint32_t extrinsic);
    io::CaptureBlock block();
    ByteBuffer header(io::CaptureBlock const& block);

    TrafficOptions options;
    Runtime const& runtime;
    Bytes metadata;
    decoders::SampleRandom random;
    TrafficLedger ledger;
    std::string version;
    std::vector<Account> accounts; // whales first
    std::vector<Kind> natives;
    std::vector<Kind> tokens;
    std::vector<io::KeyValue> storage; // goes into the first block
    bool relay = false;

    int stage = 0; // chain, runtime, then blocks
    std::uint64_t number = 0;
    std::uint64_t now = 0; // unix milliseconds, of the block being made
    Hash parent{};
    ByteBuffer events; // of the block being made, without the count
    std::uint32_t event_count = 0;
    std::vector<ByteBuffer> extrinsics;
    std::vector<TrafficTransfer> transfers;
};

std::expected<void, std::string> Traffic::Impl::prepare() {
    auto json = runtime_version_json(runtime);
    if (!json) return std::unexpected(json.error());
    version = std::move(*json);
    accounts.reserve(whales + options.accounts);
    for (std::size_t i = 0; i < whales + std::max(options.accounts, 2U); ++i) {
        std::string const seed = i < whales ? fmt::format("spyhop whale {}", i + 1)
                                            : fmt::format("account {} {}", options.seed, i);
        accounts.push_back(make_account(seed, runtime.account_size()));
    }
    ledger.open(std::span(accounts).first(whales), power_of_ten(options.decimals) * 1'000'000'000);
    for (std::size_t i = 0; i < runtime.movements().size(); ++i) {
        auto const& movement = runtime.movements()[i];
        if (movement.kind != decoders::MovementKind::transfer || !movement.repeats.empty())
            continue;
        if (movement.asset == AssetKind::by_id) {
            tokens.push_back(make_kind(i));
        } else if (movement.pallet == "Balances") {
            natives.push_back(make_kind(i));
        }
    }
    if (natives.empty()) return std::unexpected("the runtime has no Balances.Transfer");
    if (!make_event(runtime, "System", "ExtrinsicSuccess", {}, random)) {
        return std::unexpected("the runtime has no System.ExtrinsicSuccess");
    }
    relay = runtime.metadata().find_pallet("ParaInclusion") != nullptr;
    number = options.first_number;
    parent = decoders::blake2b_256(options.genesis);
    return {};
}

// Well-known numbers where ids are numbers, sampled ids (XCM locations and the like) elsewhere.
Kind Traffic::Impl::make_kind(std::size_t movement) {
    Kind kind{movement, {}};
    auto const& row = runtime.movements()[movement];
    if (row.asset == AssetKind::native) return kind;
    constexpr std::uint32_t known_ids[assets_per_movement] = {1984, 1337, 30};
    constexpr std::string_view known_symbols[assets_per_movement] = {"USDT", "USDC", "DED"};
    constexpr std::uint32_t known_decimals[assets_per_movement] = {6, 6, 10};
    auto const& type = runtime.metadata().types[row.asset_type];
    bool const numbered = type.kind == decoders::TypeKind::primitive;
    for (std::size_t i = 0; i < assets_per_movement; ++i) {
        Asset asset;
        if (numbered && type.primitive == decoders::Primitive::u32 && row.pallet == "Assets") {
            append_integer(known_ids[i], 4, asset.id);
            asset.symbol = known_symbols[i];
            asset.decimals = known_decimals[i];
        } else {
            if (!sample_value(runtime, row.asset_type, random, asset.id)) continue;
            asset.symbol = fmt::format("T{}{}", row.pallet.substr(0, 2), i);
            asset.decimals = static_cast<std::uint32_t>(6 + random.below(13));
        }
        write_asset_storage(row.pallet, asset);
        kind.assets.push_back(std::move(asset));
    }
    return kind;
}

// <pallet>.Metadata of one asset, where the runtime has such an entry with one key.
void Traffic::Impl::write_asset_storage(std::string_view pallet, Asset const& asset) {
    auto const* const entry = runtime.metadata().find_storage(pallet, "Metadata");
    if (entry == nullptr || entry->hashers.size() != 1) return;
    auto const prefix = decoders::storage_prefix(pallet, "Metadata");
    ByteBuffer key(prefix.begin(), prefix.end());
    decoders::append_map_key(entry->hashers[0], asset.id, key);
    ByteBuffer const symbol = text_value(asset.symbol);
    auto const choose = [&](std::string_view name, std::size_t, decoders::TypeId,
                            std::vector<std::uint8_t>& out) {
        if (name == "symbol" || name == "name") append_bytes(symbol, out);
        if (name == "decimals") out.push_back(static_cast<std::uint8_t>(asset.decimals));
        return name == "symbol" || name == "name" || name == "decimals";
    };
    ByteBuffer value;
    if (!sample_value(runtime, entry->value, random, value, choose)) return;
    storage.emplace_back(std::move(key), std::move(value));
}

void Traffic::Impl::record(std::int64_t extrinsic, std::optional<ByteBuffer> const& event) {
    if (!event) return; // the runtime has no such event
    decoders::append_record(extrinsic, *event, events);
    ++event_count;
}

// What no user sends: the time, a relay chain's candidates or a parachain's messages.
void Traffic::Impl::inherents() {
    Choice const time[] = {{"now", u128{now}}};
    if (auto const set = make_call(runtime, "Timestamp", "set", time, random)) {
        extrinsics.push_back(make_extrinsic(runtime, std::nullopt, *set, random));
    }
    std::uint64_t const messages = random.below(relay ? 2 : 4);
    for (std::uint64_t i = 0; i < messages; ++i) {
        record(-1, make_event(runtime, "MessageQueue", "Processed", {}, random));
    }
    record(0, make_event(runtime, "System", "ExtrinsicSuccess", {}, random));
    if (!relay) return;
    if (auto const enter = make_call(runtime, "ParaInherent", "enter", {}, random);
        enter && enter->size() <= inherent_bytes_max) {
        extrinsics.push_back(make_extrinsic(runtime, std::nullopt, *enter, random));
    } else {
        extrinsics.push_back(make_extrinsic(runtime, std::nullopt, {0, 0, 0}, random));
    }
    std::uint64_t const candidates = 6 + random.below(10);
    for (std::string_view const event : {"CandidateIncluded", "CandidateBacked"}) {
        for (std::uint64_t i = 0; i < candidates; ++i) {
            record(1, make_event(runtime, "ParaInclusion", event, {}, random));
        }
    }
    record(1, make_event(runtime, "System", "ExtrinsicSuccess", {}, random));
}

void Traffic::Impl::transfer(Kind const& kind, std::uint32_t extrinsic) {
    auto const& movement = runtime.movements()[kind.movement];
    Asset const native{{}, {}, options.decimals};
    Asset const& asset =
        kind.assets.empty() ? native : kind.assets[random.below(kind.assets.size())];
    TrafficTransfer made;
    made.block = number;
    made.event_index = event_count;
    made.extrinsic_index = extrinsic;
    made.pallet = movement.pallet;
    made.event = movement.event;
    made.amount = heavy_tailed_amount(random, asset.decimals);
    made.asset = asset.id;
    made.from = any_account();
    made.to = any_account();
    // Large sums mostly move between those who have them.
    if (made.amount >= 10'000 * power_of_ten(asset.decimals) && random.below(4) != 0) {
        (random.below(2) == 0 ? made.from : made.to) = accounts[random.below(whales)];
    }
    bool const counted = kind.assets.empty();
    if (counted && !ledger.can_pay(made.from, made.amount)) std::swap(made.from, made.to);
    ByteBuffer event;
    auto const done = encode_movement(runtime, kind.movement, made.from, made.to, made.amount,
                                      made.asset, random, event);
    if (!done) return;
    if (counted) ledger.move(made.from, made.to, made.amount);
    record(extrinsic, event);
    transfers.push_back(std::move(made));
}

// One signed extrinsic: the fee is taken, something happens, the fee is paid out, it has succeeded.
void Traffic::Impl::user_extrinsic() {
    auto const extrinsic = static_cast<std::uint32_t>(extrinsics.size());
    u128 const fee = power_of_ten(options.decimals) / 64 + random.below(1'000'000);
    std::size_t const first = transfers.size();
    Account const payer = any_account();
    Choice const paid[] = {{"who|account|stash", payer}, {"amount|actual_fee|value", fee}};
    record(extrinsic, make_event(runtime, "Balances", "Withdraw", paid, random));
    std::uint64_t const what = random.below(20);
    if (what < 12 || (tokens.empty() && what < 16)) {
        transfer(natives[0], extrinsic);
    } else if (what < 16) {
        transfer(tokens[random.below(tokens.size())], extrinsic);
    } else if (what < 18) {
        record(extrinsic, make_event(runtime, "Staking", "Rewarded", paid, random));
    } else if (what == 18) { // a batch
        for (int i = 0; i < 3; ++i) transfer(natives[0], extrinsic);
    }
    record(extrinsic, make_event(runtime, "Balances", "Deposit", paid, random));
    Choice const fees[] = {paid[0], {"actual_fee", fee}, {"tip", u128{0}}};
    record(extrinsic,
           make_event(runtime, "TransactionPayment", "TransactionFeePaid", fees, random));
    record(extrinsic, make_event(runtime, "System", "ExtrinsicSuccess", {}, random));

    std::optional<ByteBuffer> call;
    Account signer = payer;
    if (transfers.size() > first) {
        TrafficTransfer const& made = transfers[first];
        signer = made.from;
        Choice const arguments[] = {{"dest|target|receiver", made.to},
                                    {"value|amount", made.amount},
                                    {"id|currency_id", made.asset}};
        call = made.pallet == "Balances"
                 ? make_call(runtime, made.pallet, "transfer_keep_alive", arguments, random)
                 : make_call(runtime, made.pallet, "transfer", arguments, random);
    }
    if (!call) call = make_call(runtime, "System", "remark", {}, random);
    extrinsics.push_back(
        make_extrinsic(runtime, signer, call.value_or(ByteBuffer{0, 0, 0}), random));
}

ByteBuffer Traffic::Impl::header(io::CaptureBlock const& block) {
    decoders::HeaderParts parts;
    parts.parent = block.parent;
    parts.number = static_cast<std::uint32_t>(block.number);
    parts.state_root = decoders::blake2b_256(block.events);
    ByteBuffer body;
    for (auto const& extrinsic : block.extrinsics) append_bytes(extrinsic, body);
    parts.extrinsics_root = decoders::blake2b_256(body);
    // Digest items: the slot that was claimed (PreRuntime), and the author's signature (Seal).
    std::string_view const engine = relay ? "BABE" : "aura";
    ByteBuffer slot{6};
    append_bytes(pipeline::as_bytes(engine), slot);
    std::uint64_t const slot_number = block.timestamp_ms / 6000;
    if (relay) { // SecondaryPlain { authority, slot }
        slot.insert(slot.end(), {13 << 2, 2});
        append_integer(random.below(300), 4, slot);
    } else {
        slot.push_back(8 << 2);
    }
    append_integer(slot_number, 8, slot);
    ByteBuffer seal{5};
    append_bytes(pipeline::as_bytes(engine), seal);
    decoders::append_compact(64, seal);
    for (int i = 0; i < 8; ++i) append_integer(random.next(), 8, seal);
    parts.logs = {std::move(slot), std::move(seal)};
    return decoders::encode_header(parts);
}

io::CaptureBlock Traffic::Impl::block() {
    events.clear();
    event_count = 0;
    extrinsics.clear();
    transfers.clear();
    now = options.clock ? options.clock->unix_milliseconds() + options.block_ms
                        : options.start_ms + (number - options.first_number) * options.block_ms;
    inherents();
    std::uint64_t const span = options.events_max - options.events_min + 1;
    // Most blocks are quiet: the smaller of two draws.
    std::uint64_t const target =
        options.events_min + std::min(random.below(span), random.below(span));
    constexpr std::uint32_t events_of_extrinsic_max = 7;
    do {
        user_extrinsic();
    } while (event_count + events_of_extrinsic_max <= target);

    io::CaptureBlock made;
    made.number = number;
    made.parent = parent;
    made.timestamp_ms = now;
    made.spec_version = runtime.spec_version();
    decoders::append_compact(event_count, made.events);
    append_bytes(events, made.events);
    made.extrinsics = extrinsics;
    made.storage = std::exchange(storage, {});
    ledger.write(made.storage);
    made.header = header(made);
    made.hash = decoders::blake2b_256(made.header);
    parent = made.hash;
    ++number;
    return made;
}

std::expected<std::unique_ptr<Traffic>, std::string>
Traffic::create(TrafficOptions options, Runtime const& runtime, Bytes metadata) {
    CHECK(options.events_min <= options.events_max && options.decimals <= 24);
    auto impl = std::make_unique<Impl>(std::move(options), runtime, metadata);
    if (auto done = impl->prepare(); !done) return std::unexpected(done.error());
    return std::unique_ptr<Traffic>(new Traffic(std::move(impl)));
}

Traffic::Traffic(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
Traffic::~Traffic() = default;

std::optional<io::CaptureRecord> Traffic::next() {
    TrafficOptions const& options = impl_->options;
    switch (impl_->stage++) {
    case 0:
        return io::CaptureChain{
            options.genesis,
            fmt::format(R"({{"name":"{}","specName":"{}","properties":{{"ss58Format":{},)"
                        R"("tokenDecimals":{},"tokenSymbol":"{}"}}}})",
                        options.name, options.spec_name, options.ss58_prefix, options.decimals,
                        options.symbol)};
    case 1:
        return io::CaptureRuntime{impl_->runtime.spec_version(),
                                  impl_->version,
                                  {impl_->metadata.begin(), impl_->metadata.end()}};
    default: impl_->stage = 2; return impl_->block();
    }
}

std::vector<TrafficTransfer> const& Traffic::transfers() const { return impl_->transfers; }
std::vector<Account> const& Traffic::population() const { return impl_->accounts; }

} // namespace stages
