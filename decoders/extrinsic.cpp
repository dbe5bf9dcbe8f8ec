#include "decoders/extrinsic.hpp"

#include "decoders/hash.hpp"
#include "decoders/samples.hpp"
#include "decoders/scale.hpp"
#include "decoders/value_reader.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

namespace decoders {
namespace {

constexpr std::uint8_t version_mask = 0b0011'1111;
constexpr std::uint8_t signed_bits = 0b1000'0000;
constexpr std::uint8_t general_bits = 0b0100'0000;
constexpr std::uint8_t oldest_version = 4;
constexpr std::uint8_t newest_version = 5;

std::optional<ExtrinsicKind> kind_of(std::uint8_t first) {
    auto const version = first & version_mask;
    if (version != oldest_version && version != newest_version) return {};
    switch (first & ~version_mask) {
    case 0: return ExtrinsicKind::bare;
    case signed_bits:
        if (version == oldest_version) return ExtrinsicKind::with_signature;
        return {};
    case general_bits:
        if (version == newest_version) return ExtrinsicKind::general;
        return {};
    default: return {};
    }
}

// Reads what follows the length.
class Parser {
  public:
    Parser(Runtime const& runtime, Bytes bytes)
        : format_(runtime.metadata().extrinsic)
        , in_(runtime, bytes) {}

    bool run() {
        if (in_.remaining() == 0) in_.fail(Code::end_of_input);
        if (!in_.ok()) return false;
        auto const first = in_.rest()[0];
        auto const kind = kind_of(first);
        if (!kind) in_.fail(Code::extrinsic_version, first);
        if (!in_.ok()) return false;
        in_.byte();
        out_.kind = *kind;
        out_.version = first & version_mask;
        if (out_.kind == ExtrinsicKind::with_signature) {
            out_.address = part("address", format_.address);
            out_.signature = part("signature", format_.signature);
        }
        if (out_.kind != ExtrinsicKind::bare) extensions();
        out_.call = part("call", format_.call);
        if (in_.ok() && in_.remaining() != 0) {
            in_.fail(Code::trailing_bytes, in_.remaining());
            part_ = {};
        }
        return in_.ok();
    }

    ExtrinsicParts& parts() { return out_; }
    ExtrinsicError error(std::size_t before) const {
        auto error = in_.error();
        error.offset += before;
        return {error, part_, name_, in_.failed_type()};
    }

  private:
    Bytes part(std::string_view name, TypeId type) {
        if (!in_.ok()) return {};
        part_ = name;
        if (type == no_type) in_.fail(Code::no_extrinsics);
        return in_.ok() ? in_.value(type) : Bytes{};
    }
    // Only general extrinsics say which version of the extensions they carry.
    void extensions() {
        if (!in_.ok()) return;
        part_ = "extension";
        bool const says = out_.kind == ExtrinsicKind::general;
        if (says && in_.remaining() == 0) return in_.fail(Code::end_of_input);
        if (says) out_.extension_version = in_.rest()[0];
        auto const* set = format_.find_set(out_.extension_version);
        if (set == nullptr || set->members.size() > max_extensions) {
            return in_.fail(Code::extension_version, out_.extension_version);
        }
        if (says) in_.byte();
        for (auto const member : set->members) {
            name_ = format_.extensions[member].name;
            auto const value = part("extension", format_.extensions[member].type);
            if (!in_.ok()) return;
            out_.extensions[out_.extension_count++] = {member, value};
        }
        name_ = {};
    }

    ExtrinsicFormat const& format_;
    ValueReader in_;
    ExtrinsicParts out_;
    std::string_view part_;
    std::string_view name_;
};

// The bytes without a length in front, hashed as if it were there.
pipeline::Hash hash_with_length(Bytes bytes, std::uint32_t& length) {
    std::vector<std::uint8_t> whole;
    append_compact(bytes.size(), whole);
    whole.insert(whole.end(), bytes.begin(), bytes.end());
    length = static_cast<std::uint32_t>(whole.size());
    return blake2b_256(whole);
}

std::expected<ExtrinsicParts, ExtrinsicError> parse_prefixed(Runtime const& runtime, Bytes bytes) {
    Cursor prefix(bytes);
    auto const size = prefix.compact_u32();
    if (prefix.ok() && size > prefix.remaining()) {
        prefix.fail(Code::end_of_input, bytes.size());
    } else if (prefix.ok() && size < prefix.remaining()) {
        prefix.fail(Code::trailing_bytes, prefix.position() + size, prefix.remaining() - size);
    }
    if (!prefix.ok()) return std::unexpected(ExtrinsicError{prefix.error(), {}, {}, no_type});
    Parser parser(runtime, bytes.subspan(prefix.position()));
    if (!parser.run()) return std::unexpected(parser.error(prefix.position()));
    parser.parts().length = static_cast<std::uint32_t>(bytes.size());
    parser.parts().hash = blake2b_256(bytes);
    return parser.parts();
}

} // namespace

std::string_view kind_name(ExtrinsicKind kind) {
    switch (kind) {
    case ExtrinsicKind::bare: return "bare";
    case ExtrinsicKind::with_signature: return "signed";
    case ExtrinsicKind::general: break;
    }
    return "general";
}

std::string describe(Runtime const& runtime, ExtrinsicError const& error) {
    auto text = describe(error.error);
    if (!error.part.empty()) {
        text += fmt::format(", in the extrinsic's {}", error.part);
        if (!error.name.empty()) text += fmt::format(" {}", error.name);
    }
    if (error.type != no_type) text += ", " + runtime.metadata().type_name(error.type);
    return text;
}

std::expected<ExtrinsicParts, ExtrinsicError> parse_extrinsic(Runtime const& runtime, Bytes bytes,
                                                              Framing framing) {
    if (bytes.size() > ~std::uint32_t{0}) {
        Error const error{Code::compact_too_wide, 0};
        return std::unexpected(ExtrinsicError{error, {}, {}, no_type});
    }
    auto framed = parse_prefixed(runtime, bytes);
    if (framed || framing == Framing::as_in_block) return framed;
    if (bytes.empty() || !kind_of(bytes[0])) return framed;
    Parser parser(runtime, bytes);
    if (parser.run()) {
        parser.parts().hash = hash_with_length(bytes, parser.parts().length);
        return parser.parts();
    }
    // Wrong both ways: a length that fits is no accident.
    Cursor prefix(bytes);
    bool const fits = prefix.compact_u32() == prefix.remaining() && prefix.ok();
    return fits ? framed : std::unexpected(parser.error(0));
}

Variant const* find_call(Metadata const& metadata, std::uint8_t pallet, std::uint8_t call) {
    auto const outer = metadata.extrinsic.call;
    if (outer == no_type || metadata.types[outer].kind != TypeKind::variant) return nullptr;
    auto const pallets = metadata.variants_of(metadata.types[outer]);
    auto const found = std::ranges::find(pallets, pallet, &Variant::index);
    if (found == pallets.end() || found->field_count != 1) return nullptr;
    auto const& calls = metadata.types[metadata.fields_of(*found)[0].type];
    if (calls.kind != TypeKind::variant) return nullptr;
    auto const variants = metadata.variants_of(calls);
    auto const one = std::ranges::find(variants, call, &Variant::index);
    return one == variants.end() ? nullptr : &*one;
}

CallName call_name(Runtime const& runtime, Bytes call) {
    auto const& metadata = runtime.metadata();
    if (call.size() < 2) return {};
    auto const* found = find_call(metadata, call[0], call[1]);
    if (found == nullptr) return {};
    auto const pallets = metadata.variants_of(metadata.types[metadata.extrinsic.call]);
    return {std::ranges::find(pallets, call[0], &Variant::index)->name, found->name};
}

} // namespace decoders
