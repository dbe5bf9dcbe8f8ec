#include "decoders/events.hpp"

#include "decoders/scale.hpp"
#include "pipeline/check.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>

namespace decoders {

using pipeline::u128;
namespace {

constexpr std::size_t apply_extrinsic_bytes = 5; // its tag and a u32

// Where each field of an event starts; one more for the end.
using FieldStarts = std::array<std::uint8_t const*, max_movement_fields + 1>;

Account read_account(RolePlan const& role, std::uint8_t const* at) {
    if (role.read == Read::account) return account_of(at, role.width);
    auto const size = *at < role.tag_sizes.size() ? role.tag_sizes[*at] : std::uint8_t{0};
    return size == 0 ? Account{} : account_of(at + 1, size);
}

// False if the amount does not fit. The bytes were passed over before, so they are there and well
// formed.
bool read_amount(RolePlan const& role, std::uint8_t const* at, u128& amount) {
    amount = 0;
    if (role.read == Read::little_endian) {
        if (role.width == 16) [[likely]] {
            std::memcpy(&amount, at, 16);
            return true;
        }
        std::memcpy(&amount, at, std::min<std::size_t>(role.width, sizeof amount));
        for (std::size_t i = sizeof amount; i < role.width; ++i) {
            if (at[i] != 0) return false;
        }
        return true;
    }
    std::size_t const mode = *at & 3u;
    if (mode != 3) {
        std::memcpy(&amount, at, std::size_t{1} << mode);
        amount >>= 2;
        return true;
    }
    std::size_t const size = (*at >> 2) + 4u;
    if (size > sizeof amount) return false;
    std::memcpy(&amount, at + 1, size);
    return true;
}

bool read_roles(MovementPlan const& plan, FieldStarts const& starts, Transfer& out) {
    out.from = read_account(plan.from, starts[plan.from.field]);
    out.to = read_account(plan.to, starts[plan.to.field]);
    out.asset = {};
    if (plan.has_asset) {
        auto const* begin = starts[plan.asset.field];
        out.asset = {begin, static_cast<std::size_t>(starts[plan.asset.field + 1u] - begin)};
    }
    return read_amount(plan.amount, starts[plan.amount.field], out.amount);
}

// The same where every field has its place.
bool read_fixed(MovementPlan const& plan, std::uint8_t const* fields, Transfer& out) {
    out.from = account_of(fields + plan.from.offset, plan.from.width);
    out.to = account_of(fields + plan.to.offset, plan.to.width);
    out.asset = plan.has_asset ? Bytes{fields + plan.asset.offset, plan.asset.size} : Bytes{};
    return read_amount(plan.amount, fields + plan.amount.offset, out.amount);
}

} // namespace

TransferScan::TransferScan(Runtime const& runtime, Bytes value)
    : runtime_(runtime)
    , begin_(value.data())
    , at_(begin_)
    , end_(begin_ + value.size()) {
    Cursor in(value);
    // Not held against the bytes left: of a value cut short the whole events still count.
    count_ = in.compact_u32();
    if (!in.ok()) fail(in.error().code, begin_ + in.error().offset, in.error().detail);
    at_ = begin_ + in.position();
}

bool TransferScan::fail(Code code, std::uint8_t const* at, std::uint64_t detail) {
    failed_ = true;
    error_.error = {code, static_cast<std::size_t>(at - begin_), detail};
    error_.event_index = index_;
    return false;
}

bool TransferScan::fail_in_event(Walk const& walk, std::uint8_t const* event) {
    fail(walk.code, walk.at, walk.at != end_ ? *walk.at : 0);
    error_.type = walk.type;
    error_.event = event_name(runtime_, event[0], event[1]);
    return false;
}

// Reads the movement at walk.at into `out`, leaving walk.at behind its fields.
bool TransferScan::movement(MovementPlan const& plan, EventPlan const& event, Walk& walk,
                            Transfer& out) {
    auto const* start = walk.at;
    bool fits = false;
    if (plan.fixed) {
        if (!pass(runtime_.plans(), event.run, walk)) return false;
        fits = read_fixed(plan, start, out);
    } else {
        FieldStarts starts;
        for (std::size_t i = 0; i < plan.fields; ++i) {
            starts[i] = walk.at;
            if (!pass(runtime_.plans(), plan.runs[i], walk)) return false;
        }
        starts[plan.fields] = walk.at;
        fits = read_roles(plan, starts, out);
    }
    if (fits) return true;
    walk.at = start;
    walk.code = Code::amount_too_large;
    walk.type = no_type;
    return false;
}

// One or more topics; none is handled where the records are read.
bool TransferScan::topics(Walk& walk) {
    Cursor in({walk.at, walk.end});
    auto const count = in.count(runtime_.plans().topic_size);
    in.skip(std::size_t{count} * runtime_.plans().topic_size);
    if (!in.ok()) {
        walk.at += in.error().offset;
        walk.code = in.error().code;
        return false;
    }
    walk.at += in.position();
    return true;
}

bool TransferScan::next(Transfer& out) {
    auto const& plans = runtime_.plans();
    while (!failed_ && index_ < count_) {
        auto const* at = at_;
        auto const left = static_cast<std::size_t>(end_ - at);
        if (left == 0) return fail(Code::end_of_input, end_);
        auto const phase = at[0];
        if (phase > 2) return fail(Code::bad_variant, at, phase);
        auto const* event = at + (phase == 0 ? apply_extrinsic_bytes : 1);
        auto const to_event = static_cast<std::size_t>(event - at);
        if (to_event + 2 > left) {
            bool const unknown = to_event < left && plans.pages[event[0]] == 0;
            return unknown ? unknown_event(event) : fail(Code::end_of_input, end_);
        }
        auto const& plan = plans.event(event[0], event[1]);
        if (plan.run.size == no_such) return unknown_event(event);

        Walk walk{event + 2, end_, Code{}, no_type};
        bool const moves = plan.movement != 0xffff;
        if (moves) {
            if (!movement(plans.movements[plan.movement], plan, walk, out)) {
                return fail_in_event(walk, event);
            }
        } else if (plan.run.size < static_cast<std::size_t>(end_ - walk.at)) {
            walk.at += plan.run.size;
        } else if (!pass(plans, plan.run, walk)) {
            return fail_in_event(walk, event);
        }
        if (walk.at != end_ && *walk.at == 0) [[likely]] {
            ++walk.at; // no topics
        } else if (!topics(walk)) {
            return fail_in_event(walk, event);
        }
        at_ = walk.at;
        auto const index = index_++;
        ++seen_.events;
        if (!moves) continue;
        ++seen_.transfers;
        out.event_index = index;
        out.phase = static_cast<Phase>(phase);
        out.extrinsic_index = 0;
        if (phase == 0) std::memcpy(&out.extrinsic_index, at + 1, sizeof out.extrinsic_index);
        out.movement = plan.movement;
        return true;
    }
    if (!failed_ && at_ != end_) {
        return fail(Code::trailing_bytes, at_, static_cast<std::uint64_t>(end_ - at_));
    }
    return false;
}

// `event` may be the last byte, if it already is a pallet that does not exist.
bool TransferScan::unknown_event(std::uint8_t const* event) {
    error_.type = runtime_.metadata().outer_event;
    if (runtime_.plans().pages[event[0]] == 0) return fail(Code::bad_variant, event, event[0]);
    error_.event = event_name(runtime_, event[0], event[1]);
    return fail(Code::bad_variant, event + 1, event[1]);
}

std::expected<ScanResult, EventsError> TransferScan::result() const {
    if (failed_) return std::unexpected(error_);
    CHECK(index_ == count_); // next() was called until it said no
    return seen_;
}

std::string describe(Runtime const& runtime, EventsError const& error) {
    auto text = fmt::format("{}, in event {}", describe(error.error), error.event_index);
    if (!error.event.pallet.empty()) {
        text += fmt::format(" ({}.{})", error.event.pallet,
                            error.event.event.empty() ? "?" : error.event.event);
    }
    auto const type = error.type == no_type ? runtime.plans().record : error.type;
    return text + ", " + runtime.metadata().type_name(type);
}

} // namespace decoders
