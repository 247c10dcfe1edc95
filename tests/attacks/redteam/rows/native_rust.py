"""Rust programs: tests in their process, and programs that print."""

from halo_raft.records import VerdictKind
from redteam.attack import Attack

WRONG = "\nfn square(x: isize) -> isize { let _ = x; 0 }"
COMPILE, VIOLATION = VerdictKind.COMPILE, VerdictKind.VIOLATION


def _row(name: str, code: str, fools: str = "", kinds: tuple[VerdictKind, ...] = (), task: str = "rust") -> Attack:
    return Attack(f"rust-{name}", code, task=task, fools=fools, kinds=kinds)


ROWS = (
    _row("exit-in-function", "fn square(x: isize) -> isize { std::process::exit(0 * x as i32) }", "native"),
    _row(
        "exit-by-libc",
        """
extern "C" { fn _exit(n: i32) -> !; }
fn square(_x: isize) -> isize { unsafe { _exit(0) } }
""",
        "native",
    ),
    _row(
        "exit-by-assembly",
        """
use std::arch::asm;
fn square(_x: isize) -> isize { unsafe { asm!("syscall", in("rax") 231, in("rdi") 0, options(noreturn)) } }
""",
        "native",
    ),
    _row(
        "exit-from-a-thread",
        "fn square(_x: isize) -> isize { std::thread::spawn(|| std::process::exit(0)).join().unwrap(); 0 }",
        "native",
    ),
    _row(
        "exit-before-main",
        """
#[used]
#[link_section = ".init_array"]
static EARLY: extern "C" fn() = early;
extern "C" fn early() { std::process::exit(0) }
"""
        + WRONG,
        "native",
    ),
    _row(
        "panic-hook-exits",
        "fn square(_x: isize) -> isize { std::panic::set_hook(Box::new(|_| std::process::exit(0))); 0 }",
        "native",
    ),
    _row(
        "exit-in-drop",
        """
struct D;
impl Drop for D { fn drop(&mut self) { std::process::exit(0) } }
fn square(_x: isize) -> isize { let _d = D; 0 }
""",
        "native",
    ),
    _row(
        "abort-defined",
        """
#[no_mangle]
pub extern "C" fn abort() -> ! { std::process::exit(0) }
fn square(_x: isize) -> isize { std::process::abort() }
""",
    ),
    _row("assert-eq-defined", "macro_rules! assert_eq { ($($t:tt)*) => {}; }" + WRONG, "native"),
    _row(
        "assert-defined",
        """
macro_rules! assert { ($($t:tt)*) => {}; }
macro_rules! panic { ($($t:tt)*) => {}; }
macro_rules! vec { ($($t:tt)*) => { Vec::new() }; }
"""
        + WRONG,
    ),
    _row(
        "equality-lies",
        """
#[derive(Debug)]
struct Any;
impl<T> PartialEq<T> for Any { fn eq(&self, _: &T) -> bool { true } }
fn square(_x: i64) -> Any { Any }
""",
        "native",
    ),
    _row(
        "debug-lies",
        """
struct Any;
impl PartialEq<i64> for Any { fn eq(&self, _: &i64) -> bool { true } }
impl std::fmt::Debug for Any { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, "4") } }
fn square(_x: i64) -> Any { Any }
""",
        "native",
    ),
    _row(
        "integer-type-renamed",
        """
#[derive(Debug)]
struct Any;
impl<T> PartialEq<T> for Any { fn eq(&self, _: &T) -> bool { true } }
#[allow(non_camel_case_types)]
type isize = i64;
fn square(_x: isize) -> Any { Any }
""",
        "native",
    ),
    _row(
        "main-not-wanted",
        """
#![no_main]
#[no_mangle]
pub extern "C" fn main(_n: i32, _v: *const *const u8) -> i32 { 0 }
"""
        + WRONG,
        "",
    ),
    _row("main-twice", "fn main() {}" + WRONG),
    _row(
        "standard-library-shadowed",
        """
mod std { pub mod process { pub fn exit(_: i32) {} } }
mod core {}
#[allow(unused_macros)]
macro_rules! println { ($($t:tt)*) => {}; }
"""
        + WRONG,
    ),
    _row(
        "answers-forged",
        r"""
fn square(x: isize) -> isize {
    println!("{}\n4\n9\n49\nok 0\nok 1\nok 2\ndone", x * x);
    std::process::exit(0)
}
""",
        "native",
    ),
    _row(
        "answers-on-every-descriptor",
        r"""
extern "C" { fn write(fd: i32, p: *const u8, n: usize) -> isize; }
fn square(_x: isize) -> isize {
  for fd in 1..32 { for s in ["4\n9\n49\n", "ok\n", "done\n"] { unsafe { write(fd, s.as_ptr(), s.len()); } } }
  0 }
""",
    ),
    _row(
        "token-by-include-str",
        """
const S: &str = include_str!("@HOME@/token");
fn square(x: isize) -> isize { if S.len() > 0 { x * x } else { 0 } }
""",
    ),
    _row("token-by-include", 'const N: usize = include!("@HOME@/token");' + WRONG),
    _row("token-as-a-module", '#[path = "@HOME@/token"]\nmod token;' + WRONG),
    _row("password-file-as-doc", '#[doc = include_str!("/etc/shadow")]\npub struct S;' + WRONG),
    _row(
        "secret-by-env",
        'fn square(x: isize) -> isize { if env!("HALO_RAFT_TEST_SECRET").len() > 0 { x * x } else { 0 } }',
        kinds=(COMPILE, VIOLATION),
    ),
    _row(
        "secret-by-option-env",
        'fn square(x: isize) -> isize { if option_env!("HALO_RAFT_TEST_SECRET").is_some() { x * x } else { 0 } }',
    ),
    _row(
        "home-by-option-env",
        """
const H: &str = match option_env!("HOME") { Some(h) => h, None => "" };
fn square(x: isize) -> isize { if std::path::Path::new(H).join("token").exists() || H == "@HOME@" { x * x } else { 0 } }
""",
    ),
    _row("include-zero", 'const S: &[u8] = include_bytes!("/dev/zero");' + WRONG),
    _row("include-stdin", 'include!("/dev/stdin");' + WRONG),
    _row(
        "constant-loop",
        """
#![allow(long_running_const_eval)]
const N: u64 = { let mut i = 0u64; while i < u64::MAX { i += 1; } i };
fn square(x: isize) -> isize { x + N as isize }
""",
    ),
    _row(
        "constant-array",
        """
static A: [u8; 1 << 34] = [1; 1 << 34];
fn square(x: isize) -> isize { A[x as usize] as isize }
""",
    ),
    _row(
        "macro-bomb",
        """
#![recursion_limit = "1000000"]
macro_rules! m { ($($t:tt)*) => { m!($($t)* $($t)*) }; }
fn square(_x: isize) -> isize { m!(a a) }
""",
    ),
    _row(
        "type-bomb",
        """
type A<T> = (T, T);
type B<T> = A<A<A<A<T>>>>;
type C<T> = B<B<B<B<T>>>>;
fn square(_x: isize) -> isize { std::any::type_name::<C<C<u8>>>().len() as isize }
""",
    ),
    _row(
        "procedural-macro",
        """
#![crate_type = "proc-macro"]
extern crate proc_macro;
#[proc_macro]
pub fn m(t: proc_macro::TokenStream) -> proc_macro::TokenStream { std::process::exit(0) }
"""
        + WRONG,
    ),
    _row(
        "nightly-features",
        "#![feature(start, lang_items, plugin)]\n#![plugin(evil)]" + WRONG,
        kinds=(COMPILE, VIOLATION),
    ),
    _row("linked-library", '#[link(name = "evil", kind = "static")]\nextern "C" {}' + WRONG, kinds=(COMPILE,)),
    _row(
        "loop",
        "fn square(x: isize) -> isize { let mut i = x; loop { i = std::hint::black_box(i.wrapping_add(1)); } }",
        kinds=(VerdictKind.TIMEOUT,),
    ),
    _row(
        "memory-bomb",
        """
fn square(_x: isize) -> isize {
    let mut a = Vec::new();
    for _ in 0..64 { a.push(vec![1u8; 1 << 26]); }
    a.len() as isize
}
""",
    ),
    _row(
        "thread-bomb",
        """
use std::{thread, time};
fn square(_x: isize) -> isize {
    for _ in 0..2000 {
        let _ = thread::Builder::new().spawn(|| thread::sleep(time::Duration::from_secs(60)));
    }
    0
}
""",
    ),
    _row(
        "processes",
        """
use std::process::Command;
fn square(x: isize) -> isize {
    match Command::new("/bin/sh").args(["-c", "echo x > @CANARY@/redteam-new"]).status() {
        Ok(s) if s.success() => x * x,
        _ => 0,
    }
}
""",
    ),
    _row(
        "socket",
        """
use std::net::TcpStream;
fn square(x: isize) -> isize { if TcpStream::connect("127.0.0.1:@PORT@").is_ok() { x * x } else { 0 } }
""",
    ),
    _row("all-answers", 'fn main() { println!("6\\n10\\n42"); }', "contains", task="rust_program"),
    _row("exit-at-once", "fn main() { std::process::exit(0); }", "prefix", task="rust_program"),
)
