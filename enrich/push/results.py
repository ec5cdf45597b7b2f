"""What a push did, and what the ledger says of a destination, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class PushResult:
    """What a push did; `str` of it is for people.

    Parameters
    ----------
    findings
        Findings that were handed in.
    already_accepted
        Those of them that an earlier push has delivered.
    accepted
        Rows that the service confirmed now, those of earlier runs included.
    waiting
        Rows that stay in the outbox for the next push.
    in_doubt
        Those of them that were sent without an answer: they may have arrived.
    rejected
        Rows that were set aside, by this push or an earlier one.
    requests, retries
        Calls of the service, and how many of them were retries.
    problems
        Why rows wait or were rejected, in words.
    bookmarks_made, bookmarks_failed
        Bookmarks that are new, and those that could not be made.
    dry_run
        True if nothing was sent; `waiting` then counts the findings that would be sent.
    outbox
        In a dry run: rows of earlier runs that would be sent, too.
    """

    findings: int = 0
    already_accepted: int = 0
    accepted: int = 0
    waiting: int = 0
    in_doubt: int = 0
    rejected: int = 0
    requests: int = 0
    retries: int = 0
    problems: list[str] = field(default_factory=list)
    bookmarks_made: int = 0
    bookmarks_failed: int = 0
    dry_run: bool = False
    outbox: int = 0

    def add_problem(self, reason: str) -> None:
        """Note why something did not arrive, each reason once."""
        if reason not in self.problems:
            self.problems.append(reason)

    @property
    def exit_code(self) -> int:
        """0 all arrived, 1 nothing did, 3 some did."""
        if self.dry_run or not (self.waiting or self.rejected or self.bookmarks_failed):
            return 0
        return 3 if self.accepted or self.already_accepted else 1

    def __str__(self) -> str:
        """Say in one line what happened, and below it why anything did not."""
        if self.dry_run:
            figures = f"{self.waiting} of {self.findings} findings would be sent"
            if self.outbox:
                figures += f" and {self.outbox} rows that wait in the outbox"
        else:
            figures = f"{self.accepted} rows accepted"
        figures += f", {self.already_accepted} were there already"
        if self.waiting and not self.dry_run:
            figures += f", {self.waiting} wait in the outbox for the next push"
            figures += f" ({self.in_doubt} of them may have arrived)" if self.in_doubt else ""
        if self.rejected:
            figures += f", {self.rejected} were set aside (push --retry-rejected sends them again)"
        if self.requests:
            figures += f" ({self.requests} requests, {self.retries} of them repeated)"
        if self.bookmarks_made or self.bookmarks_failed:
            figures += f", {self.bookmarks_made} bookmarks made, {self.bookmarks_failed} failed"
        return "\n  ".join([figures, *self.problems])


@dataclass
class PushStatus:
    """What the ledger says of one destination; `str` of it is for people.

    Parameters
    ----------
    destination
        Endpoint, rule and table.
    accepted, waiting, in_doubt, rejected
        Rows by state. In doubt are those sent without an answer; they will be sent again.
    last_accepted_at, oldest_waiting_at
        ISO text, UTC, or None.
    problems
        Why rows wait or were rejected.
    """

    destination: str
    accepted: int = 0
    waiting: int = 0
    in_doubt: int = 0
    rejected: int = 0
    last_accepted_at: str | None = None
    oldest_waiting_at: str | None = None
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Say how many rows are in which state, and since when."""
        lines = [
            self.destination,
            f"accepted {self.accepted}, last at {self.last_accepted_at or '–'}",
            f"waiting {self.waiting}, in doubt {self.in_doubt}, oldest of "
            f"{self.oldest_waiting_at or '–'}",
            f"rejected {self.rejected}",
        ]
        return "\n  ".join(lines + self.problems)
