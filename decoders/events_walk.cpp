#include "decoders/events_json.hpp"
#include "decoders/value_json.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace decoders {
namespace {

// All records of one value, one at a time.
class Records {
  public:
    Records(Runtime const& runtime, Bytes value)
        : runtime_(runtime)
        , metadata_(runtime.metadata())
        , in_(value)
        , writer_(runtime, in_, line_, json_limit(value.size()))
        , count_(in_.compact_u32()) {}

    bool more() const { return in_.ok() && index_ < count_; }
    std::uint32_t index() const { return index_; }
    std::size_t position() const { return in_.position(); }
    std::string const& line() const { return line_; }

    // Reads a record and leaves its line in line(). False: error() says what was wrong.
    bool next() {
        auto const fields = metadata_.fields_of(metadata_.types[runtime_.plans().record]);
        name_ = {};
        line_.clear();
        fmt::format_to(std::back_inserter(line_), "{{\"index\":{},\"phase\":", index_);
        writer_.value(fields[0].type);
        event();
        line_ += ",\"topics\":";
        if (in_.ok()) writer_.value(fields[2].type);
        line_ += '}';
        if (!in_.ok()) return false;
        name_ = {};
        ++index_;
        return true;
    }

    // Bytes behind the last record are an error too.
    std::expected<std::uint32_t, EventsError> finish() {
        if (in_.ok() && index_ == count_ && in_.remaining() != 0) {
            in_.fail(Code::trailing_bytes, in_.position(), in_.remaining());
        }
        if (in_.ok()) return count_;
        auto const type = type_ != no_type ? type_ : writer_.failed_type();
        return std::unexpected(EventsError{in_.error(), index_, type, name_});
    }

  private:
    // The two bytes in front of the fields, by name.
    Variant const* variant(TypeId id, std::size_t at) {
        auto const tag = in_.u8();
        if (!in_.ok()) return nullptr;
        auto const variants = metadata_.variants_of(metadata_.types[id]);
        auto const found = std::ranges::find(variants, tag, &Variant::index);
        if (found != variants.end()) return &*found;
        in_.fail(Code::bad_variant, at, tag);
        type_ = metadata_.outer_event;
        return nullptr;
    }
    void event() {
        auto const* pallet = variant(metadata_.outer_event, in_.position());
        if (pallet == nullptr) return;
        name_.pallet = pallet->name;
        auto const inner = metadata_.fields_of(*pallet);
        if (inner.size() != 1 || metadata_.types[inner[0].type].kind != TypeKind::variant) {
            type_ = metadata_.outer_event;
            return in_.fail(Code::bad_variant, in_.position() - 1, pallet->index);
        }
        auto const* event = variant(inner[0].type, in_.position());
        if (event == nullptr) return;
        name_.event = event->name;
        line_ += ",\"pallet\":";
        writer_.quoted(pallet->name);
        line_ += ",\"event\":";
        writer_.quoted(event->name);
        line_ += ",\"fields\":";
        writer_.fields(metadata_.fields_of(*event), 0);
    }

    Runtime const& runtime_;
    Metadata const& metadata_;
    Cursor in_;
    std::string line_;
    JsonWriter writer_;
    std::uint32_t count_ = 0;
    std::uint32_t index_ = 0;
    TypeId type_ = no_type;
    EventName name_;
};

} // namespace

std::expected<std::uint32_t, EventsError> walk_events_json(Runtime const& runtime, Bytes value,
                                                           LineSink const& sink) {
    Records records(runtime, value);
    while (records.more() && records.next()) sink(records.line());
    return records.finish();
}

std::expected<std::uint32_t, EventsError> walk_event_spans(Runtime const& runtime, Bytes value,
                                                           SpanSink const& sink) {
    Records records(runtime, value);
    while (records.more()) {
        auto const begin = records.position();
        auto const index = records.index();
        if (!records.next()) break;
        sink(index, begin, records.position());
    }
    return records.finish();
}

} // namespace decoders
