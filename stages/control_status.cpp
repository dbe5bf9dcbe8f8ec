// `spyhop status`: chains, their two paths, the key's quota.
#include "stages/control.hpp"

#include "decoders/hex.hpp"
#include "stages/breaker.hpp"
#include "stages/control_words.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

bool legacy_works(LegacyNote const& note) {
    return note.state == LegacyState::polling || note.state == LegacyState::behind;
}

// What a chain shows of itself: its node's word, or Subscan's where the nodes are not asked.
struct Shown {
    ChainFacts const& facts;
    std::uint32_t best = 0, finalized = 0;
    std::optional<double> lag;
    std::string_view state;
    std::string_view endpoint;
};

Shown shown(ControlOptions::Chain const& chain, SourceNote const& node, LegacyNote const& legacy,
            pipeline::Turn const& turn) {
    bool const asked = chain.hybrid && (turn.regime.flags & pipeline::Flag::hybrid_rpc) != 0;
    if (asked || chain.subscan.empty())
        return {node.facts,
                node.best,
                node.finalized,
                seconds_since(node.head_unix_ms, turn),
                to_text(node.state),
                chain.endpoints.empty() ? std::string_view("-") : chain.endpoints[node.endpoint]};
    return {legacy.facts,          legacy.best,
            legacy.finalized,      seconds_since(legacy.polled_unix_ms, turn),
            to_text(legacy.state), chain.subscan};
}

} // namespace

// The path that may speak for a chain, as far as one word can say it.
std::string_view Control::path_of(std::size_t index, pipeline::Regime const& regime) const {
    auto const& chain = options_.chains[index];
    if (chain.subscan.empty()) return "hybrid";
    bool const no_node = !chain.hybrid || (regime.flags & pipeline::Flag::hybrid_rpc) == 0;
    if (no_node || regime.mode == pipeline::Mode::legacy_only) return "legacy";
    if (regime.mode == pipeline::Mode::hybrid_only) return "hybrid";
    if (regime.hybrid_buckets == 0) return "legacy";
    return regime.hybrid_buckets >= pipeline::buckets_max ? "hybrid" : "both";
}

// Every path that may speak is working.
bool Control::ready(pipeline::Regime const& regime) const {
    for (std::size_t i = 0; i < notes_.size(); ++i) {
        std::string_view const path = path_of(i, regime);
        bool const node = notes_[i].state == SourceState::following && notes_[i].best > 0;
        if (path != "legacy" && !node) return false;
        if (path != "hybrid" && !legacy_works(legacies_[i])) return false;
    }
    return true;
}

LegacyNote const* Control::any_legacy() const {
    bool const any = std::any_of(options_.chains.begin(), options_.chains.end(),
                                 [](auto const& chain) { return !chain.subscan.empty(); });
    return any ? &legacies_[newest_legacy_] : nullptr;
}

bool Control::locked() const { return needs_.governor && needs_.governor->state().locked; }

Control::Answer Control::status(AdminRequest const&, pipeline::Turn const& turn) {
    std::string members = fmt::format(
        R"(,"version":{},"uptime_s":{},"epoch":{},"mode":"{}","hybrid_traffic_percent":{:g},)"
        R"("ready":{},"locked":{},"lock_reason":{},"chains":[)",
        quoted(options_.version), (turn.now - started_) / pipeline::second, turn.regime.epoch,
        to_text(turn.regime.mode), turn.regime.hybrid_buckets / 100.0, ready(turn.regime), locked(),
        locked() ? quoted(needs_.governor->state().lock_reason) : "null");
    for (std::size_t i = 0; i < notes_.size(); ++i) members += (i ? "," : "") + chain_json(i, turn);
    members += fmt::format(R"(],"subscan":{},"processes":[{}],"rules":[{}])", quota_json(),
                           processes_json(), rules_json(turn));
    return {0, status_table(turn), members};
}

std::string Control::processes_json() const {
    std::vector<ProcessStatus> const all =
        needs_.processes ? needs_.processes() : std::vector{ProcessStatus{"spyhop", options_.pid}};
    std::string text;
    for (ProcessStatus const& one : all)
        text += fmt::format(R"({}{{"name":"{}","pid":{},"restarts":{}}})", text.empty() ? "" : ",",
                            one.name, one.pid, one.restarts);
    return text;
}

std::string Control::chain_json(std::size_t index, pipeline::Turn const& turn) const {
    auto const& chain = options_.chains[index];
    Shown const of = shown(chain, notes_[index], legacies_[index], turn);
    bool const known = of.facts.genesis != Hash{};
    return fmt::format(
        R"({{"name":{},"genesis":{},"symbol":{},"decimals":{},"best":{},"finalized":{},)"
        R"("lag_s":{},"path":"{}","endpoint":{},"state":"{}","spec_version":{},"legacy":{}{}}})",
        quoted(chain.name), known ? '"' + decoders::hex_text(of.facts.genesis) + '"' : "null",
        known ? quoted(of.facts.symbol.view()) : "null",
        known ? std::to_string(of.facts.decimals) : "null", of.best, of.finalized,
        of.lag ? fmt::format("{:.3f}", *of.lag) : "null", path_of(index, turn.regime),
        quoted(of.endpoint), of.state, notes_[index].spec_version, legacy_json(index, turn),
        catch_up_json(index));
}

std::string Control::legacy_json(std::size_t index, pipeline::Turn const& turn) const {
    auto const& chain = options_.chains[index];
    if (chain.subscan.empty()) return "null";
    LegacyNote const& note = legacies_[index];
    auto const ago = seconds_since(note.polled_unix_ms, turn);
    return fmt::format(
        R"({{"state":"{}","host":{},"best":{},"finalized":{},"settled":{},"polled_s_ago":{},)"
        R"("poll_every_s":{},"breaker":"{}","trouble":{}}})",
        to_text(note.state), quoted(chain.subscan), note.best, note.finalized, note.settled,
        ago ? fmt::format("{:.3f}", *ago) : "null", note.every_s,
        to_text(static_cast<BreakerState>(note.breaker)),
        note.trouble.view().empty() ? "null" : quoted(note.trouble.view()));
}

std::string Control::legacy_line(std::size_t index, pipeline::Turn const& turn) const {
    auto const& chain = options_.chains[index];
    if (chain.subscan.empty()) return {};
    LegacyNote const& note = legacies_[index];
    auto const ago = seconds_since(note.polled_unix_ms, turn);
    std::string text =
        fmt::format("  legacy: {} at {}, block {}, final {}, told to {}{}", to_text(note.state),
                    chain.subscan, note.best, note.finalized, note.settled,
                    ago ? fmt::format(", polled {:.0f} s ago", *ago) : "");
    if (note.breaker != 0)
        text += fmt::format(", breaker {}", to_text(static_cast<BreakerState>(note.breaker)));
    if (!note.trouble.view().empty()) text += fmt::format("; {}", note.trouble.view());
    return text + '\n';
}

std::string Control::quota_json() const {
    LegacyNote const* const note = any_legacy();
    if (note == nullptr) return "null";
    return fmt::format(R"({{"per_day":{},"used_24h":{},"left":{},"runs_out_s":{},"paused_s":{}}})",
                       note->quota_day, note->quota_used,
                       note->quota_day - std::min(note->quota_day, note->quota_used),
                       note->quota_out_s == 0 ? "null" : std::to_string(note->quota_out_s),
                       note->paused_s);
}

std::string Control::quota_line() const {
    LegacyNote const* const note = any_legacy();
    if (note == nullptr || note->quota_day == 0) return {};
    std::string text = fmt::format("\nSubscan: {} of {} requests used in 24 h, ", note->quota_used,
                                   note->quota_day);
    text += note->quota_out_s == 0
              ? std::string("enough at this pace")
              : fmt::format("at this pace the rest lasts {} min", note->quota_out_s / 60);
    if (note->paused_s != 0) text += fmt::format("; asked to wait {} s", note->paused_s);
    return text + '\n';
}

std::string Control::catch_up_json(std::size_t index) const {
    HistoryNote const& note = catch_ups_[index];
    if (note.left == 0) return {};
    return fmt::format(R"(,"catch_up":{{"state":"{}","next":{},"left":{},"blocks_per_second":{},)"
                       R"("endpoint":{},"trouble":{}}})",
                       to_text(note.state), note.next, note.left, note.blocks_per_second,
                       quoted(options_.chains[index].endpoints[note.endpoint]),
                       note.trouble.view().empty() ? "null" : quoted(note.trouble.view()));
}

std::string Control::catch_up_line(std::size_t index) const {
    HistoryNote const& note = catch_ups_[index];
    if (note.left == 0) return {};
    std::string text = fmt::format("  catching up: {} blocks left, from {}, {} blocks/s", note.left,
                                   note.next, note.blocks_per_second);
    if (!note.trouble.view().empty()) text += fmt::format("; {}", note.trouble.view());
    return text + '\n';
}

std::string Control::status_table(pipeline::Turn const& turn) const {
    std::string text = fmt::format(
        "spyhop {}, up {} s, {}, mode {}, hybrid traffic {:g} %, epoch {}\n\n", options_.version,
        (turn.now - started_) / pipeline::second, ready(turn.regime) ? "ready" : "not ready",
        to_text(turn.regime.mode), turn.regime.hybrid_buckets / 100.0, turn.regime.epoch);
    if (locked())
        text += fmt::format("locked: {}. Promotion waits for: spyhop unlock --reason TEXT\n\n",
                            needs_.governor->state().lock_reason);
    std::size_t width = 5;
    for (auto const& chain : options_.chains) width = std::max(width, chain.name.size());
    constexpr std::string_view row = "{:<{}}  {:<10}  {:<11}  {:>10}  {:>10}  {:>8}  {:<7}  {}\n";
    text += fmt::format(fmt::runtime(row), "CHAIN", width, "STATE", "PATH", "BEST", "FINALIZED",
                        "LAG", "TOKEN", "ENDPOINT");
    for (std::size_t i = 0; i < notes_.size(); ++i) {
        auto const& chain = options_.chains[i];
        Shown const of = shown(chain, notes_[i], legacies_[i], turn);
        std::string_view const symbol = of.facts.symbol.view();
        // Nobody would speak for it if its nodes were gone.
        std::string_view const path =
            chain.subscan.empty() ? "hybrid only" : path_of(i, turn.regime);
        text += fmt::format(fmt::runtime(row), chain.name, width, of.state, path, of.best,
                            of.finalized, of.lag ? fmt::format("{:.1f} s", *of.lag) : "-",
                            symbol.empty() ? "-" : symbol, of.endpoint);
        text += legacy_line(i, turn);
        text += catch_up_line(i);
    }
    return text + rules_table(turn) + quota_line();
}

} // namespace stages
