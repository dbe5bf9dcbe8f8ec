// The stand-in node's frames have the shapes of a recorded session with a server that executes a
// real
// runtime: same members, same kinds of values. Needs the corpus ($SPYHOP_CORPUS).
#include "tests/stages/standin_fixture.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

namespace {

using namespace standin_test;
using simdjson::dom::element;

// {"a":hex,"b":[number]}: the members and kinds of a value, without the values.
std::string shape(element value) {
    simdjson::dom::array list;
    simdjson::dom::object object;
    std::string_view text;
    if (value.get(object) == simdjson::SUCCESS) {
        std::map<std::string, std::string> members;
        for (auto const field : object) members[std::string(field.key)] = shape(field.value);
        std::string out = "{";
        for (auto const& [name, kind] : members) out += fmt::format("{}:{},", name, kind);
        return out + "}";
    }
    if (value.get(list) == simdjson::SUCCESS) {
        std::set<std::string> kinds;
        for (auto const each : list) kinds.insert(shape(element(each)));
        return fmt::format("[{}]", fmt::join(kinds, "|"));
    }
    if (value.get(text) == simdjson::SUCCESS) return text.starts_with("0x") ? "hex" : "text";
    return value.is_number() ? "number" : value.is_null() ? "null" : "bool";
}

std::string corpus() {
    char const* const from = std::getenv("SPYHOP_CORPUS");
    return from != nullptr ? from : "../shared/corpus";
}

// Everything the server sent, by what it answers or notifies: method -> shapes of the result.
using Shapes = std::map<std::string, std::set<std::string>>;

Shapes recorded_shapes(std::string const& path) {
    Shapes shapes;
    std::map<std::int64_t, std::string> asked;
    std::ifstream file(path);
    simdjson::dom::parser parser;
    for (std::string line; std::getline(file, line);) {
        element frame;
        EXPECT_EQ(parser.parse(line)["frame"].get(frame), simdjson::SUCCESS);
        std::int64_t id = 0;
        std::string_view method;
        bool const named = frame["method"].get(method) == simdjson::SUCCESS;
        element result;
        if (frame["id"].get(id) != simdjson::SUCCESS) {
            if (frame["params"].get(result) == simdjson::SUCCESS) {
                shapes[std::string(method)].insert(shape(result));
            }
        } else if (named) {
            asked[id] = method;
        } else if (frame["result"].get(result) == simdjson::SUCCESS) {
            shapes[asked[id]].insert(shape(result));
        }
    }
    return shapes;
}

// A node whose only block has a digest, extrinsics and events, like those of the session.
Shapes our_shapes() {
    Node node(linear_chain(4));
    Shapes shapes;
    simdjson::dom::parser parser;
    auto const note = [&](std::string const& method, std::string const& json) {
        element value;
        EXPECT_EQ(parser.parse(json).get(value), simdjson::SUCCESS) << json;
        shapes[method].insert(shape(value));
    };
    std::string const at = in_quotes(node.hash(0));
    std::string const key = in_quotes(events_key);
    for (auto const& [method, params] : std::initializer_list<std::pair<char const*, std::string>>{
             {"chain_getBlockHash", "[0]"},
             {"system_chain", "[]"},
             {"system_name", "[]"},
             {"system_version", "[]"},
             {"system_health", "[]"},
             {"system_properties", "[]"},
             {"state_getMetadata", "[]"},
             {"state_call", R"(["Metadata_metadata_versions","0x"])"},
             {"chain_getHeader", "[]"},
             {"chain_getFinalizedHead", "[]"},
             {"chain_getBlock", "[" + at + "]"},
             {"state_getStorage", "[" + key + "," + at + "]"},
             {"state_queryStorageAt", "[[" + key + "]," + at + "]"},
             {"chain_subscribeNewHeads", "[]"},
             {"chain_subscribeFinalizedHeads", "[]"},
             {"state_subscribeStorage", "[[" + key + "]]"}}) {
        note(method, node.call(method, params));
    }
    for (int i = 0; i < 3; ++i) {
        for (std::string const& text : node.produce()) {
            element frame;
            EXPECT_EQ(parser.parse(text).get(frame), simdjson::SUCCESS);
            std::string_view method;
            EXPECT_EQ(frame["method"].get(method), simdjson::SUCCESS);
            shapes[std::string(method)].insert(shape(frame["params"].value()));
        }
    }
    return shapes;
}

TEST(StandinShapes, are_those_of_a_recorded_session) {
    Shapes const ours = our_shapes();
    for (char const* const session : {"kusama-1000000", "bittensor-218"}) {
        std::string const path = corpus() + "/rpc/" + session + ".jsonl";
        if (!std::ifstream(path)) {
            fmt::print(stderr, "SKIPPED: {} is not there; set SPYHOP_CORPUS\n", path);
            GTEST_SKIP() << path << " is not there";
        }
        Shapes const theirs = recorded_shapes(path);
        for (auto const& [method, shapes] : ours) {
            ASSERT_TRUE(theirs.contains(method)) << method;
            for (std::string const& one : shapes) {
                EXPECT_TRUE(theirs.at(method).contains(one))
                    << session << " " << method << ": ours is " << one << ", theirs are "
                    << fmt::format("{}", fmt::join(theirs.at(method), " and "));
            }
        }
    }
}

} // namespace
