// Every admin command, in words and in JSON.
#include "stages/control.hpp"

#include "decoders/hex.hpp"
#include "io/loopback_network.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

using namespace stages;
using pipeline::Turn;

namespace {

struct Desk {
    explicit Desk(std::unique_ptr<io::UnixServer> server = nullptr)
        : control({.version = "1.2.3",
                   .chains = {{"polkadot", {"a.example:443", "b.example:9944"}},
                              {"kusama", {"[::1]:9944"}}},
                   .uid = 107,
                   .pid = 4242},
                  std::move(server),
                  {switchboard, metrics,
                   [this](pipeline::Nanoseconds drain) { shutdowns.push_back(drain); },
                   [this] { return ledgers; }},
                  pipeline::second, steer) {}

    std::string ask(std::string_view line, Role role = Role::admin) {
        return control.answer(line, {role, "uid 1"}, turn);
    }
    simdjson::dom::element json(std::string_view line, Role role = Role::admin) {
        std::string const text = ask(line, role);
        EXPECT_EQ(text.find('\n'), text.size() - 1) << text; // one line
        return parser.parse(text).value();
    }
    void note(std::uint16_t chain, SourceState state, std::uint32_t best) {
        SourceNote made;
        made.chain = chain;
        made.endpoint = chain == 0 ? 1 : 0;
        made.state = state;
        made.best = best;
        made.finalized = best - 2;
        made.spec_version = 9;
        made.head_unix_ms = 60'000;
        made.facts.genesis.fill(0x91);
        made.facts.symbol.assign("D\"OT");
        made.facts.decimals = 10;
        control.on({made, {}}, turn);
    }

    pipeline::Link<Steer> steer{"steer", {.depth = 8, .when_full = pipeline::WhenFull::drop}};
    pipeline::Switchboard switchboard{{}};
    pipeline::MetricsBook metrics;
    std::vector<pipeline::Nanoseconds> shutdowns;
    std::expected<std::vector<LedgerView>, std::string> ledgers;
    Control control;
    Turn turn{.now = 91 * pipeline::second,
              .unix_ms = 61'500,
              .regime = {.epoch = 3, .mode = pipeline::Mode::hybrid_only, .hybrid_buckets = 1'500}};
    simdjson::dom::parser parser;
};

} // namespace

TEST(Control, status_as_json_has_the_members_of_the_interface) {
    Desk desk;
    desk.note(0, SourceState::following, 100);
    auto const status = desk.json(R"({"command":["status"]})");
    EXPECT_EQ(
        simdjson::minify(status),
        R"({"ok":true,"version":"1.2.3","uptime_s":90,"epoch":3,"mode":"hybrid-only",)"
        R"("hybrid_traffic_percent":15,"ready":false,"locked":false,"lock_reason":null,"chains":[)"
        R"({"name":"polkadot","genesis":"0x)" +
            [] {
                std::string digits;
                for (int i = 0; i < 32; ++i) digits += "91";
                return digits;
            }() +
            R"(","symbol":"D\"OT","decimals":10,"best":100,"finalized":98,"lag_s":1.5,)"
            R"("path":"hybrid","endpoint":"b.example:9944","state":"following",)"
            R"("spec_version":9,"legacy":null},)"
            R"({"name":"kusama","genesis":null,"symbol":null,"decimals":null,"best":0,)"
            R"("finalized":0,"lag_s":null,"path":"hybrid","endpoint":"[::1]:9944",)"
            R"("state":"waiting","spec_version":0,"legacy":null}],"subscan":null,)"
            R"("processes":[{"name":"spyhop","pid":4242,"restarts":0}],"rules":[]})");
}

TEST(Control, status_as_text_ends_with_an_empty_line) {
    Desk desk;
    desk.note(0, SourceState::following, 100);
    std::string const text = desk.ask("status", Role::viewer);
    EXPECT_TRUE(text.ends_with("\n\n"));
    EXPECT_NE(text.find("polkadot  following   hybrid only         100          98     1.5 s"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("not ready, mode hybrid-only, hybrid traffic 15 %"), std::string::npos)
        << text;
}

TEST(Control, sources_are_every_node_the_reader_of_history_and_subscan) {
    Desk desk;
    desk.note(0, SourceState::following, 100);
    stages::HistoryNote filling;
    filling.chain = 1;
    filling.state = SourceState::greeting;
    filling.left = 8;
    desk.control.on({filling, {}}, desk.turn);
    auto const all = desk.json(R"({"command":["sources"]})")["sources"];
    EXPECT_EQ(simdjson::minify(all.at(1)),
              R"({"chain":"polkadot","kind":"node","endpoint":"b.example:9944",)"
              R"("state":"following","best":100,"finalized":98,"heard_s_ago":1.5,)"
              R"("note":"runtime 9"})");
    std::string told;
    for (auto const one : all.get_array())
        told += std::string(one["kind"].get_string().value()) + ' ' +
                std::string(one["state"].get_string().value()) + ' ';
    EXPECT_EQ(told, "node spare node following node waiting history greeting ");
    std::string const table = desk.ask("sources", Role::viewer);
    EXPECT_NE(table.find("polkadot  node     b.example:9944  following          100          98"
                         "      1.5 s  runtime 9\n"),
              std::string::npos)
        << table;
    EXPECT_NE(table.find("8 blocks left"), std::string::npos) << table;
}

TEST(Control, status_shows_how_a_catch_up_is_coming_along_while_there_is_one) {
    Desk desk;
    stages::HistoryNote note;
    note.chain = 1;
    note.state = SourceState::following;
    note.next = 1'234;
    note.left = 8'000;
    note.blocks_per_second = 2'000;
    note.trouble.assign("it said \"no\"");
    desk.control.on({note, {}}, desk.turn);
    auto const status = desk.json(R"({"command":["status"]})");
    EXPECT_EQ(simdjson::minify(status["chains"].at(1)["catch_up"]),
              R"({"state":"following","next":1234,"left":8000,"blocks_per_second":2000,)"
              R"("endpoint":"[::1]:9944","trouble":"it said \"no\""})");
    EXPECT_TRUE(status["chains"].at(0)["catch_up"].error());
    std::string const line = "catching up: 8000 blocks left, from 1234, 2000 blocks/s; it said";
    EXPECT_NE(desk.ask("status").find(line), std::string::npos) << desk.ask("status");
    note.left = 0;
    desk.control.on({note, {}}, desk.turn);
    EXPECT_EQ(desk.ask("status").find("catching up"), std::string::npos);
}

TEST(Control, is_ready_when_every_chain_is_followed_and_has_a_head) {
    Desk desk;
    auto const ready = [&] {
        return desk.json(R"({"command":["status"]})")["ready"].get_bool().value();
    };
    EXPECT_FALSE(ready());
    desk.note(0, SourceState::following, 100);
    EXPECT_FALSE(ready());
    desk.note(1, SourceState::following, 0);
    EXPECT_FALSE(ready());
    desk.note(1, SourceState::following, 5);
    EXPECT_TRUE(ready());
    desk.note(0, SourceState::waiting, 100);
    EXPECT_FALSE(ready());
}

TEST(Control, metrics_in_the_text_format_of_prometheus) {
    Desk desk;
    static constexpr pipeline::MetricRow rows[] = {
        {"spyhop_test_things_total", pipeline::MetricKind::counter, "Things."}};
    desk.metrics.add("chain=\"polkadot\"", rows).add(0, 5);
    EXPECT_EQ(desk.ask("metrics", Role::viewer),
              "# HELP spyhop_test_things_total Things.\n# TYPE spyhop_test_things_total counter\n"
              "spyhop_test_things_total{chain=\"polkadot\"} 5\n\n");
    auto const reply = desk.json(R"({"command":["metrics"]})");
    EXPECT_NE(reply["exposition"].get_string().value().find("} 5\n"), std::string_view::npos);
}

TEST(Control, an_answer_in_json_brings_its_text_when_asked_to) {
    Desk desk;
    auto const reply = desk.json(R"({"command":["shutdown"],"args":{"text":true}})");
    EXPECT_EQ(reply["text"].get_string().value(), "draining, for at most 10 s");
}

TEST(Control, shutdown_drains_for_as_long_as_it_is_told) {
    Desk desk;
    EXPECT_EQ(desk.ask("shutdown"), "draining, for at most 10 s\n\n");
    EXPECT_EQ(desk.ask("shutdown --drain 3s"), "draining, for at most 3 s\n\n");
    auto const reply = desk.json(R"({"command":["shutdown"],"args":{"drain":"1m"}})");
    EXPECT_EQ(simdjson::minify(reply), R"({"ok":true,"draining":true,"drain_max_s":60})");
    EXPECT_EQ(desk.shutdowns,
              (std::vector{10 * pipeline::second, 3 * pipeline::second, 60 * pipeline::second}));
}

TEST(Control, shutdown_refuses_a_duration_that_is_none) {
    Desk desk;
    EXPECT_TRUE(
        desk.ask("shutdown --drain soon").starts_with("error: --drain soon: a duration is"));
    auto const reply = desk.json(R"({"command":["shutdown"],"args":{"drain":10}})");
    EXPECT_EQ(reply["code"].get_int64().value(), 2);
    EXPECT_TRUE(desk.shutdowns.empty());
}

TEST(Control, only_an_admin_may_shut_down) {
    Desk desk;
    for (Role role : {Role::viewer, Role::operator_}) {
        EXPECT_TRUE(desk.ask("shutdown", role).starts_with("error: shutdown needs the rights"));
        auto const reply = desk.json(R"({"command":["shutdown"]})", role);
        EXPECT_FALSE(reply["ok"].get_bool().value());
        EXPECT_EQ(reply["code"].get_int64().value(), 4);
    }
    EXPECT_TRUE(desk.shutdowns.empty());
}

// Without a governor the answer is that there are no flags, but only to whoever might set them.
TEST(Control, an_operator_may_roll_back_and_an_admin_alone_unlock) {
    Desk desk;
    auto const refused = [&](char const* line, Role role) {
        return desk.ask(line, role).contains("needs the rights");
    };
    for (char const* line : {"rollback --reason x", "flag set hybrid_traffic_percent 1",
                             "rollout start", "incident ack 1", "pin x legacy"}) {
        EXPECT_TRUE(refused(line, Role::viewer)) << line;
        EXPECT_FALSE(refused(line, Role::operator_)) << line;
    }
    EXPECT_TRUE(refused("unlock --reason x", Role::operator_));
    EXPECT_FALSE(refused("unlock --reason x", Role::admin));
    for (char const* line : {"flags", "health", "ready", "shadow report", "audit", "incidents"})
        EXPECT_FALSE(refused(line, Role::viewer)) << line;
}

TEST(Control, help_lists_every_command) {
    Desk desk;
    std::string const text = desk.ask("help", Role::viewer);
    auto const reply = desk.json(R"({"command":["help"]})", Role::viewer);
    simdjson::dom::array const names = reply["commands"].get_array().value();
    EXPECT_EQ(names.size(), 29u);
    for (auto const name : names)
        EXPECT_NE(text.find(name.get_string().value()), std::string::npos);
}

TEST(Control, coverage_shows_every_configured_chain_and_what_is_done_about_holes) {
    Desk desk;
    LedgerView polkadot{.name = "polkadot"};
    polkadot.genesis.fill(0x91);
    polkadot.ranges.push_back({.from = 7, .to = 9, .from_parent = {}, .to_hash = {}, .blocks = 3});
    polkadot.holes.push_back({4, 6, "not read yet", ""});
    desk.ledgers = std::vector{LedgerView{.name = "of an older configuration"}, polkadot};
    HistoryNote note;
    note.state = SourceState::following;
    note.left = 2;
    desk.control.on({note, {}}, desk.turn);
    auto const reply = desk.json(R"({"command":["coverage"]})", Role::viewer);
    auto const chains = reply["chains"].get_array().value();
    ASSERT_EQ(chains.size(), 2U);
    EXPECT_EQ(chains.at(0)["name"].get_string().value(), "polkadot");
    EXPECT_EQ(chains.at(0)["holes"].at(0)["action"].get_string().value(),
              "being read: 2 blocks left");
    EXPECT_EQ(chains.at(1)["name"].get_string().value(), "kusama");
    EXPECT_EQ(chains.at(1)["ranges"].get_array().value().size(), 0U);
    desk.ledgers = std::unexpected("alerts.db: no such file");
    auto const refused = desk.json(R"({"command":["coverage"]})");
    EXPECT_EQ(refused["code"].get_int64().value(), 1);
    EXPECT_EQ(refused["error"].get_string().value(), "alerts.db: no such file");
}

TEST(Control, an_unknown_command_gets_the_nearest) {
    Desk desk;
    EXPECT_EQ(desk.ask("stauts"), "error: there is no command 'stauts'; did you mean status?\n\n");
    EXPECT_EQ(desk.ask("xyzzy"), "error: there is no command 'xyzzy'; try: help\n\n");
    auto const reply = desk.json(R"({"command":["sta\"tus"]})");
    EXPECT_EQ(reply["code"].get_int64().value(), 2);
}

TEST(Control, bad_requests_are_answered_in_their_own_form) {
    Desk desk;
    EXPECT_EQ(desk.ask(""), "error: an empty command; try: status\n\n");
    auto const reply = desk.json("{\"command\":");
    EXPECT_FALSE(reply["ok"].get_bool().value());
    EXPECT_EQ(reply["code"].get_int64().value(), 2);
    desk.json("{\"command\":[\"\x01\xff\"]}");
}

// ---- over the socket: who asks decides --------------------------------------------------------

TEST(Control, the_peer_of_the_socket_decides_the_role) {
    struct Case {
        std::uint32_t uid;
        bool admin;
    };
    for (auto const& [uid, admin] : {Case{0, true}, Case{107, true}, Case{1000, false}}) {
        pipeline::ManualClock clock;
        io::LoopbackNetwork network(clock);
        auto server = io::UnixServer::create(network, "/admin.sock", clock);
        ASSERT_TRUE(server);
        Desk desk(std::move(*server));
        auto const client = network.connect_unix("/admin.sock", {.uid = uid});
        std::string answer;
        bool sent = false;
        for (int i = 0; i < 100; ++i) {
            network.step();
            if (!sent && client->state() == io::StreamState::open)
                sent = client->write(pipeline::as_bytes("shutdown\n")) > 0;
            while (desk.control.tick(desk.turn)) {}
            answer += pipeline::as_text(client->readable());
            client->consume(client->readable().size());
        }
        EXPECT_EQ(desk.shutdowns.size(), admin ? 1u : 0u) << uid << ": " << answer;
        EXPECT_EQ(answer.starts_with("draining"), admin) << answer;
        EXPECT_TRUE(answer.ends_with("\n\n")) << answer;
    }
}
