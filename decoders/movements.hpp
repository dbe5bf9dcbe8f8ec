// Which events move value, as data. A row names a pallet, an event, the kind of movement and, by
// role, the names a field had in any runtime. The rows are resolved against each runtime's metadata
// when it is loaded; a runtime whose event is there but cannot be read is reported as blind.
//
// from: whose spendable balance falls. to: whose spendable balance rises, at once or (unstake) when
// its time has come. Kinds of one account have only the one of the two that fits.
#pragma once

#include "decoders/metadata.hpp"

#include <span>
#include <string_view>

namespace decoders {

enum class MovementKind : std::uint8_t {
    transfer,          // from one account to another
    deposit,           // into an account, out of nowhere that has a name
    withdraw,          // out of an account
    mint,              // made for an account
    burn,              // destroyed in an account
    endow,             // an account came to be; another movement says where its balance is from
    dust,              // what was too little to keep an account for
    set,               // a balance set by decree; the amount is what is free afterwards
    slash,             // taken as a punishment
    reserve,           // free -> reserved, in one account
    unreserve,         // and back
    repatriate,        // reserved by one account -> another account
    hold,              // free -> held for a reason, in one account
    release,           // and back
    transfer_on_hold,  // held by one account -> another account
    transfer_and_hold, // free in one account -> held by another
    lock,              // may not be spent, in one account
    unlock,            //
    freeze,            //
    thaw,              //
    suspend,           //
    restore,           //
    issue,             // the total issuance rises; no account
    rescind,           // the total issuance falls; no account
    issuance_set,      // the total issuance by decree; the amount is the new total
    stake,             // put at stake
    unstake,           // leaves the stake, still bound
    withdraw_unbonded, // free again
    stake_move,        // at stake before and after, with another owner or validator
    reward,            // earned by staking; `to` has earned it, who is paid is told by a mint
    processed,         // a message of another chain was worked off; no amount
    xcm,               // assets crossed a border, were trapped or claimed; no single amount
    // Nothing moves: it is said who acts for whom.
    multisig, // `from` has approved, or cancelled, a call of the multisig `to`
    proxy,    // `to` lets `from` do everything in its name; `from` was not asked
    pure,     // `from` has made the account `to`, which has no key
};
inline constexpr std::size_t movement_kinds = 35;
std::string_view to_text(MovementKind kind); // its name above

// A set of kinds.
struct MovementKinds {
    std::uint64_t bits = 0; // kind k is bit k; bit 63 is never set

    constexpr MovementKinds() = default;
    constexpr MovementKinds(MovementKind kind)
        : bits(std::uint64_t{1} << static_cast<unsigned>(kind)) {}
    constexpr bool has(MovementKind kind) const { return (bits & MovementKinds(kind).bits) != 0; }
    constexpr bool meets(MovementKinds other) const { return (bits & other.bits) != 0; }
    constexpr bool empty() const { return bits == 0; }
    constexpr MovementKinds& operator|=(MovementKinds other) {
        bits |= other.bits;
        return *this;
    }
    friend constexpr MovementKinds operator|(MovementKinds a, MovementKinds b) { return a |= b; }
};
constexpr MovementKinds every_movement() {
    MovementKinds kinds;
    kinds.bits = (std::uint64_t{1} << movement_kinds) - 1;
    return kinds;
}

// A role's names are separated by '|', the first that exists counts. "#1/3" is field 1, from 0, of
// exactly three fields that have no names. "a+b" is the sum of two fields (amounts only). "-" at
// the end: the role may be missing. An empty text: the event has no such role.
struct MovementRow {
    std::string_view pallet;
    std::string_view event;
    MovementKind kind{};
    std::string_view from;
    std::string_view to;
    std::string_view amount; // empty: the event has none, and it is not the native token
    std::string_view asset;  // empty: the native token
    // Says once more what an event of these kinds has said: told only if no such event with the
    // same accounts and amount came before it in its extrinsic (or phase).
    MovementKinds repeats;
    std::string_view family; // the pallet whose asset ids it carries
    // "fields=Variant": told only where one of these enums has that value. Empty: always.
    std::string_view only;
};

std::span<MovementRow const> movement_rows();

enum class AssetKind : std::uint8_t { native, by_id, none };

// A row as one runtime has it.
struct MovementEvent {
    std::string_view pallet; // views into the row
    std::string_view event;
    std::string_view family;
    MovementKind kind{};
    MovementKinds repeats;
    AssetKind asset{};           // none: the event has no amount
    TypeId asset_type = no_type; // by_id: the type of Movement::asset
    std::uint16_t row = 0;       // index into movement_rows()
    bool has_from = false;
    bool has_to = false;
    bool has_amount = false;
    std::uint8_t pallet_index = 0;
    std::uint8_t event_index = 0;
};

// An event of the table that this runtime has and that cannot be read.
struct Blind {
    std::string_view pallet;
    std::string_view event;
    std::string_view missing; // a role, "only" among them; "fields": there are too many
    MovementKind kind{};
};

} // namespace decoders
