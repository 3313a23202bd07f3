"""The simulation of the statistics, in small: its numbers are those that it promises to print."""

import pytest

from benchmarks import few_speakers


def test_it_prints_a_line_a_number_of_speakers(capsys):
    few_speakers.main(["--trials", "20", "--speakers", "4", "6"])
    header, four, six = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["speakers", "effective", "size"] and [line.split()[0] for line in (four, six)] == ["4", "6"]
    effective, size, one, both, detectable, true, ratio = map(float, four.split()[1:])
    assert effective == 4.0
    assert size == 0.0  # four speakers cannot reject
    assert one >= 70 and both >= 70 and ratio == pytest.approx(detectable / true, rel=0.02)
    assert detectable > float(six.split()[5])


def test_speakers_who_say_unequally_much_count_as_fewer(capsys):
    few_speakers.main(["--trials", "10", "--speakers", "6", "--uneven", "1.0"])
    row = capsys.readouterr().out.splitlines()[1].split()
    assert 1 < float(row[1]) < 5.5 and row[-2:] == ["–", "–"]
