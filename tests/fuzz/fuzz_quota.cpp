// Any text as the kept state of a quota, which is read or refused; what was read is written and
// read again to the same, and no text makes sending possible that the limits forbid.
#include "pipeline/check.hpp"
#include "stages/quota.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    constexpr pipeline::Nanoseconds now = 1'000 * pipeline::second;
    constexpr std::uint64_t unix_ms = 1'700'000'000'000;
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    stages::Quota quota({}, now);
    bool const read = quota.restore(text, now, unix_ms).has_value();
    CHECK(!quota.may_send(stages::QuotaClass::alerting, now));
    CHECK(quota.paused_until() <= now + io::limits::retry_after_s_max * pipeline::second);
    CHECK(read || quota.used_today(now) == 0);
    if (quota.left_today(now) == 0) CHECK(quota.runs_out_at(now) == now);
    CHECK(quota.runs_out_at(now) >= now);

    std::string const state = quota.exported(now, unix_ms);
    stages::Quota again({}, now);
    CHECK(again.restore(state, now, unix_ms));
    CHECK(again.used_today(now) == quota.used_today(now));
    CHECK(again.exported(now, unix_ms) == state);
    return 0;
}
