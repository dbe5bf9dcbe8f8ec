// Who does what in an extrinsic: the calls inside its call, with the account that each of them acts
// for. Batches, proxies, multisigs, derived accounts and sudo are opened by a table of names
// (calls.cpp), resolved against a runtime when the object is made.
//
//   signed by A:  batch [ proxy(real B, transfer), as_derivative(3, transfer), remark ]
//     -> transfer by B | transfer by A's account 3 | remark by A
//
// It says who would act if all goes well; whether a call was executed (a multisig may lack
// approvals, a proxy rights) is told by events (outcome.hpp). Cold path: walking allocates. Any
// thread, after construction.
#pragma once

#include "decoders/extrinsic.hpp"

#include <expected>
#include <functional>
#include <vector>

namespace decoders {

// Wrappers inside wrappers that are opened; one that lies deeper is told as it stands.
inline constexpr std::size_t max_call_depth = 32;
// Calls told of one extrinsic. (Polkadot allows about 10,900 in a batch.)
inline constexpr std::size_t max_calls = 16'384;

enum class CallOrigin : std::uint8_t { by_account, root, none, other };
std::string_view origin_name(CallOrigin origin); // "signed", "root", "none", "other"

struct Actor {
    CallOrigin origin{};
    Account account; // by_account; absent where the bytes do not say (an account index)
};

struct CallStep {
    std::string_view pallet; // of the wrapper
    std::string_view call;
    std::uint32_t item = 0; // which of the calls in it
};
struct InnerCall {
    std::span<CallStep const> path; // outermost first; valid during the visit
    Actor actor;
    Bytes call; // pallet, call, arguments
};
using CallVisitor = std::function<void(InnerCall const&)>;

struct CallTotals {
    std::uint32_t calls = 0;
    bool complete = true; // false: there are more than max_calls, or a wrapper was too deep
};

struct Wrapper; // a row of the table, in calls.cpp

class CallTree {
  public:
    explicit CallTree(Runtime const& runtime);

    // Visits the calls that are no wrappers, in their order. `call` are the bytes of one call; they
    // are checked before the first visit.
    [[nodiscard]] std::expected<CallTotals, Error> walk(Bytes call, Actor actor,
                                                        CallVisitor const& visit) const;

    // Who pays the fee of an extrinsic: the signer, or who lets a call be paid from his account
    // (Acala's with_fee_paid_by).
    Account fee_payer(Bytes call, Account signer) const;

    // A wrapper as the runtime has it.
    struct Resolved {
        Wrapper const* row = nullptr;
        CallName name;
        std::uint8_t pallet = 0;
        std::uint8_t call = 0;
        std::span<Field const> fields; // of the call
        // Places among them; absent: fields.size().
        std::size_t calls = 0;
        std::size_t second = 0;
        std::size_t who = 0;
        std::size_t threshold = 0;
    };
    Resolved const* find(Bytes call) const;
    Runtime const& runtime() const { return runtime_; }

  private:
    void resolve(Variant const& pallet);

    Runtime const& runtime_;
    std::vector<Resolved> wrappers_;
};

// utility.as_derivative: the account number `index` of `who`. Allocates nothing.
Account derived_account(Account const& who, std::uint16_t index);
// multisig: the account that `threshold` of these accounts together have. `signatories` ascend by
// their bytes.
Account multisig_account(std::span<Account const> signatories, std::uint16_t threshold);

// The actor of an extrinsic's own call.
Actor actor_of(Runtime const& runtime, ExtrinsicParts const& parts);

} // namespace decoders
