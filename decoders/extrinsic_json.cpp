#include "decoders/extrinsic_json.hpp"

#include "decoders/hex.hpp"
#include "decoders/json_buffer.hpp"
#include "decoders/json_plan.hpp"
#include "decoders/value.hpp"
#include "decoders/value_json.hpp"

#include <fmt/format.h>

namespace decoders {
namespace {

void append_number(std::optional<pipeline::u128> const& number, std::string& out) {
    if (!number) {
        out += "null";
        return;
    }
    char digits[decimal_room(sizeof *number)];
    auto const* end = write_decimal(*number, digits);
    out += '"';
    out.append(digits, static_cast<std::size_t>(end - digits));
    out += '"';
}

void append_account(Account const& account, std::string& out) {
    out += account ? "\"" + hex_text(account.bytes()) + "\"" : "null";
}

class Writer {
  public:
    Writer(CallTree const& tree, ExtrinsicParts const& parts, std::string& out)
        : tree_(tree)
        , runtime_(tree.runtime())
        , metadata_(runtime_.metadata())
        , parts_(parts)
        , out_(out)
        , limit_(out.size() + 2 * json_limit(parts.length)) {}

    std::expected<void, Error> run() {
        bool const general = parts_.kind == ExtrinsicKind::general;
        bool const with_signature = parts_.kind == ExtrinsicKind::with_signature;
        auto const signer = signer_of(runtime_, parts_);
        fmt::format_to(std::back_inserter(out_),
                       R"({{"hash":"{}","length":{},"version":{},"kind":"{}","signed":{})",
                       hex_text(parts_.hash), parts_.length, parts_.version, kind_name(parts_.kind),
                       with_signature || signer);
        out_ += ",\"signer\":";
        if (with_signature) {
            value(metadata_.extrinsic.address, parts_.address);
        } else {
            append_account(signer, out_);
        }
        out_ += ",\"signature\":";
        value(with_signature ? metadata_.extrinsic.signature : no_type, parts_.signature);
        out_ += ",\"extension_version\":";
        out_ += general ? std::to_string(parts_.extension_version) : "null";
        extensions();
        out_ += ",\"nonce\":";
        append_number(nonce_of(runtime_, parts_), out_);
        out_ += ",\"tip\":";
        append_number(tip_of(runtime_, parts_), out_);
        call(parts_.call);
        out_ += ",\"fee_payer\":";
        append_account(tree_.fee_payer(parts_.call, signer), out_);
        calls();
        if (!error_) return {};
        return std::unexpected(*error_);
    }

  private:
    void failed(Error const& error, Bytes bytes) {
        if (error_) return;
        error_ = error;
        error_->offset += static_cast<std::size_t>(bytes.data() - parts_.call.data());
    }
    // null where there is no type.
    void value(TypeId type, Bytes bytes) {
        if (type == no_type) {
            out_ += "null";
            return;
        }
        Cursor in(bytes);
        JsonWriter(runtime_, in, out_, limit_).value(type);
        if (!in.ok()) failed(in.error(), bytes);
    }
    void extensions() {
        out_ += ",\"extensions\":{";
        std::string_view comma;
        for (auto const& part : parts_.parts()) {
            auto const& extension = metadata_.extrinsic.extensions[part.index];
            out_ += comma;
            comma = ",";
            append_json_text(extension.name, out_);
            out_ += ':';
            value(extension.type, part.value);
        }
        out_ += '}';
    }
    // Pallet, call and arguments, each with a comma in front.
    void call(Bytes bytes) {
        auto const name = call_name(runtime_, bytes);
        out_ += ",\"pallet\":";
        append_json_text(name.pallet, out_);
        out_ += ",\"call\":";
        append_json_text(name.call, out_);
        out_ += ",\"args\":";
        auto const* variant = bytes.size() < 2 ? nullptr : find_call(metadata_, bytes[0], bytes[1]);
        if (variant == nullptr) { // the runtime's calls are no enum of enums
            out_ += "null";
            return;
        }
        auto const arguments = bytes.subspan(2);
        Cursor in(arguments);
        JsonWriter(runtime_, in, out_, limit_).fields(metadata_.fields_of(*variant), 0);
        if (!in.ok()) failed(in.error(), arguments);
    }
    void inner(InnerCall const& one) {
        if (error_) return;
        out_ += out_.back() == '[' ? "{\"path\":[" : ",{\"path\":[";
        std::string_view comma;
        for (auto const& step : one.path) {
            out_ += comma;
            out_ += std::to_string(step.item);
            comma = ",";
        }
        out_ += "],\"via\":[";
        comma = {};
        for (auto const& step : one.path) {
            out_ += comma;
            append_json_text(fmt::format("{}.{}", step.pallet, step.call), out_);
            comma = ",";
        }
        out_ += "],\"origin\":\"";
        out_ += origin_name(one.actor.origin);
        out_ += "\",\"actor\":";
        append_account(one.actor.account, out_);
        call(one.call);
        out_ += '}';
    }
    void calls() {
        out_ += ",\"calls\":[";
        auto const totals = tree_.walk(parts_.call, actor_of(runtime_, parts_),
                                       [this](InnerCall const& one) { inner(one); });
        if (!totals) failed(totals.error(), parts_.call);
        out_ += "],\"calls_complete\":";
        out_ += totals && totals->complete ? "true" : "false";
    }

    CallTree const& tree_;
    Runtime const& runtime_;
    Metadata const& metadata_;
    ExtrinsicParts const& parts_;
    std::string& out_;
    std::size_t limit_;
    std::optional<Error> error_;
};

} // namespace

std::expected<void, Error> append_extrinsic_json(CallTree const& tree, ExtrinsicParts const& parts,
                                                 std::string& out) {
    auto const before = out.size();
    auto done = Writer(tree, parts, out).run();
    if (!done) out.resize(before);
    return done;
}

std::expected<void, EventsError> append_outcome_json(Runtime const& runtime, Bytes events,
                                                     std::uint32_t extrinsic_index,
                                                     std::string& out) {
    std::string_view dispatched = "null";
    std::string error = "null";
    std::string failures;
    std::size_t total = 0;
    auto const json = [&](OutcomeEvent const& one) {
        std::string text;
        bool const told = one.error_type != no_type &&
                          value_to_json(runtime, one.error_type, one.error, text).has_value();
        return told ? text : std::string("null");
    };
    auto const done = Outcomes(runtime).scan(events, [&](OutcomeEvent const& one) {
        if (one.extrinsic_index != extrinsic_index) return;
        if (one.told == Told::dispatched) dispatched = "\"ok\"";
        if (one.told == Told::failed) {
            dispatched = "\"failed\"";
            error = json(one);
        }
        if (one.told != Told::inner_failed || total++ >= max_inner_failures) return;
        fmt::format_to(std::back_inserter(failures), R"({}{{"event_index":{},"pallet":)",
                       failures.empty() ? "" : ",", one.event_index);
        append_json_text(one.event.pallet, failures);
        failures += ",\"event\":";
        append_json_text(one.event.event, failures);
        failures += ",\"item\":";
        failures += one.item ? std::to_string(*one.item) : "null";
        failures += ",\"error\":";
        failures += json(one);
        failures += '}';
    });
    if (!done) return std::unexpected(done.error());
    fmt::format_to(
        std::back_inserter(out),
        R"({{"dispatched":{},"error":{},"inner_failures":[{}],"inner_failures_total":{}}})",
        dispatched, error, failures, total);
    return {};
}

} // namespace decoders
