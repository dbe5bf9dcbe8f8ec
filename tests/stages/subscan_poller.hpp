// A Subscan as a map of rows, and a poller that reads it, for the tests of SubscanPoll.
#pragma once

#include "stages/subscan_poll.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

namespace stages::polling {

using Kind = SubscanAskNext::Kind;

inline Transfer row(std::uint32_t block, std::uint32_t event, pipeline::u128 amount = 5) {
    Transfer made;
    made.block.number = block;
    made.event_index = event;
    made.amount = amount;
    made.from.size = made.to.size = 32;
    return made;
}

// What Subscan knows, and how it answers.
struct Server {
    std::map<std::pair<std::uint32_t, std::uint32_t>, Transfer> rows;
    std::uint32_t best = 100, finalized = 98;
    bool after_id_works = true;
    bool descending = false;

    void add(Transfer const& made) { rows[{made.block.number, made.event_index}] = made; }
    void drop(std::uint32_t block) {
        std::erase_if(rows, [&](auto const& one) { return one.first.first == block; });
    }
    std::vector<Transfer> page(SubscanAskNext const& next, std::size_t limit) const {
        std::vector<Transfer> all;
        for (auto const& [place, made] : rows)
            if (place.first >= next.from && place.first <= next.to) all.push_back(made);
        if (descending) std::reverse(all.begin(), all.end());
        auto const place = [](Transfer const& made) {
            return std::pair(made.block.number, made.event_index);
        };
        if (next.after && after_id_works)
            std::erase_if(all, [&](Transfer const& made) {
                return descending ? place(made) >= *next.after : place(made) <= *next.after;
            });
        std::size_t const skipped = std::min<std::size_t>(all.size(), next.page * limit);
        all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(skipped));
        if (all.size() > limit) all.resize(limit);
        return all;
    }
};

struct Poller {
    explicit Poller(SubscanPollOptions with = {})
        : options(with)
        , poll(with) {}

    // Words for what is told: "+100/3" new, "=100/3" final, "-100" a reading gone, "s100" settled.
    std::vector<std::string> take() {
        std::vector<std::string> said;
        while (auto const* event = poll.next()) {
            if (auto const* told = std::get_if<Transfer>(event)) {
                EXPECT_FALSE(told->block.hash_known);
                said.push_back(fmt::format("{}{}/{}", told->block.finalized ? "=" : "+",
                                           told->block.number, told->event_index));
            } else if (auto const* gone = std::get_if<Abandoned>(event)) {
                said.push_back(fmt::format("-{}", gone->number));
            } else {
                said.push_back(fmt::format("s{}", std::get<Settled>(*event).number));
            }
            poll.told();
        }
        return said;
    }
    void answer(SubscanAskNext const& next, Server const& server) {
        if (next.kind == Kind::head) return poll.head(server.best, server.finalized, now);
        auto const rows = server.page(next, options.page_rows);
        std::optional<SubscanPoll::After> last;
        if (!rows.empty()) last = {rows.back().block.number, rows.back().event_index};
        pages.push_back(next);
        poll.page(rows, rows.size(), last, now);
    }
    // One whole poll.
    std::vector<std::string> run(Server const& server) {
        std::vector<std::string> said;
        now = std::max(now, poll.next_time());
        do {
            auto const next = poll.ask(now);
            if (next.kind == Kind::none) break;
            answer(next, server);
            for (auto& word : take()) said.push_back(std::move(word));
        } while (poll.next_time() <= now);
        return said;
    }

    SubscanPollOptions options;
    SubscanPoll poll;
    pipeline::Nanoseconds now = pipeline::second;
    std::vector<SubscanAskNext> pages;
};

} // namespace stages::polling
