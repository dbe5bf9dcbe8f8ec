// The comparator beside a chain whose truth is known, over a link that loses twins: what it says is
// true, whatever was lost on the way.
#include "stages/shadow.hpp"

#include "stages/shadow_figures.hpp"
#include "tests/stages/shadow_fixture.hpp"

#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <random>
#include <set>

using namespace stages;
using namespace stages::testing;

namespace {

using Told = std::optional<Said>; // nothing: not told
struct Event {
    Told chain, hybrid, legacy;
};

class World {
  public:
    World(std::uint64_t seed, unsigned fault_percent, unsigned loss_percent)
        : random_(seed)
        , loss_percent_(loss_percent) {
        shadow_.emplace(ShadowOptions{.chains = {{"one", true, {.blocks = 256}}}}, page_,
                        pipeline::Outs<Want>({&wants_}), notes_, mismatches_);
        turn_.now = pipeline::second;
        turn_.unix_ms = 1'700'000'000'000;
        for (Twin const& twin : {block_end(first - 1), finalized(first - 1), settled(first - 1)})
            push(twin);
        settled_ = first - 1;
        for (std::uint32_t number = first; number <= last + 20; ++number) {
            if (number <= last) happen(number, fault_percent);
            hybrid_block(number);
            if (number % 4 == 0) poll(number);
            if (number == last) loss_percent_ = 0; // so that everything comes to an end
        }
        for (int i = 0; i < 4; ++i) pass();
    }

    static constexpr std::uint32_t first = 11, last = 120;
    using Place = std::pair<std::uint32_t, std::uint32_t>; // block, event

    std::map<Place, Event> events;
    std::vector<ShadowMismatch> told;
    Shadow const& shadow() const { return *shadow_; }
    std::uint64_t lost() const { return page_.read(ShadowMetric::gaps); }

  private:
    bool chance(unsigned percent) { return random_() % 100 < percent; }

    // Losses come in bursts, as they do where a link is full.
    void push(Twin twin) {
        if (burst_ == 0 && chance(loss_percent_)) burst_ = 1 + random_() % 12;
        twin.header.sequence = sequence_++;
        if (burst_ > 0) {
            --burst_;
            return;
        }
        shadow_->on({twin, {}}, turn_);
    }

    void happen(std::uint32_t number, unsigned fault_percent) {
        for (std::uint32_t at = 0; at < random_() % 4; ++at) {
            Event event;
            Said const said{.number = number, .event = at, .amount = 100 + at};
            if (!chance(fault_percent)) event.chain = said;
            for (Told* path : {&event.hybrid, &event.legacy}) {
                *path = event.chain;
                // Invented, lost, or changed.
                if (chance(fault_percent)) *path = event.chain ? Told{} : Told{said};
                if (*path && chance(fault_percent))
                    (*path)->amount += 1 + static_cast<std::uint32_t>(random_() % 2);
            }
            events[{number, at}] = event;
        }
    }

    template <class Each>
    void each_event(std::uint32_t number, Each const& each) {
        for (auto at = events.lower_bound({number, 0});
             at != events.end() && at->first.first == number; ++at)
            each(at->second);
    }

    void hybrid_block(std::uint32_t number) {
        each_event(number, [&](Event const& event) {
            if (event.hybrid) push(hybrid(*event.hybrid));
        });
        push(block_end(number));
        push(finalized(number - 3));
    }

    void poll(std::uint32_t best) {
        std::uint32_t const final_to = best - 5;
        for (std::uint32_t number = settled_ + 1; number <= best; ++number)
            each_event(number, [&](Event const& event) {
                if (!event.legacy) return;
                bool const fresh = drafts_.insert({number, event.legacy->event}).second;
                if (number <= final_to)
                    push(legacy(*event.legacy));
                else if (fresh)
                    push(draft(*event.legacy));
            });
        if (final_to > settled_) push(settled(settled_ = final_to));
        pass();
    }

    // Time passes, and history reads what is wanted.
    void pass() {
        turn_.now += 24 * pipeline::second;
        turn_.unix_ms += 24'000;
        shadow_->tick(turn_);
        while (Want const* want = wants_.front()) {
            for (std::uint16_t i = 0; i < want->count; ++i)
                for (std::uint32_t at = want->stretches[i].from; at <= want->stretches[i].to; ++at)
                    reread(at);
            wants_.pop();
        }
        while (ShadowMismatch const* mismatch = mismatches_.front()) {
            told.push_back(*mismatch);
            mismatches_.pop();
        }
    }

    void reread(std::uint32_t number) {
        auto const recheck = [&](Twin twin) {
            twin.recheck = true;
            push(twin);
        };
        each_event(number, [&](Event const& event) {
            if (event.chain) recheck(hybrid(*event.chain));
        });
        recheck(fact(Path::hybrid, TwinKind::recheck_end, number));
    }

    std::mt19937_64 random_;
    unsigned loss_percent_;
    std::uint64_t burst_ = 0;
    std::uint64_t sequence_ = 0;
    std::uint32_t settled_ = 0;
    std::set<Place> drafts_;
    pipeline::Turn turn_{};
    pipeline::LinkOptions const drop_{.depth = 1'024, .when_full = pipeline::WhenFull::drop};
    pipeline::MetricsPage page_{"", shadow_metrics};
    pipeline::Link<Want> wants_{"wants", drop_};
    pipeline::Link<ShadowNote> notes_{"notes", drop_};
    pipeline::Link<ShadowMismatch> mismatches_{"mismatches", drop_};
    std::optional<Shadow> shadow_;
};

std::optional<std::uint64_t> amount(Told const& told) {
    return told ? std::optional<std::uint64_t>(told->amount) : std::nullopt;
}
std::optional<std::uint64_t> amount(ShadowSaid const& said) {
    return said.told ? std::optional(static_cast<std::uint64_t>(said.amount)) : std::nullopt;
}

Ruling truth_about(Event const& event) {
    bool const hybrid = amount(event.hybrid) == amount(event.chain);
    bool const legacy = amount(event.legacy) == amount(event.chain);
    if (hybrid) return Ruling::legacy_wrong;
    return legacy ? Ruling::hybrid_wrong : Ruling::both_wrong;
}

} // namespace

TEST(ShadowChain, every_mismatch_is_found_and_ruled_on) {
    std::size_t mismatches = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        World const world(seed, 8, 0);
        std::size_t expected = 0, agree = 0;
        std::array<std::uint64_t, rulings> by_truth{};
        for (auto const& [place, event] : world.events) {
            if (amount(event.hybrid) != amount(event.legacy)) {
                ++by_truth[static_cast<std::size_t>(truth_about(event))];
                ++expected;
            } else {
                agree += event.hybrid ? 1 : 0;
            }
        }
        ShadowTally const& tally = world.shadow().tally(0);
        EXPECT_EQ(world.told.size(), expected) << "seed " << seed;
        EXPECT_EQ(tally.classes[0] + tally.classes[1], agree) << "seed " << seed;
        EXPECT_EQ(tally.voided + tally.stale, 0u) << "seed " << seed;
        for (std::size_t i = 0; i < rulings; ++i)
            EXPECT_EQ(ruled(tally, static_cast<Ruling>(i)), by_truth[i]) << "seed " << seed;
        mismatches += expected;
    }
    EXPECT_GT(mismatches, 1'000u);
}

// Both paths are faultless: whatever the link loses, nothing may look like a mismatch.
TEST(ShadowChain, what_the_link_loses_is_nobodys_fault) {
    std::uint64_t gaps = 0, agree = 0, voided = 0;
    for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
        World const world(seed, 0, 1);
        ShadowTally const& tally = world.shadow().tally(0);
        EXPECT_EQ(pairs_of(tally), tally.classes[0] + tally.classes[1]) << "seed " << seed;
        EXPECT_TRUE(world.told.empty()) << "seed " << seed;
        EXPECT_FALSE(world.shadow().void_now(0)) << "seed " << seed;
        gaps += world.lost();
        agree += tally.classes[0];
        voided += tally.voided;
    }
    EXPECT_GT(gaps, 2'000u);
    EXPECT_GT(agree, 20'000u);
    EXPECT_GT(voided, 2'000u);
}

// Faults and losses: what is judged is judged rightly, and no ruling contradicts the chain.
TEST(ShadowChain, no_ruling_is_wrong_whatever_is_lost) {
    std::size_t rulings_seen = 0;
    for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
        World const world(seed, 8, 1);
        for (ShadowMismatch const& one : world.told) {
            Event const& event = world.events.at({one.block.number, one.event_index});
            EXPECT_EQ(amount(one.hybrid), amount(event.hybrid)) << "seed " << seed;
            EXPECT_EQ(amount(one.legacy), amount(event.legacy)) << "seed " << seed;
            EXPECT_NE(one.ruling, Ruling::unclear) << "seed " << seed;
            EXPECT_EQ(amount(one.chain_says), amount(event.chain)) << "seed " << seed;
            EXPECT_EQ(one.ruling, truth_about(event)) << "seed " << seed;
            ++rulings_seen;
        }
    }
    EXPECT_GT(rulings_seen, 1'000u);
}
