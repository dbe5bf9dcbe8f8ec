#include "stages/standin_subscan_host.hpp"

#include <algorithm>

namespace stages {

ToldFeed::ToldFeed(std::unique_ptr<ChainFeed> feed, Tell tell)
    : feed_(std::move(feed))
    , tell_(std::move(tell)) {}

std::optional<io::CaptureRecord> ToldFeed::next() {
    if (passing_) tell_(*passing_);
    passing_ = feed_->next();
    return passing_;
}

StandinSubscanHost::StandinSubscanHost(io::HttpServer& server, StandinSubscan& subscan,
                                       pipeline::Clock const& clock)
    : server_(server)
    , subscan_(subscan)
    , clock_(clock) {}

std::expected<void, std::string>
StandinSubscanHost::add(std::unique_ptr<ChainFeed> feed,
                        std::optional<pipeline::Nanoseconds> block_time) {
    Chain chain;
    chain.number = subscan_.add_chain();
    chain.feed = std::move(feed);
    auto done = look_ahead(chain);
    if (done && subscan_.index(chain.number).name().empty()) {
        done = std::unexpected("a chain without a description");
    }
    while (done && chain.ahead) {
        done = subscan_.add(chain.number, *chain.ahead);
        if (done) done = look_ahead(chain);
        if (block_time) break;
    }
    if (!done) return done;
    if (block_time && chain.ahead) {
        chain.block_time = *block_time;
        chain.due = clock_.monotonic() + *block_time;
    }
    chains_.push_back(std::move(chain));
    return {};
}

// Up to the next block, which is held back; what stands before it is known at once.
std::expected<void, std::string> StandinSubscanHost::look_ahead(Chain& chain) {
    for (;;) {
        chain.ahead = chain.feed->next();
        if (!chain.ahead || std::holds_alternative<io::CaptureBlock>(*chain.ahead)) return {};
        if (auto done = subscan_.add(chain.number, *chain.ahead); !done) return done;
    }
}

bool StandinSubscanHost::produce(Chain& chain) {
    auto const now = clock_.monotonic();
    if (now < chain.due) return false;
    // Only a chain's description can be refused, and that came first.
    bool const more =
        chain.ahead && subscan_.add(chain.number, *chain.ahead) && look_ahead(chain) && chain.ahead;
    // From the time it was due, so that the cadence does not drift; after a long pause from now on.
    chain.due = more ? std::max(chain.due + chain.block_time, now) : pipeline::never;
    return true;
}

bool StandinSubscanHost::turn() {
    bool worked = false;
    for (Chain& chain : chains_) worked = produce(chain) || worked;
    worked = serve() || worked;
    return answer_late() || worked;
}

bool StandinSubscanHost::serve() {
    bool worked = false;
    for (;;) {
        auto const event = server_.poll();
        if (event.kind == io::HttpServerEvent::Kind::none) return worked;
        worked = true;
        if (event.kind == io::HttpServerEvent::Kind::request) {
            carry_out(event.connection, subscan_.answer(event.request));
        } else {
            std::erase_if(waiting_,
                          [&](Waiting const& one) { return one.connection == event.connection; });
        }
    }
}

void StandinSubscanHost::carry_out(std::uint64_t connection, StandinReply reply) {
    switch (reply.kind) {
    case StandinReply::Kind::response:
        if (reply.delay == 0) {
            server_.respond(connection, reply.response);
        } else {
            waiting_.push_back(
                {connection, clock_.monotonic() + reply.delay, std::move(reply.response)});
        }
        break;
    case StandinReply::Kind::raw:
        server_.send_raw(connection, pipeline::as_bytes(reply.raw));
        server_.drop(connection);
        break;
    case StandinReply::Kind::drop: server_.drop(connection); break;
    case StandinReply::Kind::silence: break;
    }
}

bool StandinSubscanHost::answer_late() {
    auto const now = clock_.monotonic();
    return std::erase_if(waiting_, [&](Waiting const& one) {
               if (now < one.due) return false;
               server_.respond(one.connection, one.response);
               return true;
           }) > 0;
}

pipeline::Nanoseconds StandinSubscanHost::next_deadline() const {
    auto deadline = server_.next_deadline();
    for (Chain const& chain : chains_) deadline = std::min(deadline, chain.due);
    for (Waiting const& one : waiting_) deadline = std::min(deadline, one.due);
    return deadline;
}

} // namespace stages
