// Blocks: their hashes, then what is read of each, until a parcel is whole.
#include "stages/rpc_history.hpp"

#include "decoders/hex.hpp"
#include "stages/bodies.hpp"
#include "stages/rpc_requests.hpp"
#include "stages/state_values.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::size_t kept_bytes_max = 1 << 20; // a parcel keeps this much memory for the next one

void empty(std::vector<std::uint8_t>& bytes) {
    bytes.clear();
    if (bytes.capacity() > kept_bytes_max) bytes.shrink_to_fit();
}

} // namespace

// A list is answered by a list, a number by a hash, a height by the list of its one finalized hash.
void RpcHistory::on_hashes(HistoryQuestion const& question, decoders::Envelope const& reply,
                           Nanoseconds now) {
    std::vector<std::optional<Hash>> answer;
    bool bad = false;
    if (reply.form == decoders::Form::array) {
        auto const count = json_.strings({}, [&](std::size_t, std::string_view text) {
            auto const hash = decoders::parse_hash(text);
            bad = bad || !hash || answer.size() >= options_.backfill.hashes_max;
            if (!bad) answer.emplace_back(*hash);
        });
        if (!count && question.ask == HistoryAsk::hashes) { // a null among them: which, is asked
            backfill_.no_lists();
            return backfill_.hashes_again(question.batch);
        }
        bad = bad || !count;
        if (answer.empty()) answer.emplace_back(std::nullopt);
    } else {
        auto const hash = decoders::parse_hash(reply.text);
        bad = reply.form != decoders::Form::null && !hash;
        answer.emplace_back(hash ? std::optional(*hash) : std::nullopt);
    }
    if (bad || !backfill_.hashes(question.batch, answer)) {
        backfill_.hashes_again(question.batch);
        needs_.metrics.add(HistoryMetric::malformed);
        block_failed(question, "what it calls the hash is none", now);
    }
}

void RpcHistory::ask_block(std::uint32_t number, Hash const& hash, Nanoseconds now) {
    Parcel& made = new_parcel(number, hash);
    HistoryQuestion question{.ask = HistoryAsk::values, .number = number, .hash = hash};
    switch (dialect_) {
    case Dialect::at_once: ask(question, keys_text_ + ',' + hash_param(hash), now); break;
    case Dialect::key_by_key:
        question.ask = HistoryAsk::value;
        for (auto const& key : keys()) {
            ask(question, storage_params(key, hash), now);
            ++question.key;
        }
        break;
    case Dialect::archive:
        question.ask = HistoryAsk::archive_values;
        ask(question, fmt::format("{},{},null", hash_param(hash), archive_items_), now);
        break;
    }
    if (!options_.attribute) return;
    made.open |= body_part;
    question.ask = dialect_ == Dialect::archive ? HistoryAsk::archive_body : HistoryAsk::body;
    ask(question, hash_param(hash), now);
}

// ---- parcels -----------------------------------------------------------------------------------

RpcHistory::Parcel* RpcHistory::parcel(std::uint32_t number) {
    auto const found = std::ranges::find_if(
        parcels_, [&](Parcel const& one) { return one.used && one.number == number; });
    return found == parcels_.end() ? nullptr : &*found;
}

RpcHistory::Parcel* RpcHistory::parcel_of(HistoryQuestion const& question) {
    Parcel* const found = parcel(question.number);
    return found != nullptr && found->hash == question.hash ? found : nullptr;
}

RpcHistory::Parcel& RpcHistory::new_parcel(std::uint32_t number, Hash const& hash) {
    if (Parcel* const old = parcel(number)) release(*old);
    auto const free = [](Parcel const& one) { return !one.used; };
    auto found = std::ranges::find_if(parcels_, free);
    if (found == parcels_.end()) {
        // Blocks may have gone out of the plan without a word.
        for (Parcel& one : parcels_)
            if (!backfill_.holds(one.number)) release(one);
        found = std::ranges::find_if(parcels_, free);
    }
    CHECK(found != parcels_.end());
    found->used = true;
    found->number = number;
    found->hash = hash;
    found->open = values_part;
    found->events.assign(1, 0); // SCALE's empty list: a state without the key has no events
    return *found;
}

void RpcHistory::release(Parcel& parcel) {
    parcel.used = false;
    parcel.own_number.reset();
    parcel.parent.reset();
    parcel.timestamp_ms = 0;
    parcel.spec_version = 0;
    empty(parcel.events);
    empty(parcel.body);
}

// ---- values ------------------------------------------------------------------------------------

// False: it cannot be read, and that has become a fault.
bool RpcHistory::put_value(Parcel& parcel, std::size_t key, std::string_view hex) {
    switch (key) {
    case key_events: {
        // One that is too large for the link is told empty, and so as incomplete.
        bool const fits = hex.size() / 2 <= frames_.link().arena().largest();
        parcel.events.resize(fits ? hex.size() / 2 : 0);
        auto const size = fits ? decoders::hex_decode(hex, parcel.events) : 0;
        if (!size) {
            malformed("events", size.error());
            return false;
        }
        parcel.events.resize(*size);
        if (fits) return true;
        needs_.metrics.add(HistoryMetric::malformed);
        say(pipeline::Level::error, fmt::format("the events of block {} are larger than the {} "
                                                "bytes this service takes",
                                                parcel.number, frames_.link().arena().largest()));
        return true;
    }
    case key_number: parcel.own_number = read_integer(hex); break;
    case key_timestamp: parcel.timestamp_ms = read_timestamp(hex); break;
    case key_upgrade: parcel.spec_version = read_upgrade(hex).value_or(0); break;
    case key_parent:
        if (auto const hash = decoders::parse_hash(hex)) parcel.parent = *hash;
        break;
    default: break;
    }
    return true;
}

void RpcHistory::on_values(HistoryQuestion const& question, Nanoseconds now) {
    Parcel* const found = parcel_of(question);
    if (found == nullptr) return;
    std::array<decoders::WantedChange, keys_count> wanted{};
    for (std::size_t i = 0; i < keys_count; ++i) wanted[i].key = keys()[i];
    auto const changes = json_.storage_changes(wanted);
    if (!changes) return malformed("something that is no change set", changes.error());
    if (changes->block != question.hash)
        return malformed("the values of another block than was asked for", {});
    for (std::size_t i = 0; i < keys_count; ++i)
        if (wanted[i].state == decoders::ChangeState::present &&
            !put_value(*found, i, wanted[i].value))
            return;
    found->open &= ~values_part;
    values_complete(*found, now);
}

// archive_v1_storage: an event for each key that is there, then one that says it is done.
void RpcHistory::on_storage_event(decoders::Envelope const& notice, Nanoseconds now) {
    HistoryQuestion const* const open = questions_.find_subscription(notice.subscription);
    if (notice.method != "archive_v1_storageEvent" || open == nullptr) return;
    HistoryQuestion const question = *open;
    Parcel* const found = parcel_of(question);
    auto const event = json_.member("event");
    if (!event) return malformed("a storage event", event.error());
    if (event->text == "storage") {
        auto const key = json_.member("key");
        auto const value = json_.member("value");
        if (!key || !value || value->form != decoders::Form::string)
            return malformed("a storage event", key ? decoders::Error{} : key.error());
        std::array<std::uint8_t, 32> bytes{};
        auto const size = decoders::hex_decode(key->text, bytes);
        auto const place = std::ranges::find(keys(), bytes);
        if (found == nullptr || !size || place == keys().end()) return;
        put_value(*found, static_cast<std::size_t>(place - keys().begin()), value->text);
        return;
    }
    questions_.close(question.id);
    if (event->text == "storageError") {
        needs_.metrics.add(HistoryMetric::error_replies);
        auto const why = json_.member("error");
        return block_failed(question, why ? why->text.substr(0, 100) : "storageError", now);
    }
    if (found == nullptr) return;
    found->open &= ~values_part;
    values_complete(*found, now);
}

// All values of the state are in, as far as they are there.
void RpcHistory::values_complete(Parcel& parcel, Nanoseconds now) {
    if ((parcel.open & values_part) != 0) return;
    std::uint32_t const height = parcel.number;
    if (!parcel.own_number && height > 0) { // the state of block 0 does not have it
        release(parcel);
        return backfill_.gone(height);
    }
    if (parcel.own_number.value_or(0) != height) {
        needs_.metrics.add(HistoryMetric::contradictions);
        return fault(
            fmt::format("it shows block {} where {} was asked for", *parcel.own_number, height),
            Aside::disagreed);
    }
    if (height == 0) parcel.parent = Hash{};
    HistoryQuestion question{.ask = HistoryAsk::header, .number = height, .hash = parcel.hash};
    if (!parcel.parent) {
        parcel.open |= header_part;
        ask(question, hash_param(parcel.hash), now);
    } else if (parcel.spec_version == 0) {
        // The runtime that executed a block is the one in the state of its parent.
        parcel.open |= version_part;
        Hash const state = height == 0 ? parcel.hash : *parcel.parent;
        bool const archive = dialect_ == Dialect::archive;
        question.ask = archive ? HistoryAsk::archive_block_version : HistoryAsk::block_version;
        ask(question, hash_param(state) + (archive ? R"(,"Core_version","0x")" : ""), now);
    }
    part_came(parcel, 0);
}

void RpcHistory::part_came(Parcel& parcel, std::uint32_t part) {
    parcel.open &= ~part;
    if (parcel.open != 0) return;
    backfill_.block(parcel.number, *parcel.parent, parcel.events.size() + parcel.body.size());
}

void RpcHistory::on_header(HistoryQuestion const& question, decoders::Envelope const& reply,
                           Nanoseconds now) {
    Parcel* const found = parcel_of(question);
    if (found == nullptr) return;
    if (reply.form == decoders::Form::null)
        return block_failed(question, "it does not have its header", now);
    auto const header = json_.header();
    if (!header) return malformed("something that is no header", header.error());
    found->parent = header->parent;
    found->open &= ~std::uint32_t{header_part};
    values_complete(*found, now);
}

void RpcHistory::on_block_version(HistoryQuestion const& question, decoders::Envelope const& reply,
                                  Nanoseconds now) {
    Parcel* const found = parcel_of(question);
    if (found == nullptr) return;
    std::optional<std::uint32_t> spec;
    if (question.ask == HistoryAsk::archive_block_version)
        spec = read_core_version(call_value(question, reply));
    else if (auto const version = json_.runtime_version())
        spec = version->spec_version;
    if (!spec || *spec == 0) {
        needs_.metrics.add(HistoryMetric::malformed);
        return block_failed(question, "it does not name the runtime", now);
    }
    found->spec_version = *spec;
    part_came(*found, version_part);
}

// ---- bodies: one that is refused or damaged costs the attribution, never the block -------------

void RpcHistory::on_body(HistoryQuestion const& question, decoders::Envelope const& reply) {
    Parcel* const found = parcel_of(question);
    if (found == nullptr || (found->open & body_part) == 0) return;
    auto& bytes = found->body;
    std::string trouble;
    auto const take = [&](std::size_t, std::string_view text) {
        if (!trouble.empty()) return;
        std::size_t const before = bytes.size();
        if (before + text.size() / 2 > Bodies::bytes_max) {
            trouble = fmt::format("it is larger than {} MiB", Bodies::bytes_max >> 20);
            return;
        }
        bytes.resize(before + text.size() / 2);
        auto const size = decoders::hex_decode(text, std::span(bytes).subspan(before));
        if (!size) trouble = decoders::describe(size.error());
        bytes.resize(before + size.value_or(0));
    };
    if (reply.form == decoders::Form::null) {
        trouble = "the node does not have it";
    } else if (question.ask == HistoryAsk::archive_body) {
        auto const count = json_.strings({}, take);
        if (!count) trouble = decoders::describe(count.error());
    } else if (auto const block = json_.block(take); !block) {
        trouble = decoders::describe(block.error());
    }
    if (!trouble.empty()) return body_missing(question, trouble);
    part_came(*found, body_part);
}

void RpcHistory::body_missing(HistoryQuestion const& question, std::string_view why) {
    Parcel* const found = parcel_of(question);
    if (found == nullptr) return;
    needs_.metrics.add(HistoryMetric::bodies_missing);
    say(pipeline::Level::warning,
        fmt::format("no body of block {}: {}. Its alerts go out without their extrinsics.",
                    question.number, printable(why)));
    found->body.clear();
    part_came(*found, body_part);
}

} // namespace stages
