"""What AWS's services report, one small module for each kind: from the report to a signal, pure."""
