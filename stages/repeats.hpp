// One line a minute of what repeats: the first of its kind is said at once, the others of that
// minute are counted, and told with one line when it is over.
//
// Pure, one thread. Remembers `kinds_max` kinds; more than that share one. Times are monotonic.
#pragma once

#include "pipeline/types.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stages {

using pipeline::Nanoseconds;

class Repeats {
  public:
    static constexpr Nanoseconds quiet = 60 * pipeline::second;
    static constexpr std::size_t kinds_max = 256;
    static constexpr std::string_view other = "of other kinds";

    struct Told {
        std::string kind;
        std::uint64_t count = 0;
    };

    // It happened. True: say so now.
    bool first(std::string_view kind, Nanoseconds now) {
        auto const known = [&](std::string_view name) {
            return std::ranges::find(kinds_, name, &Kind::name);
        };
        auto at = known(kind);
        if (at == kinds_.end() && kinds_.size() + 1 >= kinds_max) at = known(kind = other);
        if (at == kinds_.end()) {
            kinds_.push_back({std::string(kind), now + quiet});
            return true;
        }
        ++at->count;
        return false;
    }
    // A kind whose minute is over and that has happened again in it; its next minute begins. Those
    // that have not are forgotten.
    std::optional<Told> over(Nanoseconds now) {
        std::erase_if(kinds_, [&](Kind const& one) { return one.until <= now && one.count == 0; });
        for (Kind& one : kinds_) {
            if (one.until > now) continue;
            one.until = now + quiet;
            return Told{one.name, std::exchange(one.count, 0)};
        }
        return std::nullopt;
    }
    // When over() has something to tell.
    Nanoseconds next_deadline() const {
        Nanoseconds earliest = pipeline::never;
        for (Kind const& one : kinds_)
            if (one.count > 0) earliest = std::min(earliest, one.until);
        return earliest;
    }

  private:
    struct Kind {
        std::string name;
        Nanoseconds until = 0;
        std::uint64_t count = 0;
    };
    std::vector<Kind> kinds_;
};

} // namespace stages
