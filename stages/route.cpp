#include "stages/route.hpp"

#include "decoders/hash.hpp"

#include <algorithm>

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

void Route::on(pipeline::Part<Candidate> const& part, pipeline::Turn const& turn) {
    Candidate const& candidate = part.message;
    Verdict verdict;
    verdict.header.received = candidate.header.received;
    verdict.chain = candidate.chain;
    if (auto const* match = std::get_if<Match>(&candidate.body)) {
        metrics_.add(RouteMetric::alerts);
        verdict.body = Alert{
            *match, alert_id(genesis_[candidate.chain], match->transfer, rule_names_[match->rule]),
            Path::hybrid, turn.regime.epoch, turn.regime.hybrid_buckets};
    }
    if (auto const* facts = std::get_if<ChainFacts>(&candidate.body)) {
        genesis_[candidate.chain] = facts->genesis;
        verdict.body = *facts;
    }
    if (auto const* asset = std::get_if<AssetFacts>(&candidate.body)) verdict.body = *asset;
    if (auto const* end = std::get_if<BlockEnd>(&candidate.body)) verdict.body = *end;
    if (auto const* final = std::get_if<Finalized>(&candidate.body)) verdict.body = *final;
    if (auto const* abandoned = std::get_if<Abandoned>(&candidate.body)) verdict.body = *abandoned;
    if (auto const* missing = std::get_if<Missing>(&candidate.body)) verdict.body = *missing;
    verdicts_.emit(verdict);
}

} // namespace stages
