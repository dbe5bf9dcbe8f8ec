#include "decoders/subscan_impl.hpp"

#include <algorithm>
#include <array>

// Who an account is: identity, registrars' judgements, the tag Subscan gives to known owners.
namespace decoders {
namespace {

using Done = JsonWalk::Done;
using Value = JsonWalk::Value;

// How much a registrar's word is worth, the best first (pallet identity, Judgement). "FeePaid" says
// that one was asked, not that he answered.
constexpr std::array<std::string_view, 7> judgements_by_worth = {
    "KnownGood", "Reasonable", "OutOfDate", "FeePaid", "Unknown", "LowQuality", "Erroneous"};

std::size_t worth(std::string_view judgement) {
    auto const at = std::ranges::find(judgements_by_worth, judgement);
    return static_cast<std::size_t>(judgements_by_worth.end() - at);
}

} // namespace

Done SubscanReader::Impl::parent(Value& value, SubscanAccount& out) {
    return nullable_members(value, [&](std::string_view key, Value& member) -> Done {
        if (key == "display") return take(out.parent, text(member));
        if (key == "sub_symbol") return take(out.sub, text(member));
        return {};
    });
}

Done SubscanReader::Impl::merkle(Value& value, SubscanAccount& out) {
    return nullable_members(value, [&](std::string_view key, Value& member) -> Done {
        if (key == "tag_name") return take(out.tag_name, text(member));
        if (key == "tag_type") return take(out.tag_type, text(member));
        if (key == "tag_subtype") return take(out.tag_subtype, text(member));
        return {};
    });
}

Done SubscanReader::Impl::judgements(Value& value, SubscanAccount& out) {
    auto const form = walk.form(value);
    if (!form) return std::unexpected(form.error());
    if (*form == Form::null) return {};
    auto const all = walk.elements(value, [&](std::size_t, Value& each) -> Done {
        return walk.members(each, [&](std::string_view key, Value& member) -> Done {
            if (key != "judgement") return {};
            auto const said = text(member);
            if (!said) return std::unexpected(said.error());
            if (out.judgement.empty() || worth(*said) > worth(out.judgement)) {
                out.judgement = *said;
            }
            return {};
        });
    });
    if (!all) return std::unexpected(all.error());
    return {};
}

Done SubscanReader::Impl::display_member(std::string_view key, Value& value, SubscanAccount& out) {
    if (key == "display") return take(out.display, text(value));
    if (key == "identity") return take(out.identity, flag(value));
    if (key == "judgements") return judgements(value, out);
    if (key == "parent") return parent(value, out);
    return {};
}

// `people` repeats the identity as the People chain has it, where identities live on chains that
// have one: it fills what the account's own chain does not know.
Done SubscanReader::Impl::display(Value& value, SubscanAccount& out) {
    SubscanAccount people;
    auto done = nullable_members(value, [&](std::string_view key, Value& member) -> Done {
        if (key == "merkle") return merkle(member, out);
        if (key != "people") return display_member(key, member, out);
        return nullable_members(member, [&](std::string_view name, Value& each) -> Done {
            return display_member(name, each, people);
        });
    });
    if (!done || !out.display.empty() || people.display.empty()) return done;
    out.display = people.display;
    out.identity = people.identity;
    out.judgement = people.judgement;
    out.parent = people.parent;
    out.sub = people.sub;
    return {};
}

Done SubscanReader::Impl::account(Value& value, SubscanAccount& out) {
    std::string_view beside; // the display name once more, beside account_display
    auto done = walk.members(value, [&](std::string_view key, Value& member) -> Done {
        if (key == "account_display") return display(member, out);
        if (key == "display") return take(beside, text(member));
        if (key == "balance") return take(out.balance, text(member));
        return {};
    });
    if (out.display.empty()) out.display = beside;
    return done;
}

std::expected<SubscanAccount, Error> SubscanReader::account() {
    SubscanAccount out;
    auto& impl = *impl_;
    bool any = false;
    auto const done = impl.data([&](Value& data) -> Done {
        any = false;
        return impl.walk.members(data, [&](std::string_view key, Value& value) -> Done {
            if (key != "account") return {};
            auto const form = impl.walk.form(value);
            if (!form) return std::unexpected(form.error());
            out = {};
            any = *form != Form::null;
            return any ? impl.account(value, out) : Done{};
        });
    });
    if (!done) return std::unexpected(done.error());
    if (!any) return std::unexpected(Error{Code::json_missing, 0});
    return out;
}

} // namespace decoders
