#include "decoders/plan.hpp"

#include "decoders/plan_reader.hpp"

namespace decoders {
namespace {

// The interpreter. Recursion is bounded by max_value_depth for enums and lists, and by
// max_nested_composites for calls between them.
class Interpreter {
  public:
    Interpreter(Plans const& plans, Walk const& walk)
        : plans_(plans)
        , in_{walk.at, walk.end} {}

    bool run(Run run, std::size_t depth) {
        return run.size < huge_size ? in_.skip(run.size, no_type) : steps(run.first, depth);
    }
    Walk result() const { return {in_.at, in_.end, in_.code, in_.type}; }

  private:
    bool steps(std::uint32_t first, std::size_t depth) {
        for (Step const* step = &plans_.steps[first]; step->op != Op::end; ++step) {
            if (!one(*step, depth)) [[unlikely]]
                return false;
        }
        return true;
    }

    bool one(Step const& step, std::size_t depth) {
        std::uint64_t number = 0;
        switch (step.op) {
        case Op::skip: return in_.skip(step.a, step.type);
        case Op::compact: return in_.compact(step.width, step.type, number);
        case Op::boolean: return in_.below(2, Code::bad_bool, step.type);
        case Op::tag: return in_.below(step.a, Code::bad_variant, step.type);
        case Op::text: return text(step.type);
        case Op::character: return character(step.type);
        case Op::sequence: return sequence(step, depth);
        case Op::bits: return in_.bits(step.a, step.type, number);
        case Op::variant: return variant(step, depth);
        case Op::call: return run({variable_size, step.a}, depth);
        case Op::repeat: return repeat(step.b, step.a, depth);
        case Op::never: return in_.fail(Code::no_values, step.type);
        case Op::end: break;
        }
        return true;
    }

    bool text(TypeId type) {
        std::string_view passed;
        return in_.text(type, passed);
    }
    bool character(TypeId type) {
        std::uint32_t passed = 0;
        return in_.character(type, passed);
    }
    bool sequence(Step const& step, std::size_t depth) {
        std::uint64_t elements = 0;
        if (step.b < huge_size) {
            if (!in_.count(step.b, step.type, elements)) return false;
            in_.at += elements * step.b;
            return true;
        }
        if (depth >= max_value_depth) return in_.fail(Code::too_deep, step.type);
        // Whatever has no fixed size takes at least a byte.
        return in_.count(1, step.type, elements) && repeat(elements, step.a, depth + 1);
    }
    bool repeat(std::uint64_t times, std::uint32_t first, std::size_t depth) {
        for (std::uint64_t i = 0; i < times; ++i) {
            if (!steps(first, depth)) return false;
        }
        return true;
    }
    bool variant(Step const& step, std::size_t depth) {
        Run branch;
        if (!in_.branch({&plans_.branches[step.a], step.b}, depth, step.type, branch)) return false;
        if (branch.size < huge_size) return in_.skip(branch.size, step.type);
        return run(branch, depth + 1);
    }

    Plans const& plans_;
    PlanReader in_;
};

} // namespace

bool pass(Plans const& plans, Run run, Walk& walk) {
    Interpreter interpreter(plans, walk);
    bool const good = interpreter.run(run, 0);
    walk = interpreter.result();
    return good;
}

} // namespace decoders
