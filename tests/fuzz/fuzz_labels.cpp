// Any text as a file of labels: what is read keeps its limits, is found in a book, and written down
// as CSV again it is read as the same.
#include "decoders/hex.hpp"
#include "io/utf8.hpp"
#include "pipeline/check.hpp"
#include "stages/labels.hpp"

using namespace stages;

namespace {

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (char const c : text) out.append(c == '"' ? 2 : 1, c);
    return out + "\"";
}

std::string written(LabelFile const& file) {
    std::string text = "source,label,address,kind\n";
    for (auto const& row : file.rows) {
        std::string const address = decoders::hex_text(row.account.bytes());
        text += quoted(file.source(row)) + "," + quoted(file.label(row)) + "," + address + "," +
                quoted(file.kind(row)) + "\n";
    }
    return text;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    LabelLimits const limits{.rows_max = 1'000, .problems_max = 10};
    LabelFile const file = parse_labels(text, "fuzz.csv", limits);
    CHECK(file.rows.size() <= limits.rows_max && file.problems.size() <= limits.problems_max);
    for (auto const& problem : file.problems)
        CHECK(io::valid_utf8(pipeline::as_bytes(to_text(file.name, problem))));
    for (auto const& row : file.rows) {
        CHECK(!file.label(row).empty() && file.label(row).size() <= limits.label_bytes_max);
        CHECK(file.kind(row).size() <= limits.kind_bytes_max);
        CHECK(file.source(row).size() <= limits.source_bytes_max);
        for (auto const part : {file.label(row), file.kind(row), file.source(row)}) {
            CHECK(io::valid_utf8(pipeline::as_bytes(part)));
            CHECK(part.find_first_of("\n\r\x1b") == std::string_view::npos);
        }
    }
    LabelFile const again = parse_labels(written(file), "again.csv", limits);
    CHECK(again.faultless() && again.rows.size() == file.rows.size());
    std::vector<LabelFile> const files{file, again};
    auto const built = LabelBook::build({}, files, limits);
    CHECK(built.warnings.empty() && built.book.size() == file.rows.size());
    for (auto const& row : file.rows) {
        auto const found = built.book.find(row.account);
        CHECK(found && found->label == file.label(row) && found->kind == file.kind(row));
        CHECK(found->source == file.source(row) && found->file == "fuzz.csv");
    }
    return 0;
}
