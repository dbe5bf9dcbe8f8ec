#include "stages/chain_health.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::array<ChainHealthRow, health_whats> rows{{
    {HealthWhat::stalled, "stalled", "stalled", Severity::critical},
    {HealthWhat::finality, "finality", "finality_stalled", Severity::critical},
    {HealthWhat::reorg, "reorg", "reorg", Severity::important},
    {HealthWhat::upgrade, "upgrade", "upgrade", Severity::notable},
    {HealthWhat::incomplete, "incomplete", "decode_incomplete", Severity::important},
    {HealthWhat::blind, "blind", "blind", Severity::critical},
    {HealthWhat::conservation, "conservation", "conservation", Severity::critical},
}};

constexpr bool in_their_places() {
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (static_cast<std::size_t>(rows[i].what) != i) return false;
    return true;
}
static_assert(in_their_places());

ChainHealthRow const& row_of(HealthWhat what) { return rows[static_cast<std::size_t>(what)]; }

std::uint64_t seconds(Nanoseconds time) { return time / pipeline::second; }

std::uint64_t times(double factor, double usual) {
    return static_cast<std::uint64_t>(std::llround(factor * usual));
}

template <class... Values>
FixedText<200> text_of(fmt::format_string<Values...> format, Values&&... values) {
    char text[200];
    auto const end = fmt::format_to_n(text, sizeof text, format, std::forward<Values>(values)...);
    return {std::string_view(text, std::min(end.size, sizeof text))};
}

// Fit for a JSON string as it is.
FixedText<96> plain(std::string_view fault) {
    char text[95];
    std::size_t const size = std::min(fault.size(), sizeof text);
    for (std::size_t i = 0; i < size; ++i) {
        bool const good = fault[i] >= 0x20 && fault[i] < 0x7f && fault[i] != '\\';
        text[i] = !good ? '?' : fault[i] == '"' ? '\'' : fault[i];
    }
    return {std::string_view(text, size)};
}

} // namespace

std::span<ChainHealthRow const> chain_health_rows() { return rows; }

std::optional<HealthWhat> health_what_named(std::string_view key) {
    for (ChainHealthRow const& row : rows)
        if (row.key == key) return row.what;
    return std::nullopt;
}

ChainHealthOptions chain_health_options(Rule const& rule, std::uint16_t index) {
    RuleSettings const& set = rule.settings;
    ChainHealthOptions out;
    out.rule = index;
    out.stall_s = set.stall_s.value_or(out.stall_s);
    out.finality_stall_s = set.finality_stall_s.value_or(out.finality_stall_s);
    out.stall_factor = set.stall_factor.value_or(out.stall_factor);
    out.distance = set.distance.value_or(out.distance);
    out.reorg = set.reorg.value_or(out.reorg);
    out.cooldown_s = cooldown_s(rule);
    out.severity = set.severity;
    out.audited = sorted_set(set.audit);
    for (ChainHealthRow const& row : rows)
        out.on[static_cast<std::size_t>(row.what)] =
            set.what.empty() || std::ranges::find(set.what, row.key) != set.what.end();
    out.on[static_cast<std::size_t>(HealthWhat::conservation)] = !set.audit.empty();
    return out;
}

ChainHealth::ChainHealth(std::vector<ChainHealthOptions> const& rules)
    : passed_(passed_max)
    , gone_(gone_max) {
    for (ChainHealthOptions const& options : rules) {
        RuleState& rule = rules_.emplace_back(RuleState{.options = options});
        rule.differed.resize(options.audited.size());
    }
    notable_.reserve(notable_max);
    ready_.reserve(rules_.size() * ready_a_rule);
}

void ChainHealth::Usual::add(double sample) {
    if (known()) sample = std::min(sample, std::max(4 * mean, 1.0));
    samples = std::min(samples + 1, span);
    mean += (sample - mean) / samples;
}

// ---- what is told -------------------------------------------------------------------------------

std::optional<HealthFound> ChainHealth::next() {
    if (ready_next_ < ready_.size()) return ready_[ready_next_++];
    ready_.clear();
    ready_next_ = 0;
    return std::nullopt;
}

void ChainHealth::say(RuleState const& rule, HealthWhat what, BlockRef const& block, bool ongoing,
                      FixedText<200> const& details, std::uint32_t account) {
    ready_.push_back({.rule = rule.options.rule,
                      .event = health_event(what, account),
                      .severity = rule.options.severity.value_or(row_of(what).severity),
                      .ongoing = ongoing,
                      .block = block,
                      .details = details});
}

bool ChainHealth::known(RuleState const& rule, HealthWhat what) const {
    return known(rule, rule.told[static_cast<std::size_t>(what)]);
}

bool ChainHealth::known(RuleState const& rule, Told const& told) const {
    std::uint64_t const since_ms = chain_ms_ - std::min(chain_ms_, told.last_ms);
    return told.any && (told.open || since_ms <= rule.options.cooldown_s * std::uint64_t{1'000});
}

// Whether it is worth a line: it is new, or twice as large as when it was told.
bool ChainHealth::news(RuleState& rule, HealthWhat what, BlockRef const& block,
                       std::uint64_t size) {
    return news(rule, rule.told[static_cast<std::size_t>(what)], block, size);
}

bool ChainHealth::news(RuleState const& rule, Told& told, BlockRef const& block,
                       std::uint64_t size) {
    if (known(rule, told)) {
        if (size < 2 * told.size) return false;
    } else {
        told.block = block;
        told.any = true;
    }
    told.size = size;
    told.last_ms = chain_ms_;
    return true;
}

// ---- time ---------------------------------------------------------------------------------------

void ChainHealth::count(Nanoseconds now) {
    Nanoseconds const step = begun_ ? now - std::min(now, now_) : 0;
    begun_ = true;
    now_ = now;
    if (best_) head_silence_ += std::min(step, step_max);
}

void ChainHealth::at(Nanoseconds now) {
    count(now);
    for (RuleState& rule : rules_) {
        judge_stall(rule);
        judge_finality(rule);
    }
    set_deadline();
}

void ChainHealth::set_deadline() {
    deadline_ = pipeline::never;
    if (!best_) return;
    for (RuleState const& rule : rules_) {
        auto const& told = rule.told[static_cast<std::size_t>(HealthWhat::stalled)];
        if (!rule.options.on[static_cast<std::size_t>(HealthWhat::stalled)]) continue;
        Nanoseconds limit = stall_limit(rule.options);
        if (told.any && head_silence_ >= limit)
            limit = std::max(limit, 2 * told.size * pipeline::second);
        Nanoseconds const left = limit - std::min(limit, head_silence_);
        deadline_ = std::min(deadline_, now_ + std::clamp(left, pipeline::second, step_max));
    }
}

Nanoseconds ChainHealth::stall_limit(ChainHealthOptions const& options) const {
    Nanoseconds const least = options.stall_s * pipeline::second;
    if (!block_ms_.known()) return std::max(least, first_patience_s * pipeline::second);
    return std::max(least,
                    times(options.stall_factor, block_ms_.mean * double{pipeline::millisecond}));
}

void ChainHealth::judge_stall(RuleState& rule) {
    constexpr auto what = HealthWhat::stalled;
    if (!rule.options.on[static_cast<std::size_t>(what)] || !best_) return;
    Nanoseconds const limit = stall_limit(rule.options);
    if (head_silence_ < limit) return;
    Told& told = rule.told[static_cast<std::size_t>(what)];
    bool const ongoing = known(rule, what);
    if (!news(rule, what, *best_, seconds(head_silence_))) return;
    told.open = true;
    say(rule, what, told.block, ongoing,
        text_of(R"("for_s":{},"limit_s":{},"block_ms":{})", seconds(head_silence_), seconds(limit),
                block_ms_.rounded()));
}

// ---- finality -----------------------------------------------------------------------------------

std::uint64_t ChainHealth::distance() const {
    std::uint64_t const from = final_ ? final_->number : first_->number;
    return best_->number - std::min<std::uint64_t>(best_->number, from);
}

Nanoseconds ChainHealth::finality_limit(ChainHealthOptions const& options) const {
    Nanoseconds const least = options.finality_stall_s * pipeline::second;
    if (!finality_ns_.known()) return std::max(least, first_patience_s * pipeline::second);
    return std::max(least, times(options.stall_factor, finality_ns_.mean));
}

std::uint64_t ChainHealth::distance_limit(ChainHealthOptions const& options) const {
    if (!behind_.known()) return ~std::uint64_t{0};
    return std::max<std::uint64_t>(options.distance, times(options.stall_factor, behind_.mean));
}

BlockRef ChainHealth::final_block() const { return final_ ? *final_ : *first_; }

void ChainHealth::judge_finality(RuleState& rule) {
    constexpr auto what = HealthWhat::finality;
    if (!rule.options.on[static_cast<std::size_t>(what)] || !best_) return;
    Told& told = rule.told[static_cast<std::size_t>(what)];
    Nanoseconds const least = rule.options.finality_stall_s * pipeline::second;
    bool const still = finality_silence_ >= finality_limit(rule.options);
    bool const far = distance() >= distance_limit(rule.options);
    auto const details = [&](std::string_view ended) {
        return text_of(R"("for_s":{},"behind":{},"usual_behind":{},"best":{}{})",
                       seconds(finality_silence_), distance(), behind_.rounded(), best_->number,
                       ended);
    };
    if (!still && !(far && rule.far_for >= least)) {
        if (far || !told.open) return;
        told.open = false;
        told.last_ms = chain_ms_;
        return say(rule, what, told.block, true, details(R"(,"ended":true)"));
    }
    bool const ongoing = known(rule, what);
    if (!news(rule, what, final_block(), std::max<std::uint64_t>(distance(), 1))) return;
    told.open = true;
    say(rule, what, told.block, ongoing, details(""));
}

void ChainHealth::finalized(Finalized const& final, Nanoseconds now) {
    count(now);
    Passed& passed = place_of(final.number);
    bool const same = passed.number == final.number && passed.hash == final.hash;
    if (same) passed.final = true;
    for (std::size_t i = 0; i < notable_.size(); ++i)
        if (notable_[i].block.hash == final.hash) {
            tell(notable_[i]);
            notable_.erase(notable_.begin() + static_cast<std::ptrdiff_t>(i--));
        }
    std::erase_if(notable_, [&](Notable const& one) { return one.block.number == final.number; });
    // Old blocks that are read late say nothing of where finality is.
    if (!best_ || final.number < first_->number) return;
    if (final_ && final.number <= final_->number) return;
    final_ = BlockRef{.hash = final.hash, .number = final.number, .finalized = true};
    if (same) final_->timestamp_ms = passed.timestamp_ms;
    // Several at once are one move.
    if (finality_silence_ != 0) finality_ns_.add(static_cast<double>(finality_silence_));
    finality_silence_ = 0;
    bool open = false;
    for (RuleState& rule : rules_) {
        judge_finality(rule);
        open = open || rule.told[static_cast<std::size_t>(HealthWhat::finality)].open;
        if (distance() < distance_limit(rule.options)) rule.far_for = 0;
    }
    if (!open) behind_.add(static_cast<double>(distance())); // what is not well is not usual
}

// ---- blocks -------------------------------------------------------------------------------------

ChainHealth::Passed const* ChainHealth::find(std::uint32_t number) const {
    Passed const& passed = passed_[number % passed_max];
    return passed.number == number && passed.spec_version != 0 ? &passed : nullptr;
}

void ChainHealth::end(BlockEnd const& end, Nanoseconds now) {
    count(now);
    BlockRef const& block = end.block;
    chain_ms_ = std::max(chain_ms_, block.timestamp_ms);
    place_of(block.number) = {.number = block.number,
                              .spec_version = end.spec_version,
                              .timestamp_ms = block.timestamp_ms,
                              .hash = block.hash,
                              .blind = end.blind};
    if (end.incomplete) {
        Notable notable{.block = block, .incomplete = true};
        notable.fault = plain(end.fault.view());
        remember(notable);
    }
    compare(block.number);
    if (block.number < ~std::uint32_t{0}) compare(block.number + 1);
    if (!first_) first_ = block;
    if (!best_ || block.number > best_->number) new_head(end);
    set_deadline();
}

void ChainHealth::new_head(BlockEnd const& end) {
    BlockRef const& block = end.block;
    if (best_) {
        std::uint64_t const steps = block.number - best_->number;
        bool const timed = block.timestamp_ms > best_->timestamp_ms && best_->timestamp_ms != 0;
        std::uint64_t const took_ms = timed ? block.timestamp_ms - best_->timestamp_ms
                                            : head_silence_ / pipeline::millisecond;
        block_ms_.add(static_cast<double>(took_ms) / static_cast<double>(steps));
        Nanoseconds const usual = times(4, block_ms_.mean * double{pipeline::millisecond});
        Nanoseconds const counted = std::min(head_silence_, std::max(usual, step_max));
        finality_silence_ += counted;
        for (RuleState& rule : rules_)
            if (distance() >= distance_limit(rule.options)) rule.far_for += counted;
    }
    for (RuleState& rule : rules_) {
        Told& told = rule.told[static_cast<std::size_t>(HealthWhat::stalled)];
        if (!std::exchange(told.open, false)) continue;
        told.last_ms = chain_ms_;
        say(rule, HealthWhat::stalled, told.block, true,
            text_of(R"("for_s":{},"limit_s":{},"block_ms":{},"ended":true)", seconds(head_silence_),
                    seconds(stall_limit(rule.options)), block_ms_.rounded()));
    }
    head_silence_ = 0;
    best_ = block;
}

// The block of that number with the one before it.
void ChainHealth::compare(std::uint32_t number) {
    Passed const* const after = find(number);
    Passed const* const before = number == 0 ? nullptr : find(number - 1);
    if (after == nullptr || before == nullptr || after->spec_version == before->spec_version)
        return;
    Notable notable{.block = {.hash = after->hash,
                              .number = number,
                              .finalized = true,
                              .timestamp_ms = after->timestamp_ms},
                    .before = before->spec_version,
                    .after = after->spec_version,
                    .blind = after->blind};
    if (after->final)
        tell(notable);
    else
        remember(notable);
}

void ChainHealth::remember(Notable const& notable) {
    for (Notable const& one : notable_)
        if (one.block.hash == notable.block.hash && one.incomplete == notable.incomplete) return;
    if (notable_.size() == notable_max) notable_.erase(notable_.begin());
    notable_.push_back(notable);
}

void ChainHealth::tell(Notable const& notable) {
    auto const on = [](RuleState const& rule, HealthWhat what) {
        return rule.options.on[static_cast<std::size_t>(what)];
    };
    for (RuleState& rule : rules_) {
        if (notable.before != notable.after && on(rule, HealthWhat::upgrade))
            say(rule, HealthWhat::upgrade, notable.block, false,
                text_of(R"("from":{},"to":{})", notable.before, notable.after));
        if (notable.blind != 0 && on(rule, HealthWhat::blind))
            say(rule, HealthWhat::blind, notable.block, false,
                text_of(R"("spec_version":{},"events":{})", notable.after, notable.blind));
        if (!notable.incomplete || !on(rule, HealthWhat::incomplete)) continue;
        constexpr auto what = HealthWhat::incomplete;
        bool const ongoing = known(rule, what);
        Told& told = rule.told[static_cast<std::size_t>(what)];
        told.count = ongoing ? told.count + 1 : 1;
        if (!news(rule, what, notable.block, told.count)) continue;
        say(rule, what, told.block, ongoing,
            text_of(R"("blocks":{},"newest":{},"fault":"{}")", told.count, notable.block.number,
                    notable.fault.view()));
    }
}

void ChainHealth::abandoned(Abandoned const& gone) {
    if (std::ranges::find(gone_, gone.hash, &Gone::hash) != gone_.end()) return;
    auto const below = std::ranges::find(gone_, gone.parent, &Gone::hash);
    bool const goes_on = gone.parent != Hash{} && below != gone_.end();
    Gone made{.hash = gone.hash, .depth = goes_on ? below->depth + 1 : 1};
    made.first = goes_on ? below->first
                         : BlockRef{.hash = gone.hash, .number = gone.number, .finalized = true};
    if (!goes_on)
        if (Passed const* const passed = find(gone.number);
            passed != nullptr && passed->hash == gone.hash)
            made.first.timestamp_ms = passed->timestamp_ms;
    gone_[gone_next_++ % gone_max] = made;
    constexpr auto what = HealthWhat::reorg;
    for (RuleState& rule : rules_) {
        if (!rule.options.on[static_cast<std::size_t>(what)]) continue;
        if (made.depth < rule.options.reorg) continue;
        bool const ongoing = known(rule, what);
        if (!news(rule, what, made.first, made.depth)) continue;
        say(rule, what, rule.told[static_cast<std::size_t>(what)].block, ongoing,
            text_of(R"("blocks":{},"first":{},"newest":{})", made.depth, made.first.number,
                    gone.number));
    }
}

} // namespace stages
