#include "decoders/account_data.hpp"

#include "decoders/storage_key.hpp"
#include "decoders/value_reader.hpp"

#include <limits>

namespace decoders {

namespace {

// Calls each(field, bytes) for the fields of a struct; false: it is none, or the bytes are not it.
template <class Each>
bool each_field(Runtime const& runtime, TypeId id, Bytes value, Each each) {
    auto const& type = runtime.metadata().types[id];
    if (type.kind != TypeKind::composite) return false;
    ValueReader in(runtime, value);
    for (Field const& field : runtime.metadata().fields_of(type)) {
        Bytes const bytes = in.value(field.type);
        if (!in.ok()) return false;
        each(field, bytes);
    }
    return in.remaining() == 0;
}

} // namespace

std::optional<pipeline::u128> held_in(Runtime const& runtime, Bytes value) {
    auto const* const entry = runtime.metadata().find_storage("System", "Account");
    if (entry == nullptr) return std::nullopt;
    std::optional<pipeline::u128> free, reserved;
    auto const of_data = [&](Field const& field, Bytes bytes) {
        if (field.name == "free") free = number_in(runtime, field.type, bytes);
        if (field.name == "reserved") reserved = number_in(runtime, field.type, bytes);
    };
    bool whole = true;
    auto const of_info = [&](Field const& field, Bytes bytes) {
        if (field.name == "data") whole = each_field(runtime, field.type, bytes, of_data);
    };
    if (!each_field(runtime, entry->value, value, of_info) || !whole || !free || !reserved)
        return std::nullopt;
    if (*reserved > std::numeric_limits<pipeline::u128>::max() - *free) return std::nullopt;
    return *free + *reserved;
}

std::vector<std::uint8_t> account_storage_key(Bytes account) {
    auto const prefix = system_account_key();
    std::vector<std::uint8_t> key(prefix.begin(), prefix.end());
    append_map_key(Hasher::blake2_128_concat, account, key);
    return key;
}

} // namespace decoders
