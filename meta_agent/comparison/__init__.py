"""When two tables say the same (agreeing drafts, the evaluation's judge), and what changed since."""
