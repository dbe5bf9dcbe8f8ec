// What notices of chainHead_v1_follow hold besides plain members.
#include "decoders/jsonrpc_impl.hpp"

namespace decoders {

using Done = std::expected<void, Error>;

// {"type":"valid","spec":{"specVersion":…,…}}
std::expected<std::optional<std::uint32_t>, Error>
JsonRpc::followed_runtime(std::string_view member) {
    auto& impl = *impl_;
    auto outer = impl.result_object();
    if (!outer) return std::unexpected(outer.error());
    std::optional<std::uint32_t> version;
    auto const in_spec = [&](std::string_view key, ondemand::value& value) -> Done {
        if (key != "specVersion") return {};
        auto const found = impl.token(value);
        if (!found) return std::unexpected(found.error());
        auto const number = parse_unsigned(found->text);
        if (found->form != Form::number || !number || *number > ~std::uint32_t{0}) {
            return std::unexpected(Error{Code::json_number, impl.offset_of(found->text)});
        }
        version = static_cast<std::uint32_t>(*number);
        return {};
    };
    auto const in_runtime = [&](std::string_view key, ondemand::value& value) -> Done {
        if (key != "spec") return {};
        ondemand::object spec;
        if (auto const code = value.get_object().get(spec); code != simdjson::SUCCESS) {
            return std::unexpected(impl.error(code));
        }
        return impl.members(spec, in_spec);
    };
    auto const done =
        impl.members(*outer, [&](std::string_view key, ondemand::value& value) -> Done {
            if (key != member) return {};
            ondemand::json_type type;
            if (auto const code = value.type().get(type); code != simdjson::SUCCESS) {
                return std::unexpected(impl.error(code));
            }
            if (form_of(type) == Form::null) return {};
            ondemand::object runtime;
            if (auto const code = value.get_object().get(runtime); code != simdjson::SUCCESS) {
                return std::unexpected(impl.error(code));
            }
            return impl.members(runtime, in_runtime);
        });
    if (!done) return std::unexpected(done.error());
    return version;
}

std::expected<std::size_t, Error> JsonRpc::storage_items(ItemSink const& each) {
    auto& impl = *impl_;
    auto value = impl.result();
    if (!value) return std::unexpected(value.error());
    ondemand::value items;
    auto const code = value->find_field_unordered("items").get(items);
    if (code != simdjson::SUCCESS) return std::unexpected(impl.error(code));
    return impl.elements(items, [&](std::size_t, ondemand::value& item) -> Done {
        ondemand::object object;
        if (auto const bad = item.get_object().get(object); bad != simdjson::SUCCESS) {
            return std::unexpected(impl.error(bad));
        }
        StorageItem found;
        auto const done =
            impl.members(object, [&](std::string_view key, ondemand::value& member) -> Done {
                std::string_view* const to = key == "key"   ? &found.key
                                           : key == "value" ? &found.value
                                           : key == "hash"  ? &found.hash
                                                            : nullptr;
                if (to == nullptr) return {};
                auto const text = impl.token(member);
                if (!text) return std::unexpected(text.error());
                if (text->form == Form::string) *to = text->text;
                return {};
            });
        if (!done) return done;
        if (found.key.empty()) return std::unexpected(impl.error(Code::json_missing));
        each(found);
        return {};
    });
}

} // namespace decoders
