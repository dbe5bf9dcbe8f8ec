#include "stages/alert_line.hpp"

#include "decoders/amount.hpp"
#include "decoders/events.hpp"
#include "decoders/hex.hpp"
#include "decoders/movements.hpp"
#include "decoders/ss58.hpp"
#include "stages/chain_health.hpp"
#include "stages/pattern_accounts.hpp"

#include <chrono>
#include <fmt/format.h>
#include <iterator>

namespace stages {

namespace {

// The bytes of one UTF-8 character at the start of `text`, or 0 if there is none (Unicode 15, table
// 3-7).
std::size_t utf8_size(std::string_view text) {
    auto const at = [&](std::size_t i) {
        return i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0U;
    };
    auto const follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
        return at(i) >= low && at(i) <= high;
    };
    unsigned const lead = at(0);
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
    if (lead >= 0xe0 && lead <= 0xef) {
        bool const second = lead == 0xe0 ? follows(1, 0xa0)
                          : lead == 0xed ? follows(1, 0x80, 0x9f)
                                         : follows(1);
        return second && follows(2) ? 3 : 0;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        bool const second = lead == 0xf0 ? follows(1, 0x90)
                          : lead == 0xf4 ? follows(1, 0x80, 0x8f)
                                         : follows(1);
        return second && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

void append_hex(pipeline::Bytes bytes, std::string& out) {
    out += "\"0x";
    decoders::hex_encode(bytes, out);
    out += '"';
}

std::string_view to_text(KnownBy by) {
    constexpr std::string_view names[] = {
        "", "watch", "file", "subscan tag", "subscan identity", "subscan"};
    return names[static_cast<std::size_t>(by)];
}

void append_known(PartyKnown const& known, std::string& out) {
    auto const member = [&](std::string_view name, std::string_view text) {
        if (text.empty()) return;
        out.append(",\"").append(name).append("\":");
        append_json_string(text, out);
    };
    auto const end = std::back_inserter(out);
    member("label", known.label.view());
    if (known.label.size != 0) member("label_source", to_text(known.label_by));
    if (known.label_by > KnownBy::file)
        fmt::format_to(end, R"(,"label_age_s":{})", known.label_age_s);
    member("kind", known.kind.view());
    member("judgement", known.judgement.view());
    if (known.balance.size != 0)
        fmt::format_to(end, R"(,"balance":{{"amount":"{}","source":"subscan","age_s":{}}})",
                       known.balance.view(), known.balance_age_s);
}

// Its object, without the end.
void open_party(std::string_view name, decoders::Account const& account, std::uint16_t prefix,
                std::string& out) {
    out.append(",\"").append(name).append("\":{\"address\":\"");
    if (account.size == 32) {
        out += decoders::ss58_encode(account, prefix).view();
    } else { // 20-byte chains write addresses as hex
        out += "0x";
        decoders::hex_encode(account.bytes(), out);
    }
    out += "\",\"public_key\":";
    append_hex(account.bytes(), out);
}

void append_party(std::string_view name, decoders::Account const& account, std::uint16_t prefix,
                  PartyKnown const& known, std::string& out) {
    if (!account) return;
    open_party(name, account, prefix, out);
    append_known(known, out);
    out += '}';
}

void append_phase(Transfer const& transfer, std::string& out) {
    switch (static_cast<decoders::Phase>(transfer.phase)) {
    case decoders::Phase::apply_extrinsic:
        fmt::format_to(std::back_inserter(out), R"({{"ApplyExtrinsic":{}}})",
                       transfer.extrinsic_index);
        return;
    case decoders::Phase::finalization: out += "\"Finalization\""; return;
    case decoders::Phase::initialization: out += "\"Initialization\""; return;
    }
}

// The extrinsic behind the transfer, where that is known.
void append_extrinsic(Transfer const& transfer, std::uint16_t prefix, std::string& out) {
    if (!transfer.attributed) return;
    fmt::format_to(std::back_inserter(out), R"(,"extrinsic":{{"index":{},"hash":)",
                   transfer.extrinsic_index);
    append_hex(transfer.extrinsic_hash, out);
    append_party("signer", transfer.signer, prefix, {}, out);
    out += '}';
}

void append_asset(LineContext const& context, u128 amount, std::string& out) {
    AssetFacts const* const asset = context.asset;
    std::string_view const symbol = asset ? asset->symbol.view() : context.facts.symbol.view();
    bool const exact = !asset || asset->decimals_known;
    std::uint8_t const decimals = asset ? asset->decimals : context.facts.decimals;
    out += ",\"asset\":{";
    std::size_t const start = out.size();
    if (!symbol.empty()) {
        out += "\"symbol\":";
        append_json_string(symbol, out);
    }
    if (exact)
        fmt::format_to(std::back_inserter(out), "{}\"decimals\":{}", out.size() > start ? "," : "",
                       decimals);
    if (asset) {
        out += out.size() > start ? ",\"id\":" : "\"id\":";
        append_json_string(asset->id.view(), out);
    }
    out += '}';
    if (exact)
        out.append(",\"amount\":\"")
            .append(decoders::tokens_text(amount, decimals).view())
            .append("\"");
    out.append(",\"amount_raw\":\"").append(decoders::u128_text(amount).view()).append("\"");
}

// amount x price, exactly; only of amounts whose decimals are known.
void append_usd(LineContext const& context, u128 amount, Price const& price, std::string& out) {
    bool const exact = !context.asset || context.asset->decimals_known;
    std::uint8_t const decimals = context.asset ? context.asset->decimals : context.facts.decimals;
    if (price.usd.size == 0 || !exact) return;
    auto const value = decoders::product_text(amount, decimals, price.usd.view());
    if (!value) return;
    fmt::format_to(std::back_inserter(out),
                   R"(,"usd":{{"value":"{}","price":"{}","source":"{}","age_s":{}}})",
                   value->view(), price.usd.view(), to_text(price.by), price.age_s);
}

// What is not well with the chain. There is no event.
void append_health(Match const& match, std::string& out) {
    auto const what = static_cast<std::size_t>(health_what_of(match.transfer.event_index));
    fmt::format_to(std::back_inserter(out), R"(,"health":{{"what":"{}",{}}})",
                   chain_health_rows()[what].said, match.pattern.details.view());
}

// Who else belongs to the subject, and why.
void append_cluster(PatternFacts const& facts, std::string& out) {
    if (facts.members < 2) return;
    fmt::format_to(std::back_inserter(out), R"(,"cluster":{{"accounts":{},"joined_by":[)",
                   facts.members);
    for (unsigned why = 1; why < joined_by_names.size(); ++why)
        if ((facts.joined_by >> why & 1U) != 0)
            out.append(out.back() == '[' ? "\"" : ",\"").append(joined_by_names[why]).append("\"");
    out += "]}";
}

// Why several movements are one pattern; sums are of the chain's own token.
void append_pattern(LineContext const& context, Match const& match, std::string& out) {
    if (!match.is_pattern) return;
    PatternFacts const& facts = match.pattern;
    auto const end = std::back_inserter(out);
    if (facts.subject) {
        open_party("subject", facts.subject, context.facts.ss58_prefix, out);
        append_cluster(facts, out);
        out += '}';
    }
    fmt::format_to(end, R"(,"sum":"{}","sum_raw":"{}")",
                   decoders::tokens_text(facts.sum, context.facts.decimals).view(),
                   decoders::u128_text(facts.sum).view());
    if (facts.score_bits > 0) fmt::format_to(end, R"(,"score":{:.2f})", facts.score_bits);
    fmt::format_to(end, R"(,"parameters":{{{}}},"evidence_count":{},"evidence":[)",
                   facts.details.view(), facts.all);
    for (std::uint32_t i = 0; i < facts.kept; ++i)
        fmt::format_to(end, R"({}{{"block":{},"index":{}}})", i == 0 ? "" : ",",
                       facts.evidence[i].block, facts.evidence[i].event);
    out += ']';
}

void append_amended(std::uint8_t amended, std::string& out) {
    constexpr std::string_view names[] = {"from.label", "to.label", "from.balance",
                                          "to.balance", "usd",      "evidence"};
    if (amended == 0) return;
    out += ",\"amended\":[";
    for (std::size_t bit = 0; bit < std::size(names); ++bit)
        if ((amended >> bit & 1U) != 0)
            out.append(out.back() == '[' ? "\"" : ",\"").append(names[bit]).append("\"");
    out += ']';
}

// The movement, whose it is, and what else is known of it.
void append_movement(Alert const& alert, LineContext const& context, std::string& out) {
    Transfer const& transfer = alert.match.transfer;
    auto const& row = decoders::movement_rows()[transfer.movement];
    fmt::format_to(std::back_inserter(out), R"(,"event":{{"index":{},"pallet":"{}","name":"{}")",
                   transfer.event_index, row.pallet, row.event);
    if (transfer.phase_known) {
        out += ",\"phase\":";
        append_phase(transfer, out);
    }
    out += '}';
    append_extrinsic(transfer, context.facts.ss58_prefix, out);
    append_party("from", transfer.from, context.facts.ss58_prefix, alert.from, out);
    append_party("to", transfer.to, context.facts.ss58_prefix, alert.to, out);
    append_asset(context, transfer.amount, out);
    append_usd(context, transfer.amount, alert.price, out);
    append_pattern(context, alert.match, out);
}

} // namespace

void append_json_string(std::string_view text, std::string& out) {
    out += '"';
    for (std::size_t i = 0; i < text.size();) {
        auto const byte = static_cast<std::uint8_t>(text[i]);
        std::size_t const size = utf8_size(text.substr(i));
        if (size == 0) {
            out += "\xef\xbf\xbd"; // U+FFFD
        } else if (byte == '"' || byte == '\\') {
            (out += '\\') += text[i];
        } else if (byte == '\n') {
            out += "\\n";
        } else if (byte < 0x20 || byte == 0x7f) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
        } else {
            out += text.substr(i, size);
        }
        i += size == 0 ? 1 : size;
    }
    out += '"';
}

std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(text, out);
    return out;
}

std::string utc_text(std::uint64_t unix_ms) {
    using namespace std::chrono;
    sys_time<milliseconds> const time{milliseconds(unix_ms)};
    auto const day = floor<days>(time);
    year_month_day const date{day};
    hh_mm_ss const clock{time - day};
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                       clock.subseconds().count());
}

void append_alert_line(AlertLine const& line, LineContext const& context, std::string& out) {
    Alert const& alert = line.alert;
    Transfer const& transfer = alert.match.transfer;
    auto const end = std::back_inserter(out);

    out += "{\"id\":\"";
    decoders::hex_encode(alert.id, out);
    fmt::format_to(end, R"(","state":"{}","rule":)", to_text(line.state));
    append_json_string(context.rule, out);
    fmt::format_to(end, R"(,"kind":"{}","severity":"{}","chain":)", context.kind,
                   to_text(alert.match.severity));
    append_json_string(context.chain, out);

    fmt::format_to(end, R"(,"block":{{"number":{})", transfer.block.number);
    if (transfer.block.hash_known) {
        out += ",\"hash\":";
        append_hex(transfer.block.hash, out);
    }
    if (transfer.block.timestamp_ms != 0)
        fmt::format_to(end, R"(,"timestamp":"{}")", utc_text(transfer.block.timestamp_ms));

    out += '}';
    if (alert.match.is_health)
        append_health(alert.match, out);
    else
        append_movement(alert, context, out);

    fmt::format_to(end, R"(,"path":"{}","regime":{{"epoch":{},"hybrid_traffic_percent":{:g}{}}})",
                   alert.path == Path::hybrid ? "hybrid" : "legacy", alert.epoch,
                   alert.hybrid_buckets / 100.0, alert.fallback ? R"(,"fallback":true)" : "");
    append_amended(alert.amended, out);
    fmt::format_to(end, R"(,"latency":{{"received_to_emitted_ns":{})",
                   context.received_to_emitted_ns);
    if (transfer.block.timestamp_ms != 0)
        fmt::format_to(end, R"(,"block_to_emitted_ms":{})",
                       static_cast<std::int64_t>(context.emitted_unix_ms) -
                           static_cast<std::int64_t>(transfer.block.timestamp_ms));
    out += "}}";
}

} // namespace stages
