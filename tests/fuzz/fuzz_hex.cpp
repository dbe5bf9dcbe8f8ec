// Any text as hex: all paths agree, and what decodes encodes back.
#include "decoders/hex.hpp"
#include "pipeline/check.hpp"

#include <string>
#include <vector>

using namespace decoders;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string const text(reinterpret_cast<char const*>(data), size);
    std::vector<std::uint8_t> out(size / 2 + 1);
    auto const decoded = hex_decode(text, out);
    if (!decoded) CHECK(decoded.error().offset <= size);
    std::string_view const digits = std::string_view(text).substr(0, size & ~std::size_t{1});
    std::vector<std::uint8_t> plain(out.size()), fast(out.size());
    auto const end = hex_paths::decode("scalar", digits, plain.data());
    for (std::string_view const path : {"ssse3", "avx2", "neon"}) {
        CHECK(hex_paths::decode(path, digits, fast.data()) == end);
        if (end == digits.size()) CHECK(plain == fast);
    }
    if (!decoded) return 0;
    std::vector<std::uint8_t> again(out.size());
    auto const back = hex_decode(hex_text({out.data(), *decoded}), again);
    CHECK(back && *back == *decoded);
    out.resize(*decoded), again.resize(*decoded);
    CHECK(out == again);
    return 0;
}
