// One runtime: its metadata and, compiled from it, a flat decode plan for every type and event.
// Immutable after compile(), so any thread may use it; it neither copies nor moves (plans and views
// point into it). Hold it by unique_ptr.
#pragma once

#include "decoders/metadata.hpp"
#include "decoders/movements.hpp"
#include "decoders/plan.hpp"

#include <expected>
#include <memory>
#include <optional>

namespace decoders {

class Runtime {
  public:
    Runtime(Runtime const&) = delete;
    Runtime& operator=(Runtime const&) = delete;

    Metadata const& metadata() const { return metadata_; }
    std::string_view spec_name() const { return spec_name_; }    // "" if the metadata does not say
    std::uint32_t spec_version() const { return spec_version_; } // 0 if the metadata does not say
    std::optional<std::uint16_t> ss58_prefix() const { return ss58_prefix_; }
    std::uint8_t account_size() const { return account_size_; } // 20 or 32

    std::span<MovementEvent const> movements() const { return movements_; }
    std::span<Blind const> blind() const { return blind_; }

    Plans const& plans() const { return plans_; }

  private:
    friend std::expected<std::unique_ptr<Runtime const>, Error> compile(Bytes metadata);
    Runtime() = default;

    Metadata metadata_;
    Plans plans_;
    std::vector<MovementEvent> movements_;
    std::vector<Blind> blind_;
    std::string_view spec_name_;
    std::uint32_t spec_version_ = 0;
    std::optional<std::uint16_t> ss58_prefix_;
    std::uint8_t account_size_ = 32;
};

// Parses the metadata (bytes beginning "meta") and compiles it. Milliseconds; off the hot path.
[[nodiscard]] std::expected<std::unique_ptr<Runtime const>, Error> compile(Bytes metadata);

// The pallet and event behind two bytes, "" where the runtime has none; for messages.
struct EventName {
    std::string_view pallet;
    std::string_view event;
};
EventName event_name(Runtime const& runtime, std::uint8_t pallet_index, std::uint8_t event_index);

} // namespace decoders
