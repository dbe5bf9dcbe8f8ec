// What conservation has found, as alerts of a chain's health.
#include "stages/chain_health.hpp"

#include "decoders/amount.hpp"
#include "decoders/hex.hpp"
#include "decoders/ss58.hpp"
#include "stages/pattern_parts.hpp"

namespace stages {

namespace {

std::string address_of(decoders::Account const& account, std::uint16_t prefix) {
    if (account.size != 32) return decoders::hex_text(account.bytes());
    return std::string(decoders::ss58_encode(account, prefix).view());
}

} // namespace

void ChainHealth::differs(Difference const& found, ChainFacts const& facts) {
    constexpr auto what = HealthWhat::conservation;
    for (RuleState& rule : rules_) {
        auto const place = place_in(rule.options.audited, found.account);
        if (!place || !rule.options.on[static_cast<std::size_t>(what)]) continue;
        Told& told = rule.differed[*place];
        bool const ongoing = known(rule, told);
        told.count = ongoing ? told.count + 1 : 1;
        if (!news(rule, told, found.block, told.count)) continue;
        say(rule, what, told.block, ongoing,
            details_text(
                R"("account":"{}","blocks":[{},{}],"held":"{}","surplus":"{}{}")",
                address_of(found.account, facts.ss58_prefix), found.since, found.block.number,
                decoders::tokens_text(found.read, facts.decimals).view(), found.more ? "" : "-",
                decoders::tokens_text(found.gap, facts.decimals).view()),
            static_cast<std::uint32_t>(*place));
    }
}

} // namespace stages
