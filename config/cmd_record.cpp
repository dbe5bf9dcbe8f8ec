#include "config/cmd_record.hpp"

#include "config/config.hpp"
#include "config/exit_codes.hpp"
#include "config/io_thread.hpp"
#include "config/log.hpp"
#include "config/node_asker.hpp"
#include "config/recorder.hpp"
#include "config/signals.hpp"
#include "config/stage_options.hpp"
#include "decoders/header.hpp"
#include "decoders/hex.hpp"
#include "decoders/storage_key.hpp"
#include "stages/admin_request.hpp"
#include "stages/alert_line.hpp"
#include "stages/assets.hpp"
#include "stages/rpc_history.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>

namespace config {

namespace {

namespace fs = std::filesystem;
using pipeline::Hash;
using pipeline::Nanoseconds;
using simdjson::dom::element;
using Done = std::expected<void, std::string>;
using Failure = std::unexpected<std::string>;

constexpr Nanoseconds look_every = pipeline::second / 4;   // at signals
constexpr Nanoseconds head_every = 2 * pipeline::second;   // at how far the chain is
constexpr Nanoseconds report_every = 5 * pipeline::second; // of progress
constexpr std::size_t keys_a_page = 1'000;
constexpr pipeline::LinkOptions frame_room{.depth = 64,
                                           .arena_bytes = 2 * io::capture_record_bytes_max};

std::string param(Hash const& hash) { return fmt::format("\"{}\"", decoders::hex_text(hash)); }

// ---- what is asked beside the history ----------------------------------------------------------

std::optional<std::uint32_t> finalized_height(NodeAsker& node) {
    auto const head = node.ask({"chain_getFinalizedHead"});
    if (!head && head.error().refused) {
        auto const height = node.ask({"archive_v1_finalizedHeight"});
        std::uint64_t number = 0;
        if (!height || height->get(number) != simdjson::SUCCESS) return std::nullopt;
        return static_cast<std::uint32_t>(number);
    }
    auto const hash = head ? hash_in(*head) : std::nullopt;
    if (!hash) return std::nullopt;
    auto const header = node.ask({"chain_getHeader", param(*hash)});
    auto const bytes = header ? header_in(*header) : std::nullopt;
    auto const read = bytes ? decoders::decode_header(*bytes) : std::unexpected(decoders::Error{});
    return read ? std::optional(read->number) : std::nullopt;
}

// The pairs under one map, at the state of a block.
void read_map(NodeAsker& node, std::string const& prefix, std::string const& at,
              std::vector<io::KeyValue>& out) {
    std::string last = "null";
    while (out.size() < stages::AssetBook::assets_max) {
        auto const page = node.ask(
            {"state_getKeysPaged", fmt::format(R"("{}",{},{},{})", prefix, keys_a_page, last, at)});
        simdjson::dom::array keys;
        if (!page || page->get(keys) != simdjson::SUCCESS || keys.size() == 0) return;
        std::size_t const count = keys.size();
        std::string const list = simdjson::minify(keys);
        last = simdjson::minify(keys.at(count - 1));
        auto const values = node.ask({"state_queryStorageAt", list + ',' + at});
        simdjson::dom::array changes;
        if (!values || values->at_pointer("/0/changes").get(changes) != simdjson::SUCCESS) return;
        for (element const change : changes) {
            auto key = bytes_in(change.at(0)), value = bytes_in(change.at(1));
            if (key && value) out.emplace_back(std::move(*key), std::move(*value));
        }
        if (count < keys_a_page) return;
    }
}

RecorderQuestions questions_to(NodeAsker& node, std::string const& spec_name) {
    return {.header =
                [&node](Hash const& block) {
                    auto const header = node.ask_any(
                        {{"chain_getHeader", param(block)}, {"archive_v1_header", param(block)}});
                    auto bytes = header ? header_in(*header) : std::nullopt;
                    return bytes.value_or(std::vector<std::uint8_t>());
                },
            .version =
                [&node, spec_name](Hash const& state, std::uint32_t spec) {
                    auto const version = node.ask({"state_getRuntimeVersion", param(state)});
                    bool const good = version && version->is_object();
                    return good ? simdjson::minify(*version)
                                : fmt::format(R"({{"specName":{},"specVersion":{}}})",
                                              stages::quoted(spec_name), spec);
                },
            .assets =
                [&node](Hash const& block) {
                    std::vector<io::KeyValue> found;
                    for (stages::AssetMap const& map : stages::asset_maps)
                        read_map(
                            node,
                            decoders::hex_text(decoders::storage_prefix(map.pallet, map.entry)),
                            param(block), found);
                    return found;
                }};
}

struct Described {
    io::CaptureChain chain;
    std::string spec_name;
};

std::expected<Described, NodeError> chain_of(NodeAsker& node, std::string const& name) {
    Described made;
    auto const genesis = node.ask_any(
        {{"chain_getBlockHash", "0"}, {"archive_v1_genesisHash"}, {"chainSpec_v1_genesisHash"}});
    if (!genesis) return std::unexpected(genesis.error());
    auto const hash = hash_in(*genesis);
    if (!hash) return std::unexpected(NodeError{true, node.place() + ": it names no genesis"});
    made.chain.genesis = *hash;
    auto const known = node.ask_any({{"system_properties"}, {"chainSpec_v1_properties"}});
    std::string const properties =
        known && known->is_object() ? simdjson::minify(*known) : std::string("{}");
    auto const version = node.ask({"state_getRuntimeVersion"});
    std::string_view spec;
    if (version && (*version)["specName"].get(spec) == simdjson::SUCCESS) made.spec_name = spec;
    made.chain.description =
        fmt::format(R"({{"name":{},"specName":{},"properties":{}}})", stages::quoted(name),
                    stages::quoted(made.spec_name), properties);
    return made;
}

// ---- recording ---------------------------------------------------------------------------------

struct Range {
    std::uint32_t from = 0;
    std::optional<std::uint32_t> to{}; // nothing: until it is stopped
};

std::expected<Range, std::string> range_of(RecordOptions const& options, std::uint32_t head) {
    if (options.blocks) {
        if (head == 0) return Failure("the chain has no finalized block yet");
        return Range{head >= *options.blocks ? head - *options.blocks + 1 : 1, head};
    }
    if (options.from) return Range{*options.from, options.to};
    return Range{head + 1, {}};
}

class Session {
  public:
    Session(Config const& config, std::uint16_t chain, Common const& common,
            pipeline::SystemClock const& clock, std::unique_ptr<io::Proactor> proactor)
        : config_(config)
        , chain_(chain)
        , common_(common)
        , clock_(clock)
        , log_(make_log(common.quiet, common.color))
        , thread_(std::move(proactor)) {}

    int run(RecordOptions const& options);

  private:
    bool stopped() {
        int const signal = stopped_ ? 0 : next_signal(0);
        stopped_ = stopped_ || signal == SIGINT || signal == SIGTERM;
        return stopped_;
    }
    void wait(Nanoseconds deadline) {
        thread_.park(std::min(deadline, clock_.monotonic() + look_every));
        thread_.poll();
    }
    int fail(int code, std::string const& text) const {
        fmt::print(stderr, "spyhop record: {}\n", text);
        return code;
    }
    void report(Recorder const& recorder, Range const& range) {
        if (common_.quiet || clock_.monotonic() < report_at_) return;
        report_at_ = clock_.monotonic() + report_every;
        if (recorder.counts().blocks == 0) return;
        std::string const of = range.to ? fmt::format(" of {}", *range.to - range.from + 1) : "";
        fmt::print(stderr, "recorded {}{} blocks, to block {}\n", recorder.counts().blocks, of,
                   recorder.counts().newest.value_or(0));
    }
    std::unique_ptr<NodeAsker> reach(Described& out);
    Done record(Recorder& recorder, NodeAsker& node, Hash const& genesis, Range const& range);
    int finish(Recorder& recorder, RecordOptions const& options, std::string const& path);

    Config const& config_;
    std::uint16_t const chain_;
    Common const& common_;
    pipeline::SystemClock const& clock_;
    io::SystemRandom random_;
    std::unique_ptr<pipeline::Log> const log_;
    IoThread thread_;
    bool stopped_ = false;
    Nanoseconds report_at_ = 0;
};

// The first endpoint that says which chain it is. Null: none does, and it was said why.
std::unique_ptr<NodeAsker> Session::reach(Described& out) {
    ChainConfig const& chain = config_.chains[chain_];
    for (io::Url const& url : chain.endpoints) {
        NodeAsker::Needs needs{thread_.network(), clock_, random_,
                               [this](Nanoseconds deadline) { wait(deadline); },
                               [this] { return stopped(); }};
        auto node = std::make_unique<NodeAsker>(std::move(needs), url, chain.ca_file);
        auto made = chain_of(*node, chain.name);
        if (made) {
            out = std::move(*made);
            return node;
        }
        fail(exit_unreachable, made.error().text);
    }
    return nullptr;
}

// The history reader's frames to the recorder, until the range is recorded or it is to end.
Done Session::record(Recorder& recorder, NodeAsker& node, Hash const& genesis, Range const& range) {
    pipeline::Link<stages::Frame> frames("frames", frame_room);
    pipeline::Link<stages::HistoryNote> notes("notes",
                                              {.depth = 8, .when_full = pipeline::WhenFull::drop});
    pipeline::MetricsPage metrics("", stages::history_metrics);
    stages::RpcHistoryOptions options = history_options(config_, chain_, nullptr);
    options.genesis = genesis;
    options.attribute = true; // bodies come along
    stages::RpcHistory history(std::move(options),
                               {thread_.network(), clock_, random_, *log_, metrics}, frames, notes);
    Nanoseconds head_at = 0;
    std::optional<std::uint32_t> wanted_to;
    auto const end = [&] { return range.to && recorder.counts().newest >= range.to; };
    while (!end() && !stopped()) {
        pipeline::Turn turn;
        turn.now = clock_.monotonic();
        turn.unix_ms = clock_.unix_milliseconds();
        turn.regime.flags = pipeline::Flag::hybrid_rpc; // nodes are asked
        bool const more = !wanted_to || !range.to || *wanted_to < *range.to;
        if (!more) head_at = pipeline::never;
        if (more && turn.now >= head_at) {
            head_at = turn.now + head_every;
            auto const head = finalized_height(node);
            std::uint32_t const to = std::min(head.value_or(0), range.to.value_or(~0U));
            std::uint32_t const from = recorder.counts().newest.value_or(range.from - 1) + 1;
            if (head && from <= to && wanted_to != to) {
                stages::Want want;
                want.genesis = genesis;
                want.chain = chain_;
                want.count = 1;
                want.stretches[0] = {from, to};
                history.on({want, {}}, turn);
                wanted_to = to;
            }
        }
        bool worked = thread_.poll();
        worked = history.tick(turn) || worked;
        for (; auto const* frame = frames.front(); frames.pop(), worked = true)
            if (auto const done = recorder.take(*frame, frames.payload(*frame)); !done) return done;
        while (notes.front() != nullptr) notes.pop();
        report(recorder, range);
        if (!worked) wait(std::min(history.next_deadline(), head_at));
    }
    return {};
}

int Session::finish(Recorder& recorder, RecordOptions const& options, std::string const& path) {
    RecorderCounts const& counts = recorder.counts();
    std::error_code error;
    if (counts.blocks == 0) {
        fs::remove(path, error);
        return fail(exit_failed, "no block was recorded");
    }
    if (auto const done = recorder.finish(); !done) return fail(exit_failed, done.error());
    fs::rename(path, options.out, error);
    if (error)
        return fail(exit_failed, fmt::format("{} cannot be renamed to {}: {}", path, options.out,
                                             error.message()));
    if (!common_.quiet)
        fmt::print(stderr, "{}: {} blocks, to block {}\n", options.out, counts.blocks,
                   counts.newest.value_or(0));
    if (counts.without_header != 0)
        fail(exit_failed, fmt::format("{} blocks are without their header: the node did not show "
                                      "it; `spyhop node` cannot play them",
                                      counts.without_header));
    if (counts.without_body != 0)
        fail(exit_failed,
             fmt::format("{} blocks are without their extrinsics", counts.without_body));
    if (counts.missing == 0) return exit_ok;
    return fail(exit_failed, fmt::format("{} blocks are missing: no endpoint has their state; an "
                                         "archive node under `endpoints` would",
                                         counts.missing));
}

int Session::run(RecordOptions const& options) {
    Described described;
    auto const node = reach(described);
    if (!node) return exit_unreachable;
    auto const head = finalized_height(*node);
    if (!head) return fail(exit_unreachable, node->place() + ": it does not say what is final");
    auto const range = range_of(options, *head);
    if (!range) return fail(exit_failed, range.error());
    if (!common_.quiet)
        fmt::print(stderr, "{}: from block {} {}\n", node->place(), range->from,
                   range->to ? fmt::format("to {}", *range->to) : "on, until it is stopped");
    // Where nobody follows a chain, a stand-in's does not begin.
    if (!range->to || *range->to > *head) (void)node->ask({"chain_subscribeFinalizedHeads"});
    std::string const path = options.out + ".part";
    std::error_code ignored; // what an earlier run has left; if it stays, the next step says so
    fs::remove(path, ignored);
    auto writer = io::CaptureWriter::open(path);
    if (!writer) return fail(exit_failed, writer.error().text);
    Recorder recorder(std::move(*writer), questions_to(*node, described.spec_name));
    auto done = recorder.begin(described.chain);
    if (done) done = record(recorder, *node, described.chain.genesis, *range);
    if (!done) return fail(exit_failed, done.error());
    return finish(recorder, options, path);
}

std::expected<std::uint16_t, std::string> chosen_chain(Config const& config,
                                                       std::string const& name) {
    std::vector<std::string_view> names;
    for (ChainConfig const& chain : config.chains) names.push_back(chain.name);
    if (name.empty() && names.size() == 1) return std::uint16_t{0};
    auto const found = std::ranges::find(names, name);
    if (found != names.end()) return static_cast<std::uint16_t>(found - names.begin());
    if (name.empty())
        return Failure(
            fmt::format("{} has {} chains; --chain NAME says which", config.file, names.size()));
    std::string_view const near = stages::nearest(name, names);
    return Failure(fmt::format("{} has no chain {}{}", config.file, name,
                               near.empty() ? "" : fmt::format("; did you mean {}?", near)));
}

} // namespace

int cmd_record(Common const& common, RecordOptions const& options) {
    auto const fail = [](int code, std::string const& text) {
        fmt::print(stderr, "spyhop record: {}\n", text);
        return code;
    };
    if (options.to && !options.from) return fail(exit_usage, "--to needs --from");
    if (options.to && *options.to < *options.from) return fail(exit_usage, "--to is before --from");
    Loaded const loaded = load(options.config_path);
    for (Problem const& problem : loaded.problems)
        if (!problem.warning) fmt::print(stderr, "{}\n", to_text(loaded.config, problem));
    if (!loaded.usable()) return exit_bad_configuration;
    auto const chain = chosen_chain(loaded.config, options.chain);
    if (!chain) return fail(exit_usage, chain.error());
    if (loaded.config.chains[*chain].endpoints.empty())
        return fail(exit_bad_configuration,
                    fmt::format("chain {} has no endpoints: there is no node to record from",
                                loaded.config.chains[*chain].name));
    if (std::error_code error; fs::exists(options.out, error) && !options.force)
        return fail(exit_refused,
                    options.out + " is there; --force puts the recording in its place");
    block_signals();
    pipeline::SystemClock const clock;
    auto proactor = io::Proactor::create(clock);
    if (!proactor) return fail(exit_failed, io::describe(proactor.error()));
    Session session(loaded.config, *chain, common, clock, std::move(*proactor));
    return session.run(options);
}

} // namespace config
