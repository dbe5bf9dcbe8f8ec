#include "config/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/ansicolor_sink.h>

namespace config {

namespace {

class StderrLog final : public pipeline::Log {
  public:
    StderrLog(bool quiet, bool color)
        : logger_("spyhop",
                  std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>(
                      color ? spdlog::color_mode::automatic : spdlog::color_mode::never)) {
        logger_.set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
        logger_.set_level(quiet ? spdlog::level::err : spdlog::level::info);
        logger_.flush_on(spdlog::level::info);
    }

    void write(pipeline::Level level, std::string_view component, std::string_view text) override {
        constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info,
                                                        spdlog::level::warn, spdlog::level::err};
        logger_.log(levels[static_cast<std::size_t>(level)], "{}: {}", component, text);
    }

  private:
    spdlog::logger logger_;
};

} // namespace

std::unique_ptr<pipeline::Log> make_log(bool quiet, bool color) {
    return std::make_unique<StderrLog>(quiet, color);
}

} // namespace config
