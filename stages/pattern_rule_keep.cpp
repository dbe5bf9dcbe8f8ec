// A rule over a restart: by what it is known again, and what it has learned.
#include "decoders/checksum.hpp"
#include "stages/pattern_rule.hpp"

namespace stages {

namespace {

// Bytes of values, one after the other; of those that may be absent, and of lists, with what tells
// them apart.
class Fields {
  public:
    template <class... Values>
    void operator()(Values const&... values) {
        (add(values), ...);
    }
    std::uint64_t hash() const { return decoders::xxh3_64(pipeline::as_bytes(bytes_)); }

    void add(std::string const& text) {
        add(text.size());
        bytes_ += text;
    }

  private:
    template <class Value>
        requires std::is_arithmetic_v<Value> || std::is_enum_v<Value> || std::is_same_v<Value, u128>
    void add(Value const& value) {
        bytes_.append(reinterpret_cast<char const*>(&value), sizeof value);
    }
    template <class Value>
    void add(std::optional<Value> const& value) {
        add(value.has_value());
        if (value) add(*value);
    }
    template <class Value>
    void add(std::vector<Value> const& values) {
        add(values.size());
        for (Value const& value : values) add(value);
    }
    template <class Value, std::size_t size>
    void add(std::array<Value, size> const& values) {
        for (Value const& value : values) add(value);
    }
    void add(decoders::Account const& account) {
        add(account.size);
        bytes_.append(reinterpret_cast<char const*>(account.key), sizeof account.key);
    }

    std::string bytes_;
};

// Bindings name every member: one that is new and not here does not compile.
void fields(Fields& to, WatchOptions const& of) {
    auto const& [min, low, high, hysteresis] = of;
    to(min, low, high, hysteresis);
}
void fields(Fields& to, DormantOptions const& of) {
    auto const& [silence, critical, min, share, outs, bits, borders] = of;
    to(silence, critical, min, share, outs, bits, borders);
}
void fields(Fields& to, CoordinationOptions const& of) {
    auto const& [min, clusters, critical, windows, within, once] = of;
    to(min, clusters, critical, windows, within, once);
}
void fields(Fields& to, GatheringOptions const& of) {
    auto const& [outward, window, counterparties, effective, sum, exchanges] = of;
    to(outward, window, counterparties, effective, sum, exchanges);
}
void fields(Fields& to, DrainOptions const& of) {
    auto const& [window, outflows, largest, balance, min] = of;
    to(window, outflows, largest, balance, min);
}
void fields(Fields& to, StructuringOptions const& of) {
    auto const& [window, level, parts, from, levels, variation] = of;
    to(window, level, parts, from, levels, variation);
}
void fields(Fields& to, ExchangeFlowOptions const& of) {
    auto const& [windows, z, floor, warm, once] = of;
    to(windows, z, floor, warm, once);
}
void fields(Fields& to, WhaleOptions const& of) {
    auto const& [leaving, level, exit, blocks] = of;
    to(leaving, level, exit, blocks);
}
void fields(Fields& to, UnbondingOptions const& of) {
    auto const& [min, unlock, follow] = of;
    to(min, unlock, follow);
}
void fields(Fields& to, BurstOptions const& of) {
    auto const& [min, outs, factor, bits, run] = of;
    to(min, outs, factor, bits, run);
}
void fields(Fields& to, MarketVolumeOptions const& of) {
    auto const& [window, z, warm, once] = of;
    to(window, z, warm, once);
}
void fields(Fields& to, PassThroughOptions const& of) {
    auto const& [min, hops, hop, keep] = of;
    to(min, hops, hop, keep);
}
void fields(Fields& to, TestThenLargeOptions const& of) {
    auto const& [large, probe, window] = of;
    to(large, probe, window);
}

void fields(Fields& to, LargeOptions const& of) {
    auto const& [share, floor, budget, usd, age, levels, decimals] = of;
    to(share, floor, budget, age, levels.at, levels.on, decimals);
    for (auto const& level : usd) to.add(level.value_or(""));
}

template <class One>
std::span<std::byte> bytes_of(One& one) {
    static_assert(std::is_trivially_copyable_v<One>);
    return std::as_writable_bytes(std::span(&one, 1));
}

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};

} // namespace

std::uint64_t print_of(PatternRuleOptions const& options) {
    Fields all;
    all.add(options.name);
    all(options.kind, options.budget);
    std::visit([&](auto const& of) { fields(all, of); }, options.family);
    if (options.kind == RuleKind::watch) all(options.watched);
    return all.hash();
}

void PatternRule::state(std::function<void(std::span<std::byte>)> const& each) {
    auto const part = [&](std::span<std::byte> bytes) { each(bytes); };
    std::visit(Overloaded{
                   [&](Market& family) { part(bytes_of(*family)); },
                   [&]<class Of, auto judge>(Stateless<Of, judge>&) {},
                   [&](auto& family) { family.state(part); },
               },
               family_);
    if (budget_) part(bytes_of(*budget_));
}

} // namespace stages
