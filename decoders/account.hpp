// A public key as the chain knows it: 32 bytes, or 20 on Ethereum-like chains, or none.
#pragma once

#include "pipeline/types.hpp"

#include <cstring>

namespace decoders {

struct Account {
    std::uint8_t key[32] = {}; // bytes behind `size` are zero
    std::uint8_t size = 0;     // 0 (none), 20 or 32

    pipeline::Bytes bytes() const { return {key, size}; }
    explicit operator bool() const { return size != 0; }
    friend bool operator==(Account const& a, Account const& b) {
        return a.size == b.size && std::memcmp(a.key, b.key, sizeof a.key) == 0;
    }
};

// `size` bytes at `from`; size is 20, 32, or 0 for none. Two copies of known size: one of a size
// only known at run time costs more than all else that is done to a transfer.
inline Account account_of(std::uint8_t const* from, std::uint8_t size) {
    Account account;
    if (size == 32) [[likely]] {
        std::memcpy(account.key, from, 32);
    } else if (size == 20) {
        std::memcpy(account.key, from, 20);
    }
    account.size = size;
    return account;
}

} // namespace decoders
