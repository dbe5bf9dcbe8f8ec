// Nonce, tip and signer: values that extensions hold under names of their own.
#include "decoders/extrinsic.hpp"
#include "decoders/name_list.hpp"
#include "decoders/value_reader.hpp"

#include <algorithm>

namespace decoders {
namespace {

// A role is played by a field of this name, or by what a type named like this holds, anywhere in
// an extension: chains wrap and rename them (ChargeTransactionPaymentWrapper, a CheckNonce of
// their own).
struct NumberRole {
    std::string_view field;
    std::string_view types; // parts of names, separated by '|'
};
constexpr NumberRole nonce_role{"nonce", "CheckNonce"};
constexpr NumberRole tip_role{"tip", "TransactionPayment|TxPayment"};

class NumberFinder {
  public:
    NumberFinder(Runtime const& runtime, NumberRole const& role)
        : runtime_(runtime)
        , metadata_(runtime.metadata())
        , role_(role) {}

    // `bytes` hold a value of the type; it was passed over before.
    std::optional<pipeline::u128> find(TypeId id, Bytes bytes, std::size_t depth = 0) const {
        auto const& type = metadata_.types[id];
        bool const plain = type.kind == TypeKind::composite || type.kind == TypeKind::tuple;
        if (!plain || depth > max_nested_composites) return {};
        auto const fields = metadata_.fields_of(type);
        if (fields.size() == 1 && is_named(metadata_.last_segment(type))) {
            if (auto const found = number_in(runtime_, fields[0].type, bytes)) return found;
        }
        ValueReader in(runtime_, bytes);
        for (auto const& field : fields) {
            auto const value = in.value(field.type);
            if (!in.ok()) return {};
            if (field.name == role_.field) {
                if (auto const found = number_in(runtime_, field.type, value)) return found;
            }
            if (auto const found = find(field.type, value, depth + 1)) return found;
        }
        return {};
    }

  private:
    bool is_named(std::string_view type) const {
        return any_name(role_.types, [&](auto part) { return type.find(part) != type.npos; });
    }

    Runtime const& runtime_;
    Metadata const& metadata_;
    NumberRole const& role_;
};

std::optional<pipeline::u128> find_number(Runtime const& runtime, ExtrinsicParts const& parts,
                                          NumberRole const& role) {
    auto const& extensions = runtime.metadata().extrinsic.extensions;
    NumberFinder const finder(runtime, role);
    for (auto const& part : parts.parts()) {
        if (auto const found = finder.find(extensions[part.index].type, part.value)) return found;
    }
    return {};
}

// pallet_verify_signature: an enum, of which the variant Signed has a field `account`. Its name in
// the metadata is VerifySignature, until 2024 VerifyMultiSignature.
Account verified_account(Runtime const& runtime, TransactionExtension const& extension,
                         Bytes value) {
    auto const& metadata = runtime.metadata();
    if (!has_name("VerifySignature|VerifyMultiSignature", extension.name)) return {};
    auto const& type = metadata.types[extension.type];
    if (type.kind != TypeKind::variant || value.empty()) return {};
    auto const variants = metadata.variants_of(type);
    auto const found = std::ranges::find(variants, value[0], &Variant::index);
    if (found == variants.end()) return {};
    ValueReader in(runtime, value.subspan(1));
    for (auto const& field : metadata.fields_of(*found)) {
        auto const bytes = in.value(field.type);
        if (in.ok() && field.name == "account") return account_in(runtime, field.type, bytes);
    }
    return {};
}

} // namespace

std::optional<pipeline::u128> nonce_of(Runtime const& runtime, ExtrinsicParts const& parts) {
    return find_number(runtime, parts, nonce_role);
}

std::optional<pipeline::u128> tip_of(Runtime const& runtime, ExtrinsicParts const& parts) {
    return find_number(runtime, parts, tip_role);
}

Account signer_of(Runtime const& runtime, ExtrinsicParts const& parts) {
    auto const& format = runtime.metadata().extrinsic;
    if (parts.kind == ExtrinsicKind::with_signature) {
        return account_in(runtime, format.address, parts.address);
    }
    for (auto const& part : parts.parts()) {
        auto const account = verified_account(runtime, format.extensions[part.index], part.value);
        if (account) return account;
    }
    return {};
}

} // namespace decoders
