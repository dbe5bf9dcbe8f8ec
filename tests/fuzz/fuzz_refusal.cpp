// Any error reply, and any text of a node: it is sorted into a kind, waits are bounded, and what is
// printed cannot forge lines of a log.
#include "pipeline/check.hpp"
#include "stages/refusal.hpp"

#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    CHECK(stages::retry_time(text) <= stages::Refusal::wait_max);
    for (char const c : stages::printable(text))
        CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);

    std::string frame(text);
    frame.append(pipeline::json_padding, ' ');
    static decoders::JsonRpc json(1 << 20); // its memory is taken once
    auto const envelope = json.parse(std::string_view(frame).substr(0, size));
    if (!envelope || envelope->kind != decoders::FrameKind::error_reply) return 0;
    auto const refusal = stages::read_refusal(*envelope);
    CHECK(refusal.wait <= stages::Refusal::wait_max);
    CHECK(refusal.wait == 0 || refusal.kind == stages::Refusal::Kind::limit);
    return 0;
}
