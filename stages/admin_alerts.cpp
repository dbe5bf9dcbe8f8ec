#include "stages/admin_alerts.hpp"

#include "decoders/hex.hpp"
#include "stages/alert_line.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <simdjson.h>

namespace stages {

namespace {

std::string text_at(simdjson::dom::element of, char const* pointer) {
    std::string_view text;
    if (of.at_pointer(pointer).get(text)) return {};
    return std::string(text);
}

// A name where there is one, else the beginning and the end of the address.
std::string party(simdjson::dom::element alert, std::string const& who) {
    constexpr std::size_t shown = 6;
    std::string const label = text_at(alert, ('/' + who + "/label").c_str());
    if (!label.empty()) return label;
    std::string const address = text_at(alert, ('/' + who + "/address").c_str());
    if (address.empty()) return "-";
    if (address.size() <= 2 * shown) return address;
    return address.substr(0, shown) + ".." + address.substr(address.size() - shown);
}

// What it is about: an amount, or what is not well with the chain.
std::string about(simdjson::dom::element alert) {
    std::string const health = text_at(alert, "/health/what");
    if (!health.empty()) return health;
    std::string amount = text_at(alert, "/amount");
    if (amount.empty()) amount = text_at(alert, "/amount_raw") + " units of";
    return amount + ' ' + text_at(alert, "/asset/symbol");
}

} // namespace

std::expected<AlertList, std::string> read_alerts(std::string const& path,
                                                  AlertFilter const& filter) {
    auto const journal = Journal::open(path, {.database = {.read_only = true, .lock = false}});
    if (!journal) return std::unexpected(io::describe(journal.error()));
    // A key is text of its own in a line, between quotes; nothing else there is so long.
    std::string const key =
        filter.account ? '"' + decoders::hex_text(filter.account->bytes()) + '"' : "";
    AlertList list;
    list.last_seq = filter.after_seq;
    std::size_t rows = 0;
    auto const done = (*journal)->rows_up_to(
        std::numeric_limits<std::int64_t>::max(), [&](JournaledRow const& one) {
            AlertRow const& row = one.row;
            list.last_seq = std::max(list.last_seq, one.seq);
            bool const wanted =
                one.seq > filter.after_seq && row.emitted_unix_ms >= filter.since_unix_ms;
            if (!wanted) return false;
            if (row.severity >= filter.least && row.line.contains(key))
                list.alerts.push_back({one.seq, row.emitted_unix_ms, std::string(row.line)});
            list.cut = ++rows >= filter.rows_max;
            return list.alerts.size() < filter.most && !list.cut;
        });
    if (!done) return std::unexpected(io::describe(done.error()));
    std::reverse(list.alerts.begin(), list.alerts.end());
    return list;
}

std::string alerts_table(AlertList const& list) {
    constexpr std::string_view row = "{:<24}  {:<9}  {:<9}  {:<28}  {:>28}  {:<32}  {:<7}  {}\n";
    std::string text = fmt::format(fmt::runtime(row), "TIME", "STATE", "SEVERITY", "WHERE",
                                   "AMOUNT", "FROM -> TO", "PATH", "ID");
    simdjson::dom::parser parser;
    for (ListedAlert const& one : list.alerts) {
        simdjson::dom::element alert;
        if (parser.parse(one.line).get(alert)) continue;
        std::uint64_t block = 0;
        if (alert.at_pointer("/block/number").get(block)) block = 0;
        bool const amends = alert.at_pointer("/amended").error() == simdjson::SUCCESS;
        text +=
            fmt::format(fmt::runtime(row), utc_text(one.emitted_unix_ms),
                        amends ? "amended" : text_at(alert, "/state"), text_at(alert, "/severity"),
                        fmt::format("{} {}", text_at(alert, "/chain"), block), about(alert),
                        fmt::format("{} -> {}", party(alert, "from"), party(alert, "to")),
                        text_at(alert, "/path"), text_at(alert, "/id"));
    }
    if (list.cut)
        text += "older ones were not looked at: too many lines; sqlite3 alerts.db shows them all\n";
    return text;
}

std::string alerts_json(AlertList const& list) {
    std::string text = "[";
    for (ListedAlert const& one : list.alerts) {
        if (text.size() > 1) text += ',';
        text += one.line;
    }
    return text + ']';
}

} // namespace stages
