#include "tests/stages/standin_subscan_fixture.hpp"

#include "decoders/hash.hpp"

namespace standin_subscan_test {

io::CaptureRecord Source::next() {
    auto record = traffic->next().value();
    if (auto const* block = std::get_if<io::CaptureBlock>(&record)) {
        for (auto const& transfer : traffic->transfers()) {
            Meant one{transfer, {}, block->timestamp_ms / 1'000};
            if (transfer.extrinsic_index < block->extrinsics.size()) {
                one.extrinsic_hash =
                    decoders::blake2b_256(block->extrinsics[transfer.extrinsic_index]);
            }
            meant.push_back(std::move(one));
        }
    }
    return record;
}

void Source::fill(StandinSubscan& subscan, std::size_t chain, std::size_t blocks) {
    while (blocks > 0) {
        auto const record = next();
        if (std::holds_alternative<io::CaptureBlock>(record)) --blocks;
        auto const added = subscan.add(chain, record);
        ASSERT_TRUE(added.has_value()) << added.error();
    }
}

} // namespace standin_subscan_test
