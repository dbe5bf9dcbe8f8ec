// Accounts that have left the table for others (pattern_accounts.hpp): how long they have been
// silent, what they held, whom they belonged to. Who comes back after months is known again, or
// nobody could say that it had been silent.
//
//   let go ──▶ going, until the next snapshot ──save()──▶ the file's table (pattern_store.hpp)
//   entered ◀── going, or the file ◀──────────────────────┘
//
// Kept are accounts that have sent something or whose balance is known; of the others there is
// nothing to know. `going` has a fixed size: what finds no room there is forgotten, and counted.
// Sweeps that were not enough to join it are forgotten, too.
//
// One for each chain's Accounts. One thread. The constructor allocates, nothing else. Asking the
// file is a look-up in LMDB, which waits for the disk where the page is not in memory; only unknown
// accounts are asked for, and only if there are any in the file.
#pragma once

#include "stages/pattern_accounts.hpp"

#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace stages {

struct ColdAccount {
    decoders::Account key{};
    decoders::Account root{}; // of its cluster; empty: it was alone
    JoinedBy joined_by{};
    bool balance_known = false;
    bool lets = false;
    std::uint32_t first_s = 0;
    std::uint32_t first_out_s = 0;
    std::uint32_t last_out_s = 0;
    std::uint32_t outs = 0;
    std::uint32_t silent_since_s = 0;
    u128 balance = 0;
    friend bool operator==(ColdAccount const&, ColdAccount const&) = default;
};

class ColdAccounts {
  public:
    // What the file knows of an account. Called while accounts are entered.
    using File = std::function<std::optional<ColdAccount>(decoders::Account const& key)>;

    ColdAccounts(std::size_t going_max, std::uint64_t seed);
    void read_from(File file) { file_ = std::move(file); }

    // It has been let go.
    void put(ColdAccount const& account);
    // It is entered: whatever is known of it, which is then no more on its way to the file.
    std::optional<ColdAccount> take(decoders::Account const& key);

    // To be written, in any order; then written(), once they are on their way to the disk.
    std::span<ColdAccount const> going() const { return {going_.data(), used_}; }
    void written();
    // A snapshot should not wait.
    bool crowded() const { return used_ >= going_.size() / 4 * 3; }

    struct Counts {
        std::uint64_t forgotten = 0;
        std::uint64_t recalled = 0;
    };
    Counts const& counts() const { return counts_; }

  private:
    std::uint32_t find(decoders::Account const& key) const;

    AccountHash const hash_;
    std::vector<ColdAccount> going_;
    CacheIndex index_;
    std::size_t used_ = 0;
    File file_{};
    Counts counts_;
};

} // namespace stages
