#include "tests/decoders/tiny_metadata.hpp"

#include "decoders/samples.hpp"

#include <algorithm>

namespace tests {
namespace {

using Items = std::vector<TinyField>;

class Writer {
  public:
    std::vector<std::uint8_t> out;

    void byte(unsigned value) { out.push_back(static_cast<std::uint8_t>(value)); }
    void compact(std::uint64_t value) { decoders::append_compact(value, out); }
    void text(std::string_view value) {
        compact(value.size());
        out.insert(out.end(), value.begin(), value.end());
    }
    void fields(Items const& items) {
        compact(items.size());
        for (auto const& item : items) {
            byte(item.name.empty() ? 0 : 1);
            if (!item.name.empty()) text(item.name);
            compact(item.type);
            byte(0); // no type name
            compact(0);
        }
    }
    void variant(std::string_view name, unsigned index, Items const& items) {
        text(name);
        fields(items);
        byte(index);
        compact(0);
    }
    // A type's id, path, no parameters, and the tag of its definition; docs() ends it.
    void type(unsigned tag, std::vector<std::string_view> const& path = {}) {
        compact(next_++);
        compact(path.size());
        for (auto const segment : path) text(segment);
        compact(0);
        byte(tag);
    }
    void docs() { compact(0); }
    void primitive(unsigned kind) { type(5), byte(kind), docs(); }
    void of(unsigned tag, std::uint32_t element) { type(tag), compact(element), docs(); }
    void composite(std::vector<std::string_view> const& path, Items const& items) {
        type(0, path), fields(items), docs();
    }
    void array(std::uint32_t length, std::uint32_t element) {
        type(3);
        for (int shift = 0; shift < 32; shift += 8) byte(length >> shift & 0xff);
        compact(element);
        docs();
    }

  private:
    std::uint32_t next_ = 0;
};

void scalars(Writer& to) {
    to.primitive(3); // u8
    to.primitive(5); // u32
    to.primitive(7); // u128
    to.primitive(0); // bool
    to.primitive(2); // str
    to.array(32, tiny_u8);
    to.composite({"sp_core", "crypto", "AccountId32"}, {{"", tiny_hash}});
    to.of(2, tiny_u8);
    to.of(6, tiny_u128);
}

bool has(std::vector<TinyPallet> const& more, std::string_view name) {
    return std::ranges::find(more, name, &TinyPallet::name) != more.end();
}

void events(Writer& to, std::vector<TinyPallet> const& more) {
    to.type(1, {"frame_system", "Phase"}), to.compact(3);
    to.variant("ApplyExtrinsic", 0, {{"", tiny_u32}});
    to.variant("Finalization", 1, {});
    to.variant("Initialization", 2, {});
    to.docs();
    to.type(1, {"tiny_runtime", "RuntimeEvent"}), to.compact(3 + more.size());
    to.variant(has(more, "Balances") ? "TinyBalances" : "Balances", 5, {{"", tiny_balances}});
    to.variant(has(more, "Tokens") ? "TinyTokens" : "Tokens", 7, {{"", tiny_tokens}});
    to.variant("Odd", 200, {{"", tiny_odd}});
    for (std::uint32_t i = 0; i < more.size(); ++i) {
        to.variant(more[i].name, tiny_first_more + i, {{"", tiny_end + i}});
    }
    to.docs();
    to.composite({"frame_system", "EventRecord"},
                 {{"phase", tiny_phase}, {"event", tiny_event}, {"topics", tiny_topics}});
    to.of(2, tiny_record);
    to.of(2, tiny_hash);
    to.type(1, {"pallet_balances", "Event"}), to.compact(2);
    to.variant("Transfer", 2,
               {{"from", tiny_account}, {"to", tiny_account}, {"amount", tiny_u128}});
    to.variant("Nothing", 9, {});
    to.docs();
}

void shapes(Writer& to) {
    to.type(1, {"Tree"}), to.compact(2);
    to.variant("Leaf", 0, {});
    to.variant("Node", 1, {{"", tiny_trees}});
    to.docs();
    to.of(2, tiny_tree);
    to.type(7), to.compact(tiny_u8), to.compact(tiny_lsb0), to.docs();
    to.composite({"bitvec", "order", "Lsb0"}, {});
    to.type(4), to.compact(0), to.docs();
    to.of(2, tiny_unit);
    to.primitive(1);  // char
    to.primitive(13); // i128
    to.type(4), to.compact(2), to.compact(tiny_str), to.compact(tiny_tree), to.docs();
    to.type(1, {"Option"}), to.compact(2);
    to.variant("None", 0, {});
    to.variant("Some", 1, {{"", tiny_u32}});
    to.docs();
    to.type(1, {"sp_runtime", "MultiAddress"}), to.compact(3);
    to.variant("Id", 0, {{"", tiny_account}});
    to.variant("Index", 1, {{"", tiny_compact}});
    to.variant("Raw", 2, {{"", tiny_bytes}});
    to.docs();
    to.type(1, {"Void"}), to.compact(0), to.docs();
}

// Fields at places that move: behind an Option, an address, a compact.
void moving_events(Writer& to) {
    to.type(1, {"orml_tokens", "Event"}), to.compact(1);
    to.variant("Transfer", 0,
               {{"memo", tiny_str},
                {"currency_id", tiny_option},
                {"from", tiny_address},
                {"to", tiny_account},
                {"amount", tiny_compact}});
    to.docs();
    to.type(1, {"odd", "Event"}), to.compact(4);
    to.variant(
        "Everything", 0,
        {{"", tiny_bool}, {"", tiny_pair}, {"", tiny_bits}, {"", tiny_units}, {"", tiny_char}});
    to.variant("Deep", 1, {{"tree", tiny_tree}, {"number", tiny_i128}});
    to.variant("Never", 2, {{"", tiny_empty}});
    to.variant("Bytes", 255, {{"", tiny_bytes}});
    to.docs();
    to.primitive(4); // u16
    to.primitive(6); // u64
}

void more_events(Writer& to, TinyPallet const& pallet) {
    to.type(1, {"more", "Event"}), to.compact(pallet.events.size());
    for (unsigned i = 0; i < pallet.events.size(); ++i) {
        to.variant(pallet.events[i].name, i, pallet.events[i].fields);
    }
    to.docs();
}

} // namespace

std::vector<std::uint8_t> tiny_metadata(std::vector<TinyPallet> const& more) {
    Writer to;
    for (char const c : {'m', 'e', 't', 'a', '\x0e'}) to.byte(static_cast<unsigned char>(c));
    to.compact(tiny_end + more.size());
    scalars(to);
    events(to, more);
    shapes(to);
    moving_events(to);
    for (auto const& pallet : more) more_events(to, pallet);
    to.compact(1); // pallets
    to.text("System");
    to.byte(1); // with storage
    to.text("System");
    to.compact(1);
    to.text("Events");
    to.byte(1); // has a default
    to.byte(0); // plain
    to.compact(tiny_records);
    to.compact(1), to.byte(0); // the default: no events
    to.docs();
    to.byte(0), to.byte(0); // no calls, no events of its own
    to.compact(0);          // constants
    to.byte(0), to.byte(0); // no errors; index 0
    to.compact(tiny_unit);  // the extrinsic
    to.byte(4);
    to.compact(0);
    to.compact(tiny_unit); // the runtime
    return to.out;
}

} // namespace tests
