#include "decoders/metadata.hpp"

#include "decoders/metadata_parse.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace decoders {

namespace {

// One parse of one blob. V16 differs by deprecation notes nearly everywhere; they are passed over.
class Parser {
  public:
    Parser(Cursor& in, Metadata& out)
        : in_(in)
        , out_(out) {}

    void run() {
        parse_types(in_, out_);
        auto const at = in_.position();
        auto const pallets = in_.count(4);
        if (pallets > max_pallets) in_.fail(Code::metadata_too_large, at, pallets);
        for (std::uint32_t i = 0; i < pallets && in_.ok(); ++i) pallet();
        switch (out_.version) {
        case 14: extrinsic_14(); break;
        case 15: extrinsic_15(); break;
        default: extrinsic_16(); break;
        }
        if (out_.version == 14 || out_.version == 15) type(); // the runtime itself
        if (out_.version >= 15) {
            apis();
            type(); // all calls
            out_.outer_event = type();
            type(); // all errors
            custom();
        }
        if (in_.ok() && in_.remaining() != 0) {
            in_.fail(Code::trailing_bytes, in_.position(), in_.remaining());
        }
    }

  private:
    bool v16() const { return out_.version >= 16; }

    TypeId type() {
        auto const id = in_.compact_u32();
        if (in_.ok() && id >= out_.types.size()) in_.fail(Code::metadata_type_id, 0, id);
        return id;
    }
    std::uint8_t tag(std::uint8_t greatest) {
        auto const at = in_.position();
        auto const value = in_.u8();
        if (value > greatest) in_.fail(Code::metadata_enum, at, value);
        return value;
    }
    bool option() { return tag(1) == 1; }

    template <class Each>
    void list(std::size_t min_size, Each each) {
        auto const count = in_.count(min_size);
        for (std::uint32_t i = 0; i < count && in_.ok(); ++i) each();
    }

    // Not deprecated | without note | with note and perhaps a version.
    void deprecation() {
        if (tag(2) != 2) return;
        in_.text();
        if (option()) in_.text();
    }
    TypeId optional_type() { // of calls, events, errors
        if (!option()) return no_type;
        auto const id = type();
        if (v16()) {
            list(2, [&] {
                in_.u8(); // the variant
                deprecation();
            });
        }
        return id;
    }

    void storage_entry(Pallet& pallet) {
        StorageEntry entry;
        entry.name = in_.text();
        entry.optional = tag(2) == 0; // Optional, Default, (V13's) Required
        if (tag(1) == 0) {
            entry.value = type();
        } else {
            list(1, [&] { entry.hashers.push_back(static_cast<Hasher>(tag(6))); });
            entry.key = type();
            entry.value = type();
        }
        entry.fallback = in_.bytes(in_.count(1));
        skip_texts(in_);
        if (v16()) deprecation();
        pallet.storage.push_back(std::move(entry));
    }
    void constant(Pallet& pallet) {
        Constant constant;
        constant.name = in_.text();
        constant.type = type();
        constant.value = in_.bytes(in_.count(1));
        skip_texts(in_);
        if (v16()) deprecation();
        pallet.constants.push_back(constant);
    }
    void view_function() {
        in_.skip(32); // its id
        method_signature();
        skip_texts(in_);
        deprecation();
    }
    void method_signature() {
        in_.text();
        list(2, [&] { in_.text(), type(); });
        type(); // the answer
    }
    void pallet() {
        Pallet pallet;
        pallet.name = in_.text();
        if (option()) {
            pallet.storage_prefix = in_.text();
            list(6, [&] { storage_entry(pallet); });
        }
        pallet.calls = optional_type();
        pallet.events = optional_type();
        list(4, [&] { constant(pallet); });
        pallet.errors = optional_type();
        if (v16()) {
            list(3, [&] { // associated types
                in_.text();
                type();
                skip_texts(in_);
            });
            list(36, [&] { view_function(); });
        }
        pallet.index = in_.u8();
        if (out_.version >= 15) skip_texts(in_);
        if (v16()) deprecation();
        out_.pallets.push_back(std::move(pallet));
    }

    void extensions() {
        list(3, [&] {
            TransactionExtension extension;
            extension.name = in_.text();
            extension.type = type();
            extension.additional = type();
            out_.extrinsic.extensions.push_back(extension);
        });
    }
    // Metadata before V16 knows one version of the extensions, 0, which has all of them.
    void only_set() {
        ExtensionSet all;
        for (std::uint32_t i = 0; i < out_.extrinsic.extensions.size(); ++i) {
            all.members.push_back(i);
        }
        out_.extrinsic.sets.push_back(std::move(all));
    }
    void extrinsic_14() {
        out_.extrinsic.type = type();
        out_.extrinsic.version = in_.u8();
        extensions();
        only_set();
    }
    void extrinsic_15() {
        out_.extrinsic.version = in_.u8();
        out_.extrinsic.address = type();
        out_.extrinsic.call = type();
        out_.extrinsic.signature = type();
        type(); // extra: all extensions in one
        extensions();
        only_set();
    }
    void extrinsic_16() {
        list(1, [&] { out_.extrinsic.version = std::max(out_.extrinsic.version, in_.u8()); });
        out_.extrinsic.address = type();
        out_.extrinsic.call = type();
        out_.extrinsic.signature = type();
        auto const at = in_.position();
        list(2, [&] {
            auto const count = out_.extrinsic.sets.size();
            if (count == max_extension_sets) in_.fail(Code::metadata_too_large, at, count);
            ExtensionSet set;
            set.version = in_.u8();
            list(1, [&] { set.members.push_back(in_.compact_u32()); });
            out_.extrinsic.sets.push_back(std::move(set));
        });
        extensions();
        for (auto const& set : out_.extrinsic.sets) {
            for (auto const member : set.members) {
                if (member < out_.extrinsic.extensions.size()) continue;
                in_.fail(Code::metadata_extension, at, member);
            }
        }
    }

    void apis() {
        list(3, [&] {
            in_.text();
            list(3, [&] {
                method_signature();
                skip_texts(in_);
                if (v16()) deprecation();
            });
            skip_texts(in_);
            if (v16()) {
                in_.compact_u32(); // the API's version
                deprecation();
            }
        });
    }
    void custom() {
        list(3, [&] {
            in_.text();
            type();
            in_.skip(in_.count(1));
        });
    }

    Cursor& in_;
    Metadata& out_;
};

// V14 does not name the enum of all events: System.Events is Vec<EventRecord { phase, event,
// topics }>.
TypeId event_of_storage(Metadata const& metadata) {
    auto const* entry = metadata.find_storage("System", "Events");
    if (entry == nullptr || !entry->hashers.empty()) return no_type;
    auto const* list = &metadata.types[entry->value];
    if (list->kind == TypeKind::composite && list->count == 1) { // a bounded list's wrapper
        list = &metadata.types[metadata.fields_of(*list)[0].type];
    }
    if (list->kind != TypeKind::sequence) return no_type;
    auto const& record = metadata.types[list->element];
    if (record.kind != TypeKind::composite) return no_type;
    for (auto const& field : metadata.fields_of(record)) {
        if (field.name == "event") return field.type;
    }
    return no_type;
}

// V14 describes an extrinsic as a list of bytes whose type has parameters for its parts. Chains
// with extrinsics of their own (Acala's, Frontier's) put that type into a struct.
void name_parts_of_extrinsic(Metadata& metadata) {
    auto& format = metadata.extrinsic;
    auto id = format.type;
    for (std::size_t i = 0; i < max_nested_composites && id != no_type; ++i) {
        auto const& type = metadata.types[id];
        for (auto const& parameter : metadata.parameters_of(type)) {
            auto* const part = parameter.name == "Address"   ? &format.address
                             : parameter.name == "Call"      ? &format.call
                             : parameter.name == "Signature" ? &format.signature
                                                             : nullptr;
            if (part != nullptr && *part == no_type) *part = parameter.type;
        }
        bool const wraps = type.kind == TypeKind::composite && type.count > 0;
        id = wraps ? metadata.fields_of(type)[0].type : no_type;
    }
}

} // namespace

ExtensionSet const* ExtrinsicFormat::find_set(std::uint8_t extension_version) const {
    auto const at = std::ranges::find(sets, extension_version, &ExtensionSet::version);
    return at == sets.end() ? nullptr : &*at;
}

std::expected<Metadata, Error> parse_metadata(Bytes bytes) {
    constexpr std::string_view magic = "meta";
    for (std::size_t i = 0; i < magic.size(); ++i) {
        if (i >= bytes.size() || bytes[i] != static_cast<std::uint8_t>(magic[i])) {
            return std::unexpected(Error{Code::not_metadata, i});
        }
    }
    if (bytes.size() > max_metadata_bytes) {
        return std::unexpected(Error{Code::metadata_too_large, max_metadata_bytes});
    }
    if (bytes.size() == magic.size()) return std::unexpected(Error{Code::end_of_input, 4});
    Metadata out;
    out.version = bytes[4];
    if (out.version < 14 || out.version > 16) {
        return std::unexpected(Error{Code::metadata_version, 4, out.version});
    }
    out.blob.assign(bytes.begin(), bytes.end());
    Cursor in(out.blob);
    in.skip(magic.size() + 1);
    Parser(in, out).run();
    if (!in.ok()) return std::unexpected(in.error());
    if (auto const checked = check_types(out); !checked) return std::unexpected(checked.error());
    if (out.version == 14) name_parts_of_extrinsic(out);
    // The storage type is what the bytes follow; the outer enum is the fall-back.
    if (auto const stored = event_of_storage(out); stored != no_type) out.outer_event = stored;
    return out;
}

std::string_view Metadata::last_segment(Type const& t) const {
    auto const path = path_of(t);
    return path.empty() ? std::string_view{} : path.back();
}

std::string Metadata::type_name(TypeId id) const {
    if (id >= types.size()) return fmt::format("type {}", id);
    auto const& type = types[id];
    constexpr std::string_view kinds[] = {"struct", "enum",      "list",    "array",
                                          "tuple",  "primitive", "compact", "bits"};
    constexpr std::string_view primitives[] = {"bool", "char", "str",  "u8",   "u16",
                                               "u32",  "u64",  "u128", "u256", "i8",
                                               "i16",  "i32",  "i64",  "i128", "i256"};
    auto const path = path_of(type);
    if (!path.empty()) {
        auto name = "type " + std::to_string(id) + " (";
        for (auto const segment : path) name.append(segment).append("::");
        name.replace(name.size() - 2, 2, ")");
        return name;
    }
    auto const kind = type.kind == TypeKind::primitive
                        ? primitives[static_cast<std::size_t>(type.primitive)]
                        : kinds[static_cast<std::size_t>(type.kind)];
    return fmt::format("type {} ({})", id, kind);
}

Pallet const* Metadata::find_pallet(std::string_view name) const {
    auto const at = std::ranges::find(pallets, name, &Pallet::name);
    return at == pallets.end() ? nullptr : &*at;
}

StorageEntry const* Metadata::find_storage(std::string_view pallet, std::string_view entry) const {
    auto const* found = find_pallet(pallet);
    if (found == nullptr) return nullptr;
    auto const at = std::ranges::find(found->storage, entry, &StorageEntry::name);
    return at == found->storage.end() ? nullptr : &*at;
}

Constant const* Metadata::find_constant(std::string_view pallet, std::string_view name) const {
    auto const* found = find_pallet(pallet);
    if (found == nullptr) return nullptr;
    auto const at = std::ranges::find(found->constants, name, &Constant::name);
    return at == found->constants.end() ? nullptr : &*at;
}

std::expected<std::optional<Bytes>, Error> unwrap_opaque_metadata(Bytes answer) {
    Cursor in(answer);
    auto const tag = in.u8();
    if (in.ok() && tag > 1) return std::unexpected(Error{Code::metadata_enum, 0, tag});
    if (in.ok() && tag == 0) return std::optional<Bytes>{};
    auto const inside = in.bytes(in.count(1));
    if (!in.ok()) return std::unexpected(in.error());
    if (in.remaining() != 0) {
        return std::unexpected(Error{Code::trailing_bytes, in.position(), in.remaining()});
    }
    return inside;
}

} // namespace decoders
