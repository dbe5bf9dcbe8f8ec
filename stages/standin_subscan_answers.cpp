#include "decoders/amount.hpp"
#include "decoders/hex.hpp"
#include "decoders/ss58.hpp"
#include "stages/standin_subscan_impl.hpp"
#include "stages/standin_subscan_people.hpp"

#include <algorithm>
#include <fmt/format.h>

// Everything Subscan answers besides transfers.
namespace stages {

namespace {

constexpr std::size_t addresses_max = 100; // of one request for accounts

std::string micro_text(std::uint64_t micro) {
    return std::string(decoders::tokens_text(micro, 6).view());
}

std::string tokens(pipeline::u128 amount, std::uint8_t decimals) {
    return std::string(decoders::tokens_text(amount, decimals).view());
}

std::expected<decoders::Account, SubscanRefusal> account_of(std::string_view text) {
    auto const address = decoders::parse_address(text);
    if (!address) return std::unexpected(SubscanRefusal::address());
    return address->account;
}

// What search and accounts both tell of an account.
std::string account_members(StandinIndex const& index, decoders::Account const& account) {
    auto const decimals = index.asset(native_asset).decimals;
    auto const balance = made_balance(account, decimals);
    return fmt::format(R"("address":{},"balance":"{}","lock":"0","balance_lock":"0",)"
                       R"("reserved":"0","count_extrinsic":{},"account_display":{},)"
                       R"("derive_token":null,"registrar_info":null,"is_evm_contract":false)",
                       json_text(index.address(account)), tokens(balance, decimals),
                       index.activity(account), account_display(index, account, false));
}

} // namespace

StandinSubscan::Impl::Endpoint const* StandinSubscan::Impl::find_endpoint(std::string_view path,
                                                                          std::string_view method) {
    static constexpr Endpoint endpoints[] = {
        {"/api/v2/scan/transfers", &Impl::transfers},
        {"/api/scan/transfers", &Impl::transfers},
        {"/api/scan/metadata", &Impl::metadata},
        {"/api/scan/block", &Impl::block},
        {"/api/scan/token", &Impl::token, true},
        {"/api/scan/token/unique_id", &Impl::token, true},
        {"/api/v2/scan/token/native", &Impl::token, true},
        {"/api/v2/scan/search", &Impl::search},
        {"/api/v2/scan/accounts", &Impl::accounts},
        {"/api/open/price", &Impl::price},
        {"/api/now", &Impl::now, true},
    };
    auto const* const found = std::ranges::find(endpoints, path, &Endpoint::path);
    if (found == std::end(endpoints)) return nullptr;
    return method == "POST" || (method == "GET" && found->get) ? found : nullptr;
}

std::uint32_t StandinSubscan::Impl::head(StandinIndex const& index) const {
    auto const newest = index.newest();
    auto const lag = std::min<std::uint64_t>(newest, options.scenario.lag_blocks);
    return newest - static_cast<std::uint32_t>(lag);
}

std::uint32_t StandinSubscan::Impl::finalized(StandinIndex const& index) const {
    auto const newest = index.newest();
    auto const lag = std::min<std::uint64_t>(newest, options.scenario.finality_lag_blocks);
    auto const final = index.finalized().value_or(newest - static_cast<std::uint32_t>(lag));
    return std::min(final, head(index));
}

SubscanData StandinSubscan::Impl::now(SubscanAsked const&) { return std::to_string(unix_s()); }

SubscanData StandinSubscan::Impl::metadata(SubscanAsked const& asked) {
    auto const& index = asked.index;
    auto const& blocks = index.blocks();
    auto const newest = blocks.find(head(index));
    auto const spec = newest == blocks.end() ? 0 : newest->second.spec_version;
    return fmt::format(R"({{"addressType":"{}","blockNum":"{}","finalized_blockNum":"{}",)"
                       R"("blockTime":"6","avgBlockTime":"6","networkNode":{},"specVersion":"{}",)"
                       R"("implName":"stand-in","count_account":"{}","count_transfer":"{}"}})",
                       index.ss58_prefix(), head(index), finalized(index), json_text(index.name()),
                       spec, index.accounts(), index.transfers());
}

SubscanData StandinSubscan::Impl::block(SubscanAsked const& asked) {
    auto const& index = asked.index;
    auto const number = number_member(asked.body, "block_num", 0xffff'ffff);
    auto const hash = text_member(asked.body, "block_hash");
    if (!number || !hash) return std::unexpected(SubscanRefusal::params());
    IndexedBlock genesis;
    genesis.hash = index.genesis();
    IndexedBlock const* found = nullptr;
    if (*number) {
        auto const& blocks = index.blocks();
        auto const at = blocks.find(static_cast<std::uint32_t>(**number));
        if (at != blocks.end()) found = &at->second;
        if (**number == 0) found = &genesis;
    } else if (*hash) {
        pipeline::Hash wanted{};
        auto const bytes = decoders::hex_decode(**hash, wanted);
        if (!bytes || *bytes != wanted.size()) return std::unexpected(SubscanRefusal::params());
        found = wanted == index.genesis() ? &genesis : index.find(wanted);
    } else {
        return std::unexpected(SubscanRefusal::params());
    }
    if (found == nullptr || found->number > head(index)) {
        return std::unexpected(SubscanRefusal::no_record());
    }
    return fmt::format(R"({{"block_num":{},"block_timestamp":{},"hash":"{}","parent_hash":"{}",)"
                       R"("event_count":{},"extrinsics_count":{},"spec_version":{},)"
                       R"("extrinsics":null,"events":null,"logs":null,"finalized":{}}})",
                       found->number, found->timestamp_s, decoders::hex_text(found->hash),
                       decoders::hex_text(found->parent), found->events, found->extrinsics,
                       found->spec_version, found->number <= finalized(index));
}

// The older endpoint has no unique ids.
SubscanData StandinSubscan::Impl::token(SubscanAsked const& asked) {
    auto const& native = asked.index.asset(native_asset);
    auto const symbol = json_text(native.symbol);
    bool const named = asked.endpoint != "/api/scan/token";
    return fmt::format(
        R"({{"detail":{{{}:{{"asset_type":"native","symbol":{},{}"display_name":{},)"
        R"("token_decimals":{},"price":"{}","price_change":"0"}}}},"token":[{}]{}}})",
        symbol, symbol, named ? "\"unique_id\":" + symbol + "," : std::string(), symbol,
        native.decimals, micro_text(made_price(native.symbol, unix_s(), options.seed)), symbol,
        named ? ",\"unique_id\":[" + symbol + "]" : std::string());
}

SubscanData StandinSubscan::Impl::search(SubscanAsked const& asked) {
    auto const& index = asked.index;
    auto const key = text_member(asked.body, "key");
    if (!key || !*key || (*key)->empty()) return std::unexpected(SubscanRefusal::params());
    auto const account = account_of(**key);
    // A key that is no address may be a name, which finds nothing here.
    if (!account || index.activity(*account) == 0) {
        return std::unexpected(SubscanRefusal::no_record());
    }
    auto const person = made_person(*account, index.activity(*account));
    return fmt::format(R"({{"account":{{{},"display":{},"bonded":"0","unbonding":"0",)"
                       R"("nonce":0,"role":"","stash":"","multisig":null,"proxy":null,)"
                       R"("is_module_account":false}}}})",
                       account_members(index, *account), json_text(person.display));
}

SubscanData StandinSubscan::Impl::accounts(SubscanAsked const& asked) {
    auto const& index = asked.index;
    auto const row = number_member(asked.body, "row", page_rows_max);
    auto const page = number_member(asked.body, "page", paged_rows_max);
    if (!row || row->value_or(0) == 0 || !page) return std::unexpected(SubscanRefusal::params());
    std::vector<decoders::Account> wanted;
    simdjson::dom::array named;
    if (asked.body["address"].get(named) == simdjson::SUCCESS) {
        if (named.size() > addresses_max) return std::unexpected(SubscanRefusal::params());
        for (auto const one : named) {
            std::string_view text;
            if (one.get(text) != simdjson::SUCCESS) {
                return std::unexpected(SubscanRefusal::params());
            }
            auto const account = account_of(text);
            if (!account) return std::unexpected(account.error());
            if (index.activity(*account) != 0) wanted.push_back(*account);
        }
    } else {
        wanted = index.busiest(paged_rows_max);
    }
    auto const skip = page->value_or(0) * **row;
    if (skip + **row > paged_rows_max) return std::unexpected(SubscanRefusal::paging());
    std::string list;
    for (auto i = skip; i < std::min<std::uint64_t>(wanted.size(), skip + **row); ++i) {
        list += (list.empty() ? "{" : ",{") + account_members(index, wanted[i]) + "}";
    }
    return fmt::format(R"({{"count":{},"list":[{}]}})", wanted.size(), list);
}

// `time` is unix seconds, or a block's number.
SubscanData StandinSubscan::Impl::price(SubscanAsked const& asked) {
    auto const& index = asked.index;
    auto const time = number_member(asked.body, "time", std::uint64_t{1} << 40);
    if (!time) return std::unexpected(time.error());
    auto when = time->value_or(unix_s());
    std::uint32_t height = head(index);
    constexpr std::uint64_t earliest = 1'000'000'000; // no chain is that high, and none that old
    if (when < earliest) {
        auto const& blocks = index.blocks();
        auto const block = blocks.find(static_cast<std::uint32_t>(when));
        if (block == blocks.end()) return std::unexpected(SubscanRefusal::no_record());
        height = block->first;
        when = block->second.timestamp_s;
    }
    auto const& symbol = index.asset(native_asset).symbol;
    return fmt::format(R"({{"price":"{}","time":{},"height":{}}})",
                       micro_text(made_price(symbol, when, options.seed)), when, height);
}

} // namespace stages
