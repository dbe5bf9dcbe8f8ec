#include "chain.hpp"

#include "tests/decoders/tiny_metadata.hpp"

#include "decoders/hash.hpp"
#include "decoders/header.hpp"
#include "pipeline/check.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace sim {

using Buffer = std::vector<std::uint8_t>;

namespace {

constexpr std::uint32_t first_spec = 100;

std::vector<tests::TinyPallet> pallets_of(unsigned runtime) {
    using namespace tests;
    TinyField const from{"from", tiny_account}, to{"to", tiny_account}, amount{"amount", tiny_u128};
    if (runtime == 0) return {};
    if (runtime == 1)
        return {{"Balances",
                 {{"Endowed", {{"account", tiny_account}, {"free_balance", tiny_u128}}},
                  {"Transfer", {from, to, amount}}}}};
    return {{"Treasury", {{"Deposit", {{"value", tiny_u128}}}}},
            {"Balances", {{"Transfer", {amount, to, from}}}}};
}

std::string version_json(std::uint32_t spec) {
    return fmt::format(R"({{"specName":"tiny","implName":"tiny","authoringVersion":1,)"
                       R"("specVersion":{},"implVersion":1,"apis":[],"transactionVersion":1,)"
                       R"("stateVersion":1}})",
                       spec);
}

} // namespace

class Feed final : public stages::ChainFeed {
  public:
    explicit Feed(Chain& chain)
        : chain_(chain) {}

    std::optional<io::CaptureRecord> next() override {
        if (!std::exchange(described_, true))
            return io::CaptureChain{
                chain_.genesis(),
                fmt::format(R"({{"name":"{}","specName":"tiny","properties":{{"ss58Format":42,)"
                            R"("tokenDecimals":10,"tokenSymbol":"SIM"}}}})",
                            Chain::name_of(chain_.plan_.index))};
        io::CaptureBlock const& block = chain_.block(number_).data;
        unsigned const runtime = block.spec_version - first_spec;
        if (!std::exchange(told_[runtime], true))
            return io::CaptureRuntime{block.spec_version, version_json(block.spec_version),
                                      chain_.runtimes_[runtime].metadata};
        ++number_;
        return block;
    }

  private:
    Chain& chain_;
    bool described_ = false;
    std::array<bool, Chain::runtimes> told_{};
    std::uint32_t number_ = Chain::first_number;
};

decoders::Account Chain::person(std::uint64_t index) {
    static auto const all = [] {
        std::array<decoders::Account, people> made;
        for (std::size_t i = 0; i < people; ++i) {
            Hash const key =
                decoders::blake2b_256(pipeline::as_bytes(fmt::format("account {}", i)));
            made[i] = decoders::account_of(key.data(), 32);
        }
        return made;
    }();
    return all[index];
}

std::string Chain::name_of(std::size_t index) { return fmt::format("simulated-{}", index); }

Chain::Chain(ChainPlan plan)
    : plan_(std::move(plan))
    , random_(plan_.seed) {
    genesis_ = decoders::blake2b_256(pipeline::as_bytes(
        fmt::format("a chain that exists nowhere, as {}", name_of(plan_.index))));
    for (unsigned i = 0; i < runtimes; ++i) {
        Runtime& made = runtimes_.emplace_back();
        made.metadata = tests::tiny_metadata(pallets_of(i));
        auto compiled = decoders::compile(made.metadata);
        CHECK(compiled);
        made.compiled = std::move(*compiled);
        auto const& rows = made.compiled->movements();
        while (rows[made.movement].pallet != "Balances" ||
               rows[made.movement].kind != decoders::MovementKind::transfer)
            ++made.movement;
    }
}

std::unique_ptr<stages::ChainFeed> Chain::feed() { return std::make_unique<Feed>(*this); }

Chain::Block const& Chain::block(std::uint32_t number) {
    CHECK(number >= first_number);
    while (number - first_number >= blocks_.size()) make_next();
    return blocks_[number - first_number];
}

// A block that sets the code is executed by the old one.
unsigned Chain::runtime_at(std::uint32_t ordinal) const {
    auto const before = std::distance(plan_.upgrades.begin(), plan_.upgrades.lower_bound(ordinal));
    return std::min(static_cast<unsigned>(before), runtimes - 1);
}

// Most are small; a few are just at a level, because thresholds are met at equality.
Sent Chain::draw_transfer(std::uint32_t number) {
    Sent sent;
    sent.block = number;
    sent.from = person(random_.below(people));
    sent.to = person(random_.below(people));
    constexpr std::uint64_t tokens[] = {99, 100, 1'000, 10'000};
    std::uint64_t const what = random_.below(10);
    if (what < 6) sent.amount = whole * (1 + random_.below(99)) + random_.below(1'000);
    if (what == 6) sent.amount = whole * tokens[random_.below(4)] - random_.below(2);
    if (what > 6) sent.amount = whole * (100 + random_.below(50'000)) + random_.below(1'000);
    return sent;
}

std::uint32_t Chain::append_events(Block& block, std::uint32_t ordinal) {
    Runtime const& runtime = runtimes_[runtime_at(ordinal)];
    std::uint64_t const transfers = plan_.empty.contains(ordinal) ? 0
                                  : plan_.huge.contains(ordinal)  ? (ordinal % 3 == 0 ? 4'000 : 150)
                                                                  : random_.below(4);
    std::uint32_t index = 0;
    auto const record = [&](Buffer const& event) {
        decoders::append_record(static_cast<std::int64_t>(index / 2), event, block.data.events);
        ++index;
    };
    for (std::uint64_t i = 0; i < transfers; ++i) {
        Buffer event;
        if (random_.below(2) == 0) {
            CHECK(encode_event(*runtime.compiled, "Odd", "Bytes", random_, event));
            record(std::exchange(event, {}));
        }
        Sent sent = draw_transfer(first_number + ordinal);
        sent.event_index = index;
        CHECK(encode_movement(*runtime.compiled, runtime.movement, sent.from, sent.to, sent.amount,
                              {}, random_, event));
        record(event);
        block.sent.push_back(sent);
    }
    return index;
}

void Chain::make_next() {
    auto const ordinal = static_cast<std::uint32_t>(blocks_.size());
    Block block;
    std::uint32_t const events = append_events(block, ordinal);
    Buffer value;
    decoders::append_compact(events, value);
    value.insert(value.end(), block.data.events.begin(), block.data.events.end());
    block.data.events = std::move(value);
    block.data.number = first_number + ordinal;
    block.data.parent =
        blocks_.empty() ? decoders::blake2b_256(genesis_) : blocks_.back().data.hash;
    block.data.timestamp_ms = start_ms + ordinal * plan_.block_ms;
    block.data.spec_version = first_spec + runtime_at(ordinal);
    decoders::HeaderParts parts;
    parts.parent = block.data.parent;
    parts.number = first_number + ordinal;
    parts.state_root = decoders::blake2b_256(block.data.events);
    block.data.header = decoders::encode_header(parts);
    block.data.hash = decoders::header_hash(parts);
    blocks_.push_back(std::move(block));
}

} // namespace sim
