// Patterns over a restart: what is in a snapshot, and how the engine comes out of it.
//
//   accounts, log     as they are (pattern_store.hpp); who has left the accounts
//   "engine"          the fingerprint of the labels, how many claims and lets there were
//   "told", "passed", the engine's tables, byte by byte; of another size now: left empty
//   "lately", "lets"
//   "rule NAME"       a rule's print and what it has learned; of another print now: left as it is
#include "stages/patterns.hpp"

#include "pipeline/check.hpp"

#include <algorithm>

namespace stages {

namespace {

using State = std::vector<std::uint8_t>;
using Part = std::span<std::byte>;

constexpr std::string_view engine_name = "engine", told_name = "told", passed_name = "passed",
                           lately_name = "lately", lets_name = "lets";

struct EngineState {
    std::uint64_t labels = 0;
    std::uint64_t claimed = 0;
    std::uint64_t lets_seen = 0;
};

std::string name_of(PatternRule const& rule) { return "rule " + rule.options().name; }

template <class One>
pipeline::Bytes bytes_of(std::span<One> span) {
    auto const raw = std::as_bytes(span);
    return {reinterpret_cast<std::uint8_t const*>(raw.data()), raw.size()};
}

// False: it is not there, or of another size. Nothing is changed then.
bool restore(PatternSnapshot const& snapshot, std::string_view name, Part into) {
    auto const found = snapshot.models.find(name);
    if (found == snapshot.models.end() || found->second.size() != into.size()) return false;
    std::memcpy(into.data(), found->second.data(), into.size());
    return true;
}

template <class One>
Part parts_of(std::vector<One>& table) {
    static_assert(std::is_trivially_copyable_v<One>);
    return std::as_writable_bytes(std::span(table));
}

// False: it was of another rule, or of the same with other options.
bool restore(PatternRule& rule, State const& state) {
    std::uint64_t print = rule.print();
    std::size_t size = sizeof print;
    rule.state([&](Part part) { size += part.size(); });
    if (state.size() != size || std::memcmp(state.data(), &print, sizeof print) != 0) return false;
    std::uint8_t const* from = state.data() + sizeof print;
    rule.state([&](Part part) {
        std::memcpy(part.data(), from, part.size());
        from += part.size();
    });
    return true;
}

} // namespace

std::optional<std::uint32_t> Patterns::done_to() const {
    auto const next = blocks_.next();
    return next && *next > 0 ? std::optional(*next - 1) : std::nullopt;
}

// ---- claims that may have been on their way -----------------------------------------------------

void Patterns::remember(PatternRule const& rule, PatternFound const& found) {
    lately_[claimed_++ % lately_.size()] = {rule.print(), blocks_.front()->ref.number, found};
}

// Not of rules that are gone or have other options now.
std::optional<PatternFound> Patterns::told_again() {
    while (again_ > 0) {
        Lately const& one = lately_[(claimed_ - again_--) % lately_.size()];
        auto const rule = std::ranges::find(rules_, one.print, &PatternRule::print);
        if (rule == rules_.end()) continue;
        ++counts_.again;
        PatternFound found = one.found;
        found.rule = rule->options().rule;
        return found;
    }
    return std::nullopt;
}

void Patterns::read_from(PatternStore* store) {
    if (store == nullptr) return cold_.read_from({});
    cold_.read_from([store](decoders::Account const& key) { return store->cold(key); });
}

// ---- saving -------------------------------------------------------------------------------------

// As of the blocks whose hash is remembered.
std::uint32_t Patterns::block_ms() const {
    Passed first, last;
    for (Passed const& one : passed_) {
        if (one.time_s == 0) continue;
        if (first.time_s == 0 || one.number < first.number) first = one;
        if (one.number > last.number) last = one;
    }
    if (last.number <= first.number || last.time_s < first.time_s) return 0;
    return static_cast<std::uint32_t>((last.time_s - first.time_s) * std::uint64_t{1'000} /
                                      (last.number - first.number));
}

std::expected<void, io::StoreError> Patterns::save(PatternStore& store, Hash const& genesis,
                                                   std::uint8_t decimals) {
    CHECK(between_blocks() && done_to());
    PatternStamp stamp{
        .genesis = genesis, .number = *done_to(), .decimals = decimals, .block_ms = block_ms()};
    Passed const& newest = passed_[stamp.number % passed_.size()];
    if (newest.number == stamp.number) stamp.hash = newest.hash;
    EngineState const engine{clusters_.fingerprint(), claimed_, clusters_.lets_seen()};
    std::vector<PatternModel> models{{engine_name, bytes_of(std::span(&engine, 1))},
                                     {told_name, bytes_of(std::span(told_))},
                                     {passed_name, bytes_of(std::span(passed_))},
                                     {lately_name, bytes_of(std::span(lately_))},
                                     {lets_name, bytes_of(clusters_.lets())}};
    std::vector<std::pair<std::string, std::uint64_t>> known; // the models point into it
    known.reserve(rules_.size());
    for (PatternRule& rule : rules_) {
        auto const& [name, print] = known.emplace_back(name_of(rule), rule.print());
        auto& more = models.emplace_back(name, bytes_of(std::span(&print, 1))).more;
        rule.state([&](Part part) { more.push_back(bytes_of(part)); });
    }
    return store.save(stamp, accounts_, log_, models, &cold_);
}

// ---- loading ------------------------------------------------------------------------------------

void Patterns::load_engine(PatternSnapshot const& snapshot) {
    EngineState engine;
    restore(snapshot, engine_name, std::as_writable_bytes(std::span(&engine, 1)));
    clusters_.relabel(accounts_, engine.labels);
    restore(snapshot, told_name, parts_of(told_));
    restore(snapshot, passed_name, parts_of(passed_));
    if (restore(snapshot, lets_name, clusters_.lets())) clusters_.lets_seen() = engine.lets_seen;
    if (!restore(snapshot, lately_name, parts_of(lately_))) return;
    claimed_ = engine.claimed;
    std::size_t const there = std::min<std::uint64_t>(claimed_, lately_.size());
    while (again_ < there) {
        Lately const& one = lately_[(claimed_ - again_ - 1) % lately_.size()];
        if (one.block + std::uint64_t{underway_blocks_max} < snapshot.stamp.number) break;
        ++again_;
    }
}

void Patterns::load_rules(PatternSnapshot const& snapshot, std::vector<std::uint16_t>& anew) {
    for (PatternRule& rule : rules_) {
        auto const found = snapshot.models.find(name_of(rule));
        if (found != snapshot.models.end() && restore(rule, found->second)) continue;
        anew.push_back(rule.options().rule);
    }
}

std::expected<Patterns::Loaded, std::string> Patterns::load(PatternStore& store,
                                                            Hash const& genesis) {
    auto const snapshot = store.load(genesis, accounts_, log_);
    if (!snapshot) return std::unexpected(snapshot.error());
    Loaded loaded;
    if (!*snapshot) return loaded;
    loaded.stamp = (*snapshot)->stamp;
    load_engine(**snapshot);
    load_rules(**snapshot, loaded.anew);
    blocks_.begin_at(loaded.stamp->number + 1);
    return loaded;
}

} // namespace stages
