// Any bytes as an answer of Subscan: every accessor answers or refuses, inside the text.
#include "decoders/subscan.hpp"
#include "pipeline/check.hpp"

#include <cstring>
#include <vector>

using namespace decoders;

namespace {

void inside(std::string_view part, std::string_view text) {
    CHECK(part.empty() ||
          (part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size()));
    CHECK(json_unescaped(part).size() <= 3 * part.size());
}

void check_page(SubscanPage const& page, std::string_view text) {
    CHECK(page.rows <= subscan_rows_max);
    CHECK(page.rows == page.transfers.size() + page.bad.size());
    for (auto const& row : page.transfers) {
        CHECK(!row.amount.empty() || !row.amount_v2.empty());
        CHECK(page.last.has_value());
        for (auto const part : {row.module, row.amount, row.amount_v2, row.asset_symbol,
                                row.asset_unique_id, row.asset_type, row.currency_amount}) {
            inside(part, text);
        }
    }
    for (auto const& bad : page.bad) {
        CHECK(bad.row < page.rows && bad.error.offset <= text.size());
        CHECK(!describe(bad.error).empty());
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static SubscanReader reader(1u << 20);
    static SubscanPage page;
    static std::vector<SubscanToken> tokens;
    std::vector<char> buffer(size + pipeline::json_padding);
    if (size != 0) std::memcpy(buffer.data(), data, size);
    std::string_view const text(buffer.data(), size);
    auto const envelope = reader.envelope(text);
    if (!envelope) {
        CHECK(envelope.error().offset <= size);
        return 0;
    }
    inside(envelope->message, text);
    if (reader.transfers(page)) check_page(page, text);
    static_cast<void>(reader.envelope(text));
    if (auto const chain = reader.chain()) inside(chain->network, text);
    static_cast<void>(reader.envelope(text));
    if (reader.tokens(tokens)) {
        for (auto const& token : tokens) {
            for (auto const part : {token.symbol, token.unique_id, token.asset_type, token.price}) {
                inside(part, text);
            }
        }
    }
    static_cast<void>(reader.envelope(text));
    static_cast<void>(reader.block());
    static_cast<void>(reader.envelope(text));
    if (auto const account = reader.account()) {
        for (auto const part :
             {account->display, account->parent, account->sub, account->judgement,
              account->tag_name, account->tag_type, account->tag_subtype, account->balance}) {
            inside(part, text);
        }
    }
    static_cast<void>(reader.envelope(text));
    if (auto const price = reader.price()) inside(*price, text);
    return 0;
}
