import pytest

from benchmarks.rounds import interleaved, ratio
from benchmarks.tables import Table, as_markdown, as_text, refreshed, rounded

TABLE = Table(
    title="A title",
    columns=("who", "how many"),
    rows=[["ours", "1"], ["theirs", "22"]],
    notes=("a note",),
)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (0.012345, "0.0123"),
        (1.2345, "1.23"),
        (99.95, "100.0"),
        (1234.5, "1 234"),
        (1234567, "1 234 567"),
    ],
)
def test_three_digits_are_enough(value: float, said: str) -> None:
    assert rounded(value) == said


def test_figures_are_flush_right_on_a_terminal() -> None:
    assert as_text(TABLE).splitlines() == [
        "A title",
        "",
        "  who     how many",
        "  ------  --------",
        "  ours           1",
        "  theirs        22",
        "",
        "  a note",
    ]


def test_a_page_gets_the_same() -> None:
    assert as_markdown(TABLE).splitlines() == [
        "### A title",
        "",
        "| who | how many |",
        "| --- | ---: |",
        "| ours | 1 |",
        "| theirs | 22 |",
        "",
        "- a note",
    ]


def test_a_page_keeps_what_other_chapters_measured() -> None:
    page = "2 cores.\n\n### A title\n\nold\n\n### Another\n\nkept\n"
    new = Table(title="Third", columns=("who",), rows=[["ours"]])
    said = refreshed(page, [TABLE, new])
    first, *parts = said.split("### ")
    assert first == "2 cores.\n\n"
    assert [part.partition("\n")[0] for part in parts] == [
        "A title",
        "Another",
        "Third",
    ]
    assert f"### {parts[0]}" == as_markdown(TABLE) + "\n"
    assert parts[1] == "Another\n\nkept\n\n"
    assert refreshed(said, [TABLE, new]) == said


def test_each_round_measures_everybody_and_begins_with_another() -> None:
    order: list[str] = []

    def subject(name: str) -> float:
        order.append(name)
        return float(len(order))

    samples = interleaved(
        {name: lambda name=name: subject(name) for name in "abc"},  # type: ignore[misc]
        rounds=3,
    )
    assert "".join(order) == "abcbcacab"
    assert samples["a"] == [1.0, 6.0, 8.0]


def test_a_ratio_is_of_one_round() -> None:
    # The machine is ten times slower in the second round: the ratio stays.
    assert ratio([2.0, 20.0, 2.0], [1.0, 10.0, 1.0]) == 2.0
