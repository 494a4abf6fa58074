"""Users, their sessions, tokens and audit trail."""
