// Messages: which question they answer, and who reads them.
#include "stages/rpc_history.hpp"

#include "stages/rpc_requests.hpp"

namespace stages {

bool RpcHistory::on_event(io::WebSocketEvent const& event, Nanoseconds now) {
    using Kind = io::WebSocketEvent::Kind;
    switch (event.kind) {
    case Kind::none: return false;
    case Kind::opened:
        needs_.metrics.add(HistoryMetric::connects);
        greet(now);
        break;
    case Kind::closed: {
        Nanoseconds const wait = event.error->retry_after_s * pipeline::second;
        leave(wait > 0 ? Aside::rate_limited : Aside::failed, io::describe(*event.error), now,
              wait);
        return true;
    }
    case Kind::message:
        needs_.metrics.add(HistoryMetric::messages);
        needs_.metrics.add(HistoryMetric::bytes, event.text.size());
        on_message(pipeline::as_text(event.text), now);
        break;
    }
    if (fault_) {
        Fault const found = std::move(*fault_);
        leave(found.why, found.text, now, found.wait);
    }
    return true;
}

void RpcHistory::on_message(std::string_view text, Nanoseconds now) {
    auto const envelope = json_.parse(text);
    if (!envelope) return malformed("a message that is not JSON-RPC", envelope.error());
    switch (envelope->kind) {
    case decoders::FrameKind::request:
        return malformed("a request; nodes answer, they do not ask", {});
    case decoders::FrameKind::notification: return on_storage_event(*envelope, now);
    case decoders::FrameKind::reply:
    case decoders::FrameKind::error_reply: break;
    }
    HistoryQuestion const* const open = envelope->has_id ? questions_.find(envelope->id) : nullptr;
    if (open == nullptr) { // an answer to nothing harms nobody
        needs_.metrics.add(HistoryMetric::malformed);
        return;
    }
    HistoryQuestion const question = *open;
    if (envelope->kind == decoders::FrameKind::error_reply) {
        questions_.close(question.id);
        return on_refusal(question, *envelope, now);
    }
    if (question.ask == HistoryAsk::archive_values) { // it is open until its last event
        std::string_view const id = envelope->text;
        if (id.empty() || id.size() > decoders::max_subscription_id_bytes)
            return malformed("a subscription without a name", {});
        questions_.find(question.id)->subscription = id;
        return;
    }
    questions_.close(question.id);
    on_answer(question, *envelope, now);
}

void RpcHistory::on_answer(HistoryQuestion const& question, decoders::Envelope const& reply,
                           Nanoseconds now) {
    switch (question.ask) {
    case HistoryAsk::genesis: return on_genesis(reply, false, now);
    case HistoryAsk::archive_genesis: return on_genesis(reply, true, now);
    case HistoryAsk::finalized_hash: {
        auto const hash = decoders::parse_hash(reply.text);
        if (!hash) return malformed("a finalized head", hash.error());
        return ask({.ask = HistoryAsk::finalized_header}, hash_param(*hash), now);
    }
    case HistoryAsk::finalized_header: {
        auto const header = json_.header();
        if (!header) return malformed("a finalized head", header.error());
        return on_finalized(header->number, now);
    }
    case HistoryAsk::archive_height: {
        auto const height = decoders::parse_block_number(reply.text);
        if (!height) return malformed("a finalized height", height.error());
        return on_finalized(*height, now);
    }
    case HistoryAsk::hashes:
    case HistoryAsk::hash:
    case HistoryAsk::archive_hash: return on_hashes(question, reply, now);
    case HistoryAsk::values: return on_values(question, now);
    case HistoryAsk::value: {
        Parcel* const found = parcel_of(question);
        if (found == nullptr) return;
        bool const given = reply.form == decoders::Form::string;
        if (given && !put_value(*found, question.key, reply.text)) return;
        found->open &= ~(1U << question.key);
        return values_complete(*found, now);
    }
    case HistoryAsk::archive_values: return; // see on_message
    case HistoryAsk::header: return on_header(question, reply, now);
    case HistoryAsk::body:
    case HistoryAsk::archive_body: return on_body(question, reply);
    case HistoryAsk::block_version:
    case HistoryAsk::archive_block_version: return on_block_version(question, reply, now);
    case HistoryAsk::metadata_versions:
    case HistoryAsk::archive_metadata_versions:
        return on_metadata_versions(question, call_value(question, reply), now);
    case HistoryAsk::metadata_at_version:
    case HistoryAsk::metadata:
    case HistoryAsk::archive_metadata_at_version:
        return on_metadata(question, call_value(question, reply), now);
    }
}

} // namespace stages
