#include "stages/traffic_ledger.hpp"

#include "decoders/account_data.hpp"
#include "decoders/samples.hpp"
#include "pipeline/check.hpp"

#include <algorithm>

namespace stages {

using decoders::Account;
using decoders::SampleRandom;
using decoders::TypeId;
using pipeline::u128;
using Buffer = std::vector<std::uint8_t>;

void TrafficLedger::open(std::span<Account const> whales, u128 each) {
    for (Account const& whale : whales) entries_.push_back({whale, each, true});
}

TrafficLedger::Entry* TrafficLedger::find(Account const& account) {
    auto const found = std::ranges::find(entries_, account, &Entry::account);
    return found == entries_.end() ? nullptr : &*found;
}

bool TrafficLedger::can_pay(Account const& from, u128 amount) const {
    auto const found = std::ranges::find(entries_, from, &Entry::account);
    return found == entries_.end() || found->held >= amount;
}

void TrafficLedger::move(Account const& from, Account const& to, u128 amount) {
    CHECK(can_pay(from, amount));
    if (Entry* const entry = find(from)) {
        entry->held -= amount;
        entry->changed = true;
    }
    if (Entry* const entry = find(to)) {
        entry->held += amount;
        entry->changed = true;
    }
}

// A quarter of it is reserved, so that whoever reads `free` alone is found out.
Buffer TrafficLedger::value(u128 held) const {
    auto const* const entry = runtime_.metadata().find_storage("System", "Account");
    if (entry == nullptr) return {};
    SampleRandom random(1); // of what nobody looks at
    auto const number = [&](TypeId type, u128 amount, Buffer& out) {
        std::size_t const size = runtime_.plans().types[type].size;
        for (std::size_t i = 0; i < size; ++i)
            out.push_back(i < sizeof amount ? static_cast<std::uint8_t>(amount >> 8 * i)
                                            : std::uint8_t{0});
        return true;
    };
    auto const of_data = [&](std::string_view name, std::size_t, TypeId type, Buffer& out) {
        if (name == "free") return number(type, held - held / 4, out);
        return name == "reserved" && number(type, held / 4, out);
    };
    auto const of_info = [&](std::string_view name, std::size_t, TypeId type, Buffer& out) {
        return name == "data" && sample_value(runtime_, type, random, out, of_data).has_value();
    };
    Buffer out;
    if (!sample_value(runtime_, entry->value, random, out, of_info)) out.clear();
    return out;
}

void TrafficLedger::write(std::vector<io::KeyValue>& out) {
    for (Entry& entry : entries_) {
        if (!std::exchange(entry.changed, false)) continue;
        Buffer value = this->value(entry.held);
        if (!value.empty())
            out.emplace_back(decoders::account_storage_key(entry.account.bytes()),
                             std::move(value));
    }
}

} // namespace stages
