// The pipeline of every layout: each link has one writer and one reader, and runs where it should.
#include "config/stage_options.hpp"
#include "config/topology.hpp"
#include "io/loopback_network.hpp"
#include "pipeline/sleeper.hpp"
#include "texts.hpp"

#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <set>

using namespace config;

namespace {

// As a service, over a network where nobody is.
struct Drawn {
    explicit Drawn(std::string const& text)
        : loaded(load_text(text, "f")) {
        EXPECT_TRUE(loaded.usable());
        World const world{
            loaded.config,
            clock,
            random,
            log,
            switchboard,
            [&](pipeline::Driver&) -> io::Network& { return nowhere; },
            [] { return std::unique_ptr<stages::Journal>(); },
            [](pipeline::Driver&, stages::Journal*) { return std::vector<stages::Outlet>(); },
            [](pipeline::Driver&) { return std::unique_ptr<io::UnixServer>(); },
            [] { return std::unique_ptr<stages::StateFiles>(); },
            {},
            {},
            {}};
        auto const built = build_topology(topology, world);
        EXPECT_TRUE(built) << built.error();
    }

    Loaded loaded;
    pipeline::SystemClock clock;
    io::SystemRandom random;
    pipeline::NoLog log;
    io::LoopbackNetwork nowhere{clock};
    pipeline::Switchboard switchboard{first_regime(loaded.config)};
    pipeline::Topology topology{
        clock, switchboard, pipeline::Idle::park,
        [this](std::string const&) { return std::make_unique<pipeline::Sleeper>(clock); }};
};

std::string text_of(std::string const& layout, std::string const& isolation = "process") {
    return "[service]\nlayout = \"" + layout + "\"\nisolation = \"" + isolation + "\"\n" +
           tests::chain + "[[chain]]\nname = \"ksm\"\nendpoints = [\"ws://b\"]\n" + tests::rule;
}

struct Arrow {
    std::string from, to;
};

std::map<std::string, Arrow> arrows_of(std::string const& dot) {
    std::map<std::string, Arrow> arrows;
    static std::regex const arrow(R"re("([^"]+)" -> "([^"]+)" \[label="([^"]+)")re");
    for (std::sregex_iterator at(dot.begin(), dot.end(), arrow), end; at != end; ++at)
        EXPECT_TRUE(arrows.emplace((*at)[3], Arrow{(*at)[1], (*at)[2]}).second) << (*at)[3];
    return arrows;
}

} // namespace

TEST(Wiring, gives_every_link_one_writer_and_one_reader_in_each_layout) {
    for (char const* layout : {"compact", "dedicated", "single"}) {
        Drawn const drawn(text_of(layout));
        std::string const dot = drawn.topology.dot();
        EXPECT_TRUE(dot.starts_with("digraph ")) << dot;
        EXPECT_EQ(std::count(dot.begin(), dot.end(), '{'), std::count(dot.begin(), dot.end(), '}'));
        EXPECT_EQ(std::count(dot.begin(), dot.end(), '"') % 2, 0);
        auto const arrows = arrows_of(dot);
        EXPECT_EQ(arrows.size(), drawn.topology.links().size());
        std::set<std::string> const wanted{"facts",      "candidates", "verdicts",  "frames:dot",
                                           "frames:ksm", "notes:dot",  "notes:ksm", "past:dot",
                                           "past:ksm",   "wants:dot",  "wants:ksm"};
        for (std::string const& link : wanted) EXPECT_TRUE(arrows.contains(link)) << link;
        EXPECT_EQ(arrows.at("frames:ksm").from, "source:ksm");
        EXPECT_EQ(arrows.at("frames:ksm").to, "decode");
        EXPECT_EQ(arrows.at("verdicts").to, "deliver");
        EXPECT_EQ(arrows.at("notes:dot").to, "control");
        EXPECT_EQ(arrows.at("past:ksm").from, "history:ksm");
        EXPECT_EQ(arrows.at("past:ksm").to, "decode");
        EXPECT_EQ(arrows.at("wants:ksm").from, "deliver");
        EXPECT_EQ(arrows.at("wants:ksm").to, "history:ksm");
        EXPECT_EQ(arrows.at("catch-ups:dot").to, "control");
    }
}

TEST(Wiring, spreads_stages_over_threads_as_the_layout_says) {
    auto const threads = [](std::string const& layout, std::string const& isolation) {
        std::string const table = Drawn(text_of(layout, isolation)).topology.table();
        std::string const part = table.substr(table.find("\nTHREAD"));
        std::string const body = part.substr(0, part.find("\n\n", 1));
        return std::count(body.begin(), body.end(), '\n') - 1; // less the title
    };
    EXPECT_EQ(threads("single", "thread"), 1);
    EXPECT_EQ(threads("single", "process"), 3); // one a process
    EXPECT_EQ(threads("compact", "thread"), 3); // data, deliver (which waits for the disk), control
    EXPECT_EQ(threads("compact", "process"), 4); // route is legacy's, and has one of its own
    // Two sources, two histories, decode, detect, route, enrich, deliver, control.
    EXPECT_EQ(threads("dedicated", "thread"), 10);
    EXPECT_EQ(threads("dedicated", "process"), 10);
}

TEST(Wiring, a_chain_with_subscan_brings_the_legacy_path) {
    std::string const text = tests::chain + "subscan_url = \"http://127.0.0.1:1\"\n" + tests::rule;
    for (char const* layout : {"compact", "dedicated", "single"}) {
        Drawn const drawn("[service]\nlayout = \"" + std::string(layout) + "\"\n" + text);
        auto const arrows = arrows_of(drawn.topology.dot());
        EXPECT_EQ(arrows.size(), drawn.topology.links().size());
        EXPECT_EQ(arrows.at("legacy-facts").from, "subscan");
        EXPECT_EQ(arrows.at("legacy-facts").to, "detect-legacy");
        EXPECT_EQ(arrows.at("legacy-candidates").to, "route");
        EXPECT_EQ(arrows.at("lookups").from, "enrich");
        EXPECT_EQ(arrows.at("lookups").to, "subscan");
        EXPECT_EQ(arrows.at("findings").to, "enrich");
        EXPECT_EQ(arrows.at("legacy-notes").to, "control");
    }
    EXPECT_FALSE(arrows_of(Drawn(text_of("compact")).topology.dot()).contains("lookups"));
}

TEST(Wiring, tells_how_much_memory_the_links_hold) {
    std::string const table = Drawn(text_of("compact")).topology.table();
    EXPECT_TRUE(std::regex_search(table, std::regex(R"(links hold \d+ MiB)"))) << table;
}
