#include "oracle.hpp"

#include "decoders/hash.hpp"
#include "decoders/hex.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <ranges>

namespace sim {

namespace {

using Element = simdjson::dom::element;
using Verdict = std::optional<std::string>;

std::string text_of(simdjson::simdjson_result<Element> element) {
    std::string_view text;
    return element.get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

std::uint32_t number_of(simdjson::simdjson_result<Element> element) {
    std::uint64_t number = 0;
    return element.get(number) == simdjson::SUCCESS ? static_cast<std::uint32_t>(number) : ~0U;
}

// Nothing: the rule says nothing of it.
std::optional<std::string_view> severity_of(Sent const& sent, u128 amount, std::string_view rule) {
    if (rule == Chain::watch_rule) {
        bool const watched = std::ranges::any_of(std::views::iota(0, Chain::watched), [&](int i) {
            auto const person = Chain::person(static_cast<std::uint64_t>(i));
            return sent.from == person || sent.to == person;
        });
        if (watched && amount >= Chain::watch_threshold) return "notable";
        return std::nullopt;
    }
    if (rule != Chain::rule || amount < Chain::threshold) return std::nullopt;
    if (amount >= 10'000 * Chain::whole) return "critical";
    return amount >= 1'000 * Chain::whole ? "important" : "notable";
}

Told read(Element line) {
    Told told;
    told.chain = text_of(line["chain"]);
    told.rule = text_of(line["rule"]);
    told.sum = text_of(line["sum_raw"]);
    std::uint64_t parties = 0;
    for (auto const* name : {"sources", "destinations"})
        if (line["parameters"][name].get(parties) == simdjson::SUCCESS) told.parties = parties;
    told.id = text_of(line["id"]);
    told.state = text_of(line["state"]);
    told.severity = text_of(line["severity"]);
    told.path = text_of(line["path"]);
    told.hash = text_of(line["block"]["hash"]);
    told.from = text_of(line["from"]["public_key"]);
    told.to = text_of(line["to"]["public_key"]);
    told.amount = text_of(line["amount_raw"]);
    told.block = number_of(line["block"]["number"]);
    told.event_index = number_of(line["event"]["index"]);
    told.epoch = number_of(line["regime"]["epoch"]);
    told.fallback = line["regime"]["fallback"].error() == simdjson::SUCCESS;
    told.amended = line["amended"].error() == simdjson::SUCCESS;
    return told;
}

bool may_follow(std::string const& before, std::string const& after) {
    if (before.empty() || before == "retracted") return after == "seen" || after == "final";
    return before == "seen" && (after == "final" || after == "retracted");
}

} // namespace

std::string decimal(u128 value) {
    std::string text;
    for (; value != 0; value /= 10) text += static_cast<char>('0' + static_cast<int>(value % 10));
    return text.empty() ? "0" : std::string(text.rbegin(), text.rend());
}

std::string alert_id_text(Hash const& genesis, Sent const& sent, std::string_view rule) {
    std::vector<std::uint8_t> bytes(genesis.begin(), genesis.end());
    auto const integer = [&](u128 value, int size) {
        for (int i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    };
    integer(sent.block, 4);
    integer(sent.event_index, 4);
    for (auto const* account : {&sent.from, &sent.to}) {
        integer(account->size, 1);
        bytes.insert(bytes.end(), account->key, account->key + account->size);
    }
    integer(sent.amount, 16);
    bytes.insert(bytes.end(), rule.begin(), rule.end());
    Hash const hash = decoders::blake2b_256(bytes);
    return decoders::hex_text(pipeline::Bytes(hash).first(16)).substr(2);
}

Oracle::Oracle(Scenario const& scenario, std::size_t index, Chain& chain, Speakers const& speakers)
    : scenario_(scenario)
    , index_(index)
    , chain_(chain)
    , speakers_(speakers) {}

void Oracle::begin_anew() {
    wrong_rows_ = 0;
    states_.clear();
}

bool StreamReader::next(std::string_view stream, Told& told) {
    if (stream.size() < read_) trouble_ = "the stream became shorter";
    std::size_t const end = trouble_.empty() ? stream.find('\n', read_) : std::string_view::npos;
    if (end == std::string_view::npos) return false;
    last_ = stream.substr(read_, end - read_);
    Element parsed;
    if (parser_.parse(last_).get(parsed) != simdjson::SUCCESS) {
        trouble_ = "a line that is no JSON: " + std::string(last_);
        return false;
    }
    told = read(parsed);
    read_ = end + 1;
    ++lines_;
    return true;
}

// ---- truth --------------------------------------------------------------------------------------

// The first block of the branch that shadows this one, as ordinals; a fork that would begin on a
// branch does not happen.
static std::optional<std::uint64_t> branch_over(Scenario const& scenario, std::size_t chain,
                                                std::uint64_t ordinal) {
    std::map<std::uint64_t, std::uint64_t> forks; // the longest of those at a block
    for (Event const& event : scenario.events)
        if (event.kind == Kind::fork && event.chain == chain)
            forks[event.at] = std::max(forks[event.at], event.length);
    std::uint64_t free_from = 0;
    for (auto const& [at, length] : forks) {
        if (at < free_from) continue;
        free_from = at + length;
        if (ordinal >= at && ordinal < free_from) return at;
    }
    return std::nullopt;
}

// Of a block left behind: the node gives it the events of the block before it on its branch, which
// are those of the block before the fork; where the runtime changes in between, it begins anew with
// the events of the first block that the other one executes.
std::optional<std::uint32_t> Oracle::forked_from(std::uint32_t block) const {
    auto const first = branch_over(scenario_, index_, block - Chain::first_number);
    if (!first) return std::nullopt;
    std::uint32_t source = Chain::first_number + static_cast<std::uint32_t>(*first) - 1;
    for (std::uint32_t number = source + 1; number <= block; ++number)
        if (chain_.block(number).data.spec_version != chain_.block(number - 1).data.spec_version)
            source = number;
    return source;
}

bool Oracle::garbled(std::uint32_t block) const {
    std::uint32_t const ordinal = block - Chain::first_number;
    return std::ranges::any_of(scenario_.events, [&](Event const& event) {
        return event.kind == Kind::garbage_events && event.chain == index_ && ordinal >= event.at &&
               ordinal < event.at + event.length;
    });
}

Sent const* Oracle::find(Told const& told, std::uint32_t meant_in, u128 factor) const {
    for (Sent const& sent : chain_.block(meant_in).sent) {
        auto const severity = severity_of(sent, sent.amount * factor, told.rule);
        if (sent.event_index != told.event_index || !severity) continue;
        Sent there = sent;
        there.block = told.block;
        there.amount *= factor;
        if (decimal(there.amount) == told.amount && *severity == told.severity &&
            decoders::hex_text(there.from.bytes()) == told.from &&
            decoders::hex_text(there.to.bytes()) == told.to &&
            alert_id_text(chain_.genesis(), there, told.rule) == told.id)
            return &sent;
    }
    return nullptr;
}

Verdict Oracle::judge(Told const& told, std::uint32_t finalized) {
    if (told.block < Chain::first_number || told.block > finalized + 1'000)
        return "a block that does not exist";
    bool const happened = find(told, told.block, 1) != nullptr;
    auto const before_fork = forked_from(told.block);
    bool const left = before_fork && find(told, *before_fork, 1) != nullptr;
    bool const wrong_row = told.path == "legacy" && scenario_.has(Kind::wrong_amount, index_) &&
                           find(told, told.block, 10) != nullptr;
    if (!happened && !left && !wrong_row) return "this has not happened";
    if (told.state == "final" && !happened && !wrong_row) return "final, but it has not happened";
    if (told.state == "final" && told.path == "hybrid" && told.block > finalized)
        return fmt::format("final, but no node has finalized more than {}", finalized);
    auto const& real = chain_.block(told.block).data;
    if (told.state == "final" && !told.hash.empty() && told.hash != decoders::hex_text(real.hash))
        return "final, with the hash of a block that was left";
    State& known = states_[told.id];
    if (told.amended) {
        if (told.state != known.state) return "amended in a state it is not in";
        return std::nullopt;
    }
    if (!may_follow(known.state, told.state))
        return fmt::format("{} after {}", told.state,
                           known.state.empty() ? "nothing" : known.state);
    if (known.state.empty() && scenario_.chains[index_].legacy)
        if (auto wrong = speakers_.judge(told.from, told.to, told.path == "hybrid", told.fallback,
                                         told.epoch))
            return wrong;
    wrong_rows_ += wrong_row && known.state.empty();
    known = {told.state, told.block, told.path == "legacy"};
    return std::nullopt;
}

// ---- what lacks ---------------------------------------------------------------------------------

Verdict Oracle::lacks(Sent const& sent, std::string_view rule) const {
    if (!severity_of(sent, sent.amount, rule) || garbled(sent.block)) return std::nullopt;
    // A row that Subscan hides is told by hybrid, if hybrid has any share then.
    bool const may_lack = scenario_.hides_rows(index_) && scenario_.hybrid_may_be_out();
    auto const known = states_.find(alert_id_text(chain_.genesis(), sent, rule));
    if (known == states_.end() && may_lack) return std::nullopt;
    if (known == states_.end())
        return fmt::format("{}: event {} of block {} was not told", rule, sent.event_index,
                           sent.block);
    // Legacy takes back what Subscan has shown and then hides.
    bool const hidden =
        scenario_.hides_rows(index_) && known->second.legacy && known->second.state == "retracted";
    if (known->second.state != "final" && !hidden)
        return fmt::format("event {} of block {} is {}", sent.event_index, sent.block,
                           known->second.state);
    return std::nullopt;
}

Verdict Oracle::lacks(std::uint32_t last) const {
    for (std::uint32_t number = Chain::first_number; number <= last; ++number)
        for (Sent const& sent : chain_.block(number).sent) {
            if (auto wrong = lacks(sent, Chain::rule)) return wrong;
            if (!scenario_.watch) continue;
            if (auto wrong = lacks(sent, Chain::watch_rule)) return wrong;
        }
    for (auto const& [id, known] : states_)
        if (known.block <= last && known.state == "seen")
            return fmt::format("alert {} of block {} is left as seen", id, known.block);
    return std::nullopt;
}

Verdict Oracle::ledger(stages::LedgerView const& view, std::uint32_t last) const {
    if (view.ranges.size() != 1 || !view.holes.empty())
        return fmt::format("the ledger has {} ranges and {} holes", view.ranges.size(),
                           view.holes.size());
    auto const& range = view.ranges[0];
    if (range.from > Chain::first_number + 1 || range.to < last)
        return fmt::format("the ledger covers {} to {}, not to {}", range.from, range.to, last);
    for (std::uint32_t const number : view.incomplete)
        if (!garbled(number)) return fmt::format("block {} is incomplete", number);
    return digest(view, last);
}

Verdict Oracle::digest(stages::LedgerView const& view, std::uint32_t) const {
    auto const& range = view.ranges[0];
    if (range.blocks != range.to - range.from + 1) return "a range with another number of blocks";
    if (scenario_.has(Kind::garbage_events, index_)) return std::nullopt; // other events were read
    stages::Digest sum{};
    for (std::uint32_t number = range.from; number <= range.to; ++number) {
        auto const& block = chain_.block(number).data;
        stages::add_digest(
            sum, stages::block_digest(number, block.hash, decoders::xxh3_128(block.events)));
    }
    if (sum != range.digest) return "the ledger's digest is not that of the chain";
    return std::nullopt;
}

} // namespace sim
