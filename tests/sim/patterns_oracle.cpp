#include "patterns_oracle.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

namespace sim {

namespace {

using Verdict = std::optional<std::string>;

struct RuleRow {
    std::string_view name, kind;
    bool outward;
    std::uint64_t window_s;
    std::uint64_t parties;
    double effective;
    std::uint64_t cooldown_s;
};

// The longest window is longer than any run, so that a start reads all blocks again. The sum is so
// small that no transfer is below a part of it: sampling is not what is judged here.
constexpr RuleRow rows[] = {{"gathered", "consolidation", false, 30, 3, 2, 20},
                            {"spread", "dispersion", true, 86'400, 4, 3, 40}};
constexpr u128 least_sum = 3 * Chain::whole;
constexpr std::size_t newest_max = 128; // movements of an account that count

constexpr std::string_view severities[] = {"notable", "important", "critical"};
int severity_by(u128 sum) { return sum >= 100 * least_sum ? 2 : sum >= 10 * least_sum ? 1 : 0; }

std::size_t rule_named(std::string const& name) {
    return static_cast<std::size_t>(std::ranges::find(rows, name, &RuleRow::name) - rows);
}

std::size_t person_of(decoders::Account const& account) {
    std::size_t person = 0;
    while (!(Chain::person(person) == account)) ++person;
    return person;
}

using Sums = std::array<u128, Chain::people>;

double effective_number(Sums const& sums, u128 all) {
    long double entropy = 0;
    for (u128 const sum : sums) {
        long double const share = static_cast<long double>(sum) / static_cast<long double>(all);
        if (share > 0) entropy -= share * std::log(share);
    }
    return static_cast<double>(std::exp(entropy));
}

} // namespace

std::string pattern_rules(std::string const& chains) {
    std::string text;
    for (RuleRow const& row : rows)
        text += fmt::format("[[rule]]\nname = \"{}\"\nkind = \"{}\"\nchains = [{}]\n"
                            "window = \"{}s\"\ncounterparties = {}\neffective = {}\n"
                            "sum = \"3\"\ncooldown = \"{}s\"\n",
                            row.name, row.kind, chains, row.window_s, row.parties, row.effective,
                            row.cooldown_s);
    return text;
}

bool PatternsOracle::knows(std::string const& rule) const {
    return rule_named(rule) < std::size(rows);
}

void PatternsOracle::claim(std::size_t rule, std::size_t subject, Sent const& sent,
                           std::uint64_t now_s, u128 sum, std::uint64_t parties) {
    Last& last = last_[{rule, subject}];
    int const severity = severity_by(sum);
    Claim made{sent.block, std::string(severities[severity]), decimal(sum), parties};
    if (!last.id.empty() && now_s - last.time_s <= rows[rule].cooldown_s) {
        last.time_s = now_s;
        if (severity <= last.severity && sum < 2 * last.sum) return;
        more_[last.id].insert(made);
    } else {
        last.id = alert_id_text(chain_.genesis(), sent, rows[rule].name);
        last.time_s = now_s;
        claims_[last.id] = made;
    }
    last.severity = severity;
    last.sum = sum;
}

void PatternsOracle::judge_all(std::size_t rule, Sent const& sent, Moved const& newest) {
    RuleRow const& row = rows[rule];
    if (newest.from == newest.to) return;
    std::size_t const subject = row.outward ? newest.from : newest.to;
    auto const& all = (row.outward ? sent_ : gotten_)[subject];
    Sums sums{};
    u128 sum = 0;
    for (std::size_t back = 1; back <= std::min(all.size(), newest_max); ++back) {
        Moved const& moved = all[all.size() - back];
        if (moved.time_s + row.window_s < newest.time_s) break;
        if (moved.from == moved.to) continue;
        sums[row.outward ? moved.to : moved.from] += moved.amount;
        sum += moved.amount;
    }
    constexpr double rounding = 1e-9;
    auto const parties =
        static_cast<std::uint64_t>(std::ranges::count_if(sums, [](u128 of) { return of != 0; }));
    if (parties < row.parties || sum < least_sum) return;
    if (effective_number(sums, sum) * (1 + rounding) < row.effective) return;
    claim(rule, subject, sent, newest.time_s, sum, parties);
}

void PatternsOracle::reach(std::uint32_t block) {
    for (; next_ <= block; ++next_) {
        Chain::Block const& made = chain_.block(next_);
        std::uint64_t const now_s = made.data.timestamp_ms / 1'000;
        for (Sent const& sent : made.sent) {
            Moved const moved{person_of(sent.from), person_of(sent.to), sent.amount, now_s};
            sent_[moved.from].push_back(moved);
            gotten_[moved.to].push_back(moved);
            for (std::size_t rule = 0; rule < std::size(rows); ++rule) judge_all(rule, sent, moved);
        }
    }
}

Verdict PatternsOracle::judge(Told const& told, std::uint32_t finalized) {
    // An amendment may be of a later block than the alert that it is of.
    reach(finalized);
    if (told.block > finalized) return "a pattern of a block that is not final";
    if (told.state != "final") return "a pattern that is " + told.state;
    auto const found = claims_.find(told.id);
    if (found == claims_.end()) return "this was claimed, and there is no such pattern";
    Claim const said{found->second.block, told.severity, told.sum, told.parties};
    if (told.amended) {
        auto const more = more_.find(told.id);
        bool const right =
            more != more_.end() && std::ranges::any_of(more->second, [&](Claim const& one) {
                return one.severity == said.severity && one.sum == said.sum &&
                       one.parties == said.parties;
            });
        if (!right) return "more is said of a pattern than there is";
        return told_.contains(told.id) ? std::nullopt
                                       : Verdict("more is said of what has not been said");
    }
    if (said != found->second)
        return fmt::format("the pattern is {}, {}, {}", found->second.severity, found->second.sum,
                           found->second.parties);
    if (!told_.insert(told.id).second) return "a pattern is said twice";
    return std::nullopt;
}

Verdict PatternsOracle::lacks(std::uint32_t last) {
    reach(last);
    for (auto const& [id, made] : claims_)
        if (made.block <= last && !told_.contains(id))
            return fmt::format("pattern {} of block {} was not told", id, made.block);
    return std::nullopt;
}

} // namespace sim
