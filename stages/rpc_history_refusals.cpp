// What a node will not answer: too many questions, state that is gone, methods it does not have.
#include "stages/rpc_history.hpp"

#include "stages/rpc_requests.hpp"

#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::size_t why_bytes_max = 120;
constexpr Nanoseconds metadata_pause = 2 * pipeline::second;
constexpr unsigned limits_max = 6; // in a row, before another endpoint is tried

// Asked on behalf of one block, whose number is in the question.
bool about_a_block(HistoryAsk ask) {
    switch (ask) {
    case HistoryAsk::values:
    case HistoryAsk::value:
    case HistoryAsk::header:
    case HistoryAsk::body:
    case HistoryAsk::block_version:
    case HistoryAsk::archive_values:
    case HistoryAsk::archive_body:
    case HistoryAsk::archive_block_version: return true;
    default: return false;
    }
}

bool about_hashes(HistoryAsk ask) {
    return ask == HistoryAsk::hashes || ask == HistoryAsk::hash || ask == HistoryAsk::archive_hash;
}

bool about_metadata(HistoryAsk ask) {
    switch (ask) {
    case HistoryAsk::metadata_versions:
    case HistoryAsk::metadata_at_version:
    case HistoryAsk::metadata:
    case HistoryAsk::archive_metadata_versions:
    case HistoryAsk::archive_metadata_at_version: return true;
    default: return false;
    }
}

} // namespace

void RpcHistory::on_refusal(HistoryQuestion const& question, decoders::Envelope const& reply,
                            Nanoseconds now) {
    needs_.metrics.add(HistoryMetric::error_replies);
    Refusal const refusal = read_refusal(reply);
    if (refusal.kind == Refusal::Kind::limit) return on_limit(question, refusal, now);
    std::string const why =
        fmt::format("{} (code {})", reply.error_message.substr(0, why_bytes_max), reply.error_code);
    if (has_other_way(question, refusal, why, now)) return;
    if (about_a_block(question.ask)) {
        if (refusal.kind != Refusal::Kind::pruned) return block_failed(question, why, now);
        if (Parcel* const found = parcel_of(question)) release(*found);
        return backfill_.gone(question.number);
    }
    if (about_hashes(question.ask)) {
        backfill_.hashes_again(question.batch);
        return block_failed(question, why, now);
    }
    fault(fmt::format("the node refused {}: {}", method_of(question.ask), why));
}

// Not an error of the block: the same is asked again, later and with fewer questions beside it.
void RpcHistory::on_limit(HistoryQuestion const& question, Refusal const& refusal,
                          Nanoseconds now) {
    needs_.metrics.add(HistoryMetric::limited);
    backfill_.slow_down(question.asked_at, now, refusal.wait);
    if (about_hashes(question.ask)) backfill_.hashes_again(question.batch);
    if (about_a_block(question.ask)) {
        if (Parcel* const found = parcel_of(question)) release(*found);
        backfill_.block_again(question.number);
    }
    if (about_metadata(question.ask)) {
        fetching_ = {};
        fetch_at_ = now + std::max(refusal.wait, metadata_pause);
    }
    bool const greeting = state_ == SourceState::greeting;
    bool const others = endpoints_.count() > 1;
    if (greeting || (others && backfill_.limits_in_a_row() >= limits_max))
        fault("the node says it is asked too much", Aside::rate_limited, refusal.wait);
}

void RpcHistory::block_failed(HistoryQuestion const& question, std::string_view why,
                              Nanoseconds now) {
    if (Parcel* const found = parcel_of(question)) release(*found);
    if (backfill_.failed(question.number, now))
        fault(fmt::format("it does not give block {}: {}", question.number, why));
}

// Is there another question with the same answer? Then it has been asked.
bool RpcHistory::has_other_way(HistoryQuestion const& question, Refusal const& refusal,
                               std::string_view why, Nanoseconds now) {
    bool const unknown = refusal.kind == Refusal::Kind::unknown_method;
    switch (question.ask) {
    case HistoryAsk::genesis:
        if (unknown) ask({.ask = HistoryAsk::archive_genesis}, "", now);
        return unknown;
    case HistoryAsk::hashes:
        backfill_.no_lists();
        backfill_.hashes_again(question.batch);
        return true;
    case HistoryAsk::values:
        if (!unknown) return false;
        dialect_ = Dialect::key_by_key;
        if (Parcel* const found = parcel_of(question)) release(*found);
        backfill_.block_again(question.number);
        return true;
    case HistoryAsk::body:
    case HistoryAsk::archive_body: body_missing(question, why); return true;
    case HistoryAsk::metadata_versions: // runtimes before the versioned API
    case HistoryAsk::metadata_at_version:
        if (refusal.kind == Refusal::Kind::pruned) return false;
        ask({.ask = HistoryAsk::metadata, .number = question.number, .hash = question.hash},
            hash_param(question.hash), now);
        return true;
    default: return false;
    }
}

} // namespace stages
