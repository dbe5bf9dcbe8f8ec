#include "stages/cache_cold.hpp"

namespace stages {

namespace {

constexpr std::size_t head_bytes = 12;
static_assert(head_bytes + CacheValue::bytes_max <= io::Store::value_bytes_max);
static_assert(sizeof(CacheKey) <= io::Store::key_bytes_max);

pipeline::Bytes bytes_of(CacheKey const& key) {
    return {reinterpret_cast<std::uint8_t const*>(&key), sizeof key};
}

bool read_record(pipeline::Bytes record, CacheValue& out) {
    if (record.size() < head_bytes) return false;
    std::uint8_t const source = record[8], absent = record[9];
    std::memcpy(&out.written_unix_ms, record.data(), 8);
    std::memcpy(&out.size, record.data() + 10, 2);
    if (source >= cache_sources || absent > 1 || out.written_unix_ms == 0) return false;
    if (out.size != record.size() - head_bytes || out.size > CacheValue::bytes_max) return false;
    if (absent == 1 && out.size != 0) return false;
    out.source = static_cast<CacheSource>(source);
    out.absent = absent == 1;
    std::memcpy(out.data, record.data() + head_bytes, out.size);
    return true;
}

} // namespace

CacheCold::CacheCold(io::Store* store, std::size_t table)
    : store_(store)
    , table_(table) {
    if (!store_) return;
    auto reader = store_->reader();
    if (good(reader)) reader_ = std::move(*reader);
}

// The sentence is made once a kind of failure: a disk that stays full must not cost memory or time.
void CacheCold::note(io::StoreError const& error) {
    ++failures_;
    if (!trouble_.empty() && error.code == last_) return;
    last_ = error.code;
    trouble_ = io::describe(error);
}

bool CacheCold::get(CacheKey const& key, CacheValue& out) {
    if (!reader_) return false;
    auto const found = reader_->get(table_, bytes_of(key), record_);
    return good(found) && *found && read_record({record_.data(), (*found)->size}, out);
}

void CacheCold::put(CacheKey const& key, CacheValue const& value, std::uint64_t expires_unix_ms) {
    if (!store_) return;
    std::memcpy(record_.data(), &value.written_unix_ms, 8);
    record_[8] = static_cast<std::uint8_t>(value.source);
    record_[9] = value.absent ? 1 : 0;
    std::memcpy(record_.data() + 10, &value.size, 2);
    std::memcpy(record_.data() + head_bytes, value.data, value.size);
    pipeline::Bytes const record(record_.data(), head_bytes + value.size);
    static_cast<void>(good(store_->put(table_, bytes_of(key), record, expires_unix_ms)));
}

void CacheCold::remove(CacheKey const& key) {
    if (store_) static_cast<void>(good(store_->remove(table_, bytes_of(key))));
}

std::size_t CacheCold::clear_expired(std::uint64_t now_unix_ms, std::size_t entries_max) {
    if (!store_) return 0;
    auto const gone = store_->clear_expired(now_unix_ms, entries_max);
    return good(gone) ? *gone : 0;
}

io::Store::Counts CacheCold::counts() {
    if (!store_) return {};
    auto const counts = store_->counts();
    return good(counts) ? *counts : io::Store::Counts{};
}

} // namespace stages
