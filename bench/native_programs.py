"""Tasks and programs of `verify_native.py`: our own, short, as models write them.

A task has samples that differ in their text, the last of them wrong. Numbers tell tasks and samples apart, so that
nothing is remembered of one for another.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

INPUT = "6\n5 3 5 1 2 5\n"
SAMPLES = 3
"""Of a task; the last one is wrong."""
CPP_PROGRAM = """#include <bits/stdc++.h>
using namespace std;
int main() {{
    ios::sync_with_stdio(false);
    cin.tie(nullptr);
    int n;
    cin >> n;
    vector<long long> values(n);
    for (auto& value : values) cin >> value;
    map<long long, int> seen;
    for (auto value : values) seen[value]++;
    sort(values.begin(), values.end());
    long long total{sample} = {task};
    for (auto& [value, times] : seen) total{sample} += value * times;
    cout << total{sample} + {wrong} << "\\n" << values[n / 2] << "\\n";
    return 0;
}}
"""
RUST_PROGRAM = """use std::collections::BTreeMap;
use std::io::{{self, Read}};
fn main() {{
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).unwrap();
    let mut values: Vec<i64> = text.split_whitespace().skip(1).map(|word| word.parse().unwrap()).collect();
    let mut seen: BTreeMap<i64, i64> = BTreeMap::new();
    for value in &values {{
        *seen.entry(*value).or_insert(0) += 1;
    }}
    values.sort();
    let total{sample}: i64 = {task} + seen.iter().map(|(value, times)| value * times).sum::<i64>();
    println!("{{}}", total{sample} + {wrong});
    println!("{{}}", values[values.len() / 2]);
}}
"""
GO_PROGRAM = """package main

import (
	"bufio"
	"fmt"
	"os"
	"sort"
)

func main() {{
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	values := make([]int, n)
	seen := map[int]int{{}}
	for i := range values {{
		fmt.Fscan(in, &values[i])
		seen[values[i]]++
	}}
	sort.Ints(values)
	total{sample} := {task}
	for value, times := range seen {{
		total{sample} += value * times
	}}
	fmt.Println(total{sample} + {wrong})
	fmt.Println(values[n/2])
}}
"""
CPP_PROMPT = """#include <bits/stdc++.h>
using namespace std;
// Return the values in order, each of them once, and {task} behind them.
vector<long long> distinct_{task}(vector<long long> values) {{
"""
CPP_FUNCTION = """#include <bits/stdc++.h>
using namespace std;
vector<long long> distinct_{task}(vector<long long> values) {{
    set<long long> kept{sample}(values.begin(), values.end());
    vector<long long> out(kept{sample}.begin(), kept{sample}.end());
    out.push_back({task} + {wrong});
    return out;
}}
"""
CPP_ASSERTS = """}}
int main() {{
    auto candidate = distinct_{task};
    assert(candidate((vector<long long>({{(long)3, (long)1, (long)3}}))) == (vector<long long>({{1, 3, {task}}})));
    assert(candidate((vector<long long>())) == (vector<long long>({{{task}}})));
    assert(candidate((vector<long long>({{(long)7, (long)7, (long)7}}))) == (vector<long long>({{7, {task}}})));
    assert(candidate((vector<long long>({{(long)-2, (long)9}}))) == (vector<long long>({{-2, 9, {task}}})));
}}
"""
CPP_LOOP = """}}
int main() {{
    for (long long size = 0; size < 20; size++) {{
        vector<long long> values, expected;
        for (long long value = 0; value < size; value++) values.push_back(size - value), expected.push_back(value + 1);
        expected.push_back({task});
        assert(distinct_{task}(values) == expected);
    }}
    assert(distinct_{task}({{4, 4}}).size() == 2);
}}
"""
"""Tests that are no list of checks: they share the candidate's process."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """One way of judging.

    Attributes:
        title: In words.
        verifier: Name of ours.
        language: Of the programs.
        program: Template of a sample.
        flags: Of the plain compiler: those that ours gives, as far as they change what it does.
        prompt, tests: Templates of a task with tests; one without is judged by what its programs print.
    """

    title: str
    verifier: str
    language: str
    program: str
    flags: tuple[str, ...]
    prompt: str = "Print the sum and the median."
    tests: str | None = None

    @property
    def plain(self) -> str:
        """What the plain contender calls."""
        return {"cpp": "g++", "rust": "rustc", "go": "go build"}[self.language]

    def samples(self, task: int) -> Iterator[str]:
        """Yield the samples of a task."""
        for sample in range(SAMPLES):
            yield self.program.format(task=task, sample=sample, wrong=int(sample == SAMPLES - 1))

    def row(self, task: int) -> dict[str, object]:
        """Return the fields of a task."""
        judged_by: dict[str, object] = {"tests": self.tests.format(task=task)} if self.tests else {}
        if not self.tests:
            judged_by = {"test_cases": ({"stdin": INPUT, "expected_output": expected(task)},)}
        prompt = self.prompt.format(task=task)
        return {"task_id": f"{self.language}/{task}", "prompt": prompt, "language": self.language, **judged_by}


def expected(task: int) -> str:
    """Return what a right program of a task prints."""
    values = sorted(map(int, INPUT.split()[1:]))
    return f"{task + sum(values)}\n{values[len(values) // 2]}\n"


_CPP = {"verifier": "gcc", "language": "cpp"}
_FUNCTION = {**_CPP, "program": CPP_FUNCTION, "flags": ("-w",), "prompt": CPP_PROMPT}
KINDS = {
    "prints": Kind("C++ that prints", **_CPP, program=CPP_PROGRAM, flags=("-Wall", "-DONLINE_JUDGE")),
    "asserts": Kind("C++, a list of asserts", **_FUNCTION, tests=CPP_ASSERTS),
    "shared": Kind("C++, tests in the program's process", **_FUNCTION, tests=CPP_LOOP),
    "rust": Kind("Rust that prints", "rust", "rust", RUST_PROGRAM, ("--edition=2021", "-Ccodegen-units=1")),
    "go": Kind("Go that prints", "go", "go", GO_PROGRAM, ("-ldflags=-s -w",)),
}
