#include "stages/governor.hpp"

#include <fmt/format.h>

namespace stages {

std::string_view to_text(pipeline::Mode mode) {
    constexpr std::string_view names[] = {"normal", "legacy", "frozen", "hybrid-only"};
    return names[static_cast<std::size_t>(mode)];
}

std::string describe(pipeline::Regime const& regime) {
    std::string const tiers =
        regime.tier == pipeline::tiers_all ? "all" : fmt::format("1-{}", regime.tier);
    return fmt::format("mode {}, hybrid {} % of tiers {}", to_text(regime.mode),
                       regime.hybrid_buckets / 100.0, regime.tier == 0 ? "none" : tiers);
}

Governor::Governor(FlagState state, bool has_legacy, Needs needs)
    : state_(std::move(state))
    , has_legacy_(has_legacy)
    , needs_(std::move(needs)) {}

std::string Governor::no_more_for_hybrid() const {
    if (state_.locked)
        return fmt::format("locked since a rollback ({}); first: spyhop unlock --reason TEXT",
                           state_.lock_reason);
    if (frozen())
        return "frozen: hybrid gets no more than it has; spyhop audit says by whom and why; first: "
               "spyhop unfreeze --reason TEXT";
    return {};
}

// More than now, in either dimension, is a promotion.
std::string Governor::refused_share(std::uint8_t tier, std::uint16_t buckets) const {
    bool const more = buckets > state_.of(FlagName::hybrid_traffic_percent).value ||
                      (tier > state_.of(FlagName::canary_tier).value && buckets > 0);
    return more ? no_more_for_hybrid() : std::string();
}

std::string Governor::refused_flag(FlagName name, std::uint16_t value) const {
    auto const now = [&](FlagName flag) { return state_.of(flag).value; };
    switch (name) {
    case FlagName::hybrid_traffic_percent:
        return refused_share(static_cast<std::uint8_t>(now(FlagName::canary_tier)), value);
    case FlagName::canary_tier:
        return refused_share(static_cast<std::uint8_t>(value),
                             now(FlagName::hybrid_traffic_percent));
    case FlagName::enable_hybrid_rpc:
        return frozen() && value > now(name) ? no_more_for_hybrid() : std::string();
    case FlagName::enable_hybrid_patterns:
    case FlagName::enable_parallel_mode: break;
    }
    return {};
}

void Governor::mark(FlagName name, std::uint16_t value, Who const& who, FlagState& next) const {
    if (next.of(name).value == value) return;
    next.of(name) = {value, who.actor, needs_.clock.unix_milliseconds(), next.epoch};
}

void Governor::record(Who const& who, std::string_view action, std::string_view from,
                      std::string_view to, RegimeChange& change) {
    needs_.log.write(pipeline::Level::info, "control",
                     fmt::format("{} by {}: {} -> {}, epoch {}{}{}", action, who.actor, from, to,
                                 change.after.epoch, who.reason.empty() ? "" : ": ", who.reason));
    if (!needs_.audit) return;
    auto const done = needs_.audit->record({needs_.clock.unix_milliseconds(), change.after.epoch,
                                            who.actor, action, from, to, who.reason});
    if (done) return;
    std::string const text = "not audited: " + io::describe(done.error());
    needs_.log.write(pipeline::Level::error, "control", text);
    change.trouble += (change.trouble.empty() ? "" : "; ") + text;
}

// Disk first: what is acknowledged survives.
Governor::Result<RegimeChange> Governor::change(FlagState next, Who const& who,
                                                std::string_view action, std::string_view from,
                                                std::string_view to) {
    pipeline::Regime const before = needs_.switchboard.load();
    if (before.epoch != state_.epoch) {
        settle();
        return std::unexpected(
            "the regime has been changed at the same moment; look and try again");
    }
    next.epoch = state_.epoch + 1;
    if (auto const stored = needs_.store(next); !stored)
        return std::unexpected("not changed, because it cannot be stored: " + stored.error());
    RegimeChange made{before, regime_of(next), needs_.clock.monotonic(), true, {}};
    if (!needs_.switchboard.change(before, made.after)) {
        unstored_ = true; // what is in force now is not what was stored
        settle();
        return std::unexpected(
            "the regime has been changed at the same moment; look and try again");
    }
    state_ = std::move(next);
    if (needs_.wake) needs_.wake();
    record(who, action, from, to, made);
    return made;
}

// In force first; the disk after it. Whatever another has made of the regime meanwhile.
RegimeChange Governor::force(FlagState next, Who const& who, std::string_view action,
                             std::string_view from, std::string_view to) {
    RegimeChange made;
    do {
        made.before = needs_.switchboard.load();
        next.epoch = made.before.epoch + 1;
        made.after = regime_of(next);
        made.stored_at = needs_.clock.monotonic();
    } while (!needs_.switchboard.change(made.before, made.after));
    in_force(std::move(next), made);
    record(who, action, from, to, made);
    return made;
}

// The switchboard has it: the rest follows.
void Governor::in_force(FlagState next, RegimeChange& made) {
    if (needs_.wake) needs_.wake();
    state_ = std::move(next);
    auto const stored = needs_.store(state_);
    unstored_ = !stored;
    if (stored) return;
    made.trouble = "in force, but not stored yet: " + stored.error();
    needs_.log.write(pipeline::Level::error, "control", made.trouble);
}

Governor::Result<RegimeChange> Governor::set_flag(FlagRow const& row, std::uint16_t value,
                                                  Who const& who,
                                                  std::optional<std::uint32_t> if_epoch) {
    settle();
    if (if_epoch && *if_epoch != state_.epoch)
        return std::unexpected(fmt::format("the epoch is {}, not {}: somebody has changed the "
                                           "regime; look at spyhop flags and try again",
                                           state_.epoch, *if_epoch));
    if (std::string const refused = refused_flag(row.name, value); !refused.empty())
        return std::unexpected(refused);
    std::string const from = flag_text(row, state_.of(row.name).value);
    FlagState next = state_;
    next.epoch = state_.epoch + 1;
    mark(row.name, value, who, next);
    return change(std::move(next), who, fmt::format("flag set {}", row.key), from,
                  flag_text(row, value));
}

Governor::Result<RegimeChange> Governor::set_share(std::uint8_t tier, std::uint16_t buckets,
                                                   Who const& who, std::string_view action) {
    settle();
    if (std::string const refused = refused_share(tier, buckets); !refused.empty())
        return std::unexpected(refused);
    std::string const from = describe(regime_of(state_));
    FlagState next = state_;
    next.epoch = state_.epoch + 1;
    mark(FlagName::canary_tier, tier, who, next);
    mark(FlagName::hybrid_traffic_percent, buckets, who, next);
    std::string const to = describe(regime_of(next));
    return change(std::move(next), who, action, from, to);
}

Governor::Result<RegimeChange> Governor::rollback(Who const& who, std::string_view action) {
    if (!has_legacy_)
        return std::unexpected("no chain has a subscan_url: there is no legacy path to go back to");
    pipeline::Regime const now = needs_.switchboard.load();
    if (now.mode == pipeline::Mode::legacy_only && state_.locked && now.epoch == state_.epoch)
        return RegimeChange{now, now, needs_.clock.monotonic(), false, {}};
    std::string const from = describe(now);
    FlagState next = state_;
    next.epoch = now.epoch + 1;
    next.mode = pipeline::Mode::legacy_only;
    next.locked = true;
    next.lock_reason = who.reason.empty() ? std::string(action) : who.reason;
    mark(FlagName::hybrid_traffic_percent, 0, who, next);
    std::string const to = describe(regime_of(next));
    return force(std::move(next), who, action, from, to);
}

// Like a rollback, but only over the regime that it knows: it must not undo a fall-back.
Governor::Result<RegimeChange> Governor::drill(Who const& who) {
    settle();
    FlagState next = state_;
    ++next.epoch;
    RegimeChange made{regime_of(state_), regime_of(next), needs_.clock.monotonic(), true, {}};
    if (!needs_.switchboard.change(made.before, made.after)) {
        settle();
        return std::unexpected(
            "the regime has been changed at the same moment; look and try again");
    }
    in_force(std::move(next), made);
    std::string const same = describe(made.after);
    record(who, "rollback drill", same, same, made);
    return made;
}

Governor::Result<RegimeChange> Governor::unlock(Who const& who) {
    settle();
    if (!state_.locked && state_.mode != pipeline::Mode::legacy_only) {
        pipeline::Regime const now = needs_.switchboard.load();
        return RegimeChange{now, now, needs_.clock.monotonic(), false, {}};
    }
    FlagState next = state_;
    next.locked = false;
    next.lock_reason.clear();
    next.mode = has_legacy_ ? pipeline::Mode::normal : pipeline::Mode::hybrid_only;
    return change(std::move(next), who, "unlock", "locked: " + state_.lock_reason, "unlocked");
}

Governor::Result<RegimeChange> Governor::freeze(bool on, Who const& who) {
    settle();
    if (on == frozen()) {
        pipeline::Regime const now = needs_.switchboard.load();
        return RegimeChange{now, now, needs_.clock.monotonic(), false, {}};
    }
    if (on && state_.mode == pipeline::Mode::legacy_only)
        return std::unexpected("everything is on legacy, and locked: there is nothing to freeze");
    if (on && state_.mode == pipeline::Mode::hybrid_only)
        return std::unexpected("no chain has a subscan_url: nothing can move that could be frozen");
    FlagState next = state_;
    next.mode = on ? pipeline::Mode::frozen : pipeline::Mode::normal;
    return change(std::move(next), who, on ? "freeze" : "unfreeze", to_text(state_.mode),
                  to_text(next.mode));
}

Governor::Result<RegimeChange> Governor::set_high_speed(bool on, Who const& who) {
    settle();
    FlagState next = state_;
    next.high_speed = on;
    return change(std::move(next), who, "high_speed", state_.high_speed ? "on" : "off",
                  on ? "on" : "off");
}

Governor::Result<RegimeChange> Governor::pin(PinEntry entry, Who const& who) {
    settle();
    FlagState next = state_;
    auto const same = [&](PinEntry const& one) { return one.account == entry.account; };
    std::uint64_t const now = needs_.clock.unix_milliseconds();
    std::erase_if(next.pins, [&](PinEntry const& one) {
        return same(one) || (one.until_unix_ms != 0 && one.until_unix_ms <= now);
    });
    if (entry.pin != Pin::none && next.pins.size() >= pin_entries_max)
        return std::unexpected(
            fmt::format("{} accounts are pinned already; clear some", pin_entries_max));
    // Taking a pin to legacy away may give an account to hybrid.
    bool const promotes = entry.pin == Pin::hybrid || (entry.pin == Pin::none && frozen());
    if (std::string const refused = no_more_for_hybrid(); promotes && !refused.empty())
        return std::unexpected(refused);
    constexpr std::string_view names[] = {"none", "legacy", "hybrid"};
    std::string_view const to = names[static_cast<std::size_t>(entry.pin)];
    if (entry.pin != Pin::none) next.pins.push_back(std::move(entry));
    return change(std::move(next), who, "pin", "", to);
}

void Governor::note(Who const& who, std::string_view action, std::string_view from,
                    std::string_view to) {
    RegimeChange same;
    same.after = needs_.switchboard.load();
    record(who, action, from, to, same);
}

void Governor::settle() {
    pipeline::Regime const now = needs_.switchboard.load();
    if (now.epoch != state_.epoch) follow(now);
    if (!unstored_ || needs_.clock.monotonic() < store_at_) return;
    store_at_ = needs_.clock.monotonic() + pipeline::second;
    unstored_ = !needs_.store(state_);
}

// Somebody else has changed it: the supervisor, or this process in an earlier life.
void Governor::follow(pipeline::Regime const& now) {
    std::string const from = describe(regime_of(state_));
    bool const fell_back = now.mode == pipeline::Mode::legacy_only && !state_.locked;
    state_.epoch = now.epoch;
    state_.mode = now.mode;
    state_.of(FlagName::hybrid_traffic_percent).value = now.hybrid_buckets;
    state_.of(FlagName::canary_tier).value = now.tier;
    state_.high_speed = (now.flags & pipeline::Flag::high_speed) != 0;
    unstored_ = true;
    if (!fell_back) return;
    Who const who{"supervisor", "the hybrid process died"};
    state_.locked = true;
    state_.lock_reason = who.reason;
    FlagState next = state_;
    ++next.epoch;
    mark(FlagName::hybrid_traffic_percent, 0, who, next);
    force(std::move(next), who, "immediate_rollback", from, describe(now));
}

} // namespace stages
