// `spyhop sources`: everything that is asked for a chain's events, a row each: its nodes in the
// order of preference, the reader of its history, Subscan.
#include "stages/breaker.hpp"
#include "stages/control.hpp"
#include "stages/control_words.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

struct Source {
    std::string_view chain;
    std::string_view kind; // node | history | subscan
    std::string_view endpoint;
    std::string_view state; // of a node that is not in use: "spare"
    std::uint32_t best = 0, finalized = 0;
    std::optional<double> heard{}; // seconds ago
    std::string note{};
};

void add_nodes(ControlOptions::Chain const& chain, SourceNote const& note,
               pipeline::Turn const& turn, std::vector<Source>& out) {
    for (std::size_t i = 0; i < chain.endpoints.size(); ++i) {
        Source& node = out.emplace_back(chain.name, "node", chain.endpoints[i], "spare");
        if (i != note.endpoint && note.state != SourceState::off) continue;
        node.state = to_text(note.state);
        node.best = note.best;
        node.finalized = note.finalized;
        node.heard = seconds_since(note.head_unix_ms, turn);
        if (note.spec_version != 0) node.note = fmt::format("runtime {}", note.spec_version);
    }
}

void add_history(ControlOptions::Chain const& chain, HistoryNote const& note,
                 std::vector<Source>& out) {
    if (note.left == 0) return;
    Source& reader = out.emplace_back(chain.name, "history", chain.endpoints[note.endpoint],
                                      to_text(note.state));
    reader.note = fmt::format("{} blocks left, {} blocks/s", note.left, note.blocks_per_second);
    if (!note.trouble.view().empty()) reader.note += fmt::format("; {}", note.trouble.view());
}

void add_subscan(ControlOptions::Chain const& chain, LegacyNote const& note,
                 pipeline::Turn const& turn, std::vector<Source>& out) {
    if (chain.subscan.empty()) return;
    Source& host =
        out.emplace_back(chain.name, "subscan", chain.subscan, to_text(note.state), note.best,
                         note.finalized, seconds_since(note.polled_unix_ms, turn));
    host.note = fmt::format("told to {}, every {} s, breaker {}", note.settled, note.every_s,
                            to_text(static_cast<BreakerState>(note.breaker)));
    if (!note.trouble.view().empty()) host.note += fmt::format("; {}", note.trouble.view());
}

std::string json_of(Source const& one) {
    return fmt::format(R"({{"chain":{},"kind":"{}","endpoint":{},"state":"{}","best":{},)"
                       R"("finalized":{},"heard_s_ago":{},"note":{}}})",
                       quoted(one.chain), one.kind, quoted(one.endpoint), one.state, one.best,
                       one.finalized, one.heard ? fmt::format("{:.3f}", *one.heard) : "null",
                       one.note.empty() ? "null" : quoted(one.note));
}

} // namespace

Control::Answer Control::sources(AdminRequest const&, pipeline::Turn const& turn) {
    std::vector<Source> all;
    for (std::size_t i = 0; i < options_.chains.size(); ++i) {
        add_nodes(options_.chains[i], notes_[i], turn, all);
        add_history(options_.chains[i], catch_ups_[i], all);
        add_subscan(options_.chains[i], legacies_[i], turn, all);
    }
    std::size_t name = 5, endpoint = 8;
    for (Source const& one : all) {
        name = std::max(name, one.chain.size());
        endpoint = std::max(endpoint, one.endpoint.size());
    }
    constexpr std::string_view row = "{:<{}}  {:<7}  {:<{}}  {:<10}  {:>10}  {:>10}  {:>9}  {}\n";
    std::string text = fmt::format(fmt::runtime(row), "CHAIN", name, "SOURCE", "ENDPOINT", endpoint,
                                   "STATE", "BEST", "FINALIZED", "HEARD", "NOTE");
    std::string members;
    for (Source const& one : all) {
        auto const height = [](std::uint32_t number) {
            return number == 0 ? std::string("-") : std::to_string(number);
        };
        text += fmt::format(fmt::runtime(row), one.chain, name, one.kind, one.endpoint, endpoint,
                            one.state, height(one.best), height(one.finalized),
                            one.heard ? fmt::format("{:.1f} s", *one.heard) : "-", one.note);
        members += (members.empty() ? "" : ",") + json_of(one);
    }
    return {0, text, R"(,"sources":[)" + members + ']'};
}

} // namespace stages
