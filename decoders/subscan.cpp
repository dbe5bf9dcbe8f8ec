#include "decoders/subscan.hpp"

#include "decoders/amount.hpp"
#include "decoders/jsonrpc_impl.hpp"
#include "decoders/ss58.hpp"
#include "decoders/subscan_impl.hpp"

namespace decoders {
namespace {

using Done = JsonWalk::Done;
using Value = JsonWalk::Value;

constexpr auto any_u64 = ~std::uint64_t{0};
constexpr std::uint64_t any_u32 = 0xffff'ffff;

} // namespace

std::expected<std::optional<std::uint64_t>, Error>
lenient_number(JsonToken const& token, std::size_t offset, std::uint64_t most) {
    switch (token.form) {
    case Form::absent:
    case Form::null: return std::nullopt;
    case Form::number:
    case Form::string: break;
    default: return std::unexpected(Error{Code::json_type, offset});
    }
    if (token.form == Form::string && token.text.empty()) return std::nullopt;
    auto const number = parse_unsigned(token.text);
    if (!number || *number > most) return std::unexpected(Error{Code::json_number, offset});
    return number;
}

std::expected<std::string_view, Error> lenient_text(JsonToken const& token, std::size_t offset) {
    switch (token.form) {
    case Form::absent:
    case Form::null: return std::string_view{};
    case Form::number:
    case Form::string: break;
    default: return std::unexpected(Error{Code::json_type, offset});
    }
    if (token.text.size() > subscan_text_bytes_max) {
        return std::unexpected(Error{Code::too_long, offset, subscan_text_bytes_max});
    }
    return token.text;
}

std::optional<Error> not_decimal(std::string_view text, std::size_t offset) {
    bool point = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        bool const first_point = text[i] == '.' && !point && i != 0 && i + 1 != text.size();
        if (!first_point && (text[i] < '0' || text[i] > '9')) {
            return Error{Code::bad_amount, offset + i};
        }
        point = point || first_point;
    }
    if (text.empty()) return Error{Code::bad_amount, offset};
    return {};
}

std::expected<std::optional<bool>, Error> lenient_flag(JsonToken const& token, std::size_t offset) {
    if (token.form == Form::absent || token.form == Form::null) return std::nullopt;
    if (token.form != Form::array && token.form != Form::object) {
        if (token.text == "true" || token.text == "1") return true;
        if (token.text == "false" || token.text == "0") return false;
    }
    return std::unexpected(Error{Code::json_type, offset});
}

std::expected<std::optional<std::uint64_t>, Error> SubscanReader::Impl::number(Value& value,
                                                                               std::uint64_t most) {
    auto const token = walk.token(value);
    if (!token) return std::unexpected(token.error());
    return lenient_number(*token, walk.offset_of(token->text), most);
}

std::expected<std::string_view, Error> SubscanReader::Impl::text(Value& value) {
    auto const token = walk.token(value);
    if (!token) return std::unexpected(token.error());
    return lenient_text(*token, walk.offset_of(token->text));
}

std::expected<std::string_view, Error> SubscanReader::Impl::decimal(Value& value) {
    auto const read = text(value);
    if (!read || read->empty()) return read;
    if (auto const wrong = not_decimal(*read, walk.offset_of(*read))) {
        return std::unexpected(*wrong);
    }
    return read;
}

std::expected<std::optional<bool>, Error> SubscanReader::Impl::flag(Value& value) {
    auto const token = walk.token(value);
    if (!token) return std::unexpected(token.error());
    return lenient_flag(*token, walk.offset_of(token->text));
}

// A code is small, and may be negative where a proxy invents one.
std::expected<SubscanEnvelope, Error> SubscanReader::Impl::envelope(std::string_view whole) {
    if (auto const opened = walk.open(whole); !opened) return std::unexpected(opened.error());
    SubscanEnvelope out;
    auto const done = walk.top([&](std::string_view key, Value& value) -> Done {
        if (key == "data") {
            auto const form = walk.form(value);
            if (!form) return std::unexpected(form.error());
            out.has_data = *form != Form::null;
            return {};
        }
        if (key == "generated_at") return take(out.generated_at_s, number(value, any_u64));
        if (key != "code" && key != "message") return {};
        auto const token = walk.token(value);
        if (!token) return std::unexpected(token.error());
        auto const offset = walk.offset_of(token->text);
        if (key == "message") {
            // Some gateways put an object here: what matters is that it is not lost.
            bool const said = token->form != Form::null;
            out.message = token->text.substr(0, said ? subscan_text_bytes_max : 0);
            return {};
        }
        bool const negative = token->text.starts_with('-');
        auto const digits = JsonToken{token->form, token->text.substr(negative ? 1 : 0)};
        auto const code = lenient_number(digits, offset, any_u32);
        if (!code) return std::unexpected(code.error());
        out.code.reset();
        if (*code) out.code = static_cast<std::int64_t>(**code) * (negative ? -1 : 1);
        return {};
    });
    if (!done) return std::unexpected(done.error());
    return out;
}

Done SubscanReader::Impl::token(std::string_view key, Value& value,
                                std::vector<SubscanToken>& out) {
    SubscanToken token;
    auto const done = walk.members(value, [&](std::string_view name, Value& member) -> Done {
        if (name == "symbol") return take(token.symbol, text(member));
        if (name == "unique_id") return take(token.unique_id, text(member));
        if (name == "asset_type") return take(token.asset_type, text(member));
        if (name == "price") return take(token.price, text(member));
        if (name == "token_decimals") return take(token.decimals, number(member, max_decimals));
        return {};
    });
    if (!done) return done;
    // The older endpoint names a token only by its place in `detail`.
    if (token.unique_id.empty()) token.unique_id = key;
    out.push_back(token);
    return {};
}

SubscanReader::SubscanReader(std::size_t text_bytes_max)
    : impl_(std::make_unique<Impl>(text_bytes_max)) {}
SubscanReader::~SubscanReader() = default;

std::expected<SubscanEnvelope, Error> SubscanReader::envelope(std::string_view text) {
    return impl_->envelope(text);
}

std::expected<void, Error> SubscanReader::transfers(SubscanPage& out) {
    return impl_->transfers(out);
}

std::expected<SubscanChain, Error> SubscanReader::chain() {
    SubscanChain out;
    auto& impl = *impl_;
    auto const done = impl.data([&](Value& data) -> Done {
        out = {};
        return impl.walk.members(data, [&](std::string_view key, Value& value) -> Done {
            if (key == "blockNum") return take(out.best, impl.number(value, any_u32));
            if (key == "finalized_blockNum") {
                return take(out.finalized, impl.number(value, any_u32));
            }
            if (key == "addressType") {
                // Chains whose keys have 20 bytes may have one that is no SS58 prefix.
                std::optional<std::uint64_t> type;
                auto const read = take(type, impl.number(value, any_u64));
                out.ss58_prefix.reset();
                if (type && *type <= max_ss58_prefix) {
                    out.ss58_prefix = static_cast<std::uint16_t>(*type);
                }
                return read;
            }
            if (key == "networkNode") return take(out.network, impl.text(value));
            return {};
        });
    });
    if (!done) return std::unexpected(done.error());
    return out;
}

std::expected<void, Error> SubscanReader::tokens(std::vector<SubscanToken>& out) {
    auto& impl = *impl_;
    bool any = false;
    auto const done = impl.data([&](Value& data) -> Done {
        out.clear();
        return impl.walk.members(data, [&](std::string_view key, Value& value) -> Done {
            if (key != "detail") return {};
            out.clear();
            any = true;
            return impl.nullable_members(value, [&](std::string_view name, Value& each) {
                return impl.token(name, each, out);
            });
        });
    });
    if (!done) return done;
    if (!any) return std::unexpected(Error{Code::json_missing, 0});
    return {};
}

std::expected<SubscanBlock, Error> SubscanReader::block() {
    SubscanBlock out;
    auto& impl = *impl_;
    std::optional<std::uint64_t> number;
    std::optional<pipeline::Hash> hash;
    auto const done = impl.data([&](Value& data) -> Done {
        out = {};
        number.reset();
        hash.reset();
        return impl.walk.members(data, [&](std::string_view key, Value& value) -> Done {
            if (key == "block_num") return take(number, impl.number(value, any_u32));
            if (key == "finalized") return take(out.finalized, impl.flag(value));
            if (key != "hash") return {};
            auto const text = impl.text(value);
            if (!text) return std::unexpected(text.error());
            auto const read = parse_hash(*text);
            if (!read) {
                auto error = read.error();
                error.offset += impl.walk.offset_of(*text);
                return std::unexpected(error);
            }
            hash = *read;
            return {};
        });
    });
    if (!done) return std::unexpected(done.error());
    if (!number || !hash) return std::unexpected(Error{Code::json_missing, 0});
    out.number = static_cast<std::uint32_t>(*number);
    out.hash = *hash;
    return out;
}

std::expected<std::string_view, Error> SubscanReader::price() {
    std::string_view out;
    auto& impl = *impl_;
    auto const done = impl.data([&](Value& data) -> Done {
        out = {};
        return impl.walk.members(data, [&](std::string_view key, Value& value) -> Done {
            return key == "price" ? take(out, impl.decimal(value)) : Done{};
        });
    });
    if (!done) return std::unexpected(done.error());
    if (out.empty()) return std::unexpected(Error{Code::json_missing, 0});
    return out;
}

} // namespace decoders
