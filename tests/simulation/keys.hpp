#pragma once

#include <array>
#include <cstddef>

namespace reprieve::simulation {

/// Who there is: see key_of().
inline constexpr std::byte kAdminKey{7};
inline constexpr std::array kWriterKeys{std::byte{11}, std::byte{12}};
inline constexpr std::byte kPrunerKey{13};

}  // namespace reprieve::simulation
