#include "stages/journal_line.hpp"

#include "decoders/hex.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <iterator>

namespace stages {

namespace {

constexpr std::string_view before_id = R"({"id":")";
constexpr std::string_view before_state = R"(","state":")";
constexpr std::string_view before_amended = R"(,"amended":[)";
constexpr std::string_view before_latency = R"(,"latency":{)";
constexpr std::string_view before_block_latency = R"("block_to_emitted_ms":)";
constexpr std::size_t id_digits = 2 * sizeof(AlertId);
constexpr std::size_t state_at = before_id.size() + id_digits + before_state.size();

// The state's word, which ends with a quote; empty when it is none.
std::string_view state_word(std::string_view line) {
    for (AlertState const state : {AlertState::seen, AlertState::final, AlertState::retracted}) {
        std::string_view const word = to_text(state);
        std::string_view const rest = line.substr(state_at);
        if (rest.starts_with(word) && rest.substr(word.size()).starts_with('"')) return word;
    }
    return {};
}

} // namespace

std::optional<LineHead> read_line_head(std::string_view line) {
    if (line.size() < state_at || !line.ends_with('}') || !line.starts_with(before_id) ||
        line.substr(before_id.size() + id_digits, before_state.size()) != before_state)
        return std::nullopt;
    LineHead head;
    auto const digits = line.substr(before_id.size(), id_digits);
    bool const lower = std::none_of(digits.begin(), digits.end(),
                                    [](char digit) { return digit >= 'A' && digit <= 'Z'; });
    auto const size = decoders::hex_decode(digits, head.id);
    std::string_view const word = state_word(line);
    if (!lower || digits.starts_with("0x") || !size || word.empty()) return std::nullopt;
    for (AlertState const state : {AlertState::seen, AlertState::final, AlertState::retracted})
        if (to_text(state) == word) head.state = state;
    return head;
}

bool may_be_torn_line(std::string_view text) {
    // What reached the disk of it; blank pages stand for the rest.
    text = text.substr(0, text.find_last_not_of('\0') + 1);
    if (text.size() > Journal::line_bytes_max) return false;
    return text.size() < before_id.size() ? before_id.starts_with(text)
                                          : text.starts_with(before_id);
}

bool append_restated_line(AlertRow const& before, AlertState state,
                          std::uint64_t received_to_emitted_ns, std::uint64_t emitted_unix_ms,
                          std::string& out) {
    std::string_view const line = before.line;
    // Quotes inside texts are escaped, so this is no part of a label.
    std::size_t const latency = line.rfind(before_latency);
    if (!read_line_head(line) || latency == std::string_view::npos) return false;
    std::size_t const rest = state_at + state_word(line).size();
    // What the line before added is no news any more.
    std::size_t const said = std::min(line.rfind(before_amended), latency);
    auto const end = std::back_inserter(out);
    fmt::format_to(end, R"({}{}{}{}"received_to_emitted_ns":{})", line.substr(0, state_at),
                   to_text(state), line.substr(rest, said - rest), before_latency,
                   received_to_emitted_ns);
    std::size_t const block = line.find(before_block_latency, latency);
    if (block != std::string_view::npos) {
        // When the block was made: what the line says, counted from when it was emitted.
        std::int64_t age = 0;
        auto const digits = line.substr(block + before_block_latency.size());
        std::from_chars(digits.data(), digits.data() + digits.size(), age);
        age += static_cast<std::int64_t>(emitted_unix_ms - before.emitted_unix_ms);
        fmt::format_to(end, ",{}{}", before_block_latency, age);
    }
    out += "}}";
    return true;
}

} // namespace stages
