// chainHead_v1's operations: a question is answered by a name, the values come later as notices
// under that name, item by item.
#include "stages/rpc_source.hpp"

#include "decoders/hex.hpp"

#include <algorithm>

namespace stages {

namespace {

constexpr std::size_t operation_id_bytes_max = 128;
constexpr std::size_t asset_value_bytes_max = 64 * 1024;
constexpr std::size_t asset_key_bytes_max = 512;

// What an operation came to, as the reply that the older methods give to the same question.
decoders::Envelope as_reply(std::string_view text) {
    decoders::Envelope reply;
    reply.form = text.empty() ? decoders::Form::null : decoders::Form::string;
    reply.text = text;
    return reply;
}

decoders::Envelope as_refusal(std::string_view why) {
    decoders::Envelope reply;
    reply.kind = decoders::FrameKind::error_reply;
    reply.error_message = why;
    return reply;
}

} // namespace

// {"result":"started","operationId":"…","discardedItems":0} or {"result":"limitReached"}
RpcSource::Outcome RpcSource::on_started(Question const& question, Nanoseconds now) {
    auto const result = json_.member("result");
    if (!result) return malformed("the start of an operation", result.error());
    if (result->text == "limitReached") {
        hold_back(question, "limitReached", 0, now);
        return fault_.empty() ? Outcome::done : Outcome::fault;
    }
    auto const id = json_.member("operationId");
    auto const discarded = json_.member("discardedItems");
    bool const usable = result->text == "started" && id && id->form == decoders::Form::string &&
                        !id->text.empty() && id->text.size() <= operation_id_bytes_max && discarded;
    if (!usable) return malformed("an operation without a name", {});
    if (operations_.find(id->text) != nullptr)
        return protocol_broken("two operations have one name");
    requests_.close(question.id);
    throttle_.answered(now);
    operations_.started(id->text, question);
    bool const whole = discarded->form == decoders::Form::absent || discarded->text == "0";
    if (!whole) operations_.find(id->text)->cut = true;
    return Outcome::done;
}

RpcSource::Outcome RpcSource::on_operation(std::string_view event, Nanoseconds received,
                                           Nanoseconds now) {
    auto const id = json_.member("operationId");
    if (!id || id->form != decoders::Form::string)
        return malformed("a notice of an operation without its name", {});
    Operations::Operation* const operation = operations_.find(id->text);
    if (operation == nullptr) return Outcome::done; // of a subscription that is over
    if (event == "operationStorageItems") return on_items(*operation, received);
    if (event == "operationWaitingForContinue") {
        ask({.ask = Ask::go_on}, '"' + follow_ + "\",\"" + operation->id + '"', now);
        return fault_.empty() ? Outcome::done : Outcome::fault;
    }
    Question const question = operation->question;
    Outcome outcome = Outcome::done;
    if (event == "operationStorageDone") {
        outcome = on_storage_done(*operation, received, now);
    } else if (event == "operationBodyDone") {
        outcome = on_body(question, {});
    } else if (event == "operationCallDone") {
        auto const output = json_.member("output");
        if (!output) return malformed("the output of a call", output.error());
        if (question.ask == Ask::metadata_versions)
            on_metadata_versions(question, as_reply(output->text), now);
        else
            outcome = on_metadata(question, as_reply(output->text), received, now);
    } else if (event == "operationInaccessible" || event == "operationError") {
        auto const why = json_.member("error");
        bool const said = why && why->form == decoders::Form::string;
        needs_.metrics.add(SourceMetric::error_replies);
        without(question, as_refusal(said ? why->text : "inaccessible"), now);
    } else {
        return Outcome::done; // of a later version of the protocol
    }
    if (!fault_.empty()) return Outcome::fault;
    if (outcome == Outcome::done) operations_.ended(id->text);
    return outcome;
}

// Values outlive the notice they came in, for the others of the same block may come in the next.
RpcSource::Outcome RpcSource::on_items(Operations::Operation& operation, Nanoseconds received) {
    std::size_t index = 0;
    Outcome outcome = Outcome::done;
    std::size_t bytes = 0;
    for (std::string const& value : operation.values) bytes += value.size();
    auto const take = [&](decoders::JsonRpc::StorageItem const& item) {
        if (index++ < items_done_ || outcome != Outcome::done) return;
        if (operation.question.ask == Ask::asset_keys) {
            outcome = on_asset_item(item, received);
            if (outcome != Outcome::done) return;
            ++items_done_;
            outcome = Outcome::hold; // one record a turn
            return;
        }
        std::string_view const text = item.value.empty() ? item.hash : item.value;
        bytes += text.size();
        if (bytes > Operations::bytes_max) {
            outcome = malformed("more than a block's values can be", {});
            return;
        }
        std::uint8_t key[32];
        auto const size = decoders::hex_decode(item.key, key);
        bool const single =
            operation.question.ask == Ask::code_hash || operation.question.ask == Ask::holding;
        for (std::size_t i = 0; i < block_keys_count; ++i)
            if (single ? i == 0
                       : size && std::ranges::equal(pipeline::Bytes(key, *size), block_keys()[i]))
                operation.values[i].assign(text);
    };
    auto const count = json_.storage_items(take);
    if (!count) return malformed("items of a storage", count.error());
    if (outcome != Outcome::hold) items_done_ = 0;
    return outcome;
}

RpcSource::Outcome RpcSource::on_asset_item(decoders::JsonRpc::StorageItem const& item,
                                            Nanoseconds received) {
    std::uint8_t key[asset_key_bytes_max];
    auto const key_size = decoders::hex_decode(item.key, key);
    if (!key_size || item.value.empty() || item.value.size() / 2 > asset_value_bytes_max)
        return Outcome::done; // an asset that cannot be described stays unknown
    auto& arena = frames_.link().arena();
    auto const room = arena.reserve(*key_size + item.value.size() / 2);
    if (room.empty()) return Outcome::hold;
    std::copy_n(key, *key_size, room.begin());
    auto const size = decoders::hex_decode(item.value, room.subspan(*key_size));
    if (!size) return malformed("an asset's description", size.error());
    Frame frame = frame_of(received);
    frame.payload = arena.commit(*key_size + *size);
    frame.body = AssetBytes{static_cast<std::uint32_t>(*key_size)};
    frames_.emit(frame);
    ++assets_seen_;
    return Outcome::done;
}

RpcSource::Outcome RpcSource::on_storage_done(Operations::Operation const& operation,
                                              Nanoseconds received, Nanoseconds now) {
    Question const question = operation.question;
    switch (question.ask) {
    case Ask::code_hash:
        return on_code_hash(question, as_reply(operation.values[0]), received, now);
    case Ask::asset_keys:
        --assets_open_;
        ask_asset_values(now);
        return Outcome::done;
    case Ask::holding:
        if (operation.cut) break;
        return on_holding(as_reply(operation.values[0]), received, now);
    default: break;
    }
    if (operation.cut) { // the server was busy and left some keys out: nothing is known of them
        throttle_.refused(now, 0);
        follower_.postpone(question.hash, throttle_.until());
        return Outcome::done;
    }
    return take_values(question,
                       {question.hash, operation.values[0], operation.values[1],
                        operation.values[2], operation.values[3]},
                       received, now);
}

} // namespace stages
