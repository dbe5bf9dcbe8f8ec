#include "stages/pattern_cold.hpp"

namespace stages {

ColdAccounts::ColdAccounts(std::size_t going_max, std::uint64_t seed)
    : hash_(seed)
    , going_(going_max)
    , index_(going_max) {
    CHECK(going_max > 0 && going_max < CacheIndex::none);
}

std::uint32_t ColdAccounts::find(decoders::Account const& key) const {
    return index_.find(hash_(key), [&](std::uint32_t number) { return going_[number].key == key; });
}

void ColdAccounts::put(ColdAccount const& account) {
    if (account.outs == 0 && !account.balance_known) return;
    if (std::uint32_t const known = find(account.key); known != CacheIndex::none) {
        going_[known] = account;
        return;
    }
    if (used_ == going_.size()) {
        ++counts_.forgotten;
        return;
    }
    index_.insert(hash_(account.key), static_cast<std::uint32_t>(used_));
    going_[used_++] = account;
}

std::optional<ColdAccount> ColdAccounts::take(decoders::Account const& key) {
    std::uint32_t const known = find(key);
    if (known == CacheIndex::none) {
        auto found = file_ ? file_(key) : std::nullopt;
        if (found) ++counts_.recalled;
        return found;
    }
    ++counts_.recalled;
    ColdAccount const found = going_[known];
    index_.erase(hash_(key), known);
    auto const last = static_cast<std::uint32_t>(--used_);
    if (known != last) { // it moves into the gap
        index_.erase(hash_(going_[last].key), last);
        index_.insert(hash_(going_[last].key), known);
        going_[known] = going_[last];
    }
    return found;
}

void ColdAccounts::written() {
    for (std::size_t i = 0; i < used_; ++i)
        index_.erase(hash_(going_[i].key), static_cast<std::uint32_t>(i));
    used_ = 0;
}

} // namespace stages
