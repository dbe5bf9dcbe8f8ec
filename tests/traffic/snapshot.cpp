#include "tests/traffic/snapshot.hpp"

#include "decoders/amount.hpp"
#include "decoders/ss58.hpp"

#include <algorithm>
#include <cstdlib>
#include <simdjson.h>
#include <zlib.h>

namespace traffic {

namespace {

constexpr std::uint8_t decimals = 10;

std::string unpacked(std::filesystem::path const& path) {
    std::string text;
    auto* const file = gzopen(path.c_str(), "rb"); // reads plain files too
    if (file == nullptr) return text;
    std::vector<char> part(1U << 16U);
    for (;;) {
        int const size = gzread(file, part.data(), static_cast<unsigned>(part.size()));
        if (size <= 0) break;
        text.append(part.data(), static_cast<std::size_t>(size));
    }
    gzclose(file);
    return text;
}

u128 tokens_at(simdjson::dom::element row, std::string_view name) {
    std::string_view text;
    if (row[name].get(text) != simdjson::SUCCESS) return 0;
    return decoders::parse_tokens(text, decimals).value_or(0);
}

} // namespace

std::filesystem::path snapshot_file() {
    auto const* const set = std::getenv("SPYHOP_CORPUS");
    auto const folder =
        std::filesystem::path(set != nullptr ? set : "../shared/corpus") / "subscan" / "origin";
    std::filesystem::path first;
    std::error_code error;
    for (auto const& entry : std::filesystem::directory_iterator(folder, error)) {
        auto const& path = entry.path();
        bool const fits = path.filename().string().find("-top1000-") != std::string::npos;
        if (fits && (first.empty() || path < first)) first = path;
    }
    return first;
}

std::vector<Holding> read_snapshot(std::filesystem::path const& file) {
    return parse_snapshot(unpacked(file));
}

std::vector<Holding> parse_snapshot(std::string_view json) {
    std::vector<Holding> holdings;
    simdjson::dom::parser parser;
    simdjson::padded_string const text(json);
    simdjson::dom::array rows;
    if (parser.parse(text)["accounts"].get(rows) != simdjson::SUCCESS) return holdings;
    for (auto const row : rows) {
        std::string_view address, type;
        if (row["address"].get(address) != simdjson::SUCCESS) continue;
        auto const key = decoders::ss58_decode(address);
        u128 const total = tokens_at(row, "balance");
        if (!key || total == 0) continue;
        if (row["accountType"].get(type) != simdjson::SUCCESS) type = {};
        u128 const locked = std::min(total, tokens_at(row, "locked"));
        holdings.push_back({key->account, total, locked, type == "exchange"});
    }
    std::ranges::stable_sort(holdings,
                             [](auto const& a, auto const& b) { return a.total > b.total; });
    return holdings;
}

} // namespace traffic
