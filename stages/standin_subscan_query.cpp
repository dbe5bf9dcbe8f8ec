#include "decoders/amount.hpp"
#include "decoders/ss58.hpp"
#include "stages/standin_subscan_impl.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

// What a request for transfers asks, and which rows that are.
namespace stages {

namespace {

using pipeline::u128;
using Done = std::expected<void, SubscanRefusal>;

constexpr std::uint64_t any_u32 = 0xffff'ffff;
constexpr std::size_t text_bytes_max = 1'024;

std::unexpected<SubscanRefusal> params() { return std::unexpected(SubscanRefusal::params()); }

// The member as a value, or nothing where it is absent or null.
std::optional<simdjson::dom::element> member(SubscanBody body, std::string_view name) {
    simdjson::dom::element value;
    if (body[name].get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
    return value;
}

template <class Field>
Done take(Field& into, SubscanText&& text) {
    if (!text) return std::unexpected(text.error());
    into = std::move(*text);
    return {};
}

Done read_number(SubscanBody body, std::string_view name, std::uint64_t most,
                 std::uint64_t otherwise, std::uint64_t& out) {
    auto const number = number_member(body, name, most);
    if (!number) return std::unexpected(number.error());
    out = number->value_or(otherwise);
    return {};
}

Done read_account(SubscanBody body, std::string_view name, decoders::Account& out) {
    auto const text = text_member(body, name);
    if (!text) return std::unexpected(text.error());
    if (!*text || (*text)->empty()) return {};
    auto const address = decoders::parse_address(**text);
    if (!address) return std::unexpected(SubscanRefusal::address());
    out = address->account;
    return {};
}

// "100-200".
Done read_range(SubscanBody body, TransferQuery& out) {
    auto const text = text_member(body, "block_range");
    if (!text) return std::unexpected(text.error());
    if (!*text || (*text)->empty()) return {};
    auto const* const end = (*text)->data() + (*text)->size();
    auto const first = std::from_chars((*text)->data(), end, out.from_block);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '-') return params();
    auto const second = std::from_chars(first.ptr + 1, end, out.to_block);
    if (second.ec != std::errc{} || second.ptr != end || out.from_block > out.to_block) {
        return params();
    }
    return {};
}

Done read_older_range(SubscanBody body, TransferQuery& out) {
    std::uint64_t from = 0, to = 0;
    Done done = read_number(body, "from_block", any_u32, 0, from);
    if (done) done = read_number(body, "to_block", any_u32, any_u32, to);
    if (!done) return done;
    if (from > to) return params();
    out.from_block = static_cast<std::uint32_t>(from);
    out.to_block = static_cast<std::uint32_t>(to);
    return {};
}

Done read_direction(SubscanBody body, TransferQuery& out) {
    auto const text = text_member(body, "direction");
    if (!text) return std::unexpected(text.error());
    auto const direction = text->value_or("all");
    if (direction != "all" && direction != "" && direction != "sent" && direction != "received") {
        return params();
    }
    out.sent = direction != "received";
    out.received = direction != "sent";
    return {};
}

Done read_order(SubscanBody body, TransferQuery& out) {
    auto const text = text_member(body, "order");
    if (!text) return std::unexpected(text.error());
    auto const order = text->value_or("desc");
    if (order != "asc" && order != "desc" && order != "") return params();
    out.ascending = order == "asc";
    return {};
}

// [block, event]
Done read_after(SubscanBody body, TransferQuery& out) {
    auto const value = member(body, "after_id");
    if (!value) return {};
    simdjson::dom::array list;
    if (value->get(list) != simdjson::SUCCESS) return params();
    if (list.size() == 0) return {};
    std::uint64_t block = 0, event = 0;
    if (list.size() != 2 || list.at(0).get(block) != simdjson::SUCCESS ||
        list.at(1).get(event) != simdjson::SUCCESS || block > any_u32 || event > any_u32) {
        return params();
    }
    out.after = {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(event)};
    return {};
}

// Whole tokens; "" is no bound.
Done read_amount(SubscanBody body, std::string_view name, std::optional<std::string>& out) {
    if (auto done = take(out, text_member(body, name)); !done) return done;
    if (out && out->empty()) out.reset();
    if (!out) return {};
    auto const read = decoders::parse_tokens(*out, decoders::max_decimals);
    if (!read && read.error().code != decoders::Code::amount_too_large) return params();
    return {};
}

Done read_success(SubscanBody body, TransferQuery& out) {
    auto const value = member(body, "success");
    if (!value) return {};
    bool success = false;
    if (value->get(success) != simdjson::SUCCESS) return params();
    out.success = success;
    return {};
}

Done read_currency(SubscanBody body) {
    auto const text = text_member(body, "currency");
    if (!text) return std::unexpected(text.error());
    // Dollars are not served: what a token cost is invented here.
    if (text->value_or("token") != "token" && **text != "") return params();
    return {};
}

// Amounts compare exactly: a bound finer than the token's smallest unit is rounded inwards.
bool within(TransferQuery const& query, u128 amount, std::uint8_t decimals) {
    auto const unit = [&](std::string_view text, bool up, u128 beyond) {
        auto const point = text.find('.');
        auto const kept = point == text.npos ? text.size() : point + 1 + decimals;
        auto cut = text.substr(0, kept);
        bool const rest = kept < text.size() && text.find_first_not_of('0', kept) != text.npos;
        if (cut.ends_with('.')) cut.remove_suffix(1);
        auto const value = decoders::parse_tokens(cut, decimals);
        if (!value || (up && rest && *value == ~u128{0})) return beyond;
        return *value + (up && rest ? 1 : 0);
    };
    if (query.least) {
        // An amount that does not fit is above all there are.
        bool const above_all = !decoders::parse_tokens(
            std::string_view(*query.least).substr(0, query.least->find('.')), decimals);
        if (above_all || amount < unit(*query.least, true, ~u128{0})) return false;
    }
    return !query.most || amount <= unit(*query.most, false, ~u128{0});
}

bool matches(StandinIndex const& index, TransferQuery const& query, IndexedBlock const& block,
             IndexedTransfer const& transfer) {
    if (query.address) {
        bool const as_sender = query.sent && transfer.from == query.address;
        if (!as_sender && !(query.received && transfer.to == query.address)) return false;
    }
    if (query.sender && !(transfer.from == query.sender)) return false;
    if (query.receiver && !(transfer.to == query.receiver)) return false;
    if (!query.success.value_or(true)) return false;
    auto const& asset = index.asset(transfer.asset);
    if (query.symbol && *query.symbol != asset.symbol) return false;
    if (query.unique_id && *query.unique_id != asset.unique_id) return false;
    if (query.extrinsic &&
        (!transfer.extrinsic_index ||
         *query.extrinsic != fmt::format("{}-{}", block.number, *transfer.extrinsic_index))) {
        return false;
    }
    return within(query, transfer.amount, asset.decimals);
}

} // namespace

SubscanNumber number_member(SubscanBody body, std::string_view name, std::uint64_t most) {
    auto const value = member(body, name);
    if (!value) return std::nullopt;
    std::uint64_t number = 0;
    if (value->get(number) != simdjson::SUCCESS || number > most) return params();
    return number;
}

SubscanText text_member(SubscanBody body, std::string_view name) {
    auto const value = member(body, name);
    if (!value) return std::nullopt;
    std::string_view text;
    if (value->get(text) != simdjson::SUCCESS || text.size() > text_bytes_max) return params();
    return std::string(text);
}

std::expected<TransferQuery, SubscanRefusal> read_transfer_query(SubscanBody body, bool older) {
    TransferQuery out;
    Done done = older ? read_older_range(body, out) : read_range(body, out);
    if (done) done = read_account(body, "address", out.address);
    if (done) done = read_account(body, "sender", out.sender);
    if (done) done = read_account(body, "receiver", out.receiver);
    if (done) done = read_direction(body, out);
    if (done) done = read_order(body, out);
    if (done && !older) done = read_after(body, out);
    if (done) done = read_amount(body, "min_amount", out.least);
    if (done) done = read_amount(body, "max_amount", out.most);
    if (done) done = read_currency(body);
    if (done) done = read_success(body, out);
    if (done) done = take(out.symbol, text_member(body, "asset_symbol"));
    if (done) done = take(out.unique_id, text_member(body, "asset_unique_id"));
    if (done) done = take(out.extrinsic, text_member(body, "extrinsic_index"));
    if (done) done = read_number(body, "page", any_u32, 0, out.page);
    if (done) done = read_number(body, "row", StandinSubscan::page_rows_max, 0, out.row);
    if (!done) return std::unexpected(done.error());
    for (auto* const text : {&out.symbol, &out.unique_id, &out.extrinsic}) {
        if (*text && (*text)->empty()) text->reset();
    }
    if (out.row == 0) return params();
    return out;
}

FoundPage find_transfers(StandinIndex const& index, TransferQuery const& query, std::uint32_t head,
                         std::uint64_t skip) {
    FoundPage out;
    auto const visit = [&](IndexedBlock const& block, IndexedTransfer const& transfer) {
        if (!matches(index, query, block, transfer)) return;
        ++out.count;
        TransferQuery::Place const place{block.number, transfer.event_index};
        if (query.after && !(query.ascending ? place > *query.after : place < *query.after)) return;
        if (skip > 0) {
            --skip;
        } else if (out.rows.size() < query.row) {
            out.rows.push_back({&block, &transfer});
        }
    };
    auto const& blocks = index.blocks();
    auto const first = blocks.lower_bound(query.from_block);
    auto const end = blocks.upper_bound(std::min(query.to_block, head));
    if (query.from_block > head) return out;
    if (query.ascending) {
        for (auto at = first; at != end; ++at) {
            for (auto const& transfer : at->second.transfers) visit(at->second, transfer);
        }
        return out;
    }
    for (auto at = end; at != first;) {
        --at;
        auto const& transfers = at->second.transfers;
        for (auto one = transfers.rbegin(); one != transfers.rend(); ++one) {
            visit(at->second, *one);
        }
    }
    return out;
}

} // namespace stages
