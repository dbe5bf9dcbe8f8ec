// What the files of JsonRpc share: simdjson's objects and a few readers of them. Included by those
// files only.
#pragma once

#include "decoders/jsonrpc.hpp"

#include <simdjson.h>

namespace decoders {

namespace ondemand = simdjson::ondemand;

inline constexpr std::size_t first_frame_bytes = 256U << 10; // an ordinary block fits

// The token of a scalar, with quotes, without the blanks behind it.
std::string_view scalar_token(ondemand::value& value);
// What is between the quotes of a string token.
std::string_view unquoted(std::string_view token);
Form form_of(ondemand::json_type type);
// Digits only, and in range.
std::optional<std::uint64_t> parse_unsigned(std::string_view text);

struct JsonRpc::Impl {
    ondemand::parser parser;
    ondemand::document document;
    std::string_view frame;
    std::size_t max_frame_bytes = 0;
    FrameKind kind{};
    bool parsed = false;
    std::vector<std::uint8_t> header_bytes; // room for one encoded header

    void hold(std::size_t frame_bytes); // takes memory for frames of so many bytes
    // simdjson's complaint as ours, with the place it stands at.
    Error error(simdjson::error_code code);
    Error error(Code code);
    std::size_t offset_of(std::string_view text) const;

    // Reads the whole envelope; the document is left at its end.
    std::expected<Envelope, Error> envelope();
    std::expected<void, Error> envelope_member(std::string_view key, ondemand::value& value,
                                               Envelope& out);
    std::expected<void, Error> notification_params(ondemand::value& value, Envelope& out);
    std::expected<void, Error> error_member(ondemand::value& value, Envelope& out);
    std::expected<void, Error> read_params(Envelope& out);
    std::expected<void, Error> read_error(Envelope& out);
    std::expected<ondemand::value, Error> top_member(std::string_view name);
    std::expected<void, Error> describe_value(ondemand::value& value, Envelope& out);

    // Back to the start, then down to the result (or params).
    std::expected<ondemand::value, Error> result();
    std::expected<ondemand::object, Error> result_object();
    std::expected<Token, Error> token(ondemand::value& value);
    std::expected<std::string_view, Error> string(ondemand::value& value);
    std::expected<Hash, Error> hash(ondemand::value& value);
    std::expected<Header, Error> header(ondemand::object& object);
    std::expected<void, Error> header_logs(ondemand::value& digest, std::uint32_t& count);
    std::expected<StorageChanges, Error> changes(ondemand::object& object,
                                                 std::span<WantedChange> wanted);
    std::expected<void, Error> change(ondemand::value& pair, std::span<WantedChange> wanted);

    // Calls each(key, value) for the members of an object; each returns expected<void, Error>.
    template <class Each>
    std::expected<void, Error> members(ondemand::object& object, Each each) {
        std::size_t count = 0;
        for (auto item : object) {
            ondemand::field field;
            if (auto const code = std::move(item).get(field); code != simdjson::SUCCESS) {
                return std::unexpected(error(code));
            }
            if (++count > max_json_members) return std::unexpected(error(Code::json_too_large));
            // Keys are compared as written: none that matters needs an escape.
            auto const* raw = field.key().raw();
            std::string_view const rest(raw, static_cast<std::size_t>(frame.end() - raw));
            auto const key = rest.substr(0, rest.find('"'));
            if (auto done = each(key, field.value()); !done) return done;
        }
        return {};
    }
    // Calls each(index, value) for the elements of an array.
    template <class Each>
    std::expected<std::size_t, Error> elements(ondemand::value& value, Each each) {
        ondemand::array array;
        if (auto const code = value.get_array().get(array); code != simdjson::SUCCESS) {
            return std::unexpected(error(code));
        }
        std::size_t index = 0;
        for (auto item : array) {
            ondemand::value element;
            if (auto const code = std::move(item).get(element); code != simdjson::SUCCESS) {
                return std::unexpected(error(code));
            }
            if (auto done = each(index++, element); !done) return std::unexpected(done.error());
        }
        return index;
    }
};

} // namespace decoders
