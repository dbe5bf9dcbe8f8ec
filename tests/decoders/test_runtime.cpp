// Metadata of every version, movements, samples, token lookups, allocation.
#include "decoders/events.hpp"
#include "decoders/hex.hpp"
#include "decoders/jsonrpc.hpp"
#include "decoders/samples.hpp"
#include "decoders/value.hpp"
#include "tests/decoders/corpus.hpp"
#include "tests/decoders/count_new.hpp"

#include <iostream>

namespace {

using namespace decoders;

Runtime const& polkadot() { return tests::runtime_of("metadata/polkadot-2000000.v15.scale"); }

// 14, 15, 16 in the name of the file.
int version_of(std::string const& name) {
    auto const at = name.find(".v");
    return std::stoi(name.substr(at + 2));
}

} // namespace

TEST(Metadata, every_version_of_the_corpus) {
    NEEDS_CORPUS();
    std::size_t good = 0, refused = 0;
    for (auto const& path : tests::files_in("metadata", ".scale")) {
        auto const name = path.filename().string();
        auto const bytes = tests::read_file(path);
        auto const runtime = compile(pipeline::as_bytes(bytes));
        if (version_of(name) < 14) {
            ASSERT_FALSE(runtime.has_value());
            EXPECT_NE(describe(runtime.error()).find("is not supported"), std::string::npos);
            ++refused;
            continue;
        }
        ASSERT_TRUE(runtime.has_value()) << name << ": " << describe(runtime.error());
        EXPECT_EQ((*runtime)->metadata().version, version_of(name));
        // Files are named chain-spec.vN.scale.
        auto const spec = name.substr(0, name.find(".v"));
        EXPECT_EQ(std::to_string((*runtime)->spec_version()), spec.substr(spec.rfind('-') + 1))
            << name;
        EXPECT_FALSE((*runtime)->movements().empty()) << name;
        EXPECT_TRUE((*runtime)->blind().empty()) << name;
        bool const ethereum = name.starts_with("mythos") || name.starts_with("moonriver");
        EXPECT_EQ((*runtime)->account_size(), ethereum ? 20 : 32) << name;
        ++good;
    }
    EXPECT_EQ(good, 27u);
    EXPECT_EQ(refused, 7u);
}

TEST(Metadata, damaged_bytes_are_refused) {
    NEEDS_CORPUS();
    auto bytes =
        tests::read_file(tests::corpus_dir() / "metadata/substrate-contracts-node-100.v14.scale");
    for (std::size_t size = 0; size < bytes.size(); size += 97) {
        EXPECT_FALSE(compile(pipeline::as_bytes(bytes).first(size)).has_value()) << size;
    }
    SampleRandom random(11);
    for (int i = 0; i < 300; ++i) { // no crash, no hang; some damage is harmless
        auto const at = random.below(bytes.size());
        auto const before = bytes[at];
        bytes[at] = static_cast<char>(random.next());
        static_cast<void>(compile(pipeline::as_bytes(bytes)));
        bytes[at] = before;
    }
    EXPECT_EQ(compile({}).error().code, Code::not_metadata);
    auto const magic = pipeline::as_bytes("meta");
    EXPECT_EQ(compile(magic).error().code, Code::end_of_input);
}

TEST(Metadata, opaque_wrapping) {
    std::vector<std::uint8_t> const none = {0};
    EXPECT_FALSE(unwrap_opaque_metadata(none).value().has_value());
    std::vector<std::uint8_t> const some = {1, 8, 'm', 'e'};
    EXPECT_EQ(unwrap_opaque_metadata(some).value()->size(), 2u);
    std::vector<std::uint8_t> const cut = {1, 12, 'm', 'e'};
    EXPECT_FALSE(unwrap_opaque_metadata(cut).has_value());
    EXPECT_FALSE(unwrap_opaque_metadata({}).has_value());
}

TEST(Runtime, polkadot_s_constants) {
    NEEDS_CORPUS();
    EXPECT_EQ(polkadot().spec_name(), "polkadot");
    EXPECT_EQ(polkadot().spec_version(), 2'000'000u);
    EXPECT_EQ(polkadot().ss58_prefix(), 0);
    auto const* account = polkadot().metadata().find_storage("System", "Account");
    ASSERT_NE(account, nullptr);
    EXPECT_EQ(account->hashers, std::vector{Hasher::blake2_128_concat});
    EXPECT_EQ(polkadot().metadata().find_storage("System", "Nothing"), nullptr);
}

// Events written for every movement of every runtime come back as they were.
TEST(Samples, movements_go_round_on_every_runtime) {
    NEEDS_CORPUS();
    SampleRandom random(2);
    for (auto const& path : tests::files_in("metadata", ".scale")) {
        if (version_of(path.filename().string()) < 14) continue;
        auto const& runtime = tests::runtime_of("metadata/" + path.filename().string());
        for (std::size_t i = 0; i < runtime.movements().size(); ++i) {
            Account from, to;
            for (auto& byte : from.key) byte = static_cast<std::uint8_t>(random.next());
            from = account_of(from.key, runtime.account_size());
            to = account_of(from.key + 1, 16 + 4);
            to = account_of(to.key, runtime.account_size());
            std::vector<std::uint8_t> event, value = {4};
            auto const done = encode_movement(runtime, i, from, to, 123456789, {}, random, event);
            ASSERT_TRUE(done.has_value()) << path << describe(done.error());
            append_record(3, event, value);
            std::vector<Movement> found;
            auto const keep = [&](auto const& one) { found.push_back(one); };
            ASSERT_TRUE(scan_movements(runtime, value, every_movement(), keep));
            ASSERT_EQ(found.size(), 1u) << path;
            auto const& known = runtime.movements()[i];
            EXPECT_EQ(found[0].source, i);
            EXPECT_EQ(found[0].from, known.has_from ? from : Account{}) << known.event;
            EXPECT_EQ(found[0].to, known.has_to ? to : Account{}) << known.event;
            EXPECT_TRUE(found[0].amount == (known.has_amount ? 123456789 : 0)) << known.event;
            EXPECT_EQ(found[0].extrinsic_index, 3u);
        }
    }
}

// A sample of every type passes through the plan and through JSON, both taking every byte.
TEST(Samples, every_type_of_every_runtime) {
    NEEDS_CORPUS();
    SampleRandom random(1);
    std::size_t sampled = 0, impossible = 0;
    for (auto const& path : tests::files_in("metadata", ".scale")) {
        if (version_of(path.filename().string()) < 14) continue;
        auto const& runtime = tests::runtime_of("metadata/" + path.filename().string());
        for (TypeId id = 0; id < runtime.metadata().types.size(); ++id) {
            std::vector<std::uint8_t> bytes;
            if (!sample_value(runtime, id, random, bytes)) {
                ++impossible;
                continue;
            }
            std::string json;
            auto const shown = value_to_json(runtime, id, bytes, json);
            ASSERT_TRUE(shown.has_value())
                << path << runtime.metadata().type_name(id) << describe(shown.error());
            Walk walk{bytes.data(), bytes.data() + bytes.size(), Code{}, no_type};
            ASSERT_TRUE(pass(runtime.plans(), runtime.plans().types[id], walk)) << path << id;
            ASSERT_EQ(walk.at, walk.end) << path << runtime.metadata().type_name(id);
            ++sampled;
        }
    }
    std::cerr << sampled << " values, " << impossible << " types without values\n";
    EXPECT_GT(sampled, 15'000u);
}

TEST(Value, token_info_of_assets_metadata) {
    NEEDS_CORPUS();
    auto const& runtime = tests::runtime_of("metadata/asset-hub-polkadot-2000000.v15.scale");
    auto const* entry = runtime.metadata().find_storage("Assets", "Metadata");
    ASSERT_NE(entry, nullptr);
    SampleRandom random(1);
    std::vector<std::uint8_t> bytes;
    auto const fill = [](std::string_view name, std::size_t, TypeId,
                         std::vector<std::uint8_t>& out) {
        std::string_view const text = name == "symbol"   ? "\x10USDT"
                                    : name == "decimals" ? "\x06"
                                                         : "";
        out.insert(out.end(), text.begin(), text.end());
        return !text.empty();
    };
    ASSERT_TRUE(sample_value(runtime, entry->value, random, bytes, fill));
    auto const info = token_info(runtime, entry->value, bytes);
    ASSERT_TRUE(info.has_value());
    EXPECT_EQ(info->symbol, "USDT");
    EXPECT_EQ(info->decimals, 6);
    bytes.resize(bytes.size() / 2);
    EXPECT_FALSE(token_info(runtime, entry->value, bytes).has_value());
}

// Envelope, hex and scan of real blocks, a second time round: not one allocation.
TEST(Allocation, the_hot_path_has_none) {
    NEEDS_CORPUS();
    JsonRpc rpc(1u << 20);
    std::vector<std::uint8_t> value(1u << 19);
    std::size_t transfers = 0;
    tests::each_block([&](tests::Block const& block) {
        auto const key = std::string(64, '1');
        std::string frame =
            R"({"method":"state_storage","params":{"subscription":"a","result":{"block":"0x)" +
            key + R"(","changes":[["0x)" + key + "\",\"" + hex_text(block.value) + "\"]]}}}";
        frame.reserve(frame.size() + pipeline::json_padding);
        auto const wanted_key = tests::from_hex(key);
        for (int round = 0; round < 2; ++round) {
            auto const before = tests::allocations();
            auto const envelope = rpc.parse(frame);
            WantedChange wanted[] = {{.key = wanted_key}};
            auto const changes = rpc.storage_changes(wanted);
            auto const size = hex_decode(wanted[0].value, value);
            auto const scanned =
                scan_transfers(*block.runtime, Bytes(value).first(size.value_or(0)),
                               [&](Movement const&) { ++transfers; });
            auto const after = tests::allocations();
            ASSERT_TRUE(envelope && changes && scanned) << block.name;
            ASSERT_TRUE(round == 0 || before == after) << block.name << ": " << after - before;
        }
    });
    EXPECT_GT(transfers, 0u);
}
