// The simulated world: clock, network, nodes, Subscan, disk, people, and the life of the service in
// the middle of them. run() plays a scenario to its end, looks at every step, heals everything, and
// says what was wrong.
//
// The same scenario gives the same run, byte for byte: time is a number, every order is drawn from
// the seed, nothing asks the machine. One thread; one world at a time (its disk is SQLite's).
#pragma once

#include "chain.hpp"
#include "life.hpp"
#include "operators.hpp"
#include "oracle.hpp"
#include "patterns_oracle.hpp"
#include "scenario.hpp"
#include "speakers.hpp"

#include "config/subscan_server.hpp"
#include "stages/standin_host.hpp"

#include <deque>

namespace sim {

struct Outcome {
    std::string wrong;  // empty: all is well
    std::string alerts; // the stream, as it was in the end
    std::uint64_t steps = 0, blocks = 0, lines = 0, alerts_told = 0, lives = 0, part_deaths = 0,
                  requests = 0, answers = 0, healed_after_ms = 0, wrong_rows = 0, pairs = 0,
                  legacy_wrong = 0, faults_of_disk = 0, turns_judged = 0, pins_judged = 0,
                  patterns = 0;
    std::array<bool, kinds> met{}; // events that came to pass
    std::vector<std::string> log;  // the last words of the service
};

struct Manner {
    bool verbose = false; // the whole log
    // How often what nobody could give is waited for, ten minutes each, before it is a failure:
    // Subscan may refuse for good twice, three requests each (scenario.cpp).
    int pauses = 7;
};
Outcome run(Scenario const& scenario, Manner manner = {});

// Where two texts part: ", 70 and 60 bytes, from byte 58:" and the lines from a little before it.
std::string difference(std::string const& a, std::string const& b);

// Keeps the last words.
class LastWords final : public pipeline::Log {
  public:
    explicit LastWords(pipeline::ManualClock const& clock, bool all)
        : clock_(clock)
        , all_(all) {}
    void write(pipeline::Level level, std::string_view component, std::string_view text) override;
    std::deque<std::string> words;

  private:
    pipeline::ManualClock const& clock_;
    bool const all_;
};

struct SimNode {
    std::unique_ptr<io::WebSocketServer> server;
    std::unique_ptr<stages::StandinHost> host;
    stages::StandinNode* node = nullptr; // of the host
};

// A chain with everything that serves it. Feeds die before their chain.
struct Site {
    Site(Scenario const& scenario, std::size_t index, Speakers const& speakers, ChainPlan plan)
        : chain(std::move(plan))
        , oracle(scenario, index, chain, speakers)
        , patterns(chain) {}
    Site(Site const&) = delete;
    Site& operator=(Site const&) = delete;

    Chain chain;
    Oracle oracle;
    PatternsOracle patterns;
    std::unique_ptr<config::SubscanServer> subscan; // its feed tells it
    std::vector<SimNode> nodes;
    std::uint32_t last = 0; // block up to which all has to be said

    std::uint32_t finalized() const;
};

class World {
  public:
    World(Scenario const& scenario, Manner manner);
    ~World();
    Outcome run();

  private:
    void add_site(std::size_t index);
    void add_node(std::size_t site, std::size_t index);
    void add_subscan(std::size_t site);

    // ---- time (world.cpp)
    bool step(); // one pass of everything; true if anything moved
    bool pass(pipeline::Nanoseconds time);
    bool turn_service();
    void hear(Answered const& said);
    void press(Kind kind, std::uint64_t value);
    void suspect(std::optional<std::string> const& wrong);
    bool look();
    bool heal();
    bool pins_outlive_a_restart();
    std::string finish();
    std::string check_end();
    std::string check_comparison() const;
    bool fail(std::string const& why);
    bool frozen(std::size_t site) const;
    pipeline::Nanoseconds since_start() const { return clock_.now - started_; }

    // ---- faults (world_faults.cpp)
    void begin_due();
    void begin(Event const& event);
    void begin_end(Event const& event);
    void set_windows();
    bool in_window(Kind kind) const;
    void start_life();
    void end_life(bool power);
    void bury(Process process);
    void restart_in_order();
    void tend_the_dead();
    void meet(Kind kind) { outcome_.met[static_cast<std::size_t>(kind)] = true; }

    Scenario const scenario_;
    Manner const manner_;
    pipeline::ManualClock clock_;
    io::SeededRandom random_;  // the service's
    io::SeededRandom order_;   // of turns and time
    io::SeededRandom weather_; // of the network
    LastWords log_;
    io::LoopbackNetwork network_;
    MemoryDisk disk_;
    AlertStream stream_;
    std::deque<std::pair<pipeline::Nanoseconds, std::size_t>> sizes_; // of the stream, by time
    Speakers speakers_;
    StreamReader reader_;
    std::vector<std::unique_ptr<Site>> sites_; // by chain
    config::Loaded loaded_;
    std::unique_ptr<Life> life_;
    Operators operators_;

    pipeline::Nanoseconds const started_;
    std::vector<Event> due_;                                    // of time, latest first
    std::vector<std::pair<Event, pipeline::Nanoseconds>> open_; // windows, and when they end
    std::array<pipeline::Nanoseconds, pipeline::all_processes.size()> seen_at_{};   // a death
    std::array<pipeline::Nanoseconds, pipeline::all_processes.size()> return_at_{}; // its successor
    pipeline::Nanoseconds start_at_ = 0; // of the next life, while there is none
    bool draining_ = false;
    pipeline::Nanoseconds drain_until_ = 0;
    bool healing_ = false;
    bool finishing_ = false; // the life that ends is the last one
    std::string suspicion_;  // what was wrong beside the stream
    Outcome outcome_;
};

} // namespace sim
