#include "config/embedded.hpp"

// The assembler copies the file into read-only data; nothing is parsed or generated at build time.
#define SPYHOP_EMBED(symbol, file)                                                                 \
    asm(".section .rodata\n"                                                                       \
        ".balign 16\n"                                                                             \
        ".hidden " #symbol "_begin\n.global " #symbol "_begin\n" #symbol "_begin:\n"               \
        ".incbin \"" file "\"\n"                                                                   \
        ".hidden " #symbol "_end\n.global " #symbol "_end\n" #symbol "_end:\n"                     \
        ".byte 0\n"                                                                                \
        ".previous\n");                                                                            \
    extern "C" [[gnu::visibility("hidden")]] std::uint8_t const symbol##_begin[];                  \
    extern "C" [[gnu::visibility("hidden")]] std::uint8_t const symbol##_end[]

SPYHOP_EMBED(spyhop_polkadot, SPYHOP_METADATA_DIR "/polkadot-2000000.v15.scale");
SPYHOP_EMBED(spyhop_asset_hub_polkadot,
             SPYHOP_METADATA_DIR "/asset-hub-polkadot-2000000.v15.scale");
SPYHOP_EMBED(spyhop_default_toml, SPYHOP_CONFIG_DIR "/default.toml");
SPYHOP_EMBED(spyhop_rollout_toml, SPYHOP_CONFIG_DIR "/rollout.toml");

namespace config {

std::array<EmbeddedRuntime, 2> embedded_runtimes() {
    return {{
        {"polkadot", "polkadot",
         "0x91b171bb158e2d3848fa23a9f1c25182fb8e20313b2c1eb49219da7a70ce90c3", "DOT", 10, 0,
         pipeline::Bytes(spyhop_polkadot_begin, spyhop_polkadot_end)},
        {"polkadot-asset-hub", "statemint",
         "0x68d56f15f85d3136970ec16946040bc1752654e906147f7e43e9d539d7c3de2f", "DOT", 10, 0,
         pipeline::Bytes(spyhop_asset_hub_polkadot_begin, spyhop_asset_hub_polkadot_end)},
    }};
}

std::string_view default_configuration() {
    return pipeline::as_text({spyhop_default_toml_begin, spyhop_default_toml_end});
}

std::string_view default_rollout_plan() {
    return pipeline::as_text({spyhop_rollout_toml_begin, spyhop_rollout_toml_end});
}

} // namespace config
