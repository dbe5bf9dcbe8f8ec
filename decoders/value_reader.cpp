#include "decoders/value_reader.hpp"

#include "decoders/scale.hpp"

#include <algorithm>
#include <cstring>

namespace decoders {
namespace {

struct Inside {
    TypeId type = no_type;
    Bytes bytes;
};

// Through structs of one field and variants of one, to what is neither.
Inside inside(Metadata const& metadata, TypeId id, Bytes bytes) {
    for (std::size_t i = 0; i < max_nested_composites; ++i) {
        auto const& type = metadata.types[id];
        std::span<Field const> fields;
        if (type.kind == TypeKind::composite || type.kind == TypeKind::tuple) {
            fields = metadata.fields_of(type);
        } else if (type.kind == TypeKind::variant && !bytes.empty()) {
            auto const variants = metadata.variants_of(type);
            auto const found = std::ranges::find(variants, bytes[0], &Variant::index);
            if (found == variants.end()) return {};
            fields = metadata.fields_of(*found);
            bytes = bytes.subspan(1);
        } else {
            return {id, bytes};
        }
        if (fields.size() != 1) return {};
        id = fields[0].type;
    }
    return {};
}

} // namespace

void ValueReader::fail(Code code, std::uint64_t detail, TypeId type) {
    if (failed_) return;
    failed_ = true;
    walk_.code = code;
    walk_.type = type;
    detail_ = detail;
    if (code == Code::end_of_input) walk_.at = walk_.end;
}

Bytes ValueReader::run(Run run) {
    if (failed_) return {};
    auto const* from = walk_.at;
    if (!pass(plans_, run, walk_)) {
        failed_ = true;
        detail_ = walk_.at != walk_.end ? *walk_.at : 0;
        return {};
    }
    return {from, walk_.at};
}

std::uint8_t ValueReader::byte() {
    if (!failed_ && walk_.at == walk_.end) fail(Code::end_of_input);
    return failed_ ? std::uint8_t{0} : *walk_.at++;
}

Account account_in(Runtime const& runtime, TypeId type, Bytes bytes) {
    auto const& metadata = runtime.metadata();
    auto const found = inside(metadata, type, bytes);
    if (found.type == no_type) return {};
    auto const& array = metadata.types[found.type];
    if (array.kind != TypeKind::array || array.length != runtime.account_size()) return {};
    auto const& element = metadata.types[array.element];
    bool const octets = element.kind == TypeKind::primitive && element.primitive == Primitive::u8;
    if (!octets || found.bytes.size() != array.length) return {};
    return account_of(found.bytes.data(), runtime.account_size());
}

std::optional<pipeline::u128> number_in(Runtime const& runtime, TypeId type, Bytes bytes) {
    auto const& metadata = runtime.metadata();
    auto const found = inside(metadata, type, bytes);
    if (found.type == no_type) return {};
    auto const& kind = metadata.types[found.type];
    if (kind.kind == TypeKind::compact) {
        if (found.bytes.empty()) return {}; // Compact<()>
        Cursor in(found.bytes);
        auto const value = in.compact_u128();
        if (!in.ok() || in.remaining() != 0) return {};
        return value;
    }
    bool const integer = kind.kind == TypeKind::primitive && kind.primitive >= Primitive::u8 &&
                         kind.primitive <= Primitive::u128;
    pipeline::u128 value = 0;
    if (!integer || found.bytes.size() > sizeof value) return {};
    std::memcpy(&value, found.bytes.data(), found.bytes.size());
    return value;
}

} // namespace decoders
