// Any text as flags.toml: it is refused by a sentence, or it is a regime; written, it is read again
// to the same.
#include "config/flags_file.hpp"
#include "pipeline/check.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    auto const state = config::flags_from(text);
    if (!state) {
        CHECK(!state.error().empty());
        return 0;
    }
    CHECK(state->pins.size() <= stages::pin_entries_max);
    pipeline::Regime const regime = stages::regime_of(*state);
    CHECK(regime.hybrid_buckets <= 10'000);
    CHECK(regime.tier <= 4 || regime.tier == pipeline::tiers_all);
    std::string const written = config::flags_text(*state);
    auto const again = config::flags_from(written);
    CHECK(again);
    CHECK(config::flags_text(*again) == written);
    return 0;
}
