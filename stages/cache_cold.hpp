// The third tier: values in an io::Store, under the 56 bytes of their keys. A record is the time it
// was written (8 bytes), source, absent (1 each), size (2), data, as the machine has them. What is
// read is not believed: a record that is not of this form is not there.
//
// One thread per object; the store, which several may share, outlives it. Reading allocates
// nothing.
#pragma once

#include "io/store.hpp"
#include "stages/cache_record.hpp"

namespace stages {

class CacheCold {
  public:
    // `store` null: nothing is ever there, and everything succeeds.
    CacheCold(io::Store* store, std::size_t table);

    // True: `out` is what was found.
    bool get(CacheKey const& key, CacheValue& out);
    void put(CacheKey const& key, CacheValue const& value, std::uint64_t expires_unix_ms);
    void remove(CacheKey const& key);
    // What has run out goes, at most `entries_max`; how many.
    std::size_t clear_expired(std::uint64_t now_unix_ms, std::size_t entries_max);
    io::Store::Counts counts();

    std::uint64_t failures() const { return failures_; }
    std::string const& trouble() const { return trouble_; } // the last sentence

  private:
    template <class T>
    bool good(std::expected<T, io::StoreError> const& result) {
        if (!result) note(result.error());
        return result.has_value();
    }
    void note(io::StoreError const& error);

    io::Store* const store_;
    std::size_t const table_;
    std::unique_ptr<io::Store::Reader> reader_;
    std::array<std::uint8_t, io::Store::value_bytes_max> record_{};
    std::uint64_t failures_ = 0;
    io::StoreCode last_{};
    std::string trouble_;
};

} // namespace stages
