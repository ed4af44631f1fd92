"""Reports: queries of Logs Insights that run by a schedule, are compared with the run before, and are told."""
