#include "recovery/internal/unit_state.hpp"

#include <gtest/gtest.h>

namespace reprieve::recovery {
namespace {

Result<bool> told(const std::string& loaded, const std::string& active) {
  return is_unit_running("web.service",
                         {0, "LoadState=" + loaded + "\nActiveState=" + active + "\n"});
}

TEST(UnitState, RunsWhileItsProcessesMayBeThere) {
  for (const char* const state : {"active", "reloading", "activating", "deactivating"})
    EXPECT_TRUE(*told("loaded", state)) << state;
  for (const char* const state : {"inactive", "failed"})
    EXPECT_FALSE(*told("loaded", state)) << state;
}

TEST(UnitState, AUnitThatIsNotThereIsNoStoppedUnit) {
  EXPECT_EQ(told("not-found", "inactive").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(told("masked", "inactive").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(told("bad-setting", "inactive").error().kind, ErrorKind::kInvalid);
}

TEST(UnitState, ASilentSystemdIsNoStoppedUnit) {
  const auto answer = is_unit_running(
      "web.service", {1, "System has not been booted with systemd as init system (PID 1).\n"});
  EXPECT_EQ(answer.error().kind, ErrorKind::kTransient);
  EXPECT_NE(answer.error().what.find("not been booted"), std::string::npos);
  EXPECT_FALSE(is_unit_running("web.service", {0, ""}));
}

TEST(UnitState, AStatusCommandTellsByAnOrdinaryExitCodeOnly) {
  EXPECT_TRUE(*is_status_running("web", {0, ""}));
  EXPECT_FALSE(*is_status_running("web", {1, ""}));
  EXPECT_FALSE(*is_status_running("web", {3, ""}));
  for (const int code : {124, 126, 127, 137})
    EXPECT_EQ(is_status_running("web", {code, ""}).error().kind, ErrorKind::kTransient) << code;
}

}  // namespace
}  // namespace reprieve::recovery
