// What the whales of generated traffic hold, as System.Account of their chain says it: kept from
// what the generator means, not from the events it writes, so that whoever adds up decoded events
// has something to be compared with.
//
// One thread; borrows the runtime, which must outlive it.
#pragma once

#include "decoders/account.hpp"
#include "decoders/runtime.hpp"
#include "io/capture.hpp"

#include <span>
#include <vector>

namespace stages {

class TrafficLedger {
  public:
    explicit TrafficLedger(decoders::Runtime const& runtime)
        : runtime_(runtime) {}

    // Each holds so much, and is written with the next block.
    void open(std::span<decoders::Account const> whales, pipeline::u128 each);

    // True also for whom it does not know: only whales keep books.
    bool can_pay(decoders::Account const& from, pipeline::u128 amount) const;
    void move(decoders::Account const& from, decoders::Account const& to, pipeline::u128 amount);

    // Appends the values of those whose balance has changed since the last call.
    void write(std::vector<io::KeyValue>& out);

  private:
    struct Entry {
        decoders::Account account{};
        pipeline::u128 held = 0;
        bool changed = false;
    };
    Entry* find(decoders::Account const& account);
    std::vector<std::uint8_t> value(pipeline::u128 held) const;

    decoders::Runtime const& runtime_;
    std::vector<Entry> entries_;
};

} // namespace stages
