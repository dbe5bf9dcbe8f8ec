#include "config/decode_input.hpp"

#include "config/exit_codes.hpp"
#include "decoders/hex.hpp"
#include "io/files.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <simdjson.h>
#include <string_view>
#include <utility>

namespace config {
namespace {

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

// The events in a dead letter; the metadata's name in it counts from the state directory.
std::expected<DecodeInput, std::string> read_dead_letter(std::string const& path,
                                                         std::string_view text) {
    simdjson::dom::parser parser;
    simdjson::dom::element letter;
    std::string_view events, metadata;
    auto const broken = parser.parse(text.data(), text.size()).get(letter);
    if (broken || letter["events"].get(events) || letter["metadata"].get(metadata)) {
        return std::unexpected(fmt::format("{}: not a dead letter: {}", path,
                                           broken ? simdjson::error_message(broken)
                                                  : "`events` or `metadata` is missing"));
    }
    DecodeInput input;
    input.bytes.resize(events.size() / 2);
    auto const size = decoders::hex_decode(events, input.bytes);
    if (!size) {
        return std::unexpected(
            fmt::format("{}: its events: {}", path, decoders::describe(size.error())));
    }
    input.bytes.resize(*size);
    auto const folder = std::filesystem::path(path).parent_path() / "..";
    input.metadata = (folder / metadata).lexically_normal().string();
    return input;
}

} // namespace

std::expected<DecodeInput, std::string> read_decode_input(std::string const& path) {
    auto const read = io::read_file(path, max_decode_input_bytes);
    if (!read) return std::unexpected(io::describe(read.error()));
    auto text = without_blanks(*read);
    if (text.starts_with('{')) return read_dead_letter(path, text);
    DecodeInput input;
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

std::expected<std::vector<std::uint8_t>, std::string> read_whole_input(std::string const& path) {
    auto input = read_decode_input(path);
    if (!input) return std::unexpected(input.error());
    if (!input->bad_hex) return std::move(input->bytes);
    return std::unexpected(fmt::format("{}: {}", path, decoders::describe(*input->bad_hex)));
}

std::expected<RuntimePointer, std::string> load_runtime(std::string const& path) {
    auto const bytes = read_whole_input(path);
    if (!bytes) return std::unexpected(bytes.error());
    auto runtime = decoders::compile(*bytes);
    if (!runtime) {
        return std::unexpected(fmt::format("{}: {}", path, decoders::describe(runtime.error())));
    }
    return std::move(*runtime);
}

int refuse(std::FILE* err, std::string_view sentence) {
    fmt::print(err, "spyhop: {}\n", sentence);
    return exit_failed;
}

LineOutput::LineOutput(std::FILE* file)
    : file_(file) {
    buffer_.reserve(output_buffer_bytes);
}

void LineOutput::line(std::string_view text) {
    buffer_ += text;
    buffer_ += '\n';
    if (buffer_.size() >= output_buffer_bytes / 2) flush();
}

bool LineOutput::flush() {
    good_ = std::fwrite(buffer_.data(), 1, buffer_.size(), file_) == buffer_.size() && good_;
    buffer_.clear();
    return good_ = std::fflush(file_) == 0 && good_;
}

} // namespace config
