// Writes canonical JSON of SCALE values while reading them, straight from the type registry: the
// walk behind value_to_json and walk_events_json, and the second opinion on json_plan.hpp. It
// shares neither plans nor digits with the plans' writer.
#pragma once

#include "decoders/runtime.hpp"
#include "decoders/scale.hpp"

#include <string>

namespace decoders {

// A JSON string with what JSON wants escaped, as JSON.stringify writes it.
void append_json_text(std::string_view text, std::string& out);

class JsonWriter {
  public:
    // Reads from `in`, appends to `out`; both must outlive the writer. Text longer than `limit`
    // is too much work.
    JsonWriter(Runtime const& runtime, Cursor& in, std::string& out, std::size_t limit)
        : plans_(runtime.plans())
        , metadata_(runtime.metadata())
        , in_(in)
        , out_(out)
        , limit_(limit) {}

    // Reads one value of that type; a failure is the cursor's, and failed_type() says of what.
    void value(TypeId id, std::size_t depth = 0);
    // The fields of a composite or variant as interface.md has them: null, the value, array or
    // object.
    void fields(std::span<Field const> fields, std::size_t depth);
    void bytes_as_hex(std::size_t size);
    void quoted(std::string_view text) { append_json_text(text, out_); }

    TypeId failed_type() const { return failed_type_; }

  private:
    void failed(TypeId id) {
        if (!in_.ok() && failed_type_ == no_type) failed_type_ = id;
    }
    bool is_u8(TypeId id) const;
    void composite(Type const& type, TypeId id, std::size_t depth);
    void variant(Type const& type, TypeId id, std::size_t depth);
    void sequence(Type const& type, TypeId id, std::size_t depth);
    void elements(TypeId element, std::uint64_t count, std::size_t depth);
    void primitive(Primitive kind);
    void integer(Bytes little_endian, bool negative_allowed);
    void character();
    void compact(TypeId id);
    void compact_as(TypeId id, Bytes digits, std::size_t start);
    void bits(Type const& type);

    Plans const& plans_;
    Metadata const& metadata_;
    Cursor& in_;
    std::string& out_;
    std::size_t limit_;
    TypeId failed_type_ = no_type;
};

} // namespace decoders
