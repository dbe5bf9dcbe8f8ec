// The stand-in Subscan behind an HTTP server: the wiring between io::HttpServer and
// StandinSubscan, the clock that says when a block becomes known, and answers that wait.
//
// One thread, which owns the server's poller: after each poll call turn(), then park until
// next_deadline(). What is borrowed must outlive the host.
#pragma once

#include "io/http_server.hpp"
#include "pipeline/clock.hpp"
#include "stages/standin_chain.hpp"
#include "stages/standin_subscan.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stages {

// A feed that tells what passes: each record when the next one is asked for. A node reads one
// block ahead, so that is when the block has been produced.
class ToldFeed final : public ChainFeed {
  public:
    using Tell = std::function<void(io::CaptureRecord const&)>;

    ToldFeed(std::unique_ptr<ChainFeed> feed, Tell tell);
    std::optional<io::CaptureRecord> next() override;

  private:
    std::unique_ptr<ChainFeed> feed_;
    Tell tell_;
    std::optional<io::CaptureRecord> passing_;
};

class StandinSubscanHost {
  public:
    StandinSubscanHost(io::HttpServer& server, StandinSubscan& subscan,
                       pipeline::Clock const& clock);
    StandinSubscanHost(StandinSubscanHost const&) = delete;
    StandinSubscanHost& operator=(StandinSubscanHost const&) = delete;

    // A further chain. Without a block_time all of a feed that ends is known at once; with one, the
    // first block is, and a further one each time it has passed. A sentence when the feed has no
    // chain.
    [[nodiscard]] std::expected<void, std::string>
    add(std::unique_ptr<ChainFeed> feed, std::optional<pipeline::Nanoseconds> block_time);

    // Serves what has arrived and lets become known what is due. True if there was anything to do.
    bool turn();
    pipeline::Nanoseconds next_deadline() const;

  private:
    struct Chain {
        std::size_t number = 0; // in subscan_
        std::unique_ptr<ChainFeed> feed;
        std::optional<io::CaptureRecord> ahead; // a block that is not known
        pipeline::Nanoseconds block_time = 0;
        pipeline::Nanoseconds due = pipeline::never;
    };
    struct Waiting {
        std::uint64_t connection = 0;
        pipeline::Nanoseconds due = 0;
        io::HttpResponse response;
    };

    std::expected<void, std::string> look_ahead(Chain& chain);
    bool produce(Chain& chain);
    bool serve();
    void carry_out(std::uint64_t connection, StandinReply reply);
    bool answer_late();

    io::HttpServer& server_;
    StandinSubscan& subscan_;
    pipeline::Clock const& clock_;
    std::vector<Chain> chains_;
    std::vector<Waiting> waiting_;
};

} // namespace stages
