// The recorded sessions of the corpus, frame by frame: a scripted node answers and pushes what a
// real server did, and what comes out at the end must be what @polkadot/api saw in those blocks.
#include "tests/stages/scripted_world.hpp"

#include "decoders/jsonrpc.hpp"
#include "tests/decoders/corpus.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <simdjson.h>

using namespace scripted;

namespace {

std::string text(simdjson::dom::element from) { return simdjson::minify(from); }

// A recording: answers by method and parameters, and the notices in their order.
struct Recording {
    std::map<std::string, std::string> exact;     // method(params) -> members of the reply
    std::map<std::string, std::string> by_method; // where nothing is exact: the first answer
    std::map<std::string, std::string> changes;   // block hash -> change set
    std::map<std::string, std::string> hashes;    // number -> hash, as the next block names it
    std::vector<std::string> notices;

    explicit Recording(std::string const& name) {
        auto const all = tests::read_file(tests::corpus_dir() / "rpc" / (name + ".jsonl"));
        simdjson::dom::parser parser;
        std::map<std::string, std::pair<std::string, std::string>> open; // id -> method, params
        for (std::size_t at = 0; at < all.size();) {
            std::size_t const end = std::min(all.find('\n', at), all.size());
            auto const line = parser.parse(all.substr(at, end - at)).value();
            at = end + 1;
            take(line["frame"].value(), line["dir"].get_string().value() == ">", open);
        }
    }

    void take(simdjson::dom::element frame, bool asked,
              std::map<std::string, std::pair<std::string, std::string>>& open) {
        simdjson::dom::element id, result;
        bool const has_id = frame["id"].get(id) == simdjson::SUCCESS;
        if (asked) {
            std::string params = text(frame["params"].value());
            open[text(id)] = {std::string(frame["method"].get_string().value()),
                              params.substr(1, params.size() - 2)};
            return;
        }
        if (!has_id) {
            notices.push_back(text(frame));
            auto const inside = frame["params"]["result"].value();
            simdjson::dom::element parent, number;
            if (inside["parentHash"].get(parent) == simdjson::SUCCESS &&
                inside["number"].get(number) == simdjson::SUCCESS) {
                auto const above = *decoders::parse_block_number(number.get_string().value());
                hashes[std::to_string(above - 1)] = text(parent);
            }
            if (frame["method"].get_string().value() == "state_storage") keep(inside);
            return;
        }
        auto const& [method, params] = open[text(id)];
        bool const good = frame["result"].get(result) == simdjson::SUCCESS;
        std::string const members =
            good ? "\"result\":" + text(result) : "\"error\":" + text(frame["error"].value());
        exact.emplace(method + '(' + params + ')', members);
        by_method.emplace(method, members);
        if (good && method == "state_queryStorageAt") keep(result.at(0).value());
    }

    void keep(simdjson::dom::element change_set) {
        changes[std::string(change_set["block"].get_string().value())] = text(change_set);
    }

    void serve(Node& node) {
        for (auto const& [method, first] : by_method)
            node.answers[method] = [this, &first](Asked const& question) {
                auto const found = exact.find(question.method + '(' + question.params + ')');
                return found == exact.end() ? first : found->second;
            };
        node.answers["state_queryStorageAt"] = [this](Asked const& question) -> std::string {
            for (auto const& [hash, set] : changes)
                if (question.params.find(hash) != std::string::npos)
                    return "\"result\":[" + set + ']';
            return Node::error(-32000, "unknown block");
        };
        node.answers["chain_getBlockHash"] = [this](Asked const& question) {
            auto const found = hashes.find(question.params);
            return "\"result\":" + (found == hashes.end() ? "null" : found->second);
        };
        node.answers["state_call"] = [this](Asked const& question) -> std::string {
            if (question.params.find("metadata_versions") != std::string::npos)
                return exact.at(R"(state_call("Metadata_metadata_versions","0x"))");
            return Node::error(-32603, "not recorded"); // state_getMetadata was
        };
    }
};

// "2 0xhash 5 from to amount", the words by which a transfer is told from every other.
std::vector<std::string> truth_of(std::string const& name, simdjson::dom::parser& parser,
                                  simdjson::dom::element& truth) {
    auto const path = tests::corpus_dir() / "rpc" / (name + ".truth.json");
    truth = parser.load(path.string()).value();
    std::vector<std::string> words;
    simdjson::dom::array const blocks = truth["blocks"].get_array().value();
    for (auto const block : blocks) {
        simdjson::dom::array const transfers = block["transfers"].get_array().value();
        for (auto const transfer : transfers)
            words.push_back(fmt::format(
                "{} {} {} {} {} {}", text(block["number"].value()),
                block["hash"].get_string().value(), text(transfer["eventIndex"].value()),
                transfer["from"].get_string().value(), transfer["to"].get_string().value(),
                transfer["amount"].get_string().value()));
    }
    return words;
}

std::vector<std::string> words_of(std::vector<std::string> const& lines, std::string_view state) {
    std::vector<std::string> words;
    simdjson::dom::parser parser;
    for (std::string const& line : lines) {
        auto const alert = parser.parse(line).value();
        if (alert["state"].get_string().value() != state) continue;
        words.push_back(fmt::format(
            "{} {} {} {} {} {}", text(alert["block"]["number"].value()),
            alert["block"]["hash"].get_string().value(), text(alert["event"]["index"].value()),
            alert["from"]["address"].get_string().value(),
            alert["to"]["address"].get_string().value(), alert["amount_raw"].get_string().value()));
    }
    return words;
}

void expect_replay(std::string const& name, std::size_t transfers, bool finalized_only) {
    Recording recording(name);
    Settings settings;
    settings.source.follower.finalized_only = finalized_only;
    PipelineWorld world(name, std::move(settings));
    recording.serve(world.node);
    world.connect(world.node);
    for (std::string const& notice : recording.notices) {
        world.node.send(notice);
        world.run_for(200 * pipeline::millisecond);
    }
    world.run_for(5 * pipeline::second);

    simdjson::dom::parser parser;
    simdjson::dom::element truth;
    auto wanted = truth_of(name, parser, truth);
    ASSERT_EQ(wanted.size(), transfers);
    auto const lines = world.lines();
    auto final = words_of(lines, "final");
    auto seen = words_of(lines, "seen");
    std::sort(wanted.begin(), wanted.end());
    std::sort(final.begin(), final.end());
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(final, wanted);
    EXPECT_TRUE(seen.empty() || !finalized_only);
    EXPECT_TRUE(words_of(lines, "retracted").empty());
    EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end()); // none said twice

    std::string const symbol(truth["symbol"].get_string().value());
    for (std::string const& line : lines) {
        EXPECT_NE(line.find("\"symbol\":\"" + symbol + '"'), std::string::npos) << line;
        EXPECT_NE(line.find("\"decimals\":" + text(truth["decimals"].value())), std::string::npos);
    }
    EXPECT_EQ(world.metric(stages::SourceMetric::malformed), 0u) << world.log.all();
    EXPECT_EQ(world.metric(stages::SourceMetric::disconnects), 0u) << world.log.all();
    EXPECT_EQ(world.metric(stages::SourceMetric::holes), 0u) << world.log.all();
    EXPECT_EQ(world.decode_page->read(stages::DecodeMetric::incomplete), 0u) << world.log.all();
}

} // namespace

TEST(RecordedSession, kusama_follow_best) {
    NEEDS_CORPUS();
    expect_replay("kusama-1000000", 26, false);
}

TEST(RecordedSession, kusama_follow_finalized) {
    NEEDS_CORPUS();
    expect_replay("kusama-1000000", 26, true);
}

TEST(RecordedSession, bittensor_follow_best) {
    NEEDS_CORPUS();
    expect_replay("bittensor-218", 9, false);
}

TEST(RecordedSession, bittensor_follow_finalized) {
    NEEDS_CORPUS();
    expect_replay("bittensor-218", 9, true);
}
