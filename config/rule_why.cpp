#include "config/rule_why.hpp"

#include "config/backtest.hpp"
#include "config/label_files.hpp"
#include "config/stage_options.hpp"
#include "decoders/amount.hpp"
#include "decoders/hex.hpp"
#include "stages/patterns.hpp"
#include "stages/route.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <limits>

namespace config {

namespace {

using Failure = std::unexpected<std::string>;
using stages::AssetFacts;
using stages::Fact;
using stages::PatternFound;
using stages::Patterns;
using stages::Rule;
using stages::RuleKind;
using stages::Transfer;
using stages::WhySteps;

// What is seen while the blocks are played.
struct Scene {
    std::uint32_t block = 0;      // the one that is asked about
    Patterns* patterns = nullptr; // if any; everything below `block` is judged at once
    std::vector<Transfer> moves{};
    std::vector<AssetFacts> assets{}; // by slot
    std::optional<stages::BlockEnd> end{};
};

class SceneReader : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 0;
    explicit SceneReader(Scene& scene)
        : scene_(scene) {}
    auto outputs() { return std::tie(); }
    void on(pipeline::Part<Fact> const& part, pipeline::Turn const&) {
        std::visit([&](auto const& body) { take(body); }, part->body);
    }

  private:
    void take(Transfer const& transfer) {
        if (transfer.block.number == scene_.block) scene_.moves.push_back(transfer);
        if (scene_.patterns != nullptr) scene_.patterns->movement(transfer);
    }
    void take(stages::BlockEnd const& end) {
        if (end.block.number == scene_.block) scene_.end = end;
        if (scene_.patterns != nullptr) scene_.patterns->end(end.block);
    }
    void take(AssetFacts const& asset) {
        if (scene_.assets.size() <= asset.slot) scene_.assets.resize(asset.slot + std::size_t{1});
        scene_.assets[asset.slot] = asset;
    }
    void take(stages::Missing const& missing) {
        if (scene_.patterns != nullptr) scene_.patterns->missing(missing.to);
    }
    void take(stages::Finalized const& final) {
        if (scene_.patterns == nullptr) return;
        scene_.patterns->finalized(final.hash, final.number);
        std::size_t steps = std::numeric_limits<std::size_t>::max();
        while (final.number < scene_.block && scene_.patterns->next(steps)) {}
    }
    template <class Other>
    void take(Other const&) {}

    Scene& scene_;
};

// Everything below the block, and the block; judged is what is below.
std::expected<void, std::string> play(Config const& config, RecordedChain const& chain,
                                      Scene& scene, pipeline::Log& log) {
    Player player(config, Patterns::kinds(), log);
    player.topology().stage(Player::row("scene"), std::make_unique<SceneReader>(scene),
                            player.facts());
    if (auto const done = player.topology().finish(); !done) return done;
    player.introduce(chain);
    for (std::size_t at = 0; at < chain.blocks.size(); ++at) {
        if (chain.blocks[at].number > scene.block) break;
        if (auto const done = player.block(chain, at); !done) return done;
    }
    return {};
}

// The rules of one configuration at one movement.
class Asked {
  public:
    Asked(Config const& config, RecordedChain const& chain, Scene const& scene,
          Transfer const& transfer, stages::LabelBook const& book)
        : config_(config)
        , chain_(chain)
        , scene_(scene)
        , transfer_(transfer) {
        book.each([&](decoders::Account const& account, stages::Label const& label) {
            labels_.push_back({account, label.label, label.kind});
        });
    }

    // Null: it is the chain's own.
    AssetFacts const* asset() const {
        auto const slot = transfer_.asset;
        bool const other = slot != stages::native_asset && slot < scene_.assets.size();
        return other ? &scene_.assets[slot] : nullptr;
    }
    std::string tokens(pipeline::u128 amount) const {
        AssetFacts const* const of = asset();
        bool const native = transfer_.asset == stages::native_asset;
        if (!native && (of == nullptr || !of->decimals_known))
            return std::string(decoders::u128_text(amount).view()) + " units";
        auto const decimals = native ? chain_.facts.decimals : of->decimals;
        std::string_view const symbol = native ? chain_.facts.symbol.view() : of->symbol.view();
        return fmt::format("{}{}{}", decoders::tokens_text(amount, decimals).view(),
                           symbol.empty() ? "" : " ", symbol);
    }

    RuleWhy single(std::uint16_t index) const;
    std::expected<RuleWhy, std::string> pattern(std::uint16_t index) const;

  private:
    std::string told(std::uint16_t rule, Transfer const& transfer, stages::Severity severity,
                     bool ongoing) const;
    bool begin(Rule const& rule, WhySteps& steps) const;
    void amounts(Rule const& rule, RuleWhy& out, std::optional<stages::Severity>& met) const;
    void ask(Patterns& patterns, Rule const& rule, RuleWhy& out) const;
    void answer(Patterns const& patterns, stages::PatternsCounts const& before, Rule const& rule,
                std::vector<PatternFound> const& found, RuleWhy& out) const;

    Config const& config_;
    RecordedChain const& chain_;
    Scene const& scene_;
    Transfer const& transfer_;
    std::vector<stages::ClusterLabel> labels_;
};

std::string Asked::told(std::uint16_t rule, Transfer const& transfer, stages::Severity severity,
                        bool ongoing) const {
    auto const id = stages::alert_id(chain_.facts.genesis, transfer, config_.rules[rule].name);
    return fmt::format("{}, {} {}", stages::to_text(severity),
                       ongoing ? "as more of alert" : "alert", decoders::hex_text(id).substr(2));
}

bool Asked::begin(Rule const& rule, WhySteps& steps) const {
    steps.push_back({fmt::format("covers the chain {}", chain_.name), rule.chains[chain_.chain]});
    return steps.back().yes;
}

// ---- one movement -------------------------------------------------------------------------------

void Asked::amounts(Rule const& rule, RuleWhy& out, std::optional<stages::Severity>& met) const {
    AssetFacts const* const of = asset();
    bool const known = of == nullptr || of->decimals_known;
    if (!known) {
        out.steps.push_back({"its asset has said how many decimals it has", false});
        return;
    }
    std::uint8_t const decimals = of != nullptr ? of->decimals : chain_.facts.decimals;
    stages::Levels levels = stages::levels_of(rule, decimals);
    std::array<std::string, stages::severities> names;
    for (std::size_t i = 0; i < names.size(); ++i)
        names[i] = stages::to_text(static_cast<stages::Severity>(i));
    if (rule.kind == RuleKind::watch) {
        auto const least = stages::tokens_rounded_up(rule.settings.min.value_or("0"), decimals);
        names[0] = "min";
        levels.on[0] = least.has_value();
        levels.at[0] = least.value_or(0);
    }
    met = levels.met(transfer_.amount);
    std::optional<std::size_t> shown; // what it met, else the least that it could have met
    for (std::size_t i = 0; i < names.size(); ++i)
        if (levels.on[i] && (!shown || (met ? static_cast<std::size_t>(*met) == i
                                            : levels.at[i] < levels.at[*shown])))
            shown = i;
    if (!shown)
        out.steps.push_back({"a level that an amount of its asset can meet", false});
    else
        out.steps.push_back({fmt::format("amount {} >= {} {}", tokens(transfer_.amount),
                                         names[*shown], tokens(levels.at[*shown])),
                             met.has_value()});
}

RuleWhy Asked::single(std::uint16_t index) const {
    Rule const& rule = config_.rules[index];
    RuleWhy out{.rule = index};
    if (!begin(rule, out.steps)) return out;
    auto const kind = decoders::movement_rows()[transfer_.movement].kind;
    out.steps.push_back({fmt::format("kind {} is transfer", decoders::to_text(kind)),
                         kind == decoders::MovementKind::transfer});
    bool const native = transfer_.asset == stages::native_asset;
    if (!native && asset() == nullptr) {
        out.steps.push_back({"its asset is known", false});
        return out;
    }
    bool const covered =
        native ? stages::covers_native(rule, chain_.facts) : stages::covers(rule, *asset());
    out.steps.push_back(
        {fmt::format("asset {} is of {}",
                     native ? std::string("native") : std::string(asset()->id.view()),
                     fmt::join(rule.assets, ", ")),
         covered});
    std::optional<stages::Severity> met;
    amounts(rule, out, met);
    auto const either = [&](stages::AccountSet const& set) {
        return stages::holds(set, transfer_.from) || stages::holds(set, transfer_.to);
    };
    if (rule.kind == RuleKind::watch)
        out.steps.push_back(
            {"moves a watched account", either(stages::sorted_set(watched_accounts(config_)))});
    auto const lists = stages::rule_lists(rule.settings, labels_);
    if (lists.included_only)
        out.steps.push_back({"one of its accounts is included", either(lists.include)});
    if (!lists.exclude.empty())
        out.steps.push_back({"none of its accounts is excluded", !either(lists.exclude)});
    if (stages::first_no(out.steps) == nullptr && met)
        out.said = told(index, transfer_, rule.settings.severity.value_or(*met), false);
    return out;
}

// ---- patterns -----------------------------------------------------------------------------------

bool judges_blocks(RuleKind kind) {
    return kind == RuleKind::new_whale || kind == RuleKind::whale_exit ||
           kind == RuleKind::exchange_flow || kind == RuleKind::market_volume;
}

// What the engine did with what the rule answered.
void Asked::answer(Patterns const& patterns, stages::PatternsCounts const& before, Rule const& rule,
                   std::vector<PatternFound> const& found, RuleWhy& out) const {
    auto const& now = patterns.counts();
    bool const excluded = now.excluded > before.excluded;
    bool const poor = now.unaffordable > before.unaffordable;
    bool const repeat = now.repeats > before.repeats;
    bool const claimed = excluded || poor || repeat || !found.empty();
    bool const warming = patterns.rules().front().warming();
    if (!claimed && warming) out.steps.push_back({"its model has warmed up", false});
    out.steps.push_back({out.of_block ? "claims something at the end of the block"
                                      : "claims a pattern that this movement completes",
                         claimed});
    if (!claimed) return;
    if (found.empty() && excluded)
        out.steps.push_back({"its lists let it speak of this account", false});
    if (found.empty() && poor)
        out.steps.push_back({warming ? "its budget has warmed up"
                                     : "its budget has room for one so little surprising",
                             false});
    if (found.empty() && repeat)
        out.steps.push_back(
            {fmt::format("news: more severe or twice as large, or {} s after it was told",
                         stages::cooldown_s(rule)),
             false});
    for (PatternFound const& one : found)
        out.said += (out.said.empty() ? "" : "; ") +
                    told(out.rule, one.transfer, one.severity, one.facts.ongoing);
}

// Judges the movements of the block up to the one asked about.
void Asked::ask(Patterns& patterns, Rule const& rule, RuleWhy& out) const {
    Patterns const& read = patterns;
    auto const at_begin = patterns.counts();
    std::vector<PatternFound> of_block;
    for (;;) {
        auto const before = patterns.counts();
        stages::MovedSeq const last = read.log().last();
        auto const place = read.accounts().find(transfer_.from);
        stages::AccountState const sender =
            place == stages::no_account ? stages::AccountState() : read.accounts()[place];
        std::vector<PatternFound> found;
        std::size_t one_movement = 1;
        while (auto const one = patterns.next(one_movement)) found.push_back(*one);
        of_block.insert(of_block.end(), found.begin(), found.end());
        if (read.log().last() == last) break;
        auto const& moved = read.log().find(read.log().last())->moved;
        if (moved.event != transfer_.event_index || out.of_block) continue;
        stages::Accounts then = read.accounts(); // as they were when the rule was asked
        if (moved.from != stages::no_account) {
            then[moved.from].outs = sender.outs;
            then[moved.from].first_out_s = sender.first_out_s;
            then[moved.from].last_out_s = sender.last_out_s;
            then[moved.from].silent_since_s = sender.silent_since_s;
        }
        for (auto& step : stages::steps(read.rules().front().options().family, then, read.log(),
                                        moved, {chain_.facts.decimals, chain_.facts.symbol.view()}))
            out.steps.push_back(std::move(step));
        return answer(patterns, before, rule, found, out);
    }
    if (out.of_block) return answer(patterns, at_begin, rule, of_block, out);
    out.steps.push_back({"the block was judged: those before it are there", false});
}

std::expected<RuleWhy, std::string> Asked::pattern(std::uint16_t index) const {
    Rule const& rule = config_.rules[index];
    RuleWhy out{.rule = index, .of_block = judges_blocks(rule.kind)};
    if (!begin(rule, out.steps)) return out;
    bool const native = transfer_.asset == stages::native_asset;
    out.steps.push_back({"asset native: patterns look at nothing else", native});
    if (!native) return out;
    std::string trouble;
    auto const rules = rules_with(config_, index);
    auto options = patterns_of(config_, nullptr).options;
    options.longest_window_s = stages::longest_window_s(config_.rules, chain_.chain);
    Patterns patterns(options, labels_);
    patterns.set_rules(stages::pattern_rules(rules, chain_.chain, chain_.facts.decimals, labels_,
                                             watched_accounts(config_),
                                             [&](std::string_view text) { trouble = text; }));
    if (!patterns.has_rules()) {
        out.steps.push_back({trouble, false});
        return out;
    }
    Scene again{.block = scene_.block, .patterns = &patterns};
    pipeline::NoLog log;
    if (auto const done = play(config_, chain_, again, log); !done) return Failure(done.error());
    ask(patterns, rule, out);
    return out;
}

std::string moves_text(Scene const& scene, std::uint32_t event) {
    std::vector<std::string> moves;
    constexpr std::size_t shown = 12;
    for (Transfer const& one : scene.moves) {
        auto const& row = decoders::movement_rows()[one.movement];
        if (moves.size() < shown)
            moves.push_back(fmt::format("{} ({}.{})", one.event_index, row.pallet, row.event));
    }
    if (scene.moves.size() > shown)
        moves.push_back(fmt::format("{} more", scene.moves.size() - shown));
    std::uint32_t const events = scene.end ? scene.end->events : 0;
    std::string const there = event >= events
                                ? fmt::format("the block has {} events, from 0", events)
                                : fmt::format("event {} moves nothing that rules look at", event);
    if (moves.empty()) return there + "; nothing else in the block does, either";
    return fmt::format("{}; these do: {}", there, fmt::join(moves, ", "));
}

} // namespace

std::expected<MovementWhy, std::string> why_of(Config const& config, Recording const& recording,
                                               WhyPlace const& place,
                                               std::optional<std::uint16_t> only) {
    RecordedChain const* const chain = recording.find(place.chain);
    CHECK(chain != nullptr);
    auto const there = std::ranges::find(chain->blocks, place.block, &io::CaptureBlock::number);
    if (there == chain->blocks.end())
        return Failure(fmt::format("the capture has {} blocks of {}, from {} to {}; {} is not "
                                   "among them",
                                   chain->blocks.size(), chain->name, chain->blocks.front().number,
                                   chain->blocks.back().number, place.block));
    PlayLog log;
    Scene scene{.block = place.block};
    if (auto const done = play(config, *chain, scene, log); !done) return Failure(done.error());
    auto const found = std::ranges::find(scene.moves, place.event, &Transfer::event_index);
    if (found == scene.moves.end())
        return Failure(fmt::format("{} block {}: {}", chain->name, place.block,
                                   moves_text(scene, place.event)));
    LoadedLabels const labels = read_labels(config);
    Asked const asked(config, *chain, scene, *found, labels.book);
    MovementWhy why{.transfer = *found, .amount = asked.tokens(found->amount)};
    why.problems = log.take();
    for (std::size_t i = 0; i < config.rules.size(); ++i) {
        if (only && *only != i) continue;
        auto const index = static_cast<std::uint16_t>(i);
        Rule const& rule = config.rules[i];
        if (stages::looks_at_one_movement(rule.kind)) why.rules.push_back(asked.single(index));
        if (!stages::is_pattern(rule)) continue;
        auto one = asked.pattern(index);
        if (!one) return Failure(one.error());
        why.rules.push_back(std::move(*one));
    }
    return why;
}

} // namespace config
