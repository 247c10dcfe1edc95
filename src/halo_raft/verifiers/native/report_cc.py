"""How a C or C++ program reports values: one line per check on the private channel.

A line is `INDEX VALUE`. Values are written so that equal ones have equal text: numbers by their value
whatever their type, strings in hexadecimal, containers recursively, unordered ones sorted. A value
that is not equal to itself (NaN) contains `nan`. The C++ header is precompiled, so it brings all of
the standard library.
"""

CPP_HEADER = r"""
#pragma GCC system_header
#include <bits/stdc++.h>
namespace halo_raft {
// Under names of our own: a program may well have a global `write`.
extern "C" long halo_raft_write(int, const void*, unsigned long) asm("write");
extern "C" [[noreturn]] void halo_raft_exit(int) asm("_exit");
template <class T, class = void> struct iterable : std::false_type {};
template <class T>
struct iterable<T, std::void_t<decltype(std::declval<const T&>().begin()), decltype(std::declval<const T&>().end()),
                               typename T::value_type>> : std::true_type {};
template <class T, class = void> struct keyed : std::false_type {};
template <class T> struct keyed<T, std::void_t<typename T::key_type>> : std::true_type {};
template <class T, class = void> struct product : std::false_type {};
template <class T> struct product<T, std::void_t<decltype(std::tuple_size<T>::value)>> : std::true_type {};
template <class T> struct optional : std::false_type {};
template <class T> struct optional<std::optional<T>> : std::true_type {};
template <class T> struct variant : std::false_type {};
template <class... T> struct variant<std::variant<T...>> : std::true_type {};
template <class A, class B, class = void> struct comparable : std::false_type {};
template <class A, class B>
struct comparable<A, B, std::void_t<decltype(bool(std::declval<const A&>() == std::declval<const B&>()))>>
    : std::true_type {};

inline std::string number(double value) {
  char text[64];
  if (value == std::floor(value) && std::fabs(value) < 9007199254740992.0)
    std::snprintf(text, sizeof text, "%lld", static_cast<long long>(value));
  else
    std::snprintf(text, sizeof text, "%a", value);
  return text;
}
inline std::string hex(std::string_view text) {
  std::string out = "s";
  for (unsigned char c : text) out += "0123456789abcdef"[c >> 4], out += "0123456789abcdef"[c & 15];
  return out;
}
template <class T> std::string value(const T& it);
template <class T> std::string values(const T& it) {
  std::vector<std::string> parts;
  for (const auto& part : it) parts.push_back(value(static_cast<const typename T::value_type&>(part)));
  if constexpr (keyed<T>::value) std::sort(parts.begin(), parts.end());
  std::string out = keyed<T>::value ? "{" : "[";
  for (const auto& part : parts) out += part, out += ',';
  return out + (keyed<T>::value ? "}" : "]");
}
template <class T> std::string value(const T& it) {
  if constexpr (std::is_same_v<T, std::nullopt_t> || std::is_same_v<T, std::nullptr_t>) return "null";
  else if constexpr (std::is_integral_v<T>) return std::to_string(it);
  else if constexpr (std::is_floating_point_v<T>) return number(it);
  else if constexpr (optional<T>::value) return it ? value(*it) : "null";
  else if constexpr (std::is_convertible_v<const T&, std::string_view>) return hex(std::string_view(it));
  else if constexpr (variant<T>::value)
    return "v" + std::to_string(it.index()) + std::visit([](const auto& inner) { return value(inner); }, it);
  else if constexpr (product<T>::value && !iterable<T>::value)
    return std::apply([](const auto&... part) { return (std::string("(") + ... + (value(part) + ",")) + ")"; }, it);
  else {
    static_assert(iterable<T>::value, "the function returns a type that cannot be compared");
    return values(it);
  }
}
inline void send(int index, const std::string& text) {
  std::string line = std::to_string(index) + " " + text + "\n";
  const char* at = line.data();
  for (size_t left = line.size(); left;) {
    long sent = halo_raft_write(3, at, left);
    if (sent <= 0) halo_raft_exit(3);
    at += sent, left -= sent;
  }
}
// Called behind the program, which may have made a macro of any plain word.
template <class Expected = void, class T> void halo_raft_report(int index, const T& it) {
  if constexpr (!std::is_void_v<Expected>)
    static_assert(comparable<T, std::decay_t<Expected>>::value, "the function returns a type that cannot be compared");
  send(index, value(it));
}
}
"""
C_HEADER = r"""
extern long halo_raft_write(int, const void*, unsigned long) __asm__("write");
extern void halo_raft_exit(int) __asm__("_exit");
static void halo_raft_send(const char* text) {
  long n = __builtin_strlen(text);
  if (halo_raft_write(3, text, n) != n) halo_raft_exit(3);
}
static void halo_raft_index(int index) {
  char text[16];
  __builtin_snprintf(text, sizeof text, "%d ", index);
  halo_raft_send(text);
}
static void halo_raft_i(int index, long long value) {
  char text[32];
  __builtin_snprintf(text, sizeof text, "%lld\n", value);
  halo_raft_index(index), halo_raft_send(text);
}
static void halo_raft_u(int index, unsigned long long value) {
  char text[32];
  __builtin_snprintf(text, sizeof text, "%llu\n", value);
  halo_raft_index(index), halo_raft_send(text);
}
static void halo_raft_f(int index, double value) {
  char text[64];
  int whole = __builtin_fabs(value) < 9007199254740992.0 && value == (double)(long long)value;
  if (whole) __builtin_snprintf(text, sizeof text, "%lld\n", (long long)value);
  else __builtin_snprintf(text, sizeof text, "%a\n", value);
  halo_raft_index(index), halo_raft_send(text);
}
static void halo_raft_s(int index, const char* value) {
  char text[4];
  halo_raft_index(index), halo_raft_send(value ? "s" : "null");
  for (; value && *value; value++) {
    __builtin_snprintf(text, sizeof text, "%02x", (unsigned char)*value);
    halo_raft_send(text);
  }
  halo_raft_send("\n");
}
#define HALO_RAFT_REPORT(index, value) \
  _Generic((value), float: halo_raft_f, double: halo_raft_f, long double: halo_raft_f, char*: halo_raft_s, \
           const char*: halo_raft_s, unsigned long: halo_raft_u, unsigned long long: halo_raft_u, \
           default: halo_raft_i)(index, value)
"""
