// Who acts in calls inside calls: against vectors made by other people's code
// (tests/data/calls.jsonl, see make_calls.mjs there), and at the limits.
#include "decoders/calls.hpp"
#include "decoders/hex.hpp"
#include "decoders/samples.hpp"
#include "tests/decoders/corpus.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace {

using namespace decoders;
using List = std::vector<std::uint8_t>;

// Kept for the whole run, as runtime_of() keeps those of the corpus.
Runtime const& shipped(std::string const& metadata) {
    static std::map<std::string, std::unique_ptr<Runtime const>> known;
    auto& slot = known[metadata];
    if (!slot) {
        auto const bytes = tests::read_file("tests/data/" + metadata);
        slot = compile(pipeline::as_bytes(bytes)).value();
    }
    return *slot;
}
Runtime const& polkadot() { return shipped("metadata/polkadot-2000000.v15.scale"); }

Account account(Bytes bytes) {
    return account_of(bytes.data(), static_cast<std::uint8_t>(bytes.size()));
}
std::string text_of(Account const& one) { return one ? hex_text(one.bytes()) : ""; }

std::string shown(Runtime const& runtime, InnerCall const& one) {
    std::vector<std::string> path, via;
    for (auto const& step : one.path) {
        path.push_back(std::to_string(step.item));
        via.push_back(fmt::format("{}.{}", step.pallet, step.call));
    }
    auto const name = call_name(runtime, one.call);
    return fmt::format("{}|{}|{}|{}|{}.{}", fmt::join(path, "."), fmt::join(via, ">"),
                       origin_name(one.actor.origin), text_of(one.actor.account), name.pallet,
                       name.call);
}

// A call of the runtime by names, its arguments' bytes given.
List call_of(Runtime const& runtime, std::string_view pallet, std::string_view call,
             List const& arguments) {
    auto const& metadata = runtime.metadata();
    for (auto const& one : metadata.variants_of(metadata.types[metadata.extrinsic.call])) {
        if (one.name != pallet) continue;
        auto const& calls = metadata.types[metadata.fields_of(one)[0].type];
        for (auto const& variant : metadata.variants_of(calls)) {
            if (variant.name != call) continue;
            List out = {one.index, variant.index};
            out.insert(out.end(), arguments.begin(), arguments.end());
            return out;
        }
    }
    ADD_FAILURE() << "no " << pallet << "." << call;
    return {};
}
List remark() { return call_of(polkadot(), "System", "remark", {0}); }

// batch of `count` times the call.
List batch_of(std::size_t count, List const& call) {
    List arguments;
    append_compact(count, arguments);
    for (std::size_t i = 0; i < count; ++i) {
        arguments.insert(arguments.end(), call.begin(), call.end());
    }
    return call_of(polkadot(), "Utility", "batch", arguments);
}

struct Seen {
    std::size_t calls = 0;
    std::size_t deepest = 0;
    std::expected<CallTotals, Error> totals;
};
Seen walked(List const& call) {
    Seen seen;
    CallTree const tree(polkadot());
    seen.totals = tree.walk(call, {CallOrigin::none, {}}, [&](InnerCall const& one) {
        ++seen.calls;
        seen.deepest = std::max(seen.deepest, one.path.size());
    });
    return seen;
}

} // namespace

TEST(CallTree, says_who_acts_as_other_people_s_code_says) {
    auto const text = tests::read_file("tests/data/calls.jsonl");
    simdjson::dom::parser parser;
    std::size_t lines = 0, left_out = 0;
    for (std::size_t at = 0; at < text.size();) {
        auto const end = std::min(text.find('\n', at), text.size());
        auto const line = parser.parse(text.substr(at, end - at)).value();
        at = end + 1;
        std::string const metadata(line["metadata"].get_string().value());
        bool const recorded = metadata.starts_with("CORPUS/");
        if (recorded && !tests::corpus_present()) {
            ++left_out;
            continue;
        }
        auto const& runtime = recorded ? tests::runtime_of(metadata.substr(7)) : shipped(metadata);
        auto const call = tests::from_hex(line["call"].get_string().value());
        auto const signer = account(tests::from_hex(line["signer"].get_string().value()));
        std::vector<std::string> expected, found;
        for (auto const leaf : line["leaves"]) expected.emplace_back(leaf.get_string().value());
        CallTree const tree(runtime);
        auto const totals =
            tree.walk(call, {CallOrigin::by_account, signer},
                      [&](InnerCall const& one) { found.push_back(shown(runtime, one)); });
        ASSERT_TRUE(totals.has_value()) << describe(totals.error());
        EXPECT_EQ(found, expected);
        EXPECT_TRUE(totals->complete);
        EXPECT_EQ(totals->calls, expected.size());
        auto const payer = line["feePayer"];
        EXPECT_EQ(text_of(tree.fee_payer(call, signer)),
                  payer.error() ? text_of(signer) : std::string(payer.get_string().value()));
        ++lines;
    }
    EXPECT_EQ(lines + left_out, 30u);
}

TEST(CallTree, depth_is_bounded) {
    List call = remark();
    for (std::size_t i = 0; i < max_call_depth; ++i) call = batch_of(1, call);
    auto const good = walked(call);
    ASSERT_TRUE(good.totals.has_value()) << describe(good.totals.error());
    EXPECT_TRUE(good.totals->complete);
    EXPECT_EQ(good.calls, 1u);
    EXPECT_EQ(good.deepest, max_call_depth);
    // One more: told as a batch, not opened.
    auto const deeper = walked(batch_of(1, call));
    ASSERT_TRUE(deeper.totals.has_value());
    EXPECT_FALSE(deeper.totals->complete);
    EXPECT_EQ(deeper.calls, 1u);
    EXPECT_EQ(deeper.deepest, max_call_depth);
}

TEST(CallTree, a_nesting_bomb_is_refused) {
    // Utility.batch of one call, again and again, and no end.
    auto const opened = batch_of(1, {});
    List bomb;
    for (int i = 0; i < 100'000; ++i) bomb.insert(bomb.end(), opened.begin(), opened.end());
    auto const seen = walked(bomb);
    ASSERT_FALSE(seen.totals.has_value());
    EXPECT_EQ(seen.totals.error().code, Code::too_deep);
    EXPECT_EQ(seen.calls, 0u);
}

TEST(CallTree, number_of_calls_is_bounded) {
    auto const good = walked(batch_of(max_calls, remark()));
    ASSERT_TRUE(good.totals.has_value());
    EXPECT_TRUE(good.totals->complete);
    EXPECT_EQ(good.calls, max_calls);
    for (auto const& more :
         {batch_of(max_calls + 1, remark()), batch_of(2, batch_of(max_calls, remark()))}) {
        auto const seen = walked(more);
        ASSERT_TRUE(seen.totals.has_value());
        EXPECT_FALSE(seen.totals->complete);
        EXPECT_EQ(seen.calls, max_calls);
    }
}

TEST(CallTree, bytes_that_are_no_call_are_refused) {
    EXPECT_EQ(walked({}).totals.error().code, Code::end_of_input);
    EXPECT_EQ(walked({254, 0}).totals.error().code, Code::bad_variant);
    List more = remark();
    more.push_back(0);
    EXPECT_EQ(walked(more).totals.error().code, Code::trailing_bytes);
    List const whole = batch_of(3, remark());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(walked({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)})
                         .totals.has_value());
    }
}
