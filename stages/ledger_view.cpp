#include "stages/ledger_view.hpp"

#include "decoders/hex.hpp"
#include "stages/alert_line.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::size_t ranges_shown = 8; // of a chain, in the table; JSON has all
constexpr std::size_t holes_shown = 20;
constexpr std::string_view unread = "not read yet"; // as Coverage::holes() says it

std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
    return text;
}

std::uint64_t blocks_of(Hole const& hole) { return hole.to - hole.from + std::uint64_t{1}; }

std::string hex_of(std::span<std::uint8_t const> bytes) {
    std::string text;
    decoders::hex_encode(bytes, text);
    return "0x" + text;
}

} // namespace

std::expected<std::vector<LedgerView>, std::string> read_ledgers(std::string const& path) {
    auto const journal = Journal::open(path, {.database = {.read_only = true, .lock = false}});
    if (!journal) return std::unexpected(io::describe(journal.error()));
    std::vector<LedgerView> views;
    for (auto const& [key, name] : (*journal)->chains()) {
        LedgerView& view = views.emplace_back();
        view.name = name;
        view.genesis = (*journal)->genesis(key);
        view.cursor = (*journal)->cursor(key);
        auto const ranges = (*journal)->coverage(key).ranges();
        view.ranges.assign(ranges.begin(), ranges.end());
        view.holes = (*journal)->holes(key);
        auto const done = (*journal)->incomplete(key, [&](IncompleteBlock const& block) {
            view.incomplete.push_back(block.number);
            return true;
        });
        if (!done) return std::unexpected(io::describe(done.error()));
    }
    return views;
}

std::string progress_text(HistoryNote const& note) {
    std::string text = grouped(note.left) + " blocks left";
    if (note.blocks_per_second == 0) return text;
    return text + fmt::format(", {} a second, {} s to go", grouped(note.blocks_per_second),
                              grouped(note.left / note.blocks_per_second + 1));
}

void describe_filling(LedgerView& ledger, HistoryNote const& note) {
    std::string doing = "waits for the history reader";
    if (note.state == SourceState::following)
        doing = "being read: " + progress_text(note);
    else if (note.state != SourceState::off)
        doing =
            "the history reader looks for an endpoint" +
            (note.trouble.size == 0 ? std::string() : fmt::format(" ({})", note.trouble.view()));
    for (Hole& hole : ledger.holes)
        if (hole.action.empty() && hole.reason == unread) hole.action = doing;
}

std::string coverage_table(std::vector<LedgerView> const& ledgers) {
    std::size_t width = 5;
    for (LedgerView const& ledger : ledgers) width = std::max(width, ledger.name.size());
    std::string text = fmt::format("{:<{}}  {:>12}  {:>12}  {:>12}  {:>6}  {}\n", "CHAIN", width,
                                   "FROM", "TO", "BLOCKS", "HOLES", "DIGEST");
    for (LedgerView const& ledger : ledgers) {
        if (ledger.ranges.empty())
            text += fmt::format("{:<{}}  {:>12}\n", ledger.name, width, "nothing yet");
        std::size_t const hidden =
            ledger.ranges.size() > ranges_shown ? ledger.ranges.size() - ranges_shown : 0;
        if (hidden != 0)
            text += fmt::format("{:<{}}  {} earlier ranges; -o json has them\n", ledger.name, width,
                                hidden);
        for (std::size_t i = hidden; i < ledger.ranges.size(); ++i) {
            CoveredRange const& range = ledger.ranges[i];
            text += fmt::format("{:<{}}  {:>12}  {:>12}  {:>12}  {:>6}  {}…\n", ledger.name, width,
                                range.from, range.to, grouped(range.blocks),
                                i + 1 == ledger.ranges.size() ? std::to_string(ledger.holes.size())
                                                              : "",
                                hex_of(std::span(range.digest).first(8)));
        }
    }
    for (LedgerView const& ledger : ledgers) {
        std::size_t shown = 0;
        for (Hole const& hole : ledger.holes) {
            if (++shown > holes_shown) break;
            text += fmt::format("\n{}: hole {} to {}, {} blocks: {}; {}", ledger.name, hole.from,
                                hole.to, grouped(blocks_of(hole)), hole.reason, hole.action);
        }
        if (shown > holes_shown)
            text += fmt::format("\n{}: and {} holes more; -o json has them", ledger.name,
                                ledger.holes.size() - holes_shown);
        if (!ledger.incomplete.empty())
            text += fmt::format("\n{}: {} blocks have events that could not be read, the newest is "
                                "{}; they are read again at each start and each new runtime",
                                ledger.name, ledger.incomplete.size(), ledger.incomplete.back());
    }
    return text.ends_with('\n') ? text : text + '\n';
}

std::string coverage_json(std::vector<LedgerView> const& ledgers) {
    std::string json = "[";
    for (LedgerView const& ledger : ledgers) {
        if (json.size() > 1) json += ',';
        bool const known = ledger.genesis != Hash{};
        json += fmt::format(R"({{"name":{},"genesis":{},"cursor":{},"ranges":[)",
                            quoted(ledger.name), known ? quoted(hex_of(ledger.genesis)) : "null",
                            ledger.cursor ? std::to_string(ledger.cursor->number) : "null");
        for (CoveredRange const& range : ledger.ranges)
            json +=
                fmt::format(R"({}{{"from":{},"to":{},"blocks":{},"digest":"{}","to_hash":"{}"}})",
                            json.ends_with('[') ? "" : ",", range.from, range.to, range.blocks,
                            hex_of(range.digest), hex_of(range.to_hash));
        json += "],\"holes\":[";
        for (Hole const& hole : ledger.holes)
            json += fmt::format(R"({}{{"from":{},"to":{},"reason":{},"action":{}}})",
                                json.ends_with('[') ? "" : ",", hole.from, hole.to,
                                quoted(hole.reason), quoted(hole.action));
        json += "],\"incomplete\":[";
        for (std::uint32_t const number : ledger.incomplete)
            json += fmt::format("{}{}", json.ends_with('[') ? "" : ",", number);
        json += "]}";
    }
    return json + ']';
}

} // namespace stages
