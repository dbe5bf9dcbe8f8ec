#include "decoders/outcome.hpp"

#include "decoders/name_list.hpp"
#include "decoders/scale.hpp"
#include "decoders/value_reader.hpp"

#include <algorithm>
#include <cstring>

namespace decoders {

// How the field that is named in a row tells of a failure.
enum class Tells : std::uint8_t {
    by_itself, // the event is the failure; the field, if any, is the error
    by_result, // the field is a Result: a failure where it is Err
};

// Pallets by their name in the runtime or by the crate their events are from; names separated by
// '|'. Where an event's fields have no names, the first one of the type that the field would have
// is taken.
struct OutcomeRow {
    std::string_view pallets;
    std::string_view events;
    Told told{};
    Tells tells{};
    std::string_view error = {};
    std::string_view item = {};
};

namespace {

constexpr std::string_view utility = "Utility|pallet_utility";

constexpr OutcomeRow rows[] = {
    {"System", "ExtrinsicSuccess", Told::dispatched, Tells::by_itself},
    {"System", "ExtrinsicFailed", Told::failed, Tells::by_itself, "dispatch_error"},
    {utility, "ItemFailed", Told::inner_failed, Tells::by_itself, "error"},
    {utility, "BatchInterrupted", Told::inner_failed, Tells::by_itself, "error", "index"},
    {utility, "BatchCompletedWithErrors", Told::inner_failed, Tells::by_itself},
    {utility, "DispatchedAs", Told::inner_failed, Tells::by_result, "result"},
    {utility, "IfElseFallbackCalled", Told::inner_failed, Tells::by_itself, "main_error"},
    {"Proxy|pallet_proxy", "ProxyExecuted", Told::inner_failed, Tells::by_result, "result"},
    {"Multisig|pallet_multisig", "MultisigExecuted", Told::inner_failed, Tells::by_result,
     "result"},
    {"Sudo|pallet_sudo", "Sudid|SudoAsDone", Told::inner_failed, Tells::by_result,
     "sudo_result|result"},
    {"pallet_subtensor", "Sudid", Told::inner_failed, Tells::by_result, "result"},
    {"pallet_subtensor", "BatchWeightItemFailed", Told::inner_failed, Tells::by_itself, "error"},
    {"pallet_whitelist", "WhitelistedCallDispatched", Told::inner_failed, Tells::by_result,
     "result"},
    {"pallet_collective", "Executed|MemberExecuted", Told::inner_failed, Tells::by_result,
     "result"},
    {"pallet_meta_tx", "Dispatched", Told::inner_failed, Tells::by_result, "result"},
};

// The first of the names that a field has; where fields have no names, the first of that type.
std::size_t place(Metadata const& metadata, std::span<Field const> fields, std::string_view names,
                  std::string_view type) {
    std::size_t at = fields.size();
    any_name(names, [&](std::string_view name) {
        auto const found = std::ranges::find(fields, name, &Field::name);
        at = static_cast<std::size_t>(found - fields.begin());
        return found != fields.end();
    });
    if (names.empty() || fields.empty() || !fields[0].name.empty()) return at;
    auto const is_it = [&](Field const& field) {
        return metadata.last_segment(metadata.types[field.type]) == type;
    };
    return static_cast<std::size_t>(std::ranges::find_if(fields, is_it) - fields.begin());
}

// What stands in front of an event's fields, and behind them.
struct Record {
    Phase phase{};
    std::uint32_t extrinsic = 0;
    std::uint8_t pallet = 0;
    std::uint8_t event = 0;
    Bytes fields;
};

// Reads records one at a time, passing over their fields.
class Records {
  public:
    Records(Runtime const& runtime, Bytes value)
        : plans_(runtime.plans())
        , types_(runtime.metadata().fields_of(runtime.metadata().types[plans_.record]))
        , in_(runtime, value) {}

    bool next(Record& out) {
        auto const phase = in_.value(types_[0].type);
        if (!in_.ok()) return false;
        out.phase = static_cast<Phase>(phase[0]);
        out.extrinsic = 0;
        if (out.phase == Phase::apply_extrinsic) {
            std::memcpy(&out.extrinsic, phase.data() + 1, sizeof out.extrinsic);
        }
        if (in_.remaining() < 2) in_.fail(Code::end_of_input, 0, plans_.record);
        if (!in_.ok()) return false;
        out.pallet = in_.rest()[0];
        out.event = in_.rest()[1];
        auto const& plan = plans_.event(out.pallet, out.event);
        if (plans_.pages[out.pallet] == 0) in_.fail(Code::bad_variant, out.pallet, plans_.record);
        in_.byte();
        if (plan.run.size == no_such) in_.fail(Code::bad_variant, out.event, plans_.record);
        in_.byte();
        out.fields = in_.run(plan.run);
        in_.value(types_[2].type);
        return in_.ok();
    }
    ValueReader& reader() { return in_; }

  private:
    Plans const& plans_;
    std::span<Field const> types_; // of phase, event, topics
    ValueReader in_;
};

} // namespace

Outcomes::Outcomes(Runtime const& runtime)
    : runtime_(runtime) {
    auto const& metadata = runtime.metadata();
    for (auto const& pallet : metadata.variants_of(metadata.types[metadata.outer_event])) {
        resolve(pallet);
    }
}

void Outcomes::resolve(Variant const& pallet) {
    auto const& metadata = runtime_.metadata();
    auto const inner = metadata.fields_of(pallet);
    if (inner.size() != 1) return;
    auto const& events = metadata.types[inner[0].type];
    if (events.kind != TypeKind::variant) return;
    auto const path = metadata.path_of(events);
    auto const crate = path.empty() ? std::string_view{} : path[0];
    for (auto const& row : rows) {
        if (!has_name(row.pallets, pallet.name) && !has_name(row.pallets, crate)) continue;
        for (auto const& event : metadata.variants_of(events)) {
            if (!has_name(row.events, event.name)) continue;
            auto const fields = metadata.fields_of(event);
            bool const by_result = row.tells == Tells::by_result;
            auto const error =
                place(metadata, fields, row.error, by_result ? "Result" : "DispatchError");
            if (by_result && error == fields.size()) continue; // it cannot be told
            events_.push_back({&row,
                               {pallet.name, event.name},
                               pallet.index,
                               event.index,
                               fields,
                               error,
                               place(metadata, fields, row.item, {})});
        }
    }
}

Outcomes::Resolved const* Outcomes::find(std::uint8_t pallet, std::uint8_t event) const {
    auto const same = [&](Resolved const& one) {
        return one.pallet == pallet && one.event == event;
    };
    auto const found = std::ranges::find_if(events_, same);
    return found == events_.end() ? nullptr : &*found;
}

// False: the event tells of a success inside.
bool Outcomes::told(Resolved const& event, Bytes fields, OutcomeEvent& out) const {
    auto const& metadata = runtime_.metadata();
    out.told = event.row->told;
    out.event = event.name;
    out.item.reset();
    out.error = {};
    out.error_type = no_type;
    ValueReader in(runtime_, fields);
    for (std::size_t i = 0; i < event.fields.size(); ++i) {
        auto const type = event.fields[i].type;
        auto const bytes = in.value(type);
        if (!in.ok()) return false;
        if (i == event.item) {
            auto const number = number_in(runtime_, type, bytes);
            if (number) out.item = static_cast<std::uint32_t>(*number);
        }
        if (i != event.error) continue;
        out.error = bytes;
        out.error_type = type;
        if (event.row->tells == Tells::by_itself) continue;
        auto const& result = metadata.types[type];
        if (result.kind != TypeKind::variant || bytes.empty()) return false;
        auto const variants = metadata.variants_of(result);
        auto const found = std::ranges::find(variants, bytes[0], &Variant::index);
        if (found == variants.end() || found->name != "Err") return false;
        auto const inner = metadata.fields_of(*found);
        out.error = bytes.subspan(1);
        out.error_type = inner.size() == 1 ? inner[0].type : no_type;
    }
    return true;
}

std::expected<std::uint32_t, EventsError> Outcomes::scan(Bytes events,
                                                         OutcomeVisitor const& visit) const {
    Cursor head(events);
    auto const count = head.compact_u32();
    if (!head.ok()) return std::unexpected(EventsError{head.error(), 0, no_type, {}});
    Records records(runtime_, events.subspan(head.position()));
    auto& in = records.reader();
    Record record;
    OutcomeEvent out;
    auto const error = [&](std::uint32_t index, EventName name) {
        auto what = in.error();
        what.offset += head.position();
        return std::unexpected(EventsError{what, index, in.failed_type(), name});
    };
    for (std::uint32_t index = 0; index < count; ++index) {
        record = {};
        if (!records.next(record)) {
            return error(index, event_name(runtime_, record.pallet, record.event));
        }
        if (record.phase != Phase::apply_extrinsic) continue;
        auto const* event = find(record.pallet, record.event);
        if (event == nullptr || !told(*event, record.fields, out)) continue;
        out.extrinsic_index = record.extrinsic;
        out.event_index = index;
        visit(out);
    }
    if (in.remaining() != 0) in.fail(Code::trailing_bytes, in.remaining());
    if (!in.ok()) return error(count, {});
    return count;
}

} // namespace decoders
