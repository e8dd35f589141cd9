#include <fmt/format.h>

#include <utility>

#include "recovery/internal/act_run.hpp"
#include "recovery/internal/service_target.hpp"
#include "recovery/record.hpp"

namespace reprieve::recovery {
namespace {

/// Puts `from` in the place of `final` and keeps what was there as `keep`. The mark of this run is
/// the identity of the very folder that it restored: whatever lies at `final` is told from it, and
/// so every half-way state after a crash is recognised and finished.
class MoveRun : public ActRun {
 public:
  MoveRun(const Context& context, const Act& act)
      : context_{context},
        act_{act},
        final_{text_of(act.args, "final")},
        from_{text_of(act.args, "from")},
        keep_{text_of(act.args, "keep")},
        identity_{text_of(act.args, "identity")} {}

  Result<Probe> probe() override {
    REPRIEVE_TRY(const Places now, look());
    Probe probe;
    probe.is_satisfied = is_in_place(now) && now.from.kind == PathView::Kind::kAbsent;
    probe.prior = Json{{"final_identity", now.final.identity}};
    probe.outputs = outputs(now.keep.kind != PathView::Kind::kAbsent);
    return probe;
  }

  Result<> apply(const ActTry& /*attempt*/) override {
    REPRIEVE_TRY(Places now, look());
    if (!is_in_place(now)) {
      REPRIEVE_RETURN_IF_ERROR(move(now));
      REPRIEVE_TRY(now, look());
    }
    return set_aside(now);
  }

  Result<ActStatus> recover(const ActTry& attempt, const Json& /*prior*/) override {
    REPRIEVE_TRY(const Places now, look());
    if (is_in_place(now)) {
      REPRIEVE_RETURN_IF_ERROR(apply(attempt));
      return ActStatus{};
    }
    if (is_ready(now))
      return ActStatus{
          .kind = ActStatus::Kind::kNotApplied, .outputs = Json::object(), .error = {}};
    return ActStatus{
        .kind = ActStatus::Kind::kUnknown,
        .outputs = Json::object(),
        .error = fmt::format("neither {} nor {} is what this run restored", final_, from_)};
  }

  Result<ActStatus> poll() override {
    REPRIEVE_TRY(const Places now, look());
    if (!is_in_place(now))
      return failed_with(fmt::format("{} is not what was to be put there", final_));
    return done_with(outputs(now.keep.kind != PathView::Kind::kAbsent));
  }

  Result<> stop() override { return kOk; }

 private:
  struct Places {
    PathView final;
    PathView from;
    PathView keep;
  };

  Result<Places> look() {
    Places places;
    REPRIEVE_TRY(places.final, context_.host.look_at_path(final_));
    REPRIEVE_TRY(places.from, context_.host.look_at_path(from_));
    REPRIEVE_TRY(places.keep, context_.host.look_at_path(keep_));
    return places;
  }

  /// An undo of a move to where nothing had been: what came is taken away again.
  [[nodiscard]] bool is_removal() const { return identity_.empty(); }

  [[nodiscard]] bool is_in_place(const Places& now) const {
    if (is_removal()) return now.final.kind == PathView::Kind::kAbsent;
    return now.final.identity == identity_;
  }
  [[nodiscard]] bool is_ready(const Places& now) const {
    if (is_removal()) return now.final.kind != PathView::Kind::kAbsent;
    return now.from.identity == identity_ || now.keep.identity == identity_;
  }

  Result<> move(const Places& now) {
    if (is_removal()) return context_.host.move_to_free_name(final_, keep_);
    if (now.from.identity != identity_) {
      // An undo of a move that was cut off half-way: what it swapped lies under the other name.
      if (flag_of(act_.args, "back") && now.keep.identity == identity_)
        return context_.host.exchange(final_, keep_);
      return Error{ErrorKind::kConflict, fmt::format("{} is not what this run restored", from_)};
    }
    REPRIEVE_RETURN_IF_ERROR(refuse_unsafe_move(context_, act_));
    if (now.final.kind == PathView::Kind::kAbsent)
      return context_.host.move_to_free_name(from_, final_);
    return context_.host.exchange(final_, from_);
  }

  Result<> set_aside(const Places& now) {
    if (is_removal() || now.from.kind == PathView::Kind::kAbsent) return kOk;
    return context_.host.move_to_free_name(from_, keep_);
  }

  [[nodiscard]] Json outputs(bool is_kept) const {
    Json outputs = Json::object();
    if (is_kept && !flag_of(act_.args, "back")) outputs["old"] = keep_;
    return outputs;
  }

  const Context& context_;
  const Act act_;
  const std::string final_;
  const std::string from_;
  const std::string keep_;
  const std::string identity_;
};

}  // namespace

std::unique_ptr<ActRun> make_move_run(const Context& context, const Act& act) {
  return std::make_unique<MoveRun>(context, act);
}

}  // namespace reprieve::recovery
