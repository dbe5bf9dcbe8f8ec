#include "decoders/json_walk.hpp"

#include "decoders/jsonrpc_impl.hpp"
#include "pipeline/check.hpp"

namespace decoders {

JsonWalk::JsonWalk(std::size_t text_bytes_max)
    : text_bytes_max_(text_bytes_max) {
    CHECK(parser_.allocate(text_bytes_max + 1, max_json_depth) == simdjson::SUCCESS);
}

JsonWalk::Done JsonWalk::open(std::string_view text) {
    text_ = text;
    open_ = false;
    if (text.size() > text_bytes_max_) {
        return std::unexpected(Error{Code::json_too_large, 0, text.size()});
    }
    auto const code =
        parser_.iterate(text.data(), text.size(), text.size() + pipeline::json_padding)
            .get(document_);
    if (code != simdjson::SUCCESS) return std::unexpected(error(code));
    open_ = true;
    return {};
}

// What is no JSON at all, such as a page of HTML, is called so and not a wrong kind of JSON.
std::expected<simdjson::ondemand::object, Error> JsonWalk::whole() {
    document_.rewind();
    simdjson::ondemand::json_type type;
    simdjson::ondemand::object object;
    auto code = document_.type().get(type);
    if (code == simdjson::SUCCESS) code = document_.get_object().get(object);
    if (code != simdjson::SUCCESS) return std::unexpected(error(code));
    return object;
}

JsonWalk::Done JsonWalk::at_end() {
    char const* behind = nullptr;
    if (document_.current_location().get(behind) != simdjson::SUCCESS) return {};
    return std::unexpected(error(Code::json_syntax)); // something after the object
}

// After an error of structure simdjson lets go of the document: it must not be touched again.
Error JsonWalk::error(simdjson::error_code code) {
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
    open_ = false;
    return fatal;
}

Error JsonWalk::error(Code code) {
    char const* at = nullptr;
    bool const placed = open_ && document_.current_location().get(at) == simdjson::SUCCESS &&
                        at >= text_.data() && at <= text_.data() + text_.size();
    return {code, placed ? static_cast<std::size_t>(at - text_.data()) : 0};
}

std::size_t JsonWalk::offset_of(std::string_view part) const {
    return static_cast<std::size_t>(part.data() - text_.data());
}

std::expected<Form, Error> JsonWalk::form(Value& value) {
    simdjson::ondemand::json_type type;
    if (auto const code = value.type().get(type); code != simdjson::SUCCESS) {
        return std::unexpected(error(code));
    }
    return form_of(type);
}

std::expected<JsonToken, Error> JsonWalk::token(Value& value) {
    auto const kind = form(value);
    if (!kind) return std::unexpected(kind.error());
    JsonToken out{*kind, {}};
    simdjson::error_code code = simdjson::SUCCESS;
    if (out.form == Form::array) {
        simdjson::ondemand::array array;
        code = value.get_array().get(array);
        if (code == simdjson::SUCCESS) code = array.raw_json().get(out.text);
    } else if (out.form == Form::object) {
        simdjson::ondemand::object object;
        code = value.get_object().get(object);
        if (code == simdjson::SUCCESS) code = object.raw_json().get(out.text);
    } else {
        auto const token = scalar_token(value);
        auto const digits = token.substr(token.starts_with('-') ? 1 : 0);
        out.text = unquoted(token);
        bool good = true;
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

} // namespace decoders
