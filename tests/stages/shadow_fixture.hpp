// Twins made by hand, for the tests of the shadow comparator. Times are milliseconds of virtual
// time; an account or a hash is a number. One thread.
#pragma once

#include "stages/messages.hpp"
#include "stages/notes.hpp"

namespace stages::testing {

inline decoders::Account account(std::uint32_t number) {
    std::uint8_t bytes[32] = {};
    std::memcpy(bytes, &number, sizeof number);
    return decoders::account_of(bytes, 32);
}

inline Hash hash(std::uint32_t number, std::uint32_t fork = 0) {
    Hash made{};
    std::memcpy(made.data(), &number, sizeof number);
    std::memcpy(made.data() + 8, &fork, sizeof fork);
    made[31] = 1;
    return made;
}

struct Said {
    std::uint32_t number = 0;
    std::uint32_t event = 0;
    std::uint32_t amount = 100;
    std::uint32_t from = 1;
    std::uint32_t to = 2;
    std::uint32_t fork = 0;
    bool final_row = false;
    std::uint16_t rule = 0;
    std::uint32_t asset = native_asset;
    std::uint64_t at_ms = 0; // when route saw it
    std::uint64_t block_ms = 0;
    std::uint16_t movement = 0;
};

inline Twin match(Path path, Said const& said) {
    Twin twin;
    twin.path = path;
    twin.kind = TwinKind::match;
    twin.seen = said.at_ms * pipeline::millisecond;
    twin.match.rule = said.rule;
    Transfer& transfer = twin.match.transfer;
    transfer.block = {hash(said.number, said.fork), said.number, said.final_row, said.block_ms,
                      path == Path::hybrid};
    transfer.amount = said.amount;
    transfer.from = account(said.from);
    transfer.to = account(said.to);
    transfer.event_index = said.event;
    transfer.asset = said.asset;
    transfer.movement = said.movement;
    return twin;
}

inline Twin fact(Path path, TwinKind kind, std::uint32_t number, std::uint32_t fork = 0) {
    Twin twin;
    twin.path = path;
    twin.kind = kind;
    twin.number = number;
    twin.hash = hash(number, fork);
    return twin;
}

inline Twin hybrid(Said const& said) { return match(Path::hybrid, said); }
// A final row.
inline Twin legacy(Said said) {
    said.final_row = true;
    return match(Path::legacy, said);
}
inline Twin draft(Said const& said) { return match(Path::legacy, said); }
inline Twin block_end(std::uint32_t number, std::uint32_t fork = 0) {
    return fact(Path::hybrid, TwinKind::block_end, number, fork);
}
inline Twin finalized(std::uint32_t number, std::uint32_t fork = 0) {
    return fact(Path::hybrid, TwinKind::finalized, number, fork);
}
inline Twin settled(std::uint32_t number) { return fact(Path::legacy, TwinKind::settled, number); }

} // namespace stages::testing
