#include "stages/pattern_clusters.hpp"

#include "decoders/calls.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace stages {

namespace {

using decoders::Account;
using decoders::MovementKind;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

// What one account had and another one has.
bool passes_on(Moved const& moved) {
    using Kinds = decoders::MovementKinds;
    constexpr Kinds kinds = Kinds(MovementKind::transfer) | MovementKind::repatriate |
                            MovementKind::transfer_on_hold | MovementKind::transfer_and_hold;
    return kinds.has(moved.kind) && moved.from != no_account && moved.to != no_account &&
           moved.from != moved.to;
}

void count(std::uint8_t& counter) {
    if (counter < 255) ++counter;
}

bool is_hot_wallet(AccountState const& state) { return state.named && state.exchange; }

bool alone(AccountState const& state, AccountIndex index) {
    return state.joined_by == JoinedBy::alone && state.next_member == index;
}

} // namespace

std::string_view label_stem(std::string_view label) {
    std::string_view stem = label;
    while (!stem.empty() && stem.back() >= '0' && stem.back() <= '9') stem.remove_suffix(1);
    if (stem.size() == label.size()) return label;
    while (!stem.empty() && std::string_view(" \t#-_").contains(stem.back())) stem.remove_suffix(1);
    return stem.empty() ? label : stem;
}

Clusters::Clusters(std::span<ClusterLabel const> labels, ClusterOptions options)
    : options_(options)
    , hash_(0)
    , index_(std::max<std::size_t>(labels.size(), 1))
    , lets_(lets_max) {
    CHECK(options.inflows <= 255 && options.sweeps <= 255);
    labelled_.reserve(labels.size());
    std::map<std::string, std::uint32_t> groups; // by kind, 0, stem
    for (ClusterLabel const& one : labels) {
        if (one.label.empty() || !one.account || find(one.account) != nullptr) continue;
        std::string name = lower(one.kind);
        bool const exchange = name == "exchange";
        name.append(1, '\0').append(label_stem(one.label));
        auto const next = static_cast<std::uint32_t>(groups.size());
        std::uint32_t const group = groups.try_emplace(name, next).first->second;
        index_.insert(hash_(one.account), static_cast<std::uint32_t>(labelled_.size()));
        labelled_.push_back({one.account, group, exchange});
    }
    first_of_group_.assign(groups.size(), no_account);
}

Clusters::Labelled const* Clusters::find(Account const& account) const {
    std::uint32_t const found = index_.find(
        hash_(account), [&](std::uint32_t number) { return labelled_[number].account == account; });
    return found == CacheIndex::none ? nullptr : &labelled_[found];
}

void Clusters::welcome(Accounts& accounts, AccountIndex index) {
    AccountState const& known = std::as_const(accounts)[index];
    if (!known.named && known.sent == 0 && known.received == 0) name(accounts, index);
}

void Clusters::name(Accounts& accounts, AccountIndex index) {
    Labelled const* const label = find(std::as_const(accounts)[index].key);
    if (label == nullptr) return;
    AccountState& state = accounts[index];
    state.named = true; // from now on it is not let go, so first_of_group_ stays good
    state.exchange = label->exchange;
    AccountIndex& first = first_of_group_[label->group];
    if (first == no_account)
        first = index;
    else
        accounts.join(index, first, JoinedBy::label);
}

// ---- deposit sweeps -----------------------------------------------------------------------------

bool Clusters::moved(Accounts& accounts, MovementLog const& log, Moved const& moved) {
    if (!passes_on(moved) || inside(accounts, moved.from, moved.to)) return false;
    auto const amount = static_cast<double>(moved.amount);
    AccountState& to = accounts[moved.to];
    to.in_sum += amount;
    count(to.inflows);
    if (!is_hot_wallet(to)) return false;
    AccountState& from = accounts[moved.from];
    MovementLog::Entry const* const entry = log.find(moved.seq);
    if (from.named || !alone(from, moved.from) || entry == nullptr) return false;
    std::uint32_t const since_s =
        moved.time_s > options_.sweep_s ? moved.time_s - options_.sweep_s : 0;
    double fresh = 0;
    log.received(from.received, since_s, sweep_steps_max, [&](Moved const& one) {
        if (one.seq <= entry->before_of_from) return false;
        if (passes_on(one)) fresh += static_cast<double>(one.amount);
        return true;
    });
    if (fresh == 0) return false;
    if (!inside(accounts, from.sweeps_to, moved.to)) {
        from.sweeps_to = moved.to;
        from.swept = 0;
        from.sweeps = 0;
    }
    from.swept += std::min(amount, fresh);
    count(from.sweeps);
    bool const joins = from.inflows >= options_.inflows && from.sweeps >= options_.sweeps &&
                       from.swept >= options_.sweep_share * from.in_sum;
    if (joins) accounts.join(moved.from, moved.to, JoinedBy::deposit_sweep);
    return joins;
}

// ---- who acts for whom --------------------------------------------------------------------------

// A named cluster's root stays: first_of_group_ points to it. Else the smaller one moves, so that
// nobody pays for a large one again and again.
void Clusters::unite(Accounts& accounts, AccountIndex part, AccountIndex whole, JoinedBy why) {
    Accounts const& known = accounts;
    if (part == no_account || whole == no_account || inside(known, part, whole)) return;
    bool const named = known[known.cluster_of(part)].named;
    if (named && known[known.cluster_of(whole)].named) return;
    bool const moves_whole = named || (!known[known.cluster_of(whole)].named &&
                                       known.smaller_cluster(part, whole) == whole);
    accounts.join(moves_whole ? whole : part, moves_whole ? part : whole, why);
}

void Clusters::related(Accounts& accounts, AccountIndex part, AccountIndex whole,
                       MovementKind how) {
    if (part == no_account || whole == no_account) return;
    if (how == MovementKind::multisig) return unite(accounts, part, whole, JoinedBy::multisig);
    if (how == MovementKind::pure) return unite(accounts, whole, part, JoinedBy::proxy);
    Accounts const& known = accounts;
    accounts[whole].lets = true;
    lets_[lets_seen_++ % lets_max] = {known[whole].key, known[part].key};
}

JoinedBy Clusters::acts_how(Account const& signer, AccountState const& sender) const {
    if (sender.lets)
        for (Lets const& one : lets_)
            if (one.delegator == sender.key && one.delegate == signer) return JoinedBy::proxy;
    if (sender.strangers < strangers_max)
        for (std::uint16_t number = 0; number < derived_max; ++number)
            if (decoders::derived_account(signer, number) == sender.key)
                return JoinedBy::derivative;
    return JoinedBy::alone;
}

void Clusters::acted(Accounts& accounts, Account const& signer, AccountIndex sender,
                     std::uint32_t now_s) {
    Accounts const& known = accounts;
    if (!signer || sender == no_account || known[sender].key == signer) return;
    AccountIndex who = known.find(signer);
    if (who != no_account && inside(known, who, sender)) return;
    JoinedBy const how = acts_how(signer, known[sender]);
    if (how == JoinedBy::alone) {
        if (known[sender].strangers < strangers_max) ++accounts[sender].strangers;
        return;
    }
    if (who == no_account) {
        who = accounts.enter(signer, now_s);
        if (who == no_account) return;
        welcome(accounts, who);
    }
    unite(accounts, sender, who, how);
}

std::span<std::byte> Clusters::lets() { return std::as_writable_bytes(std::span(lets_)); }

// ---- after a restart ----------------------------------------------------------------------------

std::uint64_t Clusters::fingerprint() const {
    std::uint64_t print = labelled_.size();
    for (Labelled const& one : labelled_) {
        std::uint64_t const said = std::uint64_t{one.group} << 1 | (one.exchange ? 1 : 0);
        print = (print ^ hash_(one.account) ^ said) * 0x9e3779b97f4a7c15;
        print ^= print >> 32;
    }
    return print;
}

void Clusters::relabel(Accounts& accounts, std::uint64_t labels_then) {
    std::ranges::fill(first_of_group_, no_account);
    if (labels_then != fingerprint()) return name_all_anew(accounts);
    Accounts const& known = accounts;
    for (AccountIndex i = 0; i < known.size(); ++i) {
        if (!known[i].named) continue;
        if (Labelled const* const label = find(known[i].key)) first_of_group_[label->group] = i;
    }
}

void Clusters::name_all_anew(Accounts& accounts) {
    struct Past {
        AccountIndex stood = no_account;
        JoinedBy why{};
    };
    auto const size = static_cast<AccountIndex>(accounts.size());
    std::vector<Past> past(size);
    for (AccountIndex i = 0; i < size; ++i) {
        past[i] = {accounts[i].cluster, accounts[i].joined_by};
        accounts[i].named = false;
    }
    accounts.part_all();
    for (bool const stood : {true, false})
        for (AccountIndex i = 0; i < size; ++i)
            if ((past[i].stood == i) == stood) name(accounts, i);
    for (AccountIndex i = 0; i < size; ++i) {
        JoinedBy const why = past[i].why;
        if (why == JoinedBy::multisig || why == JoinedBy::proxy || why == JoinedBy::derivative)
            unite(accounts, i, past[i].stood, why);
    }
    for (AccountIndex i = 0; i < size; ++i) {
        AccountState& state = accounts[i];
        if (state.sweeps_to == no_account) continue;
        if (is_hot_wallet(accounts[state.sweeps_to])) {
            // Not judged again: what was swept since it was joined is not counted.
            bool const joins = past[i].why == JoinedBy::deposit_sweep && !state.named;
            if (joins) accounts.join(i, state.sweeps_to, JoinedBy::deposit_sweep);
            continue;
        }
        state.sweeps_to = no_account; // it may be let go now
        state.in_sum = state.swept = 0;
        state.inflows = state.sweeps = 0;
    }
}

} // namespace stages
