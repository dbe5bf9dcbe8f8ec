// Who changed what, from which value to which, and why: rows that can be added and read, and whose
// order and wording are sealed by a chain of hashes.
//
// The hash of a row is BLAKE2b-256 over: the hash of the row before (32 zero bytes for the first),
// seq (u64 LE), time_ms (u64 LE), epoch (u32 LE), then actor, action, from, to and reason, each as
// its length (u32 LE) and its bytes. Who changes, drops or moves a row has to write every later one
// anew; keep the newest hash elsewhere to notice even that.
//
// Lives in the journal's file over a connection of its own, so that the control thread need not
// wait for the data plane; both may write, one after the other. One thread; record() returns when
// the row is on disk, before the change is acknowledged. Fails with io::DatabaseError.
#pragma once

#include "io/database.hpp"
#include "pipeline/types.hpp"

#include <functional>
#include <optional>

namespace stages {

struct AuditEntry {
    std::uint64_t time_ms = 0; // unix
    std::uint32_t epoch = 0;   // of the regime, after the change
    std::string_view actor{};
    std::string_view action{};
    std::string_view from{};
    std::string_view to{};
    std::string_view reason{};
};

struct AuditRow {
    std::int64_t seq = 0;
    AuditEntry entry;
    pipeline::Hash hash{};
};

pipeline::Hash audit_hash(pipeline::Hash const& before, std::int64_t seq, AuditEntry const& entry);

class AuditTrail {
  public:
    using Error = io::DatabaseError;
    template <class T>
    using Result = std::expected<T, Error>;

    static constexpr std::size_t text_bytes_max = 4'096; // longer texts are cut

    // The lock is the journal's; with read_only also beside a running service.
    [[nodiscard]] static Result<std::unique_ptr<AuditTrail>> open(std::string const& path,
                                                                  io::DatabaseOptions options = {});

    [[nodiscard]] Result<std::int64_t> record(AuditEntry const& entry); // its seq
    // From `since_ms` on, oldest first, until the visitor says false.
    Result<void> read(std::uint64_t since_ms, std::function<bool(AuditRow const&)> const& visit);
    // The first row that is not what was recorded; nothing: all are.
    Result<std::optional<std::int64_t>> find_forgery();

  private:
    explicit AuditTrail(std::unique_ptr<io::Database> database)
        : database_(std::move(database)) {}
    Result<std::int64_t> insert(AuditEntry const& entry);
    Result<void> each(std::int64_t since_ms,
                      std::function<bool(AuditRow const&, bool hash_is_one)> const& visit);

    std::unique_ptr<io::Database> const database_;
    io::Statement last_, insert_, select_;
};

} // namespace stages
