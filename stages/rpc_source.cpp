// The connection: attempts, messages, questions without answers, silence.
#include "stages/rpc_source.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {
constexpr Nanoseconds retry_pause = pipeline::millisecond;
constexpr std::size_t questions_busy = 32; // beyond this nothing new is asked on our own initiative

double seconds(Nanoseconds time) {
    return static_cast<double>(time) / static_cast<double>(pipeline::second);
}
} // namespace

RpcSource::RpcSource(RpcSourceOptions options, Needs needs, Out<Frame> frames,
                     Out<SourceNote> notes, std::unique_ptr<RuntimeCache> runtimes)
    : options_(std::move(options))
    , needs_(needs)
    , frames_(frames)
    , notes_(notes)
    , endpoints_(options_.endpoints.size(), options_.choice, needs.random)
    , json_(options_.socket.message_bytes_max)
    , throttle_(needs.random)
    , follower_(options_.follower)
    , of_other_chain_(options_.endpoints.size())
    , contradicts_(options_.endpoints.size())
    , api_of_(options_.endpoints.size(), Api::legacy)
    , cache_(std::move(runtimes))
    , genesis_(options_.genesis) {}

bool RpcSource::tick(Turn const& turn) {
    bool const wanted =
        !options_.endpoints.empty() && (turn.regime.flags & pipeline::Flag::hybrid_rpc) != 0;
    if (turn.draining || !wanted) return fall_silent();
    if (state_ == SourceState::off) set_state(SourceState::waiting);
    if (!socket_) {
        auto const choice = endpoints_.choose(turn.now);
        if (turn.now < choice.due) return false;
        connect(choice.endpoint);
        return true;
    }
    if (held_) {
        io::WebSocketEvent const event = *held_;
        held_.reset();
        return on_event(event, turn);
    }
    io::WebSocketEvent const event = socket_->poll();
    if (event.kind != io::WebSocketEvent::Kind::none) return on_event(event, turn);
    if (overdue(turn.now)) return true;
    return act(turn.now);
}

Nanoseconds RpcSource::next_deadline() const {
    if (state_ == SourceState::off || options_.endpoints.empty()) return pipeline::never;
    if (!socket_) return endpoints_.choose(0).due;
    if (held_) return retry_at_;
    Nanoseconds earliest = socket_->next_deadline();
    if (Nanoseconds const oldest = oldest_question(); oldest != pipeline::never)
        earliest = std::min(earliest, oldest + options_.answer_timeout);
    else if (!later_.empty())
        earliest = std::min(earliest, throttle_.until());
    if (state_ != SourceState::following) return earliest;
    earliest = std::min(earliest, cadence_.suspicious_at());
    if (quiet()) return std::min(earliest, endpoints_.better_at());
    return busy() ? earliest : std::min(earliest, follower_.next_deadline());
}

bool RpcSource::fall_silent() {
    if (state_ == SourceState::off) return false;
    drop_connection();
    set_state(SourceState::off);
    return false;
}

void RpcSource::connect(std::size_t endpoint) {
    endpoint_ = endpoint;
    set_state(SourceState::connecting);
    socket_ = std::make_unique<io::WebSocketClient>(needs_.network, options_.endpoints[endpoint_],
                                                    needs_.clock, needs_.random, options_.socket);
}

// "polkadot: node.example.org:443". The path may hold a provider's key and is never logged.
std::string RpcSource::place() const {
    return options_.name + ": " + options_.endpoints[endpoint_].authority();
}

void RpcSource::drop_connection() {
    held_.reset();
    socket_.reset();
    requests_.clear();
    later_.clear();
    throttle_.start_over();
    operations_.clear();
    head_.forget();
    follow_.clear();
    items_done_ = 0;
    follower_.connection_lost();
    fetching_spec_ = 0;
    deciding_.clear();
    round_.clear();
    audit_refused_ = false;
}

void RpcSource::disconnected(std::string_view why, Nanoseconds now) {
    needs_.metrics.add(SourceMetric::disconnects);
    drop_connection();
    Blame const blame = std::exchange(blame_, {});
    endpoints_.set_aside(endpoint_, blame.aside, now, blame.wait);
    auto const next = endpoints_.choose(now);
    if (!blame.known)
        needs_.log.write(pipeline::Level::warning, "source",
                         fmt::format("{}: {}. Next attempt at {} in {:.1f} s.", place(),
                                     printable(why), options_.endpoints[next.endpoint].authority(),
                                     seconds(next.due > now ? next.due - now : 0)));
    set_state(SourceState::waiting);
}

bool RpcSource::quiet() const {
    return state_ == SourceState::following && requests_.open() == 0 && later_.empty() && !held_ &&
           operations_.empty() && follower_.next_deadline() == pipeline::never;
}

void RpcSource::go_back(std::size_t endpoint) {
    needs_.log.write(pipeline::Level::info, "source",
                     fmt::format("{}: left for {}, which is preferred", place(),
                                 options_.endpoints[endpoint].authority()));
    needs_.metrics.add(SourceMetric::disconnects);
    drop_connection();
    endpoints_.go_back(endpoint);
    set_state(SourceState::waiting);
}

bool RpcSource::on_event(io::WebSocketEvent const& event, Turn const& turn) {
    using Kind = io::WebSocketEvent::Kind;
    switch (event.kind) {
    case Kind::none: return false;
    case Kind::opened:
        needs_.metrics.add(SourceMetric::connects);
        needs_.log.write(pipeline::Level::info, "source", place() + ": connected");
        greet(turn.now);
        break;
    case Kind::closed:
        if (event.error->retry_after_s > 0)
            blame_ = {Aside::rate_limited, event.error->retry_after_s * pipeline::second};
        disconnected(io::describe(*event.error), turn.now);
        return true;
    case Kind::message:
        switch (on_message(event, turn)) {
        case Outcome::hold:
            held_ = event;
            retry_at_ = turn.now + retry_pause;
            return false;
        case Outcome::fault: break;
        case Outcome::done:
            needs_.metrics.add(SourceMetric::messages);
            needs_.metrics.add(SourceMetric::bytes, event.text.size());
            break;
        }
        break;
    }
    if (!fault_.empty()) {
        disconnected(std::exchange(fault_, {}), turn.now);
        return true;
    }
    act(turn.now);
    return true;
}

RpcSource::Outcome RpcSource::on_message(io::WebSocketEvent const& event, Turn const& turn) {
    auto const envelope = json_.parse(pipeline::as_text(event.text));
    if (!envelope) return malformed("a message that is not JSON-RPC", envelope.error());
    switch (envelope->kind) {
    case decoders::FrameKind::notification: return on_notification(*envelope, event.received, turn);
    case decoders::FrameKind::reply:
    case decoders::FrameKind::error_reply: return on_answer(*envelope, event.received, turn.now);
    case decoders::FrameKind::request: break;
    }
    return malformed("a request; nodes answer, they do not ask", {});
}

RpcSource::Outcome RpcSource::on_answer(decoders::Envelope const& envelope, Nanoseconds received,
                                        Nanoseconds now) {
    Question const* const open = envelope.has_id ? requests_.find(envelope.id) : nullptr;
    if (!open) {
        bool const forgotten = envelope.has_id && requests_.forgotten(envelope.id);
        if (!forgotten) needs_.metrics.add(SourceMetric::malformed);
        return Outcome::done; // an answer to nothing harms nobody
    }
    Question const question = *open;
    if (envelope.kind == decoders::FrameKind::error_reply) {
        needs_.metrics.add(SourceMetric::error_replies);
        on_refusal(question, envelope, now);
        return fault_.empty() ? Outcome::done : Outcome::fault;
    }
    throttle_.answered(now);
    bool const by_notice =
        question.api == Api::chain_head && Operations::weight_of(question.ask) > 0;
    if (by_notice) return on_started(question, now);
    Outcome outcome = Outcome::done;
    switch (question.ask) {
    case Ask::genesis: outcome = on_genesis(envelope); break;
    case Ask::properties: on_properties(envelope); break;
    case Ask::best_header:
        if (question.api == Api::chain_head)
            outcome = on_pinned_header(question, envelope, received, now);
        else
            outcome = on_best_header();
        break;
    case Ask::runtime_version:
    case Ask::runtime_of_parent: outcome = on_runtime_version(question, received, now); break;
    case Ask::code_hash: outcome = on_code_hash(question, envelope, received, now); break;
    case Ask::metadata_versions: on_metadata_versions(question, envelope, now); break;
    case Ask::metadata_at_version:
    case Ask::metadata: outcome = on_metadata(question, envelope, received, now); break;
    case Ask::asset_keys: outcome = on_asset_keys(question, envelope, now); break;
    case Ask::asset_value: outcome = on_asset_value(question, envelope, received, now); break;
    case Ask::holding: outcome = on_holding(envelope, received, now); break;
    case Ask::own_hash: on_own_hash(envelope); break;
    case Ask::head_hash:
    case Ask::final_hash: on_head_hash(question, envelope, now); break;
    case Ask::header:
        outcome = question.api == Api::chain_head
                    ? on_pinned_header(question, envelope, received, now)
                    : on_header(question, envelope, now);
        break;
    case Ask::events:
    case Ask::events_plain:
    case Ask::number_plain: outcome = on_fetched(question, envelope, received, now); break;
    case Ask::body: outcome = on_body(question, envelope); break;
    case Ask::subscribe_heads:
    case Ask::subscribe_finalized:
    case Ask::subscribe_runtime:
    case Ask::subscribe_storage: break; // notices are told apart by their method
    case Ask::follow: outcome = on_followed(envelope); break;
    case Ask::unpin:
    case Ask::go_on: break;
    }
    if (outcome == Outcome::done) requests_.close(question.id);
    bool const introduction = question.ask == Ask::genesis || question.ask == Ask::properties ||
                              question.ask == Ask::best_header;
    if (outcome == Outcome::done && introduction && state_ == SourceState::greeting)
        return introduced(received, now);
    return outcome;
}

bool RpcSource::overdue(Nanoseconds now) {
    std::string why;
    Nanoseconds const oldest = oldest_question();
    if (oldest != pipeline::never && now >= oldest + options_.answer_timeout)
        why = fmt::format("no answer within {:.0f} s to {}", seconds(options_.answer_timeout),
                          requests_.oldest() == oldest
                              ? method_of(requests_.front().ask, requests_.front().api)
                              : "an operation of chainHead_v1");
    else if (state_ == SourceState::following && now >= cadence_.suspicious_at())
        why = fmt::format("no new block for {:.0f} s{}", seconds(cadence_.patience()),
                          cadence_.interval() == 0
                              ? std::string()
                              : fmt::format(" (this chain makes one every {:.1f} s)",
                                            seconds(cadence_.interval())));
    if (why.empty()) return false;
    needs_.metrics.add(SourceMetric::silent);
    disconnected(why, now);
    return true;
}

bool RpcSource::act(Nanoseconds now) {
    if (!later_.empty() && may_send(later_.front().question, now)) {
        Later const next = std::move(later_.front());
        later_.pop_front();
        send(next.question, next.params, now);
        if (!fault_.empty()) disconnected(std::exchange(fault_, {}), now);
        return true;
    }
    if (state_ != SourceState::following || busy()) return false;
    if (api_ == Api::chain_head && let_go(now)) return true;
    FollowerAction const action = follower_.next(now);
    if (action.kind == FollowerAction::Kind::none) {
        auto const better = quiet() ? endpoints_.better(now) : std::nullopt;
        if (better) go_back(*better);
        return better.has_value();
    }
    on_action(action, now);
    if (!fault_.empty()) disconnected(std::exchange(fault_, {}), now);
    return true;
}

bool RpcSource::busy() const {
    bool const pins_unknown = api_ == Api::chain_head && !head_.has_numbers();
    return pins_unknown || requests_.open() + later_.size() >= questions_busy;
}

void RpcSource::ask(Question const& question, std::string_view params, Nanoseconds now) {
    if (!fault_.empty()) return;
    if (requests_.open() + later_.size() >= Requests::capacity) {
        fault("more questions are open than a node can be expected to answer");
        return;
    }
    Question tagged = question;
    tagged.api = api_;
    if (later_.empty() && may_send(tagged, now))
        send(tagged, params, now);
    else
        later_.push_back({tagged, std::string(params)});
}

bool RpcSource::may_send(Question const& question, Nanoseconds now) const {
    if (!throttle_.may_ask(now, requests_.open())) return false;
    std::size_t const weight = Operations::weight_of(question.ask);
    if (question.api == Api::legacy || weight == 0) return true;
    std::size_t const asked =
        requests_.total([](Question const& one) { return Operations::weight_of(one.ask); });
    return operations_.weight() + asked + weight <= Operations::weight_max;
}

Nanoseconds RpcSource::oldest_question() const {
    return std::min(requests_.oldest(), operations_.oldest());
}

void RpcSource::send(Question const& question, std::string_view params, Nanoseconds now) {
    if (!socket_->send_text(requests_.ask(question, params, now)))
        fault("the node does not read what it is asked");
}

RpcSource::Outcome RpcSource::fault(std::string why, Blame blame) {
    fault_ = std::move(why);
    blame_ = blame;
    return Outcome::fault;
}

RpcSource::Outcome RpcSource::malformed(std::string_view what, decoders::Error const& error) {
    needs_.metrics.add(SourceMetric::malformed);
    return fault(fmt::format("the node sent {}: {}", what, decoders::describe(error)));
}

void RpcSource::set_state(SourceState state) {
    state_ = state;
    needs_.metrics.set(SourceMetric::connected, state == SourceState::following);
    send_note();
}

void RpcSource::send_note() {
    SourceNote note;
    note.facts = facts_;
    note.chain = options_.chain;
    note.endpoint = static_cast<std::uint16_t>(endpoint_);
    note.state = state_;
    note.best = follower_.best();
    note.finalized = follower_.last_final();
    note.spec_version = current_spec_;
    note.head_unix_ms = head_unix_ms_;
    notes_.emit(note);
}

Frame RpcSource::frame_of(Nanoseconds received) const {
    Frame frame;
    frame.header.received = received;
    frame.chain = options_.chain;
    return frame;
}

} // namespace stages
