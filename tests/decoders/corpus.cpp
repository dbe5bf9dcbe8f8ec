#include "tests/decoders/corpus.hpp"

#include "decoders/hex.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <zlib.h>

namespace tests {

std::filesystem::path corpus_dir() {
    auto const* set = std::getenv("SPYHOP_CORPUS");
    return set != nullptr ? set : "../shared/corpus";
}

bool corpus_present() {
    if (std::filesystem::exists(corpus_dir() / "README.md")) return true;
    std::cerr << "CORPUS ABSENT: " << corpus_dir() << " does not exist; this test checks nothing\n";
    return false;
}

std::string read_file(std::filesystem::path const& path) {
    auto* file = gzopen(path.c_str(), "rb"); // reads plain files too
    EXPECT_NE(file, nullptr) << path;
    std::string out;
    std::vector<char> block(1u << 16);
    while (auto const size = gzread(file, block.data(), static_cast<unsigned>(block.size()))) {
        if (size < 0) break;
        out.append(block.data(), static_cast<std::size_t>(size));
    }
    gzclose(file);
    return out;
}

std::vector<std::filesystem::path> files_in(std::string const& folder, std::string const& suffix) {
    std::vector<std::filesystem::path> files;
    for (auto const& entry : std::filesystem::directory_iterator(corpus_dir() / folder)) {
        auto const name = entry.path().string();
        if (name.ends_with(suffix)) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    return files;
}

std::vector<std::uint8_t> from_hex(std::string_view text) {
    std::vector<std::uint8_t> out(text.size() / 2);
    auto const size = decoders::hex_decode(text, out);
    EXPECT_TRUE(size.has_value());
    out.resize(size.value_or(0));
    return out;
}

std::string minified(std::string_view json) {
    std::string out(json.size() + simdjson::SIMDJSON_PADDING, '\0');
    std::size_t size = 0;
    EXPECT_EQ(simdjson::minify(json.data(), json.size(), out.data(), size), simdjson::SUCCESS);
    out.resize(size);
    return out;
}

decoders::Runtime const& runtime_of(std::string const& metadata) {
    static std::map<std::string, std::unique_ptr<decoders::Runtime const>> known;
    auto& slot = known[metadata];
    if (!slot) {
        auto const bytes = read_file(corpus_dir() / metadata);
        auto runtime = decoders::compile(pipeline::as_bytes(bytes));
        if (!runtime) {
            ADD_FAILURE() << metadata << ": " << decoders::describe(runtime.error());
            std::abort();
        }
        slot = std::move(*runtime);
    }
    return *slot;
}

void each_block(std::function<void(Block const&)> const& visit) {
    simdjson::dom::parser parser;
    for (auto const& path : files_in("events", ".json")) {
        auto const truth = parser.load(path.string()).value();
        Block block{path.filename().string(),
                    &runtime_of(std::string(truth["metadata"].get_string().value())),
                    from_hex(truth["eventsHex"].get_string().value()), truth};
        visit(block);
    }
}

void each_generated(std::function<void(Block const&)> const& visit) {
    simdjson::dom::parser parser;
    for (auto const& path : files_in("generated", "")) {
        auto const text = read_file(path);
        decoders::Runtime const* runtime = nullptr;
        std::size_t number = 0;
        for (std::size_t at = 0; at < text.size();) {
            auto const end = std::min(text.find('\n', at), text.size());
            auto const line = parser.parse(text.substr(at, end - at)).value();
            at = end + 1;
            if (runtime == nullptr) {
                runtime = &runtime_of(std::string(line["metadata"].get_string().value()));
                continue;
            }
            visit({path.filename().string() + " batch " + std::to_string(number++), runtime,
                   from_hex(line["eventsHex"].get_string().value()), line});
        }
    }
}

std::string expected_line(simdjson::dom::element event) {
    auto const fields = event["fields"].get_array().value();
    std::string inside;
    bool const named = fields.size() > 0 && !fields.at(0)["name"].is_null();
    for (auto const field : fields) {
        if (!inside.empty()) inside += ',';
        if (named) inside += simdjson::minify(field["name"].value()) + ":";
        inside += simdjson::minify(field["value"].value());
    }
    if (fields.size() == 0) {
        inside = "null";
    } else if (named) {
        inside = "{" + inside + "}";
    } else if (fields.size() > 1) {
        inside = "[" + inside + "]";
    }
    return "{\"index\":" + simdjson::minify(event["index"].value()) +
           ",\"phase\":" + simdjson::minify(event["phase"].value()) +
           ",\"pallet\":" + simdjson::minify(event["pallet"].value()) +
           ",\"event\":" + simdjson::minify(event["event"].value()) + ",\"fields\":" + inside +
           ",\"topics\":" + simdjson::minify(event["topics"].value()) + "}";
}

} // namespace tests
