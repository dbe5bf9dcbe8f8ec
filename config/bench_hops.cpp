#include "config/bench_hops.hpp"

#include "decoders/events.hpp"
#include "decoders/hex.hpp"
#include "decoders/jsonrpc.hpp"
#include "decoders/storage_key.hpp"
#include "pipeline/sleeper.hpp"
#include "pipeline/topology.hpp"
#include "stages/decode.hpp"
#include "stages/deliver.hpp"
#include "stages/detect.hpp"
#include "stages/enrich.hpp"
#include "stages/route.hpp"
#include "stages/swallow.hpp"

#include <filesystem>
#include <fmt/format.h>

namespace config {

namespace {

using pipeline::Nanoseconds;
using pipeline::Process;
using stages::Alert;
using stages::Candidate;
using stages::Decode;
using stages::Deliver;
using stages::Detect;
using stages::Enrich;
using stages::Fact;
using stages::Frame;
using stages::Keep;
using stages::Lookup;
using stages::Match;
using stages::Outlet;
using stages::Route;
using stages::Swallow;
using stages::Transfer;
using stages::Verdict;
using stages::Want;

enum class Stop { json, hex, scan, decode, detect, route, deliver, deliver_synced };

constexpr std::size_t frame_bytes_max = std::size_t{64} << 20;
constexpr pipeline::LinkOptions few{.depth = 8, .when_full = pipeline::WhenFull::drop};

// A notice as a node pushes it, with what simdjson wants behind it.
std::string notice_of(BenchEvents const& events, std::uint32_t number) {
    std::uint64_t const when = 1'700'000'000'000;
    auto const little = [](auto const& value) {
        return decoders::hex_text(
            pipeline::Bytes(reinterpret_cast<std::uint8_t const*>(&value), sizeof value));
    };
    std::string text = fmt::format(
        R"({{"jsonrpc":"2.0","method":"state_storage","params":{{"subscription":"a","result":)"
        R"({{"block":"0x{:064x}","changes":[["{}","{}"],["{}","{}"],["{}","{}"]]}}}}}})",
        number, decoders::hex_text(decoders::system_events_key()), decoders::hex_text(events.value),
        decoders::hex_text(decoders::system_number_key()), little(number),
        decoders::hex_text(decoders::timestamp_now_key()), little(when));
    text.reserve(text.size() + pipeline::json_padding);
    return text;
}

// What the source does with a notice; and when it began.
class Texts {
  public:
    explicit Texts(BenchBlocks const& blocks) {
        for (std::size_t i = 0; i < blocks.lists.size(); ++i)
            texts_.push_back(notice_of(blocks.lists[i], static_cast<std::uint32_t>(i)));
    }
    // The hex text of the events.
    std::string_view value(std::uint64_t place) {
        std::array<decoders::WantedChange, 1> wanted{};
        wanted[0].key = key_;
        std::string const& text = texts_[place % texts_.size()];
        if (!json_.parse(text) || !json_.storage_changes(wanted)) return {};
        return wanted[0].value;
    }

  private:
    decoders::StorageKey const key_ = decoders::system_events_key();
    decoders::JsonRpc json_{frame_bytes_max};
    std::vector<std::string> texts_;
};

// Gives a block whenever one is wanted; the metadata first.
struct HopPlayer : pipeline::Pinned {
    static constexpr std::uint32_t max_burst = 3;
    pipeline::Out<Frame> frames;
    Texts& texts;
    pipeline::Clock const& clock;
    pipeline::Bytes metadata;
    bool introduced = false;
    std::uint64_t place = 0;
    std::uint64_t wanted = 0;
    Nanoseconds began = 0; // of the newest block

    HopPlayer(pipeline::Out<Frame> out, Texts& from, pipeline::Clock const& time,
              pipeline::Bytes with)
        : frames(out)
        , texts(from)
        , clock(time)
        , metadata(with) {}
    auto outputs() { return std::tie(frames); }

    void introduce() {
        Frame frame;
        frame.body = stages::ChainFacts{{}, pipeline::FixedText<24>("DOT"), 10, 0};
        frames.emit(frame);
        auto& arena = frames.link().arena();
        std::ranges::copy(metadata, arena.reserve(metadata.size()).begin());
        frame.payload = arena.commit(metadata.size());
        frame.body = stages::RuntimeBytes{1};
        frames.emit(frame);
        introduced = true;
    }
    bool tick(pipeline::Turn const&) {
        if (!introduced) introduce();
        if (place == wanted) return false;
        began = clock.monotonic();
        std::string_view const value = texts.value(place);
        auto& arena = frames.link().arena();
        auto const room = arena.reserve(value.size() / 2);
        auto const size = decoders::hex_decode(value, room);
        CHECK(size); // we have written it ourselves
        Frame frame;
        frame.header.received = began;
        frame.payload = arena.commit(*size);
        stages::BlockRef block;
        block.number = static_cast<std::uint32_t>(bench_first_number + place);
        std::memcpy(block.hash.data(), &block.number, sizeof block.number);
        block.timestamp_ms = 1'700'000'000'000;
        frame.body = stages::BlockBytes{block, 1};
        frames.emit(frame);
        ++place;
        return true;
    }
};

// The end of a run that goes no further: when the last record of a kind came.
template <pipeline::Message M, class Body>
struct HopEnd : pipeline::Pinned {
    static constexpr std::uint32_t max_burst = 0;
    pipeline::Clock const& clock;
    Nanoseconds& at;
    HopEnd(pipeline::Clock const& time, Nanoseconds& to)
        : clock(time)
        , at(to) {}
    auto outputs() { return std::tie(); }
    void on(pipeline::Part<M> const& part, pipeline::Turn const&) {
        if (std::holds_alternative<Body>(part->body)) at = clock.monotonic();
    }
};

class HopSink final : public stages::Sink {
  public:
    HopSink(pipeline::Clock const& clock, Nanoseconds& at)
        : clock_(clock)
        , at_(at) {}
    bool append(std::string_view) override {
        at_ = clock_.monotonic();
        return true;
    }
    std::size_t pending() const override { return 0; }
    std::size_t room() const override { return 1 << 30; }
    void advance() override {}
    Nanoseconds next_deadline() const override { return pipeline::never; }

  private:
    pipeline::Clock const& clock_;
    Nanoseconds& at_;
};

pipeline::StageRow row(std::string name, Process process = Process::hybrid) {
    return {std::move(name), process, "all"};
}

// The stages up to `stop`, in one thread.
class HopPipeline {
  public:
    HopPipeline(HopsWanted const& wanted, Texts& texts, Stop stop)
        : wanted_(wanted)
        , stop_(stop)
        , topology_(clock_, switchboard_, pipeline::Idle::spin, [this](std::string const&) {
            return std::make_unique<pipeline::Sleeper>(clock_);
        }) {
        auto& frames = topology_.link<Frame>("frames", {.depth = 16, .arena_bytes = 64 << 20});
        player_ =
            &topology_.stage(row("player"), std::make_unique<HopPlayer>(frames, texts, clock_,
                                                                        wanted.blocks.metadata));
        wire_decode(frames);
    }

    std::expected<Quantiles, std::string> run(std::uint32_t blocks) {
        if (!trouble_.empty()) return std::unexpected(trouble_);
        if (auto const done = topology_.finish(); !done) return std::unexpected(done.error());
        std::vector<double> took;
        std::uint32_t const warm_up = blocks / 10 + 1;
        for (std::uint32_t i = 0; i < warm_up + blocks; ++i) {
            at_ = 0;
            ++player_->wanted;
            while (topology_.turn()) {}
            bool const told = wanted_.blocks.at(i).told_at(wanted_.level) != 0;
            if (i >= warm_up && told && at_ != 0)
                took.push_back(static_cast<double>(at_ - player_->began));
        }
        if (took.empty()) return std::unexpected("no block had an alert");
        return quantiles_of(took);
    }

  private:
    void wire_decode(pipeline::Link<Frame>& frames) {
        auto& facts = topology_.link<Fact>("facts", {.depth = 1024});
        auto& kept = topology_.link<Keep>("kept", few);
        topology_.stage(row("decode"),
                        std::make_unique<Decode>(std::vector<std::string>{"bench"}, log_,
                                                 book().add("", stages::decode_metrics), facts,
                                                 kept),
                        frames);
        topology_.stage(row("keeper", Process::control), std::make_unique<Swallow<Keep>>(), kept);
        if (stop_ == Stop::decode)
            topology_.stage(row("end"), std::make_unique<HopEnd<Fact, Transfer>>(clock_, at_),
                            facts);
        else
            wire_detect(facts);
    }
    void wire_detect(pipeline::Link<Fact>& facts) {
        auto& candidates = topology_.link<Candidate>("candidates", {.depth = 1024});
        stages::Rule rule;
        rule.name = "large";
        rule.chains = {true};
        rule.assets = {"native"};
        rule.levels[0] = wanted_.blocks.level_text(wanted_.level);
        topology_.stage(
            row("detect"),
            std::make_unique<Detect>(std::vector{rule}, std::vector<std::string>{"bench"}, log_,
                                     book().add("", stages::detect_metrics), candidates),
            facts);
        if (stop_ == Stop::detect)
            topology_.stage(row("end"), std::make_unique<HopEnd<Candidate, Match>>(clock_, at_),
                            candidates);
        else
            wire_route(candidates);
    }
    void wire_route(pipeline::Link<Candidate>& candidates) {
        auto& routed = topology_.link<Verdict>("routed", {.depth = 256});
        auto& verdicts = topology_.link<Verdict>("verdicts", {.depth = 1024});
        topology_.stage(row("route", Process::legacy),
                        std::make_unique<Route>(
                            stages::nodes_only({"bench"}, {"large"}),
                            Route::Needs{log_, book().add("", stages::route_metrics), clock_},
                            routed),
                        candidates);
        stages::EnrichOptions enriched;
        enriched.chains = {{}};
        Enrich::Needs const known{nullptr, book().add("", stages::enrich_metrics),
                                  book().add("", stages::cache_metrics)};
        topology_.stage(row("enrich", Process::legacy),
                        std::make_unique<Enrich>(std::move(enriched), known, verdicts,
                                                 pipeline::Outs<Lookup>({})),
                        routed);
        if (stop_ == Stop::route)
            topology_.stage(row("end", Process::legacy),
                            std::make_unique<HopEnd<Verdict, Alert>>(clock_, at_), verdicts);
        else
            wire_deliver(verdicts);
    }
    void wire_deliver(pipeline::Link<Verdict>& verdicts) {
        auto& wants = topology_.link<Want>("wants", few);
        bool const synced = stop_ == Stop::deliver_synced;
        auto journal =
            stages::Journal::open(wanted_.folder + (synced ? "/hops-synced.db" : "/hops.db"),
                                  {.database = {.durable = synced}});
        if (!journal) trouble_ = io::describe(journal.error());
        if (!journal) return;
        stages::DeliverOptions options;
        options.chains = {"bench"};
        options.rules = {{"large", stages::RuleKind::large_transfer}};
        std::vector<Outlet> outlets;
        outlets.push_back({"end", std::make_unique<HopSink>(clock_, at_), 0});
        Deliver::Needs const needs{clock_, log_, book().add("", stages::deliver_metrics),
                                   book().add("", stages::custody_metrics)};
        topology_.stage(row("deliver", Process::legacy),
                        std::make_unique<Deliver>(std::move(options), std::move(*journal),
                                                  std::vector<std::optional<std::uint32_t>>{},
                                                  std::move(outlets), needs,
                                                  pipeline::Outs<Want>({&wants})),
                        verdicts);
        topology_.stage(row("history"), std::make_unique<Swallow<Want>>(), wants);
    }
    pipeline::MetricsBook& book() { return topology_.metrics(); }

    HopsWanted const& wanted_;
    Stop const stop_;
    pipeline::SystemClock const clock_;
    pipeline::Switchboard const switchboard_{pipeline::Regime{}};
    pipeline::NoLog log_;
    pipeline::Topology topology_;
    HopPlayer* player_ = nullptr;
    Nanoseconds at_ = 0; // when the newest record reached the end
    std::string trouble_;
};

// JSON, hex and the scan of the events by themselves.
std::expected<Quantiles, std::string> run_decoders(HopsWanted const& wanted, Texts& texts,
                                                   Stop stop) {
    pipeline::SystemClock const clock;
    auto const runtime = decoders::compile(wanted.blocks.metadata);
    if (!runtime) return std::unexpected(describe(runtime.error()));
    std::size_t most = 0;
    for (BenchEvents const& list : wanted.blocks.lists) most = std::max(most, list.value.size());
    std::vector<std::uint8_t> bytes(most);
    std::vector<double> took;
    std::uint64_t seen = 0;
    for (std::uint32_t i = 0; i < wanted.passes; ++i) {
        Nanoseconds const began = clock.monotonic();
        std::string_view const value = texts.value(i);
        seen += value.size();
        if (stop != Stop::json) {
            auto const size = decoders::hex_decode(value, bytes);
            if (!size) return std::unexpected("the events are not hex");
            auto const visit = [&](auto const&) { ++seen; };
            if (stop == Stop::scan &&
                !decoders::scan_transfers(**runtime, {bytes.data(), *size}, visit))
                return std::unexpected("the events cannot be read");
        }
        took.push_back(static_cast<double>(clock.monotonic() - began));
    }
    if (seen == 0) return std::unexpected("the notices have no events");
    return quantiles_of(took);
}

struct HopRow {
    Stop stop;
    std::string_view up_to, adds;
};

constexpr HopRow hop_rows[] = {
    {Stop::json, "JSON", "envelope and values found in the text"},
    {Stop::hex, "hex", "text to bytes"},
    {Stop::scan, "SCALE", "the walk over all events"},
    {Stop::decode, "decode", "links, transfers as records"},
    {Stop::detect, "detect", "the rule"},
    {Stop::route, "route, enrich", "which path speaks; names"},
    {Stop::deliver, "deliver", "JSON line, SQLite, no fsync"},
    {Stop::deliver_synced, "deliver, fsync", "fsync of the journal"},
};

} // namespace

std::expected<std::vector<HopRun>, std::string> measure_hops(HopsWanted const& wanted) {
    Texts texts(wanted.blocks);
    std::vector<HopRun> runs;
    for (HopRow const& one : hop_rows) {
        bool const whole = one.stop >= Stop::decode;
        bool const synced = one.stop == Stop::deliver_synced;
        constexpr std::uint32_t fewer = 10;
        auto const found = whole ? HopPipeline(wanted, texts, one.stop)
                                       .run(synced ? wanted.passes / fewer + 1 : wanted.passes)
                                 : run_decoders(wanted, texts, one.stop);
        if (!found) return std::unexpected(found.error());
        runs.push_back({std::string(one.up_to), std::string(one.adds), *found});
    }
    return runs;
}

} // namespace config
