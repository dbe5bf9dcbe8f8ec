#include "decoders/amount.hpp"
#include "decoders/hex.hpp"
#include "stages/standin_subscan_impl.hpp"
#include "stages/standin_subscan_people.hpp"

#include <algorithm>
#include <fmt/format.h>

// Pages of transfers, as Subscan writes them and as a scenario spoils them.
namespace stages {

namespace {

using pipeline::u128;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

bool has(SubscanFaults const& faults, StandinFaultKind kind) {
    return faults[static_cast<std::size_t>(kind)] != nullptr;
}

// What an amount is worth, exact; "0" where the token has no price here.
std::string worth(IndexedAsset const& asset, u128 amount, std::uint64_t price) {
    constexpr unsigned millionths = 6;
    bool const fits = price == 0 || amount <= ~u128{0} / price;
    auto const decimals = asset.decimals + millionths;
    if (!fits || decimals > decoders::max_decimals) return "0";
    return std::string(
        decoders::tokens_text(amount * price, static_cast<std::uint8_t>(decimals)).view());
}

// The rows of a page by what a scenario leaves of them.
void spoil(std::vector<FoundTransfer>& rows, SubscanFaults const& faults) {
    using enum StandinFaultKind;
    if (has(faults, short_page)) rows.resize(rows.size() / 2);
    if (has(faults, missing_rows)) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < rows.size(); i += 2) rows[kept++] = rows[i];
        rows.resize(kept);
    }
    if (has(faults, duplicate_rows)) {
        std::vector<FoundTransfer> twice;
        for (auto const& row : rows) twice.insert(twice.end(), 2, row);
        rows = std::move(twice);
    }
}

} // namespace

std::string account_display(StandinIndex const& index, decoders::Account const& account,
                            bool nulls) {
    auto const person = made_person(account, index.activity(account));
    auto out =
        fmt::format(R"({{"address":{},"display":{},"account_index":"","identity":{})",
                    json_text(index.address(account)), json_text(person.display), person.identity);
    if (!person.judgement.empty()) {
        out += fmt::format(R"(,"judgements":[{{"index":1,"judgement":"{}"}}])", person.judgement);
    } else if (nulls) {
        out += R"(,"judgements":null)";
    }
    if (!person.parent.empty()) {
        out += fmt::format(
            R"(,"parent":{{"address":"","display":{},"sub_symbol":{},"identity":true}})",
            json_text(person.parent), json_text(person.sub));
    } else if (nulls) {
        out += R"(,"parent":null)";
    }
    if (!person.tag_name.empty()) {
        out += fmt::format(R"(,"merkle":{{"address_type":"{}","tag_type":"{}","tag_subtype":"{}",)"
                           R"("tag_name":"{}"}})",
                           person.tag_wallet, person.tag_type, person.tag_subtype, person.tag_name);
    } else if (nulls) {
        out += R"(,"merkle":null)";
    }
    return out + (nulls ? R"(,"people":null})" : "}");
}

std::string StandinSubscan::Impl::row(StandinIndex const& index, FoundTransfer const& found,
                                      SubscanFaults const& faults) const {
    using enum StandinFaultKind;
    auto const& block = *found.block;
    auto const& transfer = *found.transfer;
    auto const& asset = index.asset(transfer.asset);
    bool const nulls = has(faults, null_members);
    auto const extrinsic = transfer.extrinsic_index
                             ? fmt::format("{}-{}", block.number, *transfer.extrinsic_index)
                             : std::string();
    auto raw = std::string(decoders::u128_text(transfer.amount).view());
    if (has(faults, wrong_amount)) raw += '0';
    if (has(faults, amount_v2_zero)) raw = "0";
    bool const priced = transfer.asset == native_asset || asset.symbol.starts_with("USD");
    auto const at_the_time = block.timestamp_s == 0 ? unix_s() : block.timestamp_s;
    auto const price_at = [&](std::uint64_t when) {
        return priced ? made_price(asset.symbol, when, options.seed) : 0;
    };
    auto out = fmt::format(
        R"({{"transfer_id":{},"from":{},"to":{},"extrinsic_index":"{}","success":true,"hash":"{}",)"
        R"("block_num":{},"block_timestamp":{},"module":{},"amount":"{}","amount_v2":"{}",)",
        std::uint64_t{block.number} * 100'000 + transfer.event_index,
        json_text(index.address(transfer.from)), json_text(index.address(transfer.to)), extrinsic,
        transfer.extrinsic_hash ? decoders::hex_text(*transfer.extrinsic_hash) : std::string(),
        block.number, block.timestamp_s, json_text(lower(transfer.pallet)),
        decoders::tokens_text(transfer.amount, asset.decimals).view(), raw);
    out +=
        fmt::format(R"("current_currency_amount":"{}","currency_amount":"{}","fee":"0","nonce":0,)"
                    R"("asset_symbol":{},"asset_unique_id":{},"asset_type":{},)",
                    worth(asset, transfer.amount, price_at(unix_s())),
                    worth(asset, transfer.amount, price_at(at_the_time)), json_text(asset.symbol),
                    json_text(asset.unique_id), json_text(asset.type));
    out += fmt::format(R"("item_id":{},"event_idx":{},"is_lock":false,)", nulls ? "null" : "\"\"",
                       transfer.event_index);
    if (nulls)
        return out + R"("item_detail":null,"from_account_display":null,)"
                     R"("to_account_display":null})";
    return out + fmt::format(R"("from_account_display":{},"to_account_display":{}}})",
                             account_display(index, transfer.from, false),
                             account_display(index, transfer.to, false));
}

SubscanData StandinSubscan::Impl::transfers(SubscanAsked const& asked) {
    auto const query = read_transfer_query(asked.body, asked.endpoint == "/api/scan/transfers");
    if (!query) return std::unexpected(query.error());
    auto skip = query->after ? 0 : query->page * query->row;
    if (skip + query->row > paged_rows_max) return std::unexpected(SubscanRefusal::paging());
    // Rows that come in front move the others backwards: the last of the page before come again.
    constexpr std::uint64_t came_since = 3;
    if (has(asked.faults, StandinFaultKind::shifted_page)) skip -= std::min(skip, came_since);
    auto found = find_transfers(asked.index, *query, head(asked.index), skip);
    spoil(found.rows, asked.faults);
    counters.rows += found.rows.size();
    std::string list;
    for (auto const& each : found.rows) {
        list += (list.empty() ? "" : ",") + row(asked.index, each, asked.faults);
    }
    bool const null = found.rows.empty() && has(asked.faults, StandinFaultKind::null_members);
    return fmt::format(R"({{"count":{},"transfers":{}}})", found.count,
                       null ? "null" : "[" + list + "]");
}

} // namespace stages
