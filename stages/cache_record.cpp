#include "stages/cache_record.hpp"

#include "pipeline/check.hpp"

namespace stages {

std::string_view to_text(CacheKind kind) {
    constexpr std::array<std::string_view, cache_kinds> names{"identity", "balance", "price",
                                                              "metadata", "token"};
    CHECK(static_cast<std::size_t>(kind) < names.size());
    return names[static_cast<std::size_t>(kind)];
}

std::string_view to_text(CacheSource source) {
    constexpr std::array<std::string_view, cache_sources> names{"none", "user_file", "watch",
                                                                "subscan", "node"};
    CHECK(static_cast<std::size_t>(source) < names.size());
    return names[static_cast<std::size_t>(source)];
}

} // namespace stages
