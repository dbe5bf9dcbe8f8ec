// Worlds for the tests of io: a real ring on 127.0.0.1 and a network in memory, driven until a
// condition holds or a bounded number of turns has passed. No sleeps: a real turn parks for at most
// ten milliseconds and any completion ends it.
#pragma once

#include "io/loopback_network.hpp"
#include "io/uring_network.hpp"
#include "pipeline/clock.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace io::testing {

inline constexpr int turns_max = 2000;
inline constexpr pipeline::Nanoseconds turn_length = 10 * pipeline::millisecond;

// The clock stands still unless a test moves it; turns are bounded by their number.
struct RingWorld {
    pipeline::ManualClock clock;
    std::unique_ptr<Proactor> proactor = *Proactor::create(clock);
    UringNetwork network{*proactor};

    template <typename Condition>
    [[nodiscard]] bool run_until(Condition condition) {
        for (int turn = 0; turn < turns_max; ++turn) {
            proactor->poll();
            if (condition()) return true;
            proactor->park(clock.monotonic() + turn_length);
        }
        return false;
    }
    pipeline::Nanoseconds soon() const { return clock.monotonic() + 10 * pipeline::second; }
};

struct LoopbackWorld {
    pipeline::ManualClock clock;
    LoopbackNetwork network{clock};

    template <typename Condition>
    [[nodiscard]] bool run_until(Condition condition) {
        for (int turn = 0; turn < 100 * turns_max; ++turn) {
            network.step();
            if (condition()) return true;
        }
        return false;
    }
    pipeline::Nanoseconds soon() const { return clock.monotonic() + 10 * pipeline::second; }
};

// A directory that goes away with the test.
struct TemporaryDirectory {
    std::string path;
    TemporaryDirectory() {
        std::string name = std::filesystem::temp_directory_path() / "spyhop-io-XXXXXX";
        path = mkdtemp(name.data());
    }
    ~TemporaryDirectory() { std::filesystem::remove_all(path); }
    TemporaryDirectory(TemporaryDirectory const&) = delete;
    TemporaryDirectory& operator=(TemporaryDirectory const&) = delete;
    std::string operator/(std::string const& name) const { return path + "/" + name; }
};

inline std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
    return text;
}

// Takes everything readable.
inline void drain_into(std::string& text, Stream& stream) {
    pipeline::Bytes const bytes = stream.readable();
    text.append(pipeline::as_text(bytes));
    stream.consume(bytes.size());
}

} // namespace io::testing
