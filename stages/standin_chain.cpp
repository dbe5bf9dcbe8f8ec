#include "stages/standin_chain.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <simdjson.h>

namespace stages {

namespace {

std::expected<std::string, std::string> chain_name(std::string const& description) {
    simdjson::dom::parser parser;
    std::string_view name;
    if (parser.parse(description)["name"].get(name) != simdjson::SUCCESS || name.empty()) {
        return std::unexpected("its chain description has no \"name\"");
    }
    return std::string(name);
}

} // namespace

CaptureFeed::CaptureFeed(std::vector<io::CaptureRecord> records)
    : records_(std::move(records)) {}

std::optional<io::CaptureRecord> CaptureFeed::next() {
    if (at_ == records_.size()) return std::nullopt;
    return std::move(records_[at_++]);
}

std::expected<std::vector<ChainCapture>, std::string> load_capture(std::string const& path) {
    auto reader = io::CaptureReader::open(path);
    if (!reader) return std::unexpected(reader.error().text);
    std::vector<ChainCapture> chains;
    std::vector<pipeline::Hash> geneses;
    ChainCapture* chain = nullptr;
    for (;;) {
        std::uint64_t const offset = reader->offset();
        io::CaptureRecord record;
        auto const more = reader->next(record);
        if (!more) return std::unexpected(more.error().text);
        if (!*more) break;
        if (auto const* opened = std::get_if<io::CaptureChain>(&record)) {
            auto const known = std::ranges::find(geneses, opened->genesis);
            if (known != geneses.end()) {
                chain = &chains[static_cast<std::size_t>(known - geneses.begin())];
                continue;
            }
            auto name = chain_name(opened->description);
            if (!name) return std::unexpected(fmt::format("{}: {}", path, name.error()));
            if (chains.size() == captured_chains_max) {
                return std::unexpected(
                    fmt::format("{}: more than {} chains", path, captured_chains_max));
            }
            geneses.push_back(opened->genesis);
            chain = &chains.emplace_back(ChainCapture{std::move(*name), {}});
        }
        if (chain == nullptr) {
            return std::unexpected(fmt::format(
                "{}: the record at byte {} belongs to no chain; a capture begins with one", path,
                offset));
        }
        chain->records.push_back(std::move(record));
    }
    if (chains.empty()) return std::unexpected(path + ": the capture is empty");
    return chains;
}

} // namespace stages
