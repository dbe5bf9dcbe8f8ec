#include "stages/standin_subscan_index.hpp"

#include "decoders/amount.hpp"
#include "decoders/events.hpp"
#include "decoders/hash.hpp"
#include "decoders/hex.hpp"
#include "decoders/ss58.hpp"
#include "pipeline/check.hpp"

#include <algorithm>
#include <simdjson.h>

namespace stages {

namespace {

using Element = simdjson::simdjson_result<simdjson::dom::element>;

// A property as nodes report it: the value, or a list of which the first is the chain's own.
Element first_of(Element property) {
    simdjson::dom::array list;
    return property.get(list) == simdjson::SUCCESS ? list.at(0) : property;
}

std::uint64_t number_of(Element element, std::uint64_t otherwise, std::uint64_t most) {
    std::uint64_t number = 0;
    bool const good = first_of(element).get(number) == simdjson::SUCCESS && number <= most;
    return good ? number : otherwise;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

} // namespace

StandinIndex::StandinIndex(std::size_t blocks_max)
    : blocks_max_(blocks_max) {
    CHECK(blocks_max > 0);
}
StandinIndex::~StandinIndex() = default;
StandinIndex::StandinIndex(StandinIndex&&) noexcept = default;
StandinIndex& StandinIndex::operator=(StandinIndex&&) noexcept = default;

std::size_t StandinIndex::AccountHash::operator()(decoders::Account const& account) const {
    std::uint64_t hash = 0; // public keys are as good as random
    std::memcpy(&hash, account.key, sizeof hash);
    return hash;
}

std::expected<void, std::string> StandinIndex::add(io::CaptureRecord const& record) {
    if (auto const* chain = std::get_if<io::CaptureChain>(&record)) return describe(*chain);
    if (auto const* runtime = std::get_if<io::CaptureRuntime>(&record)) compile(*runtime);
    if (auto const* block = std::get_if<io::CaptureBlock>(&record)) add_block(*block);
    if (auto const* final = std::get_if<io::CaptureFinalized>(&record)) {
        auto const known = numbers_.find(final->hash);
        if (known != numbers_.end()) {
            finalized_ = std::max(finalized_.value_or(0), known->second);
        }
    }
    return {};
}

std::expected<void, std::string> StandinIndex::describe(io::CaptureChain const& chain) {
    simdjson::dom::parser parser;
    simdjson::dom::element description;
    std::string_view name;
    if (parser.parse(chain.description).get(description) != simdjson::SUCCESS ||
        description["name"].get(name) != simdjson::SUCCESS || name.empty()) {
        return std::unexpected("a chain's description has no \"name\"");
    }
    name_ = name;
    genesis_ = chain.genesis;
    auto const properties = description["properties"];
    ss58_prefix_ = static_cast<std::uint16_t>(number_of(properties["ss58Format"], 42, 0xffff));
    std::string_view symbol = "UNIT";
    if (first_of(properties["tokenSymbol"]).get(symbol) != simdjson::SUCCESS) symbol = "UNIT";
    auto& native = assets_[native_asset];
    native.symbol = native.unique_id = symbol;
    native.decimals = static_cast<std::uint8_t>(
        number_of(properties["tokenDecimals"], 0, decoders::max_decimals));
    return {};
}

void StandinIndex::compile(io::CaptureRuntime const& runtime) {
    auto compiled = decoders::compile(runtime.metadata);
    // A refused one leaves its blocks without transfers, and them counted.
    if (compiled) runtimes_[runtime.spec_version] = std::move(*compiled);
}

void StandinIndex::add_block(io::CaptureBlock const& from) {
    if (from.number > 0xffff'ffff) return;
    IndexedBlock block;
    block.number = static_cast<std::uint32_t>(from.number);
    block.hash = from.hash;
    block.parent = from.parent;
    block.timestamp_s = from.timestamp_ms / 1'000;
    block.spec_version = from.spec_version;
    block.extrinsics = static_cast<std::uint32_t>(from.extrinsics.size());
    auto const runtime = runtimes_.find(from.spec_version);
    if (runtime == runtimes_.end()) {
        ++undecoded_;
    } else {
        read_assets(*runtime->second, from);
        read_transfers(*runtime->second, from, block);
    }
    auto const forget = [&](std::map<std::uint32_t, IndexedBlock>::iterator old) {
        numbers_.erase(old->second.hash);
        transfers_ -= old->second.transfers.size();
        blocks_.erase(old);
    };
    if (auto const same = blocks_.find(block.number); same != blocks_.end()) forget(same);
    transfers_ += block.transfers.size();
    numbers_[block.hash] = block.number;
    blocks_[block.number] = std::move(block);
    if (blocks_.size() > blocks_max_) forget(blocks_.begin());
}

// What the block wrote about assets: their symbols and decimals.
void StandinIndex::read_assets(decoders::Runtime const& runtime, io::CaptureBlock const& block) {
    for (auto const& [key, value] : block.storage) {
        auto const asset = describe_asset(runtime, key, value);
        if (!asset) continue;
        auto slot = book_.find(asset->family, asset->id);
        if (!slot) slot = book_.add(asset->family, asset->id);
        if (!slot) continue;
        auto& known = describe_slot(*slot, asset->family, asset->facts.id.view());
        known.symbol = asset->facts.symbol.view();
        known.decimals = asset->facts.decimals;
    }
}

void StandinIndex::read_transfers(decoders::Runtime const& runtime, io::CaptureBlock const& block,
                                  IndexedBlock& out) {
    decoders::MovementScan scan(runtime, block.events, decoders::MovementKind::transfer);
    decoders::Movement found;
    while (scan.next(found)) {
        auto const& event = runtime.movements()[found.source];
        auto& transfer = out.transfers.emplace_back();
        transfer.event_index = found.event_index;
        if (found.phase == decoders::Phase::apply_extrinsic) {
            transfer.extrinsic_index = found.extrinsic_index;
            if (found.extrinsic_index < block.extrinsics.size()) {
                transfer.extrinsic_hash =
                    decoders::blake2b_256(block.extrinsics[found.extrinsic_index]);
            }
        }
        if (!found.asset.empty()) transfer.asset = slot_of(runtime, event, found.asset);
        transfer.from = found.from;
        transfer.to = found.to;
        transfer.amount = found.amount;
        transfer.pallet = event.pallet;
        count(found.from);
        if (!(found.to == found.from)) count(found.to);
    }
    out.events = scan.so_far().events;
    if (!scan.result()) ++undecoded_;
}

std::uint32_t StandinIndex::slot_of(decoders::Runtime const& runtime,
                                    decoders::MovementEvent const& event, pipeline::Bytes id) {
    if (auto const known = book_.find(event.family, id)) return *known;
    auto const slot = book_.add(event.family, id);
    if (!slot) return native_asset + 1; // the book is full: some asset, but never the native one
    describe_slot(*slot, event.family, asset_id_text(runtime, event.asset_type, id).view());
    return *slot;
}

// How Subscan names assets that are not the chain's own.
IndexedAsset& StandinIndex::describe_slot(std::uint32_t slot, std::string_view family,
                                          std::string_view id) {
    if (slot >= assets_.size()) assets_.resize(slot + 1);
    auto& asset = assets_[slot];
    asset.type = lower(family);
    asset.unique_id =
        (family == "Assets" ? std::string("standard_assets") : asset.type) + "/" + std::string(id);
    return asset;
}

void StandinIndex::count(decoders::Account const& account) {
    if (!account) return;
    auto const known = activity_.find(account);
    if (known != activity_.end()) {
        ++known->second;
    } else if (activity_.size() < accounts_max) {
        activity_.emplace(account, 1);
    }
}

IndexedAsset const& StandinIndex::asset(std::uint32_t slot) const {
    CHECK(slot < assets_.size());
    return assets_[slot];
}

std::uint32_t StandinIndex::newest() const { return blocks_.empty() ? 0 : blocks_.rbegin()->first; }

IndexedBlock const* StandinIndex::find(pipeline::Hash const& hash) const {
    auto const number = numbers_.find(hash);
    if (number == numbers_.end()) return nullptr;
    return &blocks_.at(number->second);
}

std::uint64_t StandinIndex::activity(decoders::Account const& account) const {
    auto const known = activity_.find(account);
    return known == activity_.end() ? 0 : known->second;
}

std::vector<decoders::Account> StandinIndex::busiest(std::size_t count) const {
    std::vector<std::pair<std::uint64_t, decoders::Account>> all;
    all.reserve(activity_.size());
    for (auto const& [account, transfers] : activity_) all.emplace_back(transfers, account);
    auto const busier = [](auto const& a, auto const& b) {
        if (a.first != b.first) return a.first > b.first;
        return std::ranges::lexicographical_compare(a.second.key, b.second.key);
    };
    count = std::min(count, all.size());
    std::ranges::partial_sort(all, all.begin() + static_cast<std::ptrdiff_t>(count), busier);
    std::vector<decoders::Account> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(all[i].second);
    return out;
}

std::string StandinIndex::address(decoders::Account const& account) const {
    if (!account) return {};
    if (account.size != 32) return decoders::hex_text(account.bytes());
    // Chains whose keys have 20 bytes may have a format that is no SS58 prefix.
    constexpr std::uint16_t generic = 42;
    bool const valid = ss58_prefix_ <= decoders::max_ss58_prefix;
    return std::string(decoders::ss58_encode(account, valid ? ss58_prefix_ : generic).view());
}

} // namespace stages
