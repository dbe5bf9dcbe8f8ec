#include "config/backtest.hpp"

#include "config/label_files.hpp"
#include "config/reader.hpp"
#include "config/rule_keys.hpp"
#include "config/stage_options.hpp"
#include "decoders/amount.hpp"
#include "stages/admin_request.hpp"
#include "stages/alert_line.hpp"
#include "stages/detect.hpp"
#include "stages/surprise.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <limits>

namespace config {

namespace {

using stages::AlertId;
using stages::AssetFacts;
using stages::Candidate;
using stages::Match;

struct IdHash {
    std::size_t operator()(AlertId const& id) const {
        std::size_t first = 0;
        std::memcpy(&first, id.data(), sizeof first);
        return first;
    }
};

stages::PartyKnown known_of(stages::LabelBook const& book, decoders::Account const& account) {
    stages::PartyKnown known;
    auto const label = account ? book.find(account) : std::nullopt;
    if (!label) return known;
    known.label.assign(label->label);
    known.kind.assign(label->kind);
    known.label_by = label->origin == stages::LabelOrigin::watch ? stages::KnownBy::watch
                                                                 : stages::KnownBy::file;
    return known;
}

// The end of the pipeline: counts what it is told, and writes it as a line.
class Counter : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 0;

    Counter(Config const& config, Recording const& recording, stages::LabelBook const& book,
            bool with_lines, Backtest& out)
        : config_(config)
        , recording_(recording)
        , book_(book)
        , with_lines_(with_lines)
        , out_(out)
        , assets_(config.chains.size())
        , newest_ms_(config.chains.size())
        , severities_(config.rules.size()) {}

    auto outputs() { return std::tie(); }
    void on(pipeline::Part<Candidate> const& part, pipeline::Turn const&) {
        Candidate const& candidate = part.message;
        if (auto const* asset = std::get_if<AssetFacts>(&candidate.body)) {
            auto& assets = assets_[candidate.chain];
            if (assets.size() <= asset->slot) assets.resize(asset->slot + std::size_t{1});
            assets[asset->slot] = *asset;
        }
        if (auto const* end = std::get_if<stages::BlockEnd>(&candidate.body)) {
            out_.incomplete += end->incomplete;
            pass(candidate.chain, end->block.timestamp_ms);
        }
        if (auto const* match = std::get_if<Match>(&candidate.body)) count(candidate.chain, *match);
    }

  private:
    std::uint64_t pass(std::uint16_t chain, std::uint64_t timestamp_ms) {
        return newest_ms_[chain] = std::max(newest_ms_[chain], timestamp_ms);
    }

    void count(std::uint16_t chain, Match const& match) {
        RuleTally& tally = tally_of(match.rule);
        std::string const& name = config_.rules[match.rule].name;
        stages::ChainFacts const& facts = recording_.find(chain)->facts;
        AlertId const id = stages::alert_id(facts.genesis, match.transfer, name);
        bool const more = match.is_pattern && match.pattern.ongoing;
        auto const [known, fresh] = severities_[match.rule].try_emplace(id, match.severity);
        if (!fresh) {
            --tally.by[static_cast<std::size_t>(known->second)];
            known->second = std::max(known->second, match.severity);
        }
        ++tally.by[static_cast<std::size_t>(known->second)];
        tally.amended += more;
        if (!match.is_health) compare(tally, chain, match, id);
        if (with_lines_) write(chain, match, id);
    }

    RuleTally& tally_of(std::uint16_t rule) {
        for (RuleTally& one : out_.rules)
            if (one.rule == rule) return one;
        CHECK(false);
    }

    AssetFacts const* asset_of(std::uint16_t chain, Match const& match) const {
        auto const slot = match.transfer.asset;
        if (slot == stages::native_asset || slot >= assets_[chain].size()) return nullptr;
        return &assets_[chain][slot];
    }

    void compare(RuleTally& tally, std::uint16_t chain, Match const& match, AlertId const& id) {
        stages::ChainFacts const& facts = recording_.find(chain)->facts;
        AssetFacts const* const asset = asset_of(chain, match);
        if (asset != nullptr && !asset->decimals_known) return;
        auto const amount = match.is_pattern ? match.pattern.sum : match.transfer.amount;
        auto const text =
            decoders::tokens_text(amount, asset != nullptr ? asset->decimals : facts.decimals);
        if (!tally.largest.empty() && !decimal_less(tally.largest, text.view())) return;
        tally.largest = text.view();
        tally.symbol = asset != nullptr ? asset->symbol.view() : facts.symbol.view();
        tally.chain = config_.chains[chain].name;
        tally.block = match.transfer.block.number;
        tally.event = match.transfer.event_index;
        tally.id = id;
    }

    void write(std::uint16_t chain, Match const& match, AlertId const& id) {
        stages::AlertLine line;
        line.state = stages::AlertState::final;
        line.alert.match = match;
        line.alert.id = id;
        line.alert.hybrid_buckets = 10'000;
        line.alert.from = known_of(book_, match.transfer.from);
        line.alert.to = known_of(book_, match.transfer.to);
        if (match.is_pattern && match.pattern.ongoing)
            line.alert.amended = stages::Amended::evidence;
        stages::Rule const& rule = config_.rules[match.rule];
        stages::LineContext const context{.chain = config_.chains[chain].name,
                                          .rule = rule.name,
                                          .kind = stages::to_text(rule.kind),
                                          .facts = recording_.find(chain)->facts,
                                          .asset = asset_of(chain, match),
                                          .emitted_unix_ms = match.transfer.block.timestamp_ms};
        stages::ListedAlert& listed = out_.lines.emplace_back();
        listed.seq = static_cast<std::int64_t>(out_.lines.size());
        listed.emitted_unix_ms = context.emitted_unix_ms;
        stages::append_alert_line(line, context, listed.line);
        remember(chain, match, id);
    }

    void remember(std::uint16_t chain, Match const& match, AlertId const& id) {
        stages::ChainFacts const& facts = recording_.find(chain)->facts;
        AssetFacts const* const asset = asset_of(chain, match);
        auto const amount = match.is_pattern ? match.pattern.sum : match.transfer.amount;
        bool const known = asset == nullptr || asset->decimals_known;
        std::uint8_t const decimals = asset != nullptr ? asset->decimals : facts.decimals;
        auto const text = decoders::tokens_text(amount, known ? decimals : std::uint8_t{0});
        stages::BlockRef const& block = match.transfer.block;
        out_.told.push_back(
            {.id = id,
             .rule = match.rule,
             .chain = chain,
             .block = block.number,
             .event = match.transfer.event_index,
             .severity = match.severity,
             .amount = std::string(text.view()),
             .symbol = std::string(asset != nullptr ? asset->symbol.view() : facts.symbol.view()),
             .time_ms = block.timestamp_ms,
             .told_ms = pass(chain, block.timestamp_ms)});
    }

    Config const& config_;
    Recording const& recording_;
    stages::LabelBook const& book_;
    bool const with_lines_;
    Backtest& out_;
    std::vector<std::vector<AssetFacts>> assets_; // by chain and slot
    std::vector<std::uint64_t> newest_ms_;        // by chain: of the blocks that came
    std::vector<boost::unordered_flat_map<AlertId, stages::Severity, IdHash>> severities_;
};

void begin_tallies(Config const& config, Recording const& recording,
                   std::optional<std::uint16_t> only, Backtest& out) {
    constexpr double day = stages::day_s;
    for (std::size_t i = 0; i < config.rules.size(); ++i) {
        if (only && i != *only) continue;
        RuleTally& tally = out.rules.emplace_back();
        tally.rule = static_cast<std::uint16_t>(i);
        for (RecordedChain const& chain : recording.chains)
            if (config.rules[i].chains[chain.chain])
                tally.days = std::max(tally.days, chain.seconds() / day);
        double const needed = warm_up_s(config.rules[i]);
        if (needed > tally.days * day)
            tally.warming = duration_text(static_cast<std::uint32_t>(std::ceil(needed)));
    }
}

// The mean for which `bits` is the surprise of `count` or more; it falls as the mean grows.
double mean_of(std::uint64_t count, double bits) {
    double low = 1e-9, high = 2 * static_cast<double>(count) + 20;
    for (int i = 0; i < 200 && high - low > 1e-12 * high; ++i) {
        double const middle = (low + high) / 2;
        (stages::poisson_bits(count, middle) > bits ? low : high) = middle;
    }
    return (low + high) / 2;
}

} // namespace

DayRate day_rate(std::uint64_t alerts, double days) {
    constexpr double tail = 0.025; // on each side
    if (!(days > 0)) {
        double const unknown = std::numeric_limits<double>::quiet_NaN();
        return {unknown, unknown, unknown};
    }
    double const low = alerts == 0 ? 0 : mean_of(alerts, -std::log2(tail));
    double const high = mean_of(alerts + 1, -std::log2(1 - tail));
    return {static_cast<double>(alerts) / days, low / days, high / days};
}

double warm_up_s(stages::Rule const& rule) {
    constexpr double day = stages::day_s, alerts = 10;
    double needed = 0;
    if (auto const budget = stages::budget(rule); budget && *budget > 0)
        needed = std::max(day, alerts / *budget * day);
    auto const family = stages::pattern_options(rule, 0);
    if (!family) return needed;
    if (auto const* market = std::get_if<stages::MarketVolumeOptions>(&*family))
        needed = std::max(needed, double(market->warm_windows) * market->window_s);
    if (auto const* flow = std::get_if<stages::ExchangeFlowOptions>(&*family);
        flow != nullptr && !flow->floor)
        needed = std::max(needed, double(flow->warm_windows) * flow->windows_s[0]);
    return needed;
}

std::vector<stages::Rule> rules_with(Config const& config, std::optional<std::uint16_t> only) {
    std::vector<stages::Rule> rules = config.rules;
    for (std::size_t i = 0; only && i < rules.size(); ++i)
        if (i != *only) rules[i].chains.assign(config.chains.size(), false);
    return rules;
}

std::expected<std::uint16_t, std::string> find_rule(Config const& config, std::string_view name) {
    std::vector<std::string_view> names;
    for (stages::Rule const& rule : config.rules) {
        if (rule.name == name) return static_cast<std::uint16_t>(names.size());
        names.push_back(rule.name);
    }
    std::string_view const near = stages::nearest(name, names);
    std::string const hint = near.empty()
                               ? fmt::format("spyhop rule list -c {} shows them all", config.file)
                               : fmt::format("did you mean {}?", near);
    return std::unexpected(fmt::format("{} has no rule {}; {}", config.file, name, hint));
}

std::expected<Backtest, std::string> run_backtest(Config const& config, Recording const& recording,
                                                  std::optional<std::uint16_t> only,
                                                  bool with_lines) {
    Backtest out;
    begin_tallies(config, recording, only, out);
    PlayLog log;
    LoadedLabels const labels = read_labels(config);
    Player player(config, movement_kinds(config), log);
    auto& topology = player.topology();
    auto& candidates = topology.link<Candidate>("candidates", {.depth = 1024});
    stages::DetectPatterns patterns = patterns_of(config, nullptr);
    patterns.begin.clear(); // where the capture begins
    patterns.labels = [&] { return read_labels(config).book; };
    topology.stage(Player::row("detect"),
                   std::make_unique<stages::Detect>(
                       rules_with(config, only), chain_names(config), log,
                       topology.metrics().add("", stages::detect_metrics), candidates,
                       stages::DetectProcesses{}, watched_accounts(config), std::move(patterns)),
                   player.facts());
    topology.stage(Player::row("count"),
                   std::make_unique<Counter>(config, recording, labels.book, with_lines, out),
                   candidates);
    if (auto const done = topology.finish(); !done) return std::unexpected(done.error());
    for (RecordedChain const& chain : recording.chains) {
        player.introduce(chain);
        for (std::size_t at = 0; at < chain.blocks.size(); ++at)
            if (auto const done = player.block(chain, at); !done)
                return std::unexpected(done.error());
    }
    for (RuleTally& tally : out.rules) {
        double const silent_days = warm_up_s(config.rules[tally.rule]) / stages::day_s;
        tally.rate = day_rate(tally.alerts(), tally.days - silent_days);
    }
    out.problems = labels.problems;
    for (std::string& problem : log.take()) out.problems.push_back(std::move(problem));
    return out;
}

} // namespace config
