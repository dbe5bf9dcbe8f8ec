// The stored regime: what is written is read again to the same, and what is damaged is refused.
#include "config/flags_file.hpp"

#include <gtest/gtest.h>

using namespace config;
using stages::FlagName;

namespace {

stages::FlagState sample() {
    stages::FlagState state = stages::default_flags();
    state.epoch = 41;
    state.mode = pipeline::Mode::legacy_only;
    state.locked = true;
    state.lock_reason = "a \"quoted\" reason\nof two lines, \\ and \u00e9";
    state.clean = false;
    state.of(FlagName::hybrid_traffic_percent) = {1'234, "uid 1000 (ann)", 1'700'000'000'123, 40};
    state.of(FlagName::canary_tier).value = 3;
    stages::PinEntry pin;
    std::uint8_t key[32];
    std::fill(std::begin(key), std::end(key), std::uint8_t{0xab});
    pin.account = decoders::account_of(key, 32);
    pin.pin = stages::Pin::hybrid;
    pin.until_unix_ms = 1'800'000'000'000;
    pin.set_by = "uid 0";
    pin.reason = "ours";
    state.pins.push_back(pin);
    return state;
}

std::string replaced(std::string text, std::string const& from, std::string const& to) {
    std::size_t const at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

} // namespace

TEST(FlagsFile, what_is_written_is_read_again) {
    auto const state = sample();
    auto const read = flags_from(flags_text(state));
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(flags_text(*read), flags_text(state));
    EXPECT_EQ(read->lock_reason, state.lock_reason);
    EXPECT_EQ(stages::regime_of(*read), stages::regime_of(state));
    ASSERT_EQ(read->pins.size(), 1U);
    EXPECT_EQ(read->pins[0].account, state.pins[0].account);
    EXPECT_FALSE(read->clean);
}

TEST(FlagsFile, a_flag_that_the_file_does_not_know_has_its_default) {
    std::string text = flags_text(sample());
    text = replaced(text, "[flag.canary_tier]", "[flag.of_yesterday]");
    auto const read = flags_from(text);
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(read->of(FlagName::canary_tier).value, pipeline::tiers_all);
}

TEST(FlagsFile, whatever_is_damaged_is_refused) {
    std::string const good = flags_text(sample());
    for (std::string const& bad :
         {std::string(), std::string("version = 2\n"), replaced(good, "version = 1", "version = 2"),
          replaced(good, "epoch = 41", "epoch = -1"),
          replaced(good, "epoch = 41", "epoch = 16777216"),
          replaced(good, "\"legacy\"", "\"legay\""), replaced(good, "locked = true", "locked = 1"),
          replaced(good, "\"12.34\"", "\"1234\""), replaced(good, "\"12.34\"", "12.34"),
          replaced(good, "0xabab", "0xzzab"), replaced(good, "0xabab", "0x"),
          replaced(good, "path = \"hybrid\"", "path = \"none\""),
          replaced(good, "clean = false\n", ""), good.substr(0, good.size() / 2)})
        EXPECT_FALSE(flags_from(bad)) << bad;
}

namespace {

struct OneFile final : stages::StateFiles {
    std::string text;
    bool exists(std::string const& name) const override { return name == flags_file_name; }
    std::expected<std::string, std::string> read(std::string const&, std::size_t) const override {
        return text;
    }
    std::expected<void, std::string> write(std::string const&, std::string_view) override {
        return {};
    }
};

} // namespace

TEST(FlagsFile, a_routing_stage_that_begins_is_given_the_pins_that_are_stored) {
    OneFile files;
    files.text = flags_text(sample());
    auto const pins = stored_pins(files);
    ASSERT_EQ(pins.size(), 1U);
    EXPECT_EQ(pins[0].account, sample().pins[0].account);
    EXPECT_EQ(pins[0].pin, stages::Pin::hybrid);
    EXPECT_EQ(pins[0].until_unix_ms, 1'800'000'000'000U);
    files.text = "no regime";
    EXPECT_TRUE(stored_pins(files).empty());
}
