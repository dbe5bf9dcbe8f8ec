// Any line on the admin socket, or body of an emergency rollback: it is understood or refused by a
// sentence, within its limits.
#include "pipeline/check.hpp"
#include "stages/admin_request.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const line(reinterpret_cast<char const*>(data), size);
    auto const order = stages::parse_rollback_order(line);
    CHECK(order ? !order->reason.empty() || line.empty() : !order.error().empty());
    auto const request = stages::parse_admin_request(line);
    if (!request) {
        CHECK(!request.error().empty());
        return 0;
    }
    CHECK(!request->words.empty() && request->words.size() <= stages::admin_words_max);
    CHECK(request->args.size() <= stages::admin_args_max);
    static_cast<void>(stages::nearest(request->words[0], {"status", "shutdown", "metrics"}));
    return 0;
}
