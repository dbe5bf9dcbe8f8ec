// What changes the regime, and who did: flags, route, pin, rollback, unlock, audit.
#include "stages/control.hpp"

#include "decoders/hex.hpp"
#include "stages/bucket.hpp"
#include "stages/control_words.hpp"
#include "stages/routing.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::size_t reason_bytes_max = 500;

std::string time_or_dash(std::uint64_t unix_ms) {
    return unix_ms == 0 ? std::string("-") : utc_text(unix_ms);
}

double microseconds(pipeline::Nanoseconds from, pipeline::Nanoseconds to) {
    return to <= from ? 0.0 : static_cast<double>(to - from) / 1000.0;
}

} // namespace

pipeline::Nanoseconds Control::now(pipeline::Turn const& turn) const {
    return needs_.clock != nullptr ? needs_.clock->monotonic() : turn.now;
}

Who Control::who(AdminRequest const& request) const {
    std::string name = asker_.name;
    if (std::string const by = argument(request, "operator"); !by.empty())
        name += fmt::format(" ({})", by.substr(0, 64));
    return {std::move(name), argument(request, "reason").substr(0, reason_bytes_max)};
}

// ---- flags -------------------------------------------------------------------------------------

Control::Answer Control::flags(AdminRequest const&, pipeline::Turn const&) {
    if (!needs_.governor) return {exit_failed, "this service keeps no flags", {}};
    FlagState const& state = needs_.governor->state();
    std::string text = fmt::format("{:<24}{:<9}{:<9}{:<9}{:<26}{:<22}{}\n", "FLAG", "VALUE",
                                   "DEFAULT", "TYPE", "SET AT", "SET BY", "MEANING");
    std::string members = ",\"flags\":[";
    for (FlagRow const& row : flag_rows()) {
        FlagValue const& value = state.of(row.name);
        text +=
            fmt::format("{:<24}{:<9}{:<9}{:<9}{:<26}{:<22}{}\n", row.key,
                        flag_text(row, value.value), flag_text(row, row.initial), to_text(row.type),
                        time_or_dash(value.set_at_ms), value.set_by, row.help);
        members += fmt::format(
            R"({}{{"name":"{}","value":{},"default":{},"type":"{}","range":{},"owner":"{}",)"
            R"("set_by":{},"set_at":{},"epoch":{}}})",
            members.ends_with('[') ? "" : ",", row.key, flag_json(row, value.value),
            flag_json(row, row.initial), to_text(row.type), quoted(row.range), row.owner,
            quoted(value.set_by), value.set_at_ms == 0 ? "null" : quoted(utc_text(value.set_at_ms)),
            value.epoch);
    }
    text += fmt::format("\nepoch {}{}\n", state.epoch,
                        state.locked ? ", locked: " + state.lock_reason : "");
    return {0, text,
            members + fmt::format(R"(],"epoch":{},"locked":{})", state.epoch, state.locked)};
}

Control::Answer Control::flag_set(AdminRequest const& request, pipeline::Turn const& turn) {
    if (!needs_.governor) return {exit_failed, "this service keeps no flags", {}};
    if (request.words.size() != 4)
        return {exit_usage, "flag set NAME VALUE [--reason TEXT] [--if-epoch N]", {}};
    auto const row = find_flag(request.words[2]);
    if (!row) return {exit_refused, row.error(), {}};
    auto const value = parse_flag(**row, request.words[3]);
    if (!value) return {exit_refused, value.error(), {}};
    constexpr std::uint64_t none = ~std::uint64_t{0};
    auto const epoch = number(request, "if-epoch", none, 0, ~std::uint32_t{0});
    if (!epoch) return {exit_usage, epoch.error(), {}};
    std::optional<std::uint32_t> if_epoch;
    if (*epoch != none) if_epoch = static_cast<std::uint32_t>(*epoch);
    pipeline::Nanoseconds const asked_at = now(turn);
    auto const change = needs_.governor->set_flag(**row, *value, who(request), if_epoch);
    if (!change) return {exit_refused, change.error(), {}};
    Answer answer;
    answer.wait = Obedience{change->after.epoch, asked_at, change->stored_at,
                            fmt::format("{} = {}{}", (*row)->key, flag_text(**row, *value),
                                        change->trouble.empty() ? "" : "; " + change->trouble)};
    return answer;
}

// ---- which path --------------------------------------------------------------------------------

Control::Answer Control::route(AdminRequest const& request, pipeline::Turn const& turn) {
    if (request.words.size() != 2) return {exit_usage, "route ADDRESS", {}};
    auto const account = account_of(request.words[1]);
    if (!account) return {exit_usage, account.error(), {}};
    RouteSubject subject{.bucket = bucket_of(*account)};
    for (auto const& watched : options_.watched)
        if (watched.account == *account) subject.tier = watched.tier;
    std::string until = "null";
    if (needs_.governor)
        for (PinEntry const& pin : needs_.governor->state().pins) {
            bool const over = pin.until_unix_ms != 0 && pin.until_unix_ms <= turn.unix_ms;
            if (pin.account != *account || over) continue;
            subject.pin = pin.pin;
            if (pin.until_unix_ms != 0) until = quoted(utc_text(pin.until_unix_ms));
        }
    // Chains differ only in the paths they have.
    bool const two = std::any_of(options_.chains.begin(), options_.chains.end(), [](auto const& c) {
        return !c.subscan.empty() && !c.endpoints.empty();
    });
    bool const some_legacy = std::any_of(options_.chains.begin(), options_.chains.end(),
                                         [](auto const& chain) { return !chain.subscan.empty(); });
    auto const regime = needs_.switchboard.load();
    auto const decision = decide({two || some_legacy, two || !some_legacy}, subject, regime);
    constexpr std::string_view paths_text[] = {"legacy", "hybrid"};
    std::string_view const path = paths_text[static_cast<std::size_t>(decision.path)];
    std::string_view const pin = subject.pin == Pin::none   ? "null"
                               : subject.pin == Pin::hybrid ? "\"hybrid\""
                                                            : "\"legacy\"";
    std::string const why =
        fmt::format("{} (bucket {} of 10000, share {} %)", to_text(decision.reason, decision.path),
                    subject.bucket, regime.hybrid_buckets / 100.0);
    std::string text = fmt::format("{}: {}, because {}", request.words[1], path, why);
    for (auto const& chain : options_.chains)
        if (some_legacy && chain.subscan.empty())
            text += fmt::format("\n{}: hybrid, because it has no subscan_url", chain.name);
    return {0, text,
            fmt::format(R"(,"address":{},"public_key":"{}","bucket":{},"tier":{},"pin":{},)"
                        R"("pin_until":{},"path":"{}","reason":{},"epoch":{})",
                        quoted(request.words[1]), decoders::hex_text(account->bytes()),
                        subject.bucket, subject.tier == 0 ? "null" : std::to_string(subject.tier),
                        pin, until, path, quoted(why), regime.epoch)};
}

Control::Answer Control::pin(AdminRequest const& request, pipeline::Turn const& turn) {
    if (!needs_.governor) return {exit_failed, "this service keeps no flags", {}};
    if (request.words.size() != 3)
        return {exit_usage, "pin ADDRESS legacy|hybrid|none [--for 24h] [--reason TEXT]", {}};
    auto const account = account_of(request.words[1]);
    if (!account) return {exit_usage, account.error(), {}};
    std::string const& to = request.words[2];
    if (to != "legacy" && to != "hybrid" && to != "none")
        return {exit_usage, fmt::format("{}: write legacy, hybrid or none", to), {}};
    PinEntry entry;
    entry.account = *account;
    entry.pin = to == "legacy" ? Pin::legacy : to == "hybrid" ? Pin::hybrid : Pin::none;
    if (std::string const text = argument(request, "for"); !text.empty()) {
        auto const length = parse_duration(text);
        if (!length) return {exit_usage, fmt::format("--for {}: {}", text, length.error()), {}};
        entry.until_unix_ms = turn.unix_ms + *length / pipeline::millisecond;
    }
    Who const by = who(request);
    entry.set_by = by.actor;
    entry.reason = by.reason;
    pipeline::Nanoseconds const asked_at = now(turn);
    Steer steer;
    steer.account = *account;
    steer.pin = entry.pin;
    steer.until_unix_ms = entry.until_unix_ms;
    auto const change = needs_.governor->pin(std::move(entry), by);
    if (!change) return {exit_refused, change.error(), {}};
    std::uint64_t const dropped = steer_.link().dropped();
    steer_.emit(steer);
    if (steer_.link().dropped() != dropped)
        return {exit_failed, "stored, but the routing stage takes nothing; try once more", {}};
    Answer answer;
    answer.wait = Obedience{change->after.epoch, asked_at, change->stored_at,
                            fmt::format("{} pinned to {}", request.words[1], to)};
    answer.wait->steered = true;
    return answer;
}

// ---- back, and on again ------------------------------------------------------------------------

Control::Answer Control::rollback(AdminRequest const& request, pipeline::Turn const& turn) {
    if (!needs_.governor) return {exit_failed, "this service keeps no flags", {}};
    pipeline::Nanoseconds const asked_at = now(turn);
    bool const drill = request.args.contains("drill");
    Who const by = who(request);
    if (by.reason.empty() && !drill)
        return {exit_usage, "rollback --reason TEXT: why, for whoever reads the audit trail", {}};
    auto const change = drill ? needs_.governor->drill(by) : needs_.governor->rollback(by);
    if (!change) return {exit_refused, change.error(), {}};
    std::string text = drill           ? "drill: nothing was changed"
                     : change->changed ? "everything is on legacy, and locked"
                                       : "everything was on legacy already";
    if (!change->trouble.empty()) text += "; " + change->trouble;
    Answer answer;
    answer.wait =
        Obedience{change->after.epoch, asked_at, change->stored_at, std::move(text), drill};
    return answer;
}

// The times are those of the stores themselves, not of this thread's looking at them.
Control::Answer Control::obeyed(Obedience const& obedience, pipeline::Nanoseconds at) const {
    double const stored = microseconds(obedience.stored_at, at);
    double const command = microseconds(obedience.asked_at, at);
    return {0,
            fmt::format("{}, epoch {}: obeyed {:.1f} us after the store, {:.1f} us after the "
                        "command",
                        obedience.text, obedience.epoch, stored, command),
            fmt::format(R"(,"epoch":{},"stored_to_obeyed_us":{:.3f},"command_to_obeyed_us":{:.3f})",
                        obedience.epoch, stored, command)};
}

Control::Answer Control::unlock(AdminRequest const& request, pipeline::Turn const& turn) {
    if (!needs_.governor) return {exit_failed, "this service keeps no flags", {}};
    Who const by = who(request);
    if (by.reason.empty())
        return {exit_usage, "unlock --reason TEXT: what was found, and why it is safe again", {}};
    pipeline::Nanoseconds const asked_at = now(turn);
    auto const change = needs_.governor->unlock(by);
    if (!change) return {exit_refused, change.error(), {}};
    Answer answer;
    answer.wait = Obedience{change->after.epoch, asked_at, change->stored_at,
                            change->changed ? "unlocked" : "it was not locked"};
    return answer;
}

Control::Answer Control::freeze(AdminRequest const& request, pipeline::Turn const& turn) {
    return set_frozen(true, request, turn);
}

Control::Answer Control::unfreeze(AdminRequest const& request, pipeline::Turn const& turn) {
    return set_frozen(false, request, turn);
}

Control::Answer Control::set_frozen(bool on, AdminRequest const& request,
                                    pipeline::Turn const& turn) {
    if (!needs_.governor) return {exit_failed, "this service keeps no flags", {}};
    Who const by = who(request);
    if (by.reason.empty())
        return {exit_usage,
                fmt::format("{}freeze --reason TEXT: why, for whoever reads the audit trail",
                            on ? "" : "un"),
                {}};
    pipeline::Nanoseconds const asked_at = now(turn);
    auto const change = needs_.governor->freeze(on, by);
    if (!change) return {exit_refused, change.error(), {}};
    std::string_view const text = on ? change->changed ? "frozen" : "it was frozen already"
                                : change->changed ? "no longer frozen"
                                                  : "it was not frozen";
    Answer answer;
    answer.wait = Obedience{change->after.epoch, asked_at, change->stored_at, std::string(text)};
    return answer;
}

// ---- who did what ------------------------------------------------------------------------------

Control::Answer Control::audit(AdminRequest const& request, pipeline::Turn const& turn) {
    AuditTrail* const trail = needs_.governor ? needs_.governor->audit() : nullptr;
    if (trail == nullptr) return {exit_failed, "this service keeps no audit trail", {}};
    if (request.args.contains("verify")) {
        auto const forged = trail->find_forgery();
        if (!forged) return {exit_failed, io::describe(forged.error()), {}};
        if (*forged)
            return {exit_failed,
                    fmt::format("row {} of the audit trail is not what was recorded: it, or one "
                                "before it, was changed, moved or dropped",
                                **forged),
                    {}};
        return {0, "every row of the audit trail is what was recorded", R"(,"intact":true)"};
    }
    auto const since_ms = since(request, 0, turn);
    if (!since_ms) return {exit_usage, since_ms.error(), {}};
    std::string text = fmt::format("{:<26}{:<7}{:<16}{:<28}{}\n", "TIME", "EPOCH", "WHO", "WHAT",
                                   "FROM -> TO: WHY");
    std::string entries;
    auto const done = trail->read(*since_ms, [&](AuditRow const& row) {
        AuditEntry const& e = row.entry;
        text +=
            fmt::format("{:<26}{:<7}{:<16}{:<28}{} -> {}{}{}\n", utc_text(e.time_ms), e.epoch,
                        e.actor, e.action, e.from, e.to, e.reason.empty() ? "" : ": ", e.reason);
        entries += fmt::format(
            R"({}{{"time":{},"actor":{},"action":{},"from":{},"to":{},"reason":{},"epoch":{},)"
            R"("hash":"{}"}})",
            entries.empty() ? "" : ",", quoted(utc_text(e.time_ms)), quoted(e.actor),
            quoted(e.action), quoted(e.from), quoted(e.to), quoted(e.reason), e.epoch,
            decoders::hex_text(row.hash));
        return true;
    });
    if (!done) return {exit_failed, io::describe(done.error()), {}};
    return {0, text, ",\"entries\":[" + entries + "]"};
}

} // namespace stages
