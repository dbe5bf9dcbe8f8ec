// Runtime metadata V14, V15, V16, parsed. (frame-metadata and scale-info are the specification.)
//
// Metadata owns a copy of the blob; every name is a view into it, every list a range of a flat
// vector. Immutable after parsing, so any thread may read it. It moves, but does not copy.
// Parsing refuses what is out of bounds, and every type id in it is valid afterwards.
#pragma once

#include "decoders/error.hpp"
#include "pipeline/types.hpp"

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace decoders {

using pipeline::Bytes;

inline constexpr std::size_t max_metadata_bytes = 16u << 20;
inline constexpr std::size_t max_types = 65'536;
// Structs in structs, without an enum or a list between.
inline constexpr std::size_t max_nested_composites = 32;
inline constexpr std::size_t max_pallets = 256;
inline constexpr std::size_t max_extension_sets = 256; // a version is one byte

using TypeId = std::uint32_t;
inline constexpr TypeId no_type = ~TypeId{0};

enum class TypeKind : std::uint8_t {
    composite,
    variant,
    sequence,
    array,
    tuple,
    primitive,
    compact,
    bit_sequence
};
enum class Primitive : std::uint8_t { // scale-info's order
    boolean,
    character,
    string,
    u8,
    u16,
    u32,
    u64,
    u128,
    u256,
    i8,
    i16,
    i32,
    i64,
    i128,
    i256
};

struct Field {
    std::string_view name;      // empty: unnamed
    std::string_view type_name; // as written in the source, may be empty
    TypeId type = no_type;
};
struct Variant {
    std::string_view name;
    std::uint32_t first_field = 0;
    std::uint32_t field_count = 0;
    std::uint8_t index = 0;
};
struct TypeParameter { // Vec<T>: { "T", the type it stands for }
    std::string_view name;
    TypeId type = no_type; // no_type: the registry does not say
};
struct Type {
    TypeKind kind{};
    Primitive primitive{};           // primitive
    std::uint32_t first_segment = 0; // path: "sp_core", "crypto", "AccountId32"
    std::uint32_t segment_count = 0;
    std::uint32_t first_parameter = 0;
    std::uint32_t parameter_count = 0;
    std::uint32_t first = 0; // composite, tuple: fields (tuples as unnamed ones); variant: variants
    std::uint32_t count = 0;
    std::uint32_t length = 0; // array
    TypeId element = no_type; // sequence, array, compact; bit_sequence: store
    TypeId order = no_type;   // bit_sequence
};

enum class Hasher : std::uint8_t { // frame-metadata's order
    blake2_128,
    blake2_256,
    blake2_128_concat,
    twox_128,
    twox_256,
    twox_64_concat,
    identity
};
struct StorageEntry {
    std::string_view name;
    std::vector<Hasher> hashers; // empty: a plain value
    TypeId key = no_type;        // maps: one type, or a tuple if there are several hashers
    TypeId value = no_type;
    bool optional = false; // false: the default value stands in when there is none
    Bytes fallback;        // SCALE bytes of the default
};
struct Constant {
    std::string_view name;
    TypeId type = no_type;
    Bytes value; // SCALE bytes
};
struct Pallet {
    std::string_view name;
    std::string_view storage_prefix; // what storage keys hash; empty if there is no storage
    std::uint8_t index = 0;
    TypeId calls = no_type;
    TypeId events = no_type;
    TypeId errors = no_type;
    std::vector<StorageEntry> storage;
    std::vector<Constant> constants;
};
struct TransactionExtension { // "signed extension" until V15
    std::string_view name;
    TypeId type = no_type;
    TypeId additional = no_type;
};
// Which extensions an extrinsic carries that says this version of them.
struct ExtensionSet {
    std::uint8_t version = 0;
    std::vector<std::uint32_t> members; // indexes of ExtrinsicFormat::extensions, in their order
};
// What the metadata says of extrinsics. V14 gives address, call and signature as parameters of the
// extrinsic's type; no_type where one is not to be found.
struct ExtrinsicFormat {
    std::uint8_t version = 0; // the highest one, where there are several
    TypeId address = no_type;
    TypeId call = no_type; // the enum of all pallets' calls
    TypeId signature = no_type;
    TypeId type = no_type; // V14: the extrinsic's own type
    std::vector<TransactionExtension> extensions;
    std::vector<ExtensionSet> sets; // V14, V15: one, version 0, of all extensions

    ExtensionSet const* find_set(std::uint8_t extension_version) const;
};

struct Metadata {
    Metadata() = default;
    Metadata(Metadata&&) = default;
    Metadata& operator=(Metadata&&) = default;

    std::vector<std::uint8_t> blob;
    std::uint8_t version = 0;
    std::vector<Type> types;
    std::vector<Field> fields;
    std::vector<Variant> variants;
    std::vector<std::string_view> segments;
    std::vector<TypeParameter> parameters;
    std::vector<Pallet> pallets;
    ExtrinsicFormat extrinsic;
    TypeId outer_event = no_type; // the enum of all pallets' events, as System.Events holds it

    std::span<Field const> fields_of(Type const& t) const {
        return {fields.data() + t.first, t.count};
    }
    std::span<Field const> fields_of(Variant const& v) const {
        return {fields.data() + v.first_field, v.field_count};
    }
    std::span<Variant const> variants_of(Type const& t) const {
        return {variants.data() + t.first, t.count};
    }
    std::span<std::string_view const> path_of(Type const& t) const {
        return {segments.data() + t.first_segment, t.segment_count};
    }
    std::span<TypeParameter const> parameters_of(Type const& t) const {
        return {parameters.data() + t.first_parameter, t.parameter_count};
    }
    std::string_view last_segment(Type const& t) const; // "" if there is no path
    std::string type_name(TypeId id) const; // "type 17 (sp_runtime::DispatchError)", for people

    Pallet const* find_pallet(std::string_view name) const;
    StorageEntry const* find_storage(std::string_view pallet, std::string_view entry) const;
    Constant const* find_constant(std::string_view pallet, std::string_view name) const;
};

// `bytes` begin with "meta" and the version, as state_getMetadata gives them (un-hexed).
[[nodiscard]] std::expected<Metadata, Error> parse_metadata(Bytes bytes);

// state_call Metadata_metadata_at_version answers Option<Vec<u8>>: the blob inside, or nothing.
[[nodiscard]] std::expected<std::optional<Bytes>, Error> unwrap_opaque_metadata(Bytes answer);

} // namespace decoders
