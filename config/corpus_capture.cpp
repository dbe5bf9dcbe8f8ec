#include "config/corpus_capture.hpp"

#include "decoders/hash.hpp"
#include "decoders/header.hpp"
#include "decoders/hex.hpp"
#include "decoders/jsonrpc.hpp"
#include "decoders/runtime.hpp"
#include "io/files.hpp"
#include "stages/runtime_version.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <simdjson.h>

namespace config {

namespace {

using pipeline::Hash;
using simdjson::dom::element;
using Buffer = std::vector<std::uint8_t>;
using Failure = std::unexpected<std::string>;

constexpr std::size_t corpus_files_max = 100'000;

// What the corpus' files do not say about their chains. The SS58 prefix is the metadata's.
struct KnownChain {
    std::string_view name;
    std::string_view genesis; // "": not known, one is made up from the name
    std::string_view symbol;
    unsigned decimals;
};
constexpr KnownChain known_chains[] = {
    {"polkadot", "0x91b171bb158e2d3848fa23a9f1c25182fb8e20313b2c1eb49219da7a70ce90c3", "DOT", 10},
    {"kusama", "0xb0a8d493285c2df73290dfb7e61f870f17b41801197a149ca93654499ea3dafe", "KSM", 12},
    {"asset-hub-polkadot", "0x68d56f15f85d3136970ec16946040bc1752654e906147f7e43e9d539d7c3de2f",
     "DOT", 10},
    {"westend", "0xe143f23803ac50e8f6f8e62695d1ce9e4e1d68aa36c1cd2cfd15340213f3423e", "WND", 12},
    {"hydration", "0xafdc188f45c71dacbaa0b62e16a91f726c7b8699a9748cdf715459de6b7f366d", "HDX", 12},
    {"interlay", "0xbf88efe70e9e0e916416e8bed61f2b45717f517d7f3523e33c7b001e5ffcbc72", "INTR", 10},
    {"astar", "0x9eb76c5184c4ab8679d2d5d819fdf90b9c001403e9e17da2e14b6d8aec4029c6", "ASTR", 18},
    {"mythos", "0xf6ee56e9c5277df5b4ce6ae9983ee88f3cbed27d31beeb98f9f84f997a1ab0b9", "MYTH", 18},
    {"contracts-rococo", "", "ROC", 12},
};

// One block as its files have it.
struct Block {
    std::uint64_t number = 0;
    std::string metadata; // path inside the corpus
    Buffer events;
    std::optional<Hash> hash;
    std::optional<decoders::HeaderParts> header;
    std::vector<Buffer> extrinsics;
    std::uint64_t timestamp_ms = 0;
};

using Blocks = std::map<std::uint64_t, Block>;

std::optional<Buffer> bytes_of(simdjson::simdjson_result<element> from) {
    std::string_view text;
    if (from.get(text) != simdjson::SUCCESS) return std::nullopt;
    Buffer bytes(text.size() / 2);
    auto const size = decoders::hex_decode(text, bytes);
    if (!size) return std::nullopt;
    bytes.resize(*size);
    return bytes;
}

std::optional<Hash> hash_of(simdjson::simdjson_result<element> from) {
    auto const bytes = bytes_of(from);
    Hash hash{};
    if (!bytes || bytes->size() != hash.size()) return std::nullopt;
    std::ranges::copy(*bytes, hash.begin());
    return hash;
}

std::optional<decoders::HeaderParts> header_of(element from) {
    decoders::HeaderParts parts;
    auto const parent = hash_of(from["parentHash"]);
    auto const state = hash_of(from["stateRoot"]);
    auto const extrinsics = hash_of(from["extrinsicsRoot"]);
    std::string_view number;
    simdjson::dom::array logs;
    if (!parent || !state || !extrinsics || from["number"].get(number) != simdjson::SUCCESS ||
        from["digest"]["logs"].get(logs) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    auto const height = decoders::parse_block_number(number);
    if (!height) return std::nullopt;
    for (auto const log : logs) {
        auto bytes = bytes_of(element(log));
        if (!bytes) return std::nullopt;
        parts.logs.push_back(std::move(*bytes));
    }
    parts.parent = *parent;
    parts.state_root = *state;
    parts.extrinsics_root = *extrinsics;
    parts.number = *height;
    return parts;
}

// events/<chain>-<number>.json
std::expected<void, std::string> read_events(element file, std::map<std::string, Blocks>& chains) {
    std::string_view chain;
    std::string_view metadata;
    Block block;
    auto events = bytes_of(file["eventsHex"]);
    if (file["chain"].get(chain) != simdjson::SUCCESS || !events ||
        file["metadata"].get(metadata) != simdjson::SUCCESS ||
        file["blockNumber"].get(block.number) != simdjson::SUCCESS) {
        return Failure("no chain, blockNumber, metadata or eventsHex in it");
    }
    block.metadata = metadata;
    block.events = std::move(*events);
    block.hash = hash_of(file["blockHash"]);
    chains[std::string(chain)][block.number] = std::move(block);
    return {};
}

// blocks/<chain>-<number>.json, for a block whose events are known; others have nothing to play.
std::expected<void, std::string> read_block(element file, std::map<std::string, Blocks>& chains) {
    std::string_view chain;
    std::uint64_t number = 0;
    simdjson::dom::array extrinsics;
    if (file["chain"].get(chain) != simdjson::SUCCESS ||
        file["blockNumber"].get(number) != simdjson::SUCCESS ||
        file["rpc"]["block"]["extrinsics"].get(extrinsics) != simdjson::SUCCESS) {
        return Failure("no chain, blockNumber or extrinsics in it");
    }
    auto const blocks = chains.find(std::string(chain));
    if (blocks == chains.end() || !blocks->second.contains(number)) return {};
    Block& block = blocks->second[number];
    for (auto const extrinsic : extrinsics) {
        auto bytes = bytes_of(element(extrinsic));
        if (!bytes) return Failure("an extrinsic is not hex");
        block.extrinsics.push_back(std::move(*bytes));
    }
    std::string_view timestamp;
    if (file["timestamp"].get(timestamp) == simdjson::SUCCESS) {
        std::from_chars(timestamp.data(), timestamp.data() + timestamp.size(), block.timestamp_ms);
    }
    element header;
    if (file["rpc"]["block"]["header"].get(header) != simdjson::SUCCESS || header.is_null()) {
        return {};
    }
    block.header = header_of(header);
    if (!block.header) return Failure("its header cannot be read");
    if (block.hash && header_hash(*block.header) != *block.hash) {
        return Failure("its header does not hash to blockHash");
    }
    return {};
}

using ReadFile = std::expected<void, std::string> (*)(element, std::map<std::string, Blocks>&);

std::expected<void, std::string> read_folder(std::string const& folder, ReadFile read,
                                             std::map<std::string, Blocks>& chains) {
    std::error_code code;
    std::vector<std::string> paths;
    for (std::filesystem::directory_iterator entry(folder, code), end; !code && entry != end;
         entry.increment(code)) {
        if (entry->path().extension() == ".json") paths.push_back(entry->path().string());
        if (paths.size() > corpus_files_max) return Failure(folder + ": too many files");
    }
    if (code) return Failure(fmt::format("{}: cannot list the folder: {}", folder, code.message()));
    std::ranges::sort(paths);
    simdjson::dom::parser parser;
    for (std::string const& path : paths) {
        auto const text = io::read_file(path);
        if (!text) return Failure(io::describe(text.error()));
        element file;
        if (auto const error = parser.parse(*text).get(file); error != simdjson::SUCCESS) {
            return Failure(fmt::format("{}: {}", path, simdjson::error_message(error)));
        }
        if (auto done = read(file, chains); !done) {
            return Failure(fmt::format("{}: {}", path, done.error()));
        }
    }
    return {};
}

// -- one chain -----------------------------------------------------------------------------------

struct LoadedRuntime {
    std::unique_ptr<decoders::Runtime const> runtime;
    io::CaptureRuntime record;
};

std::expected<LoadedRuntime, std::string> load_runtime(std::string const& path) {
    auto const bytes = io::read_file(path);
    if (!bytes) return Failure(io::describe(bytes.error()));
    LoadedRuntime loaded;
    auto runtime = decoders::compile(pipeline::as_bytes(*bytes));
    if (!runtime) return Failure(path + ": " + describe(runtime.error()));
    auto version = stages::runtime_version_json(**runtime);
    if (!version) return Failure(path + ": " + version.error());
    loaded.record = {
        (*runtime)->spec_version(), std::move(*version), {bytes->begin(), bytes->end()}};
    loaded.runtime = std::move(*runtime);
    return loaded;
}

// A header for a block that has none: the number is real, and every other block gets another hash.
decoders::HeaderParts make_header(Block const& block,
                                  std::optional<io::CaptureBlock> const& before) {
    decoders::HeaderParts parts;
    parts.number = static_cast<std::uint32_t>(block.number);
    bool const follows = before && before->number + 1 == block.number;
    parts.parent = follows ? before->hash : decoders::blake2b_256(block.hash.value_or(Hash{}));
    parts.state_root = decoders::blake2b_256(block.events);
    parts.extrinsics_root = block.hash.value_or(Hash{});
    return parts;
}

io::CaptureBlock make_block(Block const& block, std::uint32_t spec_version,
                            std::optional<io::CaptureBlock> const& before) {
    auto const header = block.header ? *block.header : make_header(block, before);
    io::CaptureBlock made;
    made.number = block.number;
    made.parent = header.parent;
    made.header = decoders::encode_header(header);
    made.hash = decoders::header_hash(header);
    made.timestamp_ms = block.timestamp_ms;
    made.spec_version = spec_version;
    made.events = block.events;
    made.extrinsics = block.extrinsics;
    return made;
}

io::CaptureChain make_chain(std::string const& name, decoders::Runtime const& runtime,
                            std::vector<std::string>& notes) {
    auto const known = std::ranges::find(known_chains, name, &KnownChain::name);
    bool const found = known != std::end(known_chains);
    io::CaptureChain chain;
    chain.genesis = decoders::blake2b_256(pipeline::as_bytes(name));
    if (found && !known->genesis.empty()) {
        [[maybe_unused]] auto const size = decoders::hex_decode(known->genesis, chain.genesis);
    } else {
        notes.push_back(name + ": its genesis hash is not known, one is made up");
    }
    chain.description =
        fmt::format(R"({{"name":"{}","specName":"{}","properties":{{"ss58Format":{},)"
                    R"("tokenDecimals":{},"tokenSymbol":"{}"}}}})",
                    name, runtime.spec_name(), runtime.ss58_prefix().value_or(42),
                    found ? known->decimals : 12, found ? known->symbol : "UNIT");
    return chain;
}

std::expected<stages::ChainCapture, std::string> make_capture(std::string const& directory,
                                                              std::string const& name,
                                                              Blocks const& blocks,
                                                              std::vector<std::string>& notes) {
    stages::ChainCapture capture{name, {}};
    std::map<std::string, std::uint32_t> versions; // metadata file -> spec version
    std::optional<io::CaptureBlock> before;
    std::size_t made_up = 0;
    for (auto const& [number, block] : blocks) {
        auto version = versions.find(block.metadata);
        if (version == versions.end()) {
            auto loaded = load_runtime(directory + "/" + block.metadata);
            if (!loaded) return Failure(loaded.error());
            version = versions.emplace(block.metadata, loaded->record.spec_version).first;
            if (capture.records.empty()) {
                capture.records.emplace_back(make_chain(name, *loaded->runtime, notes));
            }
            capture.records.emplace_back(std::move(loaded->record));
        }
        if (!before) { // the block a client finds when it connects: empty, two heights below
            Block empty;
            empty.number = number >= 2 ? number - 2 : 0;
            empty.events = {0};
            capture.records.emplace_back(make_block(empty, version->second, before));
        }
        made_up += !block.header;
        before = make_block(block, version->second, before);
        capture.records.emplace_back(*before);
    }
    if (made_up > 0) {
        notes.push_back(
            fmt::format("{}: {} of {} blocks have no recorded header; theirs is made up", name,
                        made_up, blocks.size()));
    }
    return capture;
}

} // namespace

std::expected<CorpusCaptures, std::string> load_corpus(std::string const& directory) {
    std::map<std::string, Blocks> chains;
    auto done = read_folder(directory + "/events", read_events, chains);
    if (done) done = read_folder(directory + "/blocks", read_block, chains);
    if (!done) return Failure(done.error());
    CorpusCaptures captures;
    for (auto const& [name, blocks] : chains) {
        auto capture = make_capture(directory, name, blocks, captures.notes);
        if (!capture) return Failure(capture.error());
        captures.chains.push_back(std::move(*capture));
    }
    if (captures.chains.empty()) return Failure(directory + "/events holds no blocks");
    return captures;
}

} // namespace config
