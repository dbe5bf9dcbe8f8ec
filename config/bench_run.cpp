#include "config/bench_run.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <fmt/format.h>

namespace config {

namespace {

// The words of a line, apart by one blank.
std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    while (!line.empty()) {
        std::size_t const blank = line.find(' ');
        words.push_back(line.substr(0, blank));
        line = blank == line.npos ? std::string_view() : line.substr(blank + 1);
    }
    return words;
}

std::uint64_t number_of(std::string_view word) {
    std::uint64_t number = 0;
    std::from_chars(word.data(), word.data() + word.size(), number);
    return number;
}

} // namespace

BenchRun::BenchRun(BenchCrew& crew, LoadPlan const& plan, pipeline::Clock const& clock)
    : crew_(crew)
    , plan_(plan)
    , clock_(clock)
    , followed_(plan.chains.size())
    , sent_(plan.chains.size()) {}

void BenchRun::take(std::string_view line) {
    auto const words = words_of(line);
    if (words.size() < 2) return;
    std::uint64_t const first = number_of(words[1]);
    if (words[0] == "listening" && words.size() == 3) {
        port_ = static_cast<std::uint16_t>(first);
        subscan_port_ = static_cast<std::uint16_t>(number_of(words[2]));
    } else if (words[0] == "followed" && words.size() == 3 && first < followed_.size()) {
        followed_[first] = number_of(words[2]);
    } else if (words[0] == "started") {
        start_ = first;
    } else if (words[0] == "finished") {
        finished_ = first;
    } else if (words[0] == "sent" && words.size() == 4 && first < sent_.size()) {
        auto& of_chain = sent_[first];
        of_chain.resize(std::max<std::size_t>(of_chain.size(), number_of(words[2])));
        of_chain[number_of(words[2]) - 1] = number_of(words[3]);
    }
}

BenchCrew::OnLine BenchRun::listening(BenchCrew::OnLine on_line) {
    return [this, on_line = std::move(on_line)](BenchCrew::Line const& line) {
        if (line.who == load_)
            take(line.text);
        else if (on_line)
            on_line(line);
    };
}

BenchRun::Done BenchRun::open() {
    constexpr pipeline::Nanoseconds patience = 30 * pipeline::second;
    load_ = crew_.fork_helper("the load", [this](int out) { return play_load(plan_, out); });
    auto const up = [&] { return port_ != 0 || !crew_.alive(load_); };
    crew_.poll_until(clock_.monotonic() + patience, listening({}), up);
    if (port_ == 0) return std::unexpected(crew_.last_words(load_));
    return {};
}

BenchRun::Done BenchRun::begin(std::set<std::size_t> const& awaited,
                               std::function<bool()> const& ready, pipeline::Nanoseconds patience,
                               BenchCrew::OnLine const& on_line) {
    auto const all_follow = [&] {
        return std::ranges::all_of(awaited,
                                   [&](std::size_t chain) { return followed_[chain] != 0; });
    };
    pipeline::Nanoseconds const deadline = clock_.monotonic() + patience;
    auto const told = listening(on_line);
    if (!crew_.poll_until(deadline, told, all_follow)) {
        std::string who;
        for (std::size_t const chain : awaited)
            if (followed_[chain] == 0) who += ' ' + load_chain_name(chain);
        return std::unexpected(
            fmt::format("nobody follows{} after {} s", who, patience / pipeline::second));
    }
    if (!crew_.poll_until(deadline, told, ready))
        return std::unexpected("the services were not ready in time");
    crew_.signal(load_, SIGHUP);
    // Texts of blocks that go back to back are made first.
    constexpr pipeline::Nanoseconds preparing = 600 * pipeline::second;
    if (!crew_.poll_until(clock_.monotonic() + preparing, told, [&] { return start_ != 0; }))
        return std::unexpected("the load did not start: " + crew_.last_words(load_));
    return {};
}

BenchRun::Done BenchRun::finish(BenchCrew::OnLine const& on_line) {
    constexpr pipeline::Nanoseconds patience = 60 * pipeline::second;
    if (crew_.end(load_, patience, listening(on_line)) != 0)
        return std::unexpected(crew_.last_words(load_));
    return {};
}

std::string BenchRun::url(std::size_t chain) const {
    return fmt::format("{}://127.0.0.1:{}/{}", plan_.certificate.empty() ? "ws" : "wss", port_,
                       load_chain_name(chain));
}

std::string BenchRun::subscan_url(std::size_t chain) const {
    bool const several = std::ranges::count_if(plan_.chains, &LoadChain::subscan) > 1;
    return fmt::format("http://127.0.0.1:{}{}", subscan_port_,
                       several ? '/' + load_chain_name(chain) : "");
}

std::string BenchRun::trouble(std::vector<BenchCrew::Who> const& members) {
    for (BenchCrew::Who const who : members)
        if (!crew_.alive(who)) return crew_.last_words(who);
    return {};
}

std::expected<void, std::string> make_certificate(BenchCrew& crew, pipeline::Clock const& clock,
                                                  std::string const& folder) {
    constexpr pipeline::Nanoseconds patience = 30 * pipeline::second;
    auto const who =
        crew.run("openssl", {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                             "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder + "/key.pem",
                             "-out", folder + "/certificate.pem", "-days", "2", "-subj",
                             "/CN=spyhop bench", "-addext", "subjectAltName=IP:127.0.0.1"});
    crew.poll_until(
        clock.monotonic() + patience, [](auto const&) {}, [&] { return !crew.alive(who); });
    if (crew.end(who, 0, [](auto const&) {}) == 0) return {};
    return std::unexpected("no certificate for --tls could be made with the openssl program "
                           "(package openssl); " +
                           crew.last_words(who));
}

} // namespace config
