#include "stages/shadow_view.hpp"

#include "decoders/amount.hpp"
#include "decoders/hex.hpp"
#include "decoders/ss58.hpp"
#include "stages/alert_line.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::string_view class_names[shadow_classes] = {
    "agree", "late",  "missing_in_legacy", "missing_in_hybrid", "amount",
    "party", "asset", "not_final",         "unsupported"};
constexpr std::string_view ruling_names[rulings] = {"hybrid_wrong", "legacy_wrong", "both_wrong",
                                                    "unclear"};

std::string json_of(Bounds const& bounds) {
    return fmt::format(R"({{"estimate":{},"lower":{:.6g},"upper":{:.6g},"samples":{}}})",
                       bounds.samples == 0 ? "null" : fmt::format("{:.6g}", bounds.estimate),
                       bounds.lower, bounds.upper, bounds.samples);
}

// "99.12 % (97.40 to 99.90 %, 1190)"
std::string percent_of(Bounds const& bounds) {
    if (bounds.samples == 0) return "no data";
    return fmt::format("{:.2f} % ({:.2f} to {:.2f} %, n = {})", 100 * bounds.estimate,
                       100 * bounds.lower, 100 * bounds.upper, bounds.samples);
}

std::string times_of(Bounds const& bounds) {
    if (bounds.samples == 0) return "no data";
    return fmt::format("{:.2f} x ({:.2f} to {:.2f}, n = {})", bounds.estimate, bounds.lower,
                       bounds.upper, bounds.samples);
}

// both_wrong counts for either.
std::uint64_t wrong(ShadowTally const& tally, Ruling ruling) {
    return ruled(tally, ruling) + ruled(tally, Ruling::both_wrong);
}

struct Rate {
    std::string_view title; // in the table
    Bounds ShadowFigures::* bounds;
};
constexpr Rate rates[] = {
    {"accuracy", &ShadowFigures::accuracy},
    {"false positives", &ShadowFigures::false_positives},
    {"hybrid wrong", &ShadowFigures::hybrid_wrong},
    {"legacy wrong", &ShadowFigures::legacy_wrong},
    {"coverage gained", &ShadowFigures::coverage_gained},
    {"noise of legacy", &ShadowFigures::noise},
};

std::string party(decoders::Account const& account, std::uint16_t prefix) {
    if (account.size == 20) return decoders::hex_text(account.bytes());
    if (!account || prefix > decoders::max_ss58_prefix) return "-";
    return std::string(decoders::ss58_encode(account, prefix).view());
}

std::string said_json(ShadowSaid const& said, std::uint16_t prefix) {
    if (!said.told) return "null";
    auto const key = [&](decoders::Account const& account) {
        return account ? fmt::format(R"({{"address":"{}","public_key":"{}"}})",
                                     party(account, prefix), decoders::hex_text(account.bytes()))
                       : std::string("null");
    };
    return fmt::format(R"({{"amount_raw":"{}","native":{},"from":{},"to":{},"seen":{}}})",
                       decoders::u128_text(said.amount).view(), said.native, key(said.from),
                       key(said.to),
                       said.seen_unix_ms == 0 ? "null" : quoted(utc_text(said.seen_unix_ms)));
}

std::string said_text(std::string_view who, ShadowSaid const& said, std::uint16_t prefix) {
    if (!said.told) return fmt::format("    {:<7} nothing\n", who);
    return fmt::format("    {:<7} {}{} from {} to {}{}\n", who,
                       decoders::u128_text(said.amount).view(), said.native ? "" : " of an asset",
                       party(said.from, prefix), party(said.to, prefix),
                       said.seen_unix_ms == 0 ? "" : ", seen " + utc_text(said.seen_unix_ms));
}

std::string chain_json(ShadowView const& view, double alpha) {
    ShadowTally const& tally = view.note.tally;
    ShadowFigures const figures = figures_of(tally, view.note.void_now, alpha);
    std::string json = fmt::format(R"({{"name":{},"pairs":{})", quoted(view.name), figures.pairs);
    for (std::size_t i = 0; i < shadow_classes; ++i)
        json += fmt::format(R"(,"{}":{})", class_names[i], tally.classes[i]);
    json += fmt::format(R"(,"duplicate":{},"void":{},"void_now":{},"stale":{})", tally.duplicate,
                        tally.voided, view.note.void_now, tally.stale);
    json += fmt::format(
        R"(,"adjudicated":{{"hybrid_wrong":{},"legacy_wrong":{},"unclear":{},"both_wrong":{},)"
        R"("waiting":{}}})",
        wrong(tally, Ruling::hybrid_wrong), wrong(tally, Ruling::legacy_wrong),
        ruled(tally, Ruling::unclear), ruled(tally, Ruling::both_wrong), unruled(tally));
    json += fmt::format(R"(,"accuracy":{},"false_positive_rate":{},"latency_ratio":{})",
                        json_of(figures.accuracy), json_of(figures.false_positives),
                        json_of(figures.latency_ratio));
    json += fmt::format(R"(,"coverage_gained":{},"error_rate":{{"hybrid":{},"legacy":{}}})",
                        json_of(figures.coverage_gained), json_of(figures.hybrid_wrong),
                        json_of(figures.legacy_wrong));
    json += fmt::format(R"(,"noise":{{"agree":{},"differ":{},"vanished":{},"rate":{}}})",
                        tally.noise_agree, tally.noise_differ, tally.noise_vanished,
                        json_of(figures.noise));
    json += fmt::format(R"(,"resource_ratio":{},"confidence":{:.6g}}})",
                        view.resource_ratio ? fmt::format("{:.6g}", *view.resource_ratio) : "null",
                        1 - alpha);
    return json;
}

std::string mismatch_json(MismatchView const& view) {
    ShadowMismatch const& one = view.mismatch;
    return fmt::format(
        R"({{"chain":{},"class":"{}","verdict":"{}","rule":{},"block":{{"number":{},"hash":{},)"
        R"("timestamp":{}}},"event_index":{},"hybrid":{},"legacy":{},"chain_says":{},)"
        R"("judged":{},"ruled":{}}})",
        quoted(view.chain), to_text(one.what), to_text(one.ruling), quoted(view.rule),
        one.block.number,
        one.block.hash_known ? quoted(decoders::hex_text(one.block.hash)) : "null",
        one.block.timestamp_ms == 0 ? "null" : quoted(utc_text(one.block.timestamp_ms)),
        one.event_index, said_json(one.hybrid, view.ss58_prefix),
        said_json(one.legacy, view.ss58_prefix),
        one.ruling == Ruling::unclear ? "null" : said_json(one.chain_says, view.ss58_prefix),
        quoted(utc_text(one.judged_unix_ms)), quoted(utc_text(one.ruled_unix_ms)));
}

template <class View, class One>
std::string json_array(std::vector<View> const& views, One const& one) {
    std::string json = "[";
    for (View const& view : views) {
        if (json.size() > 1) json += ',';
        json += one(view);
    }
    return json + ']';
}

} // namespace

std::string_view to_text(ShadowClass what) { return class_names[static_cast<std::size_t>(what)]; }
std::string_view to_text(Ruling ruling) { return ruling_names[static_cast<std::size_t>(ruling)]; }

std::string shadow_table(std::vector<ShadowView> const& chains, double alpha) {
    if (chains.empty()) return "No chain has both paths: there is nothing to compare.\n";
    std::size_t width = 5;
    for (ShadowView const& view : chains) width = std::max(width, view.name.size());
    std::string text = fmt::format("{:<{}}  {:>9}  {:>9}", "CHAIN", width, "PAIRS", "AGREE");
    constexpr std::string_view titles[] = {"LATE",  "-LEGACY", "-HYBRID",  "AMOUNT",
                                           "PARTY", "ASSET",   "NOTFINAL", "UNSUPP"};
    for (std::string_view const title : titles) text += fmt::format("  {:>8}", title);
    text += fmt::format("  {:>8}  {:>8}\n", "DUPL", "VOID");
    for (ShadowView const& view : chains) {
        ShadowTally const& tally = view.note.tally;
        text += fmt::format("{:<{}}  {:>9}  {:>9}", view.name, width, pairs_of(tally),
                            tally.classes[0]);
        for (std::size_t i = 1; i < shadow_classes; ++i)
            text += fmt::format("  {:>8}", tally.classes[i]);
        text += fmt::format("  {:>8}  {:>8}\n", tally.duplicate, tally.voided);
    }
    for (ShadowView const& view : chains) {
        ShadowTally const& tally = view.note.tally;
        ShadowFigures const figures = figures_of(tally, view.note.void_now, alpha);
        text += fmt::format("\n{}{}\n", view.name,
                            view.note.void_now ? ": nothing is judged at present" : "");
        for (Rate const& rate : rates)
            text += fmt::format("  {:<16} {}\n", rate.title, percent_of(figures.*rate.bounds));
        text += fmt::format("  {:<16} {}\n", "latency ratio", times_of(figures.latency_ratio));
        text += fmt::format("  {:<16} {}\n", "resource ratio",
                            view.resource_ratio ? fmt::format("{:.2f} x", *view.resource_ratio)
                                                : "not known");
        text += fmt::format("  {:<16} hybrid wrong {}, legacy wrong {}, unclear {}, waiting {}\n",
                            "mismatches", wrong(tally, Ruling::hybrid_wrong),
                            wrong(tally, Ruling::legacy_wrong), ruled(tally, Ruling::unclear),
                            unruled(tally));
    }
    return text;
}

std::string shadow_json(std::vector<ShadowView> const& chains, double alpha) {
    return json_array(chains, [&](ShadowView const& view) { return chain_json(view, alpha); });
}

std::string mismatches_table(std::vector<MismatchView> const& mismatches) {
    if (mismatches.empty()) return "No mismatch is known.\n";
    std::string text;
    for (MismatchView const& view : mismatches) {
        ShadowMismatch const& one = view.mismatch;
        text += fmt::format("{}  {}  {}-{}  {}  {}  rule {}\n", utc_text(one.judged_unix_ms),
                            view.chain, one.block.number, one.event_index, to_text(one.what),
                            to_text(one.ruling), view.rule);
        text += said_text("hybrid", one.hybrid, view.ss58_prefix);
        text += said_text("legacy", one.legacy, view.ss58_prefix);
        if (one.ruling != Ruling::unclear)
            text += said_text("chain", one.chain_says, view.ss58_prefix);
    }
    return text;
}

std::string mismatches_json(std::vector<MismatchView> const& mismatches) {
    return json_array(mismatches, mismatch_json);
}

} // namespace stages
