// Detect's part that is patterns: what goes to them, and what they claim.
#include "stages/detect.hpp"
#include "stages/pattern_rule_make.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {
constexpr std::size_t movements_a_call = 1'024; // a hole that is filled lets thousands of blocks go
} // namespace

std::vector<ClusterLabel> Detect::labels() {
    if (!book_) book_ = patterns_.labels();
    std::vector<ClusterLabel> labels;
    book_->each([&](decoders::Account const& account, Label const& label) {
        labels.push_back({account, label.label, label.kind});
    });
    return labels;
}

void Detect::read_lists() {
    if (lists_) return;
    bool const named = std::ranges::any_of(rules_, names_labels);
    std::vector<ClusterLabel> const known = named ? labels() : std::vector<ClusterLabel>();
    lists_.emplace();
    for (Rule const& rule : rules_) lists_->push_back(rule_lists(rule.settings, known));
}

// Of a single movement: one of its accounts is included, none of them excluded.
bool Detect::speaks_of(std::uint16_t rule, Transfer const& transfer) const {
    RuleLists const& lists = (*lists_)[rule];
    if (lists.none()) return true;
    auto const either = [&](AccountSet const& set) {
        return holds(set, transfer.from) || holds(set, transfer.to);
    };
    return (!lists.included_only || either(lists.include)) && !either(lists.exclude);
}

// Memory is taken when the chain has said what it is, or a file has: only the process that hears it
// needs it. Models are kept as long as the chain is the same and counts its token the same way.
void Detect::learn_patterns(Chain& chain, std::uint16_t index, ChainFacts const& facts) {
    bool const any = patterns_.on && std::ranges::any_of(rules_, [&](Rule const& rule) {
                         return rule.chains[index] && is_pattern(rule);
                     });
    std::pair const now{facts.genesis, facts.decimals};
    if (!any || chain.patterns_for == now) return;
    bool const first = !std::exchange(chain.patterns_for, now);
    PatternStore* const store = store_of(index);
    if (store != nullptr) store->begin_anew();
    chain.saved_to.reset();
    auto const known = labels();
    PatternsOptions options = patterns_.options;
    options.longest_window_s = longest_window_s(rules_, index);
    chain.patterns = std::make_unique<Patterns>(options, known);
    chain.patterns->read_from(store);
    if (index < patterns_.begin.size() && patterns_.begin[index])
        chain.patterns->begin_at(*patterns_.begin[index]);
    auto const problem = [&](std::string_view text) {
        log_.write(pipeline::Level::error, "detect", fmt::format("{}: {}", chain.name, text));
    };
    chain.patterns->set_rules(
        pattern_rules(rules_, index, facts.decimals, known, watched_, problem));
    if (first && index < patterns_.kept.size() && patterns_.kept[index].resume)
        resume_patterns(chain, index);
}

// ---- over a restart -----------------------------------------------------------------------------

PatternStore* Detect::store_of(std::uint16_t index) const {
    return index < patterns_.kept.size() ? patterns_.kept[index].store.get() : nullptr;
}

void Detect::resume_patterns(Chain& chain, std::uint16_t index) {
    DetectKept const& kept = patterns_.kept[index];
    chain.patterns->begin_at(*kept.resume);
    chain.patterns->told_to(kept.told_to);
    if (kept.usable && kept.store) load_patterns(chain, index);
}

void Detect::load_patterns(Chain& chain, std::uint16_t index) {
    DetectKept const& kept = patterns_.kept[index];
    auto const loaded = chain.patterns->load(*kept.store, chain.patterns_for->first);
    if (!loaded) {
        metrics_.add(DetectMetric::pattern_saves_failed);
        log_.write(pipeline::Level::warning, "detect",
                   fmt::format("{}: {}", chain.name, loaded.error()));
        return;
    }
    if (!loaded->stamp) return;
    chain.patterns->begin_at(*kept.resume);
    chain.saved_to = *kept.resume - 1;
    std::vector<std::string_view> anew;
    for (std::uint16_t const rule : loaded->anew) anew.push_back(rules_[rule].name);
    log_.write(
        pipeline::Level::info, "detect",
        fmt::format("{}: patterns know {} accounts up to block {} and go on with block {}{}{}",
                    chain.name, chain.patterns->accounts().size(), loaded->stamp->number,
                    *kept.resume, anew.empty() ? "" : "; begin anew: ", fmt::join(anew, ", ")));
}

// One chain a turn.
void Detect::save_patterns(pipeline::Turn const& turn) {
    bool const quiet = std::exchange(quiet_, true);
    if (turn.draining && !quiet) return; // more may be on its way here
    for (std::uint16_t i = 0; i < patterns_.kept.size() && i < chains_.size(); ++i) {
        PatternStore* const store = store_of(i);
        if (store == nullptr || !chains_[i].patterns || !save_due(chains_[i], turn)) continue;
        return save_patterns(chains_[i], *store, turn);
    }
}

bool Detect::save_due(Chain& chain, pipeline::Turn const& turn) const {
    auto const done = chain.patterns->done_to();
    if (!done || !chain.patterns->between_blocks()) return false;
    if (!chain.saved_to) chain.saved_to = done; // nothing has been judged yet
    if (*done <= *chain.saved_to) return false;
    if (turn.draining) return !chain.save_failing;
    if (chain.patterns->crowded() && !chain.save_failing) return true;
    return *done - *chain.saved_to >= save_blocks && turn.now >= chain.save_at;
}

void Detect::save_patterns(Chain& chain, PatternStore& store, pipeline::Turn const& turn) {
    auto const [genesis, decimals] = *chain.patterns_for;
    auto const done = chain.patterns->save(store, genesis, decimals);
    chain.save_at = turn.now + save_pause;
    metrics_.add(done ? DetectMetric::pattern_saves : DetectMetric::pattern_saves_failed);
    bool const failed_before = std::exchange(chain.save_failing, !done);
    if (done) {
        chain.saved_to = chain.patterns->done_to();
        if (failed_before)
            log_.write(pipeline::Level::info, "detect",
                       fmt::format("{}: what patterns know is written again", chain.name));
    } else if (!failed_before) {
        log_.write(pipeline::Level::error, "detect",
                   fmt::format("{}: what patterns know cannot be written: {}. They go on; it is "
                               "tried again every minute.",
                               chain.name, io::describe(done.error())));
    }
}

// ---- facts --------------------------------------------------------------------------------------

void Detect::tell_patterns(Chain& chain, Fact const& fact, pipeline::Turn const& turn) {
    Patterns& patterns = *chain.patterns;
    patterns.speak_statistics((turn.regime.flags & pipeline::Flag::hybrid_patterns) != 0);
    if (auto const* transfer = std::get_if<Transfer>(&fact.body)) patterns.movement(*transfer);
    if (auto const* end = std::get_if<BlockEnd>(&fact.body)) patterns.end(end->block);
    if (auto const* final = std::get_if<Finalized>(&fact.body))
        patterns.finalized(final->hash, final->number);
    if (auto const* held = std::get_if<Holding>(&fact.body))
        metrics_.add(DetectMetric::pattern_balances,
                     patterns.holds(held->account, held->number, held->total));
    if (auto const* missing = std::get_if<Missing>(&fact.body)) patterns.missing(missing->to);
}

// True: nothing is left to be judged. Before the finality itself, so that what it makes known is in
// the journal when the block is.
bool Detect::emit_patterns(Chain& chain, Fact const& fact) {
    if (!std::holds_alternative<Finalized>(fact.body) &&
        !std::holds_alternative<Missing>(fact.body))
        return true;
    std::size_t steps = movements_a_call;
    for (std::uint32_t emitted = 0; emitted + 1 < max_burst; ++emitted) {
        auto found = chain.patterns->next(steps);
        if (!found) break;
        Candidate candidate;
        candidate.header.received = fact.header.received;
        candidate.chain = fact.chain;
        candidate.path = fact.path;
        candidate.body =
            Match{found->transfer, found->rule, found->severity, true, false, found->facts};
        count_told(chain, std::get<Match>(candidate.body));
        candidates_.emit(candidate);
    }
    bool const finished = chain.patterns->idle();
    if (finished) count_patterns();
    return finished;
}

void Detect::on(pipeline::Part<Finding> const& part, pipeline::Turn const&) {
    Finding const& finding = part.message;
    Chain& chain = chains_[finding.chain];
    bool const told = finding.wanted == Wanted::price && finding.found == Found::yes;
    if (told && chain.patterns)
        chain.patterns->price(finding.price.usd.view(), static_cast<std::uint32_t>(finding.time_s));
}

void Detect::count_patterns() {
    std::uint64_t movements = 0, claims = 0, repeats = 0, accounts = 0, refused = 0;
    std::uint64_t waiting = 0, missed = 0, lost = 0, recalled = 0, forgotten = 0, unpriced = 0;
    for (Chain const& chain : chains_) {
        if (!chain.patterns) continue;
        Patterns const& patterns = *chain.patterns;
        movements += patterns.counts().movements;
        claims += patterns.counts().claims;
        repeats += patterns.counts().repeats;
        accounts += patterns.accounts().size();
        refused += patterns.accounts().refused();
        waiting += patterns.blocks().waiting();
        missed += patterns.blocks().passed_over();
        lost += patterns.blocks().lost();
        recalled += patterns.cold().counts().recalled;
        forgotten += patterns.cold().counts().forgotten;
        for (PatternRule const& rule : patterns.rules()) unpriced += rule.unpriced();
    }
    metrics_.set(DetectMetric::movements, movements);
    metrics_.set(DetectMetric::patterns, claims);
    metrics_.set(DetectMetric::pattern_repeats, repeats);
    metrics_.set(DetectMetric::pattern_accounts, accounts);
    metrics_.set(DetectMetric::pattern_accounts_refused, refused);
    metrics_.set(DetectMetric::pattern_accounts_recalled, recalled);
    metrics_.set(DetectMetric::pattern_accounts_forgotten, forgotten);
    metrics_.set(DetectMetric::pattern_blocks_waiting, waiting);
    metrics_.set(DetectMetric::pattern_blocks_missed, missed);
    metrics_.set(DetectMetric::pattern_movements_lost, lost);
    metrics_.set(DetectMetric::unpriced, unpriced);
}

} // namespace stages
