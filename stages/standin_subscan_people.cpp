#include "stages/standin_subscan_people.hpp"

#include "decoders/hash.hpp"
#include "decoders/samples.hpp"

#include <array>

namespace stages {

namespace {

using decoders::SampleRandom;

constexpr std::array<std::string_view, 12> firsts = {"Amber",  "Birch",   "Cobalt",  "Drift",
                                                     "Ember",  "Fjord",   "Garnet",  "Harbor",
                                                     "Indigo", "Juniper", "Kestrel", "Larch"};
constexpr std::array<std::string_view, 10> lasts = {"Node",  "Stake",   "Validators", "Capital",
                                                    "Forge", "Keepers", "Works",      "Labs",
                                                    "Trust", "Signal"};
constexpr std::array<std::string_view, 4> subs = {"hot", "payouts", "treasury", "01"};
// Their domains are reserved for examples (RFC 2606).
constexpr std::array<std::string_view, 5> exchanges = {"northwind.example", "meridian.example",
                                                       "bluequay.example", "tidewater.example",
                                                       "saltmarsh.example"};
constexpr std::array<std::string_view, 2> wallets = {"hot_wallet", "cold_wallet"};
constexpr std::array<std::string_view, 4> judgements = {"Reasonable", "KnownGood", "FeePaid",
                                                        "OutOfDate"};

template <class List>
std::string_view pick(List const& list, SampleRandom& random) {
    return list[random.below(list.size())];
}

// A stream of numbers of the account's own, other than those of its neighbours.
SampleRandom of(decoders::Account const& account, std::string_view what) {
    std::string text(what);
    text.append(pipeline::as_text(account.bytes()));
    auto const hash = decoders::blake2b_256(pipeline::as_bytes(text));
    std::uint64_t seed = 0;
    std::memcpy(&seed, hash.data(), sizeof seed);
    return SampleRandom(seed);
}

} // namespace

MadePerson made_person(decoders::Account const& account, std::uint64_t activity) {
    MadePerson person;
    if (activity < busy_transfers) return person;
    auto random = of(account, "person");
    auto const kind = random.below(10);
    if (kind < 2) { // an exchange, which has no identity on the chain
        person.tag_name = pick(exchanges, random);
        person.tag_type = "Exchange";
        person.tag_subtype = "Mandatory KYC and AML";
        person.tag_wallet = pick(wallets, random);
        return person;
    }
    if (kind < 4) return person;
    auto const name = std::string(pick(firsts, random)) + " " + std::string(pick(lasts, random));
    person.identity = true;
    if (kind < 6) {
        person.parent = name;
        person.sub = pick(subs, random);
        person.display = person.parent + "/" + person.sub;
    } else {
        person.display = name;
    }
    if (random.below(3) != 0) person.judgement = pick(judgements, random);
    return person;
}

pipeline::u128 made_balance(decoders::Account const& account, std::uint8_t decimals) {
    auto random = of(account, "balance");
    pipeline::u128 unit = 1;
    for (unsigned i = 0; i < decimals && i < 24; ++i) unit *= 10;
    std::uint64_t scale = 10;
    for (auto steps = random.below(7); steps > 0; --steps) scale *= 10;
    pipeline::u128 const tokens = 1 + random.below(scale - 1);
    return tokens * unit + random.below(static_cast<std::uint64_t>(unit > 1'000 ? 1'000 : 1));
}

// Two layers of noise, each drawn between the values at the ends of its step: one of a day, up to
// 20 % either way, and one of an hour, up to half a per cent.
std::uint64_t made_price(std::string_view symbol, std::uint64_t unix_s, std::uint64_t seed) {
    constexpr std::uint64_t dollar = 1'000'000;
    if (symbol.starts_with("USD")) return dollar;
    auto const hash = decoders::blake2b_256(pipeline::as_bytes(symbol));
    std::uint64_t own = 0;
    std::memcpy(&own, hash.data(), sizeof own);
    own ^= seed;
    auto const base = dollar / 5 + SampleRandom(own).below(79 * dollar);
    auto const layer = [&](std::uint64_t step, std::uint64_t parts) {
        auto const at = [&](std::uint64_t n) {
            return static_cast<std::int64_t>(SampleRandom(own ^ (n * 2 + step)).below(2 * parts)) -
                   static_cast<std::int64_t>(parts);
        };
        auto const n = unix_s / step;
        auto const into = static_cast<std::int64_t>(unix_s % step);
        auto const length = static_cast<std::int64_t>(step);
        return (at(n) * (length - into) + at(n + 1) * into) / length; // of 10,000
    };
    auto const parts = 10'000 + layer(86'400, 2'000) + layer(3'600, 50);
    return base * static_cast<std::uint64_t>(parts) / 10'000;
}

} // namespace stages
