#include "stages/pattern_clusters.hpp"

#include "decoders/hash.hpp"

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

constexpr std::string_view derivation = "modlpy/utilisuba";

Account account_from_hash(pipeline::Hash const& hash, std::uint8_t size) {
    return decoders::account_of(hash.data(), size);
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
    , index_(std::max<std::size_t>(labels.size(), 1)) {
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
            accounts.join(i, past[i].stood, why);
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

// ---- accounts made of others --------------------------------------------------------------------

Account derivative_account(Account const& account, std::uint16_t index) {
    std::array<std::uint8_t, derivation.size() + 32 + 2> preimage{};
    std::uint8_t* at = std::ranges::copy(derivation, preimage.begin()).out;
    at = std::ranges::copy(account.bytes(), at).out;
    *at++ = static_cast<std::uint8_t>(index);
    *at++ = static_cast<std::uint8_t>(index >> 8);
    return account_from_hash(decoders::blake2b_256(pipeline::Bytes(preimage.data(), at)),
                             account.size);
}

std::optional<Account> multisig_account(std::span<Account const> signatories,
                                        std::uint16_t threshold) {
    if (signatories.empty() || signatories.size() > signatories_max) return std::nullopt;
    std::array<Account, signatories_max> sorted;
    auto const end = std::ranges::copy(signatories, sorted.begin()).out;
    std::uint8_t const size = sorted.front().size;
    if (size == 0 ||
        !std::all_of(sorted.begin(), end, [&](Account const& one) { return one.size == size; }))
        return std::nullopt;
    std::sort(sorted.begin(), end, [](Account const& a, Account const& b) {
        return std::memcmp(a.key, b.key, sizeof a.key) < 0;
    });
    std::array<std::uint8_t, derivation.size() + 2 + signatories_max * 32 + 2> preimage{};
    std::uint8_t* at = std::ranges::copy(derivation, preimage.begin()).out;
    // SCALE's compact length: one byte below 64, two from there on.
    auto const length = static_cast<unsigned>(signatories.size());
    *at++ = static_cast<std::uint8_t>(length < 64 ? length << 2 : length << 2 | 1);
    if (length >= 64) *at++ = static_cast<std::uint8_t>(length >> 6);
    for (auto one = sorted.begin(); one != end; ++one) at = std::ranges::copy(one->bytes(), at).out;
    *at++ = static_cast<std::uint8_t>(threshold);
    *at++ = static_cast<std::uint8_t>(threshold >> 8);
    return account_from_hash(decoders::blake2b_256(pipeline::Bytes(preimage.data(), at)), size);
}

} // namespace stages
