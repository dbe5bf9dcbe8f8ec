#include "stages/decode.hpp"

#include "decoders/account_data.hpp"
#include "decoders/hash.hpp"
#include "decoders/hex.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

Decode::Decode(std::vector<std::string> chains, pipeline::Log& log, pipeline::MetricsPage& metrics,
               pipeline::Out<Fact> facts, pipeline::Out<Keep> kept, decoders::MovementKinds kinds)
    : log_(log)
    , metrics_(metrics)
    , facts_(facts)
    , kept_(kept)
    , kinds_(kinds | decoders::MovementKind::transfer) {
    for (std::string& name : chains) chains_.emplace_back().name = std::move(name);
}

bool Decode::on(pipeline::Part<Frame> const& part, pipeline::Turn const&) {
    Frame const& frame = part.message;
    CHECK(frame.chain < chains_.size());
    Chain& chain = chains_[frame.chain];
    Fact fact;
    fact.header.received = frame.header.received;
    fact.chain = frame.chain;
    fact.recheck = frame.lane == Lane::recheck;
    if (auto const* block = std::get_if<BlockBytes>(&frame.body))
        return scan(fact, chain, chain.of(frame.lane), *block, part.payload);
    if (auto const* runtime = std::get_if<RuntimeBytes>(&frame.body)) {
        keep({.genesis = chain.genesis, .chain = frame.chain, .body = *runtime}, part.payload);
        compile(chain, frame.lane, *runtime, part.payload);
        return true;
    }
    if (auto const* asset = std::get_if<AssetBytes>(&frame.body)) {
        describe(fact, chain, chain.of(frame.lane), *asset, part.payload);
        return true;
    }
    if (auto const* account = std::get_if<AccountBytes>(&frame.body)) {
        weigh(fact, chain, *account, part.payload);
        return true;
    }
    if (auto const* facts = std::get_if<ChainFacts>(&frame.body)) chain.genesis = facts->genesis;
    if (fact.recheck) return true; // finality and what is missing have been told by others
    CHECK(pass_on(frame.body, fact.body));
    facts_.emit(fact);
    return true;
}

void Decode::compile(Chain& chain, Lane lane, RuntimeBytes const& bytes, pipeline::Bytes metadata) {
    auto compiled = decoders::compile(metadata);
    auto& runtimes = chain.of(lane);
    if (runtimes.size() >= runtimes_max) runtimes.erase(runtimes.begin());
    bool const upgrade = !runtimes.empty() && runtimes.back().spec_version < bytes.spec_version;
    auto const* const before = upgrade ? runtimes.back().runtime.get() : nullptr;
    runtimes.push_back({bytes.spec_version, nullptr});
    if (!compiled) {
        metrics_.add(DecodeMetric::runtimes_rejected);
        log_.write(pipeline::Level::error, "decode",
                   fmt::format("{}: the metadata of runtime {} cannot be used: {}. Its blocks will "
                               "be reported as decode_incomplete.",
                               chain.name, bytes.spec_version,
                               decoders::describe(compiled.error())));
        return;
    }
    metrics_.add(DecodeMetric::runtimes);
    Compiled& made = runtimes.back();
    made.runtime = std::move(*compiled);
    look_for_blindness(chain, made, before);
}

// A transfer that a runtime has but nobody can read, or that is gone since the one before, is one
// no rule will ever see.
void Decode::look_for_blindness(Chain const& chain, Compiled const& made,
                                decoders::Runtime const* before) {
    auto const incident = [&](std::string const& what) {
        metrics_.add(DecodeMetric::incidents);
        log_.write(
            pipeline::Level::error, "decode",
            fmt::format("incident: {}: runtime {} {}. Rules see none of it; look for a newer "
                        "spyhop.",
                        chain.name, made.spec_version, what));
    };
    for (auto const& blind : made.runtime->blind()) {
        metrics_.add(DecodeMetric::blind);
        incident(fmt::format("is blind to {}.{}: no field that can be its {}", blind.pallet,
                             blind.event, blind.missing));
    }
    auto const has = [&](std::uint16_t row) {
        auto const events = made.runtime->movements();
        return std::any_of(events.begin(), events.end(),
                           [&](auto const& event) { return event.row == row; });
    };
    auto const rows = decoders::movement_rows();
    if (before == nullptr) return;
    for (auto const& event : before->movements())
        if (rows[event.row].kind == decoders::MovementKind::transfer && !has(event.row))
            incident(fmt::format("has no {}.{} any more", rows[event.row].pallet,
                                 rows[event.row].event));
}

void Decode::describe(Fact& fact, Chain& chain, std::vector<Compiled> const& runtimes,
                      AssetBytes const& bytes, pipeline::Bytes payload) {
    if (runtimes.empty() || !runtimes.back().runtime) return;
    if (bytes.key_bytes > payload.size()) return;
    auto described = describe_asset(*runtimes.back().runtime, payload.first(bytes.key_bytes),
                                    payload.subspan(bytes.key_bytes));
    if (!described) return;
    auto slot = chain.assets.find(described->family, described->id);
    if (!slot) slot = chain.assets.add(described->family, described->id);
    if (!slot) return;
    metrics_.add(DecodeMetric::assets);
    described->facts.slot = *slot;
    fact.body = described->facts;
    facts_.emit(fact);
}

// A value that nobody can read is nobody's: what is not known is not compared.
void Decode::weigh(Fact& fact, Chain& chain, AccountBytes const& bytes, pipeline::Bytes value) {
    auto const& runtimes = chain.of(Lane::live);
    auto const compiled = std::ranges::find(runtimes, bytes.spec_version, &Compiled::spec_version);
    std::optional<pipeline::u128> held;
    if (value.empty()) // the account is not there
        held = 0;
    else if (compiled != runtimes.end() && compiled->runtime)
        held = decoders::held_in(*compiled->runtime, value);
    metrics_.add(held ? DecodeMetric::holdings : DecodeMetric::holdings_unread);
    if (!held && !std::exchange(chain.holdings_unread, true))
        log_.write(
            pipeline::Level::warning, "decode",
            fmt::format("{}: System.Account of runtime {} holds no `free` and `reserved` that "
                        "can be read ({} bytes); balances are not audited",
                        chain.name, bytes.spec_version, value.size()));
    if (!held) return;
    fact.body = Holding{bytes.hash, bytes.number, bytes.account, *held};
    facts_.emit(fact);
}

bool Decode::scan(Fact& fact, Chain& chain, std::vector<Compiled> const& runtimes,
                  BlockBytes const& block, pipeline::Bytes payload) {
    CHECK(block.body_bytes <= payload.size());
    auto const value = payload.first(payload.size() - block.body_bytes);
    if (ending_.reached) {
        end_block(fact, block, value);
        return true;
    }
    auto const compiled = std::find_if(runtimes.begin(), runtimes.end(), [&](Compiled const& one) {
        return one.spec_version == block.spec_version;
    });
    if (compiled == runtimes.end() || !compiled->runtime) {
        ending_ = {true, 0, "its runtime is not known"};
        end_block(fact, block, value);
        return true;
    }
    if (!scan_) {
        scan_.emplace(*compiled->runtime, value, kinds_);
        attribution_.start(*compiled->runtime, payload.last(block.body_bytes));
    }
    decoders::Movement found;
    // A transfer may bring a new asset with it.
    for (std::uint32_t emitted = 0; emitted + 2 <= max_burst; emitted += 2) {
        if (scan_->next(found)) {
            tell(fact, chain, *compiled, block.block, found);
            continue;
        }
        auto const result = scan_->result();
        ending_ = {true, scan_->so_far().events,
                   result ? std::string() : decoders::describe(*compiled->runtime, result.error()),
                   static_cast<std::uint16_t>(compiled->runtime->blind().size())};
        scan_.reset();
        // What was told goes on its way first: the end takes a hash over all events.
        if (emitted != 0) return false;
        end_block(fact, block, value);
        return true;
    }
    return false;
}

void Decode::tell(Fact& fact, Chain& chain, Compiled const& compiled, BlockRef const& block,
                  decoders::Movement const& found) {
    Transfer transfer;
    transfer.block = block;
    transfer.amount = found.amount;
    transfer.from = found.from;
    transfer.to = found.to;
    transfer.event_index = found.event_index;
    transfer.extrinsic_index = found.extrinsic_index;
    transfer.phase = static_cast<std::uint8_t>(found.phase);
    transfer.movement = compiled.runtime->movements()[found.source].row;
    if (!found.asset.empty()) transfer.asset = slot_of(fact, chain, compiled, found);
    if (found.phase == decoders::Phase::apply_extrinsic)
        if (auto const* extrinsic = attribution_.find(found.extrinsic_index)) {
            transfer.attributed = true;
            transfer.extrinsic_hash = extrinsic->hash;
            transfer.signer = extrinsic->signer;
        }
    metrics_.add(DecodeMetric::transfers);
    fact.body = transfer;
    facts_.emit(fact);
}

std::uint32_t Decode::slot_of(Fact const& fact, Chain& chain, Compiled const& compiled,
                              decoders::Movement const& found) {
    auto const& event = compiled.runtime->movements()[found.source];
    if (auto const known = chain.assets.find(event.family, found.asset)) return *known;
    auto const slot = chain.assets.add(event.family, found.asset);
    metrics_.add(DecodeMetric::assets_unknown);
    if (!slot) return AssetBook::assets_max + 1; // the book is full: an asset nobody knows
    AssetFacts facts;
    facts.slot = *slot;
    facts.id = asset_id_text(*compiled.runtime, event.asset_type, found.asset);
    Fact introduction = fact;
    introduction.body = facts;
    facts_.emit(introduction);
    return *slot;
}

void Decode::end_block(Fact& fact, BlockBytes const& block, pipeline::Bytes value) {
    bool const incomplete = !ending_.fault.empty();
    if (incomplete) dead_letter(fact, block, value);
    metrics_.add(DecodeMetric::blocks);
    metrics_.add(DecodeMetric::events, ending_.events);
    fact.body =
        BlockEnd{block.block, decoders::xxh3_128(value),       block.spec_version, ending_.events,
                 incomplete,  std::string_view(ending_.fault), ending_.blind};
    facts_.emit(fact);
    ending_ = {};
}

void Decode::dead_letter(Fact const& fact, BlockBytes const& block, pipeline::Bytes value) {
    Chain const& chain = chains_[fact.chain];
    metrics_.add(DecodeMetric::incomplete);
    log_.write(pipeline::Level::error, "decode",
               fmt::format("{}: decode_incomplete: block {} ({}): {}", chain.name,
                           block.block.number, decoders::hex_text(block.block.hash),
                           ending_.fault));
    keep({.genesis = chain.genesis,
          .chain = fact.chain,
          .body = DeadLetter{block.block, block.spec_version, ending_.events,
                             std::string_view(ending_.fault)}},
         value);
}

void Decode::keep(Keep record, pipeline::Bytes bytes) {
    auto& arena = kept_.link().arena();
    auto const room = arena.reserve(bytes.size());
    if (room.size() != bytes.size()) return metrics_.add(DecodeMetric::not_kept);
    std::ranges::copy(bytes, room.begin());
    record.payload = arena.commit(bytes.size());
    kept_.emit(record);
}

} // namespace stages
