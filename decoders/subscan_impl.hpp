// What the files of SubscanReader share. Included by those files only.
#pragma once

#include "decoders/json_walk.hpp"
#include "decoders/subscan.hpp"

namespace decoders {

// Texts of a row or an account that are kept: an XCM location as an id is the longest there is.
inline constexpr std::size_t subscan_text_bytes_max = 1'024;

// What a server may write for a number: 7 or "7". Nothing for null, "" and what is not there.
[[nodiscard]] std::expected<std::optional<std::uint64_t>, Error>
lenient_number(JsonToken const& token, std::size_t offset, std::uint64_t most);
// The same for a text: "DOT", 7 (as written), nothing. Anything else is json_type.
[[nodiscard]] std::expected<std::string_view, Error> lenient_text(JsonToken const& token,
                                                                  std::size_t offset);
// true, "true", 1; nothing for null and what is not there.
[[nodiscard]] std::expected<std::optional<bool>, Error> lenient_flag(JsonToken const& token,
                                                                     std::size_t offset);

// What is wrong with a text that should be "12" or "12.5"; nothing if it is.
std::optional<Error> not_decimal(std::string_view text, std::size_t offset);

// Put what was read into a field, or hand its error on.
inline JsonWalk::Done take(std::string_view& into,
                           std::expected<std::string_view, Error> const& read) {
    if (!read) return std::unexpected(read.error());
    into = *read;
    return {};
}
template <class Field, class Value>
JsonWalk::Done take(Field& into, std::expected<std::optional<Value>, Error> const& read) {
    if (!read) return std::unexpected(read.error());
    if (*read) into = static_cast<Field>(**read);
    return {};
}
template <class Field, class Value>
JsonWalk::Done take(std::optional<Field>& into,
                    std::expected<std::optional<Value>, Error> const& read) {
    if (!read) return std::unexpected(read.error());
    into.reset();
    if (*read) into = static_cast<Field>(**read);
    return {};
}

struct SubscanReader::Impl {
    using Value = JsonWalk::Value;
    using Done = JsonWalk::Done;

    explicit Impl(std::size_t text_bytes_max)
        : walk(text_bytes_max) {}

    JsonWalk walk;

    std::expected<SubscanEnvelope, Error> envelope(std::string_view text);
    Done transfers(SubscanPage& out);
    Done rows(Value& value, SubscanPage& out);
    Done row(std::size_t index, Value& value, SubscanPage& out);
    std::expected<std::optional<std::uint64_t>, Error> number(Value& value, std::uint64_t most);
    std::expected<std::string_view, Error> text(Value& value);
    std::expected<std::string_view, Error> decimal(Value& value);
    std::expected<std::optional<bool>, Error> flag(Value& value);

    Done token(std::string_view key, Value& value, std::vector<SubscanToken>& out);
    Done account(Value& value, SubscanAccount& out);
    Done display(Value& value, SubscanAccount& out);
    Done display_member(std::string_view key, Value& value, SubscanAccount& out);
    Done parent(Value& value, SubscanAccount& out);
    Done merkle(Value& value, SubscanAccount& out);
    Done judgements(Value& value, SubscanAccount& out);

    // Calls each(value) for `data`. Of several of that name the last counts, as for most readers
    // of JSON, so each() begins anew. json_missing where there is none, or it is null.
    template <class Each>
    Done data(Each each) {
        bool found = false;
        auto const done = walk.top([&](std::string_view key, Value& value) -> Done {
            if (key != "data") return {};
            auto const form = walk.form(value);
            if (!form) return std::unexpected(form.error());
            found = *form != Form::null;
            return found ? each(value) : Done{};
        });
        if (!done) return done;
        if (!found) return std::unexpected(Error{Code::json_missing, 0});
        return {};
    }
    // The members of `value`, which may be null: then there are none.
    template <class Each>
    Done nullable_members(Value& value, Each each) {
        auto const form = walk.form(value);
        if (!form) return std::unexpected(form.error());
        if (*form == Form::null) return {};
        return walk.members(value, each);
    }
};

} // namespace decoders
