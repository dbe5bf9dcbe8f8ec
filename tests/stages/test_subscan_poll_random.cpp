// Against a chain that grows, forks and finalizes at random, through the states of alerts: each row
// of the final chain ends as final, once, and nothing else does.
#include "stages/lifecycle.hpp"
#include "tests/stages/subscan_poller.hpp"

#include <random>

using namespace stages;
using namespace stages::polling;

namespace {

struct Chance {
    std::mt19937 random;
    unsigned below(unsigned bound) { return static_cast<unsigned>(random() % bound); }
};

// The states each row went through, by their first letters: "sf", "sr", ...
struct States {
    Lifecycle lifecycle{10'000};
    // By block, and event and amount in one.
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> of;

    void tell(SubscanPoll::Event const& event) {
        Verdict verdict;
        verdict.path = Path::legacy;
        if (auto const* told = std::get_if<Transfer>(&event)) {
            Alert alert;
            alert.match.transfer = *told;
            std::memcpy(alert.id.data(), &told->block.number, 4);
            std::memcpy(alert.id.data() + 4, &told->event_index, 4);
            std::memcpy(alert.id.data() + 8, &told->amount, 8);
            verdict.body = alert;
        }
        if (auto const* gone = std::get_if<Abandoned>(&event)) verdict.body = *gone;
        if (auto const* settled = std::get_if<Settled>(&event)) verdict.body = *settled;
        lifecycle.begin(verdict);
        while (auto const line = lifecycle.next()) {
            Transfer const& row = line->alert.match.transfer;
            auto const amount = static_cast<std::uint32_t>(row.amount);
            of[{row.block.number, row.event_index * 1'000 + amount}] +=
                to_text(line->state).front();
        }
    }
};

struct World {
    explicit World(unsigned seed)
        : chance{std::mt19937(seed)} {
        server.best = 10;
        server.finalized = 8;
        server.descending = chance.below(2) == 1;
        server.after_id_works = chance.below(4) != 0;
        SubscanPollOptions options{.start = 9, .range_max = 1 + chance.below(20)};
        options.page_rows = 5;
        options.rows_max = 200;
        poller = std::make_unique<Poller>(options);
    }
    void grow() {
        std::uint32_t const before = server.best;
        server.best += chance.below(6);
        for (std::uint32_t block = server.finalized + 1; block <= server.best; ++block) {
            if (block <= before && chance.below(4) != 0) continue; // else a fork replaces it
            server.drop(block);
            for (unsigned event = chance.below(9); event-- > 0;)
                server.add(row(block, event, 1 + chance.below(3)));
        }
        server.finalized += chance.below(server.best - server.finalized + 1);
    }
    void poll() {
        SubscanPoll& poll = poller->poll;
        poller->now = std::max(poller->now, poll.next_time());
        for (int i = 0; i < 500; ++i) {
            auto const next = poll.ask(poller->now);
            if (next.kind == SubscanAskNext::Kind::none) break;
            if (chance.below(10) == 0)
                poll.failed(static_cast<SubscanPoll::Failure>(chance.below(2)), poller->now);
            else
                poller->answer(next, server);
            for (; poll.next() != nullptr; poll.told()) states.tell(*poll.next());
            auto const soon = std::min(poll.next_time(), poller->now + 70 * pipeline::second);
            poller->now = std::max(poller->now, soon);
        }
    }
    void check() const {
        std::size_t finals = 0;
        for (auto const& [place, said] : states.of) {
            auto const found = server.rows.find({place.first, place.second / 1'000});
            bool const there =
                found != server.rows.end() && found->second.amount == place.second % 1'000;
            EXPECT_EQ(said.back(), there ? 'f' : 'r') << place.first << '/' << place.second;
            EXPECT_EQ(std::count(said.begin(), said.end(), 'f'), there ? 1 : 0) << said;
            finals += there;
        }
        auto const wanted = std::count_if(server.rows.begin(), server.rows.end(),
                                          [](auto const& one) { return one.first.first >= 9; });
        EXPECT_EQ(finals, static_cast<std::size_t>(wanted));
    }

    Chance chance;
    Server server;
    std::unique_ptr<Poller> poller;
    States states;
};

} // namespace

TEST(SubscanPollRandom, ends_with_exactly_what_the_final_chain_holds) {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE(seed);
        World world(seed);
        for (int i = 0; i < 30; ++i) {
            world.grow();
            world.poll();
        }
        world.server.finalized = world.server.best;
        for (int i = 0; i < 4; ++i) world.poll();
        EXPECT_EQ(world.poller->poll.settled(), world.server.best);
        EXPECT_EQ(world.states.lifecycle.waiting(), 0U);
        world.check();
    }
}
