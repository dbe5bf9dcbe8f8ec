// What every benchmark with a load and services does: start the load, start those who read it, wait
// until all of them listen, play, and collect when everything was sent.
//
//   open() ─▶ services started by their owner ─▶ begin() ─▶ poll ... ─▶ finish()
//
// The parent's thread, before any other is started. Failures are sentences for a person; they hold
// the last words of the process that failed.
#pragma once

#include "config/bench_crew.hpp"
#include "config/bench_load.hpp"

#include <expected>
#include <set>
#include <string>
#include <vector>

namespace config {

class BenchRun {
  public:
    // Both must outlive it.
    BenchRun(BenchCrew& crew, LoadPlan const& plan, pipeline::Clock const& clock);

    using Done = std::expected<void, std::string>;
    [[nodiscard]] Done open();
    // Every chain of `awaited` is followed and `ready` holds: the load is told to start, and says
    // when. Lines that are not the load's go to on_line, always.
    [[nodiscard]] Done begin(std::set<std::size_t> const& awaited,
                             std::function<bool()> const& ready, pipeline::Nanoseconds patience,
                             BenchCrew::OnLine const& on_line);
    // Ends the load and takes its times.
    [[nodiscard]] Done finish(BenchCrew::OnLine const& on_line);

    // For BenchCrew::poll: takes the load's own lines.
    BenchCrew::OnLine listening(BenchCrew::OnLine on_line);

    std::string url(std::size_t chain) const;
    std::string subscan_url(std::size_t chain) const;
    pipeline::Nanoseconds start() const { return start_; }
    pipeline::Nanoseconds finished() const { return finished_; } // 0: it still plays
    // When a chain was first followed; 0: nobody does.
    pipeline::Nanoseconds followed(std::size_t chain) const { return followed_[chain]; }
    // By chain and place - 1; after finish().
    std::vector<std::vector<pipeline::Nanoseconds>> const& sent() const { return sent_; }
    BenchCrew::Who load() const { return load_; }

    // A service or a reader that ended before it was asked to: its last words.
    std::string trouble(std::vector<BenchCrew::Who> const& members);

  private:
    void take(std::string_view line);

    BenchCrew& crew_;
    LoadPlan const& plan_;
    pipeline::Clock const& clock_;
    BenchCrew::Who load_ = 0;
    std::uint16_t port_ = 0;
    std::uint16_t subscan_port_ = 0;
    pipeline::Nanoseconds start_ = 0;
    pipeline::Nanoseconds finished_ = 0;
    std::vector<pipeline::Nanoseconds> followed_;
    std::vector<std::vector<pipeline::Nanoseconds>> sent_;
};

// A certificate for 127.0.0.1 and its key, signed by nobody but itself, made by the openssl
// program: certificate.pem and key.pem in the folder.
[[nodiscard]] std::expected<void, std::string>
make_certificate(BenchCrew& crew, pipeline::Clock const& clock, std::string const& folder);

} // namespace config
