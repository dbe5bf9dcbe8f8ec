#include "config/cmd_decode.hpp"

#include "decoders/events.hpp"
#include "decoders/hex.hpp"
#include "decoders/value_json.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <expected>
#include <fmt/format.h>
#include <memory>
#include <utility>
#include <vector>

namespace config {
namespace {

using FileBytes = std::vector<std::uint8_t>;
constexpr std::size_t output_buffer_bytes = 1u << 20;

struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

std::expected<FileBytes, std::string> read_file(std::string const& path) {
    std::unique_ptr<std::FILE, Close> owned;
    auto* file = stdin;
    if (path != "-") {
        owned.reset(std::fopen(path.c_str(), "rb"));
        if (!owned) {
            return std::unexpected(
                fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
        }
        file = owned.get();
    }
    FileBytes bytes;
    std::vector<std::uint8_t> block(output_buffer_bytes);
    while (auto const size = std::fread(block.data(), 1, block.size(), file)) {
        if (bytes.size() + size > max_decode_input_bytes) {
            return std::unexpected(
                fmt::format("{}: larger than {} bytes", path, max_decode_input_bytes));
        }
        bytes.insert(bytes.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(size));
    }
    if (std::ferror(file) != 0) {
        return std::unexpected(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
    }
    return bytes;
}

std::string_view without_blanks(FileBytes const& bytes) {
    auto text = pipeline::as_text(bytes);
    auto const blank = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    return text;
}

// Text of hex digits only, perhaps with 0x, is hex; everything else is taken as it is. The
// encoding of a list of events holds zero bytes, so raw events never look like hex.
bool looks_like_hex(std::string_view text) {
    auto const digits = text.substr(text.starts_with("0x") || text.starts_with("0X") ? 2 : 0);
    bool const prefixed = digits.size() != text.size();
    auto const digit = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    };
    if (prefixed) return std::ranges::all_of(digits, [](char c) { return c >= ' ' && c < 127; });
    return !digits.empty() && std::ranges::all_of(digits, digit);
}

std::expected<FileBytes, std::string> raw_bytes(std::string const& path) {
    auto read = read_file(path);
    if (!read) return read;
    auto const text = without_blanks(*read);
    if (!looks_like_hex(text)) return read;
    FileBytes bytes(text.size() / 2 + 1);
    auto const size = decoders::hex_decode(text, bytes);
    if (!size) {
        return std::unexpected(fmt::format("{}: {}", path, decoders::describe(size.error())));
    }
    bytes.resize(*size);
    return bytes;
}

using RuntimePointer = std::unique_ptr<decoders::Runtime const>;

std::expected<RuntimePointer, std::string> load_runtime(std::string const& path) {
    auto const bytes = raw_bytes(path);
    if (!bytes) return std::unexpected(bytes.error());
    auto runtime = decoders::compile(*bytes);
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
    auto out = fmt::format(
        R"({{"ok":true,"version":{},"spec_name":{},"spec_version":{},"ss58_prefix":{},)"
        R"("account_bytes":{},"pallets":{},"event_pallets":{},"events":{},"types":{},"movements":[)",
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
    auto const input = raw_bytes(options.input);
    if (!input) return refuse(err, input.error());
    Output output(out);
    auto const done = decoders::events_to_json(**runtime, *input,
                                               [&](std::string_view line) { output.line(line); });
    bool const written = output.flush();
    if (!done) {
        return refuse(
            err, fmt::format("{}: {}", options.input, decoders::describe(**runtime, done.error())));
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
