// What pattern_store's parts share: how values lie in its file, and how they are sealed.
#pragma once

#include "decoders/checksum.hpp"
#include "pipeline/check.hpp"
#include "stages/pattern_store.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace stages {

inline namespace pattern_file {

using pipeline::Bytes;

enum Table : std::size_t { head_table, accounts_table, log_table, models_table, cold_table };

// ---- values -------------------------------------------------------------------------------------

// Appends each field. A bool is a byte.
class Writer {
  public:
    explicit Writer(std::vector<std::uint8_t>& out)
        : out_(out) {
        out_.assign(sizeof(std::uint64_t), 0); // for seal()
    }
    template <class T>
    void operator()(T const& field) {
        static_assert(std::is_trivially_copyable_v<T>);
        auto const* const from = reinterpret_cast<std::uint8_t const*>(&field);
        out_.insert(out_.end(), from, from + sizeof field);
    }
    void operator()(Bytes bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }

  private:
    std::vector<std::uint8_t>& out_;
};

// Takes each field; zero from the first that is not there on.
class Reader {
  public:
    explicit Reader(Bytes bytes)
        : bytes_(bytes) {}
    template <class T>
    void operator()(T& field) {
        static_assert(std::is_trivially_copyable_v<T> && !std::is_const_v<T>);
        if (bytes_.size() < sizeof field) {
            bytes_ = {};
            whole_ = false;
            field = T{};
            return;
        }
        if constexpr (std::is_same_v<T, bool>)
            field = bytes_[0] != 0;
        else
            std::memcpy(&field, bytes_.data(), sizeof field);
        bytes_ = bytes_.subspan(sizeof field);
    }
    bool whole() const { return whole_; } // all fields until now were there
    Bytes rest() const { return bytes_; }

  private:
    Bytes bytes_;
    bool whole_ = true;
};

inline std::uint64_t seal_of(std::uint64_t place, std::size_t table, Bytes body) {
    return decoders::xxh3_64(body, place << 3 | table);
}

inline std::uint64_t seal(std::vector<std::uint8_t>& value, std::size_t table,
                          std::uint64_t place) {
    std::uint64_t const hash = seal_of(place, table, Bytes(value).subspan(sizeof(std::uint64_t)));
    std::memcpy(value.data(), &hash, sizeof hash);
    return hash;
}

// Nothing: it is not what was written.
inline std::optional<Bytes> opened(Bytes value, std::size_t table, std::uint64_t place) {
    std::uint64_t hash = 0;
    if (value.size() < sizeof hash) return std::nullopt;
    std::memcpy(&hash, value.data(), sizeof hash);
    Bytes const body = value.subspan(sizeof hash);
    if (seal_of(place, table, body) != hash) return std::nullopt;
    return body;
}

inline std::uint64_t place_of(std::string_view name, std::uint64_t page) {
    return decoders::xxh3_64(pipeline::as_bytes(name), page);
}

template <class Number>
struct PageKey {
    std::array<std::uint8_t, sizeof(Number)> bytes{};
    explicit PageKey(std::uint64_t page) {
        for (std::size_t i = bytes.size(); i-- > 0; page >>= 8)
            bytes[i] = static_cast<std::uint8_t>(page);
    }
};
using AccountsKey = PageKey<std::uint32_t>;
using LogKey = PageKey<std::uint64_t>;

// A model's name and a page's number; in order, the pages of one model follow each other.
struct ModelKey {
    std::array<std::uint8_t, PatternStore::model_name_bytes_max + sizeof(std::uint32_t)> room{};
    Bytes bytes;
    ModelKey(std::string_view name, std::uint64_t page) {
        CHECK(!name.empty() && name.size() <= PatternStore::model_name_bytes_max);
        auto const end = std::ranges::copy(name, room.begin()).out;
        auto const all = std::ranges::copy(PageKey<std::uint32_t>(page).bytes, end).out;
        bytes = Bytes(room.begin(), all);
    }
};

// An account's key and its size.
struct ColdKey {
    std::array<std::uint8_t, sizeof(decoders::Account::key) + 1> bytes{};
    explicit ColdKey(decoders::Account const& account) {
        std::memcpy(bytes.data(), account.key, sizeof account.key);
        bytes.back() = account.size;
    }
};
inline std::uint64_t place_of(ColdKey const& key) { return decoders::xxh3_64(key.bytes); }

// ---- the fields, in the order of the file -------------------------------------------------------

// An account's record as it lies in memory, but for its last byte: 32 of them fit one page of LMDB.
inline constexpr std::size_t account_bytes = offsetof(AccountState, reserved);
static_assert(account_bytes == sizeof(AccountState) - 1 &&
              std::is_trivially_copyable_v<AccountState>);

template <class Each, class Entry>
constexpr void movement_fields(Each& each, Entry&& e) { // its number is its place
    each(e.moved.amount), each(e.moved.time_s), each(e.moved.block), each(e.moved.event);
    each(e.moved.from), each(e.moved.to), each(e.moved.kind);
    each(e.moved.extrinsic), each(e.moved.row), each(e.moved.phase);
    each(e.before_of_from), each(e.before_of_to);
}

template <class Each, class Self>
constexpr void cold_fields(Each& each, Self& c) { // its key is its key
    each(c.root), each(c.joined_by), each(c.balance_known), each(c.lets), each(c.first_s),
        each(c.first_out_s);
    each(c.last_out_s), each(c.outs), each(c.silent_since_s), each(c.balance);
}

struct Counter {
    std::size_t bytes = 0;
    constexpr void operator()(auto const& field) { bytes += sizeof field; }
};
consteval std::size_t bytes_of_movement() {
    Counter counter;
    movement_fields(counter, MovementLog::Entry{});
    return counter.bytes;
}
inline constexpr std::size_t movement_bytes = bytes_of_movement();

inline bool plausible(AccountState const& state) {
    return (state.key.size == 20 || state.key.size == 32) &&
           state.joined_by <= JoinedBy::deposit_sweep;
}

inline bool plausible(MovementLog::Entry const& entry, std::size_t accounts) {
    auto const known = [&](AccountIndex index) { return index == no_account || index < accounts; };
    return static_cast<std::size_t>(entry.moved.kind) < decoders::movement_kinds &&
           entry.moved.row < decoders::movement_rows().size() && known(entry.moved.from) &&
           known(entry.moved.to) && entry.before_of_from < entry.moved.seq &&
           entry.before_of_to < entry.moved.seq;
}

// The oldest movement that is in a log of this capacity.
inline MovedSeq first_of(MovedSeq last, std::uint64_t capacity) {
    return last > capacity ? last - capacity + 1 : 1;
}

inline std::string damaged(std::string_view what, std::uint64_t page) {
    return fmt::format("{} {} is damaged", what, page);
}

inline constexpr std::string_view head_key = "head";

} // namespace pattern_file

struct PatternStore::Head {
    std::uint64_t magic = 0;
    std::uint32_t version = 0;
    PatternStamp stamp;
    std::uint64_t accounts = 0, hand = 0, refused = 0;
    std::uint64_t log_last = 0, log_capacity = 0;
    std::uint64_t models = 0;

    static constexpr std::uint64_t magic_now = 0x6e72657474617073; // "spattern"

    template <class Each, class Self>
    static void fields(Each& each, Self& h) {
        each(h.magic), each(h.version); // of every version
        each(h.stamp.genesis), each(h.stamp.number), each(h.stamp.hash);
        each(h.stamp.decimals), each(h.stamp.block_ms);
        each(h.accounts), each(h.hand), each(h.refused), each(h.log_last), each(h.log_capacity);
        each(h.models);
    }
};

} // namespace stages
