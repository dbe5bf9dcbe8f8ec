// JSON-RPC 2.0 frames, both directions, on simdjson on-demand, in place. One JsonRpc per
// connection, one thread.
//
// parse() reads the envelope; the accessors below then read the same frame's result (reply,
// error_reply, notification) or params (request). Every view points into the frame: it must stay
// where it is, with pipeline::json_padding readable bytes behind it, until the next parse(). No
// allocation after warm-up. Nothing throws; whatever is wrong is an Error with the byte offset in
// the frame.
#pragma once

#include "decoders/error.hpp"
#include "decoders/header.hpp"

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace decoders {

inline constexpr std::size_t max_json_depth = 64;
inline constexpr std::size_t max_subscription_id_bytes = 128;
inline constexpr std::size_t max_method_bytes = 128;
inline constexpr std::size_t max_json_members = 4'096; // of an object that is searched

enum class FrameKind : std::uint8_t { reply, error_reply, notification, request };
enum class Form : std::uint8_t { absent, null, boolean, number, string, array, object };

struct Envelope {
    FrameKind kind{};
    bool has_id = false;
    std::uint64_t id = 0; // numbers, and strings that are numbers; else 0 with has_id false
    std::string_view
        id_text; // the id as written in JSON ("7", "\"abc\""), to echo it; empty if absent
    std::string_view method;        // notification, request
    std::string_view subscription;  // notification: id without quotes (string or integer)
    std::int64_t error_code = 0;    // error_reply
    std::string_view error_message; // error_reply; as written, escapes not undone
    std::string_view error_data;    // error_reply: `data`, as in JsonRpc::Token; empty if absent
    Form form = Form::absent;       // of the result (requests: of params)
    std::string_view text; // string: between the quotes, as written; number, boolean: the token
};

struct RuntimeVersion {
    std::string_view spec_name;
    std::uint32_t spec_version = 0;
};
struct Properties {
    std::optional<std::uint16_t> ss58_prefix;
    std::optional<std::uint8_t> decimals;   // the first, where there are several
    std::optional<std::string_view> symbol; // as written
};
// One element of state_queryStorageAt, or the result of a state_storage notification.
struct StorageChanges {
    Hash block{};
    std::uint32_t changes = 0; // all of them, wanted or not
};
enum class ChangeState : std::uint8_t { absent, null, present };
struct WantedChange {
    pipeline::Bytes key{};    // in: the raw storage key
    ChangeState state{};      // out
    std::string_view value{}; // out: the hex text, "0x…"; the last change of a key counts
};
struct BlockHead {
    Header header;
    std::uint32_t extrinsics = 0;
};

class JsonRpc {
  public:
    // Frames above `max_frame_bytes` are refused (json_too_large). Memory, six bytes for one, grows
    // with the largest frame so far, by doubling.
    explicit JsonRpc(std::size_t max_frame_bytes);
    ~JsonRpc();
    JsonRpc(JsonRpc&&) noexcept;
    JsonRpc& operator=(JsonRpc&&) noexcept;

    // `frame` must have json_padding readable bytes behind it.
    [[nodiscard]] std::expected<Envelope, Error> parse(std::string_view frame);

    // The accessors: each may be called any number of times, in any order, after a successful
    // parse().
    [[nodiscard]] std::expected<Header, Error> header(); // result is a header object
    // chain_getBlock: the header, and each extrinsic's hex text.
    using TextSink = std::function<void(std::size_t index, std::string_view text)>;
    [[nodiscard]] std::expected<BlockHead, Error> block(TextSink const& extrinsic);
    [[nodiscard]] std::expected<RuntimeVersion, Error> runtime_version();
    [[nodiscard]] std::expected<Properties, Error> properties();
    // result is one change set, or an array of which element `index` is taken.
    [[nodiscard]] std::expected<StorageChanges, Error>
    storage_changes(std::span<WantedChange> wanted, std::size_t index = 0);
    // Each string of the array `result`, or of result.<member>, as written between the quotes.
    [[nodiscard]] std::expected<std::size_t, Error> strings(std::string_view member,
                                                            TextSink const& each);
    // A member of the object `result`; form absent where there is none.
    struct Token {
        Form form = Form::absent;
        std::string_view text; // as in Envelope; arrays and objects: their whole JSON
    };
    [[nodiscard]] std::expected<Token, Error> member(std::string_view name);
    // ---- chainHead_v1 (json-rpc-interface-spec): notices of a follow subscription
    // specVersion of a runtime that is "valid", under result.<member>; nothing where the member is
    // null or absent, or the node could not read the runtime.
    [[nodiscard]] std::expected<std::optional<std::uint32_t>, Error>
    followed_runtime(std::string_view member);
    // Each of result.items: its key, and its value or hash as hex text (empty where it has none).
    struct StorageItem {
        std::string_view key, value, hash;
    };
    using ItemSink = std::function<void(StorageItem const& item)>;
    [[nodiscard]] std::expected<std::size_t, Error> storage_items(ItemSink const& each);

    // Requests: each parameter (params as array; absent: none). Arrays and objects as their whole
    // JSON.
    using TokenSink = std::function<void(std::size_t index, Token const& token)>;
    [[nodiscard]] std::expected<std::size_t, Error> parameters(TokenSink const& each);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// "0x0000001f" or "0x1f" or "31" -> 31. Numbers of headers, zero padding allowed.
[[nodiscard]] std::expected<std::uint32_t, Error> parse_block_number(std::string_view text);
// Exactly 32 bytes as "0x…".
[[nodiscard]] std::expected<Hash, Error> parse_hash(std::string_view text);

} // namespace decoders
