#include "stages/attribute.hpp"

#include "decoders/scale.hpp"

namespace stages {

void Attribution::start(decoders::Runtime const& runtime, pipeline::Bytes body) {
    runtime_ = &runtime;
    body_ = body;
    indexed_ = false;
    entries_.clear();
}

void Attribution::index() {
    indexed_ = true;
    for (auto rest = body_; !rest.empty() && entries_.size() < extrinsics_max;) {
        decoders::Cursor cursor(rest);
        cursor.skip(cursor.compact_u32());
        if (!cursor.ok()) return; // what follows cannot be told apart
        entries_.push_back({rest.first(cursor.position()), State::unread, {}});
        rest = rest.subspan(cursor.position());
    }
}

Attribution::Extrinsic const* Attribution::find(std::uint32_t index_in_block) {
    if (!indexed_) index();
    if (index_in_block >= entries_.size()) return nullptr;
    Entry& entry = entries_[index_in_block];
    if (entry.state == State::unread) {
        auto const parts = decoders::parse_extrinsic(*runtime_, entry.bytes);
        entry.state = parts ? State::good : State::bad;
        if (parts) entry.extrinsic = {parts->hash, decoders::signer_of(*runtime_, *parts)};
    }
    return entry.state == State::good ? &entry.extrinsic : nullptr;
}

} // namespace stages
