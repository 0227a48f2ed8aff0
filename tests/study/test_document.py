"""Configuration files are read strictly, quickly, and refused in one sentence with file and line."""

import random
import time

import pytest
import yaml

from conftest import ROOT, study_data
from lolameme.study import config, document
from lolameme.study.sections import ConfigError

GOOD = yaml.safe_dump(study_data(), sort_keys=False)
WRONG = [
    (b"study: a\nseeds: [1]\nstudy: b\n", r"line 3: key 'study' is given twice, first in line 1"),
    (b"variants:\n  a: {b: x}\n  b: {b: y}\n  a: {b: z}\n", r"line 4: key 'a' is given twice, first in line 2"),
    (b"study: a\ntraining: {steps: yes}\n", r"line 2: 'yes' is ambiguous: write true or false; quotes make it a word"),
    (b"training:\n  steps: 010\n", r"line 2: '010' is ambiguous: write decimal digits without a leading zero"),
    (b"training:\n  steps: 1:20\n", r"line 2: '1:20' is ambiguous"),
    (b"training:\n  steps: 1_000\n", r"line 2: '1_000' is ambiguous"),
    (b"training:\n  steps: 0x1F\n", r"line 2: '0x1F' is ambiguous"),
    (b"study: 2024-01-02\n", r"line 1: '2024-01-02' is ambiguous: YAML takes it for a timestamp; quotes"),
    (b"on: 1\n", r"line 1: 'on' is ambiguous"),
    (b"a:\n- &x [1, *x]\n", r"line 2: what is anchored here holds itself; write it out"),
    (b"a: 1\n\tb: 2\n", r"line 2: no valid YAML: .*a tab, where spaces are needed"),
    (b"a: 1\n---\nb: 2\n", r"line 2: a second document begins"),
    (b"a: *x\n", r"line 1: no valid YAML: found undefined alias"),
    (b"a: !!python/object:os.system {}\n", r"line 1: tags such as .* are not read"),
    (b"a: 1\nb: \xff\xfe\n", r"line 2: byte 0xff is no UTF-8; save the file as UTF-8"),
    (b"a: 1\nb: \x00\n", r"line 2: no valid YAML: the character U\+0000 is not allowed"),
    (b"a: [\n", r"line 2: no valid YAML: while parsing a flow node"),
    (b"a: {" * 900, r"line 1: more than 40 levels; a configuration needs fewer"),
    (b"a: " + b"9" * 5001, r"line 1: '9+ \.\.\. \(5003 characters\) has 5001 digits"),
    (b"# " + b"x" * 2**21, r"more than 1048576 bytes are too many for a configuration"),
    (b"010\n", r"expected a mapping of keys, such as `study: quick`, got a scalar$"),
    (b"- 010\n- 1:20\n", r"expected a mapping of keys, such as `study: quick`, got a sequence$"),
    (b"? [a]\n: 1\n", r"line 1: a key is a list or a mapping; keys are words"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "sentence"), WRONG, ids=[sentence[:40] for _, sentence in WRONG])
def test_what_yaml_reads_as_something_else_is_refused_with_its_line(tmp_path, content, sentence):
    (tmp_path / "study.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=rf"study\.yaml(, )?:? ?{sentence}") as caught:
        document.read(tmp_path / "study.yaml")
    assert "\n" not in str(caught.value)


def test_nine_levels_of_aliases_are_refused_at_once(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    (tmp_path / "study.yaml").write_text("\n".join(lines))
    begun = time.perf_counter()
    with pytest.raises(ConfigError, match="stands for more than 100000 values by its aliases"):
        document.read(tmp_path / "study.yaml")
    assert time.perf_counter() - begun < 1


def test_what_is_meant_is_read(tmp_path):
    text = "\ufeffa: true\nb: 'yes'\nx: &x {y: 1}\nz: {<<: *x, w: *x}\n"
    text += "c: [0, -3, 1.5, 2.0e-3, 1e-3, .5, null, ~, thex-*, '010', \"1:20\"]\nd:\n"
    (tmp_path / "study.yaml").write_text(text)
    read = document.read(tmp_path / "study.yaml")
    values = [0, -3, 1.5, 0.002, "1e-3", 0.5, None, None, "thex-*", "010", "1:20"]
    assert read == {
        "a": True, "b": "yes", "x": {"y": 1}, "z": {"y": 1, "w": {"y": 1}}, "c": values, "d": None,
    }  # fmt: skip


@pytest.mark.parametrize("path", ["config.yaml", "studies/cpu.yaml", "studies/gpu.yaml", "studies/paper.yaml"])
def test_the_studies_mean_the_same_to_every_reader(path):
    assert document.read(ROOT / path) == yaml.safe_load((ROOT / path).read_text())


VALUES = [
    "yes", "010", "1:20", "10000000000000000000", "-1", "1.5", ".inf", "[]", "{}", "null", "''", '"\\u202E"', '"\\0"',
    "'$^'", "'<b>'", "[1, 1]", "[1, 1000000000]", "1.0e-9", "x" * 100_000, "9" * 6000, "&a b", "*a", "!!x y", "'a: b'",
    "[" * 60, "\t", "'{x}'", "2001-01-01", "[[[]]]", "{a: 1, a: 2}", "0", "'" + "é" * 300 + "'",
]  # fmt: skip


def malformed(seed: int) -> str:
    """A configuration with one to three accidents: values, lines and bytes that somebody might leave in it."""
    chance = random.Random(seed)
    lines = GOOD.splitlines()
    for _ in range(chance.randint(1, 3)):
        i = chance.randrange(len(lines))
        accident = chance.randrange(5)
        if accident < 2 and ": " in lines[i]:
            lines[i] = f"{lines[i].partition(':')[0]}: {chance.choice(VALUES)}"
        elif accident == 2:
            lines.insert(i, lines[chance.randrange(len(lines))])
        elif accident == 3:
            lines[i] = chance.choice([" ", "\t", "- ", "? "]) + lines[i]
        else:
            place = chance.randrange(len(lines[i]) + 1)
            lines[i] = lines[i][:place] + chance.choice("{}[]:&*!|>%@`\"'#,\x00\u202e") + lines[i][place:]
    return "\n".join(lines)


@pytest.mark.slow
def test_three_hundred_malformed_configurations_are_accepted_or_refused_in_one_short_sentence(tmp_path):
    path, refused = tmp_path / "study.yaml", 0
    for seed in range(300):
        path.write_text(malformed(seed))
        begun = time.process_time()
        try:
            config.load(path)
        except ConfigError as error:
            refused += 1
            said = str(error)
            assert said.startswith(str(path)), seed
            assert "\n" not in said, seed
            assert len(said) < 1300 + len(str(path)), seed
        assert time.process_time() - begun < 5, seed
    assert refused > 200


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("training", "steps"), 10**18),
        (("training", "betas"), [1, 1]),
        (("model", "inner"), 1e-9),
        (("model", "hyena", "filter_width"), 10**12),
        (("seeds",), [10**20]),
        (("variants", "recall", "about"), ""),
        (("variants", "recall", "about"), "<script>"),
        (("variants", "recall", "program", "assignments"), [1, 10**9]),
        (("languages", "lola", "end"), "$^"),
        (("languages", "lola", "end"), "\u202e"),
        (("languages", "lola", "end"), "\0"),
        (("languages", "lola", "end"), "⇧"),
        (("variants", "recall", "world", "types"), 9),
        (("variants", "recall", "world"), {"stems": 10_000, "heads": 10_000}),
        (("contrasts",), [{"name": "<b>", "above": ["gpt2"], "below": ["hyena"]}]),
    ],
)
def test_what_could_only_fail_later_is_refused(keys, value):
    data = study_data()
    place = data
    for key in keys[:-1]:
        place = place.setdefault(key, {})
    place[keys[-1]] = value
    with pytest.raises(ConfigError, match=rf"^configuration: {keys[0]}"):
        config.parse(data)


def test_a_device_that_never_ends_is_not_read_to_its_end():
    with pytest.raises(ConfigError, match=r"/dev/zero: more than 1048576 bytes are too many for a configuration"):
        document.read("/dev/zero")
