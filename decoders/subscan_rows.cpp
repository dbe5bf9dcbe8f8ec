#include "decoders/jsonrpc_impl.hpp"
#include "decoders/ss58.hpp"
#include "decoders/subscan_impl.hpp"

#include <array>

// Pages of transfers. The members of a row are noted as they stand and judged when the row has been
// passed: so a row with something wrong in it costs nothing but itself.
namespace decoders {
namespace {

using Done = JsonWalk::Done;
using Value = JsonWalk::Value;

enum Field : std::size_t {
    block_num,
    event_idx,
    extrinsic_index,
    hash,
    block_timestamp,
    from,
    to,
    success,
    item_id,
    item_detail,
    module,
    amount,
    amount_v2,
    asset_symbol,
    asset_unique_id,
    asset_type,
    currency_amount,
    fields
};
constexpr std::array<std::string_view, fields> names = {
    "block_num", "event_idx",    "extrinsic_index", "hash",        "block_timestamp", "from",
    "to",        "success",      "item_id",         "item_detail", "module",          "amount",
    "amount_v2", "asset_symbol", "asset_unique_id", "asset_type",  "currency_amount"};

struct Noted {
    std::array<JsonToken, fields> tokens{};
    std::string_view whole; // the text all of it is in

    JsonToken const& at(Field field) const { return tokens[field]; }
    std::size_t offset(Field field) const {
        auto const* data = at(field).text.data();
        return data == nullptr ? 0 : static_cast<std::size_t>(data - whole.data());
    }
    Error error(Field field, Code code) const { return {code, offset(field)}; }
};

Done position(Noted const& row, SubscanTransfer& out) {
    std::optional<std::uint64_t> block, event;
    constexpr std::uint64_t most = 0xffff'ffff;
    auto done = take(block, lenient_number(row.at(block_num), row.offset(block_num), most));
    if (!done) return done;
    done = take(event, lenient_number(row.at(event_idx), row.offset(event_idx), most));
    if (!done) return done;
    if (!block) return std::unexpected(row.error(block_num, Code::json_missing));
    if (!event) return std::unexpected(row.error(event_idx, Code::json_missing));
    out.block = static_cast<std::uint32_t>(*block);
    out.event_index = static_cast<std::uint32_t>(*event);
    return {};
}

// "10735542-2", and the hash: both empty where an event belongs to no extrinsic.
Done extrinsic(Noted const& row, SubscanTransfer& out) {
    auto const index = lenient_text(row.at(extrinsic_index), row.offset(extrinsic_index));
    if (!index) return std::unexpected(index.error());
    if (!index->empty()) {
        auto const dash = index->find('-');
        auto const block = parse_unsigned(index->substr(0, dash));
        auto const number =
            dash == index->npos ? std::nullopt : parse_unsigned(index->substr(dash + 1));
        if (!block || !number || *block != out.block || *number > 0xffff'ffff) {
            return std::unexpected(row.error(extrinsic_index, Code::json_number));
        }
        out.extrinsic_index = static_cast<std::uint32_t>(*number);
    }
    auto const text = lenient_text(row.at(hash), row.offset(hash));
    if (!text) return std::unexpected(text.error());
    if (text->empty()) return {};
    auto const read = parse_hash(*text);
    if (!read) {
        auto error = read.error();
        error.offset += row.offset(hash);
        return std::unexpected(error);
    }
    out.extrinsic_hash = *read;
    return {};
}

// Chains with keys of both kinds name some by 0x and the rest by SS58: then the prefix is theirs.
Done addresses(Noted const& row, SubscanTransfer& out) {
    out.prefix = no_ss58_prefix;
    for (auto const field : {from, to}) {
        auto const text = lenient_text(row.at(field), row.offset(field));
        if (!text) return std::unexpected(text.error());
        if (text->empty()) continue;
        auto const address = parse_address(*text);
        if (!address) {
            auto error = address.error();
            error.offset += row.offset(field);
            return std::unexpected(error);
        }
        (field == from ? out.from : out.to) = address->account;
        if (address->prefix == no_ss58_prefix) continue;
        if (out.prefix != no_ss58_prefix && out.prefix != address->prefix) {
            return std::unexpected(row.error(field, Code::ss58_prefix));
        }
        out.prefix = address->prefix;
    }
    return {};
}

Done amounts(Noted const& row, SubscanTransfer& out) {
    struct Part {
        Field field;
        std::string_view SubscanTransfer::* text;
    };
    for (auto const part :
         {Part{amount, &SubscanTransfer::amount}, Part{amount_v2, &SubscanTransfer::amount_v2},
          Part{currency_amount, &SubscanTransfer::currency_amount}}) {
        auto const offset = row.offset(part.field);
        if (auto const done = take(out.*part.text, lenient_text(row.at(part.field), offset));
            !done) {
            return done;
        }
        auto const text = out.*part.text;
        if (text.empty()) continue;
        if (auto const wrong = not_decimal(text, offset)) return std::unexpected(*wrong);
    }
    if (out.amount.empty() && out.amount_v2.empty()) {
        return std::unexpected(row.error(amount, Code::json_missing));
    }
    return {};
}

// An item is named by a text, or described. 0 is what a server without the notion sends.
bool has_item(Noted const& row) {
    auto const& id = row.at(item_id);
    if (id.form == Form::string) return !id.text.empty();
    if (id.form == Form::number) return id.text != "0";
    return row.at(item_detail).form == Form::object;
}

std::expected<SubscanTransfer, Error> judge(Noted const& row) {
    SubscanTransfer out;
    Done done = position(row, out);
    if (done) done = extrinsic(row, out);
    if (done) done = addresses(row, out);
    if (done) done = amounts(row, out);
    auto const timestamp =
        lenient_number(row.at(block_timestamp), row.offset(block_timestamp), ~std::uint64_t{0});
    if (done) done = take(out.timestamp_s, timestamp);
    if (done) done = take(out.success, lenient_flag(row.at(success), row.offset(success)));
    auto const text = [&](std::string_view& into, Field field) {
        if (done) done = take(into, lenient_text(row.at(field), row.offset(field)));
    };
    text(out.module, module);
    text(out.asset_symbol, asset_symbol);
    text(out.asset_unique_id, asset_unique_id);
    text(out.asset_type, asset_type);
    out.is_item = has_item(row);
    if (!done) return std::unexpected(done.error());
    return out;
}

} // namespace

void SubscanPage::clear() {
    count = 0;
    rows = 0;
    transfers.clear();
    bad.clear();
    last.reset();
}

Done SubscanReader::Impl::row(std::size_t index, Value& value, SubscanPage& out) {
    auto const form = walk.form(value);
    if (!form) return std::unexpected(form.error());
    if (*form != Form::object) {
        auto const token = walk.token(value);
        if (!token) return std::unexpected(token.error());
        out.bad.push_back({index, {Code::json_type, walk.offset_of(token->text)}});
        return {};
    }
    Noted noted;
    noted.whole = walk.text();
    auto const done = walk.members(value, [&](std::string_view key, Value& member) -> Done {
        for (std::size_t i = 0; i < fields; ++i) {
            if (key != names[i]) continue;
            auto const token = walk.token(member);
            if (!token) return std::unexpected(token.error());
            noted.tokens[i] = *token;
        }
        return {};
    });
    if (!done) return done;
    SubscanTransfer place;
    if (position(noted, place)) out.last = {place.block, place.event_index};
    auto const read = judge(noted);
    if (read) {
        out.transfers.push_back(*read);
    } else {
        out.bad.push_back({index, read.error()});
    }
    return {};
}

// Null instead of a list is how an empty page is written by some versions.
Done SubscanReader::Impl::rows(Value& value, SubscanPage& out) {
    auto const form = walk.form(value);
    if (!form) return std::unexpected(form.error());
    if (*form == Form::null) return {};
    auto const all = walk.elements(value, [&](std::size_t index, Value& each) -> Done {
        if (index >= subscan_rows_max) return std::unexpected(walk.error(Code::json_too_large));
        return row(index, each, out);
    });
    if (!all) return std::unexpected(all.error());
    out.rows = *all;
    return {};
}

Done SubscanReader::Impl::transfers(SubscanPage& out) {
    bool any = false;
    auto const done = data([&](Value& value) -> Done {
        out.clear();
        any = false;
        return walk.members(value, [&](std::string_view key, Value& member) -> Done {
            if (key == "count") return take(out.count, number(member, ~std::uint64_t{0}));
            if (key != "transfers") return {};
            any = true;
            auto const count = out.count;
            out.clear();
            out.count = count;
            return rows(member, out);
        });
    });
    if (!done) return done;
    if (!any) return std::unexpected(Error{Code::json_missing, 0});
    return {};
}

} // namespace decoders
