"""The header that checkers in testlib's form include: our own, with the calls that checkers make.

Written from testlib's documentation (github.com/MikeMirzayanov/testlib); no generators, validators and
interactors. The statuses are testlib's.
"""
# ruff: noqa: E501

TESTLIB = r"""
#ifndef TESTLIB_H
#define TESTLIB_H
#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <limits>
#include <map>
#include <queue>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <stack>
#include <string>
#include <utility>
#include <vector>

enum TResult { _ok = 0, _wa = 1, _pe = 2, _fail = 3, _dirt = 4, _points = 5, _unexpected_eof = 8, _partially = 16 };
enum TMode { _input, _output, _answer };
enum TTestlibMode { _unknown, _checker, _validator, _generator, _interactor };
const int OK_EXIT_CODE = 0, WA_EXIT_CODE = 1, PE_EXIT_CODE = 2, FAIL_EXIT_CODE = 3, DIRT_EXIT_CODE = 4,
          POINTS_EXIT_CODE = 7, UNEXPECTED_EOF_EXIT_CODE = 8, EOFC = 255;
const char LF = 10, CR = 13, TAB = 9, SPACE = ' ';
#define _pc(exitCode) (TResult(_partially + (exitCode)))

static std::string testlib_format(const char* fmt, va_list args) {
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(nullptr, 0, fmt, again);
    va_end(again);
    std::string text(size < 0 ? 0 : size, 0);
    if (size > 0) vsnprintf(&text[0], size + 1, fmt, args);
    return text;
}
#define TESTLIB_FORMAT(fmt, text) \
    std::string text; { va_list args; va_start(args, fmt); text = testlib_format(fmt, args); va_end(args); }
#ifdef __GNUC__
#define TESTLIB_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define TESTLIB_PRINTF(f, a)
#endif
inline std::string format(const char* fmt, ...) { TESTLIB_FORMAT(fmt, text) return text; }
inline std::string format(std::string fmt, ...) {
    va_list args; va_start(args, fmt); std::string text = testlib_format(fmt.c_str(), args); va_end(args); return text;
}
inline bool isEof(int c) { return c == EOFC || c == -1; }
inline bool isEoln(int c) { return c == LF || c == CR; }
inline bool isBlanks(int c) { return c == LF || c == CR || c == SPACE || c == TAB; }
inline std::string trim(const std::string& s) {
    size_t a = 0, b = s.size();
    while (a < b && isBlanks((unsigned char)s[a])) a++;
    while (b > a && isBlanks((unsigned char)s[b - 1])) b--;
    return s.substr(a, b - a);
}
inline std::string lowerCase(std::string s) { for (char& c : s) if (c >= 'A' && c <= 'Z') c += 32; return s; }
inline std::string upperCase(std::string s) { for (char& c : s) if (c >= 'a' && c <= 'z') c -= 32; return s; }
inline std::string compress(const std::string& s) {
    return s.size() <= 64 ? s : s.substr(0, 30) + "..." + s.substr(s.size() - 31);
}
inline std::string englishEnding(int x) {
    x %= 100;
    if (x / 10 == 1) return "th";
    return x % 10 == 1 ? "st" : x % 10 == 2 ? "nd" : x % 10 == 3 ? "rd" : "th";
}
template <typename T> std::string vtos(const T& value) { std::ostringstream out; out << value; return out.str(); }
template <typename T> std::string toString(const T& value) { return vtos(value); }
template <typename I> std::string join(I first, I last, const std::string& between = " ") {
    std::ostringstream out;
    for (I i = first; i != last; ++i) { if (i != first) out << between; out << *i; }
    return out.str();
}
template <typename C> std::string join(const C& all, const std::string& between = " ") {
    return join(all.begin(), all.end(), between);
}
inline std::vector<std::string> split(const std::string& s, char by) {
    std::vector<std::string> parts(1);
    for (char c : s) if (c == by) parts.push_back(""); else parts.back() += c;
    return parts;
}
inline std::vector<std::string> tokenize(const std::string& s, char by) {
    std::vector<std::string> parts;
    for (const std::string& part : split(s, by)) if (!part.empty()) parts.push_back(part);
    return parts;
}
inline bool doubleCompare(double wanted, double got, double most) {
    if (std::isnan(wanted)) return std::isnan(got);
    if (std::isinf(wanted)) return std::isinf(got) && (wanted > 0) == (got > 0);
    if (std::isnan(got) || std::isinf(got)) return false;
    if (std::fabs(got - wanted) <= most + 1e-15) return true;
    double low = std::min(wanted * (1 - most), wanted * (1 + most)), high = std::max(wanted * (1 - most), wanted * (1 + most));
    return got + 1e-15 >= low && got <= high + 1e-15;
}
inline double doubleDelta(double wanted, double got) {
    double absolute = std::fabs(got - wanted);
    return std::fabs(wanted) > 1e-9 ? std::min(absolute, std::fabs(absolute / wanted)) : absolute;
}

struct InStream;
[[noreturn]] inline void testlib_exit(TResult result, const std::string& comment);
extern InStream ouf;

struct InStream {
    std::string content, name, fileName;
    size_t at = 0;
    TMode mode = _input;
    bool strict = false, opened = false, stdfile = false;
    int wordReserveSize = 256;
    std::string _tmpReadToken;
    InStream() {}
    InStream(const InStream& base, const std::string& text) : content(text), name(base.name), mode(base.mode), opened(true) {}
    void open(const std::string& file, TMode m) {
        std::ifstream in(file, std::ios::binary);
        if (!in) { fprintf(stderr, "FAIL cannot read %s\n", file.c_str()); exit(FAIL_EXIT_CODE); }
        content.assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
        name = fileName = file; mode = m; at = 0; opened = true;
    }
    void init(const std::string& file, TMode m) { open(file, m); }
    void reset(FILE* = nullptr) { at = 0; }
    void close() {}
    [[noreturn]] void quit(TResult result, const char* comment) {
        if (mode != _output && result != _ok && result != _fail && result != _points)
            testlib_exit(_fail, name + ": " + comment);
        testlib_exit(result, comment);
    }
    [[noreturn]] void quit(TResult result, const std::string& comment) { quit(result, comment.c_str()); }
    [[noreturn]] TESTLIB_PRINTF(3, 4) void quitf(TResult result, const char* fmt, ...) { TESTLIB_FORMAT(fmt, text) quit(result, text.c_str()); }
    void quitif(bool when, TResult result, const char* fmt, ...) { TESTLIB_FORMAT(fmt, text) if (when) quit(result, text.c_str()); }
    void ensuref(bool holds, const char* fmt, ...) { TESTLIB_FORMAT(fmt, text) if (!holds) quit(_wa, text.c_str()); }
    void readSecret(std::string, TResult = _fail) {}
    [[noreturn]] void tooEarly() { quit(_unexpected_eof, "unexpected end of file"); }
    int curChar() { return at < content.size() ? (unsigned char)content[at] : EOFC; }
    int nextChar() { int c = curChar(); if (at < content.size()) at++; return c; }
    int readChar() { return nextChar(); }
    int readChar(char c) { int got = nextChar(); if (got != (unsigned char)c) quit(_pe, format("unexpected character, not '%c'", c)); return got; }
    int readSpace() { return readChar(' '); }
    void skipChar() { if (at < content.size()) at++; }
    void unreadChar(int c) { if (at > 0 && !isEof(c)) at--; }
    bool eof() { return at >= content.size(); }
    bool eoln() { return eof() || isEoln(curChar()); }
    void skipBlanks() { while (!eof() && isBlanks(curChar())) at++; }
    bool seekEof() { skipBlanks(); return eof(); }
    bool seekEoln() { while (!eof() && (curChar() == SPACE || curChar() == TAB)) at++; return eoln(); }
    void nextLine() { readString(); }
    void readEoln() {
        if (eof()) return;
        if (curChar() == CR) at++;
        if (curChar() != LF) quit(_pe, "expected the end of the line");
        at++;
    }
    void readEof() { if (!eof()) quit(_pe, "expected the end of the file"); }
    std::string readWord() {
        skipBlanks();
        if (eof()) tooEarly();
        size_t start = at;
        while (!eof() && !isBlanks(curChar())) at++;
        return content.substr(start, at - start);
    }
    std::string readWord(const std::string& pattern, const std::string& what = "") {
        std::string word = readWord();
        if (!std::regex_match(word, std::regex(pattern)))
            quit(_wa, format("token \"%s\" %s does not match \"%s\"", compress(word).c_str(), what.c_str(), pattern.c_str()));
        return word;
    }
    std::string readToken() { return readWord(); }
    std::string readToken(const std::string& pattern, const std::string& what = "") { return readWord(pattern, what); }
    void readWordTo(std::string& s) { s = readWord(); }
    void readTokenTo(std::string& s) { s = readWord(); }
    std::vector<std::string> readTokens(int n) { std::vector<std::string> all; while (n-- > 0) all.push_back(readWord()); return all; }
    std::vector<std::string> readWords(int n) { return readTokens(n); }
    std::string readString() {
        if (eof()) tooEarly();
        size_t end = content.find(LF, at);
        std::string line = content.substr(at, end == std::string::npos ? end : end - at);
        at = end == std::string::npos ? content.size() : end + 1;
        if (!line.empty() && line.back() == CR) line.pop_back();
        return line;
    }
    std::string readString(const std::string& pattern, const std::string& what = "") {
        std::string line = readString();
        if (!std::regex_match(line, std::regex(pattern))) quit(_wa, format("line %s does not match \"%s\"", what.c_str(), pattern.c_str()));
        return line;
    }
    std::string readLine() { return readString(); }
    std::string readLine(const std::string& pattern, const std::string& what = "") { return readString(pattern, what); }
    void readStringTo(std::string& s) { s = readString(); }
    void readLineTo(std::string& s) { s = readString(); }
    template <typename T> T whole(const std::string& word) {
        size_t i = word[0] == '-' && std::numeric_limits<T>::is_signed ? 1 : 0;
        bool good = i < word.size() && word.size() < 30 && (word[i] != '0' || word.size() == 1);
        __int128 value = 0;
        for (size_t k = i; good && k < word.size(); k++) {
            good = word[k] >= '0' && word[k] <= '9';
            value = value * 10 + (word[k] - '0');
        }
        if (i) value = -value;
        if (!good || value < (__int128)std::numeric_limits<T>::min() || value > (__int128)std::numeric_limits<T>::max())
            quit(_pe, format("expected an integer, found \"%s\"", compress(word).c_str()));
        return (T)value;
    }
    template <typename T> T within(T value, T low, T high, const std::string& what) {
        if (value < low || value > high) quit(_wa, "value " + vtos(value) + " of " + what + " is not in [" + vtos(low) + ", " + vtos(high) + "]");
        return value;
    }
    template <typename T> std::vector<T> several(int n, std::function<T()> one) { std::vector<T> all; while (n-- > 0) all.push_back(one()); return all; }
#define TESTLIB_NUMBER(Type, One, Many) \
    Type One() { return whole<Type>(readWord()); } \
    Type One(Type low, Type high, const std::string& what = "an integer") { return within<Type>(One(), low, high, what); } \
    std::vector<Type> Many(int n) { return several<Type>(n, [&] { return One(); }); } \
    std::vector<Type> Many(int n, Type low, Type high, const std::string& what = "an integer", int = 1) { return several<Type>(n, [&] { return One(low, high, what); }); }
    TESTLIB_NUMBER(int, readInt, readInts)
    TESTLIB_NUMBER(int, readInteger, readIntegers)
    TESTLIB_NUMBER(long long, readLong, readLongs)
    TESTLIB_NUMBER(long long, readLongLong, readLongLongs)
    TESTLIB_NUMBER(unsigned long long, readUnsignedLong, readUnsignedLongs)
    double readDouble() {
        std::string word = readWord();
        char* end = nullptr;
        bool plain = word.find_first_not_of("+-.0123456789eE") == std::string::npos;
        double value = plain ? strtod(word.c_str(), &end) : 0;
        if (!plain || *end || end == word.c_str() || std::isinf(value)) quit(_pe, format("expected a number, found \"%s\"", compress(word).c_str()));
        return value;
    }
    double readDouble(double low, double high, const std::string& what = "a number") { return within<double>(readDouble(), low, high, what); }
    double readReal() { return readDouble(); }
    double readReal(double low, double high, const std::string& what = "a number") { return readDouble(low, high, what); }
    double readStrictDouble(double low, double high, int, int, const std::string& what = "a number") { return readDouble(low, high, what); }
    double readStrictReal(double low, double high, int a, int b, const std::string& what = "a number") { return readStrictDouble(low, high, a, b, what); }
    std::vector<double> readDoubles(int n) { return several<double>(n, [&] { return readDouble(); }); }
    std::vector<double> readReals(int n) { return readDoubles(n); }
};
inline InStream inf, ouf, ans;
inline TTestlibMode testlibMode = _unknown;
inline int testlib_case = 0;

[[noreturn]] inline void testlib_exit(TResult result, const std::string& comment) {
    if (result == _ok && !ouf.seekEof()) testlib_exit(_dirt, "the output has more than it should");
    static const char* names[] = {"ok", "wrong answer", "wrong output format", "FAIL", "wrong output format", "points"};
    fprintf(stderr, "%s ", result <= _points ? names[result] : result == _unexpected_eof ? "unexpected eof" : "partially correct");
    if (testlib_case) fprintf(stderr, "test case %d: ", testlib_case);
    fprintf(stderr, "%s\n", comment.c_str());
    fflush(stderr);
    _Exit(result == _points ? POINTS_EXIT_CODE : (int)result);
}
[[noreturn]] inline void quit(TResult result, const std::string& comment) { testlib_exit(result, comment); }
[[noreturn]] inline TESTLIB_PRINTF(2, 3) void quitf(TResult result, const char* fmt, ...) { TESTLIB_FORMAT(fmt, text) testlib_exit(result, text); }
inline void quitif(bool when, TResult result, const char* fmt, ...) { TESTLIB_FORMAT(fmt, text) if (when) testlib_exit(result, text); }
[[noreturn]] inline void quitp(double points, const char* fmt = "", ...) { TESTLIB_FORMAT(fmt, text) testlib_exit(_points, vtos(points) + " " + text); }
inline void ensuref(bool holds, const char* fmt, ...) { TESTLIB_FORMAT(fmt, text) if (!holds) testlib_exit(_fail, text); }
inline void __testlib_ensure(bool holds, const std::string& comment) { if (!holds) testlib_exit(_fail, comment); }
#define ensure(condition) __testlib_ensure((condition), "does not hold: " #condition)
inline void expectf(bool holds, const char* fmt, ...) { TESTLIB_FORMAT(fmt, text) if (!holds) testlib_exit(_fail, text); }
inline void setName(const char*, ...) {}
inline void setTestCase(int number) { testlib_case = number; }
inline void unsetTestCase() { testlib_case = 0; }
inline void disableFinalizeGuard() {}
inline void registerTestlibCmd(int argc, char* argv[]) {
    if (argc < 4) { fprintf(stderr, "FAIL give input, output and answer\n"); exit(FAIL_EXIT_CODE); }
    testlibMode = _checker;
    inf.open(argv[1], _input); ouf.open(argv[2], _output); ans.open(argv[3], _answer);
}
inline int stringToInt(InStream& in, const std::string& s) { return in.whole<int>(s.empty() ? "?" : s); }
inline long long stringToLongLong(InStream& in, const std::string& s) { return in.whole<long long>(s.empty() ? "?" : s); }

struct random_t {
    std::mt19937_64 engine{1};
    void setSeed(long long seed) { engine.seed((unsigned long long)seed); }
    template <typename T> T next(T n) { return (T)(engine() % (unsigned long long)n); }
    template <typename A, typename B> long long next(A low, B high) { return low + (long long)(engine() % (unsigned long long)((long long)high - (long long)low + 1)); }
    double next() { return (double)(engine() >> 11) / 9007199254740992.0; }
};
inline random_t rnd;
template <typename I> void shuffle(I first, I last) { std::shuffle(first, last, rnd.engine); }
#endif
"""
