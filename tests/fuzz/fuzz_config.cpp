// Any text as a configuration file: it is usable, or there is a problem with a sentence. A usable
// one has a chain with an endpoint and at least one sink, which is what the wiring relies on.
#include "config/config.hpp"
#include "pipeline/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    auto const loaded = config::load_text(text, "fuzz.toml");
    for (auto const& problem : loaded.problems)
        CHECK(!config::to_text(loaded.config, problem).empty());
    if (!loaded.usable()) return 0;
    CHECK(!loaded.config.chains.empty() && !loaded.config.sinks.empty());
    for (auto const& chain : loaded.config.chains) CHECK(!chain.endpoints.empty());
    for (auto const& rule : loaded.config.rules)
        CHECK(rule.chains.size() == loaded.config.chains.size());
    return 0;
}
