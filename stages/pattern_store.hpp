// What the patterns of one chain know, over a restart: snapshots of its accounts, its log and its
// models' states, in a file of its own (io::Records). A snapshot is of one block and is written in
// one transaction: after a kill or a power cut the one before is there.
//
//   head      "head" -> version, the block, the number of accounts, where the log begins and ends
//   accounts  page (4 bytes) -> its 32 accounts
//   log       page (8 bytes) -> its 64 movements: of what has left the ring nothing is kept
//   models    name, page (4 bytes) -> 4,064 bytes of its state
//   cold      key -> what is kept of an account that has left the table (pattern_cold.hpp)
//
// Keys are big-endian, all else is as the machine has it. Each value begins with XXH3 over the rest
// of it, seeded by where it lies. Written are the pages of accounts that have changed since the
// last snapshot, the movements since then, the pages of models that are others now (most of a model
// stays as it was, and a save must not take long), and who has left the table since then. Of the
// latter there are at most cold_max: for each one more, the one behind it in the order of keys
// goes, which is as good as any.
//
// What is read is not believed: what is of another version, another chain, of more accounts than
// there is room for, or damaged, is refused with a sentence and counted; the accounts and the log
// are empty then, the next snapshot replaces all. Accounts keep their indexes. If the log holds
// fewer movements now, the newest come back.
//
// One thread; calls block: save() waits for the disk. Both allocate.
#pragma once

#include "io/records.hpp"
#include "stages/pattern_cold.hpp"
#include "stages/pattern_log.hpp"

#include <map>
#include <span>
#include <string>

namespace stages {

struct PatternStamp { // all of this block and nothing behind it
    pipeline::Hash genesis{};
    std::uint32_t number = 0;
    pipeline::Hash hash{};      // zero: nobody has given the block
    std::uint8_t decimals = 0;  // of the chain's token: amounts are in its smallest unit
    std::uint32_t block_ms = 0; // between two blocks, lately; 0: not known
    friend bool operator==(PatternStamp const&, PatternStamp const&) = default;
};

struct PatternModel {
    std::string_view name; // 1 to 120 bytes
    pipeline::Bytes state;
    std::vector<pipeline::Bytes> more{}; // follows it
};

struct PatternSnapshot {
    PatternStamp stamp;
    std::map<std::string, std::vector<std::uint8_t>, std::less<>> models;
};

class PatternStore {
  public:
    static constexpr std::size_t cold_max = 1'000'000;
    static constexpr std::uint32_t version = 5; // of models' layouts, too
    static constexpr std::size_t log_page_movements = 64;
    static constexpr std::size_t model_page_bytes = 4'064; // one page of LMDB, with what is around
    static constexpr std::size_t model_name_bytes_max = 120;

    struct Opened {
        std::unique_ptr<PatternStore> store;
        std::string note; // a sentence for the log: an old file was moved aside, and why
    };
    [[nodiscard]] static std::expected<Opened, io::StoreError>
    open(std::string const& path, io::RecordsOptions const& options = {});

    // Of what is there, before it is loaded. Nothing: there is no snapshot that load() would take.
    std::optional<PatternStamp> stamp() const;

    // Into empty accounts and an empty log. Nothing: there is no snapshot. The error is a sentence
    // for the log.
    [[nodiscard]] std::expected<std::optional<PatternSnapshot>, std::string>
    load(pipeline::Hash const& genesis, Accounts& accounts, MovementLog& log);

    // Always of the same accounts and log, those of load() if there was one. `models` are all there
    // are: others go. On failure the snapshot before is there, and nothing counts as saved.
    [[nodiscard]] std::expected<void, io::StoreError>
    save(PatternStamp const& stamp, Accounts& accounts, MovementLog const& log,
         std::span<PatternModel const> models, ColdAccounts* cold = nullptr);

    // What the last snapshot knows of an account that is not in the table. Nothing: it does not, or
    // it cannot be read (counted).
    std::optional<ColdAccount> cold(decoders::Account const& key);
    void keep_cold_at_most(std::size_t accounts) { cold_max_ = accounts; }

    // The next save() is of other accounts: it replaces all.
    void begin_anew() { follows_ = ours_ = false; }

    struct Counts {
        std::uint64_t saved = 0;
        std::uint64_t failed = 0;        // to be saved
        std::uint64_t refused = 0;       // to be loaded, or moved aside
        std::uint64_t account_pages = 0; // written, of all snapshots
        std::uint64_t log_pages = 0;
        std::uint64_t model_pages = 0;
        std::uint64_t cold_accounts = 0;
        std::uint64_t cold_damaged = 0;
    };
    Counts const& counts() const { return counts_; }

  private:
    struct Head;
    using PageSeals = std::map<std::string, std::vector<std::uint64_t>, std::less<>>; // by model
    explicit PatternStore(std::unique_ptr<io::Records> records);
    // Sentences; empty: it is good.
    std::string load_accounts(io::Records::Read const& read, Head const& head, Accounts& accounts);
    std::string load_log(io::Records::Read const& read, Head const& head, std::size_t accounts,
                         MovementLog& log);
    std::string load_models(io::Records::Read const& read, PatternSnapshot& snapshot);
    static std::string read_head(io::Records::Read const& read, std::optional<Head>& head);
    std::string load_all(pipeline::Hash const& genesis, Accounts& accounts, MovementLog& log,
                         std::optional<PatternSnapshot>& snapshot);
    void put_cold(io::Records::Write& write, ColdAccounts const& cold);
    void put_accounts(io::Records::Write& write, Accounts const& accounts, bool all);
    void put_log(io::Records::Write& write, MovementLog const& log, bool all);
    PageSeals put_models(io::Records::Write& write, std::span<PatternModel const> models, bool all);
    void put_model(io::Records::Write& write, PatternModel const& model,
                   std::vector<std::uint64_t>& seals, bool all);

    std::unique_ptr<io::Records> const records_;
    bool follows_ = false; // what is in the file is what the marks of change are against
    MovedSeq last_saved_ = 0;
    PageSeals seals_;                           // of the models' pages that are in the file
    std::vector<std::uint8_t> value_;           // being made
    std::unique_ptr<io::Records::Read> reader_; // of the last snapshot, for cold()
    bool any_cold_ = false;                     // in it
    bool ours_ = false;                         // what is in the file was loaded, or written by us
    std::size_t cold_max_ = cold_max;
    Counts counts_;
};

} // namespace stages
