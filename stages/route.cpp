#include "stages/route.hpp"

#include "decoders/hash.hpp"
#include "decoders/hex.hpp"
#include "stages/bucket.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

// Bytes to be hashed, gathered on the stack.
class Gathered {
  public:
    void bytes(pipeline::Bytes from) {
        CHECK(from.size() <= sizeof bytes_ - size_);
        std::copy(from.begin(), from.end(), bytes_ + size_);
        size_ += from.size();
    }
    template <class Integer>
    void little_endian(Integer value) {
        for (std::size_t i = 0; i < sizeof value; ++i)
            bytes_[size_++] = static_cast<std::uint8_t>(value >> (8 * i));
    }
    void account(decoders::Account const& account) {
        little_endian(account.size);
        bytes(account.bytes());
    }
    pipeline::Bytes all() const { return {bytes_, size_}; }

  private:
    std::uint8_t bytes_[512];
    std::size_t size_ = 0;
};

} // namespace

std::array<std::uint8_t, 16> alert_id(Hash const& genesis, Transfer const& transfer,
                                      std::string_view rule_name) {
    Gathered gathered;
    gathered.bytes(genesis);
    gathered.little_endian(transfer.block.number);
    gathered.little_endian(transfer.event_index);
    gathered.account(transfer.from);
    gathered.account(transfer.to);
    gathered.little_endian(transfer.amount);
    gathered.bytes(pipeline::as_bytes(rule_name));
    auto const whole = decoders::blake2b_256(gathered.all());
    std::array<std::uint8_t, 16> id{};
    std::copy_n(whole.begin(), id.size(), id.begin());
    return id;
}

RouteOptions nodes_only(std::vector<std::string> const& chains, std::vector<std::string> rules) {
    RouteOptions options;
    options.rule_names = std::move(rules);
    for (std::string const& chain : chains) options.chains.push_back({chain, false, true});
    return options;
}

Route::Route(RouteOptions options, pipeline::Log& log, pipeline::MetricsPage& metrics,
             pipeline::Out<Verdict> verdicts)
    : options_(std::move(options))
    , watched_(options_.watched.begin(), options_.watched.end())
    , known_(options_.chains.size())
    , log_(log)
    , metrics_(metrics)
    , verdicts_(verdicts) {}

void Route::on(pipeline::Part<Candidate> const& part, pipeline::Turn const& turn) {
    Candidate const& candidate = part.message;
    if (!heard(candidate)) return metrics_.add(RouteMetric::unheard);
    if (!believed(candidate)) return metrics_.add(RouteMetric::foreign);
    Verdict verdict;
    verdict.header.received = candidate.header.received;
    verdict.chain = candidate.chain;
    verdict.path = candidate.path;
    if (auto const* match = std::get_if<Match>(&candidate.body)) {
        if (!judge(candidate, *match, turn.regime, verdict)) return;
    } else {
        CHECK(pass_on(candidate.body, verdict.body));
    }
    verdicts_.emit(verdict);
}

bool Route::heard(Candidate const& candidate) {
    bool& heard = known_[candidate.chain].heard[static_cast<std::size_t>(candidate.path)];
    heard = heard || std::holds_alternative<ChainFacts>(candidate.body);
    return heard;
}

// False: the path serves another chain than the one that spoke first.
bool Route::believed(Candidate const& candidate) {
    Known& known = known_[candidate.chain];
    bool& foreign = known.foreign[static_cast<std::size_t>(candidate.path)];
    auto const* facts = std::get_if<ChainFacts>(&candidate.body);
    if (facts == nullptr) return !foreign;
    // Alone, a path may correct itself: nobody contradicts it.
    auto const& chain = options_.chains[candidate.chain];
    if (!chain.legacy || !chain.hybrid || known.genesis == Hash{}) known.genesis = facts->genesis;
    bool const differs = known.genesis != facts->genesis;
    if (differs && !foreign)
        log_.write(pipeline::Level::error, "route",
                   fmt::format("incident: {}: {} serves a chain with genesis {}, but {} one with "
                               "{}. The former is not believed; compare endpoints and subscan_url "
                               "of this [[chain]].",
                               chain.name, candidate.path == Path::legacy ? "Subscan" : "the node",
                               decoders::hex_text(facts->genesis),
                               candidate.path == Path::legacy ? "the node" : "Subscan",
                               decoders::hex_text(known.genesis)));
    foreign = differs;
    return !foreign;
}

decoders::Account const& Route::subject(Transfer const& transfer) const {
    bool const from = watched_.contains(transfer.from);
    bool const to = watched_.contains(transfer.to);
    if (from != to) return from ? transfer.from : transfer.to;
    return transfer.from ? transfer.from : transfer.to;
}

Path Route::speaker(std::uint16_t index, Transfer const& transfer,
                    pipeline::Regime const& regime) const {
    auto const& chain = options_.chains[index];
    if (!chain.legacy) return Path::hybrid;
    if (!chain.hybrid || (regime.flags & pipeline::Flag::hybrid_rpc) == 0) return Path::legacy;
    switch (regime.mode) {
    case pipeline::Mode::legacy_only: return Path::legacy;
    case pipeline::Mode::hybrid_only: return Path::hybrid;
    case pipeline::Mode::normal:
    case pipeline::Mode::frozen: break;
    }
    return bucket_of(subject(transfer)) < regime.hybrid_buckets ? Path::hybrid : Path::legacy;
}

// False: nothing is passed on.
bool Route::judge(Candidate const& candidate, Match const& match, pipeline::Regime const& regime,
                  Verdict& verdict) {
    Alert alert;
    alert.match = match;
    alert.path = candidate.path;
    alert.speaks = speaker(candidate.chain, match.transfer, regime) == candidate.path;
    alert.epoch = regime.epoch;
    alert.hybrid_buckets = regime.hybrid_buckets;
    metrics_.add(alert.speaks ? RouteMetric::alerts : RouteMetric::withheld);
    bool const legacy = candidate.path == Path::legacy;
    if (!alert.speaks && !(legacy && match.transfer.block.finalized)) return false;
    metrics_.add(RouteMetric::legacy, alert.speaks && legacy);
    alert.id =
        alert_id(known_[candidate.chain].genesis, match.transfer, options_.rule_names[match.rule]);
    verdict.body = alert;
    return true;
}

} // namespace stages
