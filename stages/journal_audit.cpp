#include "stages/journal_audit.hpp"

#include "decoders/hash.hpp"
#include "stages/journal_impl.hpp"
#include "stages/journal_schema.hpp"

namespace stages {

namespace {

template <class Integer>
void put(std::string& out, Integer value) {
    for (std::size_t i = 0; i < sizeof value; ++i)
        out += static_cast<char>(static_cast<std::uint8_t>(value >> (8 * i)));
}

std::string_view cut(std::string_view text) { return text.substr(0, AuditTrail::text_bytes_max); }

AuditEntry cut(AuditEntry entry) {
    for (std::string_view* text :
         {&entry.actor, &entry.action, &entry.from, &entry.to, &entry.reason})
        *text = cut(*text);
    return entry;
}

} // namespace

Hash audit_hash(Hash const& before, std::int64_t seq, AuditEntry const& entry) {
    std::string sealed(pipeline::as_text(before));
    put(sealed, static_cast<std::uint64_t>(seq));
    put(sealed, entry.time_ms);
    put(sealed, entry.epoch);
    for (std::string_view const text :
         {entry.actor, entry.action, entry.from, entry.to, entry.reason}) {
        put(sealed, static_cast<std::uint32_t>(text.size()));
        sealed += text;
    }
    return decoders::blake2b_256(pipeline::as_bytes(sealed));
}

AuditTrail::Result<std::unique_ptr<AuditTrail>> AuditTrail::open(std::string const& path,
                                                                 io::DatabaseOptions options) {
    options.lock = false;
    auto database = io::Database::open(path, journal_schema, options);
    if (!database) return std::unexpected(database.error());
    std::unique_ptr<AuditTrail> trail(new AuditTrail(std::move(*database)));
    std::pair<io::Statement*, std::string_view> const all[] = {
        {&trail->last_, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"},
        {&trail->insert_, "INSERT INTO audit(seq, time_ms, epoch, actor, action, \"from\", \"to\", "
                          "reason, hash) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"},
        {&trail->select_, "SELECT seq, time_ms, epoch, actor, action, \"from\", \"to\", reason, "
                          "hash FROM audit WHERE time_ms >= ?1 ORDER BY seq"},
    };
    for (auto const& [statement, sql] : all) {
        auto prepared = trail->database_->prepare(sql);
        if (!prepared) return std::unexpected(prepared.error());
        *statement = std::move(*prepared);
    }
    return trail;
}

AuditTrail::Result<std::int64_t> AuditTrail::record(AuditEntry const& entry) {
    if (auto begun = database_->begin(); !begun) return std::unexpected(begun.error());
    auto seq = insert(cut(entry));
    if (!seq) {
        database_->rollback();
        return seq;
    }
    if (auto done = database_->commit(); !done) return std::unexpected(done.error());
    return seq;
}

AuditTrail::Result<std::int64_t> AuditTrail::insert(AuditEntry const& entry) {
    // Read within the transaction: another connection may have written since.
    auto const last = last_.step();
    if (!last) return std::unexpected(last.error());
    Hash before{};
    std::int64_t seq = 1;
    if (*last) {
        seq = last_.integer(0) + 1;
        // A hash that is none was forged; the chain goes on and find_forgery() tells of it.
        if (!read_hex(last_.text(1), before)) before = {};
        last_.reset();
    }
    HexText const hash(audit_hash(before, seq, entry));
    insert_.bind(1, seq).bind(2, static_cast<std::int64_t>(entry.time_ms)).bind(3, entry.epoch);
    insert_.bind(4, entry.actor).bind(5, entry.action).bind(6, entry.from).bind(7, entry.to);
    auto const done = insert_.bind(8, entry.reason).bind(9, hash.view()).run();
    if (!done) return std::unexpected(done.error());
    return seq;
}

AuditTrail::Result<void>
AuditTrail::each(std::int64_t since_ms,
                 std::function<bool(AuditRow const&, bool hash_is_one)> const& visit) {
    select_.bind(1, since_ms);
    for (;;) {
        auto const more = select_.step();
        if (!more) return std::unexpected(more.error());
        if (!*more) return {};
        AuditRow row;
        row.seq = select_.integer(0);
        row.entry = {static_cast<std::uint64_t>(select_.integer(1)),
                     static_cast<std::uint32_t>(select_.integer(2)),
                     select_.text(3),
                     select_.text(4),
                     select_.text(5),
                     select_.text(6),
                     select_.text(7)};
        bool const hash_is_one = read_hex(select_.text(8), row.hash);
        if (visit(row, hash_is_one)) continue;
        select_.reset();
        return {};
    }
}

AuditTrail::Result<void> AuditTrail::read(std::uint64_t since_ms,
                                          std::function<bool(AuditRow const&)> const& visit) {
    return each(static_cast<std::int64_t>(since_ms),
                [&](AuditRow const& row, bool) { return visit(row); });
}

AuditTrail::Result<std::optional<std::int64_t>> AuditTrail::find_forgery() {
    Hash before{};
    std::int64_t next = 1;
    std::optional<std::int64_t> found;
    auto const done = each(INT64_MIN, [&](AuditRow const& row, bool hash_is_one) {
        bool const good =
            hash_is_one && row.seq == next && row.hash == audit_hash(before, row.seq, row.entry);
        if (!good) found = row.seq;
        before = row.hash;
        ++next;
        return good;
    });
    if (!done) return std::unexpected(done.error());
    return found;
}

} // namespace stages
