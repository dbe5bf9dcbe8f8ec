#include "tests/decoders/type_list.hpp"

#include "decoders/samples.hpp"

#include <utility>

namespace tests {

void TypeList::number(std::uint64_t value) { decoders::append_compact(value, types_); }

void TypeList::text(std::string_view value) {
    number(value.size());
    types_.insert(types_.end(), value.begin(), value.end());
}

void TypeList::fields(std::vector<Field> const& list) {
    number(list.size());
    for (auto const& field : list) {
        byte(field.name.empty() ? 0 : 1);
        if (!field.name.empty()) text(field.name);
        number(field.type);
        byte(0);   // no type name
        number(0); // no docs
    }
}

// Id, path, no parameters, and the tag of the definition.
TypeList::Id TypeList::begin(unsigned tag, Path const& path) {
    number(count_);
    number(path.size());
    for (auto const segment : path) text(segment);
    number(0);
    byte(tag);
    return count_++;
}
TypeList::Id TypeList::end(Id id) {
    number(0); // no docs
    return id;
}

TypeList::Id TypeList::primitive(unsigned kind) {
    auto const id = begin(5);
    byte(kind);
    return end(id);
}
TypeList::Id TypeList::compact(Id of) {
    auto const id = begin(6);
    number(of);
    return end(id);
}
TypeList::Id TypeList::sequence(Id of) {
    auto const id = begin(2);
    number(of);
    return end(id);
}
TypeList::Id TypeList::array(std::uint32_t length, Id of) {
    auto const id = begin(3);
    for (int shift = 0; shift < 32; shift += 8) byte(length >> shift & 0xff);
    number(of);
    return end(id);
}
TypeList::Id TypeList::tuple(std::vector<Id> const& items) {
    auto const id = begin(4);
    number(items.size());
    for (auto const item : items) number(item);
    return end(id);
}
TypeList::Id TypeList::composite(Path const& path, std::vector<Field> const& list) {
    auto const id = begin(0, path);
    fields(list);
    return end(id);
}
TypeList::Id TypeList::variant(Path const& path, std::vector<Variant> const& variants) {
    auto const id = begin(1, path);
    number(variants.size());
    for (auto const& one : variants) {
        text(one.name);
        fields(one.fields);
        byte(one.index);
        number(0); // no docs
    }
    return end(id);
}
TypeList::Id TypeList::bits(Id store, Id order) {
    auto const id = begin(7);
    number(store);
    number(order);
    return end(id);
}

// Types of System.Events.
TypeList::Needed TypeList::needed() {
    auto const u8 = primitive(3);
    auto const u32 = primitive(5);
    auto const hash = array(32, u8);
    auto const phase = variant(
        {"frame_system", "Phase"},
        {{"ApplyExtrinsic", 0, {{"", u32}}}, {"Finalization", 1, {}}, {"Initialization", 2, {}}});
    auto const nothing = variant({"pallet", "Event"}, {{"Nothing", 0, {}}});
    auto const event = variant({"runtime", "RuntimeEvent"}, {{"Pallet", 0, {{"", nothing}}}});
    auto const topics = sequence(hash);
    auto const record = composite({"frame_system", "EventRecord"},
                                  {{"phase", phase}, {"event", event}, {"topics", topics}});
    auto const records = sequence(record);
    return {event, records, tuple({})};
}

void TypeList::begin_blob(unsigned version) {
    auto const types = std::exchange(types_, {});
    for (char const c : {'m', 'e', 't', 'a'}) byte(static_cast<unsigned char>(c));
    byte(version);
    number(count_);
    types_.insert(types_.end(), types.begin(), types.end());
}

void TypeList::system(unsigned version, Id records) {
    number(1); // pallets
    text("System");
    byte(1); // with storage
    text("System");
    number(1);
    text("Events");
    byte(1); // has a default
    byte(0); // plain
    number(records);
    number(1), byte(0); // the default: no events
    number(0);          // no docs
    if (version == 16) byte(0);
    byte(0), byte(0);                        // no calls, no events of its own
    number(0);                               // constants
    byte(0);                                 // no errors
    if (version == 16) number(0), number(0); // associated types, view functions
    byte(0);                                 // index 0
    if (version == 16) number(0), byte(0);   // no docs, not deprecated
}

std::vector<std::uint8_t> TypeList::metadata() {
    auto const ids = needed();
    begin_blob(14);
    system(14, ids.records);
    number(ids.unit); // the extrinsic
    byte(4);
    number(0);
    number(ids.unit); // the runtime
    return types_;
}

std::vector<std::uint8_t> TypeList::metadata(Extrinsics const& extrinsics) {
    auto const ids = needed();
    begin_blob(16);
    system(16, ids.records);
    number(2), byte(4), byte(5);
    number(extrinsics.address);
    number(extrinsics.call);
    number(extrinsics.signature);
    number(extrinsics.sets.size());
    for (auto const& set : extrinsics.sets) {
        byte(set.version);
        number(set.members.size());
        for (auto const member : set.members) number(member);
    }
    number(extrinsics.extensions.size());
    for (auto const& extension : extrinsics.extensions) {
        text(extension.name);
        number(extension.type);
        number(ids.unit);
    }
    number(0); // apis
    number(extrinsics.call);
    number(ids.event);
    number(ids.unit); // all errors
    number(0);        // custom values
    return types_;
}

} // namespace tests
