#include "speakers.hpp"

#include "decoders/hex.hpp"
#include "pipeline/check.hpp"

#include <bit>
#include <fmt/format.h>

namespace sim {

using pipeline::Mode;
using pipeline::Regime;
using Verdict = Speakers::Verdict;

// ---- buckets ------------------------------------------------------------------------------------

namespace {

struct SipState {
    std::uint64_t a, b, c, d;
    void round() {
        a += b, b = std::rotl(b, 13) ^ a, a = std::rotl(a, 32);
        c += d, d = std::rotl(d, 16) ^ c;
        a += d, d = std::rotl(d, 21) ^ a;
        c += b, b = std::rotl(b, 17) ^ c, c = std::rotl(c, 32);
    }
    void take(std::uint64_t word) {
        d ^= word;
        round(), round();
        a ^= word;
    }
};

std::uint64_t word_of(pipeline::Bytes bytes) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) word |= std::uint64_t{bytes[i]} << (8 * i);
    return word;
}

} // namespace

std::uint32_t bucket_by_the_paper(pipeline::Bytes key) {
    pipeline::Bytes const secret = pipeline::as_bytes("spyhop bucket v1");
    std::uint64_t const k0 = word_of(secret.first(8)), k1 = word_of(secret.last(8));
    SipState state{k0 ^ 0x736f'6d65'7073'6575, k1 ^ 0x646f'7261'6e64'6f6d,
                   k0 ^ 0x6c79'6765'6e65'7261, k1 ^ 0x7465'6462'7974'6573};
    std::size_t at = 0;
    for (; at + 8 <= key.size(); at += 8) state.take(word_of(key.subspan(at, 8)));
    state.take(std::uint64_t{key.size()} << 56 | word_of(key.subspan(at)));
    state.c ^= 0xff;
    for (int i = 0; i < 4; ++i) state.round();
    u128 const hash = state.a ^ state.b ^ state.c ^ state.d;
    return static_cast<std::uint32_t>(hash * 10'000 >> 64);
}

// ---- what is in force ---------------------------------------------------------------------------

namespace {

bool hybrid_on(Regime const& regime) {
    return (regime.flags & pipeline::Flag::hybrid_rpc) != 0 && regime.mode != Mode::legacy_only;
}

// In either dimension.
bool gives_more(Regime const& before, Regime const& now) {
    return now.hybrid_buckets > before.hybrid_buckets ||
           (now.tier > before.tier && now.hybrid_buckets > 0) ||
           (hybrid_on(now) && !hybrid_on(before) && now.hybrid_buckets > 0);
}

} // namespace

Speakers::Speakers(std::vector<std::uint8_t> const& tiers) {
    CHECK(bucket_by_the_paper(std::vector<std::uint8_t>(32)) == 1'540); // stages/README.md
    for (std::size_t i = 0; i < tiers.size(); ++i) {
        auto const account = Chain::person(i);
        people_.push_back(
            {decoders::hex_text(account.bytes()), bucket_by_the_paper(account.bytes()), tiers[i]});
        by_key_[people_.back().key] = i;
    }
}

Verdict Speakers::follows(Regime const& before, Regime const& now) const {
    if (before.mode == Mode::frozen && now.mode == Mode::frozen && gives_more(before, now))
        return "frozen, and hybrid gets more than it had";
    if (before.mode == Mode::frozen && now.mode == Mode::normal && !asked_.contains(Kind::unfreeze))
        return "a freeze ends, and nobody has asked for it";
    if (before.mode != Mode::legacy_only) return std::nullopt;
    if (now.mode == Mode::legacy_only && now.hybrid_buckets > before.hybrid_buckets)
        return "locked after a rollback, and hybrid gets more";
    if (now.mode != Mode::legacy_only && !asked_.contains(Kind::unlock))
        return "a rollback ends, and nobody has asked for it";
    return std::nullopt;
}

Verdict Speakers::in_force(Regime const& regime, std::uint64_t unix_ms) {
    unix_max_ = std::max(unix_max_, unix_ms);
    if (!begins_ && last_ == regime) return std::nullopt;
    Known& known = regimes_[regime.epoch];
    known.twice = known.twice || (known.regime && *known.regime != regime);
    known.regime = regime;
    auto const before = std::exchange(last_, regime);
    if (std::exchange(begins_, false)) {
        if (before && (gives_more(*before, regime) ||
                       (before->mode == Mode::frozen && regime.mode == Mode::normal)))
            return "after a restart hybrid has more than before it";
    } else if (before && regime.epoch == before->epoch + 1) {
        return follows(*before, regime);
    }
    return std::nullopt;
}

Verdict Speakers::moved(std::uint32_t epoch, double percent) const {
    auto const found = regimes_.find(epoch);
    if (found == regimes_.end() || !found->second.regime || found->second.twice)
        return std::nullopt;
    double const there = found->second.regime->hybrid_buckets / 100.0;
    if (there == percent) return std::nullopt;
    return fmt::format("the rollout says {} %, and in force are {} %", percent, there);
}

void Speakers::pinned(std::size_t person, PinTo to, std::uint32_t epoch,
                      std::optional<std::uint64_t> until) {
    Pins& pins = pins_[person];
    --pins.open;
    pins.by_epoch[epoch] = {to, until};
}

// ---- of an alert --------------------------------------------------------------------------------

std::optional<std::size_t> Speakers::subject(std::string const& from, std::string const& to) const {
    auto const sends = by_key_.find(from), gets = by_key_.find(to);
    if (sends == by_key_.end() || gets == by_key_.end()) return std::nullopt;
    bool const watched = people_[sends->second].tier != 0;
    bool const other = people_[gets->second].tier != 0;
    return other && !watched ? gets->second : sends->second;
}

std::optional<bool> Speakers::hybrid_speaks(std::size_t person, Known const& known,
                                            std::uint32_t epoch) const {
    if (!known.regime || known.twice) return std::nullopt;
    Regime const& regime = *known.regime;
    if (!hybrid_on(regime)) return false;
    if (auto const found = pins_.find(person); found != pins_.end()) {
        Pins const& pins = found->second;
        if (pins.open > 0) return std::nullopt;
        auto const after = pins.by_epoch.upper_bound(epoch);
        if (after != pins.by_epoch.begin()) {
            Pinned const& pin = std::prev(after)->second;
            if (pin.until && unix_max_ >= *pin.until) return std::nullopt;
            if (pin.to != PinTo::none) {
                ++by_pin_;
                return pin.to == PinTo::hybrid;
            }
        }
    }
    std::uint8_t const tier = people_[person].tier;
    bool const admitted = regime.tier == pipeline::tiers_all || (tier != 0 && tier <= regime.tier);
    return admitted && people_[person].bucket < regime.hybrid_buckets;
}

Verdict Speakers::judge(std::string const& from, std::string const& to, bool hybrid, bool fallback,
                        std::uint32_t epoch) const {
    if (fallback) return std::nullopt;
    auto const found = regimes_.find(epoch);
    if (found == regimes_.end()) return std::nullopt;
    if (hybrid && found->second.legacy_only) return "hybrid speaks after a rollback";
    auto const person = subject(from, to);
    if (!person) return std::nullopt;
    auto const expected = hybrid_speaks(*person, found->second, epoch);
    if (!expected) return std::nullopt;
    ++judged_;
    if (*expected == hybrid || (held_ && !hybrid)) return std::nullopt;
    return fmt::format("{} speaks, and it is {}'s turn in epoch {}", hybrid ? "hybrid" : "legacy",
                       hybrid ? "legacy" : "hybrid", epoch);
}

} // namespace sim
