#include "config/cmd_decode.hpp"
#include "config/decode_input.hpp"
#include "config/exit_codes.hpp"
#include "decoders/extrinsic_json.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace config {
namespace {

using Bytes = std::vector<std::uint8_t>;

// The line, or what is wrong.
std::expected<std::string, std::string> extrinsic_line(DecodeExtrinsic const& options,
                                                       decoders::Runtime const& runtime,
                                                       Bytes const& input, Bytes const& events) {
    auto const failed = [](std::string const& path, std::string const& sentence) {
        return std::unexpected(fmt::format("{}: {}", path, sentence));
    };
    auto const parts = decoders::parse_extrinsic(runtime, input, decoders::Framing::either);
    if (!parts) return failed(options.input, decoders::describe(runtime, parts.error()));
    std::string line;
    decoders::CallTree const tree(runtime);
    if (auto const done = decoders::append_extrinsic_json(tree, *parts, line); !done) {
        return failed(options.input, decoders::describe(done.error()));
    }
    if (!options.events.empty()) {
        line += ",\"outcome\":";
        auto const done = decoders::append_outcome_json(runtime, events, options.index, line);
        if (!done) return failed(options.events, decoders::describe(runtime, done.error()));
    }
    return line + "}";
}

} // namespace

int cmd_decode_extrinsic(DecodeExtrinsic const& options, std::FILE* out, std::FILE* err) {
    std::string const files[] = {options.metadata, options.input, options.events};
    if (std::ranges::count(files, "-") > 1) {
        return refuse(err, "only one of --metadata, --input and --events can be stdin");
    }
    auto const runtime = load_runtime(options.metadata);
    if (!runtime) return refuse(err, runtime.error());
    auto const input = read_whole_input(options.input);
    if (!input) return refuse(err, input.error());
    auto const events = options.events.empty() ? Bytes{} : read_whole_input(options.events);
    if (!events) return refuse(err, events.error());
    auto const line = extrinsic_line(options, **runtime, *input, *events);
    if (!line) return refuse(err, line.error());
    LineOutput output(out);
    output.line(*line);
    return output.flush() ? exit_ok : refuse(err, "stdout cannot be written");
}

} // namespace config
