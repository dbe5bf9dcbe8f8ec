// What was written is read back, and not believed.
#include "stages/pattern_store_impl.hpp"

namespace stages {

// ---- loading ------------------------------------------------------------------------------------

std::string PatternStore::load_accounts(io::Records::Read const& read, Head const& head,
                                        Accounts& accounts) {
    if (head.accounts > accounts.capacity())
        return fmt::format("it holds {} accounts, and there is room for {} now", head.accounts,
                           accounts.capacity());
    std::string why;
    std::uint64_t page = 0;
    auto const walked = read.for_each(accounts_table, [&](Bytes key, Bytes value) {
        auto const body = opened(value, accounts_table, page);
        bool good = body && std::ranges::equal(key, AccountsKey(page).bytes) &&
                    body->size() == account_bytes * std::min(Accounts::page_accounts,
                                                             head.accounts - accounts.size());
        for (std::size_t at = 0; good && at < body->size(); at += account_bytes) {
            AccountState state;
            std::memcpy(static_cast<void*>(&state), body->data() + at, account_bytes);
            good = plausible(state) && accounts.restore(state);
        }
        if (!good) why = damaged("page of accounts", page);
        ++page;
        return good;
    });
    if (!walked) return io::describe(walked.error());
    if (!why.empty()) return why;
    if (accounts.size() != head.accounts)
        return fmt::format("of {} accounts {} are there", head.accounts, accounts.size());
    if (!accounts.restored(head.hand, head.refused)) return "its clusters do not hold together";
    return {};
}

std::string PatternStore::load_log(io::Records::Read const& read, Head const& head,
                                   std::size_t accounts, MovementLog& log) {
    MovedSeq next = 0;
    std::string why;
    MovedSeq const kept = first_of(head.log_last, log.capacity());
    // Where the log holds more now: what is not there any more is older than any window.
    for (MovedSeq seq = kept; seq < first_of(head.log_last, head.log_capacity); ++seq)
        log.restore({.moved = {.seq = seq}});
    auto const walked = read.for_each(log_table, [&](Bytes key, Bytes value) {
        std::uint64_t page = 0;
        for (std::uint8_t const byte : key) page = page << 8 | byte;
        auto const body = opened(value, log_table, page);
        Reader in(body ? *body : Bytes());
        MovedSeq seq = 0;
        in(seq);
        bool good = in.whole() && in.rest().size() % movement_bytes == 0 &&
                    (next == 0 ? seq <= first_of(head.log_last, head.log_capacity) : seq == next);
        for (; good && !in.rest().empty(); ++seq) {
            MovementLog::Entry entry;
            entry.moved.seq = seq;
            movement_fields(in, entry);
            good = plausible(entry, accounts);
            if (good && seq >= kept) log.restore(entry);
        }
        next = seq;
        if (!good) why = damaged("page of movements", page);
        return good;
    });
    if (!walked) return io::describe(walked.error());
    if (!why.empty()) return why;
    if (head.log_last > 0 && next != head.log_last + 1)
        return fmt::format("its movements end before number {}", head.log_last);
    return {};
}

std::string PatternStore::load_models(io::Records::Read const& read, PatternSnapshot& snapshot) {
    std::string why, name;
    std::uint64_t left = 0; // bytes of the model that is being read
    std::vector<std::uint8_t>* state = nullptr;
    auto const walked = read.for_each(models_table, [&](Bytes key, Bytes value) {
        std::size_t const name_bytes = key.size() - std::min(key.size(), sizeof(std::uint32_t));
        std::string_view const its = pipeline::as_text(key.first(name_bytes));
        bool const begins = left == 0;
        if (begins) name = its;
        if (its.empty() || its.size() > model_name_bytes_max || name != its) {
            why = "the states of its models are damaged";
            return false;
        }
        auto& seals = seals_[name];
        auto const body = std::ranges::equal(key, ModelKey(name, seals.size()).bytes)
                            ? opened(value, models_table, place_of(name, seals.size()))
                            : std::nullopt;
        Reader in(body ? *body : Bytes());
        if (begins) {
            in(left);
            state = &snapshot.models[name];
        }
        if (!body || !in.whole() || in.rest().size() > left || (in.rest().empty() && left > 0)) {
            why = fmt::format("the state of {} is damaged", name);
            return false;
        }
        left -= in.rest().size();
        state->insert(state->end(), in.rest().begin(), in.rest().end());
        std::uint64_t is = 0;
        std::memcpy(&is, value.data(), sizeof is);
        seals.push_back(is);
        return true;
    });
    if (why.empty() && left > 0) why = fmt::format("the state of {} is damaged", name);
    return walked ? why : io::describe(walked.error());
}

// Empty, and no head: there is no snapshot.
std::string PatternStore::read_head(io::Records::Read const& read, std::optional<Head>& found) {
    auto const value = read.get(head_table, pipeline::as_bytes(head_key));
    if (!value) return io::describe(value.error());
    if (!*value) return {};
    Head head;
    Reader in((*value)->subspan(std::min((*value)->size(), sizeof(std::uint64_t))));
    Head::fields(in, head);
    if (head.magic != Head::magic_now) return "its head is damaged";
    if (head.version != version)
        return fmt::format("it is of version {}, this program reads {}", head.version, version);
    if (!opened(**value, head_table, 0) || !in.whole() || !in.rest().empty())
        return "its head is damaged";
    found = head;
    return {};
}

std::optional<PatternStamp> PatternStore::stamp() const {
    auto const read = records_->read();
    std::optional<Head> head;
    if (!read || !read_head(**read, head).empty() || !head) return std::nullopt;
    return head->stamp;
}

std::string PatternStore::load_all(pipeline::Hash const& genesis, Accounts& accounts,
                                   MovementLog& log, std::optional<PatternSnapshot>& snapshot) {
    auto const read = records_->read();
    if (!read) return io::describe(read.error());
    std::optional<Head> is;
    if (auto why = read_head(**read, is); !why.empty() || !is) return why;
    Head const& head = *is;
    if (head.stamp.genesis != genesis) return "it is of another chain";
    PatternSnapshot found{.stamp = head.stamp, .models = {}};
    if (auto why = load_accounts(**read, head, accounts); !why.empty()) return why;
    if (auto why = load_log(**read, head, accounts.size(), log); !why.empty()) return why;
    if (auto why = load_models(**read, found); !why.empty()) return why;
    if (found.models.size() != head.models) return "states of models are missing";
    last_saved_ = head.log_last;
    follows_ = log.capacity() <= head.log_capacity;
    snapshot = std::move(found);
    return {};
}

std::expected<std::optional<PatternSnapshot>, std::string>
PatternStore::load(pipeline::Hash const& genesis, Accounts& accounts, MovementLog& log) {
    CHECK(accounts.size() == 0 && log.last() == 0);
    reader_.reset();
    follows_ = ours_ = false;
    seals_.clear();
    std::optional<PatternSnapshot> snapshot;
    std::string const why = load_all(genesis, accounts, log, snapshot);
    ours_ = snapshot.has_value();
    if (why.empty()) return snapshot;
    ++counts_.refused;
    accounts.clear();
    log = MovementLog(log.capacity());
    return std::unexpected(fmt::format("{}: {}; what the patterns knew is left aside, they begin "
                                       "anew",
                                       records_->path(), why));
}

} // namespace stages
