// Extrinsics of recorded blocks, whole and damaged, against the truth beside them.
#include "decoders/extrinsic.hpp"
#include "decoders/hex.hpp"
#include "decoders/samples.hpp"
#include "decoders/scale.hpp"
#include "tests/decoders/corpus.hpp"

#include <iostream>

namespace {

using namespace decoders;

// One extrinsic of a block with its truth.
struct Recorded {
    std::string name;
    Runtime const* runtime;
    std::vector<std::uint8_t> bytes;
    simdjson::dom::element truth;
};

void each_extrinsic(std::function<void(Recorded const&)> const& visit) {
    simdjson::dom::parser parser;
    for (auto const& path : tests::files_in("blocks", ".json")) {
        auto const block = parser.load(path.string()).value();
        auto const& runtime =
            tests::runtime_of(std::string(block["metadata"].get_string().value()));
        auto const texts = block["rpc"]["block"]["extrinsics"].get_array().value();
        std::size_t index = 0;
        for (auto const truth : block["expected"]) {
            auto const text = texts.at(index).get_string().value();
            visit({path.filename().string() + " extrinsic " + std::to_string(index++), &runtime,
                   tests::from_hex(text), truth});
        }
        ASSERT_EQ(index, texts.size()) << path;
    }
}

std::string text_of(simdjson::dom::element truth, char const* key) {
    auto const member = truth[key];
    return member.error() ? "" : std::string(member.get_string().value());
}
std::string text_of(std::optional<pipeline::u128> const& number) {
    return number ? std::to_string(static_cast<std::uint64_t>(*number)) : "";
}

} // namespace

TEST(Extrinsic, every_recorded_one_is_taken_apart) {
    NEEDS_CORPUS();
    std::size_t count = 0, with_signature = 0;
    each_extrinsic([&](Recorded const& one) {
        auto const parts = parse_extrinsic(*one.runtime, one.bytes);
        ASSERT_TRUE(parts.has_value()) << one.name << describe(*one.runtime, parts.error());
        ++count;
        EXPECT_EQ(hex_text(parts->hash), text_of(one.truth, "hash")) << one.name;
        EXPECT_EQ(parts->length, std::uint64_t(one.truth["length"])) << one.name;
        bool const is_signed = bool(one.truth["signed"]);
        EXPECT_EQ(parts->kind == ExtrinsicKind::with_signature, is_signed) << one.name;
        EXPECT_EQ(parts->version | (is_signed ? 0x80u : 0u), std::uint64_t(one.truth["version"]));
        EXPECT_EQ(parts->call[0], std::uint64_t(one.truth["palletIndex"])) << one.name;
        EXPECT_EQ(parts->call[1], std::uint64_t(one.truth["callIndex"])) << one.name;
        EXPECT_EQ(parts->call.size(), std::uint64_t(one.truth["callLength"])) << one.name;
        auto const call = text_of(one.truth, "callHex");
        if (!call.empty()) {
            EXPECT_EQ(hex_text(parts->call), call) << one.name;
        }
        auto const name = call_name(*one.runtime, parts->call);
        EXPECT_EQ(name.pallet, text_of(one.truth, "pallet")) << one.name;
        EXPECT_EQ(name.call, text_of(one.truth, "call")) << one.name;
        EXPECT_EQ(text_of(nonce_of(*one.runtime, *parts)), text_of(one.truth, "nonce"));
        EXPECT_EQ(text_of(tip_of(*one.runtime, *parts)), text_of(one.truth, "tip"));
        if (!is_signed) return;
        ++with_signature;
        auto const signer = text_of(one.truth, "signer");
        EXPECT_EQ(hex_text(parts->address), signer) << one.name;
        // The key is the address' last 32 bytes, in MultiAddress::Id and in a bare account.
        auto const account = signer_of(*one.runtime, *parts);
        EXPECT_EQ(hex_text(account.bytes()).substr(2), signer.substr(signer.size() - 64));
    });
    EXPECT_EQ(count, 160u);
    EXPECT_EQ(with_signature, 32u);
}

// V14 hides the types of an extrinsic's parts in the type parameters of structs in structs.
TEST(Extrinsic, every_runtime_says_what_one_consists_of) {
    NEEDS_CORPUS();
    std::size_t runtimes = 0;
    for (auto const& path : tests::files_in("metadata", ".scale")) {
        auto const name = path.filename().string();
        if (name.find(".v14.") == name.npos && name.find(".v15.") == name.npos &&
            name.find(".v16.") == name.npos) {
            continue;
        }
        auto const& metadata = tests::runtime_of("metadata/" + name).metadata();
        auto const& format = metadata.extrinsic;
        auto const last = [&](TypeId id) {
            return id == no_type ? std::string_view{} : metadata.last_segment(metadata.types[id]);
        };
        auto const address = last(format.address);
        EXPECT_TRUE(address == "MultiAddress" || address == "AccountId32" ||
                    address == "AccountId20")
            << name << address;
        EXPECT_TRUE(last(format.call) == "RuntimeCall" || last(format.call) == "Call") << name;
        EXPECT_TRUE(last(format.signature).ends_with("Signature")) << name;
        ASSERT_EQ(format.sets.size(), 1u) << name;
        EXPECT_EQ(format.sets[0].members.size(), format.extensions.size()) << name;
        EXPECT_EQ(format.find_set(0), &format.sets[0]);
        EXPECT_EQ(format.find_set(1), nullptr);
        EXPECT_EQ(format.version, metadata.version == 16 ? 5 : 4) << name;
        ++runtimes;
    }
    EXPECT_EQ(runtimes, 27u);
}

TEST(Extrinsic, every_cut_of_a_recorded_one_is_an_error) {
    NEEDS_CORPUS();
    std::size_t cuts = 0;
    each_extrinsic([&](Recorded const& one) {
        if (one.bytes.size() > 1500) return;
        Bytes const whole(one.bytes);
        Cursor length(whole);
        auto const body = whole.last(length.compact_u32());
        for (std::size_t size = 0; size < whole.size(); ++size, ++cuts) {
            auto const cut = parse_extrinsic(*one.runtime, whole.first(size));
            ASSERT_FALSE(cut.has_value()) << one.name << " cut at " << size;
            ASSERT_LE(cut.error().error.offset, size) << one.name;
            ASSERT_FALSE(describe(*one.runtime, cut.error()).empty());
            // The length says what there is; the values do not.
            std::vector<std::uint8_t> framed;
            auto const inside = body.first(std::min(size, body.size() - 1));
            append_compact(inside.size(), framed);
            framed.insert(framed.end(), inside.begin(), inside.end());
            for (auto const framing : {Framing::as_in_block, Framing::either}) {
                ASSERT_FALSE(parse_extrinsic(*one.runtime, framed, framing).has_value())
                    << one.name << " cut at " << size;
            }
        }
    });
    EXPECT_GT(cuts, 5'000u);
}
