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
    if (role.read != Read::address) return account_of(at, role.width); // no role: no bytes
    auto const size = *at < role.tag_sizes.size() ? role.tag_sizes[*at] : std::uint8_t{0};
    return size == 0 ? Account{} : account_of(at + 1, size);
}

// False if the amount does not fit. The bytes were passed over before, so they are there and well
// formed.
bool read_amount(RolePlan const& role, std::uint8_t const* at, u128& amount) {
    amount = 0;
    if (role.read != Read::compact) { // no role: no bytes
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

// The second part of an amount that is told in two. Together they are what an account had, so they
// fit on any chain that adds up.
bool add_more(RolePlan const& more, std::uint8_t const* at, u128& amount) {
    u128 part = 0;
    if (!read_amount(more, at, part)) return false;
    amount = amount + part < part ? ~u128{0} : amount + part;
    return true;
}

// The row is of one value of an enum only.
bool is_meant(MovementPlan const& plan, std::uint8_t const* at) {
    return plan.only.read == Read::nothing || *at == plan.only_tag;
}

bool read_roles(MovementPlan const& plan, FieldStarts const& starts, Movement& out) {
    auto const start = [&](RolePlan const& role) {
        return starts[role.field == no_field ? 0 : role.field];
    };
    out.from = read_account(plan.from, start(plan.from));
    out.to = read_account(plan.to, start(plan.to));
    out.asset = {};
    if (plan.asset.read != Read::nothing) {
        auto const* begin = start(plan.asset);
        out.asset = {begin, static_cast<std::size_t>(starts[plan.asset.field + 1u] - begin)};
    }
    if (!read_amount(plan.amount, start(plan.amount), out.amount)) return false;
    return plan.more.read == Read::nothing || add_more(plan.more, start(plan.more), out.amount);
}

// The same where every role has its place.
bool read_fixed(MovementPlan const& plan, std::uint8_t const* fields, Movement& out) {
    out.from = account_of(fields + plan.from.offset, plan.from.width);
    out.to = account_of(fields + plan.to.offset, plan.to.width);
    out.asset = {fields + plan.asset.offset, plan.asset.size};
    if (!read_amount(plan.amount, fields + plan.amount.offset, out.amount)) return false;
    if (plan.more.read == Read::nothing) [[likely]]
        return true;
    return add_more(plan.more, fields + plan.more.offset, out.amount);
}

} // namespace

void ToldMovements::add(MovementKind kind, Movement const& movement) {
    ring_[next_++ % told_max] = {movement.from,   movement.to,
                                 movement.amount, movement.extrinsic_index,
                                 movement.phase,  kind};
}

bool ToldMovements::take(MovementKinds kinds, Movement const& movement) {
    auto const same = [&](Entry const& one) {
        return one.kind.meets(kinds) && one.amount == movement.amount &&
               one.from == movement.from && one.to == movement.to && one.phase == movement.phase &&
               one.extrinsic_index == movement.extrinsic_index;
    };
    auto const at = std::ranges::find_if(ring_, same);
    if (at == ring_.end()) return false;
    at->kind = {};
    return true;
}

MovementScan::MovementScan(Runtime const& runtime, Bytes value, MovementKinds wanted)
    : runtime_(runtime)
    , begin_(value.data())
    , at_(begin_)
    , end_(begin_ + value.size())
    , wanted_(wanted)
    , read_(wanted.bits) {
    auto const& plans = runtime.plans();
    if ((plans.repeats & wanted.bits) != 0) [[unlikely]] {
        // All kinds that may be repeated, so that what is wanted does not decide what is a repeat.
        read_ |= plans.repeated;
        told_.emplace();
    }
    Cursor in(value);
    // Not held against the bytes left: of a value cut short the whole events still count.
    count_ = in.compact_u32();
    if (!in.ok()) fail(in.error().code, begin_ + in.error().offset, in.error().detail);
    at_ = begin_ + in.position();
}

bool MovementScan::fail(Code code, std::uint8_t const* at, std::uint64_t detail) {
    failed_ = true;
    error_.error = {code, static_cast<std::size_t>(at - begin_), detail};
    error_.event_index = index_;
    return false;
}

bool MovementScan::fail_in_event(Walk const& walk, std::uint8_t const* event) {
    fail(walk.code, walk.at, walk.at != end_ ? *walk.at : 0);
    error_.type = walk.type;
    error_.event = event_name(runtime_, event[0], event[1]);
    return false;
}

// Reads the movement at walk.at into `out`, leaving walk.at behind its fields.
bool MovementScan::read(EventPlan const& event, Walk& walk, Movement& out) {
    auto const& plan = runtime_.plans().movements[event.movement];
    auto const* start = walk.at;
    bool fits = false;
    if (plan.fixed) {
        if (event.run.size < static_cast<std::size_t>(walk.end - walk.at)) {
            walk.at += event.run.size;
        } else if (!pass(runtime_.plans(), event.run, walk)) {
            return false;
        }
        fits = read_fixed(plan, start, out);
        meant_ = is_meant(plan, start + plan.only.offset);
    } else {
        FieldStarts starts;
        for (std::size_t i = 0; i < plan.fields; ++i) {
            starts[i] = walk.at;
            if (!pass(runtime_.plans(), plan.runs[i], walk)) return false;
        }
        starts[plan.fields] = walk.at;
        fits = read_roles(plan, starts, out);
        meant_ = is_meant(plan, starts[plan.only.field == no_field ? 0 : plan.only.field]);
    }
    if (fits) return true;
    walk.at = start;
    walk.code = Code::amount_too_large;
    walk.type = no_type;
    return false;
}

// One or more topics; none is handled where the records are read.
bool MovementScan::topics(Walk& walk) {
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

// False: not of a kind that is wanted, or said before.
bool MovementScan::tells(Movement const& movement) {
    auto const& event = runtime_.movements()[movement.source];
    if (event.repeats.empty()) {
        told_->add(event.kind, movement);
    } else if (told_->take(event.repeats, movement)) {
        return false;
    }
    return wanted_.has(event.kind);
}

bool MovementScan::next(Movement& out) {
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
        bool const moves = (read_ >> plan.kind & 1) != 0;
        if (moves) {
            if (!read(plan, walk, out)) return fail_in_event(walk, event);
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
        if (!moves || !meant_) continue;
        out.event_index = index;
        out.phase = static_cast<Phase>(phase);
        out.extrinsic_index = 0;
        if (phase == 0) std::memcpy(&out.extrinsic_index, at + 1, sizeof out.extrinsic_index);
        out.source = plan.movement;
        if (told_ && !tells(out)) continue;
        ++seen_.movements;
        return true;
    }
    if (!failed_ && at_ != end_) {
        return fail(Code::trailing_bytes, at_, static_cast<std::uint64_t>(end_ - at_));
    }
    return false;
}

// `event` may be the last byte, if it already is a pallet that does not exist.
bool MovementScan::unknown_event(std::uint8_t const* event) {
    error_.type = runtime_.metadata().outer_event;
    if (runtime_.plans().pages[event[0]] == 0) return fail(Code::bad_variant, event, event[0]);
    error_.event = event_name(runtime_, event[0], event[1]);
    return fail(Code::bad_variant, event + 1, event[1]);
}

std::expected<ScanResult, EventsError> MovementScan::result() const {
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
