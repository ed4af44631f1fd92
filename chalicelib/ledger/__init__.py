"""The change ledger: what was changed in the account, by whom, from where and with what, kept for 90 days."""
