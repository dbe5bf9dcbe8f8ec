#include "stages/traffic_encode.hpp"

#include <algorithm>
#include <bit>

namespace stages {

namespace {

using decoders::Account;
using decoders::Runtime;
using decoders::TypeId;
using decoders::TypeKind;
using pipeline::u128;

bool listed(std::string_view names, std::string_view name) {
    while (!names.empty()) {
        std::size_t const end = std::min(names.find('|'), names.size());
        if (names.substr(0, end) == name) return true;
        names.remove_prefix(std::min(end + 1, names.size()));
    }
    return false;
}

void append_raw(u128 value, std::size_t size, ByteBuffer& out) {
    for (std::size_t i = 0; i < size; ++i) {
        out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
}

std::size_t width(decoders::Primitive primitive) {
    switch (primitive) {
    case decoders::Primitive::u8: return 1;
    case decoders::Primitive::u16: return 2;
    case decoders::Primitive::u32: return 4;
    case decoders::Primitive::u64: return 8;
    case decoders::Primitive::u128: return 16;
    default: return 0;
    }
}

// False where the type is no integer of a known shape: the field is sampled then.
bool append_integer(Runtime const& runtime, TypeId id, u128 value, ByteBuffer& out) {
    auto const& type = runtime.metadata().types[id];
    if (type.kind == TypeKind::compact) {
        decoders::append_compact(value, out);
        return true;
    }
    if (type.kind == TypeKind::composite && type.count == 1) { // a newtype
        return append_integer(runtime, runtime.metadata().fields_of(type)[0].type, value, out);
    }
    std::size_t const size = type.kind == TypeKind::primitive ? width(type.primitive) : 0;
    append_raw(value, size, out);
    return size > 0;
}

// An account id as it is, or inside MultiAddress::Id.
bool append_account(Runtime const& runtime, TypeId id, Account const& account, ByteBuffer& out) {
    auto const& type = runtime.metadata().types[id];
    if (type.kind == TypeKind::variant) {
        auto const variants = runtime.metadata().variants_of(type);
        auto const found = std::ranges::find(variants, "Id", &decoders::Variant::name);
        if (found == variants.end()) return false;
        out.push_back(found->index);
    } else if (type.kind != TypeKind::composite) {
        return false;
    }
    auto const key = account.bytes();
    out.insert(out.end(), key.begin(), key.end());
    return true;
}

decoders::FieldOverride overrides(Runtime const& runtime, std::span<Choice const> choices) {
    return [&runtime, choices](std::string_view name, std::size_t, TypeId type, ByteBuffer& out) {
        for (Choice const& choice : choices) {
            if (!listed(choice.names, name)) continue;
            if (auto const* account = std::get_if<Account>(&choice.value)) {
                return append_account(runtime, type, *account, out);
            }
            if (auto const* number = std::get_if<u128>(&choice.value)) {
                return append_integer(runtime, type, *number, out);
            }
            auto const& bytes = std::get<ByteBuffer>(choice.value);
            if (runtime.metadata().types[type].kind == TypeKind::compact) { // an id in a call
                u128 number = 0;
                for (std::size_t i = std::min<std::size_t>(bytes.size(), 16); i-- > 0;) {
                    number = number << 8 | bytes[i];
                }
                decoders::append_compact(number, out);
                return true;
            }
            out.insert(out.end(), bytes.begin(), bytes.end());
            return true;
        }
        return false;
    };
}

} // namespace

std::optional<ByteBuffer> make_event(Runtime const& runtime, std::string_view pallet,
                                     std::string_view event, std::span<Choice const> choices,
                                     decoders::SampleRandom& random) {
    ByteBuffer out;
    auto const done =
        encode_event(runtime, pallet, event, random, out, overrides(runtime, choices));
    if (!done) return std::nullopt;
    return out;
}

std::optional<ByteBuffer> make_call(Runtime const& runtime, std::string_view pallet,
                                    std::string_view call, std::span<Choice const> choices,
                                    decoders::SampleRandom& random) {
    auto const& metadata = runtime.metadata();
    auto const* const found = metadata.find_pallet(pallet);
    if (found == nullptr || found->calls == decoders::no_type) return std::nullopt;
    auto const variants = metadata.variants_of(metadata.types[found->calls]);
    auto const variant = std::ranges::find(variants, call, &decoders::Variant::name);
    if (variant == variants.end()) return std::nullopt;
    ByteBuffer out{found->index, variant->index};
    auto const choose = overrides(runtime, choices);
    std::size_t position = 0;
    for (auto const& field : metadata.fields_of(*variant)) {
        if (choose(field.name, position++, field.type, out)) continue;
        if (!sample_value(runtime, field.type, random, out)) return std::nullopt;
    }
    return out;
}

ByteBuffer make_extrinsic(Runtime const& runtime, std::optional<Account> signer,
                          ByteBuffer const& call, decoders::SampleRandom& random) {
    constexpr std::uint8_t format = 4;
    constexpr std::uint8_t is_signed = 0x80;
    ByteBuffer body{static_cast<std::uint8_t>(signer ? format | is_signed : format)};
    if (signer) {
        bool const keccak = signer->size == 20; // Ethereum-like: bare address, bare signature
        if (!keccak) body.push_back(0);         // MultiAddress::Id
        body.insert(body.end(), signer->bytes().begin(), signer->bytes().end());
        if (!keccak) body.push_back(1); // MultiSignature::Sr25519
        for (int i = 0; i < (keccak ? 65 : 64); ++i) {
            body.push_back(static_cast<std::uint8_t>(random.next()));
        }
        for (auto const& extension : runtime.metadata().extrinsic.extensions) {
            // A sampled mortal era would name a phase outside its period; immortal is one zero
            // byte.
            if (extension.name == "CheckMortality" || extension.name == "CheckEra") {
                body.push_back(0);
                continue;
            }
            // A type without values cannot stand in an extrinsic, so none is skipped wrongly.
            [[maybe_unused]] auto const done = sample_value(runtime, extension.type, random, body);
        }
    }
    body.insert(body.end(), call.begin(), call.end());
    ByteBuffer out;
    decoders::append_compact(body.size(), out);
    out.insert(out.end(), body.begin(), body.end());
    return out;
}

u128 power_of_ten(std::uint32_t exponent) {
    u128 result = 1;
    while (exponent-- > 0) result *= 10;
    return result;
}

u128 heavy_tailed_amount(decoders::SampleRandom& random, std::uint32_t decimals) {
    std::uint64_t const draw = random.next() | 1;
    auto const halvings = static_cast<std::uint64_t>(std::countl_zero(draw));
    std::uint64_t const fraction = ~(draw << halvings) >> 47 & 0xffff; // of one more halving
    std::uint64_t const log2 = (halvings << 16 | fraction) * 2;
    std::uint64_t const shift = std::min<std::uint64_t>(log2 >> 16, 21);
    u128 const fixed = ((u128{0x10000} + (log2 & 0xffff)) * 12) << shift; // in 1/65536
    u128 planck = fixed * power_of_ten(decimals) >> 16;
    u128 const whole = power_of_ten(decimals);
    if (random.below(2) == 0) return planck / whole * whole; // people like round numbers
    return planck + random.below(1'000'000);
}

} // namespace stages
