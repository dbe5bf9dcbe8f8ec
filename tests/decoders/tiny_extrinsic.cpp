#include "tests/decoders/tiny_extrinsic.hpp"

#include "pipeline/check.hpp"
#include "tests/decoders/type_list.hpp"

namespace tests {
namespace {

using Id = TypeList::Id;

struct Basic {
    Id u16, u32, bytes, account, address, signature;
};

Basic basic(TypeList& types) {
    Basic out{};
    auto const u8 = types.primitive(3);
    out.u16 = types.primitive(4);
    out.u32 = types.primitive(5);
    out.bytes = types.sequence(u8);
    out.account =
        types.composite({"sp_core", "crypto", "AccountId32"}, {{"", types.array(32, u8)}});
    out.address = types.variant(
        {"sp_runtime", "multiaddress", "MultiAddress"},
        {{"Id", 0, {{"", out.account}}}, {"Index", 1, {{"", types.compact(out.u32)}}}});
    auto const four = types.array(4, u8); // short signatures keep seeds small
    out.signature = types.variant({"sp_runtime", "MultiSignature"},
                                  {{"Ed25519", 0, {{"", four}}}, {"Sr25519", 1, {{"", four}}}});
    return out;
}

// RuntimeCall: its id is known before the calls that hold it are.
Id calls(TypeList& types, Basic const& of) {
    constexpr Id types_between = 11; // added below, before the outer enum
    Id const outer = types.next() + types_between;
    auto const remark =
        types.variant({"frame_system", "pallet", "Call"}, {{"remark", 0, {{"remark", of.bytes}}}});
    auto const list = types.sequence(outer);
    auto const raw = types.variant({"frame_support", "dispatch", "RawOrigin"},
                                   {{"Root", 0, {}}, {"Signed", 1, {{"", of.account}}}});
    auto const origin =
        types.variant({"tiny_runtime", "OriginCaller"}, {{"system", 0, {{"", raw}}}});
    auto const utility = types.variant(
        {"pallet_utility", "pallet", "Call"},
        {{"batch", tiny_batch, {{"calls", list}}},
         {"as_derivative", tiny_as_derivative, {{"index", of.u16}, {"call", outer}}},
         {"dispatch_as", tiny_dispatch_as, {{"as_origin", origin}, {"call", outer}}}});
    auto const opaque = types.composite({"frame_support", "traits", "misc", "WrapperKeepOpaque"},
                                        {{"", types.compact(of.u32)}, {"", outer}});
    auto const multisig = types.variant({"pallet_multisig", "pallet", "Call"},
                                        {{"as_multi",
                                          tiny_as_multi,
                                          {{"threshold", of.u16},
                                           {"other_signatories", types.sequence(of.account)},
                                           {"call", opaque}}}});
    auto const proxy =
        types.variant({"pallet_proxy", "pallet", "Call"},
                      {{"proxy", tiny_proxy_call, {{"real", of.address}, {"call", outer}}}});
    auto const sudo = types.variant({"pallet_sudo", "pallet", "Call"},
                                    {{"sudo", tiny_sudo_call, {{"call", outer}}}});
    CHECK(types.next() == outer);
    return types.variant({"tiny_runtime", "RuntimeCall"},
                         {{"System", tiny_system, {{"", remark}}},
                          {"Utility", tiny_utility, {{"", utility}}},
                          {"Multisig", tiny_multisig, {{"", multisig}}},
                          {"Proxy", tiny_proxy, {{"", proxy}}},
                          {"Sudo", tiny_sudo, {{"", sudo}}}});
}

} // namespace

std::vector<std::uint8_t> tiny_extrinsic_metadata() {
    TypeList types;
    auto const of = basic(types);
    auto const verify =
        types.variant({"pallet_verify_signature", "extension", "VerifySignature"},
                      {{"Signed", 0, {{"signature", of.signature}, {"account", of.account}}},
                       {"Disabled", 1, {}}});
    auto const nonce =
        types.composite({"tiny_runtime", "CheckNonce"}, {{"nonce", types.compact(of.u32)}});
    auto const payment = types.composite({"pallet_transaction_payment", "ChargeTransactionPayment"},
                                         {{"", types.compact(types.primitive(7))}});
    auto const wrapped =
        types.composite({"tiny_runtime", "Charge"}, {{"memo", of.bytes}, {"inner", payment}});
    auto const by_field = types.composite(
        {"tiny_runtime", "Fees"}, {{"asset", of.u32}, {"tip", types.compact(types.primitive(7))}});
    auto const call = calls(types, of);
    return types.metadata({of.address,
                           call,
                           of.signature,
                           {{0, {1, 2}}, {7, {0, 1, 3}}},
                           {{"VerifySignature", verify},
                            {"CheckNonce", nonce},
                            {"Charge", wrapped},
                            {"Fees", by_field}}});
}

} // namespace tests
