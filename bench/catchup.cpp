// How fast old blocks are read, and whether memory stays where it is: `bench_catchup [blocks]`.
//
// A feeder in a process of its own answers over a real WebSocket on 127.0.0.1 as a node would, with
// 64 different blocks of 200 events of Polkadot traffic, over and over. Here history, decode,
// detect, route and deliver run in one thread; no event is large enough for an alert. Printed every
// tenth of the way: blocks a second in that tenth, resident memory.
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

// Wants blocks 1 to `blocks`, as the ledger would: what is left of them, every second.
struct Wishes : pipeline::Pinned {
    static constexpr std::uint32_t max_burst = 1;
    pipeline::Out<Want> wants;
    pipeline::MetricsPage const& told;
    std::uint32_t const blocks;
    pipeline::Nanoseconds next = 0;

    Wishes(pipeline::Out<Want> out, pipeline::MetricsPage const& page, std::uint32_t count)
        : wants(out)
        , told(page)
        , blocks(count) {}
    auto outputs() { return std::tie(wants); }
    bool tick(pipeline::Turn const& turn) {
        auto const covered = static_cast<std::uint32_t>(told.read(DecodeMetric::blocks));
        if (turn.now < next || covered >= blocks) return false;
        next = turn.now + pipeline::second;
        Want want;
        want.count = 1;
        want.stretches[0] = {covered + 1, blocks};
        wants.emit(want);
        return true;
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

// Everything behind the history stage, as the service wires it.
pipeline::MetricsPage& wire(pipeline::Topology& t, pipeline::Link<Frame>& frames,
                            pipeline::Log& log, Clock const& clock) {
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
    pipeline::StageRow const row{"", pipeline::Process::hybrid, "all"};
    auto const named = [&](char const* name) {
        auto made = row;
        made.name = name;
        return made;
    };
    t.stage(named("decode"), std::make_unique<Decode>(chains, log, decoded, facts, kept), frames);
    t.stage(named("keeper"), std::make_unique<Ignore<Keep>>(), kept);
    t.stage(named("detect"),
            std::make_unique<Detect>(std::vector{rule}, chains, log, book.add("", detect_metrics),
                                     candidates),
            facts);
    t.stage(named("route"),
            std::make_unique<Route>(std::vector<std::string>{"large"}, 1,
                                    book.add("", route_metrics), verdicts),
            candidates);
    std::vector<std::unique_ptr<Sink>> sinks;
    sinks.push_back(std::make_unique<NullSink>());
    t.stage(named("deliver"),
            std::make_unique<Deliver>(
                DeliverOptions{chains, {{"large", RuleKind::large_transfer}}, {}, 65'536},
                std::move(sinks), clock, book.add("", deliver_metrics)),
            verdicts);
    return decoded;
}

int read_back(std::uint32_t blocks, std::uint16_t port) {
    pipeline::SystemClock const clock;
    io::SystemRandom random;
    Printed log;
    pipeline::Switchboard const switchboard(
        {.mode = pipeline::Mode::hybrid_only, .flags = pipeline::Flag::hybrid_rpc});
    auto proactor = io::Proactor::create(clock);
    if (!proactor) return std::fprintf(stderr, "%s\n", io::describe(proactor.error()).c_str()), 1;
    auto io_thread = std::make_unique<config::IoThread>(std::move(*proactor));
    io::Network& network = io_thread->network();
    pipeline::Topology t(clock, switchboard, pipeline::Idle::spin,
                         [&](std::string const&) { return std::move(io_thread); });
    auto& wants = t.link<Want>("wants", {.depth = 8, .when_full = pipeline::WhenFull::drop});
    auto& frames = t.link<Frame>("frames", {.depth = 256, .arena_bytes = std::size_t{8} << 20});
    auto& notes =
        t.link<HistoryNote>("notes", {.depth = 64, .when_full = pipeline::WhenFull::drop});
    RpcHistoryOptions options;
    options.name = "polkadot";
    options.endpoints = {*io::parse_url(fmt::format("ws://127.0.0.1:{}/", port))};
    auto& page = t.metrics().add("", history_metrics);
    t.stage({"history", pipeline::Process::hybrid, "all"},
            std::make_unique<RpcHistory>(
                options, RpcHistory::Needs{network, clock, random, log, page}, frames, notes),
            wants);
    auto const& decoded = wire(t, frames, log, clock);
    t.stage({"wishes", pipeline::Process::hybrid, "all"},
            std::make_unique<Wishes>(wants, decoded, blocks));
    t.stage({"observe", pipeline::Process::hybrid, "all"}, std::make_unique<Ignore<HistoryNote>>(),
            notes);
    if (auto const wired = t.finish(); !wired)
        return std::fprintf(stderr, "%s\n", wired.error().c_str()), 1;

    auto const began = clock.monotonic();
    auto tenth_began = began;
    double first_mib = 0;
    for (std::uint32_t tenth = 1; tenth <= 10; ++tenth) {
        std::uint64_t const goal = std::uint64_t{blocks} * tenth / 10;
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
               "processor time; asked {} times for bytes of {:.0f} MiB; incomplete: {}\n",
               blocks, events_a_block, seconds, blocks / seconds, processor_seconds(),
               page.read(HistoryMetric::messages),
               static_cast<double>(page.read(HistoryMetric::bytes)) / (1 << 20),
               decoded.read(DecodeMetric::incomplete));
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
    int const result = read_back(blocks, port);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    return result;
}
