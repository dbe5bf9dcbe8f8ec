#include "decoders/jsonrpc.hpp"

#include "decoders/hex.hpp"
#include "decoders/jsonrpc_impl.hpp"
#include "pipeline/check.hpp"

#include <algorithm>
#include <bit>
#include <charconv>

namespace decoders {

static_assert(pipeline::json_padding >= simdjson::SIMDJSON_PADDING);

std::string_view scalar_token(ondemand::value& value) {
    auto token = value.raw_json_token();
    while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' ||
                              token.back() == '\t')) {
        token.remove_suffix(1);
    }
    return token;
}

std::string_view unquoted(std::string_view token) {
    bool const quoted = token.size() >= 2 && token.front() == '"' && token.back() == '"';
    return quoted ? token.substr(1, token.size() - 2) : token;
}

Form form_of(ondemand::json_type type) {
    switch (type) {
    case ondemand::json_type::array: return Form::array;
    case ondemand::json_type::object: return Form::object;
    case ondemand::json_type::number: return Form::number;
    case ondemand::json_type::string: return Form::string;
    case ondemand::json_type::boolean: return Form::boolean;
    case ondemand::json_type::null: return Form::null;
    }
    return Form::absent;
}

std::optional<std::uint64_t> parse_unsigned(std::string_view text) {
    std::uint64_t value = 0;
    auto const* end = text.data() + text.size();
    // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): `end` is its size
    auto const [at, failure] = std::from_chars(text.data(), end, value);
    if (text.empty() || failure != std::errc{} || at != end) return {};
    return value;
}

// Of a frame that is no JSON after all simdjson lets go of the document: it must not be touched
// again.
Error JsonRpc::Impl::error(simdjson::error_code code) {
    switch (code) {
    case simdjson::INCORRECT_TYPE: return error(Code::json_type);
    case simdjson::INDEX_OUT_OF_BOUNDS:
    case simdjson::NO_SUCH_FIELD: return error(Code::json_missing);
    case simdjson::NUMBER_ERROR:
    case simdjson::NUMBER_OUT_OF_RANGE: return error(Code::json_number);
    default: break;
    }
    auto const fatal = error(code == simdjson::DEPTH_ERROR  ? Code::json_too_deep
                             : code == simdjson::CAPACITY   ? Code::json_too_large
                             : code == simdjson::UTF8_ERROR ? Code::json_utf8
                                                            : Code::json_syntax);
    parsed = false;
    return fatal;
}

Error JsonRpc::Impl::error(Code code) {
    char const* at = nullptr;
    bool const placed = parsed && document.current_location().get(at) == simdjson::SUCCESS &&
                        at >= frame.data() && at <= frame.data() + frame.size();
    return {code, placed ? static_cast<std::size_t>(at - frame.data()) : 0};
}

std::size_t JsonRpc::Impl::offset_of(std::string_view text) const {
    return static_cast<std::size_t>(text.data() - frame.data());
}

// Arrays and objects are passed over by simdjson when the next member is asked for.
std::expected<void, Error> JsonRpc::Impl::describe_value(ondemand::value& value, Envelope& out) {
    ondemand::json_type type;
    if (auto const code = value.type().get(type); code != simdjson::SUCCESS) {
        return std::unexpected(error(code));
    }
    out.form = form_of(type);
    if (out.form != Form::array && out.form != Form::object) {
        auto const found = token(value);
        if (!found) return std::unexpected(found.error());
        out.text = found->text;
    }
    return {};
}

std::expected<JsonRpc::Token, Error> JsonRpc::Impl::token(ondemand::value& value) {
    ondemand::json_type type;
    if (auto const code = value.type().get(type); code != simdjson::SUCCESS) {
        return std::unexpected(error(code));
    }
    Token out{form_of(type), {}};
    simdjson::error_code code = simdjson::SUCCESS;
    bool good = true;
    if (out.form == Form::array) {
        ondemand::array array;
        code = value.get_array().get(array);
        if (code == simdjson::SUCCESS) code = array.raw_json().get(out.text);
    } else if (out.form == Form::object) {
        ondemand::object object;
        code = value.get_object().get(object);
        if (code == simdjson::SUCCESS) code = object.raw_json().get(out.text);
    } else {
        auto const token = scalar_token(value);
        auto const digits = token.substr(token.starts_with('-') ? 1 : 0);
        out.text = unquoted(token);
        switch (out.form) {
        case Form::string: good = out.text.size() + 2 == token.size(); break;
        case Form::null: good = token == "null"; break;
        case Form::boolean: good = token == "true" || token == "false"; break;
        default:
            good = !digits.empty() && digits[0] >= '0' && digits[0] <= '9' &&
                   digits.find_first_not_of("0123456789+-.eE") == digits.npos;
        }
        if (!good) return std::unexpected(Error{Code::json_syntax, offset_of(token)});
    }
    if (code != simdjson::SUCCESS) return std::unexpected(error(code));
    return out;
}

std::expected<void, Error> JsonRpc::Impl::error_member(ondemand::value& value, Envelope& out) {
    auto const whole = token(value);
    if (!whole) return std::unexpected(whole.error());
    if (whole->form == Form::null) return {}; // "error": null beside a result
    out.kind = FrameKind::error_reply;
    return {};
}

std::expected<void, Error> JsonRpc::Impl::notification_params(ondemand::value& value,
                                                              Envelope& out) {
    ondemand::object object;
    if (auto const code = value.get_object().get(object); code != simdjson::SUCCESS) {
        return std::unexpected(error(code));
    }
    return members(
        object, [&](std::string_view key, ondemand::value& member) -> std::expected<void, Error> {
            if (key == "result") return describe_value(member, out);
            if (key != "subscription") return {};
            auto const id = token(member);
            if (!id) return std::unexpected(id.error());
            if (id->form != Form::string && id->form != Form::number) {
                return std::unexpected(error(Code::json_type));
            }
            if (id->text.size() > max_subscription_id_bytes) {
                return std::unexpected(
                    Error{Code::too_long, offset_of(id->text), max_subscription_id_bytes});
            }
            out.subscription = id->text;
            return {};
        });
}

// Members come in any order, so params and error are only noted; envelope() returns to them.
std::expected<void, Error> JsonRpc::Impl::envelope_member(std::string_view key,
                                                          ondemand::value& value, Envelope& out) {
    if (key == "result") return describe_value(value, out);
    if (key == "error") return error_member(value, out);
    if (key != "id" && key != "method") return {};
    auto const found = token(value);
    if (!found) return std::unexpected(found.error());
    if (key == "method") {
        if (found->form != Form::string) return std::unexpected(error(Code::json_type));
        if (found->text.size() > max_method_bytes) {
            return std::unexpected(Error{Code::too_long, offset_of(found->text), max_method_bytes});
        }
        out.method = found->text;
        return {};
    }
    if (found->form == Form::array || found->form == Form::object) {
        return std::unexpected(error(Code::json_type));
    }
    if (found->form == Form::null) return {};
    bool const quoted = found->form == Form::string;
    out.id_text =
        quoted ? std::string_view(found->text.data() - 1, found->text.size() + 2) : found->text;
    auto const number = parse_unsigned(found->text);
    out.has_id = number.has_value();
    out.id = number.value_or(0);
    return {};
}

std::expected<Envelope, Error> JsonRpc::Impl::envelope() {
    Envelope out;
    bool any_params = false;
    bool any_result = false;
    ondemand::object object;
    if (auto const code = document.get_object().get(object); code != simdjson::SUCCESS) {
        return std::unexpected(error(code));
    }
    auto const first = members(object, [&](std::string_view key, ondemand::value& value) {
        any_params = any_params || key == "params";
        any_result = any_result || key == "result";
        return envelope_member(key, value, out);
    });
    if (!first) return std::unexpected(first.error());
    char const* behind = nullptr;
    if (document.current_location().get(behind) == simdjson::SUCCESS) {
        return std::unexpected(error(Code::json_syntax)); // something after the object
    }
    bool const failed = out.kind == FrameKind::error_reply;
    if (!out.method.empty()) {
        out.kind = out.id_text.empty() ? FrameKind::notification : FrameKind::request;
    } else if (!failed && !any_result) {
        return std::unexpected(Error{Code::json_missing, 0});
    }
    kind = out.kind;
    std::expected<void, Error> rest;
    if (failed && out.method.empty()) {
        rest = read_error(out);
    } else if (any_params && !out.method.empty()) {
        rest = read_params(out);
    }
    if (!rest) return std::unexpected(rest.error());
    return out;
}

std::expected<void, Error> JsonRpc::Impl::read_params(Envelope& out) {
    auto value = top_member("params");
    if (!value) return std::unexpected(value.error());
    if (kind == FrameKind::notification) return notification_params(*value, out);
    return describe_value(*value, out);
}

std::expected<void, Error> JsonRpc::Impl::read_error(Envelope& out) {
    out.form = Form::absent; // a result beside an error is none
    out.text = {};
    auto value = top_member("error");
    if (!value) return std::unexpected(value.error());
    ondemand::object object;
    if (auto const code = value->get_object().get(object); code != simdjson::SUCCESS) {
        return std::unexpected(error(code));
    }
    return members(
        object, [&](std::string_view key, ondemand::value& member) -> std::expected<void, Error> {
            if (key != "code" && key != "message" && key != "data") return {};
            auto const found = token(member);
            if (!found) return std::unexpected(found.error());
            if (key == "message") {
                out.error_message = found->text;
                return {};
            }
            if (key == "data") {
                out.error_data = found->text;
                return {};
            }
            bool const negative = found->text.starts_with('-');
            auto const number = parse_unsigned(found->text.substr(negative ? 1 : 0));
            if (!number || *number > 1u << 31) {
                return std::unexpected(Error{Code::json_number, offset_of(found->text)});
            }
            out.error_code = static_cast<std::int64_t>(*number) * (negative ? -1 : 1);
            return {};
        });
}

std::expected<ondemand::value, Error> JsonRpc::Impl::top_member(std::string_view name) {
    if (!parsed) return std::unexpected(Error{Code::json_syntax, 0});
    document.rewind();
    ondemand::value value;
    auto const code = document.find_field_unordered(name).get(value);
    if (code != simdjson::SUCCESS) return std::unexpected(error(code));
    return value;
}

// simdjson wants six bytes for one of the frame: taken for the largest frame allowed that is 370
// MiB a connection, which a host that does not overcommit refuses. Frames of a chain are of one
// size but for its metadata, so the doubling is over after the first few.
void JsonRpc::Impl::hold(std::size_t frame_bytes) {
    auto const failed = parser.allocate(frame_bytes + 1, max_json_depth);
    CHECK(failed == simdjson::SUCCESS);
}

JsonRpc::JsonRpc(std::size_t max_frame_bytes)
    : impl_(std::make_unique<Impl>()) {
    impl_->max_frame_bytes = max_frame_bytes;
    impl_->header_bytes.reserve(max_header_bytes);
    impl_->hold(std::min(max_frame_bytes, first_frame_bytes));
}
JsonRpc::~JsonRpc() = default;
JsonRpc::JsonRpc(JsonRpc&&) noexcept = default;
JsonRpc& JsonRpc::operator=(JsonRpc&&) noexcept = default;

std::expected<Envelope, Error> JsonRpc::parse(std::string_view frame) {
    auto& impl = *impl_;
    impl.frame = frame;
    impl.parsed = false;
    if (frame.size() > impl.max_frame_bytes) {
        return std::unexpected(Error{Code::json_too_large, 0, frame.size()});
    }
    if (frame.size() >= impl.parser.capacity()) {
        impl.hold(std::min(std::bit_ceil(frame.size() + 1), impl.max_frame_bytes));
    }
    auto const code =
        impl.parser.iterate(frame.data(), frame.size(), frame.size() + pipeline::json_padding)
            .get(impl.document);
    if (code != simdjson::SUCCESS) return std::unexpected(impl.error(code));
    impl.parsed = true;
    auto envelope = impl.envelope();
    if (!envelope) impl.parsed = false;
    return envelope;
}

} // namespace decoders
