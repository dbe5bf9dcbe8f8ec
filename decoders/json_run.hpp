// Writes SCALE values as canonical JSON by plan. One thread; owns its text, which grows to the
// longest line and is kept.
#pragma once

#include "decoders/json_buffer.hpp"
#include "decoders/json_plan.hpp"
#include "decoders/plan_reader.hpp"

namespace decoders {

class JsonRun {
  public:
    // `plans` must outlive it. Nothing is read before start().
    explicit JsonRun(JsonPlans const& plans)
        : plans_(plans) {}

    // Reads from `bytes` on; forgets what was written.
    void start(Bytes bytes) {
        in_ = {bytes.data(), bytes.data() + bytes.size()};
        out_.clear();
        budget_ = json_limit(bytes.size());
    }

    // Appends the value whose steps begin at `first`. False: reader() says what was wrong.
    [[nodiscard]] bool value(std::uint32_t first) { return steps(first, 0); }

    // Takes the text off the budget of this start() and forgets it.
    void next_line() {
        budget_ -= std::min(budget_, out_.size());
        out_.clear();
    }

    PlanReader& reader() { return in_; }
    JsonBuffer& buffer() { return out_; }

  private:
    bool steps(std::uint32_t first, std::size_t depth);
    bool one(JsonStep const& step, std::size_t depth);
    bool integer(JsonStep const& step);
    bool compact(JsonStep const& step);
    bool hex(std::uint64_t bytes, TypeId type);
    bool string(TypeId type);
    bool character(TypeId type);
    bool bits(JsonStep const& step);
    bool name(JsonStep const& step);
    bool variant(JsonStep const& step, std::size_t depth);
    bool elements(std::uint64_t count, std::uint32_t first, std::size_t depth, TypeId type);
    bool list(JsonStep const& step, std::size_t depth);
    bool within_budget(TypeId type) {
        return out_.size() <= budget_ || in_.fail(Code::too_much_work, type);
    }
    void say(JsonText text) {
        out_.append(std::string_view(plans_.texts).substr(text.at, text.size));
    }

    JsonPlans const& plans_;
    PlanReader in_;
    JsonBuffer out_;
    std::size_t budget_ = 0;
};

} // namespace decoders
