#include "stages/runtime_cache.hpp"

#include "decoders/hash.hpp"
#include "decoders/hex.hpp"

#include <fmt/format.h>

namespace stages {

std::string metadata_file_name(Hash const& genesis, std::uint32_t spec_version) {
    return fmt::format("metadata/{}-{}.scale", decoders::hex_text(genesis), spec_version);
}

std::string code_file_name(Hash const& genesis, std::uint32_t spec_version) {
    return fmt::format("metadata/{}-{}.code", decoders::hex_text(genesis), spec_version);
}

std::string code_text(Hash const& code_hash, pipeline::Bytes metadata) {
    return fmt::format("{} {}\n", decoders::hex_text(code_hash),
                       decoders::hex_text(decoders::blake2b_256(metadata)));
}

std::expected<std::string, RuntimeCache::Miss>
StoredRuntimes::find(Hash const& genesis, std::uint32_t spec_version, Hash const& code_hash) {
    if (!files_) return std::unexpected(Miss::absent);
    std::string const name = code_file_name(genesis, spec_version);
    if (!files_->exists(name)) return std::unexpected(Miss::absent);
    auto const code = files_->read(name, code_file_bytes_max);
    if (!code) return std::unexpected(Miss::damaged);
    auto metadata = files_->read(metadata_file_name(genesis, spec_version), metadata_bytes_max);
    if (!metadata) return std::unexpected(Miss::damaged);
    if (*code == code_text(code_hash, pipeline::as_bytes(*metadata))) return std::move(*metadata);
    // Of other code, or not what was written: the second half tells.
    std::string const of_file =
        decoders::hex_text(decoders::blake2b_256(pipeline::as_bytes(*metadata)));
    return std::unexpected(code->ends_with(of_file + '\n') ? Miss::other_code : Miss::damaged);
}

} // namespace stages
