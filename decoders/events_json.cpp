#include "decoders/events_json.hpp"

#include "decoders/scale.hpp"

namespace decoders {

EventsJson::EventsJson(Runtime const& runtime)
    : runtime_(runtime)
    , plans_(build_json_plans(runtime))
    , run_(plans_) {
    auto const& metadata = runtime.metadata();
    auto const fields = metadata.fields_of(metadata.types[runtime.plans().record]);
    phase_ = plans_.types[fields[0].type];
    topics_ = plans_.types[fields[2].type];
}

bool EventsJson::unknown(std::uint8_t const* at) {
    run_.reader().at = at;
    return run_.reader().fail(Code::bad_variant, runtime_.metadata().outer_event);
}

bool EventsJson::event(std::uint32_t index) {
    auto& in = run_.reader();
    auto& out = run_.buffer();
    auto const& plans = runtime_.plans();
    name_ = {};
    out.append("{\"index\":");
    out.written(write_decimal(std::uint64_t{index}, out.room(20)));
    out.append(",\"phase\":");
    if (!run_.value(phase_)) return false;
    auto const* event = in.at;
    if (in.left() == 0) return in.fail(Code::end_of_input, plans.record);
    if (plans.pages[event[0]] == 0) return unknown(event);
    if (in.left() < 2) {
        name_.pallet = event_name(runtime_, event[0], 0).pallet;
        return in.fail(Code::end_of_input, plans.record);
    }
    auto const steps = plans_.events[std::size_t{plans.pages[event[0]]} * 256 + event[1]];
    if (steps == no_such) {
        name_ = event_name(runtime_, event[0], event[1]);
        return unknown(event + 1);
    }
    in.at += 2;
    bool good = run_.value(steps);
    out.append(",\"topics\":");
    good = good && run_.value(topics_);
    if (!good) name_ = event_name(runtime_, event[0], event[1]);
    out.append("}");
    return good;
}

std::expected<std::uint32_t, EventsError> EventsJson::write(Bytes value, LineSink const& sink) {
    Cursor head(value);
    std::uint32_t const count = head.compact_u32();
    if (!head.ok()) return std::unexpected(EventsError{head.error(), 0, no_type, {}});
    run_.start(value);
    auto& in = run_.reader();
    in.at += head.position();
    auto const error = [&](std::uint32_t index, Code code, std::uint64_t detail) {
        auto const offset = static_cast<std::size_t>(in.at - value.data());
        return std::unexpected(EventsError{{code, offset, detail}, index, in.type, name_});
    };
    for (std::uint32_t index = 0; index < count; ++index) {
        if (!event(index)) return error(index, in.code, in.left() != 0 ? *in.at : 0);
        sink(run_.buffer().text());
        run_.next_line();
    }
    name_ = {};
    in.type = no_type;
    if (in.left() != 0) return error(count, Code::trailing_bytes, in.left());
    return count;
}

} // namespace decoders
