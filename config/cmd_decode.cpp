#include "config/cmd_decode.hpp"

#include "config/decode_input.hpp"
#include "config/exit_codes.hpp"
#include "decoders/events_json.hpp"
#include "decoders/value_json.hpp"

#include <fmt/format.h>
#include <utility>

namespace config {
namespace {

struct Counts {
    std::size_t pallets = 0;
    std::size_t events = 0;
};
Counts count_events(decoders::Runtime const& runtime) {
    Counts counts;
    auto const& metadata = runtime.metadata();
    for (auto const& pallet : metadata.variants_of(metadata.types[metadata.outer_event])) {
        ++counts.pallets;
        auto const fields = metadata.fields_of(pallet);
        if (fields.size() == 1) counts.events += metadata.types[fields[0].type].count;
    }
    return counts;
}

std::string text_json(std::string_view text) {
    std::string out;
    decoders::append_json_text(text, out);
    return out;
}

// "from to amount", as far as the event has them.
std::string roles(decoders::MovementEvent const& event) {
    std::string out;
    auto const add = [&](bool has, char const* role) {
        if (has) out += out.empty() ? role : std::string(" ") + role;
    };
    add(event.has_from, "from");
    add(event.has_to, "to");
    add(event.has_amount, "amount");
    return out;
}

std::string asset_json(decoders::Runtime const& runtime, decoders::MovementEvent const& event) {
    switch (event.asset) {
    case decoders::AssetKind::native: return "\"native\"";
    case decoders::AssetKind::by_id:
        return text_json(runtime.metadata().type_name(event.asset_type));
    case decoders::AssetKind::none: break;
    }
    return "null";
}

std::string summary_json(decoders::Runtime const& runtime) {
    auto const& metadata = runtime.metadata();
    auto const counts = count_events(runtime);
    auto out =
        fmt::format(R"({{"ok":true,"version":{},"spec_name":{},"spec_version":{},"ss58_prefix":{},)"
                    R"("account_bytes":{},"pallets":{},"event_pallets":{},"events":{},"types":{},)"
                    R"("movements":[)",
                    metadata.version, text_json(runtime.spec_name()), runtime.spec_version(),
                    runtime.ss58_prefix() ? std::to_string(*runtime.ss58_prefix()) : "null",
                    runtime.account_size(), metadata.pallets.size(), counts.pallets, counts.events,
                    metadata.types.size());
    std::string_view comma;
    for (auto const& one : runtime.movements()) {
        out += fmt::format(R"({}{{"pallet":{},"event":{},"kind":"{}","roles":"{}","asset":{}}})",
                           std::exchange(comma, ","), text_json(one.pallet), text_json(one.event),
                           to_text(one.kind), roles(one), asset_json(runtime, one));
    }
    out += R"(],"blind":[)";
    comma = {};
    for (auto const& one : runtime.blind()) {
        out += fmt::format(R"({}{{"pallet":{},"event":{},"kind":"{}","missing":{}}})",
                           std::exchange(comma, ","), text_json(one.pallet), text_json(one.event),
                           to_text(one.kind), text_json(one.missing));
    }
    return out + "]}";
}

std::string summary_table(decoders::Runtime const& runtime) {
    auto const& metadata = runtime.metadata();
    auto const counts = count_events(runtime);
    auto out = fmt::format("metadata version  {}\nspec              {} {}\n", metadata.version,
                           runtime.spec_name().empty() ? "unknown" : runtime.spec_name(),
                           runtime.spec_version());
    out += fmt::format("ss58 prefix       {}\n",
                       runtime.ss58_prefix() ? std::to_string(*runtime.ss58_prefix()) : "unknown");
    out += fmt::format("account bytes     {}\npallets           {}\n", runtime.account_size(),
                       metadata.pallets.size());
    out += fmt::format("events            {} in {} pallets\ntypes             {}\n", counts.events,
                       counts.pallets, metadata.types.size());
    for (auto const& one : runtime.movements()) {
        auto const asset =
            one.asset == decoders::AssetKind::by_id
                ? "asset: " + metadata.type_name(one.asset_type)
                : std::string(one.asset == decoders::AssetKind::native ? "native" : "");
        out += fmt::format("{:<18}{:<40} {:<22} {}\n", to_text(one.kind),
                           fmt::format("{}.{}", one.pallet, one.event), roles(one), asset);
    }
    for (auto const& one : runtime.blind()) {
        out += fmt::format("BLIND             {}.{} ({}): no field can be its {}\n", one.pallet,
                           one.event, to_text(one.kind), one.missing);
    }
    out.pop_back(); // the line's end is the writer's
    return out;
}

} // namespace

int cmd_decode_events(DecodeEvents const& options, std::FILE* out, std::FILE* err) {
    if (options.metadata == "-" && options.input == "-") {
        return refuse(err, "only one of --metadata and --input can be stdin");
    }
    auto const input = read_decode_input(options.input);
    if (!input) return refuse(err, input.error());
    auto const& metadata = options.metadata.empty() ? input->metadata : options.metadata;
    if (metadata.empty()) {
        fmt::print(err,
                   "spyhop: --metadata is needed: {} is no dead letter, which would name its "
                   "own\n",
                   options.input);
        return exit_usage;
    }
    auto const runtime = load_runtime(metadata);
    if (!runtime) return refuse(err, runtime.error());
    LineOutput output(out);
    auto const done = decoders::EventsJson(**runtime).write(
        input->bytes, [&](std::string_view line) { output.line(line); });
    bool const written = output.flush();
    auto const& path = options.input;
    if (!done && input->bad_hex) {
        auto error = done.error();
        error.error = *input->bad_hex;
        return refuse(err, fmt::format("{}: {}", path, decoders::describe(**runtime, error)));
    }
    if (!done) {
        return refuse(err,
                      fmt::format("{}: {}", path, decoders::describe(**runtime, done.error())));
    }
    if (input->bad_hex) {
        return refuse(err, fmt::format("{}: {}", path, decoders::describe(*input->bad_hex)));
    }
    return written ? 0 : refuse(err, "stdout cannot be written");
}

int cmd_decode_metadata(DecodeMetadata const& options, std::FILE* out, std::FILE* err) {
    auto const runtime = load_runtime(options.metadata);
    if (!runtime) return refuse(err, runtime.error());
    LineOutput output(out);
    output.line(options.json ? summary_json(**runtime) : summary_table(**runtime));
    return output.flush() ? 0 : refuse(err, "stdout cannot be written");
}

} // namespace config
