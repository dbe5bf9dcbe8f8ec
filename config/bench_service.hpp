// The service under test, as a user would run it: a configuration file, `spyhop run -c` of this
// very binary, alerts from its stdout, questions over its admin socket. And what its alerts say,
// read again by a parser of JSON, not by what wrote them.
//
// Blocking; the parent's thread. Failures are sentences.
#pragma once

#include "config/bench_crew.hpp"

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace config {

struct ServicePlan {
    struct Chain {
        std::string name;
        std::string url;         // of its node; empty: none
        std::string subscan_url; // empty: none
        std::string more{};      // further keys of [[chain]]
    };
    std::string name;      // also of its folder
    std::string folder;    // where configuration and socket lie, and the state unless state_dir
    std::string state_dir; // empty: in the folder
    std::vector<Chain> chains;
    std::string level;     // of the rule, whole tokens
    std::string ca_file{}; // trusted besides the system's certificates
    std::string service{}; // further keys of [service]
    std::string flags{};   // keys of [flags]
    std::string more{};    // further tables
    bool subscan = false;  // there is a [subscan] table
    std::string sink = "-";
};

class BenchService {
  public:
    // Writes the configuration; starts nothing.
    [[nodiscard]] static std::expected<BenchService, std::string> make(ServicePlan plan);

    void start(BenchCrew& crew);
    BenchCrew::Who who() const { return who_; }
    std::string const& name() const { return plan_.name; }
    ServicePlan const& plan() const { return plan_; }

    // The text of an answer, or nothing while it cannot be reached.
    std::optional<std::string> ask(std::string_view line) const;
    // Every metric, by name with labels; empty while it cannot be reached.
    std::map<std::string, double> metrics() const;
    // A drill of `spyhop rollback`: from the command to the obedience of the routing stage,
    // nanoseconds, as the service says it. Nothing where it cannot be drilled.
    std::optional<double> drill() const;
    // Every chain does as it says: "following", "polling".
    bool all_chains(std::string_view state) const;

  private:
    explicit BenchService(ServicePlan plan)
        : plan_(std::move(plan)) {}
    std::string config_path() const { return plan_.folder + "/" + plan_.name + ".toml"; }
    std::string socket_path() const { return plan_.folder + "/" + plan_.name + ".sock"; }

    ServicePlan plan_;
    BenchCrew::Who who_ = 0;
};

// Summed over all labels.
double metric_sum(std::map<std::string, double> const& metrics, std::string_view name);

// What a benchmark wants to know of an alert's line.
struct AlertSaid {
    std::string chain;
    std::string state;
    std::uint32_t block = 0;
    std::uint32_t event = 0;
    double received_to_emitted_ns = 0;
    std::optional<double> block_to_emitted_ms;
    bool amended = false;
};
class AlertReader {
  public:
    AlertReader();
    ~AlertReader();
    AlertReader(AlertReader const&) = delete;
    AlertReader& operator=(AlertReader const&) = delete;
    [[nodiscard]] std::optional<AlertSaid> read(std::string_view line);

  private:
    struct Parser;
    std::unique_ptr<Parser> parser_;
};

// Which lines count. An alert is told once, when it is first named: as seen, or as final where its
// block was read late (as Subscan's are). What is named again in the same state is told too often.
class FirstTold {
  public:
    enum class Line { first, again, other }; // other: the next state of what was told
    Line look(AlertSaid const& alert);

  private:
    std::map<std::string, std::unordered_map<std::uint64_t, unsigned>, std::less<>> states_;
};

} // namespace config
