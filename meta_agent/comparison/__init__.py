"""When two tables say the same: for agreeing drafts, and for the evaluation's judge."""
