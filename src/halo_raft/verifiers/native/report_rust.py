"""How a Rust program reports values; see `report_cc` for the form of a line."""

RUST_MODULE = r"""
#[allow(warnings)]
mod halo_raft {
    use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
    pub trait Value {
        fn value(&self) -> String;
    }
    fn tagged(tag: &str, text: String) -> String {
        let mut out = String::from(tag);
        out.push_str(&text);
        out
    }
    fn join(open: &str, parts: Vec<String>, close: &str) -> String {
        let mut out = String::from(open);
        for part in parts {
            out.push_str(&part);
            out.push(',');
        }
        out.push_str(close);
        out
    }
    fn sorted(mut parts: Vec<String>) -> String {
        parts.sort();
        join("{", parts, "}")
    }
    macro_rules! exact {
        ($($t:ty)*) => { $(impl Value for $t { fn value(&self) -> String { self.to_string() } })* };
    }
    exact!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize bool);
    macro_rules! float {
        ($($t:ty)*) => { $(impl Value for $t {
            fn value(&self) -> String {
                if *self == 0.0 { return String::from("f0"); }
                if self.is_nan() { return String::from("nan"); }
                tagged("f", self.to_string())
            }
        })* };
    }
    float!(f32 f64);
    impl Value for str {
        fn value(&self) -> String {
            let mut out = String::from("s");
            for byte in self.bytes() {
                out.push(char::from_digit((byte >> 4) as u32, 16).unwrap());
                out.push(char::from_digit((byte & 15) as u32, 16).unwrap());
            }
            out
        }
    }
    impl Value for String {
        fn value(&self) -> String { self.as_str().value() }
    }
    impl Value for char {
        fn value(&self) -> String { tagged("c", (*self as u32).to_string()) }
    }
    impl Value for () {
        fn value(&self) -> String { String::from("()") }
    }
    impl<T: Value + ?Sized> Value for &T {
        fn value(&self) -> String { (**self).value() }
    }
    impl<T: Value + ?Sized> Value for &mut T {
        fn value(&self) -> String { (**self).value() }
    }
    impl<T: Value + ?Sized> Value for Box<T> {
        fn value(&self) -> String { (**self).value() }
    }
    impl<T: Value + ToOwned + ?Sized> Value for std::borrow::Cow<'_, T> {
        fn value(&self) -> String { (**self).value() }
    }
    impl<T: Value> Value for Option<T> {
        fn value(&self) -> String {
            match self { Some(inner) => tagged("some", inner.value()), None => String::from("none") }
        }
    }
    impl<T: Value, E: Value> Value for Result<T, E> {
        fn value(&self) -> String {
            match self { Ok(inner) => tagged("ok", inner.value()), Err(inner) => tagged("err", inner.value()) }
        }
    }
    impl<T: Value> Value for [T] {
        fn value(&self) -> String { join("[", self.iter().map(Value::value).collect(), "]") }
    }
    impl<T: Value, const N: usize> Value for [T; N] {
        fn value(&self) -> String { self[..].value() }
    }
    macro_rules! sequence {
        ($($t:ident)*) => { $(impl<T: Value> Value for $t<T> {
            fn value(&self) -> String { join("[", self.iter().map(Value::value).collect(), "]") }
        })* };
    }
    sequence!(Vec VecDeque LinkedList);
    macro_rules! set {
        ($($t:ty),*) => { $(impl<T: Value> Value for $t {
            fn value(&self) -> String { sorted(self.iter().map(Value::value).collect()) }
        })* };
    }
    set!(HashSet<T>, BTreeSet<T>, BinaryHeap<T>);
    macro_rules! map {
        ($($t:ty),*) => { $(impl<K: Value, V: Value> Value for $t {
            fn value(&self) -> String {
                sorted(self.iter().map(|(k, v)| join("(", vec![k.value(), v.value()], ")")).collect())
            }
        })* };
    }
    map!(HashMap<K, V>, BTreeMap<K, V>);
    macro_rules! tuple {
        ($(($($t:ident $i:tt)*))*) => { $(impl<$($t: Value),*> Value for ($($t,)*) {
            fn value(&self) -> String { join("(", vec![$(self.$i.value()),*], ")") }
        })* };
    }
    tuple!((A 0) (A 0 B 1) (A 0 B 1 C 2) (A 0 B 1 C 2 D 3) (A 0 B 1 C 2 D 3 E 4) (A 0 B 1 C 2 D 3 E 4 F 5)
           (A 0 B 1 C 2 D 3 E 4 F 5 G 6) (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7));
    pub fn send(line: &str) {
        use std::io::Write;
        use std::os::unix::io::FromRawFd;
        let mut channel = std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(3) });
        if channel.write_all(line.as_bytes()).is_err() { std::process::abort() }
    }
    pub fn report<T: Value>(index: usize, it: T) {
        send(&join(&index.to_string(), vec![], &tagged(" ", tagged(&it.value(), String::from("\n")))));
    }
}
"""
