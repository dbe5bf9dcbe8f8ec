// One JSON document on simdjson on-demand, read in place: what a reader of a family of messages is
// built on. Single-threaded; no allocation after warm-up.
//
// open() takes a text that must stay where it is, with pipeline::json_padding readable bytes behind
// it, until the next open(). Every token is a view into it. Nothing recurses, so depth costs
// nothing; what is passed over is not checked beyond what finding its end needs. After a syntax
// error the document is shut: everything answers json_syntax until the next open().
#pragma once

#include "decoders/error.hpp"
#include "decoders/jsonrpc.hpp" // Form, max_json_members
#include "pipeline/types.hpp"

#include <expected>
#include <string_view>

#include <simdjson.h>

namespace decoders {

struct JsonToken {
    Form form = Form::absent;
    std::string_view text; // string: between the quotes, as written; array, object: their JSON
};

class JsonWalk {
  public:
    using Value = simdjson::ondemand::value;
    using Done = std::expected<void, Error>;

    // Larger texts are refused (json_too_large). Memory is taken here, once.
    explicit JsonWalk(std::size_t text_bytes_max);

    [[nodiscard]] Done open(std::string_view text);
    std::string_view text() const { return text_; }

    // Calls each(key, value) for the members of the whole text, which must be one object with
    // nothing behind it. May be called again: it starts over.
    template <class Each>
    [[nodiscard]] Done top(Each each) {
        if (!open_) return std::unexpected(Error{Code::json_syntax, 0});
        auto object = whole();
        if (!object) return std::unexpected(object.error());
        if (auto done = walk(*object, each); !done) return done;
        return at_end();
    }
    // The same for an object inside; json_type if it is none.
    template <class Each>
    [[nodiscard]] Done members(Value& value, Each each) {
        simdjson::ondemand::object object;
        if (auto const code = value.get_object().get(object); code != simdjson::SUCCESS) {
            return std::unexpected(error(code));
        }
        return walk(object, each);
    }
    // Calls each(index, value) for the elements of an array; json_type if it is none.
    template <class Each>
    [[nodiscard]] std::expected<std::size_t, Error> elements(Value& value, Each each) {
        simdjson::ondemand::array array;
        if (auto const code = value.get_array().get(array); code != simdjson::SUCCESS) {
            return std::unexpected(error(code));
        }
        std::size_t index = 0;
        for (auto item : array) {
            Value element;
            if (auto const code = std::move(item).get(element); code != simdjson::SUCCESS) {
                return std::unexpected(error(code));
            }
            if (auto done = each(index++, element); !done) return std::unexpected(done.error());
        }
        return index;
    }

    [[nodiscard]] std::expected<Form, Error> form(Value& value);
    [[nodiscard]] std::expected<JsonToken, Error> token(Value& value);

    std::size_t offset_of(std::string_view part) const;
    // With the place the reader stands at.
    Error error(Code code);

  private:
    template <class Each>
    Done walk(simdjson::ondemand::object& object, Each& each) {
        std::size_t count = 0;
        for (auto item : object) {
            simdjson::ondemand::field field;
            if (auto const code = std::move(item).get(field); code != simdjson::SUCCESS) {
                return std::unexpected(error(code));
            }
            if (++count > max_json_members) return std::unexpected(error(Code::json_too_large));
            // Keys are compared as written: none that matters needs an escape.
            auto const* raw = field.key().raw();
            std::string_view const rest(raw, static_cast<std::size_t>(text_.end() - raw));
            auto const key = rest.substr(0, rest.find('"'));
            if (auto done = each(key, field.value()); !done) return done;
        }
        return {};
    }
    Error error(simdjson::error_code code);
    std::expected<simdjson::ondemand::object, Error> whole();
    Done at_end();

    simdjson::ondemand::parser parser_;
    simdjson::ondemand::document document_;
    std::string_view text_;
    std::size_t text_bytes_max_;
    bool open_ = false;
};

} // namespace decoders
