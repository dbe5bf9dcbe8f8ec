#include "stages/deliver.hpp"

#include <algorithm>

namespace stages {

std::size_t Deliver::KeyHash::operator()(decoders::Account const& account) const {
    std::size_t first = 0; // public keys are uniform enough for a table of labels
    std::memcpy(&first, account.key, sizeof first);
    return first;
}

Deliver::Deliver(DeliverOptions options, std::vector<std::unique_ptr<Sink>> sinks,
                 pipeline::Clock const& clock, pipeline::MetricsPage& metrics)
    : rules_(std::move(options.rules))
    , sinks_(std::move(sinks))
    , clock_(clock)
    , metrics_(metrics)
    , lifecycle_(options.open_alerts_max) {
    for (std::string& name : options.chains) chains_.push_back({std::move(name), {}, {}});
    for (Label& label : options.labels) labels_[label.account] = std::move(label.text);
    line_.reserve(line_bytes_max);
}

bool Deliver::accepting() const {
    return std::all_of(sinks_.begin(), sinks_.end(),
                       [](auto const& sink) { return sink->room() >= line_bytes_max; });
}

bool Deliver::on(pipeline::Part<Verdict> const& part, pipeline::Turn const&) {
    Verdict const& verdict = part.message;
    if (!begun_) {
        learn(verdict);
        lifecycle_.begin(verdict);
        begun_ = true;
    }
    while (accepting()) {
        auto const line = lifecycle_.next();
        if (!line) {
            begun_ = false;
            return true;
        }
        speak(*line, verdict);
    }
    return false;
}

void Deliver::learn(Verdict const& verdict) {
    Chain& chain = chains_[verdict.chain];
    if (auto const* facts = std::get_if<ChainFacts>(&verdict.body)) chain.facts = *facts;
    if (auto const* asset = std::get_if<AssetFacts>(&verdict.body)) {
        if (chain.assets.size() <= asset->slot) chain.assets.resize(asset->slot + 1);
        chain.assets[asset->slot] = *asset;
    }
    if (auto const* end = std::get_if<BlockEnd>(&verdict.body)) {
        metrics_.add(DeliverMetric::blocks);
        metrics_.add(DeliverMetric::incomplete, end->incomplete);
    }
}

void Deliver::speak(AlertLine const& line, Verdict const& cause) {
    Chain const& chain = chains_[cause.chain];
    Transfer const& transfer = line.alert.match.transfer;
    auto const& rule = rules_[line.alert.match.rule];
    pipeline::Nanoseconds const now = clock_.monotonic();
    LineContext const context{
        chain.name,
        rule.name,
        to_text(rule.kind),
        chain.facts,
        transfer.asset == native_asset ? nullptr : &chain.assets[transfer.asset],
        label_of(transfer.from),
        label_of(transfer.to),
        now > cause.header.received ? now - cause.header.received : 0,
        clock_.unix_milliseconds(),
    };
    line_.clear();
    append_alert_line(line, context, line_);
    line_ += '\n';
    for (auto const& sink : sinks_) CHECK(sink->append(line_)); // accepting() has seen the room
    metrics_.add(DeliverMetric::lines);
}

std::string_view Deliver::label_of(decoders::Account const& account) const {
    auto const found = labels_.find(account);
    return found == labels_.end() ? std::string_view() : found->second;
}

void Deliver::upkeep(pipeline::Turn const&) {
    std::size_t pending = 0;
    for (auto const& sink : sinks_) {
        sink->advance();
        pending = std::max(pending, sink->pending());
    }
    metrics_.set(DeliverMetric::sink_bytes_pending, pending);
    metrics_.set(DeliverMetric::alerts_open, lifecycle_.waiting());
    metrics_.set(DeliverMetric::forgotten, lifecycle_.forgotten());
}

pipeline::Nanoseconds Deliver::next_deadline() const {
    pipeline::Nanoseconds earliest = pipeline::never;
    for (auto const& sink : sinks_) earliest = std::min(earliest, sink->next_deadline());
    return earliest;
}

} // namespace stages
