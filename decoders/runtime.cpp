#include "decoders/runtime.hpp"

#include "decoders/resolve.hpp"
#include "decoders/scale.hpp"

#include <algorithm>

namespace decoders {
namespace {

// System.Version is RuntimeVersion { spec_name: str, impl_name: str, authoring_version: u32,
// spec_version: u32, ... }.
void read_version(Metadata const& metadata, std::string_view& name, std::uint32_t& version) {
    auto const* constant = metadata.find_constant("System", "Version");
    if (constant == nullptr) return;
    Cursor in(constant->value);
    auto const spec = in.text();
    in.text(); // the implementation's name
    in.u32();  // authoring version
    auto const number = in.u32();
    if (!in.ok()) return;
    name = spec;
    version = number;
}

std::optional<std::uint16_t> read_prefix(Metadata const& metadata) {
    auto const* constant = metadata.find_constant("System", "SS58Prefix");
    if (constant == nullptr || constant->value.empty() || constant->value.size() > 8) return {};
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < constant->value.size(); ++i) {
        value |= std::uint64_t{constant->value[i]} << 8 * i;
    }
    if (value > 16'383) return {};
    return static_cast<std::uint16_t>(value);
}

// The key of System.Account; where it is neither 20 nor 32 bytes, 32.
std::uint8_t read_account_size(Metadata const& metadata, Plans const& plans) {
    auto const* entry = metadata.find_storage("System", "Account");
    if (entry == nullptr || entry->hashers.size() != 1) return 32;
    return plans.types[entry->key].size == 20 ? 20 : 32;
}

} // namespace

std::expected<std::unique_ptr<Runtime const>, Error> compile(Bytes metadata) {
    auto parsed = parse_metadata(metadata);
    if (!parsed) return std::unexpected(parsed.error());
    std::unique_ptr<Runtime> runtime(new Runtime);
    runtime->metadata_ = std::move(*parsed);
    auto plans = build_plans(runtime->metadata_);
    if (!plans) return std::unexpected(plans.error());
    runtime->plans_ = std::move(*plans);
    resolve_movements(runtime->metadata_, runtime->plans_, runtime->movements_, runtime->blind_);
    read_version(runtime->metadata_, runtime->spec_name_, runtime->spec_version_);
    runtime->ss58_prefix_ = read_prefix(runtime->metadata_);
    runtime->account_size_ = read_account_size(runtime->metadata_, runtime->plans_);
    return runtime;
}

EventName event_name(Runtime const& runtime, std::uint8_t pallet_index, std::uint8_t event_index) {
    auto const& metadata = runtime.metadata();
    auto const pallets = metadata.variants_of(metadata.types[metadata.outer_event]);
    auto const pallet = std::ranges::find(pallets, pallet_index, &Variant::index);
    if (pallet == pallets.end()) return {};
    EventName name{pallet->name, ""};
    auto const fields = metadata.fields_of(*pallet);
    if (fields.size() != 1 || metadata.types[fields[0].type].kind != TypeKind::variant) return name;
    auto const events = metadata.variants_of(metadata.types[fields[0].type]);
    auto const event = std::ranges::find(events, event_index, &Variant::index);
    if (event != events.end()) name.event = event->name;
    return name;
}

} // namespace decoders
