#include "decoders/hex.hpp"
#include "decoders/jsonrpc_impl.hpp"

#include <algorithm>
#include <array>

// What a monitor reads out of results. Members come in any order; each accessor starts again from
// the top.
namespace decoders {
namespace {

using Done = std::expected<void, Error>;

constexpr std::size_t longest_wanted_key = 256; // bytes; longer keys are nobody's

Error at(Error error, std::size_t before) {
    error.offset += before;
    return error;
}

} // namespace

std::expected<ondemand::value, Error> JsonRpc::Impl::result() {
    if (!parsed) return std::unexpected(Error{Code::json_missing, 0});
    if (kind == FrameKind::error_reply) return std::unexpected(Error{Code::json_missing, 0});
    if (kind == FrameKind::reply) return top_member("result");
    auto params = top_member("params");
    if (!params || kind == FrameKind::request) return params;
    ondemand::value value;
    auto const code = params->find_field_unordered("result").get(value);
    if (code != simdjson::SUCCESS) return std::unexpected(error(code));
    return value;
}

std::expected<ondemand::object, Error> JsonRpc::Impl::result_object() {
    auto value = result();
    if (!value) return std::unexpected(value.error());
    ondemand::object object;
    if (auto const code = value->get_object().get(object); code != simdjson::SUCCESS) {
        return std::unexpected(error(code));
    }
    return object;
}

std::expected<std::string_view, Error> JsonRpc::Impl::string(ondemand::value& value) {
    auto const found = token(value);
    if (!found) return std::unexpected(found.error());
    if (found->form != Form::string) {
        return std::unexpected(Error{Code::json_type, offset_of(found->text)});
    }
    return found->text;
}

std::expected<Hash, Error> JsonRpc::Impl::hash(ondemand::value& value) {
    auto const text = string(value);
    if (!text) return std::unexpected(text.error());
    auto const hash = parse_hash(*text);
    if (!hash) return std::unexpected(at(hash.error(), offset_of(*text)));
    return hash;
}

std::expected<Header, Error> JsonRpc::header() {
    auto object = impl_->result_object();
    if (!object) return std::unexpected(object.error());
    return impl_->header(*object);
}

std::expected<BlockHead, Error> JsonRpc::block(TextSink const& extrinsic) {
    auto& impl = *impl_;
    auto outer = impl.result_object();
    if (!outer) return std::unexpected(outer.error());
    BlockHead out;
    bool any_header = false;
    bool any_block = false;
    auto const inside = [&](std::string_view key, ondemand::value& value) -> Done {
        if (key == "header") {
            ondemand::object object;
            if (auto const code = value.get_object().get(object); code != simdjson::SUCCESS) {
                return std::unexpected(impl.error(code));
            }
            auto const header = impl.header(object);
            if (!header) return std::unexpected(header.error());
            out.header = *header;
            any_header = true;
        } else if (key == "extrinsics") {
            auto const each = [&](std::size_t index, ondemand::value& item) -> Done {
                auto const text = impl.string(item);
                if (!text) return std::unexpected(text.error());
                if (extrinsic) extrinsic(index, *text);
                return {};
            };
            auto const count = impl.elements(value, each);
            if (!count) return std::unexpected(count.error());
            out.extrinsics = static_cast<std::uint32_t>(*count);
        }
        return {};
    };
    auto const done =
        impl.members(*outer, [&](std::string_view key, ondemand::value& value) -> Done {
            if (key != "block") return {};
            any_block = true;
            ondemand::object object;
            if (auto const code = value.get_object().get(object); code != simdjson::SUCCESS) {
                return std::unexpected(impl.error(code));
            }
            return impl.members(object, inside);
        });
    if (!done) return std::unexpected(done.error());
    if (!any_block || !any_header) return std::unexpected(impl.error(Code::json_missing));
    return out;
}

std::expected<RuntimeVersion, Error> JsonRpc::runtime_version() {
    auto& impl = *impl_;
    auto object = impl.result_object();
    if (!object) return std::unexpected(object.error());
    RuntimeVersion out;
    bool any_name = false;
    bool any_version = false;
    auto const done =
        impl.members(*object, [&](std::string_view key, ondemand::value& value) -> Done {
            if (key != "specName" && key != "specVersion") return {};
            auto const found = impl.token(value);
            if (!found) return std::unexpected(found.error());
            if (key == "specName") {
                any_name = found->form == Form::string;
                out.spec_name = found->text;
                return {};
            }
            auto const number = parse_unsigned(found->text);
            if (found->form != Form::number || !number || *number > ~std::uint32_t{0}) {
                return std::unexpected(Error{Code::json_number, impl.offset_of(found->text)});
            }
            any_version = true;
            out.spec_version = static_cast<std::uint32_t>(*number);
            return {};
        });
    if (!done) return std::unexpected(done.error());
    if (!any_name || !any_version) return std::unexpected(impl.error(Code::json_missing));
    return out;
}

// Each property may be a scalar, an array of them (the first counts), null or absent.
std::expected<Properties, Error> JsonRpc::properties() {
    auto& impl = *impl_;
    auto object = impl.result_object();
    if (!object) return std::unexpected(object.error());
    Properties out;
    auto const keep = [&](std::string_view key, Token const& found) {
        std::uint64_t const number = parse_unsigned(found.text).value_or(~std::uint64_t{0});
        bool const numeric = found.form == Form::number;
        if (key == "ss58Format" || key == "SS58Prefix") {
            if (numeric && number <= 16'383) out.ss58_prefix = static_cast<std::uint16_t>(number);
        } else if (key == "tokenDecimals") {
            if (numeric && number <= 255) out.decimals = static_cast<std::uint8_t>(number);
        } else if (key == "tokenSymbol" && found.form == Form::string) {
            out.symbol = found.text;
        }
    };
    auto const done =
        impl.members(*object, [&](std::string_view key, ondemand::value& value) -> Done {
            ondemand::json_type type;
            if (auto const code = value.type().get(type); code != simdjson::SUCCESS) {
                return std::unexpected(impl.error(code));
            }
            auto const one = [&](std::size_t index, ondemand::value& item) -> Done {
                auto const found = impl.token(item);
                if (!found) return std::unexpected(found.error());
                if (index == 0) keep(key, *found);
                return {};
            };
            if (form_of(type) != Form::array) return one(0, value);
            auto const count = impl.elements(value, one);
            if (!count) return std::unexpected(count.error());
            return {};
        });
    if (!done) return std::unexpected(done.error());
    return out;
}

// ["0xkey", "0xvalue" or null]
Done JsonRpc::Impl::change(ondemand::value& pair, std::span<WantedChange> wanted) {
    WantedChange* slot = nullptr;
    std::size_t parts = 0;
    auto const each = [&](std::size_t index, ondemand::value& item) -> Done {
        auto const found = token(item);
        if (!found) return std::unexpected(found.error());
        parts = index + 1;
        if (index == 0) {
            if (found->form != Form::string) return std::unexpected(error(Code::json_type));
            std::array<std::uint8_t, longest_wanted_key> key;
            auto const size = hex_decode(found->text, key);
            if (!size && size.error().code != Code::buffer_too_small) {
                return std::unexpected(at(size.error(), offset_of(found->text)));
            }
            if (!size) return {};
            auto const same = [&](WantedChange const& one) {
                return std::ranges::equal(one.key, std::span(key.data(), *size));
            };
            auto const place = std::ranges::find_if(wanted, same);
            if (place != wanted.end()) slot = &*place;
        } else if (index == 1) {
            if (found->form != Form::string && found->form != Form::null) {
                return std::unexpected(error(Code::json_type));
            }
            if (slot == nullptr) return {};
            bool const present = found->form == Form::string;
            slot->state = present ? ChangeState::present : ChangeState::null;
            slot->value = present ? found->text : std::string_view{};
        }
        return {};
    };
    auto const count = elements(pair, each);
    if (!count) return std::unexpected(count.error());
    if (parts < 2) return std::unexpected(error(Code::json_missing));
    return {};
}

std::expected<StorageChanges, Error> JsonRpc::Impl::changes(ondemand::object& object,
                                                            std::span<WantedChange> wanted) {
    StorageChanges out;
    bool any_block = false;
    bool any_changes = false;
    auto const done = members(object, [&](std::string_view key, ondemand::value& value) -> Done {
        if (key == "block") {
            auto const block = hash(value);
            if (!block) return std::unexpected(block.error());
            out.block = *block;
            any_block = true;
        } else if (key == "changes") {
            any_changes = true;
            auto const count = elements(
                value, [&](std::size_t, ondemand::value& pair) { return change(pair, wanted); });
            if (!count) return std::unexpected(count.error());
            out.changes = static_cast<std::uint32_t>(*count);
        }
        return {};
    });
    if (!done) return std::unexpected(done.error());
    if (!any_block || !any_changes) return std::unexpected(error(Code::json_missing));
    return out;
}

std::expected<StorageChanges, Error> JsonRpc::storage_changes(std::span<WantedChange> wanted,
                                                              std::size_t index) {
    auto& impl = *impl_;
    for (auto& one : wanted) one.state = ChangeState::absent, one.value = {};
    auto value = impl.result();
    if (!value) return std::unexpected(value.error());
    ondemand::json_type type;
    if (auto const code = value->type().get(type); code != simdjson::SUCCESS) {
        return std::unexpected(impl.error(code));
    }
    ondemand::value element = *value;
    if (form_of(type) == Form::array) {
        auto const code = value->at(index).get(element);
        if (code != simdjson::SUCCESS) return std::unexpected(impl.error(code));
    }
    ondemand::object object;
    if (auto const code = element.get_object().get(object); code != simdjson::SUCCESS) {
        return std::unexpected(impl.error(code));
    }
    return impl.changes(object, wanted);
}

std::expected<std::size_t, Error> JsonRpc::strings(std::string_view member, TextSink const& each) {
    auto& impl = *impl_;
    auto value = impl.result();
    if (!value) return std::unexpected(value.error());
    if (!member.empty()) {
        ondemand::value inner;
        auto const code = value->find_field_unordered(member).get(inner);
        if (code != simdjson::SUCCESS) return std::unexpected(impl.error(code));
        value = inner;
    }
    return impl.elements(*value, [&](std::size_t index, ondemand::value& item) -> Done {
        auto const text = impl.string(item);
        if (!text) return std::unexpected(text.error());
        each(index, *text);
        return {};
    });
}

std::expected<JsonRpc::Token, Error> JsonRpc::member(std::string_view name) {
    auto& impl = *impl_;
    auto object = impl.result_object();
    if (!object) return std::unexpected(object.error());
    ondemand::value value;
    auto const code = object->find_field_unordered(name).get(value);
    if (code == simdjson::NO_SUCH_FIELD) return Token{};
    if (code != simdjson::SUCCESS) return std::unexpected(impl.error(code));
    return impl.token(value);
}

std::expected<std::size_t, Error> JsonRpc::parameters(TokenSink const& each) {
    auto& impl = *impl_;
    if (!impl.parsed || impl.kind != FrameKind::request) {
        return std::unexpected(Error{Code::json_missing, 0});
    }
    auto params = impl.top_member("params");
    if (!params && params.error().code == Code::json_missing) return 0;
    if (!params) return std::unexpected(params.error());
    return impl.elements(*params, [&](std::size_t index, ondemand::value& item) -> Done {
        auto const found = impl.token(item);
        if (!found) return std::unexpected(found.error());
        each(index, *found);
        return {};
    });
}

} // namespace decoders
