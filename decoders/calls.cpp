#include "decoders/calls.hpp"

#include "decoders/hash.hpp"
#include "decoders/name_list.hpp"
#include "decoders/samples.hpp"
#include "decoders/scale.hpp"
#include "decoders/value_reader.hpp"

#include <algorithm>

namespace decoders {

// What becomes of the origin inside a wrapper.
enum class Acts : std::uint8_t {
    same,       // as outside
    as_root,    // as root
    as_account, // as the account in the field `who`
    as_origin,  // as the origin in the field `who`
    derived,    // as the account numbered by the field `who` of the account outside
    multisig,   // as the account of the one outside and those in `who`, by threshold
    otherwise,  // as an origin of the pallet's own
};

// Pallets by their name in the runtime or by the crate their calls are from; names separated by
// '|'.
struct Wrapper {
    std::string_view pallets;
    std::string_view calls;
    Acts acts{};
    std::string_view inner;       // the field that holds the call, or the calls
    std::string_view who = {};    // see Acts
    std::string_view second = {}; // a further call
    std::string_view threshold = {};
    std::string_view payer = {}; // who pays the fee instead of the signer
};

namespace {

constexpr std::string_view utility = "Utility|pallet_utility";
constexpr std::string_view proxy = "Proxy|pallet_proxy";
constexpr std::string_view multisig = "Multisig|pallet_multisig";
constexpr std::string_view sudo = "Sudo|pallet_sudo";
constexpr std::string_view fees = "module_transaction_payment|multi_transaction_payment";

constexpr Wrapper wrappers[] = {
    {utility, "batch|batch_all|force_batch", Acts::same, "calls"},
    {utility, "as_derivative", Acts::derived, "call", "index"},
    {utility, "dispatch_as|dispatch_as_fallible", Acts::as_origin, "call", "as_origin"},
    {utility, "with_weight", Acts::same, "call"},
    {utility, "if_else", Acts::same, "main", {}, "fallback"},
    {proxy, "proxy|proxy_announced", Acts::as_account, "call", "real"},
    {"pallet_remote_proxy", "remote_proxy|remote_proxy_with_registered_proof", Acts::as_account,
     "call", "real"},
    {"pallet_myth_proxy", "proxy", Acts::as_account, "call", "address"},
    {"pallet_recovery", "as_recovered", Acts::as_account, "call", "account"},
    {multisig, "as_multi", Acts::multisig, "call", "other_signatories", {}, "threshold"},
    {multisig, "as_multi_threshold_1", Acts::multisig, "call", "other_signatories"},
    {sudo, "sudo|sudo_unchecked_weight", Acts::as_root, "call"},
    {sudo, "sudo_as", Acts::as_account, "call", "who"},
    {"pallet_subtensor", "sudo|sudo_unchecked_weight", Acts::as_root, "call"},
    {"pallet_whitelist", "dispatch_whitelisted_call_with_preimage", Acts::as_root, "call"},
    {"pallet_collective", "execute", Acts::otherwise, "proposal"},
    {fees, "with_fee_path|with_fee_currency|with_fee_aggregated_path|with_fee_swap_path",
     Acts::same, "call"},
    {fees, "with_fee_paid_by", Acts::same, "call", {}, {}, {}, "payer_addr"},
};

constexpr std::string_view derivation_prefix = "modlpy/utilisuba";

// The first bytes of a hash, as many as an account of this chain has.
Account account_of_hash(std::span<std::uint8_t const> preimage, std::uint8_t size) {
    auto const hash = blake2b_256(preimage);
    return account_of(hash.data(), size);
}

void append(std::vector<std::uint8_t>& out, Bytes bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}
void append_u16(std::vector<std::uint8_t>& out, std::uint16_t value) {
    out.push_back(static_cast<std::uint8_t>(value));
    out.push_back(static_cast<std::uint8_t>(value >> 8));
}

std::size_t place(std::span<Field const> fields, std::string_view name) {
    auto const found = std::ranges::find(fields, name, &Field::name);
    return name.empty() ? fields.size() : static_cast<std::size_t>(found - fields.begin());
}

// The bytes of each field of a call.
class Arguments {
  public:
    Arguments(Runtime const& runtime, CallTree::Resolved const& wrapper, Bytes call)
        : fields_(wrapper.fields) {
        ValueReader in(runtime, call.subspan(2));
        values_.reserve(fields_.size());
        for (auto const& field : fields_) values_.push_back(in.value(field.type));
        good_ = in.ok() && in.remaining() == 0;
    }
    bool good() const { return good_; }
    bool has(std::size_t place) const { return place < fields_.size(); }
    TypeId type(std::size_t place) const { return fields_[place].type; }
    Bytes bytes(std::size_t place) const { return values_[place]; }

  private:
    std::span<Field const> fields_;
    std::vector<Bytes> values_;
    bool good_ = false;
};

// The accounts of a Vec<AccountId>, and one more, ascending. Empty where they do not ascend, as the
// pallet demands, or one is there twice.
std::vector<Account> signatories(Runtime const& runtime, Bytes list, Account const& caller) {
    auto const size = runtime.account_size();
    Cursor in(list);
    auto const count = in.count(size);
    std::vector<Account> all;
    all.reserve(std::size_t{count} + 1);
    for (std::uint32_t i = 0; i < count; ++i) {
        all.push_back(account_of(in.bytes(size).data(), size));
    }
    if (!in.ok() || in.remaining() != 0) return {};
    auto const less = [](Account const& a, Account const& b) {
        return std::memcmp(a.key, b.key, sizeof a.key) < 0;
    };
    auto const below = [&](Account const& a, Account const& b) { return !less(a, b); };
    if (std::ranges::adjacent_find(all, below) != all.end()) return {};
    auto const at = std::ranges::lower_bound(all, caller, less);
    if (at != all.end() && *at == caller) return {};
    all.insert(at, caller);
    return all;
}

class Walker {
  public:
    Walker(CallTree const& tree, CallVisitor const& visit)
        : tree_(tree)
        , runtime_(tree.runtime())
        , visit_(visit) {}

    void call(Bytes call, Actor const& actor) {
        if (totals_.calls == max_calls) {
            totals_.complete = false;
            return;
        }
        auto const* wrapper = tree_.find(call);
        if (wrapper != nullptr && path_.size() == max_call_depth) {
            totals_.complete = false;
            wrapper = nullptr;
        }
        if (wrapper != nullptr && open(*wrapper, call, actor)) return;
        ++totals_.calls;
        visit_({path_, actor, call});
    }
    CallTotals totals() const { return totals_; }

  private:
    // False: there are no calls to be found inside.
    bool open(CallTree::Resolved const& wrapper, Bytes call, Actor const& outside) {
        Arguments const arguments(runtime_, wrapper, call);
        if (!arguments.good()) return false;
        Bytes list;
        std::uint32_t count = 1;
        auto const calls = wrapper.calls;
        if (!inner_calls(arguments.type(calls), arguments.bytes(calls), list, count)) return false;
        auto const inside = actor(wrapper, arguments, outside);
        path_.push_back({wrapper.name.pallet, wrapper.name.call, 0});
        ValueReader in(runtime_, list);
        auto const outer = runtime_.metadata().extrinsic.call;
        for (std::uint32_t i = 0; i < count && totals_.calls < max_calls; ++i) {
            path_.back().item = i;
            auto const bytes = in.value(outer);
            if (in.ok()) this->call(bytes, inside);
        }
        totals_.complete = totals_.complete && in.remaining() == 0;
        if (arguments.has(wrapper.second) && arguments.type(wrapper.second) == outer) {
            path_.back().item = count;
            this->call(arguments.bytes(wrapper.second), inside);
        }
        path_.pop_back();
        return true;
    }

    // A call, a list of calls, or a call whose length stands before it (WrapperKeepOpaque).
    bool inner_calls(TypeId id, Bytes bytes, Bytes& list, std::uint32_t& count) const {
        auto const& metadata = runtime_.metadata();
        auto const outer = metadata.extrinsic.call;
        auto const& type = metadata.types[id];
        list = bytes;
        count = 1;
        if (id == outer) return true;
        Cursor in(bytes);
        if (type.kind == TypeKind::sequence && type.element == outer) {
            count = in.compact_u32();
            list = bytes.subspan(in.position());
            return in.ok();
        }
        if (metadata.last_segment(type) == "WrapperKeepOpaque" && type.count == 2 &&
            metadata.fields_of(type)[1].type == outer) {
            in.compact_u32();
            list = bytes.subspan(in.position());
            return in.ok();
        }
        return false;
    }

    Actor actor(CallTree::Resolved const& wrapper, Arguments const& arguments,
                Actor const& outside) const {
        auto const nobody = Actor{CallOrigin::by_account, {}};
        auto const acts = wrapper.row->acts;
        if (acts == Acts::same) return outside;
        if (acts == Acts::as_root) return {CallOrigin::root, {}};
        if (acts == Acts::otherwise) return {CallOrigin::other, {}};
        if (!arguments.has(wrapper.who)) return nobody;
        auto const type = arguments.type(wrapper.who);
        auto const bytes = arguments.bytes(wrapper.who);
        if (acts == Acts::as_account) {
            return {CallOrigin::by_account, account_in(runtime_, type, bytes)};
        }
        if (acts == Acts::as_origin) return origin(type, bytes);
        if (outside.origin != CallOrigin::by_account || !outside.account) return nobody;
        if (acts == Acts::derived) {
            auto const index = number_in(runtime_, type, bytes);
            if (!index || *index > 0xffff) return nobody;
            auto const number = static_cast<std::uint16_t>(*index);
            return {CallOrigin::by_account, derived_account(outside.account, number)};
        }
        auto const threshold = arguments.has(wrapper.threshold)
                                 ? number_in(runtime_, arguments.type(wrapper.threshold),
                                             arguments.bytes(wrapper.threshold))
                                 : 1;
        auto const all = signatories(runtime_, bytes, outside.account);
        if (all.empty() || !threshold || *threshold > 0xffff) return nobody;
        return {CallOrigin::by_account,
                multisig_account(all, static_cast<std::uint16_t>(*threshold))};
    }

    // OriginCaller { system(RawOrigin { Root, Signed(account), None }), the pallets' own ... }
    Actor origin(TypeId id, Bytes bytes) const {
        auto const* outer = variant(id, bytes);
        if (outer == nullptr || outer->name != "system" || outer->field_count != 1) {
            return {CallOrigin::other, {}};
        }
        auto const raw_type = runtime_.metadata().fields_of(*outer)[0].type;
        auto const* raw = variant(raw_type, bytes.subspan(1));
        if (raw == nullptr) return {CallOrigin::other, {}};
        if (raw->name == "Root") return {CallOrigin::root, {}};
        if (raw->name == "None") return {CallOrigin::none, {}};
        if (raw->name != "Signed") return {CallOrigin::other, {}};
        return {CallOrigin::by_account, account_in(runtime_, raw_type, bytes.subspan(1))};
    }
    Variant const* variant(TypeId id, Bytes bytes) const {
        auto const& type = runtime_.metadata().types[id];
        if (type.kind != TypeKind::variant || bytes.empty()) return nullptr;
        auto const variants = runtime_.metadata().variants_of(type);
        auto const found = std::ranges::find(variants, bytes[0], &Variant::index);
        return found == variants.end() ? nullptr : &*found;
    }

    CallTree const& tree_;
    Runtime const& runtime_;
    CallVisitor const& visit_;
    std::vector<CallStep> path_;
    CallTotals totals_;
};

} // namespace

std::string_view origin_name(CallOrigin origin) {
    switch (origin) {
    case CallOrigin::by_account: return "signed";
    case CallOrigin::root: return "root";
    case CallOrigin::none: return "none";
    case CallOrigin::other: break;
    }
    return "other";
}

CallTree::CallTree(Runtime const& runtime)
    : runtime_(runtime) {
    auto const& metadata = runtime.metadata();
    auto const outer = metadata.extrinsic.call;
    if (outer == no_type || metadata.types[outer].kind != TypeKind::variant) return;
    for (auto const& pallet : metadata.variants_of(metadata.types[outer])) resolve(pallet);
}

void CallTree::resolve(Variant const& pallet) {
    auto const& metadata = runtime_.metadata();
    auto const inner = metadata.fields_of(pallet);
    if (inner.size() != 1) return;
    auto const& calls = metadata.types[inner[0].type];
    if (calls.kind != TypeKind::variant) return;
    auto const path = metadata.path_of(calls);
    auto const crate = path.empty() ? std::string_view{} : path[0];
    for (auto const& row : wrappers) {
        if (!has_name(row.pallets, pallet.name) && !has_name(row.pallets, crate)) continue;
        for (auto const& call : metadata.variants_of(calls)) {
            if (!has_name(row.calls, call.name)) continue;
            auto const fields = metadata.fields_of(call);
            auto const calls_at = place(fields, row.inner);
            if (calls_at == fields.size()) continue;
            wrappers_.push_back({&row,
                                 {pallet.name, call.name},
                                 pallet.index,
                                 call.index,
                                 fields,
                                 calls_at,
                                 place(fields, row.second),
                                 place(fields, row.who),
                                 place(fields, row.threshold)});
        }
    }
}

CallTree::Resolved const* CallTree::find(Bytes call) const {
    if (call.size() < 2) return nullptr;
    auto const same = [&](Resolved const& one) {
        return one.pallet == call[0] && one.call == call[1];
    };
    auto const found = std::ranges::find_if(wrappers_, same);
    return found == wrappers_.end() ? nullptr : &*found;
}

std::expected<CallTotals, Error> CallTree::walk(Bytes call, Actor actor,
                                                CallVisitor const& visit) const {
    auto const outer = runtime_.metadata().extrinsic.call;
    if (outer == no_type) return std::unexpected(Error{Code::no_extrinsics});
    ValueReader in(runtime_, call);
    in.value(outer);
    if (in.ok() && in.remaining() != 0) in.fail(Code::trailing_bytes, in.remaining());
    if (!in.ok()) return std::unexpected(in.error());
    Walker walker(*this, visit);
    walker.call(call, actor);
    return walker.totals();
}

Account CallTree::fee_payer(Bytes call, Account signer) const {
    auto const* wrapper = find(call);
    if (wrapper == nullptr || wrapper->row->payer.empty()) return signer;
    Arguments const arguments(runtime_, *wrapper, call);
    auto const payer = place(wrapper->fields, wrapper->row->payer);
    if (!arguments.good() || !arguments.has(payer)) return signer;
    return account_in(runtime_, arguments.type(payer), arguments.bytes(payer));
}

Account derived_account(Account const& who, std::uint16_t index) {
    std::array<std::uint8_t, derivation_prefix.size() + sizeof who.key + sizeof index> preimage{};
    auto* at = std::ranges::copy(derivation_prefix, preimage.begin()).out;
    at = std::ranges::copy(who.bytes(), at).out;
    *at++ = static_cast<std::uint8_t>(index);
    *at++ = static_cast<std::uint8_t>(index >> 8);
    return account_of_hash({preimage.data(), at}, who.size);
}

Account multisig_account(std::span<Account const> signatories, std::uint16_t threshold) {
    std::vector<std::uint8_t> preimage;
    append(preimage, pipeline::as_bytes(derivation_prefix));
    append_compact(signatories.size(), preimage);
    for (auto const& one : signatories) append(preimage, one.bytes());
    append_u16(preimage, threshold);
    return account_of_hash(preimage, signatories.empty() ? 32 : signatories[0].size);
}

Actor actor_of(Runtime const& runtime, ExtrinsicParts const& parts) {
    auto const signer = signer_of(runtime, parts);
    bool const by_account = signer || parts.kind == ExtrinsicKind::with_signature;
    return {by_account ? CallOrigin::by_account : CallOrigin::none, signer};
}

} // namespace decoders
