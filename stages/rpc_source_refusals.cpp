// Questions the node answered with an error: what that means for each, and what is done instead.
#include "stages/rpc_source.hpp"

#include <fmt/format.h>

namespace stages {

namespace {

// Without an answer to these a chain cannot be followed by the older methods.
bool is_needed(Ask ask) {
    return ask == Ask::genesis || ask == Ask::best_header || ask == Ask::runtime_version ||
           ask == Ask::subscribe_heads || ask == Ask::subscribe_finalized;
}

} // namespace

// The node answered with an error.
void RpcSource::on_refusal(Question const& question, decoders::Envelope const& reply,
                           Nanoseconds now) {
    Refusal const refusal = read_refusal(reply);
    if (refusal.kind == Refusal::Kind::limit) return on_limit(question, reply, refusal.wait, now);
    throttle_.answered(now);
    requests_.close(question.id);
    bool const unknown = refusal.kind == Refusal::Kind::unknown_method;
    if (unknown && api_ == Api::legacy && is_needed(question.ask)) return speak_chain_head(now);
    // Neither set of methods: perhaps the other one is there again next time.
    if (unknown && (question.ask == Ask::follow || question.ask == Ask::genesis))
        api_of_[endpoint_] = Api::legacy;
    bool const gone = refusal.kind == Refusal::Kind::pruned;
    if (gone && question.ask == Ask::header) return follower_.header_missing(question.hash);
    if (gone && question.ask == Ask::holding) return holding_missed();
    bool const of_state = question.ask == Ask::events || question.ask == Ask::events_plain ||
                          question.ask == Ask::number_plain;
    if (of_state && gone) return state_is_gone(question);
    without(question, reply, now);
}

// What is done where the answer is not to be had.
void RpcSource::without(Question const& question, decoders::Envelope const& reply,
                        Nanoseconds now) {
    auto const give_up = [&] {
        fault(fmt::format("the node refused {}: {} (code {})",
                          method_of(question.ask, question.api), reply.error_message.substr(0, 200),
                          reply.error_code));
    };
    switch (question.ask) {
    case Ask::genesis:
    case Ask::best_header:
    case Ask::runtime_version:
    case Ask::metadata:
    case Ask::subscribe_heads:
    case Ask::subscribe_finalized:
    case Ask::follow: give_up(); break;
    case Ask::properties:
        on_properties(reply);
        introduced(now, now);
        break;
    case Ask::code_hash: ask_metadata(question, now); break;
    case Ask::metadata_versions:
    case Ask::metadata_at_version: // runtimes before the versioned API
        ask_plain_metadata(question, now);
        break;
    case Ask::asset_keys:
    case Ask::asset_value:
        --assets_open_;
        ask_asset_values(now);
        break;
    case Ask::own_hash: // of these nothing is learned, and nothing lost:
    case Ask::head_hash:
    case Ask::final_hash:
    case Ask::unpin:
    case Ask::go_on:
    case Ask::subscribe_runtime: // upgrades are still seen in System.LastRuntimeUpgrade
        break;
    case Ask::subscribe_storage:
        follower_.set_grace(0);
        needs_.log.write(pipeline::Level::warning, "source",
                         place() + ": no state_subscribeStorage; every block is asked for");
        break;
    case Ask::header: follower_.header_failed(question.hash, now); break;
    case Ask::body: body_missing(question, reply.error_message.substr(0, 200)); break;
    case Ask::events:
        if (question.api == Api::chain_head) return follower_.events_failed(question.hash, now);
        ask({.ask = Ask::events_plain, .hash = question.hash, .number = question.number},
            storage_params(block_keys()[0], question.hash), now);
        break;
    case Ask::events_plain:
    case Ask::number_plain: follower_.events_failed(question.hash, now); break;
    case Ask::holding: holding_refused(reply.error_message.substr(0, 200)); break;
    case Ask::runtime_of_parent: // better the newest runtime than none
        decide(question.block, current_spec_);
        follower_.postpone(question.block, now + options_.follower.grace);
        break;
    }
}

void RpcSource::on_limit(Question const& question, decoders::Envelope const& reply,
                         Nanoseconds wait, Nanoseconds now) {
    hold_back(question,
              fmt::format("{} (code {})", reply.error_message.substr(0, 200), reply.error_code),
              wait, now);
}

// The question is none the worse for it: it is asked again when the node has rested.
void RpcSource::hold_back(Question const& question, std::string_view why, Nanoseconds wait,
                          Nanoseconds now) {
    needs_.metrics.add(SourceMetric::limited);
    later_.push_back({question, requests_.take(question.id)});
    bool const first = throttle_.refused(now, wait);
    bool const too_long = wait > options_.answer_timeout; // others would be asked before that
    if (too_long || throttle_.hopeless()) {
        fault(fmt::format("the node answers nothing but that it is asked too often: {}", why),
              {.aside = Aside::rate_limited, .wait = wait});
        return;
    }
    if (!first) return;
    needs_.log.write(pipeline::Level::warning, "source",
                     fmt::format("{}: the node limits how often it may be asked: {}. It is asked "
                                 "again in {:.2f} s, and more slowly.",
                                 place(), printable(why),
                                 static_cast<double>(throttle_.until() - now) / 1e9));
}

} // namespace stages
