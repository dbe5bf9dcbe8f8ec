// A link carries messages of one type from exactly one stage to exactly one other.
//
// It says at its declaration what happens when the reader is slow:
//   wait   the writer's runner stops taking input until there is room (custody: nothing is lost)
//   drop   the message is counted and gone; the reader sees the gap in Header::sequence
//
// Threads: push and credit by the writer, front/pop/payload by the reader; the queue is
// boost::lockfree::spsc_queue, payload bytes lie in an Arena beside it.
#pragma once

#include "pipeline/arena.hpp"
#include "pipeline/check.hpp"
#include "pipeline/types.hpp"

#include <algorithm>
#include <boost/lockfree/spsc_queue.hpp>
#include <string>
#include <type_traits>
#include <vector>

namespace pipeline {

// First member of every message.
struct Header {
    std::uint64_t sequence = 0; // stamped by the link, counts dropped messages too
    Nanoseconds received = 0;   // when the bytes behind it came off the socket (monotonic)
};

template <class M>
concept Message = std::is_trivially_copyable_v<M> && sizeof(M) % 64 == 0 && requires(M& message) {
    { message.header } -> std::same_as<Header&>;
};

enum class WhenFull { wait, drop };

struct LinkOptions {
    std::uint32_t depth = 0;     // messages
    std::size_t arena_bytes = 0; // payload room; 0 when messages carry none
    WhenFull when_full = WhenFull::wait;
};

// What the topology knows of a link without its message type.
class LinkBase {
  public:
    std::string const name;
    std::string const record; // the message type, for people
    std::size_t const message_bytes;
    LinkOptions const options;

    virtual ~LinkBase() = default;
    virtual std::size_t waiting() const = 0; // messages in flight; any thread, approximate
    LinkBase(LinkBase const&) = delete;
    LinkBase& operator=(LinkBase const&) = delete;

    std::size_t memory_bytes() const { return options.depth * message_bytes + options.arena_bytes; }

  protected:
    LinkBase(std::string link_name, std::string_view record_name_text, std::size_t bytes,
             LinkOptions link_options)
        : name(std::move(link_name))
        , record(record_name_text)
        , message_bytes(bytes)
        , options(link_options) {}
};

template <Message M>
class Link final : public LinkBase {
  public:
    static constexpr bool has_payload = requires(M& message) {
        { message.payload } -> std::same_as<Payload&>;
    };

    Link(std::string link_name, LinkOptions link_options)
        : LinkBase(std::move(link_name), M::record_name, sizeof(M), link_options)
        , queue_(link_options.depth)
        , arena_(link_options.arena_bytes) {
        CHECK(link_options.depth > 0);
        CHECK(has_payload || link_options.arena_bytes == 0);
    }

    // Writer: how many messages can be pushed without waiting. A drop link never waits.
    std::size_t credit() const {
        if (options.when_full == WhenFull::drop) return ~std::size_t{0};
        return queue_.write_available();
    }

    // Writer: cannot fail on a wait link, because the runner checked the credit before.
    void push(M message) {
        message.header.sequence = next_sequence_++;
        bool const taken = queue_.push(message);
        if (!taken) {
            CHECK(options.when_full == WhenFull::drop);
            ++dropped_;
        }
    }

    std::uint64_t dropped() const { return dropped_; }      // writer
    std::uint64_t pushed() const { return next_sequence_; } // writer
    Arena& arena() { return arena_; }                       // writer: reserve, commit

    // Reader: the oldest message, or nullptr. It stays in the link until pop().
    M const* front() { return queue_.read_available() ? &queue_.front() : nullptr; }

    // Reader: the bytes that travel with the message at the front; valid until pop().
    MutableBytes payload(M const& message)
        requires has_payload
    {
        return arena_.at(message.payload);
    }

    // Reader: the message has been handled; its slot and its bytes may be used again.
    void pop() {
        if constexpr (has_payload) arena_.release(queue_.front().payload);
        queue_.pop();
    }

    std::size_t waiting() const override { return queue_.read_available(); }

  private:
    boost::lockfree::spsc_queue<M> queue_;
    Arena arena_;
    std::uint64_t next_sequence_ = 0; // writer only
    std::uint64_t dropped_ = 0;       // writer only
};

// A stage's output. Not default-constructible: a stage whose output was forgotten does not compile.
template <Message M>
class Out {
  public:
    Out(Link<M>& link)
        : link_(&link) {}

    void emit(M const& message) { link_->push(message); }
    std::size_t credit() const { return link_->credit(); }
    Link<M>& link() const { return *link_; }

    template <class Each>
    void each_link(Each const& each) const {
        each(*link_);
    }

  private:
    Link<M>* link_;
};

// Outputs of one kind to any number of stages, told apart by their index.
template <Message M>
class Outs {
  public:
    explicit Outs(std::vector<Link<M>*> links)
        : links_(std::move(links)) {}

    void emit(std::size_t index, M const& message) { links_[index]->push(message); }
    std::size_t count() const { return links_.size(); }
    std::size_t credit() const {
        std::size_t least = ~std::size_t{0};
        for (Link<M> const* link : links_) least = std::min(least, link->credit());
        return least;
    }
    template <class Each>
    void each_link(Each const& each) const {
        for (Link<M>* link : links_) each(*link);
    }

  private:
    std::vector<Link<M>*> links_;
};

} // namespace pipeline
