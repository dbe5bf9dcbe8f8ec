// One extrinsic of a block, taken apart by the metadata of the runtime that executed it.
//
//   length (compact) | version byte | what the kind has before its call | call
//
//   version byte         before the call
//   4, 5     bare        nothing: what a block's author puts in, or an unsigned transaction
//   0x84     signed      address, signature, extensions of version 0
//   0x45     general     one byte: version of the extensions; the extensions
//
// (polkadot-sdk's UncheckedExtrinsic and Preamble are the specification; it refuses a signed one
// of version 5, and so do we.) Pure; any thread; no allocation where the length stands in front.
// What is found are views into the bytes; every value in them has been checked.
#pragma once

#include "decoders/account.hpp"
#include "decoders/runtime.hpp"

#include <array>
#include <expected>
#include <optional>
#include <string>

namespace decoders {

// Of one extrinsic; metadata may list more, over all versions of extensions.
inline constexpr std::size_t max_extensions = 64;

enum class ExtrinsicKind : std::uint8_t { bare, with_signature, general };
std::string_view kind_name(ExtrinsicKind kind); // "bare", "signed", "general"

struct ExtensionPart {
    std::uint32_t index = 0; // into ExtrinsicFormat::extensions
    Bytes value;
};
struct ExtrinsicParts {
    std::uint8_t version = 0;
    ExtrinsicKind kind{};
    std::uint8_t extension_version = 0; // of kind general; else 0
    std::uint8_t extension_count = 0;
    std::array<ExtensionPart, max_extensions> extensions{};
    Bytes address;            // kind with_signature
    Bytes signature;          // kind with_signature
    Bytes call;               // pallet, call, arguments
    std::uint32_t length = 0; // of all bytes, as they stand in a block: with the length in front
    pipeline::Hash hash{};    // BLAKE2b-256 of those bytes, as explorers name the extrinsic

    std::span<ExtensionPart const> parts() const { return {extensions.data(), extension_count}; }
};

struct ExtrinsicError {
    Error error;
    std::string_view part; // "address", "signature", "extension", "call"; "" before them
    std::string_view name; // of the extension; a view into the metadata
    TypeId type = no_type; // the type that could not be read, where known
};
// "…, at byte 12, in the extrinsic's call, type 4 (…)".
std::string describe(Runtime const& runtime, ExtrinsicError const& error);

// Whether the length stands in front: as in a block (chain_getBlock), or perhaps cut off, as some
// tools print extrinsics. Both readings of the same bytes are tried only with `either`.
enum class Framing : std::uint8_t { as_in_block, either };

[[nodiscard]] std::expected<ExtrinsicParts, ExtrinsicError>
parse_extrinsic(Runtime const& runtime, Bytes bytes, Framing framing = Framing::as_in_block);

// Who signed it: the address of a signed one, or what an extension that verifies a signature names
// in a general one. Absent where nobody did, or where the address is no public key (an account
// index).
Account signer_of(Runtime const& runtime, ExtrinsicParts const& parts);

// The signer's count of transactions, and what was paid beside the fee, in the smallest unit;
// wherever the extensions hold them.
std::optional<pipeline::u128> nonce_of(Runtime const& runtime, ExtrinsicParts const& parts);
std::optional<pipeline::u128> tip_of(Runtime const& runtime, ExtrinsicParts const& parts);

// The pallet and call behind the first two bytes of a call, "" where the runtime has none.
struct CallName {
    std::string_view pallet;
    std::string_view call;
};
CallName call_name(Runtime const& runtime, Bytes call);
// Behind the same two bytes; null where the runtime has none.
Variant const* find_call(Metadata const& metadata, std::uint8_t pallet, std::uint8_t call);

} // namespace decoders
