// The one place where the regime changes: flags, steps of a rollout, rollback, unlock, pins.
//
//   who asks ──▶ allowed? epoch as expected? ──▶ stored ──▶ one compare-exchange ──▶ audited
//   rollback                    first the compare-exchange, then the disk: nothing is waited for
//
// A change is acknowledged only when it is stored. A rollback whose storing fails is in force all
// the same, is told as such, and is stored again and again until it works (settle()).
//
// Whoever else changes the switchboard (the supervisor that has seen hybrid die) is followed by
// settle(): what is in force is then stored and audited under that name.
//
// One thread, control's; blocks on the disk. Owns the state of flags and the audit trail.
#pragma once

#include "pipeline/clock.hpp"
#include "pipeline/log.hpp"
#include "stages/flags.hpp"
#include "stages/journal_audit.hpp"

#include <functional>
#include <optional>

namespace stages {

struct Who {
    std::string actor;  // "uid 1000", "health: error_rate", "rollout"
    std::string reason; // may be empty where none is demanded
};

struct RegimeChange {
    pipeline::Regime before{}, after{};
    pipeline::Nanoseconds stored_at = 0; // just before the store, so that nothing looks quicker
    bool changed = true;                 // false: it had been so before
    std::string trouble{};               // it is in force, but: not stored, not audited
};

class Governor {
  public:
    struct Needs {
        pipeline::Switchboard& switchboard;
        pipeline::Clock const& clock;
        pipeline::Log& log;
        // Writes the state to disk; the error is a sentence.
        std::function<std::expected<void, std::string>(FlagState const&)> store;
        std::function<void()> wake{};        // the threads that are to see the change
        std::unique_ptr<AuditTrail> audit{}; // null: nobody keeps one
    };
    using Refusal = std::string;
    template <class T>
    using Result = std::expected<T, Refusal>;

    // has_legacy: some chain has a legacy path, so that there is something to roll back to.
    Governor(FlagState state, bool has_legacy, Needs needs);

    // Refused: promotion while locked or frozen, an epoch that is not `if_epoch`, a disk that does
    // not write.
    Result<RegimeChange> set_flag(FlagRow const& row, std::uint16_t value, Who const& who,
                                  std::optional<std::uint32_t> if_epoch = std::nullopt);
    // Tier and share in one step; `action` names it in the audit trail.
    Result<RegimeChange> set_share(std::uint8_t tier, std::uint16_t buckets, Who const& who,
                                   std::string_view action);
    // Everything to legacy, share 0, locked. Idempotent. Refused only where there is no legacy.
    Result<RegimeChange> rollback(Who const& who, std::string_view action = "rollback");
    // A new epoch and nothing else: how long obedience takes.
    Result<RegimeChange> drill(Who const& who);
    Result<RegimeChange> unlock(Who const& who);
    // Frozen: nothing gives hybrid more than it has; what goes back is obeyed as ever, a rollback
    // above all; a pin that was given an end keeps it. Refused where there is nothing to hold:
    // everything on legacy, or only one path.
    Result<RegimeChange> freeze(bool on, Who const& who);
    Result<RegimeChange> set_high_speed(bool on, Who const& who);
    Result<RegimeChange> pin(PinEntry entry, Who const& who); // Pin::none takes it away
    // A note in the audit trail about something that changed no flag.
    void note(Who const& who, std::string_view action, std::string_view from, std::string_view to);

    // Follows changes that others have made, and stores what could not be stored; call every turn.
    void settle();

    FlagState const& state() const { return state_; }
    bool has_legacy() const { return has_legacy_; }
    AuditTrail* audit() { return needs_.audit.get(); }

  private:
    bool frozen() const { return state_.mode == pipeline::Mode::frozen; }
    std::string no_more_for_hybrid() const; // why promotion is refused; empty: it is not
    std::string refused_flag(FlagName name, std::uint16_t value) const;
    std::string refused_share(std::uint8_t tier, std::uint16_t buckets) const;
    Result<RegimeChange> change(FlagState next, Who const& who, std::string_view action,
                                std::string_view from, std::string_view to);
    RegimeChange force(FlagState next, Who const& who, std::string_view action,
                       std::string_view from, std::string_view to);
    void in_force(FlagState next, RegimeChange& made);
    void record(Who const& who, std::string_view action, std::string_view from, std::string_view to,
                RegimeChange& change);
    void follow(pipeline::Regime const& now);
    void mark(FlagName name, std::uint16_t value, Who const& who, FlagState& next) const;

    FlagState state_;
    bool const has_legacy_;
    Needs needs_;
    bool unstored_ = false;
    pipeline::Nanoseconds store_at_ = 0; // the next attempt
};

std::string_view to_text(pipeline::Mode mode);
// "mode normal, hybrid 35 % of tiers all"
std::string describe(pipeline::Regime const& regime);

} // namespace stages
