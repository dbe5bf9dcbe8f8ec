// How fast old blocks are read, and whether memory stays where it is: `bench_catchup [blocks]`.
//
// A feeder in a process of its own answers over a real WebSocket on 127.0.0.1 as a node would, with
// 64 different blocks of 200 events of Polkadot traffic, over and over. Here history, decode,
// detect, route and deliver run in one thread, and the journal's ledger says what is wanted; no
// event is large enough for an alert. Printed every tenth of the way: blocks a second in that
// tenth, resident memory.
#include "config/io_thread.hpp"
#include "decoders/hex.hpp"
#include "decoders/storage_key.hpp"
#include "io/websocket_server.hpp"
#include "pipeline/topology.hpp"
#include "stages/decode.hpp"
#include "stages/deliver.hpp"
#include "stages/detect.hpp"
#include "stages/route.hpp"
#include "stages/rpc_history.hpp"
#include "stages/traffic.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace stages;
using decoders::hex_text;
using pipeline::Clock;

constexpr std::uint32_t events_a_block = 200;
constexpr std::size_t different_blocks = 64;

std::vector<std::uint8_t> read_metadata() {
    std::ifstream in(SPYHOP_BENCH_METADATA, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

Hash hash_of(std::uint32_t number) {
    Hash hash{};
    std::memcpy(hash.data(), &number, sizeof number);
    hash[31] = 1;
    return hash;
}

std::string little_endian_hex(std::uint64_t value, std::size_t size) {
    return hex_text(pipeline::Bytes(reinterpret_cast<std::uint8_t const*>(&value), size));
}

// ---- the node ----------------------------------------------------------------------------------

class Feeder {
  public:
    Feeder(std::vector<std::uint8_t> const& metadata, std::uint32_t blocks)
        : metadata_('"' + hex_text(metadata) + '"')
        , blocks_(blocks) {
        auto const runtime = decoders::compile(metadata);
        TrafficOptions options;
        options.events_min = options.events_max = events_a_block;
        auto traffic = Traffic::create(options, **runtime, metadata);
        while (events_.size() < different_blocks) {
            auto const record = (*traffic)->next();
            if (auto const* block = std::get_if<io::CaptureBlock>(&*record))
                events_.push_back(hex_text(block->events));
        }
    }

    std::string_view answer(std::string_view request) {
        text_.clear();
        std::string_view const id = between(request, R"("id":)", ",");
        std::string_view const method = between(request, R"("method":")", "\"");
        std::string_view const params = between(request, R"("params":[)", "]}");
        fmt::format_to(out(), R"({{"jsonrpc":"2.0","id":{},)", id);
        if (method == "state_queryStorageAt")
            values(number_of(params.substr(params.size() - 67)));
        else if (method == "chain_getBlockHash")
            hashes(params);
        else if (method == "chain_getFinalizedHead")
            fmt::format_to(out(), R"("result":"{}")", hex_text(hash_of(blocks_)));
        else if (method == "chain_getHeader")
            fmt::format_to(out(), R"("result":{})", header());
        else if (method == "state_getMetadata")
            fmt::format_to(out(), R"("result":{})", metadata_);
        else
            text_ += R"("error":{"code":-32601,"message":"Method not found"})";
        text_ += '}';
        return text_;
    }

  private:
    std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }
    static std::string_view between(std::string_view text, std::string_view before,
                                    std::string_view behind) {
        text.remove_prefix(text.find(before) + before.size());
        return text.substr(0, text.rfind(behind) == text.npos ? text.size() : text.find(behind));
    }
    static std::uint32_t number_of(std::string_view hash) {
        std::array<std::uint8_t, 33> bytes{};
        std::ignore = decoders::hex_decode(hash.substr(0, 66), bytes);
        std::uint32_t number = 0;
        std::memcpy(&number, bytes.data(), sizeof number);
        return number;
    }
    std::string header() const {
        decoders::HeaderParts parts;
        parts.number = blocks_;
        return decoders::header_json(parts);
    }
    void hashes(std::string_view params) {
        bool const list = params.starts_with('[');
        params.remove_prefix(list);
        text_ += list ? R"("result":[)" : R"("result":)";
        char const* at = params.data();
        char const* const end = at + params.size();
        for (std::uint32_t number = 0; at < end; ++at) {
            auto const [next, error] = std::from_chars(at, end, number);
            if (error != std::errc{}) break;
            fmt::format_to(out(), R"({}"{}")", text_.back() == '"' ? "," : "",
                           hex_text(hash_of(number)));
            at = next;
        }
        if (list) text_ += ']';
    }
    void values(std::uint32_t number) {
        static std::string const events_key = hex_text(decoders::system_events_key());
        static std::string const number_key = hex_text(decoders::system_number_key());
        static std::string const time_key = hex_text(decoders::timestamp_now_key());
        static std::string const upgrade_key = hex_text(decoders::last_runtime_upgrade_key());
        static std::string const parent_key = hex_text(decoders::system_parent_hash_key());
        fmt::format_to(out(), R"("result":[{{"block":"{}","changes":[["{}","{}"],["{}","{}"],)",
                       hex_text(hash_of(number)), events_key, events_[number % events_.size()],
                       number_key, little_endian_hex(number, 4));
        fmt::format_to(out(), R"(["{}","{}"],["{}","0x0400"],["{}","{}"]]}}])", time_key,
                       little_endian_hex(1'700'000'000'000 + number * 6'000ULL, 8), upgrade_key,
                       parent_key, hex_text(hash_of(number - 1)));
    }

    std::string const metadata_;
    std::uint32_t const blocks_;
    std::vector<std::string> events_;
    std::string text_;
};

// The child's whole life; the port goes to `port_to`.
[[noreturn]] void feed(std::uint32_t blocks, int port_to) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pipeline::SystemClock const clock;
    io::SystemRandom random;
    auto proactor = io::Proactor::create(clock);
    if (!proactor) _exit(1);
    config::IoThread thread(std::move(*proactor));
    auto listener = thread.network().listen("127.0.0.1", 0);
    if (!listener) _exit(1);
    io::WebSocketServer server(std::move(*listener), clock, random);
    Feeder feeder(read_metadata(), blocks);
    std::uint16_t const port = server.port();
    if (write(port_to, &port, sizeof port) != sizeof port) _exit(1);
    for (;;) {
        bool worked = thread.poll();
        for (io::ServerEvent event = server.poll(); event.kind != io::ServerEvent::Kind::none;
             event = server.poll()) {
            worked = true;
            if (event.kind == io::ServerEvent::Kind::message)
                server.send(event.connection, feeder.answer(pipeline::as_text(event.text)));
        }
        if (!worked) thread.park(server.next_deadline());
    }
}

// ---- the reader --------------------------------------------------------------------------------

class NullSink final : public Sink {
  public:
    bool append(std::string_view) override { return true; }
    std::size_t pending() const override { return 0; }
    std::size_t room() const override { return 1 << 30; }
    void advance() override {}
    pipeline::Nanoseconds next_deadline() const override { return pipeline::never; }
};

// The live source: has seen one block, behind which all the others are missing.
struct Head : pipeline::Pinned {
    static constexpr std::uint32_t max_burst = 4;
    pipeline::Out<Frame> frames;
    std::vector<std::uint8_t> const metadata = read_metadata();
    std::uint32_t const number;
    bool said = false;

    Head(pipeline::Out<Frame> out, std::uint32_t head)
        : frames(out)
        , number(head) {}
    auto outputs() { return std::tie(frames); }
    bool tick(pipeline::Turn const&) {
        if (std::exchange(said, true)) return false;
        Frame frame;
        frame.body = ChainFacts{hash_of(0), pipeline::FixedText<24>("DOT"), 10, 0};
        frames.emit(frame);
        send(frame, RuntimeBytes{1}, metadata);
        BlockRef const block{hash_of(number), number, true, 1'700'000'000'000};
        send(frame, BlockBytes{block, 1}, {0});
        frame.payload = {};
        frame.body = Finalized{hash_of(number), hash_of(number - 1), number};
        frames.emit(frame);
        return true;
    }
    template <class Body>
    void send(Frame& frame, Body const& body, std::vector<std::uint8_t> const& bytes) {
        std::ranges::copy(bytes, frames.link().arena().reserve(bytes.size()).begin());
        frame.payload = frames.link().arena().commit(bytes.size());
        frame.body = body;
        frames.emit(frame);
    }
};

// What observers are sent.
template <class M>
struct Ignore : pipeline::Pinned {
    static constexpr std::uint32_t max_burst = 0;
    auto outputs() { return std::tie(); }
    void on(pipeline::Part<M> const&, pipeline::Turn const&) {}
};

class Printed final : public pipeline::Log {
  public:
    void write(pipeline::Level, std::string_view component, std::string_view text) override {
        fmt::print("  {}: {}\n", component, text);
    }
};

double resident_mib() {
    std::ifstream in("/proc/self/statm");
    double pages = 0;
    in >> pages >> pages;
    return pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

double processor_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    auto const seconds = [](timeval const& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Links {
    pipeline::Link<Frame>& live;
    pipeline::Link<Frame>& past;
    pipeline::Link<Want>& wants;
};

pipeline::StageRow row(char const* name) { return {name, pipeline::Process::hybrid, "all"}; }

// Everything behind the history stage, as the service wires it.
pipeline::MetricsPage& wire(pipeline::Topology& t, Links const& links,
                            std::unique_ptr<Journal> journal, pipeline::Log& log,
                            Clock const& clock) {
    auto& facts = t.link<Fact>("facts", {.depth = 1024});
    auto& candidates = t.link<Candidate>("candidates", {.depth = 1024});
    auto& verdicts = t.link<Verdict>("verdicts", {.depth = 1024});
    auto& kept = t.link<Keep>(
        "kept",
        {.depth = 64, .arena_bytes = std::size_t{8} << 20, .when_full = pipeline::WhenFull::drop});
    auto& book = t.metrics();
    auto& decoded = book.add("", decode_metrics);
    Rule rule;
    rule.name = "large";
    rule.chains = {true};
    rule.assets = {"native"};
    rule.levels[0] = "100000000000";
    std::vector<std::string> const chains{"polkadot"};
    t.stage_over(row("decode"), std::make_unique<Decode>(chains, log, decoded, facts, kept),
                 std::vector{&links.live, &links.past});
    t.stage(row("keeper"), std::make_unique<Ignore<Keep>>(), kept);
    t.stage(row("detect"),
            std::make_unique<Detect>(std::vector{rule}, chains, log, book.add("", detect_metrics),
                                     candidates),
            facts);
    t.stage(row("route"),
            std::make_unique<Route>(nodes_only({"polkadot"}, {"large"}),
                                    Route::Needs{log, book.add("", route_metrics), clock},
                                    verdicts),
            candidates);
    std::vector<Outlet> outlets;
    outlets.push_back({"null", std::make_unique<NullSink>(), 0});
    DeliverOptions options;
    options.chains = chains;
    options.rules = {{"large", RuleKind::large_transfer}};
    Deliver::Needs const needs{clock, log, book.add("", deliver_metrics),
                               book.add("", custody_metrics)};
    t.stage(row("deliver"),
            std::make_unique<Deliver>(std::move(options), std::move(journal),
                                      std::vector<std::optional<std::uint32_t>>{1},
                                      std::move(outlets), needs,
                                      pipeline::Outs<Want>({&links.wants})),
            verdicts);
    return decoded;
}

// Turns until all is read, and prints how it goes.
void run(pipeline::Topology& t, pipeline::MetricsPage const& decoded, std::uint32_t blocks,
         Clock const& clock) {
    auto const began = clock.monotonic();
    auto tenth_began = began;
    double first_mib = 0;
    for (std::uint32_t tenth = 1; tenth <= 10; ++tenth) {
        std::uint64_t const goal = 1 + std::uint64_t{blocks} * tenth / 10; // and the head
        while (decoded.read(DecodeMetric::blocks) < goal) t.turn();
        auto const now = clock.monotonic();
        double const took = static_cast<double>(now - tenth_began) / 1e9;
        double const mib = resident_mib();
        if (tenth == 1) first_mib = mib;
        fmt::print("catchup/{:>3} %  {:>8.0f} blocks/s  {:>7.1f} MiB resident ({:+.1f} %)\n",
                   10 * tenth, blocks / 10.0 / took, mib, 100 * (mib / first_mib - 1));
        tenth_began = now;
    }
    double const seconds = static_cast<double>(clock.monotonic() - began) / 1e9;
    fmt::print("catchup: {} blocks of {} events in {:.1f} s: {:.0f} blocks/s, {:.1f} s of "
               "processor time; incomplete: {}\n",
               blocks, events_a_block, seconds, blocks / seconds, processor_seconds(),
               decoded.read(DecodeMetric::incomplete));
}

int failed(std::string const& why) {
    fmt::print(stderr, "bench_catchup: {}\n", why);
    return 1;
}

int read_back(std::uint32_t blocks, std::uint16_t port, std::string const& folder) {
    pipeline::SystemClock const clock;
    io::SystemRandom random;
    Printed log;
    pipeline::Switchboard const switchboard(
        {.mode = pipeline::Mode::hybrid_only, .flags = pipeline::Flag::hybrid_rpc});
    auto proactor = io::Proactor::create(clock);
    if (!proactor) return failed(io::describe(proactor.error()));
    auto io_thread = std::make_unique<config::IoThread>(std::move(*proactor));
    io::Network& network = io_thread->network();
    auto journal = Journal::open(folder + "/alerts.db");
    if (!journal) return failed(describe(journal.error()));
    pipeline::Topology t(clock, switchboard, pipeline::Idle::spin,
                         [&](std::string const&) { return std::move(io_thread); });
    pipeline::LinkOptions const room{.depth = 256, .arena_bytes = std::size_t{8} << 20};
    Links const links{t.link<Frame>("frames", room), t.link<Frame>("past", room),
                      t.link<Want>("wants", {.depth = 16, .when_full = pipeline::WhenFull::drop})};
    auto& notes =
        t.link<HistoryNote>("notes", {.depth = 64, .when_full = pipeline::WhenFull::drop});
    RpcHistoryOptions options;
    options.name = "polkadot";
    options.endpoints = {*io::parse_url(fmt::format("ws://127.0.0.1:{}/", port))};
    auto& page = t.metrics().add("", history_metrics);
    t.stage(row("head"), std::make_unique<Head>(links.live, blocks + 1));
    t.stage(row("history"),
            std::make_unique<RpcHistory>(
                options, RpcHistory::Needs{network, clock, random, log, page}, links.past, notes),
            links.wants);
    auto const& decoded = wire(t, links, std::move(*journal), log, clock);
    t.stage(row("observe"), std::make_unique<Ignore<HistoryNote>>(), notes);
    if (auto const wired = t.finish(); !wired) return failed(wired.error());
    run(t, decoded, blocks, clock);
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    // Options are those of the other benchmarks: they all get the same.
    bool const given = argc > 1 && argv[1][0] != '-';
    std::string_view const text = given ? argv[1] : "200000";
    std::uint32_t blocks = 0;
    std::from_chars(text.data(), text.data() + text.size(), blocks);
    int ends[2] = {};
    if (blocks < 10 || pipe(ends) != 0) return 2;
    pid_t const child = fork();
    if (child == 0) feed(blocks, ends[1]);
    close(ends[1]);
    std::uint16_t port = 0;
    if (child < 0 || read(ends[0], &port, sizeof port) != sizeof port) return 1;
    std::string folder = std::filesystem::temp_directory_path() / "spyhop-catchup-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) return 1;
    int const result = read_back(blocks, port, folder);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    std::filesystem::remove_all(folder);
    return result;
}
