// Any bytes as a JSON-RPC frame: every accessor answers or refuses, inside the frame.
#include "decoders/jsonrpc.hpp"
#include "decoders/storage_key.hpp"
#include "pipeline/check.hpp"

#include <cstring>
#include <vector>

using namespace decoders;

namespace {

void inside(std::string_view part, std::string_view frame) {
    CHECK(part.empty() || (part.data() >= frame.data() &&
                           part.data() + part.size() <= frame.data() + frame.size()));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static JsonRpc rpc(1u << 20);
    std::vector<char> buffer(size + pipeline::json_padding);
    if (size != 0) std::memcpy(buffer.data(), data, size);
    std::string_view const frame(buffer.data(), size);
    auto const envelope = rpc.parse(frame);
    if (!envelope) {
        CHECK(envelope.error().offset <= size);
        return 0;
    }
    for (auto const part : {envelope->id_text, envelope->method, envelope->subscription,
                            envelope->error_message, envelope->error_data, envelope->text}) {
        inside(part, frame);
    }
    auto const key = system_events_key();
    WantedChange wanted[] = {{.key = key}};
    auto const sink = [&](std::size_t, std::string_view text) { inside(text, frame); };
    static_cast<void>(rpc.header());
    static_cast<void>(rpc.block(sink));
    static_cast<void>(rpc.runtime_version());
    static_cast<void>(rpc.properties());
    static_cast<void>(rpc.storage_changes(wanted));
    inside(wanted[0].value, frame);
    static_cast<void>(rpc.strings("", sink));
    static_cast<void>(rpc.strings("methods", sink));
    static_cast<void>(rpc.followed_runtime("newRuntime"));
    static_cast<void>(rpc.storage_items([&](JsonRpc::StorageItem const& item) {
        for (auto const part : {item.key, item.value, item.hash}) inside(part, frame);
    }));
    if (auto const token = rpc.member("a")) inside(token->text, frame);
    static_cast<void>(rpc.parameters(
        [&](std::size_t, JsonRpc::Token const& token) { inside(token.text, frame); }));
    return 0;
}
