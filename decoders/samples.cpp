#include "decoders/samples.hpp"

#include "pipeline/check.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace decoders {

using pipeline::u128;
namespace {

constexpr std::size_t shallow =
    6; // from this depth on, lists are empty and enums as plain as they can be
constexpr std::size_t longest_list = 4;

class Sampler {
  public:
    Sampler(Runtime const& runtime, SampleRandom& random, std::vector<std::uint8_t>& out,
            FieldOverride const& overrides)
        : metadata_(runtime.metadata())
        , plans_(runtime.plans())
        , random_(random)
        , out_(out)
        , overrides_(overrides) {}

    bool value(TypeId id, std::size_t depth) {
        if (depth > max_value_depth) return false;
        auto const& type = metadata_.types[id];
        switch (type.kind) {
        case TypeKind::composite:
        case TypeKind::tuple: return fields(metadata_.fields_of(type), depth);
        case TypeKind::variant: return variant(type, depth);
        case TypeKind::sequence: return sequence(type, depth);
        case TypeKind::array: return repeat(type.element, type.length, depth);
        case TypeKind::primitive: return primitive(type.primitive, plans_.types[id].size);
        case TypeKind::compact: return compact(id, depth);
        case TypeKind::bit_sequence: return bits(type);
        }
        return false;
    }

    bool fields(std::span<Field const> fields, std::size_t depth) {
        for (std::size_t i = 0; i < fields.size(); ++i) {
            bool const top = depth == 0 && overrides_;
            if (top && overrides_(fields[i].name, i, fields[i].type, out_)) continue;
            if (!value(fields[i].type, depth + 1)) return false;
        }
        return true;
    }

  private:
    void byte(std::uint64_t value) { out_.push_back(static_cast<std::uint8_t>(value)); }
    void bytes(std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) byte(random_.next());
    }

    // Recursive types end because deep enums try their variants from the one with the fewest
    // fields on.
    bool variant(Type const& type, std::size_t depth) {
        auto const variants = metadata_.variants_of(type);
        if (variants.empty()) return false;
        auto const before = out_.size();
        std::vector<std::size_t> order(variants.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        if (depth >= shallow) {
            std::ranges::sort(order, {},
                              [&](std::size_t i) { return std::pair(variants[i].field_count, i); });
        } else {
            std::swap(order[0], order[random_.below(order.size())]);
        }
        for (auto const i : order) {
            byte(variants[i].index);
            if (fields(metadata_.fields_of(variants[i]), depth + 1)) return true;
            out_.resize(before);
        }
        return false;
    }
    bool sequence(Type const& type, std::size_t depth) {
        auto const count = depth >= shallow ? 0 : random_.below(longest_list + 1);
        auto const before = out_.size();
        append_compact(count, out_);
        if (repeat(type.element, count, depth)) return true;
        out_.resize(before);
        byte(0); // of elements without values there are none
        return true;
    }
    bool repeat(TypeId element, std::uint64_t count, std::size_t depth) {
        for (std::uint64_t i = 0; i < count; ++i) {
            if (!value(element, depth + 1)) return false;
        }
        return true;
    }
    bool primitive(Primitive kind, std::uint32_t size) {
        switch (kind) {
        case Primitive::boolean: byte(random_.below(2)); break;
        case Primitive::character: byte('a' + random_.below(26)), byte(0), byte(0), byte(0); break;
        case Primitive::string: {
            auto const length = random_.below(12);
            append_compact(length, out_);
            for (std::uint64_t i = 0; i < length; ++i) byte('a' + random_.below(26));
            break;
        }
        default: bytes(size);
        }
        return true;
    }
    bool compact(TypeId id, std::size_t depth) {
        if (plans_.types[id].size == 0) return value(metadata_.types[id].element, depth + 1);
        auto const& step = plans_.steps[plans_.types[id].first];
        if (step.op != Op::compact) return false;
        auto const bits = 8 * std::min<std::size_t>(step.width, sizeof(u128));
        u128 number = random_.next();
        number = number << 64 | random_.next();
        number >>= 128 - 1 - random_.below(bits);
        append_compact(number, out_);
        return true;
    }
    bool bits(Type const& type) {
        std::uint64_t const store = plans_.types[type.element].size;
        if (store == 0 || store > 8) return false;
        auto const count = random_.below(20);
        append_compact(count, out_);
        auto const stores = (count + 8 * store - 1) / (8 * store);
        bytes(stores * store);
        return true;
    }

    Metadata const& metadata_;
    Plans const& plans_;
    SampleRandom& random_;
    std::vector<std::uint8_t>& out_;
    FieldOverride const& overrides_;
};

// An account as the role wants it: the bare key, or in the first variant that holds a key of that
// size.
bool append_account(RolePlan const& role, Account const& account, std::vector<std::uint8_t>& out) {
    if (role.read == Read::account) {
        if (role.width != account.size) return false;
    } else {
        auto const tag = std::ranges::find(role.tag_sizes, account.size);
        if (tag == role.tag_sizes.end() || account.size == 0) return false;
        out.push_back(static_cast<std::uint8_t>(tag - role.tag_sizes.begin()));
    }
    out.insert(out.end(), account.key, account.key + account.size);
    return true;
}

bool append_amount(RolePlan const& role, u128 amount, std::vector<std::uint8_t>& out) {
    if (role.width < sizeof amount && amount >> (8 * role.width) != 0) return false;
    if (role.read == Read::compact) {
        append_compact(amount, out);
        return true;
    }
    std::uint8_t bytes[32] = {};
    std::memcpy(bytes, &amount, sizeof amount);
    out.insert(out.end(), bytes, bytes + role.width);
    return true;
}

} // namespace

std::uint64_t SampleRandom::next() {
    std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

std::uint64_t SampleRandom::below(std::uint64_t bound) {
    CHECK(bound > 0);
    return next() % bound;
}

std::expected<void, Error> sample_value(Runtime const& runtime, TypeId type, SampleRandom& random,
                                        std::vector<std::uint8_t>& out,
                                        FieldOverride const& overrides) {
    if (type >= runtime.metadata().types.size()) {
        return std::unexpected(Error{Code::metadata_type_id, 0, type});
    }
    auto const before = out.size();
    if (Sampler(runtime, random, out, overrides).value(type, 0)) return {};
    out.resize(before);
    return std::unexpected(Error{Code::no_values, before});
}

std::expected<void, Error> encode_event(Runtime const& runtime, std::string_view pallet,
                                        std::string_view event, SampleRandom& random,
                                        std::vector<std::uint8_t>& out,
                                        FieldOverride const& overrides) {
    auto const& metadata = runtime.metadata();
    auto const before = out.size();
    auto const pallets = metadata.variants_of(metadata.types[metadata.outer_event]);
    auto const outer = std::ranges::find(pallets, pallet, &Variant::name);
    if (outer == pallets.end() || outer->field_count != 1) {
        return std::unexpected(Error{Code::unknown_name});
    }
    auto const& inner = metadata.types[metadata.fields_of(*outer)[0].type];
    if (inner.kind != TypeKind::variant) return std::unexpected(Error{Code::unknown_name});
    auto const events = metadata.variants_of(inner);
    auto const found = std::ranges::find(events, event, &Variant::name);
    if (found == events.end()) return std::unexpected(Error{Code::unknown_name});
    out.push_back(outer->index);
    out.push_back(found->index);
    if (Sampler(runtime, random, out, overrides).fields(metadata.fields_of(*found), 0)) return {};
    out.resize(before);
    return std::unexpected(Error{Code::no_values, before});
}

std::expected<void, Error> encode_movement(Runtime const& runtime, std::size_t movement,
                                           Account const& from, Account const& to, u128 amount,
                                           Bytes asset, SampleRandom& random,
                                           std::vector<std::uint8_t>& out) {
    CHECK(movement < runtime.movements().size());
    auto const& event = runtime.movements()[movement];
    auto const& plan = runtime.plans().movements[movement];
    auto const before = out.size();
    bool fits = true;
    auto const fill = [&](std::string_view, std::size_t position, TypeId,
                          std::vector<std::uint8_t>& bytes) {
        auto const is = [&](RolePlan const& role) { return position == role.field; };
        auto const put = [&](bool good) {
            fits = fits && good;
            return true;
        };
        if (is(plan.from)) return put(append_account(plan.from, from, bytes));
        if (is(plan.to)) return put(append_account(plan.to, to, bytes));
        if (is(plan.amount)) return put(append_amount(plan.amount, amount, bytes));
        if (is(plan.more)) return put(append_amount(plan.more, 0, bytes));
        if (is(plan.only)) {
            bytes.push_back(plan.only_tag); // the value has no fields
            return true;
        }
        if (!is(plan.asset) || asset.empty()) return false;
        bytes.insert(bytes.end(), asset.begin(), asset.end());
        return true;
    };
    auto const done = encode_event(runtime, event.pallet, event.event, random, out, fill);
    if (done && fits) return {};
    out.resize(before);
    return std::unexpected(done ? Error{Code::amount_too_large} : done.error());
}

void append_record(std::int64_t extrinsic, Bytes event, std::vector<std::uint8_t>& out) {
    if (extrinsic >= 0) {
        auto const index = static_cast<std::uint32_t>(extrinsic);
        out.push_back(0);
        for (int shift = 0; shift < 32; shift += 8) {
            out.push_back(static_cast<std::uint8_t>(index >> shift));
        }
    } else {
        out.push_back(extrinsic == -2 ? 1 : 2);
    }
    out.insert(out.end(), event.begin(), event.end());
    out.push_back(0); // no topics
}

void append_compact(u128 value, std::vector<std::uint8_t>& out) {
    std::size_t size = 0; // of the digits, where they stand alone
    u128 raw = value;
    if (value < 1u << 6) {
        size = 1, raw = value << 2;
    } else if (value < 1u << 14) {
        size = 2, raw = value << 2 | 1;
    } else if (value < 1u << 30) {
        size = 4, raw = value << 2 | 2;
    } else {
        for (u128 rest = value; rest != 0; rest >>= 8) ++size;
        out.push_back(static_cast<std::uint8_t>((size - 4) << 2 | 3));
    }
    std::uint8_t bytes[sizeof raw];
    std::memcpy(bytes, &raw, sizeof raw);
    out.insert(out.end(), bytes, bytes + size);
}

} // namespace decoders
