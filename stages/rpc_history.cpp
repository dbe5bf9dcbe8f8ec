// The connection: when there is one and to whom, questions without answers, how it is going.
#include "stages/rpc_history.hpp"

#include "decoders/hex.hpp"
#include "decoders/storage_key.hpp"
#include "stages/rpc_requests.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr Nanoseconds look_again = pipeline::millisecond;
constexpr Nanoseconds note_interval = pipeline::second;
constexpr Nanoseconds finalized_interval = 6 * pipeline::second;
constexpr Nanoseconds wait_for_other_max = 60 * pipeline::second;
constexpr std::size_t questions_busy = 96; // leaves room for what follows from their answers
constexpr unsigned fruitless_max = 3;      // connections of each endpoint
constexpr std::size_t trouble_bytes_max = 200;

double seconds(Nanoseconds time) {
    return static_cast<double>(time) / static_cast<double>(pipeline::second);
}

template <class Keys>
std::string keys_list(Keys const& keys) {
    std::vector<std::vector<std::uint8_t>> list;
    list.reserve(keys.size());
    for (auto const& key : keys) list.emplace_back(key.begin(), key.end());
    return keys_params(list);
}

template <class Keys>
std::string items_list(Keys const& keys) {
    std::string text = "[";
    for (auto const& key : keys)
        text += fmt::format(R"({}{{"key":"{}","type":"value"}})", text.size() > 1 ? "," : "",
                            decoders::hex_text(key));
    return text + ']';
}

} // namespace

std::array<std::array<std::uint8_t, 32>, RpcHistory::keys_count> const& RpcHistory::keys() {
    static std::array const keys{
        decoders::system_events_key(), decoders::system_number_key(), decoders::timestamp_now_key(),
        decoders::last_runtime_upgrade_key(), decoders::system_parent_hash_key()};
    return keys;
}

RpcHistory::RpcHistory(RpcHistoryOptions options, Needs needs, Out<Frame> frames,
                       Out<HistoryNote> notes)
    : options_(std::move(options))
    , needs_(needs)
    , frames_(frames)
    , notes_(notes)
    , endpoints_(options_.endpoints.size(), options_.choice, needs.random)
    , json_(options_.socket.message_bytes_max)
    , backfill_(options_.backfill)
    , again_state_(options_.again ? Again::waits : Again::none)
    , parcels_(options_.backfill.window_max + 2)
    , keys_text_(keys_list(keys()))
    , archive_items_(items_list(keys()))
    , genesis_(options_.genesis) {}

void RpcHistory::on(pipeline::Part<Want> const& part, Turn const& turn) {
    Want const& want = part.message;
    CHECK(want.count <= Want::stretches_max);
    if (options_.endpoints.empty()) return; // nobody could be asked
    if (!genesis_ && want.genesis != Hash{}) genesis_ = want.genesis;
    wants_.assign(want.stretches.begin(), want.stretches.begin() + want.count);
    begin_again();
    want_all(turn.now);
    begin_progress(turn.now);
}

bool RpcHistory::tick(Turn const& turn) {
    wake_at_ = pipeline::never;
    bool const on =
        !options_.endpoints.empty() && (turn.regime.flags & pipeline::Flag::hybrid_rpc) != 0;
    if (turn.draining || !on) return fall_silent(turn.now);
    if (tell(turn.now) || again_due(turn.now)) return true;
    if (!backfill_.wanting()) return rest(turn.now);
    idle_since_ = pipeline::never;
    if (!socket_) return connect(turn.now);
    io::WebSocketEvent const event = socket_->poll();
    if (event.kind != io::WebSocketEvent::Kind::none) return on_event(event, turn.now);
    return overdue(turn.now) || act(turn.now);
}

Nanoseconds RpcHistory::next_deadline() const {
    if (!socket_) return wake_at_;
    Nanoseconds earliest = std::min(wake_at_, socket_->next_deadline());
    if (questions_.open() > 0)
        earliest = std::min(earliest, questions_.oldest() + options_.answer_timeout);
    if (idle_since_ != pipeline::never)
        earliest = std::min(earliest, idle_since_ + options_.linger);
    return earliest;
}

bool RpcHistory::fall_silent(Nanoseconds now) {
    if (state_ == SourceState::off) return false;
    close_connection();
    set_state(SourceState::off, now);
    return false;
}

// Nothing is wanted: the connection is kept for a while, because holes come in groups.
bool RpcHistory::rest(Nanoseconds now) {
    if (progress_.running()) {
        say(pipeline::Level::info, progress_.end(missing_in_run_, now));
        trouble_.clear();
        send_note(now);
    }
    if (!socket_) {
        if (state_ != SourceState::off) set_state(SourceState::off, now);
        return false;
    }
    if (idle_since_ == pipeline::never) idle_since_ = now;
    if (now >= idle_since_ + options_.linger) {
        close_connection();
        set_state(SourceState::off, now);
        return false;
    }
    io::WebSocketEvent const event = socket_->poll();
    return event.kind != io::WebSocketEvent::Kind::none && on_event(event, now);
}

// Whom to ask for what is lowest. What nobody has is given up on the way.
std::optional<Endpoints::Choice> RpcHistory::choose(Nanoseconds now) {
    while (auto const lowest = backfill_.lowest()) {
        if (auto const choice = endpoints_.choose(now, *lowest)) return choice;
        backfill_.give_up({0, *endpoints_.gone_to(now)}, "no endpoint keeps state that old", now);
    }
    return std::nullopt;
}

bool RpcHistory::connect(Nanoseconds now) {
    auto const choice = choose(now);
    if (!choice) return true; // all of it was given up, which is to be told
    if (choice->due > now) {
        wake_at_ = choice->due;
        if (state_ != SourceState::waiting) set_state(SourceState::waiting, now);
        return backfill_.missing().has_value();
    }
    endpoint_ = choice->endpoint;
    told_before_ = told_;
    socket_ = std::make_unique<io::WebSocketClient>(needs_.network, options_.endpoints[endpoint_],
                                                    needs_.clock, needs_.random, options_.socket);
    set_state(SourceState::connecting, now);
    return true;
}

// While reading: is this the endpoint to ask? False: it is.
bool RpcHistory::steer(Nanoseconds now) {
    if (auto const height = backfill_.pruned()) {
        needs_.metrics.add(HistoryMetric::pruned);
        endpoints_.pruned(endpoint_, *height, now);
        say(pipeline::Level::warning,
            fmt::format("{} has no state of block {} and below",
                        options_.endpoints[endpoint_].authority(), grouped(*height)));
    }
    auto const choice = choose(now);
    if (!choice) return true;
    if (endpoints_.is_pruned(endpoint_, *backfill_.lowest(), now)) {
        if (choice->due <= now + wait_for_other_max) {
            close_connection();
            set_state(SourceState::waiting, now);
            return true;
        }
        // Whoever may have it is out of reach for long: what can be read is read meanwhile.
        backfill_.give_up({0, endpoints_.pruned_to(endpoint_)},
                          "no endpoint within reach keeps state that old", now);
        return true;
    }
    // One that was found to lack what is wanted is no better, however long ago that was.
    auto const better = endpoints_.better(now);
    if (!better || endpoints_.is_pruned(*better, *backfill_.lowest(), 0)) return false;
    say(pipeline::Level::info,
        fmt::format("going back to {}", options_.endpoints[*better].authority()));
    endpoints_.go_back(*better);
    close_connection();
    set_state(SourceState::waiting, now);
    return true;
}

void RpcHistory::close_connection() {
    socket_.reset();
    questions_.clear();
    backfill_.disconnected();
    fetching_ = {};
    fault_.reset();
    idle_since_ = behind_since_ = pipeline::never;
}

// The connection, or the attempt at one, ends with a fault of the endpoint.
void RpcHistory::leave(Aside why, std::string_view text, Nanoseconds now, Nanoseconds wait) {
    needs_.metrics.add(HistoryMetric::disconnects);
    trouble_ = printable(text.substr(0, trouble_bytes_max));
    std::string const from = place();
    bool const reading = state_ == SourceState::following && why != Aside::rate_limited;
    auto const lowest = backfill_.lowest();
    endpoints_.set_aside(endpoint_, why, now, wait);
    close_connection();
    if (reading && lowest && told_ == told_before_) {
        // Perhaps it is the next block that ends connections: it is asked for alone.
        fruitless_ = fruitless_at_ == *lowest ? fruitless_ + 1 : 1;
        fruitless_at_ = *lowest;
        backfill_.be_careful();
        if (fruitless_ >= fruitless_max * endpoints_.count()) {
            backfill_.give_up({*lowest, *lowest}, trouble_, now);
            fruitless_ = 0;
        }
    }
    std::string next;
    if (auto const choice = choose(now))
        next = fmt::format(" Next attempt at {} in {:.1f} s.",
                           options_.endpoints[choice->endpoint].authority(),
                           seconds(choice->due > now ? choice->due - now : 0));
    needs_.log.write(pipeline::Level::warning, "history",
                     fmt::format("{}: {}.{}", from, trouble_, next));
    set_state(SourceState::waiting, now);
}

void RpcHistory::fault(std::string text, Aside why, Nanoseconds wait) {
    if (!fault_) fault_ = Fault{why, wait, std::move(text)};
}

void RpcHistory::malformed(std::string_view what, decoders::Error const& error) {
    needs_.metrics.add(HistoryMetric::malformed);
    fault(fmt::format("the node sent {}: {}", what, decoders::describe(error)));
}

bool RpcHistory::overdue(Nanoseconds now) {
    if (questions_.open() == 0 || now < questions_.oldest() + options_.answer_timeout) return false;
    needs_.metrics.add(HistoryMetric::silent);
    leave(Aside::failed,
          fmt::format("no answer within {:.0f} s to {}", seconds(options_.answer_timeout),
                      method_of(questions_.oldest_ask())),
          now);
    return true;
}

bool RpcHistory::act(Nanoseconds now) {
    if (state_ != SourceState::following) return false;
    if (auto const line = progress_.line(backfill_.left(), now)) say(pipeline::Level::info, *line);
    if (now >= noted_at_ + note_interval) send_note(now);
    wake_at_ = std::min({wake_at_, noted_at_ + note_interval, backfill_.next_time(now)});
    if (steer(now) || !keep_up(now)) return true;
    if (frames_.link().waiting() > options_.frames_waiting_max) {
        wake_at_ = std::min(wake_at_, now + look_again);
        return false;
    }
    if (questions_.open() >= questions_busy) return false;
    BackfillAsk const next = backfill_.ask(now);
    if (next.kind == BackfillAsk::Kind::none) return false;
    if (next.kind == BackfillAsk::Kind::block) {
        ask_block(next.number, next.hash, now);
    } else if (dialect_ != Dialect::archive && next.numbers.size() > 1) {
        ask({.ask = HistoryAsk::hashes, .number = next.number, .batch = next.id},
            fmt::format("[{}]", fmt::join(next.numbers, ",")), now);
    } else {
        bool const archive = dialect_ == Dialect::archive;
        ask({.ask = archive ? HistoryAsk::archive_hash : HistoryAsk::hash,
             .number = next.number,
             .batch = next.id},
            std::to_string(next.number), now);
    }
    if (fault_) leave(fault_->why, std::string(fault_->text), now, fault_->wait);
    return true;
}

// Where nothing wanted is final at this node yet, it is asked from time to time. False: it was
// left, because it does not come along.
bool RpcHistory::keep_up(Nanoseconds now) {
    if (!backfill_.ahead_of_node()) {
        behind_since_ = pipeline::never;
        return true;
    }
    if (behind_since_ == pipeline::never) behind_since_ = now;
    if (now >= behind_since_ + options_.behind_max) {
        leave(Aside::failed,
              fmt::format("block {} is not final there", grouped(*backfill_.lowest())), now);
        return false;
    }
    if (now >= finalized_asked_ + finalized_interval) ask_finalized(now);
    wake_at_ = std::min(wake_at_, finalized_asked_ + finalized_interval);
    return true;
}

void RpcHistory::ask(HistoryQuestion question, std::string_view params, Nanoseconds now) {
    if (fault_) return;
    if (questions_.open() >= HistoryQuestions::capacity)
        return fault("more questions are open than a node can be expected to answer");
    if (!socket_->send_text(questions_.ask(std::move(question), params, now)))
        fault("the node does not read what it is asked");
}

// "polkadot: node.example.org:443". The path may hold a provider's key and is never logged.
std::string RpcHistory::place() const {
    return options_.name + ": " + options_.endpoints[endpoint_].authority();
}

void RpcHistory::say(pipeline::Level level, std::string const& text) {
    needs_.log.write(level, "history", options_.name + ": " + text);
}

void RpcHistory::set_state(SourceState state, Nanoseconds now) {
    state_ = state;
    needs_.metrics.set(HistoryMetric::connected, state == SourceState::following);
    send_note(now);
}

void RpcHistory::send_note(Nanoseconds now) {
    noted_at_ = now;
    HistoryNote note;
    note.chain = options_.chain;
    note.endpoint = static_cast<std::uint16_t>(endpoint_);
    note.state = state_;
    note.next = backfill_.lowest().value_or(0);
    note.left = backfill_.left();
    note.told = told_;
    note.blocks_per_second = progress_.running() ? progress_.rate(now) : 0;
    note.trouble.assign(trouble_);
    notes_.emit(note);
    needs_.metrics.set(HistoryMetric::left, note.left);
}

} // namespace stages
