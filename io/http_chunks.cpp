#include "io/http_chunks.hpp"

#include "io/limits.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace io {

namespace {

std::unexpected<Error> malformed(std::string_view why) {
    return std::unexpected(Error{Code::http_malformed, 0, std::string(why)});
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 127; }

} // namespace

std::expected<std::size_t, Error> HttpChunks::feed(pipeline::Bytes bytes) {
    std::size_t taken = 0;
    while (taken < bytes.size() && state_ != State::done) {
        pipeline::Bytes const rest = bytes.subspan(taken);
        if (state_ == State::data) {
            taken += take_data(rest);
            continue;
        }
        auto const used = take_line(rest);
        if (!used) return used;
        taken += *used;
    }
    return taken;
}

std::size_t HttpChunks::take_data(pipeline::Bytes bytes) {
    std::size_t const size = std::min(left_, bytes.size());
    body_.append(pipeline::as_text(bytes.first(size)));
    left_ -= size;
    if (left_ == 0) state_ = State::data_end;
    return size;
}

std::expected<std::size_t, Error> HttpChunks::take_line(pipeline::Bytes bytes) {
    std::string_view const text = pipeline::as_text(bytes);
    std::size_t const size = std::min(text.find('\n'), text.size() - 1) + 1;
    std::size_t const bytes_max = limits::http_chunk_line_bytes_max - trailer_bytes_;
    if (line_.size() + size > bytes_max)
        return malformed("a chunk's line or the trailer is over http_chunk_line_bytes_max");
    line_.append(text.substr(0, size));
    if (state_ == State::data_end && !std::string_view("\r\n").starts_with(line_))
        return malformed("a chunk is longer than it said");
    if (!line_.ends_with('\n')) return size;
    if (auto const good = end_line(); !good) return std::unexpected(good.error());
    line_.clear();
    return size;
}

std::expected<void, Error> HttpChunks::end_line() {
    if (!line_.ends_with("\r\n")) return malformed("a line among the chunks ends without CR");
    std::string_view const line = std::string_view(line_).substr(0, line_.size() - 2);
    if (std::ranges::any_of(line, is_control))
        return malformed("a control character in a line among the chunks");
    if (state_ == State::size) return begin_chunk(line);
    if (state_ == State::data_end) {
        state_ = State::size;
    } else if (line.empty()) {
        state_ = State::done;
    } else {
        if (line.find(':') == 0 || line.find(':') == std::string::npos)
            return malformed("a line of the trailer is no header");
        trailer_bytes_ += line_.size();
    }
    return {};
}

std::expected<void, Error> HttpChunks::begin_chunk(std::string_view line) {
    std::uint64_t size = 0;
    char const* const begin = line.data();
    auto const [stop, failure] = std::from_chars(begin, begin + line.size(), size, 16);
    auto const digits = static_cast<std::size_t>(stop - begin);
    std::size_t const next = line.find_first_not_of(" \t", digits);
    if (failure != std::errc{} || (next != std::string::npos && line[next] != ';'))
        return malformed("a chunk's size is no hexadecimal number");
    if (size > body_bytes_max_ - body_.size())
        return std::unexpected(Error{Code::http_body_too_large});
    left_ = static_cast<std::size_t>(size);
    state_ = size == 0 ? State::trailer : State::data;
    return {};
}

} // namespace io
