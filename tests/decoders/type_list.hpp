// Metadata made of the types a test asks for, in a few lines: for kinds of values, and of
// extrinsics, that no recorded chain has. What every runtime needs (System.Events and its types) is
// added behind them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace tests {

class TypeList {
  public:
    using Id = std::uint32_t;
    struct Field {
        std::string_view name; // empty: unnamed
        Id type = 0;
    };
    struct Variant {
        std::string_view name;
        unsigned index = 0;
        std::vector<Field> fields;
    };
    using Path = std::vector<std::string_view>;

    // Each adds a type and returns its id. `kind`: scale-info's order, as decoders::Primitive.
    Id primitive(unsigned kind);
    Id compact(Id of);
    Id sequence(Id of);
    Id array(std::uint32_t length, Id of);
    Id tuple(std::vector<Id> const& items);
    Id composite(Path const& path, std::vector<Field> const& fields);
    Id variant(Path const& path, std::vector<Variant> const& variants);
    Id bits(Id store, Id order);
    Id next() const { return count_; } // of the type added next: for types that hold themselves

    // What V16 says of extrinsics.
    struct Extension {
        std::string_view name;
        Id type = 0;
    };
    struct ExtensionSet {
        unsigned version = 0;
        std::vector<unsigned> members; // indexes of `extensions`
    };
    struct Extrinsics {
        Id address = 0;
        Id call = 0;
        Id signature = 0;
        std::vector<ExtensionSet> sets;
        std::vector<Extension> extensions;
    };

    // The whole blob, V14 or V16; one of them is to be called, once.
    std::vector<std::uint8_t> metadata();
    std::vector<std::uint8_t> metadata(Extrinsics const& extrinsics);

  private:
    struct Needed {
        Id event = 0;
        Id records = 0;
        Id unit = 0;
    };
    Needed needed();
    void begin_blob(unsigned version);
    void system(unsigned version, Id records); // the only pallet
    void byte(unsigned value) { types_.push_back(static_cast<std::uint8_t>(value)); }
    void number(std::uint64_t value); // compact
    void text(std::string_view value);
    void fields(std::vector<Field> const& list);
    Id begin(unsigned tag, Path const& path = {});
    Id end(Id id);

    std::vector<std::uint8_t> types_;
    Id count_ = 0;
};

} // namespace tests
