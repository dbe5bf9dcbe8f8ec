#include "decoders/value.hpp"

#include "decoders/json_plan.hpp"
#include "decoders/value_json.hpp"

#include <algorithm>

namespace decoders {
namespace {

// Looks for fields `symbol` and `decimals` and keeps what they hold.
class TokenFinder {
  public:
    TokenFinder(Runtime const& runtime, Bytes bytes)
        : plans_(runtime.plans())
        , metadata_(runtime.metadata())
        , bytes_(bytes) {}

    // Walks the value at `at_`; enums (Option and the like) by their tag. Lists are passed over
    // whole.
    bool walk(TypeId id, std::size_t depth) {
        auto const& type = metadata_.types[id];
        if (plans_.types[id].size == 0) return true; // nothing to find in no bytes
        if (depth > max_value_depth) return fail(Code::too_deep);
        if (type.kind == TypeKind::composite || type.kind == TypeKind::tuple) {
            return fields(metadata_.fields_of(type), depth);
        }
        if (type.kind != TypeKind::variant) return skip(id);
        if (at_ >= bytes_.size()) return fail(Code::end_of_input);
        auto const variants = metadata_.variants_of(type);
        auto const found = std::ranges::find(variants, bytes_[at_], &Variant::index);
        if (found == variants.end()) return fail(Code::bad_variant);
        ++at_;
        return fields(metadata_.fields_of(*found), depth);
    }

    TokenInfo const& info() const { return info_; }
    Error const& error() const { return error_; }

  private:
    bool fail(Code code) {
        error_ = {code, at_};
        return false;
    }
    bool skip(TypeId id) {
        Walk walk{bytes_.data() + at_, bytes_.data() + bytes_.size(), Code{}, no_type};
        bool const good = pass(plans_, plans_.types[id], walk);
        at_ = static_cast<std::size_t>(walk.at - bytes_.data());
        return good || fail(walk.code);
    }
    bool fields(std::span<Field const> fields, std::size_t depth) {
        for (auto const& field : fields) {
            auto const start = at_;
            bool const wanted = field.name == "symbol" || field.name == "decimals";
            if (!(wanted ? skip(field.type) : walk(field.type, depth + 1))) return false;
            if (field.name == "symbol" && !info_.symbol) symbol(field.type, start);
            if (field.name == "decimals" && !info_.decimals) decimals(field.type, start);
        }
        return true;
    }
    // Through newtypes and Some(x) to what is inside; `at` moves past tags. no_type: None.
    TypeId inside(TypeId id, std::size_t& at) const {
        for (std::size_t i = 0; i < max_nested_composites; ++i) {
            auto const& type = metadata_.types[id];
            std::span<Field const> inner;
            if (type.kind == TypeKind::variant) {
                auto const variants = metadata_.variants_of(type);
                auto const found = std::ranges::find(variants, bytes_[at], &Variant::index);
                ++at;
                inner = metadata_.fields_of(*found); // its tag was checked when it was passed over
            } else if (type.kind == TypeKind::composite) {
                inner = metadata_.fields_of(type);
            } else {
                return id;
            }
            if (inner.size() != 1) return no_type;
            id = inner[0].type;
        }
        return no_type;
    }
    void symbol(TypeId id, std::size_t at) {
        auto const type = inside(id, at);
        if (type == no_type) return;
        auto const& kind = metadata_.types[type];
        bool const text = kind.kind == TypeKind::primitive && kind.primitive == Primitive::string;
        bool const list = kind.kind == TypeKind::sequence && plans_.types[kind.element].size == 1;
        if (!text && !list) return;
        Cursor in(bytes_.subspan(at));
        auto const symbol = in.text();
        if (in.ok()) info_.symbol = std::string(symbol);
    }
    void decimals(TypeId id, std::size_t at) {
        auto const type = inside(id, at);
        if (type == no_type || metadata_.types[type].kind != TypeKind::primitive) return;
        auto const size = plans_.types[type].size;
        if (size == 0 || size > 16) return;
        for (std::size_t i = 1; i < size; ++i) {
            if (bytes_[at + i] != 0) return;
        }
        info_.decimals = bytes_[at];
    }

    Plans const& plans_;
    Metadata const& metadata_;
    Bytes bytes_;
    std::size_t at_ = 0;
    TokenInfo info_;
    Error error_{};
};

} // namespace

std::expected<std::size_t, Error> value_prefix_to_json(Runtime const& runtime, TypeId type,
                                                       Bytes bytes, std::string& out) {
    auto const before = out.size();
    if (type >= runtime.metadata().types.size()) {
        return std::unexpected(Error{Code::metadata_type_id, 0, type});
    }
    Cursor in(bytes);
    JsonWriter(runtime, in, out, out.size() + json_limit(bytes.size())).value(type);
    if (in.ok()) return in.position();
    out.resize(before);
    return std::unexpected(in.error());
}

std::expected<void, Error> value_to_json(Runtime const& runtime, TypeId type, Bytes bytes,
                                         std::string& out) {
    auto const before = out.size();
    auto const size = value_prefix_to_json(runtime, type, bytes, out);
    if (!size) return std::unexpected(size.error());
    if (*size == bytes.size()) return {};
    out.resize(before);
    return std::unexpected(Error{Code::trailing_bytes, *size, bytes.size() - *size});
}

std::expected<TokenInfo, Error> token_info(Runtime const& runtime, TypeId type, Bytes bytes) {
    if (type >= runtime.metadata().types.size()) {
        return std::unexpected(Error{Code::metadata_type_id, 0, type});
    }
    TokenFinder finder(runtime, bytes);
    if (!finder.walk(type, 0)) return std::unexpected(finder.error());
    return finder.info();
}

} // namespace decoders
