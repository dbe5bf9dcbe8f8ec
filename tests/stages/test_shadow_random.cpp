// Random streams of twins against an oracle that keeps the whole history in maps and judges a block
// by looking through all of it. Forks, lost rows, changed amounts, rows that come twice or late,
// readings again, gaps, and legacy starting over.
#include "stages/shadow_pairs.hpp"

#include "tests/stages/shadow_fixture.hpp"

#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <random>
#include <set>

using namespace stages;
using namespace stages::testing;

namespace {

// Nothing: twins have been lost here.
using Step = std::optional<Twin>;

class Oracle {
  public:
    ShadowTally tally{};

    void step(Step const& step) {
        if (!step) return lose();
        Twin const& twin = *step;
        bool const is_match = twin.kind == TwinKind::match;
        std::uint32_t const number = is_match ? twin.match.transfer.block.number : twin.number;
        bool const legacy = twin.path == Path::legacy;
        highest_ = std::max(highest_, number);
        if (is_match) {
            if (legacy && settled_ && !legacy_void_ && number <= *settled_) lose();
            told_[number].push_back(twin);
            if (judged_.contains(number) && number > void_to_) {
                ++tally.stale;
                told_[number].pop_back();
            }
            if (legacy ? legacy_void_ : hybrid_void_) void_to(number);
        } else if (twin.kind == TwinKind::block_end) {
            if (hybrid_void_) void_to(number);
            if (number > lost_at_) hybrid_void_ = false;
        } else if (twin.kind == TwinKind::finalized) {
            if (!judged_.contains(number)) final_[number] = twin.hash;
            finalized_ = std::max(finalized_.value_or(0), number);
        } else if (twin.kind == TwinKind::settled) {
            if (settled_ && number < *settled_) lose();
            if (legacy_void_) void_to(number);
            legacy_void_ = false;
            settled_ = number;
        } else if (twin.kind == TwinKind::abandoned) {
            gone_[number].insert({twin.path, twin.hash, told_[number].size()});
        }
        void_to(0);
        judge();
    }

  private:
    struct Gone {
        Path path{};
        Hash hash{};
        std::size_t told = 0; // of what had been told by then
        auto operator<=>(Gone const&) const = default;
    };

    void lose() {
        lost_at_ = highest_;
        hybrid_void_ = legacy_void_ = true;
        void_to(highest_);
    }

    void void_to(std::uint32_t number) {
        void_to_ = std::max(void_to_, number);
        for (auto& [at, twins] : told_) {
            if (at > void_to_) break;
            tally.voided += twins.size();
            twins.clear();
        }
    }

    void judge() {
        if (hybrid_void_ || legacy_void_ || !finalized_ || !settled_) return;
        for (std::uint32_t at = 1; at <= std::min(*finalized_, *settled_); ++at) {
            if (!judged_.insert(at).second || at <= void_to_) continue;
            std::set<std::pair<std::uint32_t, std::uint16_t>> keys;
            for (Twin const& twin : told_[at])
                keys.insert({twin.match.transfer.event_index, twin.match.rule});
            for (auto const& [event, rule] : keys) judge(at, event, rule);
            told_[at].clear();
        }
    }

    bool is_gone(std::uint32_t at, std::size_t place, Twin const& twin) const {
        auto const found = gone_.find(at);
        if (found == gone_.end()) return false;
        for (Gone const& one : found->second)
            if (one.path == twin.path && one.hash == twin.match.transfer.block.hash &&
                place < one.told)
                return true;
        return false;
    }

    static bool same(Twin const& a, Twin const& b) {
        Transfer const &x = a.match.transfer, &y = b.match.transfer;
        return x.amount == y.amount && x.from == y.from && x.to == y.to &&
               (x.asset == 0) == (y.asset == 0);
    }

    void judge(std::uint32_t at, std::uint32_t event, std::uint16_t rule) {
        std::vector<Twin> hybrids, legacies, forks, drafts, all;
        for (std::size_t i = 0; i < told_[at].size(); ++i) {
            Twin const& twin = told_[at][i];
            Transfer const& transfer = twin.match.transfer;
            if (transfer.event_index != event || twin.match.rule != rule) continue;
            all.push_back(twin);
            bool const gone = is_gone(at, i, twin);
            bool const final_row = transfer.block.finalized;
            if (twin.path == Path::legacy) {
                if (final_row) legacies.push_back(twin);
                if (!final_row) drafts.push_back(twin);
            } else {
                bool const in_final =
                    final_.contains(at) ? final_[at] == transfer.block.hash : final_row && !gone;
                (in_final ? hybrids : forks).push_back(twin);
            }
        }
        count(hybrids, legacies, drafts);
        if (hybrids.empty() && legacies.empty()) return;
        auto const what = class_of(hybrids, legacies, forks, all);
        ++tally.classes[static_cast<std::size_t>(what)];
    }

    void count(std::vector<Twin> const& hybrids, std::vector<Twin> const& legacies,
               std::vector<Twin> const& drafts) {
        for (auto const* path : {&hybrids, &legacies})
            for (std::size_t i = 1; i < path->size(); ++i) {
                Twin const &first = path->front(), &again = (*path)[i];
                if (!same(first, again) ||
                    (first.match.transfer.block.finalized && again.match.transfer.block.finalized))
                    ++tally.duplicate;
            }
        for (std::size_t i = 1; i < legacies.size(); ++i) noise(legacies[i], legacies.front());
        if (drafts.empty()) return;
        if (legacies.empty())
            ++tally.noise_vanished;
        else
            noise(drafts.back(), legacies.front());
    }

    void noise(Twin const& a, Twin const& b) {
        ++(same(a, b) ? tally.noise_agree : tally.noise_differ);
    }

    static ShadowClass class_of(std::vector<Twin> const& hybrids, std::vector<Twin> const& legacies,
                                std::vector<Twin> const& forks, std::vector<Twin> const& all) {
        if (hybrids.empty())
            return forks.empty() ? ShadowClass::missing_in_hybrid : ShadowClass::not_final;
        if (legacies.empty()) return ShadowClass::missing_in_legacy;
        Transfer const& hybrid = hybrids.front().match.transfer;
        Transfer const& legacy = legacies.front().match.transfer;
        if ((hybrid.asset == 0) != (legacy.asset == 0)) return ShadowClass::asset;
        if (hybrid.amount != legacy.amount) return ShadowClass::amount;
        if (hybrid.from != legacy.from || hybrid.to != legacy.to) return ShadowClass::party;
        Nanoseconds first[paths] = {pipeline::never, pipeline::never};
        for (Twin const& twin : all)
            if (same(twin, hybrids.front())) {
                auto& seen = first[static_cast<std::size_t>(twin.path)];
                seen = std::min(seen, twin.seen);
            }
        return first[1] > first[0] ? ShadowClass::late : ShadowClass::agree;
    }

    std::map<std::uint32_t, std::vector<Twin>> told_;
    std::map<std::uint32_t, Hash> final_;
    std::map<std::uint32_t, std::set<Gone>> gone_;
    std::set<std::uint32_t> judged_;
    std::optional<std::uint32_t> finalized_, settled_;
    bool hybrid_void_ = true, legacy_void_ = true;
    std::uint32_t void_to_ = 0, highest_ = 0, lost_at_ = 0;
};

// A chain of 60 blocks as both paths tell it, with faults.
class World {
  public:
    explicit World(std::uint64_t seed)
        : random_(seed) {
        for (std::uint32_t number = 1; number <= 60; ++number) {
            if (chance(20)) legacy_rows(number);
            hybrid_block(number, 0);
            if (chance(20)) hybrid_block(number, 1);
            if (number > 3) finality(number - 3);
            if (chance(50)) legacy_rows(number);
            if (chance(2)) steps.emplace_back();
            if (chance(3) && number > 8)
                push(hybrid({.number = number - below(8), .event = below(3), .final_row = true}));
        }
    }

    std::vector<Step> steps;

  private:
    std::uint32_t below(std::uint32_t limit) {
        return static_cast<std::uint32_t>(random_() % limit);
    }
    bool chance(std::uint32_t percent) { return below(100) < percent; }

    void push(Twin twin) {
        twin.seen = ++time_ / 2; // now and then two at the same time
        if (!chance(1)) steps.emplace_back(twin);
    }

    // What happened, but for a fault here and there.
    Said said(std::uint32_t number, std::uint32_t event) {
        Said made{.number = number, .event = event, .amount = 100 + event, .rule = event == 2};
        if (chance(3)) made.amount += 1;
        if (chance(2)) made.to = 77;
        if (chance(2)) made.asset = 5;
        return made;
    }

    void hybrid_block(std::uint32_t number, std::uint32_t fork) {
        for (std::uint32_t event = 0; event < number % 4; ++event) {
            if (chance(5)) continue;
            Said one = said(number, event);
            one.fork = fork;
            push(hybrid(one));
            if (chance(4)) push(hybrid(one));
        }
        push(block_end(number, fork));
    }

    void finality(std::uint32_t number) {
        std::uint32_t const fork = chance(15) ? 1 : 0;
        if (chance(60)) push(fact(Path::hybrid, TwinKind::abandoned, number, 1 - fork));
        if (!chance(4)) push(finalized(number, fork)); // else it passes over the block
    }

    void legacy_rows(std::uint32_t best) {
        std::uint32_t const final_to = best > 5 ? best - 5 : 0;
        for (std::uint32_t number = settled_ + 1; number <= best; ++number)
            for (std::uint32_t event = 0; event < number % 4; ++event) {
                if (chance(4)) continue;
                Said one = said(number, event);
                one.fork = chance(5) ? 2 : 0;
                push(number <= final_to ? legacy(one) : draft(one));
                if (chance(3)) push(fact(Path::legacy, TwinKind::abandoned, number, one.fork));
                if (number <= final_to && chance(3)) push(legacy(one));
            }
        if (chance(3) && settled_ > 4) return push(settled(settled_ -= 3)); // it has started again
        if (final_to > settled_) push(settled(settled_ = final_to));
    }

    std::mt19937_64 random_;
    std::uint32_t settled_ = 0;
    Nanoseconds time_ = 100;
};

std::string text(ShadowTally const& tally) {
    std::string out;
    for (std::uint64_t const one : tally.classes) out += std::to_string(one) + ' ';
    for (std::uint64_t const one : {tally.duplicate, tally.voided, tally.stale, tally.noise_agree,
                                    tally.noise_differ, tally.noise_vanished})
        out += "| " + std::to_string(one) + ' ';
    return out;
}

} // namespace

TEST(ShadowRandom, the_counts_are_those_of_an_oracle_that_knows_the_whole_history) {
    ShadowTally all;
    for (std::uint64_t seed = 1; seed <= 1'500; ++seed) {
        World const world(seed);
        Oracle oracle;
        ShadowPairs pairs({.blocks = 128, .matches = 512});
        ShadowTally tally;
        for (std::size_t i = 0; i < world.steps.size(); ++i) {
            Step const& step = world.steps[i];
            oracle.step(step);
            if (step)
                pairs.tell(*step, tally);
            else
                pairs.lose(tally);
            pairs.judge(tally, [](JudgedPair const&) {});
            ASSERT_EQ(text(tally), text(oracle.tally)) << "seed " << seed << ", step " << i;
        }
        for (std::size_t i = 0; i < shadow_classes; ++i) all.classes[i] += tally.classes[i];
    }
    // The streams have held something of every class (unsupported needs options).
    for (std::size_t i = 0; i + 1 < shadow_classes; ++i) EXPECT_GT(all.classes[i], 100u) << i;
}
