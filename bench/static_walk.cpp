#include "bench/static_walk.hpp"

#include <cstring>

namespace bench {

using decoders::account_of;
using decoders::Bytes;
using decoders::Movement;
using decoders::Phase;

namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t amount_bytes = 16;
constexpr std::size_t hash_bytes = 32;

// Passes over values. Every function is false, and says nothing more, where the bytes end or are
// not what occurs in the block.
class Reader {
  public:
    explicit Reader(Bytes value)
        : at_(value.data())
        , end_(at_ + value.size()) {}

    std::uint8_t const* at() const { return at_; }
    bool ended() const { return at_ == end_; }
    bool has(std::size_t size) const { return static_cast<std::size_t>(end_ - at_) >= size; }

    bool skip(std::size_t size) {
        if (!has(size)) return false;
        at_ += size;
        return true;
    }
    // One byte, the one that is expected.
    bool byte(std::uint8_t expected) {
        if (ended() || *at_ != expected) return false;
        ++at_;
        return true;
    }
    // One byte below `bound`.
    bool below(std::uint8_t bound, std::uint8_t& out) {
        if (ended() || *at_ >= bound) return false;
        out = *at_++;
        return true;
    }
    bool below(std::uint8_t bound) {
        std::uint8_t unused = 0;
        return below(bound, unused);
    }
    bool compact(std::size_t width) {
        if (ended()) return false;
        std::size_t const mode = *at_ & 3u;
        if (mode == 3) return long_compact(width);
        std::size_t const size = std::size_t{1} << mode;
        if (!has(size)) return false;
        // Longer than needed: 2 bytes below 64, 4 bytes below 16384, both times 4.
        std::uint32_t raw = 0;
        std::memcpy(&raw, at_, size);
        if (mode != 0 && raw >> (mode == 1 ? 8 : 16) == 0) return false;
        at_ += size;
        return true;
    }
    // A count of one byte: lists in the block are short.
    bool short_count(std::size_t& out) {
        if (ended() || (*at_ & 3u) != 0) return false;
        out = *at_++ >> 2;
        return true;
    }

  private:
    bool long_compact(std::size_t width) {
        std::size_t const size = (*at_ >> 2) + 4u;
        if (size > width || !has(1 + size)) return false;
        auto const highest = at_[size];
        if (highest == 0 || (size == 4 && highest < 1u << 6)) return false;
        at_ += 1 + size;
        return true;
    }

    std::uint8_t const* at_;
    std::uint8_t const* end_;
};

// --- XCM -----------------------------------------------------------------------------------------

bool network(Reader& in) {
    std::uint8_t tag = 0;
    if (!in.below(8, tag)) return false;
    return tag == 2 || (tag == 7 && in.compact(8)); // Polkadot, Ethereum { chain_id }
}

bool optional_network(Reader& in) {
    std::uint8_t some = 0;
    return in.below(2, some) && (some == 0 || network(in));
}

bool junction(Reader& in) {
    std::uint8_t tag = 0;
    if (!in.below(10, tag)) return false;
    switch (tag) {
    case 0: return in.compact(4);                              // Parachain
    case 1: return optional_network(in) && in.skip(key_bytes); // AccountId32
    case 3: return optional_network(in) && in.skip(20);        // AccountKey20
    case 9: return network(in);                                // GlobalConsensus
    default: return false;
    }
}

bool location(Reader& in) {
    std::uint8_t junctions = 0;
    if (!in.skip(1) || !in.below(9, junctions)) return false; // parents; Here, X1 to X8
    for (; junctions > 0; --junctions) {
        if (!junction(in)) return false;
    }
    return true;
}

bool asset(Reader& in) { return location(in) && in.byte(0) && in.compact(16); } // Fungible

bool assets(Reader& in) {
    std::size_t count = 0;
    if (!in.short_count(count)) return false;
    for (; count > 0; --count) {
        if (!asset(in)) return false;
    }
    return true;
}

bool instruction(Reader& in) {
    std::uint8_t tag = 0;
    if (!in.below(0x14, tag)) return false;
    switch (tag) {
    case 0x01: return assets(in); // ReserveAssetDeposited
    case 0x0a: return true;       // ClearOrigin
    case 0x0d:                    // DepositAsset { Wild(AllCounted), beneficiary }
        return in.byte(1) && in.byte(2) && in.compact(4) && location(in);
    case 0x13: return asset(in) && in.byte(0); // BuyExecution { fees, Unlimited }
    default: return false;
    }
}

bool message(Reader& in) {
    std::size_t count = 0;
    if (!in.short_count(count)) return false;
    for (; count > 0; --count) {
        if (!instruction(in)) return false;
    }
    return true;
}

bool weight(Reader& in) { return in.compact(8) && in.compact(8); }

// --- Events --------------------------------------------------------------------------------------

// Every: movements of all kinds, not only transfers.
template <bool Every>
class Walk {
  public:
    Walk(Bytes value, std::span<Movement> found)
        : in_(value)
        , out_(found.data())
        , begin_(out_)
        , end_(out_ + found.size()) {}

    StaticWalk run() {
        std::uint32_t count = 0;
        StaticWalk walk;
        if (!event_count(count)) return walk;
        while (walk.events < count && record(walk.events)) ++walk.events;
        walk.movements = static_cast<std::uint32_t>(out_ - begin_);
        walk.complete = walk.events == count && in_.ended();
        return walk;
    }

  private:
    // Compact, of one or two bytes.
    bool event_count(std::uint32_t& count) {
        if (!in_.has(2)) return false;
        std::uint16_t raw = 0;
        std::memcpy(&raw, in_.at(), sizeof raw);
        auto const mode = raw & 3u;
        count = (mode == 0 ? raw & 0xffu : raw) >> 2;
        return mode < 2 && in_.compact(4);
    }

    bool record(std::uint32_t index) {
        index_ = index;
        std::uint8_t phase = 0;
        if (!in_.below(3, phase)) return false;
        phase_ = static_cast<Phase>(phase);
        extrinsic_ = 0;
        if (phase == 0) {
            if (!in_.has(4)) return false;
            std::memcpy(&extrinsic_, in_.at(), sizeof extrinsic_);
            in_.skip(4);
        }
        if (!in_.has(2)) return false;
        source_ = static_cast<std::uint16_t>(in_.at()[0] << 8 | in_.at()[1]);
        in_.skip(2);
        return event() && in_.byte(0); // no topics
    }

    // A case is a pallet index and an event index.
    bool event() {
        switch (source_) {
        case 0x0000: return weight(in_) && in_.below(3) && in_.below(2); // System.ExtrinsicSuccess
        case 0x0003: return in_.skip(key_bytes);                         // System.NewAccount
        case 0x0600: return in_.skip(4 + 4);                             // Scheduler.Scheduled
        case 0x0602: return dispatched();
        case 0x0a00: return moved<false, true>();                    // Balances.Endowed
        case 0x0a02: return moved<true, true>();                     // Balances.Transfer
        case 0x0a07: return moved<false, true>();                    // Balances.Deposit
        case 0x0a08: return moved<true, false>();                    // Balances.Withdraw
        case 0x0a0a: return moved<false, true>();                    // Balances.Minted
        case 0x0a0b: return moved<true, false>();                    // Balances.Burned
        case 0x0a0f: return moved<false, false>();                   // Balances.Issued
        case 0x0b00: return in_.skip(key_bytes + 2 * amount_bytes);  // TransactionFeePaid
        case 0x1e00: return in_.skip(hash_bytes);                    // XcmpQueue.XcmpMessageSent
        case 0x1f00: return in_.byte(0) && weight(in_) && crossed(); // Attempted: Complete
        case 0x1f01: return sent() && crossed();
        case 0x1f17: return location(in_) && assets(in_) && crossed(); // PolkadotXcm.FeesPaid
        case 0x3502: return foreign<true, true>();                     // ForeignAssets.Transferred
        case 0x3503: return foreign<true, false>();                    // ForeignAssets.Burned
        case 0x3c06: return in_.skip(2 * amount_bytes);                // Treasury.UpdatedInactive
        case 0x3e05: return in_.skip(4);                               // Referenda.ConfirmStarted
        case 0x5201: return in_.skip(key_bytes + 8);                   // VoterList.ScoreUpdated
        default: return false;
        }
    }

    // Scheduler.Dispatched { task: (u32, u32), id: Option<[u8; 32]>, result: Ok }
    bool dispatched() {
        std::uint8_t named = 0;
        return in_.skip(4 + 4) && in_.below(2, named) && in_.skip(named * hash_bytes) &&
               in_.byte(0);
    }

    // PolkadotXcm.Sent { origin, destination, message, message_id }
    bool sent() { return location(in_) && location(in_) && message(in_) && in_.skip(hash_bytes); }

    // The accounts there are, then the amount. `asset` begins at its id and ends here.
    template <bool From, bool To>
    bool moved(Bytes asset = {}) {
        constexpr std::size_t size = (From + To) * key_bytes + amount_bytes;
        if constexpr (!Every && !(From && To)) return in_.skip(size);
        if (!in_.has(size) || out_ == end_) return false;
        auto const* at = in_.at();
        write_source();
        out_->from = From ? account_of(at, key_bytes) : decoders::Account{};
        out_->to = To ? account_of(at + From * key_bytes, key_bytes) : decoders::Account{};
        std::memcpy(&out_->amount, at + (From + To) * key_bytes, amount_bytes);
        out_->asset = asset;
        ++out_;
        return in_.skip(size);
    }

    template <bool From, bool To>
    bool foreign() {
        auto const* id = in_.at();
        return location(in_) && moved<From, To>({id, static_cast<std::size_t>(in_.at() - id)});
    }

    // Assets crossed a border: no accounts, no single amount.
    bool crossed() {
        if constexpr (!Every) return true;
        if (out_ == end_) return false;
        *out_ = {};
        write_source();
        ++out_;
        return true;
    }

    void write_source() {
        out_->event_index = index_;
        out_->extrinsic_index = extrinsic_;
        out_->phase = phase_;
        out_->source = source_;
    }

    Reader in_;
    Movement* out_;
    Movement* begin_;
    Movement* end_;
    std::uint32_t index_ = 0;
    std::uint32_t extrinsic_ = 0;
    Phase phase_{};
    std::uint16_t source_ = 0;
};

} // namespace

StaticWalk static_walk_transfers(Bytes value, std::span<Movement> found) {
    return Walk<false>(value, found).run();
}

StaticWalk static_walk_movements(Bytes value, std::span<Movement> found) {
    return Walk<true>(value, found).run();
}

} // namespace bench
