// What patterns cost: processor time of a movement, memory of a million accounts, and how long
// they take to be there again after a restart.
#include "pipeline/check.hpp"
#include "tests/traffic/prove.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

namespace bench {

namespace {

constexpr double ns_max = 500;
constexpr double accounts_mib_max = 256;
constexpr double load_s_max = 2;

// Processor time of a movement, in ns. Blocks are told and judged one after the other, as they
// come. The clock ticks in milliseconds, so there is one figure of all movements.
double cost_of(traffic::Traffic const& traffic, std::vector<traffic::ToldBlock> const& blocks,
               traffic::DrivenOptions const& options) {
    traffic::Driven driven(traffic, options);
    std::size_t all = 0;
    double const since = thread_cpu_s();
    for (auto const& block : blocks) {
        driven.take(block);
        all += block.transfers.size();
    }
    return (thread_cpu_s() - since) / double(all) * 1e9;
}

double resident_mib() {
    long pages = 0;
    if (FILE* const file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
        std::fclose(file);
    }
    return double(pages) * double(sysconf(_SC_PAGESIZE)) / 1048576;
}

int print_cost(Options const& options, char const* title, traffic::Options const& of) {
    traffic::Traffic stream(of);
    // Those without a movement, too: time passes in them. As the stage before the engine has made
    // them, which is not the engine's work.
    std::vector<traffic::ToldBlock> blocks;
    std::uint64_t movements = 0;
    while (movements < options.movements) {
        blocks.push_back(traffic::told(stream.next()));
        movements += blocks.back().transfers.size();
    }
    Table const table(options, title,
                      {{"rules", -20}, {"ns", 8}, {"more than none", 15}, {"verdict", -8}});
    auto const shown = [&](std::string const& name, double cost, double none, bool judged) {
        bool const good = !judged || cost <= ns_max;
        table.row({name, fmt::format("{:.0f}", cost), fmt::format("{:.0f}", cost - none),
                   !judged ? ""
                   : good  ? "ok"
                           : "MISSED"});
        return good;
    };
    traffic::DrivenOptions driving;
    // A watch that watches nobody: the engine alone, with its accounts, log and clusters.
    driving.kinds = {stages::RuleKind::watch};
    double const none = cost_of(stream, blocks, driving);
    shown("none", none, none, false);
    driving.kinds = traffic::pattern_kinds();
    for (traffic::AccountId whale = 0; whale < 100; ++whale)
        driving.watched.push_back(stream.key(whale));
    bool const good = shown("all", cost_of(stream, blocks, driving), none, true);
    for (auto const kind : kinds_of(options)) {
        driving.kinds = {kind};
        shown(std::string(stages::to_text(kind)), cost_of(stream, blocks, driving), none, false);
    }
    return good ? 0 : 1;
}

// Seconds of processor time until another engine knows what this one knows; the file is in the
// cache.
double reload_s(traffic::Traffic const& stream, traffic::DrivenOptions const& driving,
                traffic::Driven& driven) {
    auto const path =
        std::filesystem::temp_directory_path() / fmt::format("prove_patterns.{}", getpid());
    auto const open = [&] {
        auto opened = stages::PatternStore::open(path.string(), {.bytes_max = 1 << 30});
        CHECK(opened.has_value());
        return std::move(opened->store);
    };
    CHECK(driven.engine().save(*open(), {}, traffic::traffic_decimals).has_value());
    traffic::Driven again(stream, driving);
    double const since = thread_cpu_s();
    CHECK(again.engine().load(*open(), {}).has_value());
    double const spent = thread_cpu_s() - since;
    CHECK(again.engine().accounts().size() == driven.engine().accounts().size());
    std::filesystem::remove(path);
    std::filesystem::remove(path.string() + "-lock");
    return spent;
}

int memory(Options const& options) {
    constexpr std::uint32_t accounts = 1'000'000;
    traffic::Options small = traffic_of(1);
    traffic::Traffic stream(small);
    double const before = resident_mib();
    traffic::DrivenOptions driving;
    driving.balances = false;
    driving.accounts_max = accounts;
    traffic::Driven driven(stream, driving);
    traffic::Block block;
    double spent = 0;
    traffic::Random random(7);
    for (std::uint32_t made = 0; made < 2 * accounts; made += 200) {
        block.number = small.first_block + made / 200;
        block.time_s = small.start_s + made / 200 * 6;
        block.movements.clear();
        for (std::uint32_t i = 0; i < 100; ++i) {
            traffic::Movement movement;
            movement.kind = traffic::MovementKind::transfer;
            movement.event = i;
            movement.amount = traffic::tokens(20);
            // First every one is met, then any two of them.
            std::uint32_t at = made + 2 * i;
            for (auto* party : {&movement.from, &movement.to}) {
                std::uint64_t const name = made < accounts ? at++ : random.below(accounts);
                for (std::uint64_t word = 0; word < 4; ++word) {
                    std::uint64_t const bits = traffic::mixed(traffic::mixed(name) + word);
                    std::memcpy(party->key + 8 * word, &bits, sizeof bits);
                }
                party->size = 32;
            }
            block.movements.push_back(movement);
        }
        double const since = thread_cpu_s();
        driven.take(block);
        if (made >= accounts) spent += thread_cpu_s() - since;
    }
    double const after = resident_mib();
    auto const& known = driven.engine().accounts();
    double const mib = double(known.memory_bytes()) / 1048576;
    double const load_s = reload_s(stream, driving, driven);
    bool const good = mib <= accounts_mib_max && known.size() == accounts && load_s <= load_s_max;
    Table const table(options, "memory of 1,000,000 accounts, all kinds",
                      {{"accounts", 10},
                       {"MiB", 8},
                       {"bytes each", 11},
                       {"engine MiB", 11},
                       {"ns of any two", 14},
                       {"load s", 7},
                       {"verdict", -8}});
    table.row({fmt::format("{}", known.size()), fmt::format("{:.0f}", mib),
               fmt::format("{:.0f}", double(known.memory_bytes()) / accounts),
               fmt::format("{:.0f}", after - before), fmt::format("{:.0f}", spent / 5e5 * 1e9),
               fmt::format("{:.2f}", load_s), good ? "ok" : "MISSED"});
    return good ? 0 : 1;
}

} // namespace

int cost(Options const& options) {
    traffic::Options busy = traffic_of(1);
    busy.acts_per_block = 20;
    int missed = print_cost(options, "ns of a movement, 30 in a block", busy);
    Options quiet = options;
    quiet.movements = std::max<std::uint64_t>(options.movements / 4, 1);
    missed += print_cost(quiet, "ns of a movement, 0.8 in a block: with what a block costs",
                         traffic_of(1));
    return missed + memory(options);
}

} // namespace bench
