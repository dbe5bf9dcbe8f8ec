// Metadata of runtimes met before, so that a restart need not ask for it. A runtime is named by the
// genesis of its chain, its spec version and the hash of its code: development chains and forks
// have changed the code under a version.
//
//   metadata/GENESIS-SPEC.scale    the metadata (stages/keeper writes it)
//   metadata/GENESIS-SPEC.code     "0xCODE_HASH 0xHASH_OF_THE_SCALE_FILE\n": so a damaged file,
//                                  or one of the two without the other, is not believed
//
// Blocking file reads, once a runtime; one thread per object. What cannot be used is not there.
#pragma once

#include "stages/state_files.hpp"

#include <memory>

namespace stages {

using pipeline::Hash;

struct RuntimeCache {
    enum class Miss : std::uint8_t {
        absent,     // never kept, or kept without its code
        other_code, // the same version, but other code
        damaged,    // the file is not what was written
    };
    virtual ~RuntimeCache() = default;
    // The metadata, as state_getMetadata returns it.
    virtual std::expected<std::string, Miss> find(Hash const& genesis, std::uint32_t spec_version,
                                                  Hash const& code_hash) = 0;
};

class StoredRuntimes final : public RuntimeCache {
  public:
    static constexpr std::size_t metadata_bytes_max = 16 << 20; // today's are below 1 MiB

    // Null: nothing is ever there.
    explicit StoredRuntimes(std::unique_ptr<StateFiles const> files)
        : files_(std::move(files)) {}

    std::expected<std::string, Miss> find(Hash const& genesis, std::uint32_t spec_version,
                                          Hash const& code_hash) override;

  private:
    std::unique_ptr<StateFiles const> const files_;
};

inline constexpr std::size_t code_file_bytes_max = 256;
std::string code_file_name(Hash const& genesis, std::uint32_t spec_version);
std::string code_text(Hash const& code_hash, pipeline::Bytes metadata);

} // namespace stages
