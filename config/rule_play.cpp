#include "config/rule_play.hpp"

#include "config/stage_options.hpp"
#include "decoders/amount.hpp"
#include "decoders/jsonrpc.hpp"
#include "decoders/storage_key.hpp"
#include "pipeline/sleeper.hpp"
#include "stages/assets.hpp"
#include "stages/journal.hpp"
#include "stages/standin_chain.hpp"
#include "stages/swallow.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>
#include <simdjson.h>

namespace config {

namespace {

// By number; of one number as they were recorded.
void in_order(std::vector<io::CaptureBlock>& blocks) {
    std::vector<std::pair<std::uint64_t, std::size_t>> places;
    for (std::size_t i = 0; i < blocks.size(); ++i) places.emplace_back(blocks[i].number, i);
    std::ranges::sort(places);
    std::vector<io::CaptureBlock> sorted;
    sorted.reserve(blocks.size());
    for (auto const& [number, place] : places) sorted.push_back(std::move(blocks[place]));
    blocks = std::move(sorted);
}

using Failure = std::unexpected<std::string>;
using stages::Fact;
using stages::Frame;
using stages::Keep;

constexpr std::size_t answer_bytes_max = std::size_t{1} << 20;
// Two of the largest records: the ring may have to begin anew behind one.
constexpr pipeline::LinkOptions frame_room{.depth = 8,
                                           .arena_bytes = 2 * io::capture_record_bytes_max};

// What a node that does not say is taken to have; as the source does.
constexpr std::string_view symbol_unknown = "UNIT";
constexpr std::uint8_t decimals_unknown = 12;
constexpr std::uint16_t prefix_unknown = 42;

stages::ChainFacts facts_of(io::CaptureChain const& chain) {
    stages::ChainFacts facts;
    facts.genesis = chain.genesis;
    simdjson::dom::parser parser;
    simdjson::dom::element properties;
    std::string text = "{}";
    if (parser.parse(chain.description)["properties"].get(properties) == simdjson::SUCCESS)
        text = simdjson::minify(properties);
    text = fmt::format(R"({{"jsonrpc":"2.0","id":1,"result":{}}})", text);
    text.reserve(text.size() + pipeline::json_padding);
    decoders::JsonRpc json(answer_bytes_max);
    decoders::Properties known;
    if (json.parse(text)) known = json.properties().value_or(decoders::Properties{});
    facts.symbol.assign(known.symbol.value_or(symbol_unknown));
    facts.decimals = std::min(known.decimals.value_or(decimals_unknown), decoders::max_decimals);
    facts.ss58_prefix = known.ss58_prefix.value_or(prefix_unknown);
    return facts;
}

// What earlier runs know: the genesis of each configured chain.
std::vector<std::optional<pipeline::Hash>> geneses(Config const& config) {
    std::vector<std::optional<pipeline::Hash>> known(config.chains.size());
    std::string const path = config.service.state_dir + "/alerts.db";
    std::error_code code;
    if (!std::filesystem::exists(path, code)) return known;
    auto const journal =
        stages::Journal::open(path, {.database = {.read_only = true, .lock = false}});
    if (!journal) return known;
    for (std::size_t i = 0; i < known.size(); ++i)
        known[i] = (*journal)->genesis_of(config.chains[i].name);
    return known;
}

std::optional<std::uint16_t> place_of(Config const& config,
                                      std::vector<std::optional<pipeline::Hash>> const& known,
                                      stages::ChainCapture const& capture,
                                      pipeline::Hash const& genesis, bool alone) {
    for (std::size_t i = 0; i < known.size(); ++i)
        if (known[i] == genesis) return static_cast<std::uint16_t>(i);
    for (std::size_t i = 0; i < known.size(); ++i)
        if (!known[i] && config.chains[i].name == capture.name)
            return static_cast<std::uint16_t>(i);
    if (alone && config.chains.size() == 1) return std::uint16_t{0};
    return std::nullopt;
}

// One block of each height, ascending.
std::vector<io::CaptureBlock> one_history(std::vector<io::CaptureBlock> blocks,
                                          std::set<pipeline::Hash> const& final) {
    in_order(blocks);
    std::vector<io::CaptureBlock> chosen;
    for (std::size_t end = blocks.size(); end > 0;) {
        std::size_t begin = end - 1, best = end - 1;
        while (begin > 0 && blocks[begin - 1].number == blocks[end - 1].number) --begin;
        bool const above = !chosen.empty() && chosen.back().number == blocks[best].number + 1;
        for (std::size_t i = begin; i < end; ++i)
            if (final.contains(blocks[i].hash)) best = i;
        for (std::size_t i = begin; above && i < end; ++i)
            if (blocks[i].hash == chosen.back().parent) best = i;
        chosen.push_back(std::move(blocks[best]));
        end = begin;
    }
    std::ranges::reverse(chosen);
    return chosen;
}

RecordedChain chain_of(stages::ChainCapture capture) {
    RecordedChain made;
    made.recorded_name = capture.name;
    std::vector<io::CaptureBlock> blocks;
    std::set<pipeline::Hash> final;
    for (io::CaptureRecord& record : capture.records) {
        if (auto const* chain = std::get_if<io::CaptureChain>(&record))
            made.facts = facts_of(*chain);
        else if (auto* runtime = std::get_if<io::CaptureRuntime>(&record))
            made.runtimes[runtime->spec_version] = std::move(*runtime);
        else if (auto* block = std::get_if<io::CaptureBlock>(&record))
            blocks.push_back(std::move(*block));
        else
            final.insert(std::get<io::CaptureFinalized>(record).hash);
    }
    std::size_t const all = blocks.size();
    made.blocks = one_history(std::move(blocks), final);
    made.left_out = all - made.blocks.size();
    for (io::CaptureBlock const& block : made.blocks) {
        if (block.timestamp_ms == 0) continue;
        if (made.first_ms == 0) made.first_ms = block.timestamp_ms;
        made.last_ms = block.timestamp_ms;
    }
    return made;
}

} // namespace

double RecordedChain::seconds() const {
    if (blocks.size() < 2 || last_ms <= first_ms) return 0;
    double const steps = static_cast<double>(blocks.back().number - blocks.front().number);
    return static_cast<double>(last_ms - first_ms) / 1'000 * (steps + 1) / steps;
}

RecordedChain const* Recording::find(std::uint16_t chain) const {
    auto const found = std::ranges::find(chains, chain, &RecordedChain::chain);
    return found == chains.end() ? nullptr : &*found;
}

std::expected<Recording, std::string> read_recording(Config const& config,
                                                     std::string const& path) {
    auto captures = stages::load_capture(path);
    if (!captures) return Failure(captures.error());
    auto const known = geneses(config);
    Recording recording;
    std::vector<std::string> names;
    bool const alone = captures->size() == 1;
    bool empty = true;
    for (stages::ChainCapture& capture : *captures) {
        names.push_back(capture.name);
        RecordedChain made = chain_of(std::move(capture));
        empty = empty && made.blocks.empty();
        auto const place =
            place_of(config, known, {made.recorded_name, {}}, made.facts.genesis, alone);
        if (!place || recording.find(*place) != nullptr) {
            recording.notes.push_back(fmt::format("chain {} of the capture is none of {}: left out",
                                                  made.recorded_name, config.file));
            continue;
        }
        if (made.blocks.empty()) continue;
        if (made.blocks.back().number > 0xffff'ffff)
            return Failure(
                fmt::format("{}: block {} has no such number", path, made.blocks.back().number));
        made.chain = *place;
        made.name = config.chains[*place].name;
        if (made.left_out != 0)
            recording.notes.push_back(
                fmt::format("{}: {} blocks of other forks, or there twice, are left out", made.name,
                            made.left_out));
        recording.chains.push_back(std::move(made));
    }
    if (empty)
        return Failure(path + ": the capture has no blocks; `spyhop record` makes one with blocks");
    if (recording.chains.empty())
        return Failure(fmt::format("{} has {}, and {} none of them; give a [[chain]] that name",
                                   path, fmt::join(names, ", "), config.file));
    return recording;
}

// ---- log ----------------------------------------------------------------------------------------

void PlayLog::write(pipeline::Level level, std::string_view component, std::string_view text) {
    if (level < pipeline::Level::warning) return;
    std::string line = fmt::format("{}: {}", component, text);
    if (std::ranges::find(texts_, line) != texts_.end()) return;
    if (texts_.size() < texts_max) return texts_.push_back(std::move(line));
    if (more_++ == 0) texts_.push_back({});
    texts_.back() = fmt::format("and {} more problems", more_);
}

// ---- playing ------------------------------------------------------------------------------------

pipeline::StageRow Player::row(std::string name) {
    return {std::move(name), pipeline::Process::hybrid, "one"};
}

Player::Player(Config const& config, decoders::MovementKinds kinds, pipeline::Log& log)
    : config_(config)
    , switchboard_(
          pipeline::Regime{.mode = pipeline::Mode::hybrid_only,
                           .flags = pipeline::Flag::hybrid_rpc | pipeline::Flag::hybrid_patterns})
    , topology_(clock_, switchboard_, pipeline::Idle::spin, [this](std::string const&) {
        return std::make_unique<pipeline::Sleeper>(clock_);
    }) {
    frames_ = &topology_.link<Frame>("frames", frame_room);
    facts_ = &topology_.link<Fact>("facts", {.depth = 1024});
    auto& kept = topology_.link<Keep>("kept", {.depth = 8, .when_full = pipeline::WhenFull::drop});
    topology_.stage(row("hand"), std::make_unique<PlayHand>(*frames_));
    topology_.stage(row("decode"),
                    std::make_unique<stages::Decode>(
                        chain_names(config), log,
                        topology_.metrics().add("", stages::decode_metrics), *facts_, kept, kinds),
                    *frames_);
    topology_.stage(row("keeper"), std::make_unique<stages::Swallow<Keep>>(), kept);
}

void Player::introduce(RecordedChain const& chain) {
    told_.clear();
    [[maybe_unused]] auto const told = tell(chain.chain, chain.facts);
}

std::expected<void, std::string> Player::tell(std::uint16_t chain, Body const& body,
                                              pipeline::Bytes first, pipeline::Bytes second) {
    Frame frame;
    frame.header.received = clock_.now;
    frame.chain = chain;
    if (std::size_t const size = first.size() + second.size(); size != 0) {
        auto const room = frames_->arena().reserve(size);
        if (room.size() != size)
            return Failure(fmt::format("a record of {} bytes is too large to be played", size));
        std::ranges::copy(first, room.begin());
        std::ranges::copy(second, room.begin() + static_cast<std::ptrdiff_t>(first.size()));
        frame.payload = frames_->arena().commit(size);
    }
    frame.body = body;
    frames_->push(frame);
    while (topology_.turn()) {}
    return {};
}

// Decode keeps the last few only.
std::expected<void, std::string> Player::tell_runtime(RecordedChain const& chain,
                                                      io::CaptureBlock const& block) {
    if (std::ranges::find(told_, block.spec_version) != told_.end()) return {};
    auto const runtime = chain.runtimes.find(block.spec_version);
    if (runtime == chain.runtimes.end()) return {}; // decode says so, and goes on
    if (told_.size() == stages::runtimes_max) told_.pop_front();
    told_.push_back(block.spec_version);
    return tell(chain.chain, stages::RuntimeBytes{block.spec_version, {}},
                runtime->second.metadata);
}

std::expected<void, std::string> Player::block(RecordedChain const& chain, std::size_t at,
                                               bool final) {
    io::CaptureBlock const& block = chain.blocks[at];
    auto const number = static_cast<std::uint32_t>(block.number);
    auto const before = at == 0 ? number : static_cast<std::uint32_t>(chain.blocks[at - 1].number);
    if (number > before + 1) {
        stages::Missing missing{.from = before + 1, .to = number - 1};
        missing.reason.assign("not in the capture");
        if (auto const done = tell(chain.chain, missing); !done) return done;
    }
    if (auto const done = tell_runtime(chain, block); !done) return done;
    for (auto const& [key, value] : block.storage) {
        bool const describes = std::ranges::any_of(stages::asset_maps, [&](auto const& map) {
            auto const prefix = decoders::storage_prefix(map.pallet, map.entry);
            return key.size() >= prefix.size() &&
                   std::equal(prefix.begin(), prefix.end(), key.begin());
        });
        if (!describes) continue;
        stages::AssetBytes const asset{static_cast<std::uint32_t>(key.size())};
        if (auto const done = tell(chain.chain, asset, key, value); !done) return done;
    }
    body_.clear();
    if (config_.chains[chain.chain].attribute)
        for (auto const& one : block.extrinsics) body_.insert(body_.end(), one.begin(), one.end());
    let_time_pass(chain, at);
    stages::BlockBytes bytes{
        .block = {.hash = block.hash, .number = number, .timestamp_ms = block.timestamp_ms},
        .spec_version = block.spec_version,
        .body_bytes = static_cast<std::uint32_t>(body_.size())};
    if (auto const done = tell(chain.chain, bytes, block.events, body_); !done) return done;
    if (final) finalize(chain, at);
    return {};
}

// Up to when the block was made, in steps that nobody oversleeps: stages that look at the time see
// it pass as they would have. Of what the capture lacks nobody knows how it passed.
void Player::let_time_pass(RecordedChain const& chain, std::size_t at) {
    constexpr std::uint64_t step_ms = 10'000;
    io::CaptureBlock const& block = chain.blocks[at];
    if (at == 0 || block.number != chain.blocks[at - 1].number + 1) return;
    std::uint64_t const before = chain.blocks[at - 1].timestamp_ms;
    if (before == 0 || block.timestamp_ms <= before) return;
    for (std::uint64_t left = block.timestamp_ms - before; left != 0;) {
        std::uint64_t const step = std::min(left, step_ms);
        clock_.advance(step * pipeline::millisecond);
        while (topology_.turn()) {}
        left -= step;
    }
}

void Player::finalize(RecordedChain const& chain, std::size_t at) {
    io::CaptureBlock const& block = chain.blocks[at];
    stages::Finalized const final{block.hash, block.parent,
                                  static_cast<std::uint32_t>(block.number)};
    [[maybe_unused]] auto const told = tell(chain.chain, final); // no payload: cannot fail
}

} // namespace config
