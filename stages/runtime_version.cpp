#include "stages/runtime_version.hpp"

#include "decoders/hex.hpp"
#include "decoders/scale.hpp"

#include <fmt/format.h>

namespace stages {

std::expected<std::string, std::string> runtime_version_json(decoders::Runtime const& runtime) {
    auto const* const constant = runtime.metadata().find_constant("System", "Version");
    if (constant == nullptr) return std::unexpected("the metadata has no System.Version");
    decoders::Cursor cursor(constant->value);
    std::string_view const spec_name = cursor.text();
    std::string_view const impl_name = cursor.text();
    std::uint32_t const authoring = cursor.u32();
    std::uint32_t const spec = cursor.u32();
    std::uint32_t const impl = cursor.u32();
    std::string apis;
    std::uint32_t const count = cursor.count(12);
    for (std::uint32_t i = 0; i < count && cursor.ok(); ++i) {
        if (i > 0) apis += ',';
        auto const id = cursor.bytes(8);
        apis += fmt::format(R"(["{}",{}])", decoders::hex_text(id), cursor.u32());
    }
    std::uint32_t const transaction = cursor.u32();
    std::uint32_t const state = cursor.u8();
    if (!cursor.ok()) {
        return std::unexpected("System.Version cannot be read: " + describe(cursor.error()));
    }
    return fmt::format(
        R"({{"specName":"{}","implName":"{}","authoringVersion":{},"specVersion":{},)"
        R"("implVersion":{},)"
        R"("apis":[{}],"transactionVersion":{},"systemVersion":{},"stateVersion":{}}})",
        spec_name, impl_name, authoring, spec, impl, apis, transaction, state, state);
}

} // namespace stages
