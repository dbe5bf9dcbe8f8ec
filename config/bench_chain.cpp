#include "config/bench_chain.hpp"

#include "config/embedded.hpp"
#include "decoders/amount.hpp"
#include "decoders/events.hpp"
#include "decoders/hash.hpp"
#include "decoders/header.hpp"
#include "decoders/runtime.hpp"
#include "pipeline/check.hpp"
#include "stages/runtime_version.hpp"
#include "stages/traffic.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace config {

namespace {

using pipeline::u128;

// Whales are watched where most tokens and assets move.
constexpr std::string_view played = "polkadot-asset-hub";

u128 level_of(std::vector<u128>& amounts, std::uint64_t alerts) {
    if (amounts.empty()) return 1;
    std::ranges::sort(amounts, std::greater<>());
    return std::max<u128>(amounts[std::clamp<std::size_t>(alerts, 1, amounts.size()) - 1], 1);
}

BenchEvents list_of(io::CaptureBlock& block, stages::Traffic const& traffic) {
    BenchEvents list;
    list.value = std::move(block.events);
    for (stages::TrafficTransfer const& made : traffic.transfers())
        if (made.asset.empty()) list.transfers.push_back({made.event_index, made.amount});
    return list;
}

} // namespace

std::uint64_t BenchEvents::told_at(u128 level) const {
    return static_cast<std::uint64_t>(
        std::ranges::count_if(transfers, [&](auto const& one) { return one.amount >= level; }));
}

u128 BenchEvents::level_for(std::uint64_t alerts) const {
    std::vector<u128> amounts;
    for (Transfer const& one : transfers) amounts.push_back(one.amount);
    return level_of(amounts, alerts);
}

u128 BenchBlocks::level_for(std::uint64_t alerts) const {
    std::vector<u128> amounts;
    for (BenchEvents const& list : lists)
        for (BenchEvents::Transfer const& one : list.transfers) amounts.push_back(one.amount);
    return level_of(amounts, alerts);
}

std::string BenchBlocks::level_text(u128 level) const {
    return std::string(decoders::tokens_text(level, static_cast<std::uint8_t>(decimals)).view());
}

std::expected<BenchBlocks, std::string> make_blocks(BlocksWanted const& wanted) {
    auto const runtimes = embedded_runtimes();
    auto const from = std::ranges::find(runtimes, played, &EmbeddedRuntime::chain);
    CHECK(from != runtimes.end() && wanted.different > 0);
    auto const runtime = decoders::compile(from->metadata);
    if (!runtime) return std::unexpected(describe(runtime.error()));
    auto version = stages::runtime_version_json(**runtime);
    if (!version) return std::unexpected(version.error());

    stages::TrafficOptions options;
    options.spec_name = from->spec_name;
    options.decimals = from->decimals;
    options.seed = wanted.seed;
    options.events_min = options.events_max = wanted.events;
    options.accounts = wanted.accounts;
    auto traffic = stages::Traffic::create(options, **runtime, from->metadata);
    if (!traffic) return std::unexpected(traffic.error());

    BenchBlocks made{from->metadata,
                     std::string(from->chain),
                     std::string(from->spec_name),
                     std::string(from->symbol),
                     from->decimals,
                     from->ss58_prefix,
                     (*runtime)->spec_version(),
                     std::move(*version),
                     {},
                     {}};
    while (made.lists.size() < wanted.different) {
        auto record = (*traffic)->next();
        auto* const block = std::get_if<io::CaptureBlock>(&*record);
        if (block == nullptr) continue;
        if (made.lists.empty()) made.storage = std::move(block->storage);
        BenchEvents& list = made.lists.emplace_back(list_of(*block, **traffic));
        auto const count = decoders::scan_transfers(**runtime, list.value, [](auto const&) {});
        if (!count) return std::unexpected("the generated events cannot be read");
        list.events = count->events;
    }
    return made;
}

BenchFeed::BenchFeed(BenchBlocks const& blocks, Options options)
    : blocks_(blocks)
    , options_(std::move(options))
    , genesis_(
          decoders::blake2b_256(pipeline::as_bytes(fmt::format("spyhop bench {}", options_.chain))))
    , parent_(decoders::blake2b_256(genesis_)) {}

std::optional<io::CaptureRecord> BenchFeed::next() {
    switch (introduced_++) {
    case 0:
        return io::CaptureChain{
            genesis_, fmt::format(R"({{"name":"{}","specName":"{}","properties":{{"ss58Format":{},)"
                                  R"("tokenDecimals":{},"tokenSymbol":"{}"}}}})",
                                  options_.name, blocks_.spec_name, blocks_.ss58_prefix,
                                  blocks_.decimals, blocks_.symbol)};
    case 1:
        return io::CaptureRuntime{blocks_.spec_version,
                                  blocks_.version,
                                  {blocks_.metadata.begin(), blocks_.metadata.end()}};
    default: introduced_ = 2;
    }
    if (place_ > options_.blocks) return std::nullopt;
    return block();
}

io::CaptureBlock BenchFeed::block() {
    io::CaptureBlock made;
    made.number = bench_first_number + place_;
    made.parent = parent_;
    made.timestamp_ms = options_.due_unix_ms(place_);
    made.spec_version = blocks_.spec_version;
    made.events = blocks_.at(place_).value;
    if (place_ == 0) made.storage = blocks_.storage;
    decoders::HeaderParts parts;
    parts.parent = parent_;
    parts.number = static_cast<std::uint32_t>(made.number);
    // Two blocks with the same events differ by their numbers.
    parts.state_root = genesis_;
    made.header = decoders::encode_header(parts);
    made.hash = decoders::header_hash(parts);
    parent_ = made.hash;
    ++place_;
    return made;
}

} // namespace config
