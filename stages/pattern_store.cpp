#include "stages/pattern_store_impl.hpp"

namespace stages {

PatternStore::PatternStore(std::unique_ptr<io::Records> records)
    : records_(std::move(records)) {}

std::expected<PatternStore::Opened, io::StoreError>
PatternStore::open(std::string const& path, io::RecordsOptions const& options) {
    auto opened = io::Records::open(path, {"head", "accounts", "log", "models", "cold"}, options);
    if (!opened) return std::unexpected(opened.error());
    std::unique_ptr<PatternStore> store(new PatternStore(std::move(opened->records)));
    if (!opened->note.empty()) ++store->counts_.refused;
    return Opened{std::move(store), std::move(opened->note)};
}

// ---- saving -------------------------------------------------------------------------------------

void PatternStore::put_accounts(io::Records::Write& write, Accounts const& accounts, bool all) {
    constexpr std::size_t in_page = Accounts::page_accounts;
    static_assert(in_page * account_bytes + 8 <= 4'096 - 16, "one page of LMDB");
    for (std::size_t page = 0; page * in_page < accounts.size(); ++page) {
        if (!all && !accounts.changed(page)) continue;
        Writer out(value_);
        std::size_t const end = std::min((page + 1) * in_page, accounts.size());
        for (std::size_t i = page * in_page; i < end; ++i)
            out(pipeline::Bytes(
                reinterpret_cast<std::uint8_t const*>(&accounts[static_cast<AccountIndex>(i)]),
                account_bytes));
        seal(value_, accounts_table, page);
        write.put(accounts_table, AccountsKey(page).bytes, value_);
        ++counts_.account_pages;
    }
}

void PatternStore::put_log(io::Records::Write& write, MovementLog const& log, bool all) {
    constexpr std::size_t in_page = log_page_movements;
    MovedSeq const oldest = first_of(log.last(), log.capacity());
    MovedSeq const from = all ? oldest : std::max(oldest, last_saved_ + 1);
    write.remove_before(log_table, LogKey(oldest / in_page).bytes);
    if (from > log.last()) return;
    for (std::uint64_t page = from / in_page; page <= log.last() / in_page; ++page) {
        MovedSeq seq = std::max(oldest, page * in_page);
        MovedSeq const end = std::min(log.last() + 1, (page + 1) * in_page);
        Writer out(value_);
        out(seq);
        for (; seq < end; ++seq) movement_fields(out, *log.find(seq));
        seal(value_, log_table, page);
        write.put(log_table, LogKey(page).bytes, value_);
        ++counts_.log_pages;
    }
}

// The first page begins with the size of it all.
void PatternStore::put_model(io::Records::Write& write, PatternModel const& model,
                             std::vector<std::uint64_t>& seals, bool all) {
    auto const known = seals_.find(model.name);
    auto const& before = known == seals_.end() ? seals : known->second;
    std::uint64_t left = model.state.size();
    for (Bytes const part : model.more) left += part.size();
    Bytes from = model.state;
    auto next = model.more.begin();
    for (std::uint64_t page = 0; page == 0 || left > 0; ++page) {
        Writer out(value_);
        std::uint64_t room = model_page_bytes;
        if (page == 0) {
            out(left);
            room -= sizeof left;
        }
        for (room = std::min(room, left); room > 0;) {
            while (from.empty()) from = *next++;
            Bytes const part = from.first(std::min<std::uint64_t>(room, from.size()));
            out(part);
            from = from.subspan(part.size());
            room -= part.size();
            left -= part.size();
        }
        std::uint64_t const is = seal(value_, models_table, place_of(model.name, page));
        bool const same = !all && page < before.size() && before[page] == is;
        seals.push_back(is);
        if (same) continue;
        write.put(models_table, ModelKey(model.name, page).bytes, value_);
        ++counts_.model_pages;
    }
}

// What the file will have of models then.
PatternStore::PageSeals PatternStore::put_models(io::Records::Write& write,
                                                 std::span<PatternModel const> models, bool all) {
    PageSeals made;
    for (PatternModel const& model : models)
        put_model(write, model, made[std::string(model.name)], all);
    if (all) return made;
    for (auto const& [name, pages] : seals_) {
        auto const now = made.find(name);
        std::size_t const kept = now == made.end() ? 0 : now->second.size();
        for (std::size_t page = kept; page < pages.size(); ++page)
            write.remove(models_table, ModelKey(name, page).bytes);
    }
    return made;
}

void PatternStore::put_cold(io::Records::Write& write, ColdAccounts const& cold) {
    for (ColdAccount const& one : cold.going()) {
        ColdKey const key(one.key);
        Writer out(value_);
        cold_fields(out, one);
        seal(value_, cold_table, place_of(key));
        write.put(cold_table, key.bytes, value_);
        if (write.size(cold_table) > cold_max_) write.remove_next(cold_table, key.bytes);
        ++counts_.cold_accounts;
    }
}

std::optional<ColdAccount> PatternStore::cold(decoders::Account const& key) {
    if (!ours_) return std::nullopt;
    if (!reader_) {
        auto read = records_->read();
        if (!read) {
            ++counts_.cold_damaged;
            return std::nullopt;
        }
        reader_ = std::move(*read);
        any_cold_ = reader_->size(cold_table) != 0;
    }
    if (!any_cold_) return std::nullopt;
    ColdKey const at(key);
    auto const value = reader_->get(cold_table, at.bytes);
    if (value && !*value) return std::nullopt;
    auto const body = value ? opened(**value, cold_table, place_of(at)) : std::nullopt;
    ColdAccount found{.key = key};
    Reader in(body ? *body : pipeline::Bytes());
    cold_fields(in, found);
    if (body && in.whole() && in.rest().empty() && found.joined_by <= JoinedBy::deposit_sweep)
        return found;
    ++counts_.cold_damaged;
    return std::nullopt;
}

std::expected<void, io::StoreError> PatternStore::save(PatternStamp const& stamp,
                                                       Accounts& accounts, MovementLog const& log,
                                                       std::span<PatternModel const> models,
                                                       ColdAccounts* cold) {
    for (auto one = models.begin(); one != models.end(); ++one)
        CHECK(std::none_of(models.begin(), one, [&](auto& m) { return m.name == one->name; }));
    reader_.reset(); // one transaction at a time, and old pages can be used again
    auto write = records_->write();
    Head const head{.magic = Head::magic_now,
                    .version = version,
                    .stamp = stamp,
                    .accounts = accounts.size(),
                    .hand = accounts.hand(),
                    .refused = accounts.refused(),
                    .log_last = log.last(),
                    .log_capacity = log.capacity(),
                    .models = models.size()};
    Writer out(value_);
    Head::fields(out, head);
    seal(value_, head_table, 0);
    write.put(head_table, pipeline::as_bytes(head_key), value_);
    bool const all = !follows_;
    if (all)
        for (std::size_t const table : {accounts_table, log_table, models_table, cold_table})
            write.clear(table);
    put_accounts(write, accounts, all);
    put_log(write, log, all);
    auto seals = put_models(write, models, all);
    if (cold != nullptr) put_cold(write, *cold);
    if (auto const done = write.commit(); !done) {
        ++counts_.failed;
        return done;
    }
    accounts.clean();
    follows_ = ours_ = true;
    last_saved_ = log.last();
    seals_ = std::move(seals);
    if (cold != nullptr) cold->written();
    ++counts_.saved;
    return {};
}

} // namespace stages
