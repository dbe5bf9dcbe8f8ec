// Audits accounts: between two final blocks, what an account holds by the node's state (free and
// reserved) has changed by exactly the movements decoded in between. A difference is an event
// nobody has read, or a mistake of ours. No model: equality, in whole smallest units.
//
//   movement … end ──▶ by block ──finalized──▶ counts     holding(N) ──▶ compared once every block
//                                                         from the last one to N has been told
//
// A holding begins an account's audit; each further one is compared with the one before. What came
// in between and cannot be told from movements begins it anew, without a claim: a block that was
// incomplete, a balance set by decree, a block that will not come, more than there is room for.
// Blocks may come in any order and with siblings; of an account the newest holding waits.
//
// Over a restart nothing is kept: the first holding after it begins anew.
//
// Pure; one thread. Bounds: 48 accounts; 1,024 blocks of four siblings each, 4,096 changes: 0.6 MB
// a chain, nothing is allocated after the constructor. A movement costs two binary searches over
// the accounts, a block a store, a comparison a pass over the blocks and changes in between.
#pragma once

#include "stages/account_set.hpp"
#include "stages/messages.hpp"

#include <array>
#include <optional>
#include <vector>

namespace stages {

// Of one account, between two holdings that were compared.
struct Difference {
    decoders::Account account{};
    BlockRef block{}; // of the later holding
    std::uint32_t since = 0;
    u128 read = 0;     // held by the later one
    u128 gap = 0;      // between that and what the movements say
    bool more = false; // the node's state has more than they say
};

class Conservation {
  public:
    static constexpr std::size_t accounts_max = 48, blocks_max = 1'024, siblings_max = 4,
                                 changes_max = 4'096;

    explicit Conservation(std::vector<decoders::Account> accounts);

    void movement(Transfer const& moved);
    void end(BlockEnd const& end);
    void finalized(Finalized const& final);
    void holding(Holding const& held);

    // What was found, one by one; to be asked after each of the above until it answers nothing.
    std::optional<Difference> next();

    struct Counts {
        std::uint64_t compared = 0, differences = 0, anew = 0;
    };
    Counts const& counts() const { return counts_; }

  private:
    struct Audited { // an account
        std::optional<Holding> base{}, waiting{};
    };
    struct Sibling {
        Hash hash{};
        std::uint64_t timestamp_ms = 0;
        bool incomplete = false;
    };
    struct Block { // all of one number
        std::uint32_t number = 0;
        std::uint32_t ended = 0; // siblings that have been told to their end
        bool used = false;
        bool final = false;
        Hash final_hash{};
        std::array<Sibling, siblings_max> siblings{};
        Sibling const* told() const; // the final one; null: it has not been told, or is not known
    };
    struct Change { // of one account in one block
        Hash hash{};
        std::uint32_t number = 0;
        std::uint32_t account = 0;
        std::uint32_t events = 0; // those below have been counted; a block may be told twice
        u128 in = 0, out = 0;
        bool unknown = false; // what it comes to
    };
    enum class Between : std::uint8_t { known, not_yet, unknown };

    Block& block_of(std::uint32_t number);
    Change& change_of(BlockRef const& block, std::uint32_t account);
    void settle();
    Between between(std::uint32_t from, Holding const& held) const;
    void compare(std::uint32_t account, Holding const& held);
    void drop_changes();

    AccountSet const accounts_;
    std::vector<Audited> audited_; // in the same order
    std::vector<Block> blocks_;    // a ring by number
    std::vector<Change> changes_;
    std::uint32_t lost_to_ = 0; // changes up to this block may be lacking
    std::vector<Difference> found_;
    std::size_t found_next_ = 0;
    std::size_t waiting_ = 0;
    Counts counts_;
};

} // namespace stages
