#include "config/cmd_decode.hpp"

#include "decoders/events_json.hpp"
#include "decoders/hex.hpp"
#include "decoders/value_json.hpp"
#include "io/files.hpp"

#include <algorithm>
#include <expected>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace config {
namespace {

using FileBytes = std::vector<std::uint8_t>;
constexpr std::size_t output_buffer_bytes = 1u << 20;

std::string_view without_blanks(std::string_view text) {
    auto const blank = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    return text;
}

// Printable text is hex, good or bad; bytes of a chain never are all printable (a list of events
// holds phases, 0 to 2; metadata begins with "meta").
bool is_text(std::string_view text) {
    auto const printable = [](char c) { return c >= ' ' && c < 127; };
    return !text.empty() && !text.starts_with("meta") && std::ranges::all_of(text, printable);
}

// Bytes, and what stood in the way of having all of them.
struct Input {
    FileBytes bytes;
    std::optional<decoders::Error> bad_hex;
};

std::expected<Input, std::string> read_input(std::string const& path) {
    auto const read = io::read_file(path, max_decode_input_bytes);
    if (!read) return std::unexpected(io::describe(read.error()));
    auto text = without_blanks(*read);
    Input input;
    if (!is_text(text)) {
        input.bytes.assign(read->begin(), read->end());
        return input;
    }
    input.bytes.resize(text.size() / 2 + 1);
    auto size = decoders::hex_decode(text, input.bytes);
    if (!size) { // what stands before the fault is still told
        input.bad_hex = size.error();
        std::size_t const before = text.starts_with("0x") || text.starts_with("0X") ? 2 : 0;
        auto const good = std::max(before, size.error().offset);
        size = decoders::hex_decode(text.substr(0, good - (good - before) % 2), input.bytes);
    }
    input.bytes.resize(size.value_or(0));
    return input;
}

using RuntimePointer = std::unique_ptr<decoders::Runtime const>;

std::expected<RuntimePointer, std::string> load_runtime(std::string const& path) {
    auto const input = read_input(path);
    if (!input) return std::unexpected(input.error());
    if (input->bad_hex) {
        return std::unexpected(fmt::format("{}: {}", path, decoders::describe(*input->bad_hex)));
    }
    auto runtime = decoders::compile(input->bytes);
    if (!runtime) {
        return std::unexpected(fmt::format("{}: {}", path, decoders::describe(runtime.error())));
    }
    return std::move(*runtime);
}

int refuse(std::FILE* err, std::string_view sentence) {
    fmt::print(err, "spyhop: {}\n", sentence);
    return 1;
}

// Collects lines and writes them in large pieces; remembers whether anything was lost.
class Output {
  public:
    explicit Output(std::FILE* file)
        : file_(file) {
        buffer_.reserve(output_buffer_bytes);
    }
    void line(std::string_view text) {
        buffer_ += text;
        buffer_ += '\n';
        if (buffer_.size() >= output_buffer_bytes / 2) flush();
    }
    bool flush() {
        good_ = std::fwrite(buffer_.data(), 1, buffer_.size(), file_) == buffer_.size() && good_;
        buffer_.clear();
        return good_ = std::fflush(file_) == 0 && good_;
    }

  private:
    std::FILE* file_;
    std::string buffer_;
    bool good_ = true;
};

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
        out += fmt::format(R"({}{{"pallet":{},"event":{},"asset":{}}})", std::exchange(comma, ","),
                           text_json(one.pallet), text_json(one.event),
                           one.asset == decoders::AssetKind::native
                               ? "\"native\""
                               : text_json(metadata.type_name(one.asset_type)));
    }
    out += R"(],"blind":[)";
    comma = {};
    for (auto const& one : runtime.blind()) {
        out +=
            fmt::format(R"({}{{"pallet":{},"event":{},"missing":{}}})", std::exchange(comma, ","),
                        text_json(one.pallet), text_json(one.event), text_json(one.missing));
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
        out += fmt::format("movement          {}.{} ({})\n", one.pallet, one.event,
                           one.asset == decoders::AssetKind::native
                               ? "native token"
                               : "asset id: " + metadata.type_name(one.asset_type));
    }
    for (auto const& one : runtime.blind()) {
        out += fmt::format("BLIND             {}.{}: field '{}' was not found\n", one.pallet,
                           one.event, one.missing);
    }
    out.pop_back(); // the line's end is the writer's
    return out;
}

} // namespace

int cmd_decode_events(DecodeEvents const& options, std::FILE* out, std::FILE* err) {
    if (options.metadata == "-" && options.input == "-") {
        return refuse(err, "only one of --metadata and --input can be stdin");
    }
    auto const runtime = load_runtime(options.metadata);
    if (!runtime) return refuse(err, runtime.error());
    auto const input = read_input(options.input);
    if (!input) return refuse(err, input.error());
    Output output(out);
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
    Output output(out);
    output.line(options.json ? summary_json(**runtime) : summary_table(**runtime));
    return output.flush() ? 0 : refuse(err, "stdout cannot be written");
}

} // namespace config
