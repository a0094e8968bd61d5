"""Every statement of the founding documents, and every fault of their originals, has a test that names it."""

from tools.statements import STATEMENTS, by_statement


def test_every_statement_has_a_test_and_no_test_names_another() -> None:
    found = by_statement()
    assert [statement for statement, tests in found.items() if not tests] == []
    assert sorted(set(found) - set(STATEMENTS)) == []
    assert len(STATEMENTS) == 30 + 16 + 46 + 18
