// What comes back from Subscan, and who reads it.
#include "stages/subscan_source.hpp"

#include "decoders/hex.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr Nanoseconds greeting_pause = 2 * pipeline::second; // doubled with each failure in a row
constexpr unsigned doublings_max = 5;

SubscanPoll::Failure failure_of(SubscanFault fault) {
    switch (fault) {
    case SubscanFault::limited:
    case SubscanFault::unauthorized:
    case SubscanFault::shed: return SubscanPoll::Failure::held;
    case SubscanFault::plan:
    case SubscanFault::bad_request:
    case SubscanFault::not_found: return SubscanPoll::Failure::hopeless;
    case SubscanFault::paging_limit:
    case SubscanFault::timeout:
    case SubscanFault::too_large: return SubscanPoll::Failure::heavy;
    case SubscanFault::none:
    case SubscanFault::no_record:
    case SubscanFault::server:
    case SubscanFault::transport:
    case SubscanFault::garbage: break;
    }
    return SubscanPoll::Failure::passing;
}

bool is_decimal(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos &&
           text.front() != '.' && text.back() != '.' &&
           std::count(text.begin(), text.end(), '.') < 2;
}

// The name people know an account by: an exchange's tag before an identity of its own.
PartyKnown party_of(decoders::SubscanAccount const& account) {
    PartyKnown party;
    if (!account.tag_name.empty()) {
        party.label.assign(decoders::json_unescaped(account.tag_name));
        party.label_by = KnownBy::subscan_tag;
        party.kind.assign(decoders::json_unescaped(account.tag_type));
    } else if (account.identity && !(account.display.empty() && account.parent.empty())) {
        std::string name = decoders::json_unescaped(account.parent);
        std::string_view const own = account.parent.empty() ? account.display : account.sub;
        if (!own.empty()) name += (name.empty() ? "" : "/") + decoders::json_unescaped(own);
        party.label.assign(name);
        party.label_by = KnownBy::subscan_identity;
        party.judgement.assign(decoders::json_unescaped(account.judgement));
    }
    if (is_decimal(account.balance)) party.balance.assign(account.balance);
    return party;
}

} // namespace

void SubscanSource::answered(SubscanReply& reply, pipeline::Turn const& turn) {
    auto const found = std::find_if(open_.begin(), open_.end(),
                                    [&](Open const& open) { return open.id == reply.id; });
    CHECK(found != open_.end()); // every answer is to a question of ours
    Open const open = *found;
    open_.erase(found);
    if (open.purpose == Purpose::lookup) {
        --lookups_;
        return on_lookup(open, reply);
    }
    Chain& chain = chains_[open.chain];
    chain.asked = false;
    chain.received = reply.received;
    switch (open.purpose) {
    case Purpose::genesis: on_genesis(open.chain, reply, turn.now); break;
    case Purpose::tokens:
    case Purpose::older_tokens: on_tokens(open.chain, reply, turn.now); break;
    case Purpose::head:
    case Purpose::page: on_poll(open, reply, turn); break;
    case Purpose::lookup: break;
    }
    if (chain.poll.next() == nullptr) note(open.chain, turn); // else once that is told
}

// The reply has a good answer, whose envelope is read now.
bool SubscanSource::readable(SubscanReply& reply) {
    if (reply.fault != SubscanFault::none) return false;
    reply.body.reserve(reply.body.size() + pipeline::json_padding);
    auto const envelope = reader_.envelope(reply.body);
    if (envelope && envelope->has_data) return true;
    reply.fault = SubscanFault::garbage;
    reply.text = envelope ? "the answer has no data"
                          : "the answer cannot be read: " + decoders::describe(envelope.error());
    return false;
}

// ---- the greeting -------------------------------------------------------------------------------

void SubscanSource::greeting_failed(std::uint16_t index, std::string const& why, Nanoseconds now) {
    Chain& chain = chains_[index];
    chain.ask_at = now + (greeting_pause << std::min(chain.failures++, doublings_max));
    in_trouble(index, why);
}

void SubscanSource::on_genesis(std::uint16_t index, SubscanReply& reply, Nanoseconds now) {
    Chain& chain = chains_[index];
    auto const& known = options_.chains[index].genesis;
    if (!readable(reply)) return greeting_failed(index, reply.text, now);
    auto const block = reader_.block();
    if (!block || block->number != 0)
        return greeting_failed(index,
                               block
                                   ? "asked for block 0, Subscan gave another one"
                                   : "block 0 cannot be read: " + decoders::describe(block.error()),
                               now);
    if (known && *known != block->hash) {
        chain.ask_at = now + options_.chains[index].poll.hopeless_pause;
        return in_trouble(index,
                          fmt::format("incident: its genesis is {}, but this chain's is {}; "
                                      "nothing of it is told. Is subscan_url right?",
                                      decoders::hex_text(block->hash), decoders::hex_text(*known)));
    }
    chain.facts.genesis = block->hash;
    chain.failures = 0;
    chain.step = Step::tokens;
}

void SubscanSource::on_tokens(std::uint16_t index, SubscanReply& reply, Nanoseconds now) {
    Chain& chain = chains_[index];
    bool const passing = reply.fault != SubscanFault::none && !permanent(reply.fault) &&
                         reply.fault != SubscanFault::no_record;
    if (passing) return greeting_failed(index, reply.text, now);
    tokens_.clear();
    if (readable(reply) && reader_.tokens(tokens_)) {
        for (auto const& token : tokens_) chain.assets.learn(token);
        if (chain.assets.native_known()) keep_greeting(index);
    }
    chain.failures = 0;
    bool const another = chain.step == Step::tokens && !chain.assets.native_known();
    chain.step = another ? Step::older_tokens : Step::polling;
    if (chain.step == Step::polling && !chain.assets.native_known())
        needs_.log.write(pipeline::Level::warning, "subscan",
                         options_.chains[index].name +
                             ": Subscan does not say how many decimals the token has; they are "
                             "taken from the first transfer that gives its amount both ways");
}

// ---- polls --------------------------------------------------------------------------------------

void SubscanSource::on_poll(Open const& open, SubscanReply& reply, pipeline::Turn const& turn) {
    Chain& chain = chains_[open.chain];
    bool good = false;
    if (open.purpose == Purpose::page && reply.fault == SubscanFault::no_record) {
        chain.poll.page({}, 0, std::nullopt, turn.now); // no rows
        good = true;
    } else if (readable(reply)) {
        good = open.purpose == Purpose::head ? on_head(open.chain, turn.now)
                                             : on_page(open.chain, turn.now);
        if (!good && reply.text.empty()) reply.text = chain.trouble;
    } else {
        chain.poll.failed(failure_of(reply.fault), turn.now);
        in_trouble(open.chain, reply.text);
    }
    if (!good) return;
    recovered(open.chain);
    if (open.purpose == Purpose::page && !chain.poll.behind()) chain.polled_unix_ms = turn.unix_ms;
}

bool SubscanSource::on_head(std::uint16_t index, Nanoseconds now) {
    Chain& chain = chains_[index];
    auto const head = reader_.chain();
    if (!head || !head->best) {
        chain.poll.failed(SubscanPoll::Failure::passing, now);
        in_trouble(index,
                   head ? "/api/scan/metadata says nothing of the newest block (blockNum)"
                        : "/api/scan/metadata cannot be read: " + decoders::describe(head.error()));
        return false;
    }
    if (head->ss58_prefix && !chain.prefix_known) {
        chain.facts.ss58_prefix = *head->ss58_prefix;
        chain.prefix_known = true;
    }
    chain.poll.head(*head->best, head->finalized, now);
    return true;
}

// Rows that are no transfer are passed over. One whose amount cannot be told yet holds up the page:
// it is asked for again, never left out.
bool SubscanSource::on_page(std::uint16_t index, Nanoseconds now) {
    Chain& chain = chains_[index];
    page_.clear();
    if (auto const read = reader_.transfers(page_); !read) {
        chain.poll.failed(SubscanPoll::Failure::passing, now);
        in_trouble(index,
                   "a page of transfers cannot be read: " + decoders::describe(read.error()));
        return false;
    }
    needs_.metrics.add(LegacyMetric::rows, page_.rows);
    rows_.clear();
    std::uint64_t skipped = 0;
    std::uint64_t malformed = page_.bad.size();
    // The first that tells the token's decimals serves those before it.
    Transfer scratch;
    if (!chain.assets.native_known())
        for (auto const& row : page_.transfers)
            static_cast<void>(chain.assets.convert(row, scratch));
    for (auto const& row : page_.transfers) {
        switch (chain.assets.convert(row, scratch)) {
        case SubscanAssets::Reading::transfer: rows_.push_back(scratch); break;
        case SubscanAssets::Reading::skipped: ++skipped; break;
        case SubscanAssets::Reading::malformed: ++malformed; break;
        case SubscanAssets::Reading::unknown:
            if (chain.assets.native_known()) {
                ++malformed;
                break;
            }
            chain.poll.failed(SubscanPoll::Failure::passing, now);
            in_trouble(index, "nobody says how many decimals the token has, so no amount is exact; "
                              "nothing is told until a row says it (amount_v2)");
            return false;
        }
        if (!chain.prefix_known && row.prefix != 0xffff) {
            chain.facts.ss58_prefix = row.prefix;
            chain.prefix_known = true;
        }
    }
    needs_.metrics.add(LegacyMetric::skipped_rows, skipped);
    needs_.metrics.set(LegacyMetric::inconsistent, chain.assets.inconsistent());
    if (malformed != 0) {
        needs_.metrics.add(LegacyMetric::bad_rows, malformed);
        needs_.log.write(
            pipeline::Level::error, "subscan",
            fmt::format("incident: {}: {} rows of a page of transfers cannot be read{}; "
                        "the others are told",
                        options_.chains[index].name, malformed,
                        page_.bad.empty()
                            ? std::string()
                            : fmt::format(" (row {}: {})", page_.bad.front().row,
                                          decoders::describe(page_.bad.front().error))));
    }
    chain.poll.page(rows_, page_.rows, page_.last, now);
    needs_.metrics.set(LegacyMetric::contradictions, chain.poll.contradictions());
    return true;
}

// ---- lookups ------------------------------------------------------------------------------------

void SubscanSource::on_lookup(Open const& open, SubscanReply& reply) {
    Finding finding;
    finding.header.received = reply.received;
    finding.chain = open.chain;
    finding.wanted = open.lookup.wanted;
    finding.account = open.lookup.account;
    finding.time_s = open.lookup.time_s;
    finding.found = reply.fault == SubscanFault::no_record ? Found::no : Found::failed;
    if (readable(reply)) {
        if (open.lookup.wanted == Wanted::account) {
            if (auto const account = reader_.account()) {
                finding.party = party_of(*account);
                finding.found = Found::yes;
            }
        } else if (auto const price = reader_.price(); price && is_decimal(*price)) {
            finding.price.usd.assign(*price);
            finding.price.by = KnownBy::subscan;
            finding.found = Found::yes;
        }
    }
    needs_.metrics.add(LegacyMetric::lookups_failed, finding.found == Found::failed);
    findings_.emit(finding);
}

// ---- how it is going ----------------------------------------------------------------------------

// A line when trouble begins or changes; what each request met is in the gate's lines.
void SubscanSource::in_trouble(std::uint16_t index, std::string text) {
    Chain& chain = chains_[index];
    if (text == chain.trouble) return;
    chain.trouble = std::move(text);
    needs_.log.write(pipeline::Level::warning, "subscan",
                     options_.chains[index].name + ": " + chain.trouble);
}

void SubscanSource::recovered(std::uint16_t index) {
    Chain& chain = chains_[index];
    if (chain.trouble.empty()) return;
    chain.trouble.clear();
    needs_.log.write(pipeline::Level::info, "subscan",
                     options_.chains[index].name + ": polling again");
}

} // namespace stages
