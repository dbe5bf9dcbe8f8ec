#include "stages/health.hpp"

#include "pipeline/check.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

// A breach is over when the harm is below this part of its limit for a whole window.
constexpr double clear_part = 0.8;
constexpr double severe_factor = 2;

double harm_of(HealthRow const& row, double value) { return row.floor ? 1 - value : value; }

bool is_over(HealthRow const& row, double harm, double limit) {
    // A floor's harm is a difference, so that the last bits of it mean nothing.
    double const slack = row.floor ? 1e-12 : 0;
    return row.at_equality ? harm >= limit : harm > limit + slack;
}

} // namespace

Health::Health(HealthOptions const& options)
    : options_(options) {
    for (HealthRow const& row : health_rows()) {
        HealthRule const& rule = rule_of(row.check);
        CHECK(rule.window_s > 0 && rule.window_s <= health_window_max_s);
        first_[static_cast<std::size_t>(row.check)] = subjects_.size();
        std::uint32_t const many = row.scope == HealthScope::chain   ? options_.chains
                                 : row.scope == HealthScope::process ? options_.processes
                                                                     : 1;
        for (std::uint32_t i = 0; i < many; ++i) {
            Subject& made = subjects_.emplace_back();
            made.check = row.check;
            if (row.scope != HealthScope::service) made.subject = i;
        }
    }
}

HealthRule const& Health::rule_of(HealthCheck check) const {
    return options_.rules[static_cast<std::size_t>(check)];
}

std::uint64_t Health::width_of(HealthCheck check) const {
    return (rule_of(check).window_s + buckets - 1) / buckets;
}

std::uint64_t Health::live_of(HealthCheck check) const {
    std::uint64_t const width = width_of(check);
    return (rule_of(check).window_s + width - 1) / width;
}

void Health::rearm() {
    for (Subject& subject : subjects_) {
        subject.verdict = HealthVerdict::inconclusive;
        subject.severe = false;
        subject.since_s = now_s_;
    }
}

Health::Subject& Health::at(HealthCheck check, std::uint32_t subject) {
    std::size_t const index = first_[static_cast<std::size_t>(check)] + subject;
    CHECK(index < subjects_.size() && subjects_[index].check == check);
    return subjects_[index];
}

Health::Bucket& Health::bucket_at(Subject& subject, std::uint64_t now_s) const {
    std::uint64_t const slot = forward(now_s) / width_of(subject.check);
    Bucket& bucket = subject.ring[slot % buckets];
    if (bucket.slot != slot) bucket = {.slot = slot};
    return bucket;
}

void Health::count(HealthCheck check, std::uint32_t subject, std::uint64_t bad, std::uint64_t all,
                   std::uint64_t now_s) {
    CHECK(row_of(check).measure == HealthMeasure::share && bad <= all);
    Bucket& bucket = bucket_at(at(check, subject), now_s);
    bucket.samples += all;
    bucket.sum += static_cast<double>(bad);
}

void Health::add(HealthCheck check, std::uint32_t subject, double value, std::uint64_t now_s) {
    HealthMeasure const measure = row_of(check).measure;
    CHECK(measure != HealthMeasure::share && measure != HealthMeasure::proof);
    if (!std::isfinite(value)) return;
    Bucket& bucket = bucket_at(at(check, subject), now_s);
    ++bucket.samples;
    bucket.sum += value;
    bucket.last = value;
}

void Health::prove(HealthCheck check, std::uint32_t subject, Bounds const& bounds,
                   std::uint64_t now_s) {
    CHECK(row_of(check).measure == HealthMeasure::proof);
    Subject& proven = at(check, subject);
    proven.bounds = bounds;
    proven.proven_s = forward(now_s);
}

Health::Measured Health::measure(Subject const& subject, std::uint64_t now_s) const {
    HealthRow const& row = row_of(subject.check);
    Measured out;
    if (row.measure == HealthMeasure::proof) {
        Bounds const& bounds = subject.bounds;
        bool const fresh = subject.proven_s + rule_of(subject.check).window_s >= now_s;
        out.samples = bounds.samples;
        out.known = fresh && bounds.samples > 0 && std::isfinite(bounds.lower) &&
                    std::isfinite(bounds.upper) && bounds.lower <= bounds.upper;
        out.value = bounds.estimate;
        out.harm_estimate = harm_of(row, bounds.estimate);
        out.harm_certain = harm_of(row, row.floor ? bounds.upper : bounds.lower);
        return out;
    }
    std::uint64_t const newest = now_s / width_of(subject.check);
    std::uint64_t const live = live_of(subject.check);
    double sum = 0;
    std::uint64_t last = 0;
    for (Bucket const& bucket : subject.ring) {
        if (bucket.samples == 0 || bucket.slot > newest || newest - bucket.slot >= live) continue;
        out.samples += bucket.samples;
        sum += bucket.sum;
        if (row.measure == HealthMeasure::last && bucket.slot >= last) {
            last = bucket.slot;
            out.value = bucket.last;
        }
    }
    // Nothing added up is no missing measurement: nothing happened.
    out.known = out.samples > 0 || row.measure == HealthMeasure::sum;
    auto const samples = static_cast<double>(std::max<std::uint64_t>(out.samples, 1));
    if (row.measure == HealthMeasure::sum) out.value = sum;
    if (row.measure == HealthMeasure::share || row.measure == HealthMeasure::mean)
        out.value = sum / samples;
    out.harm_estimate = out.harm_certain = harm_of(row, out.value);
    return out;
}

HealthAction Health::action_of(Subject const& subject, Measured const& measured,
                               bool severe) const {
    HealthRow const& row = row_of(subject.check);
    HealthRule const& rule = rule_of(subject.check);
    double const harm = harm_of(row, rule.threshold) * severe_factor;
    bool const twofold = severe && is_over(row, measured.harm_certain, harm);
    HealthAction action;
    action.check = subject.check;
    action.action = severe ? rule.severe_action : rule.action;
    action.subject = subject.subject;
    action.measured = measured.value;
    action.limit = twofold ? (row.floor ? 1 - harm : harm) : rule.threshold;
    action.samples = measured.samples;
    action.window_s = rule.window_s;
    action.severe = severe;
    action.dry_run = rule.dry_run;
    action.sentence = fmt::format(
        "{}: {} is {}, {} the limit of {}{} ({} samples in {} s){}", row.name, row.what,
        health_value_text(subject.check, measured.value),
        row.floor         ? "below"
        : row.at_equality ? "at or above"
                          : "above",
        health_value_text(subject.check, action.limit),
        severe && !twofold ? fmt::format(", still after {} s", rule.cooldown_s) : "",
        measured.samples, rule.window_s, rule.dry_run ? "; dry run, nothing is done" : "");
    return action;
}

void Health::clear(Subject& subject, Measured const& measured, std::uint64_t now_s,
                   std::vector<HealthAction>& out) {
    HealthRow const& row = row_of(subject.check);
    HealthRule const& rule = rule_of(subject.check);
    HealthAction cleared = action_of(subject, measured, subject.severe);
    cleared.cleared = true;
    cleared.sentence = fmt::format("{}: {} is {} again, well clear of {} for {} s", row.name,
                                   row.what, health_value_text(subject.check, measured.value),
                                   health_value_text(subject.check, rule.threshold), rule.window_s);
    out.push_back(std::move(cleared));
    subject.verdict = HealthVerdict::ok;
    subject.severe = false;
    subject.since_s = now_s;
}

void Health::judge(Subject& subject, std::uint64_t now_s, std::vector<HealthAction>& out) {
    HealthRow const& row = row_of(subject.check);
    HealthRule const& rule = rule_of(subject.check);
    Measured measured = measure(subject, now_s);
    double const limit = harm_of(row, rule.threshold);
    bool const events = row.measure == HealthMeasure::sum;
    if (events) {
        subject.answered = std::min(subject.answered, measured.value);
        measured.harm_certain = measured.value - subject.answered;
    }
    bool const enough = measured.known && (events || measured.samples >= rule.minimum);
    bool const over = enough && is_over(row, measured.harm_certain, limit);
    bool const twofold = over && is_over(row, measured.harm_certain, limit * severe_factor);
    bool const second = rule.severe_action != Remedy::none;
    if (over && (events || subject.verdict != HealthVerdict::breached)) {
        subject.since_s = now_s;
        subject.verdict = HealthVerdict::breached;
        subject.over_s = now_s;
        subject.severe = twofold && second;
        if (events) subject.answered = measured.value;
        out.push_back(action_of(subject, measured, subject.severe));
        return;
    }
    if (subject.verdict != HealthVerdict::breached) {
        HealthVerdict const verdict = enough ? HealthVerdict::ok : HealthVerdict::inconclusive;
        if (verdict != subject.verdict || subject.since_s == 0) subject.since_s = now_s;
        subject.verdict = verdict;
        return;
    }
    // What is unknown or near the limit is not over yet.
    if (!enough || measured.harm_estimate >= clear_part * limit) subject.over_s = now_s;
    if (now_s - subject.over_s >= rule.window_s) return clear(subject, measured, now_s, out);
    bool const outlasted = row.outlasts && over && now_s - subject.since_s >= rule.cooldown_s;
    if (subject.severe || !second || !(twofold || outlasted)) return;
    subject.severe = true;
    out.push_back(action_of(subject, measured, true));
}

void Health::evaluate(std::uint64_t now_s, std::vector<HealthAction>& out) {
    now_s_ = forward(now_s);
    for (Subject& subject : subjects_) judge(subject, now_s_, out);
}

std::vector<HealthStatus> Health::statuses(std::uint64_t now_s) const {
    std::vector<HealthStatus> all;
    for (Subject const& subject : subjects_) {
        Measured const measured = measure(subject, forward(now_s));
        all.push_back({.check = subject.check,
                       .subject = subject.subject,
                       .verdict = subject.verdict,
                       .severe = subject.severe,
                       .known = measured.known,
                       .measured = measured.value,
                       .samples = measured.samples,
                       .since_s = subject.since_s});
    }
    return all;
}

bool Health::healthy() const {
    return std::none_of(subjects_.begin(), subjects_.end(), [&](Subject const& subject) {
        return subject.verdict == HealthVerdict::breached && !rule_of(subject.check).dry_run;
    });
}

} // namespace stages
